// Package operation holds every action type, trigger type and connector: one
// file each, which registers itself. An operation makes one attempt; retries,
// polls and waits are states of the run.
package operation

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation/script"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// Deps are what operations reach the world with.
type Deps struct {
	HTTP Doer
	// Vault returns the vault behind a Key Vault connection.
	Vault func(connection Connection) (outbound.Vault, error)
	// Artifacts are the maps and schemas of the integration account; nil where
	// none is configured.
	Artifacts Artifacts
	// Scripts runs inline code within ScriptLimits; nil runs it in this process,
	// which is no protection against hostile code.
	Scripts      script.Runner
	ScriptLimits script.Limits
	// Workflows starts runs of other workflows; the engine sets it.
	Workflows Workflows
}

// Workflows starts the run of a nested workflow.
type Workflows interface {
	// StartNested starts a run, once however often it is called for the same execution
	// of an action. Its answer resumes that execution, if waits is set. The error is
	// what the action fails with.
	StartNested(ctx context.Context, n Nested) (accepted value.Value, failure *run.Error, err error)
	// SendToBatch adds a message to a batch, once however often it is called for the
	// same execution of an action.
	SendToBatch(ctx context.Context, m BatchMessage) (failure *run.Error, err error)
}

// Nested is a call of one workflow by another.
type Nested struct {
	ResourceID, Trigger string
	Outputs             value.Value // of the trigger: headers, body
	Waits               bool
	Tracking            Tracking // of the calling action
}

// Doer sends one request. Its error is an *outbound.Failure.
type Doer interface {
	Do(ctx context.Context, r *outbound.Request) (*outbound.Response, error)
}

// Call is one attempt of an operation.
type Call struct {
	Action   string
	Kind     string      // of the action, where its type has kinds
	Inputs   value.Value // evaluated
	Deferred map[string]*expr.Template
	// Env gives what a deferred template sees for one item; nil outside a run, which
	// is why operations ask scope.
	Env func(item value.Value) *expr.Env
	// Visible is what an operation with Spec.Reads sees of the run.
	Visible Visible
	// Attempt counts from 1. Keep is what the attempt before asked to remember.
	Attempt int
	Keep    value.Value
	// Polls: it is a trigger that asks; an answer may say where to ask next.
	Polls   bool
	Options definition.Options
	// Timeout is what is left of limit.timeout when the attempt begins: 0 when the
	// action has no such limit, below 0 when it is over. It bounds an asynchronous
	// pattern, not a single request (actions §2.5).
	Timeout time.Duration
	// Runtime is runtimeConfiguration as the definition has it.
	Runtime value.Value
	// Connection is what the action's entry in $connections leads to.
	Connection Connection
	Tracking   Tracking
}

// Visible is what an operation reads of its run besides its inputs.
type Visible struct {
	Workflow value.Value    // as workflow()
	Actions  []value.Member // by the names that were asked for, as actions('name'); only what has run
	Trigger  value.Value    // as trigger(); absent unless it was asked for
}

// Connection is a managed API connection as an action reaches it.
type Connection struct {
	Key        string      // in $connections
	API        string      // lower case, such as keyvault
	ID         string      // the connection resource
	Properties value.Value // of the connection resource; absent where it is not deployed here
	Entry      value.Value // of $connections
}

// Tracking identifies a call to whoever receives it (actions §2.3).
type Tracking struct {
	WorkflowID, WorkflowName, WorkflowVersion string
	RunName                                   string
	Action, Path                              string // the execution
	ActionTrackingID, ClientTrackingID        string
	RunTrackingID                             string
	Start                                     time.Time // of the execution
}

// Operation is an action type.
type Operation struct {
	definition.Spec
	Doc      string
	Examples []Example
	// Run makes one attempt. It ends when ctx does, and never panics.
	Run func(ctx context.Context, d Deps, c Call) run.Outcome
	// Release tells whoever was to resume an action that awaited that it need not any
	// more: it was cancelled, or timed out. Nothing depends on it; nil does nothing.
	Release func(ctx context.Context, d Deps, c Call)
}

// Example shows the inputs of an action and what comes out, without I/O.
type Example struct {
	Kind   string // of the action, where its type has kinds
	Inputs string // JSON, as it stands in a definition
	Want   string // JSON of the outputs, or of the error as {"code","message"}
}

// Trigger is a trigger type.
type Trigger struct {
	definition.Spec
	Doc string
	// Receive builds the outputs of a trigger that is called over HTTP. A non-nil
	// Rejection is the answer to a call that starts no run.
	Receive func(t *definition.Trigger, r *Received) (value.Value, *Rejection)
	// Poll asks once whether there is something to start a run for. nil for triggers
	// that do not ask.
	Poll func(ctx context.Context, d Deps, c Call) Polled
	// Subscribe asks somebody to call the trigger's URL from now on; Unsubscribe that
	// they need not any more. nil for triggers that nobody has to be told of.
	Subscribe, Unsubscribe func(ctx context.Context, d Deps, c Call) run.Outcome
}

// Polled is what one poll found (triggers §8).
type Polled struct {
	run.Outcome // Succeeded: there is something; Skipped: there is nothing
	Keep        value.Value
	// Next, where HasNext is set, is when to ask again; otherwise the recurrence says.
	Next    time.Duration
	HasNext bool
}

// Received is an inbound call that the gate has let in.
type Received struct {
	Method             string
	Header             http.Header
	Host               string
	Queries            []Query // the caller's own, in order
	RelativePathValues []Query
	Body               []byte
	HasBody            bool
}

// Query is one name and value.
type Query struct{ Name, Value string }

// Rejection is an answer in the product's error format.
type Rejection struct {
	Status        int
	Code, Message string
}

// Connector is a managed API that is carried out here.
type Connector struct {
	API        string // lower case, the last segment of managedApis/{name}
	Doc        string
	Operations []ConnectorOperation
}

// ConnectorOperation is one method and path of a connector. In a path, {name}
// stands for one segment, percent-encoded in the call.
type ConnectorOperation struct {
	ID     string // as in the connector's own definition: GetSecret
	Method string
	Path   string
	Run    func(ctx context.Context, d Deps, c Call, path map[string]string) run.Outcome
}

var (
	operations = map[string]*Operation{}
	triggers   = map[string]*Trigger{}
	connectors = map[string]*Connector{}
)

// register adds an operation, a trigger or a connector when the program starts.
// A name that is taken is a mistake in the program and panics at once.
func register(x any) bool {
	switch x := x.(type) {
	case Operation:
		put(operations, x.Type, &x)
	case Trigger:
		put(triggers, x.Type, &x)
	case Connector:
		put(connectors, x.API, &x)
	default:
		panic(fmt.Sprintf("operation: cannot register a %T", x))
	}
	return true
}

func put[T any](m map[string]*T, name string, x *T) {
	key := strings.ToLower(name)
	if m[key] != nil {
		panic("operation: " + name + " is registered twice")
	}
	m[key] = x
}

// Catalog is what is registered, as the compiler asks for it.
type Catalog struct{}

var _ definition.Catalog = Catalog{}

// Action returns the spec of an action type, ignoring case.
func (Catalog) Action(typ string) (definition.Spec, bool) {
	if o := Find(typ); o != nil {
		return o.Spec, true
	}
	return definition.Spec{}, false
}

// Trigger returns the spec of a trigger type, ignoring case.
func (Catalog) Trigger(typ string) (definition.Spec, bool) {
	if t := FindTrigger(typ); t != nil {
		return t.Spec, true
	}
	return definition.Spec{}, false
}

// Connector tells whether a managed API is registered.
func (Catalog) Connector(api string) bool { return FindConnector(api) != nil }

// ActionTypes lists the registered action types.
func (Catalog) ActionTypes() []string {
	return names(operations, func(o *Operation) string { return o.Type })
}

// TriggerTypes lists the registered trigger types.
func (Catalog) TriggerTypes() []string {
	return names(triggers, func(t *Trigger) string { return t.Type })
}

// Connectors lists the registered managed APIs.
func (Catalog) Connectors() []string {
	return names(connectors, func(c *Connector) string { return c.API })
}

func names[T any](m map[string]*T, name func(*T) string) []string {
	list := make([]string, 0, len(m))
	for _, x := range m {
		list = append(list, name(x))
	}
	slices.Sort(list)
	return list
}

// Find returns the operation of an action type, ignoring case, or nil.
func Find(typ string) *Operation { return operations[strings.ToLower(typ)] }

// FindTrigger returns the trigger type, ignoring case, or nil.
func FindTrigger(typ string) *Trigger { return triggers[strings.ToLower(typ)] }

// FindConnector returns the connector of a managed API, ignoring case, or nil.
func FindConnector(api string) *Connector { return connectors[strings.ToLower(api)] }

// Let releases what an action that awaited had asked for.
func Let(ctx context.Context, d Deps, c Call, typ string, log zerolog.Logger) {
	o := Find(typ)
	if o == nil || o.Release == nil {
		return
	}
	defer func() {
		if recover() != nil {
			log.Error().Bytes("stack", debug.Stack()).Msg("an operation panicked")
		}
	}()
	o.Release(ctx, d, c)
}

// Poll polls once. A mistake in an operation fails the poll, not the process.
func Poll(ctx context.Context, d Deps, c Call, typ string, log zerolog.Logger) (answer Polled) {
	defer caught(&answer.Outcome, log)
	return FindTrigger(typ).Poll(ctx, d, c)
}

// Given builds the outputs of a trigger from a call made by hand, whatever fires it
// otherwise: what polls takes the call for the answer to its poll; a schedule has
// the outputs that the call brings, or those of its first firing after now.
func Given(t *definition.Trigger, r *Received, now time.Time) (value.Value, *Rejection) {
	kind := FindTrigger(t.Type)
	switch {
	case kind != nil && kind.Receive != nil:
		return kind.Receive(t, r)
	case kind != nil && kind.Poll == nil && t.Recurs():
		if !r.HasBody && t.Sliding != nil {
			return WindowOutputs(t.Sliding.First(now)), nil
		}
		if !r.HasBody {
			return value.Value{}, nil
		}
		outputs, err := decodeBody(r.Header, r.Body)
		if err != nil {
			return value.Value{}, &Rejection{http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized."}
		}
		return outputs, nil
	}
	outputs, rejection := receiveRequest(t, r)
	if rejection == nil && !t.Spec.Batch {
		outputs = outputs.With("statusCode", value.Int(http.StatusOK))
	}
	return outputs, rejection
}

// Subscribe asks once for calls of a trigger's URL.
func Subscribe(ctx context.Context, d Deps, c Call, typ string, log zerolog.Logger) (outcome run.Outcome) {
	defer caught(&outcome, log)
	return FindTrigger(typ).Subscribe(ctx, d, c)
}

// Unsubscribe ends what Subscribe asked for.
func Unsubscribe(ctx context.Context, d Deps, c Call, typ string, log zerolog.Logger) (outcome run.Outcome) {
	defer caught(&outcome, log)
	return FindTrigger(typ).Unsubscribe(ctx, d, c)
}

// caught turns a panic of a trigger's operation into its failure.
func caught(outcome *run.Outcome, log zerolog.Logger) {
	if recover() != nil {
		log.Error().Bytes("stack", debug.Stack()).Msg("an operation panicked")
		*outcome = run.Fail("InternalServerError", "InternalServerError", "The trigger failed because of an error inside the engine.")
	}
}

// Attempt makes one attempt of an action type. A mistake in an operation fails
// its action, not the process.
func Attempt(ctx context.Context, d Deps, c Call, typ string, log zerolog.Logger) (outcome run.Outcome) {
	o := Find(typ)
	if o == nil {
		return run.Fail("BadRequest", definition.NotAvailable, fmt.Sprintf("The action '%s' has the type '%s', which is not available here.", c.Action, typ))
	}
	defer func() {
		if recover() != nil {
			log.Error().Bytes("stack", debug.Stack()).Msg("an operation panicked")
			outcome = run.Fail("InternalServerError", "InternalServerError", "The action failed because of an error inside the engine.")
		}
	}()
	return o.Run(ctx, d, c)
}
