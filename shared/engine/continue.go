package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Continue looks at a run because a doorbell rang: it drives the run if it is due
// and nobody else is at it. A doorbell that comes twice, late or for nothing does
// no harm.
func (e *Engine) Continue(ctx context.Context, key store.RunKey) error {
	snapshot, err := e.Store.LoadRun(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return e.Store.Forget(ctx, key, nil) // deleted meanwhile
	}
	if err != nil {
		return err
	}
	st, now := snapshot.State, e.Ambient.Now()
	switch rest := snapshot.Lease.Until.Sub(now); {
	case st.Status.Final():
		return e.Store.Forget(ctx, key, snapshot.Inbox) // what came too late has made it due
	case rest > 0 && len(snapshot.Inbox) > 0:
		return e.Store.Ring(ctx, key, rest) // whoever is at it may be leaving just now
	case rest > 0:
		return nil
	}
	w, err := e.WorkflowVersion(ctx, key.WorkflowID, st.Version)
	if err != nil {
		return err
	}
	d := &driver{e: e, w: w, key: key, st: st, etag: snapshot.ETag}
	d.take(snapshot.Inbox)
	if st.Status == definition.Waiting {
		if its, err := e.inTurn(ctx, st); err != nil || !its && !d.cancelled() {
			return err
		}
		st.Status, st.WaitEnd = definition.Running, now
	}
	d.push(run.TimerFired{})
	if len(st.Records) == 0 {
		d.push(run.Started{})
	}
	run.Prune(w.Program, st)
	if err := e.load(ctx, w, key, st); err != nil {
		return err
	}
	for _, c := range run.Resume(w.Program, st) {
		if c := c.(run.Execute); c.Action.Spec.Inline {
			d.push(e.execute(ctx, w, st, c))
		} else {
			d.send = append(d.send, c)
		}
	}
	err = d.drive(ctx)
	d.report(err)
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody else drives it; nothing was sent from here
	}
	return err
}

// load fetches what the next step reads and does not lie in the rows of the run.
func (e *Engine) load(ctx context.Context, w *Workflow, key store.RunKey, st *run.State) error {
	needed := run.Needs(w.Program, st)
	if len(needed.Records) > 0 {
		if err := e.Store.LoadPayloads(ctx, key, st, needed.Records); err != nil {
			return err
		}
	}
	for _, which := range needed.Repetitions {
		if err := e.Store.LoadRepetitions(ctx, key, st, which); err != nil {
			return err
		}
	}
	return nil
}

// Sweep rings for every run and trigger that is due: a driver died, a doorbell was lost, or a
// wait is longer than a doorbell can be delayed. It returns how many.
func (e *Engine) Sweep(ctx context.Context) (int, error) {
	workflows, err := e.Store.AllWorkflows(ctx)
	if err != nil {
		return 0, err
	}
	rung := 0
	var failures []error
	for _, w := range workflows {
		o, err := e.Store.Overview(ctx, w.ID, e.Ambient.Now())
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for _, key := range o.Runs {
			failures = append(failures, e.Store.Ring(ctx, key, 0))
		}
		for _, key := range o.Triggers {
			failures = append(failures, e.Store.RingTrigger(ctx, key, 0))
		}
		failures = append(failures, e.heal(ctx, o))
		rung += len(o.Runs) + len(o.Triggers)
	}
	return rung, errors.Join(failures...)
}

// Recover voids the leases of drivers that died with an earlier process, and
// rings for their runs. Only a process that has the store to itself may call it.
func (e *Engine) Recover(ctx context.Context) (int, error) {
	workflows, err := e.Store.AllWorkflows(ctx)
	if err != nil {
		return 0, err
	}
	recovered := 0
	for _, w := range workflows {
		leased, _, err := e.Store.Due(ctx, w.ID, e.Ambient.Now().Add(e.Lease))
		if err != nil {
			return recovered, err
		}
		for _, key := range leased {
			if err := e.Store.Release(ctx, key, e.Ambient.Now()); err != nil {
				return recovered, fmt.Errorf("recover run: %w", err)
			}
			if err := e.Store.Ring(ctx, key, 0); err != nil {
				return recovered, err
			}
			recovered++
		}
		if err := e.recoverTriggers(ctx, w.ID); err != nil {
			return recovered, err
		}
	}
	return recovered, nil
}

// Abandon marks a run as failed because its doorbells died on the poison queue:
// driving it failed again and again. A run that somebody drives is left alone: its
// lease outlives a doorbell that died with a process.
func (e *Engine) Abandon(ctx context.Context, key store.RunKey, why string) error {
	snapshot, err := e.Store.LoadRun(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if snapshot.State.Status.Final() || e.Ambient.Now().Before(snapshot.Lease.Until) {
		return nil
	}
	st := snapshot.State
	run.Abort(st, e.Ambient.Now(), &run.Error{Code: "WorkflowRunAborted", Message: why})
	if _, err = e.Store.CommitRun(ctx, st, snapshot.ETag, store.Lease{}, snapshot.Inbox); err != nil {
		return err
	}
	if w, err := e.WorkflowVersion(ctx, key.WorkflowID, st.Version); err == nil {
		e.leave(ctx, w, st) // where it does not compile here, the sweep does that
	}
	return nil
}

// post puts an item into the inbox of a run, and wakes whoever drives it.
func (e *Engine) post(ctx context.Context, key store.RunKey, seq, kind string, data value.Value) error {
	if err := e.Store.Post(ctx, key, seq, kind, data, e.Ambient.Now()); err != nil {
		return err
	}
	if e.poke(key) {
		return nil
	}
	return e.Store.Ring(ctx, key, 0)
}

// poke wakes the driver that is at work on a run here, if there is one.
func (e *Engine) poke(key store.RunKey) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.drivers[key]
	if d == nil {
		return false
	}
	select {
	case d.poke <- struct{}{}:
	default:
	}
	return true
}
