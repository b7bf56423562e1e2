package engine_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// handClock is a clock that moves when it is told to.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond) // versions and names differ
	return c.now
}

func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// life is an engine whose clock is set by hand.
type life struct {
	*engine.Engine
	clock *handClock
	world *world
}

func newLife(t *testing.T, b store.Backend, change func(c *engine.Config)) *life {
	t.Helper()
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	l := &life{clock: &handClock{now: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}, world: &world{}}
	random := int64(1)
	var mu sync.Mutex
	c := engine.Config{
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: zerolog.Nop(), Fresh: time.Nanosecond,
		Deps: operation.Deps{HTTP: l.world, Vault: func(operation.Connection) (outbound.Vault, error) { return l.world, nil }},
		Callback: func(_ *engine.Workflow, run, action, path string) string {
			return "https://callback/" + run + "/" + action + path
		},
		After: func(time.Duration) <-chan time.Time { return nil },
		Ambient: expr.Ambient{Now: l.clock.Now, Rand: func(n int64) int64 {
			mu.Lock()
			defer mu.Unlock()
			random = random*6364136223846793005 + 1442695040888963407
			return int64(uint64(random)>>11) % n
		}},
	}
	if change != nil {
		change(&c)
	}
	l.Engine = engine.New(c)
	t.Cleanup(func() { closeEngine(l.Engine) })
	return l
}

// workflow saves a definition with a Request trigger and these actions.
func (l *life) workflow(t *testing.T, name, actions string) *engine.Workflow {
	t.Helper()
	v, err := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request"}},"actions":` + actions + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return save(t, l.Engine, &engine.Resource{Name: name, ResourceID: "/subscriptions/s/workflows/" + name, Definition: v})
}

func (l *life) start(t *testing.T, w *engine.Workflow) store.RunKey {
	t.Helper()
	running, err := l.Start(t.Context(), w, engine.Trigger{Name: "manual", Outputs: value.Object(value.Member{Key: "body", Value: value.String(large)})})
	if err != nil {
		t.Fatal(err)
	}
	l.look(t, running.Key)
	return running.Key
}

// large does not fit a row.
var large = func() string {
	var b strings.Builder
	for x := uint64(1); b.Len() < 300_000; x = x*6364136223846793005 + 1442695040888963407 {
		b.WriteByte(byte('a' + x>>60))
	}
	return b.String()
}()

func (l *life) look(t *testing.T, key store.RunKey) {
	t.Helper()
	if err := l.Continue(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

func (l *life) status(t *testing.T, key store.RunKey) definition.Status {
	t.Helper()
	snapshot, err := l.Store.RunHeader(t.Context(), key)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.State.Status
}

const (
	quick  = `{"A":{"type":"Compose","inputs":"@triggerBody()"}}`
	waits  = `{"A":{"type":"Compose","inputs":"@triggerBody()"},"Hook":{"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"https://s/","body":"@listCallbackUrl()"},"unsubscribe":{"method":"POST","uri":"https://u/"}}},"B":{"type":"Compose","inputs":1,"runAfter":{"Hook":["Succeeded"]}}}`
	delays = `{"Wait":{"type":"Wait","inputs":{"interval":{"count":40,"unit":"Day"}}},"B":{"type":"Compose","inputs":1,"runAfter":{"Wait":["Succeeded"]}}}`
)

func TestDeleteRun(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		w := l.workflow(t, "delete-run", waits)
		key := l.start(t, w)
		if err := l.DeleteRun(t.Context(), key); !errors.Is(err, engine.ErrActive) {
			t.Errorf("an active run: %v", err)
		}
		if err := l.Cancel(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		l.look(t, key)
		if s := l.status(t, key); s != definition.Cancelled {
			t.Fatalf("a cancelled run is %s", s)
		}
		if err := l.Cancel(t.Context(), key); !errors.Is(err, engine.ErrNotActive) {
			t.Errorf("cancelled twice: %v", err)
		}
		if err := l.DeleteRun(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if after := left(t, b, w.ID); len(after) != 1 { // the version
			t.Errorf("left: %v", after)
		}
		for name, err := range map[string]error{"delete": l.DeleteRun(t.Context(), key), "cancel": l.Cancel(t.Context(), key)} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of a run that is gone: %v", name, err)
			}
		}
	})
}

func TestDisabledWorkflowLetsItsRunsGoOn(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		w := l.workflow(t, "disabled", waits)
		key := l.start(t, w)
		if err := l.Disable(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		if now, err := l.Workflow(t.Context(), w.ID); err != nil || now.State != "Disabled" || now.Version != w.Version {
			t.Errorf("the workflow: %+v %v", now, err)
		}
		if err := l.Resume(t.Context(), key, "Hook", "", "Hook.", value.Object()); err != nil {
			t.Fatal(err)
		}
		l.look(t, key)
		if s := l.status(t, key); s != definition.Succeeded {
			t.Errorf("a run of a disabled workflow is %s", s)
		}
		if err := l.Enable(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		if now, err := l.Workflow(t.Context(), w.ID); err != nil || now.State != "Enabled" {
			t.Errorf("the workflow: %+v %v", now, err)
		}
	})
}

// A recurrence stands still while its workflow is disabled, and begins anew.
func TestDisabledRecurrence(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		v, err := value.Parse([]byte(`{"triggers":{"Often":{"type":"Recurrence","recurrence":{"frequency":"Hour","interval":1}}},"actions":` + quick + `}`))
		if err != nil {
			t.Fatal(err)
		}
		w := save(t, l.Engine, &engine.Resource{Name: "recurs", ResourceID: "/subscriptions/s/workflows/recurs", Definition: v})
		fire := func() int {
			t.Helper()
			if err := l.FireTrigger(t.Context(), store.TriggerKey{WorkflowID: w.ID, Trigger: "Often"}); err != nil {
				t.Fatal(err)
			}
			runs, _, err := l.Store.Runs(t.Context(), w.ID, 100, "")
			if err != nil {
				t.Fatal(err)
			}
			return len(runs)
		}
		first := fire()
		if err := l.Disable(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		l.clock.pass(10 * time.Hour)
		if n := fire(); n != first {
			t.Errorf("a disabled workflow fired: %d runs, then %d", first, n)
		}
		if err := l.Enable(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		if n := fire(); n != first+1 {
			t.Errorf("an enabled workflow did not fire once: %d runs, then %d", first, n)
		}
	})
}

// A file that is read at each start does not undo what was disabled since.
func TestFileDoesNotUndoDisable(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		r := sample(t)
		r.FromFile, r.ResourceID = true, r.ResourceID+"-file"
		w := save(t, l.Engine, r)
		if err := l.Disable(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		if again := save(t, l.Engine, r); again.State != "Disabled" || again.ID != w.ID {
			t.Errorf("read again the workflow is %s", again.State)
		}
		r.State = "Disabled"
		save(t, l.Engine, r)
		r.State = "Enabled"
		if again := save(t, l.Engine, r); again.State != "Enabled" {
			t.Errorf("the file says Enabled now, and the workflow is %s", again.State)
		}
		r.FromFile, r.State = false, "Disabled"
		if again := save(t, l.Engine, r); again.State != "Disabled" {
			t.Errorf("somebody saves it disabled, and the workflow is %s", again.State)
		}
	})
}

func TestDeletedWorkflow(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		w := l.workflow(t, "deleted", waits)
		over, active := l.start(t, w), l.start(t, w)
		if err := l.Resume(t.Context(), over, "Hook", "", "Hook.", value.Object()); err != nil {
			t.Fatal(err)
		}
		l.look(t, over)
		if err := l.Delete(t.Context(), w.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := l.Store.Workflows(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("workflows: %v %v", list, err)
		}
		if err := l.Delete(t.Context(), w.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		if err := l.Enable(t.Context(), w.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("enabled when it is gone: %v", err)
		}
		again := l.workflow(t, "deleted", quick)
		if again.ID == w.ID || bytes.Equal(again.Keys.Primary, w.Keys.Primary) {
			t.Error("a new workflow of the name has the id or the key of the old one")
		}
		l.look(t, active) // takes up that it was cancelled
		if s := l.status(t, active); s != definition.Cancelled {
			t.Errorf("an active run is %s", s)
		}
		closeEngine(l.Engine) // the unsubscription is made beside the run
		if !l.called("https://u/") {
			t.Errorf("who was to call back was not told: %v", l.world.calls)
		}
		l = newLife(t, b, nil)
		l.clean(t)
		if rows := left(t, b, w.ID); len(rows) > 0 {
			t.Errorf("left: %v", rows)
		}
		if _, err := l.Store.WorkflowHeader(t.Context(), w.ID); err != nil {
			t.Errorf("the header is gone while others may believe in it: %v", err)
		}
		l.clock.pass(2 * time.Hour)
		l.clean(t)
		if _, err := l.Store.WorkflowHeader(t.Context(), w.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the header is not gone: %v", err)
		}
		if s := l.status(t, l.start(t, again)); s != definition.Succeeded {
			t.Errorf("a run of the new workflow is %s", s)
		}
	})
}

func (l *life) called(url string) bool {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	for _, c := range l.world.calls {
		if c.url == url {
			return true
		}
	}
	return false
}

// A run keeps the version that it started with, whatever is saved since, also in a
// process that has never seen it.
func TestRunKeepsItsVersion(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		l := newLife(t, b, nil)
		first := l.workflow(t, "version", waits)
		key := l.start(t, first)
		l.workflow(t, "version", `{"Other":{"type":"Compose","inputs":2}}`)
		other := newLife(t, b, nil)
		other.clock.pass(time.Hour)
		if err := other.Resume(t.Context(), key, "Hook", "", "Hook.", value.Object()); err != nil {
			t.Fatal(err)
		}
		other.look(t, key)
		snapshot, err := other.Store.LoadRun(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if st := snapshot.State; st.Status != definition.Succeeded || st.Version != first.Version || st.Records["B"] == nil || st.Records["Other"] != nil {
			t.Errorf("the run: %s %s %v", st.Status, st.Version, st.Records)
		}
	})
}

// A caller that hangs up is not waited for: the Response is skipped and the run goes
// on (triggers §11.4).
func TestCallerThatHangsUp(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		l := newLife(t, open(), nil)
		w := l.workflow(t, "hangs-up", `{"Call":{"type":"Http","inputs":{"method":"GET","uri":"https://x/"}},"Response":{"type":"Response","inputs":{"body":1},"runAfter":{"Call":["Succeeded"]}}}`)
		arrived, release := make(chan struct{}), make(chan struct{})
		l.world.hook = func(int) { close(arrived); <-release }
		running, err := l.Start(t.Context(), w, engine.Trigger{Name: "manual", Waits: true})
		if err != nil {
			t.Fatal(err)
		}
		<-arrived
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		if _, err := l.Response(ctx, running); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
		for l.inbox(t, running.Key) > 0 { // until its driver has taken it up
			select {
			case <-t.Context().Done():
				t.Fatal("the driver does not take it up")
			default:
			}
		}
		close(release)
		st, err := running.Wait(t.Context())
		if err != nil || st.Status != definition.Succeeded || st.Records["Response"].Code != "ActionResponseSkipped" {
			t.Errorf("run: %s, Response %+v, %v", st.Status, st.Records["Response"], err)
		}
	})
}

func (l *life) inbox(t *testing.T, key store.RunKey) int {
	t.Helper()
	items, err := l.Store.Inbox(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return len(items)
}
