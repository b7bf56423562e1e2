package operation

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Http", HTTPLike: true, Retries: true,
		Required: []string{"method", "uri"},
		History:  httpHistory,
	},
	Doc: "Sends an HTTP request and takes the answer as outputs: statusCode, headers, body. What the designer calls HTTP + Swagger and App Service is this type with metadata, which has no effect.",
	Examples: []Example{{
		Inputs: `{"method":"GET","uri":"ftp://example.com/"}`,
		Want:   `{"code":"InvalidUri","message":"The provided 'uri' is not an absolute http or https address."}`,
	}, {
		Inputs: `{"method":"FETCH","uri":"https://example.com/"}`,
		Want:   `{"code":"InvalidMethod","message":"The provided 'method' is not an HTTP method."}`,
	}},
	Run: sendHTTP,
})

// sendHTTP makes one attempt.
func sendHTTP(ctx context.Context, d Deps, c Call) run.Outcome {
	target, ok := address(c.Inputs.Member("uri").Str())
	if !ok {
		return refused("InvalidUri", "The provided 'uri' is not an absolute http or https address.")
	}
	request, failure := requestTo(target, c.Inputs, c.Inputs.Member("method").Str())
	if failure != nil {
		return *failure
	}
	return attemptHTTP(ctx, d, c, request, false)
}

// refused is the outcome of inputs that cannot be sent.
func refused(code, message string) run.Outcome { return run.Fail("BadRequest", code, message) }

// usualHeaders is how many headers most requests have: those of the tracking, and a
// few of their own.
const usualHeaders = 16

// requestTo reads what the inputs of all HTTP-like actions have in common: queries,
// headers, cookie, body, authentication.
func requestTo(target *url.URL, inputs value.Value, method string) (*outbound.Request, *run.Outcome) {
	bad := func(code, message string) (*outbound.Request, *run.Outcome) {
		o := refused(code, message)
		return nil, &o
	}
	method = strings.ToUpper(strings.TrimSpace(method))
	if !slices.Contains([]string{"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"}, method) {
		return bad("InvalidMethod", "The provided 'method' is not an HTTP method.")
	}
	addQueries(target, inputs.Member("queries"))
	r := &outbound.Request{Method: method, URL: target.String(), Header: make(http.Header, usualHeaders), SecretHost: inputs.Member("uri").Marked()}
	for name, v := range inputs.Member("headers").Members {
		if !removedFromRequest(name) && !v.IsNull() {
			r.Header.Set(name, plainText(v))
		}
	}
	if cookie := inputs.Member("cookie"); !cookie.IsNull() {
		r.Header.Set("Cookie", plainText(cookie))
	}
	body, contentType, err := encodeBody(inputs.Member("body"), r.Header.Get("Content-Type"))
	if err != nil {
		return bad("InvalidTemplate", "The body cannot be sent: "+err.Error()+".")
	}
	r.Body = body
	if body != nil {
		r.Header.Set("Content-Type", contentType)
	}
	if r.Authentication, err = outbound.ParseAuthentication(inputs.Member("authentication")); err != nil {
		o := failedCall(err)
		return nil, &o
	}
	return r, nil
}
