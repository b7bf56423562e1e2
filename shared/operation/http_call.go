package operation

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// httpCall is one attempt of an HTTP-like action. The types differ in how they
// make the first request; what may follow is the same for all: polls, pages,
// chunks.
type httpCall struct {
	Call
	doer  Doer
	first *outbound.Request
	start *url.URL // of the first request
	// connector: of pages, nothing but the items is kept.
	connector bool
	// away: an answer has led to another server. From then on nothing that
	// identifies us is sent, not even back home: the address there would be the
	// choice of that other server.
	away     bool
	requests int
}

// maxRequests bounds how many requests one attempt may consist of (actions §2.7).
const maxRequests = 1000

// attemptHTTP makes one attempt: the request that the inputs ask for, or the next
// poll of one that was accepted before.
func attemptHTTP(ctx context.Context, d Deps, c Call, request *outbound.Request, connector bool) run.Outcome {
	start, err := url.Parse(request.URL)
	if err != nil {
		return refused("InvalidUri", "The provided 'uri' is not an absolute http or https address.")
	}
	h := &httpCall{Call: c, doer: d.HTTP, first: request, start: start, connector: connector}
	if c.Keep.Has(keepLocation) {
		return h.poll(ctx)
	}
	if h.uploadsInChunks() {
		return h.upload(ctx)
	}
	h.suggestRange()
	answer, failure := h.send(ctx, request)
	if failure != nil {
		return *failure
	}
	return h.conclude(ctx, request, answer)
}

// conclude decides what an answer means: try again later, go on, or the end.
func (h *httpCall) conclude(ctx context.Context, request *outbound.Request, answer *outbound.Response) run.Outcome {
	if h.Polls {
		return h.polled(request, answer)
	}
	switch {
	case answer.StatusCode == http.StatusAccepted && !h.Options.Has("DisableAsyncPattern"):
		if o, ok := h.accepted(request, answer); ok {
			return o
		}
	case answer.StatusCode == http.StatusPartialContent && request.Method == http.MethodGet:
		whole, failure := h.download(ctx, request, answer)
		if failure != nil {
			return *failure
		}
		answer = whole
	}
	if want := h.minimumItems(); want > 0 && isSuccess(answer.StatusCode) {
		return h.pages(ctx, request, answer, want)
	}
	return outcomeOf(answer)
}

// send sends one request of this attempt.
func (h *httpCall) send(ctx context.Context, r *outbound.Request) (*outbound.Response, *run.Outcome) {
	if h.requests++; h.requests > maxRequests {
		o := run.Fail("MaxRequestCountReached", "MaxRequestCountReached", "The action needs more than 1000 requests for its content.")
		return nil, &o
	}
	track(r, h.Call)
	r.KeepCompressed = h.Options.Has("DisableAutomaticDecompression")
	r.Timeout, r.SecretHost = requestTimeout(h.Runtime), h.first.SecretHost
	answer, err := h.doer.Do(ctx, r)
	if err != nil {
		o := failedCall(err)
		return nil, &o
	}
	return answer, nil
}

// requestTimeout is what the action allows for one request; 0: as much as there is.
func requestTimeout(runtime value.Value) time.Duration {
	d, _ := definition.ParseDuration(runtime.Member("requestOptions").Member("timeout").Str())
	return d
}

// follow makes a request to an address that an answer named. On the same server
// it carries what the author set, authentication included; to another one nothing
// goes along that could identify us there.
func (h *httpCall) follow(method string, target *url.URL) *outbound.Request {
	r := &outbound.Request{Method: method, URL: target.String(), Header: http.Header{}}
	h.away = h.away || !sameOrigin(h.start, target)
	for name, values := range h.first.Header {
		switch {
		case aboutContent(name):
		case !h.away, name == "Accept", name == "User-Agent":
			r.Header[name] = values
		}
	}
	if !h.away {
		r.Authentication = h.first.Authentication
	}
	return r
}

// aboutContent: headers that were meant for the first request alone.
func aboutContent(name string) bool {
	n := strings.ToLower(name)
	return strings.HasPrefix(n, "content-") || strings.HasPrefix(n, "if-") || n == "range" || n == "expect"
}

// limit is how much all answers of one attempt may bring together.
func (h *httpCall) limit() int64 {
	if l, ok := h.doer.(interface{ MaxBody() int64 }); ok {
		return l.MaxBody()
	}
	return outbound.DefaultMaxBody
}

// outcomeOf turns an answer into an outcome: 2xx succeeds, everything else fails
// with its outputs kept; 408, 429, 5xx and failures on the way are for the retry
// policy (actions §2.1, §2.4).
func outcomeOf(answer *outbound.Response) run.Outcome {
	body, err := decodeBody(answer.Header, answer.Body)
	if err != nil {
		return unreadable(answer, err)
	}
	return withBody(answer, body)
}

func withBody(answer *outbound.Response, body value.Value) run.Outcome {
	outputs := value.NewObject(3)
	outputs.Set("statusCode", value.Int(int64(answer.StatusCode)))
	outputs.Set("headers", headerValue(answer.Header))
	outputs.Set("body", body)
	o := run.Outcome{Status: definition.Succeeded, Code: statusName(answer.StatusCode), Outputs: outputs.Build()}
	if !isSuccess(answer.StatusCode) {
		o.Status, o.Retry, o.RetryAfter = definition.Failed, retried(answer.StatusCode), retryAfter(answer.Header)
	}
	return o
}

// unreadable is the outcome of an answer whose content cannot be had as a value.
func unreadable(answer *outbound.Response, err error) run.Outcome {
	if errors.Is(err, errHeavy) {
		return failedCall(&outbound.Failure{Code: "BadRequest", Message: "Http request failed: the JSON of the answer holds too many values."})
	}
	return notJSON(answer)
}

// notJSON is the outcome of an answer that is not the JSON it says it is: there
// are no outputs, but a status that is worth another try still is (actions §2.1).
func notJSON(answer *outbound.Response) run.Outcome {
	o := run.Fail("BadGateway", "InvalidJSON", "The answer says that it is JSON, and cannot be parsed as JSON.")
	if !isSuccess(answer.StatusCode) {
		o.Code, o.Retry, o.RetryAfter = statusName(answer.StatusCode), retried(answer.StatusCode), retryAfter(answer.Header)
	}
	return o
}

func isSuccess(status int) bool { return status >= 200 && status <= 299 }

// failedCall is the outcome of a call that brought no answer.
func failedCall(err error) run.Outcome {
	var f *outbound.Failure
	if !errors.As(err, &f) {
		f = &outbound.Failure{Code: "InternalServerError", Message: "The request could not be sent."}
	}
	o := run.Fail(f.Code, f.Code, f.Message)
	o.Retry = f.Retryable
	return o
}
