package recurrence_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

// checkOrder asks a schedule for occurrences after any time, and for those after
// them: they increase, none is skipped, and where the schedule is fixed, one does
// not depend on how it was come by.
func checkOrder(t *testing.T, text string, s *recurrence.Schedule, after time.Time, fixed bool) {
	t.Helper()
	for range 5 {
		next := s.Next(after)
		if next.IsZero() {
			if fixed && !s.Next(after.Add(1000*time.Hour)).IsZero() {
				t.Fatalf("%s\nnone after %s, but one later", text, after)
			}
			return
		}
		if !next.After(after) {
			t.Fatalf("%s\nafter %s comes %s", text, after, next)
		}
		if fixed {
			for _, between := range []time.Time{next.Add(-100), after.Add(next.Sub(after) / 2)} {
				if got := s.Next(between); !got.Equal(next) && !between.Before(after) {
					t.Fatalf("%s\nafter %s comes %s, after %s before it %s", text, between, got, after, next)
				}
			}
		}
		after = next
	}
}

func TestNextIncreasesAndSkipsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 3000 {
		g := generate(r)
		s := parse(t, g.text)
		near := time.Date(2004+r.IntN(45), 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(8760 * time.Hour))))
		checkOrder(t, g.text, s, near, true)
		// Near the days on which clocks are set.
		if begin, end := near.In(g.location).ZoneBounds(); !begin.IsZero() && !end.IsZero() {
			for _, change := range []time.Time{begin, end} {
				checkOrder(t, g.text, s, change.Add(time.Duration(r.Int64N(int64(6*time.Hour)))-3*time.Hour), true)
			}
		}
		v, err := value.Parse([]byte(g.text))
		if err != nil {
			t.Fatal(err)
		}
		free, problems := recurrence.Parse(v.Without("startTime"), root)
		if free == nil {
			t.Fatalf("%s: %v", g.text, problems)
		}
		checkOrder(t, g.text, free, near, false)
		checkOrder(t, g.text, free.From(near), near, true)
		if first := free.First(near); first.After(near) && !first.Equal(free.From(near).Next(near)) {
			t.Fatalf("%s\nsaved at %s it begins %s", g.text, near, first)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"frequency":"Week","interval":1,"timeZone":"W. Europe Standard Time","startTime":"2025-01-06T08:00:00","schedule":{"weekDays":["Monday","Friday"],"hours":[8,16],"minutes":[0,30]}}`,
		`{"frequency":"Month","interval":"12","startTime":"2026-02-01T02:30:00","timeZone":"America/Sao_Paulo","schedule":{"monthDays":[-1,30],"monthlyOccurrences":[{"dayOfWeek":"Monday","occurrence":-1},{"day":"friday"}]}}`,
		`{"frequency":"Year","interval":500,"startTime":"9998-12-31T23:59:59.9999999Z","endTime":"9999-12-31","count":3}`,
		`{"frequency":"Second","interval":9999999,"startTime":"0001-01-01"}`,
		`{"frequency":"Day","interval":9999999,"startTime":"0001-01-01","timeZone":"Kiritimati"}`,
	} {
		f.Add([]byte(seed), int64(1_770_000_000), "PT5S")
	}
	f.Fuzz(func(t *testing.T, data []byte, unix int64, delay string) {
		v, err := value.Parse(data)
		if err != nil {
			return
		}
		now := time.Unix(unix, 0)
		s, problems := recurrence.Parse(v, root)
		if s == nil {
			if len(problems) == 0 {
				t.Fatal("refused without a reason")
			}
			return
		}
		first := s.First(now)
		if year := now.UTC().Year(); !first.IsZero() && first.Before(now.Truncate(time.Second)) && year < 9999 {
			t.Fatalf("saved at %s it begins %s", now, first)
		}
		checkOrder(t, string(data), s, now, false)
		checkOrder(t, string(data), s.From(now), now, true)
		if w, _ := recurrence.ParseSliding(v, root, value.String(delay), root); w != nil {
			for i, window := 0, w.First(now); i < 5 && !window.IsZero(); i++ {
				next := w.Next(window)
				if !window.End.After(window.Start) || window.Due.Before(window.Start) || !next.IsZero() && !next.Start.Equal(window.End) {
					t.Fatalf("%v, then %v", window, next)
				}
				window = next
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for name, text := range map[string]string{
		"Seconds":    `{"frequency":"Second","interval":30,"startTime":"2020-01-01T00:00:00Z"}`,
		"DayUTC":     `{"frequency":"Day","interval":1,"schedule":{"hours":[8,16],"minutes":[0,30]},"startTime":"2020-01-01T00:00:00Z"}`,
		"DayZone":    `{"frequency":"Day","interval":1,"schedule":{"hours":[8,16],"minutes":[0,30]},"startTime":"2020-01-01T00:00:00","timeZone":"W. Europe Standard Time"}`,
		"WeekZone":   `{"frequency":"Week","interval":2,"schedule":{"weekDays":["Monday","Friday"],"hours":[8]},"startTime":"2020-01-01T00:00:00","timeZone":"Central Standard Time"}`,
		"MonthNth":   `{"frequency":"Month","interval":1,"schedule":{"monthlyOccurrences":[{"dayOfWeek":"Friday","occurrence":-1}]},"startTime":"2020-01-01T00:00:00","timeZone":"Central Standard Time"}`,
		"NoStart":    `{"frequency":"Day","interval":1,"timeZone":"W. Europe Standard Time"}`,
		"Impossible": `{"frequency":"Month","interval":1,"schedule":{"monthDays":[20],"monthlyOccurrences":[{"dayOfWeek":"Friday","occurrence":1}]},"startTime":"2020-01-01T00:00:00Z"}`,
		"Years500":   `{"frequency":"Year","interval":500,"startTime":"2020-01-01T00:00:00","timeZone":"W. Europe Standard Time"}`,
	} {
		b.Run(name, func(b *testing.B) {
			s := parse(b, text)
			after := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
			b.ReportAllocs()
			for b.Loop() {
				s.Next(after)
			}
		})
	}
}
