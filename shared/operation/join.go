package operation

import (
	"context"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "Join", Inline: true, Required: []string{"from", "joinWith"}},
	Doc:  "Makes one text of an array: its items as text, objects as JSON, with a delimiter between them.",
	Examples: []Example{
		{Inputs: `{"from":["a",1,true,null,1.5],"joinWith":"; "}`, Want: `{"body":"a; 1; True; ; 1.5"}`},
		{Inputs: `{"from":[{"a":1},[2,"b"]],"joinWith":"<br>"}`, Want: `{"body":"{\"a\":1}<br>[2,\"b\"]"}`},
		{Inputs: `{"from":{"a":1},"joinWith":","}`, Want: `{"code":"BadRequest","message":"The 'from' property value in the 'join' action inputs is of type 'Object'. The value must be an array."}`},
	},
	Run: joinItems,
})

func joinItems(_ context.Context, _ Deps, c Call) run.Outcome {
	from, with := c.Inputs.Member("from"), c.Inputs.Member("joinWith")
	if o := checkItems("join", from, "an array"); o != nil {
		return *o
	}
	if k := with.Kind(); k == value.KindArray || k == value.KindObject {
		return badInput("The 'joinWith' property value in the 'join' action inputs is of type '%s'. The value must be of type 'String'.", k)
	}
	delimiter := expr.TextOf(with)
	if len(delimiter) > 0 && from.Len()-1 > maxResult/len(delimiter) {
		return c.tooLarge()
	}
	var b strings.Builder
	for i, item := range from.Elements {
		if i > 0 {
			b.WriteString(delimiter)
		}
		text, ok := textOf(item, maxResult)
		if !ok || b.Len()+len(text)+len(delimiter) > maxResult {
			return c.tooLarge()
		}
		b.WriteString(text)
	}
	joined := value.String(b.String()).Mark(from.Taint()...).Mark(with.Taint()...)
	return run.Succeed("", bodyOutputs(joined))
}
