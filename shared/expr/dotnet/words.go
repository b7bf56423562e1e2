package dotnet

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// separator is what stands behind a number or the name of a month.
type separator uint8

const (
	bySpace  separator = iota // or nothing at all
	byEnd                     // of the text
	byDate                    // / and that of the culture
	byDash                    // a separator of dates, or the sign of an offset
	byTime                    // : and that of the culture
	byHalf                    // AM, PM: the number is an hour or the last part of a time
	byT                       // of ISO 8601
	bySuffix                  // one of those with which Chinese, Japanese and Korean say what a number is
)

// suffixes and the part of the time that they name, an index into reader.suffixed.
var suffixes = []struct {
	text string
	part int
}{
	{"年", 0}, {"년", 0}, {"月", 1}, {"월", 1}, {"日", 2}, {"일", 2},
	{"時", 3}, {"时", 3}, {"시", 3}, {"分", 4}, {"분", 4}, {"秒", 5}, {"초", 5},
}

// match is the longest of some texts that the rest of the text begins with.
type match struct {
	length, value int
	kind          int
}

// try takes a text into account. A text of letters must not go on with another one.
func (m *match) try(s, text string, kind, value int) {
	if text == "" || s[0]|text[0] < utf8.RuneSelf && s[0]|32 != text[0]|32 {
		return // the first letters differ: so it is mostly
	}
	if n := prefixFold(s, text); n > m.length && (!startsWithLetter(s) || !startsWithLetter(s[n:])) {
		*m = match{length: n, kind: kind, value: value}
	}
}

// separator reads what is behind a number or a month; value says which half of the
// day or which part it is.
func (r *reader) separator() (by separator, value int) {
	r.skipMarks()
	if r.s == "" {
		return byEnd, 0
	}
	if r.s[0] >= '0' && r.s[0] <= '9' {
		return bySpace, 0
	}
	var m match
	m.try(r.s, strings.TrimSpace(r.c.TimeSeparator), int(byTime), 0)
	m.try(r.s, "-", int(byDash), 0)
	if !r.dotted {
		m.try(r.s, strings.TrimSpace(r.c.DateSeparator), int(byDate), 0)
	}
	m.try(r.s, "/", int(byDate), 0)
	m.try(r.s, ":", int(byTime), 0)
	for _, c := range []*culture.Culture{r.c, invariant} {
		m.try(r.s, c.AM, int(byHalf), am)
		m.try(r.s, c.PM, int(byHalf), pm)
	}
	m.try(r.s, "T", int(byT), 0)
	for _, suffix := range suffixes {
		m.try(r.s, suffix.text, int(bySuffix), suffix.part)
	}
	r.s = r.s[m.length:]
	return separator(m.kind), m.value
}

// skipMarks skips blanks and marks of direction, which cultures that write from
// right to left put into times.
func (r *reader) skipMarks() {
	r.s = strings.TrimLeftFunc(r.s, func(c rune) bool { return unicode.IsSpace(c) || c == '\u200f' })
}

// What a word can be.
const (
	aMonth = iota + 1
	aWeekday
	aHalf
	aZone
	filler // without a meaning
)

// word reads a word or a sign that stands by itself.
func (r *reader) word() (kind, value int) {
	var m match
	own := r.c.TimeSeparator
	for _, sign := range []string{",", "."} {
		if sign != strings.TrimSpace(own) || r.dotted && sign == "." {
			m.try(r.s, sign, filler, 0)
		}
	}
	for _, c := range []*culture.Culture{r.c, invariant} {
		m.try(r.s, c.AM, aHalf, am)
		m.try(r.s, c.PM, aHalf, pm)
		for _, names := range [][]string{c.Months, c.MonthsShort, c.MonthsGenitive, c.MonthsShortGenitive} {
			for i, name := range names {
				m.try(r.s, name, aMonth, i+1)
			}
		}
		for _, names := range [][]string{c.Days, c.DaysShort} {
			for i, name := range names {
				m.try(r.s, name, aWeekday, i)
			}
		}
	}
	m.try(r.s, "GMT", aZone, 0)
	m.try(r.s, "Z", aZone, 0)
	m.try(r.s, r.c.Era, filler, 0)
	m.try(r.s, r.c.EraShort, filler, 0)
	for _, pattern := range []string{r.c.LongDate, r.c.ShortDate, r.c.YearMonth, r.c.MonthDay, r.c.LongTime, r.c.ShortTime} {
		r.quotedWords(&m, pattern)
	}
	r.s = r.s[m.length:]
	return m.kind, m.value
}

// quotedWords tries the words that a pattern of the culture has between quotes, such
// as de: they may stand anywhere.
func (r *reader) quotedWords(m *match, pattern string) {
	if strings.IndexByte(pattern, '\'') < 0 {
		return
	}
	parts := strings.Split(pattern, "'")
	for i := 1; i < len(parts); i += 2 {
		for word := range strings.FieldsSeq(parts[i]) {
			m.try(r.s, word, filler, 0)
			m.try(r.s, strings.TrimSuffix(word, "."), filler, 0)
		}
	}
}

// dotEndsDate tells whether dates of the culture end with a dot, as in Hungarian.
// Where the dot is also what separates their parts, it has no meaning at all then.
func dotEndsDate(c *culture.Culture) bool {
	for _, pattern := range []string{c.LongDate, c.ShortDate} {
		seen, quoted := "", false
		for i := 0; i < len(pattern); {
			letter := pattern[i]
			n := runOf(pattern, i, len(pattern))
			i += n
			switch {
			case letter == '\'':
				quoted = !quoted && n%2 == 1
			case quoted || letter == ' ':
			case letter == 'd' && n > 2:
			case strings.IndexByte("dMy", letter) >= 0:
				if strings.IndexByte(seen, letter) < 0 {
					seen += string(letter)
				}
			case letter == '.' && len(seen) == 3:
				return true
			case len(seen) == 3:
				seen = ""
			}
		}
	}
	return false
}

// order is the order of two or three of the letters y, M and d in a pattern.
type order [3]byte

// The orders that are known.
var (
	orderYMD = order{'y', 'M', 'd'}
	orderMDY = order{'M', 'd', 'y'}
	orderDMY = order{'d', 'M', 'y'}
	orderYDM = order{'y', 'd', 'M'}
	orderMD  = order{'M', 'd'}
	orderDM  = order{'d', 'M'}
	orderYM  = order{'y', 'M'}
	orderMY  = order{'M', 'y'}
)

// orderOf gives the order in which the letters stand in a pattern. ddd and dddd are
// no day of the month.
func orderOf(pattern, letters string) (o order) {
	n, quoted := 0, false
	for i := 0; i < len(pattern); {
		letter := pattern[i]
		length := runOf(pattern, i, len(pattern))
		i += length
		switch {
		case letter == '\'':
			quoted = quoted != (length%2 == 1)
		case quoted || strings.IndexByte(letters, letter) < 0 || letter == 'd' && length > 2:
		case bytes.IndexByte(o[:n], letter) < 0:
			o[n] = letter
			n++
		}
	}
	return o
}
