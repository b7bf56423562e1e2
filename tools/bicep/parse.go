package main

import (
	"fmt"
	"strconv"
)

// The nodes of an expression.
type (
	node    any
	literal struct{ value any } // string, int, bool or nil
	format  struct {
		parts []string
		inner []node
	}
	ident  struct{ name string }
	member struct {
		of   node
		name string
	}
	index struct{ of, at node }
	call  struct {
		name string
		args []node
	}
	unary  struct{ of node }
	binary struct {
		mark        string
		left, right node
	}
	choice struct{ when, then, otherwise node }
	object struct{ members []entry }
	list   struct{ items []node }
	entry  struct {
		key   node
		value node
	}
)

type decorator struct {
	name string
	args []node
}

type statement struct {
	what       string // param, var, resource, output, targetScope
	name, typ  string
	decorators []decorator
	value      node // nil: none
	when       node // nil: always
	line       int
}

type parser struct {
	tokens []token
	at     int
}

// refused carries a problem out of the parser.
type refused struct{ error }

func (p *parser) refuse(format string, args ...any) {
	panic(refused{fmt.Errorf("line %d: "+format, append([]any{p.peek().line}, args...)...)})
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

func (p *parser) is(m string) bool { t := p.peek(); return t.kind == mark && t.text == m }

func (p *parser) take(m string) bool {
	if p.is(m) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(m string) {
	if !p.take(m) {
		p.refuse("want %q", m)
	}
}

func (p *parser) word() string {
	if p.peek().kind != name {
		p.refuse("want a name")
	}
	return p.next().text
}

func (p *parser) skipLines() {
	for p.peek().kind == newline {
		p.at++
	}
}

// parse reads all statements of a source.
func parse(source string) (list []statement, err error) {
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r, ok := recover().(refused); ok {
			err = r.error
		}
	}()
	p := &parser{tokens: tokens}
	for p.skipLines(); p.peek().kind != end; p.skipLines() {
		list = append(list, p.statement())
	}
	return list, nil
}

func (p *parser) statement() statement {
	var s statement
	for p.take("@") {
		d := decorator{name: p.word()}
		d.args = p.arguments()
		s.decorators = append(s.decorators, d)
		p.skipLines()
	}
	s.line = p.peek().line
	switch s.what = p.word(); s.what {
	case "targetScope":
		p.want("=")
		s.value = p.expression()
	case "param", "output":
		s.name, s.typ = p.word(), p.word()
		if p.take("=") {
			s.value = p.expression()
		}
	case "var":
		s.name = p.word()
		p.want("=")
		s.value = p.expression()
	case "resource":
		s.name = p.word()
		t := p.next()
		if t.kind != text || len(t.inner) > 0 {
			p.refuse("want the type of the resource")
		}
		s.typ = t.parts[0]
		p.want("=")
		if t := p.peek(); t.kind == name && t.text == "if" {
			p.next()
			p.want("(")
			s.when = p.expression()
			p.want(")")
		}
		s.value = p.expression()
	default:
		p.refuse("%q is not known here", s.what)
	}
	if k := p.peek().kind; k != newline && k != end {
		p.refuse("want the end of the line")
	}
	return s
}

func (p *parser) arguments() (args []node) {
	p.want("(")
	for p.skipLines(); !p.take(")"); p.skipLines() {
		args = append(args, p.expression())
		p.skipLines()
		if !p.take(",") && !p.is(")") {
			p.refuse("want a comma")
		}
	}
	return args
}

func (p *parser) expression() node {
	when := p.binary(0)
	if !p.take("?") {
		return when
	}
	p.skipLines()
	then := p.expression()
	p.skipLines()
	p.want(":")
	p.skipLines()
	return choice{when, then, p.expression()}
}

// strengths of the operators, the weakest first.
var strengths = [][]string{{"||"}, {"&&"}, {"==", "!="}, {"<", "<=", ">", ">="}}

func (p *parser) binary(strength int) node {
	if strength == len(strengths) {
		return p.unary()
	}
	left := p.binary(strength + 1)
	for {
		found := ""
		for _, m := range strengths[strength] {
			if p.take(m) {
				found = m
			}
		}
		if found == "" {
			return left
		}
		left = binary{found, left, p.binary(strength + 1)}
	}
}

func (p *parser) unary() node {
	if p.take("!") {
		return unary{p.unary()}
	}
	n := p.primary()
	for {
		switch {
		case p.take("."):
			n = member{n, p.word()}
		case p.take("["):
			n = index{n, p.expression()}
			p.want("]")
		default:
			return n
		}
	}
}

func (p *parser) primary() node {
	switch t := p.peek(); {
	case t.kind == text:
		p.next()
		return p.interpolated(t)
	case t.kind == number:
		p.next()
		n, err := strconv.Atoi(t.text)
		if err != nil {
			p.refuse("%s is no number", t.text)
		}
		return literal{n}
	case t.kind == name:
		p.next()
		if p.is("(") {
			return call{t.text, p.arguments()}
		}
		if v, ok := map[string]any{"true": true, "false": false, "null": nil}[t.text]; ok {
			return literal{v}
		}
		return ident{t.text}
	case p.take("("):
		n := p.expression()
		p.want(")")
		return n
	case p.take("["):
		return p.list()
	case p.take("{"):
		return p.object()
	}
	p.refuse("want an expression")
	return nil
}

func (p *parser) interpolated(t token) node {
	if len(t.inner) == 0 {
		return literal{t.parts[0]}
	}
	f := format{parts: t.parts}
	for _, source := range t.inner {
		tokens, err := lex(source)
		if err != nil {
			p.refuse("%v", err)
		}
		inner := &parser{tokens: tokens}
		f.inner = append(f.inner, inner.expression())
		if inner.peek().kind != end {
			p.refuse("more than an expression in ${}")
		}
	}
	return f
}

func (p *parser) list() node {
	var l list
	for p.skipLines(); !p.take("]"); p.skipLines() {
		l.items = append(l.items, p.expression())
		p.separator("]")
	}
	return l
}

func (p *parser) object() node {
	var o object
	for p.skipLines(); !p.take("}"); p.skipLines() {
		var key node
		switch t := p.next(); t.kind {
		case name:
			key = literal{t.text}
		case text:
			key = p.interpolated(t)
		default:
			p.refuse("want the name of a member")
		}
		p.want(":")
		o.members = append(o.members, entry{key, p.expression()})
		p.separator("}")
	}
	return o
}

func (p *parser) separator(closing string) {
	if !p.take(",") && !p.is(closing) && p.peek().kind != newline {
		p.refuse("want a comma, a new line or %q", closing)
	}
}
