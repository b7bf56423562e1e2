package expr_test

import (
	"os"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// The module in bench/ compares the same expressions with other engines.
const benchmarkFile = "testdata/benchmark.json"

func benchmarkData(tb testing.TB) value.Value {
	tb.Helper()
	data, err := os.ReadFile(benchmarkFile)
	if err != nil {
		tb.Fatal(err)
	}
	v, err := value.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// readyScope answers from values that are there already: what is measured is the
// evaluator.
type readyScope struct {
	expr.NoScope // what the expressions do not refer to
	actions      map[string]value.Value
	parameters   map[string]value.Value
	variables    map[string]value.Value
	trigger      value.Value
	item         value.Value
}

func newReadyScope(data value.Value) *readyScope {
	group := func(name string) map[string]value.Value {
		found := map[string]value.Value{}
		for key, v := range data.Member(name).Members {
			found[key] = v
		}
		return found
	}
	return &readyScope{actions: group("actions"), parameters: group("parameters"), variables: group("variables"), trigger: data.Member("trigger"), item: data.Member("item")}
}

func (s *readyScope) Action(name string) (value.Value, bool) {
	v, ok := s.actions[name]
	return v, ok
}

func (s *readyScope) Outputs(name, member string) (value.Value, bool) {
	v, ok := s.actions[name]
	if v = v.Member("outputs"); member != "" {
		v = v.Member(member)
	}
	return v, ok
}

func (s *readyScope) TriggerOutputs() (value.Value, bool) { return s.trigger.Member("outputs"), true }

func (s *readyScope) Parameter(name string) (value.Value, bool) {
	v, ok := s.parameters[name]
	return v, ok
}

func (s *readyScope) Variable(name string) (value.Value, bool) {
	v, ok := s.variables[name]
	return v, ok
}

func (s *readyScope) Trigger() (value.Value, bool) { return s.trigger, true }
func (s *readyScope) Item() (value.Value, bool)    { return s.item, true }

func compiled(tb testing.TB, v value.Value) *expr.Template {
	tb.Helper()
	t, problems := expr.CompileTemplate(v, nil)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return t
}

// evaluating measures one template with an Env that serves all evaluations, as
// that of an action does.
func evaluating(b *testing.B, t *expr.Template, env *expr.Env) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Evaluate(env); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	file := benchmarkData(b)
	env := &expr.Env{Scope: newReadyScope(file.Member("data"))}
	for _, e := range file.Member("expressions").Elements {
		t := compiled(b, e.Member("latchwork"))
		if got, err := t.Evaluate(env); err != nil || !expr.Equal(got, e.Member("want")) {
			b.Fatalf("%v gives %v and %v instead of %v", e.Member("latchwork"), got, err, e.Member("want"))
		}
		b.Run(e.Member("name").Str(), func(b *testing.B) { evaluating(b, t, env) })
	}
}

// BenchmarkPropertyChain is what most expressions are made of.
func BenchmarkPropertyChain(b *testing.B) {
	env := &expr.Env{Scope: newReadyScope(benchmarkData(b).Member("data"))}
	evaluating(b, compiled(b, value.String("@body('Get_order')?['customer']?['city']")), env)
}

// BenchmarkAction evaluates the inputs of an HTTP action: 2 KB with a dozen
// expressions in them.
func BenchmarkAction(b *testing.B) {
	file := benchmarkData(b)
	evaluating(b, compiled(b, file.Member("action")), &expr.Env{Scope: newReadyScope(file.Member("data"))})
}

// BenchmarkCompile compiles all expressions of the set in each step.
func BenchmarkCompile(b *testing.B) {
	var texts []value.Value
	for _, e := range benchmarkData(b).Member("expressions").Elements {
		texts = append(texts, e.Member("latchwork"))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			expr.CompileTemplate(text, nil)
		}
	}
}
