package dotnet

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// reader reads a time in the forms of a culture. It takes the text as a row of
// numbers, names of months, and words. A separator tells what a number is part of:
// parts of a date are collected until there are three of them or nothing follows,
// parts of a time until no separator of times follows.
type reader struct {
	scanner
	c   *culture.Culture
	now func() Time

	dotted        bool // dots have no meaning: dotEndsDate
	sameSeparator bool // dates and times have the same one

	g group // that is being read
	p parts // that are read

	hasDate, hasTime, hasYear, hasMonth bool

	clock    [3]int // hour, minute and second, or none
	fraction int64
}

// group is a date or a time that is being read.
type group struct {
	numbers [3]int
	count   int // of numbers
	size    int // how many parts of a date there are: numbers, a year, a month
	clock   int // how many parts of a time there are

	year     int // of three digits or more, or none
	month    int // by name, or none
	yearLast bool
	first    byte // the part that came first: n, y or m
	dated    bool // a separator of dates was seen
	open     bool // the last separator was one
}

var noGroup = group{year: none, month: none}

func newReader(s string, c *culture.Culture, now func() Time) reader {
	return reader{
		scanner: scanner{s}, c: c, now: now, g: noGroup, p: noParts(), clock: [3]int{none, none, none},
		dotted: strings.HasPrefix(c.DateSeparator, ".") && dotEndsDate(c), sameSeparator: c.DateSeparator == c.TimeSeparator,
	}
}

func (r *reader) read() (Time, bool) {
	for {
		r.skipBlanks()
		switch {
		case r.s == "":
			if !r.end() {
				return Time{}, false
			}
			return r.assemble()
		case r.s[0] >= '0' && r.s[0] <= '9':
			if t, whole, ok := r.number(); whole || !ok {
				return t, ok
			}
		default:
			if !r.readWord() {
				return Time{}, false
			}
		}
	}
}

// number reads a number, its separator and what belongs to it. It takes the whole
// text when that is ISO 8601.
func (r *reader) number() (t Time, whole, ok bool) {
	n, width, _ := r.digits(1, maxTimeText)
	if r.g.count == len(r.g.numbers) || width > 8 {
		return t, false, false
	}
	if r.g.clock == 2 && r.take(".") {
		r.fraction, _ = r.scanner.fraction()
	}
	timed := r.g.clock > 0
	if timed && !r.offset() {
		return t, false, false
	}
	kind := byte('n')
	if width > 2 { // even a small one
		kind = 'y'
	}
	before := r.s
	by, value := r.separator()
	switch by {
	case byDash:
		by = r.dash(before)
	case byHalf:
		if r.p.half != none {
			return t, false, false
		}
		r.p.half = value
	case byT:
		if kind != 'n' || r.g.size != 2 || r.g.count != 1 || r.g.year == none {
			return t, false, false
		}
		p := noParts()
		p.year, p.month, p.day = r.g.year, r.g.numbers[0], n
		t, ok = p.isoTime(r.s)
		return t, true, ok
	case bySuffix:
		return t, false, r.g.size == 0 && !timed && r.suffixed(n, value)
	}
	if !r.part(kind, n, by) {
		return t, false, false
	}
	return t, false, by != byHalf || !timed || r.offset()
}

// dash decides what a hyphen is: a separator of dates or, where the date or time is
// complete, the sign of an offset, which is put back.
func (r *reader) dash(before string) separator {
	if r.g.size == 2 || r.g.clock > 0 {
		r.s = before
		return bySpace
	}
	return byDate
}

// offset reads an offset that follows a time.
func (r *reader) offset() bool {
	before := r.s
	r.skipBlanks()
	if r.s == "" || r.s[0] != '+' && r.s[0] != '-' {
		r.s = before
		return true
	}
	return !r.p.zone.seen && r.readOffset()
}

func (r *reader) readOffset() bool {
	zone, ok := r.zoneOffset()
	r.p.zone = zone
	return ok
}

// readWord reads whatever does not begin with a digit.
func (r *reader) readWord() bool {
	kind, value := r.word()
	switch kind {
	case filler:
		return true
	case aMonth:
		before := r.s
		by, _ := r.separator()
		if by == byDash {
			by = r.dash(before)
		}
		return by != byHalf && by != byT && by != bySuffix && r.part('m', value, by)
	case aWeekday:
		if r.p.weekday != none || r.g.clock == 1 {
			return false
		}
		r.p.weekday = value
		return true
	case aHalf:
		if r.p.half != none {
			return false
		}
		r.p.half = value
		return true
	case aZone:
		if r.p.zone.seen || r.g.size > 0 && (r.g.dated || r.g.count < r.g.size) {
			return false
		}
		r.p.zone = zone{seen: true, utc: true}
		return true
	}
	return !r.p.zone.seen && r.readOffset()
}

// suffixed sets the part of a time that a suffix names.
func (r *reader) suffixed(n, part int) bool {
	if part < 3 {
		r.hasDate = true
		if part == 0 {
			n = fullYear(n)
		}
		into := []*int{&r.p.year, &r.p.month, &r.p.day}[part]
		return *into == none && once(into, n)
	}
	r.hasTime = true
	return r.clock[part-3] == none && once(&r.clock[part-3], n)
}

// part takes the next part of a date or a time.
func (r *reader) part(kind byte, n int, by separator) bool {
	if kind == 'y' && r.hasYear || kind == 'm' && r.hasMonth {
		return false
	}
	if r.sameSeparator {
		by = r.disambiguate(kind, by)
	}
	if r.g.clock > 0 {
		return r.clockPart(kind, n, by)
	}
	if kind == 'n' && by == byTime {
		if r.g.size > 0 { // a time does not begin within a date
			return false
		}
		r.g.clock = 1
		r.add(kind, n)
		return true
	}
	if by == byTime {
		return false
	}
	if r.g.size == 0 {
		r.g.first = kind
	}
	r.g.size++
	r.g.yearLast = kind == 'y'
	open := r.g.open
	r.g.open = by == byDate
	r.add(kind, n)
	numbers := r.g.count == r.g.size
	switch r.g.size {
	case 1:
		if by == byHalf && kind == 'n' {
			return r.time(r.g.numbers[:r.g.count]...)
		}
		r.g.dated = r.g.open
		return by != byEnd
	case 2:
		if by == byHalf && kind == 'n' { // 2 07 PM
			return numbers && !r.g.dated && r.time(r.g.numbers[:r.g.count]...)
		}
		r.g.dated = r.g.dated || r.g.open
		return by != byEnd || r.dateOfTwo()
	}
	switch {
	case by == byDate:
		return false
	case by == byHalf && numbers && !r.g.dated: // 2 07 09 PM
		return r.time(r.g.numbers[:r.g.count]...)
	case by == byHalf && numbers && !open: // 3/5 2 PM
		hour := r.g.numbers[2]
		return r.dateOfTwo() && r.time(hour)
	case by == byHalf && r.g.month != none && r.g.year == none && open:
		return false
	}
	return r.dateOfThree()
}

func (r *reader) add(kind byte, n int) {
	switch kind {
	case 'y':
		r.g.year, r.hasYear = n, true
	case 'm':
		r.g.month, r.hasMonth = n, true
	default:
		r.g.numbers[r.g.count] = n
		r.g.count++
	}
}

// disambiguate: where dates and times have the same separator, it is that of a date
// beside a year or the name of a month, and nothing at all behind a whole date.
func (r *reader) disambiguate(kind byte, by separator) separator {
	if by == byTime && (kind != 'n' || r.g.year != none) {
		by = byDate
	}
	if by == byDate && r.g.size == 2 || by == byDate && kind == 'y' && r.g.clock == 2 {
		by = bySpace
	}
	return by
}

// clockPart takes the minutes or seconds of a time.
func (r *reader) clockPart(kind byte, n int, by separator) bool {
	if kind == 'y' && r.sameSeparator || kind == 'm' && r.g.clock == 1 {
		// What seemed to be a time was the beginning of a date.
		r.g.size, r.g.first, r.g.dated, r.g.open, r.g.clock = r.g.clock, 'n', true, true, 0
		return r.part(kind, n, by)
	}
	if kind != 'n' || by == byDate {
		return false
	}
	r.add(kind, n)
	if by == byTime {
		r.g.clock++
		return r.g.clock == 2
	}
	return r.time(r.g.numbers[:r.g.count]...)
}

// end: nothing may be open when the text ends; two parts make a date.
func (r *reader) end() bool {
	switch {
	case r.g.clock > 0 || r.g.size == 1 || r.g.size == 2 && r.g.open:
		return false
	case r.g.size == 2:
		return r.dateOfTwo()
	}
	return r.hasDate || r.hasTime
}
