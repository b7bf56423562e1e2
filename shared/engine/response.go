package engine

import (
	"context"
	"errors"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
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
