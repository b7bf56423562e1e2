package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "Compose", Inline: true, NoOutputSetting: true},
	Doc:  "Outputs its inputs, whatever JSON they are, without a body around them.",
	Examples: []Example{
		{Inputs: `{"a":[1,"two"]}`, Want: `{"a":[1,"two"]}`},
		{Inputs: `"text"`, Want: `"text"`},
	},
	Run: func(_ context.Context, _ Deps, c Call) run.Outcome { return run.Succeed("OK", c.Inputs) },
})
