package leaks

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Apply writes settings into the text of a file and changes nothing else in it. It
// returns the settings for which the file has no place: their operation is made by
// an expression of a template.
func Apply(data []byte, settings []Setting) (edited []byte, left []Setting, err error) {
	if _, _, err := value.ParseDocument(data); err != nil {
		return nil, nil, fmt.Errorf("the file is not JSON: %w", err)
	}
	// From the end of the text to its beginning, so that where the rest stands does not
	// change, and one operation at a time is read anew.
	places := value.NewPlaces(data)
	starts := make([]int, len(settings)) // of the operations; -1: not in the text
	order := make([]int, len(settings))
	for i, s := range settings {
		order[i] = i
		if start, _, ok := places.Span(s.Path); ok {
			starts[i] = start
		} else {
			starts[i] = -1
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return starts[j] - starts[i] })
	done := make([]bool, len(settings))
	for _, i := range order {
		if starts[i] >= 0 {
			data, done[i] = secure(data, starts[i], settings[i].Side)
		}
	}
	for i, s := range settings {
		if !done[i] {
			left = append(left, s)
		}
	}
	return data, left, nil
}

// secure adds a side to the settings of the operation that begins at an offset.
func secure(data []byte, start int, side string) ([]byte, bool) {
	places := value.NewPlaces(data[start:])
	_, end, _ := places.Span(nil)
	operation, _, err := value.ParseDocument(data[start : start+end])
	if err != nil {
		return data, false
	}
	e := &editor{data: data, base: start, places: places, at: operation, start: start, end: start + end}
	if edited, ok := e.secure(side); ok {
		return edited, true
	}
	return data, false
}

// editor changes one place of a JSON text.
type editor struct {
	data       []byte
	base       int           // where the operation begins
	places     *value.Places // of what is in it
	path       *value.Path   // in the operation
	at         value.Value   // what is at path
	start, end int           // where it stands
}

// span is where something in the operation stands.
func (e *editor) span(path *value.Path) (start, end int, ok bool) {
	start, end, ok = e.places.Span(path)
	return e.base + start, e.base + end, ok
}

// secure adds a side to runtimeConfiguration.secureData.properties of the operation
// at hand, making what is missing.
func (e *editor) secure(side string) ([]byte, bool) {
	missing := []string{"runtimeConfiguration", "secureData", "properties"}
	for len(missing) > 0 {
		if e.at.Kind() != value.KindObject {
			return nil, false
		}
		i := e.at.Find(missing[0])
		if i < 0 {
			return e.insertMember(missing, side), true
		}
		child := e.at.At(i)
		path := e.path.Key(e.at.KeyAt(i))
		start, end, ok := e.span(path)
		if !ok {
			return nil, false
		}
		missing = missing[1:]
		if child.IsNull() {
			style := e.style()
			return e.splice(start, end, style.nested(missing, side, style.inner)), true
		}
		e.at, e.path, e.start, e.end = child, path, start, end
	}
	if e.at.Kind() != value.KindArray {
		return nil, false
	}
	return e.insertElement(side), true
}

func (e *editor) splice(from, to int, text string) []byte {
	return append(append(append([]byte(nil), e.data[:from]...), text...), e.data[to:]...)
}

func (e *editor) insertElement(side string) []byte {
	n := e.at.Len()
	for _, x := range e.at.Elements {
		if strings.EqualFold(x.Str(), side) {
			return e.data
		}
	}
	if n == 0 {
		return e.splice(e.start, e.end, `["`+side+`"]`)
	}
	_, last, _ := e.span(e.path.Index(n - 1))
	begin, _, _ := e.span(e.path.Index(0))
	gap := string(e.data[e.start+1 : begin])
	if !strings.Contains(gap, "\n") {
		return e.splice(last, last, ", "+`"`+side+`"`)
	}
	return e.splice(last, last, ","+lineBreak(gap)+indentation(e.data, begin)+`"`+side+`"`)
}

// insertMember adds the first of the missing names, with the others inside it, as
// the last member of the object at hand.
func (e *editor) insertMember(missing []string, side string) []byte {
	s := e.style()
	text := `"` + missing[0] + `"` + s.colon + s.nested(missing[1:], side, s.inner)
	if e.at.Len() == 0 {
		if !s.lines {
			return e.splice(e.start, e.end, "{"+s.pad+text+s.pad+"}")
		}
		return e.splice(e.start, e.end, "{"+s.newline+s.inner+text+s.newline+s.outer+"}")
	}
	_, last, _ := e.span(e.path.Key(e.at.KeyAt(e.at.Len() - 1)))
	if !s.lines {
		return e.splice(last, last, s.comma+text)
	}
	// Behind the comments that follow the last member, if there are any.
	bottom := last + len(bytes.TrimRight(e.data[last:e.end-1], " \t\r\n"))
	edited := append([]byte(nil), e.data[:last]...)
	edited = append(append(edited, ','), e.data[last:bottom]...)
	edited = append(edited, s.newline+s.inner+text...)
	return append(edited, e.data[bottom:]...)
}

// style is how an object is laid out.
type style struct {
	lines              bool // each member on a line of its own
	newline            string
	outer, inner, unit string // indentation of the object, of its members, of one level
	colon, comma, pad  string
}

func (e *editor) style() style {
	s := style{colon: ": ", comma: ", ", newline: "\n"}
	s.outer = indentation(e.data, e.start)
	s.unit = unit(e.data)
	s.inner = s.outer + s.unit
	if e.at.Len() == 0 {
		s.lines = s.unit != ""
		if i := bytes.IndexByte(e.data, '\n'); i >= 0 {
			s.newline = lineBreak(string(e.data[:i+1]))
		}
		return s
	}
	first, _, _ := e.span(e.path.Key(e.at.KeyAt(0)))
	gap := string(e.data[e.start+1 : first])
	if s.lines = strings.Contains(gap, "\n"); s.lines {
		s.newline = lineBreak(gap)
		s.inner = indentation(e.data, first)
		if more, ok := strings.CutPrefix(s.inner, s.outer); ok && more != "" {
			s.unit = more
		}
	} else {
		s.pad = gap[:len(gap)-len(strings.TrimLeft(gap, " \t"))]
	}
	begin, _, _ := e.span(e.path.Key(e.at.KeyAt(e.at.Len() - 1)))
	before := bytes.TrimRight(e.data[:begin], " \t")
	if bytes.HasSuffix(before, []byte(":")) {
		key := bytes.TrimRight(before[:len(before)-1], " \t")
		s.colon = string(e.data[len(key):begin])
	}
	if s.colon == ":" {
		s.comma = ","
	}
	return s
}

// nested writes the settings inside the names that are missing.
func (s style) nested(missing []string, side, indent string) string {
	if !s.lines {
		text := "[" + s.pad + `"` + side + `"` + s.pad + "]"
		for i := len(missing) - 1; i >= 0; i-- {
			text = "{" + s.pad + `"` + missing[i] + `"` + s.colon + text + s.pad + "}"
		}
		return text
	}
	deeper := indent + s.unit
	if len(missing) == 0 {
		return "[" + s.newline + deeper + `"` + side + `"` + s.newline + indent + "]"
	}
	return "{" + s.newline + deeper + `"` + missing[0] + `"` + s.colon + s.nested(missing[1:], side, deeper) + s.newline + indent + "}"
}

func lineBreak(gap string) string {
	if strings.Contains(gap, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// indentation is the blanks that the line of an offset begins with.
func indentation(data []byte, offset int) string {
	line := data[bytes.LastIndexByte(data[:offset], '\n')+1 : offset]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// unit is the indentation of the first line that has one.
func unit(data []byte) string {
	for line := range bytes.Lines(data) {
		if rest := bytes.TrimLeft(line, " \t"); len(rest) < len(line) && len(bytes.TrimSpace(rest)) > 0 {
			return string(line[:len(line)-len(rest)])
		}
	}
	return ""
}
