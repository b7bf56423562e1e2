package operation

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation/xsd"
	"github.com/latchwork/latchwork/shared/run"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "XmlValidation", Required: []string{"content"}, Check: checkArtifact(artifacts.Schema)},
	Doc:  "Validates XML against a schema from the artifacts. Its body is the content.",
	Run:  validateXML,
})

// maxShown is how many violations a message lists.
const maxShown = 10

func validateXML(_ context.Context, d Deps, c Call) run.Outcome {
	root, failure := xmlContent(c)
	if failure != nil {
		return *failure
	}
	a, failure := findArtifact(d, c, artifacts.Schema)
	if failure != nil {
		return *failure
	}
	schema, err := xsd.Compile(a.Name+a.Extension, decodeText(a.Content, ""), schemas(d))
	if err != nil {
		return run.Fail("BadRequest", "InvalidXmlSchema", fmt.Sprintf("The schema '%s' of action '%s' cannot be used: %s", a.Name, c.Action, err))
	}
	problems := schema.Validate(root, c.Inputs.Marked())
	if len(problems) == 0 {
		return bodyOf(c.Inputs.Member("content"), c.Inputs)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The XML validation of action '%s' failed.", c.Action)
	for _, p := range problems[:min(len(problems), maxShown)] {
		fmt.Fprintf(&b, " %s Line %d, position %d.", p.Message, p.Line, p.Position)
	}
	if more := len(problems) - maxShown; more > 0 {
		fmt.Fprintf(&b, " There are %d more.", more)
	}
	return run.Fail("BadRequest", "XmlValidationFailed", b.String())
}
