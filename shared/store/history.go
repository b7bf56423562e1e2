package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
)

// History is one evaluation of a trigger: that started a run, was skipped, or
// failed (triggers §1).
type History struct {
	WorkflowID string
	Name       string // sorts newest first; that of the run, if one was started
	Record     run.Record
	// Run is the run that was started, or "".
	Run              string
	ClientTrackingID string
}

// Fired tells whether the evaluation started a run.
func (h *History) Fired() bool { return h.Run != "" }

// historyKey: no escaped name has a colon, so that the histories of two triggers
// never mix.
func historyKey(trigger, name string) string { return historyPrefix(trigger) + name }

func historyPrefix(trigger string) string { return "T." + escape(trigger) + ":" }

// firedRow is the history of a trigger that started a run. What came in lies with
// the run, once.
func firedRow(st *run.State) Properties {
	t := &st.Trigger
	r := &row{properties: Properties{}}
	r.text("Name", t.Name).text("Status", string(t.Status)).text("Code", t.Code).time("Start", t.Start).time("End", t.End).
		text("TrackingID", t.TrackingID).time("Scheduled", t.Scheduled).flag("HideInputs", t.HideInputs).flag("HideOutputs", t.HideOutputs).
		text("Run", st.Name).text("ClientTrackingID", st.ClientTrackingID)
	return r.properties
}

// SaveHistory writes the history of an evaluation that started no run; of those that
// did, the creation of the run writes it.
func (s *Store) SaveHistory(ctx context.Context, h *History) error {
	key := RunKey{h.WorkflowID, h.Name}
	at := historyKey(h.Record.Name, h.Name)
	var blobs []Blob
	row := s.record(key, at, &h.Record, &blobs, false).text("ClientTrackingID", h.ClientTrackingID)
	if row.err != nil {
		return row.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	if _, err := s.backend.Transact(ctx, key.partition(), []Op{{Kind: Replace, Key: at, Properties: row.properties}}); err != nil {
		return fmt.Errorf("write trigger history: %w", err)
	}
	return nil
}

// Histories pages through the evaluations of a trigger, newest first. Their inputs
// and outputs are not loaded; see LoadHistory.
func (s *Store) Histories(ctx context.Context, key TriggerKey, limit int, token string) ([]*History, string, error) {
	prefix := historyPrefix(key.Trigger)
	rows, next, err := s.backend.Range(ctx, key.partition(), prefix, after(prefix), limit, token)
	if err != nil {
		return nil, "", fmt.Errorf("list trigger history: %w", err)
	}
	list := make([]*History, 0, len(rows))
	for _, row := range rows {
		h, err := s.history(ctx, key, row)
		if err != nil {
			return nil, "", err
		}
		h.Record.Inputs, h.Record.Outputs = run.Payload{}, run.Payload{}
		list = append(list, h)
	}
	return list, next, nil
}

// LoadHistory reads one evaluation with what came in and out. Of a run that was
// deleted meanwhile there is only what the list shows.
func (s *Store) LoadHistory(ctx context.Context, key TriggerKey, name string) (*History, error) {
	row, err := s.backend.Get(ctx, key.partition(), historyKey(key.Trigger, escape(name)))
	if err != nil {
		return nil, fmt.Errorf("read trigger history: %w", err)
	}
	h, err := s.history(ctx, key, row)
	if err != nil {
		return nil, err
	}
	if h.Fired() {
		of := RunKey{key.WorkflowID, h.Run}
		row, err = s.backend.Get(ctx, of.partition(), stateKey(of.Run)+"T")
		if errors.Is(err, ErrNotFound) {
			return h, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read trigger: %w", err)
		}
	}
	return h, s.loadPayload(ctx, row, &h.Record)
}

func (s *Store) history(ctx context.Context, key TriggerKey, row Row) (*History, error) {
	rec, err := s.readRecord(ctx, row)
	if err != nil {
		return nil, err
	}
	h := &History{WorkflowID: key.WorkflowID, Name: strings.TrimPrefix(row.Key, historyPrefix(key.Trigger)), Record: *rec}
	r := s.reader(ctx, row)
	h.Run, h.ClientTrackingID = r.text("Run"), r.text("ClientTrackingID")
	if h.Record.Status == "" {
		h.Record.Status = definition.Succeeded
	}
	return h, nil
}

// TrimHistories deletes what all triggers of a workflow, also those it no longer
// has, did before a time: at most so many entries, and returns how many.
func (s *Store) TrimHistories(ctx context.Context, workflowID string, before time.Time, limit int) (int, error) {
	partition := RunKey{workflowID, "00"}.partition()
	deleted := 0
	for from := "T."; deleted < limit; {
		rows, _, err := s.backend.Range(ctx, partition, from, after("T."), 1, "")
		if err != nil {
			return deleted, fmt.Errorf("look for old trigger history: %w", err)
		}
		if len(rows) == 0 {
			return deleted, nil
		}
		prefix := rows[0].Key[:strings.IndexByte(rows[0].Key, ':')+1]
		old, _, err := s.backend.Range(ctx, partition, prefix+run.NewVersion(before), after(prefix), min(limit-deleted, MaxTransactionOps), "")
		if err != nil {
			return deleted, fmt.Errorf("look for old trigger history: %w", err)
		}
		if len(old) == 0 {
			from = after(prefix)
			continue
		}
		if err := s.deleteRows(ctx, partition, old); err != nil {
			return deleted, fmt.Errorf("delete old trigger history: %w", err)
		}
		deleted += len(old)
	}
	return deleted, nil
}

// deleteRows deletes rows in one transaction, then the blobs they named. A process
// that dies in between leaves blobs that nothing names.
func (s *Store) deleteRows(ctx context.Context, partition string, rows []Row) error {
	ops := make([]Op, len(rows))
	for i, row := range rows {
		ops[i] = Op{Kind: Delete, Key: row.Key}
	}
	if _, err := s.backend.Transact(ctx, partition, ops); errors.Is(err, ErrNotFound) {
		return nil // somebody else deletes them too
	} else if err != nil {
		return err
	}
	for _, row := range rows {
		for column, v := range row.Properties {
			if name, isText := v.(string); isText && strings.HasSuffix(column, suffixBlob) {
				if err := s.backend.DeleteBlob(ctx, name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
