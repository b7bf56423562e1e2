package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// execute makes one attempt of an operation.
func (e *Engine) execute(ctx context.Context, w *Workflow, st *run.State, c run.Execute) run.Completed {
	return e.attempt(ctx, w, st, c)(ctx)
}

// attempt prepares one attempt of an operation. What it returns touches nothing
// of the run's state, so that it may run while the state moves on.
func (e *Engine) attempt(ctx context.Context, w *Workflow, st *run.State, c run.Execute) func(context.Context) run.Completed {
	a, number := c.Action, c.Record.Attempt
	log := e.Log.With().Str("workflow", w.Name).Str("run", st.Name).Str("action", a.Name).Int("attempt", number).Logger()
	call, err := e.call(ctx, w, st, c)
	if !a.Spec.Inline {
		e.noteSecrets(w.Program)
	}
	observed := e.observed(w, st, c)
	return func(ctx context.Context) run.Completed {
		ctx, ended := observed(ctx)
		var outcome run.Outcome
		if err != nil {
			log.Error().Err(err).Msg("the connection cannot be read")
			outcome = run.Fail("InternalServerError", "InternalServerError", "The connection of the action cannot be read.")
			outcome.Retry = true
		} else {
			outcome = operation.Attempt(ctx, e.Deps, call, a.Type, log)
		}
		if !a.Spec.Inline {
			e.refused(ctx, w.ID, call.Inputs, outcome)
			outcome = e.fromOutside(outcome)
		}
		ended(outcome)
		log.Debug().Str("status", string(outcome.Status)).Str("code", outcome.Code).Msg("attempt ended")
		return run.Completed{Action: a.Name, Path: c.Record.Path, Attempt: number, Outcome: outcome}
	}
}

// call is what an operation is given of an execution.
func (e *Engine) call(ctx context.Context, w *Workflow, st *run.State, c run.Execute) (operation.Call, error) {
	a := c.Action
	call := operation.Call{
		Action: a.Name, Kind: a.Kind, Inputs: c.Inputs, Deferred: a.Deferred, Attempt: c.Record.Attempt, Keep: c.Record.Keep, Options: a.Options, Runtime: a.Runtime,
		Env: func(item value.Value) *expr.Env { return run.Env(w.Program, st, a, c.Record.Path, item, e.Ambient) },
		Tracking: operation.Tracking{
			WorkflowID: w.ID, WorkflowName: w.Name, WorkflowVersion: w.Version, RunName: st.Name, Action: a.Name, Path: c.Record.Path,
			RunTrackingID: st.TrackingID, ActionTrackingID: c.Record.TrackingID, ClientTrackingID: st.ClientTrackingID, Start: c.Record.Start,
		},
	}
	if at := c.Record.Deadline; !at.IsZero() {
		if call.Timeout = at.Sub(e.Ambient.Now()); call.Timeout <= 0 {
			call.Timeout = -1
		}
	}
	if a.Spec.Callback { // what it sends later must not be evaluated while the run moves on
		env := call.Env(value.Value{})
		for name, t := range a.Deferred {
			if v, err := t.Evaluate(env); err == nil {
				call.Inputs = call.Inputs.With(name, v)
			}
		}
	}
	if a.Reads != nil {
		call.Visible = visible(a, c.Inputs, call.Env(value.Value{}).Scope)
	}
	var err error
	call.Connection, err = e.connectionNamed(ctx, w, a.Connection)
	return call, err
}

// visible gathers what an operation reads of the run besides its inputs, as it is
// now. Which actions it is may itself have been computed.
func visible(a *definition.Action, inputs value.Value, scope expr.Scope) operation.Visible {
	var v operation.Visible
	v.Workflow, _ = scope.Workflow()
	reads := a.Reads
	if slices.ContainsFunc(reads, func(r definition.Read) bool { return r.Dynamic }) {
		reads = a.Spec.Reads(inputs)
	}
	for _, r := range reads {
		switch r.Kind {
		case expr.RefTrigger:
			v.Trigger, _ = scope.Trigger()
		case expr.RefAction:
			if record, ok := scope.Action(r.Name); ok && !record.IsNull() {
				v.Actions = append(v.Actions, value.Member{Key: r.Name, Value: record})
			}
		}
	}
	return v
}

// connectionNamed resolves the entry of $connections that an action names to the
// connection resource behind it.
func (e *Engine) connectionNamed(ctx context.Context, w *Workflow, name string) (operation.Connection, error) {
	if name == "" {
		return operation.Connection{}, nil
	}
	all, _ := w.Program.Parameter("$connections")
	entry := all.Member(name)
	c := operation.Connection{Key: name, API: definition.APIName(entry), ID: entry.Member("connectionId").Str(), Entry: entry}
	if c.API == "" {
		c.API = strings.ToLower(name) // a definition without values for its connections
	}
	known, err := e.connectionResources(ctx)
	if err != nil {
		return c, err
	}
	if resource, ok := known[strings.ToLower(c.ID)]; ok {
		c.Properties = resource.Properties
	}
	return c, nil
}

func (e *Engine) connectionResources(ctx context.Context) (map[string]store.Connection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.connections != nil {
		return e.connections, nil
	}
	list, err := e.Store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	e.connections = make(map[string]store.Connection, len(list))
	for _, c := range list {
		e.connections[strings.ToLower(c.ResourceID)] = c
	}
	return e.connections, nil
}
