package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// scheduled is a workflow that fires by itself.
func scheduled(t testing.TB, trigger string) *engine.Resource {
	t.Helper()
	v, err := value.Parse(fmt.Appendf(nil, `{"triggers": {"Timer": %s}, "actions": {"C": {"type": "Compose", "inputs": "@trigger()"}}}`, trigger))
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Resource{Name: "scheduled", ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/scheduled", Definition: v, Parameters: value.Object()}
}

func runsOf(t testing.TB, e *engine.Engine, id string) []*store.Snapshot {
	t.Helper()
	runs, _, err := e.Store.Runs(t.Context(), id, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// TestRecurrenceFires: once for each occurrence, whatever the doorbells do; what was
// missed is left out.
func TestRecurrenceFires(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		e := newEngine(t, b, &world{}, nil, 0)
		w := save(t, e, scheduled(t, `{"type": "Recurrence", "recurrence": {"frequency": "Hour", "interval": 1}}`))
		key := store.TriggerKey{WorkflowID: w.ID, Trigger: "Timer"}
		for range 3 { // the first occurrence is at once; further doorbells find nothing due
			if err := e.FireTrigger(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(runsOf(t, e, w.ID)); n != 1 {
			t.Fatalf("%d runs after the first occurrence", n)
		}
		closeEngine(e)

		later := newEngine(t, b, &world{}, nil, 5*time.Hour+10*time.Minute) // five occurrences were missed
		defer closeEngine(later)
		if _, err := later.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := later.FireTrigger(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(runsOf(t, later, w.ID)); n != 2 {
			t.Errorf("%d runs after an outage", n)
		}
		s, err := later.Store.LoadTrigger(t.Context(), key)
		if now := time.Now().Add(5*time.Hour + 10*time.Minute); err != nil || s.Fired != 2 || s.Due.Before(now) || s.Due.After(now.Add(time.Hour)) {
			t.Errorf("next: %+v %v", s, err)
		}
	})
}

// TestRecurrenceShowsItsTime: the run knows when it was scheduled.
func TestRecurrenceShowsItsTime(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		e := newEngine(t, b, &world{}, nil, 0)
		defer closeEngine(e)
		w := save(t, e, scheduled(t, `{"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1, "startTime": "2020-01-01T00:00:00Z"}}`))
		key := store.TriggerKey{WorkflowID: w.ID, Trigger: "Timer"}
		if err := e.FireTrigger(t.Context(), key); err != nil { // not due before midnight
			t.Fatal(err)
		}
		s, err := e.Store.LoadTrigger(t.Context(), key)
		if err != nil || len(runsOf(t, e, w.ID)) != 0 || s.Due.Hour() != 0 || s.Due.Minute() != 0 {
			t.Fatalf("%+v %v", s, err)
		}
		tomorrow := newEngine(t, b, &world{}, nil, 24*time.Hour)
		defer closeEngine(tomorrow)
		if err := tomorrow.FireTrigger(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		runs := runsOf(t, tomorrow, w.ID)
		if len(runs) != 1 {
			t.Fatalf("%d runs", len(runs))
		}
		runKey := store.RunKey{WorkflowID: w.ID, Run: runs[0].State.Name}
		if err := tomorrow.Continue(t.Context(), runKey); err != nil {
			t.Fatal(err)
		}
		snapshot, err := tomorrow.Store.LoadRun(t.Context(), runKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := snapshot.State.Records["C"].Outputs.Value.Member("scheduledTime").Str(); got != s.Due.Format(run.TimeFormat) {
			t.Errorf("scheduledTime: %s, want %s", got, s.Due)
		}
	})
}

// TestSlidingWindowCatchesUp: every window has its run.
func TestSlidingWindowCatchesUp(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		e := newEngine(t, open(), &world{}, nil, 0)
		defer closeEngine(e)
		start := time.Now().UTC().Add(-90 * time.Minute).Format("2006-01-02T15:04:05Z")
		w := save(t, e, scheduled(t, `{"type": "SlidingWindow", "recurrence": {"frequency": "Minute", "interval": 30, "startTime": "`+start+`"}}`))
		key := store.TriggerKey{WorkflowID: w.ID, Trigger: "Timer"}
		for range 10 {
			if err := e.FireTrigger(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(runsOf(t, e, w.ID)); n != 4 {
			t.Errorf("%d runs for the windows of 90 minutes", n)
		}
	})
}

// TestDisabledTriggersRest: a workflow that is disabled does not fire, one that is
// saved without its trigger forgets it.
func TestDisabledTriggersRest(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		e := newEngine(t, open(), &world{}, nil, 0)
		defer closeEngine(e)
		r := scheduled(t, `{"type": "Recurrence", "recurrence": {"frequency": "Hour", "interval": 1}}`)
		w := save(t, e, r)
		r.State = "Disabled"
		save(t, e, r)
		key := store.TriggerKey{WorkflowID: w.ID, Trigger: "Timer"}
		if err := e.FireTrigger(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if left, err := e.Store.Triggers(t.Context(), w.ID); err != nil || len(left) != 0 || len(runsOf(t, e, w.ID)) != 0 {
			t.Errorf("left: %v %v, %d runs", left, err, len(runsOf(t, e, w.ID)))
		}
	})
}

// TestSplitOn: each item has a run of its own, with the item as body.
func TestSplitOn(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		e := newEngine(t, open(), &world{}, nil, 0)
		defer closeEngine(e)
		w := save(t, e, workflow(t, "split", `{"triggers": {"manual": {"type": "Request", "splitOn": "@triggerBody()?['items']",
			"splitOnConfiguration": {"correlation": {"clientTrackingId": "@concat('order-', triggerBody()['id'])"}}}},
			"actions": {"C": {"type": "Compose", "inputs": "@triggerBody()['id']"}}}`))
		send := func(body string) (*engine.Running, error) {
			outputs, err := value.Parse([]byte(`{"headers": {"a": "b"}, "body": ` + body + `}`))
			if err != nil {
				t.Fatal(err)
			}
			return e.Start(t.Context(), w, engine.Trigger{Name: "manual", Outputs: outputs, Waits: true})
		}
		if _, err := send(`{"items": [{"id": 1}, {"id": 2}, {"id": 3}]}`); err != nil {
			t.Fatal(err)
		}
		if r, err := send(`{"items": []}`); err != nil || !r.Skipped {
			t.Errorf("no items: %+v %v", r, err)
		}
		if _, err := send(`{}`); err == nil {
			t.Error("no array: no error")
		}
		sum := int64(0)
		runs := runsOf(t, e, w.ID)
		for _, r := range runs {
			st := settle(t, e, store.RunKey{WorkflowID: w.ID, Run: r.State.Name})
			id, _ := st.Records["C"].Outputs.Value.AsInt()
			sum += id
			if st.ClientTrackingID != fmt.Sprintf("order-%d", id) {
				t.Errorf("client tracking id of %d: %s", id, st.ClientTrackingID)
			}
		}
		if len(runs) != 3 || sum != 6 {
			t.Errorf("%d runs, sum %d", len(runs), sum)
		}
	})
}
