package operation

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// Triggers that ask on a schedule whether there is something to start a run for
// (triggers §8, §10).
var (
	_ = register(Trigger{
		Spec: definition.Spec{Type: "Http", Recurs: true, HTTPLike: true, Retries: true, Required: []string{"method", "uri"}, History: httpHistory},
		Doc:  "Polls an HTTP endpoint; an answer with status 200 starts a run.",
		Poll: func(ctx context.Context, d Deps, c Call) Polled {
			if location, ok := c.Keep.Get(keptLocation); ok {
				c.Inputs = c.Inputs.With("uri", location).With("queries", value.Null())
			}
			return polled(sendHTTP(ctx, d, final(c)), c)
		},
	})
	_ = register(Trigger{
		Spec: definition.Spec{Type: "ApiConnection", Recurs: true, HTTPLike: true, Retries: true, Required: []string{"host", "method", "path"}, History: httpHistory},
		Doc:  "Polls an operation of a connector; an answer with status 200 starts a run.",
		Poll: func(ctx context.Context, d Deps, c Call) Polled { return polled(callConnector(ctx, d, final(c)), c) },
	})
)

// keptLocation is where the next poll goes, if an answer said so.
const keptLocation = "location"

// final takes 202 as it is: it means that there is nothing yet.
func final(c Call) Call {
	c.Options += ", DisableAsyncPattern"
	return c
}

// polled reads an answer: 200 starts a run, other successes do not. Location and
// Retry-After say where and when to ask next; zero seconds after a 200, that there
// is more.
func polled(o run.Outcome, c Call) Polled {
	p := Polled{Outcome: o, Keep: c.Keep}
	status, _ := o.Outputs.Member("statusCode").AsInt()
	headers := o.Outputs.Member("headers")
	switch {
	case o.Status == definition.Failed && (status < 300 || status >= 400):
		return p
	case status != http.StatusOK:
		p.Status = definition.Skipped
	}
	p.Keep = value.Value{}
	if location := headers.Member("Location").Str(); location != "" {
		p.Keep = value.Object(value.Member{Key: keptLocation, Value: value.String(location)})
	}
	if seconds, err := strconv.Atoi(headers.Member("Retry-After").Str()); err == nil && seconds >= 0 {
		p.Next, p.HasNext = time.Duration(seconds)*time.Second, true
	}
	return p
}
