package dotnet

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ParseFloat reads a number as double.Parse does with the styles Float,
// AllowThousands and AllowTrailingSign.
func ParseFloat(s string, c *culture.Culture) (float64, bool) {
	s = strings.Trim(s, blanks)
	switch {
	case strings.EqualFold(s, c.NaN) || strings.EqualFold(s, "NaN"):
		return math.NaN(), true
	case strings.EqualFold(s, c.Infinity):
		return math.Inf(1), true
	case strings.EqualFold(s, c.Minus+c.Infinity):
		return math.Inf(-1), true
	}
	text, ok := plainNumber(s, c, true)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange) // too large is infinite
}

// ParseDecimal reads a number as decimal.Parse does with the style Number. The
// scale is kept.
func ParseDecimal(s string, c *culture.Culture) (*apd.Decimal, bool) {
	text, ok := plainNumber(strings.Trim(s, blanks), c, false)
	if !ok || len(text) > 10_000 {
		return nil, false
	}
	d, _, err := apd.NewFromString(text)
	if err != nil {
		return nil, false
	}
	return FitDecimal(d)
}

const blanks = "\t\n\v\f\r "

// plainNumber takes signs, groups and the decimal separator of a culture apart and
// writes the number as a program would. Groups may stand anywhere before the
// decimal separator.
func plainNumber(s string, c *culture.Culture, exponents bool) (string, bool) {
	var b strings.Builder
	sign, found := leadingSign(&s, c)
	if !found {
		s, sign, _ = trailingSign(s, c)
	}
	b.WriteString(sign)
	digits, decimal := 0, false
	for s != "" {
		switch {
		case s[0] >= '0' && s[0] <= '9':
			b.WriteByte(s[0])
			digits++
			s = s[1:]
		case !decimal && strings.HasPrefix(s, c.Decimal):
			b.WriteByte('.')
			decimal = true
			s = s[len(c.Decimal):]
		case !decimal && digits > 0 && groupLength(s, c.Group) > 0:
			s = s[groupLength(s, c.Group):]
		case exponents && digits > 0 && (s[0] == 'e' || s[0] == 'E'):
			text, rest, ok := exponentOf(s, c)
			if !ok {
				return "", false
			}
			b.WriteString(text)
			s = rest
			if s != "" {
				if _, ok := leadingSign(&s, c); ok || s != "" {
					return "", false
				}
			}
		default:
			return "", false
		}
	}
	return b.String(), digits > 0
}

func leadingSign(s *string, c *culture.Culture) (string, bool) {
	for _, sign := range []struct{ text, plain string }{{c.Minus, "-"}, {"-", "-"}, {"−", "-"}, {c.Plus, ""}, {"+", ""}} {
		if rest, ok := strings.CutPrefix(*s, sign.text); ok && sign.text != "" {
			*s = rest
			return sign.plain, true
		}
	}
	return "", false
}

func trailingSign(s string, c *culture.Culture) (rest, sign string, ok bool) {
	for _, sign := range []struct{ text, plain string }{{c.Minus, "-"}, {"-", "-"}, {"−", "-"}, {c.Plus, ""}, {"+", ""}} {
		if rest, ok := strings.CutSuffix(s, sign.text); ok && sign.text != "" {
			return strings.TrimRight(rest, blanks), sign.plain, true
		}
	}
	return s, "", false
}

// groupLength: where groups are blanks of some kind, any blank will do.
func groupLength(s, group string) int {
	if group != "" && strings.HasPrefix(s, group) {
		return len(group)
	}
	if group == "\u00a0" || group == "\u202f" {
		for _, blank := range []string{" ", "\u00a0", "\u202f"} {
			if strings.HasPrefix(s, blank) {
				return len(blank)
			}
		}
	}
	return 0
}

func exponentOf(s string, c *culture.Culture) (text, rest string, ok bool) {
	rest = s[1:]
	sign, _ := leadingSign(&rest, c)
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == 0 {
		return "", "", false
	}
	digits := strings.TrimLeft(rest[:n], "0")
	if len(digits) > 5 { // beyond any double: infinite or zero
		digits = "99999"
	}
	return "e" + sign + "0" + digits, rest[n:], true
}
