package expr

import (
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// CompileCondition compiles the expression of an If or Until action: a string,
// or the object form, whose keys are function names in any case and whose values
// are their arguments (actions §7).
func CompileCondition(v value.Value, at *value.Path) (*Template, []value.Problem) {
	if v.Kind() != value.KindObject {
		return CompileTemplate(v, at)
	}
	c := &compiler{}
	t := &Template{impl{path: at, whole: c.condition(v, at)}}
	return t, c.problems
}

func (c *compiler) report(at *value.Path, format string, args ...any) *node {
	c.problems = append(c.problems, value.Problem{Code: invalidTemplate, Message: fmt.Sprintf(format, args...), Path: at})
	return &node{literal: value.Null()}
}

// condition makes one call of an object with one key.
func (c *compiler) condition(v value.Value, at *value.Path) *node {
	if v.Len() != 1 {
		return c.report(at, "A condition must be an object with exactly one key, the name of a function.")
	}
	name := v.KeyAt(0)
	place := at.Key(name)
	n := &node{name: name, source: name}
	args := v.At(0)
	if args.Kind() == value.KindArray {
		for i, a := range args.Elements {
			n.args = append(n.args, c.argument(a, place.Index(i)))
		}
	} else {
		n.args = append(n.args, c.argument(args, place)) // a single argument may stand alone
	}
	n.resolve()
	switch {
	case n.kind == unknownNode:
		return c.report(place, "%s", undefined(name))
	case n.arity != "":
		return c.report(place, "%s", n.arity)
	case n.function.read != nil:
		return c.report(place, "%s", here(name))
	}
	return n
}

// argument is a literal, a string with an expression, or a condition.
func (c *compiler) argument(v value.Value, at *value.Path) *node {
	switch v.Kind() {
	case value.KindObject:
		return c.condition(v, at)
	case value.KindArray:
		return c.report(at, "An array cannot stand in a condition; use createArray().")
	case value.KindString:
		if !strings.Contains(v.Str(), "@") {
			return &node{literal: v}
		}
		t := c.text(v, at)
		if literal, fixed := t.Constant(); fixed {
			return &node{literal: literal}
		}
		return &node{kind: templateNode, template: t}
	default:
		return &node{literal: v}
	}
}
