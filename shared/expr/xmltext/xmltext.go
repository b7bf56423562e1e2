// Package xmltext is the XML of the expression language: the text that xml()
// makes of a string or an object, the object that json() makes of XML, and
// xpath(). It reads and writes as .NET's XmlDocument does, and converts as
// Newtonsoft's XmlNodeConverter does, down to the blank in <a />.
//
// It has a tokenizer of its own because no library at hand keeps prefixes, the
// order of namespace declarations and the difference of <a/> and <a></a>; and an
// XPath 1.0 of its own because evaluation must be bounded and right for every
// pair of operand types.
//
// Everything is pure and bounded. There is no DTD and nothing external is ever
// read. Errors name elements and attributes and quote nothing else of the
// document.
package xmltext

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep elements may nest.
const MaxDepth = 256

// maxNamespaces bounds the declarations that are in scope at one place when
// converting from and to JSON, where each name is looked up among them.
const maxNamespaces = 1000

const (
	xmlURI   = "http://www.w3.org/XML/1998/namespace"
	xmlnsURI = "http://www.w3.org/2000/xmlns/"
)

// failure is an error whose text is written like those of the product's parser,
// as a sentence.
type failure string

func (f failure) Error() string { return string(f) }

const (
	errDepth      failure = "The elements are nested too deep."
	errNamespaces failure = "Too many namespace declarations are in scope."
)

// Canonical reads a document strictly and returns it as .NET's OuterXml prints
// it: white space between elements is gone, entities are resolved, attributes
// stand in double quotes, and nothing is indented. Canonical of its own result
// is that result.
func Canonical(text string) (string, error) {
	document, err := parse(text)
	if err != nil {
		return "", err
	}
	return outerXML(document), nil
}

type kind uint8

const (
	documentNode kind = iota
	elementNode
	attributeNode
	textNode
	cdataNode
	whitespaceNode // white space that xml:space="preserve" makes significant
	commentNode
	instructionNode
	declarationNode // the XML declaration; version and so on are its attributes
	namespaceNode   // XPath only: a namespace in scope of an element
)

type node struct {
	kind               kind
	empty              bool // an element written <a/>
	preserve           bool // xml:space="preserve" holds for the content
	joined             bool // text that XPath sees as part of the sibling before
	prefix, local, uri string
	value              string
	parent             *node
	children           []*node
	attributes         []*node
	index              int // place among the children of the parent
	order, suborder    int // place in the document
}

func (n *node) append(child *node) {
	child.parent, child.index = n, len(n.children)
	child.joined = child.isText() && len(n.children) > 0 && n.children[len(n.children)-1].isText()
	n.children = append(n.children, child)
}

func (n *node) isText() bool {
	return n.kind == textNode || n.kind == cdataNode || n.kind == whitespaceNode
}

// name returns the name with its prefix.
func (n *node) name() string {
	if n.prefix == "" {
		return n.local
	}
	return n.prefix + ":" + n.local
}

// declares tells whether an attribute is a namespace declaration, and of which
// prefix.
func (n *node) declares() (prefix string, ok bool) {
	if n.prefix == "xmlns" {
		return n.local, true
	}
	return "", n.prefix == "" && n.local == "xmlns"
}

// root returns the document element.
func (n *node) root() *node {
	for _, c := range n.children {
		if c.kind == elementNode {
			return c
		}
	}
	return nil
}

// scope is what namespace prefixes mean at one place of a document.
type scope map[string][]string

func (s scope) bind(prefix, uri string) { s[prefix] = append(s[prefix], uri) }

func (s scope) release(prefix string) { s[prefix] = s[prefix][:len(s[prefix])-1] }

func (s scope) lookup(prefix string) (uri string, ok bool) {
	if prefix == "xml" {
		return xmlURI, true
	}
	if uris := s[prefix]; len(uris) > 0 {
		return uris[len(uris)-1], true
	}
	return "", prefix == ""
}

// brief shortens a name for a message.
func brief(name string) string {
	const most = 64
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}

// located adds the place to a message, as the product's parser does.
func located(text string, offset int, format string, args ...any) error {
	before := text[:min(offset, len(text))]
	line := strings.Count(before, "\n") + 1
	position := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return failure(fmt.Sprintf("%s Line %d, position %d.", fmt.Sprintf(format, args...), line, position))
}
