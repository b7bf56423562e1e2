package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/store"
)

// dispatch continues the run, or fires the trigger, that a doorbell names.
func (a *app) dispatch(ctx context.Context, m host.QueueMessage) error {
	if trigger, ok := store.ParseTriggerKey(m.Text); ok {
		if err := a.engine.FireTrigger(ctx, trigger); err != nil {
			a.log.Error().Err(err).Str("workflow", trigger.WorkflowID).Str("trigger", trigger.Trigger).Int64("dequeueCount", m.DequeueCount).Msg("a trigger could not fire")
			return err
		}
		return nil
	}
	key, err := store.ParseRunKey(m.Text)
	if err != nil {
		a.log.Error().Int64("dequeueCount", m.DequeueCount).Msg("a doorbell does not name a run; it is dropped")
		return nil //nolint:nilerr // trying again would not make it better
	}
	if err := a.engine.Continue(ctx, key); err != nil {
		a.log.Error().Err(err).Str("run", key.Run).Int64("dequeueCount", m.DequeueCount).Msg("a run could not be continued")
		return err
	}
	return nil
}

// poison gives up a run whose doorbells have failed again and again, so that it
// ends with a reason instead of being tried for ever.
func (a *app) poison(ctx context.Context, m host.QueueMessage) error {
	if trigger, ok := store.ParseTriggerKey(m.Text); ok {
		a.log.Error().Str("workflow", trigger.WorkflowID).Str("trigger", trigger.Trigger).Msg("a trigger failed to fire again and again; the sweep will try it")
		return nil
	}
	key, err := store.ParseRunKey(m.Text)
	if err != nil {
		a.log.Error().Msg("a poison message does not name a run; it is dropped")
		return nil //nolint:nilerr // there is no run to give up
	}
	a.log.Error().Str("run", key.Run).Str("workflow", key.WorkflowID).Msg("a run is given up: it could not be continued")
	err = a.engine.Abandon(ctx, key, "The run was given up, because continuing it failed again and again.")
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody drives it after all
	}
	return err
}

// sweep rings for runs that are due and that nobody looks at.
func (a *app) sweep(ctx context.Context, _ host.Tick) error {
	rung, err := a.engine.Sweep(ctx)
	if rung > 0 {
		a.log.Info().Int("runs", rung).Msg("due runs were rung for")
	}
	return errors.Join(err, a.clean(ctx))
}

const (
	// cleanEvery is how often history is looked over for what need not be kept, unless
	// a tenth of the retention is less.
	cleanEvery = 10 * time.Minute
	// cleanTime is what cleaning may take of the minute between two sweeps.
	cleanTime = 40 * time.Second
)

// clean removes what history need not keep: all of it, or as much as there is time for;
// then the next sweep goes on.
func (a *app) clean(ctx context.Context) error {
	a.cleanMu.Lock()
	defer a.cleanMu.Unlock()
	began := time.Now()
	if began.Before(a.nextClean) {
		return nil
	}
	total := 0
	defer func() {
		if total > 0 {
			a.log.Info().Int("rows", total).Dur("duration", time.Since(began)).Msg("history was cleaned")
		}
	}()
	for time.Since(began) < cleanTime {
		removed, err := a.engine.Clean(ctx)
		if total += removed; err != nil {
			return err
		}
		if removed == 0 {
			a.nextClean = began.Add(cleanEvery)
			if r := a.settings.retention; r > 0 {
				a.nextClean = began.Add(min(cleanEvery, r/10))
			}
			break
		}
	}
	return nil
}
