package operation

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
)

// Triggers that ask on a schedule whether there is something to start a run for
// (triggers §8, §10).
var (
	_ = register(Trigger{
		Spec: definition.Spec{Type: "Http", Recurs: true, HTTPLike: true, Retries: true, Required: []string{"method", "uri"}, History: httpHistory},
		Doc:  "Polls an HTTP endpoint; an answer with status 200 starts a run.",
		Poll: polling(sendHTTP),
	})
	_ = register(Trigger{
		Spec: definition.Spec{Type: "ApiConnection", Recurs: true, HTTPLike: true, Retries: true, Required: []string{"host", "method", "path"}, History: httpHistory},
		Doc:  "Polls an operation of a connector; an answer with status 200 starts a run.",
		Poll: polling(callConnector),
	})
	_ = register(Trigger{
		Spec: definition.Spec{Type: "ApiManagement", Recurs: true, HTTPLike: true, Retries: true, Required: []string{"api", "method", "pathTemplate"}, History: httpHistory},
		Doc:  "Polls an API behind Azure API Management; an answer with status 200 starts a run.",
		Poll: polling(callAPIManagement),
	})
)

// final takes 202 as it is: it means that there is nothing yet.
func final(c Call) Call {
	c.Options += ", DisableAsyncPattern"
	return c
}

// polling makes a poll of a call. 200 starts a run, other answers that are no errors
// do not; Retry-After says when to ask next, zero seconds that there is more.
func polling(call func(context.Context, Deps, Call) run.Outcome) func(context.Context, Deps, Call) Polled {
	return func(ctx context.Context, d Deps, c Call) Polled {
		c.Polls = true
		o := call(ctx, d, final(c))
		status, _ := o.Outputs.Member("statusCode").AsInt()
		if o.Status == definition.Failed && (status < 300 || status >= 400) {
			return Polled{Outcome: o, Keep: c.Keep} // the state stays what it was
		}
		p := Polled{Outcome: o, Keep: o.Keep}
		if status != http.StatusOK {
			p.Status, p.Error = definition.Skipped, nil
		}
		headers := http.Header{}
		for _, name := range []string{"Retry-After", "Date"} {
			headers.Set(name, o.Outputs.Member("headers").Member(name).Str())
		}
		wait := retryAfter(headers)
		p.Next, p.HasNext = min(wait, maxPoll), wait > 0 || headers.Get("Retry-After") == "0"
		return p
	}
}

// polled is the outcome of one poll. Location is where the next goes; without, it
// goes to the original address again (triggers §8).
func (h *httpCall) polled(request *outbound.Request, answer *outbound.Response) run.Outcome {
	o := outcomeOf(answer)
	if base, err := url.Parse(request.URL); err == nil && isSuccess(answer.StatusCode) {
		if target, ok := linked(base, answer.Header.Get("Location")); ok {
			o.Keep = h.remember(target)
		}
	}
	return o
}

// PollTimeout is for how long a poll counts as under way of which nothing is heard.
const PollTimeout = 5 * time.Minute
