package value

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// Places knows where each value of a JSON text (comments allowed) stands. The text is
// read once, when the first place is asked for, so that having it costs nothing while
// there is nothing to report.
type Places struct {
	data  []byte
	read  bool
	root  place
	lines []int // offsets at which lines begin
	runes []int // how many characters there are before each block
}

// place is where a value begins and ends, and what is inside it.
type place struct {
	start, end int
	whole      bool     // its text is JSON to its end
	keys       []string // of an object
	inside     []place
	index      map[string]int // of keys, where there are many
}

// NewPlaces is about the first value in a text.
func NewPlaces(data []byte) *Places { return &Places{data: data} }

// Locate returns line and column, from 1, of the value at path, or of its nearest
// ancestor that exists.
func (p *Places) Locate(path *Path) (line, column int) {
	at, _ := p.find(path)
	return p.Position(at.start)
}

// Span returns where the value at path begins and ends, in bytes; ok is false if it does
// not exist.
func (p *Places) Span(path *Path) (start, end int, ok bool) {
	at, ok := p.find(path)
	if !ok || !at.whole {
		return 0, 0, false
	}
	return at.start, at.end, true
}

// block is how much text has one count of its characters.
const block = 4096

// Position returns line and column, from 1, of an offset; columns count characters.
func (p *Places) Position(offset int) (line, column int) {
	if p.lines == nil {
		p.lines = []int{0}
		for i, c := range p.data {
			if c == '\n' {
				p.lines = append(p.lines, i+1)
			}
		}
		for at, n := 0, 0; at < len(p.data)+block; at += block {
			p.runes = append(p.runes, n)
			n += runes(p.data[min(at, len(p.data)):min(at+block, len(p.data))])
		}
	}
	offset = min(offset, len(p.data))
	line = sort.SearchInts(p.lines, offset+1)
	return line, 1 + p.runesBefore(offset) - p.runesBefore(p.lines[line-1])
}

func (p *Places) runesBefore(offset int) int {
	return p.runes[offset/block] + runes(p.data[offset-offset%block:offset])
}

// runes counts where characters begin, so that parts of a text add up.
func runes(data []byte) (n int) {
	for _, c := range data {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// find returns the place of the value at path, or of its nearest ancestor.
func (p *Places) find(path *Path) (at *place, ok bool) {
	if !p.read {
		p.read = true
		r := &parser{data: string(p.data), document: true}
		if strings.HasPrefix(r.data, "\ufeff") {
			r.at = len("\ufeff")
		}
		r.blanks()
		r.place(&p.root, 0)
	}
	if path == nil {
		return &p.root, p.root.end > p.root.start
	}
	if at, ok = p.find(path.parent); !ok {
		return at, false
	}
	i := path.index
	if i < 0 {
		i = at.member(path.key)
	} else if at.keys != nil {
		return at, false
	}
	if i < 0 || i >= len(at.inside) {
		return at, false
	}
	return &at.inside[i], true
}

// member finds a key; the last one of a repeated key counts.
func (at *place) member(key string) int {
	const few = 8
	if len(at.keys) <= few {
		for i, k := range slices.Backward(at.keys) {
			if k == key {
				return i
			}
		}
		return -1
	}
	if at.index == nil {
		at.index = make(map[string]int, len(at.keys))
		for i, k := range at.keys {
			at.index[k] = i
		}
	}
	if i, ok := at.index[key]; ok {
		return i
	}
	return -1
}

// place reads a value for where it stands. What is not JSON ends the containers around
// it; what came before has its place.
func (p *parser) place(at *place, depth int) {
	at.start = p.at
	if p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case depth > MaxDepth || c != '{' && c != '[':
			p.value(nil, depth)
		default:
			p.places(at, c+2, depth) // '}' or ']'
		}
	}
	at.end, at.whole = p.at, p.err == nil && p.at > at.start
}

func (p *parser) places(at *place, end byte, depth int) {
	p.at++
	for p.blanks(); p.at < len(p.data) && p.data[p.at] != end; p.blanks() {
		if end == '}' {
			key, ok := "", p.data[p.at] == '"'
			if ok {
				key, ok = p.str()
			}
			p.blanks()
			if !ok || p.at >= len(p.data) || p.data[p.at] != ':' {
				p.fail("an object is not complete")
				return
			}
			p.at++
			p.blanks()
			at.keys = append(at.keys, key)
		}
		at.inside = append(at.inside, place{})
		p.place(&at.inside[len(at.inside)-1], depth+1)
		if p.blanks(); p.err != nil || p.at >= len(p.data) || p.data[p.at] != ',' {
			break
		}
		p.at++
	}
	if p.err != nil || p.at >= len(p.data) || p.data[p.at] != end {
		p.fail("an array or object is not complete")
		return
	}
	p.at++
}
