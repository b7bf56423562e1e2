package gate

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/access"
)

// checks is the order of inbound-security §6. What is not known here is not told
// to callers who have not shown a valid signature: 2 answers after 4.
var checks = []struct {
	name  string
	check func(*inbound) *Rejection
}{
	{"url length", (*inbound).urlLength},
	{"api version", (*inbound).apiVersion},
	{"scheme", (*inbound).scheme},
	{"signature", (*inbound).verify},
	{"token", (*inbound).token},
	{"exists", (*inbound).exists},
	{"permission", (*inbound).permission},
	{"address", (*inbound).address},
	{"enabled", (*inbound).enabled},
	{"method", (*inbound).method},
	{"relative path", (*inbound).relativePath},
}

// Limits of what comes before the body. The longest URL is that of
// inbound-security §7, row 28; a Functions host lets more headers through than
// anybody sends.
const (
	maxURL         = 16384
	maxHeaders     = 200
	maxHeaderBytes = 64 << 10
)

// headers bounds how many there are, and how long they are in all.
func (in *inbound) headers() *Rejection {
	count, size := 0, 0
	for name, values := range in.r.Header {
		for _, v := range values {
			count++
			size += len(name) + len(v)
		}
	}
	if count > maxHeaders || size > maxHeaderBytes {
		return &Rejection{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "RequestHeadersTooLarge", Message: fmt.Sprintf(
			"The request has more than %d headers, or they have more than %d bytes.", maxHeaders, maxHeaderBytes)}
	}
	return nil
}

func (in *inbound) urlLength() *Rejection {
	if len(in.escaped)+len("?")+len(in.r.URL.RawQuery) > maxURL {
		return &Rejection{Status: http.StatusRequestURITooLong, Code: "RequestUriTooLong", Message: fmt.Sprintf("The request URI is longer than %d characters.", maxURL)}
	}
	return nil
}

func (in *inbound) apiVersion() *Rejection {
	if !in.signature.apiVersion {
		return &Rejection{Status: http.StatusBadRequest, Code: "MissingApiVersionParameter", Message: "The api-version query parameter (?api-version=) is required for all requests."}
	}
	return nil
}

// scheme: exactly one of a signature and an Authorization header. All values of
// the header count: behind an empty first one a second could hide from us, but not
// from whatever reads the request next.
func (in *inbound) scheme() *Rejection {
	headers := in.r.Header.Values("Authorization")
	header := strings.Join(headers, "")
	several := len(headers) > 1
	name, _, _ := strings.Cut(header, " ")
	if in.signature.present {
		in.decision.Scheme = "SAS"
	} else if header != "" {
		in.decision.Scheme = schemeName(name)
	}
	switch {
	case in.signature.present && (several || header != ""):
		return unauthorized("DirectApiRequestHasMoreThanOneAuthorization",
			"The request has SAS authentication scheme, '%s' authorization scheme or internal token scheme. Only one scheme should be used.", schemeName(name))
	case several:
		return invalidToken(nil)
	case header != "":
		in.bearer = true
		return in.tokenScheme(name)
	case !in.signature.present && in.sasDisabled():
		return unauthorized("DirectApiAuthorizationRequired", "The OAuth authorization scheme is required.")
	case !in.signature.present:
		return unauthorized("DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
	case in.sasDisabled():
		return unauthorized("DirectApiInvalidAuthorizationScheme", "The request has SAS authentication scheme while it is disabled under your access control policy.")
	}
	return nil
}

func unauthorized(code, format string, args ...any) *Rejection {
	return &Rejection{Status: http.StatusUnauthorized, Code: code, Message: fmt.Sprintf(format, args...)}
}

// schemeName keeps the first word of an Authorization header only if it is the
// name of a scheme: a bare token there must not be echoed.
func schemeName(word string) string {
	for _, known := range []string{"Basic", "Bearer", "Digest", "HMAC", "HOBA", "Negotiate", "NTLM", "PoP", "SharedAccessSignature", "SharedKey"} {
		if strings.EqualFold(word, known) {
			return known
		}
	}
	return "Unknown"
}

// tokenScheme: only a bearer token opens anything, and only a trigger.
func (in *inbound) tokenScheme(name string) *Rejection {
	switch {
	case !strings.EqualFold(name, "Bearer") && !strings.EqualFold(name, "PoP"):
		return invalidToken(nil)
	case in.path.kind != triggerCall:
		return &Rejection{Status: http.StatusForbidden, Code: "InvalidUseOfOAuthToken", Message: "The requested operation is not supported, Use of open authentication token is only supported for workflow trigger request."}
	case !strings.EqualFold(name, "Bearer"):
		return invalidToken(nil)
	case in.access() == nil || len(in.access().Policies) == 0:
		return unauthorized("OAuthAccessPolicyNotFound", "No open authentication access policy is set on this workflow.")
	}
	return nil
}

func invalidToken(reason error) *Rejection {
	r := unauthorized("DirectApiInvalidAuthorizationScheme", "The provided authorization token is not valid. The request should have a valid authorization header with 'Bearer' scheme.")
	r.reason = reason
	return r
}

func (in *inbound) access() *access.Access {
	if in.target == nil {
		return nil
	}
	return in.target.Access
}

// sasDisabled: the policy is one of triggers. Actions that wait, and links to
// contents, have no other scheme.
func (in *inbound) sasDisabled() bool {
	a := in.access()
	return a != nil && a.SASDisabled && in.path.kind == triggerCall
}

// nobody's keys stand in for those of a workflow that does not exist, so that the
// answer takes as long and says the same.
var nobody = make([]byte, 32)

func (in *inbound) verify() *Rejection {
	if in.bearer {
		return nil
	}
	keys, names := [][]byte{nobody, nobody}, []string{"primary", "secondary"}
	switch {
	case in.path.kind == contentCall && in.target != nil:
		keys, names = [][]byte{in.target.ContentsKey, nobody}, []string{"contents", ""}
	case in.target != nil:
		keys = [][]byte{in.target.PrimaryKey, in.target.SecondaryKey}
	}
	matched := in.signature.verify(in.path.workflowID, keys...)
	genuine := matched >= 0 && in.target != nil && names[matched] != ""
	if !genuine || in.signature.expired(in.g.Now()) {
		r := unauthorized("AuthorizationFailed", "The authentication credentials are not valid.")
		if genuine {
			r.reason = errExpired
		}
		return r
	}
	in.decision.Key = names[matched]
	return nil
}

var errExpired = errors.New("the URL is expired")

// token checks the bearer token of a call against the policies.
func (in *inbound) token() *Rejection {
	if !in.bearer {
		return nil
	}
	header := in.r.Header.Get("Authorization")
	_, text, _ := strings.Cut(header, " ")
	if in.g.Tokens == nil || len(header) > maxAuthorization {
		return invalidToken(errMalformed)
	}
	policy, claims, err := in.g.Tokens.verify(in.r.Context(), strings.Trim(text, " "), in.target.Access.Policies)
	in.decision.Principal = principal(claims)
	switch {
	case errors.Is(err, errNoKeys):
		return &Rejection{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The service cannot answer now.", reason: err}
	case errors.Is(err, errClaims):
		return &Rejection{Status: http.StatusForbidden, Code: "MisMatchingOAuthClaims", Message: "One or more claims either missing or does not match with the open authentication access control policy.", reason: err}
	case err != nil:
		return invalidToken(err)
	}
	in.decision.Key = policy.Name
	return nil
}

func (in *inbound) exists() *Rejection {
	if strings.EqualFold(in.target.State, "Deleted") {
		return &Rejection{Status: http.StatusNotFound, Code: "WorkflowNotFound", Message: fmt.Sprintf("The workflow '%s' could not be found.", in.target.ID)}
	}
	find := in.target.Trigger
	if in.path.kind != triggerCall {
		return nil // only the run itself can tell
	}
	if in.path.version != "" {
		find = in.versionTriggers()
	}
	ok := false
	if find != nil {
		in.trigger, ok = find(in.path.trigger)
	}
	if !ok {
		return &Rejection{Status: http.StatusNotFound, Code: "WorkflowTriggerNotFound", Message: fmt.Sprintf("The workflow '%s' trigger '%s' could not be found.", in.target.ID, in.path.trigger)}
	}
	return nil
}

func (in *inbound) versionTriggers() func(string) (Trigger, bool) {
	if in.target.Version == nil {
		return nil
	}
	find, err := in.target.Version(in.r.Context(), in.path.version)
	if err != nil && !errors.Is(err, ErrUnknown) {
		in.g.Log.Error().Err(err).Str("workflow", in.target.ID).Msg("a version of a workflow cannot be read")
	}
	return find
}

// permission: what is signed for must be what is called. There is more below a run
// than is served; who may not call it is told that, and who may, that it is nothing.
func (in *inbound) permission() *Rejection {
	scope := in.scope
	if !in.bearer && !in.signature.allows(scope+"/"+in.path.verb) {
		shown := scope
		if in.path.kind == triggerCall {
			shown += "/paths/"
		}
		return unauthorized("AuthorizationFailed", "You do not have permissions to perform action '%s' on scope '%s'.", in.path.verb, shown)
	}
	if in.path.kind == otherCall {
		return &Rejection{Status: http.StatusNotFound, Code: "ResourceNotFound", Message: "There is nothing at this address."}
	}
	return nil
}

var sectionOf = map[string]access.Section{triggerCall: access.Triggers, resumeCall: access.Actions, contentCall: access.Contents, answerCall: access.Triggers}

func (in *inbound) address() *Rejection {
	if in.target.Access.Restricts(sectionOf[in.path.kind]) && (!in.callerKnown || !in.target.Access.Allows(sectionOf[in.path.kind], in.caller)) {
		return barred(in.caller.String(), in.callerKnown)
	}
	return nil
}

// Address answers a caller whose address a section of a workflow's access control
// does not allow; nil lets it in.
func Address(a *access.Access, s access.Section, from ClientAddress, r *http.Request) *Rejection {
	if !a.Restricts(s) {
		return nil
	}
	caller, known := from.Of(r)
	if known && a.Allows(s, caller) {
		return nil
	}
	return barred(caller.String(), known)
}

func barred(caller string, known bool) *Rejection {
	if !known {
		caller = "unknown"
	}
	return unauthorized("AuthorizationFailed",
		"The client IP address '%s' is not in the allowed caller IP address ranges specified in the workflow access control configuration.", caller)
}

func (in *inbound) enabled() *Rejection {
	if in.path.kind != triggerCall {
		return nil // what waits goes on in a workflow that is disabled (run-semantics §10)
	}
	if !strings.EqualFold(in.target.State, "Enabled") {
		return &Rejection{Status: http.StatusBadRequest, Code: "WorkflowTriggerIsNotEnabled", Message: fmt.Sprintf(
			"Could not execute workflow '%s' trigger '%s' with state '%s': trigger is not enabled.", in.target.ID, in.trigger.Name, in.target.State)}
	}
	return nil
}

func (in *inbound) method() *Rejection {
	want := strings.ToUpper(in.trigger.Method)
	switch {
	case in.path.kind == contentCall && in.r.Method != http.MethodGet && in.r.Method != http.MethodHead:
		return &Rejection{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed", Message: "Contents can only be read."}
	case in.path.kind == answerCall && in.r.Method != http.MethodGet && in.r.Method != http.MethodHead:
		return &Rejection{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed", Message: "The response of a run can only be read."}
	case in.path.kind != triggerCall:
		return nil
	case want == "":
		want = http.MethodPost
	}
	if in.r.Method != want {
		return &Rejection{Status: http.StatusBadRequest, Code: "TriggerRequestMethodNotValid", Message: fmt.Sprintf(
			"The HTTP method of the request to trigger '%s' is not valid: expected '%s' and actual '%s'.", in.trigger.Name, want, in.r.Method)}
	}
	return nil
}
