package dotnet

import (
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// maxPrecision bounds what a format may ask for. .NET itself goes on to a
// thousand million.
const maxPrecision = 9999

// FormatInt writes an integer in a standard or custom format.
func FormatInt(i int64, format string, c *culture.Culture) (string, error) {
	n := &number{kind: integer, negative: i < 0, integer: i}
	if i != 0 {
		_, absolute := magnitude(i)
		n.digits = strconv.AppendUint(n.room[:0], absolute, 10)
	}
	n.point = len(n.digits)
	return n.format(format, c)
}

// FormatFloat writes a double in a standard or custom format.
func FormatFloat(f float64, format string, c *culture.Culture) (string, error) {
	switch {
	case math.IsNaN(f):
		return c.NaN, nil
	case math.IsInf(f, 1):
		return c.Infinity, nil
	case math.IsInf(f, -1):
		return c.Minus + c.Infinity, nil
	}
	n := &number{kind: double, negative: math.Signbit(f), float: math.Abs(f)}
	return n.format(format, c)
}

// FormatDecimal writes a decimal in a standard or custom format.
func FormatDecimal(d *apd.Decimal, format string, c *culture.Culture) (string, error) {
	n := &number{kind: decimal, negative: d.Negative && !d.IsZero()}
	if !d.IsZero() {
		n.digits = d.Coeff.Append(n.room[:0], 10)
	}
	n.point = len(n.digits) + int(d.Exponent)
	return n.format(format, c)
}

type kind uint8

const (
	integer kind = iota
	double
	decimal
)

// number is a decimal number on its way to text: ± 0.d₁d₂d₃… × 10^point.
type number struct {
	kind     kind
	negative bool
	digits   []byte // without zeros in front; none is zero
	point    int
	float    float64 // of a double, without sign: it has no digits before a format says how many
	integer  int64

	room [32]byte // for digits
	text [64]byte // for what is written, so that most numbers need no memory but this
}

// format chooses between the standard formats, which are a letter and perhaps a
// precision, and the custom ones.
func (n *number) format(format string, c *culture.Culture) (string, error) {
	if format == "" {
		format = "G"
	}
	out := n.text[:0]
	letter, rest := format[0], format[1:]
	if letter|32 < 'a' || letter|32 > 'z' || !allDigits(rest) {
		return string(n.custom(out, format, c)), nil
	}
	precision := -1
	if rest != "" {
		var err error // of digits alone: too large
		if precision, err = strconv.Atoi(rest); err != nil || precision > maxPrecision {
			return "", ErrFormat
		}
	}
	out, ok := n.standard(out, letter, precision, c)
	if !ok {
		return "", ErrFormat
	}
	return string(out), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// expand gives a double its digits, in a format of package strconv: f with so many
// places, e with so many digits behind the first, or the shortest that round-trip.
func (n *number) expand(format byte, precision int) {
	text := strconv.AppendFloat(n.room[:0], n.float, format, precision, 64)
	n.digits, n.point = text[:0], 0
	seenPoint := false
	for i, c := range text {
		if c == 'e' {
			n.point += smallNumber(text[i+1:])
			break
		}
		if c == '.' {
			seenPoint = true
			continue
		}
		if !seenPoint {
			n.point++
		}
		if c == '0' && len(n.digits) == 0 {
			n.point-- // zeros in front are no digits
			continue
		}
		n.digits = append(n.digits, c)
	}
	n.trim()
}

// smallNumber reads a sign and digits.
func smallNumber(text []byte) int {
	n := 0
	for _, c := range text[1:] {
		n = n*10 + int(c-'0')
	}
	if text[0] == '-' {
		return -n
	}
	return n
}

// trim drops zeros at the end.
func (n *number) trim() {
	for len(n.digits) > 0 && n.digits[len(n.digits)-1] == '0' {
		n.digits = n.digits[:len(n.digits)-1]
	}
	if len(n.digits) == 0 {
		n.point = 0
	}
}

// round keeps the first digits, half away from zero, and no zeros at the end.
func (n *number) round(keep int) {
	switch {
	case keep < 0:
		n.digits = nil
	case keep < len(n.digits):
		up := n.digits[keep] >= '5'
		n.digits = n.digits[:keep]
		if up {
			n.increment()
		}
	}
	n.trim()
}

// increment adds one to the last digit.
func (n *number) increment() {
	i := len(n.digits) - 1
	for ; i >= 0 && n.digits[i] == '9'; i-- {
		n.digits[i] = '0'
	}
	if i >= 0 {
		n.digits[i]++
		return
	}
	n.digits = append(n.digits[:0], '1')
	n.point++
}

// digit returns the digit at a place counted from the point: 0 is the first behind
// it.
func (n *number) digit(place int) byte {
	if i := n.point + place; i >= 0 && i < len(n.digits) {
		return n.digits[i]
	}
	return '0'
}

// groupEnds tells whether a group of digits ends where so many digits are to the
// right. The last size repeats, 0 ends grouping.
func groupEnds(right int, sizes []int) bool {
	if right <= 0 || len(sizes) == 0 {
		return false
	}
	for _, size := range sizes[:len(sizes)-1] {
		if right -= size; right <= 0 || size == 0 {
			return right == 0 && size != 0
		}
	}
	last := sizes[len(sizes)-1]
	return last > 0 && right%last == 0
}
