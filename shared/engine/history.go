package engine

import (
	"context"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// TriggerHistories pages through what a trigger did, newest first; inputs and outputs
// come with TriggerHistory.
func (e *Engine) TriggerHistories(ctx context.Context, key store.TriggerKey, limit int, token string) ([]*store.History, string, error) {
	return e.Store.Histories(ctx, key, limit, token)
}

// TriggerHistory reads one evaluation of a trigger with its inputs and outputs. Which
// side of it may be shown, the record says.
func (e *Engine) TriggerHistory(ctx context.Context, key store.TriggerKey, name string) (*store.History, error) {
	return e.Store.LoadHistory(ctx, key, name)
}

// TriggerStatus is when a trigger was evaluated last, and when it will be by itself;
// zero: never.
type TriggerStatus struct {
	Last, Next time.Time
	Status     string // of the last evaluation
}

// TriggerStatus tells where a trigger stands.
func (e *Engine) TriggerStatus(ctx context.Context, key store.TriggerKey) (TriggerStatus, error) {
	var status TriggerStatus
	list, _, err := e.Store.Histories(ctx, key, 1, "")
	if err != nil {
		return status, err
	}
	if len(list) > 0 {
		status.Last, status.Status = list[0].Record.Start, string(list[0].Record.Status)
	}
	s, err := e.Store.FindTrigger(ctx, key)
	if err == nil && s != nil {
		status.Next = s.Due
	}
	return status, err
}

// maxTrimmed is how many old entries one look deletes; the rest is for the next.
const maxTrimmed = 1000

// trimHistories deletes the history of triggers that is older than HistoryLife: once
// an hour, and until nothing is left.
func (e *Engine) trimHistories(ctx context.Context, workflowID string) error {
	now := e.Ambient.Now()
	e.mu.Lock()
	last := e.trimmed[workflowID]
	e.mu.Unlock()
	if now.Sub(last) < time.Hour {
		return nil
	}
	before := now.Add(-e.HistoryLife)
	n, err := e.Store.TrimHistories(ctx, workflowID, before, maxTrimmed)
	if err != nil || n == maxTrimmed {
		return err
	}
	if n, err = e.Store.TrimSenders(ctx, workflowID, before, maxTrimmed); err != nil || n == maxTrimmed {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trimmed[workflowID] = now
	return nil
}
