package operation

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// decodeText returns text of a charset as UTF-8. A byte order mark says more than
// the name does and is no part of the text; a name that is not known counts as
// UTF-8 (triggers §11.3).
func decodeText(body []byte, charset string) string {
	e := encodingOf(charset)
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		body, e = body[3:], nil
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		body, e = body[2:], unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		body, e = body[2:], unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	if e != nil {
		if decoded, err := e.NewDecoder().Bytes(body); err == nil {
			body = decoded
		}
	}
	if utf8.Valid(body) {
		return string(body)
	}
	return strings.ToValidUTF8(string(body), "\ufffd")
}

// encodeText returns text in a charset. What the charset cannot say becomes a
// question mark, as in .NET.
func encodeText(text, charset string) []byte {
	e := encodingOf(charset)
	if e == nil {
		return []byte(text)
	}
	if encoded, err := e.NewEncoder().Bytes([]byte(text)); err == nil {
		return encoded
	}
	var b bytes.Buffer
	encoder := e.NewEncoder()
	for _, r := range text {
		if encoded, err := encoder.Bytes([]byte(string(r))); err == nil {
			b.Write(encoded)
		} else {
			b.WriteByte('?')
		}
	}
	return b.Bytes()
}

// encodingOf finds an encoding by its name; nil stands for UTF-8 and for what is
// not known. Windows-1252 is not put in the place of Latin-1, as browsers do.
func encodingOf(charset string) encoding.Encoding {
	name := strings.ToLower(strings.Trim(charset, `"' `))
	switch name {
	case "", "utf-8", "utf8":
		return nil
	case "latin1", "us-ascii", "ascii":
		return charmap.ISO8859_1
	case "utf-16": // .NET's "utf-16" is little endian
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
		return e
	}
	if e, err := htmlindex.Get(name); err == nil && e != unicode.UTF8 && e != encoding.Replacement {
		return e
	}
	return nil
}
