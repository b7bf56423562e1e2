package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// What a caller branches on.
var (
	// ErrActive means that a run is not over.
	ErrActive = errors.New("the run is active")
	// ErrNotActive means that a run is over.
	ErrNotActive = errors.New("the run is not active")
)

// Cancel asks whoever drives the run to end it (run-semantics §10).
func (e *Engine) Cancel(ctx context.Context, key store.RunKey) error {
	snapshot, err := e.Store.RunHeader(ctx, key)
	if err != nil {
		return err
	}
	if snapshot.State.Status.Final() {
		return fmt.Errorf("cancel run %s: %w", key.Run, ErrNotActive)
	}
	return e.postCancel(ctx, key)
}

func (e *Engine) postCancel(ctx context.Context, key store.RunKey) error {
	return e.post(ctx, key, cancelItem, cancelItem, value.Value{})
}

// DeleteRun removes a run that is over from history.
func (e *Engine) DeleteRun(ctx context.Context, key store.RunKey) error {
	snapshot, err := e.Store.RunHeader(ctx, key)
	if err != nil {
		return err
	}
	if !snapshot.State.Status.Final() {
		return fmt.Errorf("delete run %s: %w", key.Run, ErrActive)
	}
	if err := e.Store.DropRuns(ctx, []*store.Snapshot{snapshot}); err != nil {
		return err
	}
	_, err = e.Store.Purge(ctx, key.WorkflowID, cleanBudget)
	return err
}

// Enable lets the triggers of a workflow fire again, and calls reach it. What recurs
// begins anew (triggers §7).
func (e *Engine) Enable(ctx context.Context, id string) error { return e.setState(ctx, id, "Enabled") }

// Disable keeps new runs of a workflow from starting. Those that exist go on, waiting
// ones too (run-semantics §10).
func (e *Engine) Disable(ctx context.Context, id string) error {
	return e.setState(ctx, id, "Disabled")
}

// Delete removes a workflow. Its name is free and no call reaches it when Delete
// returns; runs that are not over are cancelled, and what is left of it goes bit by
// bit with Clean.
func (e *Engine) Delete(ctx context.Context, id string) error {
	if err := e.setState(ctx, id, store.Deleted); err != nil {
		return err
	}
	w, err := e.Store.WorkflowHeader(ctx, id)
	if err != nil {
		return err
	}
	_, err = e.cleanDeleted(ctx, w, cleanBudget)
	return err
}

func (e *Engine) setState(ctx context.Context, id, state string) error {
	header, err := e.Store.WorkflowHeader(ctx, id)
	if err != nil {
		return err
	}
	if header.State == store.Deleted {
		return fmt.Errorf("workflow %s: %w", id, store.ErrNotFound)
	}
	if !strings.EqualFold(header.State, state) {
		header.State, header.Changed = state, e.Ambient.Now()
		if err := e.Store.SaveWorkflowHeader(ctx, header); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.workflows[id] = &cached{header, e.Ambient.Now().Add(e.Fresh)}
	e.mu.Unlock()
	w, err := e.compiled(ctx, header, header.Version)
	if err != nil && state == "Enabled" {
		return err
	}
	if err != nil { // what does not compile here can be stopped all the same
		w = &Workflow{header, &definition.Program{}}
	}
	return e.startTriggers(ctx, w)
}

const (
	// cleanBudget is how many rows and blobs one Clean removes, about.
	cleanBudget = 2000
	// auditBudget is that of the audit trail, which is cleaned however much else there is.
	auditBudget = 1000
	// tombstone is for how long the header of a deleted workflow is kept: longer than
	// any process believes that it is there.
	tombstone = time.Hour
)

// Clean removes what history need not keep any longer: runs that started before the
// retention, what triggers did before that, what is left of deleted workflows, and the days of the
// audit trail that are over. It does a bounded amount of work and tells how many rows and blobs it
// removed. The next one goes on with the workflow behind: one that is busy must not keep the
// others from their turn.
func (e *Engine) Clean(ctx context.Context) (int, error) {
	workflows, err := e.Store.AllWorkflows(ctx)
	if err != nil {
		return 0, err
	}
	var failures []error
	trail, err := e.Store.PurgeAudit(ctx, e.Ambient.Now().Add(-e.AuditRetention), auditBudget)
	if err != nil {
		failures = append(failures, err)
	}
	e.mu.Lock()
	first := slices.IndexFunc(workflows, func(w *store.Workflow) bool { return w.ID == e.cleanFrom })
	e.mu.Unlock()
	workflows = slices.Concat(workflows[max(first, 0):], workflows[:max(first, 0)])
	removed := 0
	for i, w := range workflows {
		n, err := e.cleanWorkflow(ctx, w, cleanBudget)
		removed += n
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) { // somebody else cleans too
			failures = append(failures, err)
		}
		if removed >= cleanBudget {
			e.mu.Lock()
			e.cleanFrom = workflows[(i+1)%len(workflows)].ID
			e.mu.Unlock()
			break
		}
	}
	return removed + trail, errors.Join(failures...)
}

// cleanWorkflow cleans one workflow: so much of its runs, and so much of what its triggers did.
func (e *Engine) cleanWorkflow(ctx context.Context, w *store.Workflow, budget int) (int, error) {
	if w.State == store.Deleted {
		return e.cleanDeleted(ctx, w, budget)
	}
	runs, err := e.cleanRuns(ctx, w, budget)
	if err != nil {
		return runs, err
	}
	histories, err := e.trimHistories(ctx, w.ID, budget)
	return runs + histories, err
}

// cleanRuns removes runs that are older than the retention in force now
// (run-semantics §11). One that is still going is kept until it is over: its duration
// is bounded too.
func (e *Engine) cleanRuns(ctx context.Context, w *store.Workflow, budget int) (int, error) {
	before := e.Ambient.Now().Add(-e.Retention)
	for token, seen := "", 0; seen < budget; {
		runs, next, err := e.Store.OldRuns(ctx, w.ID, before, 100, token)
		if err != nil {
			return 0, err
		}
		over := runs[:0]
		for _, r := range runs {
			if r.State.Status.Final() {
				over = append(over, r)
			}
		}
		if err := e.Store.DropRuns(ctx, over); err != nil {
			return 0, err
		}
		seen += len(runs)
		if token = next; next == "" {
			break
		}
	}
	return e.Store.Purge(ctx, w.ID, budget)
}

// cleanDeleted cancels the runs of a deleted workflow, and removes what it consisted
// of once all of them are over.
func (e *Engine) cleanDeleted(ctx context.Context, w *store.Workflow, budget int) (int, error) {
	active, _, err := e.Store.Due(ctx, w.ID, endOfTime)
	if err != nil {
		return 0, err
	}
	for _, key := range active[:min(len(active), budget)] {
		if err := e.postCancel(ctx, key); err != nil {
			return 0, err
		}
	}
	if len(active) > 0 {
		return len(active), nil
	}
	return e.Store.PurgeWorkflow(ctx, w, e.Ambient.Now().Add(-tombstone), budget)
}

// endOfTime: whatever has a due row is due by then.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
