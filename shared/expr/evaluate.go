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
	DefaultBytes = 512 << 20
)

// machine is one evaluation.
type machine struct {
	env   *Env
	steps int64
	bytes int64
}

// Evaluate returns the value of the template. The error is an *Error.
func (t *Template) Evaluate(env *Env) (value.Value, error) {
	if t.isFixed {
		return t.constant, nil
	}
	m := &machine{env: env, steps: env.Budget.Steps, bytes: env.Budget.Bytes}
	if m.steps == 0 {
		m.steps = DefaultSteps
	}
	if m.bytes == 0 {
		m.bytes = DefaultBytes
	}
	return m.template(t)
}

func (m *machine) template(t *Template) (value.Value, error) {
	switch {
	case t.isFixed:
		return t.constant, nil
	case t.whole != nil:
		v, err := m.eval(t.whole)
		return v, t.locate(err, t.offset+t.whole.column)
	case t.pieces != nil:
		return m.interpolate(t)
	case t.isObject:
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
				v = value.Null() // an expression that finds nothing leaves null
			}
			b.Set(key.Str(), v)
		}
		return b.Build(), nil
	default:
		items := make([]value.Value, len(t.items))
		for i, item := range t.items {
			v, err := m.template(item)
			if err != nil {
				return value.Value{}, err
			}
			if v.IsAbsent() {
				v = value.Null()
			}
			items[i] = v
		}
		return value.Array(items...), nil
	}
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
	var b strings.Builder
	var origins []value.Origin
	for _, p := range t.pieces {
		if p.expr == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := m.eval(p.expr)
		if err != nil {
			return value.Value{}, t.locate(err, p.offset+p.expr.column)
		}
		text := TextOf(v)
		if err := m.spend(len(text)); err != nil {
			return value.Value{}, t.locate(err, p.offset)
		}
		b.WriteString(text)
		origins = append(origins, v.Taint()...)
	}
	return value.String(b.String()).Mark(origins...), nil
}

// spend takes produced bytes or elements from the budget.
func (m *machine) spend(n int) error {
	if m.bytes -= int64(n); m.bytes < 0 {
		return &Error{Code: invalidTemplate, Message: "The template language expression produces more than it may."}
	}
	return nil
}

func (m *machine) eval(n *node) (value.Value, error) {
	switch {
	case n.template != nil:
		return m.template(n.template)
	case n.function == nil && !n.unknown:
		return n.literal, nil
	}
	if m.steps--; m.steps < 0 {
		return value.Value{}, &Error{Code: invalidTemplate, Message: "The template language expression takes more steps than it may."}
	}
	v, err := m.call(n)
	if err != nil || len(n.derefs) == 0 {
		return v, err
	}
	return m.selectFrom(n, v)
}

func (m *machine) call(n *node) (value.Value, error) {
	switch f := n.function; {
	case n.unknown:
		return value.Value{}, failure("%s", undefined(n.name))
	case n.arity != "":
		return value.Value{}, failure("%s", n.arity)
	case f.read != nil:
		return f.read(m, n)
	case f.lazy != nil:
		return f.lazy(m, n)
	}
	args := make([]value.Value, len(n.args))
	var origins []value.Origin
	for i, a := range n.args {
		v, err := m.eval(a)
		if err != nil {
			return value.Value{}, err
		}
		args[i] = v
		if v.Marked() {
			origins = append(origins, v.Taint()...)
		}
	}
	v, err := n.function.Body(&Call{Args: args, env: m.env, name: n.function.Name})
	if err != nil {
		if len(origins) > 0 { // the message may quote an argument
			return value.Value{}, failure("The template language function '%s' failed; its parameters derive from a secret and are not shown.", n.function.Name)
		}
		return value.Value{}, err
	}
	if err := m.spend(size(v)); err != nil {
		return value.Value{}, err
	}
	return v.Mark(origins...), nil
}

// size is what a result costs: the characters of a text, the elements of a
// collection.
func size(v value.Value) int {
	if s, ok := v.AsString(); ok {
		return len(s)
	}
	return 16 * v.Len()
}

func failure(format string, args ...any) error {
	return &Error{Code: invalidTemplate, Message: fmt.Sprintf(format, args...)}
}

// selectFrom applies the selections of a call (expressions §5).
func (m *machine) selectFrom(n *node, v value.Value) (value.Value, error) {
	for i := range n.derefs {
		d := &n.derefs[i]
		key := value.Value{}
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
		v = next.Mark(key.Origins()...)
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
