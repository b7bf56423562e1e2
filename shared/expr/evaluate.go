package expr

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

const invalidTemplate = "InvalidTemplate"

// The default budget: enough for anything a definition does in earnest.
const (
	DefaultSteps = 10_000_000
	DefaultBytes = 256 << 20
)

// machine is one evaluation. It lies in its Env, so that its stacks serve again.
type machine struct {
	env   *Env
	steps int64
	bytes int64
	busy  bool
	args  []value.Value // of the calls that are being evaluated
	text  []byte        // of the interpolations that are being evaluated; behind it writes the body that runs
	call  Call          // of the function whose body runs; bodies evaluate nothing

	// Where the stacks begin: most evaluations need no more.
	firstArgs [8]value.Value
	firstText [128]byte
}

// Evaluate returns the value of the template. The error is an *Error. An Env must
// not be used by two evaluations at once.
func (t *Template) Evaluate(env *Env) (value.Value, error) {
	if t.isFixed {
		return t.constant, nil
	}
	m := &env.machine
	if m.busy { // an evaluation from inside a Scope
		m = &machine{}
	}
	m.start(env)
	v, err := m.template(t)
	m.end()
	return v, err
}

func (m *machine) start(env *Env) {
	m.busy = true
	if m.env != env || m.call.m != m { // the first time, or in a copy of an Env
		m.env, m.call = env, Call{env: env, m: m}
		m.args, m.text = m.firstArgs[:0], m.firstText[:0]
	}
	if m.steps = env.Budget.Steps; m.steps == 0 {
		m.steps = DefaultSteps
	}
	if m.bytes = env.Budget.Bytes; m.bytes == 0 {
		m.bytes = DefaultBytes
	}
}

// end forgets what was evaluated: it may be secret, or large. Text that outgrew its
// beginning is kept while clearing it costs little.
func (m *machine) end() {
	const kept = 4 << 10
	clear(m.firstArgs[:])
	if m.args = m.args[:0]; cap(m.args) > len(m.firstArgs) {
		m.args, m.call.Args = m.firstArgs[:0], nil
	}
	clear(m.firstText[:])
	if m.text = m.text[:0]; cap(m.text) > kept {
		m.text = m.firstText[:0]
	} else if cap(m.text) > len(m.firstText) {
		clear(m.text[:cap(m.text)])
	}
	m.busy = false
}

func (m *machine) template(t *Template) (value.Value, error) {
	switch {
	case t.isFixed:
		return t.constant, nil
	case t.whole != nil:
		v, err := m.eval(t.whole)
		if err != nil {
			return value.Value{}, t.locate(err, t.offset+t.whole.column)
		}
		return v, nil
	case t.pieces != nil:
		return m.interpolate(t)
	case t.isObject:
		return m.object(t)
	}
	items := make([]value.Value, len(t.items))
	for i, item := range t.items {
		v, err := m.template(item)
		if err != nil {
			return value.Value{}, err
		}
		if v.IsAbsent() {
			v = value.Null() // an expression that finds nothing leaves null
		}
		items[i] = v
	}
	return value.Array(items...), nil
}

func (m *machine) object(t *Template) (value.Value, error) {
	b := value.NewObject(len(t.items))
	var origins []value.Origin // of the names, which are part of the object
	for i, item := range t.items {
		key, err := m.template(t.keys[i])
		if err != nil {
			return value.Value{}, err
		}
		v, err := m.template(item)
		if err != nil {
			return value.Value{}, err
		}
		if v.IsAbsent() {
			v = value.Null()
		}
		if key.Marked() {
			origins = append(origins, key.Taint()...)
		}
		b.Set(key.Str(), v)
	}
	return b.Build().Mark(origins...), nil
}

// locate adds to an error where its expression stands.
func (t *Template) locate(err error, offset int) error {
	var e *Error
	if errors.As(err, &e) && e.Path == nil {
		e.Path, e.Column = t.path, 1+utf8.RuneCountInString(t.text[:min(offset, len(t.text))])
	}
	return err
}

func (m *machine) interpolate(t *Template) (value.Value, error) {
	start := len(m.text)
	var origins []value.Origin
	for i := range t.pieces {
		p := &t.pieces[i]
		if p.expr == nil {
			m.text = append(m.text, p.literal...)
			continue
		}
		v, err := m.eval(p.expr)
		if err != nil {
			return value.Value{}, t.locate(err, p.offset+p.expr.column)
		}
		before := len(m.text)
		m.text = AppendText(m.text, v)
		if err := m.spend(len(m.text) - before); err != nil {
			return value.Value{}, t.locate(err, p.offset)
		}
		if v.Marked() {
			origins = append(origins, v.Taint()...)
		}
	}
	v := value.Text(m.text[start:]).Mark(origins...)
	m.text = m.text[:start]
	return v, nil
}

var errTooMuch = "The template language expression produces more than it may."

// spend takes produced bytes or elements from the budget.
func (m *machine) spend(n int) error {
	if m.bytes -= int64(n); m.bytes < 0 {
		return failure("%s", errTooMuch)
	}
	return nil
}

// room tells whether the budget allows n bytes, before they are made.
func (m *machine) room(n int) error {
	if int64(n) > m.bytes {
		return failure("%s", errTooMuch)
	}
	return nil
}

// step takes steps from the budget.
func (m *machine) step(n int64) error {
	if m.steps -= n; m.steps < 0 {
		return failure("The template language expression takes more steps than it may.")
	}
	return nil
}

func (m *machine) eval(n *node) (value.Value, error) {
	switch n.kind {
	case literalNode:
		return n.literal, nil
	case templateNode:
		return m.template(n.template)
	}
	if m.steps--; m.steps < 0 {
		return value.Value{}, m.step(0)
	}
	v, err := m.callNode(n)
	if err != nil || len(n.derefs) == 0 {
		return v, err
	}
	return m.selectFrom(n, v)
}

func (m *machine) callNode(n *node) (value.Value, error) {
	switch n.kind {
	case unknownNode:
		return value.Value{}, failure("%s", undefined(n.name))
	case arityNode:
		return value.Value{}, failure("%s", n.arity)
	case readNode:
		return n.function.read(m, n)
	case lazyNode:
		return n.function.lazy(m, n)
	}
	base := len(m.args)
	marked := false
	for _, a := range n.args {
		v := a.literal
		if a.kind != literalNode {
			var err error
			if v, err = m.eval(a); err != nil {
				m.args = m.args[:base]
				return value.Value{}, err
			}
		}
		m.args = append(m.args, v)
		marked = marked || v.Marked()
	}
	args := m.args[base:]
	v, err := m.apply(n.function, args)
	if marked {
		v, err = carry(n.function, args, v, err)
	}
	m.args = m.args[:base]
	return v, err
}

// apply runs the body of a function on checked arguments.
func (m *machine) apply(f *Function, args []value.Value) (value.Value, error) {
	if f.typed {
		if err := f.checkTypes(args); err != nil {
			return value.Value{}, err
		}
	}
	m.call.Args, m.call.fn = args, f
	v, err := f.Body(&m.call)
	if err == nil {
		err = m.spend(size(v))
	}
	return v, err
}

// carry gives a result the origins of all arguments. The message of an error may
// quote one of them, and is replaced.
func carry(f *Function, args []value.Value, v value.Value, err error) (value.Value, error) {
	if err != nil {
		return value.Value{}, failure("The template language function '%s' failed; its parameters derive from a secret and are not shown.", f.Name)
	}
	var origins []value.Origin
	for _, a := range args {
		origins = append(origins, a.Taint()...)
	}
	return v.Mark(origins...), nil
}

// size is what a result costs: the characters of a text, the elements of a
// collection.
func size(v value.Value) int {
	switch v.Kind() {
	case value.KindString:
		return len(v.Str())
	case value.KindArray, value.KindObject:
		return elementCost * v.Len()
	}
	return 0
}

func failure(format string, args ...any) error {
	return &Error{Code: invalidTemplate, Message: fmt.Sprintf(format, args...)}
}
