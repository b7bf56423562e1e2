package host_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/store"
)

// patience bounds how long a test waits for what must happen anyway.
const patience = 20 * time.Second

// next returns the next value of a channel.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

// clock stands still; who waits for it is asked for and let go by the test.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	asked chan wait
}

type wait struct {
	d    time.Duration
	fire chan time.Time
}

func newClock(at time.Time) *clock { return &clock{now: at, asked: make(chan wait, 1024)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	w := wait{d, make(chan time.Time, 1)}
	c.asked <- w
	return w.fire
}

const halfLease = 5 * time.Minute

// poll returns the next wait that is not for the renewal of a lease.
func (c *clock) poll(t *testing.T) wait {
	t.Helper()
	for {
		if w := next(t, c.asked); w.d != halfLease {
			return w
		}
	}
}

// queues are queues in memory that tell what is done with them.
type queues struct {
	mu     sync.Mutex
	byName map[string]*queue
}

func (q *queues) get(name string) *queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byName[name] == nil {
		if q.byName == nil {
			q.byName = map[string]*queue{}
		}
		q.byName[name] = &queue{events: make(chan string, 1024), arrival: make(chan struct{}, 1), receipts: map[string]string{}}
	}
	return q.byName[name]
}

func (q *queues) Queue(name string) store.Queue { return q.get(name) }

type queue struct {
	mu       sync.Mutex
	visible  []store.Message
	receipts map[string]string // the valid one of each message
	count    int
	broken   int // so many receives fail
	events   chan string
	arrival  chan struct{}
}

func (q *queue) put(m store.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible = append(q.visible, m)
	select {
	case q.arrival <- struct{}{}:
	default: // it has rung already
	}
}

func (q *queue) receipt(id string) string {
	q.count++
	q.receipts[id] = strconv.Itoa(q.count)
	return q.receipts[id]
}

func (q *queue) Send(_ context.Context, text string, delay time.Duration) error {
	q.events <- fmt.Sprintf("send %s %s", text, delay)
	return nil
}

func (q *queue) Receive(_ context.Context, limit int, hide time.Duration) ([]store.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken > 0 {
		q.broken--
		return nil, errors.New("the network is gone")
	}
	taken := slices.Clone(q.visible[:min(limit, len(q.visible))])
	q.visible = q.visible[len(taken):]
	for i := range taken {
		taken[i].DequeueCount++
		taken[i].Receipt = q.receipt(taken[i].ID)
	}
	if len(taken) > 0 {
		q.events <- fmt.Sprintf("receive %d %s", len(taken), hide)
	}
	return taken, nil
}

func (q *queue) Hide(_ context.Context, m store.Message, hide time.Duration) (store.Message, error) {
	q.mu.Lock()
	if q.receipts[m.ID] != m.Receipt {
		q.mu.Unlock()
		return m, store.ErrNotFound
	}
	m.Receipt = q.receipt(m.ID)
	q.mu.Unlock()
	q.events <- "hide " + hide.String()
	if hide == 0 {
		q.put(m)
	}
	return m, nil
}

func (q *queue) Delete(_ context.Context, m store.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.receipts[m.ID] != m.Receipt {
		return store.ErrNotFound
	}
	q.events <- "delete"
	return nil
}

func (q *queue) Arrival() <-chan struct{} { return q.arrival }

func expect(t *testing.T, q *queue, events ...string) {
	t.Helper()
	for _, want := range events {
		if got := next(t, q.events); got != want {
			t.Fatalf("the queue saw %q, want %q", got, want)
		}
	}
}

// serve runs a host until the test ends or calls wait, which returns when the
// host has ended; end only tells it to.
func serve(t *testing.T, f host.Function, s host.Settings, o host.Options) (end, wait func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := standalone(t, host.App{Functions: []host.Function{f}}, s, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l, patience) }()
	wait = sync.OnceFunc(func() {
		t.Helper()
		cancel()
		if err := next(t, done); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(wait)
	return cancel, wait
}

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
