package recurrence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/zone"
	"github.com/latchwork/latchwork/shared/value"
)

// The product's codes (workflow-definition §9). A value that is wrong has the code
// of the object it stands in. Which code goes with a missing member is not known;
// the general one for that was chosen. An unknown member is a template that cannot
// be read, as the product reports it.
const (
	badRecurrence = "InvalidWorkflowTriggerRecurrence"
	badSchedule   = "InvalidWorkflowTriggerRecurrenceSchedule"
	missing       = "PropertyNotSpecified"
	unknown       = "InvalidTemplate"
)

// maxIntervals are the longest intervals of the product (docs: recurrence). For
// years none is documented; recurrences are of 1 second to 500 days in general
// (workflow-definition §8).
var maxIntervals = [...]int64{seconds: 9_999_999, minutes: 72_000, hours: 12_000, days: 500, weeks: 71, months: 16, years: 1}

// hardMaxInterval bounds an interval of any unit, so that its product with the
// unit fits.
const hardMaxInterval = 9_999_999

// Parse reads the recurrence of a trigger, whose expressions must have been
// evaluated. All problems are returned at once; the schedule is nil unless all of
// them are warnings. What the product refuses but can be computed, such as an
// interval of two years, is a warning.
func Parse(v value.Value, at *value.Path) (*Schedule, []value.Problem) {
	r := &reader{}
	s := r.recurrence(v, at)
	if r.failed() {
		return nil, r.problems
	}
	return s, r.problems
}

// reader collects what it finds wrong.
type reader struct {
	problems        []value.Problem
	scheduleRefused bool
}

func (r *reader) fail(code string, at *value.Path, format string, args ...any) {
	r.problems = append(r.problems, value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) warn(at *value.Path, format string, args ...any) {
	r.fail(badRecurrence, at, format, args...)
	r.problems[len(r.problems)-1].Warning = true
}

func (r *reader) failed() bool {
	return slices.ContainsFunc(r.problems, func(p value.Problem) bool { return !p.Warning })
}

// recurrence reads what it can; the result is usable unless the reader failed.
func (r *reader) recurrence(v value.Value, at *value.Path) *Schedule {
	s := &Schedule{zone: time.UTC, end: maxTick}
	switch {
	case v.IsNull():
		r.fail(missing, at, "The recurrence of the trigger is missing.")
		return s
	case v.Kind() != value.KindObject:
		r.fail(badRecurrence, at, "The recurrence of the trigger must be an object.")
		return s
	}
	r.onlyMembers(v, at, "", "FlowRecurrence", "frequency", "interval", "startTime", "endTime", "timeZone", "count", "schedule")
	r.unit(s, v, at)
	r.interval(s, v, at)
	r.times(s, v, at)
	if c := v.Member("count"); !c.IsNull() {
		n, ok := integer(c)
		if s.count = n; !ok || n < 1 {
			r.fail(badRecurrence, at.Key("count"), "The recurrence of the trigger has an invalid count '%s'.", shown(c))
		}
	}
	r.schedule(s, v.Member("schedule"), at.Key("schedule"))
	if r.failed() {
		return s
	}
	if s.anchored = s.given; s.given {
		s.grid = s.gridFrom(s.start)
		if first, ok := s.grid.next(minTick); !ok || first > s.end {
			r.warn(at, "The recurrence of the trigger never occurs.")
		}
	}
	return s
}

func (r *reader) unit(s *Schedule, v value.Value, at *value.Path) {
	f := v.Member("frequency")
	if f.IsNull() {
		r.fail(missing, at.Key("frequency"), "The recurrence of the trigger has no frequency.")
		return
	}
	for u, name := range unitNames {
		if name != "" && strings.EqualFold(name, f.Str()) {
			s.unit = unit(u)
			return
		}
	}
	r.fail(badRecurrence, at.Key("frequency"), "The recurrence of the trigger has an invalid frequency '%s'.", shown(f))
}

// interval is required (docs: recurrence). It may be a string (triggers §7).
func (r *reader) interval(s *Schedule, v value.Value, at *value.Path) {
	at = at.Key("interval")
	i := v.Member("interval")
	if i.IsNull() {
		r.fail(missing, at, "The recurrence of the trigger has no interval.")
		return
	}
	n, ok := integer(i)
	switch {
	case !ok || n < 1 || n > hardMaxInterval:
		r.fail(badRecurrence, at, "The recurrence of the trigger has an invalid interval '%s'.", shown(i))
	case s.unit != 0 && n > maxIntervals[s.unit]:
		r.warn(at, "The recurrence of the trigger has the interval %d; for the frequency '%s' Logic Apps accepts 1 to %d.", n, s.unit, maxIntervals[s.unit])
	}
	s.interval = n
}

// times reads startTime, endTime and timeZone.
//
//   - A time with Z is in UTC; a startTime with Z makes the timeZone ignored (docs:
//     recurrence), for the schedule too: "the Z signifies a UTC time format".
//   - A time without Z is one of the timeZone. Without a timeZone, the article
//     wants the Z; what happens without it is not said, and the predecessor assumed
//     UTC (docs: scheduler).
//   - The article says that a timeZone counts only with a startTime. Definitions in
//     use have one with hours alone, meaning hours of that zone, so it counts
//     always.
//   - endTime is undocumented and read likewise.
func (r *reader) times(s *Schedule, v value.Value, at *value.Path) {
	z, start, end := v.Member("timeZone"), v.Member("startTime"), v.Member("endTime")
	named := written(z)
	if named {
		location, ok := zone.Lookup(strings.TrimSpace(z.Str()))
		if !ok {
			r.fail(badRecurrence, at.Key("timeZone"), "The recurrence of the trigger has an invalid time zone '%s'.", shown(z))
		} else {
			s.zone = location
		}
	}
	if written(start) {
		clock, utc, ok := parseTime(start.Str())
		switch {
		case !ok:
			r.fail(badRecurrence, at.Key("startTime"), "The recurrence of the trigger has an invalid start time '%s'; it must be like '2026-01-31T08:00:00', with a 'Z' behind it where there is no time zone.", shown(start))
		case utc && s.zone != time.UTC:
			r.warn(at.Key("timeZone"), "The time zone is ignored, because the start time ends with 'Z'.")
		case !utc && !named:
			r.warn(at.Key("startTime"), "The start time is taken as UTC; write a 'Z' behind it, or give a time zone.")
		}
		if utc {
			s.zone = time.UTC
		}
		s.given, s.start = true, anchor{instant(clock, s.zone), clock}
	}
	if written(end) {
		clock, utc, ok := parseTime(end.Str())
		if !ok {
			r.fail(badRecurrence, at.Key("endTime"), "The recurrence of the trigger has an invalid end time '%s'.", shown(end))
		} else if s.end = tick(clock); !utc {
			s.end = instant(clock, s.zone)
		}
	}
}

// written tells whether a member says anything: designers leave "" behind.
func written(v value.Value) bool {
	return !v.IsNull() && (v.Kind() != value.KindString || v.Str() != "")
}

// onlyMembers refuses members that the product does not know: it reports them so,
// where a schedule's member stands in the recurrence itself.
func (r *reader) onlyMembers(v value.Value, at *value.Path, prefix, typ string, known ...string) {
	for key := range v.Members {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			r.fail(unknown, at.Key(key), "Could not find member '%s' on object of type '%s'. Path '%s%s'.", key, typ, prefix, key)
		}
	}
}
