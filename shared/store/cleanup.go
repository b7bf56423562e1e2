package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
)

// A run is deleted in two steps. The first, one transaction, takes it out of the
// list: its header makes place for a mark, G. and its name. The second, in as many
// small transactions as it takes, removes what it consisted of, and the mark last;
// it can stop and go on anywhere.
func markKey(run string) string { return "G." + run }

// DropRuns takes runs that are over out of the list, in one transaction for each
// maxDrop. Purge removes what they consist of.
func (s *Store) DropRuns(ctx context.Context, runs []*Snapshot) error {
	for len(runs) > 0 {
		some := runs[:min(len(runs), maxDrop)]
		runs = runs[len(some):]
		ops := make([]Op, 0, 2*len(some))
		partition := ""
		for _, r := range some {
			key := RunKey{r.State.WorkflowID, r.State.Name}
			partition = key.partition()
			ops = append(ops, Op{Kind: Delete, Key: headerKey(key.Run), ETag: r.ETag}, Op{Kind: Replace, Key: markKey(key.Run)})
		}
		if _, err := s.backend.Transact(ctx, partition, ops); err != nil {
			return fmt.Errorf("drop runs: %w", err)
		}
	}
	return nil
}

const maxDrop = MaxTransactionOps / 2

// OldRuns returns runs of a workflow that started before a time, at most limit. They
// are found by their names, which tell when they started.
func (s *Store) OldRuns(ctx context.Context, workflowID string, before time.Time, limit int, token string) ([]*Snapshot, string, error) {
	return s.runs(ctx, workflowID, headerKey(run.NewVersion(before)), limit, token)
}

// Purge removes what dropped runs of a workflow consist of. It removes about budget
// rows and blobs, and tells how many it did.
func (s *Store) Purge(ctx context.Context, workflowID string, budget int) (removed int, err error) {
	partition := RunKey{workflowID, "00"}.partition()
	for removed < budget {
		marks, _, err := s.backend.Range(ctx, partition, "G.", after("G."), 10, "")
		if err != nil || len(marks) == 0 {
			return removed, err
		}
		for _, mark := range marks {
			n, done, err := s.purgeRun(ctx, RunKey{workflowID, strings.TrimPrefix(mark.Key, "G.")}, budget-removed)
			removed += n
			if err != nil || !done {
				return removed, err
			}
		}
	}
	return removed, nil
}

func (s *Store) purgeRun(ctx context.Context, key RunKey, budget int) (removed int, done bool, err error) {
	for _, prefix := range []string{stateKey(key.Run), pastKey(key.Run)} {
		n, done, err := s.removeRows(ctx, key.partition(), prefix, after(prefix), budget-removed)
		removed += n
		if err != nil || !done {
			return removed, false, err
		}
	}
	n, done, err := s.removeBlobs(ctx, blobPrefix(key.partition(), key.Run), budget-removed)
	removed += n
	if err != nil || !done {
		return removed, false, err
	}
	return removed + 1, true, s.remove(ctx, key.partition(), []Row{{Key: markKey(key.Run)}})
}

// PurgeWorkflow removes what a deleted workflow consists of, its header last and only
// when it was deleted before a time: until then some process may still believe that it
// is there. Its runs must be over.
func (s *Store) PurgeWorkflow(ctx context.Context, w *Workflow, before time.Time, budget int) (removed int, err error) {
	runs := RunKey{w.ID, "00"}.partition()
	for _, partition := range []string{runs, versions(w.ID)} {
		n, done, err := s.removeRows(ctx, partition, "!", "~", budget-removed)
		removed += n
		if err != nil || !done {
			return removed, err
		}
		n, done, err = s.removeBlobs(ctx, strings.ReplaceAll(partition, ":", "/")+"/", budget-removed)
		removed += n
		if err != nil || !done {
			return removed, err
		}
	}
	if !w.Changed.Before(before) {
		return removed, nil
	}
	n, done, err := s.removeBlobs(ctx, blobPrefix(registry, w.ID), budget-removed)
	removed += n
	if err != nil || !done {
		return removed, err
	}
	return removed + 1, s.remove(ctx, registry, []Row{{Key: "W." + w.ID}})
}

// removeRows removes the rows of a range, and tells whether none is left.
func (s *Store) removeRows(ctx context.Context, partition, from, to string, budget int) (removed int, done bool, err error) {
	for token := ""; removed < budget; {
		rows, next, err := s.backend.Range(ctx, partition, from, to, min(MaxTransactionOps, budget-removed), token)
		if err != nil {
			return removed, false, err
		}
		if token = next; len(rows) > 0 {
			token = "" // what was first is gone
			if err := s.remove(ctx, partition, rows); err != nil {
				return removed, false, err
			}
		}
		removed += len(rows)
		if next == "" {
			return removed, true, nil
		}
	}
	return removed, false, nil
}

// remove removes rows in one transaction. Somebody else may be at the same: then one
// by one, those that are still there.
func (s *Store) remove(ctx context.Context, partition string, rows []Row) error {
	ops := make([]Op, len(rows))
	for i, row := range rows {
		ops[i] = Op{Kind: Delete, Key: row.Key}
	}
	_, err := s.backend.Transact(ctx, partition, ops)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	for _, op := range ops {
		if _, err := s.backend.Transact(ctx, partition, []Op{op}); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

func (s *Store) removeBlobs(ctx context.Context, prefix string, budget int) (removed int, done bool, err error) {
	for removed < budget {
		limit := min(MaxTransactionOps, budget-removed)
		names, err := s.backend.Blobs(ctx, prefix, limit)
		if err != nil {
			return removed, false, err
		}
		for _, name := range names {
			if err := s.backend.DeleteBlob(ctx, name); err != nil {
				return removed, false, err
			}
			removed++
		}
		if len(names) < limit {
			return removed, true, nil
		}
	}
	return removed, false, nil
}
