package expr

import (
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// charsets are those that .NET reads without further packages, and the one that
// old services on Windows send.
var charsets = map[string]encoding.Encoding{
	"utf-16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "unicode": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-32": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "utf-32be": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	"iso-8859-1": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252,
}

// decodeText reads bytes by the charset of a content type; UTF-8 unless it names
// another that is known.
func decodeText(data []byte, contentType string) string {
	_, parameters, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(parameters["charset"])
	switch {
	case err != nil, charset == "":
	case charset == "us-ascii" || charset == "ascii":
		return asciiText(data)
	case charsets[charset] != nil:
		if decoded, err := charsets[charset].NewDecoder().Bytes(data); err == nil {
			return validUTF8(decoded)
		}
	}
	return validUTF8(data)
}

// asciiText reads ASCII: what is not becomes a question mark.
func asciiText(data []byte) string {
	b := make([]byte, len(data))
	for i, c := range data {
		if b[i] = c; c >= utf8.RuneSelf {
			b[i] = '?'
		}
	}
	return string(b)
}

// validUTF8 replaces each part that is no UTF-8, taken as long as it could have
// begun a character, by U+FFFD.
func validUTF8(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	b.Grow(len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(data)
		}
		b.WriteRune(r)
		data = data[size:]
	}
	return b.String()
}

// brokenLength is the length of a character that breaks off: of the longest
// beginning that more bytes could have completed.
func brokenLength(data []byte) int {
	n := 1
	for n < len(data) && n < utf8.UTFMax-1 && !utf8.FullRune(data[:n+1]) {
		n++
	}
	return n
}
