package value

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func (p *parser) number() Value {
	start := p.at
	if p.data[p.at] == '-' {
		p.at++
	}
	first := p.at
	digits := func() bool {
		from := p.at
		for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
			p.at++
		}
		return p.at > from
	}
	if !digits() {
		return p.fail("expected a digit and found %s", p.char())
	}
	if p.data[first] == '0' && p.at > first+1 {
		p.at = first
		return p.fail("a number must not begin with 0")
	}
	whole := true
	if p.at < len(p.data) && p.data[p.at] == '.' {
		whole = false
		p.at++
		if !digits() {
			return p.fail("expected a digit and found %s", p.char())
		}
	}
	if p.at < len(p.data) && (p.data[p.at] == 'e' || p.data[p.at] == 'E') {
		whole = false
		p.at++
		if p.at < len(p.data) && (p.data[p.at] == '+' || p.data[p.at] == '-') {
			p.at++
		}
		if !digits() {
			return p.fail("expected a digit and found %s", p.char())
		}
	}
	text := p.data[start:p.at]
	if whole {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			if i >= smallest && i <= largest {
				return Int(i)
			}
			return p.newNode(node{kind: KindInt, bits: uint64(i)})
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		p.at = start
		return p.fail("the number is out of range")
	}
	n := node{kind: KindFloat, bits: math.Float64bits(f)}
	if significant(text) > 17 {
		n.more = &more{literal: text} // more digits than a double holds: written back as they came
	}
	return p.newNode(n)
}

// significant counts the digits of a number literal before its exponent.
func significant(literal string) int {
	n := 0
	for _, c := range strings.TrimLeft(literal, "-0.") {
		if c == 'e' || c == 'E' {
			break
		}
		if c != '.' {
			n++
		}
	}
	return n
}

func (p *parser) str() (string, bool) {
	p.at++
	start := p.at
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			s := p.data[start:p.at]
			p.at++
			return s, true
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return p.strSlow(start)
		}
		p.at++
	}
	p.fail("string without end")
	return "", false
}

func (p *parser) strSlow(start int) (string, bool) {
	buf := append(make([]byte, 0, p.at-start+32), p.data[start:p.at]...)
	for p.at < len(p.data) {
		c := p.data[p.at]
		switch {
		case c == '"':
			p.at++
			return string(buf), true
		case c == '\\':
			var ok bool
			if buf, ok = p.escape(buf); !ok {
				return "", false
			}
		case c < ' ' && !p.document:
			p.fail("control character in a string")
			return "", false
		case c < utf8.RuneSelf:
			buf = append(buf, c)
			p.at++
		default:
			r, size := utf8.DecodeRuneInString(p.data[p.at:])
			buf = utf8.AppendRune(buf, r)
			p.at += size
		}
	}
	p.fail("string without end")
	return "", false
}

func (p *parser) escape(buf []byte) ([]byte, bool) {
	p.at++
	if p.at >= len(p.data) {
		p.fail("string without end")
		return nil, false
	}
	c := p.data[p.at]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.at++
		return append(buf, "\"\\/\b\f\n\r\t"[i]), true
	}
	r, ok := p.hex4()
	if !ok {
		p.fail("invalid escape in a string")
		return nil, false
	}
	if utf16.IsSurrogate(r) {
		low, paired := rune(0), false
		if mark := p.at; p.at < len(p.data) && p.data[p.at] == '\\' {
			p.at++
			if low, paired = p.hex4(); !paired || utf16.DecodeRune(r, low) == utf8.RuneError {
				p.at, paired = mark, false
			}
		}
		if paired {
			r = utf16.DecodeRune(r, low)
		} else {
			r = utf8.RuneError
		}
	}
	return utf8.AppendRune(buf, r), true
}

func (p *parser) hex4() (rune, bool) {
	if p.at+5 > len(p.data) || p.data[p.at] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(p.data[p.at+1:p.at+5], 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 5
	return rune(u), true
}
