package xmltext

import (
	"slices"
	"strings"
)

// writer prints nodes as XmlTextWriter does. It declares a namespace where a
// name needs it and nothing has declared it so far, which is how an element
// taken out of its document stays well-formed.
type writer struct {
	strings.Builder
	scope scope
}

// outerXML returns the text of a node and all that is inside it.
func outerXML(n *node) string {
	w := &writer{scope: scope{}}
	w.node(n)
	return w.String()
}

// White space that a parser would change on the way back is written as a
// reference: the product does so with line ends in attributes only and loses the
// others when the text is read again.
var (
	textEscapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

func (w *writer) node(n *node) {
	switch n.kind {
	case documentNode:
		for _, c := range n.children {
			w.node(c)
		}
	case elementNode:
		w.element(n)
	case textNode, whitespaceNode:
		w.WriteString(textEscapes.Replace(n.value))
	case cdataNode:
		w.WriteString("<![CDATA[" + n.value + "]]>")
	case commentNode:
		w.WriteString("<!--" + n.value + "-->")
	case instructionNode:
		w.WriteString("<?" + n.local + " " + n.value + "?>")
	case declarationNode:
		w.WriteString("<?xml")
		for _, a := range n.attributes {
			w.attribute(a.local, a.value)
		}
		w.WriteString("?>")
	}
}

func (w *writer) attribute(name, v string) {
	w.WriteString(" " + name + `="`)
	w.WriteString(attributeEscapes.Replace(v))
	w.WriteByte('"')
}

func (w *writer) element(n *node) {
	var own, missing []string // prefixes that the element declares itself, and that it lacks
	for _, a := range n.attributes {
		if prefix, ok := a.declares(); ok {
			w.scope.bind(prefix, a.value)
			own = append(own, prefix)
		}
	}
	need := func(x *node) string {
		prefix := x.prefix
		if x.uri == "" {
			prefix = "" // a prefix without a namespace is dropped
		}
		if bound, ok := w.scope.lookup(prefix); (!ok || bound != x.uri) && !slices.Contains(own, prefix) {
			w.scope.bind(prefix, x.uri)
			missing = append(missing, prefix)
			own = append(own, prefix)
		}
		if prefix == "" {
			return x.local
		}
		return prefix + ":" + x.local
	}
	name := need(n)
	w.WriteString("<" + name)
	for _, a := range n.attributes {
		if _, declares := a.declares(); declares {
			w.attribute(a.name(), a.value)
		} else if a.uri == "" {
			w.attribute(a.local, a.value)
		} else {
			w.attribute(need(a), a.value)
		}
	}
	for i := len(missing) - 1; i >= 0; i-- { // the last one first, as the product has it
		uri, _ := w.scope.lookup(missing[i])
		if missing[i] == "" {
			w.attribute("xmlns", uri)
		} else {
			w.attribute("xmlns:"+missing[i], uri)
		}
	}
	if n.empty {
		w.WriteString(" />")
	} else {
		w.WriteByte('>')
		for _, c := range n.children {
			w.node(c)
		}
		w.WriteString("</" + name + ">")
	}
	for _, prefix := range own {
		w.scope.release(prefix)
	}
}
