package xmltext

type axis uint8

const (
	axisChild axis = iota
	axisDescendant
	axisDescendantOrSelf
	axisParent
	axisAncestor
	axisAncestorOrSelf
	axisFollowingSibling
	axisPrecedingSibling
	axisFollowing
	axisPreceding
	axisAttribute
	axisNamespace
	axisSelf
)

var axes = map[string]axis{
	"child": axisChild, "descendant": axisDescendant, "descendant-or-self": axisDescendantOrSelf, "parent": axisParent,
	"ancestor": axisAncestor, "ancestor-or-self": axisAncestorOrSelf, "following-sibling": axisFollowingSibling,
	"preceding-sibling": axisPrecedingSibling, "following": axisFollowing, "preceding": axisPreceding,
	"attribute": axisAttribute, "namespace": axisNamespace, "self": axisSelf,
}

func (t test) matches(n *node) bool {
	switch {
	case t.any:
		return true
	case t.named:
		// A name without a prefix means no namespace, never the default one.
		return n.kind == t.kind && (t.name == "" || n.local == t.name && (n.uri == "" || n.kind == namespaceNode))
	case t.kind == textNode:
		return n.isText()
	}
	return n.kind == t.kind && (t.target == "" || n.local == t.target)
}

// walk collects what a test lets through along an axis, in the order of the
// axis.
type walk struct {
	*evaluator
	test  test
	found []*node
}

func (w *walk) visit(n *node) {
	w.spend(1)
	// XPath knows neither the XML declaration nor the seams within a text.
	if !n.joined && n.kind != declarationNode && w.test.matches(n) {
		w.found = append(w.found, n)
	}
}

func (w *walk) descendants(n *node) {
	for _, c := range n.children {
		w.visit(c)
		w.descendants(c)
	}
}

// reversed visits a node and its descendants, the last one first.
func (w *walk) reversed(n *node) {
	for i := len(n.children) - 1; i >= 0; i-- {
		w.reversed(n.children[i])
	}
	w.visit(n)
}

// attached tells whether a node hangs on an element without being its child.
func attached(n *node) bool { return n.kind == attributeNode || n.kind == namespaceNode }

func (w *walk) along(a axis, n *node) {
	switch a {
	case axisSelf:
		w.visit(n)
	case axisChild:
		for _, c := range n.children {
			w.visit(c)
		}
	case axisDescendantOrSelf:
		w.visit(n)
		w.descendants(n)
	case axisDescendant:
		w.descendants(n)
	case axisParent:
		if n.parent != nil {
			w.visit(n.parent)
		}
	case axisAncestorOrSelf, axisAncestor:
		if a == axisAncestorOrSelf {
			w.visit(n)
		}
		for p := n.parent; p != nil; p = p.parent {
			w.visit(p)
		}
	case axisAttribute:
		if n.kind == elementNode {
			for _, x := range n.attributes {
				if _, declares := x.declares(); !declares {
					w.visit(x)
				}
			}
		}
	case axisNamespace:
		for _, x := range w.namespacesOf(n) {
			w.visit(x)
		}
	default:
		w.beside(a, n)
	}
}

// beside walks the axes that lead to siblings and beyond.
func (w *walk) beside(a axis, n *node) {
	if attached(n) {
		if a == axisFollowingSibling || a == axisPrecedingSibling {
			return
		}
		if a == axisFollowing { // the children of its element come behind it
			w.descendants(n.parent)
		}
		n = n.parent
	}
	for ; n.parent != nil; n = n.parent {
		siblings := n.parent.children
		switch a {
		case axisFollowingSibling:
			for _, s := range siblings[n.index+1:] {
				w.visit(s)
			}
			return
		case axisPrecedingSibling:
			for i := n.index - 1; i >= 0; i-- {
				w.visit(siblings[i])
			}
			return
		case axisFollowing:
			for _, s := range siblings[n.index+1:] {
				w.visit(s)
				w.descendants(s)
			}
		case axisPreceding:
			for i := n.index - 1; i >= 0; i-- {
				w.reversed(siblings[i])
			}
		}
	}
}

// namespacesOf makes the namespace nodes of an element. They stand between the
// element and its attributes in document order.
func (e *evaluator) namespacesOf(n *node) []*node {
	if n.kind != elementNode {
		return nil
	}
	if known, ok := e.namespaces[n]; ok {
		return known
	}
	var list []*node
	seen := map[string]bool{}
	add := func(prefix, uri string) {
		if e.spend(1); !seen[prefix] && uri != "" {
			e.spend(50) // unlike other nodes, these come into being here
			list = append(list, &node{kind: namespaceNode, local: prefix, value: uri, parent: n, order: n.order, suborder: len(list) + 1})
		}
		seen[prefix] = true
	}
	for p := n; p != nil; p = p.parent {
		for _, a := range p.attributes {
			if prefix, declares := a.declares(); declares {
				add(prefix, a.value)
			}
		}
	}
	add("xml", xmlURI)
	if e.namespaces == nil {
		e.namespaces = map[*node][]*node{}
	}
	e.namespaces[n] = list
	return list
}
