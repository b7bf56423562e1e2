package operation

import (
	"errors"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

const formContent = "application/x-www-form-urlencoded"

// maxPairs bounds what a form is taken apart into: each pair costs far more than
// the one byte it may consist of. A form with more keeps its bytes and is shown
// without $formdata.
const maxPairs = 100_000

// formPairs splits a form as it stands: empty pieces stay, the first = separates
// (triggers §11.3). It gives up on a form of too many pieces.
func formPairs(body []byte, charset string) (value.Value, bool) {
	text := string(body)
	if text == "" {
		return value.Array(), true
	}
	n := strings.Count(text, "&") + 1
	if n > maxPairs {
		return value.Value{}, false
	}
	pairs := make([]value.Value, 0, n)
	for piece := range strings.SplitSeq(text, "&") {
		k, v, _ := strings.Cut(piece, "=")
		pairs = append(pairs, value.Object(
			value.Member{Key: "key", Value: value.String(unescapeForm(k, charset))},
			value.Member{Key: "value", Value: value.String(unescapeForm(v, charset))}))
	}
	return value.Array(pairs...), true
}

// unescapeForm reads + and %XX; a % that begins no such pair stands for itself.
func unescapeForm(s, charset string) string {
	if !strings.ContainsAny(s, "+%") {
		return decodeText([]byte(s), charset)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case isEscape(s, i):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return decodeText(b, charset)
}

// isEscape tells whether %XX stands at i.
func isEscape(s string, i int) bool {
	return s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

var errForm = errors.New("the '$formdata' of the body is not an array of objects with 'key' and 'value'")

func encodeForm(pairs value.Value) ([]byte, error) {
	if pairs.Kind() != value.KindArray {
		return nil, errForm
	}
	var b strings.Builder
	for i, p := range pairs.Elements {
		if !p.Has("key") {
			return nil, errForm
		}
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(plainText(p.Member("key"))) + "=" + url.QueryEscape(plainText(p.Member("value"))))
	}
	return []byte(b.String()), nil
}
