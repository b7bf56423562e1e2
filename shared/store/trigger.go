package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// TriggerState is where a trigger stands that fires by itself. It lies among the
// due rows of its workflow, so that one look finds whatever is due.
type TriggerState struct {
	WorkflowID, Trigger string
	Version             string    // of the workflow it was started for
	Due                 time.Time // when it fires next
	Started             time.Time // when it was saved or enabled
	Fired               int64     // how often it has fired
	WindowStart         time.Time // of a sliding window
	WindowEnd           time.Time
	Keep                value.Value // what a poll has to remember
	ETag                string
}

// TriggerKey names a trigger. Its text is a doorbell message.
type TriggerKey struct{ WorkflowID, Trigger string }

const triggerMark = "~"

// String returns the text of a doorbell message.
func (k TriggerKey) String() string { return k.WorkflowID + "/" + triggerMark + escape(k.Trigger) }

// ParseTriggerKey reads what TriggerKey.String wrote.
func ParseTriggerKey(s string) (TriggerKey, bool) {
	id, name, ok := strings.Cut(s, "/"+triggerMark)
	trigger, err := unescape(name)
	return TriggerKey{id, trigger}, ok && err == nil && id != "" && escape(id) == id && trigger != ""
}

func (k TriggerKey) partition() string { return RunKey{k.WorkflowID, "00"}.partition() }
func (k TriggerKey) row() string       { return dueKey(triggerMark + escape(k.Trigger)) }

// SaveTrigger writes where a trigger stands: a new one without an ETag, else if
// nobody wrote it since it was read (ErrConflict).
func (s *Store) SaveTrigger(ctx context.Context, t *TriggerState) error {
	key := TriggerKey{t.WorkflowID, t.Trigger}
	var blobs []Blob
	row := s.row(key.partition(), key.row(), &blobs).
		text("Trigger", t.Trigger).text("Version", t.Version).time("Due", t.Due).time("Started", t.Started).number("Fired", t.Fired).
		time("WindowStart", t.WindowStart).time("WindowEnd", t.WindowEnd).value("Keep", t.Keep)
	if row.err != nil {
		return row.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	etags, err := s.backend.Transact(ctx, key.partition(), []Op{{Kind: Replace, Key: key.row(), Properties: row.properties, ETag: t.ETag}})
	if err != nil {
		return fmt.Errorf("write trigger: %w", err)
	}
	t.ETag = etags[0]
	return nil
}

// LoadTrigger reads where a trigger stands.
func (s *Store) LoadTrigger(ctx context.Context, key TriggerKey) (*TriggerState, error) {
	row, err := s.backend.Get(ctx, key.partition(), key.row())
	if err != nil {
		return nil, fmt.Errorf("read trigger: %w", err)
	}
	r := s.reader(ctx, row)
	t := &TriggerState{
		WorkflowID: key.WorkflowID, Trigger: r.text("Trigger"), Version: r.text("Version"), Due: r.time("Due"), Started: r.time("Started"),
		Fired: r.number("Fired"), WindowStart: r.time("WindowStart"), WindowEnd: r.time("WindowEnd"), Keep: r.value("Keep"), ETag: row.ETag,
	}
	return t, r.err
}

// DeleteTrigger forgets a trigger, if it is there.
func (s *Store) DeleteTrigger(ctx context.Context, key TriggerKey) error {
	_, err := s.backend.Transact(ctx, key.partition(), []Op{{Kind: Delete, Key: key.row()}})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// RingTrigger makes some process look at a trigger after a delay.
func (s *Store) RingTrigger(ctx context.Context, key TriggerKey, delay time.Duration) error {
	if err := s.Doorbell().Send(ctx, key.String(), min(max(delay, 0), MaxRingDelay)); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// Due lists what of a workflow is due: runs, and triggers.
func (s *Store) Due(ctx context.Context, workflowID string, now time.Time) (runs []RunKey, triggers []TriggerKey, err error) {
	partition := RunKey{workflowID, "00"}.partition()
	rows, err := s.rangeAll(ctx, partition, "D.", after("D."))
	if err != nil {
		return nil, nil, fmt.Errorf("list what is due: %w", err)
	}
	for _, row := range rows {
		if at, _ := row.Properties["Due"].(time.Time); at.After(now) || at.IsZero() {
			continue
		}
		name := strings.TrimPrefix(row.Key, "D.")
		if escaped, isTrigger := strings.CutPrefix(name, triggerMark); isTrigger {
			if trigger, err := unescape(escaped); err == nil {
				triggers = append(triggers, TriggerKey{workflowID, trigger})
			}
			continue
		}
		runs = append(runs, RunKey{workflowID, name})
	}
	return runs, triggers, nil
}

// Triggers lists the triggers of a workflow that have a state.
func (s *Store) Triggers(ctx context.Context, workflowID string) ([]TriggerKey, error) {
	_, triggers, err := s.Due(ctx, workflowID, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	return triggers, err
}
