package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// finish drives a run, and those that it calls, to its end, or to where only
// somebody else can let it go on. Where a driver leaves a run for later, because of
// a long wait, it is driven again here when it is due.
func (a *app) finish(ctx context.Context, r *engine.Running, skip *skippingClock) (*run.State, error) {
	if _, err := r.Wait(ctx); err != nil {
		return nil, err
	}
	for {
		st, err := a.proceed(ctx, r.Key)
		if err != nil {
			return nil, err
		}
		if st.Status.Final() {
			return st, a.loadAll(ctx, r.Key, st)
		}
		wake, moved, err := a.proceedOthers(ctx, r.Key)
		if err != nil {
			return nil, err
		}
		if own := st.NextWake(); wake.IsZero() || !own.IsZero() && own.Before(wake) {
			wake = own
		}
		switch {
		case moved: // a run that was called may have answered
		case wake.IsZero() && len(awaiting(st)) > 0:
			return st, a.loadAll(ctx, r.Key, st)
		case wake.IsZero():
		case skip != nil:
			skip.to(wake)
		default:
			select {
			case <-time.After(time.Until(wake)):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// proceed drives one run as far as it goes now.
func (a *app) proceed(ctx context.Context, key store.RunKey) (*run.State, error) {
	if err := a.engine.Continue(ctx, key); err != nil {
		return nil, err
	}
	snapshot, err := a.store.LoadRun(ctx, key)
	if err != nil {
		return nil, err
	}
	return snapshot.State, nil
}

// proceedOthers drives all other runs that are not over. It tells when the first of
// them is due again, and whether one of them has ended.
func (a *app) proceedOthers(ctx context.Context, but store.RunKey) (wake time.Time, moved bool, err error) {
	workflows, err := a.store.Workflows(ctx)
	if err != nil {
		return wake, false, err
	}
	for _, w := range workflows {
		for token := ""; ; {
			var list []*store.Snapshot
			if list, token, err = a.store.Runs(ctx, w.ID, 100, token); err != nil {
				return wake, moved, err
			}
			for _, s := range list {
				key := store.RunKey{WorkflowID: w.ID, Run: s.State.Name}
				if s.State.Status.Final() || key == but {
					continue
				}
				st, err := a.proceed(ctx, key)
				if err != nil {
					return wake, moved, err
				}
				if moved = moved || st.Status.Final() || st.Responded != "" && s.State.Responded == ""; !moved {
					if at := st.NextWake(); wake.IsZero() || !at.IsZero() && at.Before(wake) {
						wake = at
					}
				}
			}
			if token == "" {
				break
			}
		}
	}
	return wake, moved, nil
}

// awaiting lists the actions that wait for a call from outside.
func awaiting(st *run.State) []string {
	var names []string
	for _, r := range st.Records {
		if r.Awaiting && !r.Status.Final() {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) loadAll(ctx context.Context, key store.RunKey, st *run.State) error {
	var unloaded []*run.Record
	for _, r := range st.Records {
		if !r.Inputs.Loaded() || !r.Outputs.Loaded() {
			unloaded = append(unloaded, r)
		}
	}
	return a.store.LoadPayloads(ctx, key, st, unloaded)
}
