package recurrence

import (
	"math/bits"
	"time"
)

// tick is an instant, in units of 100 ns since 1970 in UTC: what .NET resolves,
// and wide enough for all its years. wall is what the clocks of a zone show, in the
// same units.
type (
	tick int64
	wall int64
)

const (
	perSecond = 10_000_000
	perMinute = 60 * perSecond
	perHour   = 60 * perMinute
	perDay    = 24 * perHour

	// The first and last second of .NET's DateTime: 0001-01-01 and 9999-12-31.
	minUnix, maxUnix      = -62_135_596_800, 253_402_300_799
	minTick, maxTick tick = minUnix * perSecond, maxUnix*perSecond + perSecond - 1
)

// toTick returns the instant of t. Years that .NET does not have become the
// nearest it has, which is before or after every occurrence.
func toTick(t time.Time) tick {
	switch s := t.Unix(); {
	case s < minUnix:
		return minTick
	case s > maxUnix:
		return maxTick
	default:
		return tick(s*perSecond + int64(t.Nanosecond())/100)
	}
}

func (t tick) time() time.Time {
	s := floorDiv(int64(t), perSecond)
	return time.Unix(s, (int64(t)-s*perSecond)*100).UTC()
}

func (w wall) split() (day, int64) {
	d := floorDiv(int64(w), perDay)
	return day(d), int64(w) - d*perDay
}

func onClock(t tick, zone *time.Location) wall { return wall(t + offset(t, zone)) }

// offset returns by how much the clocks of a zone are ahead of UTC.
func offset(t tick, zone *time.Location) tick {
	if zone == time.UTC {
		return 0
	}
	_, s := t.time().In(zone).Zone()
	return tick(s) * perSecond
}

// reach is more than clocks are ever set forward or back at once, and more than
// two zones differ.
const reach = 27 * perHour

// stretch is a time in which the clocks of a zone run evenly.
type stretch struct {
	from, to tick
	offset   tick
	before   tick // the offset before it; only near its beginning
}

func stretchAt(t tick, zone *time.Location) stretch {
	if zone == time.UTC {
		return stretch{from: minTick, to: maxTick + 1}
	}
	local := t.time().In(zone)
	_, s := local.Zone()
	k := stretch{from: minTick, to: maxTick + 1, offset: tick(s) * perSecond}
	k.before = k.offset
	begin, end := local.ZoneBounds()
	if !begin.IsZero() {
		k.from = toTick(begin)
		if t-k.from < reach {
			k.before = offset(k.from-1, zone)
		}
	}
	if !end.IsZero() {
		k.to = toTick(end)
	}
	if k.to <= t {
		// Beyond the last change that is listed, the bounds of package time end
		// with a year of 365 days, so on the 366th they are over.
		k.to = toTick(time.Date(local.UTC().Year()+1, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return k
}

// instant returns when the clocks of a zone show w, by the same rule as next.
func instant(w wall, zone *time.Location) tick {
	guess := tick(w) - offset(tick(w), zone)
	for _, near := range [...]tick{guess - reach, guess, guess + reach} {
		k := stretchAt(near, zone)
		if t := tick(w) - k.offset; t >= k.from && t < k.to {
			return t
		}
	}
	// No clock ever showed it: it is counted with the offset from before.
	return tick(w) - offset(guess-reach, zone)
}

// grid is a recurrence with nothing left open.
type grid struct {
	unit     unit
	interval int64
	zone     *time.Location
	start    anchor
	first    day // the local day of the start
	rule     dayRule
	hours    uint32 // a bit for each hour
	minutes  uint64 // a bit for each minute
	tail     int64  // what stands behind the minute
}

// maxStretches bounds how many stretches next looks at: the one it begins in, and
// those within reach of the day that is next. No zone sets its clocks so often.
const maxStretches = 8

// next returns the first occurrence at or after an instant.
//
// Occurrences by the calendar are times of the clocks of a zone. The product's own
// example (docs: schedule, Central Time 2019) shows what happens when those are
// set: 2:30 on the day that has no 2:30 is 3:30, the same instant as if the clocks
// had not been set; 1:30 on the day that has two is the first. No occurrence is
// left out and none comes twice; two that fall on the same instant are one.
func (g *grid) next(from tick) (tick, bool) {
	from = max(from, g.start.instant)
	if g.unit.elapsed() {
		return g.nextElapsed(from)
	}
	for range maxStretches {
		if from > maxTick {
			return 0, false
		}
		k := stretchAt(from, g.zone)
		least := wall(from + k.offset)
		if k.before > k.offset {
			// The clocks were set back: what they show again has been.
			least = max(least, wall(k.from+k.before))
		}
		w, ok := g.nextOnClock(least)
		t := tick(w) - k.offset
		if k.before < k.offset {
			// The clocks were set forward: what they never showed comes now. It
			// may fall behind what they do show.
			skipped, found := g.nextOnClock(wall(from + k.before))
			if found && skipped < wall(k.from+k.offset) && (!ok || tick(skipped)-k.before < t) {
				t, ok = tick(skipped)-k.before, true
			}
		}
		if !ok {
			return 0, false
		}
		if t < k.to {
			return t, t <= maxTick
		}
		from = max(k.to, t-reach)
	}
	return 0, false
}

func (g *grid) nextElapsed(from tick) (tick, bool) {
	step := tick(g.interval) * [...]tick{seconds: perSecond, minutes: perMinute, hours: perHour}[g.unit]
	t := g.start.instant + (from-g.start.instant+step-1)/step*step
	return t, t <= maxTick
}

// nextOnClock returns the first occurrence that the clocks show at or after a
// time, as if they were never set.
func (g *grid) nextOnClock(from wall) (wall, bool) {
	d, ofDay := from.split()
	today, ok := g.nextDay(d)
	if ok && today == d {
		if t, found := g.nextOfDay(ofDay); found {
			return wall(int64(d)*perDay + t), true
		}
		today, ok = g.nextDay(d + 1)
	}
	t, _ := g.nextOfDay(0)
	return wall(int64(today)*perDay + t), ok
}

// nextOfDay returns the first time of a day at or after another. "Each value in
// hours is matched up with each value in minutes" (docs: scheduler).
func (g *grid) nextOfDay(from int64) (int64, bool) {
	// In whole minutes: what stands behind the minute is the same for all.
	least := (from - g.tail + perMinute - 1) / perMinute
	hour, minute := least/60, least%60
	if g.hours>>hour&1 != 0 {
		if left := g.minutes >> minute; left != 0 {
			return hour*perHour + (minute+int64(bits.TrailingZeros64(left)))*perMinute + g.tail, true
		}
	}
	left := g.hours >> (hour + 1)
	if left == 0 {
		return 0, false
	}
	hour += 1 + int64(bits.TrailingZeros32(left))
	return hour*perHour + int64(bits.TrailingZeros64(g.minutes))*perMinute + g.tail, true
}

// floorDiv divides and rounds down; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
