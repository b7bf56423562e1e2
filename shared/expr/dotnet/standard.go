package dotnet

import (
	"strconv"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// standard writes the number in a standard format; precision is -1 if the format
// has none. False means that there is no such format for the number.
func (n *number) standard(out []byte, letter byte, precision int, c *culture.Culture) ([]byte, bool) {
	places := func(fallback int) int {
		if precision < 0 {
			return fallback
		}
		return precision
	}
	switch letter | 32 {
	case 'c':
		p := places(c.CurrencyDigits)
		n.roundPlaces(p)
		return n.pattern(out, c.CurrencyPositive, c.CurrencyNegative, fixed{p, c.CurrencyDecimal, c.CurrencyGroup, c.GroupSizes}, c), true
	case 'n':
		p := places(c.NumberDigits)
		n.roundPlaces(p)
		return n.pattern(out, "n", c.NumberNegative, fixed{p, c.Decimal, c.Group, c.GroupSizes}, c), true
	case 'f':
		p := places(c.NumberDigits)
		n.roundPlaces(p)
		return n.pattern(out, "n", "-n", fixed{p, c.Decimal, "", nil}, c), true
	case 'p':
		p := places(c.PercentDigits)
		if n.roundPlaces(p + 2); len(n.digits) > 0 {
			n.point += 2
		}
		return n.pattern(out, c.PercentPositive, c.PercentNegative, fixed{p, c.Decimal, c.Group, c.GroupSizes}, c), true
	case 'e':
		return n.exponential(out, letter, places(6), c), true
	case 'g':
		return n.general(out, letter, precision, c), true
	case 'r':
		return n.general(out, letter-'R'+'G', -1, c), n.kind == double
	case 'd':
		return n.padded(out, precision, c), n.kind == integer
	case 'x', 'b':
		return n.bits(out, letter, precision), n.kind == integer
	}
	return nil, false
}

// roundPlaces rounds to so many places behind the point. A double is rounded from
// its exact value, ties to even; all else half away from zero. What becomes zero
// loses its sign (expressions §9).
func (n *number) roundPlaces(places int) {
	if n.kind == double {
		n.expand('f', places)
	} else {
		n.round(n.point + places)
	}
	n.negative = n.negative && len(n.digits) > 0
}

// fixed is how a number is written without an exponent.
type fixed struct {
	places         int
	decimal, group string
	sizes          []int
}

// append writes the number without its sign.
func (f fixed) append(out []byte, n *number) []byte {
	for i := max(n.point, 1); i > 0; i-- {
		out = append(out, n.digit(-i))
		if f.group != "" && groupEnds(i-1, f.sizes) {
			out = append(out, f.group...)
		}
	}
	if f.places > 0 {
		out = append(out, f.decimal...)
		for i := range f.places {
			out = append(out, n.digit(i))
		}
	}
	return out
}

// pattern puts the number into a pattern of the culture.
func (n *number) pattern(out []byte, positive, negative string, f fixed, c *culture.Culture) []byte {
	p := positive
	if n.negative {
		p = negative
	}
	for i := range len(p) {
		switch p[i] {
		case 'n':
			out = f.append(out, n)
		case '$':
			out = append(out, c.CurrencySymbol...)
		case '-':
			out = append(out, c.Minus...)
		case '%':
			out = append(out, c.PercentSign...)
		default:
			out = append(out, p[i])
		}
	}
	return out
}

// exponential writes d.ddde+XXX.
func (n *number) exponential(out []byte, letter byte, places int, c *culture.Culture) []byte {
	if n.kind == double {
		n.expand('e', places)
	} else {
		n.round(places + 1)
	}
	return n.scientific(out, letter, places, 3, c)
}

// scientific writes the digits that the number has, and zeros up to so many places.
func (n *number) scientific(out []byte, letter byte, places, width int, c *culture.Culture) []byte {
	exponent := 0
	if len(n.digits) > 0 {
		exponent = n.point - 1
		if n.negative {
			out = append(out, c.Minus...)
		}
	}
	n.point -= exponent
	out = fixed{places: places, decimal: c.Decimal}.append(out, n)
	return appendExponent(out, letter, exponent, width, true, c)
}

func appendExponent(out []byte, letter byte, exponent, width int, plus bool, c *culture.Culture) []byte {
	out = append(out, letter)
	if exponent < 0 {
		out, exponent = append(out, c.Minus...), -exponent
	} else if plus {
		out = append(out, c.Plus...)
	}
	return appendPadded(out, uint64(exponent), width)
}

// general writes as many digits as asked for, or all; with an exponent where the
// number has more digits before the point than that, or four zeros behind it.
func (n *number) general(out []byte, letter byte, precision int, c *culture.Culture) []byte {
	limit := precision
	switch {
	case n.kind == double && precision > 0:
		n.expand('e', precision-1)
	case n.kind == double:
		n.expand('e', -1) // the shortest digits that round-trip
		limit = max(len(n.digits), 15)
	case n.kind == integer && precision <= 0:
		limit = n.point
	case precision < 0: // of a decimal: with its zeros at the end, never an exponent
		return n.pattern(out, "n", "-n", fixed{places: len(n.digits) - n.point, decimal: c.Decimal}, c)
	case precision == 0:
		limit = len(n.digits)
		n.round(limit)
	default:
		n.round(limit)
	}
	if n.point > limit || n.point < -3 {
		return n.scientific(out, letter-'G'+'E', len(n.digits)-1, 2, c)
	}
	n.negative = n.negative && len(n.digits) > 0
	return n.pattern(out, "n", "-n", fixed{places: len(n.digits) - n.point, decimal: c.Decimal}, c)
}

// padded writes an integer with zeros in front.
func (n *number) padded(out []byte, width int, c *culture.Culture) []byte {
	if n.negative {
		out = append(out, c.Minus...)
	}
	_, absolute := magnitude(n.integer)
	return appendPadded(out, absolute, width)
}

// bits writes an integer in hexadecimal or binary, the negative ones as the 64 bits
// of their two's complement.
func (n *number) bits(out []byte, letter byte, width int) []byte {
	base := 16
	if letter|32 == 'b' {
		base = 2
	}
	var room [64]byte
	digits := strconv.AppendUint(room[:0], uint64(n.integer), base)
	for range width - len(digits) {
		out = append(out, '0')
	}
	for _, d := range digits {
		if letter == 'X' && d >= 'a' {
			d -= 'a' - 'A'
		}
		out = append(out, d)
	}
	return out
}

// appendPadded writes n with at least so many digits.
func appendPadded(out []byte, n uint64, width int) []byte {
	if n < 100 && width == 2 {
		return append(out, byte('0'+n/10), byte('0'+n%10))
	}
	var room [20]byte
	digits := strconv.AppendUint(room[:0], n, 10)
	for range width - len(digits) {
		out = append(out, '0')
	}
	return append(out, digits...)
}
