package operation

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Doc: "Sends one HTTP request and takes the answer as outputs: statusCode, headers, body.",
	Examples: []Example{{
		Inputs: `{"method":"GET","uri":"ftp://example.com/"}`,
		Want:   `{"code":"InvalidUri","message":"The provided 'uri' is not an absolute http or https address."}`,
	}},
	Run: sendHTTP,
})

// sendHTTP makes one attempt.
func sendHTTP(ctx context.Context, d Deps, c Call) run.Outcome {
	request, failure := httpRequest(c.Inputs)
	if failure != nil {
		return *failure
	}
	request.KeepCompressed = c.Options.Has("DisableAutomaticDecompression")
	track(request, c)
	return exchange(ctx, d, request)
}

// exchange sends a request and turns the answer into an outcome: 2xx succeeds,
// everything else fails with its outputs kept; 408, 429, 5xx and failures on the
// way are for the retry policy (actions §2.1, §2.4).
func exchange(ctx context.Context, d Deps, request *outbound.Request) run.Outcome {
	answer, err := d.HTTP.Do(ctx, request)
	if err != nil {
		return failedCall(err)
	}
	body, err := decodeBody(answer.Header, answer.Body)
	if err != nil {
		return run.Fail("BadGateway", "InvalidJSON", "The answer says that it is JSON, and cannot be parsed as JSON.")
	}
	outputs := value.NewObject(3)
	outputs.Set("statusCode", value.Int(int64(answer.StatusCode)))
	outputs.Set("headers", headerValue(answer.Header))
	outputs.Set("body", body)
	o := run.Outcome{Status: definition.Succeeded, Code: statusName(answer.StatusCode), Outputs: outputs.Build()}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		o.Status = definition.Failed
		o.Retry = answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500
		o.RetryAfter = retryAfter(answer.Header)
	}
	return o
}

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

// httpRequest reads the inputs of an HTTP action.
func httpRequest(inputs value.Value) (*outbound.Request, *run.Outcome) {
	bad := func(code, message string) (*outbound.Request, *run.Outcome) {
		o := run.Fail("BadRequest", code, message)
		return nil, &o
	}
	target, err := url.Parse(inputs.Member("uri").Str())
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return bad("InvalidUri", "The provided 'uri' is not an absolute http or https address.")
	}
	method := strings.ToUpper(inputs.Member("method").Str())
	if !slices.Contains([]string{"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"}, method) {
		return bad("InvalidMethod", "The provided 'method' is not an HTTP method.")
	}
	if extra := queryString(inputs.Member("queries")); extra != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += extra
	}
	r := &outbound.Request{Method: method, URL: target.String(), Header: http.Header{}, Timeout: defaultTimeout}
	for name, v := range inputs.Member("headers").Members {
		if !removedFromRequest(name) {
			r.Header.Set(name, plainText(v))
		}
	}
	if cookie := inputs.Member("cookie"); !cookie.IsNull() {
		r.Header.Set("Cookie", plainText(cookie))
	}
	body, contentType, err := encodeBody(inputs.Member("body"))
	if err != nil {
		return bad("InvalidTemplate", "The body cannot be sent: "+err.Error()+".")
	}
	r.Body = body
	if body != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", contentType)
	}
	if auth := inputs.Member("authentication"); !auth.IsNull() {
		if r.Authentication, err = outbound.ParseAuthentication(auth); err != nil {
			o := failedCall(err)
			return nil, &o
		}
	}
	return r, nil
}

// queryString encodes the queries of an action in their order.
func queryString(queries value.Value) string {
	var b strings.Builder
	for name, v := range queries.Members {
		if v.IsNull() {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(plainText(v)))
	}
	return b.String()
}

// removedFromRequest: headers that an HTTP action may not set (actions §2.1).
func removedFromRequest(name string) bool {
	switch n := strings.ToLower(name); n {
	case "accept", "content-disposition", "content-encoding", "content-type":
		return false
	case "allow", "cookie", "expires", "host", "last-modified", "origin", "set-cookie", "transfer-encoding":
		return true
	default:
		return strings.HasPrefix(n, "accept-") || strings.HasPrefix(n, "content-")
	}
}

// httpHistory leaves out of recorded inputs what is never shown: the secret
// members of authentication and the Authorization header (secure-data §4).
func httpHistory(inputs value.Value) (value.Value, bool) {
	shown, changed := inputs, false
	if auth := inputs.Member("authentication"); !auth.IsNull() {
		shown, changed = shown.With("authentication", outbound.Sanitize(auth)), true
	}
	if headers := inputs.Member("headers"); headers.Has("Authorization") {
		shown, changed = shown.With("headers", headers.Without("Authorization")), true
	}
	return shown, changed
}

// track adds the headers by which the receiver can tell the run and the action,
// the same on each repeat (actions §2.3). Headers of the same name that the
// author set win.
func track(r *outbound.Request, c Call) {
	if c.Options.Has("SuppressWorkflowHeaders") || c.Tracking.RunName == "" {
		return
	}
	t := c.Tracking
	for name, v := range map[string]string{
		"x-ms-workflow-id":              t.WorkflowID,
		"x-ms-workflow-version":         t.WorkflowVersion,
		"x-ms-workflow-name":            t.WorkflowName,
		"x-ms-workflow-run-id":          t.RunName,
		"x-ms-workflow-run-tracking-id": t.RunTrackingID,
		"x-ms-workflow-operation-name":  c.Action,
		"x-ms-tracking-id":              t.ActionTrackingID,
		"x-ms-correlation-id":           t.RunTrackingID,
		"x-ms-client-request-id":        t.ActionTrackingID,
		"x-ms-client-tracking-id":       t.ClientTrackingID,
		"x-ms-action-tracking-id":       t.ActionTrackingID,
		"User-Agent":                    "azure-logic-apps/1.0 (workflow " + t.WorkflowID + "; version " + t.WorkflowVersion + ")",
	} {
		if r.Header.Get(name) == "" && v != "" {
			r.Header.Set(name, v)
		}
	}
}

// headerValue is the headers of an answer as outputs show them: one text each,
// never Authorization.
func headerValue(h http.Header) value.Value {
	names := make([]string, 0, len(h))
	for name := range h {
		if !strings.EqualFold(name, "Authorization") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b := value.NewObject(len(names))
	for _, name := range names {
		b.Set(name, value.String(strings.Join(h[name], ",")))
	}
	return b.Build()
}

// statusName is the code of an HTTP-like action: the .NET name of the status, or
// its digits where .NET has none (actions §1).
func statusName(status int) string {
	switch status {
	case http.StatusTooManyRequests, http.StatusUnprocessableEntity:
		return strconv.Itoa(status)
	case http.StatusNonAuthoritativeInfo:
		return "NonAuthoritativeInformation"
	case http.StatusHTTPVersionNotSupported:
		return "HttpVersionNotSupported"
	case http.StatusRequestURITooLong:
		return "RequestUriTooLong"
	}
	text := http.StatusText(status)
	if text == "" || status > 417 && status < 426 || status > 426 && status < 500 || status > 505 {
		return strconv.Itoa(status)
	}
	return strings.NewReplacer(" ", "", "-", "").Replace(text)
}

// retryAfter reads Retry-After, seconds or a date; zero when there is none.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			return max(at.Sub(sent), 0)
		}
	}
	return 0
}
