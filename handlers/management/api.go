// Package management serves the Microsoft.Logic REST API: the operations that
// Microsoft's own clients, designer and templates use, at their real paths
// (management-api). routes.go is the table of all of them.
package management

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// API answers management calls.
type API struct {
	Engine *engine.Engine
	Store  *store.Store
	// Authorize says who calls and as what, or answers the call.
	Authorize func(r *http.Request) (Caller, *Error)
	// Trusted: whoever calls is this process itself, which no address rule keeps out.
	Trusted bool
	// CallbackBase is where the signed URLs of answers lead, such as
	// https://app.azurewebsites.net.
	CallbackBase string
	// Base is where this API is served; "" takes the address of the call.
	Base string
	// Client tells the address of a caller, for the rules of workflowManagement.
	Client gate.ClientAddress
	// Identity is what a workflow with the system-assigned identity shows.
	Identity Identity
	Now      func() time.Time
	Log      zerolog.Logger
	// Audit notes a change, or a look at what opens something; nil notes nothing.
	Audit func(ctx context.Context, e Event)
}

// Identity is the system-assigned identity that workflows share here: that of the app.
// A principal that is not known is made up for each workflow.
type Identity struct{ Principal, Tenant string }

// Header is a header of an answer.
type Header struct{ Name, Value string }

// Role is what a caller may do (management-api §8). Each includes those before it.
type Role int

// The roles.
const (
	Nobody Role = iota
	Reader
	Operator    // run, resubmit, cancel, enable, disable
	Contributor // everything
)

// Caller is who makes a call.
type Caller struct {
	Name string
	Role Role
	// Contents: may follow links to what went in and out of runs. Audit: may read the
	// audit trail.
	Contents, Audit bool
}

// has tells whether a caller has a permission.
func (c Caller) has(p permission) bool {
	switch p {
	case contents:
		return c.Contents
	case trail:
		return c.Audit
	}
	return true
}

// Event is a line of the audit trail.
type Event struct {
	Caller, Operation, Resource string
	WorkflowID                  string // where it was found
	Address                     string // of the caller, or ""
	// Correlation is the id that the caller gave the call, if it is a GUID, or else its own.
	Correlation string
	Status      int
	Code        string // of what was refused
}

// Error is an answer in the product's error format.
type Error struct {
	Status        int
	Code, Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func fail(status int, code, format string, args ...any) *Error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

// answer is what an operation answers with. A body that is absent is none.
type answer struct {
	status  int
	body    value.Value
	headers []Header
}

func ok(body value.Value) (answer, error) { return answer{status: http.StatusOK, body: body}, nil }

// done is an answer without a body.
func done(status int, headers ...Header) (answer, error) {
	return answer{status: status, headers: headers}, nil
}

var (
	// logicVersions are the api-versions that share these shapes (management-api §1).
	logicVersions = []string{"2016-06-01", "2016-10-01", "2017-07-01", "2018-07-01-preview", "2019-05-01"}
	// siteVersions are those of the paths of Standard apps besides (management-api §7.2).
	siteVersions = []string{"2018-11-01", "2020-05-01-preview", "2022-03-01", "2022-05-01", "2023-12-01", "2024-04-01", "2024-11-01"}
	// insightsVersions are those of the Activity Log.
	insightsVersions = []string{"2015-04-01"}
)

// ServeHTTP answers one call.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("x-ms-request-id", id)
	w.Header().Set("x-ms-correlation-request-id", correlationID(r, id))
	c, err := a.read(r)
	c.id = id
	var result answer
	if err == nil {
		result, err = a.carryOut(c)
	}
	if err != nil {
		a.refuse(w, c, err)
		return
	}
	for _, h := range result.headers {
		w.Header().Set(h.Name, h.Value)
	}
	write(w, result.status, result.body)
}

// carryOut checks who calls, then does what is asked.
func (a *API) carryOut(c *call) (result answer, err error) {
	var refused *Error
	c.caller, refused = a.Authorize(c.r)
	if a.Audit != nil {
		defer func() {
			if c.route.changes() || err != nil && denied(asError(err).Status) {
				a.note(c, result, err)
			}
		}()
	}
	if refused != nil {
		return result, refused
	}
	if c.caller.Role < c.route.role || !c.caller.has(c.route.needs) {
		return result, c.unauthorized()
	}
	c.ctx = audit.WithCorrelation(audit.WithActor(c.ctx, c.caller.Name), c.correlation())
	if c.alias {
		if err := a.resolve(c); err != nil {
			return result, err
		}
	}
	return c.route.handle(a, c)
}

func denied(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

func (c *call) unauthorized() *Error {
	return fail(http.StatusForbidden, "AuthorizationFailed",
		"The client '%s' does not have authorization to perform action '%s' over scope '%s'.", c.caller.Name, c.route.name, c.r.URL.Path)
}

// note tells the audit trail who asked for what, and what became of it.
func (a *API) note(c *call, result answer, err error) {
	e := Event{Caller: c.caller.Name, Operation: c.route.name, Resource: c.r.URL.Path, WorkflowID: c.found, Status: result.status, Correlation: c.correlation()}
	if address, known := a.Client.Of(c.r); known {
		e.Address = address.String()
	}
	if err != nil {
		refused := asError(err)
		e.Status, e.Code = refused.Status, refused.Code
	}
	if e.Status == http.StatusUnauthorized { // nobody is known who could have named anything: the names may be credentials
		e.Resource = c.route.path
	}
	a.Audit(c.ctx, e)
}

// refuse answers a call that failed. What is not meant for the caller is logged.
func (a *API) refuse(w http.ResponseWriter, c *call, err error) {
	e := asError(err)
	if e.Status >= http.StatusInternalServerError {
		a.Log.Error().Err(err).Str("request", w.Header().Get("x-ms-request-id")).Msg("a management call failed")
	}
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"`)
	}
	if c != nil && c.r.Method == http.MethodHead {
		w.WriteHeader(e.Status)
		return
	}
	write(w, e.Status, value.Object(value.Member{Key: "error", Value: value.Object(
		value.Member{Key: "code", Value: value.String(e.Code)},
		value.Member{Key: "message", Value: value.String(e.Message)})}))
}

func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrConflict):
		return fail(http.StatusConflict, "Conflict", "The resource was changed by another request; try again.")
	default:
		return fail(http.StatusInternalServerError, "InternalServerError", "Encountered internal server error.")
	}
}

func write(w http.ResponseWriter, status int, body value.Value) {
	if body.IsAbsent() {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(value.Reveal(body)) // the caller has gone otherwise
}
