package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// Triggers that somebody calls who was asked to, when the workflow was saved or
// enabled (triggers §9, §10).
var (
	_ = register(Trigger{
		Spec: definition.Spec{
			Type: "HttpWebhook", Request: true, HTTPLike: true, Retries: true, Callback: true, Required: []string{"subscribe"}, History: webhookHistory,
		},
		Doc:     "Subscribes at an endpoint with the trigger's URL; each call of it starts a run.",
		Receive: receiveRequest,
		Subscribe: func(ctx context.Context, d Deps, c Call) run.Outcome {
			return sendHTTP(ctx, d, c.part("subscribe"))
		},
		Unsubscribe: func(ctx context.Context, d Deps, c Call) run.Outcome {
			if c.Inputs.Member("unsubscribe").Kind() != value.KindObject {
				return run.Succeed("OK", value.Value{})
			}
			return sendHTTP(ctx, d, c.part("unsubscribe"))
		},
	})
	_ = register(Trigger{
		Spec: definition.Spec{
			Type: "ApiConnectionWebhook", Request: true, HTTPLike: true, Retries: true, Callback: true, Required: []string{"host"}, History: httpHistory,
		},
		Doc:       "Subscribes at a connector with the trigger's URL; each call of it starts a run.",
		Receive:   receiveRequest,
		Subscribe: func(ctx context.Context, d Deps, c Call) run.Outcome { return callConnector(ctx, d, subscription(c)) },
	})
)
