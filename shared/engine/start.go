package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// Start starts a run. It exists in the store when Start returns. Where the caller
// waits the run is driven here; otherwise a doorbell rings for it. A trigger with
// splitOn starts a run for each item, and Running is the first of them. A trigger
// that does not fire leaves its history, and so does one that fails: its error is an
// *expr.Error then. An *Overflow says that too many runs wait already.
func (e *Engine) Start(ctx context.Context, w *Workflow, t Trigger) (*Running, error) {
	trigger := w.Program.Trigger(t.Name)
	if trigger == nil {
		return nil, store.ErrNotFound
	}
	st := e.newRun(w, trigger, t)
	r := running(st)
	fires, err := e.evaluate(w, st, trigger, t)
	if err != nil {
		return nil, e.triggerFailed(ctx, st, err)
	}
	r.ClientTrackingID = st.ClientTrackingID
	if !fires {
		r.Skipped = true
		return r, e.note(ctx, st, definition.Skipped, nil)
	}
	if trigger.SplitOn != nil {
		return e.startSplit(ctx, w, trigger, t, st)
	}
	if t.Waits && w.Program.Asynchronous {
		st.Polled, r.Operation = true, st.TrackingID
		return r, e.accept(ctx, w, trigger, st, r, false)
	}
	if !t.Waits || !w.Program.Responds {
		return r, e.accept(ctx, w, trigger, st, r, false)
	}
	if trigger.Concurrency != nil {
		return r, e.answerInTurn(ctx, w, trigger, st, r)
	}
	return r, e.answer(w, st, r)
}

// newRun makes the state of a run that has not started.
func (e *Engine) newRun(w *Workflow, trigger *definition.Trigger, t Trigger) *run.State {
	now := e.Ambient.Now()
	st := run.NewState(run.Header{
		Name: t.RunName, WorkflowID: w.ID, ResourceID: w.ResourceID, Location: w.Location, Tags: w.Tags,
		Version: w.Version, Status: definition.Running, Start: now, Deadline: now.Add(e.RunDuration), TrackingID: run.NewGUID(e.Ambient), TraceParent: t.TraceParent, TraceState: t.TraceState, Parent: t.Parent,
	})
	if st.Name == "" {
		st.Name = run.NewName(e.Ambient, 0)
	}
	if t.Inputs.IsAbsent() {
		t.Inputs = trigger.Raw
	}
	t.Inputs, t.Outputs = e.received(w.Program, trigger, t.Inputs, t.Outputs)
	st.Trigger = run.Record{
		Name: trigger.Name, Scheduled: t.Scheduled, Status: definition.Succeeded, Code: t.Code, Start: now, End: now, TrackingID: st.TrackingID,
		Inputs: run.Payload{Value: t.Inputs}, Outputs: run.Payload{Value: t.Outputs}, Retries: t.Retries,
		HideInputs: trigger.HideInputs, HideOutputs: trigger.HideOutputs,
	}
	if st.ClientTrackingID = t.ClientTrackingID; st.ClientTrackingID == "" {
		st.ClientTrackingID = st.Name
	}
	return st
}

// evaluate decides whether the trigger fires, and sets the client tracking id: what
// the trigger says, else what the caller sent, else the run's name (triggers §4).
func (e *Engine) evaluate(w *Workflow, st *run.State, trigger *definition.Trigger, t Trigger) (bool, error) {
	if err := run.CheckTrackingID(t.ClientTrackingID); err != nil {
		st.ClientTrackingID = st.Name
		return false, err
	}
	id, err := run.TrackingID(w.Program, st, trigger, e.Ambient)
	if err != nil {
		return false, err
	}
	if id != "" {
		st.ClientTrackingID = id
	}
	return run.Fires(w.Program, st, trigger, e.Ambient)
}

func running(st *run.State) *Running {
	return &Running{
		Key: store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}, TrackingID: st.TrackingID, ClientTrackingID: st.ClientTrackingID,
		state: st, done: make(chan struct{}),
	}
}

// answer drives a run here, whose caller waits for the answer.
func (e *Engine) answer(w *Workflow, st *run.State, r *Running) error {
	d := e.answering(w, st, r)
	d.created = make(chan error, 1)
	e.driveHere(d, r)
	select {
	case err := <-d.created:
		return err
	case <-r.done:
		select {
		case err := <-d.created:
			return err
		default:
			return errors.New("the run could not be created")
		}
	}
}

// answerInTurn is answer for a trigger that limits its runs: the run takes a place,
// or waits for one, before anything of it begins. One that waits is driven by
// whoever gives it its place, and its caller goes on waiting.
func (e *Engine) answerInTurn(ctx context.Context, w *Workflow, trigger *definition.Trigger, st *run.State, r *Running) error {
	d := e.answering(w, st, r)
	etag, err := e.admit(ctx, w, trigger, st, d.lease(e.Ambient.Now()), false)
	if err != nil || st.Status == definition.Waiting {
		close(r.done)
		close(d.answer)
		return err
	}
	d.etag = etag
	e.driveHere(d, r)
	return nil
}

// answering makes the driver of a run whose caller waits.
func (e *Engine) answering(w *Workflow, st *run.State, r *Running) *driver {
	st.ResponseDue = e.Ambient.Now().Add(e.ResponseTimeout)
	r.due = st.ResponseDue
	answer := make(chan *run.Record, 1)
	r.Answer = answer
	return &driver{e: e, w: w, key: r.Key, st: st, answer: answer}
}

func (e *Engine) driveHere(d *driver, r *Running) {
	e.work.Go(func() {
		defer close(r.done)
		defer close(d.answer)
		d.report(d.drive(e.ctx, run.Started{}))
	})
}

// maxSplitInTurn is how many items are split where runs are limited; above it,
// splitting is off (triggers §3).
const maxSplitInTurn = 100

// startSplit starts a run for each item of the array that splitOn gives. The runs
// share the trigger's client tracking id, unless each has one of its own (triggers
// §3). Where runs are limited, the items of one firing find a place in the queue
// together or not at all.
func (e *Engine) startSplit(ctx context.Context, w *Workflow, trigger *definition.Trigger, t Trigger, whole *run.State) (*Running, error) {
	first := running(whole)
	items, err := run.Split(w.Program, whole, trigger, e.Ambient)
	switch {
	case err != nil:
		return nil, e.triggerFailed(ctx, whole, err)
	case len(items) == 0:
		first.Skipped = true
		return first, e.note(ctx, whole, definition.Skipped, nil)
	case trigger.Concurrency != nil && len(items) > maxSplitInTurn:
		return first, e.accept(ctx, w, trigger, whole, first, false)
	}
	end := len(items)
	if t.Most > 0 {
		end = min(end, t.From+t.Most)
	}
	var started *Running
	for i := t.From; i < end; i++ {
		one := t
		one.Outputs = items[i].Outputs
		if one.RunName = ""; t.RunName != "" {
			one.RunName = run.NameAt(t.Scheduled, int64(i), 0)
		}
		st := e.newRun(w, trigger, one)
		if st.ClientTrackingID = whole.ClientTrackingID; items[i].ClientTrackingID != "" {
			st.ClientTrackingID = items[i].ClientTrackingID
		}
		r := running(st)
		if err := e.accept(ctx, w, trigger, st, r, i > 0); err != nil && !errors.Is(err, store.ErrConflict) {
			return started, err
		}
		if started == nil {
			started = r
		}
	}
	if started == nil {
		started = first // all of them were started before
	}
	started.Left = end < len(items)
	return started, nil
}

// accept creates a run for which nobody waits here, and rings for it.
func (e *Engine) accept(ctx context.Context, w *Workflow, trigger *definition.Trigger, st *run.State, r *Running, forced bool) error {
	close(r.done)
	if _, err := e.admit(ctx, w, trigger, st, store.Lease{Due: e.Ambient.Now()}, forced); err != nil || st.Status == definition.Waiting {
		return err
	}
	if err := e.Store.Ring(ctx, r.Key, 0); err != nil {
		e.Log.Warn().Err(err).Str("run", st.Name).Msg("a doorbell was not sent; the sweep will find the run")
	}
	return nil
}

// triggerFailed leaves the history of a trigger that could not be evaluated, and
// returns why.
func (e *Engine) triggerFailed(ctx context.Context, st *run.State, why error) error {
	var invalid *expr.Error
	if !errors.As(why, &invalid) {
		return why
	}
	failure := &run.Error{Code: invalid.Code, Message: invalid.Message}
	if st.Trigger.HideInputs || st.Trigger.HideOutputs { // the message may quote what is hidden
		failure.Message = fmt.Sprintf("The expressions of trigger '%s' could not be evaluated on its outputs.", st.Trigger.Name)
	}
	if err := e.note(ctx, st, definition.Failed, failure); err != nil {
		return err
	}
	return why
}

// note leaves the history of an evaluation that starts no run.
func (e *Engine) note(ctx context.Context, st *run.State, status definition.Status, why *run.Error) error {
	h := &store.History{WorkflowID: st.WorkflowID, Name: st.Name, Record: st.Trigger, ClientTrackingID: st.ClientTrackingID}
	h.Record.Status, h.Record.Error, h.Record.End = status, why, e.Ambient.Now()
	if why != nil && h.Record.Code == "" {
		h.Record.Code = why.Code
	}
	return e.Store.SaveHistory(ctx, h)
}
