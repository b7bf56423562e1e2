package dotnet

import (
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// maxPrecision bounds what a format may ask for.
const maxPrecision = 9999

// number is a decimal number on its way to text: ± 0.d₁d₂d₃… × 10^point.
type number struct {
	negative bool
	digits   string // without zeros in front; "" is zero
	point    int
	isFloat  bool
	float    float64
	isInt    bool
	integer  int64
}

// FormatInt writes an integer in a standard or custom format.
func FormatInt(i int64, format string, c *culture.Culture) (string, error) {
	text := strconv.FormatInt(i, 10)
	digits, negative := strings.CutPrefix(text, "-")
	n := number{negative: negative, digits: strings.TrimLeft(digits, "0"), isInt: true, integer: i}
	n.point = len(n.digits)
	return n.format(format, c)
}

// FormatFloat writes a double in a standard or custom format.
func FormatFloat(f float64, format string, c *culture.Culture) (string, error) {
	switch {
	case math.IsNaN(f):
		return c.NaN, nil
	case math.IsInf(f, 0):
		return strings.Repeat(c.Minus, btoi(f < 0)) + c.Infinity, nil
	}
	return number{negative: math.Signbit(f), isFloat: true, float: f}.format(format, c)
}

// FormatDecimal writes a decimal in a standard or custom format.
func FormatDecimal(d *apd.Decimal, format string, c *culture.Culture) (string, error) {
	digits := strings.TrimLeft(d.Coeff.String(), "0")
	n := number{negative: d.Negative, digits: digits, point: len(digits) + int(d.Exponent)}
	return n.format(format, c)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// format chooses between the standard formats, a letter and a precision, and the
// custom ones.
func (n number) format(format string, c *culture.Culture) (string, error) {
	if format == "" {
		format = "G"
	}
	letter, rest := format[0], format[1:]
	if letter|32 < 'a' || letter|32 > 'z' || len(rest) > 4 || strings.Trim(rest, "0123456789") != "" {
		return n.custom(format, c)
	}
	precision := -1
	if rest != "" {
		precision, _ = strconv.Atoi(rest) // up to four digits
	}
	if precision > maxPrecision {
		return "", ErrFormat
	}
	return n.standard(letter, precision, c)
}

func (n number) standard(letter byte, precision int, c *culture.Culture) (string, error) {
	or := func(fallback int) int {
		if precision < 0 {
			return fallback
		}
		return precision
	}
	switch letter | 32 {
	case 'c':
		r := n.rounded(or(c.CurrencyDigits))
		text := r.fixed(or(c.CurrencyDigits), c.CurrencyDecimal, c.CurrencyGroup, c.GroupSizes)
		return pattern(r.negative, c.CurrencyPositive, c.CurrencyNegative, text, c), nil
	case 'n':
		r := n.rounded(or(c.NumberDigits))
		return pattern(r.negative, "n", c.NumberNegative, r.fixed(or(c.NumberDigits), c.Decimal, c.Group, c.GroupSizes), c), nil
	case 'f':
		r := n.rounded(or(c.NumberDigits))
		return pattern(r.negative, "n", "-n", r.fixed(or(c.NumberDigits), c.Decimal, "", nil), c), nil
	case 'p':
		r := n.rounded(or(c.PercentDigits) + 2)
		r.point += 2
		return pattern(r.negative, c.PercentPositive, c.PercentNegative, r.fixed(or(c.PercentDigits), c.Decimal, c.Group, c.GroupSizes), c), nil
	case 'e':
		return n.exponential(letter, or(6), 3, false, c), nil
	case 'g':
		return n.general(letter, precision, c), nil
	case 'r':
		if !n.isFloat {
			return "", ErrFormat
		}
		return n.general(letter-'R'+'G', -1, c), nil
	case 'd':
		if !n.isInt {
			return "", ErrFormat
		}
		return pattern(n.negative, "n", "-n", strings.Repeat("0", max(or(0)-len(n.digits), 0))+n.whole(or(0)), c), nil
	case 'x':
		if !n.isInt {
			return "", ErrFormat
		}
		text := strconv.FormatUint(uint64(n.integer), 16)
		if letter == 'X' {
			text = strings.ToUpper(text)
		}
		return strings.Repeat("0", max(or(0)-len(text), 0)) + text, nil
	}
	return "", ErrFormat
}

// whole is the digits of an integer; zero has one unless it is padded.
func (n number) whole(width int) string {
	if n.digits == "" && width == 0 {
		return "0"
	}
	return n.digits
}

// rounded returns n with at most places digits behind the point. A double is
// rounded from its exact value, ties to even; all else half away from zero.
func (n number) rounded(places int) number {
	if n.isFloat {
		n.setText(strconv.FormatFloat(math.Abs(n.float), 'e', -1, 64))
		if len(n.digits)-n.point > places {
			n.setText(strconv.FormatFloat(math.Abs(n.float), 'f', places, 64))
		}
	} else {
		n.round(n.point + places)
	}
	n.negative = n.negative && n.digits != ""
	return n
}

// setText takes digits and point from a text such as 12.5 or 1.25e+01.
func (n *number) setText(text string) {
	mantissa, exponent, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	e, _ := strconv.Atoi(exponent) // absent or written by strconv
	n.point = len(whole) + e
	digits := whole + fraction
	trimmed := strings.TrimLeft(digits, "0")
	n.point -= len(digits) - len(trimmed)
	n.digits = strings.TrimRight(trimmed, "0")
	if n.digits == "" {
		n.point = 0
	}
}

// round keeps the first digits, half away from zero.
func (n *number) round(keep int) {
	if keep >= len(n.digits) {
		return
	}
	if keep < 0 || keep == 0 && n.digits[0] < '5' {
		n.digits, n.point = "", 0
		return
	}
	up := n.digits[keep] >= '5'
	kept := []byte(n.digits[:keep])
	for i := keep - 1; up && i >= 0; i-- {
		if kept[i] == '9' {
			kept[i] = '0'
			continue
		}
		kept[i]++
		up = false
	}
	if up {
		kept = append([]byte{'1'}, kept...)
		n.point++
	}
	n.digits = strings.TrimRight(string(kept), "0")
	if n.digits == "" {
		n.point = 0
	}
}

// digit returns the digit at a place counted from the point: 0 is the first behind
// it.
func (n *number) digit(place int) byte {
	if i := n.point + place; i >= 0 && i < len(n.digits) {
		return n.digits[i]
	}
	return '0'
}

// fixed writes the number without its sign, with places digits behind the point
// and groups of digits before it.
func (n *number) fixed(places int, decimal, group string, sizes []int) string {
	whole := make([]byte, 0, max(n.point, 1))
	for i := -max(n.point, 1); i < 0; i++ {
		whole = append(whole, n.digit(i))
	}
	text := grouped(string(whole), group, sizes)
	if places <= 0 {
		return text
	}
	fraction := make([]byte, places)
	for i := range fraction {
		fraction[i] = n.digit(i)
	}
	return text + decimal + string(fraction)
}

// grouped puts separators between groups of digits, counted from the right; the
// last size repeats, and 0 ends grouping.
func grouped(digits, separator string, sizes []int) string {
	if separator == "" || len(sizes) == 0 {
		return digits
	}
	var parts []string
	for i := 0; ; i++ {
		size := sizes[min(i, len(sizes)-1)]
		if size == 0 || size >= len(digits) {
			break
		}
		parts = append(parts, digits[len(digits)-size:])
		digits = digits[:len(digits)-size]
	}
	for i := len(parts) - 1; i >= 0; i-- {
		digits += separator + parts[i]
	}
	return digits
}

// pattern puts the number into a pattern of the culture.
func pattern(negative bool, positive, negativePattern, text string, c *culture.Culture) string {
	p := positive
	if negative {
		p = negativePattern
	}
	var b strings.Builder
	for i := range len(p) {
		switch p[i] {
		case 'n':
			b.WriteString(text)
		case '$':
			b.WriteString(c.CurrencySymbol)
		case '-':
			b.WriteString(c.Minus)
		case '%':
			b.WriteString(c.PercentSign)
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}

// exponential writes d.ddde+XXX; compact leaves out zeros at the end.
func (n number) exponential(letter byte, places, width int, compact bool, c *culture.Culture) string {
	if n.isFloat {
		n.setText(strconv.FormatFloat(math.Abs(n.float), 'e', places, 64))
	} else {
		n.round(places + 1)
	}
	text := "0"
	if n.digits != "" {
		text = n.digits[:1]
	}
	fraction := strings.TrimPrefix(n.digits, text)
	if n.digits != "" {
		fraction = n.digits[1:]
	}
	if !compact {
		fraction += strings.Repeat("0", max(places-len(fraction), 0))
	}
	if fraction != "" {
		text += c.Decimal + fraction
	}
	exponent := 0
	if n.digits != "" {
		exponent = n.point - 1
	}
	text += exponentText(letter, exponent, width, true, c)
	return pattern(n.negative && n.digits != "", "n", "-n", text, c)
}

func exponentText(letter byte, exponent, width int, plus bool, c *culture.Culture) string {
	sign := ""
	if exponent < 0 {
		sign, exponent = c.Minus, -exponent
	} else if plus {
		sign = c.Plus
	}
	return string(letter) + sign + pad(uint64(exponent), width)
}

// general writes as many digits as asked for, or the shortest that round-trip;
// exponential where the number is too long or too small for that.
func (n number) general(letter byte, precision int, c *culture.Culture) string {
	limit := precision
	if n.isFloat {
		n.setText(strconv.FormatFloat(math.Abs(n.float), 'e', -1, 64))
		if precision > 0 && len(n.digits) > precision {
			n.setText(strconv.FormatFloat(math.Abs(n.float), 'e', precision-1, 64))
		}
		if precision <= 0 {
			limit = 15
			if len(n.digits) > limit {
				limit = len(n.digits)
			}
		}
	} else {
		if precision <= 0 {
			limit = max(len(n.digits), n.point, 29)
		}
		n.round(limit)
	}
	e := n.point - 1
	if n.digits == "" {
		e = 0
	}
	if e >= limit || e < -5 {
		n.isFloat = false
		return n.exponential(letter-'G'+'E', len(n.digits), 2, true, c)
	}
	return pattern(n.negative && n.digits != "", "n", "-n", n.fixed(len(n.digits)-n.point, c.Decimal, "", nil), c)
}
