package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
)

// A run is named after the time when its trigger fired, or was due to: the name may
// tell a much earlier time than that of the start, but no later one, except for what
// lies between looking at the clock twice.
const (
	nameEarly = 24 * time.Hour
	nameLate  = time.Second
)

// RunsBetween pages through the headers of the runs of a workflow that started
// between two times, newest first; a zero time is no bound. It reads no more than
// limit rows, and may find none among them. after is the next of the call before,
// next is "" at the end.
func (s *Store) RunsBetween(ctx context.Context, workflowID string, from, to time.Time, limit int, after string) (runs []*Snapshot, next string, err error) {
	low, high := window("R.", "R/", from, to, after)
	if low >= high {
		return nil, "", nil
	}
	partition := RunKey{workflowID, "00"}.partition()
	rows, more, err := s.backend.Range(ctx, partition, low, high, limit, "")
	if err != nil {
		return nil, "", fmt.Errorf("list runs: %w", err)
	}
	for _, row := range rows {
		name := strings.TrimPrefix(row.Key, "R.")
		if more != "" {
			next = name
		}
		snapshot, err := s.snapshot(ctx, RunKey{workflowID, name}, row)
		if err != nil {
			return nil, "", err
		}
		if start := snapshot.State.Start; (from.IsZero() || !start.Before(from)) && (to.IsZero() || !start.After(to)) {
			runs = append(runs, snapshot)
		}
	}
	return runs, next, nil
}

// window is the range of the names behind a prefix that times and the name of the page
// before leave. Names begin with the ticks since the year 1.
func window(prefix, end string, from, to time.Time, behind string) (low, high string) {
	low, high = prefix, end
	if to.Year() > 1 {
		low = prefix + run.NewVersion(to.Add(nameLate))
	}
	if from.Year() > 1 {
		high = prefix + run.NewVersion(from.Add(-nameEarly)) + "~"
	}
	if behind != "" {
		low = max(low, prefix+behind+" ") // the first key behind it
	}
	return low, high
}

// TriggerOf reads the record of a run's trigger, with what it got: one read.
func (s *Store) TriggerOf(ctx context.Context, key RunKey) (*run.Record, error) {
	row, err := s.backend.Get(ctx, key.partition(), stateKey(key.Run)+"T")
	if err != nil {
		return nil, fmt.Errorf("read trigger: %w", err)
	}
	rec, err := s.readRecord(ctx, row)
	if err != nil || rec.Inputs.Loaded() && rec.Outputs.Loaded() {
		return rec, err
	}
	return rec, s.loadPayload(ctx, row, rec)
}

// Versions pages through the versions of a workflow, newest first. What belongs to
// the workflow and not to a version is that of now.
func (s *Store) Versions(ctx context.Context, w *Workflow, limit int, after string) (list []*Workflow, next string, err error) {
	low := ""
	if after != "" {
		low = after + " " // the first key behind it
	}
	rows, more, err := s.backend.Range(ctx, versions(w.ID), low, "~", limit, "")
	if err != nil {
		return nil, "", fmt.Errorf("list versions: %w", err)
	}
	for _, row := range rows {
		version, err := s.version(ctx, w, row)
		if err != nil {
			return nil, "", err
		}
		if list = append(list, version); more != "" {
			next = row.Key
		}
	}
	return list, next, nil
}

// Version reads one version of a workflow.
func (s *Store) Version(ctx context.Context, w *Workflow, version string) (*Workflow, error) {
	row, err := s.backend.Get(ctx, versions(w.ID), escape(version))
	if err != nil {
		return nil, fmt.Errorf("read workflow version: %w", err)
	}
	return s.version(ctx, w, row)
}

func (s *Store) version(ctx context.Context, w *Workflow, row Row) (*Workflow, error) {
	r, version := s.reader(ctx, row), *w
	version.Version, version.Definition, version.Parameters = row.Key, r.value("Definition"), r.value("Parameters")
	version.Changed = r.time("Changed")
	if r.err != nil {
		return nil, fmt.Errorf("read workflow version: %w", r.err)
	}
	return &version, nil
}

// HistoriesBetween pages through the evaluations of a trigger that began between two
// times, as Histories does; a zero time is no bound. behind is the next of the call
// before, next is "" at the end.
func (s *Store) HistoriesBetween(ctx context.Context, key TriggerKey, from, to time.Time, limit int, behind string) (list []*History, next string, err error) {
	prefix := historyPrefix(key.Trigger)
	low, high := window(prefix, after(prefix), from, to, escape(behind))
	if low >= high {
		return nil, "", nil
	}
	rows, more, err := s.backend.Range(ctx, key.partition(), low, high, limit, "")
	if err != nil {
		return nil, "", fmt.Errorf("list trigger history: %w", err)
	}
	for _, row := range rows {
		h, err := s.history(ctx, key, row)
		if err != nil {
			return nil, "", err
		}
		if more != "" {
			next = h.Name
		}
		if start := h.Record.Start; !from.IsZero() && start.Before(from) || !to.IsZero() && start.After(to) {
			continue
		}
		h.Record.Inputs, h.Record.Outputs = run.Payload{}, run.Payload{}
		list = append(list, h)
	}
	return list, next, nil
}
