package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// TestTrace: each expression with its parts, in document order; parts of a lazy call
// that were not evaluated are left out, those of one that fails are not.
func TestTrace(t *testing.T) {
	for template, want := range map[string]string{
		`1`:            ``,
		`"@@x"`:        ``,
		`"@add(1, 2)"`: `: add(1, 2) = 3`,
		`{"a":[1,"@concat('x', string(2))"],"b":{"c":"one @{toUpper('y')} two @{add(1,1)}"}}`: `a[1]: concat('x', string(2)) = "x2" (string(2) = "2")
b.c: toUpper('y') = "Y"
b.c: add(1,1) = 2`,
		`"@createArray('a''(', 'b')[sub(2, 1)]"`:   `: createArray('a''(', 'b')[sub(2, 1)] = "b" (createArray('a''(', 'b') = ["a'(","b"], sub(2, 1) = 1)`,
		`"@if(true, add(1,1), div(1,0))"`:          `: if(true, add(1,1), div(1,0)) = 2 (add(1,1) = 2)`,
		`"@add(1, div(1, 0))"`:                     `: add(1, div(1, 0)) ! (div(1, 0) !)`,
		`"@json('{\"a\":{\"b\":1}}')?['a']?['b']"`: `: json('{"a":{"b":1}}')?['a']?['b'] = 1 (json('{"a":{"b":1}}') = {"a":{"b":1}})`,
	} {
		v, err := value.Parse([]byte(template))
		if err != nil {
			t.Fatal(err)
		}
		compiled, problems := expr.CompileTemplate(v, nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var got []string
		for _, one := range compiled.Trace(&expr.Env{Scope: expr.NoScope{}}) {
			got = append(got, one.Path+": "+shown(one))
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%s\n got %s\nwant %s", template, text, want)
		}
	}
}

func shown(one expr.Traced) string {
	s := one.Text + " = " + string(value.Reveal(one.Value))
	if one.Err != nil {
		s = one.Text + " !"
	}
	var parts []string
	for _, p := range one.Parts {
		parts = append(parts, shown(p))
	}
	if len(parts) > 0 {
		s += fmt.Sprintf(" (%s)", strings.Join(parts, ", "))
	}
	return s
}

// TestTraceHasOneBudget: a trace costs no more than one evaluation may.
func TestTraceHasOneBudget(t *testing.T) {
	deep := strings.Repeat("add(1,", 200) + "1" + strings.Repeat(")", 200)
	compiled, problems := expr.CompileTemplate(value.Strings("@"+deep, "@"+deep), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	list := compiled.Trace(&expr.Env{Scope: expr.NoScope{}, Budget: expr.Budget{Steps: 300}})
	if len(list) != 1 || list[0].Err != nil {
		t.Errorf("%d expressions", len(list))
	}
}
