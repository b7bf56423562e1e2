package dotnet

import (
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// maxSpanWidth is the most digits of a day that a format may ask for.
const maxSpanWidth = 8

// SpanText writes a time span as the standard format c:
// [-][d.]hh:mm:ss[.fffffff].
func SpanText(ticks int64) string {
	sign, t := magnitude(ticks)
	text := sign
	if days := t / uint64(TicksPerDay); days > 0 {
		text += strconv.FormatUint(days, 10) + "."
	}
	text += spanPart(t, TicksPerHour, 24, 2) + ":" + spanPart(t, TicksPerMinute, 60, 2) + ":" + spanPart(t, TicksPerSecond, 60, 2)
	if fraction := t % uint64(TicksPerSecond); fraction != 0 {
		text += "." + pad(fraction, 7)
	}
	return text
}

func magnitude(ticks int64) (sign string, t uint64) {
	if ticks < 0 {
		return "-", uint64(-(ticks + 1)) + 1
	}
	return "", uint64(ticks)
}

func spanPart(t uint64, unit int64, of uint64, width int) string {
	return pad(t/uint64(unit)%of, width)
}

func pad(n uint64, width int) string {
	s := strconv.FormatUint(n, 10)
	return strings.Repeat("0", max(width-len(s), 0)) + s
}

// FormatSpan writes a time span: c, t, T, g, G, or a custom format, in which all
// text must be quoted or escaped.
func FormatSpan(ticks int64, format string, c *culture.Culture) (string, error) {
	switch format {
	case "", "c", "t", "T":
		return SpanText(ticks), nil
	case "g", "G":
		return generalSpan(ticks, format == "G", c), nil
	}
	if len(format) == 1 {
		return "", ErrFormat
	}
	tokens, err := tokenizeSpan(format)
	if err != nil {
		return "", err
	}
	_, t := magnitude(ticks)
	var b strings.Builder
	for _, k := range tokens {
		switch k.letter {
		case 0:
			b.WriteString(k.literal)
		case 'd':
			b.WriteString(pad(t/uint64(TicksPerDay), k.count))
		case 'h':
			b.WriteString(spanPart(t, TicksPerHour, 24, k.count))
		case 'm':
			b.WriteString(spanPart(t, TicksPerMinute, 60, k.count))
		case 's':
			b.WriteString(spanPart(t, TicksPerSecond, 60, k.count))
		case 'f', 'F':
			digits := pad(t%uint64(TicksPerSecond), 7)[:k.count]
			if k.letter == 'F' {
				digits = strings.TrimRight(digits, "0")
			}
			b.WriteString(digits)
		}
	}
	return b.String(), nil
}

// tokenizeSpan: unlike dates, time spans take nothing but specifiers and quoted or
// escaped text.
func tokenizeSpan(format string) ([]token, error) {
	tokens, err := tokenize(format)
	if err != nil {
		return nil, err
	}
	most := map[byte]int{'d': maxSpanWidth, 'h': 2, 'm': 2, 's': 2, 'f': 7, 'F': 7}
	for _, k := range tokens {
		if k.letter != 0 && k.count > most[k.letter] {
			return nil, ErrFormat
		}
	}
	for i := 0; i < len(format); i++ {
		switch c := format[i]; {
		case c == '\\':
			i++
		case c == '\'' || c == '"':
			_, end, _ := quoted(format, i)
			i = end - 1
		case c != '%' && most[c] == 0:
			return nil, ErrFormat
		}
	}
	return tokens, nil
}

func generalSpan(ticks int64, long bool, c *culture.Culture) string {
	text, t := magnitude(ticks)
	width := 1
	if long {
		width = 2
	}
	if days := t / uint64(TicksPerDay); days > 0 || long {
		text += strconv.FormatUint(days, 10) + ":"
	}
	text += spanPart(t, TicksPerHour, 24, width) + ":" + spanPart(t, TicksPerMinute, 60, 2) + ":" + spanPart(t, TicksPerSecond, 60, 2)
	digits := pad(t%uint64(TicksPerSecond), 7)
	if !long {
		digits = strings.TrimRight(digits, "0")
	}
	if digits != "" {
		text += c.Decimal + digits
	}
	return text
}

// ParseSpan reads [-]d, [-][d.]hh:mm[:ss[.fffffff]].
func ParseSpan(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	s, negative := strings.CutPrefix(s, "-")
	var days, hours, minutes, seconds, fraction uint64
	parts := strings.Split(s, ":")
	ok := true
	number := func(text string, most uint64) uint64 {
		n, err := strconv.ParseUint(text, 10, 32)
		ok = ok && err == nil && n <= most && text[0] != '+'
		return n
	}
	const mostDays = 10_675_199
	switch len(parts) {
	case 1:
		days = number(parts[0], mostDays)
	case 2, 3:
		first := parts[0]
		if d, rest, found := strings.Cut(first, "."); found {
			days, first = number(d, mostDays), rest
		}
		hours, minutes = number(first, 23), number(parts[1], 59)
		if len(parts) == 3 {
			whole, digits, found := strings.Cut(parts[2], ".")
			seconds = number(whole, 59)
			if found {
				fraction = number((digits + "0000000")[:max(7, len(digits))], 9_999_999)
			}
		}
	default:
		return 0, false
	}
	total := int64(days)*TicksPerDay + int64(hours)*TicksPerHour + int64(minutes)*TicksPerMinute + int64(seconds)*TicksPerSecond + int64(fraction)
	if negative {
		total = -total
	}
	return total, ok
}
