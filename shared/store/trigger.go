package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
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
	// Scheduled is the occurrence that is being worked at; zero when none is. Retries
	// are the attempts that were made at it.
	Scheduled time.Time
	Retries   []run.Attempt
	// Pending is what was found and has not started all of its runs.
	Pending value.Value
	ETag    string
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
		time("WindowStart", t.WindowStart).time("WindowEnd", t.WindowEnd).value("Keep", t.Keep).
		time("Scheduled", t.Scheduled).value("Pending", t.Pending)
	if len(t.Retries) > 0 {
		row.value("Retries", retriesValue(t.Retries))
	}
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
		Scheduled: r.time("Scheduled"), Retries: readRetries(r.value("Retries")), Pending: r.value("Pending"),
	}
	return t, r.err
}

// FindTrigger is LoadTrigger, but nil for a trigger without a state.
func (s *Store) FindTrigger(ctx context.Context, key TriggerKey) (*TriggerState, error) {
	t, err := s.LoadTrigger(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return t, err
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
	runs, triggers = dueOf(workflowID, rows, now)
	return runs, triggers, nil
}

func dueOf(workflowID string, rows []Row, now time.Time) (runs []RunKey, triggers []TriggerKey) {
	for _, row := range rows {
		if at, _ := row.Properties["Due"].(time.Time); at.After(now) || at.IsZero() {
			continue
		}
		name := strings.TrimPrefix(row.Key, "D.")
		if escaped, isTrigger := strings.CutPrefix(name, triggerMark); isTrigger {
			// A released batch is due under the name of its trigger.
			escaped, _, _ = strings.Cut(strings.TrimPrefix(escaped, triggerMark), ":")
			trigger, err := unescape(escaped)
			if key := (TriggerKey{workflowID, trigger}); err == nil && !slices.Contains(triggers, key) {
				triggers = append(triggers, key)
			}
			continue
		}
		runs = append(runs, RunKey{workflowID, name})
	}
	return runs, triggers
}

// Triggers lists the triggers of a workflow that have a state, due or not.
func (s *Store) Triggers(ctx context.Context, workflowID string) ([]TriggerKey, error) {
	const prefix = "D." + triggerMark
	rows, err := s.rangeAll(ctx, RunKey{workflowID, "00"}.partition(), prefix, prefix+triggerMark)
	if err != nil {
		return nil, fmt.Errorf("list triggers: %w", err)
	}
	var triggers []TriggerKey
	for _, row := range rows {
		if trigger, err := unescape(strings.TrimPrefix(row.Key, prefix)); err == nil {
			triggers = append(triggers, TriggerKey{workflowID, trigger})
		}
	}
	return triggers, nil
}
