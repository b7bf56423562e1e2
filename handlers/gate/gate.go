// Package gate checks inbound calls, in a fixed order (inbound-security §6). A
// call that is refused leaves no run and no trigger history, only a line in the
// log and in the audit trail.
package gate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/access"
)

// Target is a workflow as the gate must know it.
type Target struct {
	ID, State                string
	PrimaryKey, SecondaryKey []byte
	ContentsKey              []byte // signs links to inputs and outputs
	Access                   *access.Access
	Trigger                  func(name string) (Trigger, bool)
	// Version finds the triggers of a version; nil: there is no other than the
	// current one.
	Version func(ctx context.Context, version string) (func(name string) (Trigger, bool), error)
}

// Trigger is a trigger that can be called.
type Trigger struct {
	Name         string
	Method       string // "" means POST (triggers §11.2)
	RelativePath string
}

// ErrUnknown means that there is no such workflow, or no such version of it.
var ErrUnknown = errors.New("unknown workflow")

// Directory finds workflows. Its error is ErrUnknown, or says why it cannot tell.
type Directory func(ctx context.Context, workflowID string) (*Target, error)

// Parameter is one value of a relative path.
type Parameter struct{ Name, Value string }

// Call is a call that was let in.
type Call struct {
	WorkflowID, Trigger string
	// Version is set where the URL names one.
	Version      string
	RelativePath []Parameter
	Queries      []Parameter // the caller's own
	// Resume is set for a call that an action of a run waits for, or that asks for the
	// response of a run; Trigger is "" then.
	Resume Execution
	// Content is set for a link to what a run has read or written.
	Content Content
}

// Execution names one execution of an action: in loops Path says in which
// iterations. Or it names the operation of a run: where a caller who was answered
// at once asks for the response.
type Execution struct{ Run, Action, Path, Operation string }

// Content names one side of a run's trigger, or of an execution of an action.
type Content struct {
	Execution        // without an action: the trigger
	Name      string // TriggerInputs, TriggerOutputs, ActionInputs or ActionOutputs
}

// Rejection is an answer in the product's error format.
type Rejection struct {
	Status        int
	Code, Message string
	reason        error // for the log alone
}

// Decision is what became of a call. It holds nothing that opens anything.
type Decision struct {
	At         time.Time
	Kind       string // of the call: trigger, resume, content or other
	WorkflowID string // as far as it looks like one
	Subject    string // the path below the workflow, without the relative path
	Allowed    bool
	// Scheme is what the call showed: SAS, Bearer, another name of a scheme, or "".
	// Key is what it was let in by: primary, secondary, contents, or a policy.
	Scheme, Key string
	Principal   string // whom the token was issued to
	Caller      string // address, or ""
	// Check, Status, Code and Reason say why a call was refused.
	Check        string
	Status       int
	Code, Reason string
}

// Gate lets calls through or answers them.
type Gate struct {
	Directory Directory
	Client    ClientAddress
	Now       func() time.Time
	Log       zerolog.Logger
	// Tokens checks tokens; nil lets none in.
	Tokens *Tokens
	// Observe is told of each decision; nil: nobody is.
	Observe func(Decision)
	// Next answers the calls that were let in, or returns why it refuses one.
	Next func(w http.ResponseWriter, r *http.Request, c Call) *Rejection

	lines limiter
}

// inbound is a call on its way through the checks.
type inbound struct {
	g           *Gate
	r           *http.Request
	escaped     string // path, as it came
	path        invokePath
	scope       string  // of the path
	target      *Target // nil for a workflow that does not exist, until step 2 is answered
	trigger     Trigger
	signature   signature
	bearer      bool // a token has shown who calls; there is no signature
	call        Call
	decision    Decision
	caller      netip.Addr
	callerKnown bool
}

// ServeHTTP runs the checks.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := &inbound{g: g, r: r, signature: readSignature(r.URL.RawQuery)}
	var ok bool
	in.escaped = r.URL.EscapedPath()
	if in.path, ok = parsePath(in.escaped); !ok {
		Reject(w, Rejection{Status: http.StatusNotFound, Code: "ResourceNotFound", Message: "There is nothing at this address."})
		return
	}
	in.scope = in.path.scope()
	in.caller, in.callerKnown = g.Client.Of(r)
	rejection := in.headers()
	check := "headers"
	if rejection == nil {
		target, err := g.Directory(r.Context(), in.path.workflowID)
		if err != nil && !errors.Is(err, ErrUnknown) {
			g.unavailable(w, err, in.path.workflowID)
			return
		}
		in.target = target
		check, rejection = in.run()
	}
	in.decide(check, rejection)
	if rejection != nil {
		if errors.Is(rejection.reason, errNoKeys) {
			w.Header().Set("Retry-After", "5")
		}
		Reject(w, *rejection)
		return
	}
	in.call.WorkflowID, in.call.Trigger, in.call.Version = in.target.ID, in.trigger.Name, in.path.version
	in.call.Queries = ownQueries(r.URL.RawQuery)
	in.call.Resume, in.call.Content = in.path.resume, in.path.content
	if rejection := g.Next(w, r, in.call); rejection != nil {
		in.refused("behind the gate", rejection) // the audit trail has that it was let in
		Reject(w, *rejection)
	}
}

// run returns the first check that refuses the call.
func (in *inbound) run() (string, *Rejection) {
	for _, c := range checks {
		if rejection := c.check(in); rejection != nil {
			return c.name, rejection
		}
	}
	return "", nil
}

// decide tells the log and the audit trail.
func (in *inbound) decide(check string, rejection *Rejection) {
	d := &in.decision
	d.At, d.Kind, d.WorkflowID = in.g.Now(), in.path.kind, plainID(in.path.workflowID)
	d.Allowed = rejection == nil
	if in.target != nil {
		d.Subject = plainPath(in.scope)
	}
	if in.callerKnown {
		d.Caller = in.caller.String()
	}
	if rejection != nil {
		in.refused(check, rejection)
	}
	if in.g.Observe != nil {
		in.g.Observe(*d)
	}
}

// refused tells the log.
func (in *inbound) refused(check string, rejection *Rejection) {
	d := &in.decision
	d.Check, d.Status, d.Code = check, rejection.Status, rejection.Code
	if rejection.reason != nil {
		d.Reason = rejection.reason.Error()
	}
	in.g.lines.write(&in.g.Log, *d)
}

func (g *Gate) unavailable(w http.ResponseWriter, err error, workflow string) {
	g.Log.Error().Err(err).Str("workflow", plainID(workflow)).Msg("a workflow cannot be read")
	w.Header().Set("Retry-After", "5")
	Reject(w, Rejection{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The service cannot answer now."})
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
		h.Set("x-ms-request-id", ":"+uuid.NewString())
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body) // a caller that is gone needs no answer
}
