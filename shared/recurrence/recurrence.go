// Package recurrence computes when the triggers Recurrence and Sliding Window
// fire. It knows no present: every time comes in from outside, and the same
// arguments always give the same occurrence.
//
// Sections such as "triggers §7" are those of the project's notes on the product;
// "docs" is what the product's own articles say: "schedule" is "Schedules for
// recurring triggers", "recurrence" and "sliding-window" are those of the two
// triggers, and "scheduler" is that of Azure Scheduler, the predecessor whose
// recurrence object Logic Apps took over and which explains members that the
// newer articles only name.
package recurrence

import "time"

// unit is the frequency of a recurrence.
type unit uint8

const (
	seconds unit = iota + 1
	minutes
	hours
	days
	weeks
	months
	years
)

// unitNames are the spellings of the product; they are compared ignoring case.
var unitNames = [...]string{seconds: "Second", minutes: "Minute", hours: "Hour", days: "Day", weeks: "Week", months: "Month", years: "Year"}

func (u unit) String() string { return unitNames[u] }

// elapsed tells whether occurrences are a fixed time apart. Those of the other
// units keep the local time instead.
//
// That an hour is an hour, whatever the clocks do, is our choice: "with a time
// zone the local time is kept" (triggers §7) cannot be meant for an hour that
// the clocks skip, and windows of data must be of one length.
func (u unit) elapsed() bool { return u <= hours }

// Schedule is a recurrence that was read and found valid. It never changes, so
// any number of goroutines may use it.
type Schedule struct {
	unit     unit
	interval int64
	marks    marks
	zone     *time.Location

	// given: there is a startTime. anchored: there is a time to count from, be it
	// the startTime or, after From, the creation.
	given, anchored bool
	start           anchor
	grid            grid // where anchored

	end   tick // no occurrence after it
	count int64
}

// First returns the first occurrence of a trigger that was saved, enabled or
// changed at a time, each of which restarts a recurrence (triggers §7); the zero
// time when there is none.
//
//   - With a startTime: the first occurrence that is neither before it nor before
//     created. What lies in the past is dropped (docs: schedule).
//   - Without: at once (docs: schedule) - except where the schedule names hours or
//     minutes. For that the article's table says "at once" too, but each of its
//     examples with hours waits for the next mark, and a job of the night must not
//     run because somebody saved it at noon. The examples win.
func (s *Schedule) First(created time.Time) time.Time {
	at := toTick(created)
	if s.given {
		return s.until(s.grid.next(max(at, s.start.instant)))
	}
	if !s.marks.namesTime() {
		return s.until(at, true)
	}
	g := s.gridFrom(s.anchorAt(at))
	return s.until(g.next(at))
}

// Next returns the first occurrence after a time; the zero time when there is
// none. Occurrences that were missed are dropped by asking for the one after the
// present (docs: recurrence).
//
// With a startTime, and after From, occurrences are fixed: Next of any time
// between two of them is the second. Without either, after must be when the
// trigger last fired, from which interval, hour, minute and day are counted, and
// so drift when it fired late: "future runs are based on the last run time"
// (docs: schedule). The same sentence stands for a startTime, against examples on
// the same page whose minute "is calculated from the start time", and against the
// advice to give a startTime lest times drift; so a startTime never drifts here.
func (s *Schedule) Next(after time.Time) time.Time {
	at := toTick(after)
	if s.anchored {
		return s.until(s.grid.next(at + 1))
	}
	g := s.gridFrom(s.anchorAt(at))
	return s.until(g.next(at + 1))
}

// From returns the schedule counted from the creation of its trigger where it has
// no startTime, so that occurrences are fixed and never drift. What a schedule
// leaves open comes from "the creation date and time" (docs: schedule).
func (s *Schedule) From(created time.Time) *Schedule {
	if s.anchored {
		return s
	}
	fixed := *s
	fixed.anchored = true
	fixed.start = s.anchorAt(toTick(created))
	fixed.grid = s.gridFrom(fixed.start)
	return &fixed
}

// Count returns how many times the trigger may fire in all, and whether that is
// limited. Next does not apply it: what counts are the runs that were made, not
// the occurrences that were missed ("the number of times the job runs before being
// determined as completed", docs: scheduler), and those only the caller knows.
func (s *Schedule) Count() (int64, bool) { return s.count, s.count > 0 }

// maxYearsAhead is how far in the future a startTime may lie (docs: recurrence).
const maxYearsAhead = 49

// StartsTooFarAhead tells whether a trigger that is saved at a time has a
// startTime which the product refuses because it is too far in the future. It is
// not for Parse to say, which knows no present.
func (s *Schedule) StartsTooFarAhead(created time.Time) bool {
	return s.given && s.start.instant > toTick(created.UTC().AddDate(maxYearsAhead, 0, 0))
}

// until returns an occurrence unless the recurrence is over: endTime is "the time
// past which the job should not execute" (docs: scheduler), so an occurrence at
// the endTime itself still counts.
func (s *Schedule) until(t tick, ok bool) time.Time {
	if !ok || t > s.end {
		return time.Time{}
	}
	return t.time()
}

// anchor is the time that a recurrence is counted from. The clock is kept beside
// the instant because a startTime may name an hour that the clocks skip; on every
// other day it is that hour which counts.
type anchor struct {
	instant tick
	clock   wall
}

func (s *Schedule) anchorAt(t tick) anchor { return anchor{t, onClock(t, s.zone)} }

// gridFrom fixes what the schedule leaves open by the time it is counted from:
// hour, minute, weekday and day of the month are those of the first run (docs:
// schedule). Where minutes are named, an occurrence stands on the whole minute;
// where they are not, it has the seconds of the first run too.
func (s *Schedule) gridFrom(a anchor) grid {
	day, ofDay := a.clock.split()
	g := grid{unit: s.unit, interval: s.interval, zone: s.zone, start: a, first: day, rule: s.marks.rule}
	g.hours, g.minutes = s.marks.hours, s.marks.minutes
	if g.hours == 0 {
		g.hours = 1 << (ofDay / perHour)
	}
	if g.minutes == 0 {
		g.minutes = 1 << (ofDay % perHour / perMinute)
		g.tail = ofDay % perMinute
	}
	if g.rule.week == 0 {
		g.rule.week = 1 << day.weekday()
	}
	if s.unit == years {
		// A year is twelve months: all that is left is the day of the one month.
		g.unit, g.interval = months, 12*s.interval
	}
	if !g.rule.ofMonth() {
		g.rule.fallback = day.ofMonth()
	}
	return g
}
