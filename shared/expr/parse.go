package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// maxExpression is the longest expression body (expressions §1).
const maxExpression = 8192

// maxNesting bounds the recursion of parser and evaluator.
const maxNesting = 256

// nodeKind says how a node is evaluated.
type nodeKind uint8

const (
	literalNode  nodeKind = iota
	templateNode          // an argument of a condition that is a string of its own
	callNode              // of a function on evaluated arguments
	lazyNode              // of a function that evaluates its arguments itself
	readNode              // of a function that reads from the scope
	unknownNode           // of no function there is
	arityNode             // with a wrong number of arguments
)

// node is a parsed expression.
type node struct {
	kind     nodeKind
	literal  value.Value // of a literal, or absent
	template *Template
	function *Function // of a call
	name     string    // of a call, as written
	args     []*node
	derefs   []deref
	column   int    // of the call in its text, from 0, in bytes
	source   string // of the call with its selections, for messages
	arity    string // what is wrong with the number of arguments, or ""
	constant string // the first argument, if it is a literal string
	named    bool
}

// deref is one selection: .name or [expression].
type deref struct {
	safe   bool   // behind a question mark
	name   string // of .name, or of ['literal']
	isName bool
	index  *node // of [expression] that is no literal string
	end    int   // where the text of the expression up to here ends
}

type parseError struct {
	message string
	column  int
}

// token kinds, named as the product's messages name them.
const (
	leftParenthesis    = "LeftParenthesis"
	rightParenthesis   = "RightParenthesis"
	leftSquareBracket  = "LeftSquareBracket"
	rightSquareBracket = "RightSquareBracket"
	comma              = "Comma"
	dot                = "Dot"
	questionMark       = "QuestionMark"
	identifier         = "Identifier"
	stringLiteral      = "StringLiteral"
	integerLiteral     = "Integer"
	floatLiteral       = "Float"
	endOfData          = "EndOfData"
)

type token struct {
	kind  string
	text  string // of an identifier, or the content of a string
	at    int
	end   int
	value value.Value // of a number
}

type parser struct {
	text  string
	at    int
	tok   token
	depth int
	err   *parseError
}

// parseExpression parses a whole expression.
func parseExpression(text string) (*node, *parseError) {
	if utf8.RuneCountInString(text) > maxExpression {
		return nil, &parseError{fmt.Sprintf("The template language expression is longer than the limit of '%d' characters.", maxExpression), 0}
	}
	p := &parser{text: text}
	p.next()
	n := p.expression()
	if p.err == nil && p.tok.kind != endOfData {
		p.unexpected(endOfData)
	}
	return n, p.err
}

func (p *parser) fail(at int, message string) {
	if p.err == nil {
		p.err = &parseError{message, at}
	}
	p.tok = token{kind: endOfData, at: len(p.text)}
}

func (p *parser) unexpected(expected string) {
	p.fail(p.tok.at, fmt.Sprintf("Unable to parse template language expression '%s': expected token '%s' and actual '%s'.", p.text, expected, p.tok.kind))
}

// punctuation are the tokens of one character.
var punctuation = [256]string{'(': leftParenthesis, ')': rightParenthesis, '[': leftSquareBracket, ']': rightSquareBracket, ',': comma, '.': dot, '?': questionMark}

// next reads the next token.
func (p *parser) next() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	start := p.at
	if start == len(p.text) {
		p.tok = token{kind: endOfData, at: start, end: start}
		return
	}
	c := p.text[start]
	if kind := punctuation[c]; kind != "" {
		if c != '.' || !p.leadingDotNumber() {
			p.at++
			p.tok = token{kind: kind, at: start, end: p.at}
			return
		}
	}
	switch {
	case c == '\'':
		p.string(start)
	case c >= '0' && c <= '9' || c == '.' || (c == '+' || c == '-') && p.numberFollows():
		p.number(start)
	default:
		for p.at < len(p.text) && !strings.ContainsRune(".,(){}@[]?' \t\r\n\"", rune(p.text[p.at])) {
			p.at++
		}
		if p.at == start {
			p.fail(start, fmt.Sprintf("Unable to parse template language expression '%s': the character '%s' at position '%d' is not expected.", p.text, firstRune(p.text[start:]), start))
			return
		}
		p.tok = token{kind: identifier, text: p.text[start:p.at], at: start, end: p.at}
	}
}

func firstRune(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

func (p *parser) digitFollows() bool {
	return p.at+1 < len(p.text) && p.text[p.at+1] >= '0' && p.text[p.at+1] <= '9'
}

// numberFollows tells a sign from the beginning of a name.
func (p *parser) numberFollows() bool {
	return p.digitFollows() || strings.HasPrefix(p.text[p.at+1:], ".") && p.at+2 < len(p.text) && p.text[p.at+2] >= '0' && p.text[p.at+2] <= '9'
}

// leadingDotNumber: .3 is a number where an expression begins (expressions §2).
func (p *parser) leadingDotNumber() bool {
	return p.digitFollows() && (p.tok.kind == leftParenthesis || p.tok.kind == comma || p.tok.kind == "")
}

func (p *parser) string(start int) {
	var b strings.Builder
	for i := start + 1; i < len(p.text); i++ {
		if p.text[i] != '\'' {
			b.WriteByte(p.text[i])
			continue
		}
		if i+1 < len(p.text) && p.text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		p.at = i + 1
		p.tok = token{kind: stringLiteral, text: b.String(), at: start, end: p.at}
		return
	}
	p.fail(start, fmt.Sprintf("Unable to parse template language expression '%s': the string that begins at position '%d' has no end.", p.text, start))
}

func (p *parser) number(start int) {
	i := start
	if p.text[i] == '+' || p.text[i] == '-' {
		i++
	}
	kind := integerLiteral
	digits := func() {
		for i < len(p.text) && p.text[i] >= '0' && p.text[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(p.text) && p.text[i] == '.' {
		kind = floatLiteral
		i++
		digits()
	}
	if i < len(p.text) && (p.text[i] == 'e' || p.text[i] == 'E') {
		mark := i
		i++
		if i < len(p.text) && (p.text[i] == '+' || p.text[i] == '-') {
			i++
		}
		before := i
		if digits(); i == before {
			i = mark
		} else {
			kind = floatLiteral
		}
	}
	if i < len(p.text) && !strings.ContainsRune(".,(){}@[]?' \t\r\n\"", rune(p.text[i])) {
		p.fail(start, fmt.Sprintf("Unable to parse template language expression '%s': the number at position '%d' is followed by other characters.", p.text, start))
		return
	}
	p.at = i
	text := p.text[start:i]
	p.tok = token{kind: kind, at: start, end: i}
	if kind == integerLiteral {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			p.fail(start, fmt.Sprintf("Unable to parse template language expression '%s': the integer '%s' is out of range.", p.text, text))
			return
		}
		p.tok.value = value.Int(n)
		return
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && f == 0 {
		p.fail(start, fmt.Sprintf("Unable to parse template language expression '%s': the number '%s' is not valid.", p.text, text))
		return
	}
	p.tok.value = value.Float(f)
}

func (p *parser) expression() *node {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.tok.at, fmt.Sprintf("The template language expression nests deeper than '%d' levels.", maxNesting))
		return nil
	}
	defer func() { p.depth-- }()
	t := p.tok
	switch t.kind {
	case stringLiteral:
		p.next()
		return &node{literal: value.String(t.text), column: t.at}
	case integerLiteral, floatLiteral:
		p.next()
		return &node{literal: t.value, column: t.at}
	case identifier:
		p.next()
		if p.tok.kind != leftParenthesis {
			if literal, ok := map[string]value.Value{"true": value.Bool(true), "false": value.Bool(false), "null": value.Null()}[strings.ToLower(t.text)]; ok {
				return &node{literal: literal, column: t.at}
			}
		}
		return p.call(t)
	}
	p.unexpected(identifier)
	return nil
}

func (p *parser) call(name token) *node {
	n := &node{name: name.text, column: name.at}
	if p.tok.kind != leftParenthesis {
		p.unexpected(leftParenthesis)
		return nil
	}
	p.next()
	for p.tok.kind != rightParenthesis {
		if len(n.args) > 0 {
			if p.tok.kind != comma {
				p.unexpected(rightParenthesis)
				return nil
			}
			p.next()
		}
		n.args = append(n.args, p.expression())
		if p.err != nil {
			return nil
		}
	}
	end := p.tok.end
	p.next()
	end = p.selections(n, end)
	if p.err != nil {
		return nil
	}
	n.source = p.text[name.at:end]
	n.resolve()
	return n
}

func (p *parser) selections(n *node, end int) int {
	for p.err == nil {
		d := deref{}
		if p.tok.kind == questionMark {
			d.safe = true
			p.next()
			if p.tok.kind != dot && p.tok.kind != leftSquareBracket {
				p.unexpected(dot)
				return end
			}
		}
		switch p.tok.kind {
		case dot:
			p.next()
			if p.tok.kind != identifier {
				p.unexpected(identifier)
				return end
			}
			d.name, d.isName = p.tok.text, true
		case leftSquareBracket:
			p.next()
			d.index = p.expression()
			if p.err == nil && p.tok.kind != rightSquareBracket {
				p.unexpected(rightSquareBracket)
			}
			if p.err != nil {
				return end
			}
			if s, ok := d.index.literal.AsString(); ok {
				d.name, d.isName, d.index = s, true, nil
			}
		default:
			return end
		}
		end = p.tok.end
		d.end = end - n.column
		n.derefs = append(n.derefs, d)
		p.next()
	}
	return end
}

// resolve looks the function up and checks the number of arguments, once.
func (n *node) resolve() {
	n.function = lookup(n.name)
	if n.function == nil {
		n.kind = unknownNode
		return
	}
	n.arity = n.function.checkCount(len(n.args))
	switch {
	case n.arity != "":
		n.kind = arityNode
	case n.function.read != nil:
		n.kind = readNode
	case n.function.lazy != nil:
		n.kind = lazyNode
	default:
		n.kind = callNode
	}
	if len(n.args) > 0 && n.function.ref != 0 {
		n.constant, n.named = n.args[0].literal.AsString()
	}
}
