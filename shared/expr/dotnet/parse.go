package dotnet

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ParseTime reads a time as DateTime.Parse does with RoundtripKind: ISO 8601, or
// the forms of a culture. Z makes it UTC; an offset makes it Local, moved to the
// zone of the host; without either it is Unspecified (expressions §8).
func ParseTime(s string, c *culture.Culture) (Time, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if len(s) > maxTimeText {
		return Time{}, false
	}
	if t, ok := parseISO(s); ok {
		return t, true
	}
	p := timeParser{culture: c}
	if !p.scan(s) {
		return Time{}, false
	}
	return p.assemble()
}

// maxTimeText is longer than any time that can be read.
const maxTimeText = 200

// scanner takes parts off the front of a text.
type scanner struct{ s string }

func (s *scanner) digits(least, most int) (n, width int, ok bool) {
	for width < len(s.s) && width < most && s.s[width] >= '0' && s.s[width] <= '9' {
		n = n*10 + int(s.s[width]-'0')
		width++
	}
	if width < least {
		return 0, 0, false
	}
	s.s = s.s[width:]
	return n, width, true
}

func (s *scanner) take(text string) bool {
	if rest, ok := strings.CutPrefix(s.s, text); ok {
		s.s = rest
		return true
	}
	return false
}

// fraction reads the digits behind the seconds; the eighth rounds.
func (s *scanner) fraction() (ticks int64, ok bool) {
	n := 0
	for ; n < len(s.s) && s.s[n] >= '0' && s.s[n] <= '9'; n++ {
		switch {
		case n < 7:
			ticks = ticks*10 + int64(s.s[n]-'0')
		case n == 7 && s.s[n] >= '5':
			ticks++
		}
	}
	s.s = s.s[n:]
	for i := n; i < 7; i++ {
		ticks *= 10
	}
	return ticks, n > 0
}

// zone reads Z, ±hh:mm, ±hhmm or ±hh.
func (s *scanner) zone() (kind Kind, offset int64, ok bool) {
	if s.take("Z") || s.take("z") {
		return UTC, 0, true
	}
	sign := int64(1)
	if s.take("-") {
		sign = -1
	} else if !s.take("+") {
		return 0, 0, false
	}
	hours, _, ok := s.digits(1, 2)
	minutes := 0
	if ok && s.take(":") {
		minutes, _, ok = s.digits(2, 2)
	} else if m, _, four := s.digits(2, 2); four {
		minutes = m
	}
	return Local, sign * (int64(hours)*TicksPerHour + int64(minutes)*TicksPerMinute), ok && hours <= 14 && minutes < 60
}

// finish moves a time with an offset to the host's zone.
func finish(t Time, kind Kind, offset int64) (Time, bool) {
	t.Kind = kind
	if kind == Local {
		moved, err := t.Add(-offset)
		return moved, err == nil
	}
	return t, true
}

// parseISO reads yyyy-MM-dd[(T| )HH:mm[:ss[.f…]][zone]].
func parseISO(text string) (Time, bool) {
	s := &scanner{text}
	year, _, ok1 := s.digits(4, 4)
	ok1 = ok1 && s.take("-")
	month, _, ok2 := s.digits(1, 2)
	ok2 = ok2 && s.take("-")
	day, _, ok3 := s.digits(1, 2)
	if !ok1 || !ok2 || !ok3 {
		return Time{}, false
	}
	var ofDay int64
	if s.s != "" && (s.take("T") || s.take("t") || s.take(" ")) {
		s.s = strings.TrimLeft(s.s, " ")
		var ok bool
		if ofDay, ok = s.timeOfDay(); !ok {
			return Time{}, false
		}
	}
	t, ok := civil(year, month, day, ofDay, Unspecified)
	if !ok || s.s == "" {
		return t, ok
	}
	s.s = strings.TrimLeft(s.s, " ")
	kind, offset, ok := s.zone()
	if !ok || s.s != "" {
		return Time{}, false
	}
	return finish(t, kind, offset)
}

// timeOfDay reads HH:mm[:ss[.f…]].
func (s *scanner) timeOfDay() (int64, bool) {
	hour, _, ok := s.digits(1, 2)
	if !ok || !s.take(":") {
		return 0, false
	}
	minute, _, ok := s.digits(1, 2)
	second, fraction := 0, int64(0)
	if ok && s.take(":") {
		if second, _, ok = s.digits(1, 2); ok && (s.take(".") || s.take(",")) {
			fraction, ok = s.fraction()
		}
	}
	return int64(hour)*TicksPerHour + int64(minute)*TicksPerMinute + int64(second)*TicksPerSecond + fraction,
		ok && hour < 24 && minute < 60 && second < 60
}

// timeParser collects what stands in a text in the forms of a culture.
type timeParser struct {
	culture *culture.Culture
	numbers []dateNumber
	month   int // by name
	monthAt int // how many numbers stood before it
	weekday int // 1 + Sunday = 0; 0 none
	half    int // 1 AM, 2 PM
	hasTime bool
	ofDay   int64
	hour    int
	kind    Kind
	offset  int64
	hasZone bool
}

type dateNumber struct{ n, width int }

// scan reads all parts; false means that something does not belong there.
func (p *timeParser) scan(text string) bool {
	s := &scanner{text}
	for s.s != "" {
		r, size := utf8.DecodeRuneInString(s.s)
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(",./", r):
			s.s = s.s[size:]
		case r == '-' && !p.hasTime:
			s.s = s.s[size:]
		case r >= '0' && r <= '9':
			if !p.number(s) {
				return false
			}
		case (r == '+' || r == '-') && p.hasTime && !p.hasZone:
			var ok bool
			if p.kind, p.offset, ok = s.zone(); !ok {
				return false
			}
			p.hasZone = true
		case unicode.IsLetter(r):
			if !p.word(s) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// number reads a part of the date, or the whole time of the day.
func (p *timeParser) number(s *scanner) bool {
	n, width, _ := s.digits(1, 9)
	if s.s != "" && s.s[0] == ':' || p.hourAlone(s) {
		if p.hasTime {
			return false
		}
		p.hasTime, p.hour = true, n
		if !s.take(":") {
			return n < 24
		}
		minute, _, ok := s.digits(1, 2)
		second, fraction := 0, int64(0)
		if ok && s.take(":") {
			if second, _, ok = s.digits(1, 2); ok && s.take(".") {
				fraction, ok = s.fraction()
			}
		}
		p.ofDay = int64(minute)*TicksPerMinute + int64(second)*TicksPerSecond + fraction
		return ok && width <= 2 && n < 24 && minute < 60 && second < 60
	}
	p.numbers = append(p.numbers, dateNumber{n, width})
	return len(p.numbers) <= 3 && width != 3 && width <= 4
}

// hourAlone: 3 PM.
func (p *timeParser) hourAlone(s *scanner) bool {
	if p.hasTime {
		return false
	}
	rest := strings.ToLower(strings.TrimLeft(s.s, " "))
	for _, half := range []string{"am", "pm"} {
		if after, ok := strings.CutPrefix(rest, half); ok && (after == "" || !unicode.IsLetter(rune(after[0]))) {
			return true
		}
	}
	return false
}

// word reads names of months and days, the halves of the day, T and zones.
func (p *timeParser) word(s *scanner) bool {
	if p.hasTime && p.half == 0 {
		for i, names := range [][]string{{p.culture.AM, "AM", "A"}, {p.culture.PM, "PM", "P"}} {
			for _, name := range names {
				if p.takeWord(s, name) {
					p.half = i + 1
					return true
				}
			}
		}
	}
	invariant := culture.Invariant()
	for _, c := range []*culture.Culture{p.culture, invariant} {
		for _, months := range [][]string{c.Months, c.MonthsGenitive, c.MonthsShort} {
			if i := p.longest(s, months); i >= 0 && p.month == 0 {
				p.month, p.monthAt = i+1, len(p.numbers)
				return p.takeWord(s, months[i])
			}
		}
		for _, days := range [][]string{c.Days, c.DaysShort} {
			if i := p.longest(s, days); i >= 0 && p.weekday == 0 {
				p.weekday = i + 1
				return p.takeWord(s, days[i])
			}
		}
	}
	switch {
	case p.takeWord(s, "T") && len(p.numbers) > 0 && !p.hasTime:
		return true
	case (p.takeWord(s, "Z") || p.takeWord(s, "GMT") || p.takeWord(s, "UTC")) && p.hasTime && !p.hasZone:
		p.kind, p.hasZone = UTC, true
		return true
	}
	// Small words that stand between the parts of long dates, such as "de".
	return p.takeWord(s, "de") || p.takeWord(s, "a")
}

// longest finds the longest of the names that the text begins with, ignoring case.
func (p *timeParser) longest(s *scanner, names []string) int {
	found := -1
	for i, name := range names {
		if p.fits(s, name) && (found < 0 || len(name) > len(names[found])) {
			found = i
		}
	}
	return found
}

// fits: a name ends where no letter follows it.
func (p *timeParser) fits(s *scanner, name string) bool {
	if name == "" || len(s.s) < len(name) || !strings.EqualFold(s.s[:len(name)], name) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(s.s[len(name):])
	last, _ := utf8.DecodeLastRuneInString(name)
	return !unicode.IsLetter(next) || name == "T" && unicode.IsDigit(next) || !unicode.IsLetter(last)
}

func (p *timeParser) takeWord(s *scanner, name string) bool {
	if p.fits(s, name) {
		s.s = s.s[len(name):]
		return true
	}
	return false
}

// assemble makes a time of the parts.
func (p *timeParser) assemble() (Time, bool) {
	year, month, day, ok := p.date()
	if !ok {
		return Time{}, false
	}
	hour := p.hour
	if p.half != 0 {
		if !p.hasTime || hour > 12 {
			return Time{}, false
		}
		hour %= 12
		if p.half == 2 {
			hour += 12
		}
	}
	t, ok := civil(year, month, day, p.ofDay+int64(hour)*TicksPerHour, Unspecified)
	if !ok || p.weekday != 0 && int(t.Clock().Weekday()) != p.weekday-1 {
		return Time{}, false
	}
	return finish(t, p.kind, p.offset)
}

// date decides which number is what: by the name of the month where there is one,
// by four digits, else by the order of the culture's short date.
func (p *timeParser) date() (year, month, day int, ok bool) {
	n := p.numbers
	switch {
	case p.month != 0 && len(n) == 2:
		first, second := n[0], n[1]
		if first.width > 2 || first.n > 31 || p.monthAt == 1 && p.order() == "ymd" {
			first, second = second, first
		}
		return fullYear(second), p.month, first.n, first.width <= 2
	case p.month != 0 && len(n) == 1 && n[0].width == 4:
		return n[0].n, p.month, 1, true
	case p.month == 0 && len(n) == 3:
		order := p.order()
		if n[0].width > 2 {
			order = "ymd"
		}
		var parts [3]dateNumber
		for i, which := range order {
			parts[strings.IndexRune("ymd", which)] = n[i]
		}
		return fullYear(parts[0]), parts[1].n, parts[2].n, parts[1].width <= 2 && parts[2].width <= 2
	case p.month == 0 && len(n) == 2 && (n[0].width == 4) != (n[1].width == 4):
		if n[0].width == 4 {
			return n[0].n, n[1].n, 1, true
		}
		return n[1].n, n[0].n, 1, true
	}
	return 0, 0, 0, false
}

// order is the order of day, month and year in the culture's short date.
func (p *timeParser) order() string {
	order := ""
	for _, c := range p.culture.ShortDate {
		if letter := string(unicode.ToLower(c)); strings.Contains("dmy", letter) && !strings.Contains(order, letter) {
			order += letter
		}
	}
	if len(order) != 3 {
		return "mdy"
	}
	return order
}

// fullYear: two digits mean 1950 to 2049.
func fullYear(d dateNumber) int {
	switch {
	case d.width > 2:
		return d.n
	case d.n < 50:
		return 2000 + d.n
	}
	return 1900 + d.n
}
