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
	copyName   string
	copyIndex  int64
	inCopy     bool
	depth      int
	problems   int // how many there were when it began
}

func newEvaluation(l *loader, template value.Value, at *value.Path) *evaluation {
	return &evaluation{l: l, template: template, at: at, given: map[string]value.Value{}, variables: map[string]value.Value{},
		evaluating: map[string]bool{}, problems: len(l.problems)}
}

func (e *evaluation) failed() bool {
	return slices.ContainsFunc(e.l.problems[e.problems:], func(p value.Problem) bool { return !p.Warning })
}

// parameters pairs the declared parameters with the values given; secure ones are
// marked with where they come from.
func (e *evaluation) parameters(given value.Value) {
	at := e.at.Key("parameters")
	declared := e.template.Member("parameters")
	for name := range given.Members {
		if !declared.Has(name) {
			e.l.fail(invalidParameter, at, "The parameter '%s' is not declared in the template.", name)
		}
	}
	for name, d := range declared.Members {
		place := at.Key(name)
		v := given.Member(name).Member("value")
		if reference := given.Member(name).Member("reference"); !reference.IsAbsent() {
			v = reference.Member("value") // put there by whoever resolved it
			if v.IsAbsent() && !e.l.context.Assume {
				e.l.fail(invalidParameter, place, "The parameter '%s' refers to a Key Vault secret, which has to be given as a value here.", name)
				v = value.Null()
			}
		}
		if v.IsAbsent() {
			fallback, ok := d.Get("defaultValue")
			if !ok && e.l.context.Assume {
				fallback, ok = assumed(name, d), true
			}
			if !ok {
				e.l.fail(invalidParameter, place, "The value for the template parameter '%s' is not provided.", name)
				continue
			}
			v = e.value(fallback, place.Key("defaultValue"))
		}
		e.checkType(name, d, v, place)
		if strings.HasPrefix(strings.ToLower(d.Member("type").Str()), "secure") {
			v = v.Mark(value.Origin{Class: value.Credential, Name: "template:" + name})
		}
		e.given[strings.ToLower(name)] = v
	}
}

// assumed is a plausible value of a declared parameter.
func assumed(name string, d value.Value) value.Value {
	if allowed := d.Member("allowedValues"); allowed.Len() > 0 {
		return allowed.At(0)
	}
	switch strings.ToLower(d.Member("type").Str()) {
	case "int":
		return value.Int(1)
	case "bool":
		return value.Bool(true)
	case "array":
		return value.Array()
	case "object", "secureobject":
		return value.Object()
	default:
		return value.String("example-" + name)
	}
}

func (e *evaluation) checkType(name string, declaration, v value.Value, at *value.Path) {
	kinds := map[string]value.Kind{
		"string": value.KindString, "securestring": value.KindString, "int": value.KindInt, "bool": value.KindBool,
		"object": value.KindObject, "secureobject": value.KindObject, "array": value.KindArray,
	}
	typ := strings.ToLower(declaration.Member("type").Str())
	if want, ok := kinds[typ]; !ok {
		e.l.fail(invalidParameter, at.Key("type"), "The type '%s' of template parameter '%s' is not valid.", typ, name)
	} else if !v.IsNull() && v.Kind() != want {
		e.l.fail(invalidParameter, at, "The value of template parameter '%s' is of type '%s'; '%s' is declared.", name, v.Kind(), typ)
	}
	if allowed := declaration.Member("allowedValues"); allowed.Len() > 0 {
		plain := string(value.Reveal(v))
		for _, a := range allowed.Elements {
			if strings.EqualFold(string(value.Reveal(a)), plain) {
				return
			}
		}
		e.l.fail(invalidParameter, at, "The value of template parameter '%s' is not one of the allowed values.", name)
	}
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
		place := at.Index(i)
		count, _ := e.value(c.Member("count"), place.Key("count")).AsInt()
		if count < 0 || count > maxCopies {
			e.l.fail(invalidTemplate, place.Key("count"), "The count of a copy loop must be 0 to %d.", maxCopies)
			continue
		}
		items := make([]value.Value, 0, count)
		for n := range count {
			inner := *e
			inner.copyName, inner.copyIndex, inner.inCopy = c.Member("name").Str(), n, true
			items = append(items, inner.value(c.Member("input"), place.Key("input")))
		}
		b.Set(c.Member("name").Str(), value.Array(items...))
	}
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
	p := &parser{text: s, at: 1, e: e}
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
	depth int
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
			name := p.word()
			if name == "" {
				return value.Value{}, errors.New("a property name is missing after '.'")
			}
			v, err = selectFrom(v, value.String(name))
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
			v, err = selectFrom(v, key)
		default:
			return v, nil
		}
	}
	return value.Value{}, err
}

func selectFrom(v, key value.Value) (value.Value, error) {
	if isUnknown(v) {
		return unknown, nil
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

func (p *parser) call(name string) (value.Value, error) {
	at := p.at
	p.at++
	var args []value.Value
	var origins []value.Origin
	for p.peek() != ')' {
		if len(args) > 0 {
			if p.peek() != ',' {
				return value.Value{}, errors.New("',' or ')' is missing")
			}
			p.at++
		}
		v, err := p.expression()
		if err != nil {
			return value.Value{}, err
		}
		args = append(args, v)
		origins = append(origins, v.Taint()...)
	}
	p.at++
	v, err := p.e.call(name, args)
	if err != nil {
		p.at = at - len(name)
		if len(origins) > 0 {
			err = fmt.Errorf("the function '%s' failed; its parameters derive from a secret and are not shown", name)
		}
		return value.Value{}, err
	}
	return v.Mark(origins...), nil
}
