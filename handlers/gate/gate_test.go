package gate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
)

const (
	workflowID = "3d9a4e0c7b1f4c52a86e5d2f90b7c114"
	invoke     = "/workflows/" + workflowID + "/triggers/manual/paths/invoke/berths/B7"
	manualRun  = "/triggers/manual/run"
	canary     = "Y2FuYXJ5LWNyZWRlbnRpYWw" // stands in headers and must come back nowhere
)

var (
	primary   = bytes.Repeat([]byte{1}, 32)
	secondary = bytes.Repeat([]byte{2}, 32)
	contents  = bytes.Repeat([]byte{4}, 32)
	now       = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
)

const (
	needSAS    = "The request must be authenticated only by Shared Access scheme."
	notValid   = "The authentication credentials are not valid."
	badToken   = "The provided authorization token is not valid. The request should have a valid authorization header with 'Bearer' scheme."
	noPolicy   = "No open authentication access policy is set on this workflow."
	noRun      = "You do not have permissions to perform action 'run' on scope '/triggers/manual/paths/'."
	notAllowed = "The client IP address '127.0.0.1' is not in the allowed caller IP address ranges specified in the workflow access control configuration."
	noToken    = "The requested operation is not supported, Use of open authentication token is only supported for workflow trigger request."

	tooManyHeaders = "The request has more than 200 headers, or they have more than 65536 bytes."

	runPath      = "/workflows/" + workflowID + "/runs/0858CU00"
	resumePath   = runPath + "/actions/Wait_for_crane/run"
	resumeScope  = "/runs/0858CU00/actions/Wait_for_crane"
	contentPath  = runPath + "/actions/Check/repetitions/000001/contents/ActionOutputs"
	contentScope = "/runs/0858CU00/actions/Check/repetitions/000001/contents/ActionOutputs"
	wrongPath    = "The relative path of the request does not match the relative path '/berths/{berth}' of trigger 'manual'."
)

func twoSchemes(name string) string {
	return "The request has SAS authentication scheme, '" + name + "' authorization scheme or internal token scheme. Only one scheme should be used."
}

var requestID = regexp.MustCompile(`^:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// The rows of inbound-security §7 that concern this package, by their numbers.
func TestRefusedCalls(t *testing.T) {
	e := newEntra()
	foreign, domestic := good(t, "aud", "api://other"), good(t)
	byAudience := policies(policy("iss", issuerV1, "aud", audience))
	sasOff := control(t, `{"sasAuthenticationPolicy":{"state":"Disabled"}}`)
	policy := control(t, byAudience)
	good := func() url.Values { return signed(manualRun, "") }
	bare := func() url.Values { return url.Values{"api-version": {"2016-10-01"}} }
	other := strings.Replace(invoke, workflowID, "00000000000000000000000000000000", 1)
	elsewhere := `{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.0/24"}]}`
	read := func(key []byte) url.Values {
		return with(signed(contentScope+"/read", ""), "sig", gate.Sign(key, workflowID, contentScope+"/read", ""))
	}
	manyHeaders := http.Header{}
	for i := range 201 {
		manyHeaders.Set(fmt.Sprintf("X-%d", i), "x")
	}
	for _, c := range []struct {
		name          string
		method, path  string // PUT and the trigger, if left out
		query         url.Values
		header        http.Header
		change        func(*gate.Target)
		check         string // as the log names it
		status        int
		code, message string
	}{
		{name: "1 nothing", query: bare(), check: "scheme", status: 401, code: "DirectApiAuthorizationRequired", message: needSAS},
		{name: "1 nothing, for a workflow that does not exist", path: other, query: bare(), check: "scheme", status: 401, code: "DirectApiAuthorizationRequired", message: needSAS},
		{name: "2 nothing, where a token is required", query: bare(), change: sasOff, check: "scheme", status: 401, code: "DirectApiAuthorizationRequired", message: "The OAuth authorization scheme is required."},
		{name: "3 signature and Basic", query: good(), header: authorization("Basic " + canary), check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Basic")},
		{name: "3 signature and Bearer, in lower case", query: good(), header: authorization("bearer " + canary), check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Bearer")},
		{name: "3 signature and a bare token, which is not repeated", query: good(), header: authorization(canary), check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Unknown")},
		{name: "3 signature and Basic, signatures disabled", query: good(), header: authorization("Basic " + canary), change: sasOff, check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Basic")},
		{name: "3 signature, and Basic behind an empty header", query: good(), header: http.Header{"Authorization": {"", "Basic " + canary}}, check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Basic")},
		{name: "3 signature and two empty headers", query: good(), header: http.Header{"Authorization": {"", ""}}, check: "scheme", status: 401, code: "DirectApiRequestHasMoreThanOneAuthorization", message: twoSchemes("Unknown")},
		{name: "4 signature of another key", query: with(good(), "sig", gate.Sign(bytes.Repeat([]byte{3}, 32), workflowID, manualRun, "")), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 signature for another workflow", query: with(good(), "sig", gate.Sign(primary, "another", manualRun, "")), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 signature cut", query: with(good(), "sig", gate.Sign(primary, workflowID, manualRun, "")[:42]), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 other permissions than were signed", query: with(good(), "sp", "//*"), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 other version", query: with(good(), "sv", "2.0"), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 no version", query: without(good(), "sv"), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "5 signature left out", query: without(good(), "sig"), check: "scheme", status: 401, code: "DirectApiAuthorizationRequired", message: needSAS},
		{name: "6 expired", query: signed(manualRun, "2026-03-14T11:59:59.9999999Z"), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "7 another trigger", query: signed("/triggers/other/run", ""), check: "permission", status: 401, code: "AuthorizationFailed", message: noRun},
		{name: "7 another verb", query: signed("/triggers/manual/read", ""), check: "permission", status: 401, code: "AuthorizationFailed", message: noRun},
		{name: "7 another case", query: signed("/triggers/Manual/run", ""), check: "permission", status: 401, code: "AuthorizationFailed", message: noRun},
		{name: "7 blank after the comma", query: signed("/triggers/other/run, "+manualRun, ""), check: "permission", status: 401, code: "AuthorizationFailed", message: noRun},
		{name: "8 signature while disabled", query: good(), change: sasOff, check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: "The request has SAS authentication scheme while it is disabled under your access control policy."},
		{name: "9 malformed token", query: bare(), header: authorization("Bearer " + canary), change: policy, check: "token", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "9 two tokens", query: bare(), header: http.Header{"Authorization": {"Bearer " + canary, "Bearer " + canary}}, change: policy, check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "9 two tokens without a policy", query: bare(), header: http.Header{"Authorization": {"", "Bearer " + canary}}, check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "10 Basic alone", query: bare(), header: authorization("Basic " + canary), check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "10 Basic alone, with a policy", query: bare(), header: authorization("Basic " + canary), change: policy, check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "11 token without a policy", query: bare(), header: authorization("Bearer " + canary), check: "scheme", status: 401, code: "OAuthAccessPolicyNotFound", message: noPolicy},
		{name: "12 genuine token, another audience", query: bare(), header: authorization("Bearer " + foreign), change: policy, check: "token", status: 403, code: "MisMatchingOAuthClaims", message: "One or more claims either missing or does not match with the open authentication access control policy."},
		{name: "13 token for what an action waits for", method: "POST", path: resumePath, query: bare(), header: authorization("Bearer " + canary), change: policy, check: "scheme", status: 403, code: "InvalidUseOfOAuthToken", message: noToken},
		{name: "13 token for contents", method: "GET", path: contentPath, query: bare(), header: authorization("Bearer " + canary), check: "scheme", status: 403, code: "InvalidUseOfOAuthToken", message: noToken},
		{name: "13 token for what is not served", method: "POST", path: runPath + "/cancel", query: bare(), header: authorization("Bearer " + canary), check: "scheme", status: 403, code: "InvalidUseOfOAuthToken", message: noToken},
		{name: "10 Basic for what an action waits for", method: "POST", path: resumePath, query: bare(), header: authorization("Basic " + canary), check: "scheme", status: 401, code: "DirectApiInvalidAuthorizationScheme", message: badToken},
		{name: "14 address not allowed", query: good(), change: control(t, elsewhere), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "14 only other workflows", query: good(), change: control(t, `{"allowedCallerIpAddresses":[]}`), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "14 address not allowed, with a token", query: bare(), header: authorization("Bearer " + domestic), change: control(t, elsewhere[:len(elsewhere)-1]+`,`+byAudience[1:]), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "14 what an action waits for, from elsewhere", method: "POST", path: resumePath, query: signed(resumeScope+"/run,"+resumeScope+"/read", ""), change: whole(t, `{"actions":`+elsewhere+`}`), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "15 content link from elsewhere", method: "GET", path: contentPath, query: read(contents), change: whole(t, `{"contents":`+elsewhere+`}`), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "15 content link where nobody may read", method: "GET", path: contentPath, query: read(contents), change: whole(t, `{"contents":{"allowedCallerIpAddresses":[{"addressRange":"0.0.0.0-0.0.0.0"}]}}`), check: "address", status: 401, code: "AuthorizationFailed", message: notAllowed},
		{name: "4 content link by the key of triggers", method: "GET", path: contentPath, query: read(primary), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 content link by the key that stands in for nobody's", method: "GET", path: contentPath, query: read(make([]byte, 32)), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "4 trigger by the key of contents", query: with(good(), "sig", gate.Sign(contents, workflowID, manualRun, "")), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "7 trigger URL for contents", method: "GET", path: contentPath, query: with(good(), "sig", gate.Sign(contents, workflowID, manualRun, "")), check: "permission", status: 401, code: "AuthorizationFailed", message: "You do not have permissions to perform action 'read' on scope '" + contentScope + "'."},
		{name: "7 trigger URL to cancel a run", method: "POST", path: runPath + "/cancel", query: good(), check: "permission", status: 401, code: "AuthorizationFailed", message: "You do not have permissions to perform action 'cancel' on scope '/runs/0858CU00'."},
		{name: "7 trigger URL for a version", path: strings.Replace(invoke, "/triggers", "/versions/0858/triggers", 1), query: good(), check: "permission", status: 401, code: "AuthorizationFailed", message: strings.Replace(noRun, "/triggers", "/versions/0858/triggers", 1)},
		{name: "18 no such version", path: strings.Replace(invoke, "/triggers", "/versions/0859/triggers", 1), query: signed("/versions/0859"+manualRun, ""), check: "exists", status: 404, code: "WorkflowTriggerNotFound", message: "The workflow '" + workflowID + "' trigger 'manual' could not be found."},
		{name: "everything signed, but not served", method: "POST", path: runPath + "/cancel", query: signed("//*", ""), check: "permission", status: 404, code: "ResourceNotFound", message: "There is nothing at this address."},
		{name: "contents written", method: "PUT", path: contentPath, query: read(contents), check: "method", status: 405, code: "MethodNotAllowed", message: "Contents can only be read."},
		{name: "too many headers", query: good(), header: manyHeaders, check: "headers", status: 431, code: "RequestHeadersTooLarge", message: tooManyHeaders},
		{name: "headers too long", query: good(), header: http.Header{"X-Long": {strings.Repeat("x", 65537)}}, check: "headers", status: 431, code: "RequestHeadersTooLarge", message: tooManyHeaders},
		{name: "16 disabled", query: good(), change: func(w *gate.Target) { w.State = "Disabled" }, check: "enabled", status: 400, code: "WorkflowTriggerIsNotEnabled", message: "Could not execute workflow '" + workflowID + "' trigger 'manual' with state 'Disabled': trigger is not enabled."},
		// Section 6 goes before row 17: who has no valid signature is not told what exists.
		{name: "17 no such workflow", path: other, query: good(), check: "signature", status: 401, code: "AuthorizationFailed", message: notValid},
		{name: "18 no such trigger", path: strings.Replace(invoke, "manual", "other", 1), query: signed("/triggers/other/run", ""), check: "exists", status: 404, code: "WorkflowTriggerNotFound", message: "The workflow '" + workflowID + "' trigger 'other' could not be found."},
		{name: "19 wrong method", method: "GET", query: good(), check: "method", status: 400, code: "TriggerRequestMethodNotValid", message: "The HTTP method of the request to trigger 'manual' is not valid: expected 'PUT' and actual 'GET'."},
		{name: "19 no method means POST", query: good(), change: func(w *gate.Target) {
			w.Trigger = func(name string) (gate.Trigger, bool) { return gate.Trigger{Name: name}, true }
		}, check: "method", status: 400, code: "TriggerRequestMethodNotValid", message: "The HTTP method of the request to trigger 'manual' is not valid: expected 'POST' and actual 'PUT'."},
		{name: "20 relative path", path: invoke + "/more", query: good(), check: "relative path", status: 400, code: "TriggerRelativePathNotValid", message: wrongPath},
		{name: "23 no api-version", query: without(good(), "api-version"), check: "api version", status: 400, code: "MissingApiVersionParameter", message: "The api-version query parameter (?api-version=) is required for all requests."},
		{name: "28 too long", query: with(good(), "filler", strings.Repeat("x", 16384)), check: "url length", status: 414, code: "RequestUriTooLong", message: "The request URI is longer than 16384 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			workflow := target()
			if c.change != nil {
				c.change(workflow)
			}
			if c.method == "" {
				c.method = "PUT"
			}
			if c.path == "" {
				c.path = invoke
			}
			d := openWith(t, workflow, gate.Peer, func(g *gate.Gate) { g.Tokens = e.tokens(t) })
			answer, body := d.call(t, c.method, c.path, c.query, c.header)
			checkError(t, answer, body, c.status, c.code, c.message)
			let, log := d.seen()
			if len(let) > 0 {
				t.Error("the call was let in")
			}
			checkLog(t, log, c.check, c.code, c.query.Get("sig"))
			was := d.decisions()
			if len(was) != 1 || was[0].Allowed || was[0].Check != c.check || was[0].Code != c.code || was[0].Status != c.status || was[0].Caller != "127.0.0.1" {
				t.Errorf("the audit trail was told %+v", was)
			}
			if told := fmt.Sprintf("%+v", was); strings.Contains(told, canary) || c.query.Get("sig") != "" && strings.Contains(told, c.query.Get("sig")) {
				t.Errorf("the audit trail holds a credential: %s", told)
			}
		})
	}
}

func checkError(t *testing.T, answer *http.Response, body []byte, status int, code, message string) {
	t.Helper()
	type inner struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	want, err := json.Marshal(map[string]inner{"error": {code, message}})
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status || !bytes.Equal(body, want) {
		t.Errorf("answer %d %s\n  want %d %s", answer.StatusCode, body, status, want)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := answer.Header.Get("X-Ms-Request-Id"); !requestID.MatchString(got) {
		t.Errorf("x-ms-request-id %q", got)
	}
	if got := answer.Header.Values("WWW-Authenticate"); len(got) > 0 {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

func checkLog(t *testing.T, log, check, code, signature string) {
	t.Helper()
	var line struct{ Check, Code string }
	if err := json.Unmarshal([]byte(log), &line); err != nil {
		t.Fatalf("not one line of JSON: %q", log)
	}
	if line.Check != check || line.Code != code {
		t.Errorf("the log names %q, %q; want %q, %q", line.Check, line.Code, check, code)
	}
	if signature != "" && strings.Contains(log, signature) || strings.Contains(log, canary) {
		t.Errorf("the log holds a credential: %s", log)
	}
}
