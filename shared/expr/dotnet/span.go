package dotnet

import (
	"github.com/latchwork/latchwork/shared/expr/culture"
)

// SpanText writes a time span as the standard format c:
// [-][d.]hh:mm:ss[.fffffff].
func SpanText(ticks int64) string {
	return generalSpan(ticks, spanStyle{days: '.', hours: 2, point: ".", fraction: 'c'})
}

func magnitude(ticks int64) (sign string, t uint64) {
	if ticks < 0 {
		return "-", uint64(-(ticks + 1)) + 1
	}
	return "", uint64(ticks)
}

// FormatSpan writes a time span: c, t, T, g, G, or a custom format, in which all
// text must be quoted or escaped.
func FormatSpan(ticks int64, format string, c *culture.Culture) (string, error) {
	switch format {
	case "", "c", "t", "T":
		return SpanText(ticks), nil
	case "g":
		return generalSpan(ticks, spanStyle{days: ':', hours: 1, point: c.Decimal, fraction: 'F'}), nil
	case "G":
		return generalSpan(ticks, spanStyle{days: ':', always: true, hours: 2, point: c.Decimal, fraction: 'f'}), nil
	}
	if len(format) == runeLen(format) {
		return "", ErrFormat
	}
	_, t := magnitude(ticks)
	var room [64]byte
	out := room[:0]
	for i := 0; i < len(format); {
		k, end, err := nextToken(format, i)
		if err != nil || k.plain || k.count > spanWidth(k.letter) {
			return "", ErrFormat
		}
		i = end
		switch k.letter {
		case 0:
			out = append(out, k.literal...)
		case 'd':
			out = appendPadded(out, t/uint64(TicksPerDay), k.count)
		case 'f', 'F':
			out = appendFraction(out, t%uint64(TicksPerSecond), k, false)
		default:
			out = appendPadded(out, spanPart(t, k.letter), k.count)
		}
	}
	return string(out), nil
}

// spanWidth is the most digits that a specifier may ask for.
func spanWidth(letter byte) int {
	switch letter {
	case 'd':
		return 8
	case 'h', 'm', 's':
		return 2
	case 'f', 'F':
		return fractionDigits
	}
	return 0
}

// spanPart returns the hours of the day, or the minutes or seconds.
func spanPart(t uint64, letter byte) uint64 {
	switch letter {
	case 'h':
		return t / uint64(TicksPerHour) % 24
	case 'm':
		return t / uint64(TicksPerMinute) % 60
	}
	return t / uint64(TicksPerSecond) % 60
}

// spanStyle is what the standard formats differ in.
type spanStyle struct {
	days     byte // what separates them from the hours
	always   bool // days are there even when they are none
	hours    int  // digits
	point    string
	fraction byte // f all digits, F without zeros at the end, c all if there are any
}

func generalSpan(ticks int64, style spanStyle) string {
	var room [64]byte
	sign, t := magnitude(ticks)
	out := append(room[:0], sign...)
	if days := t / uint64(TicksPerDay); days > 0 || style.always {
		out = append(appendPadded(out, days, 1), style.days)
	}
	out = append(appendPadded(out, spanPart(t, 'h'), style.hours), ':')
	out = append(appendPadded(out, spanPart(t, 'm'), 2), ':')
	out = appendPadded(out, spanPart(t, 's'), 2)
	fraction := t % uint64(TicksPerSecond)
	if fraction == 0 && style.fraction != 'f' {
		return string(out)
	}
	k := token{letter: style.fraction, count: fractionDigits}
	if k.letter == 'c' {
		k.letter = 'f'
	}
	return string(appendFraction(append(out, style.point...), fraction, k, false))
}
