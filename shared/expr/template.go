package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// impl is a compiled template: a constant, an expression, an interpolation, or a
// container of templates.
type impl struct {
	constant value.Value // where nothing is to be evaluated
	whole    *node
	text     string  // the string that holds whole or pieces
	offset   int     // where whole begins in text
	pieces   []piece // of an interpolation
	items    []*Template
	keys     []*Template // of an object; constant keys mostly
	isObject bool
	path     *value.Path
	isFixed  bool
}

// piece is literal text, or an expression.
type piece struct {
	literal string
	expr    *node
	offset  int
}

// CompileTemplate compiles v, which stands at path at in its document. All
// problems are returned at once; with one that is no warning the template must
// not be evaluated.
func CompileTemplate(v value.Value, at *value.Path) (*Template, []value.Problem) {
	c := &compiler{}
	return c.compile(v, at), c.problems
}

type compiler struct{ problems []value.Problem }

func (c *compiler) compile(v value.Value, at *value.Path) *Template {
	switch v.Kind() {
	case value.KindString:
		return c.text(v, at)
	case value.KindArray:
		t := &Template{impl{path: at}}
		fixed := true
		for i, item := range v.Elements {
			child := c.compile(item, at.Index(i))
			fixed = fixed && child.isFixed
			t.items = append(t.items, child)
		}
		return t.settle(v, fixed)
	case value.KindObject:
		t := &Template{impl{path: at, isObject: true}}
		fixed := true
		for key, item := range v.Members {
			place := at.Key(key)
			name := &Template{impl{constant: value.String(key), isFixed: true}}
			if strings.Contains(key, "@{") { // expressions §14: other keys are left alone
				name = c.text(value.String(key), place)
			}
			child := c.compile(item, place)
			fixed = fixed && child.isFixed && name.isFixed
			t.keys, t.items = append(t.keys, name), append(t.items, child)
		}
		return t.settle(v, fixed)
	default:
		return &Template{impl{constant: v, isFixed: true, path: at}}
	}
}

// settle keeps the value itself where nothing in it is to be evaluated.
func (t *Template) settle(v value.Value, fixed bool) *Template {
	if fixed && !t.rewritten(v) {
		return &Template{impl{constant: v, isFixed: true, path: t.path}}
	}
	return t
}

// rewritten: an escape such as @@ makes a constant that differs from its text.
func (t *Template) rewritten(v value.Value) bool {
	for i, child := range t.items {
		if child.constant != v.At(i) {
			return true
		}
	}
	for i, key := range t.keys {
		if key.constant.Str() != v.KeyAt(i) {
			return true
		}
	}
	return false
}

// text classifies a string once, by its first characters (expressions §1).
func (c *compiler) text(v value.Value, at *value.Path) *Template {
	s := v.Str()
	switch {
	case strings.HasPrefix(s, "@@"):
		return &Template{impl{constant: value.String(s[1:]), isFixed: true, path: at}}
	case len(s) > 1 && s[0] == '@' && s[1] != '{':
		t := &Template{impl{text: s, offset: 1, path: at}}
		t.whole = c.expression(s, s[1:], 1, at)
		return t
	case strings.Contains(s, "@{"):
		return c.interpolation(s, at)
	default:
		return &Template{impl{constant: v, isFixed: true, path: at}}
	}
}

func (c *compiler) interpolation(s string, at *value.Path) *Template {
	t := &Template{impl{text: s, path: at}}
	var literal strings.Builder
	for i := 0; i < len(s); {
		start := strings.Index(s[i:], "@{")
		if start < 0 {
			literal.WriteString(s[i:])
			break
		}
		start += i
		if start > i && s[start-1] == '@' { // @@{ is an escape
			literal.WriteString(s[i:start] + "{")
			i = start + 2
			continue
		}
		literal.WriteString(s[i:start])
		end := closing(s, start+2)
		if end < 0 {
			c.problem(s, "Unable to parse template language expression '"+s[start+2:]+"': expected token 'RightCurlyBracket' and actual 'EndOfData'.", start, at)
			return t
		}
		if literal.Len() > 0 {
			t.pieces = append(t.pieces, piece{literal: literal.String()})
			literal.Reset()
		}
		t.pieces = append(t.pieces, piece{expr: c.expression(s, s[start+2:end], start+2, at), offset: start + 2})
		i = end + 1
	}
	if literal.Len() > 0 {
		t.pieces = append(t.pieces, piece{literal: literal.String()})
	}
	if len(t.pieces) == 0 || len(t.pieces) == 1 && t.pieces[0].expr == nil {
		text := ""
		if len(t.pieces) == 1 {
			text = t.pieces[0].literal
		}
		return &Template{impl{constant: value.String(text), isFixed: true, path: at}}
	}
	return t
}

// closing finds the first } outside single quotes.
func closing(s string, from int) int {
	quoted := false
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\'':
			quoted = !quoted
		case '}':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

func (c *compiler) expression(whole, text string, offset int, at *value.Path) *node {
	n, err := parseExpression(text)
	if err != nil {
		c.problem(whole, err.message, offset+err.column, at)
		return nil
	}
	c.check(n, whole, offset, at)
	return n
}

// check reports unknown functions, as warnings because the service accepts them
// until they are evaluated (expressions §3), and wrong numbers of arguments.
func (c *compiler) check(n *node, whole string, offset int, at *value.Path) {
	if n.kind == unknownNode {
		c.problem(whole, undefined(n.name), offset+n.column, at)
		c.problems[len(c.problems)-1].Warning = true
	} else if n.arity != "" {
		c.problem(whole, n.arity, offset+n.column, at)
	}
	for _, a := range n.args {
		c.check(a, whole, offset, at)
	}
	for _, d := range n.derefs {
		if d.index != nil {
			c.check(d.index, whole, offset, at)
		}
	}
}

func undefined(name string) string {
	return "The template function '" + name + "' is not defined or not valid."
}

func (c *compiler) problem(text, message string, offset int, at *value.Path) {
	offset = min(offset, len(text))
	column := 1 + utf8.RuneCountInString(text[:offset])
	c.problems = append(c.problems, value.Problem{
		Code: invalidTemplate, Message: message, Path: at, Column: column, Caret: Caret(text, column),
	})
}

// Caret shows the neighbourhood of a column, from 1, with a mark below it.
func Caret(text string, column int) string {
	const around = 60
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text))
	from := max(column-1-around, 0)
	to := min(column-1+around, len(runes))
	return string(runes[from:to]) + "\n" + strings.Repeat(" ", column-1-from) + "^"
}

// Constant tells whether the template holds no expression, and its value.
func (t *Template) Constant() (value.Value, bool) { return t.constant, t.isFixed }

// Source returns the string that the template was compiled from; "" where it is
// more than one.
func (t *Template) Source() string {
	if t.isFixed {
		return t.constant.Str()
	}
	return t.text
}

// References lists what the template reads from its scope, in document order.
func (t *Template) References() []Reference {
	var list []Reference
	t.references(&list)
	return list
}

func (t *Template) references(list *[]Reference) {
	if t == nil || t.isFixed {
		return
	}
	if t.whole != nil {
		t.whole.references(t, t.offset, list)
	}
	for _, p := range t.pieces {
		if p.expr != nil {
			p.expr.references(t, p.offset, list)
		}
	}
	for i := range t.items {
		if i < len(t.keys) {
			t.keys[i].references(list)
		}
		t.items[i].references(list)
	}
}

func (n *node) references(t *Template, offset int, list *[]Reference) {
	if n.kind == templateNode {
		n.template.references(list)
		return
	}
	if r, ok := n.reference(t, offset); ok {
		*list = append(*list, r)
	}
	for _, a := range n.args {
		a.references(t, offset, list)
	}
	for _, d := range n.derefs {
		if d.index != nil {
			d.index.references(t, offset, list)
		}
	}
}
