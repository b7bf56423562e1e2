package dotnet

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ErrFormat means that a format string is not valid.
var ErrFormat = errors.New("the format is not valid")

const roundTrip = "yyyy-MM-ddTHH:mm:ss.fffffffK"

// standardFormats are those of one letter whose expansion is that of the culture,
// or invariant.
func standardFormat(letter byte, c *culture.Culture) (format string, invariant, ok bool) {
	switch letter {
	case 'd':
		return c.ShortDate, false, true
	case 'D':
		return c.LongDate, false, true
	case 'f':
		return c.LongDate + " " + c.ShortTime, false, true
	case 'F', 'U':
		return c.LongDate + " " + c.LongTime, false, true
	case 'g':
		return c.ShortDate + " " + c.ShortTime, false, true
	case 'G':
		return c.ShortDate + " " + c.LongTime, false, true
	case 'm', 'M':
		return c.MonthDay, false, true
	case 'o', 'O':
		return roundTrip, true, true
	case 'r', 'R':
		return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", true, true
	case 's':
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss", true, true
	case 't':
		return c.ShortTime, false, true
	case 'T':
		return c.LongTime, false, true
	case 'u':
		return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", true, true
	case 'y', 'Y':
		return c.YearMonth, false, true
	}
	return "", false, false
}

// expand resolves standard formats; "" is the round-trip format.
func expand(format string, c *culture.Culture) (string, *culture.Culture, error) {
	switch {
	case format == "":
		return roundTrip, culture.Invariant(), nil
	case len(format) > 1:
		return format, c, nil
	}
	expanded, invariant, ok := standardFormat(format[0], c)
	if !ok {
		return "", nil, ErrFormat
	}
	if invariant {
		c = culture.Invariant()
	}
	return expanded, c, nil
}

// Format writes t. The format is a standard one of one letter, or a custom one.
func (t Time) Format(format string, c *culture.Culture) (string, error) {
	if format == "U" {
		t.Kind = UTC
	}
	custom, c, err := expand(format, c)
	if err != nil {
		return "", err
	}
	tokens, err := tokenize(custom)
	if err != nil {
		return "", err
	}
	w := timeWriter{t: t, clock: t.Clock(), c: c, genitive: hasDay(tokens)}
	for _, k := range tokens {
		if err := w.write(k); err != nil {
			return "", err
		}
	}
	return w.b.String(), nil
}

// token is a run of one specifier, or literal text.
type token struct {
	letter  byte // 0 for literal text
	count   int
	literal string
}

const specifiers = "dfFghHKmMstyz:/"

// tokenize splits a custom date format.
func tokenize(format string) ([]token, error) {
	var tokens []token
	literal := func(s string) { tokens = append(tokens, token{literal: s}) }
	for i := 0; i < len(format); {
		switch c := format[i]; {
		case c == '\\':
			if i+1 >= len(format) {
				return nil, ErrFormat
			}
			n := runeLen(format[i+1:])
			literal(format[i+1 : i+1+n])
			i += 1 + n
		case c == '\'' || c == '"':
			text, end, ok := quoted(format, i)
			if !ok {
				return nil, ErrFormat
			}
			literal(text)
			i = end
		case c == '%':
			if i+1 >= len(format) || format[i+1] == '%' {
				return nil, ErrFormat
			}
			i++
		case strings.IndexByte(specifiers, c) >= 0:
			end := i + 1
			for end < len(format) && format[end] == c && c != ':' && c != '/' && c != 'K' {
				end++
			}
			tokens = append(tokens, token{letter: c, count: end - i})
			i = end
		default:
			n := runeLen(format[i:])
			literal(format[i : i+n])
			i += n
		}
	}
	return tokens, nil
}

// quoted reads a quoted literal from i on; inside, a backslash takes the next
// character as it is.
func quoted(format string, i int) (text string, end int, ok bool) {
	var b strings.Builder
	quote := format[i]
	for j := i + 1; j < len(format); j++ {
		switch format[j] {
		case quote:
			return b.String(), j + 1, true
		case '\\':
			if j++; j >= len(format) {
				return "", 0, false
			}
		}
		b.WriteByte(format[j])
	}
	return "", 0, false
}

func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// hasDay: beside a day of the month, months stand in their genitive.
func hasDay(tokens []token) bool {
	for _, k := range tokens {
		if k.letter == 'd' && k.count <= 2 {
			return true
		}
	}
	return false
}

type timeWriter struct {
	b        strings.Builder
	t        Time
	clock    time.Time
	c        *culture.Culture
	genitive bool
}

func (w *timeWriter) number(n, width int) {
	s := strconv.Itoa(n)
	for range width - len(s) {
		w.b.WriteByte('0')
	}
	w.b.WriteString(s)
}

func (w *timeWriter) write(k token) error {
	two := min(k.count, 2)
	switch k.letter {
	case 0:
		w.b.WriteString(k.literal)
	case 'd':
		w.day(k.count)
	case 'M':
		w.month(k.count)
	case 'y':
		w.year(k.count)
	case 'g':
		w.b.WriteString(w.c.Era)
	case 'h':
		w.number((w.clock.Hour()+11)%12+1, two)
	case 'H':
		w.number(w.clock.Hour(), two)
	case 'm':
		w.number(w.clock.Minute(), two)
	case 's':
		w.number(w.clock.Second(), two)
	case 'f', 'F':
		return w.fraction(k)
	case 't':
		half := w.c.AM
		if w.clock.Hour() >= 12 {
			half = w.c.PM
		}
		if k.count == 1 && half != "" {
			half = half[:runeLen(half)]
		}
		w.b.WriteString(half)
	case 'K':
		w.b.WriteString(map[Kind]string{UTC: "Z", Local: "+00:00"}[w.t.Kind])
	case 'z':
		w.b.WriteString([]string{"+0", "+00", "+00:00"}[min(k.count, 3)-1])
	case ':':
		w.b.WriteString(w.c.TimeSeparator)
	case '/':
		w.b.WriteString(w.c.DateSeparator)
	}
	return nil
}

func (w *timeWriter) day(count int) {
	switch {
	case count <= 2:
		w.number(w.clock.Day(), count)
	case count == 3:
		w.b.WriteString(w.c.DaysShort[w.clock.Weekday()])
	default:
		w.b.WriteString(w.c.Days[w.clock.Weekday()])
	}
}

func (w *timeWriter) month(count int) {
	m := int(w.clock.Month())
	switch {
	case count <= 2:
		w.number(m, count)
	case count == 3:
		w.b.WriteString(w.c.MonthsShort[m-1])
	case w.genitive:
		w.b.WriteString(w.c.MonthsGenitive[m-1])
	default:
		w.b.WriteString(w.c.Months[m-1])
	}
}

func (w *timeWriter) year(count int) {
	if count <= 2 {
		w.number(w.clock.Year()%100, count)
		return
	}
	w.number(w.clock.Year(), count)
}

// fraction: f cuts off, F leaves out zeros at the end and, with nothing left, the
// dot before it.
func (w *timeWriter) fraction(k token) error {
	if k.count > 7 {
		return ErrFormat
	}
	digits := strconv.FormatInt(w.t.Ticks%TicksPerSecond+TicksPerSecond, 10)[1 : 1+k.count]
	if k.letter == 'F' {
		digits = strings.TrimRight(digits, "0")
		if so := w.b.String(); digits == "" && strings.HasSuffix(so, ".") {
			w.b.Reset()
			w.b.WriteString(so[:len(so)-1])
		}
	}
	w.b.WriteString(digits)
	return nil
}
