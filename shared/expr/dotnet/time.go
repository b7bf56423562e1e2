// Package dotnet reads and writes dates, time spans and numbers as .NET does, on
// a host whose zone is UTC (expressions §8, §9).
package dotnet

import (
	"errors"
	"time"
)

// Kind says what a time means. It is carried through and decides what is printed
// behind the time.
type Kind uint8

const (
	// Unspecified has no zone and prints none.
	Unspecified Kind = iota
	// UTC prints Z.
	UTC
	// Local is the zone of the host, which is UTC: prints +00:00.
	Local
)

// Ticks are units of 100 ns.
const (
	TicksPerSecond int64 = 10_000_000
	TicksPerMinute       = 60 * TicksPerSecond
	TicksPerHour         = 60 * TicksPerMinute
	TicksPerDay          = 24 * TicksPerHour

	maxTicks         = 3_155_378_975_999_999_999 // 9999-12-31T23:59:59.9999999
	unixEpochTicks   = 621_355_968_000_000_000
	unixEpochSeconds = unixEpochTicks / TicksPerSecond
)

// ErrRange means that a time would leave the years 1 to 9999.
var ErrRange = errors.New("the time is out of range")

// Time is a point on the clock: ticks since 0001-01-01 of the clock that is
// printed.
type Time struct {
	Ticks int64
	Kind  Kind
}

// FromTime returns t, in UTC.
func FromTime(t time.Time) Time {
	return Time{(t.Unix()+unixEpochSeconds)*TicksPerSecond + int64(t.Nanosecond())/100, UTC}
}

// Clock returns the calendar view of t, as if it were UTC.
func (t Time) Clock() time.Time {
	return time.Unix(t.Ticks/TicksPerSecond-unixEpochSeconds, t.Ticks%TicksPerSecond*100).UTC()
}

// civil returns the time of a date and a time of day. The parts must be valid; the
// second result is false when they are not.
func civil(year, month, day int, ofDay int64, kind Kind) (Time, bool) {
	if !validDate(year, month, day) || ofDay < 0 || ofDay >= TicksPerDay {
		return Time{}, false
	}
	days := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
	return Time{(days+unixEpochSeconds)*TicksPerSecond + ofDay, kind}, true
}

func validDate(year, month, day int) bool {
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// Add returns t moved by ticks.
func (t Time) Add(ticks int64) (Time, error) {
	sum := t.Ticks + ticks
	if (sum > t.Ticks) != (ticks > 0) && ticks != 0 || sum < 0 || sum > maxTicks {
		return Time{}, ErrRange
	}
	return Time{sum, t.Kind}, nil
}

// AddMonths returns t moved by months; a day that the month does not have becomes
// its last one.
func (t Time) AddMonths(months int64) (Time, error) {
	if months < -120_000 || months > 120_000 {
		return Time{}, ErrRange
	}
	c := t.Clock()
	m := int64(c.Year())*12 + int64(c.Month()) - 1 + months
	year, month := int(m/12), int(m%12)+1
	if m < 12 || year > 9999 {
		return Time{}, ErrRange
	}
	moved, ok := civil(year, month, min(c.Day(), daysIn(year, month)), t.Ticks%TicksPerDay, t.Kind)
	if !ok {
		return Time{}, ErrRange
	}
	return moved, nil
}

// Units of the functions that add to a time, in ticks; months for those that vary.
var units = map[string]struct{ ticks, months int64 }{
	"second": {ticks: TicksPerSecond}, "minute": {ticks: TicksPerMinute}, "hour": {ticks: TicksPerHour},
	"day": {ticks: TicksPerDay}, "week": {ticks: 7 * TicksPerDay}, "month": {months: 1}, "year": {months: 12},
}

// IsUnit tells whether a name in lower case is one of Second to Year.
func IsUnit(name string) bool { _, ok := units[name]; return ok }

// AddUnits returns t moved by n units, whose name is in lower case.
func (t Time) AddUnits(n int64, unit string) (Time, error) {
	u := units[unit]
	if u.months != 0 {
		if n > 1_000_000 || n < -1_000_000 {
			return Time{}, ErrRange
		}
		return t.AddMonths(n * u.months)
	}
	if ticks := n * u.ticks; u.ticks != 0 && ticks/u.ticks == n {
		return t.Add(ticks)
	}
	return Time{}, ErrRange
}
