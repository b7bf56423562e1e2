package expr_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
)

// TestPlace: what is shown to a person is the innermost part that fails. The mark
// in each text stands behind the place.
func TestPlace(t *testing.T) {
	context := parse(t, expr.ExampleContext)
	for _, marked := range []string{
		"@add(1,⟦int('x'))",
		"@concat('ü€😀',⟦int('x'))",
		"@⟦add(1,'x')",
		"@if(equals(1,2),1,toUpper(⟦toLower(1)))",
		"sum @{add(1,2)}, @{add(1,⟦int('x'))}",
		"@json('{\"a\":1}')['a']⟦['b']",
		"@json('{\"a\":1}')?.a.⟦b.c",
		"@body('Get')⟦['nothing']",
		"@body('Get')['value'][⟦int('x')]",
		"@createArray(1,2)⟦[5]",
		"@concat('a',⟦nothing(1))",
		"@concat('a',⟦add(1))",
		"@concat('a'⟦",
	} {
		before, after, _ := strings.Cut(marked, "⟦")
		_, err := expr.EvaluateText(before+after, context)
		var e *expr.Error
		if !errors.As(err, &e) || e.Column != len([]rune(before))+1 {
			t.Errorf("%s: %+v", marked, e)
		}
	}
	_, err := expr.EvaluateIn("@concat('abc',concat('def','ghi'))", context, expr.Ambient{Budget: expr.Budget{Bytes: 3}})
	var e *expr.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, "more than it may") || e.Column != 2 {
		t.Errorf("over budget: %+v", e)
	}
}

func TestDescription(t *testing.T) {
	got := expr.Find("SUBSTRING").Parameters()
	want := []expr.Parameter{
		{Name: "text", Type: "string", Checked: true}, {Name: "start", Type: "integer", Checked: true},
		{Name: "length", Type: "integer", Optional: true, Checked: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	got = expr.Find("concat").Parameters()
	if want = []expr.Parameter{{Name: "value", Type: "any", Repeats: true}}; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if expr.Find("nothing") != nil || expr.Find("body").Reads() != expr.RefAction || expr.Find("add").Reads() != 0 {
		t.Error("Find and Reads")
	}
	errs := expr.Find("substring").Errors()
	if len(errs) != 5 || !strings.Contains(errs[0], "expects two parameters, with an optional third parameter: text, start, length. The function was invoked with 'N' parameter(s)") ||
		!strings.Contains(errs[1], "expects its first parameter to be of type string. The provided value is of type 'T'") || !strings.Contains(errs[4], "out of range") {
		t.Errorf("%s", strings.Join(errs, "\n"))
	}
	for _, f := range expr.Functions() {
		if !slices.Contains(expr.Groups, f.Group) {
			t.Errorf("%s is in the group %q, which the reference does not show", f.Name, f.Group)
		}
		for _, message := range f.Errors() {
			if strings.Contains(message, "'Null'") {
				t.Errorf("%s: %s", f.Name, message)
			}
		}
	}
}
