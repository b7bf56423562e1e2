package engine

import (
	"context"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// What a trigger remembers: its subscription, with its type, the inputs it was made
// with and its client tracking id; and how often subscribing has failed.
const (
	keptSubscription = "subscription"
	keptAttempts     = "attempts"
)

// subscribe asks for the trigger's URL to be called; once, and again only when the
// workflow is saved or enabled anew. It is retried until it succeeds.
func (e *Engine) subscribe(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	if err := e.claim(ctx, s); err != nil {
		return err
	}
	attempts, _ := s.Keep.Member(keptAttempts).AsInt()
	f := Trigger{Name: t.Name, RunName: run.NewName(e.Ambient, 0)}
	c, err := e.triggerInputs(ctx, w, t, f.RunName)
	if err != nil {
		e.Log.Error().Err(err).Str("workflow", w.Name).Str("trigger", t.Name).Msg("the inputs of a trigger cannot be evaluated")
		s.Due, s.Scheduled = time.Time{}, time.Time{}
		return e.noteFiring(ctx, w, t, f, definition.Failed, e.inputsFailed(t, err))
	}
	e.unsubscribe(ctx, w, s) // of the version before
	outcome := operation.Subscribe(ctx, e.Deps, c, t.Type, e.Log)
	s.Scheduled = time.Time{}
	f.Inputs, f.Outputs, f.Code = shownInputs(t, c.Inputs), outcome.Outputs, outcome.Code
	if outcome.Status == definition.Failed {
		e.Log.Error().Str("workflow", w.Name).Str("trigger", t.Name).Str("code", outcome.Code).Msg("a trigger could not subscribe")
		s.Keep = value.Object(value.Member{Key: keptAttempts, Value: value.Int(attempts + 1)})
		s.Due = e.Ambient.Now().Add(min(time.Minute<<min(attempts, 6), time.Hour))
		return e.noteFiring(ctx, w, t, f, definition.Failed, outcome.Error)
	}
	s.Due, s.Fired = time.Time{}, s.Fired+1
	s.Keep = value.Object(value.Member{Key: keptSubscription, Value: value.Object(
		value.Member{Key: "type", Value: value.String(t.Type)}, value.Member{Key: "inputs", Value: c.Inputs},
		value.Member{Key: "clientTrackingId", Value: value.String(f.RunName)})})
	return e.noteFiring(ctx, w, t, f, definition.Succeeded, nil)
}

// unsubscribe tells whoever was asked to call a trigger that it need not any more,
// by the tracking id that it was asked with. It is said once, as well as may be.
func (e *Engine) unsubscribe(ctx context.Context, w *Workflow, s *store.TriggerState) {
	kept, ok := s.Keep.Get(keptSubscription)
	if !ok {
		return
	}
	s.Keep = value.Value{}
	o := operation.FindTrigger(kept.Member("type").Str())
	if o == nil || o.Unsubscribe == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	c := e.triggerCall(w, s.Trigger, kept.Member("clientTrackingId").Str(), kept.Member("inputs"))
	if outcome := operation.Unsubscribe(ctx, e.Deps, c, o.Type, e.Log); outcome.Status == definition.Failed {
		e.Log.Warn().Str("workflow", w.Name).Str("trigger", s.Trigger).Str("code", outcome.Code).Msg("a subscription could not be ended")
	}
}
