package value

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
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
func Parse(data []byte) (Value, error) { return ParseText(string(data)) }

// ParseText reads one JSON text, which the value keeps.
func ParseText(text string) (Value, error) {
	v, _, err := parse(text, false)
	return v, err
}

// ParseDocument reads JSON as people write it in templates: // and /* */
// comments count as blanks. It also returns the path of each repeated key, of
// which Parse keeps the last value.
func ParseDocument(data []byte) (Value, []*Path, error) { return parse(string(data), true) }

// parse makes all strings without escapes parts of the text.
func parse(text string, document bool) (Value, []*Path, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	p := &parser{data: text, document: document}
	p.blanks()
	v := p.value(nil, 0)
	if p.err == nil {
		p.blanks()
		if p.at < len(text) {
			p.fail("unexpected %s after the end of the JSON text", p.char())
		}
	}
	if p.err != nil {
		return Value{}, nil, p.err
	}
	return v, p.repeated, nil
}

// parser reads a text in one pass. What is inside an open array or object lies on
// two stacks; when it closes, it is copied into slices of its exact length, which
// are cut from slabs. A value that is kept keeps its text and slabs.
type parser struct {
	data     string
	at       int
	document bool
	err      error
	repeated []*Path

	values []Value
	keys   []string
	nodes  []node
	boxes  []container
	slots  []Value
	names  []string
}

// open makes room for what is inside the first array or object.
func (p *parser) open() {
	if p.values == nil {
		p.values, p.keys = make([]Value, 0, p.slabSize(8)), make([]string, 0, p.slabSize(16))
	}
}

// slabSize grows with what is left of the text.
func (p *parser) slabSize(bytesEach int) int {
	return min(max((len(p.data)-p.at)/bytesEach, 4), 512)
}

func (p *parser) newNode(n node) Value {
	if len(p.nodes) == 0 {
		p.nodes = make([]node, p.slabSize(16))
	}
	fresh := &p.nodes[0]
	p.nodes = p.nodes[1:]
	*fresh = n
	return of(fresh)
}

// closed makes the container of what lies on the stacks from a mark on.
func (p *parser) closed(kind Kind, values, keys int) Value {
	if len(p.boxes) == 0 {
		p.boxes = make([]container, p.slabSize(64))
	}
	c := &p.boxes[0]
	p.boxes = p.boxes[1:]
	c.init(kind)
	n := len(p.values) - values
	if len(p.slots) < n {
		p.slots = make([]Value, max(n, p.slabSize(8)))
	}
	c.box.items = p.slots[:n:n]
	p.slots = p.slots[n:]
	copy(c.box.items, p.values[values:])
	p.values = p.values[:values]
	if kind == KindObject {
		if len(p.names) < n {
			p.names = make([]string, max(n, p.slabSize(16)))
		}
		c.box.keys = p.names[:n:n]
		p.names = p.names[n:]
		copy(c.box.keys, p.keys[keys:])
		p.keys = p.keys[:keys]
		c.box.buildIndex()
	}
	return of(&c.node)
}

func (p *parser) fail(format string, args ...any) Value {
	if p.err == nil {
		line, column := position([]byte(p.data), p.at)
		p.err = &SyntaxError{Offset: p.at, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	}
	p.at = len(p.data)
	return Value{}
}

func (p *parser) char() string {
	if p.at >= len(p.data) {
		return "end of text"
	}
	r, _ := utf8.DecodeRuneInString(p.data[p.at:])
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
	case strings.HasPrefix(rest, "//"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			p.at += end + 1
		} else {
			p.at = len(p.data)
		}
	case strings.HasPrefix(rest, "/*"):
		end := strings.Index(rest, "*/")
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
		return p.newNode(textNode(s))
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.word()
	}
}

func (p *parser) word() Value {
	switch rest := p.data[p.at:]; {
	case strings.HasPrefix(rest, "true"):
		p.at += len("true")
		return of(trueNode)
	case strings.HasPrefix(rest, "false"):
		p.at += len("false")
		return of(falseNode)
	case strings.HasPrefix(rest, "null"):
		p.at += len("null")
		return of(nullNode)
	}
	return p.fail("unexpected %s", p.char())
}

func (p *parser) array(path *Path, depth int) Value {
	p.open()
	mark := len(p.values)
	p.at++
	p.blanks()
	if p.at < len(p.data) && p.data[p.at] == ']' {
		p.at++
		return p.closed(KindArray, mark, 0)
	}
	for p.err == nil {
		var at *Path
		if p.document {
			at = path.Index(len(p.values) - mark)
		}
		p.values = append(p.values, p.value(at, depth+1))
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
	return p.closed(KindArray, mark, 0)
}

func (p *parser) object(path *Path, depth int) Value {
	p.open()
	values, keys := len(p.values), len(p.keys)
	p.at++
	p.blanks()
	if p.at < len(p.data) && p.data[p.at] == '}' {
		p.at++
		return p.closed(KindObject, values, keys)
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
		var at *Path
		if p.document {
			at = path.Key(key)
		}
		v := p.value(at, depth+1)
		p.keys, p.values = append(p.keys, key), append(p.values, v)
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
	p.dropRepeated(path, values, keys)
	return p.closed(KindObject, values, keys)
}

// dropRepeated leaves of each key on the stack its last place.
func (p *parser) dropRepeated(path *Path, values, keys int) {
	names := p.keys[keys:]
	if !hasRepeated(names) {
		return
	}
	last := make(map[string]int, len(names))
	for i, name := range names {
		if _, seen := last[name]; seen && p.document {
			p.repeated = append(p.repeated, path.Key(name))
		}
		last[name] = i
	}
	kept := 0
	for i, name := range names {
		if last[name] == i {
			p.keys[keys+kept], p.values[values+kept] = name, p.values[values+i]
			kept++
		}
	}
	p.keys, p.values = p.keys[:keys+kept], p.values[:values+kept]
}

// hasRepeated compares few keys with one another, and hashes many.
func hasRepeated(names []string) bool {
	if len(names) > 32 {
		seen := make(map[string]struct{}, len(names))
		for _, name := range names {
			seen[name] = struct{}{}
		}
		return len(seen) < len(names)
	}
	for i, name := range names {
		for _, other := range names[:i] {
			if name == other {
				return true
			}
		}
	}
	return false
}

// position returns line and column, from 1, of a byte offset in a text. Columns
// count characters.
func position(data []byte, offset int) (line, column int) {
	offset = min(offset, len(data))
	before := data[:offset]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
