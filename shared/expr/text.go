package expr

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// TextOf converts a value to text as interpolation, concat, join and string do
// (expressions §6).
func TextOf(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	return string(AppendText(nil, v))
}

// AppendText appends the text of a value.
func AppendText(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.KindNull:
		return dst
	case value.KindString:
		return append(dst, v.Str()...)
	case value.KindBool:
		if b, _ := v.AsBool(); b {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case value.KindInt:
		i, _ := v.AsInt()
		return strconv.AppendInt(dst, i, 10)
	case value.KindFloat:
		f, _ := v.AsFloat()
		return append(dst, value.FloatText(f)...)
	case value.KindDecimal:
		d, _ := v.AsDecimal()
		return append(dst, d.Text('f')...)
	case value.KindObject:
		if content, ok := contentBytes(v); ok {
			return append(dst, decodeText(content, v.Member("$content-type").Str())...)
		}
	}
	return value.AppendText(dst, v)
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

// units counts UTF-16 code units.
func units(s string) int {
	n := 0
	for i := range len(s) { // characters that are not ASCII begin with a byte above
		switch c := s[i]; {
		case c < 0x80 || c >= 0xc0 && c < 0xf0:
			n++
		case c >= 0xf0:
			n += 2
		}
	}
	return n
}

// cut returns the part of s between two positions in UTF-16 code units. Half of a
// character, which is no text outside of UTF-16, becomes U+FFFD.
func cut(s string, from, to int) string {
	if from >= to {
		return ""
	}
	if isASCII(s) {
		return s[from:to]
	}
	at, start, end := 0, len(s), len(s)
	var before, behind string
	for i, r := range s {
		width := 1
		if r > 0xffff {
			width = 2
		}
		if start == len(s) && at+width > from {
			if start = i; at < from {
				start, before = i+utf8.RuneLen(r), "\ufffd"
			}
		}
		if at+width > to {
			if end = i; at < to && at >= from {
				behind = "\ufffd"
			}
			break
		}
		at += width
	}
	if before == "" && behind == "" {
		return s[min(start, end):end]
	}
	return before + s[min(start, end):end] + behind
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// compareFolded compares texts in upper case, which it makes only of texts that
// have other characters than ASCII before they differ.
func compareFolded(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return strings.Compare(upper(a), upper(b))
		}
		if x >= 'a' && x <= 'z' {
			x ^= 0x20
		}
		if y >= 'a' && y <= 'z' {
			y ^= 0x20
		}
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
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
	if a.Kind() == value.KindDecimal || b.Kind() == value.KindDecimal {
		x, okX := toDecimal(a)
		y, okY := toDecimal(b)
		if okX && okY {
			return x.Cmp(y)
		}
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
