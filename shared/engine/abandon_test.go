package engine_test

import (
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store"
)

// TestAbandon: a doorbell that died gives a run up only when nobody is at it.
func TestAbandon(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b, w := open(), &world{}
		e := newEngine(t, b, w, nil, 0)
		workflow := save(t, e, sample(t))
		began, release := make(chan struct{}), make(chan struct{})
		w.hook = func(n int) {
			if n == 1 {
				close(began)
				<-release
			}
		}
		running, err := e.Start(t.Context(), workflow, trigger())
		if err != nil {
			t.Fatal(err)
		}
		<-began
		if err := e.Abandon(t.Context(), running.Key, "it failed"); err != nil {
			t.Fatal(err)
		}
		if s, err := e.Store.LoadRun(t.Context(), running.Key); err != nil || s.State.Status != definition.Running {
			t.Errorf("a run that somebody drives: %v %v", s.State.Status, err)
		}

		later := newEngine(t, b, &world{}, nil, time.Hour) // long after the driver fell silent
		defer closeEngine(later)
		if err := later.Abandon(t.Context(), running.Key, "it failed"); err != nil {
			t.Fatal(err)
		}
		close(release)
		closeEngine(e)
		s, err := e.Store.LoadRun(t.Context(), running.Key)
		if err != nil || !s.State.Status.Final() || s.State.Error == nil || s.State.Error.Message != "it failed" {
			t.Errorf("a run that nobody drives: %+v %v", s.State.Header, err)
		}
		if err := later.Abandon(t.Context(), running.Key, "again"); err != nil {
			t.Errorf("one that is over: %v", err)
		}
		if err := later.Abandon(t.Context(), store.RunKey{WorkflowID: running.Key.WorkflowID, Run: "none00"}, "x"); err != nil {
			t.Errorf("one that is not there: %v", err)
		}
	})
}
