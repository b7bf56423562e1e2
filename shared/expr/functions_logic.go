package expr

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Logic (expressions §3, §7, §11). if, and, or and coalesce evaluate only what
// they need.
var _ = register(Logic,
	Function{Signature: "if(condition boolean, then any, else any)", Doc: "One of two values; only that one is evaluated.", lazy: ifElse,
		Examples: []Example{{"@if(equals(1,1),'yes','no')", `"yes"`}, {"@if(true,1,int('x'))", `1`}}},
	Function{Signature: "and(condition boolean, …)", Doc: "Whether all are true; stops at the first that is false.", lazy: shortCut("and", false),
		Examples: []Example{{"@and(true,false)", `false`}, {"@and(true,1)", `error: expects all of its parameters to be booleans`}}},
	Function{Signature: "or(condition boolean, …)", Doc: "Whether one is true; stops at the first that is.", lazy: shortCut("or", true),
		Examples: []Example{{"@or(false,true)", `true`}}},
	Function{Signature: "coalesce(value any, …)", Doc: "The first value that is not null.", lazy: coalesce,
		Examples: []Example{{"@coalesce(null,'a','b')", `"a"`}, {"@coalesce(null,'')", `""`}}},
	Function{Signature: "not(condition boolean)", Doc: "The opposite.", Body: func(c *Call) (value.Value, error) {
		b, _ := c.Args[0].AsBool()
		return value.Bool(!b), nil
	}, Examples: []Example{{"@not(false)", `true`}}},
	Function{Signature: "equals(value any, other any, …)", Doc: "Whether all values equal the first: numbers by value, texts with regard to case, never across types.", Body: equals,
		Examples: []Example{{"@equals(1,1.0)", `true`}, {"@equals(101,'101')", `false`}, {"@equals('a','A')", `false`}}},
	compare("greater", "Whether the first of two numbers, or texts, is greater.", func(c int) bool { return c == 1 }, Example{"@greater(2,1)", `true`}),
	compare("greaterOrEquals", "Whether the first of two numbers, or texts, is greater or equal.", func(c int) bool { return c == 0 || c == 1 }, Example{"@greaterOrEquals(1,1)", `true`}),
	compare("less", "Whether the first of two numbers, or texts, is less; texts ignoring case.", func(c int) bool { return c == -1 }, Example{"@less('a','B')", `true`}),
	compare("lessOrEquals", "Whether the first of two numbers, or texts, is less or equal.", func(c int) bool { return c == -1 || c == 0 }, Example{"@lessOrEquals(2,1)", `false`}),
)

// ifElse gives the branch as it is: which one was taken is no secret
// (architecture §8).
func ifElse(m *machine, n *node) (value.Value, error) {
	condition, err := m.eval(n.args[0])
	if err != nil {
		return value.Value{}, err
	}
	yes, ok := condition.AsBool()
	switch {
	case !ok:
		return value.Value{}, n.function.wrongType(0, booleanType, condition.Kind())
	case yes:
		return m.eval(n.args[1])
	}
	return m.eval(n.args[2])
}

func shortCut(name string, stop bool) func(*machine, *node) (value.Value, error) {
	return func(m *machine, n *node) (value.Value, error) {
		for _, a := range n.args {
			v, err := m.eval(a)
			if err != nil {
				return value.Value{}, err
			}
			b, ok := v.AsBool()
			if !ok {
				return value.Value{}, failure("The template language function '%s' expects all of its parameters to be booleans. Found invalid parameter types: '%s'.", name, v.Kind())
			}
			if b == stop {
				return value.Bool(stop), nil
			}
		}
		return value.Bool(!stop), nil
	}
}

func coalesce(m *machine, n *node) (value.Value, error) {
	for _, a := range n.args {
		if v, err := m.eval(a); err != nil || !v.IsNull() {
			return v, err
		}
	}
	return value.Null(), nil
}

func equals(c *Call) (value.Value, error) {
	for _, a := range c.Args[1:] {
		if !Equal(c.Args[0], a) {
			return value.Bool(false), nil
		}
	}
	return value.Bool(true), nil
}

func compare(name, doc string, holds func(int) bool, examples ...Example) Function {
	return Function{Signature: name + "(a any, b any)", Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		a, b := c.Args[0], c.Args[1]
		ka, kb := a.Kind(), b.Kind()
		switch {
		case isNumber(ka) && isNumber(kb):
			return value.Bool(holds(compareNumbers(a, b))), nil
		case ka == value.KindString && kb == value.KindString:
			return value.Bool(holds(compareFolded(a.Str(), b.Str()))), nil
		case (isNumber(ka) || ka == value.KindString) && (isNumber(kb) || kb == value.KindString):
			return value.Value{}, c.fail("expects two parameter of matching types. The function was invoked with values of type '%s' and '%s' that do not match.", ka, kb)
		}
		var wrong []string
		for _, k := range []value.Kind{ka, kb} {
			if !isNumber(k) {
				wrong = append(wrong, "'"+k.String()+"'")
			}
		}
		return value.Value{}, c.fail("expects all of its parameters to be either integer or decimal numbers. Found invalid parameter types: %s.", strings.Join(wrong, ", "))
	}}
}
