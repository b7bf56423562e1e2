// Package bench compares the expression language with two engines for Go, on 22
// expressions as definitions have them, over the same data. It is a module of its
// own so that nothing else depends on those engines.
package bench

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchwork/latchwork/shared/value"
)

// expression is one of the set, written for each engine in its own way. Where the
// languages differ, the others get the form that costs them least and has the same
// result on this data: a plain selection in CEL where ours allows for a member that
// is missing, startsWith with regard to case where ours has none.
type expression struct {
	Name      string
	Latchwork string
	CEL       string
	Expr      string
	Want      json.RawMessage
}

// set is the expressions and what they are about, once for each data model.
type set struct {
	expressions []expression
	values      value.Value
	natives     map[string]any
}

// load reads the file that the benchmarks of the main module read too.
func load(tb testing.TB) set {
	tb.Helper()
	data, err := os.ReadFile("../shared/expr/testdata/benchmark.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		Data        json.RawMessage
		Expressions []expression
	}
	if err := json.Unmarshal(data, &file); err != nil {
		tb.Fatal(err)
	}
	s := set{expressions: file.Expressions}
	if s.values, err = value.Parse(file.Data); err != nil {
		tb.Fatal(err)
	}
	numbers := json.NewDecoder(strings.NewReader(string(file.Data)))
	numbers.UseNumber()
	if err := numbers.Decode(&s.natives); err != nil {
		tb.Fatal(err)
	}
	s.natives = whole(s.natives).(map[string]any)
	return s
}

// whole makes integers of the numbers, which in this data have no fraction: all
// three engines calculate with integers.
func whole(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, _ := v.Int64()
		return int(n)
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for key := range maps.Keys(v) {
			v[key] = whole(v[key])
		}
	}
	return v
}

func setUp(tb testing.TB) (set, []engine) {
	tb.Helper()
	s := load(tb)
	list, err := engines(s)
	if err != nil {
		tb.Fatal(err)
	}
	return s, list
}

func compileOne(tb testing.TB, on engine, e expression) program {
	tb.Helper()
	p, err := on.compile(on.text(e))
	if err != nil {
		tb.Fatalf("%s: %s: %v", on.name, e.Name, err)
	}
	return p
}

// TestEnginesAgree: what is compared has the same result.
func TestEnginesAgree(t *testing.T) {
	s, list := setUp(t)
	for _, on := range list {
		for _, e := range s.expressions {
			got, err := compileOne(t, on, e)()
			if err != nil {
				t.Errorf("%s: %s: %v", on.name, e.Name, err)
				continue
			}
			text, err := on.json(got)
			if err != nil {
				t.Errorf("%s: %s: %v", on.name, e.Name, err)
				continue
			}
			if diff := cmp.Diff(parsed(t, e.Want), parsed(t, text)); diff != "" {
				t.Errorf("%s: %s: %s", on.name, e.Name, diff)
			}
		}
	}
}

func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func BenchmarkSet(b *testing.B) {
	s, list := setUp(b)
	for _, on := range list {
		b.Run(on.name, func(b *testing.B) {
			for _, e := range s.expressions {
				p := compileOne(b, on, e)
				b.Run(e.Name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if _, err := p(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkHarmonicMean evaluates the whole set in each step. Evaluations divided
// by the time that all of them took is the harmonic mean of the rates of the single
// expressions.
func BenchmarkHarmonicMean(b *testing.B) {
	s, list := setUp(b)
	for _, on := range list {
		programs := make([]program, len(s.expressions))
		for i, e := range s.expressions {
			programs[i] = compileOne(b, on, e)
		}
		b.Run(on.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range programs {
					if _, err := p(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(programs))/b.Elapsed().Seconds(), "evals/s")
		})
	}
}

// BenchmarkCompile compiles the whole set in each step.
func BenchmarkCompile(b *testing.B) {
	s, list := setUp(b)
	for _, on := range list {
		b.Run(on.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range s.expressions {
					if _, err := on.compile(on.text(e)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
