package engine_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

// clean cleans until there is nothing to clean.
func (l *life) clean(t *testing.T) {
	t.Helper()
	for range 100 {
		n, err := l.Clean(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("there is no end of cleaning")
}

// left lists the rows and blobs of a workflow.
func left(t *testing.T, b store.Backend, id string) []string {
	t.Helper()
	var list []string
	for _, partition := range []string{id + ":00", "versions:" + id} {
		rows, _, err := b.Range(t.Context(), partition, "!", "~", 1000, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if !strings.HasPrefix(r.Key, "T.") { // a trigger remembers that it fired, whatever became of the run
				list = append(list, r.Key)
			}
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

func TestRunDuration(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for name, actions := range map[string]string{"webhook": waits, "delay": delays} {
			limit := 30 * 24 * time.Hour
			l := newLife(t, open(), func(c *engine.Config) { c.RunDuration = limit })
			key := l.start(t, l.workflow(t, "duration-"+name, actions))
			l.clock.pass(limit - time.Hour)
			l.look(t, key)
			if s := l.status(t, key); s != definition.Running {
				t.Fatalf("%s: before the limit the run is %s", name, s)
			}
			l.clock.pass(2 * time.Hour)
			if due, _, err := l.Store.Due(t.Context(), key.WorkflowID, l.clock.Now()); err != nil || len(due) != 1 {
				t.Errorf("%s: the sweep does not find the run: %v %v", name, due, err)
			}
			l.look(t, key)
			snapshot, err := l.Store.LoadRun(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			st := snapshot.State
			if st.Status != definition.TimedOut || st.Code != "WorkflowRunTimedOut" || st.Error == nil || st.Error.Code != "WorkflowRunTimedOut" {
				t.Errorf("%s: the run is %s, code %s, error %v", name, st.Status, st.Code, st.Error)
			}
			waiting := st.Records["Hook"]
			if waiting == nil {
				waiting = st.Records["Wait"]
			}
			if waiting.Status != definition.Cancelled || waiting.Code != "ActionCancelled" || st.Records["B"].Status != definition.Skipped {
				t.Errorf("%s: what waited is %s %s, what comes after is %s", name, waiting.Status, waiting.Code, st.Records["B"].Status)
			}
		}
	})
}

// The duration is that of the setting when the run started.
func TestRunDurationIsThatOfTheStart(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		first := newLife(t, b, func(c *engine.Config) { c.RunDuration = time.Hour })
		key := first.start(t, first.workflow(t, "setting", waits))
		later := newLife(t, b, func(c *engine.Config) { c.RunDuration = 1000 * time.Hour })
		later.clock.pass(61 * time.Minute)
		later.look(t, key)
		if s := later.status(t, key); s != definition.TimedOut {
			t.Errorf("the run is %s", s)
		}
	})
}

func TestRetention(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, func(c *engine.Config) { c.Retention = 30 * 24 * time.Hour })
		w := l.workflow(t, "retention", quick)
		var old []store.RunKey
		for range 3 {
			old = append(old, l.start(t, w))
		}
		active := l.start(t, l.workflow(t, "retention-active", waits))
		l.clock.pass(29 * 24 * time.Hour)
		young := l.start(t, w)
		l.clean(t)
		if s := l.status(t, old[0]); s != definition.Succeeded {
			t.Errorf("a run that is not old enough is %q", s)
		}
		l.clock.pass(2 * 24 * time.Hour)
		l.clean(t)
		for _, key := range old {
			if s := l.status(t, key); s != "" {
				t.Errorf("an old run is %q", s)
			}
		}
		if s := l.status(t, young); s != definition.Succeeded {
			t.Errorf("a young run is %q", s)
		}
		if s := l.status(t, active); s != definition.Running {
			t.Errorf("a run that is not over is %q", s)
		}
		for _, name := range left(t, b, w.ID) {
			for _, key := range old {
				if strings.Contains(name, key.Run) {
					t.Errorf("of an old run there is left: %s", name)
				}
			}
		}
		snapshot, err := l.Store.LoadRun(t.Context(), young)
		if err != nil {
			t.Fatal(err)
		}
		a := snapshot.State.Records["A"]
		if err := l.Store.LoadPayloads(t.Context(), young, snapshot.State, []*run.Record{a}); err != nil || a.Outputs.Value.Str() != large {
			t.Errorf("a young run lost what it had: %v, %d characters", err, len(a.Outputs.Value.Str()))
		}
	})
}

// Cleaning can be cut off anywhere: a run is in the list whole, or not at all, and the
// next one goes on.
func TestPurgeIsBounded(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		w := l.workflow(t, "bounded", `{"Each":{"type":"Foreach","foreach":"@range(0,40)","actions":{"A":{"type":"Compose","inputs":"@concat(triggerBody(),item())"}}}}`)
		key := l.start(t, w)
		before := len(left(t, b, w.ID))
		snapshot, err := l.Store.RunHeader(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Store.DropRuns(t.Context(), []*store.Snapshot{snapshot}); err != nil {
			t.Fatal(err)
		}
		if s := l.status(t, key); s != "" {
			t.Errorf("a dropped run is %q", s)
		}
		steps := 0
		for {
			n, err := l.Store.Purge(t.Context(), w.ID, 10)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			if steps++; n > 12 {
				t.Errorf("one step removed %d rows and blobs", n)
			}
		}
		if after := left(t, b, w.ID); len(after) != 1 || steps < before/12 {
			t.Errorf("%d steps left %v of %d", steps, after, before)
		}
	})
}

// The audit trail loses the days that are older than its own retention, also while
// there is more history to clean than one turn does.
func TestAuditRetention(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), func(c *engine.Config) { c.AuditRetention = 10 * 24 * time.Hour })
		start := l.clock.Now()
		for i := range 3 {
			e := store.AuditEvent{At: start.Add(time.Duration(i) * 24 * time.Hour), Kind: "trigger", Outcome: "allowed", Subject: strings.Repeat("x", i+1), Instance: "i", Sequence: int64(i)}
			if err := l.Store.AppendAudit(t.Context(), []store.AuditEvent{e}); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (subjects []string) {
			err := l.Store.Audit(t.Context(), store.AuditFilter{Since: start.Add(-time.Hour), Until: start.Add(100 * time.Hour)}, func(e store.AuditEvent) bool {
				subjects = append(subjects, e.Subject)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			return subjects
		}
		l.clock.pass(10*24*time.Hour + 11*time.Hour) // that day ends an hour later
		l.clean(t)
		if got := left(); len(got) != 3 {
			t.Errorf("a day that is not old enough: %v are left", got)
		}
		l.clock.pass(2 * time.Hour)
		l.clean(t)
		if got := left(); len(got) != 2 || got[0] != "xx" {
			t.Errorf("%v are left", got)
		}
	})
}

// TestRetentionCostsWhatWasPromised: two reads to find the rows of a run, a fraction of a
// transaction to remove them, and a fraction of a listing of blobs, which is dear.
func TestRetentionCostsWhatWasPromised(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		counter := storetest.NewCounter(open())
		l := newLife(t, counter, func(c *engine.Config) { c.Retention = time.Hour })
		w := l.workflow(t, "removal", quick)
		const runs = 60
		for range runs {
			l.look(t, begin(t, l.Engine, w))
		}
		l.clean(t) // it also looks for the first day of the audit trail, once
		l.clock.pass(2 * time.Hour)
		counter.Counts()
		l.clean(t)
		n := counter.Counts()
		t.Logf("%d runs: %v", runs, n)
		if n["Range"] > 2*runs+20 || n["Transact"] > runs/15+4 || n["Blobs"] > 2 || n["DeleteBlob"] > 0 {
			t.Errorf("%d runs were removed with %v", runs, n)
		}
		if after := left(t, counter, w.ID); len(after) > 3 {
			t.Errorf("left: %v", after)
		}
	})
}

// Of a busy workflow there is more to clean than one turn takes: another one has its turn too.
func TestCleaningTakesTurns(t *testing.T) {
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db")) // the emulator takes a minute for so many rows
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l := newLife(t, b, func(c *engine.Config) { c.Retention = time.Hour })
	const many = `{"Each":{"type":"Foreach","foreach":"@range(0,4500)","actions":{"A":{"type":"Compose","inputs":1}}}}` // rows for more than two turns
	var runs []store.RunKey
	for _, name := range []string{"busy-a", "busy-b"} {
		key := begin(t, l.Engine, l.workflow(t, name, many))
		l.look(t, key)
		runs = append(runs, key)
	}
	l.clock.pass(2 * time.Hour)
	for range runs {
		if n, err := l.Clean(t.Context()); err != nil || n == 0 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	for i, key := range runs {
		if s := l.status(t, key); s != "" {
			t.Errorf("after as many turns as there are workflows, run %d is %s", i, s)
		}
	}
}

// What is old goes by kinds: who forgets the senders of batches leaves the marks of dropped runs
// alone, or their rows would stay for ever; and the other way round a repeat would be
// taken for another message.
func TestMarksAndSendersAreApart(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		w := l.workflow(t, "apart", quick)
		key := begin(t, l.Engine, w)
		l.look(t, key)
		count := func(prefix string) (n int) {
			for _, name := range left(t, b, w.ID) {
				if strings.HasPrefix(name, prefix) {
					n++
				}
			}
			return n
		}
		message := &store.BatchMessage{Key: store.TriggerKey{WorkflowID: w.ID, Trigger: "manual"}, SenderRun: key.Run, Sender: "Send", Batch: "b", Content: value.String("x")}
		if _, err := l.Store.SendToBatch(t.Context(), message, 0, 0, l.clock.Now()); err != nil {
			t.Fatal(err)
		}
		snapshot, err := l.Store.RunHeader(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Store.DropRuns(t.Context(), []*store.Snapshot{snapshot}); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Store.Purge(t.Context(), w.ID, 1000); err != nil || n == 0 || count("S.")+count("G.") > 0 || count("X.") != 1 {
			t.Errorf("after the runs: %v, %v", left(t, b, w.ID), err)
		}
		again := begin(t, l.Engine, w)
		l.look(t, again)
		if snapshot, err = l.Store.RunHeader(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if err := l.Store.DropRuns(t.Context(), []*store.Snapshot{snapshot}); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Store.TrimSenders(t.Context(), w.ID, l.clock.Now().Add(time.Hour), 1000); err != nil || n != 1 || count("G.") != 1 || count("X.") != 0 {
			t.Errorf("after the senders: %d, %v, %v", n, left(t, b, w.ID), err)
		}
	})
}
