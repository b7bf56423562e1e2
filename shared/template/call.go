package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// call reads the arguments of a function and evaluates it.
func (p *parser) call(name string) (value.Value, error) {
	at := p.at
	p.at++
	key := strings.ToLower(strings.TrimPrefix(strings.ToLower(name), "sys."))
	if key == "lambda" {
		return value.Value{}, errors.New("lambda() stands only in functions that take one")
	}
	var args []value.Value
	var texts []string
	was := p.passing
	defer func() { p.passing = was }()
	for p.peek() != ')' {
		if len(args) > 0 {
			if p.peek() != ',' {
				return value.Value{}, errors.New("',' or ')' is missing")
			}
			p.at++
			p.blanks()
		}
		if key == "if" { // only the branch that is taken is evaluated
			p.passing = was || len(args) > 0 && !takes(args[0], len(args))
		}
		start := p.at
		v, err := p.argument(key, len(args))
		if err != nil {
			return value.Value{}, err
		}
		args, texts = append(args, v), append(texts, p.text[start:p.at])
	}
	p.at++
	if p.passing = was; was {
		return value.Null(), nil
	}
	var origins []value.Origin
	for _, v := range args {
		origins = append(origins, v.Taint()...)
	}
	v, err := p.e.call(p, name, args, texts)
	if err != nil {
		p.at = at - len(name)
		if len(origins) > 0 {
			err = fmt.Errorf("the function '%s' failed; its parameters derive from a secret and are not shown", name)
		}
		return value.Value{}, err
	}
	return v.Mark(origins...), nil
}

// takes tells whether if() evaluates an argument by what its condition is.
func takes(condition value.Value, argument int) bool {
	yes, ok := condition.AsBool()
	return !ok || yes == (argument == 1)
}

// argument reads one; a lambda is only read over, whoever takes it evaluates it.
func (p *parser) argument(function string, index int) (value.Value, error) {
	if _, takesLambda := lambdaFunctions[function]; !takesLambda || index == 0 || !p.lambdaAhead() {
		return p.expression()
	}
	was := p.passing
	p.passing = true
	p.word()
	p.peek()
	p.at++ // the parenthesis that was seen
	for n := 0; p.peek() != ')'; n++ {
		if n > 0 {
			if p.peek() != ',' {
				return value.Value{}, errors.New("',' or ')' is missing")
			}
			p.at++
		}
		if _, err := p.expression(); err != nil {
			return value.Value{}, err
		}
	}
	p.at++
	p.passing = was
	return value.Null(), nil
}

func (p *parser) lambdaAhead() bool {
	p.blanks()
	mark := p.at
	defer func() { p.at = mark }()
	return strings.EqualFold(p.word(), "lambda") && p.peek() == '('
}

// call evaluates a function of the template language, ignoring case. texts are the
// arguments as they are written.
func (e *evaluation) call(p *parser, name string, args []value.Value, texts []string) (value.Value, error) {
	key := strings.TrimPrefix(strings.ToLower(name), "sys.")
	if isRuntime(key) {
		return e.runtime(p, strings.TrimPrefix(name, "sys."), args)
	}
	if e.l.lookup != nil && key != "if" && slices.ContainsFunc(args, HasUnknown) && key != "createarray" && key != "createobject" {
		return Unknown, nil // what is made of it is not known either
	}
	if f, ok := lambdaFunctions[key]; ok {
		return f(p, args, texts)
	}
	if v, known, err := e.scoped(p, key, args); known {
		return v, err
	}
	if strings.Contains(key, ".") {
		return e.own(name, args)
	}
	f, ok := pureFunctions[key]
	if !ok {
		return value.Value{}, fmt.Errorf("the function '%s' is not known here", name)
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		return value.Value{}, fmt.Errorf("the function '%s' has %d parameters, which is not what it takes", name, len(args))
	}
	return f.body(args)
}

// own calls a function that the template defines itself: namespace.name, which knows
// its parameters and nothing else.
func (e *evaluation) own(name string, args []value.Value) (value.Value, error) {
	namespace, member, _ := strings.Cut(name, ".")
	for i, n := range e.template.Member("functions").Elements {
		if !strings.EqualFold(n.Member("namespace").Str(), namespace) {
			continue
		}
		f, ok := n.Member("members").Get(member)
		if !ok {
			break
		}
		declared := f.Member("parameters")
		if declared.Len() != len(args) {
			return value.Value{}, fmt.Errorf("the function '%s' takes %d parameters", name, declared.Len())
		}
		if e.depth >= maxCalls {
			return value.Value{}, fmt.Errorf("the function '%s' calls itself too often", name)
		}
		inner := newEvaluation(e.l, value.Object(value.Member{Key: "functions", Value: e.template.Member("functions")}), nil)
		inner.depth, inner.c = e.depth+1, e.c
		for j := range declared.Len() {
			inner.given[strings.ToLower(declared.At(j).Member("name").Str())] = args[j]
		}
		at := e.at.Key("functions").Index(i).Keys("members", member, "output", "value")
		before := len(e.l.problems)
		v := inner.value(f.Member("output").Member("value"), at)
		if len(e.l.problems) > before {
			return value.Value{}, fmt.Errorf("the function '%s' failed", name)
		}
		return v, nil
	}
	return value.Value{}, fmt.Errorf("the function '%s' is not known here", name)
}

// maxCalls bounds how deep functions of a template call each other.
const maxCalls = 16
