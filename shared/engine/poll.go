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

// keptAttempts counts the retries of a poll, or of a subscription, that failed.
const keptAttempts = "attempts"

// triggerCall is what a trigger's operation is given.
func (e *Engine) triggerCall(w *Workflow, trigger string, inputs value.Value) operation.Call {
	c := operation.Call{Action: trigger, Inputs: inputs, Attempt: 1, Tracking: operation.Tracking{
		WorkflowID: w.ID, WorkflowName: w.Name, WorkflowVersion: w.Version, Action: trigger,
	}}
	if t := w.Program.Trigger(trigger); t != nil {
		c.Options = t.Options
	}
	return c
}

// triggerInputs evaluates the inputs of a trigger. What is secret in them may go out,
// and is sealed where it is kept.
func (e *Engine) triggerInputs(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) (operation.Call, error) {
	callback := ""
	if e.TriggerURL != nil && t.Spec.Callback {
		callback = e.TriggerURL(w, t.Name)
	}
	inputs, err := run.TriggerInputs(w.Program, t, e.Ambient, callback)
	if err != nil {
		return operation.Call{}, err
	}
	c := e.triggerCall(w, t.Name, inputs)
	c.Keep = s.Keep
	c.Connection, err = e.connectionNamed(ctx, w, t.Connection)
	return c, err
}

// poll asks once whether there is something, and starts a run if so (triggers §8).
// An answer that cannot be had is asked for again as the retry policy says, then at
// the next occurrence.
func (e *Engine) poll(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	now := e.Ambient.Now()
	c, err := e.triggerInputs(ctx, w, t, s)
	if err != nil {
		e.Log.Error().Err(err).Str("workflow", w.Name).Str("trigger", t.Name).Msg("the inputs of a trigger cannot be evaluated")
		e.advance(t, s, now)
		return nil
	}
	attempts, _ := s.Keep.Member(keptAttempts).AsInt()
	c.Keep = s.Keep.Without(keptAttempts)
	answer := operation.Poll(ctx, e.Deps, c, t.Type, e.Log)
	if answer.Status == definition.Failed && answer.Retry {
		if delay, again := run.RetryAfter(c.Inputs, int(attempts), answer.Outcome, e.Ambient.Rand); again {
			s.Keep, s.Due = c.Keep.With(keptAttempts, value.Int(attempts+1)), now.Add(delay)
			return nil
		}
	}
	if answer.Status == definition.Succeeded {
		if err := e.fire(ctx, w, t, s, answer.Outputs); err != nil {
			return err
		}
	} else if answer.Status == definition.Failed {
		e.Log.Warn().Str("workflow", w.Name).Str("trigger", t.Name).Str("code", answer.Code).Msg("a trigger failed")
	}
	e.advance(t, s, now)
	s.Keep = answer.Keep
	if next := now.Add(answer.Next); answer.HasNext && (answer.Status == definition.Succeeded || s.Due.Sub(now) < time.Minute) {
		s.Due = next
	}
	return nil
}

// subscribe asks for the trigger's URL to be called; once, and again only when the
// workflow is saved or enabled anew. It is retried until it succeeds.
func (e *Engine) subscribe(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	o := operation.FindTrigger(t.Type)
	c, err := e.triggerInputs(ctx, w, t, s)
	if err != nil {
		e.Log.Error().Err(err).Str("workflow", w.Name).Str("trigger", t.Name).Msg("the inputs of a trigger cannot be evaluated")
		s.Due = time.Time{}
		return nil
	}
	if kept, ok := s.Keep.Get(keptSubscription); ok && o.Unsubscribe != nil {
		o.Unsubscribe(ctx, e.Deps, e.triggerCall(w, t.Name, kept.Member("inputs"))) // of the version before; as well as may be
	}
	attempts, _ := s.Keep.Member(keptAttempts).AsInt()
	outcome := o.Subscribe(ctx, e.Deps, c)
	if outcome.Status == definition.Failed {
		e.Log.Error().Str("workflow", w.Name).Str("trigger", t.Name).Str("code", outcome.Code).Msg("a trigger could not subscribe")
		s.Keep = value.Object(value.Member{Key: keptAttempts, Value: value.Int(attempts + 1)})
		s.Due = e.Ambient.Now().Add(min(time.Minute<<min(attempts, 6), time.Hour))
		return nil
	}
	s.Due, s.Fired = time.Time{}, s.Fired+1
	s.Keep = value.Object(value.Member{Key: keptSubscription, Value: value.Object(
		value.Member{Key: "type", Value: value.String(t.Type)}, value.Member{Key: "inputs", Value: c.Inputs})})
	return nil
}
