package recurrence_test

import (
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

func sliding(t testing.TB, text string, delay value.Value) (*recurrence.Sliding, []value.Problem) {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return recurrence.ParseSliding(v, root.Key("recurrence"), delay, root.Keys("inputs", "delay"))
}

func TestWindows(t *testing.T) {
	for _, c := range []struct{ name, recurrence, delay, created, want, due string }{
		{"past windows are run", `{"frequency":"Hour","interval":48,"startTime":"2017-09-07T14:00:00Z"}`, "", "2017-09-08 13:00", "2017-09-07 14:00, 2017-09-09 14:00, 2017-09-11 14:00", "2017-09-07 14:00"},
		{"a start in the future", `{"frequency":"Hour","interval":1,"startTime":"2019-05-13T14:00:00Z"}`, "PT5S", "2019-05-01 00:00", "2019-05-13 14:00, 2019-05-13 15:00", "2019-05-13 14:00:05"},
		{"no start", `{"frequency":"Minute","interval":20}`, "PT20M", "2026-01-05 10:07", "2026-01-05 10:07, 2026-01-05 10:27", "2026-01-05 10:27"},
		{"hours are hours", `{"frequency":"Hour","interval":1,"startTime":"2019-03-10T01:00:00","timeZone":"Central Standard Time"}`, "P1D", "2019-03-01 00:00", "2019-03-10 07:00, 2019-03-10 08:00, 2019-03-10 09:00", "2019-03-11 07:00"},
		{"until the end", `{"frequency":"Second","interval":30,"startTime":"2019-05-13T14:00:00Z","endTime":"2019-05-13T14:00:30Z"}`, "", "2019-05-01 00:00", "2019-05-13 14:00, 2019-05-13 14:00:30, none", "2019-05-13 14:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var delay value.Value
			if c.delay != "" {
				delay = value.String(c.delay)
			}
			s, problems := sliding(t, c.recurrence, delay)
			if s == nil {
				t.Fatal(problems)
			}
			var starts []time.Time
			first := s.First(at(t, c.created))
			for w := first; len(show(starts)) < len(c.want); w = s.Next(w) {
				starts = append(starts, w.Start)
				if next := s.Next(w); !w.IsZero() && !next.IsZero() && !next.Start.Equal(w.End) {
					t.Errorf("a gap after %s", w.End)
				}
				if w.IsZero() {
					break
				}
			}
			if got := show(starts); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := show([]time.Time{first.Due}); got != c.due {
				t.Errorf("due at %s, want %s", got, c.due)
			}
		})
	}
}

func TestSlidingProblems(t *testing.T) {
	hourly := `{"frequency":"Hour","interval":1}`
	for _, c := range []struct {
		recurrence string
		delay      value.Value
		want       string
	}{
		{`{"frequency":"Day","interval":1}`, value.Value{}, "$.recurrence.frequency InvalidSlidingWindowTriggerRecurrence: The recurrence of the sliding window trigger has an invalid frequency 'Day'; it can be 'Second', 'Minute' or 'Hour'."},
		{`{"frequency":"Hour","interval":1,"schedule":{"hours":[1]}}`, value.Value{}, "$.recurrence.schedule InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid recurrence frequency 'Hour'."},
		{`{"frequency":"Hour","interval":1,"schedule":{"hours":[]}}`, value.Value{}, ""},
		{`{"interval":0}`, value.String("soon"), "$.recurrence.frequency PropertyNotSpecified: The recurrence of the trigger has no frequency.\n" +
			"$.recurrence.interval InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid interval '0'.\n" +
			"$.inputs.delay InvalidSlidingWindowTriggerInput: The delay 'soon' of the sliding window trigger is not an ISO 8601 duration."},
		{hourly, value.Int(5), "$.inputs.delay InvalidSlidingWindowTriggerInput: The delay '5' of the sliding window trigger is not an ISO 8601 duration."},
		{hourly, value.Null(), ""},
	} {
		s, problems := sliding(t, c.recurrence, c.delay)
		if got := lines(problems); got != c.want || (s == nil) != (c.want != "") {
			t.Errorf("%s\n got %s\nwant %s", c.recurrence, got, c.want)
		}
	}
	if s, _ := sliding(t, `{"frequency":"Hour","interval":1,"count":2,"startTime":"2090-01-01T00:00:00Z"}`, value.Value{}); !s.StartsTooFarAhead(at(t, "2026-01-01 00:00")) {
		t.Error("a start of 2090 is not too far ahead")
	} else if n, limited := s.Count(); n != 2 || !limited {
		t.Error("the count is lost")
	}
}

func TestDelayForms(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT5S": 5 * time.Second, "pt1m30s": 90 * time.Second, "P1DT2H": 26 * time.Hour, "P1W": 7 * 24 * time.Hour, "PT0.5S": time.Second / 2, "P1M": 30 * 24 * time.Hour, "P1Y": 365 * 24 * time.Hour, "PT0S": 0,
		"": -1, "P": -1, "PT": -1, "P1": -1, "1D": -1, "P1DT": -1, "PT1S1M": -1, "PT1.5H": -1, "-PT5S": -1, "PT-5S": -1, "PT5": -1, "PT.5S": -1, "PT5.S": -1, "P1H": -1, "PT1D": -1, "P501D": -1, "P1Y365D": -1, "PT999999999999S": -1, "P1D1D": -1,
	} {
		s, _ := sliding(t, `{"frequency":"Hour","interval":1,"startTime":"2026-01-01T00:00:00Z"}`, value.String(text))
		got := time.Duration(-1)
		if s != nil {
			w := s.First(at(t, "2026-01-01 00:00"))
			got = w.Due.Sub(w.Start)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
