package expr

import (
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// TextOf converts a value to text as interpolation, concat, join and string do
// (expressions §6).
func TextOf(v value.Value) string {
	switch v.Kind() {
	case value.KindNull:
		return ""
	case value.KindString:
		return v.Str()
	case value.KindBool:
		if b, _ := v.AsBool(); b {
			return "True"
		}
		return "False"
	case value.KindFloat:
		f, _ := v.AsFloat()
		return value.FloatText(f)
	case value.KindObject:
		if content, ok := contentBytes(v); ok {
			return decodeText(content, v.Member("$content-type").Str())
		}
	}
	return string(value.Reveal(v))
}

// contentBytes returns the bytes of a content object.
func contentBytes(v value.Value) ([]byte, bool) {
	if !v.Has("$content") || !v.Has("$content-type") {
		return nil, false
	}
	data, err := decodeBase64(v.Member("$content").Str())
	return data, err == nil
}

// decodeBase64 reads base64 as .NET does: blanks are ignored, padding is needed.
func decodeBase64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s))
}

// decodeText reads bytes by the charset of a content type; UTF-8 unless said
// otherwise.
func decodeText(data []byte, contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	switch strings.ToLower(params["charset"]) {
	case "iso-8859-1", "latin1", "us-ascii":
		runes := make([]rune, len(data))
		for i, b := range data {
			runes[i] = rune(b)
		}
		return string(runes)
	}
	return strings.ToValidUTF8(string(data), "\ufffd")
}

// units counts UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// cut returns the part of s between two positions in UTF-16 code units.
func cut(s string, from, to int) string {
	if utf8.RuneCountInString(s) == len(s) { // ASCII
		return s[from:to]
	}
	at, start, end := 0, len(s), len(s)
	for i, r := range s {
		if at >= from && start == len(s) {
			start = i
		}
		if at >= to {
			end = i
			break
		}
		at++
		if r > 0xffff {
			at++
		}
	}
	if from >= at && start == len(s) {
		start = len(s)
	}
	return s[min(start, end):end]
}

// Equal compares as equals() does (expressions §7).
func Equal(a, b value.Value) bool {
	ka, kb := a.Kind(), b.Kind()
	if isNumber(ka) && isNumber(kb) {
		return compareNumbers(a, b) == 0
	}
	if ka != kb {
		return false
	}
	switch ka {
	case value.KindNull:
		return true
	case value.KindBool:
		x, _ := a.AsBool()
		y, _ := b.AsBool()
		return x == y
	case value.KindString:
		return a.Str() == b.Str()
	case value.KindArray:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !Equal(a.At(i), b.At(i)) {
				return false
			}
		}
		return true
	default:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			j := exactKey(b, a.KeyAt(i))
			if j < 0 || !Equal(a.At(i), b.At(j)) {
				return false
			}
		}
		return true
	}
}

func exactKey(v value.Value, key string) int {
	if i := v.Find(key); i >= 0 && v.KeyAt(i) == key {
		return i
	}
	return -1
}

func isNumber(k value.Kind) bool {
	return k == value.KindInt || k == value.KindFloat || k == value.KindDecimal
}

func compareNumbers(a, b value.Value) int {
	x, okX := a.AsInt()
	y, okY := b.AsInt()
	if okX && okY {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	f, g := toFloat(a), toFloat(b)
	switch {
	case f < g:
		return -1
	case f > g:
		return 1
	case f == g:
		return 0
	}
	return 2 // not a number
}

func toFloat(v value.Value) float64 {
	switch v.Kind() {
	case value.KindInt:
		i, _ := v.AsInt()
		return float64(i)
	case value.KindDecimal:
		d, _ := v.AsDecimal()
		f, _ := d.Float64()
		return f
	default:
		f, _ := v.AsFloat()
		return f
	}
}
