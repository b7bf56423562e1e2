package template

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// evaluation evaluates the bracketed strings of one template.
type evaluation struct {
	l          *loader
	template   value.Value
	at         *value.Path
	given      map[string]value.Value // parameter values by lower-case name
	variables  map[string]value.Value // evaluated so far
	evaluating map[string]bool
	loops      []loop
	depth      int
	problems   int // how many there were when it began
	c          Context

	raw map[string]bool // parameters whose values are being worked out
	got value.Value     // what was given for them

	outer     *evaluation // whose expressions give the parameters; nil: they are values
	written   value.Value // these expressions
	writtenAt *value.Path
	outputs   value.Value
	outputsAt *value.Path
}

func newEvaluation(l *loader, template value.Value, at *value.Path) *evaluation {
	return &evaluation{l: l, template: template, at: at, given: map[string]value.Value{}, variables: map[string]value.Value{},
		evaluating: map[string]bool{}, problems: len(l.problems), c: l.context}
}

func (e *evaluation) failed() bool {
	return slices.ContainsFunc(e.l.problems[e.problems:], func(p value.Problem) bool { return !p.Warning })
}

// value evaluates every bracketed string in v.
func (e *evaluation) value(v value.Value, at *value.Path) value.Value {
	switch v.Kind() {
	case value.KindString:
		return e.string(v, at)
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = e.value(item, at.Index(i))
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for key, item := range v.Members {
			name := key
			if isExpression(key) {
				name = e.string(value.String(key), at.Key(key)).Str()
			}
			if key == "copy" && item.Kind() == value.KindArray {
				e.propertyCopies(b, item, at.Key(key))
				continue
			}
			b.Set(name, e.value(item, at.Key(key)))
		}
		return b.Build()
	default:
		return v
	}
}

// propertyCopies makes arrays out of "copy": [{name, count, input}].
func (e *evaluation) propertyCopies(b *value.Builder, list value.Value, at *value.Path) {
	for i, c := range list.Elements {
		name := c.Member("name").Str()
		b.Set(name, e.copies(name, c, at.Index(i)))
	}
}

// copies is what the loop {count, input} makes.
func (e *evaluation) copies(name string, c value.Value, at *value.Path) value.Value {
	count, ok := e.copyCount(c.Member("count"), at.Key("count"))
	if !ok {
		return value.Null()
	}
	items := make([]value.Value, 0, count)
	for n := range count {
		items = append(items, e.turn(name, n, false).value(c.Member("input"), at.Key("input")))
	}
	return value.Array(items...)
}

func (e *evaluation) text(v value.Value, at *value.Path) string { return e.value(v, at).Str() }

func isExpression(s string) bool {
	return len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' && !strings.HasPrefix(s, "[[")
}

func (e *evaluation) string(v value.Value, at *value.Path) value.Value {
	s := v.Str()
	if strings.HasPrefix(s, "[[") && strings.HasSuffix(s, "]") {
		return value.String(s[1:])
	}
	if !isExpression(s) {
		return v
	}
	p := &parser{text: s, at: 1, e: e, place: at}
	result, err := p.expression()
	if err == nil {
		p.blanks()
		if p.at != len(s)-1 {
			err = errors.New("the expression goes on where it should end")
		}
	}
	if err != nil {
		e.l.problems = append(e.l.problems, value.Problem{
			Code: invalidTemplate, Path: at, Column: 1 + utf8.RuneCountInString(s[:min(p.at, len(s))]),
			Message: fmt.Sprintf("The template expression cannot be evaluated: %s.", err),
		})
		return value.Null()
	}
	return result
}

// parser reads and evaluates a template expression in one pass: templates are
// deployed once.
type parser struct {
	text  string
	at    int
	e     *evaluation
	place *value.Path
	depth int
	// passing: what is read is not evaluated; it is the branch that is not taken.
	passing bool
	// bound are the parameters of the lambdas around.
	bound []binding
}

func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	p.blanks()
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) expression() (value.Value, error) {
	if p.depth++; p.depth > 100 {
		return value.Value{}, errors.New("it nests too deep")
	}
	defer func() { p.depth-- }()
	v, err := p.primary()
	for err == nil {
		switch p.peek() {
		case '.':
			p.at++
			p.blanks()
			name := p.word()
			if name == "" {
				return value.Value{}, errors.New("a property name is missing after '.'")
			}
			v, err = p.selectFrom(v, value.String(name))
		case '[':
			p.at++
			var key value.Value
			if key, err = p.expression(); err != nil {
				return value.Value{}, err
			}
			if p.peek() != ']' {
				return value.Value{}, errors.New("']' is missing")
			}
			p.at++
			v, err = p.selectFrom(v, key)
		default:
			return v, nil
		}
	}
	return value.Value{}, err
}

func (p *parser) selectFrom(v, key value.Value) (value.Value, error) {
	if p.passing {
		return value.Null(), nil
	}
	return selectFrom(v, key)
}

func selectFrom(v, key value.Value) (value.Value, error) {
	if IsUnknown(v) || IsUnknown(key) {
		return Unknown, nil
	}
	if i, ok := key.AsInt(); ok && v.Kind() == value.KindArray {
		if i < 0 || i >= int64(v.Len()) {
			return value.Value{}, errors.New("an index is outside of its array")
		}
		return v.At(int(i)), nil
	}
	if name, ok := key.AsString(); ok && v.Kind() == value.KindObject {
		if m, ok := v.Get(name); ok {
			return m, nil
		}
		return value.Value{}, fmt.Errorf("the property '%s' does not exist", name)
	}
	return value.Value{}, fmt.Errorf("nothing can be selected from a value of type '%s'", v.Kind())
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && c != '$' && (c < '0' || c > '9') && (c|32 < 'a' || c|32 > 'z') {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

func (p *parser) primary() (value.Value, error) {
	switch c := p.peek(); {
	case c == '\'':
		return p.quoted()
	case c == '-' || c >= '0' && c <= '9':
		start := p.at
		p.at++
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		n, err := strconv.ParseInt(p.text[start:p.at], 10, 64)
		if err != nil {
			return value.Value{}, errors.New("a number is out of range")
		}
		return value.Int(n), nil
	}
	name := p.word()
	for p.at < len(p.text) && p.text[p.at] == '.' && name != "" { // namespace.function
		mark := p.at
		p.at++
		rest := p.word()
		if p.peek() != '(' {
			p.at = mark
			break
		}
		name += "." + rest
	}
	if name == "" {
		return value.Value{}, errors.New("a value is missing")
	}
	if p.peek() != '(' {
		return value.Value{}, fmt.Errorf("'%s' is neither a call nor a value", name)
	}
	return p.call(name)
}

func (p *parser) quoted() (value.Value, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
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
		return value.String(b.String()), nil
	}
	return value.Value{}, errors.New("a string has no end")
}
