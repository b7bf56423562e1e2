// Package gate checks inbound calls, in a fixed order (inbound-security §6). A
// call that is refused leaves no run and no trigger history, only a line in the
// log.
package gate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/value"
)

// Target is a workflow as the gate must know it.
type Target struct {
	ID, State                string
	PrimaryKey, SecondaryKey []byte
	AccessControl            value.Value
	Trigger                  func(name string) (Trigger, bool)
}

// Trigger is a trigger that can be called.
type Trigger struct {
	Name         string
	Method       string // "" means POST (triggers §11.2)
	RelativePath string
}

// ErrUnknown means that there is no such workflow.
var ErrUnknown = errors.New("unknown workflow")

// Directory finds workflows. Its error is ErrUnknown, or says why it cannot tell.
type Directory func(ctx context.Context, workflowID string) (*Target, error)

// Parameter is one value of a relative path.
type Parameter struct{ Name, Value string }

// Call is a call that was let in.
type Call struct {
	WorkflowID, Trigger string
	RelativePath        []Parameter
	Queries             []Parameter // the caller's own
	// Resume is set for a call that an action of a run waits for, or that asks for the
	// response of a run; Trigger is "" then.
	Resume Execution
}

// Execution names one execution of an action: in loops Path says in which
// iterations. Or it names the operation of a run: where a caller who was answered
// at once asks for the response.
type Execution struct{ Run, Action, Path, Operation string }

// scope is what permissions of its URL name.
func (x Execution) scope() string {
	if x.Operation != "" {
		return "/runs/" + x.Run + "/operations/" + x.Operation
	}
	s := "/runs/" + x.Run + "/actions/" + x.Action
	if x.Path != "" {
		s += "/repetitions/" + x.Path
	}
	return s
}

// Rejection is an answer in the product's error format.
type Rejection struct {
	Status        int
	Code, Message string
}

// Gate lets calls through or answers them.
type Gate struct {
	Directory Directory
	Client    ClientAddress
	Now       func() time.Time
	Log       zerolog.Logger
	// Next receives the calls that were let in.
	Next func(w http.ResponseWriter, r *http.Request, c Call)
}

// maxURL is the longest URL (inbound-security §7, row 28).
const maxURL = 16384

// inbound is a call on its way through the checks.
type inbound struct {
	g         *Gate
	r         *http.Request
	path      invokePath
	target    *Target // nil for a workflow that does not exist, until step 2 is answered
	trigger   Trigger
	signature signature
	call      Call
}

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
	{"exists", (*inbound).exists},
	{"permission", (*inbound).permission},
	{"address", (*inbound).address},
	{"enabled", (*inbound).enabled},
	{"method", (*inbound).method},
	{"relative path", (*inbound).relativePath},
}

// ServeHTTP runs the checks.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := &inbound{g: g, r: r, signature: readSignature(r.URL.RawQuery)}
	var ok bool
	if in.path, ok = parsePath(r.URL.EscapedPath()); !ok {
		Reject(w, Rejection{http.StatusNotFound, "ResourceNotFound", "There is nothing at this address."})
		return
	}
	target, err := g.Directory(r.Context(), in.path.workflowID)
	if err != nil && !errors.Is(err, ErrUnknown) {
		g.Log.Error().Err(err).Str("workflow", in.path.workflowID).Msg("a workflow cannot be read")
		w.Header().Set("Retry-After", "5")
		Reject(w, Rejection{http.StatusServiceUnavailable, "ServiceUnavailable", "The service cannot answer now."})
		return
	}
	in.target = target
	for _, c := range checks {
		if rejection := c.check(in); rejection != nil {
			g.Log.Warn().Str("check", c.name).Str("code", rejection.Code).Str("workflow", in.path.workflowID).Msg("a call was refused")
			Reject(w, *rejection)
			return
		}
	}
	in.call.WorkflowID, in.call.Trigger = in.target.ID, in.trigger.Name
	in.call.Queries = ownQueries(r.URL.RawQuery)
	in.call.Resume = in.path.resume
	g.Next(w, r, in.call)
}

// Reject writes an error answer.
func Reject(w http.ResponseWriter, r Rejection) {
	body, err := json.Marshal(map[string]any{"error": map[string]string{"code": r.Code, "message": r.Message}})
	if err != nil {
		body = []byte("{}") // texts always encode
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if h.Get("x-ms-request-id") == "" {
		h.Set("x-ms-request-id", ":"+newID())
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body) // a caller that is gone needs no answer
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (in *inbound) urlLength() *Rejection {
	if len(in.r.URL.RequestURI()) > maxURL {
		return &Rejection{http.StatusRequestURITooLong, "RequestUriTooLong", fmt.Sprintf("The request URI is longer than %d characters.", maxURL)}
	}
	return nil
}

func (in *inbound) apiVersion() *Rejection {
	if in.r.URL.Query().Get("api-version") == "" {
		return &Rejection{http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests."}
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
	switch {
	case in.signature.present && (several || header != ""):
		name, _, _ := strings.Cut(header, " ")
		return &Rejection{http.StatusUnauthorized, "DirectApiRequestHasMoreThanOneAuthorization", fmt.Sprintf(
			"The request has SAS authentication scheme, '%s' authorization scheme or internal token scheme. Only one scheme should be used.", schemeName(name))}
	case several:
		return invalidToken()
	case header != "":
		return in.token(header)
	case !in.signature.present && in.sasDisabled():
		return &Rejection{http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The OAuth authorization scheme is required."}
	case !in.signature.present:
		return &Rejection{http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme."}
	case in.sasDisabled():
		return &Rejection{http.StatusUnauthorized, "DirectApiInvalidAuthorizationScheme", "The request has SAS authentication scheme while it is disabled under your access control policy."}
	}
	return nil
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

// token answers a call that brings a token. No workflow can have a policy that a
// token satisfies unless its access control holds one.
func (in *inbound) token(header string) *Rejection {
	name, _, _ := strings.Cut(header, " ")
	if in.path.resume.Run != "" {
		return &Rejection{http.StatusForbidden, "InvalidUseOfOAuthToken", "The requested operation is not supported, Use of open authentication token is only supported for workflow trigger request."}
	}
	policies := in.accessControl("openAuthenticationPolicies").Member("policies")
	if strings.EqualFold(name, "Bearer") && policies.Len() == 0 {
		return &Rejection{http.StatusUnauthorized, "OAuthAccessPolicyNotFound", "No open authentication access policy is set on this workflow."}
	}
	return invalidToken()
}

func invalidToken() *Rejection {
	return &Rejection{http.StatusUnauthorized, "DirectApiInvalidAuthorizationScheme", "The provided authorization token is not valid. The request should have a valid authorization header with 'Bearer' scheme."}
}

func (in *inbound) accessControl(member string) value.Value {
	if in.target == nil {
		return value.Value{}
	}
	return in.target.AccessControl.Member("triggers").Member(member)
}

func (in *inbound) sasDisabled() bool {
	return strings.EqualFold(in.accessControl("sasAuthenticationPolicy").Member("state").Str(), "Disabled")
}

// nobody's keys stand in for those of a workflow that does not exist, so that the
// answer takes as long and says the same.
var nobody = make([]byte, 32)

func (in *inbound) verify() *Rejection {
	keys := [][]byte{nobody, nobody}
	if in.target != nil {
		keys = [][]byte{in.target.PrimaryKey, in.target.SecondaryKey}
	}
	genuine := in.signature.verify(in.path.workflowID, keys...) && in.target != nil
	if !genuine || in.signature.expired(in.g.Now()) {
		return &Rejection{http.StatusUnauthorized, "AuthorizationFailed", "The authentication credentials are not valid."}
	}
	return nil
}

func (in *inbound) exists() *Rejection {
	var ok bool
	if strings.EqualFold(in.target.State, "Deleted") {
		return &Rejection{http.StatusNotFound, "WorkflowNotFound", fmt.Sprintf("The workflow '%s' could not be found.", in.target.ID)}
	}
	if in.path.resume.Run != "" {
		return nil // only the run itself can tell
	}
	if in.trigger, ok = in.target.Trigger(in.path.trigger); !ok {
		return &Rejection{http.StatusNotFound, "WorkflowTriggerNotFound", fmt.Sprintf("The workflow '%s' trigger '%s' could not be found.", in.target.ID, in.path.trigger)}
	}
	return nil
}

func (in *inbound) permission() *Rejection {
	scope, verb := "/triggers/"+in.path.trigger, "run"
	if in.path.resume.Run != "" {
		scope = in.path.resume.scope()
	}
	if in.path.resume.Operation != "" {
		verb = "read"
	}
	if !in.signature.allows(scope + "/" + verb) {
		return &Rejection{http.StatusUnauthorized, "AuthorizationFailed", fmt.Sprintf("You do not have permissions to perform action '%s' on scope '%s/paths/'.", verb, scope)}
	}
	return nil
}

func (in *inbound) address() *Rejection {
	section := "triggers"
	if in.path.resume.Action != "" {
		section = "actions" // who resumes an action is not who calls the trigger
	}
	rules, set := in.target.AccessControl.Member(section).Get("allowedCallerIpAddresses")
	if !set {
		return nil
	}
	address, known := in.g.Client.Of(in.r)
	if known && parseRules(rules).allow(address) {
		return nil
	}
	shown := "unknown"
	if known {
		shown = address.String()
	}
	return &Rejection{http.StatusUnauthorized, "AuthorizationFailed", fmt.Sprintf(
		"The client IP address '%s' is not in the allowed caller IP address ranges specified in the workflow access control configuration.", shown)}
}

func (in *inbound) enabled() *Rejection {
	if in.path.resume.Run != "" {
		return nil // what waits goes on in a workflow that is disabled (run-semantics §10)
	}
	if !strings.EqualFold(in.target.State, "Enabled") {
		return &Rejection{http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", fmt.Sprintf(
			"Could not execute workflow '%s' trigger '%s' with state '%s': trigger is not enabled.", in.target.ID, in.trigger.Name, in.target.State)}
	}
	return nil
}

func (in *inbound) method() *Rejection {
	if in.path.resume.Operation != "" && in.r.Method != http.MethodGet && in.r.Method != http.MethodHead {
		return &Rejection{http.StatusMethodNotAllowed, "MethodNotAllowed", fmt.Sprintf("The response of a run is read with 'GET' and not with '%s'.", in.r.Method)}
	}
	if in.path.resume.Run != "" {
		return nil
	}
	want := strings.ToUpper(in.trigger.Method)
	if want == "" {
		want = http.MethodPost
	}
	if in.r.Method != want {
		return &Rejection{http.StatusBadRequest, "TriggerRequestMethodNotValid", fmt.Sprintf(
			"The HTTP method of the request to trigger '%s' is not valid: expected '%s' and actual '%s'.", in.trigger.Name, want, in.r.Method)}
	}
	return nil
}
