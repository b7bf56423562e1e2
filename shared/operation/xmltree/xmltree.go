// Package xmltree reads XML documents into trees for the operations that work on
// them: elements with resolved names, the prefixes in scope, and their place in
// the text.
//
// The document is first read by the parser of the expression language, so that
// operations and expressions refuse the same documents with the same messages,
// document types among them.
package xmltree

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/xmltext"
)

// Name is an expanded name.
type Name struct{ Space, Local string }

// The namespaces that have a meaning of their own.
const (
	XMLSpace = "http://www.w3.org/XML/1998/namespace"
	XSISpace = "http://www.w3.org/2001/XMLSchema-instance"
)

// Attribute is an attribute that is no namespace declaration.
type Attribute struct {
	Name  Name
	Value string
}

// Node is an element.
type Node struct {
	Name       Name
	Attributes []Attribute
	Children   []*Node
	// Text is all character data directly inside, put together. Before[i] is how
	// much of it stands before Children[i].
	Text   string
	Before []int
	Parent *Node
	// Line and Position are where the element begins, from 1.
	Line, Position int

	declares map[string]string
}

// Parse reads a document and returns its root.
func Parse(text string) (*Node, error) {
	if _, err := xmltext.Canonical(text); err != nil {
		return nil, err
	}
	text = strings.TrimPrefix(text, "\ufeff")
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is text already
	p := places{text: text, line: 1}
	var root, top *Node
	var texts [][]byte // of the open elements; a string that grows would be copied each time
	for {
		start := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		} else if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := element(token, top)
			n.Line, n.Position = p.at(int(start))
			if top == nil {
				root = n
			} else {
				top.Children = append(top.Children, n)
				top.Before = append(top.Before, len(texts[len(texts)-1]))
			}
			top, texts = n, append(texts, nil)
		case xml.EndElement:
			last := len(texts) - 1
			top.Text = string(texts[last])
			top, texts = top.Parent, texts[:last]
		case xml.CharData:
			if top != nil {
				texts[len(texts)-1] = append(texts[len(texts)-1], token...)
			}
		}
	}
}

func element(start xml.StartElement, parent *Node) *Node {
	n := &Node{Name: Name(start.Name), Parent: parent}
	for _, a := range start.Attr {
		switch {
		case a.Name.Space == "xmlns":
			n.declare(a.Name.Local, a.Value)
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.declare("", a.Value)
		default:
			if a.Name.Space == "xml" {
				a.Name.Space = XMLSpace
			}
			n.Attributes = append(n.Attributes, Attribute{Name(a.Name), a.Value})
		}
	}
	return n
}

func (n *Node) declare(prefix, uri string) {
	if n.declares == nil {
		n.declares = map[string]string{}
	}
	n.declares[prefix] = uri
}

// places turns offsets into lines, going forward only.
type places struct {
	text          string
	offset, line  int
	beginningLine int
}

func (p *places) at(offset int) (line, position int) {
	for ; p.offset < offset && p.offset < len(p.text); p.offset++ {
		if p.text[p.offset] == '\n' {
			p.line, p.beginningLine = p.line+1, p.offset+1
		}
	}
	return p.line, p.offset - p.beginningLine + 1
}

// Attr returns the value of an attribute without a namespace.
func (n *Node) Attr(local string) (string, bool) { return n.AttrNS(Name{Local: local}) }

// AttrNS returns the value of an attribute.
func (n *Node) AttrNS(name Name) (string, bool) {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// Get returns the value of an attribute without a namespace, or "".
func (n *Node) Get(local string) string {
	v, _ := n.Attr(local)
	return v
}

// Namespace returns what a prefix stands for at an element.
func (n *Node) Namespace(prefix string) (string, bool) {
	if prefix == "xml" {
		return XMLSpace, true
	}
	for x := n; x != nil; x = x.Parent {
		if uri, ok := x.declares[prefix]; ok {
			return uri, true
		}
	}
	return "", prefix == ""
}

// QName resolves a name with an optional prefix, as it stands in a value.
func (n *Node) QName(text string) (Name, bool) {
	text = strings.Trim(text, " \t\r\n")
	prefix, local, qualified := strings.Cut(text, ":")
	if !qualified {
		prefix, local = "", text
	}
	space, ok := n.Namespace(prefix)
	return Name{space, local}, ok && local != "" && !strings.Contains(local, ":")
}

// Escape returns text as it may stand in an element or in an attribute. What XML
// cannot say becomes U+FFFD.
func Escape(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`<>&"'`, r) }) {
		return text
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
