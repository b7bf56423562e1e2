package flatfile

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// EmptyNodes says whether what a document leaves out is written as if it were there
// and empty.
type EmptyNodes string

// The modes, in the product's spelling.
const (
	ForcedDisabled EmptyNodes = "ForcedDisabled"
	HonorSchema    EmptyNodes = "HonorSchemaNodeProperty"
	ForcedEnabled  EmptyNodes = "ForcedEnabled"
)

// DocumentError is a document that a schema does not describe. It names elements
// and quotes no values.
type DocumentError struct {
	Line, Position int
	What           string
}

func (e *DocumentError) Error() string {
	return fmt.Sprintf("%s Line %d, position %d.", e.What, e.Line, e.Position)
}

// Encode turns a document into a flat file. An error is a *DocumentError or
// errOutput, unless the context ended.
func (s *Schema) Encode(ctx context.Context, root *xmltree.Node, mode EmptyNodes) (string, error) {
	if root.Name != s.root.name {
		return "", wrong(root, "The root element is '%s'; '%s' is expected.", root.Name.Local, s.root.name.Local)
	}
	w := &encoder{ctx: ctx, all: mode == ForcedEnabled, generate: mode == ForcedEnabled || mode != ForcedDisabled && s.generateEmpty}
	return w.record(s.root, root)
}

func wrong(n *xmltree.Node, format string, args ...any) error {
	return &DocumentError{n.Line, n.Position, fmt.Sprintf(format, args...)}
}

type encoder struct {
	ctx      context.Context
	generate bool // what the schema requires
	all      bool // optional fields too
	written  int
}

// item is one thing between delimiters.
type item struct {
	text    string
	missing bool // it only holds a place
}

func (w *encoder) record(x *node, n *xmltree.Node) (string, error) {
	if err := w.ctx.Err(); err != nil {
		return "", err
	}
	items, rest, err := w.sequence(x, x.children, n, n.Children)
	if err != nil {
		return "", err
	}
	if len(rest) > 0 {
		return "", wrong(rest[0], "The element '%s' is not expected in '%s'.", rest[0].Name.Local, n.Name.Local)
	}
	for i := len(items) - 1; i >= 0 && (items[i].missing || x.suppressTrailing && items[i].text == ""); i-- {
		items = items[:i]
	}
	size := 0
	for _, it := range items {
		size += len(it.text) + len(x.delimiter)
	}
	if w.written += size; w.written > maxOutput {
		return "", errOutput
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", x.tagOffset) + x.tag)
	for i, it := range items {
		if x.order == prefix || x.order == infix && i > 0 {
			b.WriteString(x.delimiter)
		}
		b.WriteString(it.text)
		if x.order == postfix {
			b.WriteString(x.delimiter)
		}
	}
	return b.String(), nil
}

// sequence writes nodes from the children of an element, which come in the order
// of the schema, and returns those that are left.
func (w *encoder) sequence(owner *node, list []*node, parent *xmltree.Node, left []*xmltree.Node) ([]item, []*xmltree.Node, error) {
	var items []item
	for _, x := range list {
		n := 0
		for ; x.max == unbounded || n < x.max; n++ {
			more, rest, found, err := w.one(owner, x, parent, left)
			if err != nil {
				return nil, nil, err
			}
			if !found {
				break
			}
			items, left = append(items, more...), rest
			if x.attribute {
				n++
				break
			}
		}
		switch {
		case n >= max(x.min, 1):
		case n >= x.min && (x.kind != field || x.max == 0):
		case x.kind == field: // it holds its place, so that what follows keeps its own
			text, err := w.padded(owner, x, "", parent)
			if err != nil {
				return nil, nil, err
			}
			items = append(items, item{text: text, missing: !owner.positional && !w.all && (x.min == 0 || !w.generate)})
		case x.kind == record && w.generate:
			text, err := w.record(x, &xmltree.Node{Name: x.name, Line: parent.Line, Position: parent.Position})
			if err != nil {
				return nil, nil, err
			}
			items = append(items, item{text: text})
		case x.kind == record:
			return nil, nil, wrong(parent, "The element '%s' has no '%s', which the schema requires.", parent.Name.Local, x.name.Local)
		case x.kind == choice || x.kind == sequence:
			return nil, nil, wrong(parent, "The element '%s' is not complete.", parent.Name.Local)
		}
	}
	return items, left, nil
}

// one writes one occurrence of a node, if it is there.
func (w *encoder) one(owner, x *node, parent *xmltree.Node, left []*xmltree.Node) (items []item, rest []*xmltree.Node, found bool, err error) {
	switch {
	case x.attribute:
		text, ok := parent.AttrNS(x.name)
		if !ok {
			return nil, left, false, nil
		}
		text, err = w.padded(owner, x, text, parent)
		return []item{{text: text}}, left, true, err
	case x.kind == choice:
		for _, child := range x.children {
			if items, rest, found, err = w.one(owner, child, parent, left); found || err != nil {
				return items, rest, found, err
			}
		}
		return nil, left, false, nil
	case x.kind == sequence:
		if !x.starts(left) {
			return nil, left, false, nil
		}
		items, rest, err = w.sequence(owner, x.children, parent, left)
		return items, rest, len(rest) < len(left), err
	case len(left) == 0 || left[0].Name != x.name:
		return nil, left, false, nil
	}
	n := left[0]
	var text string
	if x.kind == record {
		text, err = w.record(x, n)
	} else if len(n.Children) > 0 {
		err = wrong(n, "The element '%s' has elements inside; it is a field.", n.Name.Local)
	} else {
		text, err = w.padded(owner, x, n.Text, n)
	}
	return []item{{text: text}}, left[1:], true, err
}

// starts tells whether the next element belongs to a group.
func (x *node) starts(left []*xmltree.Node) bool {
	for _, child := range x.children {
		if len(left) > 0 && (child.name == left[0].Name && !child.attribute || len(child.children) > 0 && child.kind != record && child.starts(left)) {
			return true
		}
	}
	return false
}

// padded is a field as it stands in the file.
func (w *encoder) padded(owner, x *node, text string, at *xmltree.Node) (string, error) {
	if !owner.positional {
		return x.quoted(owner, text), nil
	}
	missing := x.length - utf8.RuneCountInString(text)
	if missing < 0 {
		return "", wrong(at, "The value of '%s' is longer than its %d characters.", x.name.Local, x.length)
	}
	if w.written += x.length + x.offset; w.written > maxOutput {
		return "", errOutput
	}
	fill := strings.Repeat(x.pad, missing)
	if x.right {
		text = fill + text
	} else {
		text += fill
	}
	return strings.Repeat(" ", x.offset) + text, nil
}

// quoted wraps or escapes what would be taken for a delimiter.
func (x *node) quoted(owner *node, text string) string {
	special := prefixIn(text, owner.outer) || owner.escape != "" && strings.Contains(text, owner.escape) || x.wrap != "" && strings.Contains(text, x.wrap)
	switch {
	case !special:
		return text
	case x.wrap != "":
		return x.wrap + strings.ReplaceAll(text, x.wrap, x.wrap+x.wrap) + x.wrap
	case owner.escape == "":
		return text // as the product does
	}
	var b strings.Builder
	for text != "" {
		if p := prefixOf(text, append([]string{owner.escape}, owner.outer...)); p != "" {
			b.WriteString(owner.escape + p)
			text = text[len(p):]
			continue
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}

func prefixIn(text string, list []string) bool {
	for _, s := range list {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
