package engine_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Of a deleted workflow nothing is left, whatever rows it had: states and histories of
// triggers, places of runs, messages and senders of batches, versions, blobs. What is not
// its own stays.
func TestDeletedWorkflowLeavesNothing(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		s := newStage(t, b)
		e := s.engine()
		places := s.save(e, limited(twoAndOne), delayed)
		runs := []store.RunKey{s.begin(e, places), s.begin(e, places), s.begin(e, places)}
		s.want("runs", s.statuses(e, places), "Running Running Waiting")
		batch := save(t, e, s.resource("batch", batching(`{"messageCount": 2, "recurrence": {"frequency": "Hour", "interval": 1}}`)))
		if err := s.send(e, batch, "p/1", "p/2", "q/3"); err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, 100_000)
		_, _ = rand.Read(noise)
		if _, err := e.Store.SendToBatch(t.Context(), &store.BatchMessage{
			Key: keyOf(batch), Batch: "b", Partition: "q", ID: "4", Content: value.String(hex.EncodeToString(noise)), SenderRun: "0858", Sender: "4",
		}, 0, 0, s.now()); err != nil {
			t.Fatal(err)
		}
		clock := save(t, e, s.resource("clock", `{"type": "Recurrence", "recurrence": {"frequency": "Hour", "interval": 1}}`))
		s.move(time.Hour)
		s.fire(e, clock)
		if err := e.SaveConnection(t.Context(), store.Connection{ResourceID: "/subscriptions/s/connections/kv", Name: "kv", API: "keyvault", Properties: value.Object()}); err != nil {
			t.Fatal(err)
		}
		prefixes := map[string]bool{}
		for _, w := range []*engine.Workflow{places, batch, clock} {
			for _, key := range everything(t, b, w.ID) {
				prefixes[key[:2]] = true
			}
		}
		for _, want := range []string{"B.", "C.", "D.", "M.", "R.", "S.", "T.", "X.", batch.ID[:2]} {
			if !prefixes[want] {
				t.Errorf("there is no row %s to be deleted", want)
			}
		}
		for _, w := range []*engine.Workflow{places, batch, clock} {
			if err := e.Delete(t.Context(), w.ID); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range runs {
			if err := e.Continue(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if snapshot, err := e.Store.RunHeader(t.Context(), key); err != nil || snapshot.State.Status != definition.Cancelled {
				t.Errorf("run %s: %+v %v", key.Run, snapshot, err)
			}
		}
		for _, w := range []*engine.Workflow{batch, clock} { // runs that were started and not driven
			for _, r := range runsOf(t, e, w.ID) {
				if err := e.Continue(t.Context(), store.RunKey{WorkflowID: w.ID, Run: r.State.Name}); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Fatal(err)
				}
			}
		}
		s.move(2 * time.Hour)
		for range 20 {
			if _, err := e.Clean(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, w := range []*engine.Workflow{places, batch, clock} {
			if rows := everything(t, b, w.ID); len(rows) > 0 {
				t.Errorf("of %s there is left: %v", w.Name, rows)
			}
			if _, err := e.Store.WorkflowHeader(t.Context(), w.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the header of %s: %v", w.Name, err)
			}
		}
		if list, err := e.Store.Connections(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("connections: %v %v", list, err)
		}
	})
}

// everything lists all rows and blobs of a workflow.
func everything(t *testing.T, b store.Backend, id string) []string {
	t.Helper()
	var list []string
	for _, partition := range []string{id + ":00", "versions:" + id} {
		rows, _, err := b.Range(t.Context(), partition, "", "\uffff", 1000, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			list = append(list, r.Key)
		}
	}
	for _, prefix := range []string{id + "/", "versions/" + id + "/"} {
		names, err := b.Blobs(t.Context(), prefix, 1000)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, names...)
	}
	return list
}

// Cleaning away runs of a workflow that gathers batches does not forget who has sent
// messages, and forgetting that does not keep runs from being cleaned away.
func TestCleaningKeepsSenders(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		s := newStage(t, b)
		e := s.engine()
		w := s.save(e, batching(`{"messageCount": 2}`), collected)
		if err := s.send(e, w, "p/1", "p/2", "p/3"); err != nil {
			t.Fatal(err)
		}
		s.fire(e, w)
		s.want("released", s.released(e, w), "b p 1 2")
		drop := func(forget time.Time) {
			over := runsOf(t, e, w.ID)
			if err := e.Store.DropRuns(t.Context(), over); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Store.TrimSenders(t.Context(), w.ID, forget, 100); err != nil {
				t.Fatal(err)
			}
			if n, err := e.Store.Purge(t.Context(), w.ID, 1000); err != nil || n == 0 || n > 20 {
				t.Errorf("%d rows removed, %v", n, err)
			}
			for _, key := range everything(t, b, w.ID) {
				if strings.Contains(key, over[0].State.Name) && !strings.HasPrefix(key, "T.") {
					t.Errorf("of a run there is left: %s", key)
				}
			}
		}
		drop(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))
		if err := s.send(e, w, "p/1", "p/2", "p/3"); err != nil { // repeats
			t.Fatal(err)
		}
		s.fire(e, w)
		s.want("repeated", s.released(e, w), "")
		if err := s.send(e, w, "p/4"); err != nil {
			t.Fatal(err)
		}
		s.fire(e, w)
		s.want("released", s.released(e, w), "b p 3 4")
		drop(s.now().Add(time.Hour))
	})
}

// A save of what has changed meanwhile leaves nothing behind, and versions sort newest
// first when the clock does not move.
func TestSaveThatLoses(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		w := l.workflow(t, "loses", quick)
		first := w.Version
		stale := *w.Workflow
		stale.Version = "08000000000000000000"
		again := l.workflow(t, "loses", waits)
		if again.Version >= first {
			t.Errorf("version %s after %s", again.Version, first)
		}
		before := everything(t, b, w.ID)
		if err := l.Store.SaveWorkflow(t.Context(), &stale); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a stale save: %v", err)
		}
		for _, replaces := range []string{w.ETag, engine.Nothing} {
			v, _ := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request"}},"actions":{}}`))
			r := &engine.Resource{Name: "loses", ResourceID: w.ResourceID, Definition: v, Replaces: replaces}
			if saved, _, err := l.Save(t.Context(), r); !errors.Is(err, store.ErrConflict) {
				t.Errorf("replacing %q: %v %v", replaces, saved, err)
			}
		}
		if after := everything(t, b, w.ID); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("before: %v\nafter: %v", before, after)
		}
		l.clock.pass(-time.Hour)
		if last := l.workflow(t, "loses", quick); last.Version >= again.Version {
			t.Errorf("with a clock that goes back: version %s after %s", last.Version, again.Version)
		}
	})
}
