package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Move gives a workflow another resource id and name. Its id, keys, versions and runs
// stay, so that URLs that were given out go on working (inbound-security §3.3).
func (e *Engine) Move(ctx context.Context, workflowID, resourceID, name string) error {
	err := e.Store.MoveWorkflow(ctx, workflowID, resourceID, name)
	e.forget(workflowID)
	return err
}

// DeleteConnection removes a connection resource. Workflows that name it go on, and
// their actions reach what their own parameters say.
func (e *Engine) DeleteConnection(ctx context.Context, resourceID string) error {
	if err := e.Store.DeleteConnection(ctx, resourceID); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.connections = nil
	return nil
}

// What keeps a trigger's state from being copied.
var (
	// ErrNoState: a trigger that does not fire by itself, or whose workflow is disabled,
	// remembers nothing.
	ErrNoState = errors.New("the trigger has no state")
	// ErrOtherTrigger: what the two triggers remember is not of the same kind.
	ErrOtherTrigger = errors.New("the triggers are not of the same type")
)

// ResetTrigger lets a trigger forget what it has seen: it begins as if its workflow
// had just been enabled. One that remembers nothing stays as it is.
func (e *Engine) ResetTrigger(ctx context.Context, w *Workflow, t *definition.Trigger) error {
	s, err := e.Store.FindTrigger(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name})
	if err != nil || s == nil || !strings.EqualFold(w.State, "Enabled") {
		return err
	}
	e.unsubscribe(ctx, w, s)
	*s = store.TriggerState{WorkflowID: s.WorkflowID, Trigger: s.Trigger, Due: s.Due, ETag: s.ETag}
	if err := e.Store.SaveTrigger(ctx, s); err != nil {
		return err
	}
	return e.startTrigger(ctx, w, t, true)
}

// CopyTriggerState lets a trigger go on where another one stands: with what the other
// has seen, and when the other would.
func (e *Engine) CopyTriggerState(ctx context.Context, w *Workflow, t *definition.Trigger, source *Workflow, from *definition.Trigger) error {
	if o := operation.FindTrigger(t.Type); !strings.EqualFold(t.Type, from.Type) || t.Spec.Batch || o != nil && o.Subscribe != nil {
		return fmt.Errorf("copy the state of trigger %s: %w", from.Name, ErrOtherTrigger)
	}
	theirs, err := e.Store.FindTrigger(ctx, store.TriggerKey{WorkflowID: source.ID, Trigger: from.Name})
	if err != nil {
		return err
	}
	own, err := e.Store.FindTrigger(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name})
	if err != nil {
		return err
	}
	if theirs == nil || own == nil {
		return fmt.Errorf("copy the state of trigger %s: %w", from.Name, ErrNoState)
	}
	own.Keep, own.WindowStart, own.WindowEnd = theirs.Keep, theirs.WindowStart, theirs.WindowEnd
	own.Due, own.Scheduled, own.Retries, own.Pending = theirs.Due, time.Time{}, nil, value.Value{}
	if !theirs.Scheduled.IsZero() {
		own.Due = theirs.Scheduled // a claim of the other's
	}
	if err := e.Store.SaveTrigger(ctx, own); err != nil {
		return err
	}
	return e.ringTrigger(ctx, own)
}
