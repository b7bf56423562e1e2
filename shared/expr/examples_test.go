package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

func parse(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestExamples: what the reference shows is true.
func TestExamples(t *testing.T) {
	context := parse(t, expr.ExampleContext)
	all := expr.Functions()
	if len(all) != 138 {
		t.Errorf("there are %d functions", len(all))
	}
	for _, f := range all {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") || len(f.Examples) == 0 {
			t.Errorf("%s has no documentation or no example", f.Name)
		}
		for _, x := range f.Examples {
			got, err := expr.EvaluateText(x.Expression, context)
			message, wantError := strings.CutPrefix(x.Result, "error: ")
			switch {
			case !strings.Contains(strings.ToLower(x.Expression), strings.ToLower(f.Name)+"("):
				t.Errorf("%s: the example %s is of another function", f.Name, x.Expression)
			case wantError && (err == nil || !strings.Contains(err.Error(), message)):
				t.Errorf("%s: got %s %v, want an error with %q", x.Expression, got, err, message)
			case !wantError && err != nil:
				t.Errorf("%s: %v", x.Expression, err)
			case !wantError && string(value.JSON(got)) != string(value.JSON(parse(t, x.Result))):
				t.Errorf("%s: got %s, want %s", x.Expression, got, x.Result)
			}
		}
	}
}

// scope answers from a context; see expr.EvaluateText.
func env() *expr.Env {
	return &expr.Env{Ambient: expr.Ambient{
		Now:  func() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) },
		Rand: func(n int64) int64 { return n - 1 },
	}}
}

func compile(t testing.TB, text string) *expr.Template {
	t.Helper()
	template, problems := expr.CompileTemplate(value.String(text), nil)
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("%.200s: %s", text, p.Message)
		}
	}
	return template
}

// TestBudget: every expression ends, and none takes all memory.
func TestBudget(t *testing.T) {
	repeated := "'0123456789'"
	for range 40 { // 10 × 2^40 characters, if nothing stopped it
		repeated = "replace(" + repeated + ",'0','0123456789012')"
	}
	nested := "range(1,100000)"
	for range 4 {
		nested = "createArray(" + nested + "," + nested + "," + nested + ")"
	}
	for name, text := range map[string]string{
		"replace":     "@" + repeated,
		"arrays":      "@length(string(" + nested + "))",
		"range":       "@range(1,1000000)",
		"joined":      "@join(split(" + strings.Repeat("replace(", 12) + "'aaaaaaaaaaaaaaaa'" + strings.Repeat(",'a','aaaaaaaaaaaaaaaa')", 12) + ",'a'),'bbbbbbbbbbbbbbbbbbbbbbbbbbbbb')",
		"intersected": "@intersection(range(1,100000),range(1,100000))",
	} {
		_, err := compile(t, text).Evaluate(env())
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	e := env()
	e.Budget = expr.Budget{Steps: 2}
	if _, err := compile(t, "@add(1,add(2,add(3,4)))").Evaluate(e); err == nil || !strings.Contains(err.Error(), "more steps") {
		t.Errorf("steps: %v", err)
	}
	e.Budget = expr.Budget{Bytes: 5}
	if _, err := compile(t, "@concat('abc','def')").Evaluate(e); err == nil || !strings.Contains(err.Error(), "more than it may") {
		t.Errorf("bytes: %v", err)
	}
	if v, err := compile(t, "@concat('ab','cd')").Evaluate(e); err != nil || v.Str() != "abcd" {
		t.Errorf("the budget is of one evaluation: %s %v", v, err)
	}
}

// TestLimits: what is too long or nests too deep is refused when it is compiled.
func TestLimits(t *testing.T) {
	for name, text := range map[string]string{
		"8193 characters": "@concat('" + strings.Repeat("x", 8193-len("concat('')")) + "')",
		"deep calls":      "@" + strings.Repeat("not(", 300) + "true" + strings.Repeat(")", 300),
		"deep selections": "@" + strings.Repeat("item()[", 300) + "0" + strings.Repeat("]", 300),
	} {
		if _, problems := expr.CompileTemplate(value.String(text), nil); len(problems) == 0 {
			t.Errorf("%s: no problem", name)
		}
	}
	compile(t, "@concat('"+strings.Repeat("x", 8192-len("concat('')"))+"')")
}

// TestErrorsKeepSecrets: no message quotes what derives from a secret, and results
// carry its origin.
func TestErrorsKeepSecrets(t *testing.T) {
	secret := value.String("canary-secret").Mark(value.Origin{Class: value.Secured, Name: "vault:x"})
	e := env()
	e.Scope = secretScope{item: value.Object(value.Member{Key: "s", Value: secret}, value.Member{Key: "n", Value: value.Int(1)})}
	for _, text := range []string{
		"@json(item()['s'])", "@int(item()['s'])", "@addDays(item()['s'],1)", "@dataUriToString(item()['s'])", "@uriHost(item()['s'])",
		"@item()[item()['s']]", "@item()['s']['x']", "@convertFromUtc('2026-01-01',item()['s'])", "@addProperty(item(),'s',1)",
		"@formatNumber(1,item()['s'],item()['s'])", "@xml(item()['s'])", "@variables(item()['s'])", "@body(item()['s'])", "@formDataValue(item()['s'],'x')", "@formDataValue('Form',item()['s'])", "@createArray(1)[item()['s']]",
	} {
		_, err := compile(t, text).Evaluate(e)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"@concat('a',item()['s'])", "x @{item()['s']}", "@toUpper(item()['s'])", "@createArray(item()['s'])", "@length(item()['s'])", "@split(item()['s'],'-')[0]",
		"@string(item())", "@base64(item()['s'])", "@first(createArray(item()['s']))", "@substring(item()['s'],0,3)", "@if(true,item()['s'],1)", "@coalesce(null,item()['s'])",
	} {
		v, err := compile(t, text).Evaluate(e)
		if err != nil || !v.Marked() || strings.Contains(v.String(), "canary") {
			t.Errorf("%s: %s %v", text, v, err)
		}
	}
	named, problems := expr.CompileTemplate(parse(t, `{"a":{"x@{item()['s']}":1},"b":2}`), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if v, err := named.Evaluate(e); err != nil || !v.Marked() || v.String() != `{"a":"[redacted]","b":2}` {
		t.Errorf("a name that derives from a secret: %s %v", v, err)
	}
	if v, err := compile(t, "@item()['n']").Evaluate(e); err != nil || v.Marked() {
		t.Errorf("what does not derive from a secret: %s %v", v, err)
	}
}

type secretScope struct {
	expr.NoScope
	item value.Value
}

// Outputs are those of a form with two fields of one name.
func (s secretScope) Outputs(action, _ string) (value.Value, bool) {
	form, err := value.Parse([]byte(`{"headers":{"Content-Type":"application/x-www-form-urlencoded"},
		"body":{"$formdata":[{"key":"canary-secret","value":"1"},{"key":"canary-secret","value":"2"}]}}`))
	return form, err == nil && action == "Form"
}

func (s secretScope) Item() (value.Value, bool) { return s.item, true }
