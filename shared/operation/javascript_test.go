package operation_test

import (
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestCodeReadsAreLoaded: payloads that lie elsewhere are fetched for code that is
// about to run, and for code that is under way, whose driver may have died.
func TestCodeReadsAreLoaded(t *testing.T) {
	const actions = `{"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":1},"Code":{"type":"JavaScriptCode",
		"inputs":{"code":"return workflowContext.actions.A","explicitDependencies":{"includeTrigger":true}},"runAfter":{"A":["Succeeded"],"B":["Succeeded"]}}}`
	p, problems := definition.Compile(definition.Source{Definition: value.Object(value.Member{Key: "actions", Value: parse(t, actions)})}, operation.Catalog{})
	if p == nil {
		t.Fatal(problems)
	}
	elsewhere := run.Payload{Blob: "x"}
	for name, code := range map[string]*run.Record{"ahead": nil, "under way": {Name: "Code", Status: definition.Running}, "over": {Name: "Code", Status: definition.Succeeded}} {
		st := run.NewState(run.Header{})
		st.Trigger.Status, st.Trigger.Outputs = definition.Succeeded, elsewhere
		for _, x := range []string{"A", "B"} {
			st.Records[x] = &run.Record{Name: x, Status: definition.Succeeded, Outputs: elsewhere}
		}
		if code != nil {
			st.Records["Code"] = code
		}
		got := map[string]bool{}
		for _, r := range run.Needs(p, st).Records {
			got[r.Name] = true
		}
		if want := name != "over"; got["A"] != want || got[""] != want || got["B"] {
			t.Errorf("%s: %v", name, got)
		}
	}
}
