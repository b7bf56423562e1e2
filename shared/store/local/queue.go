package local

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/latchwork/latchwork/shared/store"
)

// queue keeps messages in a bucket of its own, by the time at which they become
// visible and a number: the first one is the next to be received.
type queue struct {
	s       *Store
	name    string
	arrival chan struct{}

	mu    sync.Mutex
	timer *time.Timer
	due   time.Time
}

var _ store.Queue = (*queue)(nil)

// Queue implements store.Backend.
func (s *Store) Queue(name string) store.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		q = &queue{s: s, name: name, arrival: make(chan struct{}, 1)}
		s.queues[name] = q
		q.announce(s.now()) // what an earlier process left
	}
	return q
}

// stored is a message at rest.
type stored struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Count    int64     `json:"count,omitempty"`
	Inserted time.Time `json:"inserted"`
}

func token() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

// place is the key of a message: when it becomes visible, then its number.
func place(visible time.Time, number uint64) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(max(visible.UnixNano(), 0)))
	return binary.BigEndian.AppendUint64(key, number)
}

// put writes a message at a new place, which is its receipt: nobody looks for a message
// in a queue that may be long, and once it was received anew it lies elsewhere.
func (q *queue) put(b *bbolt.Bucket, m stored, visible time.Time) (receipt string, err error) {
	number, err := b.NextSequence()
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	key := place(visible, number)
	return hex.EncodeToString(key), b.Put(key, data)
}

func (q *queue) bucket(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	return tx.Bucket(queuesBucket).CreateBucketIfNotExists([]byte(q.name))
}

// Send implements store.Queue.
func (q *queue) Send(ctx context.Context, text string, delay time.Duration) error {
	if delay < 0 || delay > store.MaxRingDelay {
		return fmt.Errorf("%w: a message is delayed by 0 to %s", store.ErrTooLarge, store.MaxRingDelay)
	}
	if len(text) > 48<<10 {
		return fmt.Errorf("%w: a message of %d bytes", store.ErrTooLarge, len(text))
	}
	now := q.s.now()
	visible := now.Add(delay)
	err := q.s.update(ctx, func(tx *bbolt.Tx) error {
		b, err := q.bucket(tx)
		if err != nil {
			return err
		}
		_, err = q.put(b, stored{ID: token(), Text: text, Inserted: now.UTC()}, visible)
		return err
	})
	if err == nil {
		q.announce(visible)
	}
	return err
}

// Receive implements store.Queue.
func (q *queue) Receive(ctx context.Context, limit int, hide time.Duration) ([]store.Message, error) {
	now := q.s.now()
	if visible, ok, err := q.first(); err != nil || !ok || visible.After(now) {
		if ok {
			q.announce(visible)
		}
		return nil, err
	}
	var received []store.Message
	err := q.s.update(ctx, func(tx *bbolt.Tx) error {
		received = nil
		b, err := q.bucket(tx)
		if err != nil {
			return err
		}
		var taken [][2][]byte
		c := b.Cursor()
		for k, data := c.First(); k != nil && len(taken) < limit && !visibleAt(k).After(now); k, data = c.Next() {
			taken = append(taken, [2][]byte{append([]byte(nil), k...), append([]byte(nil), data...)})
		}
		for _, t := range taken {
			var m stored
			if err := json.Unmarshal(t[1], &m); err != nil {
				return errCorrupt
			}
			m.Count++
			if err := b.Delete(t[0]); err != nil {
				return err
			}
			receipt, err := q.put(b, m, now.Add(hide))
			if err != nil {
				return err
			}
			received = append(received, store.Message{ID: m.ID, Receipt: receipt, Text: m.Text, DequeueCount: m.Count, Inserted: m.Inserted})
		}
		return nil
	})
	if next, ok, e := q.first(); e == nil && ok {
		q.announce(next)
	}
	return received, err
}

func visibleAt(key []byte) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(key))) }

// first returns when the next message becomes visible.
func (q *queue) first() (at time.Time, ok bool, err error) {
	err = q.s.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(queuesBucket).Bucket([]byte(q.name)); b != nil {
			if k, _ := b.Cursor().First(); k != nil {
				at, ok = visibleAt(k), true
			}
		}
		return nil
	})
	return at, ok, err
}

// Hide implements store.Queue.
func (q *queue) Hide(ctx context.Context, m store.Message, hide time.Duration) (store.Message, error) {
	visible := q.s.now().Add(hide)
	err := q.change(ctx, m, func(b *bbolt.Bucket, s stored) (err error) {
		m.Receipt, err = q.put(b, s, visible)
		return err
	})
	if err == nil {
		q.announce(visible)
	}
	return m, err
}

// Delete implements store.Queue.
func (q *queue) Delete(ctx context.Context, m store.Message) error {
	return q.change(ctx, m, func(*bbolt.Bucket, stored) error { return nil })
}

// change takes out the message with this receipt and lets then put it back.
func (q *queue) change(ctx context.Context, m store.Message, then func(*bbolt.Bucket, stored) error) error {
	return q.s.update(ctx, func(tx *bbolt.Tx) error {
		b, err := q.bucket(tx)
		if err != nil {
			return err
		}
		key, err := hex.DecodeString(m.Receipt)
		if err != nil || len(key) == 0 {
			return store.ErrNotFound
		}
		data := b.Get(key)
		if data == nil {
			return store.ErrNotFound
		}
		var s stored
		if err := json.Unmarshal(data, &s); err != nil {
			return errCorrupt
		}
		if s.ID != m.ID {
			return store.ErrNotFound
		}
		if err := b.Delete(key); err != nil {
			return err
		}
		return then(b, s)
	})
}

// Arrival implements store.Queue.
func (q *queue) Arrival() <-chan struct{} { return q.arrival }

// announce sends on the arrival channel when a message becomes visible.
func (q *queue) announce(at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait := at.Sub(q.s.now())
	if wait <= 0 {
		select {
		case q.arrival <- struct{}{}:
		default:
		}
		return
	}
	if q.timer != nil && !q.due.After(at) {
		return // rings earlier; whoever it wakes looks again
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	q.due = at
	q.timer = time.AfterFunc(wait, func() {
		q.mu.Lock()
		q.timer = nil
		q.mu.Unlock()
		select {
		case q.arrival <- struct{}{}:
		default:
		}
	})
}

func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
}
