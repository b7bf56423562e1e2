package handlers_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/store"
)

// lastCall is a trigger that is asked for last, so that the audit trail is known to
// be whole.
const lastCall = "the-last-call"

const (
	put  = "PUT"
	good = `{"containers":[]}`

	textNoScheme   = "The request must be authenticated only by Shared Access scheme."
	textBadToken   = "The provided authorization token is not valid. The request should have a valid authorization header with 'Bearer' scheme."
	textNotValid   = "The authentication credentials are not valid."
	textAddress    = "The client IP address '127.0.0.1' is not in the allowed caller IP address ranges specified in the workflow access control configuration."
	textMismatch   = "One or more claims either missing or does not match with the open authentication access control policy."
	textTokenUse   = "The requested operation is not supported, Use of open authentication token is only supported for workflow trigger request."
	textNoMoreThan = "The request has SAS authentication scheme, 'Bearer' authorization scheme or internal token scheme. Only one scheme should be used."
)

// row is one call, with the number of its row in inbound-security §7; 0: what is let in,
// or is in no row. Texts end with … where more follows.
type row struct {
	n                       int
	name, method, url, body string
	header                  http.Header
	status                  int
	code, message           string
}

// starts tells whether the call starts a run: it is let in, or the run has no answer.
func (r row) starts() bool { return r.status < 300 || r.n == 24 || r.n == 25 }

// rowsOfSection7 are the numbers of all rows there.
var rowsOfSection7 = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28}

// rows are those of inbound-security §7, each at least once, and beside them what is
// let in and what is about forged addresses. Of row 27 there is the full queue: calls
// are not throttled.
func rows(s *served) []row {
	token := func(claims map[string]any) http.Header {
		return http.Header{"Authorization": {"Bearer " + s.cloud.Token(claims)}}
	}
	valid := func() http.Header { return token(map[string]any{"aud": "api://berths"}) }
	basic := http.Header{"Authorization": {"Basic Ym9iOnB3"}}
	open := s.workflows["open"].ID
	expired := time.Now().Add(-time.Hour).Unix()
	return []row{
		{0, "signed", put, s.trigger("open"), good, nil, 200, "", ""},
		{0, "token", put, s.bare("policy"), good, valid(), 200, "", ""},
		{0, "token where nothing else opens", put, s.bare("token-only"), good, valid(), 200, "", ""},
		{0, "signed where a token opens too", put, s.trigger("policy"), good, nil, 200, "", ""},
		{1, "", put, s.bare("open"), good, nil, 401, "DirectApiAuthorizationRequired", textNoScheme},
		{1, "unknown workflow", put, strings.Replace(s.bare("open"), open, strings.Repeat("0", 32), 1), good, nil, 401, "DirectApiAuthorizationRequired", textNoScheme},
		{2, "", put, s.bare("token-only"), good, nil, 401, "DirectApiAuthorizationRequired", "The OAuth authorization scheme is required."},
		{3, "", put, s.trigger("policy"), good, valid(), 401, "DirectApiRequestHasMoreThanOneAuthorization", textNoMoreThan},
		{3, "Basic", put, s.trigger("open"), good, basic, 401, "DirectApiRequestHasMoreThanOneAuthorization", strings.Replace(textNoMoreThan, "Bearer", "Basic", 1)},
		{4, "", put, s.trigger("open", "&sig=", "&sig=A"), good, nil, 401, "AuthorizationFailed", textNotValid},
		{5, "", put, s.trigger("open", "&sig=", "&x="), good, nil, 401, "DirectApiAuthorizationRequired", textNoScheme},
		{6, "", put, s.expired("open"), good, nil, 401, "AuthorizationFailed", textNotValid},
		{7, "", http.MethodPost, s.base + "/workflows/" + open + "/runs/0858/cancel?" + strings.SplitN(s.trigger("open"), "?", 2)[1], "", nil, 401, "AuthorizationFailed", "You do not have permissions to perform action 'cancel' on scope '/runs/0858'."},
		{8, "", put, s.trigger("token-only"), good, nil, 401, "DirectApiInvalidAuthorizationScheme", "The request has SAS authentication scheme while it is disabled under your access control policy."},
		{9, "malformed", put, s.bare("policy"), good, http.Header{"Authorization": {"Bearer x"}}, 401, "DirectApiInvalidAuthorizationScheme", textBadToken},
		{9, "unsigned", put, s.bare("policy"), good, unsigned(valid()), 401, "DirectApiInvalidAuthorizationScheme", textBadToken},
		{9, "wrong key", put, s.bare("policy"), good, resigned(valid()), 401, "DirectApiInvalidAuthorizationScheme", textBadToken},
		{9, "expired", put, s.bare("policy"), good, token(map[string]any{"aud": "api://berths", "exp": expired}), 401, "DirectApiInvalidAuthorizationScheme", textBadToken},
		{10, "", put, s.bare("policy"), good, basic, 401, "DirectApiInvalidAuthorizationScheme", textBadToken},
		{11, "", put, s.bare("open"), good, valid(), 401, "OAuthAccessPolicyNotFound", "No open authentication access policy is set on this workflow."},
		{12, "", put, s.bare("policy"), good, token(map[string]any{"aud": "api://other"}), 403, "MisMatchingOAuthClaims", textMismatch},
		{13, "", http.MethodPost, strings.SplitN(s.resume("policy"), "&", 2)[0], "{}", valid(), 403, "InvalidUseOfOAuthToken", textTokenUse},
		{14, "", put, s.trigger("elsewhere"), good, nil, 401, "AuthorizationFailed", textAddress},
		{14, "only other workflows", put, s.trigger("others"), good, nil, 401, "AuthorizationFailed", textAddress},
		{14, "action", http.MethodPost, s.resume("elsewhere"), "{}", nil, 401, "AuthorizationFailed", textAddress},
		{14, "forged addresses", put, s.trigger("elsewhere"), good, http.Header{
			"X-Forwarded-For": {"203.0.113.9"}, "X-Client-Ip": {"203.0.113.9"}, "Client-Ip": {"203.0.113.9:80"}, "Forwarded": {"for=203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"},
		}, 401, "AuthorizationFailed", textAddress},
		{15, "", http.MethodGet, s.content("elsewhere"), "", nil, 401, "AuthorizationFailed", textAddress},
		{16, "", put, s.trigger("disabled"), good, nil, 400, "WorkflowTriggerIsNotEnabled", "Could not execute workflow '" + s.workflows["disabled"].ID + "' trigger 'manual' with state 'Disabled': trigger is not enabled."},
		{17, "", put, s.trigger("deleted"), good, nil, 404, "WorkflowNotFound", "The workflow '" + s.workflows["deleted"].ID + "' could not be found."},
		{17, "unsigned", put, s.bare("deleted"), good, nil, 401, "DirectApiAuthorizationRequired", textNoScheme},
		{18, "", put, s.other("open", "other"), good, nil, 404, "WorkflowTriggerNotFound", "The workflow '" + open + "' trigger 'other' could not be found."},
		{19, "", http.MethodGet, s.trigger("open"), "", nil, 400, "TriggerRequestMethodNotValid", "The HTTP method of the request to trigger 'manual' is not valid: expected 'PUT' and actual 'GET'."},
		{20, "", put, s.trigger("open", "/B7?", "/B7/more?"), good, nil, 400, "TriggerRelativePathNotValid", "The relative path…"},
		{21, "", put, s.trigger("open"), "{}", nil, 400, "TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did not match its schema definition. Error details: '…"},
		{22, "", put, s.trigger("open"), "{", nil, 400, "InvalidRequestContent", "The request content is not valid and could not be deserialized."},
		{23, "", put, s.trigger("open", "api-version=", "x="), good, nil, 400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests."},
		{24, "", put, s.trigger("silent"), good, nil, 502, "NoResponse", "The server did not receive a response from an upstream server. Request tracking id '…"},
		{25, "", put, s.trigger("slow"), good, nil, 504, "GatewayTimeout", "The server did not receive a response from an upstream server within the expected time."},
		{26, "", http.MethodPost, s.resume("policy"), "{}", nil, 409, "WorkflowActionNotWaiting", "The action 'Nothing' of run '08584281307553541240417205583CU00' does not wait to be called."},
		{0, "a run that goes on", put, s.trigger("busy"), good, nil, 202, "", ""},
		{0, "a run that waits", put, s.trigger("busy"), good, nil, 202, "", ""},
		{27, "", put, s.trigger("busy"), good, nil, 429, "WorkflowMaximumWaitingRunCountExceeded", "The number of waiting workflow runs '2' has exceeded the maximum allowed limit of '2'. Try increasing the value of 'maximumWaitingRuns' in trigger concurrency configuration."},
		{28, "", put, s.trigger("open") + "&filler=" + strings.Repeat("x", 16384), good, nil, 414, "RequestUriTooLong", "The request URI is longer than 16384 characters."},
		{0, "too many headers", put, s.trigger("open"), good, many(201), 431, "RequestHeadersTooLarge", "The request has more…"},
	}
}

// unsigned is a token that says so itself.
func unsigned(h http.Header) http.Header {
	parts := strings.Split(h.Get("Authorization"), ".")
	return http.Header{"Authorization": {"Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k"}`)) + "." + parts[1] + "."}}
}

// resigned is a token with the signature of another.
func resigned(h http.Header) http.Header {
	token := h.Get("Authorization")
	end := strings.LastIndex(token, ".") + 1
	return http.Header{"Authorization": {token[:end] + strings.Repeat("A", len(token)-end)}}
}

func many(n int) http.Header {
	h := http.Header{}
	for i := range n {
		h.Set("X-Header-"+strings.Repeat("x", i%50)+string(rune('a'+i/50)), "x")
	}
	return h
}

// TestInboundCalls sends every bad call over HTTP, to an app in a Functions host and
// to one by itself: status, code and text are the same, and what is refused leaves
// nothing behind but a line of the log and one of the audit trail.
func TestInboundCalls(t *testing.T) {
	dist, folder := inboundApp(t)
	for name, start := range modes {
		t.Run(name, func(t *testing.T) {
			s := start(t, dist, folder)
			s.remove(t, "deleted")
			var secrets []string
			sent := map[int]bool{}
			for _, r := range rows(s) {
				t.Run(strings.TrimSpace(strconv.Itoa(r.n)+" "+r.name), func(t *testing.T) { s.send(t, r) })
				sent[r.n] = true
				secrets = append(secrets, credentialsOf(r)...)
			}
			for _, n := range rowsOfSection7 {
				if !sent[n] {
					t.Errorf("row %d is missing", n)
				}
			}
			s.headersInOutputs(t)
			if n := s.cloud.Count(cloudtest.EntraDiscovery); n != 1 {
				t.Errorf("Entra was asked for its keys %d times", n)
			}
			s.call(t, put, strings.Replace(s.trigger("open"), "manual", lastCall, 1), "", nil)
			checkWhatIsLeft(t, s, s.stop(t), secrets)
		})
	}
}

// modes are the two ways to serve.
var modes = map[string]func(t *testing.T, dist, folder string, more ...*store.Workflow) *served{"in a host": inHost, "by itself": byItself}

// send makes one call and looks at all that it leaves.
func (s *served) send(t *testing.T, r row) {
	t.Helper()
	before, logged := s.left(t, r.url), len(s.log())
	status, code, message, body := s.call(t, r.method, r.url, r.body, r.header)
	if begins, open := strings.CutSuffix(r.message, "…"); open && strings.HasPrefix(message, begins) {
		r.message = message
	}
	if status != r.status || code != r.code || message != r.message {
		t.Errorf("%s\n got %d %s %s\nwant %d %s %s", body, status, code, message, r.status, r.code, r.message)
	}
	want := before
	if r.starts() {
		want = [2]int{before[0] + 1, before[1] + 1}
	}
	if after := s.left(t, r.url); after != want {
		t.Errorf("runs and histories were %v and are %v", before, after)
	}
	line := s.log()[logged:]
	if told := strings.Contains(line, `"code":"`+r.code+`"`) && strings.Contains(line, "a call was refused"); told == r.starts() {
		t.Errorf("the log says %q", line)
	}
}

// credentialsOf are what a call shows: they must stand nowhere afterwards.
func credentialsOf(r row) []string {
	var list []string
	if _, sig, ok := strings.Cut(r.url, "&sig="); ok && len(sig) >= 43 {
		list = append(list, sig[:43])
	}
	if _, token, ok := strings.Cut(r.header.Get("Authorization"), " "); ok && len(token) > 20 {
		list = append(list, token)
	}
	return list
}

// The Authorization header is in the outputs of a trigger only where it asks for it.
func (s *served) headersInOutputs(t *testing.T) {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + s.cloud.Token(map[string]any{"aud": "api://berths"})}}
	if status, _, _, body := s.call(t, put, s.bare("policy"), good, header); status != 200 || strings.Contains(body, "Bearer") || !strings.Contains(body, `"berth":"B7"`) {
		t.Errorf("without the option: %d %s", status, body)
	}
	if status, _, _, body := s.call(t, put, s.bare("shows"), good, header); status != 200 || !strings.Contains(body, header.Get("Authorization")) {
		t.Errorf("with the option: %d %s", status, body)
	}
}

// awaitAudit waits until the last call is in the audit trail.
func awaitAudit(t *testing.T, from *store.Store) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		for _, e := range auditOf(t, from) {
			if strings.Contains(e.Subject, lastCall) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the audit trail does not become whole")
		}
	}
}

func auditOf(t *testing.T, from *store.Store) []store.AuditEvent {
	t.Helper()
	var all []store.AuditEvent
	now := time.Now()
	if err := from.Audit(t.Context(), store.AuditFilter{Since: now.Add(-time.Hour), Until: now.Add(time.Hour)}, func(e store.AuditEvent) bool {
		all = append(all, e)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// checkWhatIsLeft: a run for each call that was let in and fired, an event for each
// call at all, and credentials nowhere.
func checkWhatIsLeft(t *testing.T, s *served, from *store.Store, secrets []string) {
	t.Helper()
	for name, want := range map[string]int{"open": 1, "policy": 3, "token-only": 1, "others": 0, "deleted": 0, "busy": 2, "elsewhere": 0, "disabled": 0, "silent": 1, "slow": 1, "shows": 1} {
		runs, _, err := from.Runs(t.Context(), s.workflows[name].ID, 100, "")
		if err != nil || len(runs) != want {
			t.Errorf("%s has %d runs, want %d: %v", name, len(runs), want, err)
		}
	}
	events := auditOf(t, from)
	all := strings.Builder{}
	for _, e := range events {
		for _, text := range []string{e.Subject, e.Scheme, e.Key, e.Principal, e.Caller, e.Reason, e.WorkflowID, e.Code} {
			all.WriteString(text + "\n")
		}
	}
	for _, secret := range secrets {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the audit trail holds %s…", secret[:8])
		}
		if strings.Contains(s.log(), secret) && !strings.Contains(s.log(), "&sig="+secret) { // serve prints the URLs themselves
			t.Errorf("the log holds %s…", secret[:8])
		}
	}
	for _, want := range []store.AuditEvent{
		{Kind: "trigger", Outcome: "allowed", WorkflowID: s.workflows["open"].ID, Scheme: "SAS", Key: "primary", Caller: "127.0.0.1"},
		{Kind: "trigger", Outcome: "allowed", WorkflowID: s.workflows["policy"].ID, Scheme: "Bearer", Key: "callers", Caller: "127.0.0.1"},
		{Kind: "trigger", Outcome: "refused", WorkflowID: s.workflows["deleted"].ID, Scheme: "SAS", Key: "primary", Caller: "127.0.0.1", Code: "WorkflowNotFound"},
		{Kind: "trigger", Outcome: "refused", WorkflowID: s.workflows["elsewhere"].ID, Scheme: "SAS", Key: "primary", Caller: "127.0.0.1", Code: "AuthorizationFailed"},
		{Kind: "content", Outcome: "refused", WorkflowID: s.workflows["elsewhere"].ID, Scheme: "SAS", Key: "contents", Caller: "127.0.0.1", Code: "AuthorizationFailed"},
		{Kind: "change", Outcome: "done", WorkflowID: s.workflows["open"].ID},
	} {
		if !slices.ContainsFunc(events, func(e store.AuditEvent) bool {
			return e.Kind == want.Kind && e.Outcome == want.Outcome && e.WorkflowID == want.WorkflowID && e.Scheme == want.Scheme && e.Key == want.Key && e.Caller == want.Caller && e.Code == want.Code
		}) {
			t.Errorf("no event like %+v", want)
		}
	}
}
