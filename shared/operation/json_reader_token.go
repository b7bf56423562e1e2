package operation

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// literals are the words that may stand for a value.
var literals = []struct {
	first, word, name string
	value             value.Value
}{
	{"t", "true", "boolean", value.Bool(true)},
	{"f", "false", "boolean", value.Bool(false)},
	{"nu", "null", "null", value.Null()},
	{"u", "undefined", "undefined", value.Null()},
	{"N", "NaN", "NaN", value.Float(math.NaN())},
	{"I", "Infinity", "Infinity", value.Float(math.Inf(1))},
	{"-I", "-Infinity", "-Infinity", value.Float(math.Inf(-1))},
}

// separates tells whether a number or word may end before c.
func separates(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune(",}])/", c) }

func (r *jsonReader) literal(word, name string) error {
	r.started = true
	if r.at+len(word) > len(r.text) {
		r.at = len(r.text)
		return r.fail("Unexpected end when reading JSON.")
	}
	for i := range len(word) {
		if r.text[r.at] != word[i] {
			return r.fail("Error parsing %s value.", name)
		}
		r.at++
	}
	if !r.ended() && !separates(r.next()) {
		return r.fail("Error parsing %s value.", name)
	}
	r.counted()
	return nil
}

// longestQuote is how much of a wrong number a message shows. A text that is no
// JSON may be a key in hexadecimal digits, and the message is shown where the text
// is hidden.
const longestQuote = 16

func (r *jsonReader) number() (value.Value, error) {
	r.started = true
	start := r.at
	for !r.ended() && strings.IndexByte("-+.0123456789abcdefABCDEFxX", r.text[r.at]) >= 0 {
		r.at++
	}
	if !r.ended() && !separates(r.next()) {
		return value.Value{}, r.fail("Unexpected character encountered while parsing number: %c.", r.next())
	}
	text := r.text[start:r.at]
	r.counted()
	v, ok := convertNumber(text)
	if !ok {
		if len(text) > longestQuote {
			text = text[:1] + "…"
		}
		return v, r.fail("Input string '%s' is not a valid number.", text)
	}
	return v, nil
}

// convertNumber: a 0 in front makes a number octal, 0x hexadecimal; with a point or
// exponent it is a double, which may be infinite.
func convertNumber(text string) (value.Value, bool) {
	if len(text) > 1 && text[0] == '0' && strings.IndexByte(".eE", text[1]) < 0 {
		digits, base := text[1:], 8
		if text[1] == 'x' || text[1] == 'X' {
			digits, base = text[2:], 16
		}
		n, err := strconv.ParseUint(digits, base, 64)
		return value.Int(int64(n)), err == nil && digits[0] != '+'
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return value.Int(n), text[0] != '+'
	}
	if strings.ContainsAny(text, "xX") || text[0] == '+' || strings.IndexByte("0123456789.", text[len(text)-1]) < 0 {
		return value.Value{}, false
	}
	if v, err := value.Parse([]byte(text)); err == nil {
		return v, true // keeps the digits that a double does not
	}
	f, err := strconv.ParseFloat(text, 64)
	return value.Float(f), err == nil || math.IsInf(f, 0)
}

func (r *jsonReader) str(quote byte) (string, error) {
	r.started = true
	var b strings.Builder
	for r.at++; !r.ended(); {
		switch c := r.text[r.at]; c {
		case quote:
			r.at++
			return b.String(), nil
		case '\\':
			if err := r.escape(&b, quote); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
			if r.at++; c == '\n' {
				r.newLine()
			}
		}
	}
	return "", r.fail("Unterminated string. Expected delimiter: %c.", quote)
}

func (r *jsonReader) escape(b *strings.Builder, quote byte) error {
	if r.at++; r.ended() {
		return r.fail("Unterminated string. Expected delimiter: %c.", quote)
	}
	c := r.next()
	r.at += utf8.RuneLen(c)
	if i := strings.IndexRune(`"'\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"'\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		return r.fail("Bad JSON escape sequence: \\%c.", c)
	}
	unit, err := r.hex()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(unit) { // half a character; a Go string has no place for one that stays alone
		low, mark := rune(0), r.at
		if strings.HasPrefix(r.text[r.at:], `\u`) {
			r.at += 2
			if low, err = r.hex(); err != nil {
				return err
			}
		}
		if unit = utf16.DecodeRune(unit, low); unit == utf8.RuneError {
			r.at = mark
		}
	}
	b.WriteRune(unit)
	return nil
}

// hex reads the four digits behind \u.
func (r *jsonReader) hex() (rune, error) {
	if r.at+4 > len(r.text) {
		r.at = len(r.text)
		return 0, r.fail("Unexpected end while parsing Unicode escape sequence.")
	}
	digits := r.text[r.at : r.at+4]
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || digits[0] == '+' {
		return 0, r.fail("Invalid Unicode escape sequence: \\u%s.", digits)
	}
	r.at += 4
	return rune(n), nil
}
