package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
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

// actsByItself: it fires on a schedule, or subscribes.
func actsByItself(t *definition.Trigger) bool {
	o := operation.FindTrigger(t.Type)
	return t.Recurs() || o != nil && o.Subscribe != nil
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
	if kept, ok := s.Keep.Get(keptSubscription); ok {
		o := operation.FindTrigger(kept.Member("type").Str())
		if o != nil && o.Unsubscribe != nil {
			ctx, cancel := context.WithTimeout(ctx, releaseTime)
			defer cancel()
			if outcome := o.Unsubscribe(ctx, e.Deps, e.triggerCall(w, key.Trigger, kept.Member("inputs"))); outcome.Status == definition.Failed {
				e.Log.Warn().Str("workflow", w.Name).Str("trigger", key.Trigger).Str("code", outcome.Code).Msg("a subscription could not be ended")
			}
		}
	}
	return e.Store.DeleteTrigger(ctx, key)
}

// keptSubscription is what a trigger remembers of its subscription: its type, and
// the inputs it was made with.
const keptSubscription = "subscription"

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
		}
	}
	switch {
	case t.Sliding != nil:
		window := t.Sliding.First(now)
		s.WindowStart, s.WindowEnd, s.Due = window.Start, window.End, window.Due
	case t.Schedule != nil:
		s.Due, s.Keep = t.Schedule.First(now), value.Value{}
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
	if s.Due.IsZero() {
		return nil
	}
	if s.Due.After(now) {
		return e.ringTrigger(ctx, s)
	}
	w, err := e.Workflow(ctx, key.WorkflowID)
	if err != nil {
		return err
	}
	t := w.Program.Trigger(key.Trigger)
	if t == nil || !actsByItself(t) || !strings.EqualFold(w.State, "Enabled") {
		return e.stopTrigger(ctx, w, key)
	}
	switch o := operation.FindTrigger(t.Type); {
	case !t.Recurs():
		err = e.subscribe(ctx, w, t, s)
	case o != nil && o.Poll != nil:
		err = e.poll(ctx, w, t, s)
	default:
		if err = e.fire(ctx, w, t, s, value.Value{}); err == nil {
			e.advance(t, s, now)
		}
	}
	if err != nil {
		return err
	}
	if err := e.Store.SaveTrigger(ctx, s); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return nil // somebody else was here at the same time
		}
		return err
	}
	return e.ringTrigger(ctx, s)
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

// fire starts the run of a firing.
func (e *Engine) fire(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState, outputs value.Value) error {
	if t.Sliding != nil {
		outputs = operation.WindowOutputs(recurrence.Window{Start: s.WindowStart, End: s.WindowEnd})
	}
	_, err := e.Start(ctx, w, Trigger{Name: t.Name, Outputs: outputs, Scheduled: s.Due, RunName: run.NameAt(s.Due, s.Fired, 0)})
	if errors.Is(err, store.ErrConflict) {
		return nil // this firing has its run already
	}
	if err != nil {
		return fmt.Errorf("fire trigger %s: %w", t.Name, err)
	}
	return nil
}
