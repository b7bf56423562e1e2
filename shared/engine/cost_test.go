package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

// TestRunsCostWhatWasPromised counts what runs of five shapes cost in the store. The
// table in docs/benchmarks.md has the figures.
func TestRunsCostWhatWasPromised(t *testing.T) {
	const response = `"R": {"type": "Response", "kind": "Http", "runAfter": {"%s": ["Succeeded"]}, "inputs": {"statusCode": 200}}`
	var sequence []string
	const calls = 10
	for i := range calls {
		after := ""
		if i > 0 {
			after = fmt.Sprintf(`"C%d": ["Succeeded"]`, i-1)
		}
		sequence = append(sequence, fmt.Sprintf(`"C%d": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example/%d"}, "runAfter": {%s}}`, i, i, after))
	}
	for name, c := range map[string]struct {
		actions  string
		transact int // entity group transactions
		others   int // reads, and doorbells
	}{
		"request and response": {`"C": {"type": "Compose", "inputs": 1}, ` + fmt.Sprintf(response, "C"), 1, 0},
		"10 calls in sequence": {strings.Join(sequence, ",") + ", " + fmt.Sprintf(response, "C9"), calls + 1, 0},
		"Foreach of 100 calls": {`"L": {"type": "Foreach", "foreach": "@range(1,100)", "actions": {
			"C": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example/@{item()}"}}}}, ` + fmt.Sprintf(response, "L"), 104, 0},
		"Until of 10": {`"U": {"type": "Until", "expression": "@equals(iterationIndexes('U'), 9)", "actions": {"C": {"type": "Compose", "inputs": 1}}}, ` +
			fmt.Sprintf(response, "U"), 1, 0},
		// Start and end; a doorbell, and to go on the header and one range.
		"a wait of one day": {`"W": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}}, "C": {"type": "Compose", "inputs": 1, "runAfter": {"W": ["Succeeded"]}},
			` + fmt.Sprintf(response, "C"), 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			backends(t, func(t *testing.T, open func() store.Backend) {
				counter := storetest.NewCounter(open())
				e := newEngine(t, counter, &world{}, nil, 0)
				w := save(t, e, workflow(t, fmt.Sprintf("cost%d", time.Now().UnixNano()), `{"triggers": {"manual": {"type": "Request"}}, "actions": {`+c.actions+`}}`))
				counter.Counts()
				running, err := e.Start(t.Context(), w, trigger())
				if err != nil {
					t.Fatal(err)
				}
				st, err := running.Wait(t.Context())
				closeEngine(e)
				if err != nil {
					t.Fatal(err)
				}
				n := counter.Counts()
				if !st.Status.Final() { // a day later, in a process that knows the workflow
					later := newEngine(t, counter, &world{}, nil, 25*time.Hour)
					defer closeEngine(later)
					if _, err := later.Workflow(t.Context(), w.ID); err != nil {
						t.Fatal(err)
					}
					counter.Counts()
					if err := later.Continue(t.Context(), running.Key); err != nil {
						t.Fatal(err)
					}
					for kind, count := range counter.Counts() {
						n[kind] += count
					}
				}
				snapshot, err := e.Store.LoadRun(t.Context(), running.Key)
				if err != nil || !snapshot.State.Status.Final() || snapshot.State.Status == definition.Aborted {
					t.Fatalf("run: %v %v", snapshot.State.Status, err)
				}
				transact := n["Transact"]
				delete(n, "Transact")
				others := 0
				for _, count := range n {
					others += count
				}
				t.Logf("%d transactions, others: %v", transact, n)
				if transact > c.transact || others > c.others {
					t.Errorf("%d transactions and %v; at most %d and %d are promised", transact, n, c.transact, c.others)
				}
			})
		})
	}
}
