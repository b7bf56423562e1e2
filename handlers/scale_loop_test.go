package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

const loopOfCalls = `{"loop": {"triggers": {"manual": {"type": "Request"}}, "actions": {
	"Each": {"type": "Foreach", "foreach": "@range(1, ITEMS)", "runtimeConfiguration": {"concurrency": {"repetitions": 20}}, "actions": {
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/loop/@{item()}", "body": {"id": "@{item()}"}}}}},
	"Count": {"type": "Compose", "inputs": "@length(body('Call'))", "runAfter": {"Each": ["Succeeded"]}}}}}`

// TestScaleOfOneLoop: one process at a time drives a run, and lets go of it when its
// slice is used up. So a long loop goes from process to process by the queue; each
// of its calls is made once.
//
// LATCHWORK_SCALE_ITEMS is how many there are (make scale: 10000).
func TestScaleOfOneLoop(t *testing.T) {
	t.Parallel()
	items := int(setting(t, "LATCHWORK_SCALE_ITEMS", 600))
	up := newUpstream(t)
	s := crashSite(t, packaged(t), up)
	s.workflows = t.TempDir()
	writeWorkflows(t, s.workflows, strings.NewReplacer("UPSTREAM", up.url, "ITEMS", fmt.Sprint(items)).Replace(loopOfCalls))
	s.env["LATCHWORK_LEASE"], s.env["LATCHWORK_SLICE"] = "30s", "250ms"
	if items > 5000 {
		s.env["LATCHWORK_SLICE"] = "20s" // more like an invocation in earnest
	}
	f := newFleet(t, s, up, 3)
	began := time.Now()
	if status, answer := post(t, f.urls["loop"], `{}`); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
	var st *run.State
	for deadline := time.After(40 * time.Minute); st == nil; {
		select {
		case <-time.After(100 * time.Millisecond):
			f.hold()
			st = f.finished("loop")
		case <-deadline:
			t.Fatal("the loop does not end")
		}
	}
	t.Logf("%d calls within %s", items, time.Since(began).Round(time.Millisecond))
	if st.Status != definition.Succeeded || st.Records["Count"].Outputs.Value.String() != fmt.Sprint(items) || st.Records["Call"].Repetitions != items {
		t.Errorf("the run: %s %+v, %+v", st.Status, st.Error, st.Records["Count"])
	}
	f.logs("")
	f.presence.mu.Lock()
	defer f.presence.mu.Unlock()
	t.Logf("calls by process: %v", f.presence.calls)
	if len(f.presence.calls) < 2 {
		t.Errorf("all calls were made by one process: %v", f.presence.calls)
	}
	for _, fault := range f.presence.faults {
		t.Error(fault)
	}
	if len(f.presence.makers) != items {
		t.Errorf("%d calls of %d items", len(f.presence.makers), items)
	}
	for key, makers := range f.presence.makers {
		if len(makers) != 1 {
			t.Errorf("%s was made by %v", key, makers)
		}
	}
}

// finished is the one run of a workflow if it is over, with its records.
func (f *fleet) finished(name string) *run.State {
	f.t.Helper()
	workflows, err := f.store.Workflows(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, w := range workflows {
		if w.Name != name {
			continue
		}
		list, _, err := f.store.Runs(f.t.Context(), w.ID, 10, "")
		if err != nil || len(list) != 1 {
			f.t.Fatalf("runs of %s: %d, %v", name, len(list), err)
		}
		if !list[0].State.Status.Final() {
			return nil
		}
		snapshot, err := f.store.LoadRun(f.t.Context(), store.RunKey{WorkflowID: w.ID, Run: list[0].State.Name})
		if err != nil {
			f.t.Fatal(err)
		}
		return snapshot.State
	}
	f.t.Fatalf("there is no workflow %s", name)
	return nil
}

// TestPresenceSeesTwoDrivers: what the tests of scale rely on.
func TestPresenceSeesTwoDrivers(t *testing.T) {
	for name, c := range map[string]struct {
		runs, processes [2]string
		path, dead      string
		faults          int
	}{
		"two processes, one run":    {[2]string{"r", "r"}, [2]string{"A", "B"}, "/until/1", "", 1},
		"one process":               {[2]string{"r", "r"}, [2]string{"A", "A"}, "/until/1", "", 0},
		"two runs":                  {[2]string{"r", "s"}, [2]string{"A", "B"}, "/until/1", "", 0},
		"after the death of one":    {[2]string{"r", "r"}, [2]string{"A", "B"}, "/until/1", "A", 0},
		"a hook that is not wanted": {[2]string{"r", "r"}, [2]string{"A", "B"}, "/unsubscribe/one", "", 0},
	} {
		p := newPresence(nil)
		for i, process := range c.processes {
			r := httptest.NewRequest(http.MethodPost, c.path, nil)
			p.begin(process, c.runs[i], r)
			if c.dead != "" {
				p.dies(c.dead)
			}
		}
		if len(p.faults) != c.faults {
			t.Errorf("%s: %v", name, p.faults)
		}
	}
}
