package operation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// What Query, Select, Join and Table share: they go over an array, evaluate
// deferred templates item by item, and must end without taking all memory,
// whatever they are given (workflow-definition §8).
const (
	maxItems  = 100_000
	maxResult = 104_857_600 // characters, or about as many bytes of JSON
)

// itemBudget is what all items of one action together may take. A single item may
// not take more than any expression.
var itemBudget = expr.Budget{Steps: 4 * expr.DefaultSteps, Bytes: 4 * expr.DefaultBytes}

// badInput is an input that the service takes for none of the action's type.
func badInput(format string, args ...any) run.Outcome {
	return run.Fail("BadRequest", "BadRequest", fmt.Sprintf(format, args...))
}

// templateFailure is an expression that failed inside an operation, worded as if
// it had failed before it (expressions §12).
func (c Call) templateFailure(err error) run.Outcome {
	return run.Fail("BadRequest", definition.InvalidTemplate, fmt.Sprintf(
		"Unable to process template language expressions in action '%s' inputs at line '0' and column '0': '%s'.",
		c.Action, err))
}

func (c Call) tooLarge() run.Outcome {
	const code = "ActionResultsSizeLimitExceeded"
	return run.Fail(code, code, fmt.Sprintf("The result of action '%s' is larger than the '%d' characters that it may have.", c.Action, maxResult))
}

// bodyOutputs are the outputs of an operation that only has a body.
func bodyOutputs(v value.Value) value.Value {
	return value.Object(value.Member{Key: "body", Value: v})
}

// checkItems returns what is wrong with the array that an operation goes over.
func checkItems(operation string, from value.Value, wanted string) *run.Outcome {
	var o run.Outcome
	switch {
	case from.Kind() != value.KindArray:
		o = badInput("The 'from' property value in the '%s' action inputs is of type '%s'. The value must be %s.", operation, from.Kind(), wanted)
	case from.Len() > maxItems:
		o = badInput("The 'from' property value in the '%s' action inputs has '%d' items. It must not have more than '%d'.", operation, from.Len(), maxItems)
	default:
		return nil
	}
	return &o
}

// scope is what a deferred template sees for an item. Outside of a run that is
// the item and the time.
func (c Call) scope(item value.Value) *expr.Env {
	if c.Env != nil {
		return c.Env(item)
	}
	return run.Env(&definition.Program{}, run.NewState(run.Header{}), nil, "", item, expr.Ambient{Now: time.Now, Rand: rand.Int64N})
}

// perItem evaluates deferred templates of one call, item by item.
type perItem struct {
	ctx  context.Context
	call Call
	left expr.Budget
}

func (c Call) perItem(ctx context.Context) *perItem { return &perItem{ctx, c, itemBudget} }

// evaluate returns null for an expression that finds nothing.
func (p *perItem) evaluate(t *expr.Template, item value.Value) (value.Value, *run.Outcome) {
	if fixed, ok := t.Constant(); ok {
		return fixed, nil
	}
	if p.ctx.Err() != nil { // whoever takes the run over begins anew
		o := run.Fail("ActionAborted", "ActionAborted", "The action was interrupted.")
		o.Again = time.Nanosecond
		return value.Value{}, &o
	}
	env := p.call.scope(item)
	env.Budget = expr.Budget{Steps: min(p.left.Steps, expr.DefaultSteps), Bytes: min(p.left.Bytes, expr.DefaultBytes)}
	v, err := t.Evaluate(env)
	if err != nil {
		o := p.call.templateFailure(err)
		return v, &o
	}
	left := env.Left()
	// Never nothing, which would mean the default budget.
	p.left.Steps = max(p.left.Steps-env.Budget.Steps+left.Steps, 1)
	p.left.Bytes = max(p.left.Bytes-env.Budget.Bytes+left.Bytes, 1)
	if v.IsAbsent() {
		v = value.Null()
	}
	return v, nil
}

// textOf is the text of a value, unless it has more than most characters. Values
// share what they have in common, so that a small one may have a long text.
func textOf(v value.Value, most int) (string, bool) {
	if size(v, most) > most {
		return "", false
	}
	return expr.TextOf(v), true
}

// size is about how many bytes of JSON a value has. It stops counting above most.
func size(v value.Value, most int) int {
	switch v.Kind() {
	case value.KindString:
		return len(v.Str()) + 2
	case value.KindArray, value.KindObject:
		n := 2
		for i := range v.Len() {
			if n > most {
				break
			}
			if v.Kind() == value.KindObject {
				n += len(v.KeyAt(i)) + 4
			}
			n += 1 + size(v.At(i), most-n)
		}
		return n
	}
	return scalarSize
}

// scalarSize counts more than a number or boolean mostly takes as text, because in
// memory it takes more.
const scalarSize = 16
