package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// The action calls an operation of a connector with a callback URL in its body, and
// waits until that is called (actions §2.9).
var _ = register(Operation{
	Spec: definition.Spec{
		Type: "ApiConnectionWebhook", HTTPLike: true, Retries: true, Callback: true, Required: []string{"host"}, History: httpHistory,
	},
	Doc: "Calls an operation of a connector, and waits until the callback URL in the call is called.",
	Run: func(ctx context.Context, d Deps, c Call) run.Outcome {
		if call, ok := c.Keep.Get(run.ResumedMember); ok {
			return run.Succeed("OK", call)
		}
		o := callConnector(ctx, d, subscription(c))
		if o.Status != definition.Succeeded {
			return o
		}
		return run.Outcome{Await: true, Keep: value.Object(value.Member{Key: "subscribed", Value: value.Bool(true)})}
	},
})

// subscription is the call that subscribes: a POST where the inputs do not say, as
// in nearly all definitions in use.
func subscription(c Call) Call {
	if c.Inputs.Member("method").IsNull() {
		c.Inputs = c.Inputs.With("method", value.String("POST"))
	}
	return final(c)
}
