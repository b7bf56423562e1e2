package definition_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// deferring is a catalog of types that evaluate their inputs in other ways.
type deferring struct{ catalog }

func (deferring) Action(typ string) (definition.Spec, bool) {
	s, ok := map[string]definition.Spec{
		"filter": {Type: "Filter", Required: []string{"from", "where"}, Deferred: []string{"where"}, Bare: "from"},
		"table":  {Type: "Table", Required: []string{"from"}, Deferred: []string{"columns[].value"}},
		"clock": {Type: "Clock", Kinds: []definition.Kind{
			{Name: "Now", Body: "@utcNow()"},
			{Name: "Later", Required: []string{"interval"}, Body: "@addDays(utcNow(),item()['interval'])"}}},
	}[strings.ToLower(typ)]
	return s, ok
}

func compileDeferring(t *testing.T, actions string) (*definition.Program, []value.Problem) {
	t.Helper()
	v, err := value.Parse([]byte(`{"actions":` + actions + `}`))
	if err != nil {
		t.Fatalf("%s: %v", actions, err)
	}
	return definition.Compile(definition.Source{Name: "test", Definition: v}, deferring{})
}

func deferred(a *definition.Action) string {
	var names []string
	for name := range a.Deferred {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestDeferredInputs: what the operation evaluates is kept apart, and the rest is
// what is evaluated and recorded.
func TestDeferredInputs(t *testing.T) {
	for _, c := range []struct{ action, deferred, inputs string }{
		{`{"type":"Filter","inputs":{"from":[1,2],"where":"@equals(item(),1)"}}`, "where", `[1,2]`},
		{`{"type":"Filter","inputs":{"FROM":[1,2],"Where":"@equals(item(),1)"}}`, "where", `[1,2]`},
		{`{"type":"Table","inputs":{"from":[],"columns":[{"header":"@concat('a','b')","value":"@item()"},{"header":"c"},{"value":"x"}]}}`,
			"columns[0].value columns[2].value", `{"from":[],"columns":[{"header":"ab"},{"header":"c"},{}]}`},
		{`{"type":"Table","inputs":{"from":[],"columns":"@createArray(1)"}}`, "", `{"from":[],"columns":[1]}`},
		{`{"type":"Table","inputs":{"from":[],"columns":[7]}}`, "", `{"from":[],"columns":[7]}`},
		{`{"type":"Table","inputs":"@json('{}')"}`, "", `{}`},
		{`{"type":"Clock","kind":"later","inputs":{"interval":1}}`, "Later", `{"interval":1}`},
	} {
		p, problems := compileDeferring(t, `{"a":`+c.action+`}`)
		if p == nil {
			t.Errorf("%s: %v", c.action, problems)
			continue
		}
		a := p.Action("a")
		v, err := a.Inputs.Evaluate(&expr.Env{})
		if got := string(value.Reveal(v)); err != nil || got != c.inputs || deferred(a) != c.deferred {
			t.Errorf("%s: %s, deferred %q, %v", c.action, got, deferred(a), err)
		}
	}
	if p, problems := compileDeferring(t, `{"a":{"type":"Clock","kind":"NOW"}}`); p == nil || p.Action("a").Kind != "Now" || p.Action("a").Inputs != nil {
		t.Errorf("a kind without inputs: %v", problems)
	}
}

// TestDeferredProblems: what stands in deferred members is checked like the rest.
func TestDeferredProblems(t *testing.T) {
	for _, c := range []struct{ action, code, path, message string }{
		{`{"type":"Filter","inputs":{"from":[],"where":"@equals(item("}}`, "InvalidTemplate", "$.actions.a.inputs.where", ""},
		{`{"type":"Filter","inputs":{"from":[],"where":"@equals(item(),body('b'))"}}`, "InvalidTemplate", "$.actions.a.inputs.where", "'b', which does not exist"},
		{`{"type":"Filter","inputs":{"from":[]}}`, "WorkflowRunActionInputsMissingProperty", "$.actions.a.inputs", "lack the property 'where'"},
		{`{"type":"Filter","inputs":"@json('{}')"}`, "WorkflowRunActionInputsInvalidProperty", "$.actions.a.inputs", "must be an object"},
		{`{"type":"Table","inputs":{"from":[],"columns":[{"value":"1"},{"value":"@x("}]}}`, "InvalidTemplate", "$.actions.a.inputs.columns[1].value", ""},
		{`{"type":"Clock","inputs":{}}`, "InvalidTemplate", "$.actions.a.kind", "The kind '' of template action 'a' is not one of 'Now, Later'"},
		{`{"type":"Clock","kind":"Latr","inputs":{}}`, "InvalidTemplate", "$.actions.a.kind", "Did you mean 'Later'?"},
		{`{"type":"Clock","kind":"Later","inputs":{}}`, "WorkflowRunActionInputsMissingProperty", "$.actions.a.inputs", "lack the property 'interval'"},
		{`{"type":"Clock","kind":"Later"}`, "PropertyNotSpecified", "$.actions.a", "has no 'inputs'"},
	} {
		p, problems := compileDeferring(t, `{"a":`+c.action+`}`)
		if p != nil || len(problems) != 1 {
			t.Errorf("%s: %v", c.action, problems)
			continue
		}
		if got := problems[0]; got.Code != c.code || got.Path.String() != c.path || !strings.Contains(got.Message, c.message) {
			t.Errorf("%s: %s %s at %s", c.action, got.Code, got.Message, got.Path)
		}
	}
}
