package recurrence

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// The product's codes for what only this trigger refuses (workflow-definition §9).
const (
	badSliding      = "InvalidSlidingWindowTriggerRecurrence"
	badSlidingInput = "InvalidSlidingWindowTriggerInput"
)

// Window is one chunk of a Sliding Window trigger: from Start up to End, which is
// the Start of the next. The run is due at Due.
type Window struct{ Start, End, Due time.Time }

// IsZero tells whether there is no window.
func (w Window) IsZero() bool { return w.Start.IsZero() }

// Sliding is the recurrence of a Sliding Window trigger.
//
// It catches up: each window is run, one after the other, however late (docs:
// sliding-window). So there is no way to ask for the window after the present;
// Next leads from one that was run to the one after it.
type Sliding struct {
	schedule *Schedule
	delay    time.Duration
}

// First returns the first window of a trigger that was saved at a time: the one
// that begins at the startTime, even when that is long past, or else the one that
// begins now (docs: schedule). It is zero when the recurrence has ended before.
func (s *Sliding) First(created time.Time) Window {
	if s.schedule.given {
		return s.window(s.schedule.start.instant)
	}
	return s.window(toTick(created))
}

// Next returns the window after another. Windows follow from their bounds alone,
// not from when they were run, so they never drift (docs: schedule).
func (s *Sliding) Next(w Window) Window { return s.window(toTick(w.End)) }

// Count is that of Schedule.
func (s *Sliding) Count() (int64, bool) { return s.schedule.Count() }

// StartsTooFarAhead is that of Schedule.
func (s *Sliding) StartsTooFarAhead(created time.Time) bool {
	return s.schedule.StartsTooFarAhead(created)
}

// window returns the window that begins at an instant. Its run is due when it
// begins: "first run at startTime" (docs: schedule). A delay postpones the run and
// leaves the bounds alone (triggers §7); with one as long as the interval, windows
// are run when they are complete.
func (s *Sliding) window(start tick) Window {
	g := grid{unit: s.schedule.unit, interval: s.schedule.interval, start: anchor{instant: start}}
	end, ok := g.nextElapsed(start + 1)
	if start > s.schedule.end || !ok {
		return Window{}
	}
	return Window{start.time(), end.time(), start.time().Add(s.delay)}
}

// ParseSliding reads the recurrence of a Sliding Window trigger and the delay of
// its inputs, which may be absent. Both must have been evaluated. All problems are
// returned at once; the result is nil unless they are warnings.
//
//   - Only seconds, minutes and hours, which have no schedule (triggers §7). The article
//     on the trigger also lists days, weeks and months, against itself and against
//     the one on schedules; windows of local days would not be of one length.
func ParseSliding(recurrence value.Value, at *value.Path, delay value.Value, delayAt *value.Path) (*Sliding, []value.Problem) {
	r := &reader{}
	s := &Sliding{schedule: r.recurrence(recurrence, at)}
	if u := s.schedule.unit; u > hours {
		r.fail(badSliding, at.Key("frequency"), "The recurrence of the sliding window trigger has an invalid frequency '%s'; it can be 'Second', 'Minute' or 'Hour'.", u)
	}
	if !delay.IsNull() {
		var ok bool
		if s.delay, ok = parseDuration(delay.Str()); !ok {
			r.fail(badSlidingInput, delayAt, "The delay '%s' of the sliding window trigger is not an ISO 8601 duration.", shown(delay))
		}
	}
	if r.failed() {
		return nil, r.problems
	}
	return s, r.problems
}

// maxDelay is the longest delay that is read: as long as the longest interval
// (workflow-definition §8).
const maxDelay = 500 * 24 * time.Hour

// parseDuration reads an ISO 8601 duration such as PT5S or P1DT2H; a month counts
// as 30 days and a year as 365, as .NET counts them.
func parseDuration(s string) (time.Duration, bool) {
	date, clock, hasClock := strings.Cut(strings.ToUpper(strings.TrimSpace(s)), "T")
	date, isDuration := strings.CutPrefix(date, "P")
	if !isDuration || date == "" && clock == "" || hasClock && clock == "" {
		return 0, false
	}
	const day = 24 * time.Hour
	d, ok := durationParts(date, "YMWD", []time.Duration{365 * day, 30 * day, 7 * day, day})
	c, ok2 := durationParts(clock, "HMS", []time.Duration{time.Hour, time.Minute, time.Second})
	return d + c, ok && ok2 && d+c <= maxDelay
}

// durationParts adds up numbers with their designators, which must be in order.
// Only seconds may have a fraction, as in .NET.
func durationParts(s, designators string, unit []time.Duration) (total time.Duration, ok bool) {
	for s != "" {
		digits := strings.TrimLeft(s, "0123456789")
		whole, okWhole := number(s[:len(s)-len(digits)], 9)
		s = digits
		fraction, hasFraction := int64(0), strings.HasPrefix(s, ".")
		if hasFraction {
			digits = strings.TrimLeft(s[1:], "0123456789")
			f := s[1 : len(s)-len(digits)]
			fraction, hasFraction = number((f + "000000000")[:9], 9)
			if f == "" || !hasFraction {
				return 0, false
			}
			s = digits
		}
		if s == "" || !okWhole {
			return 0, false
		}
		i := strings.IndexByte(designators, s[0])
		if i < 0 || hasFraction && s[0] != 'S' || whole > int64(maxDelay/unit[i]) {
			return 0, false
		}
		total += time.Duration(whole)*unit[i] + time.Duration(fraction)
		s, designators, unit = s[1:], designators[i+1:], unit[i+1:]
	}
	return total, true
}
