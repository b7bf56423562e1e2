package expr

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	Function{Name: "if", Min: 3, Max: 3, Doc: "One of two values; only that one is evaluated.", lazy: ifElse,
		Examples: []Example{{"@if(equals(1,1),'yes','no')", `"yes"`}}},
	Function{Name: "and", Min: 1, Max: -1, Doc: "Whether all are true; stops at the first false.", lazy: shortCut("and", false),
		Examples: []Example{{"@and(true,false)", `false`}}},
	Function{Name: "or", Min: 1, Max: -1, Doc: "Whether one is true; stops at the first true.", lazy: shortCut("or", true),
		Examples: []Example{{"@or(false,true)", `true`}}},
	Function{Name: "coalesce", Min: 1, Max: -1, Doc: "The first value that is not null.", lazy: coalesce,
		Examples: []Example{{"@coalesce(null,'a','b')", `"a"`}}},
	Function{Name: "not", Min: 1, Max: 1, Doc: "The opposite.", Body: not, Examples: []Example{{"@not(false)", `true`}}},
	Function{Name: "equals", Min: 2, Max: -1, Doc: "Whether all values equal the first.", Body: func(c *Call) (value.Value, error) {
		for _, a := range c.Args[1:] {
			if !Equal(c.Args[0], a) {
				return value.Bool(false), nil
			}
		}
		return value.Bool(true), nil
	}, Examples: []Example{{"@equals(1,1.0)", `true`}, {"@equals(101,'101')", `false`}}},
	compare("greater", "Whether the first is greater than the second.", func(c int) bool { return c == 1 }),
	compare("greaterOrEquals", "Whether the first is greater than or equal to the second.", func(c int) bool { return c == 0 || c == 1 }),
	compare("less", "Whether the first is less than the second.", func(c int) bool { return c == -1 }),
	compare("lessOrEquals", "Whether the first is less than or equal to the second.", func(c int) bool { return c == -1 || c == 0 }),
)

// marked gives a result the origins of what decided on it only where the value
// itself derives from it: which branch was taken is no secret (architecture §8).
func ifElse(m *machine, n *node) (value.Value, error) {
	condition, err := m.eval(n.args[0])
	if err != nil {
		return value.Value{}, err
	}
	yes, ok := condition.AsBool()
	switch {
	case !ok:
		return value.Value{}, failure("The template language function 'if' expects its first parameter to be of type boolean. The provided value is of type '%s'.%s", condition.Kind(), usage("if"))
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

func not(c *Call) (value.Value, error) {
	b, ok := c.Args[0].AsBool()
	if !ok {
		return value.Value{}, failure("The template language function 'not' expects its parameter to be a boolean. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage("not"))
	}
	return value.Bool(!b), nil
}

func compare(name, doc string, holds func(int) bool) Function {
	return Function{Name: name, Min: 2, Max: 2, Doc: doc, Body: func(c *Call) (value.Value, error) {
		a, b := c.Args[0], c.Args[1]
		ka, kb := a.Kind(), b.Kind()
		switch {
		case isNumber(ka) && isNumber(kb):
			return value.Bool(holds(compareNumbers(a, b))), nil
		case ka == value.KindString && kb == value.KindString:
			return value.Bool(holds(strings.Compare(strings.ToUpper(a.Str()), strings.ToUpper(b.Str())))), nil
		case (isNumber(ka) || ka == value.KindString) && (isNumber(kb) || kb == value.KindString):
			return value.Value{}, failure("The template language function '%s' expects two parameter of matching types. The function was invoked with values of type '%s' and '%s' that do not match.", name, ka, kb)
		}
		var wrong []string
		for _, k := range []value.Kind{ka, kb} {
			if !isNumber(k) {
				wrong = append(wrong, "'"+k.String()+"'")
			}
		}
		return value.Value{}, failure("The template language function '%s' expects all of its parameters to be either integer or decimal numbers. Found invalid parameter types: %s.", name, strings.Join(wrong, ", "))
	}}
}
