package xsd

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// Compile compiles a schema document and those it refers to. The error joins all
// that is wrong, each an *Error.
func Compile(docName, text string, load Loader) (*Schema, error) {
	s := newSet(load)
	if _, err := s.add(docName, text, "", false); err != nil {
		return nil, errors.Join(append(s.problems, err)...)
	}
	b := &builder{set: s, schema: &Schema{
		elements: map[name]*element{}, attributes: map[name]*attribute{}, types: map[name]schemaType{},
		substitutes: map[name][]*element{}, spaces: s.spaces,
	}}
	maps.Copy(b.schema.types, builtinTypes)
	for _, n := range slices.SortedFunc(maps.Keys(s.declared["type"]), byName) {
		b.typeNamed(n)
	}
	for _, n := range slices.SortedFunc(maps.Keys(s.declared["attribute"]), byName) {
		b.attributeNamed(n)
	}
	for _, n := range slices.SortedFunc(maps.Keys(s.declared["element"]), byName) {
		b.elementNamed(n)
	}
	for len(b.later) > 0 {
		next := b.later[0]
		b.later = b.later[1:]
		next()
	}
	b.substitutions()
	if len(s.problems) > 0 {
		return nil, errors.Join(s.problems...)
	}
	return b.schema, nil
}

func byName(x, y name) int {
	if c := strings.Compare(x.Space, y.Space); c != 0 {
		return c
	}
	return strings.Compare(x.Local, y.Local)
}

// builder makes components of declarations, each once.
type builder struct {
	*set
	schema *Schema
	// later holds the types of elements: an element may stand inside of its own
	// type, or of one that extends it.
	later  []func()
	depth  int
	count  int           // of particles
	groups map[name]bool // being expanded
}

// resolve reads a reference to a component.
func (b *builder) resolve(d *document, n *xmltree.Node, text string) (name, bool) {
	q, ok := n.QName(text)
	if !ok {
		b.fail(d, n, "The name '%s' is not valid, or its prefix is not declared.", text)
		return q, false
	}
	if q.Space == "" && d.chameleon {
		q.Space = d.space
	}
	return q, true
}

func (b *builder) typeReference(d *document, n *xmltree.Node, text string) schemaType {
	q, ok := b.resolve(d, n, text)
	if !ok {
		return anyType
	}
	t := b.typeNamed(q)
	if t == nil {
		b.fail(d, n, "Type '%s' is not declared.", show(q))
		return anyType
	}
	return t
}

// typeNamed returns a type of the top, or nil.
func (b *builder) typeNamed(q name) schemaType {
	if t, ok := b.schema.types[q]; ok {
		return t
	}
	d, ok := b.declared["type"][q]
	if !ok {
		return nil
	}
	if d.node.Name.Local == "simpleType" {
		t := &simpleType{name: q, building: true}
		b.schema.types[q] = t
		b.simpleType(d.doc, d.node, t)
		return t
	}
	t := &complexType{name: q, building: true}
	b.schema.types[q] = t
	b.complexType(d.doc, d.node, t)
	return t
}

func (b *builder) elementNamed(q name) *element {
	if e, ok := b.schema.elements[q]; ok {
		return e
	}
	d, ok := b.declared["element"][q]
	if !ok {
		return nil
	}
	e := &element{name: q}
	b.schema.elements[q] = e
	b.describe(d.doc, d.node, e)
	return e
}

// describe fills in an element declaration.
func (b *builder) describe(d *document, n *xmltree.Node, e *element) {
	e.nillable = isTrue(n.Get("nillable"))
	e.abstract = isTrue(n.Get("abstract"))
	e.value = valueConstraint(n)
	e.typ = anyType
	if head, ok := n.Attr("substitutionGroup"); ok {
		e.head, _ = b.resolve(d, n, head)
	}
	b.later = append(b.later, func() {
		if typ, ok := n.Attr("type"); ok {
			e.typ = b.typeReference(d, n, typ)
		} else if e.head.Local != "" {
			if head := b.elementNamed(e.head); head != nil && b.declared["element"][e.head].node.Get("type") != "" {
				e.typ = b.typeReference(b.declared["element"][e.head].doc, b.declared["element"][e.head].node, b.declared["element"][e.head].node.Get("type"))
			}
		}
		for _, c := range components(n) {
			switch c.Name.Local {
			case "simpleType":
				e.typ = b.anonymousSimple(d, c)
			case "complexType":
				t := &complexType{building: true}
				b.complexType(d, c, t)
				e.typ = t
			case "unique", "key", "keyref":
				if k := b.identity(d, c); k != nil {
					e.keys = append(e.keys, k)
				}
			default:
				b.fail(d, c, "The '%s' element is not supported in this context.", c.Name.Local)
			}
		}
	})
}

func (b *builder) anonymousSimple(d *document, n *xmltree.Node) *simpleType {
	t := &simpleType{building: true}
	b.simpleType(d, n, t)
	return t
}

func isTrue(s string) bool {
	s = strings.TrimSpace(s)
	return s == "true" || s == "1"
}

func valueConstraint(n *xmltree.Node) constraint {
	if v, ok := n.Attr("fixed"); ok {
		return constraint{text: v, given: true, fixed: true}
	}
	v, ok := n.Attr("default")
	return constraint{text: v, given: ok}
}

func (b *builder) attributeNamed(q name) *attribute {
	if a, ok := b.schema.attributes[q]; ok {
		return a
	}
	if q.Space == xmltree.XMLSpace {
		return xmlAttributes[q.Local]
	}
	d, ok := b.declared["attribute"][q]
	if !ok {
		return nil
	}
	a := &attribute{name: q, value: valueConstraint(d.node)}
	b.schema.attributes[q] = a
	a.typ = b.attributeType(d.doc, d.node)
	return a
}

// xmlAttributes are those of the xml namespace, which need no schema.
var xmlAttributes = map[string]*attribute{
	"lang":  {name: name{Space: xmltree.XMLSpace, Local: "lang"}, typ: builtin("string")},
	"space": {name: name{Space: xmltree.XMLSpace, Local: "space"}, typ: builtin("NCName")},
	"base":  {name: name{Space: xmltree.XMLSpace, Local: "base"}, typ: builtin("anyURI")},
	"id":    {name: name{Space: xmltree.XMLSpace, Local: "id"}, typ: builtin("ID")},
}

func (b *builder) attributeType(d *document, n *xmltree.Node) *simpleType {
	for _, c := range components(n) {
		if c.Name.Local == "simpleType" {
			return b.anonymousSimple(d, c)
		}
	}
	if text, ok := n.Attr("type"); ok {
		if t, ok := b.typeReference(d, n, text).(*simpleType); ok {
			return t
		}
		b.fail(d, n, "The type '%s' of an attribute must be a simple type.", text)
	}
	return anySimpleType
}

// substitutions lists for each head what may stand for it.
func (b *builder) substitutions() {
	for _, n := range slices.SortedFunc(maps.Keys(b.schema.elements), byName) {
		e := b.schema.elements[n]
		seen := map[name]bool{}
		for head := e.head; head.Local != "" && !seen[head]; {
			seen[head] = true
			h := b.schema.elements[head]
			if h == nil {
				d := b.declared["element"][n]
				b.fail(d.doc, d.node, "The element '%s', whose place '%s' is to take, is not declared.", show(head), show(n))
				break
			}
			b.schema.substitutes[head] = append(b.schema.substitutes[head], e)
			head = h.head
		}
	}
}

// occurs reads the bounds of a particle.
func (b *builder) occurs(d *document, n *xmltree.Node) (low, high int) {
	read := func(attr string) int {
		text, ok := n.Attr(attr)
		if !ok {
			return 1
		}
		if strings.TrimSpace(text) == "unbounded" && attr == "maxOccurs" {
			return unbounded
		}
		v, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || v < 0 {
			b.fail(d, n, "The '%s' attribute is invalid - The value '%s' is invalid.", attr, text)
			return 1
		}
		return v
	}
	low, high = read("minOccurs"), read("maxOccurs")
	if high != unbounded && low > high {
		b.fail(d, n, "minOccurs value cannot be greater than maxOccurs value.")
	}
	return low, high
}
