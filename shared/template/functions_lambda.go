package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// binding is a parameter of a lambda that is being evaluated.
type binding struct {
	name string
	v    value.Value
}

func (p *parser) lambdaVariable(name string) (value.Value, error) {
	for _, b := range slices.Backward(p.bound) {
		if strings.EqualFold(b.name, name) {
			return b.v, nil
		}
	}
	return value.Value{}, fmt.Errorf("the lambda variable '%s' is not found", name)
}

// lambda is the function that stands in an argument.
type lambda struct {
	p    *parser
	text string
	uses int // how many parameters it has
}

// lambdaOf reads lambda('a', …, body) as it is written.
func lambdaOf(p *parser, text string) (*lambda, error) {
	if !(&parser{text: text}).lambdaAhead() {
		return nil, errors.New("a lambda is needed")
	}
	l := &lambda{p: p, text: text}
	_, err := l.run(nil)
	return l, err
}

// run evaluates the body for arguments; with none it only counts the parameters.
func (l *lambda) run(args []value.Value) (value.Value, error) {
	in := &parser{text: l.text, e: l.p.e, place: l.p.place, depth: l.p.depth + 1, bound: slices.Clip(l.p.bound), passing: args == nil}
	in.blanks()
	in.word()
	in.peek()
	in.at++
	var names []string
	for {
		mark := in.at
		v, err := in.lambdaParameter()
		if err != nil {
			return value.Value{}, err
		}
		if in.peek() == ')' { // the last one is the body
			in.at = mark
			break
		}
		if in.peek() != ',' {
			return value.Value{}, errors.New("',' or ')' is missing")
		}
		in.at++
		names = append(names, v)
	}
	l.uses = len(names)
	for i, name := range names {
		if i < len(args) {
			in.bound = append(in.bound, binding{name, args[i]})
		}
	}
	return in.expression()
}

// lambdaParameter reads over an argument, without evaluating it, and gives its text.
func (p *parser) lambdaParameter() (string, error) {
	was := p.passing
	p.passing = true
	defer func() { p.passing = was }()
	v, err := p.expression()
	return v.Str(), err
}

// maxTurns bounds what lambdas in lambdas do.
const maxTurns = 100_000

func (l *lambda) each(args ...value.Value) (value.Value, error) {
	if l.p.e.l.turns++; l.p.e.l.turns > maxTurns {
		return value.Value{}, errors.New("the lambdas take too many turns")
	}
	return l.run(args[:min(len(args), max(l.uses, 1))])
}

type lambdaFunction func(p *parser, args []value.Value, texts []string) (value.Value, error)

var lambdaFunctions map[string]lambdaFunction

func init() { // the functions call the parser, which looks them up
	lambdaFunctions = map[string]lambdaFunction{
		"filter": filter, "map": mapped, "mapvalues": mapValues, "reduce": reduce, "sort": sorted, "toobject": toObject, "groupby": groupBy,
	}
}

// lambdaArgument checks the number of arguments and reads the lambda at a place.
func lambdaArgument(p *parser, texts []string, least, most, at int) (*lambda, error) {
	if len(texts) < least || len(texts) > most {
		return nil, errors.New("the function takes an array or object and a lambda")
	}
	return lambdaOf(p, texts[at])
}

func filter(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 2, 2, 1)
	if err != nil {
		return value.Value{}, err
	}
	var kept []value.Value
	for i, item := range args[0].Elements {
		v, err := l.each(item, value.Int(int64(i)))
		if err != nil {
			return value.Value{}, err
		}
		if yes, _ := v.AsBool(); yes {
			kept = append(kept, item)
		}
	}
	return value.Array(kept...), nil
}

func mapped(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 2, 2, 1)
	if err != nil {
		return value.Value{}, err
	}
	var made []value.Value
	for i, item := range args[0].Elements {
		v, err := l.each(item, value.Int(int64(i)))
		if err != nil {
			return value.Value{}, err
		}
		made = append(made, v)
	}
	return value.Array(made...), nil
}

func mapValues(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 2, 2, 1)
	if err != nil {
		return value.Value{}, err
	}
	b := value.NewObject(args[0].Len())
	for name, item := range args[0].Members {
		v, err := l.each(item)
		if err != nil {
			return value.Value{}, err
		}
		b.Set(name, v)
	}
	return b.Build(), nil
}

func reduce(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 3, 3, 2)
	if err != nil {
		return value.Value{}, err
	}
	sum := args[1]
	for i, item := range args[0].Elements {
		if sum, err = l.each(sum, item, value.Int(int64(i))); err != nil {
			return value.Value{}, err
		}
	}
	return sum, nil
}

func sorted(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 2, 2, 1)
	if err != nil {
		return value.Value{}, err
	}
	var list []value.Value
	for _, item := range args[0].Elements {
		list = append(list, item)
	}
	var failed error
	before := func(a, b value.Value) bool {
		v, err := l.each(a, b)
		if err != nil {
			failed = err
		}
		yes, _ := v.AsBool()
		return yes
	}
	slices.SortStableFunc(list, func(a, b value.Value) int {
		switch {
		case failed != nil:
			return 0
		case before(a, b) && !before(b, a): // lessOrEquals is taken for less
			return -1
		case before(b, a) && !before(a, b):
			return 1
		}
		return 0
	})
	return value.Array(list...), failed
}

func toObject(p *parser, args []value.Value, texts []string) (value.Value, error) {
	key, err := lambdaArgument(p, texts, 2, 3, 1)
	if err != nil {
		return value.Value{}, err
	}
	var of *lambda
	if len(texts) > 2 {
		if of, err = lambdaOf(p, texts[2]); err != nil {
			return value.Value{}, err
		}
	}
	b := value.NewObject(args[0].Len())
	for _, item := range args[0].Elements {
		name, err := key.each(item)
		v := item
		if err == nil && of != nil {
			v, err = of.each(item)
		}
		if err != nil {
			return value.Value{}, err
		}
		b.Set(textOf(name), v)
	}
	return b.Build(), nil
}

func groupBy(p *parser, args []value.Value, texts []string) (value.Value, error) {
	l, err := lambdaArgument(p, texts, 2, 2, 1)
	if err != nil {
		return value.Value{}, err
	}
	groups := map[string][]value.Value{}
	var order []string
	for _, item := range args[0].Elements {
		name, err := l.each(item)
		if err != nil {
			return value.Value{}, err
		}
		key := textOf(name)
		if _, known := groups[key]; !known {
			order = append(order, key)
		}
		groups[key] = append(groups[key], item)
	}
	b := value.NewObject(len(order))
	for _, key := range order {
		b.Set(key, value.Array(groups[key]...))
	}
	return b.Build(), nil
}
