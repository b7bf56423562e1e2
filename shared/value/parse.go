package value

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest in a text.
const MaxDepth = 512

// SyntaxError tells where a text stops being JSON. It quotes nothing of the
// text except single characters.
type SyntaxError struct {
	Offset       int // bytes from the start
	Line, Column int // from 1; columns count characters
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at line %d, column %d", e.Message, e.Line, e.Column)
}

// Parse reads one JSON text. A byte order mark is passed over; of a repeated
// key the last value counts and stands last.
func Parse(data []byte) (Value, error) {
	v, _, err := parse(data, false)
	return v, err
}

// ParseDocument reads JSON as people write it in templates: // and /* */
// comments count as blanks. It also returns the path of each repeated key, of
// which Parse keeps the last value.
func ParseDocument(data []byte) (Value, []*Path, error) { return parse(data, true) }

func parse(data []byte, document bool) (Value, []*Path, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	p := &parser{data: data, document: document}
	p.blanks()
	v := p.value(nil, 0)
	if p.err == nil {
		p.blanks()
		if p.at < len(data) {
			p.fail("unexpected %s after the end of the JSON text", p.char())
		}
	}
	if p.err != nil {
		return Value{}, nil, p.err
	}
	return v, p.repeated, nil
}

type parser struct {
	data     []byte
	at       int
	document bool
	err      error
	repeated []*Path
	interned map[string]string
}

func (p *parser) fail(format string, args ...any) Value {
	if p.err == nil {
		line, column := Position(p.data, p.at)
		p.err = &SyntaxError{Offset: p.at, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	}
	p.at = len(p.data)
	return Value{}
}

func (p *parser) char() string {
	if p.at >= len(p.data) {
		return "end of text"
	}
	r, _ := utf8.DecodeRune(p.data[p.at:])
	return strconv.QuoteRune(r)
}

func (p *parser) blanks() {
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			p.at++
		case c == '/' && p.document && p.comment():
		default:
			return
		}
	}
}

func (p *parser) comment() bool {
	rest := p.data[p.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			p.at += end + 1
		} else {
			p.at = len(p.data)
		}
	case bytes.HasPrefix(rest, []byte("/*")):
		end := bytes.Index(rest, []byte("*/"))
		if end < 0 {
			p.fail("comment without end")
			return false
		}
		p.at += end + 2
	default:
		return false
	}
	return true
}

func (p *parser) value(path *Path, depth int) Value {
	if p.at >= len(p.data) {
		return p.fail("unexpected end of text")
	}
	if depth > MaxDepth {
		return p.fail("arrays and objects nest deeper than %d levels", MaxDepth)
	}
	switch c := p.data[p.at]; {
	case c == '{':
		return p.object(path, depth)
	case c == '[':
		return p.array(path, depth)
	case c == '"':
		s, ok := p.str()
		if !ok {
			return Value{}
		}
		return String(s)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.literal()
	}
}

func (p *parser) literal() Value {
	rest := p.data[p.at:]
	for text, v := range map[string]Value{"true": of(trueNode), "false": of(falseNode), "null": of(nullNode)} {
		if bytes.HasPrefix(rest, []byte(text)) {
			p.at += len(text)
			return v
		}
	}
	return p.fail("unexpected %s", p.char())
}

func (p *parser) array(path *Path, depth int) Value {
	n := &node{kind: KindArray}
	p.at++
	p.blanks()
	if p.at < len(p.data) && p.data[p.at] == ']' {
		p.at++
		return of(n)
	}
	for p.err == nil {
		var at *Path
		if p.document {
			at = path.Index(len(n.items))
		}
		n.items = append(n.items, p.value(at, depth+1))
		p.blanks()
		if p.at >= len(p.data) {
			return p.fail("array without end")
		}
		c := p.data[p.at]
		if c != ',' && c != ']' {
			return p.fail("expected ',' or ']' and found %s", p.char())
		}
		p.at++
		if c == ']' {
			break
		}
		p.blanks()
	}
	return of(n)
}

func (p *parser) object(path *Path, depth int) Value {
	b := NewObject(0)
	p.at++
	p.blanks()
	if p.at < len(p.data) && p.data[p.at] == '}' {
		p.at++
		return b.Build()
	}
	for p.err == nil {
		if p.at >= len(p.data) || p.data[p.at] != '"' {
			return p.fail("expected a member name and found %s", p.char())
		}
		key, ok := p.str()
		if !ok {
			return Value{}
		}
		p.blanks()
		if p.at >= len(p.data) || p.data[p.at] != ':' {
			return p.fail("expected ':' and found %s", p.char())
		}
		p.at++
		p.blanks()
		key = p.intern(key)
		var at *Path
		if p.document {
			at = path.Key(key)
			if b.n.find(key) >= 0 {
				p.repeated = append(p.repeated, at)
			}
		}
		b.Set(key, p.value(at, depth+1))
		p.blanks()
		if p.at >= len(p.data) {
			return p.fail("object without end")
		}
		c := p.data[p.at]
		if c != ',' && c != '}' {
			return p.fail("expected ',' or '}' and found %s", p.char())
		}
		p.at++
		if c == '}' {
			break
		}
		p.blanks()
	}
	return b.Build()
}

// intern makes equal keys of one document share their text.
func (p *parser) intern(key string) string {
	if known, ok := p.interned[key]; ok {
		return known
	}
	if p.interned == nil {
		p.interned = map[string]string{}
	}
	p.interned[key] = key
	return key
}

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
	text := string(p.data[start:p.at])
	if whole {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Int(i)
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		p.at = start
		return p.fail("the number is out of range")
	}
	v := Float(f)
	if significant(text) > 17 {
		v.node().text = text // more digits than a double holds: written back as they came
	}
	return v
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
			s := string(p.data[start:p.at])
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
			r, size := utf8.DecodeRune(p.data[p.at:])
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
	u, err := strconv.ParseUint(string(p.data[p.at+1:p.at+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 5
	return rune(u), true
}

// Position returns line and column, from 1, of a byte offset in a text. Columns
// count characters.
func Position(data []byte, offset int) (line, column int) {
	offset = min(offset, len(data))
	before := data[:offset]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
