package value

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

// Reveal returns the compact JSON of v as it is, secrets included. Whoever calls
// it is responsible for where the bytes go.
func Reveal(v Value) []byte { return appendJSON(nil, v, true) }

// AppendText appends the compact JSON of v as expressions see it, secrets included:
// a number that is no integer is a double, with the digits that round-trip and not
// those it was read with.
func AppendText(dst []byte, v Value) []byte { return appendJSON(dst, v, false) }

// JSON returns the compact JSON of v with whatever derives from a secret
// redacted.
func JSON(v Value) []byte { return appendJSON(nil, Redact(v), true) }

// Indent returns redacted JSON with line breaks and two blanks per level, for
// people to read.
func Indent(v Value) []byte { return appendIndented(nil, Redact(v), "\n") }

func appendIndented(dst []byte, v Value, lineBreak string) []byte {
	if v.Len() == 0 {
		return appendJSON(dst, v, true)
	}
	inner := lineBreak + "  "
	brackets := "[]"
	if v.Kind() == KindObject {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, inner...)
		if v.Kind() == KindObject {
			dst = append(AppendQuoted(dst, v.KeyAt(i)), ": "...)
		}
		dst = appendIndented(dst, v.At(i), inner)
	}
	return append(append(dst, lineBreak...), brackets[1])
}

// String returns the redacted compact JSON.
func (v Value) String() string { return string(JSON(v)) }

// GoString returns the redacted compact JSON.
func (v Value) GoString() string { return v.String() }

// Format writes the redacted compact JSON, whatever the verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, v.String()) }

// MarshalJSON returns the redacted compact JSON.
func (v Value) MarshalJSON() ([]byte, error) { return JSON(v), nil }

// MarshalText returns the redacted compact JSON.
func (v Value) MarshalText() ([]byte, error) { return JSON(v), nil }

// MarshalZerologObject writes the redacted value under "value".
func (v Value) MarshalZerologObject(e *zerolog.Event) { e.RawJSON("value", JSON(v)) }

// UnmarshalJSON reads v from a JSON text.
func (v *Value) UnmarshalJSON(data []byte) error {
	parsed, err := Parse(data)
	if err == nil {
		*v = parsed
	}
	return err
}

// appendJSON appends the compact JSON of v; exact numbers keep the digits they were
// read with.
func appendJSON(dst []byte, v Value, exact bool) []byte {
	switch v.Kind() {
	case KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.node().bits != 0)
	case KindString:
		return AppendQuoted(dst, v.node().text())
	case KindArray:
		dst = append(dst, '[')
		for i, item := range v.node().box().items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, item, exact)
		}
		return append(dst, ']')
	case KindObject:
		dst = append(dst, '{')
		for i, item := range v.node().box().items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendQuoted(dst, v.node().box().keys[i]), ':')
			dst = appendJSON(dst, item, exact)
		}
		return append(dst, '}')
	default:
		return appendNumber(dst, v, exact)
	}
}

func appendNumber(dst []byte, v Value, exact bool) []byte {
	n := v.node()
	var text string
	switch f := math.Float64frombits(n.bits); {
	case n.kind == KindInt:
		return strconv.AppendInt(dst, int64(n.bits), 10)
	case n.kind == KindDecimal:
		text = n.more.decimal.Text('f')
	case exact && n.more != nil && n.more.literal != "":
		return append(dst, n.more.literal...)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return AppendQuoted(dst, FloatText(f)) // as Newtonsoft writes them
	default:
		text = FloatText(f)
	}
	dst = append(dst, text...)
	if !strings.ContainsAny(text, ".E") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// FloatText returns a double as .NET prints it: the shortest digits that
// round-trip, fixed or exponential by expressions §6.
func FloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0"
		}
		return "0"
	}
	scientific := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exp, _ := strings.Cut(scientific, "e")
	exponent, _ := strconv.Atoi(exp)
	digits := len(strings.TrimLeft(mantissa, "-"))
	if digits > 1 {
		digits-- // the point
	}
	if exponent > -5 && exponent < max(15, digits) {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	sign := "+"
	if exponent < 0 {
		sign, exponent = "-", -exponent
	}
	return fmt.Sprintf("%sE%s%02d", mantissa, sign, exponent)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string: quotes, backslashes and control
// characters escaped, everything else raw.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		if j := strings.IndexByte("\"\\\b\f\n\r\t", c); j >= 0 {
			dst = append(dst, '\\', `"\bfnrt`[j])
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	if !utf8.ValidString(s) {
		dst = []byte(strings.ToValidUTF8(string(dst), "\ufffd"))
	}
	return append(dst, '"')
}
