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

// trimEvery is how often the history of triggers is looked over for what is old, unless a
// tenth of its life is less.
const trimEvery = time.Hour

// trimHistories deletes the history of triggers that is older than HistoryLife, at most so
// many entries, and tells how many. Once nothing is left it does not look for a while.
func (e *Engine) trimHistories(ctx context.Context, workflowID string, budget int) (int, error) {
	now := e.Ambient.Now()
	e.mu.Lock()
	last := e.trimmed[workflowID]
	e.mu.Unlock()
	if now.Sub(last) < min(trimEvery, e.HistoryLife/10) {
		return 0, nil
	}
	before := now.Add(-e.HistoryLife)
	histories, err := e.Store.TrimHistories(ctx, workflowID, before, budget)
	if err != nil || histories >= budget {
		return histories, err
	}
	senders, err := e.Store.TrimSenders(ctx, workflowID, before, budget-histories)
	if err != nil || histories+senders >= budget {
		return histories + senders, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trimmed[workflowID] = now
	return histories + senders, nil
}
