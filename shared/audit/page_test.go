package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

// write appends events a batch at a time.
func write(t *testing.T, s *store.Store, events []store.AuditEvent) {
	t.Helper()
	for some := range slices.Chunk(events, store.MaxTransactionOps) {
		if err := s.AppendAudit(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
}

// uneven is a trail with bursts, with many events of one moment, with whole days of
// nothing, and with an event at midnight.
func uneven() []store.AuditEvent {
	var events []store.AuditEvent
	add := func(at time.Time) {
		n := int64(len(events))
		e := store.AuditEvent{At: at, Kind: "trigger", Outcome: audit.Allowed, WorkflowID: fmt.Sprintf("w%d", n%7), Subject: fmt.Sprint(n), Instance: "i", Sequence: n}
		if n%100 == 0 {
			e.Outcome = audit.Refused
		}
		events = append(events, e)
	}
	add(noon.Add(-30 * 24 * time.Hour))
	add(noon.Add(-12 * time.Hour)) // midnight
	for i := range 400 {
		add(noon.Add(time.Duration(i) * time.Microsecond))
	}
	for range 300 {
		add(noon.Add(time.Second))
	}
	for i := range 20 {
		add(noon.Add(time.Minute * time.Duration(i+1)))
	}
	return events
}

// Pages show all that a filter lets through, newest first, each event once, and none of
// them costs more than it may.
func TestPages(t *testing.T) {
	stores(t, func(t *testing.T, s *store.Store, c *storetest.Counter) {
		write(t, s, uneven())
		month := store.AuditFilter{Since: noon.Add(-31 * 24 * time.Hour), Until: noon.Add(time.Hour)}
		part := store.AuditFilter{Since: noon.Add(100 * time.Microsecond), Until: noon.Add(350 * time.Microsecond)}
		few := month
		few.Outcome = audit.Refused
		for name, test := range map[string]struct {
			f      store.AuditFilter
			wanted func(*store.AuditEvent) bool
			limit  int
		}{
			"all":          {month, nil, 250},
			"small pages":  {part, nil, 30},
			"filtered":     {few, nil, 4},
			"wanted":       {month, func(e *store.AuditEvent) bool { return e.Subject == "0" || e.Subject == "1" }, 30},
			"no time":      {store.AuditFilter{Since: noon, Until: noon}, nil, 30},
			"after it all": {store.AuditFilter{Since: noon.Add(24 * time.Hour), Until: noon.Add(48 * time.Hour)}, nil, 30},
		} {
			want := slices.DeleteFunc(read(t, s, test.f), func(e store.AuditEvent) bool { return test.wanted != nil && !test.wanted(&e) })
			slices.Reverse(want)
			var got []store.AuditEvent
			token := ""
			for pages := 0; ; pages++ {
				before := c.Total()
				events, next, err := s.AuditPage(t.Context(), test.f, test.wanted, test.limit, token)
				if err != nil || len(events) > test.limit || pages > 2000 {
					t.Fatalf("%s: page %d has %d events: %v", name, pages, len(events), err)
				}
				if cost := c.Total() - before; cost > 110 {
					t.Errorf("%s: page %d costs %d transactions", name, pages, cost)
				}
				if got = append(got, events...); next == "" {
					break
				}
				token = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d events, want %d; %.200s", name, len(got), len(want), subjects(got))
			}
		}
		for _, token := range []string{"x", "20260314", "20260314/", "2026031/3", "20260314/250000.000000000", "20260314/3\x00", "20260314/120000.000000000/..", "20260314/1"} {
			if _, _, err := s.AuditPage(t.Context(), month, nil, 1, token); !errors.Is(err, store.ErrBadToken) {
				t.Errorf("token %q: %v", token, err)
			}
		}
	})
}

// Days that lie wholly before the time are removed, a bounded part at once, and nothing
// else.
func TestOldDaysAreRemoved(t *testing.T) {
	stores(t, func(t *testing.T, s *store.Store, c *storetest.Counter) {
		all := uneven()
		write(t, s, all)
		old := noon.Add(-30 * 24 * time.Hour)
		purge := func(before time.Time, budget int) (removed, calls int) {
			t.Helper()
			for calls = 1; calls < 100; calls++ {
				cost := c.Total()
				n, err := s.PurgeAudit(t.Context(), before, budget)
				if err != nil || n > budget {
					t.Fatalf("%d removed of %d: %v", n, budget, err)
				}
				if cost = c.Total() - cost; cost > 2*budget+10 {
					t.Errorf("a budget of %d costs %d transactions", budget, cost)
				}
				if removed += n; n == 0 && calls > 20 {
					return removed, calls
				}
			}
			return removed, calls
		}
		left := func() int {
			return len(read(t, s, store.AuditFilter{Since: old.Add(-time.Hour)}))
		}
		if n, _ := purge(noon.Add(-30*24*time.Hour), 100); n != 0 || left() != len(all) {
			t.Errorf("%d removed of a day that is not over; %d left", n, left())
		}
		if n, _ := purge(noon.Add(-29*24*time.Hour), 100); n != 1 || left() != len(all)-1 {
			t.Errorf("%d removed, %d left", n, left())
		}
		rest := len(all) - 1
		if n, calls := purge(noon.Add(24*time.Hour), 100); n != rest || left() != 0 || calls < rest/100 {
			t.Errorf("%d removed in %d calls, %d left", n, calls, left())
		}
		before := c.Total()
		if n, err := s.PurgeAudit(t.Context(), noon.Add(24*time.Hour), 1000); n != 0 || err != nil || c.Total()-before > 1 {
			t.Errorf("with nothing to do: %d removed, %d transactions, %v", n, c.Total()-before, err)
		}
		again := []store.AuditEvent{{At: noon.Add(48 * time.Hour), Kind: audit.Key, Subject: "later", Instance: "i", Sequence: 1}}
		write(t, s, again)
		if got := subjects(read(t, s, store.AuditFilter{Until: noon.Add(72 * time.Hour)})); strings.TrimSpace(got) != "later" {
			t.Errorf("later events: %q", got)
		}
	})
}
