package xmltext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

func isNameStart(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
	}
	return unicode.Is(nameStart, r)
}

func isNameChar(r rune) bool {
	if r < utf8.RuneSelf {
		return isNameStart(r) || r >= '0' && r <= '9' || r == '-' || r == '.'
	}
	return unicode.Is(nameStart, r) || unicode.Is(nameRest, r)
}

// isChar tells whether XML allows a character at all.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

const space = " \t\n\r"

// isNCName tells whether s is a name without a colon.
func isNCName(s string) bool {
	for i, r := range s {
		if i == 0 && !isNameStart(r) || i > 0 && !isNameChar(r) {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// EncodeName returns a local name in which what XML does not allow there is
// written _xHHHH_, as XmlConvert.EncodeLocalName does. An underscore that begins
// such a sequence in s is encoded itself, so that DecodeName is the way back.
func EncodeName(s string) string { return encodeName(s, false) }

// encodeName leaves colons alone if asked, as XmlConvert.EncodeName does.
func encodeName(s string, colons bool) string {
	var b strings.Builder
	for i, r := range s {
		legal := isNameChar(r)
		if i == 0 {
			legal = isNameStart(r)
		}
		switch {
		case r == '_' && encodedLength(s[i:]) > 0:
			b.WriteString("_x005F_")
		case legal || colons && r == ':':
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, "_x%08X_", r)
		default:
			fmt.Fprintf(&b, "_x%04X_", r)
		}
	}
	return b.String()
}

// encodedLength returns the length of the sequence _xHHHH_ or _xHHHHHHHH_ that s
// begins with, or 0.
func encodedLength(s string) int {
	if len(s) < 7 || s[0] != '_' || s[1] != 'x' && s[1] != 'X' {
		return 0
	}
	digits := 0
	for digits < 8 && 2+digits < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[2+digits]) >= 0 {
		digits++
	}
	for _, n := range []int{4, 8} {
		if digits >= n && 2+n < len(s) && s[2+n] == '_' {
			return n + 3
		}
	}
	return 0
}

// DecodeName resolves _xHHHH_ in a name, as XmlConvert.DecodeName does.
func DecodeName(s string) string {
	if !strings.Contains(s, "_x") && !strings.Contains(s, "_X") {
		return s
	}
	var units []uint16 // a character may be written as two halves
	for len(s) > 0 {
		n := encodedLength(s)
		if n > 0 {
			if code, _ := strconv.ParseUint(s[2:n-1], 16, 32); code <= 0x10FFFF {
				units = appendUnits(units, rune(code))
				s = s[n:]
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(s)
		if n > 0 { // not a character: the product leaves the whole sequence alone
			size = n
			for _, r := range s[:n] {
				units = append(units, uint16(r))
			}
		} else {
			units = utf16.AppendRune(units, r)
		}
		s = s[size:]
	}
	return string(utf16.Decode(units))
}

// appendUnits appends halves of characters too, which utf16.AppendRune refuses.
func appendUnits(units []uint16, r rune) []uint16 {
	if r <= 0xFFFF {
		return append(units, uint16(r))
	}
	return utf16.AppendRune(units, r)
}
