package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

func TestMain(m *testing.M) { os.Exit(azurite.Main(m)) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// stores are those that each test runs on, with a count of their transactions.
func stores(t *testing.T, f func(t *testing.T, s *store.Store, c *storetest.Counter)) {
	for name, open := range map[string]func() (store.Backend, error){
		"local": func() (store.Backend, error) { return local.Open(filepath.Join(t.TempDir(), "store.db")) },
		"azure": func() (store.Backend, error) {
			return azure.Open(t.Context(), azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: fmt.Sprintf("t%d", time.Now().UnixNano())})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = b.Close() })
			sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
			if err != nil {
				t.Fatal(err)
			}
			c := storetest.NewCounter(b)
			f(t, store.New(c, sealer), c)
		})
	}
}

func read(t *testing.T, s *store.Store, f store.AuditFilter) []store.AuditEvent {
	t.Helper()
	if f.Since.IsZero() {
		f.Since = noon.Add(-48 * time.Hour)
	}
	if f.Until.IsZero() {
		f.Until = noon.Add(48 * time.Hour)
	}
	var all []store.AuditEvent
	if err := s.Audit(t.Context(), f, func(e store.AuditEvent) bool { all = append(all, e); return true }); err != nil {
		t.Fatal(err)
	}
	return all
}

func subjects(events []store.AuditEvent) string {
	var list []string
	for _, e := range events {
		list = append(list, e.Subject)
	}
	return strings.Join(list, " ")
}

func TestEventsAreReadAsTheyWereWritten(t *testing.T) {
	stores(t, func(t *testing.T, s *store.Store, _ *storetest.Counter) {
		whole := store.AuditEvent{
			At: noon.Add(1234500 * time.Nanosecond), Kind: "trigger", Outcome: audit.Refused, WorkflowID: "w1", Subject: "one", Scheme: "SAS", Key: "primary",
			Principal: "appid=é", Caller: "2001:db8::1", Status: 401, Code: "AuthorizationFailed", Reason: "it is\nexpired", Count: 3, Instance: "i/1", Sequence: 7,
		}
		events := []store.AuditEvent{
			{At: noon.Add(time.Second), Kind: audit.Key, Outcome: audit.Done, WorkflowID: "w2", Subject: "three", Instance: "i", Sequence: 3},
			{At: noon.Add(time.Second), Kind: audit.Key, Outcome: audit.Done, WorkflowID: "w2", Subject: "two", Instance: "i", Sequence: 2},
			whole,
			{At: noon.Add(12 * time.Hour), Kind: "trigger", Outcome: audit.Allowed, WorkflowID: "w1", Subject: "tomorrow", Instance: "i", Sequence: 4},
			{At: noon.Add(-13 * time.Hour), Kind: "trigger", Outcome: audit.Allowed, WorkflowID: "w1", Subject: "yesterday", Instance: "i", Sequence: 1},
		}
		for range 2 { // again writes nothing twice, with others beside them
			if err := s.AppendAudit(t.Context(), events[:3]); err != nil {
				t.Fatal(err)
			}
			if err := s.AppendAudit(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		all := read(t, s, store.AuditFilter{})
		if got := subjects(all); got != "yesterday one two three tomorrow" {
			t.Fatalf("read %s", got)
		}
		if all[1] != whole {
			t.Errorf("read %+v\nwant %+v", all[1], whole)
		}
		for want, f := range map[string]store.AuditFilter{
			"one two three":          {Since: noon, Until: noon.Add(time.Hour)},
			"two three tomorrow":     {Since: noon.Add(time.Second)},
			"yesterday one":          {Until: noon.Add(time.Second)},
			"yesterday one tomorrow": {WorkflowID: "w1"},
			"two three":              {Kind: audit.Key},
			"yesterday tomorrow":     {Outcome: audit.Allowed},
			"one":                    {WorkflowID: "w1", Outcome: audit.Refused},
			"":                       {Kind: "nothing"},
		} {
			if got := subjects(read(t, s, f)); got != want {
				t.Errorf("%+v: %q, want %q", f, got, want)
			}
		}
		n := 0
		if err := s.Audit(t.Context(), store.AuditFilter{Since: noon.Add(-24 * time.Hour), Until: noon.Add(24 * time.Hour)}, func(store.AuditEvent) bool { n++; return n < 2 }); err != nil || n != 2 {
			t.Errorf("stopped after %d: %v", n, err)
		}
	})
}

// clock lets a test say when the recorder has waited long enough.
type clock chan time.Time

func (c clock) after(time.Duration) <-chan time.Time { return c }

// Many events are few commits, and none is lost at the end.
func TestEventsAreCommittedTogether(t *testing.T) {
	stores(t, func(t *testing.T, s *store.Store, c *storetest.Counter) {
		r := audit.New(audit.Config{Append: s.AppendAudit, Log: zerolog.Nop(), Now: func() time.Time { return noon }, After: clock(nil).after})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range 55 {
					r.Record(store.AuditEvent{Kind: "trigger", Outcome: audit.Allowed})
				}
			})
		}
		all.Wait()
		r.Close(t.Context())
		if n := c.Total(); n > 30 {
			t.Errorf("%d transactions", n)
		}
		seen := map[int64]bool{}
		for _, e := range read(t, s, store.AuditFilter{}) {
			seen[e.Sequence] = true
		}
		if len(seen) != 550 {
			t.Errorf("%d of 550 events", len(seen))
		}
	})
}

// recorded is a store that a test holds in its hand.
type recorded struct {
	mu     sync.Mutex
	events []store.AuditEvent
	err    error
	tried  chan struct{}
}

func (r *recorded) append(_ context.Context, events []store.AuditEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried != nil {
		defer func() { r.tried <- struct{}{} }()
	}
	if r.err != nil {
		return r.err
	}
	r.events = append(r.events, events...)
	return nil
}

// Calling in vain is counted, not kept one by one.
func TestRefusedCallsAreBounded(t *testing.T) {
	into := &recorded{}
	r := audit.New(audit.Config{Append: into.append, Log: zerolog.Nop(), After: clock(nil).after, Now: func() time.Time { return noon }})
	// The first hundred may be committed, and counted anew, at any time.
	for range 1000 {
		r.Record(store.AuditEvent{Kind: "trigger", Outcome: audit.Refused})
	}
	r.Record(store.AuditEvent{Kind: "trigger", Outcome: audit.Allowed})
	r.Close(t.Context())
	var refused, allowed int64
	for _, e := range into.events {
		if e.Outcome == audit.Allowed {
			allowed++
		} else {
			refused += max(e.Count, 1)
		}
	}
	if refused != 1000 || allowed != 1 || len(into.events) > 950 {
		t.Errorf("%d refused, %d allowed, in %d events", refused, allowed, len(into.events))
	}
}

// A store that does not answer is tried again, in its own time, and what it cannot
// take is counted.
func TestStoreIsDown(t *testing.T) {
	tick := make(clock)
	into := &recorded{err: errors.New("down"), tried: make(chan struct{}, 100)}
	r := audit.New(audit.Config{Append: into.append, Log: zerolog.Nop(), After: tick.after, Now: func() time.Time { return noon }})
	r.Record(store.AuditEvent{Kind: "trigger", Outcome: audit.Allowed, Subject: "first"})
	tick <- noon
	<-into.tried
	for range 6000 {
		r.Record(store.AuditEvent{Kind: "trigger", Outcome: audit.Allowed})
	}
	tick <- noon
	<-into.tried
	if len(into.tried) > 0 {
		t.Errorf("it was tried %d times more than there was time for", len(into.tried))
	}
	into.mu.Lock()
	into.err, into.tried = nil, nil
	into.mu.Unlock()
	r.Close(t.Context())
	var kept, lost int64
	for _, e := range into.events {
		if e.Kind == audit.Lost {
			lost += e.Count
		} else {
			kept++
		}
	}
	if kept+lost != 6001 || lost == 0 || kept < 5000 || into.events[0].Subject != "first" {
		t.Errorf("%d kept, %d lost, first %+v", kept, lost, into.events[0])
	}
}

// What must not be lost is there when Write returns, or waits if it cannot be.
func TestWriteIsAtOnce(t *testing.T) {
	into := &recorded{}
	r := audit.New(audit.Config{Append: into.append, Log: zerolog.Nop(), After: clock(nil).after})
	r.Write(t.Context(), store.AuditEvent{Kind: audit.Key, Subject: "now"})
	into.mu.Lock()
	if subjects(into.events) != "now" || into.events[0].At.IsZero() {
		t.Errorf("%+v", into.events)
	}
	into.err = errors.New("down")
	into.mu.Unlock()
	r.Write(t.Context(), store.AuditEvent{Kind: audit.Key, Subject: "later"})
	into.mu.Lock()
	into.err = nil
	into.mu.Unlock()
	r.Close(t.Context())
	r.Close(t.Context())
	if subjects(into.events) != "now later" {
		t.Errorf("%+v", into.events)
	}
}

func TestNoRecorder(t *testing.T) {
	var r *audit.Recorder
	r.Record(store.AuditEvent{})
	r.Write(t.Context(), store.AuditEvent{})
	r.Close(t.Context())
	if audit.Actor(t.Context()) != "" || audit.Actor(audit.WithActor(t.Context(), "somebody")) != "somebody" {
		t.Error("the actor is another")
	}
}
