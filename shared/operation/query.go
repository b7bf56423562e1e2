package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Query", Inline: true,
		Required: []string{"from", "where"}, Deferred: []string{"where"},
		Bare: "from", // run history shows the array that is filtered, without more (actions §4)
	},
	Doc: "Keeps the items of an array for which an expression with item() is true.",
	Examples: []Example{
		{Inputs: `{"from":[1,2,3],"where":"@greater(item(),1)"}`, Want: `{"body":[2,3]}`},
		{Inputs: `{"from":[{"a":"x"},{"a":"y"}],"where":"@equals(item()?['a'],'z')"}`, Want: `{"body":[]}`},
		{Inputs: `{"from":null,"where":"@true"}`, Want: `{"code":"BadRequest","message":"The 'from' property value in the 'query' action inputs is of type 'Null'. The value must be an array."}`},
		{Inputs: `{"from":[1],"where":"@item()"}`, Want: `{"code":"BadRequest","message":"The 'where' property value in the 'query' action inputs is of type 'Integer'. The value must be of type 'Boolean'."}`},
	},
	Run: query,
})

// query keeps items as they are, with the secrets they derive from. Which of them
// were kept is no secret, as with if().
func query(ctx context.Context, _ Deps, c Call) run.Outcome {
	from := c.Inputs
	if o := checkItems("query", from, "an array"); o != nil {
		return *o
	}
	kept := []value.Value{}
	each := c.perItem(ctx)
	for _, item := range from.Elements {
		v, failure := each.evaluate(c.Deferred["where"], item)
		if failure != nil {
			return *failure
		}
		yes, ok := v.AsBool()
		if !ok {
			return badInput("The 'where' property value in the 'query' action inputs is of type '%s'. The value must be of type 'Boolean'.", v.Kind())
		}
		if yes {
			kept = append(kept, item)
		}
	}
	return run.Succeed("", bodyOutputs(value.Array(kept...)))
}
