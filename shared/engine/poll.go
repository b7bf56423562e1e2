package engine

import (
	"context"
	"errors"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// triggerCall is what a trigger's operation is given.
func (e *Engine) triggerCall(w *Workflow, trigger, trackingID string, inputs value.Value) operation.Call {
	c := operation.Call{Action: trigger, Inputs: inputs, Attempt: 1, Tracking: operation.Tracking{
		WorkflowID: w.ID, WorkflowName: w.Name, WorkflowVersion: w.Version, Action: trigger, ClientTrackingID: trackingID,
	}}
	if t := w.Program.Trigger(trigger); t != nil {
		c.Options, c.Runtime = t.Options, t.Runtime
	}
	return c
}

// triggerInputs evaluates the inputs of a trigger. What is secret in them may go out,
// and is sealed where it is kept.
func (e *Engine) triggerInputs(ctx context.Context, w *Workflow, t *definition.Trigger, trackingID string) (operation.Call, error) {
	callback := ""
	if e.TriggerURL != nil && t.Spec.Callback {
		callback = e.TriggerURL(w, t.Name)
	}
	inputs, err := run.TriggerInputs(w.Program, t, e.Ambient, callback)
	if err != nil {
		return operation.Call{}, err
	}
	c := e.triggerCall(w, t.Name, trackingID, inputs)
	c.Connection, err = e.connectionNamed(ctx, w, t.Connection)
	return c, err
}

// claim says that this process works at an occurrence, before anything is sent: who
// looks meanwhile finds nothing due. Of a process that dies, another one takes the
// occurrence over when the claim is over.
func (e *Engine) claim(ctx context.Context, s *store.TriggerState) error {
	if s.Scheduled.IsZero() {
		s.Scheduled = s.Due
	}
	s.Due = e.Ambient.Now().Add(operation.PollTimeout)
	if err := e.Store.SaveTrigger(ctx, s); err != nil {
		return err
	}
	return e.ringTrigger(ctx, s)
}

// poll asks once whether there is something, and starts a run if so (triggers §8).
// What was found is kept before the first of its runs starts: if this process dies,
// the next one does not ask again, but starts those that are missing.
func (e *Engine) poll(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	if s.Pending.IsAbsent() {
		if overflow, err := e.full(ctx, w, t); err != nil {
			return err
		} else if overflow != nil {
			s.Scheduled = s.Due
			return e.skip(ctx, w, t, s, &run.Error{Code: CodeOverflow, Message: overflow.Error()})
		}
		if err := e.claim(ctx, s); err != nil {
			return err
		}
		if err := e.ask(ctx, w, t, s); err != nil || s.Pending.IsAbsent() {
			return err
		}
		if err := e.Store.SaveTrigger(ctx, s); err != nil {
			return err
		}
	}
	return e.firePending(ctx, w, t, s)
}

// skip leaves an occurrence out.
func (e *Engine) skip(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState, why *run.Error) error {
	if err := e.noteFiring(ctx, w, t, e.firing(t, s), definition.Skipped, why); err != nil {
		return err
	}
	e.polled(t, s, operation.Polled{Keep: s.Keep})
	return nil
}

// firing is what the occurrence at work starts, or leaves in the history.
func (e *Engine) firing(t *definition.Trigger, s *store.TriggerState) Trigger {
	return Trigger{Name: t.Name, Scheduled: s.Scheduled, RunName: run.NameAt(s.Scheduled, s.Fired, 0), Retries: s.Retries}
}

// ask makes one attempt. An answer that cannot be had is asked for again as the
// retry policy says, then at the next occurrence. What starts a run becomes pending.
func (e *Engine) ask(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	f, now := e.firing(t, s), e.Ambient.Now()
	c, err := e.triggerInputs(ctx, w, t, f.RunName)
	if err != nil {
		e.Log.Error().Err(err).Str("workflow", w.Name).Str("trigger", t.Name).Msg("the inputs of a trigger cannot be evaluated")
		err = e.noteFiring(ctx, w, t, f, definition.Failed, e.inputsFailed(t, err))
		e.polled(t, s, operation.Polled{Keep: s.Keep})
		return err
	}
	c.Keep, c.Attempt = s.Keep, len(s.Retries)+1
	e.noteSecrets(w.Program)
	answer := operation.Poll(ctx, e.Deps, c, t.Type, e.Log)
	answer.Outcome = e.fromOutside(answer.Outcome)
	c.Inputs, answer.Outputs = e.received(w.Program, t, c.Inputs, answer.Outputs)
	now, asked := e.Ambient.Now(), now
	if answer.Status == definition.Failed && answer.Retry {
		if delay, again := run.RetryAfter(c.Inputs, len(s.Retries), answer.Outcome, e.Ambient.Rand); again {
			s.Retries = append(s.Retries, run.Attempt{Start: asked, End: now, Code: answer.Code, ClientRequestID: f.RunName, Error: answer.Error})
			s.Due = now.Add(delay)
			return nil
		}
	}
	f.Inputs, f.Outputs, f.Code = shownInputs(t, c.Inputs), answer.Outputs, answer.Code
	if t.LooksAtStatus && answer.Outputs.Has("statusCode") { // the conditions decide
		answer.Status = definition.Succeeded
	}
	if answer.Status == definition.Succeeded {
		s.Pending = pendingOf(f, answer)
		return nil
	}
	if answer.Status == definition.Failed {
		e.Log.Warn().Str("workflow", w.Name).Str("trigger", t.Name).Str("code", answer.Code).Msg("a trigger failed")
	}
	err = e.noteFiring(ctx, w, t, f, answer.Status, answer.Error)
	e.polled(t, s, answer)
	return err
}

// inputsFailed is the error of inputs that could not be evaluated.
func (e *Engine) inputsFailed(t *definition.Trigger, err error) *run.Error {
	if t.HideInputs { // the message may quote what is hidden
		return &run.Error{Code: definition.InvalidTemplate, Message: "The inputs of trigger '" + t.Name + "' could not be evaluated."}
	}
	return &run.Error{Code: definition.InvalidTemplate, Message: err.Error()}
}

// shownInputs is what history keeps of evaluated inputs.
func shownInputs(t *definition.Trigger, inputs value.Value) value.Value {
	if t.Spec.History == nil {
		return inputs
	}
	shown, _ := t.Spec.History(inputs)
	return shown
}

// polled ends an occurrence: it says when and where to ask next. After an answer that
// started a run that is as Retry-After says; after others only if the recurrence
// is shorter than a minute (triggers §8).
func (e *Engine) polled(t *definition.Trigger, s *store.TriggerState, answer operation.Polled) {
	now := e.Ambient.Now()
	e.advance(t, s, now)
	s.Keep, s.Scheduled, s.Retries, s.Pending = answer.Keep, time.Time{}, nil, value.Value{}
	if !answer.HasNext || s.Due.IsZero() {
		return
	}
	if answer.Status == definition.Succeeded || t.Schedule.From(s.Started).Next(s.Due).Sub(s.Due) < time.Minute {
		s.Due = now.Add(answer.Next)
	}
}

// Members of what is pending.
const (
	pendingInputs  = "inputs"
	pendingOutputs = "outputs"
	pendingCode    = "code"
	pendingKeep    = "keep"
	pendingNext    = "next" // seconds; absent: as the recurrence says
	pendingDone    = "done" // so many items have their runs
)

func pendingOf(f Trigger, answer operation.Polled) value.Value {
	b := value.NewObject(6)
	b.Set(pendingInputs, f.Inputs)
	b.Set(pendingOutputs, f.Outputs)
	b.Set(pendingCode, value.String(f.Code))
	b.Set(pendingKeep, answer.Keep)
	if answer.HasNext {
		b.Set(pendingNext, value.Int(int64(answer.Next/time.Second)))
	}
	return b.Build()
}

// maxStarted is how many runs one look at a trigger starts; the rest is for the next.
const maxStarted = 500

// firePending starts the runs of what was found.
func (e *Engine) firePending(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	f := e.firing(t, s)
	f.Inputs, f.Outputs, f.Code = s.Pending.Member(pendingInputs), s.Pending.Member(pendingOutputs), s.Pending.Member(pendingCode).Str()
	done, _ := s.Pending.Member(pendingDone).AsInt()
	f.From, f.Most = int(done), maxStarted
	more, err := e.fire(ctx, w, f)
	var overflow *Overflow
	switch {
	case errors.As(err, &overflow): // the queue was filled meanwhile
		return errHeld
	case err != nil:
		return err
	case more:
		s.Pending = s.Pending.With(pendingDone, value.Int(done+maxStarted))
		s.Due = e.Ambient.Now()
		return nil
	}
	answer := operation.Polled{Outcome: run.Outcome{Status: definition.Succeeded}, Keep: s.Pending.Member(pendingKeep)}
	next, has := s.Pending.Member(pendingNext).AsInt()
	answer.Next, answer.HasNext = time.Duration(next)*time.Second, has
	e.polled(t, s, answer)
	return nil
}
