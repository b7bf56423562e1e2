package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

// looping is a workflow with a Foreach of calls, an Until, and what reads them.
func looping(t testing.TB, items int) *engine.Resource {
	t.Helper()
	v, err := value.Parse(fmt.Appendf(nil, `{
		"triggers": {"manual": {"type": "Request", "kind": "Http"}},
		"actions": {
			"Init": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "sum", "type": "integer"}]}, "runAfter": {}},
			"Each": {"type": "Foreach", "foreach": "@range(1,%d)", "runAfter": {"Init": ["Succeeded"]}, "actions": {
				"Call": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example/@{item()}"}},
				"Add": {"type": "IncrementVariable", "inputs": {"name": "sum", "value": "@item()"}, "runAfter": {"Call": ["Succeeded"]}}}},
			"Until": {"type": "Until", "expression": "@equals(iterationIndexes('Until'), 4)", "runAfter": {"Each": ["Succeeded"]}, "actions": {
				"Note": {"type": "Compose", "inputs": "@iterationIndexes('Until')"}}},
			"All": {"type": "Compose", "inputs": "@createArray(variables('sum'), length(body('Call')), outputs('Note'))", "runAfter": {"Until": ["Succeeded"]}},
			"Response": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200, "body": "@outputs('All')"}, "runAfter": {"All": ["Succeeded"]}}
		}}`, items))
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Resource{Name: "looping", ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/looping", Definition: v, Parameters: value.Object()}
}

// checkLooping: the run's records are those of a run without any crash.
func checkLooping(t *testing.T, e *engine.Engine, key store.RunKey, items int) {
	t.Helper()
	snapshot, err := e.Store.LoadRun(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	st := snapshot.State
	want := fmt.Sprintf("[%d,%d,4]", items*(items+1)/2, items)
	if st.Status != definition.Succeeded || st.Records["All"] == nil || st.Records["All"].Outputs.Value.String() != want {
		t.Fatalf("run %s: %+v, want %s", st.Status, st.Records["All"], want)
	}
	if r := st.Records["Call"]; r.Repetitions != items || r.Status != definition.Succeeded {
		t.Errorf("Call: %d repetitions, %s", r.Repetitions, r.Status)
	}
	if err := e.Store.LoadRepetitions(t.Context(), key, st, "Call"); err != nil {
		t.Fatal(err)
	}
	for i, r := range st.Repetitions["Call"] {
		if r.Path != fmt.Sprintf("%06d", i) || r.Status != definition.Succeeded || r.Inputs.Value.Member("uri").Str() != fmt.Sprintf("https://x.example/%d", i+1) {
			t.Errorf("repetition %d: %s %s %s", i, r.Path, r.Status, r.Inputs.Value)
		}
	}
	if n := len(st.Repetitions["Call"]); n != items {
		t.Errorf("%d repetitions in history", n)
	}
}

// TestLoopCostsWhatWasPromised: a Foreach of 100 calls, twenty at a time.
func TestLoopCostsWhatWasPromised(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		const items = 100
		counter := storetest.NewCounter(open())
		w := &world{}
		e := newEngine(t, counter, w, nil, 0)
		defer closeEngine(e)
		workflow := save(t, e, looping(t, items))
		before := counter.Counts()["Transact"]
		running, err := e.Start(t.Context(), workflow, trigger())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := running.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := counter.Counts()["Transact"] - before; n > items+12 {
			t.Errorf("%d transactions for %d calls", n, items)
		}
		checkLooping(t, e, running.Key, items)
		if len(w.calls) != items {
			t.Errorf("%d calls", len(w.calls))
		}
	})
}

// TestCrashInLoops lets the store die at each transaction of a run with loops.
func TestCrashInLoops(t *testing.T) {
	const items = 5
	backends(t, func(t *testing.T, open func() store.Backend) {
		for n := 1; n < 14; n++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("commit %d after %v", n, after), func(t *testing.T) {
					b, w := open(), &world{}
					resource := looping(t, items)
					resource.ResourceID += fmt.Sprintf("-%d-%v", n, after)
					first := newEngine(t, b, w, nil, 0)
					id := save(t, first, resource).ID
					closeEngine(first)

					dying := newEngine(t, storetest.NewFaulty(b, n, after), w, nil, 0)
					workflow, err := dying.Workflow(t.Context(), id)
					if err != nil {
						t.Fatal(err)
					}
					if running, err := dying.Start(t.Context(), workflow, trigger()); err == nil {
						_, _ = running.Wait(t.Context())
					}
					closeEngine(dying)

					later := newEngine(t, b, w, nil, 90*time.Second)
					defer closeEngine(later)
					due, _, err := later.Store.Due(t.Context(), id, time.Now().Add(90*time.Second))
					if err != nil {
						t.Fatal(err)
					}
					for _, key := range due {
						if err := later.Continue(t.Context(), key); err != nil {
							t.Fatal(err)
						}
					}
					runs, _, err := later.Store.Runs(t.Context(), id, 10, "")
					if err != nil || len(runs) != 1 {
						t.Fatalf("%d runs, %v", len(runs), err)
					}
					checkLooping(t, later, store.RunKey{WorkflowID: id, Run: runs[0].State.Name}, items)
					tracking := map[string]string{}
					for _, c := range w.calls {
						if before, ok := tracking[c.url]; ok && before != c.tracking {
							t.Errorf("a repeat of %s has another tracking id", c.url)
						}
						tracking[c.url] = c.tracking
					}
					if len(tracking) != items {
						t.Errorf("calls: %v", tracking)
					}
				})
			}
		}
	})
}
