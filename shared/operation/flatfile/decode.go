package flatfile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxSteps bounds the fields of a file and the tries at them: a schema may leave
	// several ways to read the same text.
	maxSteps = 5_000_000
	// maxOutput is how long a result may get.
	maxOutput = 100 << 20
)

var (
	errSteps  = errors.New("the schema leaves too many ways to read the data")
	errOutput = errors.New("the result is too large")
)

// Error is data that a schema does not describe. What it looked for is from the
// schema; no data is quoted.
type Error struct {
	Record       string // that was being read
	Offset       int    // in characters
	Line, Column int    // from 1
	What         string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s The current definition being parsed is %s. The stream offset where the error occurred is %d. The line number where the error occurred is %d. The column where the error occurred is %d.",
		e.What, e.Record, e.Offset, e.Line, e.Column)
}

// Decode turns a flat file into XML. An error is an *Error, errSteps or errOutput,
// unless the context ended.
func (s *Schema) Decode(ctx context.Context, text string) (string, error) {
	d := &decoder{schema: s, ctx: ctx, text: text}
	e, err := d.record(s.root, 0, len(text))
	if err != nil {
		return "", d.describe(err)
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	if err := s.write(&b, e, ""); err != nil {
		return "", err
	}
	return b.String(), nil
}

type decoder struct {
	schema *Schema
	ctx    context.Context
	text   string
	steps  int
}

// mismatch is data at a place that a record cannot be.
type mismatch struct {
	record *node
	at     int
	what   string
}

func (m *mismatch) Error() string { return m.what }

func (d *decoder) describe(err error) error {
	var m *mismatch
	if !errors.As(err, &m) {
		return err
	}
	before := d.text[:m.at]
	line := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Record: m.record.name.Local, Offset: utf8.RuneCountInString(before), What: m.what,
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(before[line:]) + 1,
	}
}

func (d *decoder) step(n int) error {
	if d.steps += n; d.steps > maxSteps {
		return errSteps
	}
	return d.ctx.Err()
}

// element is what was read: a record with children, or a field with text.
type element struct {
	of       *node
	text     string
	children []*element
}

// part is a stretch of the text.
type part struct{ from, to int }

// record reads a record that takes exactly a stretch of the text.
func (d *decoder) record(x *node, from, to int) (*element, error) {
	if err := d.step(1); err != nil {
		return nil, err
	}
	from, err := d.tag(x, from, to)
	if err != nil {
		return nil, err
	}
	e := &element{of: x}
	if x.positional {
		end, err := d.positions(e, x, x.children, from, to)
		if err == nil && end < to {
			err = &mismatch{x, end, "Unexpected data found: the record is longer than its fields."}
		}
		return e, err
	}
	parts, err := d.split(x, from, to)
	if err != nil {
		return nil, err
	}
	rest, err := d.sequence(e, x, x, parts, 0)
	if err == nil && len(rest) > 0 {
		err = &mismatch{x, rest[0].from, "Unexpected data found: there is more than the definition describes."}
	}
	return e, err
}

// tag steps over the tag of a record.
func (d *decoder) tag(x *node, from, to int) (int, error) {
	if x.tag == "" {
		return from, nil
	}
	at := d.skip(from, to, x.tagOffset)
	if !strings.HasPrefix(d.text[at:to], x.tag) {
		return from, &mismatch{x, at, fmt.Sprintf("Unexpected data found while looking for: '%s'.", x.tag)}
	}
	return at + len(x.tag), nil
}

// skip steps over characters, as far as there are any.
func (d *decoder) skip(from, to, characters int) int {
	for ; characters > 0 && from < to; characters-- {
		_, size := utf8.DecodeRuneInString(d.text[from:to])
		from += size
	}
	return from
}

// split cuts a stretch at the delimiters of a record. Those behind an escape
// character or between wrap characters are data.
func (d *decoder) split(x *node, from, to int) ([]part, error) {
	if err := d.step((to - from) / 128); err != nil {
		return nil, err
	}
	if x.delimiter == "" {
		return []part{{from, to}}, nil
	}
	var parts []part
	begin, wrap, mayWrap := from, "", true
	for i := from; i < to; {
		rest := d.text[i:to]
		switch {
		case wrap != "" && strings.HasPrefix(rest, wrap+wrap):
			i += 2 * len(wrap)
		case wrap != "" && strings.HasPrefix(rest, wrap):
			i, wrap, mayWrap = i+len(wrap), "", false
		case wrap != "":
			i++
		case x.escape != "" && strings.HasPrefix(rest, x.escape) && len(rest) > len(x.escape):
			i, mayWrap = d.skip(i+len(x.escape), to, 1), false
		case strings.HasPrefix(rest, x.delimiter):
			if err := d.step(1); err != nil {
				return nil, err
			}
			parts = append(parts, part{begin, i})
			i += len(x.delimiter)
			begin, mayWrap = i, true
		default:
			if w := prefixOf(rest, x.wraps); mayWrap && w != "" {
				wrap, i = w, i+len(w)
			} else if w := prefixOf(rest, x.delimiters); w != "" {
				i, mayWrap = i+len(w), true
			} else {
				i, mayWrap = i+1, false
			}
		}
	}
	parts = append(parts, part{begin, to})
	switch {
	case from == to && x.order != infix:
		return nil, nil
	case x.order == prefix:
		if len(parts) > 0 && parts[0].from < parts[0].to {
			return nil, &mismatch{x, from, fmt.Sprintf("Unexpected data found while looking for: '%s'.", x.delimiter)}
		}
		return parts[1:], nil
	case x.order == postfix:
		last := parts[len(parts)-1]
		if last.from < last.to {
			return nil, &mismatch{x, last.to, fmt.Sprintf("Unexpected end of stream while looking for: '%s'.", x.delimiter)}
		}
		return parts[:len(parts)-1], nil
	}
	return parts, nil
}

func prefixOf(text string, list []string) string {
	for _, s := range list {
		if strings.HasPrefix(text, s) {
			return s
		}
	}
	return ""
}

// shares tells whether what is inside a node stands among the parts of the record
// around it: it has no delimiter of its own, or the same.
func (x *node) shares(delimiter string) bool {
	return x.kind == sequence || x.kind == record && !x.positional && x.tag == "" && x.order == infix && x.delimiter == delimiter
}

// sequence reads the children of a node one after the other from parts, and leaves
// at least as many as what follows needs.
func (d *decoder) sequence(e *element, owner, of *node, parts []part, later int) (_ []part, err error) {
	for i, x := range of.children {
		if parts, err = d.repeat(e, owner, x, parts, later+of.after[i]); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// repeat reads as many occurrences of a node as there are.
func (d *decoder) repeat(e *element, owner, x *node, parts []part, later int) ([]part, error) {
	for n := 0; x.max == unbounded || n < x.max; n++ {
		if n >= x.min && len(parts) <= later {
			break
		}
		mark := len(e.children)
		rest, err := d.one(e, owner, x, parts, later)
		var no *mismatch
		switch {
		case err == nil && (len(rest) < len(parts) || n < x.min):
			parts = rest
			continue
		case err != nil && (n < x.min || !errors.As(err, &no)):
			return nil, err
		}
		e.children = e.children[:mark] // nothing that could go on for ever, or something else
		break
	}
	return parts, nil
}

// one reads one occurrence of a node.
func (d *decoder) one(e *element, owner, x *node, parts []part, later int) ([]part, error) {
	if err := d.step(1); err != nil {
		return nil, err
	}
	switch {
	case x.kind == choice:
		return d.choose(e, owner, x, parts, later)
	case x.kind == sequence:
		return d.sequence(e, owner, x, parts, later)
	case x.shares(owner.delimiter):
		inner := &element{of: x}
		rest, err := d.sequence(inner, x, x, parts, later)
		if err == nil {
			e.children = append(e.children, inner)
		}
		return rest, err
	case len(parts) == 0:
		at := len(d.text)
		return nil, &mismatch{owner, at, fmt.Sprintf("Unexpected end of stream while looking for: '%s'.", x.name.Local)}
	case x.kind == record:
		inner, err := d.record(x, parts[0].from, parts[0].to)
		if err == nil {
			e.children = append(e.children, inner)
		}
		return parts[1:], err
	}
	text := d.text[parts[0].from:parts[0].to]
	e.children = append(e.children, &element{of: x, text: x.value(text, owner.escape, x.padded)})
	return parts[1:], nil
}

// choose takes the first alternative that the data fits.
func (d *decoder) choose(e *element, owner, x *node, parts []part, later int) ([]part, error) {
	var first error = &mismatch{owner, len(d.text), "Unexpected data found: no alternative fits."}
	mark := len(e.children)
	for i, child := range x.children {
		rest, err := d.repeat(e, owner, child, parts, later)
		if err == nil && (len(rest) < len(parts) || child.min == 0) {
			return rest, nil
		}
		var no *mismatch
		if err != nil && !errors.As(err, &no) {
			return nil, err
		}
		e.children = e.children[:mark]
		if i == 0 && err != nil {
			first = err
		}
	}
	return nil, first
}

// positions reads what stands at fixed places.
func (d *decoder) positions(e *element, owner *node, list []*node, from, to int) (int, error) {
	for _, x := range list {
		for n := 0; x.max == unbounded || n < x.max; n++ {
			if err := d.step(1); err != nil {
				return 0, err
			}
			if from >= to && n >= x.min {
				break
			}
			mark := len(e.children)
			end, err := d.position(e, owner, x, from, to)
			var no *mismatch
			if err != nil && n >= x.min && errors.As(err, &no) || err == nil && end == from && n >= x.min {
				e.children = e.children[:mark]
				break
			} else if err != nil {
				return 0, err
			}
			from = end
		}
	}
	return from, nil
}

func (d *decoder) position(e *element, owner, x *node, from, to int) (int, error) {
	switch {
	case x.kind == choice:
		var first error = &mismatch{owner, from, "Unexpected data found: no alternative fits."}
		mark := len(e.children)
		for i, child := range x.children {
			end, err := d.positions(e, owner, []*node{child}, from, to)
			var no *mismatch
			if err == nil || !errors.As(err, &no) {
				return end, err
			}
			e.children = e.children[:mark]
			if i == 0 {
				first = err
			}
		}
		return 0, first
	case x.kind == sequence:
		return d.positions(e, owner, x.children, from, to)
	case x.kind == record && x.positional:
		inner := &element{of: x}
		end, err := d.tag(x, from, to)
		if err == nil {
			end, err = d.positions(inner, x, x.children, end, to)
		}
		e.children = append(e.children, inner)
		return end, err
	case x.kind == record: // a delimited record takes all that is left
		inner, err := d.record(x, from, to)
		e.children = append(e.children, inner)
		return to, err
	}
	begin := d.skip(from, to, x.offset)
	end := d.skip(begin, to, x.length)
	if utf8.RuneCountInString(d.text[begin:end]) < x.length && !d.schema.earlyTerminated {
		return 0, &mismatch{owner, end, fmt.Sprintf("Unexpected end of stream while looking for: '%s'.", x.name.Local)}
	}
	e.children = append(e.children, &element{of: x, text: x.value(d.text[begin:end], "", true)})
	return end, nil
}
