package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// DataKey is a key that seals, itself encrypted by a key that is not in the store.
type DataKey struct {
	ID      string // in hex
	Wrapped []byte
	// WrappedBy is the version of the key that encrypted it.
	WrappedBy string
	Created   time.Time
}

// DataKeys lists the keys that were used so far, the newest first. It needs no sealer:
// one is made of them.
func DataKeys(ctx context.Context, b Backend) ([]DataKey, error) {
	rows, _, err := b.Range(ctx, registry, dataKeyPrefix, after(dataKeyPrefix), 1000, "")
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	var keys []DataKey
	for _, row := range rows {
		k := DataKey{ID: row.Key[len(dataKeyPrefix):]}
		k.Wrapped, _ = row.Properties["Wrapped"].([]byte)
		k.WrappedBy, _ = row.Properties["WrappedBy"].(string)
		k.Created, _ = row.Properties["Created"].(time.Time)
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y DataKey) int { return y.Created.Compare(x.Created) })
	return keys, nil
}

const dataKeyPrefix = "K."

// AddDataKey keeps a key. Nothing ever removes one: what it sealed may be read at any
// time.
func AddDataKey(ctx context.Context, b Backend, k DataKey) error {
	_, err := b.Transact(ctx, registry, []Op{{Kind: Insert, Key: dataKeyPrefix + k.ID, Properties: Properties{
		"Wrapped": k.Wrapped, "WrappedBy": k.WrappedBy, "Created": k.Created.UTC(),
	}}})
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
