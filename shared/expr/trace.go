package expr

import (
	"errors"
	"fmt"

	"github.com/latchwork/latchwork/shared/value"
)

// Traced is an expression, or a part of one, with what it gives.
type Traced struct {
	// Path is where the string stands in its template, such as body.items[0].name.
	Path  string
	Text  string
	Value value.Value
	Err   *Error // instead of a value
	Parts []Traced
}

// maxTraced bounds what one trace shows.
const maxTraced = 2000

// Trace evaluates each expression of the template by itself, in document order, and
// the calls that it consists of. Together they have the budget of one evaluation;
// what it is not enough for is left out.
func (t *Template) Trace(env *Env) []Traced {
	own := *env
	own.machine = machine{}
	if own.Budget.Steps == 0 {
		own.Budget.Steps = DefaultSteps
	}
	if own.Budget.Bytes == 0 {
		own.Budget.Bytes = DefaultBytes
	}
	x := tracer{env: &own}
	x.template(t, "")
	return x.list
}

type tracer struct {
	env   *Env
	list  []Traced
	count int
}

func (x *tracer) template(t *Template, path string) {
	if t == nil || t.isFixed {
		return
	}
	if t.whole != nil {
		x.root(t.whole, path)
	}
	for _, p := range t.pieces {
		if p.expr != nil {
			x.root(p.expr, path)
		}
	}
	for i, item := range t.items {
		if !t.isObject {
			x.template(item, fmt.Sprintf("%s[%d]", path, i))
			continue
		}
		place := t.keys[i].Source()
		if path != "" {
			place = path + "." + place
		}
		x.template(t.keys[i], place)
		x.template(item, place)
	}
}

func (x *tracer) root(n *node, path string) {
	if n.kind == literalNode {
		return
	}
	if one, ok := x.node(n); ok {
		one.Path = path
		x.list = append(x.list, one)
	}
}

// node evaluates a call and then its parts. Parts of a call that succeeds and that
// fail themselves were not evaluated: the call is lazy.
func (x *tracer) node(n *node) (Traced, bool) {
	one := Traced{Text: n.source}
	if n.kind == templateNode {
		one.Text = n.template.Source()
	}
	if x.count++; x.count > maxTraced || x.env.Budget.Steps <= 0 || x.env.Budget.Bytes <= 0 {
		return one, false
	}
	part := &Template{impl{whole: n}}
	v, err := part.Evaluate(x.env)
	x.env.Budget.Steps, x.env.Budget.Bytes = x.env.machine.steps, x.env.machine.bytes
	if one.Value = v; err != nil && !errors.As(err, &one.Err) {
		return one, false
	}
	for _, p := range n.parts() {
		if inner, ok := x.node(p); ok && (one.Err != nil || inner.Err == nil) {
			one.Parts = append(one.Parts, inner)
		}
	}
	return one, true
}

// parts are the calls that a node consists of: what is selected from and by what, or
// else the arguments.
func (n *node) parts() []*node {
	var list []*node
	add := func(p *node) {
		if p != nil && p.kind != literalNode {
			list = append(list, p)
		}
	}
	if len(n.derefs) > 0 {
		base := *n
		base.derefs, base.source = nil, n.source[:callEnd(n.source)]
		add(&base)
		for _, d := range n.derefs {
			add(d.index)
		}
		return list
	}
	if n.kind == templateNode {
		if whole := n.template.whole; whole != nil {
			return whole.parts()
		}
		for _, p := range n.template.pieces {
			add(p.expr)
		}
		return list
	}
	for _, a := range n.args {
		add(a)
	}
	return list
}

// callEnd finds the end of the call that a text begins with.
func callEnd(s string) int {
	depth, quoted := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted // a doubled quote leaves and enters again
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
