package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// ErrResponseTimeout means that no Response action ran in time.
var ErrResponseTimeout = errors.New("no response in time")

// Response waits for the action that answers the caller. The record is nil when
// the run ended without one. When the run goes on elsewhere, because this driver
// lost it or its slice was used up, the header is watched instead.
func (e *Engine) Response(ctx context.Context, r *Running) (*run.Record, error) {
	limit := e.After(max(r.due.Sub(e.Ambient.Now()), 0))
	select {
	case record, ok := <-r.Answer:
		if ok {
			return record, nil
		}
	case <-limit:
		return nil, ErrResponseTimeout
	case <-ctx.Done():
		e.callerLeft(ctx, r)
		return nil, ctx.Err()
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		snapshot, err := e.Store.RunHeader(ctx, r.Key)
		if err != nil {
			return nil, err
		}
		if snapshot.State.Responded != "" {
			return e.responded(ctx, r)
		}
		if snapshot.State.Status.Final() {
			return nil, nil
		}
		select {
		case <-e.After(pause):
		case <-limit:
			return nil, ErrResponseTimeout
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// callerLeft tells the driver of a run that nobody waits for its answer any more; a
// Response action is skipped then (triggers §11.4).
func (e *Engine) callerLeft(ctx context.Context, r *Running) {
	e.mu.Lock()
	driven := e.drivers[r.Key] != nil
	e.mu.Unlock()
	if !driven {
		return // it is over, or goes on elsewhere
	}
	if err := e.post(context.WithoutCancel(ctx), r.Key, leftItem, leftItem, value.Value{}); err != nil {
		e.Log.Debug().Err(err).Str("run", r.Key.Run).Msg("a run was not told that its caller is gone")
	}
}

// Operation tells how far the response is that a caller asks for later. The state
// is that of the run's header; the record is nil while no Response action has run,
// and for ever if the run ended without one. ErrNotFound: there is no such run, or
// nobody was told to ask.
func (e *Engine) Operation(ctx context.Context, key store.RunKey, id string) (*run.State, *run.Record, error) {
	snapshot, err := e.Store.RunHeader(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	st := snapshot.State
	if !st.Polled || st.TrackingID != id {
		return nil, nil, fmt.Errorf("operation of run %s: %w", key.Run, store.ErrNotFound)
	}
	if st.Responded == "" {
		return st, nil, nil
	}
	record, err := e.responded(ctx, &Running{Key: key})
	return st, record, err
}

// responded loads the record of the action that answered.
func (e *Engine) responded(ctx context.Context, r *Running) (*run.Record, error) {
	snapshot, err := e.Store.LoadRun(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	record := snapshot.State.Records[snapshot.State.Responded]
	if record == nil {
		return nil, nil
	}
	if !record.Outputs.Loaded() {
		err = e.Store.LoadPayloads(ctx, r.Key, snapshot.State, []*run.Record{record})
	}
	return record, err
}

// Once makes one attempt of a program's action outside of any run.
func (e *Engine) Once(ctx context.Context, p *definition.Program, action string, c operation.Connection) *run.Record {
	st := run.NewState(run.Header{Name: run.NewName(e.Ambient, 0), Start: e.Ambient.Now(), ResponseDue: e.Ambient.Now().Add(time.Hour)})
	events := []run.Event{run.Started{}}
	for len(events) > 0 {
		event := events[0]
		events = events[1:]
		for _, command := range run.Apply(p, st, event, e.Ambient) {
			x, ok := command.(run.Execute)
			if !ok {
				continue
			}
			outcome := operation.Attempt(ctx, e.Deps, operation.Call{
				Action: action, Kind: x.Action.Kind, Inputs: x.Inputs, Deferred: x.Action.Deferred, Attempt: 1, Options: x.Action.Options, Connection: c,
			}, x.Action.Type, e.Log)
			outcome = e.fromOutside(outcome)
			outcome.Retry, outcome.Again = false, 0 // one attempt is what was asked for
			events = append(events, run.Completed{Action: action, Attempt: 1, Outcome: outcome})
		}
	}
	return st.Records[action]
}

// Fires tells whether a trigger with these outputs would start a run.
func (e *Engine) Fires(p *definition.Program, t *definition.Trigger, outputs value.Value) (bool, error) {
	st := run.NewState(run.Header{Name: run.NewName(e.Ambient, 0)})
	st.Trigger = run.Record{Name: t.Name, Status: definition.Succeeded, Inputs: run.Payload{Value: t.Raw}, Outputs: run.Payload{Value: outputs}}
	return run.Fires(p, st, t, e.Ambient)
}
