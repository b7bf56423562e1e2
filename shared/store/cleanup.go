package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
//
// Small runs go together, as many as one transaction holds, and several transactions are
// under way at once: all the time goes into waiting for them. The blobs of all runs are listed
// once where there are few, since a listing costs more than anything else here.
func (s *Store) Purge(ctx context.Context, workflowID string, budget int) (int, error) {
	partition := RunKey{workflowID, "00"}.partition()
	var blobs listing
	for removed := 0; ; {
		marks, _, err := s.backend.Range(ctx, partition, "G.", after("G."), min(maxMarks, budget-removed), "")
		if err != nil || len(marks) == 0 {
			return removed, err
		}
		if err := blobs.list(ctx, s.backend, partition); err != nil {
			return removed, err
		}
		var left atomic.Int64
		left.Store(int64(budget - removed))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(purgers)
		for some := range slices.Chunk(marks, marksAtOnce) {
			group.Go(func() error {
				p := purge{s: s, partition: partition, blobs: &blobs, left: &left}
				for _, mark := range some {
					if err := p.run(ctx, RunKey{workflowID, strings.TrimPrefix(mark.Key, "G.")}); err != nil {
						return err
					}
				}
				return p.flush(ctx)
			})
		}
		err = group.Wait()
		if removed = budget - int(left.Load()); err != nil || removed >= budget {
			return removed, err
		}
	}
}

const (
	maxMarks    = 400
	marksAtOnce = 10 // of usual runs these fill a transaction
	purgers     = 8
)

// listing are the blobs of all runs of a workflow.
type listing struct {
	listed, complete bool
	names            []string
}

// maxListed is a page of the service.
const maxListed = 5000

func (l *listing) list(ctx context.Context, b Backend, partition string) (err error) {
	if !l.listed {
		l.names, err = b.Blobs(ctx, strings.ReplaceAll(partition, ":", "/")+"/", maxListed)
		l.listed, l.complete = err == nil, len(l.names) < maxListed
	}
	return err
}

// mayHave tells whether there may be blobs whose names begin so.
func (l *listing) mayHave(prefix string) bool {
	return !l.complete || slices.ContainsFunc(l.names, func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// purge gathers the rows of small runs, their marks included, for one transaction.
type purge struct {
	s         *Store
	partition string
	blobs     *listing
	left      *atomic.Int64 // what may be removed
	rows      []Row
}

// run removes one run, as far as the budget goes.
func (p *purge) run(ctx context.Context, key RunKey) error {
	left := int(p.left.Load())
	if left <= 0 {
		return nil
	}
	n, done, err := p.take(ctx, key)
	if err == nil && !done {
		n, _, err = p.s.purgeRun(ctx, key, left)
	}
	p.left.Add(int64(-n))
	return err
}

// take takes a run in if it is small and has no blobs, and tells whether it did.
func (p *purge) take(ctx context.Context, key RunKey) (removed int, done bool, err error) {
	if p.blobs.mayHave(blobPrefix(p.partition, key.Run)) {
		return 0, false, nil
	}
	rows := []Row{}
	for _, prefix := range []string{stateKey(key.Run), pastKey(key.Run)} {
		some, next, err := p.s.backend.Range(ctx, p.partition, prefix, after(prefix), MaxTransactionOps, "")
		if err != nil || next != "" {
			return 0, false, err
		}
		rows = append(rows, some...)
	}
	if rows = append(rows, Row{Key: markKey(key.Run)}); len(rows) > MaxTransactionOps {
		return 0, false, nil
	}
	if len(p.rows)+len(rows) > MaxTransactionOps {
		if err := p.flush(ctx); err != nil {
			return 0, false, err
		}
	}
	p.rows = append(p.rows, rows...)
	return len(rows), true, nil
}

func (p *purge) flush(ctx context.Context) error {
	rows := p.rows
	if p.rows = nil; len(rows) == 0 {
		return nil
	}
	return p.s.remove(ctx, p.partition, rows)
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
