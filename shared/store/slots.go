package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Slots are the runs of a trigger that limits how many run at a time: those that
// run, and those that wait for a place, the oldest first (triggers §5). They lie in
// the partition of the runs, so that a run and its place come into being together.
type Slots struct {
	WorkflowID, Trigger string
	Running, Waiting    []string
	ETag                string
}

func slotsKey(trigger string) string { return "C." + escape(trigger) }

// Has tells whether a run has a place, or waits for one.
func (s *Slots) Has(run string) bool {
	return slices.Contains(s.Running, run) || slices.Contains(s.Waiting, run)
}

// Remove takes a run out, wherever it is.
func (s *Slots) Remove(run string) {
	is := func(other string) bool { return other == run }
	s.Running, s.Waiting = slices.DeleteFunc(s.Running, is), slices.DeleteFunc(s.Waiting, is)
}

func (s *Slots) op() Op {
	op := Op{Kind: Replace, Key: slotsKey(s.Trigger), ETag: s.ETag, Properties: Properties{
		"Trigger": s.Trigger, "Running": strings.Join(s.Running, " "), "Waiting": strings.Join(s.Waiting, " "),
	}}
	if s.ETag == "" {
		op.Kind = Insert
	}
	return op
}

// LoadSlots reads the places of a trigger; none where no run ever took one.
func (s *Store) LoadSlots(ctx context.Context, key TriggerKey) (*Slots, error) {
	row, err := s.backend.Get(ctx, key.partition(), slotsKey(key.Trigger))
	if errors.Is(err, ErrNotFound) {
		return &Slots{WorkflowID: key.WorkflowID, Trigger: key.Trigger}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the runs of a trigger: %w", err)
	}
	return readSlots(key.WorkflowID, row), nil
}

func readSlots(workflowID string, row Row) *Slots {
	text := func(column string) string { v, _ := row.Properties[column].(string); return v }
	return &Slots{
		WorkflowID: workflowID, Trigger: text("Trigger"), ETag: row.ETag,
		Running: strings.Fields(text("Running")), Waiting: strings.Fields(text("Waiting")),
	}
}

// SaveSlots writes the places, if nobody wrote them since they were read
// (ErrConflict). The runs that got a place become due. One of them that is over has
// no due row any more: it is named, and nothing is written.
func (s *Store) SaveSlots(ctx context.Context, slots *Slots, promoted []string, now time.Time) (over string, err error) {
	key := TriggerKey{slots.WorkflowID, slots.Trigger}
	ops := []Op{slots.op()}
	for _, run := range promoted {
		row, err := s.backend.Get(ctx, key.partition(), dueKey(run))
		if errors.Is(err, ErrNotFound) {
			return run, nil
		}
		if err != nil {
			return "", fmt.Errorf("read due row: %w", err)
		}
		ops = append(ops, Op{Kind: Replace, Key: row.Key, ETag: row.ETag, Properties: Properties{"Due": now.UTC()}})
	}
	if _, err := s.backend.Transact(ctx, key.partition(), ops); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = ErrConflict // a run ended just now
		}
		return "", fmt.Errorf("write the runs of a trigger: %w", err)
	}
	return "", nil
}

// Overview is what a workflow has under way.
type Overview struct {
	Runs     []RunKey     // that are due
	Triggers []TriggerKey // that are due
	Slots    []*Slots
	alive    map[string]bool
}

// Alive tells whether a run that had a place when the overview was made is not over.
func (o *Overview) Alive(run string) bool { return o.alive[run] }

// Overview lists what of a workflow is due, and the places of its runs. The places
// are read first: a run that has one and no due row after that is over.
func (s *Store) Overview(ctx context.Context, workflowID string, now time.Time) (*Overview, error) {
	partition := RunKey{workflowID, "00"}.partition()
	rows, err := s.rangeAll(ctx, partition, "C.", after("D."))
	if err != nil {
		return nil, fmt.Errorf("list what is due: %w", err)
	}
	o := &Overview{alive: map[string]bool{}}
	due := rows
	for i, row := range rows {
		if !strings.HasPrefix(row.Key, "C.") {
			due = rows[i:]
			break
		}
		o.Slots = append(o.Slots, readSlots(workflowID, row))
		due = nil
	}
	for _, row := range due {
		o.alive[strings.TrimPrefix(row.Key, "D.")] = true
	}
	o.Runs, o.Triggers = dueOf(workflowID, due, now)
	return o, nil
}
