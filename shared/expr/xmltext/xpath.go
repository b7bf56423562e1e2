package xmltext

import "slices"

// Kind is the type of what an XPath expression yields.
type Kind uint8

// The four types of XPath 1.0.
const (
	Number Kind = iota
	Text
	Boolean
	Nodes
)

// Result is what an XPath expression yields; the field that Kind names holds it.
type Result struct {
	Kind    Kind
	Number  float64
	Text    string
	Boolean bool
	Nodes   []Node
}

// Node is one node of a node-set.
type Node struct {
	// IsElement tells that the node is an element, or the whole document.
	IsElement bool
	// Text is the OuterXml of an element, with the namespaces written out that
	// it uses and that are declared further out; of another node its value.
	Text string
}

const (
	// maxExpression is how long an expression may be.
	maxExpression = 64 << 10
	// maxNesting is how deep parentheses and predicates may nest.
	maxNesting = 200
	// maxSteps bounds an evaluation: one step is a visited node or a comparison,
	// or four bytes of text that was put together. All of them take about a second.
	maxSteps = 50_000_000
	// maxUnsorted is how many nodes a step of a path collects before repeated ones
	// are dropped.
	maxUnsorted = 1 << 20
)

const (
	errExpressionSize  failure = "The XPath expression is too long."
	errExpressionDepth failure = "The XPath query is too complex."
	errTooManySteps    failure = "The evaluation of the XPath expression takes too many steps."
	errInternal        failure = "The XPath expression cannot be evaluated."
)

// XPath evaluates an XPath 1.0 expression on a document, with the document as
// its context and without variables or prefixes: those need a context that the
// product does not give either. Nodes come in document order.
func XPath(text, expression string) (result Result, err error) {
	document, err := parse(text)
	if err != nil {
		return Result{}, err
	}
	x, err := compile(expression)
	if err != nil {
		return Result{}, err
	}
	// Running out of steps ends the evaluation from any depth; and whatever else
	// should go wrong in it must not take the caller along.
	defer func() {
		if r := recover(); r != nil {
			result, err = Result{}, errInternal
			if f, ok := r.(failure); ok {
				err = f
			}
		}
	}()
	e := &evaluator{document: document}
	got := x.eval(e, context{node: document, position: 1, size: 1})
	switch got.kind {
	case Number:
		return Result{Kind: Number, Number: got.number}, nil
	case Text:
		return Result{Kind: Text, Text: got.text}, nil
	case Boolean:
		return Result{Kind: Boolean, Boolean: got.boolean}, nil
	}
	result = Result{Kind: Nodes, Nodes: make([]Node, 0, len(got.nodes))}
	for _, n := range got.nodes {
		if n.kind != elementNode && n.kind != documentNode {
			result.Nodes = append(result.Nodes, Node{Text: e.stringOf(n)})
			continue
		}
		outer := outerXML(n)
		e.spendText(len(outer)) // nested elements are written once for each of them
		result.Nodes = append(result.Nodes, Node{IsElement: true, Text: outer})
	}
	return result, nil
}

// operand is a value during evaluation.
type operand struct {
	kind    Kind
	number  float64
	text    string
	boolean bool
	nodes   []*node // in document order, each once
}

type context struct {
	node           *node
	position, size int
}

type evaluator struct {
	document   *node
	steps      int
	namespaces map[*node][]*node
	absolute   map[*path][]*node // results of paths from the root
}

func (e *evaluator) spend(steps int) {
	if e.steps += steps; e.steps > maxSteps {
		panic(errTooManySteps)
	}
}

func (e *evaluator) spendText(bytes int) { e.spend(1 + bytes/4) }

// inOrder sorts nodes by their place in the document and drops repeated ones.
func (e *evaluator) inOrder(nodes []*node) []*node {
	e.spend(len(nodes))
	sorted := true
	for i := 1; i < len(nodes) && sorted; i++ {
		sorted = compareOrder(nodes[i-1], nodes[i]) < 0
	}
	if sorted {
		return nodes
	}
	slices.SortFunc(nodes, compareOrder)
	return slices.Compact(nodes)
}

func compareOrder(a, b *node) int {
	if a.order != b.order {
		return a.order - b.order
	}
	return a.suborder - b.suborder
}
