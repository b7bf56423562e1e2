package liquid

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
)

var (
	errBreak    = errors.New("break outside of a loop")
	errContinue = errors.New("continue outside of a loop")
)

type renderer = func(io.Writer, render.Context) error

// addTags registers the tags.
func (s *session) addTags(c *render.Config) {
	c.AddTag("assign", assign)
	c.AddTag("include", func(string) (renderer, error) { return nil, errors.New("other templates cannot be included") })
	c.AddTag("break", func(string) (renderer, error) {
		return func(_ io.Writer, ctx render.Context) error { return ctx.WrapError(errBreak) }, nil
	})
	c.AddTag("continue", func(string) (renderer, error) {
		return func(_ io.Writer, ctx render.Context) error { return ctx.WrapError(errContinue) }, nil
	})
	c.AddTag("cycle", s.cycle)
	c.AddTag("increment", counter(0, 1))
	c.AddTag("decrement", counter(-1, -1))
	c.AddBlock("capture").Compiler(capture)
	c.AddBlock("comment") // the parser leaves out what is inside
	c.AddBlock("raw")     // the parser keeps what is inside
	c.AddBlock("if").Clause("else").Clause("elsif").Compiler(conditional(false))
	c.AddBlock("unless").Clause("else").Clause("elsif").Compiler(conditional(true))
	c.AddBlock("case").Clause("when").Clause("else").Compiler(switching)
	c.AddBlock("for").Clause("else").Compiler(s.loop("", nil))
	c.AddBlock("JSONArrayFor").Compiler(s.loop(",", children))
}

func assign(args string) (renderer, error) {
	stmt, err := expressions.ParseStatement(expressions.AssignStatementSelector, args)
	if err != nil {
		return nil, err
	}
	return func(_ io.Writer, ctx render.Context) error {
		v, err := ctx.Evaluate(stmt.ValueFn)
		if err == nil {
			ctx.Set(stmt.Assignment.Variable, v)
		}
		return err
	}, nil
}

// children are what JSONArrayFor iterates over: the elements inside an element,
// whatever they are called.
func children(x any) any {
	o, ok := x.(object)
	if !ok {
		return x
	}
	var items []any
	for _, name := range o.names {
		if more, ok := o.values[name].([]any); ok {
			items = append(items, more...)
		} else if name[0] != '@' && name != textMember {
			items = append(items, o.values[name])
		}
	}
	return items
}

func (s *session) cycle(args string) (renderer, error) {
	stmt, err := expressions.ParseStatement(expressions.CycleStatementSelector, args)
	if err != nil {
		return nil, err
	}
	group, texts := stmt.Group, stmt.Values
	if group == "" {
		group = fmt.Sprint(texts)
	}
	return func(w io.Writer, _ render.Context) error {
		n := s.cycles[group]
		s.cycles[group]++
		_, err := io.WriteString(w, texts[n%len(texts)])
		return err
	}, nil
}

var plainName = regexp.MustCompile(`^\s*([A-Za-z_][\w-]*)\s*$`)

// counter prints a number that it changes: increment prints what was before,
// decrement what is after.
func counter(first, by int) func(string) (renderer, error) {
	return func(args string) (renderer, error) {
		m := plainName.FindStringSubmatch(args)
		if m == nil {
			return nil, errors.New("a variable must be named")
		}
		name := "increment " + m[1] // nothing to do with the variable of that name
		return func(w io.Writer, ctx render.Context) error {
			n, ok := ctx.Get(name).(int)
			if !ok {
				n = first
			}
			ctx.Set(name, n+by)
			_, err := io.WriteString(w, fmt.Sprint(n))
			return err
		}, nil
	}
}

func capture(node render.BlockNode) (renderer, error) {
	m := regexp.MustCompile(`^\s*['"]?([A-Za-z_][\w-]*)['"]?\s*$`).FindStringSubmatch(node.Args)
	if m == nil {
		return nil, errors.New("a variable must be named")
	}
	return func(_ io.Writer, ctx render.Context) error {
		out := &bounded{}
		if err := ctx.RenderChildren(out); err != nil {
			return err
		}
		ctx.Set(m[1], out.String())
		return nil
	}, nil
}

// conditional renders the first branch whose condition holds.
func conditional(negated bool) render.BlockCompiler {
	return func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		first, err := expressions.Parse(node.Args)
		if err != nil {
			return nil, err
		}
		if negated {
			first = expressions.Not(first)
		}
		conditions, bodies := []expressions.Expression{first}, []*render.BlockNode{&node}
		for _, clause := range node.Clauses {
			condition := expressions.Constant(true)
			if clause.Name == "elsif" {
				if condition, err = expressions.Parse(clause.Args); err != nil {
					return nil, err
				}
			}
			conditions, bodies = append(conditions, condition), append(bodies, clause)
		}
		return func(w io.Writer, ctx render.Context) error {
			for i, condition := range conditions {
				v, err := ctx.Evaluate(condition)
				if err != nil {
					return err
				}
				if v != nil && v != false {
					return ctx.RenderBlock(w, bodies[i])
				}
			}
			return nil
		}, nil
	}
}

func switching(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
	selector, err := expressions.Parse(node.Args)
	if err != nil {
		return nil, err
	}
	whens := make([][]expressions.Expression, len(node.Clauses)) // nil for else
	for i, clause := range node.Clauses {
		if clause.Name != "when" {
			continue
		}
		stmt, err := expressions.ParseStatement(expressions.WhenStatementSelector, clause.Args)
		if err != nil {
			return nil, err
		}
		whens[i] = stmt.Exprs
	}
	return func(w io.Writer, ctx render.Context) error {
		selected, err := ctx.Evaluate(selector)
		if err != nil {
			return err
		}
		for i, clause := range node.Clauses {
			matches := whens[i] == nil
			for _, e := range whens[i] {
				v, err := ctx.Evaluate(e)
				if err != nil {
					return err
				}
				matches = matches || values.Equal(selected, v)
			}
			if matches {
				return ctx.RenderBlock(w, clause)
			}
		}
		return nil
	}, nil
}

// loop renders its body for each item, with a separator between.
func (s *session) loop(separator string, items func(any) any) render.BlockCompiler {
	return func(node render.BlockNode) (func(io.Writer, render.Context) error, error) {
		stmt, err := expressions.ParseStatement(expressions.LoopStatementSelector, node.Args)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer, ctx render.Context) error {
			v, err := ctx.Evaluate(stmt.Expr)
			if err != nil {
				return err
			}
			if items != nil {
				v = items(v)
			}
			all, err := list(v)
			if err != nil {
				return err
			}
			if all, err = modified(stmt.Loop, ctx, all); err != nil {
				return err
			}
			if len(all) == 0 && len(node.Clauses) > 0 {
				return ctx.RenderBlock(w, node.Clauses[0])
			}
			return s.iterate(w, ctx, stmt.Loop.Variable, separator, all)
		}, nil
	}
}

func (s *session) iterate(w io.Writer, ctx render.Context, variable, separator string, all []any) error {
	const record = "forloop"
	outer, before := ctx.Get(record), ctx.Get(variable)
	defer func() {
		ctx.Set(record, outer)
		ctx.Set(variable, before)
	}()
	for i, item := range all {
		if err := s.step(); err != nil {
			return err
		}
		if i > 0 && separator != "" {
			if _, err := io.WriteString(w, separator); err != nil {
				return err
			}
		}
		f := newObject()
		f.set("first", i == 0)
		f.set("last", i == len(all)-1)
		f.set("index", i+1)
		f.set("index0", i)
		f.set("rindex", len(all)-i)
		f.set("rindex0", len(all)-i-1)
		f.set("length", len(all))
		f.set("parentloop", outer)
		ctx.Set(record, f)
		ctx.Set(variable, item)
		if err := ctx.RenderChildren(w); err != nil {
			switch cause := err.Cause(); {
			case errors.Is(cause, errBreak):
				return nil
			case !errors.Is(cause, errContinue):
				return err
			}
		}
	}
	return nil
}

// modified applies offset, limit and reversed, in the order in which DotLiquid does.
func modified(loop expressions.Loop, ctx render.Context, all []any) ([]any, error) {
	number := func(e expressions.Expression, otherwise int) (int, error) {
		if e == nil {
			return otherwise, nil
		}
		v, err := ctx.Evaluate(e)
		if err != nil {
			return 0, err
		}
		n, ok := toNumber(v).(int)
		if !ok {
			return 0, errors.New("limit and offset must be whole numbers")
		}
		return n, nil
	}
	offset, err := number(loop.Offset, 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(loop.Limit, len(all))
	if err != nil {
		return nil, err
	}
	all = all[min(max(offset, 0), len(all)):]
	all = all[:min(max(limit, 0), len(all))]
	if loop.Reversed {
		turned := make([]any, len(all))
		for i, item := range all {
			turned[len(all)-1-i] = item
		}
		all = turned
	}
	return all, nil
}
