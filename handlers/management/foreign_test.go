package management_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// TestWorkflowThatDoesNotCompile: one that another latchwork has stored can be looked at,
// replaced and deleted, and does not keep others out of the list.
func TestWorkflowThatDoesNotCompile(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"w", "x", "plain"} {
		h.must("PUT", name+version, resource(compose))
	}
	for _, name := range []string{"w", "x"} {
		foreign := *h.workflow(name).Workflow
		v, err := value.Parse([]byte(strings.ReplaceAll(string(value.Reveal(foreign.Definition)), `"type":"Compose"`, `"type":"Quantum"`)))
		if err != nil {
			t.Fatal(err)
		}
		foreign.Version, foreign.Definition = "08000000000000000000", v
		if err := h.store.SaveWorkflow(t.Context(), &foreign); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.must("GET", group+version, "").body["value"].([]any); len(got) != 3 {
		t.Errorf("%d workflows in the list", len(got))
	}
	for _, path := range []string{"w", "w/versions", "w/runs", "w/triggers"} {
		if got := h.must("GET", path+version, ""); path == "w" && !strings.Contains(got.text, "Quantum") {
			t.Errorf("%s: %s", path, got.text)
		}
	}
	h.must("POST", "w/disable"+version, "")
	if got := h.must("GET", "w"+version, ""); !strings.Contains(got.text, `"state":"Disabled"`) {
		t.Errorf("after it was disabled: %s", got.text)
	}
	if got := h.call("contributor", "POST", "w/triggers/manual/run"+version, ""); got.status != http.StatusNotFound || got.code() != "WorkflowTriggerNotFound" {
		t.Errorf("run: %d %s", got.status, got.text)
	}
	h.must("PUT", "w"+version, resource(compose))
	h.run("w", `{"a":1}`)
	h.must("DELETE", "x"+version, "")
	if got := h.call("reader", "GET", "x"+version, ""); got.code() != "ResourceNotFound" {
		t.Errorf("after its end: %d %s", got.status, got.text)
	}
}
