package operation

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

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
// members of authentication, a subscription key, and the Authorization header
// (secure-data §4). Two spellings of one header are both found.
func httpHistory(inputs value.Value) (value.Value, bool) {
	shown, changed := inputs, false
	if auth := inputs.Member("authentication"); !auth.IsNull() {
		shown, changed = shown.With("authentication", outbound.Sanitize(auth)), true
	}
	if key := inputs.Member("subscriptionKey"); !key.IsNull() {
		shown, changed = shown.With("subscriptionKey", outbound.Sanitize(value.String(""))), true
	}
	headers := inputs.Member("headers")
	for headers.Has("Authorization") {
		headers = headers.Without("Authorization")
		shown, changed = shown.With("headers", headers), true
	}
	return shown, changed
}

// track adds the headers by which the receiver can tell the run and the action,
// the same on each repeat (actions §2.3). Headers of the same name that the
// author set win.
func track(r *outbound.Request, c Call) {
	if c.Options.Has("SuppressWorkflowHeaders") || c.Tracking.RunName == "" && c.Tracking.WorkflowID == "" {
		return
	}
	t := c.Tracking
	for _, h := range [...][2]string{
		{"X-Ms-Workflow-Id", t.WorkflowID},
		{"X-Ms-Workflow-Version", t.WorkflowVersion},
		{"X-Ms-Workflow-Name", t.WorkflowName},
		{"X-Ms-Workflow-System-Id", "/scaleunits/prod-00/workflows/" + t.WorkflowID},
		{"X-Ms-Workflow-Run-Id", t.RunName},
		{"X-Ms-Workflow-Run-Tracking-Id", t.RunTrackingID},
		{"X-Ms-Workflow-Operation-Name", headerText(c.Action)},
		{"X-Ms-Tracking-Id", t.ActionTrackingID},
		{"X-Ms-Correlation-Id", t.RunTrackingID},
		{"X-Ms-Client-Request-Id", t.ActionTrackingID},
		{"X-Ms-Client-Tracking-Id", headerText(t.ClientTrackingID)},
		{"X-Ms-Action-Tracking-Id", t.ActionTrackingID},
		{"X-Ms-Activity-Vector", "IN.01"},
		{"User-Agent", "azure-logic-apps/1.0 (workflow " + t.WorkflowID + "; version " + t.WorkflowVersion + ")"},
	} {
		if r.Header.Get(h[0]) == "" && h[1] != "" {
			r.Header[h[0]] = []string{h[1]}
		}
	}
}

// headerText takes out what may not stand in a header: an action or a tracking id
// may be named in a way that no header can say, and must still be carried out.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
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
		b.Set(name, value.String(strings.ToValidUTF8(strings.Join(h[name], ","), "\ufffd")))
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
	if text == "" || status < 200 && status > 101 || status > 206 && status < 300 || status == 308 ||
		status > 417 && status < 426 || status > 426 && status < 500 || status > 505 {
		return strconv.Itoa(status)
	}
	return oneWord.Replace(text)
}

var oneWord = strings.NewReplacer(" ", "", "-", "")

// retryAfter reads Retry-After, seconds or a date; zero when there is none.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			return max(at.Sub(sent), 0)
		}
	}
	return 0
}

// retried tells whether a retry policy applies to a status (actions §2.4).
func retried(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}
