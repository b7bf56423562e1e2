// Package flatfile converts between flat files and XML by the annotations that
// BizTalk's schema editor writes: delimited and positional records, tags, infix,
// prefix and postfix delimiters, padding, wrap and escape characters, records that
// repeat, and choices.
//
// A flat file is text in which records and fields follow each other as the schema
// says. The schema alone decides; data types are not checked.
package flatfile

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
	"github.com/latchwork/latchwork/shared/operation/xsd"
)

// annotations is the namespace of what BizTalk adds to a schema.
const annotations = "http://schemas.microsoft.com/BizTalk/2003"

// Bounds of what a schema may describe, and of what one conversion may do.
const (
	maxNodes  = 10_000
	maxDepth  = 60
	unbounded = -1
)

// Schema is a compiled schema.
type Schema struct {
	root            *node
	suppressEmpty   bool
	generateEmpty   bool
	earlyTerminated bool // positional records may end early
}

// node is a record or a field of a flat file, or a group of them.
type node struct {
	kind      kind
	name      xmltree.Name
	attribute bool
	min, max  int // max < 0: unbounded
	children  []*node
	sequence  int // its place among its siblings, where the schema numbers them

	// Of records.
	positional       bool
	delimiter        string
	order            order
	tag              string
	tagOffset        int
	escape           string
	suppressTrailing bool
	wraps            []string // wrap characters of the fields inside
	delimiters       []string // its own and those of the records inside
	outer            []string // those of the records around it, and its own
	// least is how many parts a node takes at least, among those of the record that it
	// stands in; after[i] is that of all children behind children[i].
	least int
	after []int

	// Of fields.
	offset, length int
	right          bool // justified
	pad            string
	padded         bool // a field of its own says so
	wrap           string
}

type kind uint8

const (
	field kind = iota
	record
	sequence // of what stands in a record without a record of its own
	choice
)

type order uint8

const (
	infix order = iota
	postfix
	prefix
)

// Compile reads a schema from its documents, the one that is meant first.
func Compile(name, text string, load xsd.Loader) (*Schema, error) {
	roots, err := xsd.Documents(name, text, load)
	if err != nil {
		return nil, err
	}
	c := &compiler{declared: map[string]map[xmltree.Name]placed{}}
	for _, root := range roots {
		c.declare(root)
	}
	return c.schema(roots[0])
}

type placed struct{ node, document *xmltree.Node }

type compiler struct {
	declared map[string]map[xmltree.Name]placed // by element, type, group
	info     *xmltree.Node                      // schemaInfo
	count    int
}

func (c *compiler) declare(document *xmltree.Node) {
	space := document.Get("targetNamespace")
	for _, n := range document.Children {
		what := n.Name.Local
		if what == "complexType" || what == "simpleType" {
			what = "type"
		}
		if c.declared[what] == nil {
			c.declared[what] = map[xmltree.Name]placed{}
		}
		key := xmltree.Name{Space: space, Local: n.Get("name")}
		if _, known := c.declared[what][key]; !known {
			c.declared[what][key] = placed{n, document}
		}
	}
}

// note returns an annotation of a node, or an empty one.
func note(n *xmltree.Node, name string) *xmltree.Node {
	for _, a := range n.Children {
		for _, info := range a.Children {
			for _, x := range info.Children {
				if a.Name.Local == "annotation" && info.Name.Local == "appinfo" && x.Name == (xmltree.Name{Space: annotations, Local: name}) {
					return x
				}
			}
		}
	}
	return &xmltree.Node{}
}

func (c *compiler) schema(document *xmltree.Node) (*Schema, error) {
	c.info = note(document, "schemaInfo")
	if c.info.Get("standard") != "Flat File" {
		return nil, errors.New("it has no annotations of a flat file")
	}
	var top *xmltree.Node
	wanted := c.info.Get("root_reference")
	for _, n := range document.Children {
		if n.Name.Local == "element" && top == nil && (wanted == "" || n.Get("name") == wanted) {
			top = n
		}
	}
	if top == nil {
		return nil, fmt.Errorf("its root element '%s' is not declared", wanted)
	}
	root, err := c.element(top, document, true, 0)
	if err != nil {
		return nil, err
	}
	if root.kind != record {
		return nil, fmt.Errorf("its root element '%s' is no record", root.name.Local)
	}
	root.min, root.max = 1, 1
	root.finish(nil, "")
	is := func(name string) bool { return isTrue(c.info.Get(name)) }
	return &Schema{root: root, suppressEmpty: is("suppress_empty_nodes"), generateEmpty: is("generate_empty_nodes"), earlyTerminated: is("allow_early_termination")}, nil
}

func isTrue(s string) bool { return s == "true" || s == "1" }

// resolve finds what a name in a schema refers to.
func (c *compiler) resolve(what string, at *xmltree.Node, text string) (placed, bool) {
	q, ok := at.QName(text)
	if !ok {
		return placed{}, false
	}
	p, ok := c.declared[what][q]
	return p, ok
}

func bounds(n *xmltree.Node) (low, high int, err error) {
	low, high = 1, 1
	if s, ok := n.Attr("minOccurs"); ok {
		if low, err = strconv.Atoi(s); err != nil || low < 0 {
			return 0, 0, fmt.Errorf("the minOccurs '%s' is no number", s)
		}
	}
	if s, ok := n.Attr("maxOccurs"); s == "unbounded" {
		high = unbounded
	} else if ok {
		if high, err = strconv.Atoi(s); err != nil || high < 0 {
			return 0, 0, fmt.Errorf("the maxOccurs '%s' is no number", s)
		}
	}
	return low, high, nil
}

// element compiles an element: a record if it has others inside, else a field.
func (c *compiler) element(n, document *xmltree.Node, top bool, depth int) (*node, error) {
	if c.count++; c.count > maxNodes || depth > maxDepth {
		return nil, errors.New("it is too complex, or contains itself")
	}
	low, high, err := bounds(n)
	if err != nil {
		return nil, err
	}
	if ref := n.Get("ref"); ref != "" {
		p, ok := c.resolve("element", n, ref)
		if !ok {
			return nil, fmt.Errorf("the element '%s' is not declared", ref)
		}
		x, err := c.element(p.node, p.document, true, depth+1)
		if err != nil {
			return nil, err
		}
		x.min, x.max = low, high
		return x, nil
	}
	x := &node{kind: field, name: xmltree.Name{Local: n.Get("name")}, min: low, max: high}
	if x.name.Local == "" {
		return nil, errors.New("an element has no name")
	}
	if top || n.Get("form") == "qualified" || n.Get("form") == "" && document.Get("elementFormDefault") == "qualified" {
		x.name.Space = document.Get("targetNamespace")
	}
	body, home := n, document
	if name := n.Get("type"); name != "" {
		if p, ok := c.resolve("type", n, name); ok && p.node.Name.Local == "complexType" {
			body, home = p.node, p.document
		}
	}
	if body == n {
		for _, child := range n.Children {
			if child.Name.Local == "complexType" {
				body = child
			}
		}
	}
	if body == n {
		return x, c.field(x, note(n, "fieldInfo"))
	}
	x.kind = record
	if x.children, err = c.children(body, home, depth+1); err != nil {
		return nil, err
	}
	return x, c.record(x, note(n, "recordInfo"))
}

// children compiles what is inside a complex type or a group.
func (c *compiler) children(n, document *xmltree.Node, depth int) ([]*node, error) {
	if c.count++; c.count > maxNodes || depth > maxDepth {
		return nil, errors.New("it is too complex, or contains itself")
	}
	var list []*node
	for _, child := range n.Children {
		var more []*node
		var err error
		switch child.Name.Local {
		case "annotation", "anyAttribute":
		case "element":
			more = make([]*node, 1)
			more[0], err = c.element(child, document, false, depth+1)
		case "attribute":
			more, err = c.attributeNode(child, document)
		case "sequence", "choice", "all":
			more, err = c.groupNode(child, document, depth+1)
		case "group":
			p, ok := c.resolve("group", child, child.Get("ref"))
			if !ok {
				return nil, fmt.Errorf("the group '%s' is not declared", child.Get("ref"))
			}
			more, err = c.children(p.node, p.document, depth+1)
		default:
			err = fmt.Errorf("'%s' has no meaning in a flat file here", child.Name.Local)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

func (c *compiler) attributeNode(n, document *xmltree.Node) ([]*node, error) {
	x := &node{kind: field, attribute: true, name: xmltree.Name{Local: n.Get("name")}, max: 1}
	if n.Get("use") == "required" {
		x.min = 1
	}
	if x.name.Local == "" {
		return nil, errors.New("an attribute has no name")
	}
	if n.Get("form") == "qualified" {
		x.name.Space = document.Get("targetNamespace")
	}
	return []*node{x}, c.field(x, note(n, "fieldInfo"))
}

// groupNode compiles a sequence or choice. A sequence that occurs once is what is
// in it.
func (c *compiler) groupNode(n, document *xmltree.Node, depth int) ([]*node, error) {
	low, high, err := bounds(n)
	if err != nil {
		return nil, err
	}
	children, err := c.children(n, document, depth)
	if err != nil {
		return nil, err
	}
	x := &node{kind: sequence, min: low, max: high, children: children}
	switch {
	case n.Name.Local == "choice":
		x.kind = choice
	case low == 1 && high == 1:
		return children, nil
	}
	x.collect()
	return []*node{x}, nil
}
