package store

import (
	"context"
	"errors"
	"fmt"
)

// Format is the version of what lies in a store. It is raised when an older latchwork
// would read or write something wrongly; a new column, which it ignores, is no reason.
// A newer latchwork reads all older formats.
const Format = 1

// formatKey is the row of the registry with the format; the first stores have none.
const formatKey = "F"

// CheckFormat refuses a store that a newer latchwork has written, and notes the format
// in one that has none.
func CheckFormat(ctx context.Context, b Backend) error {
	row, err := b.Get(ctx, registry, formatKey)
	if errors.Is(err, ErrNotFound) {
		_, err = b.Transact(ctx, registry, []Op{{Kind: Insert, Key: formatKey, Properties: Properties{"Format": int64(Format)}}})
		if errors.Is(err, ErrConflict) {
			return CheckFormat(ctx, b) // somebody else opens it at the same time
		}
	}
	if err != nil {
		return fmt.Errorf("read the format of the store: %w", err)
	}
	if found, _ := row.Properties["Format"].(int64); found > Format {
		return fmt.Errorf("the store has format %d, and this latchwork knows formats up to %d: use a newer latchwork", found, Format)
	}
	return nil
}
