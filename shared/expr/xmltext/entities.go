package xmltext

import (
	"strconv"
	"strings"
)

var encodeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// EncodeText writes & < > " ' as entities.
func EncodeText(s string) string { return encodeText.Replace(s) }

// DecodeText resolves the five entities of XML and numeric references. An
// ampersand that begins neither is an error, as in a document.
func DecodeText(s string) (string, error) {
	if strings.IndexByte(s, '&') < 0 {
		return s, nil
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		r, size, err := reference(s[i:])
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		s = s[i+size:]
	}
}

const (
	errEntity    failure = "An error occurred while parsing EntityName."
	errUndefined failure = "Reference to undeclared entity."
	errCharRef   failure = "Invalid character in a character reference."
)

// reference reads the reference that s begins with.
func reference(s string) (r rune, size int, err error) {
	// No legal reference is longer than leading zeros make it; the bound keeps a
	// text of ampersands from being searched to its end each time.
	end := strings.IndexByte(s[:min(len(s), 64)], ';')
	if end < 2 {
		return 0, 0, errEntity
	}
	name := s[1:end]
	if name[0] != '#' {
		switch name {
		case "amp":
			r = '&'
		case "lt":
			r = '<'
		case "gt":
			r = '>'
		case "quot":
			r = '"'
		case "apos":
			r = '\''
		default:
			if !isNCName(name) {
				return 0, 0, errEntity
			}
			return 0, 0, errUndefined
		}
		return r, end + 1, nil
	}
	digits, base := name[1:], 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil || code > 0x10FFFF || !isChar(rune(code)) {
		return 0, 0, errCharRef
	}
	return rune(code), end + 1, nil
}
