package dotnet

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ParseExact reads a time that is written exactly in a format, a standard or a
// custom one. What the format leaves out is the first of it; a year must be there.
func ParseExact(text, format string, c *culture.Culture) (Time, bool, error) {
	if len(text) > maxTimeText {
		return Time{}, false, nil
	}
	custom, c, err := expand(format, c)
	if err != nil {
		return Time{}, false, err
	}
	tokens, err := tokenize(custom)
	if err != nil {
		return Time{}, false, err
	}
	p := exactParser{s: scanner{text}, c: c, year: 1, month: 1, day: 1, weekday: -1}
	for _, k := range tokens {
		if k.letter == 'f' && k.count > 7 || k.letter == 'F' && k.count > 7 {
			return Time{}, false, ErrFormat
		}
		if !p.read(k) {
			return Time{}, false, nil
		}
	}
	if p.s.s != "" {
		return Time{}, false, nil
	}
	if strings.HasPrefix(custom, "ddd, dd MMM") || format == "u" {
		p.kind = UTC // these formats always mean UTC
	}
	t, ok := p.assemble()
	return t, ok, nil
}

type exactParser struct {
	s                scanner
	c                *culture.Culture
	year, month, day int
	hour             int
	twelve           bool // hour was read by h
	half             int  // 1 AM, 2 PM
	ofDay            int64
	weekday          int
	kind             Kind
	offset           int64
}

func (p *exactParser) read(k token) bool {
	var ok bool
	switch k.letter {
	case 0:
		return p.s.take(k.literal)
	case 'd':
		if k.count > 2 {
			return p.name(&p.weekday, 0, p.c.Days, p.c.DaysShort)
		}
		p.day, _, ok = p.s.digits(k.count, 2)
		return ok
	case 'M':
		if k.count > 2 {
			return p.name(&p.month, 1, p.c.MonthsGenitive, p.c.Months, p.c.MonthsShort)
		}
		p.month, _, ok = p.s.digits(k.count, 2)
		return ok
	case 'y':
		if k.count > 2 {
			p.year, _, ok = p.s.digits(k.count, max(k.count, 4))
			return ok
		}
		n, width, found := p.s.digits(k.count, 2)
		p.year = fullYear(dateNumber{n, width})
		return found
	case 'h', 'H':
		p.twelve = k.letter == 'h'
		p.hour, _, ok = p.s.digits(min(k.count, 2), 2)
		return ok && p.hour < 24 && (!p.twelve || p.hour >= 1 && p.hour <= 12)
	case 'm':
		return p.part(k, TicksPerMinute)
	case 's':
		return p.part(k, TicksPerSecond)
	case 'f', 'F':
		return p.fraction(k)
	case 't':
		return p.halfDay(k)
	case 'g':
		return p.s.take(p.c.Era) || p.s.take(p.c.EraShort)
	case 'K', 'z':
		kind, offset, found := p.s.zone()
		if found {
			p.kind, p.offset = kind, offset
		}
		return found || k.letter == 'K'
	case ':':
		return p.s.take(p.c.TimeSeparator)
	case '/':
		return p.s.take(p.c.DateSeparator)
	}
	return false
}

func (p *exactParser) part(k token, unit int64) bool {
	n, _, ok := p.s.digits(min(k.count, 2), 2)
	p.ofDay += int64(n) * unit
	return ok && n < 60
}

// fraction: f needs its digits, F takes what there is.
func (p *exactParser) fraction(k token) bool {
	least := k.count
	if k.letter == 'F' {
		least = 0
	}
	n, width, ok := p.s.digits(least, k.count)
	for range 7 - width {
		n *= 10
	}
	p.ofDay += int64(n)
	return ok
}

func (p *exactParser) halfDay(k token) bool {
	for i, half := range []string{p.c.AM, p.c.PM} {
		if k.count == 1 && half != "" {
			half = half[:runeLen(half)]
		}
		if len(p.s.s) >= len(half) && strings.EqualFold(p.s.s[:len(half)], half) && half != "" {
			p.s.s, p.half = p.s.s[len(half):], i+1
			return true
		}
	}
	return p.c.AM == "" && p.c.PM == ""
}

// name reads the longest of several names, ignoring case.
func (p *exactParser) name(into *int, from int, lists ...[]string) bool {
	found, length := -1, 0
	for _, list := range lists {
		for i, name := range list {
			if len(name) > length && len(p.s.s) >= len(name) && strings.EqualFold(p.s.s[:len(name)], name) {
				found, length = i, len(name)
			}
		}
	}
	if found < 0 {
		return false
	}
	*into, p.s.s = found+from, p.s.s[length:]
	return true
}

func (p *exactParser) assemble() (Time, bool) {
	hour := p.hour
	if p.half != 0 && p.twelve {
		hour %= 12
		if p.half == 2 {
			hour += 12
		}
	} else if p.half != 0 && (hour >= 12) != (p.half == 2) {
		return Time{}, false
	} else if p.twelve && hour == 12 {
		hour = 0
	}
	t, ok := civil(p.year, p.month, p.day, p.ofDay+int64(hour)*TicksPerHour, Unspecified)
	if !ok || p.weekday >= 0 && int(t.Clock().Weekday()) != p.weekday {
		return Time{}, false
	}
	return finish(t, p.kind, p.offset)
}
