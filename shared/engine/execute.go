package engine

import (
	"context"
	"runtime/debug"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// execute makes one attempt of an operation. A mistake in an operation fails its
// action, not the process.
func (e *Engine) execute(ctx context.Context, w *Workflow, st *run.State, c run.Execute) (done run.Completed) {
	a, attempt := c.Action, c.Record.Attempt
	log := e.Log.With().Str("workflow", w.Name).Str("run", st.Name).Str("action", a.Name).Int("attempt", attempt).Logger()
	done = run.Completed{Action: a.Name, Attempt: attempt}
	defer func() {
		if p := recover(); p != nil {
			log.Error().Bytes("stack", debug.Stack()).Msg("an operation panicked")
			done.Outcome = run.Fail("InternalServerError", "InternalServerError", "The action failed because of an error inside the engine.")
		}
		log.Debug().Str("status", string(done.Outcome.Status)).Str("code", done.Outcome.Code).Msg("attempt ended")
	}()
	connection, err := e.connection(ctx, w, a)
	if err != nil {
		log.Error().Err(err).Msg("the connection cannot be read")
		done.Outcome = run.Fail("InternalServerError", "InternalServerError", "The connection of the action cannot be read.")
		done.Outcome.Retry = true
		return done
	}
	done.Outcome = operation.Find(a.Type).Run(ctx, e.Deps, operation.Call{
		Action: a.Name, Inputs: c.Inputs, Deferred: a.Deferred, Attempt: attempt, Keep: c.Record.Keep,
		Options: a.Options, Connection: connection,
		Env: func(item value.Value) *expr.Env { return run.Env(w.Program, st, a, item, e.Ambient) },
		Tracking: operation.Tracking{
			WorkflowID: w.ID, WorkflowName: w.Name, WorkflowVersion: w.Version, RunName: st.Name,
			RunTrackingID: st.TrackingID, ActionTrackingID: c.Record.TrackingID, ClientTrackingID: st.ClientTrackingID,
		},
	})
	return done
}

// connection resolves the entry of $connections that an action names to the
// connection resource behind it.
func (e *Engine) connection(ctx context.Context, w *Workflow, a *definition.Action) (operation.Connection, error) {
	if a.Connection == "" {
		return operation.Connection{}, nil
	}
	all, _ := w.Program.Parameter("$connections")
	entry := all.Member(a.Connection)
	c := operation.Connection{Key: a.Connection, API: definition.APIName(entry), ID: entry.Member("connectionId").Str(), Entry: entry}
	if c.API == "" {
		c.API = strings.ToLower(a.Connection) // a definition without values for its connections
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
