package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// The action starts a run of another workflow and waits for its Response as long
// as it takes: nothing runs meanwhile (actions §2.10).
var _ = register(Operation{
	Spec: definition.Spec{Type: "Workflow", HTTPLike: true, Retries: true, Required: []string{"host"}, History: httpHistory},
	Doc:  "Calls another workflow and takes its response as outputs.",
	Run:  callWorkflow,
})

// queueFull is the code with which a workflow refuses a call that its trigger has no
// room for: it is answered with 429, for which the retry policy is (triggers §5).
const queueFull = "WorkflowMaximumWaitingRunCountExceeded"

func callWorkflow(ctx context.Context, d Deps, c Call) run.Outcome {
	if answer, ok := c.Keep.Get(run.ResumedMember); ok {
		return nestedOutcome(answer)
	}
	if d.Workflows == nil {
		return run.Fail("BadRequest", definition.InvalidTemplate, "Workflows cannot be called here.")
	}
	host := c.Inputs.Member("host")
	outputs := value.NewObject(2)
	outputs.Set("headers", nestedHeaders(c))
	outputs.Set("body", c.Inputs.Member("body"))
	waits := !c.Options.Has("DisableAsyncPattern")
	accepted, failure, err := d.Workflows.StartNested(ctx, Nested{
		ResourceID: host.Member("workflow").Member("id").Str(), Trigger: host.Member("triggerName").Str(),
		Outputs: outputs.Build(), Waits: waits, Tracking: c.Tracking,
	})
	switch {
	case err != nil:
		o := run.Fail("InternalServerError", "InternalServerError", "The workflow could not be called.")
		o.Retry = true
		return o
	case failure != nil && failure.Code == queueFull:
		o := run.Fail("429", failure.Code, failure.Message)
		o.Retry = true
		return o
	case failure != nil:
		return run.Fail("BadRequest", failure.Code, failure.Message)
	case waits:
		return run.Outcome{Await: true, Keep: value.Object(value.Member{Key: "called", Value: value.Bool(true)})}
	}
	return nestedOutcome(accepted)
}

// nestedHeaders are the action's own, and those by which the callee sees its caller.
func nestedHeaders(c Call) value.Value {
	b := value.NewObject(8)
	for name, v := range c.Inputs.Member("headers").Members {
		b.Set(name, value.String(plainText(v)).Mark(v.Taint()...))
	}
	t := c.Tracking
	for _, h := range []struct{ name, text string }{
		{"x-ms-workflow-id", t.WorkflowID}, {"x-ms-workflow-version", t.WorkflowVersion}, {"x-ms-workflow-name", t.WorkflowName},
		{"x-ms-workflow-run-id", t.RunName}, {"x-ms-workflow-operation-name", t.Action}, {"x-ms-client-tracking-id", t.ClientTrackingID},
		{"x-ms-action-tracking-id", t.ActionTrackingID},
	} {
		b.Set(h.name, value.String(h.text))
	}
	return b.Build()
}

func nestedOutcome(answer value.Value) run.Outcome {
	status, _ := answer.Member("statusCode").AsInt()
	if status == 0 {
		status = 200
	}
	if status >= 400 {
		return run.Outcome{Status: definition.Failed, Code: statusName(int(status)), Outputs: answer}
	}
	return run.Succeed(statusName(int(status)), answer)
}
