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
	var room [64]byte
	text, ok := plainNumber(room[:0], s, c, true)
	if !ok {
		return special(strings.TrimSpace(s), c)
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange) // too large is infinite
}

// special reads the names of what is no number, or infinite.
func special(s string, c *culture.Culture) (float64, bool) {
	switch {
	case strings.EqualFold(s, c.Infinity):
		return math.Inf(1), true
	case strings.EqualFold(s, c.Minus+c.Infinity):
		return math.Inf(-1), true
	}
	rest, signed := strings.CutPrefix(s, c.Plus)
	if signed && strings.EqualFold(rest, c.Infinity) {
		return math.Inf(1), true
	}
	if !signed {
		if size := minusLength(s, c); size > 0 {
			rest = s[size:]
		}
	}
	return math.NaN(), strings.EqualFold(rest, c.NaN)
}

// maxDecimalText bounds what ParseDecimal calculates with: no decimal is longer,
// apart from zeros and digits that rounding takes away.
const maxDecimalText = 10_000

// ParseDecimal reads a number as decimal.Parse does with the style Number. The
// scale is kept.
func ParseDecimal(s string, c *culture.Culture) (*apd.Decimal, bool) {
	var room [64]byte
	text, ok := plainNumber(room[:0], s, c, false)
	if !ok || len(text) > maxDecimalText {
		return nil, false
	}
	d, _, err := apd.NewFromString(string(text))
	if err != nil {
		return nil, false
	}
	return FitDecimal(d)
}

// plainNumber reads the signs, groups and decimal separator of a culture and
// appends the number as Go writes it. Groups of any size may stand anywhere before
// the decimal separator. One sign may stand right before the number or, with blanks
// between, behind it and its exponent.
func plainNumber(out []byte, s string, c *culture.Culture, exponents bool) ([]byte, bool) {
	s = strings.TrimLeft(s, blanks)
	size, negative, signed := sign(s, c)
	s = s[size:]
	if signed && c.NumberNegative == "- n" {
		s = strings.TrimLeft(s, blanks)
	}
	out = append(out, '+')
	digits, decimal := 0, false
	for s != "" {
		size := 1
		if s[0] >= '0' && s[0] <= '9' {
			out = append(out, s[0])
			digits++
		} else if size = prefixBlank(s, c.Decimal); size > 0 && !decimal {
			out = append(out, '.')
			decimal = true
		} else if size = prefixBlank(s, c.Group); size == 0 || digits == 0 || decimal {
			break
		}
		s = s[size:]
	}
	if digits == 0 {
		return nil, false
	}
	if exponents && s != "" && s[0]|32 == 'e' {
		var ok bool
		if out, s, ok = exponent(out, s, c); !ok {
			return nil, false
		}
	}
	s = strings.TrimLeft(s, blanks)
	if !signed {
		size, negative, _ = sign(s, c)
		s = strings.TrimLeft(s[size:], blanks)
	}
	if negative {
		out[0] = '-'
	}
	return out, s == ""
}

const blanks = "\t\n\v\f\r "

// sign reads a sign of the culture.
func sign(s string, c *culture.Culture) (size int, negative, ok bool) {
	if c.Plus != "" && strings.HasPrefix(s, c.Plus) {
		return len(c.Plus), false, true
	}
	size = minusLength(s, c)
	return size, size > 0, size > 0
}

// minusLength reads a minus. A hyphen will do for any other sign.
func minusLength(s string, c *culture.Culture) int {
	switch {
	case c.Minus != "" && strings.HasPrefix(s, c.Minus):
		return len(c.Minus)
	case strings.HasPrefix(s, "-"):
		return 1
	}
	return 0
}

// prefixBlank returns the length of a separator at the start of s. Where the
// separator is a blank of some kind any of them will do, since keyboards have one
// only and the data of cultures changed from one to the other.
func prefixBlank(s, separator string) int {
	if separator == "" {
		return 0
	}
	if strings.HasPrefix(s, separator) {
		return len(separator)
	}
	if separator == "\u00a0" || separator == "\u202f" {
		for _, blank := range []string{" ", "\u00a0", "\u202f"} {
			if strings.HasPrefix(s, blank) {
				return len(blank)
			}
		}
	}
	return 0
}

// exponent appends an exponent and returns what is behind it.
func exponent(out []byte, s string, c *culture.Culture) (text []byte, rest string, ok bool) {
	size, negative, _ := sign(s[1:], c)
	s = s[1+size:]
	out = append(out, 'e')
	if negative {
		out = append(out, '-')
	}
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return append(out, s[:n]...), s[n:], n > 0
}
