package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Select", Inline: true,
		Required: []string{"from", "select"}, Deferred: []string{"select"},
	},
	Doc: "Makes of each item of an array another value: an object of expressions with item(), or one expression.",
	Examples: []Example{
		{Inputs: `{"from":[{"id":1,"n":"a"},{"id":2}],"select":{"key":"@item()['id']","name":"@item()?['n']","fixed":true}}`,
			Want: `{"body":[{"key":1,"name":"a","fixed":true},{"key":2,"name":null,"fixed":true}]}`},
		{Inputs: `{"from":["a","b"],"select":"@toUpper(item())"}`, Want: `{"body":["A","B"]}`},
		{Inputs: `{"from":"a,b","select":"@item()"}`, Want: `{"code":"BadRequest","message":"The 'from' property value in the 'select' action inputs is of type 'String'. The value must be an array."}`},
	},
	Run: selectItems,
})

func selectItems(ctx context.Context, _ Deps, c Call) run.Outcome {
	from := c.Inputs.Member("from")
	if o := checkItems("select", from, "an array"); o != nil {
		return *o
	}
	results, left := make([]value.Value, 0, from.Len()), maxResult
	each := c.perItem(ctx)
	for _, item := range from.Elements {
		v, failure := each.evaluate(c.Deferred["select"], item)
		if failure != nil {
			return *failure
		}
		if left -= size(v, left); left < 0 {
			return c.tooLarge()
		}
		results = append(results, v)
	}
	return run.Succeed("", bodyOutputs(value.Array(results...)))
}
