package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
)

// lazily makes a handler at its first request: function.json is written without
// an app behind the table.
func (a *app) lazily(make func() http.Handler) http.Handler {
	handler := sync.OnceValue(make)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

// call starts a run for a call that the gate has let in, and answers it
// (triggers §11.4). What it refuses, the gate answers.
func (a *app) call(w http.ResponseWriter, r *http.Request, c gate.Call) *gate.Rejection {
	ctx := r.Context()
	workflow, err := a.called(ctx, c)
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
		return nil
	}
	switch {
	case c.Resume.Operation != "":
		return a.operation(w, r, workflow, c)
	case c.Content.Name != "":
		a.content(w, r, c)
		return nil
	case c.Resume.Run != "":
		return a.resume(w, r, c)
	}
	body, done, rejection := a.readBody(w, r)
	if rejection != nil || done == nil {
		return rejection
	}
	defer done()
	trigger := workflow.Program.Trigger(c.Trigger)
	if trigger == nil { // a new version came in between
		return &gate.Rejection{Status: http.StatusNotFound, Code: "WorkflowTriggerNotFound", Message: fmt.Sprintf(
			"The workflow '%s' trigger '%s' could not be found.", workflow.ID, c.Trigger)}
	}
	outputs, refused := operation.FindTrigger(trigger.Type).Receive(trigger, received(r, c, body))
	if refused != nil {
		return &gate.Rejection{Status: refused.Status, Code: refused.Code, Message: refused.Message}
	}
	parent, state := callersTrace(r)
	running, err := a.engine.Start(ctx, workflow, engine.Trigger{
		Name: c.Trigger, Outputs: outputs, ClientTrackingID: r.Header.Get("x-ms-client-tracking-id"), TraceParent: parent, TraceState: state, Waits: true,
	})
	var overflow *engine.Overflow
	if errors.As(err, &overflow) {
		w.Header().Set("Retry-After", "10")
		return &gate.Rejection{Status: http.StatusTooManyRequests, Code: engine.CodeOverflow, Message: overflow.Error()}
	}
	var invalid *expr.Error
	if errors.As(err, &invalid) { // of the trigger's conditions, correlation or splitOn
		return &gate.Rejection{Status: http.StatusBadRequest, Code: invalid.Code, Message: invalid.Message}
	}
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
		return nil
	}
	a.started(w, r, workflow, trigger, running)
	return nil
}

// started answers a call that started a run.
func (a *app) started(w http.ResponseWriter, r *http.Request, workflow *engine.Workflow, trigger *definition.Trigger, running *engine.Running) {
	a.log.Info().Str("workflow", workflow.Name).Str("run", running.Key.Run).Str("request", requestID(r)).Str("trackingId", running.TrackingID).Msg("a call started a run")
	if !trigger.Options.Has("SuppressWorkflowHeadersOnResponse") {
		workflowHeaders(w.Header(), workflow, running)
	}
	if running.Operation != "" {
		a.askLater(w, r, workflow, gate.Execution{Run: running.Key.Run, Operation: running.Operation})
		return
	}
	if running.Answer == nil {
		w.WriteHeader(http.StatusAccepted) // no Response action, or a condition did not hold
		return
	}
	a.answer(w, r, running)
}

// readBody takes the body in, or says what is wrong with it. Large ones come in one
// after another, as far as they are more than maxRequest together; done lets the next
// in, and is nil where there is nobody to answer.
func (a *app) readBody(w http.ResponseWriter, r *http.Request) (body []byte, done func(), rejection *gate.Rejection) {
	weight := r.ContentLength
	if weight < 0 || weight > maxRequest {
		weight = maxRequest
	}
	if weight < largeRequest {
		weight = 0
	}
	if a.bodies.Acquire(r.Context(), weight) != nil {
		return nil, nil, nil // the caller is gone
	}
	done = func() { a.bodies.Release(weight) }
	body, rejection = readWhole(w, r)
	if rejection != nil {
		done()
		return nil, nil, rejection
	}
	return body, done, nil
}

func readWhole(w http.ResponseWriter, r *http.Request) ([]byte, *gate.Rejection) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &gate.Rejection{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: fmt.Sprintf("The request content exceeds the limit of '%d' bytes.", maxRequest)}
	case err != nil:
		return nil, &gate.Rejection{Status: http.StatusBadRequest, Code: "InvalidRequestContent", Message: "The request content could not be read to its end."}
	}
	return body, nil
}

func received(r *http.Request, c gate.Call, body []byte) *operation.Received {
	return &operation.Received{
		Method: r.Method, Header: ownHeaders(r), Host: r.Host, Queries: queries(c.Queries), RelativePathValues: queries(c.RelativePath),
		Body: body, HasBody: len(body) > 0,
	}
}

// resume takes the call that an action of a run waits for (actions §2.9).
func (a *app) resume(w http.ResponseWriter, r *http.Request, c gate.Call) *gate.Rejection {
	body, done, rejection := a.readBody(w, r)
	if rejection != nil || done == nil {
		return rejection
	}
	defer done()
	data, refused := operation.ReceiveCallback(received(r, c, body))
	if refused != nil {
		return &gate.Rejection{Status: refused.Status, Code: refused.Code, Message: refused.Message}
	}
	x := c.Resume
	err := a.engine.Resume(r.Context(), store.RunKey{WorkflowID: c.WorkflowID, Run: x.Run}, x.Action, x.Path, x.Action+"."+x.Path, data)
	switch {
	case errors.Is(err, engine.ErrNotWaiting):
		return &gate.Rejection{Status: http.StatusConflict, Code: "WorkflowActionNotWaiting", Message: fmt.Sprintf(
			"The action '%s' of run '%s' does not wait to be called.", x.Action, x.Run)}
	case err != nil:
		a.unavailable(w, err, c.WorkflowID)
	default:
		w.WriteHeader(http.StatusOK)
	}
	return nil
}

const (
	// maxRequest is the message size limit (workflow-definition §8).
	maxRequest = 100 << 20
	// largeRequest is the least that a body has to be to count for the memory that
	// bodies take together.
	largeRequest = 1 << 20
)

func (a *app) unavailable(w http.ResponseWriter, err error, workflow string) {
	a.log.Error().Err(err).Str("workflow", workflow).Msg("a run could not be started")
	w.Header().Set("Retry-After", "5")
	gate.Reject(w, gate.Rejection{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The run could not be started; try again."})
}

// ownHeaders are those of the caller: what the Functions host and its front end
// add stays out of the trigger's outputs.
func ownHeaders(r *http.Request) http.Header {
	h := r.Header.Clone()
	for name := range h {
		switch n := strings.ToLower(name); {
		case strings.HasPrefix(n, "x-azure-functions-"), strings.HasPrefix(n, "x-arr-"), strings.HasPrefix(n, "x-waws-"), strings.HasPrefix(n, "x-appservice-"),
			n == "disguised-host", n == "x-original-url", n == "was-default-hostname", n == "x-site-deployment-id", n == "x-ms-invocation-id", n == "client-ip", n == "x-client-ip", n == "x-client-port":
			h.Del(name)
		}
	}
	return h
}

func queries(list []gate.Parameter) []operation.Query {
	out := make([]operation.Query, len(list))
	for i, p := range list {
		out[i] = operation.Query(p)
	}
	return out
}
