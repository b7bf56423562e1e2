package dotnet

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// ErrFormat means that a format string is not valid.
var ErrFormat = errors.New("the format is not valid")

const roundTrip = "yyyy-MM-ddTHH:mm:ss.fffffffK"

var invariant = culture.Invariant()

// expand resolves the standard formats, which are one letter, to custom ones; "" is
// the round-trip format. Some of them do not depend on the culture.
func expand(format string, c *culture.Culture) (string, *culture.Culture, error) {
	if len(format) > 1 {
		if _, size := utf8.DecodeRuneInString(format); size == len(format) && size < 4 {
			return "", nil, ErrFormat // one unit of UTF-16
		}
		return format, c, nil
	}
	switch format {
	case "", "o", "O":
		return roundTrip, invariant, nil
	case "r", "R":
		return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", invariant, nil
	case "s":
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss", invariant, nil
	case "u":
		return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", invariant, nil
	case "d":
		return c.ShortDate, c, nil
	case "D":
		return c.LongDate, c, nil
	case "f":
		return c.LongDate + " " + c.ShortTime, c, nil
	case "F", "U":
		return c.LongDate + " " + c.LongTime, c, nil
	case "g":
		return c.ShortDate + " " + c.ShortTime, c, nil
	case "G":
		return c.ShortDate + " " + c.LongTime, c, nil
	case "m", "M":
		return c.MonthDay, c, nil
	case "t":
		return c.ShortTime, c, nil
	case "T":
		return c.LongTime, c, nil
	case "y", "Y":
		return c.YearMonth, c, nil
	}
	return "", nil, ErrFormat
}

// token is a run of one specifier, or literal text.
type token struct {
	letter  byte // 0 for literal text
	count   int
	literal string
	plain   bool // neither quoted nor escaped
}

// specifiers are the letters and signs that are no text.
var specifiers = func() (set [256]bool) {
	for _, c := range []byte("dfFghHKmMstyz:/") {
		set[c] = true
	}
	return set
}()

// nextToken reads the part of a custom date format that begins at i, which is
// before its end.
func nextToken(format string, i int) (k token, end int, err error) {
	switch c := format[i]; {
	case c == '\\':
		if i+1 >= len(format) {
			return k, 0, ErrFormat
		}
		end = i + 1 + runeLen(format[i+1:])
		return token{literal: format[i+1 : end]}, end, nil
	case c == '\'' || c == '"':
		return quoted(format, i)
	case c == '%': // the next character alone
		if i+1 >= len(format) || format[i+1] == '%' {
			return k, 0, ErrFormat
		}
		end = i + 1 + runeLen(format[i+1:])
		k, _, err = nextToken(format[i+1:end], 0)
		return k, end, err
	case specifiers[c]:
		end = i + 1
		for end < len(format) && format[end] == c && c != ':' && c != '/' && c != 'K' {
			end++
		}
		return token{letter: c, count: end - i}, end, nil
	}
	end = i + runeLen(format[i:])
	return token{literal: format[i:end], plain: true}, end, nil
}

// quoted reads quoted text; inside, a backslash takes the next character as it is.
func quoted(format string, i int) (k token, end int, err error) {
	quote := format[i]
	rest := format[i+1:]
	if n := strings.IndexByte(rest, quote); n >= 0 && strings.IndexByte(rest[:n], '\\') < 0 {
		return token{literal: rest[:n]}, i + n + 2, nil
	}
	var b strings.Builder
	for j := i + 1; j < len(format); j++ {
		switch format[j] {
		case quote:
			return token{literal: b.String()}, j + 1, nil
		case '\\':
			if j++; j >= len(format) {
				return k, 0, ErrFormat
			}
		}
		b.WriteByte(format[j])
	}
	return k, 0, ErrFormat
}

func runeLen(s string) int {
	_, size := utf8.DecodeRuneInString(s)
	return size
}
