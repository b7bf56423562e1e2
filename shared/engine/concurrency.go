package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Where a trigger limits how many of its runs go on at a time (triggers §5), the
// row of its Slots says which run and which wait. A run is created together with
// its place, in one transaction, so that any number of processes agree. It gives
// its place back after its last commit, and the oldest that waits gets it; if the
// process dies in between, the sweep does that: a run without a due row is over.

// Overflow means that as many runs wait as may.
type Overflow struct{ Count, Limit int }

// CodeOverflow is the product's code of an Overflow.
const CodeOverflow = "WorkflowMaximumWaitingRunCountExceeded"

func (o *Overflow) Error() string {
	return fmt.Sprintf("The number of waiting workflow runs '%d' has exceeded the maximum allowed limit of '%d'. Try increasing the value of 'maximumWaitingRuns' in trigger concurrency configuration.", o.Count, o.Limit)
}

const (
	// slotTries is how often a change of the places is tried again that others changed
	// meanwhile. In one process there is one change at a time.
	slotTries = 50
	// maxPromoted bounds how many runs get a place in one transaction.
	maxPromoted = 50
)

// never is when a run is due that waits for its place: giving it one changes that.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// admit creates a run, with its place where the trigger limits its runs. Its status
// is Waiting then if there is no place yet. One that is forced may exceed the queue.
func (e *Engine) admit(ctx context.Context, w *Workflow, trigger *definition.Trigger, st *run.State, l store.Lease, forced bool) (string, error) {
	c := trigger.Concurrency
	if c == nil {
		return e.Store.CreateRun(ctx, st, l)
	}
	key := store.TriggerKey{WorkflowID: w.ID, Trigger: trigger.Name}
	defer e.lockSlots(key)()
	for range slotTries {
		slots, err := e.Store.LoadSlots(ctx, key)
		if err != nil {
			return "", err
		}
		n := len(slots.Running) + len(slots.Waiting)
		switch {
		case slots.Has(st.Name):
			return "", store.ErrConflict
		case len(slots.Waiting) == 0 && len(slots.Running) < c.Runs:
			slots.Running = append(slots.Running, st.Name)
			st.Status = definition.Running
		case forced || n < c.Ceiling():
			slots.Waiting = append(slots.Waiting, st.Name)
			st.Status, l = definition.Waiting, store.Lease{Due: never}
		default:
			return "", &Overflow{n, c.Ceiling()}
		}
		etag, err := e.Store.CreateRunIn(ctx, st, l, slots)
		if !errors.Is(err, store.ErrConflict) {
			return etag, err
		}
		_, err = e.Store.RunHeader(ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name})
		if err == nil {
			return "", store.ErrConflict // this run exists
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
	}
	return "", errors.New("too many others start runs of the same trigger at the same time")
}

// keepsConcurrency refuses a version that lifts the limit of a trigger: once on, it
// can never be switched off (triggers §5).
func (e *Engine) keepsConcurrency(ctx context.Context, w *store.Workflow, program *definition.Program) (problems []value.Problem) {
	if w.ETag == "" {
		return nil
	}
	before, err := e.Workflow(ctx, w.ID)
	if err != nil {
		return nil //nolint:nilerr // a version that cannot be read or compiled any more limits nothing
	}
	for _, old := range before.Program.Triggers {
		if t := program.Trigger(old.Name); old.Concurrency != nil && t != nil && t.Concurrency == nil {
			problems = append(problems, value.Problem{Code: definition.CannotDisableTriggerConcurrency, Path: t.Path, Message: fmt.Sprintf(
				"The concurrency of trigger '%s' cannot be switched off once it is on.", t.Name)})
		}
	}
	return problems
}

// full tells whether one more run of a trigger would be too many.
func (e *Engine) full(ctx context.Context, w *Workflow, trigger *definition.Trigger) (*Overflow, error) {
	if trigger.Concurrency == nil {
		return nil, nil
	}
	slots, err := e.Store.LoadSlots(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: trigger.Name})
	if err != nil {
		return nil, err
	}
	if n, most := len(slots.Running)+len(slots.Waiting), trigger.Concurrency.Ceiling(); n >= most {
		return &Overflow{n, most}, nil
	}
	return nil, nil
}

// inTurn tells whether a run that waited has its place. One of which the places know
// nothing is not held back.
func (e *Engine) inTurn(ctx context.Context, st *run.State) (bool, error) {
	slots, err := e.Store.LoadSlots(ctx, store.TriggerKey{WorkflowID: st.WorkflowID, Trigger: st.Trigger.Name})
	return err == nil && !slices.Contains(slots.Waiting, st.Name), err
}

// leave gives the place of a run that is over to the next. What goes wrong here is
// for the sweep to put right.
func (e *Engine) leave(ctx context.Context, w *Workflow, st *run.State) {
	t := w.Program.Trigger(st.Trigger.Name)
	if t == nil || t.Concurrency == nil {
		return
	}
	key := store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}
	if err := e.vacate(ctx, key, []string{st.Name}); err != nil {
		e.Log.Warn().Err(err).Str("workflow", w.Name).Str("run", st.Name).Msg("a run did not give back its place; the sweep will")
	}
}

// vacate takes runs that are over out of the places of a trigger, and gives free
// ones to those that wait.
func (e *Engine) vacate(ctx context.Context, key store.TriggerKey, over []string) error {
	w, err := e.Workflow(ctx, key.WorkflowID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted, and all runs with it
	}
	if err != nil {
		return err
	}
	t := w.Program.Trigger(key.Trigger)
	places := 1 // of a trigger that is gone: its queue empties one by one
	if t != nil && t.Concurrency != nil {
		places = t.Concurrency.Runs
	}
	promoted, err := e.change(ctx, key, over, places)
	if err != nil {
		return err
	}
	for _, name := range promoted {
		if err := e.Store.Ring(ctx, store.RunKey{WorkflowID: key.WorkflowID, Run: name}, 0); err != nil {
			return err
		}
	}
	if t != nil && (t.Sliding != nil || t.Spec.Batch) { // it may have been held back
		return e.Store.RingTrigger(ctx, key, 0)
	}
	return nil
}

func (e *Engine) change(ctx context.Context, key store.TriggerKey, over []string, places int) (promoted []string, err error) {
	defer e.lockSlots(key)()
	for range slotTries {
		slots, err := e.Store.LoadSlots(ctx, key)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(over, slots.Has) && len(over) > 0 {
			return nil, nil // somebody did it
		}
		for _, name := range over {
			slots.Remove(name)
		}
		free := min(max(places-len(slots.Running), 0), len(slots.Waiting), maxPromoted)
		if free == 0 && len(over) == 0 {
			return nil, nil
		}
		promoted = slices.Clone(slots.Waiting[:free])
		slots.Running, slots.Waiting = append(slots.Running, promoted...), slots.Waiting[free:]
		gone, err := e.Store.SaveSlots(ctx, slots, promoted, e.Ambient.Now())
		switch {
		case gone != "": // it was cancelled while it waited
			over = append(slices.Clone(over), gone)
		case err == nil:
			return promoted, nil
		case !errors.Is(err, store.ErrConflict):
			return nil, err
		}
	}
	return nil, store.ErrConflict
}

// heal puts right what processes left behind that died between the end of a run and
// giving its place away, and gives away what a new version allows more.
func (e *Engine) heal(ctx context.Context, o *store.Overview) error {
	var failures []error
	for _, slots := range o.Slots {
		var over []string
		for _, name := range slices.Concat(slots.Running, slots.Waiting) {
			if !o.Alive(name) {
				over = append(over, name)
			}
		}
		if len(over) > 0 || len(slots.Waiting) > 0 {
			failures = append(failures, e.vacate(ctx, store.TriggerKey{WorkflowID: slots.WorkflowID, Trigger: slots.Trigger}, over))
		}
	}
	return errors.Join(failures...)
}

// lockSlots lets one goroutine of this process at a time change the places of a
// trigger. It returns what ends that.
func (e *Engine) lockSlots(key store.TriggerKey) (unlock func()) {
	e.mu.Lock()
	lock := e.slots[key]
	if lock == nil {
		lock = make(chan struct{}, 1)
		e.slots[key] = lock
	}
	e.mu.Unlock()
	lock <- struct{}{}
	return func() { <-lock }
}
