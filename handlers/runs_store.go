package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// storedRuns are the runs in a store that this process has open.
type storedRuns struct{ *app }

func (s *storedRuns) workflows(ctx context.Context, name string) ([]*store.Workflow, error) {
	list, err := s.store.Workflows(ctx)
	if err != nil || name == "" {
		return list, err
	}
	for _, w := range list {
		if strings.EqualFold(w.Name, name) || w.ID == name {
			return []*store.Workflow{w}, nil
		}
	}
	return nil, fmt.Errorf("there is no workflow %q in the store", name)
}

func (s *storedRuns) runs(ctx context.Context, w *store.Workflow, filter string, limit int) ([]foundRun, error) {
	f, err := management.ParseRunFilter(filter)
	if err != nil {
		return nil, err
	}
	from, to := f.Between()
	var found []foundRun
	for token := ""; ; {
		var page []*store.Snapshot
		if page, token, err = s.store.RunsBetween(ctx, w.ID, from, to, 100, token); err != nil {
			return nil, err
		}
		for _, r := range page {
			if !f.Matches(r.State) {
				continue
			}
			if found = append(found, foundRun{w, r.State}); len(found) == limit {
				return found, nil
			}
		}
		if token == "" {
			return found, nil
		}
	}
}

func (s *storedRuns) run(ctx context.Context, w *store.Workflow, name string) (foundRun, error) {
	r, err := s.store.RunHeader(ctx, store.RunKey{WorkflowID: w.ID, Run: name})
	if errors.Is(err, store.ErrNotFound) {
		return foundRun{}, errNoRun
	}
	if err != nil {
		return foundRun{}, err
	}
	return foundRun{w, r.State}, nil
}

func (s *storedRuns) whole(ctx context.Context, f foundRun, contents bool) (*definition.Graph, *run.State, error) {
	r, err := s.store.LoadRun(ctx, f.key())
	if err != nil {
		return nil, nil, err
	}
	w, err := s.engine.WorkflowVersion(ctx, f.workflow.ID, r.State.Version)
	if err != nil {
		return nil, nil, err
	}
	if contents {
		err = s.loadAll(ctx, f.key(), r.State)
	}
	return w.Program.Root, r.State, err
}

// drives: who has the embedded store open is the only one, and drives nothing while it
// looks.
func (s *storedRuns) drives() bool { return !s.local }

// settle drives a run of the embedded store as far as it goes now. On Azure the app
// does.
func (s *storedRuns) settle(ctx context.Context, key store.RunKey) (*run.State, error) {
	if s.local {
		st, err := s.proceed(ctx, key)
		if err == nil || ctx.Err() == nil {
			return st, err
		}
		ctx = context.WithoutCancel(ctx) // the run is there, however far it has come
	}
	r, err := s.store.RunHeader(ctx, key)
	if err != nil {
		return nil, err
	}
	return r.State, nil
}

func (s *storedRuns) cancelRun(ctx context.Context, f foundRun) (*run.State, error) {
	if err := s.engine.Cancel(ctx, f.key()); errors.Is(err, engine.ErrNotActive) {
		return nil, errRunOver
	} else if err != nil {
		return nil, err
	}
	return s.settle(ctx, f.key())
}

func (s *storedRuns) resubmitRun(ctx context.Context, f foundRun) (*run.State, error) {
	w, err := s.engine.Workflow(ctx, f.workflow.ID)
	if err != nil {
		return nil, err
	}
	trigger := f.state.Trigger.Name
	h, err := s.store.LoadHistory(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: trigger}, f.state.Name)
	if err != nil || !h.Record.Outputs.Loaded() {
		return nil, errors.Join(fmt.Errorf("what trigger %s of run %s got is no longer there", trigger, f.state.Name), err)
	}
	started, err := s.engine.Start(ctx, w, engine.Trigger{Name: h.Record.Name, Outputs: h.Record.Outputs.Value, ClientTrackingID: h.ClientTrackingID})
	if err != nil {
		return nil, err
	}
	if started.Skipped {
		return nil, errNotFired
	}
	return s.settle(ctx, started.Key)
}

var errNotFired = errors.New("the trigger did not fire: a condition does not hold")
