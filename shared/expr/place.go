package expr

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// innermost narrows an error down to the call or selection that failed, and
// returns its column. An evaluation itself only says which expression of a string
// it was: to know more would cost every evaluation, so parts of the expression are
// evaluated once more, when somebody wants to see the place.
func (t *Template) innermost(env *Env, e *Error) int {
	if strings.HasSuffix(e.Message, "than it may.") { // once more would spend the budget again
		return e.Column
	}
	s := search{env, e.Message}
	at := -1
	switch {
	case t.whole != nil && s.fails(t.whole):
		at = t.offset + s.in(t.whole)
	default:
		for _, p := range t.pieces {
			if p.expr != nil && s.fails(p.expr) {
				at = p.offset + s.in(p.expr)
				break
			}
		}
	}
	if at < 0 {
		return e.Column
	}
	return 1 + utf8.RuneCountInString(t.text[:min(at, len(t.text))])
}

// search looks for the node that fails with a message.
type search struct {
	env     *Env
	message string
}

func (s *search) fails(n *node) bool {
	part := &Template{impl{whole: n}}
	_, err := part.Evaluate(s.env)
	var e *Error
	return errors.As(err, &e) && e.Message == s.message
}

// in returns where in the text of its expression the failing part of n stands.
func (s *search) in(n *node) int {
	for _, a := range n.args {
		if s.fails(a) {
			return s.in(a)
		}
	}
	part := *n
	if part.derefs = nil; len(n.derefs) == 0 || s.fails(&part) {
		return n.column
	}
	for i, d := range n.derefs {
		if d.index != nil && s.fails(d.index) {
			return s.in(d.index)
		}
		if part.derefs = n.derefs[:i+1]; s.fails(&part) {
			return n.column + selectionAt(n.source[:min(d.end, len(n.source))], d)
		}
	}
	return n.column
}

// selectionAt returns where the last selection of a source begins: its name, or
// its bracket.
func selectionAt(source string, d deref) int {
	if d.isName && strings.HasSuffix(source, d.name) {
		return len(source) - len(d.name)
	}
	return max(strings.LastIndexByte(source, '['), 0)
}
