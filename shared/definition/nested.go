package definition

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// nested: a workflow that calls itself would never end (workflow-definition §9).
func (b *builder) nested(a *Action, inputs value.Value, at *value.Path) {
	id := inputs.Member("host").Member("workflow").Member("id").Str()
	if a.Type == "Workflow" && id != "" && strings.EqualFold(id, b.src.ResourceID) {
		b.fail("WorkflowSelfReference", at.Keys("host", "workflow", "id"), "The action '%s' calls the workflow that it belongs to.", a.Name)
	}
}
