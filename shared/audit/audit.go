// Package audit writes the audit trail behind the back of those who call: events are
// gathered and committed together, so that none of them costs a transaction of its
// own. What a process that dies has not written yet is lost: at most what happened in
// the last Every. What must not be lost is written at once.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/store"
)

// The kinds of event besides calls, and the outcomes.
const (
	Key    = "key"    // a signing key was replaced
	Change = "change" // a workflow was saved
	Lost   = "lost"   // events that could not be written
	// Management is a call of the management API that changes something or shows what
	// opens something, or that was refused.
	Management = "management"

	Allowed = "allowed"
	Refused = "refused"
	Done    = "done"
)

// Config is what a Recorder is made of. Zero values are replaced by the defaults.
type Config struct {
	Append func(ctx context.Context, events []store.AuditEvent) error
	Log    zerolog.Logger
	Now    func() time.Time
	// After is time.After, or a clock of a test.
	After func(time.Duration) <-chan time.Time
	// Every is how long an event waits for others.
	Every time.Duration
}

const (
	// DefaultEvery is Config.Every.
	DefaultEvery = 2 * time.Second
	// batch is how many events one commit writes: a transaction takes no more.
	batch = store.MaxTransactionOps
	// capacity bounds what waits while the store does not answer.
	capacity = 50 * batch
	// refusals is how many refused calls are kept one by one between two commits. The
	// rest is counted: calling in vain must not cost us more than the caller.
	refusals = batch
	// writeTimeout bounds one commit.
	writeTimeout = 20 * time.Second
)

// Recorder gathers events. A nil one forgets them. It is safe for concurrent use.
type Recorder struct {
	config   Config
	instance string
	wake     chan struct{} // something waits
	full     chan struct{} // a whole batch does
	stop     chan struct{}
	stopped  chan struct{}
	once     sync.Once

	mu       sync.Mutex
	waiting  []store.AuditEvent
	sequence int64
	refused  int // of those waiting
	counted  int64
	lost     int64
}

// New returns a recorder. Close ends it.
func New(c Config) *Recorder {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	r := &Recorder{
		config: c, instance: hex.EncodeToString(id[:]), wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go r.loop()
	return r
}

// Record takes an event in and returns at once.
func (r *Recorder) Record(e store.AuditEvent) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.Outcome == Refused && r.refused >= refusals:
		r.counted++
	case len(r.waiting) >= capacity:
		r.lost++
	default:
		if e.Outcome == Refused {
			r.refused++
		}
		r.waiting = append(r.waiting, r.numbered(e))
	}
	signal(r.wake)
	if len(r.waiting) >= batch {
		signal(r.full)
	}
}

// Write returns when an event is stored. If it cannot be, it waits with the others
// for the next time.
func (r *Recorder) Write(ctx context.Context, e store.AuditEvent) {
	if r == nil {
		return
	}
	r.mu.Lock()
	e = r.numbered(e)
	r.mu.Unlock()
	if err := r.append(ctx, []store.AuditEvent{e}); err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, e)
	signal(r.wake)
}

// numbered gives an event its place. The caller holds mu.
func (r *Recorder) numbered(e store.AuditEvent) store.AuditEvent {
	if e.At.IsZero() {
		e.At = r.config.Now()
	}
	e.At = e.At.UTC().Truncate(100 * time.Nanosecond) // what a store keeps
	r.sequence++
	e.Instance, e.Sequence = r.instance, r.sequence
	return e
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close writes what waits, for as long as ctx allows, and ends the recorder.
func (r *Recorder) Close(ctx context.Context) {
	if r == nil {
		return
	}
	r.once.Do(func() { close(r.stop) })
	<-r.stopped
	for r.flush(ctx) {
	}
	if left := r.left(); left > 0 {
		r.config.Log.Error().Int("events", left).Msg("events of the audit trail are lost")
	}
}

func (r *Recorder) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

func (r *Recorder) loop() {
	defer close(r.stopped)
	for failed := false; ; {
		full := r.full
		if failed {
			full = nil // a store that does not answer gets time, however much there is
		}
		select {
		case <-r.wake:
		case <-r.stop:
			return
		}
		select {
		case <-full:
		case <-r.config.After(r.config.Every):
		case <-r.stop:
			return
		}
		for r.flush(context.Background()) {
		}
		if failed = r.left() > 0; failed {
			signal(r.wake)
		}
	}
}

// flush commits one batch, and tells whether there is more to do at once.
func (r *Recorder) flush(ctx context.Context) (more bool) {
	r.mu.Lock()
	r.summarize()
	events := r.waiting[:min(len(r.waiting), batch)]
	r.mu.Unlock()
	if len(events) == 0 || r.append(ctx, events) != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append([]store.AuditEvent(nil), r.waiting[len(events):]...)
	return len(r.waiting) > 0
}

// summarize turns what was only counted into events. The caller holds mu.
func (r *Recorder) summarize() {
	r.refused = 0
	if r.counted > 0 {
		r.waiting = append(r.waiting, r.numbered(store.AuditEvent{Kind: "other", Outcome: Refused, Count: r.counted, Reason: "more calls were refused than are kept one by one"}))
		r.counted = 0
	}
	if r.lost > 0 {
		r.waiting = append(r.waiting, r.numbered(store.AuditEvent{Kind: Lost, Outcome: Done, Count: r.lost, Reason: "the store did not take them in time"}))
		r.lost = 0
	}
}

func (r *Recorder) append(ctx context.Context, events []store.AuditEvent) error {
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := r.config.Append(limited, events)
	if err != nil {
		r.config.Log.Error().Err(err).Int("events", len(events)).Msg("the audit trail cannot be written; it is tried again")
	}
	return err
}

type (
	actorKey       struct{}
	correlationKey struct{}
)

// WithActor says who acts: changes name them.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Actor returns who acts, or "".
func Actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// WithCorrelation gives what is done the id of the call that asks for it.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// Correlation returns that id, or "".
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}
