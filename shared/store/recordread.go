package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchwork/latchwork/shared/run"
)

// Execution reads one execution of an action with what went in and out: path is "" for
// an action outside of loops. It takes one read, two for an iteration that is over.
func (s *Store) Execution(ctx context.Context, key RunKey, action, path string) (*run.Record, error) {
	name := recordName(&run.Record{Name: action, Path: path})
	row, err := s.backend.Get(ctx, key.partition(), stateKey(key.Run)+name)
	if errors.Is(err, ErrNotFound) && path != "" {
		row, err = s.backend.Get(ctx, key.partition(), pastKey(key.Run)+name)
	}
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	rec, err := s.readRecord(ctx, row)
	if err != nil || rec.Inputs.Loaded() && rec.Outputs.Loaded() {
		return rec, err
	}
	return rec, s.loadPayload(ctx, row, rec)
}
