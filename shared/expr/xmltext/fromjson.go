package xmltext

import (
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

const (
	errRoots     failure = "JSON root object has multiple properties. The root object must have a single property in order to create a valid XML document."
	errNoRoot    failure = "Root element is missing."
	errPlacement failure = "The specified node cannot be inserted as the valid child of this node, because the specified node is the wrong type."
	errScalar    failure = "Cannot get an XML string value from an object or an array."
)

// FromJSON converts an object to a document as Newtonsoft's DeserializeXmlNode
// does. The object has one member, the root: keys that begin with @ are
// attributes, #text and #cdata-section are what they say, ?xml and
// other keys with ? are instructions, an array repeats its element, and null is
// an empty one.
func FromJSON(v value.Value) (string, error) {
	if v.Kind() != value.KindObject {
		return "", failure("XmlNodeConverter can only convert JSON that begins with an object.")
	}
	c := &fromJSON{document: &node{kind: documentNode}, namespaces: newNamespaces()}
	if err := c.members(v, 0, c.document, 0); err != nil {
		return "", err
	}
	if c.document.root() == nil {
		return "", errNoRoot
	}
	// Names and texts may hold what no document can: the parser knows best.
	text := outerXML(c.document)
	if _, err := parse(text); err != nil {
		return "", err
	}
	return text, nil
}

type fromJSON struct {
	document   *node
	namespaces *namespaces
}

// members converts the members of an object from one on.
func (c *fromJSON) members(object value.Value, from int, parent *node, depth int) error {
	for i := from; i < object.Len(); i++ {
		if parent == c.document && c.document.root() != nil {
			return errRoots
		}
		key, v := object.KeyAt(i), object.At(i)
		if v.Kind() != value.KindArray {
			if err := c.value(key, v, parent, depth); err != nil {
				return err
			}
			continue
		}
		for j := range v.Len() {
			if err := c.value(key, v.At(j), parent, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *fromJSON) value(key string, v value.Value, parent *node, depth int) error {
	switch {
	case key == "#text":
		return c.leaf(textNode, v, parent)
	case key == "#cdata-section":
		return c.leaf(cdataNode, v, parent)
	case key == "#whitespace", key == "#significant-whitespace":
		return c.leaf(whitespaceNode, v, parent)
	case key == "?xml":
		return c.declaration(v, parent)
	case strings.HasPrefix(key, "?"):
		return c.instruction(key[1:], v, parent)
	case strings.EqualFold(key, "!DOCTYPE"):
		return failure("For security reasons DTD is prohibited in this XML document.")
	case v.Kind() == value.KindArray: // an array in an array: the inner one gets an element around it
		n, err := c.open(key, parent, depth)
		if err != nil {
			return err
		}
		for i := range v.Len() {
			if err := c.value(key, v.At(i), n, depth+1); err != nil {
				return err
			}
		}
		return nil
	case strings.HasPrefix(key, "@"):
		if parent == c.document {
			return failure("JSON root object has a property that will be converted to an attribute. A root object cannot have any attribute properties.")
		}
		return c.attribute(key[1:], v, parent)
	}
	return c.element(key, v, parent, depth)
}

// leaf appends text. What its characters are is checked with the
// whole document, except for the ends that the text itself must not hold.
func (c *fromJSON) leaf(k kind, v value.Value, parent *node) error {
	s, err := scalar(v)
	switch {
	case err != nil:
		return err
	case parent == c.document:
		return errPlacement
	case k == whitespaceNode && strings.Trim(s, space) != "":
		return failure("The string for white space contains an invalid character.")
	case k == cdataNode && strings.Contains(s, "]]>"):
		return failure("Cannot have ']]>' inside an XML CDATA block.")
	}
	parent.append(&node{kind: k, value: s})
	return nil
}

func (c *fromJSON) instruction(target string, v value.Value, parent *node) error {
	s, err := scalar(v)
	switch {
	case err != nil:
		return err
	case !isNCName(target) || strings.EqualFold(target, "xml"):
		return failure("A processing instruction has no valid name.")
	case strings.Contains(s, "?>"):
		return failure("Cannot have '?>' inside an XML processing instruction.")
	}
	parent.append(&node{kind: instructionNode, local: target, value: s})
	return nil
}

func (c *fromJSON) declaration(v value.Value, parent *node) error {
	if v.Kind() != value.KindObject || parent != c.document || len(parent.children) > 0 {
		return errPlacement
	}
	n := &node{kind: declarationNode, local: "xml"}
	for _, name := range []string{"version", "encoding", "standalone"} {
		for i := range v.Len() {
			if v.KeyAt(i) != "@"+name {
				continue
			}
			s, err := scalar(v.At(i))
			if err != nil {
				return err
			}
			if !v.At(i).IsNull() && (s != "" || name == "version") {
				n.attributes = append(n.attributes, &node{kind: attributeNode, local: name, value: s})
			}
		}
	}
	for i := range v.Len() {
		if k := v.KeyAt(i); k != "@version" && k != "@encoding" && k != "@standalone" {
			return failure("Unexpected property name encountered while deserializing XmlDeclaration.")
		}
	}
	parent.append(n)
	return nil
}

// element appends an element. The attributes that its object begins with come
// first, since they may declare the namespace of its name.
func (c *fromJSON) element(key string, v value.Value, parent *node, depth int) error {
	type attribute struct{ name, value string }
	var attributes []attribute
	from := 0
	for ; v.Kind() == value.KindObject && from < v.Len(); from++ {
		name, ok := strings.CutPrefix(v.KeyAt(from), "@")
		if !ok {
			break
		}
		s, err := scalar(v.At(from))
		if err != nil {
			return err
		}
		attributes = append(attributes, attribute{name, s})
		prefix, qualified := strings.CutPrefix(name, "xmlns:")
		if name == "xmlns" {
			prefix, qualified = "", true
		}
		if qualified {
			if err := c.namespaces.add(prefix, s); err != nil {
				return err
			}
		}
	}
	n, err := c.open(key, parent, depth)
	if err != nil {
		return err
	}
	for _, a := range attributes {
		if err := c.attribute(a.name, value.String(a.value), n); err != nil {
			return err
		}
	}
	if v.Kind() != value.KindObject {
		s, err := scalar(v)
		if err == nil && !v.IsNull() {
			n.append(&node{kind: textNode, value: s})
			n.empty = false
		}
		return err
	}
	c.namespaces.push()
	err = c.members(v, from, n, depth+1)
	c.namespaces.pop()
	c.namespaces.dropDefault()
	n.empty = len(n.children) == 0
	return err
}

// open appends an element without content.
func (c *fromJSON) open(key string, parent *node, depth int) (*node, error) {
	switch {
	case key == "":
		return nil, failure("XmlNodeConverter cannot convert JSON with an empty property name to XML.")
	case depth >= MaxDepth:
		return nil, errDepth
	case parent == c.document && c.document.root() != nil:
		return nil, failure("This document already has a 'DocumentElement' node.")
	}
	n := c.named(elementNode, key)
	n.uri = c.namespaces.namespace(prefixOf(key))
	n.empty = true
	parent.append(n)
	parent.empty = false
	return n, nil
}

// attribute sets an attribute; one of the same name is replaced.
func (c *fromJSON) attribute(name string, v value.Value, n *node) error {
	s, err := scalar(v)
	if err != nil {
		return err
	}
	if name == "" {
		return failure("The attribute name is empty.")
	}
	a := c.named(attributeNode, name)
	a.value, a.parent = s, n
	if prefix := prefixOf(name); prefix != "" {
		a.uri = c.namespaces.namespace(prefix)
	}
	for i, other := range n.attributes {
		if other.prefix == a.prefix && other.local == a.local {
			n.attributes[i] = a
			return nil
		}
	}
	if len(n.attributes) >= maxNamespaces {
		return failure("An element has too many attributes.")
	}
	n.attributes = append(n.attributes, a)
	return nil
}

// named returns a node with the encoded name, split at its colon.
func (c *fromJSON) named(k kind, name string) *node {
	n := &node{kind: k, local: encodeName(name, true)}
	if i := strings.IndexByte(n.local, ':'); i > 0 && i < len(n.local)-1 {
		n.prefix, n.local = n.local[:i], n.local[i+1:]
	}
	return n
}

// prefixOf returns the prefix of a name as it stands in JSON.
func prefixOf(name string) string {
	if i := strings.IndexByte(name, ':'); i > 0 && i < len(name)-1 {
		return name[:i]
	}
	return ""
}

// scalar returns the text of a string, number, boolean or null. Numbers and
// booleans are spelled as in JSON.
func scalar(v value.Value) (string, error) {
	switch v.Kind() {
	case value.KindNull:
		return "", nil
	case value.KindString:
		return v.Str(), nil
	case value.KindBool:
		b, _ := v.AsBool()
		return strconv.FormatBool(b), nil
	case value.KindArray, value.KindObject:
		return "", errScalar
	}
	return strings.Trim(string(value.Reveal(v)), `"`), nil // the quotes are those of NaN
}
