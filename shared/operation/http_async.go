package operation

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// What is remembered between two polls.
const (
	keepLocation = "location"
	keepAway     = "away"
)

const (
	// pollInterval is how long to wait where Retry-After is missing (actions §2.5).
	pollInterval = 20 * time.Second
	// A Retry-After may neither keep us busy nor put us to sleep for good.
	minPoll, maxPoll = time.Second, 24 * time.Hour
)

// accepted is the outcome of a 202 that says where to ask for the result: ask
// there later. Without a usable Location the 202 is the result; while polling it
// means to ask at the same place again.
func (h *httpCall) accepted(request *outbound.Request, answer *outbound.Response) (run.Outcome, bool) {
	base, err := url.Parse(request.URL)
	if err != nil {
		return run.Outcome{}, false
	}
	target, ok := linked(base, answer.Header.Get("Location"))
	if !ok {
		if !h.Keep.Has(keepLocation) {
			return run.Outcome{}, false
		}
		target = base
	}
	o := outcomeOf(answer)
	o.Again = pollInterval
	if wait := retryAfter(answer.Header); wait > 0 || answer.Header.Get("Retry-After") == "0" {
		o.Again = min(max(wait, minPoll), maxPoll)
	}
	if h.Timeout > 0 {
		o.Again = min(o.Again, h.Timeout+1) // the limit of the action ends the wait
	}
	o.Keep = h.remember(target)
	return o, true
}

// remember keeps the address that an answer named. It may hold a signature: it is
// kept as a credential is.
func (h *httpCall) remember(target *url.URL) value.Value {
	away := h.away || !sameOrigin(h.start, target)
	return value.Object(
		value.Member{Key: keepLocation, Value: value.String(target.String())},
		value.Member{Key: keepAway, Value: value.Bool(away)},
	).Mark(value.Origin{Class: value.Credential, Name: "location:" + h.Action})
}

// poll asks once for the result of a request that was accepted. Authentication
// and headers come from the inputs, as they did the first time.
func (h *httpCall) poll(ctx context.Context) run.Outcome {
	target, ok := address(h.Keep.Member(keepLocation).Str())
	if !ok {
		return refused("InvalidUri", "The address that was given for the result is not an absolute http or https address.")
	}
	if h.Timeout < 0 {
		return run.Outcome{Status: definition.TimedOut, Code: "ActionTimedOut", Error: &run.Error{
			Code: "ActionTimedOut", Message: "The execution of template action '" + h.Action + "' is timed out: the asynchronous operation did not end within 'limit.timeout'."}}
	}
	h.away, _ = h.Keep.Member(keepAway).AsBool()
	request := h.follow(http.MethodGet, target)
	if h.Polls && !h.away { // the trigger asks as it did, at the other address
		again := *h.first
		request, again.URL = &again, target.String()
	}
	answer, failure := h.send(ctx, request)
	if failure != nil {
		return *failure
	}
	return h.conclude(ctx, request, answer)
}
