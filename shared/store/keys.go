package store

import (
	"context"
	"fmt"
)

// KeyName names one of the keys of a workflow.
type KeyName string

// The keys.
const (
	PrimaryKey   KeyName = "Primary"
	SecondaryKey KeyName = "Secondary"
	ContentsKey  KeyName = "Contents"
)

// Named returns a key by its name, to be read or replaced; nil if there is no such
// name.
func (k *Keys) Named(name KeyName) *[]byte {
	switch name {
	case PrimaryKey:
		return &k.Primary
	case SecondaryKey:
		return &k.Secondary
	case ContentsKey:
		return &k.Contents
	}
	return nil
}

// ReplaceKey gives a workflow another key of a name; nothing else changes. Somebody
// else's change meanwhile is ErrConflict.
func (s *Store) ReplaceKey(ctx context.Context, workflowID string, name KeyName, key []byte) error {
	row, err := s.backend.Get(ctx, registry, "W."+escape(workflowID))
	if err != nil {
		return fmt.Errorf("read workflow: %w", err)
	}
	r := s.reader(ctx, row)
	plain, err := s.codec.Sealer.Open(r.bytes("Keys"), r.place)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	keys, err := splitKeys(plain)
	if err != nil {
		return err
	}
	replaced := keys.Named(name)
	if replaced == nil || len(key) != keyLength {
		return fmt.Errorf("there is no key %q of %d bytes", name, len(key))
	}
	*replaced = key
	row.Properties["Keys"] = s.codec.Sealer.Seal(keys.join(), r.place)
	if _, err := s.backend.Transact(ctx, registry, []Op{{Kind: Replace, Key: row.Key, Properties: row.Properties, ETag: row.ETag}}); err != nil {
		return fmt.Errorf("write signing keys: %w", err)
	}
	return nil
}
