package local

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/latchwork/latchwork/shared/store"
)

// A blob lies in pieces, each written by a transaction of its own: one transaction
// holds all that it writes in memory twice. The first piece has the name of the blob
// as its key, those that follow a zero byte and their number behind it. The first is
// written last: with it the blob is there.
const blobPiece = 4 << 20

func pieceKey(name string, n int) []byte {
	if n == 0 {
		return []byte(name)
	}
	return fmt.Appendf(nil, "%s\x00%06d", name, n)
}

// followers is what the keys of all pieces but the first begin with.
func followers(name string) []byte { return []byte(name + "\x00") }

// PutBlob implements store.Backend. Who writes the same once more, because an attempt
// was cut off, takes nothing away meanwhile.
func (s *Store) PutBlob(ctx context.Context, name string, data []byte) error {
	last := (max(len(data), 1) - 1) / blobPiece
	for n := last; n >= 0; n-- {
		some := data[n*blobPiece : min(len(data), (n+1)*blobPiece)]
		err := s.update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(blobsBucket).Put(pieceKey(name, n), some) })
		if err != nil {
			return err
		}
	}
	return s.deletePieces(ctx, name, last+1) // of a longer one that was there
}

// GetBlob implements store.Backend.
func (s *Store) GetBlob(_ context.Context, name string) (data []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(blobsBucket).Cursor()
		key, first := c.Seek([]byte(name))
		if string(key) != name {
			return store.ErrNotFound
		}
		pieces, size := [][]byte{first}, len(first)
		for k, some := c.Next(); bytes.HasPrefix(k, followers(name)); k, some = c.Next() {
			pieces, size = append(pieces, some), size+len(some)
		}
		data = make([]byte, 0, size)
		for _, some := range pieces {
			data = append(data, some...)
		}
		return nil
	})
	return data, err
}

// Blobs implements store.Backend. One that was never written to its end is listed too:
// it is there to be deleted.
func (s *Store) Blobs(_ context.Context, prefix string, limit int) (names []string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(blobsBucket).Cursor()
		for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)) && k != nil && len(names) < limit; k, _ = c.Next() {
			name, _, _ := bytes.Cut(k, []byte{0})
			if len(names) == 0 || names[len(names)-1] != string(name) {
				names = append(names, string(name))
			}
		}
		return nil
	})
	return names, err
}

// DeleteBlob implements store.Backend.
func (s *Store) DeleteBlob(ctx context.Context, name string) error {
	return s.deletePieces(ctx, name, 0)
}

// deletePieces deletes the pieces from a number on.
func (s *Store) deletePieces(ctx context.Context, name string, from int) error {
	var keys [][]byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(blobsBucket).Cursor()
		for k, _ := c.Seek(pieceKey(name, from)); string(k) == name || bytes.HasPrefix(k, followers(name)); k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		return nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return s.update(ctx, func(tx *bbolt.Tx) error {
		for _, k := range keys {
			if err := tx.Bucket(blobsBucket).Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
}
