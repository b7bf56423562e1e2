package dotnet

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// Format writes t. The format is a standard one of one letter, or a custom one.
func (t Time) Format(format string, c *culture.Culture) (string, error) {
	var room [64]byte
	switch format {
	case "", "o", "O":
		return string(t.appendRoundTrip(room[:0])), nil
	case "U":
		t.Kind = UTC
	}
	format, c, err := expand(format, c)
	if err != nil {
		return "", err
	}
	w := timeWriter{t: t, c: c, format: format, days: -1, next: -1}
	w.date()
	out := room[:0]
	for i := 0; i < len(format); {
		k, end, err := nextToken(format, i)
		if err != nil || (k.letter == 'f' || k.letter == 'F') && k.count > fractionDigits {
			return "", ErrFormat
		}
		out = w.append(out, k, i, end)
		i = end
	}
	return string(out), nil
}

// appendRoundTrip writes the format o, which most expressions do.
func (t Time) appendRoundTrip(out []byte) []byte {
	w := timeWriter{t: t}
	w.date()
	out = appendPadded(out, uint64(w.year/100), 2)
	out = appendPadded(out, uint64(w.year%100), 2)
	for _, part := range [...]struct {
		before byte
		n      int
	}{{'-', w.month}, {'-', w.day}, {'T', w.hour}, {':', w.minute}, {':', w.second}} {
		out = appendPadded(append(out, part.before), uint64(part.n), 2)
	}
	out = appendPadded(append(out, '.'), uint64(t.Ticks%TicksPerSecond), fractionDigits)
	return append(out, t.Kind.suffix()...)
}

// suffix is what K prints.
func (k Kind) suffix() string {
	switch k {
	case UTC:
		return "Z"
	case Local:
		return "+00:00"
	}
	return ""
}

// fractionDigits is how many digits of a second there are.
const fractionDigits = 7

// timeWriter holds a time taken apart.
type timeWriter struct {
	t                    Time
	c                    *culture.Culture
	year, month, day     int
	weekday              time.Weekday
	hour, minute, second int

	format  string
	scanned int // up to where format was searched for a day
	days    int // how many letters d the last run of them has before that; -1 none
	next    int // where the next run of them begins; len(format) for none, -1 not searched
}

func (w *timeWriter) date() {
	clock := w.t.Clock()
	year, month, day := clock.Date()
	w.year, w.month, w.day, w.weekday = year, int(month), day, clock.Weekday()
	second := int(w.t.Ticks % TicksPerDay / TicksPerSecond)
	w.hour, w.minute, w.second = second/3600, second/60%60, second%60
}

// append writes the token that stands in the format from start to end.
func (w *timeWriter) append(out []byte, k token, start, end int) []byte {
	two := min(k.count, 2)
	switch k.letter {
	case 0:
		return append(out, k.literal...)
	case 'd':
		return w.appendDay(out, k.count)
	case 'M':
		if k.count > 2 {
			return append(out, w.monthName(k.count, start, end)...)
		}
		return appendPadded(out, uint64(w.month), k.count)
	case 'y':
		if k.count > 2 {
			return appendPadded(out, uint64(w.year), k.count)
		}
		return appendPadded(out, uint64(w.year%100), k.count)
	case 'g':
		return append(out, w.c.Era...)
	case 'h':
		return appendPadded(out, uint64((w.hour+11)%12+1), two)
	case 'H':
		return appendPadded(out, uint64(w.hour), two)
	case 'm':
		return appendPadded(out, uint64(w.minute), two)
	case 's':
		return appendPadded(out, uint64(w.second), two)
	case 'f', 'F':
		return appendFraction(out, uint64(w.t.Ticks%TicksPerSecond), k, true)
	case 't':
		return w.appendHalf(out, k.count)
	case 'K':
		return append(out, w.t.Kind.suffix()...)
	case 'z':
		return append(out, []string{"+0", "+00", "+00:00"}[min(k.count, 3)-1]...)
	case ':':
		return append(out, w.c.TimeSeparator...)
	default:
		return append(out, w.c.DateSeparator...)
	}
}

func (w *timeWriter) appendDay(out []byte, count int) []byte {
	switch {
	case count <= 2:
		return appendPadded(out, uint64(w.day), count)
	case count == 3:
		return append(out, w.c.DaysShort[w.weekday]...)
	}
	return append(out, w.c.Days[w.weekday]...)
}

func (w *timeWriter) appendHalf(out []byte, count int) []byte {
	half := w.c.AM
	if w.hour >= 12 {
		half = w.c.PM
	}
	if count == 1 {
		half = half[:runeLen(half)]
	}
	return append(out, half...)
}

func (w *timeWriter) monthName(count, start, end int) string {
	names := w.c.Months
	switch beside := w.besideDay(start, end); {
	case count == 3 && beside:
		names = w.c.MonthsShortGenitive
	case count == 3:
		names = w.c.MonthsShort
	case beside:
		names = w.c.MonthsGenitive
	}
	return names[w.month-1]
}

// besideDay tells whether a month stands beside a day, so that its name is in the
// genitive: the letters d that are nearest before it, or else those nearest behind
// it, are one or two. As in .NET, it makes no difference whether they are quoted.
func (w *timeWriter) besideDay(start, end int) bool {
	for i := w.scanned; i < start; {
		if w.format[i] != 'd' {
			i++
			continue
		}
		w.days = runOf(w.format, i, start)
		i += w.days
	}
	w.scanned = start
	if w.days == 1 || w.days == 2 {
		return true
	}
	if w.next < end {
		if w.next = strings.IndexByte(w.format[end:], 'd'); w.next < 0 {
			w.next = len(w.format)
		} else {
			w.next += end
		}
	}
	return w.next < len(w.format) && runOf(w.format, w.next, len(w.format)) <= 2
}

// runOf counts equal letters from i on.
func runOf(format string, i, end int) int {
	n := 1
	for i+n < end && format[i+n] == format[i] {
		n++
	}
	return n
}

// appendFraction writes the fraction of a second: f cuts off, F leaves out zeros at
// the end and, in dates, with nothing left the dot before it.
func appendFraction(out []byte, ticks uint64, k token, dropDot bool) []byte {
	start := len(out)
	out = appendPadded(out, ticks, fractionDigits)[:start+k.count]
	if k.letter == 'f' {
		return out
	}
	for len(out) > start && out[len(out)-1] == '0' {
		out = out[:len(out)-1]
	}
	if dropDot && len(out) == start && start > 0 && out[start-1] == '.' {
		return out[:start-1]
	}
	return out
}
