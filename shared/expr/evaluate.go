package expr

import (
	"errors"
	"fmt"
	"strings"
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
	text  []byte        // of the interpolations that are being evaluated
	call  Call          // of the function whose body runs; bodies evaluate nothing
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
	m.env, m.busy = env, true
	if m.steps = env.Budget.Steps; m.steps == 0 {
		m.steps = DefaultSteps
	}
	if m.bytes = env.Budget.Bytes; m.bytes == 0 {
		m.bytes = DefaultBytes
	}
}

// end forgets what was evaluated: it may be secret, or large.
func (m *machine) end() {
	const kept = 64 << 10
	clear(m.args[:cap(m.args)])
	m.args = m.args[:0]
	clear(m.text[:cap(m.text)])
	if m.text = m.text[:0]; cap(m.text) > kept {
		m.text = nil
	}
	m.call = Call{}
	m.env, m.busy = nil, false
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
		b.Set(key.Str(), v)
	}
	return b.Build(), nil
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
	defer func() { m.text = m.text[:start] }()
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
	return value.String(string(m.text[start:])).Mark(origins...), nil
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
		v, err := m.eval(a)
		if err != nil {
			m.args = m.args[:base]
			return value.Value{}, err
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
	if err := f.checkTypes(args); err != nil {
		return value.Value{}, err
	}
	m.call = Call{Args: args, env: m.env, fn: f, m: m}
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

// selectFrom applies the selections of a call (expressions §5).
func (m *machine) selectFrom(n *node, v value.Value) (value.Value, error) {
	for i := range n.derefs {
		d := &n.derefs[i]
		var key value.Value
		if !d.isName {
			var err error
			if key, err = m.eval(d.index); err != nil {
				return value.Value{}, err
			}
		}
		next, err := m.selectOne(n, d, v, key)
		if err != nil {
			return value.Value{}, err
		}
		if v = next; !d.isName {
			v = next.Mark(key.Origins()...)
		}
	}
	return v, nil
}

func (m *machine) selectOne(n *node, d *deref, v, key value.Value) (value.Value, error) {
	name, isText := d.name, d.isName
	if !isText {
		name, isText = key.AsString()
	}
	shown := name
	if !isText {
		shown = TextOf(key)
	}
	if key.Marked() || v.Marked() {
		shown = value.Redacted
	}
	cannot := func(why string) (value.Value, error) {
		return value.Value{}, failure("The template language expression '%s' cannot be evaluated because property '%s' cannot be selected.%s%s",
			n.source, shown, why, usageOfErrors)
	}
	switch v.Kind() {
	case value.KindNull:
		if d.safe {
			return value.Null().Mark(v.Origins()...), nil
		}
		return cannot("")
	case value.KindObject:
		if !isText {
			return cannot(" Object properties can only be selected using a string.")
		}
		if member, ok := v.Get(name); ok {
			return member, nil
		}
		if d.safe {
			return value.Null().Mark(v.Origins()...), nil
		}
		return value.Value{}, failure("The template language expression '%s' cannot be evaluated because property '%s' doesn't exist, available properties are '%s'.%s",
			n.source, shown, available(v), usageOfErrors)
	case value.KindArray:
		i, isInt := key.AsInt()
		if !isInt {
			return cannot(" Array elements can only be selected using an integer index.")
		}
		if i >= 0 && i < int64(v.Len()) {
			return v.At(int(i)), nil
		}
		if d.safe {
			return value.Null().Mark(v.Origins()...), nil
		}
		return value.Value{}, failure("The template language expression '%s' cannot be evaluated because array index '%d' is outside bounds (0, %d) of array.%s",
			n.source, i, v.Len()-1, usageOfErrors)
	default:
		return cannot(fmt.Sprintf(" Property selection is not supported on values of type '%s'.", v.Kind()))
	}
}

const usageOfErrors = " Please see https://aka.ms/logicexpressions for usage details."

func available(v value.Value) string {
	if len(v.Origins()) > 0 {
		return value.Redacted
	}
	var names []string
	for k := range v.Members {
		names = append(names, k)
	}
	return strings.Join(names, ", ")
}
