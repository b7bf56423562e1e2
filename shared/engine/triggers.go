package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// startTriggers lets the triggers of a workflow fire by themselves from now on: it
// was saved, or enabled. Triggers that it no longer has, and those of a workflow
// that is disabled, are forgotten (triggers §7).
func (e *Engine) startTriggers(ctx context.Context, w *Workflow) error {
	known, err := e.Store.Triggers(ctx, w.ID)
	if err != nil {
		return err
	}
	enabled := strings.EqualFold(w.State, "Enabled")
	old := map[string]bool{}
	for _, key := range known {
		t := w.Program.Trigger(key.Trigger)
		if old[key.Trigger] = true; enabled && t != nil && actsByItself(t) {
			continue
		}
		if err := e.stopTrigger(ctx, w, key); err != nil {
			return err
		}
	}
	for _, t := range w.Program.Triggers {
		if enabled && actsByItself(t) {
			if err := e.startTrigger(ctx, w, t, old[t.Name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// actsByItself: it fires on a schedule, releases batches, or subscribes.
func actsByItself(t *definition.Trigger) bool {
	o := operation.FindTrigger(t.Type)
	return t.Recurs() || t.Spec.Batch || o != nil && o.Subscribe != nil
}

// stopTrigger forgets a trigger; who was asked to call it is told, as well as may be.
func (e *Engine) stopTrigger(ctx context.Context, w *Workflow, key store.TriggerKey) error {
	s, err := e.Store.LoadTrigger(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	e.unsubscribe(ctx, w, s)
	return e.Store.DeleteTrigger(ctx, key)
}

// startTrigger starts a trigger anew, unless it was started for this version.
func (e *Engine) startTrigger(ctx context.Context, w *Workflow, t *definition.Trigger, known bool) error {
	now := e.Ambient.Now()
	s := &store.TriggerState{WorkflowID: w.ID, Trigger: t.Name, Version: w.Version, Started: now}
	if known {
		old, err := e.Store.LoadTrigger(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && old.Version == w.Version {
			return nil
		}
		if err == nil {
			s.ETag, s.Fired, s.Keep = old.ETag, old.Fired, old.Keep
			if s.Pending = old.Pending; !s.Pending.IsAbsent() {
				s.Scheduled = old.Scheduled // what was found before still starts its runs
			}
		}
	}
	if t.Recurs() || t.Spec.Batch {
		e.unsubscribe(ctx, w, s) // it was another type before
	}
	switch {
	case t.Spec.Batch:
		s.Keep = firstReleases(t, now)
		s.Due = nextRelease(s.Keep)
	case t.Sliding != nil:
		window := t.Sliding.First(now)
		s.WindowStart, s.WindowEnd, s.Due = window.Start, window.End, window.Due
	case t.Schedule != nil:
		s.Due, s.Keep = t.Schedule.First(now), value.Value{}
		if !s.Pending.IsAbsent() {
			s.Due = now
		}
	default:
		s.Due = now // to subscribe
	}
	if err := e.Store.SaveTrigger(ctx, s); err != nil {
		return err
	}
	return e.ringTrigger(ctx, s)
}

func (e *Engine) ringTrigger(ctx context.Context, s *store.TriggerState) error {
	if s.Due.IsZero() {
		return nil // it does not fire again
	}
	return e.Store.RingTrigger(ctx, store.TriggerKey{WorkflowID: s.WorkflowID, Trigger: s.Trigger}, s.Due.Sub(e.Ambient.Now()))
}

// FireTrigger looks at a trigger because a doorbell rang: it fires if it is due. A
// doorbell that comes twice, late or for nothing does no harm: the run of a firing
// has a name of its own, and exists once.
func (e *Engine) FireTrigger(ctx context.Context, key store.TriggerKey) error {
	s, err := e.Store.LoadTrigger(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil // disabled or deleted meanwhile
	}
	if err != nil {
		return err
	}
	now := e.Ambient.Now()
	w, err := e.Workflow(ctx, key.WorkflowID)
	if err != nil {
		return err
	}
	t := w.Program.Trigger(key.Trigger)
	if t == nil || !actsByItself(t) || !strings.EqualFold(w.State, "Enabled") {
		return e.stopTrigger(ctx, w, key)
	}
	if t.Spec.Batch { // may have been rung because a batch is full
		return e.fireBatches(ctx, w, t, s)
	}
	switch {
	case s.Due.IsZero():
		return nil
	case s.Due.After(now):
		return e.ringTrigger(ctx, s)
	}
	switch o := operation.FindTrigger(t.Type); {
	case !t.Recurs():
		err = e.subscribe(ctx, w, t, s)
	case o != nil && o.Poll != nil:
		err = e.poll(ctx, w, t, s)
	default:
		err = e.occur(ctx, w, t, s)
	}
	if err == nil {
		err = e.Store.SaveTrigger(ctx, s)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil // somebody else was here at the same time, or the workflow was saved anew
	case errors.Is(err, errHeld):
		return nil
	case err != nil:
		return err
	}
	return e.ringTrigger(ctx, s)
}

// recoverTriggers voids the claims of processes that died at a poll, a subscription
// or a batch, and rings for them.
func (e *Engine) recoverTriggers(ctx context.Context, workflowID string) error {
	keys, err := e.Store.Triggers(ctx, workflowID)
	if err != nil {
		return err
	}
	now := e.Ambient.Now()
	for _, key := range keys {
		s, err := e.Store.FindTrigger(ctx, key)
		if err != nil || s == nil {
			return err
		}
		claimed := !s.Scheduled.IsZero() && s.Due.After(now)
		if claimed {
			s.Due = now
			if err := e.Store.SaveTrigger(ctx, s); err != nil {
				return err
			}
		}
		releases, err := e.Store.Releases(ctx, key, store.MaxTransactionOps)
		if err != nil {
			return err
		}
		for _, r := range releases {
			if err := e.Store.Postpone(ctx, r, now); err != nil {
				return err
			}
		}
		if claimed || len(releases) > 0 {
			if err := e.Store.RingTrigger(ctx, key, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// errHeld: the trigger has to wait until some of its runs have ended. Whoever ends
// one rings for it, and so does the sweep.
var errHeld = errors.New("too many runs wait")

// occur fires a trigger that fires by the clock alone. Where as many runs wait as
// may, a recurrence leaves the occurrence out; a sliding window waits with it
// (triggers §5).
func (e *Engine) occur(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	f := Trigger{Name: t.Name, Scheduled: s.Due, RunName: run.NameAt(s.Due, s.Fired, 0)}
	if t.Sliding != nil {
		f.Outputs = operation.WindowOutputs(recurrence.Window{Start: s.WindowStart, End: s.WindowEnd})
	}
	_, err := e.fire(ctx, w, f)
	var overflow *Overflow
	if errors.As(err, &overflow) {
		if t.Sliding != nil {
			return errHeld
		}
		err = e.noteFiring(ctx, w, t, f, definition.Skipped, &run.Error{Code: CodeOverflow, Message: overflow.Error()})
	}
	if err == nil {
		e.advance(t, s, e.Ambient.Now())
	}
	return err
}

// fire starts the runs of a firing, as many of them as it says; it tells whether
// there are more. That the trigger does not fire, or fails, is in its history then.
func (e *Engine) fire(ctx context.Context, w *Workflow, f Trigger) (more bool, err error) {
	running, err := e.Start(ctx, w, f)
	var invalid *expr.Error
	switch {
	case errors.Is(err, store.ErrConflict), errors.As(err, &invalid):
		return false, nil // this firing has its run already, or never will
	case err != nil:
		return false, fmt.Errorf("fire trigger %s: %w", f.Name, err)
	}
	return running.Left, nil
}

// noteFiring leaves the history of a firing that did not come to evaluating its
// outputs.
func (e *Engine) noteFiring(ctx context.Context, w *Workflow, t *definition.Trigger, f Trigger, status definition.Status, why *run.Error) error {
	return e.note(ctx, e.newRun(w, t, f), status, why)
}

// advance moves a trigger to its next firing. A recurrence leaves out what was
// missed, a sliding window does not.
func (e *Engine) advance(t *definition.Trigger, s *store.TriggerState, now time.Time) {
	s.Fired++
	count, limited := int64(0), false
	if t.Sliding != nil {
		window := t.Sliding.Next(recurrence.Window{Start: s.WindowStart, End: s.WindowEnd, Due: s.Due})
		s.WindowStart, s.WindowEnd, s.Due = window.Start, window.End, window.Due
		count, limited = t.Sliding.Count()
	} else {
		s.Due = t.Schedule.From(s.Started).Next(now)
		count, limited = t.Schedule.Count()
	}
	if limited && s.Fired >= count {
		s.Due = time.Time{}
	}
}
