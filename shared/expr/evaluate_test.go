package expr_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// texts is a scope of variables.
type texts struct {
	expr.Scope
	of map[string]value.Value
}

func (s texts) Variable(name string) (value.Value, bool) {
	v, ok := s.of[name]
	return v, ok
}

// TestOneEnvServesManyEvaluations: what interpolations and functions write goes
// through memory that they share. It must neither mix nor outlive an evaluation,
// whether it fits where it begins or not, and whether the evaluation ends well.
func TestOneEnvServesManyEvaluations(t *testing.T) {
	long := strings.Repeat("0123456789", 700)
	env := &expr.Env{Scope: texts{of: map[string]value.Value{"short": value.String("ab"), "long": value.String(long), "n": value.Int(7)}}}
	var kept []value.Value
	var wanted []string
	for range 3 {
		for _, c := range []struct{ text, want string }{
			{"@concat('<',variables('short'),'>')", "<ab>"},
			{"x@{concat(variables('short'),'-',toUpper(variables('short')))}y@{variables('n')}z", "xab-ABy7z"},
			{"@concat(variables('long'),variables('short'),variables('long'))", long + "ab" + long},
			{"@{toUpper(variables('short'))}@{concat(variables('long'),'!')}@{replace('a-b','-',variables('short'))}", "AB" + long + "!aabb"},
			{"@{variables('short')}@{int(variables('long'))}", "error"},
			{"@concat('a','b',toUpper('c'),join(createArray(1,2,3,4,5,6,7,8,9,10,concat('x','y')),'+'),int('x'))", "error"},
			{"@join(createArray(concat('p','q'),toLower('RS'),base64('t')),'/')", "pq/rs/dA=="},
		} {
			tmpl, problems := expr.CompileTemplate(value.String(c.text), nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			v, err := tmpl.Evaluate(env)
			if c.want == "error" {
				if err == nil {
					t.Errorf("%s gives %v", c.text, v)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
			kept, wanted = append(kept, v), append(wanted, c.want)
		}
	}
	for i, v := range kept {
		if v.Str() != wanted[i] {
			t.Errorf("result %d is %.60q, want %.60q", i, v.Str(), wanted[i])
		}
	}
}

// TestCaseIsIgnoredAlikeInAndOutsideASCII: texts of ASCII are compared without
// making upper case of them, which must not show.
func TestCaseIsIgnoredAlikeInAndOutsideASCII(t *testing.T) {
	words := []string{"", "a", "A", "b", "ab", "AB", "abc", "abD", "a_", "a[", "a`", "a{", "aä", "AÄ", "ä", "Ä", "äb", "ß", "ss", "ı", "I", "i", "İ", "ſ", "s", "K", "k", "kx", "Kx", "a\U00010428", "a\U00010400"}
	env := &expr.Env{}
	is := func(function, a, b string) bool {
		quote := func(s string) string { return "'" + s + "'" }
		tmpl, problems := expr.CompileTemplate(value.String("@"+function+"("+quote(a)+","+quote(b)+")"), nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		v, err := tmpl.Evaluate(env)
		if err != nil {
			t.Fatal(err)
		}
		yes, _ := v.AsBool()
		return yes
	}
	upper := func(s string) string {
		tmpl, _ := expr.CompileTemplate(value.String("@toUpper('"+s+"')"), nil)
		v, err := tmpl.Evaluate(env)
		if err != nil {
			t.Fatal(err)
		}
		return v.Str()
	}
	for _, a := range words {
		for _, b := range words {
			x, y := upper(a), upper(b)
			for function, want := range map[string]bool{
				"startsWith": strings.HasPrefix(x, y), "endsWith": strings.HasSuffix(x, y),
				"less": x < y, "greater": x > y, "lessOrEquals": x <= y,
			} {
				if got := is(function, a, b); got != want {
					t.Errorf("%s(%q,%q) is %v", function, a, b, got)
				}
			}
		}
	}
}
