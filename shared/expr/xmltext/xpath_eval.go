package xmltext

import (
	"math"
	"strings"
)

func (q constant) eval(*evaluator, context) operand { return q.operand }

func (q negation) eval(e *evaluator, c context) operand {
	return operand{kind: Number, number: -e.number(q.of.eval(e, c))}
}

func (q union) eval(e *evaluator, c context) operand {
	left, right := q.left.eval(e, c).nodes, q.right.eval(e, c).nodes
	all := make([]*node, 0, len(left)+len(right))
	return operand{kind: Nodes, nodes: e.inOrder(append(append(all, left...), right...))}
}

func (q filter) eval(e *evaluator, c context) operand {
	nodes := q.of.eval(e, c).nodes
	for _, p := range q.predicates {
		nodes = e.filter(nodes, p)
	}
	return operand{kind: Nodes, nodes: nodes}
}

func (q *path) eval(e *evaluator, c context) operand {
	if !q.absolute {
		return operand{kind: Nodes, nodes: q.walk(e, c)}
	}
	// The same wherever it is asked for, as in //a[. = //b].
	nodes, known := e.absolute[q]
	if !known {
		nodes = q.walk(e, c)
		if e.absolute == nil {
			e.absolute = map[*path][]*node{}
		}
		e.absolute[q] = nodes
	}
	return operand{kind: Nodes, nodes: nodes}
}

func (q *path) walk(e *evaluator, c context) []*node {
	nodes := []*node{c.node}
	switch {
	case q.from != nil:
		nodes = q.from.eval(e, c).nodes
	case q.absolute:
		nodes = []*node{e.document}
	}
	for _, s := range q.steps {
		var next []*node
		limit := maxUnsorted
		for _, n := range nodes {
			if len(next) > limit {
				next = e.inOrder(next)
				limit = max(limit, 2*len(next))
			}
			w := &walk{evaluator: e, test: s.test}
			if len(s.predicates) == 0 {
				w.found = next // no need for a list of its own
			}
			w.along(s.axis, n)
			if len(s.predicates) == 0 {
				next = w.found
				continue
			}
			for _, p := range s.predicates {
				w.found = e.filter(w.found, p)
			}
			next = append(next, w.found...)
		}
		nodes = e.inOrder(next)
	}
	return nodes
}

// filter returns the nodes for which a predicate holds. A number stands for the
// position.
func (e *evaluator) filter(nodes []*node, predicate query) []*node {
	var kept []*node
	for i, n := range nodes {
		e.spend(1)
		got := predicate.eval(e, context{node: n, position: i + 1, size: len(nodes)})
		if got.kind == Number && got.number == float64(i+1) || got.kind != Number && truth(got) {
			kept = append(kept, n)
		}
	}
	return kept
}

func (q binary) eval(e *evaluator, c context) operand {
	e.spend(1)
	left := q.left.eval(e, c)
	switch q.operator {
	case "and", "or":
		if truth(left) == (q.operator == "or") {
			return operand{kind: Boolean, boolean: q.operator == "or"}
		}
		return operand{kind: Boolean, boolean: truth(q.right.eval(e, c))}
	}
	right := q.right.eval(e, c)
	if q.yields() == Boolean {
		return operand{kind: Boolean, boolean: e.compare(q.operator, left, right)}
	}
	a, b := e.number(left), e.number(right)
	switch q.operator {
	case "+":
		a += b
	case "-":
		a -= b
	case "*":
		a *= b
	case "div":
		a /= b
	case "mod":
		a = math.Mod(a, b)
	}
	return operand{kind: Number, number: a}
}

// compare compares by XPath §3.4: node-sets by their nodes, any of them; else
// for equality as booleans, numbers or strings, whichever comes first; else as
// numbers.
func (e *evaluator) compare(operator string, a, b operand) bool {
	switch {
	case a.kind == Nodes && b.kind == Boolean, a.kind == Boolean && b.kind == Nodes:
		a, b = operand{kind: Boolean, boolean: truth(a)}, operand{kind: Boolean, boolean: truth(b)}
	case a.kind == Nodes && b.kind == Nodes && operator == "=":
		return e.share(a.nodes, b.nodes)
	case a.kind == Nodes:
		for _, x := range e.texts(a.nodes) {
			if e.compare(operator, x, b) {
				return true
			}
		}
		return false
	case b.kind == Nodes:
		for _, x := range e.texts(b.nodes) {
			if e.compare(operator, a, x) {
				return true
			}
		}
		return false
	}
	e.spendText(min(len(a.text), len(b.text)))
	if operator == "=" || operator == "!=" {
		var equal bool
		switch {
		case a.kind == Boolean || b.kind == Boolean:
			equal = truth(a) == truth(b)
		case a.kind == Number || b.kind == Number:
			equal = e.number(a) == e.number(b)
		default:
			equal = a.text == b.text
		}
		return equal == (operator == "=")
	}
	x, y := e.number(a), e.number(b)
	switch operator {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

// share tells whether a node of one set has the string value of one of the other.
func (e *evaluator) share(a, b []*node) bool {
	values := make(map[string]bool, len(a))
	for _, n := range a {
		values[e.stringOf(n)] = true
	}
	for _, n := range b {
		if values[e.stringOf(n)] {
			return true
		}
	}
	return false
}

func (e *evaluator) texts(nodes []*node) []operand {
	list := make([]operand, len(nodes))
	for i, n := range nodes {
		list[i] = operand{kind: Text, text: e.stringOf(n)}
	}
	return list
}

// stringOf returns the string value of a node.
func (e *evaluator) stringOf(n *node) string {
	text := n.value
	switch {
	case n.kind == elementNode, n.kind == documentNode:
		var b strings.Builder
		e.collect(&b, n)
		text = b.String()
	case n.isText() && n.parent != nil && n.index+1 < len(n.parent.children) && n.parent.children[n.index+1].joined:
		var b strings.Builder
		b.WriteString(text)
		for _, s := range n.parent.children[n.index+1:] {
			if !s.joined {
				break
			}
			b.WriteString(s.value)
		}
		text = b.String()
	}
	e.spendText(len(text))
	return text
}

func (e *evaluator) collect(b *strings.Builder, n *node) {
	e.spend(len(n.children))
	for _, c := range n.children {
		switch {
		case c.isText():
			b.WriteString(c.value)
			e.spendText(len(c.value))
		case c.kind == elementNode:
			e.collect(b, c)
		}
	}
}
