// Package storetest is the test kit of stores: the suite that every backend must
// pass, and backends that count or fail.
package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// Counter counts the storage transactions that go through it, by kind.
type Counter struct {
	store.Backend
	mu     sync.Mutex
	counts map[string]int
}

// NewCounter counts what is done to a backend.
func NewCounter(b store.Backend) *Counter { return &Counter{Backend: b, counts: map[string]int{}} }

// Counts returns the counts so far and starts anew.
func (c *Counter) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = map[string]int{}
	return counts
}

// Total returns the sum of the counts so far and starts anew.
func (c *Counter) Total() int {
	total := 0
	for _, n := range c.Counts() {
		total += n
	}
	return total
}

func (c *Counter) count(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[kind]++
}

// Transact counts and passes on.
func (c *Counter) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	c.count("Transact")
	return c.Backend.Transact(ctx, partition, ops)
}

// Get counts and passes on.
func (c *Counter) Get(ctx context.Context, partition, key string) (store.Row, error) {
	c.count("Get")
	return c.Backend.Get(ctx, partition, key)
}

// Range counts and passes on.
func (c *Counter) Range(ctx context.Context, partition, from, to string, limit int, token string) ([]store.Row, string, error) {
	c.count("Range")
	return c.Backend.Range(ctx, partition, from, to, limit, token)
}

// PutBlob counts and passes on.
func (c *Counter) PutBlob(ctx context.Context, name string, data []byte) error {
	c.count("PutBlob")
	return c.Backend.PutBlob(ctx, name, data)
}

// GetBlob counts and passes on.
func (c *Counter) GetBlob(ctx context.Context, name string) ([]byte, error) {
	c.count("GetBlob")
	return c.Backend.GetBlob(ctx, name)
}

// Blobs counts and passes on.
func (c *Counter) Blobs(ctx context.Context, prefix string, limit int) ([]string, error) {
	c.count("Blobs")
	return c.Backend.Blobs(ctx, prefix, limit)
}

// DeleteBlob counts and passes on.
func (c *Counter) DeleteBlob(ctx context.Context, name string) error {
	c.count("DeleteBlob")
	return c.Backend.DeleteBlob(ctx, name)
}

// Queue counts what is sent.
func (c *Counter) Queue(name string) store.Queue { return countedQueue{c.Backend.Queue(name), c} }

type countedQueue struct {
	store.Queue
	c *Counter
}

func (q countedQueue) Send(ctx context.Context, text string, delay time.Duration) error {
	q.c.count("Send")
	return q.Queue.Send(ctx, text, delay)
}

// ErrInjected is what a Faulty backend fails with.
var ErrInjected = errors.New("injected failure")

// Faulty is a backend that dies: from its n-th write on, everything fails. With
// after set, that n-th write takes effect and its answer is lost.
type Faulty struct {
	store.Backend
	mu     sync.Mutex
	left   int
	after  bool
	dead   bool
	Writes int // how many transactions were asked for
}

// NewFaulty returns a backend that dies at the n-th transaction, counted from 0;
// n < 0: never.
func NewFaulty(b store.Backend, n int, after bool) *Faulty {
	return &Faulty{Backend: b, left: n, after: after}
}

// Dead tells whether the backend has died.
func (f *Faulty) Dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// Transact fails when its time has come.
func (f *Faulty) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	f.mu.Lock()
	dying := !f.dead && f.left == 0
	f.left--
	f.Writes++
	wasDead := f.dead
	f.dead = f.dead || dying
	f.mu.Unlock()
	if wasDead || dying && !f.after {
		return nil, ErrInjected
	}
	etags, err := f.Backend.Transact(ctx, partition, ops)
	if dying {
		return nil, ErrInjected
	}
	return etags, err
}

// Get fails once the backend has died.
func (f *Faulty) Get(ctx context.Context, partition, key string) (store.Row, error) {
	if f.Dead() {
		return store.Row{}, ErrInjected
	}
	return f.Backend.Get(ctx, partition, key)
}

// Range fails once the backend has died.
func (f *Faulty) Range(ctx context.Context, partition, from, to string, limit int, token string) ([]store.Row, string, error) {
	if f.Dead() {
		return nil, "", ErrInjected
	}
	return f.Backend.Range(ctx, partition, from, to, limit, token)
}
