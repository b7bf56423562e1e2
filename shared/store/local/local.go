// Package local is the embedded store: one file on disk, held by one process.
// Rows keep the order and the rules of Azure Table storage, so that both stores
// behave alike.
package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/latchwork/latchwork/shared/store"
)

var (
	rowsBucket   = []byte("rows")
	blobsBucket  = []byte("blobs")
	queuesBucket = []byte("queues")
	metaBucket   = []byte("meta")
	formatKey    = []byte("format")
)

// format is the version of the file's layout.
const format = "1"

// lockWait is how long Open waits for another process to let go of the file.
const lockWait = 500 * time.Millisecond

// Store is the embedded store.
type Store struct {
	db       *bbolt.DB
	requests chan *request
	closing  chan struct{}
	stopped  chan struct{}
	now      func() time.Time

	mu     sync.Mutex
	queues map[string]*queue
	once   sync.Once
}

var _ store.Backend = (*Store)(nil)

// InUseError says that another process has the store open.
type InUseError struct{ Path string }

func (e *InUseError) Error() string {
	return "the store " + e.Path + " is in use by another latchwork process; stop it, or give another --store"
}

// Open opens the store in a file, which is made when missing (mode 0600). Another
// process that has it open is an error.
func Open(path string) (*Store, error) { return OpenAt(path, time.Now) }

// OpenAt is Open with a clock, by which messages become visible.
func OpenAt(path string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, &InUseError{path}
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if err := prepare(db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Store{
		db: db, now: now, queues: map[string]*queue{},
		requests: make(chan *request), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	go s.commits()
	return s, nil
}

func prepare(db *bbolt.DB, path string) error {
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{rowsBucket, blobsBucket, queuesBucket, metaBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		switch found := string(meta.Get(formatKey)); found {
		case format:
			return nil
		case "":
			return meta.Put(formatKey, []byte(format))
		default:
			return fmt.Errorf("the store %s has format %s, and this latchwork knows format %s: use a newer latchwork", path, found, format)
		}
	})
}

// Close ends the store once what is under way is written.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closing)
		<-s.stopped
		s.mu.Lock()
		for _, q := range s.queues {
			q.stop()
		}
		s.mu.Unlock()
		err = s.db.Close()
	})
	return err
}

// request is one change that waits for its group to be committed.
type request struct {
	change func(tx *bbolt.Tx) error
	err    error
	done   chan struct{}
}

// errClosed means that the store was closed.
var errClosed = errors.New("the store is closed")

// update has a change committed together with others that wait at the same time:
// one fsync for all of them.
func (s *Store) update(ctx context.Context, change func(tx *bbolt.Tx) error) error {
	r := &request{change: change, done: make(chan struct{})}
	select {
	case s.requests <- r:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-r.done // a change that was taken up is waited for, or nobody would know how it ended
	return r.err
}

// maxGroup is how many changes one commit takes.
const maxGroup = 256

func (s *Store) commits() {
	defer close(s.stopped)
	for {
		var group []*request
		select {
		case r := <-s.requests:
			group = append(group, r)
		case <-s.closing:
			return
		}
	collect:
		for len(group) < maxGroup {
			select {
			case r := <-s.requests:
				group = append(group, r)
			default:
				break collect
			}
		}
		s.commitGroup(group)
	}
}

// commitGroup applies changes in order. A change checks its conditions before it
// writes anything, so one that fails leaves the others as they are.
func (s *Store) commitGroup(group []*request) {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for _, r := range group {
			r.err = r.change(tx)
		}
		return nil
	})
	for _, r := range group {
		if err != nil {
			r.err = fmt.Errorf("write store: %w", err)
		}
		close(r.done)
	}
}

func rowKey(partition, key string) []byte { return []byte(partition + "\x00" + key) }

// Transact implements store.Backend.
func (s *Store) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	if err := store.CheckTransaction(partition, ops); err != nil {
		return nil, err
	}
	keys, rows := make([][]byte, len(ops)), make([][]byte, len(ops))
	for i, op := range ops {
		keys[i] = rowKey(partition, op.Key)
		if op.Kind == store.Insert || op.Kind == store.Replace { // not while a whole group waits
			rows[i] = encodeRow(0, op.Properties)
		}
	}
	etags := make([]string, len(ops))
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(rowsBucket)
		current := bucket.Cursor()
		for i, op := range ops {
			row := get(current, keys[i])
			if err := allowed(op, row); err != nil {
				return err
			}
			if op.Kind == store.Merge {
				var err error
				if rows[i], err = merged(op, row); err != nil {
					return err
				}
			}
		}
		for i, op := range ops {
			if op.Kind == store.Delete {
				if err := bucket.Delete(keys[i]); err != nil {
					return err
				}
				continue
			}
			version, err := bucket.NextSequence()
			if err != nil {
				return err
			}
			binary.BigEndian.PutUint64(rows[i], version)
			etags[i] = strconv.FormatUint(version, 10)
			if err := bucket.Put(keys[i], rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return etags, nil
}

// get reads with a cursor, which can be used again and again; nil: there is no such key.
func get(c *bbolt.Cursor, key []byte) []byte {
	if k, data := c.Seek(key); bytes.Equal(k, key) {
		return data
	}
	return nil
}

// merged returns the row that there is after a Merge.
func merged(op store.Op, current []byte) ([]byte, error) {
	row, err := decodeRow("", op.Key, current)
	if err != nil {
		return nil, err
	}
	maps.Copy(row.Properties, op.Properties)
	return encodeRow(0, row.Properties), nil
}

// allowed checks the condition of an operation against the row as it stands.
func allowed(op store.Op, current []byte) error {
	switch {
	case op.Kind == store.Insert && current != nil:
		return fmt.Errorf("row %s exists: %w", op.Key, store.ErrConflict)
	case current == nil && (op.Kind == store.Delete || op.Kind == store.Merge || op.ETag != ""):
		return fmt.Errorf("row %s: %w", op.Key, store.ErrNotFound)
	case op.ETag == "":
	case strconv.FormatUint(binary.BigEndian.Uint64(current), 10) != op.ETag:
		return fmt.Errorf("row %s: %w", op.Key, store.ErrConflict)
	}
	return nil
}

// Get implements store.Backend.
func (s *Store) Get(_ context.Context, partition, key string) (row store.Row, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		data := tx.Bucket(rowsBucket).Get(rowKey(partition, key))
		if data == nil {
			return store.ErrNotFound
		}
		row, err = decodeRow(partition, key, data)
		return err
	})
	return row, err
}

// Range implements store.Backend.
func (s *Store) Range(_ context.Context, partition, from, to string, limit int, token string) (rows []store.Row, next string, err error) {
	prefix := rowKey(partition, "")
	start, end := rowKey(partition, max(from, token)), rowKey(partition, to)
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(rowsBucket).Cursor()
		for k, data := c.Seek(start); k != nil && bytes.Compare(k, end) < 0; k, data = c.Next() {
			key := string(k[len(prefix):])
			if len(rows) == limit {
				next = key
				return nil
			}
			row, err := decodeRow(partition, key, data)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, next, err
}
