package recurrence

import "math/bits"

// day counts days since 1970-01-01; month counts months since the year 0.
type (
	day   int64
	month int64
)

const (
	lastDay   day   = maxUnix / 86400
	lastMonth month = 9999*12 + 11

	// repeats is after how many months the calendar begins anew: 400 years are
	// 146,097 days, which are whole weeks. A rule that has found no day in as many
	// steps never finds one, whatever its interval.
	repeats = 400 * 12
)

// weekday returns the day of the week; Sunday is 0.
func (d day) weekday() int { return int(d - d.sunday()) }

// sunday returns the Sunday on or before d; 1970-01-04 was one.
func (d day) sunday() day { return day(floorDiv(int64(d)-3, 7)*7 + 3) }

// month returns the month of d and its day in it, from 1. Years are counted from
// March, so that the day which not all have is their last.
func (d day) month() (month, int) {
	shifted := int64(d) + 719_468 // days since 0000-03-01
	era := floorDiv(shifted, 146_097)
	ofEra := shifted - era*146_097
	year := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	m := (5*ofYear + 2) / 153
	return month((era*400+year)*12 + m + 2), int(ofYear-(153*m+2)/5) + 1
}

func (d day) ofMonth() int {
	_, n := d.month()
	return n
}

// first returns the first day of a month.
func (m month) first() day {
	fromMarch := int64(m) - 2
	year := floorDiv(fromMarch, 12)
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := (153*(fromMarch-year*12) + 2) / 5
	return day(era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719_468)
}

// dayRule says which days of a week or month count.
type dayRule struct {
	week uint8 // a bit for each weekday, from Sunday on

	// Days of the month from its beginning and from its end; the first and the
	// last are bit 0.
	fromStart, fromEnd uint32
	// For each weekday the occurrences in the month, likewise. 31 means all.
	nth, nthLast [7]uint8
	byDay, byNth bool

	fallback int // the day of the month where there is no rule
}

func (r *dayRule) ofMonth() bool { return r.byDay || r.byNth }

// inMonth returns the days of a month that count, the first as bit 0.
//
//   - A rule limits: in a month without a 31st or a fifth Friday, there is no such
//     day (docs: scheduler).
//   - monthDays together with monthlyOccurrences: a day must be both, so the first
//     Friday of [13] is a Friday the 13th. "The order of evaluation is from the
//     largest to smallest: week number, month day" (docs: scheduler) describes
//     parts that narrow each other, as in iCalendar.
//   - Without a rule, the day of the first run; where the month lacks it, its last,
//     as everywhere in the product when months are added (expressions §8). The 31st
//     comes back in the next month that has it.
func (r *dayRule) inMonth(m month) uint32 {
	first := m.first()
	length := int((m + 1).first() - first)
	if !r.ofMonth() {
		return 1 << (min(r.fallback, length) - 1)
	}
	found := uint32(1)<<length - 1
	if r.byDay {
		found &= r.fromStart | bits.Reverse32(r.fromEnd)>>(32-length)
	}
	if r.byNth && found != 0 {
		found &= r.occurrences(first.weekday(), length)
	}
	return found
}

func (r *dayRule) occurrences(weekdayOfFirst, length int) (found uint32) {
	for weekday := range 7 {
		earliest := (weekday - weekdayOfFirst + 7) % 7
		for n := range 5 {
			at := earliest + 7*n
			if at >= length {
				break
			}
			last := (length - 1 - at) / 7 // how many of them come after
			if r.nth[weekday]>>n&1 != 0 || r.nthLast[weekday]>>last&1 != 0 {
				found |= 1 << at
			}
		}
	}
	return found
}

// nextDay returns the first day at or after another on which there are
// occurrences, as far as there is one up to the year 9999. It never takes more
// steps than the calendar needs to repeat.
func (g *grid) nextDay(from day) (day, bool) {
	from = max(from, g.first)
	var d day
	ok := true
	switch g.unit {
	case weeks:
		d = g.nextInWeeks(from)
	case months:
		d, ok = g.nextInMonths(from)
	default:
		step := day(g.interval)
		d = g.first + (from-g.first+step-1)/step*step
	}
	return d, ok && d <= lastDay
}

// nextInWeeks counts weeks from the one of the start. That they begin on Sunday,
// as .NET numbers the days, matters only from an interval of 2 on and is nowhere
// documented.
func (g *grid) nextInWeeks(from day) day {
	start, sunday := g.first.sunday(), from.sunday()
	if ahead := int64(sunday-start) / 7 % g.interval; ahead != 0 {
		sunday += day(7 * (g.interval - ahead))
		from = sunday
	}
	if left := g.rule.week >> (from - sunday); left != 0 {
		return from + day(bits.TrailingZeros8(left))
	}
	return sunday + day(7*g.interval) + day(bits.TrailingZeros8(g.rule.week))
}

func (g *grid) nextInMonths(from day) (day, bool) {
	start, _ := g.first.month()
	m, ofMonth := from.month()
	left := ^uint32(0) << (ofMonth - 1)
	if ahead := int64(m-start) % g.interval; ahead != 0 {
		m, left = m+month(g.interval-ahead), ^uint32(0)
	}
	for range repeats + 1 {
		if m > lastMonth {
			break
		}
		if found := g.rule.inMonth(m) & left; found != 0 {
			return m.first() + day(bits.TrailingZeros32(found)), true
		}
		m, left = m+month(g.interval), ^uint32(0)
	}
	return 0, false
}
