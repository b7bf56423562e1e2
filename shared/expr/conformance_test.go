package expr_test

import (
	"os"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// TestConformance runs every case of the project's own file; docs/conformance.md
// describes it.
func TestConformance(t *testing.T) {
	data, err := os.ReadFile("testdata/conformance.json")
	if err != nil {
		t.Fatal(err)
	}
	results, err := expr.RunCases(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) < 764 {
		t.Errorf("there are only %d cases", len(results))
	}
	seen := map[string]bool{}
	for _, r := range results {
		if seen[r.ID] {
			t.Errorf("%s is the id of two cases", r.ID)
		}
		seen[r.ID] = true
		if !r.Passed {
			t.Errorf("%s  %s\n  got   %s\n  want  %s", r.ID, r.Expression, r.Got, r.Want)
		}
	}
}

// TestConformanceFileHasItsForm: each case says what docs/conformance.md promises.
func TestConformanceFileHasItsForm(t *testing.T) {
	data, err := os.ReadFile("testdata/conformance.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range parse(t, string(data)).Elements {
		_, wants := c.Get("want")
		failure, fails := c.Get("wantError")
		switch {
		case c.Member("id").Str() == "" || c.Member("expr").Kind() != value.KindString || c.Member("source").Str() == "":
			t.Errorf("case %d lacks its id, expr or source", i)
		case wants == fails:
			t.Errorf("%s: one of want and wantError", c.Member("id"))
		case fails && (failure.Member("code").Str() == "" || !failure.Has("contains")):
			t.Errorf("%s: wantError has code and contains", c.Member("id"))
		}
	}
}

func TestRunCasesTellsWhatFails(t *testing.T) {
	results, err := expr.RunCases([]byte(`[
		{"id": "wrong result", "expr": "@add(1,2)", "want": 4},
		{"id": "fails", "expr": "@int('x')", "want": 4},
		{"id": "does not fail", "expr": "@add(1,2)", "wantError": {"code": "InvalidTemplate", "contains": ""}},
		{"id": "wrong code", "expr": "@int('x')", "wantError": {"code": "Other", "contains": ""}},
		{"id": "wrong message", "expr": "@int('x')", "wantError": {"code": "InvalidTemplate", "contains": "nothing of the kind"}}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Passed || r.Got == "" || r.Want == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, text := range []string{`{}`, `[`} {
		if _, err := expr.RunCases([]byte(text)); err == nil {
			t.Errorf("%s is a conformance file", text)
		}
	}
}
