package operation

import (
	"context"
	"fmt"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
)

const noXSLT = "there is no XSLT processor in pure Go, and one outside of this process would let maps read its files"

// An Xslt action stands here for its reason, and for its static results.
var _ = register(Operation{
	Spec: definition.Spec{Type: "Xslt", Required: []string{"content"}, Check: checkArtifact(artifacts.Map), Unavailable: noXSLT},
	Doc:  "Not available: transforms XML with an XSLT map. Only a static result can stand for it; Liquid maps are the way around.",
	Run: func(_ context.Context, _ Deps, c Call) run.Outcome {
		return run.Fail("BadRequest", definition.NotAvailable, fmt.Sprintf("The action '%s' cannot be carried out: %s.", c.Action, noXSLT))
	},
})
