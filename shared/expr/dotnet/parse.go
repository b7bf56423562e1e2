package dotnet

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ParseTime reads a time as DateTime.Parse does with RoundtripKind: ISO 8601, or
// the forms of a culture. Z or GMT makes it UTC; an offset makes it Local, moved to
// the zone of the host; without either it is Unspecified (expressions §8). A text
// without a year, or with a time alone, gets those of now, which may be nil: then
// it is no time.
func ParseTime(s string, c *culture.Culture, now func() Time) (Time, bool) {
	if t, ok := parseISO(s); ok {
		return t, true
	}
	if len(s) > maxTimeText {
		return Time{}, false
	}
	r := newReader(s, c, now)
	return r.read()
}

// maxTimeText is longer than any time that is worth reading.
const maxTimeText = 1000

// parseISO reads yyyy-MM-dd and yyyy-MM-ddTHH:mm[:ss[.f…]][zone], also with a blank
// for the T, which mean the same in all cultures. Everything else is left to the
// reader, which knows more forms.
func parseISO(s string) (Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' || !allDigits(s[:4]) || !allDigits(s[5:7]) || !allDigits(s[8:10]) {
		return Time{}, false
	}
	p := noParts()
	p.year = int(s[0]-'0')*1000 + int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	p.month = int(s[5]-'0')*10 + int(s[6]-'0')
	p.day = int(s[8]-'0')*10 + int(s[9]-'0')
	if len(s) == 10 {
		return p.time(0, 0, nil)
	}
	if s[10] != 'T' && s[10] != ' ' {
		return Time{}, false
	}
	return p.isoTime(s[11:])
}

// scanner takes parts off the front of a text.
type scanner struct{ s string }

// digits reads a number of as many digits as there are, up to most.
func (s *scanner) digits(least, most int) (n, width int, ok bool) {
	for width < len(s.s) && width < most && s.s[width] >= '0' && s.s[width] <= '9' {
		if n < math.MaxInt32 { // far beyond any year
			n = n*10 + int(s.s[width]-'0')
		}
		width++
	}
	if width < least {
		return 0, 0, false
	}
	s.s = s.s[width:]
	return n, width, true
}

func (s *scanner) take(text string) bool {
	rest, ok := strings.CutPrefix(s.s, text)
	s.s = rest
	return ok
}

// takeFold ignores case.
func (s *scanner) takeFold(text string) bool {
	n := prefixFold(s.s, text)
	s.s = s.s[n:]
	return n > 0
}

func (s *scanner) skipBlanks() {
	for s.s != "" && (s.s[0] <= ' ' || s.s[0] >= utf8.RuneSelf) {
		r, size := utf8.DecodeRuneInString(s.s)
		if !unicode.IsSpace(r) {
			return
		}
		s.s = s.s[size:]
	}
}

// fraction reads the digits behind the seconds into ticks. It calculates with
// doubles as .NET does, so that digits behind the seventh round alike.
func (s *scanner) fraction() (ticks int64, ok bool) {
	sum, base, n := 0.0, 0.1, 0
	for ; n < len(s.s) && s.s[n] >= '0' && s.s[n] <= '9'; n++ {
		sum += float64(float64(s.s[n]-'0') * base) // the conversion keeps it from being fused
		base *= 0.1
	}
	s.s = s.s[n:]
	return int64(math.RoundToEven(sum * float64(TicksPerSecond))), n > 0
}

// zone is what a text says about its time zone.
type zone struct {
	seen   bool
	utc    bool  // by name
	offset int64 // in ticks
}

// newZone checks the parts of an offset; .NET knows none beyond 14 hours.
func newZone(negative bool, hours, minutes int) (zone, bool) {
	offset := int64(hours)*TicksPerHour + int64(minutes)*TicksPerMinute
	if minutes > 59 || offset > 14*TicksPerHour {
		return zone{}, false
	}
	if negative {
		offset = -offset
	}
	return zone{seen: true, offset: offset}, true
}

// zoneOffset reads ±h, ±hh, ±h:m, ±hh:mm, ±hmm or ±hhmm.
func (s *scanner) zoneOffset() (zone, bool) {
	negative := s.take("-")
	if !negative && !s.take("+") {
		return zone{}, false
	}
	n, width, ok := s.digits(1, fractionDigits)
	hours, minutes := n, 0
	switch {
	case !ok || width > 4:
		return zone{}, false
	case width > 2:
		hours, minutes = n/100, n%100
	case s.take(":"):
		if minutes, width, ok = s.digits(1, 3); !ok || width > 2 {
			return zone{}, false
		}
	}
	return newZone(negative, hours, minutes)
}

// The halves of the day.
const (
	am = iota
	pm
)

// parts are the parts of a time that was read, or none.
type parts struct {
	year, month, day int
	weekday          int // from Sunday
	half             int
	zone             zone
}

func noParts() parts {
	return parts{year: none, month: none, day: none, weekday: none, half: none}
}

func timeOfDay(hour, minute, second int) (ticks int64, ok bool) {
	return int64(hour)*TicksPerHour + int64(minute)*TicksPerMinute + int64(second)*TicksPerSecond,
		hour < 24 && minute < 60 && second < 60
}

// isoTime reads what follows the T of ISO 8601: HH:mm[:ss[.f…]] and a zone, with
// blanks between them.
func (p *parts) isoTime(text string) (Time, bool) {
	s := scanner{text}
	s.skipBlanks()
	hour, _, ok1 := s.digits(2, 2)
	s.skipBlanks()
	ok1 = ok1 && s.take(":")
	s.skipBlanks()
	minute, _, ok2 := s.digits(2, 2)
	s.skipBlanks()
	second, fraction, ok3 := 0, int64(0), true
	if s.take(":") {
		s.skipBlanks()
		if second, _, ok3 = s.digits(2, 2); ok3 && s.take(".") {
			fraction, ok3 = s.fraction()
		}
		s.skipBlanks()
	}
	ofDay, ok4 := timeOfDay(hour, minute, second)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Time{}, false
	}
	if s.take("Z") || s.take("z") {
		p.zone = zone{seen: true, utc: true}
	} else if s.s != "" {
		var ok bool
		if p.zone, ok = s.zoneOffset(); !ok {
			return Time{}, false
		}
	}
	s.skipBlanks()
	if s.s != "" {
		return Time{}, false
	}
	return p.time(ofDay, fraction, nil)
}

// time makes a time of the parts and moves it to the host's zone.
func (p *parts) time(ofDay, fraction int64, now func() Time) (Time, bool) {
	if !p.complete(now) {
		return Time{}, false
	}
	t, ok := civil(p.year, p.month, p.day, ofDay, Unspecified)
	if !ok {
		return Time{}, false
	}
	t, err := t.Add(fraction) // which may have been rounded up to a second
	if err != nil || p.weekday != none && int(t.Clock().Weekday()) != p.weekday {
		return Time{}, false
	}
	switch {
	case p.zone.utc:
		t.Kind = UTC
	case p.zone.seen:
		early := t.Ticks < TicksPerDay
		t.Kind = Local
		t.Ticks -= p.zone.offset
		if early && t.Ticks < 0 {
			t.Ticks += TicksPerDay // to .NET that is a time without a date
		}
	}
	return t, t.Ticks >= 0 && t.Ticks <= maxTicks
}

// complete fills in what the text leaves out.
func (p *parts) complete(now func() Time) bool {
	if p.year == none {
		if now == nil {
			return false
		}
		year, month, day := now().Clock().Date()
		p.year = year
		if p.month == none && p.day == none {
			p.month, p.day = int(month), day
		}
	}
	if p.month == none {
		p.month = 1
	}
	if p.day == none {
		p.day = 1
	}
	return true
}

// fullYear: years of two digits are those from 1950 to 2049.
func fullYear(year int) int {
	switch {
	case year < 0 || year >= 100:
		return year
	case year < 50:
		return 2000 + year
	}
	return 1900 + year
}

// prefixFold returns how many bytes of s are equal to the text, ignoring case, or
// 0. All blanks are alike.
func prefixFold(s, text string) int {
	i := 0
	for _, want := range text {
		if i == len(s) {
			return 0
		}
		got, size := rune(s[i]), 1
		if got >= utf8.RuneSelf {
			got, size = utf8.DecodeRuneInString(s[i:])
		}
		if got != want && !equalFold(got, want) {
			return 0
		}
		i += size
	}
	return i
}

func equalFold(a, b rune) bool {
	if unicode.IsSpace(a) {
		return unicode.IsSpace(b)
	}
	return unicode.ToLower(a) == unicode.ToLower(b) || unicode.ToUpper(a) == unicode.ToUpper(b)
}

func startsWithLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && unicode.IsLetter(r)
}
