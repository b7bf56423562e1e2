package xmltext

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// jsonURI is the namespace by which a document tells the converter things, such
// as that an element is an array.
const jsonURI = "http://james.newtonking.com/projects/json"

// maxJSONDepth leaves room around the result within what value.Parse reads.
const maxJSONDepth = value.MaxDepth - 16

// ToJSON converts a document to an object as Newtonsoft's SerializeXmlNode does:
// attributes are @name, repeated names become arrays, text is #text where it is
// not alone, and <a/> is null where <a></a> is "". All leaves are strings.
func ToJSON(text string) (value.Value, error) {
	document, err := parse(text)
	if err != nil {
		return value.Value{}, err
	}
	c := &toJSON{namespaces: newNamespaces()}
	object := value.NewObject(2)
	c.group(document.children, setter(object))
	if c.err != nil {
		return value.Value{}, c.err
	}
	return object.Build(), nil
}

type toJSON struct {
	namespaces *namespaces
	depth      int
	err        error
}

// emit takes a converted node: into an object under its name, or into an array.
type emit func(name string, v value.Value)

func setter(object *value.Builder) emit {
	return func(name string, v value.Value) { object.Set(name, v) }
}

// enter counts one more level of JSON.
func (c *toJSON) enter() bool {
	if c.depth++; c.depth > maxJSONDepth && c.err == nil {
		c.err = errDepth
	}
	return c.err == nil
}

// group converts siblings; those of one name become an array where the first of
// them stands.
func (c *toJSON) group(siblings []*node, to emit) {
	var names []string
	groups := map[string][]*node{}
	for _, n := range siblings {
		name := c.name(n)
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], n)
	}
	for _, name := range names {
		nodes := groups[name]
		if len(nodes) == 1 && !isArray(nodes[0]) {
			c.node(nodes[0], to)
			continue
		}
		if !c.enter() {
			return
		}
		items := []value.Value{}
		for _, n := range nodes {
			c.node(n, func(_ string, v value.Value) { items = append(items, v) })
		}
		c.depth--
		to(name, value.Array(items...))
	}
}

func (c *toJSON) node(n *node, to emit) {
	switch n.kind {
	case elementNode:
		c.element(n, to)
	case commentNode: // becomes a comment of the JSON text, which nobody reads
	case declarationNode:
		parts := value.NewObject(3)
		for _, a := range n.attributes {
			parts.Set("@"+a.local, value.String(a.value))
		}
		to(c.name(n), parts.Build())
	default:
		if n.uri == xmlnsURI && n.value == jsonURI || n.uri == jsonURI && n.local == "Array" {
			return
		}
		to(c.name(n), value.String(n.value))
	}
}

func (c *toJSON) element(n *node, to emit) {
	if isArray(n) && len(n.children) > 0 && allNamedAs(n) {
		c.group(n.children, to)
		return
	}
	c.namespaces.push()
	defer c.namespaces.pop()
	silent := true // no attribute that has a say in the result
	for _, a := range n.attributes {
		prefix, declares := a.declares()
		if declares {
			if err := c.namespaces.add(DecodeName(prefix), a.value); err != nil && c.err == nil {
				c.err = err
			}
		}
		silent = silent && (a.uri == jsonURI || declares && a.value == jsonURI)
	}
	name := c.name(n)
	switch {
	case silent && len(n.children) == 1 && n.children[0].kind == textNode:
		to(name, value.String(n.children[0].value))
	case len(n.children) == 0 && len(n.attributes) == 0 && n.empty:
		to(name, value.Null())
	case len(n.children) == 0 && len(n.attributes) == 0:
		to(name, value.String(""))
	case c.enter():
		object := value.NewObject(len(n.attributes) + len(n.children))
		for _, a := range n.attributes {
			c.node(a, setter(object))
		}
		c.group(n.children, setter(object))
		c.depth--
		to(name, object.Build())
	}
}

// name returns the key of a node. Names come back decoded, and their prefix is
// the one that the namespace has here.
func (c *toJSON) name(n *node) string {
	sign := ""
	switch n.kind {
	case textNode:
		return "#text"
	case cdataNode:
		return "#cdata-section"
	case whitespaceNode:
		return "#significant-whitespace"
	case commentNode:
		return "#comment"
	case declarationNode:
		return "?xml"
	case instructionNode:
		return "?" + DecodeName(n.local)
	case attributeNode:
		sign = "@"
	}
	if n.uri == jsonURI {
		return "$" + n.local
	}
	local := DecodeName(n.local)
	if prefix, declares := n.declares(); declares && prefix == "" && n.kind == attributeNode {
		return sign + local
	}
	if prefix, _ := c.namespaces.prefix(n.uri); prefix != "" {
		return sign + prefix + ":" + local
	}
	return sign + local
}

// isArray tells whether an element says json:Array="true" of itself.
func isArray(n *node) bool {
	for _, a := range n.attributes {
		if a.uri == jsonURI && a.local == "Array" {
			v := strings.Trim(a.value, space)
			return v == "true" || v == "1"
		}
	}
	return false
}

func allNamedAs(n *node) bool {
	for _, child := range n.children {
		if child.kind != elementNode || child.local != n.local {
			return false
		}
	}
	return true
}
