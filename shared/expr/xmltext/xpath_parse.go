package xmltext

import "strings"

// query is a compiled expression. Its type is known before it is evaluated,
// because there are no variables.
type query interface {
	yields() Kind
	eval(e *evaluator, c context) operand
}

type (
	constant struct{ operand }
	binary   struct {
		operator    string
		left, right query
	}
	negation struct{ of query }
	union    struct{ left, right query }
	filter   struct {
		of         query
		predicates []query
	}
	path struct {
		from     query // nil: the context node, or the document if absolute
		absolute bool
		steps    []step
	}
	call struct {
		function  *function
		arguments []query
	}
)

type step struct {
	axis       axis
	test       test
	predicates []query
}

// test is a node test: a kind of node, or a name of what the axis is about.
type test struct {
	any    bool // node()
	named  bool // a name test; the name "" is *
	name   string
	kind   kind
	target string // of processing-instruction('target')
}

func (q constant) yields() Kind { return q.kind }
func (q negation) yields() Kind { return Number }
func (q union) yields() Kind    { return Nodes }
func (q filter) yields() Kind   { return Nodes }
func (q *path) yields() Kind    { return Nodes }
func (q call) yields() Kind     { return q.function.yields }
func (q binary) yields() Kind {
	switch q.operator {
	case "+", "-", "*", "div", "mod":
		return Number
	}
	return Boolean
}

type compiler struct {
	tokens []token
	at     int
	depth  int
}

func compile(expression string) (query, error) {
	if len(expression) > maxExpression {
		return nil, errExpressionSize
	}
	tokens, err := lex(expression)
	if err != nil {
		return nil, err
	}
	p := &compiler{tokens: tokens}
	q, err := p.expression()
	if err == nil && p.peek().kind != tokenEnd {
		err = errToken
	}
	return q, err
}

func (p *compiler) peek() token { return p.tokens[p.at] }

func (p *compiler) is(kind tokenKind, text string) bool {
	return p.peek().kind == kind && p.peek().text == text
}

func (p *compiler) accept(kind tokenKind, text string) bool {
	if p.is(kind, text) {
		p.at++
		return true
	}
	return false
}

// followed tells whether the next token but one is this sign.
func (p *compiler) followed(sign string) bool {
	if p.at+1 >= len(p.tokens) {
		return false
	}
	next := p.tokens[p.at+1]
	return next.kind == tokenSign && next.text == sign
}

func (p *compiler) expression() (query, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errExpressionDepth
	}
	defer func() { p.depth-- }()
	return p.binary(0)
}

// precedence lists the binary operators, the loosest first.
var precedence = [][]string{{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}

func (p *compiler) binary(level int) (query, error) {
	if level == len(precedence) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil {
		operator := ""
		for _, o := range precedence[level] {
			if p.accept(tokenOperator, o) {
				operator = o
				break
			}
		}
		if operator == "" {
			return left, nil
		}
		var right query
		right, err = p.binary(level + 1)
		left = binary{operator, left, right}
	}
	return nil, err
}

func (p *compiler) unary() (query, error) {
	minus := 0
	for p.accept(tokenOperator, "-") {
		minus++
	}
	q, err := p.union()
	if err != nil || minus == 0 {
		return q, err
	}
	q = negation{q}
	if minus%2 == 0 {
		q = negation{q}
	}
	return q, nil
}

func (p *compiler) union() (query, error) {
	left, err := p.path()
	for err == nil && p.accept(tokenOperator, "|") {
		var right query
		if right, err = p.path(); err != nil {
			break
		}
		if left.yields() != Nodes || right.yields() != Nodes {
			return nil, errNodeSet
		}
		left = union{left, right}
	}
	return left, err
}

const errNodeSet failure = "Expression must evaluate to a node-set."

var nodeTypes = map[string]kind{"text": textNode, "comment": commentNode, "processing-instruction": instructionNode, "node": documentNode}

// path reads a location path, or a filter expression and the path behind it.
func (p *compiler) path() (query, error) {
	t := p.peek()
	_, isType := nodeTypes[t.text]
	switch {
	case t.kind == tokenNumber, t.kind == tokenLiteral, t.kind == tokenSign && (t.text == "(" || t.text == "$"),
		t.kind == tokenName && p.followed("(") && !isType:
		return p.filtered()
	}
	q := &path{}
	if p.accept(tokenOperator, "/") {
		q.absolute = true
		if !p.beginsStep() {
			return q, nil
		}
	} else if p.is(tokenOperator, "//") {
		q.absolute = true
		return p.behind(q)
	}
	return p.steps(q)
}

func (p *compiler) filtered() (query, error) {
	q, err := p.primary()
	if err != nil {
		return nil, err
	}
	predicates, err := p.predicates()
	if err != nil {
		return nil, err
	}
	slash := p.is(tokenOperator, "/") || p.is(tokenOperator, "//")
	if (slash || predicates != nil) && q.yields() != Nodes {
		return nil, errNodeSet
	}
	if predicates != nil {
		q = filter{q, predicates}
	}
	if slash {
		return p.behind(&path{from: q})
	}
	return q, nil
}

// behind reads what follows a slash, single or double.
func (p *compiler) behind(q *path) (query, error) {
	if p.accept(tokenOperator, "//") {
		q.steps = append(q.steps, step{axis: axisDescendantOrSelf, test: test{any: true}})
	} else {
		p.at++
	}
	return p.steps(q)
}

func (p *compiler) steps(q *path) (query, error) {
	s, err := p.step()
	if err != nil {
		return nil, err
	}
	q.steps = append(q.steps, s)
	for p.is(tokenOperator, "/") || p.is(tokenOperator, "//") {
		if p.accept(tokenOperator, "//") {
			q.steps = append(q.steps, step{axis: axisDescendantOrSelf, test: test{any: true}})
		} else {
			p.at++
		}
		if s, err = p.step(); err != nil {
			return nil, err
		}
		q.steps = append(q.steps, s)
	}
	return q, nil
}

func (p *compiler) beginsStep() bool {
	t := p.peek()
	return t.kind == tokenName || t.kind == tokenSign && (t.text == "." || t.text == ".." || t.text == "@" || t.text == "*")
}

func (p *compiler) step() (step, error) {
	if p.accept(tokenSign, ".") {
		return step{axis: axisSelf, test: test{any: true}}, nil
	}
	if p.accept(tokenSign, "..") {
		return step{axis: axisParent, test: test{any: true}}, nil
	}
	s := step{axis: axisChild}
	if p.accept(tokenSign, "@") {
		s.axis = axisAttribute
	} else if p.peek().kind == tokenName && p.followed("::") {
		a, ok := axes[p.peek().text]
		if !ok {
			return s, errToken
		}
		s.axis = a
		p.at += 2
	}
	var err error
	if s.test, err = p.test(s.axis); err != nil {
		return s, err
	}
	s.predicates, err = p.predicates()
	return s, err
}

func (p *compiler) test(a axis) (test, error) {
	t := test{named: true, kind: elementNode}
	switch a {
	case axisAttribute:
		t.kind = attributeNode
	case axisNamespace:
		t.kind = namespaceNode
	}
	if p.accept(tokenSign, "*") {
		return t, nil
	}
	if p.peek().kind != tokenName {
		return t, errToken
	}
	name := p.peek().text
	p.at++
	if !p.is(tokenSign, "(") {
		if strings.Contains(name, ":") {
			return t, errContext
		}
		t.name = name
		return t, nil
	}
	k, ok := nodeTypes[name]
	if !ok {
		return t, errToken
	}
	p.at++
	t = test{kind: k, any: name == "node"}
	if k == instructionNode && p.peek().kind == tokenLiteral {
		t.target = p.peek().text
		p.at++
	}
	if !p.accept(tokenSign, ")") {
		return t, errToken
	}
	return t, nil
}

const errContext failure = "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function."

func (p *compiler) predicates() ([]query, error) {
	var list []query
	for p.accept(tokenSign, "[") {
		q, err := p.expression()
		if err != nil {
			return nil, err
		}
		if !p.accept(tokenSign, "]") {
			return nil, errToken
		}
		list = append(list, q)
	}
	return list, nil
}

func (p *compiler) primary() (query, error) {
	t := p.peek()
	p.at++
	switch {
	case t.kind == tokenNumber:
		return constant{operand{kind: Number, number: t.number}}, nil
	case t.kind == tokenLiteral:
		return constant{operand{kind: Text, text: t.text}}, nil
	case t.text == "$":
		return nil, errContext
	case t.text == "(":
		q, err := p.expression()
		if err == nil && !p.accept(tokenSign, ")") {
			err = errToken
		}
		return q, err
	}
	if strings.Contains(t.text, ":") {
		return nil, errContext
	}
	p.at++ // the parenthesis that path saw
	var arguments []query
	for !p.accept(tokenSign, ")") {
		if len(arguments) > 0 && !p.accept(tokenSign, ",") {
			return nil, errToken
		}
		q, err := p.expression()
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, q)
	}
	return newCall(t.text, arguments)
}
