package flatfile

import (
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// value is what a field holds, without padding, wrapping and escaping.
func (x *node) value(text, escape string, pad bool) string {
	if w := x.wrap; w != "" && len(text) >= 2*len(w) && strings.HasPrefix(text, w) && strings.HasSuffix(text, w) {
		return strings.ReplaceAll(text[len(w):len(text)-len(w)], w+w, w)
	}
	if pad && x.right {
		text = strings.TrimLeft(text, x.pad)
	} else if pad {
		text = strings.TrimRight(text, x.pad)
	}
	if escape == "" || !strings.Contains(text, escape) {
		return text
	}
	var b strings.Builder
	for text != "" {
		if rest, ok := strings.CutPrefix(text, escape); ok && rest != "" {
			text = rest
		}
		_, size := utf8.DecodeRuneInString(text)
		b.WriteString(text[:size])
		text = text[size:]
	}
	return b.String()
}

// write writes an element as XML.
func (s *Schema) write(b *strings.Builder, e *element, space string) error {
	if b.Len() > maxOutput {
		return errOutput
	}
	name := e.of.name
	b.WriteString("<" + name.Local)
	if name.Space != space {
		b.WriteString(` xmlns="` + xmltree.Escape(name.Space) + `"`)
	}
	for _, child := range e.children {
		if child.of.attribute && (child.text != "" || !s.suppressEmpty) {
			b.WriteString(" " + child.of.name.Local + `="` + xmltree.Escape(child.text) + `"`)
		}
	}
	b.WriteString(">" + xmltree.Escape(e.text))
	for _, child := range e.children {
		if child.of.attribute || child.of.kind == field && child.text == "" && s.suppressEmpty {
			continue
		}
		if err := s.write(b, child, name.Space); err != nil {
			return err
		}
	}
	b.WriteString("</" + name.Local + ">")
	return nil
}
