package engine

import (
	"context"
	"errors"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// Traces evaluates the expressions of an execution once more, on what is recorded of
// its run; the clock stands where it stood when the execution began. w is the workflow
// in the version of the run.
func (e *Engine) Traces(ctx context.Context, w *Workflow, st *run.State, a *definition.Action, path string, began time.Time) ([]expr.Traced, error) {
	key := store.RunKey{WorkflowID: w.ID, Run: st.Name}
	executions, repeated, dynamic := run.Around(w.Program, a, path)
	for _, x := range executions {
		if _, known := st.Records[run.Key(x.Action, x.Path)]; known {
			continue
		}
		r, err := e.Store.Execution(ctx, key, x.Action, x.Path)
		if errors.Is(err, store.ErrNotFound) {
			continue // it was not reached
		}
		if err != nil {
			return nil, err
		}
		st.Records[r.Key()] = r
	}
	var missing []*run.Record
	for _, r := range append(recordsOf(st, executions, dynamic), &st.Trigger) {
		if !r.Inputs.Loaded() || !r.Outputs.Loaded() {
			missing = append(missing, r)
		}
	}
	if err := e.Store.LoadPayloads(ctx, key, st, missing); err != nil {
		return nil, err
	}
	for _, which := range repeated {
		if err := e.Store.LoadRepetitions(ctx, key, st, which); err != nil {
			return nil, err
		}
	}
	ambient := e.Ambient
	ambient.Now = func() time.Time { return began }
	return run.Trace(w.Program, st, a, path, ambient), nil
}

// recordsOf are the records of executions, or all of a state.
func recordsOf(st *run.State, executions []run.Execution, all bool) []*run.Record {
	var list []*run.Record
	if all {
		for _, r := range st.Records {
			list = append(list, r)
		}
		return list
	}
	for _, x := range executions {
		if r := st.Records[run.Key(x.Action, x.Path)]; r != nil {
			list = append(list, r)
		}
	}
	return list
}
