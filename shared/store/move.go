package store

import (
	"context"
	"errors"
	"fmt"
)

// MoveWorkflow gives a workflow another resource id and name; everything else stays.
// ErrExists: something has that id already. ErrConflict: the workflow has changed
// meanwhile.
func (s *Store) MoveWorkflow(ctx context.Context, workflowID, resourceID, name string) error {
	row, err := s.backend.Get(ctx, registry, "W."+escape(workflowID))
	if err != nil {
		return fmt.Errorf("read workflow: %w", err)
	}
	r := s.reader(ctx, row)
	from, to := nameKey(r.text("ResourceID")), nameKey(resourceID)
	if r.err != nil {
		return fmt.Errorf("read workflow: %w", r.err)
	}
	row.Properties["ResourceID"], row.Properties["Name"] = resourceID, name
	ops := []Op{{Kind: Replace, Key: row.Key, Properties: row.Properties, ETag: row.ETag}}
	if from != to { // else only the case of some letters changes
		if _, err := s.backend.Get(ctx, registry, to); err == nil {
			return fmt.Errorf("move workflow: %w", ErrExists)
		} else if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("move workflow: %w", err)
		}
		ops = append(ops, Op{Kind: Insert, Key: to, Properties: Properties{"ID": workflowID}}, Op{Kind: Delete, Key: from})
	}
	if _, err := s.backend.Transact(ctx, registry, ops); err != nil {
		return fmt.Errorf("move workflow: %w", err)
	}
	return nil
}

// ErrExists means that a name is taken.
var ErrExists = errors.New("the name is taken")

// DeleteConnection removes a connection, if it is there.
func (s *Store) DeleteConnection(ctx context.Context, resourceID string) error {
	_, err := s.backend.Transact(ctx, registry, []Op{{Kind: Delete, Key: connectionKey(resourceID)}})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete connection: %w", err)
	}
	return nil
}
