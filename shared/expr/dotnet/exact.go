package dotnet

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ParseExact reads a time that is written exactly in a format, a standard or a
// custom one. A month and a day that the format leaves out are the first, but those
// of now stand in for a year, and for a whole date, that it leaves out.
func ParseExact(text, format string, c *culture.Culture, now func() Time) (Time, bool, error) {
	if text == "" || len(text) > maxTimeText {
		return Time{}, false, nil
	}
	custom, c, err := expand(format, c)
	if err != nil {
		return Time{}, false, err
	}
	e := exactReader{scanner: scanner{text}, c: c, format: custom, parts: noParts(), hour: none, minute: none, second: none, fraction: none}
	if format == "U" {
		e.zone = zone{seen: true, utc: true}
	}
	for e.at < len(custom) {
		if ok, err := e.next(); !ok || err != nil {
			return Time{}, false, err
		}
	}
	if e.s != "" {
		return Time{}, false, nil
	}
	t, ok := e.assemble(now)
	return t, ok, nil
}

// none is a part that was not read.
const none = -1

// exactReader reads a text along a format. A specifier that comes twice must read
// the same twice.
type exactReader struct {
	scanner
	c      *culture.Culture
	format string
	at     int

	parts
	twoDigits                      bool // of the year
	twelve                         bool // the hour is one of h
	hour, minute, second, fraction int
}

// next reads what the next token of the format stands for. An error means that the
// format is not valid.
func (e *exactReader) next() (bool, error) {
	if e.format[e.at] == '%' { // it only parts the specifiers here
		e.at++
		if e.at == len(e.format) || e.format[e.at] == '%' {
			return false, ErrFormat
		}
	}
	k, end, err := nextToken(e.format, e.at)
	if err != nil || (k.letter == 'f' || k.letter == 'F') && k.count > fractionDigits {
		return false, ErrFormat
	}
	e.at = end
	if k.plain {
		return e.plain(k), nil
	}
	return e.read(k), nil
}

// plain reads text that is not quoted: Z and GMT in a format say what the time is.
func (e *exactReader) plain(k token) bool {
	switch {
	case k.literal == "Z":
		return e.utc("GMT", "Z")
	case k.literal == "G" && prefixFold(e.format[e.at:], "MT") > 0:
		e.at += len("MT")
		e.zone.seen, e.zone.offset = true, 0
		return e.take("GMT")
	case k.literal == "." && !strings.HasPrefix(e.s, ".") && strings.HasPrefix(e.format[e.at:], "F"):
		e.at += runOf(e.format, e.at, len(e.format)) // the dot goes with the fraction
		return true
	}
	return e.take(k.literal)
}

// utc reads one of the names of UTC, ignoring case, where no letter follows.
func (e *exactReader) utc(names ...string) bool {
	if e.zone.seen && e.zone.offset != 0 {
		return false
	}
	e.zone = zone{seen: true, utc: true}
	for _, name := range names {
		if n := prefixFold(e.s, name); n > 0 && !startsWithLetter(e.s[n:]) {
			e.s = e.s[n:]
			return true
		}
	}
	return false
}

func (e *exactReader) read(k token) bool {
	n, ok := 0, false
	switch k.letter {
	case 0:
		return e.take(k.literal)
	case 'd':
		if k.count > 2 {
			n, ok = e.name(shortOr(k.count, e.c.DaysShort, e.c.Days), nil)
			return ok && once(&e.weekday, n)
		}
		n, ok = e.number(k.count)
		return ok && once(&e.day, n)
	case 'M':
		if k.count > 2 {
			n, ok = e.name(shortOr(k.count, e.c.MonthsShort, e.c.Months), shortOr(k.count, e.c.MonthsShortGenitive, e.c.MonthsGenitive))
			return ok && once(&e.month, n+1)
		}
		n, ok = e.number(k.count)
		return ok && once(&e.month, n)
	case 'y':
		e.twoDigits = e.twoDigits || k.count <= 2
		n, ok = e.number(k.count)
		return ok && once(&e.year, n)
	case 'h', 'H':
		e.twelve = e.twelve || k.letter == 'h'
		n, ok = e.number(min(k.count, 2))
		return ok && once(&e.hour, n)
	case 'm':
		n, ok = e.number(min(k.count, 2))
		return ok && once(&e.minute, n)
	case 's':
		n, ok = e.number(min(k.count, 2))
		return ok && once(&e.second, n)
	case 'f', 'F':
		return e.secondFraction(k)
	case 't':
		return e.halfDay(k.count)
	case 'g':
		return e.takeFold(e.c.Era) || e.takeFold(e.c.EraShort)
	case 'z':
		return e.zoned(k.count)
	case 'K':
		if strings.HasPrefix(e.s, "Z") {
			return e.utc("Z")
		}
		return e.s == "" || e.s[0] != '+' && e.s[0] != '-' || e.zoned(3)
	case ':':
		return e.separator(":", e.c.TimeSeparator)
	default:
		return e.separator("/", e.c.DateSeparator)
	}
}

func shortOr(count int, short, long []string) []string {
	if count == 3 {
		return short
	}
	return long
}

// once sets a part, unless it was read before and differs.
func once(part *int, n int) bool {
	if *part == none {
		*part = n
	}
	return *part == n
}

// number: one letter reads one or two digits, more read as many.
func (e *exactReader) number(count int) (int, bool) {
	n, _, ok := e.digits(count, max(count, 2))
	return n, ok
}

// secondFraction reads the fraction of a second: f needs its digits, F takes what there is.
func (e *exactReader) secondFraction(k token) bool {
	n, width, _ := e.digits(0, k.count)
	if k.letter == 'f' && width < k.count {
		return false
	}
	for range fractionDigits - width {
		n *= 10
	}
	return once(&e.fraction, n)
}

func (e *exactReader) halfDay(count int) bool {
	for i, half := range []string{e.c.AM, e.c.PM} {
		if half == "" {
			continue
		}
		if count == 1 && e.take(half[:runeLen(half)]) || count > 1 && e.takeFold(half) {
			return once(&e.half, i)
		}
	}
	return false
}

// name reads the longest of the names, ignoring case.
func (e *exactReader) name(lists ...[]string) (found int, ok bool) {
	length := 0
	for _, names := range lists {
		for i, name := range names {
			if n := prefixFold(e.s, name); n > length {
				found, length = i, n
			}
		}
	}
	e.s = e.s[length:]
	return found, length > 0
}

// zoned reads a zone as z, zz or zzz write it; the last does without its colon.
func (e *exactReader) zoned(count int) bool {
	negative := e.take("-")
	if !negative && !e.take("+") {
		return false
	}
	least := 1
	if count == 2 {
		least = 2
	}
	hours, _, ok := e.digits(least, 2)
	minutes := 0
	if ok && count > 2 {
		e.take(":")
		minutes, _, ok = e.digits(2, 2)
	}
	read, fits := newZone(negative, hours, minutes)
	if !ok || !fits || e.zone.seen && e.zone.offset != read.offset {
		return false
	}
	e.zone.seen, e.zone.offset = true, read.offset
	return true
}

// separator reads that of the culture, or the one that stands in the format.
func (e *exactReader) separator(standard, own string) bool {
	if len(own) > 1 && strings.HasPrefix(own, standard) {
		return e.take(own)
	}
	return e.take(standard) || own != "" && e.take(own)
}

func (e *exactReader) assemble(now func() Time) (Time, bool) {
	if e.twoDigits {
		if e.year >= 100 {
			return Time{}, false
		}
		e.year = fullYear(e.year)
	}
	if e.twelve {
		if e.hour > 12 {
			return Time{}, false
		}
		e.hour %= 12
		if e.half == pm {
			e.hour += 12
		}
	} else if e.half == am && e.hour >= 12 || e.half == pm && e.hour < 12 {
		return Time{}, false
	}
	ofDay, ok := timeOfDay(max(e.hour, 0), max(e.minute, 0), max(e.second, 0))
	if !ok {
		return Time{}, false
	}
	return e.time(ofDay, int64(max(e.fraction, 0)), now)
}
