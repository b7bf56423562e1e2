package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// The action subscribes with a URL of its own, waits until somebody calls it, and
// unsubscribes; also when it is cancelled or times out (actions §2.9).
var _ = register(Operation{
	Spec: definition.Spec{
		Type: "HttpWebhook", HTTPLike: true, Retries: true, Callback: true,
		Required: []string{"subscribe"}, Deferred: []string{"unsubscribe"},
		History: webhookHistory,
	},
	Doc:     "Subscribes at an endpoint with a callback URL, and waits until it is called. The call is the outputs.",
	Run:     runWebhook,
	Release: func(ctx context.Context, d Deps, c Call) { unsubscribe(ctx, d, c) },
})

func runWebhook(ctx context.Context, d Deps, c Call) run.Outcome {
	if call, ok := c.Keep.Get(run.ResumedMember); ok {
		unsubscribe(ctx, d, c)
		return run.Succeed("OK", call)
	}
	o := sendHTTP(ctx, d, c.part("subscribe"))
	if o.Status != definition.Succeeded {
		return o
	}
	return run.Outcome{Await: true, Keep: value.Object(value.Member{Key: "subscribed", Value: value.Bool(true)})}
}

// unsubscribe is sent once; whether it succeeds changes nothing for the action.
func unsubscribe(ctx context.Context, d Deps, c Call) {
	if c.Inputs.Member("unsubscribe").Kind() == value.KindObject {
		sendHTTP(ctx, d, c.part("unsubscribe"))
	}
}

// part is the call of one request of the action. Its answer is the answer: 202 is
// not waited for.
func (c Call) part(name string) Call {
	inputs := c.Inputs.Member(name)
	if target, ok := inputs.Get("url"); ok && !inputs.Has("uri") { // as samples have it (triggers §9)
		inputs = inputs.With("uri", target)
	}
	c.Inputs = inputs
	c.Options += ", DisableAsyncPattern"
	return c
}

// webhookHistory leaves out what the requests must not show.
func webhookHistory(inputs value.Value) (value.Value, bool) {
	shown, changed := inputs, false
	for _, name := range []string{"subscribe", "unsubscribe"} {
		if part, hidden := httpHistory(inputs.Member(name)); hidden {
			shown, changed = shown.With(name, part), true
		}
	}
	return shown, changed
}
