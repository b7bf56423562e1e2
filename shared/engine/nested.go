package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/telemetry"
	"github.com/latchwork/latchwork/shared/value"
)

// ErrNotWaiting means that an action does not wait to be resumed: it is over, or was
// never there.
var ErrNotWaiting = errors.New("the action does not wait")

// Resume gives an action what it waits for: headers, queries and body of the call
// that came. The item lies in the run's inbox when Resume returns. It comes once
// under one name.
func (e *Engine) Resume(ctx context.Context, key store.RunKey, action, path, name string, data value.Value) error {
	snapshot, err := e.Store.LoadRun(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotWaiting
	}
	if err != nil {
		return err
	}
	w, err := e.WorkflowVersion(ctx, key.WorkflowID, snapshot.State.Version)
	if err != nil {
		return err
	}
	a := w.Program.Action(action)
	if a == nil || !a.Spec.Callback {
		return ErrNotWaiting
	}
	r := snapshot.State.Records[run.Key(a.Name, path)]
	if snapshot.State.Status.Final() || r == nil || r.Status.Final() {
		return ErrNotWaiting
	}
	return e.post(ctx, key, resumeItem+"."+name, resumeItem, resumption(a.Name, path, e.resumed(w.Program, a, data)))
}

func resumption(action, path string, data value.Value) value.Value {
	return value.Object(value.Member{Key: "action", Value: value.String(action)},
		value.Member{Key: "path", Value: value.String(path)}, value.Member{Key: "data", Value: data})
}

// callbacks mints the URLs of a run.
func (e *Engine) callbacks(w *Workflow, name string) func(action, path string) string {
	if e.Callback == nil {
		return nil
	}
	return func(action, path string) string { return e.Callback(w, name, action, path) }
}

// letGo releases what waited, once the state says that it does so no more.
func (d *driver) letGo(ctx context.Context) {
	for _, c := range d.release {
		call, err := d.e.call(ctx, d.w, d.st, run.Execute{Action: c.Action, Record: c.Record, Inputs: c.Inputs})
		if err != nil {
			continue // nothing depends on it
		}
		call.Keep = c.Keep
		d.e.work.Go(func() {
			ctx, cancel := context.WithTimeout(d.e.ctx, releaseTime)
			defer cancel()
			operation.Let(ctx, d.e.Deps, call, c.Action.Type, d.e.Log)
		})
	}
	d.release = nil
}

// tellParent posts the answer of a nested run to the action that waits for it,
// before the run's own commit: if this process dies in between, it is posted again
// under the same name, and comes once.
func (d *driver) tellParent(ctx context.Context) error {
	p := d.st.Parent
	if p.Run == "" {
		return nil
	}
	var answer value.Value
	switch {
	case len(d.respond) > 0:
		answer = d.respond[0].Outputs.Value
	case d.finished && d.st.Responded == "":
		answer = noResponse(d.st.Name)
	default:
		return nil
	}
	return d.e.post(ctx, store.RunKey{WorkflowID: p.WorkflowID, Run: p.Run}, resumeItem+"."+d.st.Name, resumeItem, resumption(p.Action, p.Path, answer))
}

// noResponse is what the caller of a run gets that ended without a Response
// (actions §2.10).
func noResponse(name string) value.Value {
	failure := value.Object(value.Member{Key: "code", Value: value.String("NoResponse")}, value.Member{Key: "message", Value: value.String(fmt.Sprintf(
		"The server did not receive a response from an upstream server. Request tracking id '%s'.", name))})
	return value.Object(value.Member{Key: "statusCode", Value: value.Int(502)}, value.Member{Key: "headers", Value: value.Object()},
		value.Member{Key: "body", Value: value.Object(value.Member{Key: "error", Value: failure})})
}

var _ operation.Workflows = (*Engine)(nil)

// StartNested implements operation.Workflows. The name of the run follows from the
// execution that asks for it, so that there is one however often it is asked for.
func (e *Engine) StartNested(ctx context.Context, n operation.Nested) (value.Value, *run.Error, error) {
	resourceID, err := e.beside(ctx, n)
	if err != nil {
		return value.Value{}, nil, err
	}
	id, err := e.Store.WorkflowNamed(ctx, resourceID)
	if errors.Is(err, store.ErrNotFound) {
		return value.Value{}, &run.Error{Code: "NestedWorkflowNotFound", Message: fmt.Sprintf("The workflow '%s' could not be found.", n.ResourceID)}, nil
	}
	if err != nil {
		return value.Value{}, nil, err
	}
	w, err := e.Workflow(ctx, id)
	if err != nil {
		return value.Value{}, nil, err
	}
	t := w.Program.Trigger(n.Trigger)
	if n.Trigger == "" && resourceID != n.ResourceID && len(w.Program.Triggers) == 1 {
		t = w.Program.Triggers[0]
	}
	if failure := callable(w, t, n); failure != nil {
		return value.Value{}, failure, nil
	}
	hash := sha256.Sum256([]byte(n.Tracking.ActionTrackingID))
	trigger := Trigger{
		Name: t.Name, Outputs: n.Outputs, ClientTrackingID: n.Tracking.ClientTrackingID,
		RunName: run.NameAt(n.Tracking.Start, int64(binary.BigEndian.Uint32(hash[:4])), 0),
	}
	if of, ok := telemetry.From(ctx); ok {
		trigger.TraceParent, trigger.TraceState = of.String(), of.State
	}
	if n.Waits {
		trigger.Parent = run.Parent{WorkflowID: n.Tracking.WorkflowID, Run: n.Tracking.RunName, Action: n.Tracking.Action, Path: n.Tracking.Path}
	}
	running, err := e.Start(ctx, w, trigger)
	var overflow *Overflow
	var invalid *expr.Error
	switch {
	case errors.As(err, &overflow):
		return value.Value{}, &run.Error{Code: CodeOverflow, Message: overflow.Error()}, nil
	case errors.As(err, &invalid):
		return value.Value{}, &run.Error{Code: invalid.Code, Message: invalid.Message}, nil
	}
	if errors.Is(err, store.ErrConflict) { // started before, by a driver that died; perhaps before it rang
		err = e.Store.Ring(ctx, store.RunKey{WorkflowID: w.ID, Run: trigger.RunName}, 0)
	}
	if err != nil {
		return value.Value{}, nil, err
	}
	headers := value.NewObject(2)
	switch skipped := running != nil && running.Skipped; {
	case skipped && n.Waits: // no Response can come
		return value.Value{}, &run.Error{Code: "NestedWorkflowTriggerSkipped", Message: fmt.Sprintf("The workflow '%s' was not started: a condition of its trigger '%s' does not hold.", w.Name, t.Name)}, nil
	case running != nil && !skipped:
		headers.Set("x-ms-workflow-run-id", value.String(running.Key.Run)).Set("x-ms-correlation-id", value.String(running.TrackingID))
	}
	return value.Object(value.Member{Key: "statusCode", Value: value.Int(202)}, value.Member{Key: "headers", Value: headers.Build()}), nil, nil
}

// beside is the resource id of the workflow that is called. In a Standard project it is
// called by its name alone, and has one trigger (workflow-definition §2).
func (e *Engine) beside(ctx context.Context, n operation.Nested) (string, error) {
	if n.ResourceID == "" || strings.Contains(n.ResourceID, "/") {
		return n.ResourceID, nil
	}
	caller, err := e.Workflow(ctx, n.Tracking.WorkflowID)
	if errors.Is(err, store.ErrNotFound) {
		return n.ResourceID, nil
	}
	if err != nil {
		return "", err
	}
	return caller.ResourceID[:strings.LastIndexByte(caller.ResourceID, '/')+1] + n.ResourceID, nil
}

// callable tells what keeps a workflow from being called (actions §2.10).
func callable(w *Workflow, t *definition.Trigger, n operation.Nested) *run.Error {
	switch {
	case t == nil:
		return &run.Error{Code: "WorkflowTriggerNotFound", Message: fmt.Sprintf("The workflow '%s' trigger '%s' could not be found.", w.Name, n.Trigger)}
	case !t.Spec.Request:
		return &run.Error{Code: "NestedWorkflowTriggerNotSupported", Message: fmt.Sprintf("The trigger '%s' of workflow '%s' cannot be called.", t.Name, w.Name)}
	case t.SplitOn != nil:
		return &run.Error{Code: "NestedWorkflowContainsSplitOnTrigger", Message: fmt.Sprintf("The workflow '%s' cannot be called: its trigger '%s' has 'splitOn'.", w.Name, t.Name)}
	case n.Waits && !w.Program.Responds:
		return &run.Error{Code: "NestedWorkflowDoesNotContainResponseAction", Message: fmt.Sprintf("The workflow '%s' cannot be called: it has no Response action.", w.Name)}
	case w.State != "Enabled":
		return &run.Error{Code: "WorkflowTriggerIsNotEnabled", Message: fmt.Sprintf("Could not execute workflow '%s' trigger '%s' with state '%s': trigger is not enabled.", w.ID, t.Name, w.State)}
	}
	return nil
}
