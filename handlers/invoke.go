package handlers

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// lazily makes a handler at its first request: function.json is written without
// an app behind the table.
func (a *app) lazily(make func() http.Handler) http.Handler {
	handler := sync.OnceValue(make)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

// call starts a run for a call that the gate has let in, and answers it
// (triggers §11.4).
func (a *app) call(w http.ResponseWriter, r *http.Request, c gate.Call) {
	ctx := r.Context()
	workflow, err := a.called(ctx, c)
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
		return
	}
	switch {
	case c.Content.Name != "":
		a.content(w)
		return
	case c.Resume.Run != "":
		a.resume(w, r, c)
		return
	}
	body, ok := a.readBody(w, r)
	if !ok {
		return
	}
	trigger := workflow.Program.Trigger(c.Trigger)
	outputs, rejection := operation.FindTrigger(trigger.Type).Receive(trigger, received(r, c, body))
	if rejection != nil {
		gate.Reject(w, gate.Rejection{Status: rejection.Status, Code: rejection.Code, Message: rejection.Message})
		return
	}
	running, err := a.engine.Start(ctx, workflow, engine.Trigger{
		Name: c.Trigger, Outputs: outputs, ClientTrackingID: r.Header.Get("x-ms-client-tracking-id"), Waits: true,
	})
	var overflow *engine.Overflow
	if errors.As(err, &overflow) {
		w.Header().Set("Retry-After", "10")
		gate.Reject(w, gate.Rejection{Status: http.StatusTooManyRequests, Code: engine.CodeOverflow, Message: overflow.Error()})
		return
	}
	var invalid *expr.Error
	if errors.As(err, &invalid) { // of the trigger's conditions, correlation or splitOn
		gate.Reject(w, gate.Rejection{Status: http.StatusBadRequest, Code: invalid.Code, Message: invalid.Message})
		return
	}
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
		return
	}
	if !trigger.Options.Has("SuppressWorkflowHeadersOnResponse") {
		workflowHeaders(w.Header(), workflow, running)
	}
	if running.Answer == nil {
		w.WriteHeader(http.StatusAccepted) // no Response action, or a condition did not hold
		return
	}
	a.answer(w, r, running)
}

// readBody takes the body in, or answers the call.
func (a *app) readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || len(body) > maxRequest:
		gate.Reject(w, gate.Rejection{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: fmt.Sprintf("The request content exceeds the limit of '%d' bytes.", maxRequest)})
		return nil, false
	case err != nil:
		gate.Reject(w, gate.Rejection{Status: http.StatusBadRequest, Code: "InvalidRequestContent", Message: "The request content could not be read to its end."})
		return nil, false
	}
	return body, true
}

func received(r *http.Request, c gate.Call, body []byte) *operation.Received {
	return &operation.Received{
		Method: r.Method, Header: ownHeaders(r), Host: r.Host, Queries: queries(c.Queries), RelativePathValues: queries(c.RelativePath),
		Body: body, HasBody: len(body) > 0,
	}
}

// resume takes the call that an action of a run waits for (actions §2.9).
func (a *app) resume(w http.ResponseWriter, r *http.Request, c gate.Call) {
	body, ok := a.readBody(w, r)
	if !ok {
		return
	}
	data, rejection := operation.ReceiveCallback(received(r, c, body))
	if rejection != nil {
		gate.Reject(w, gate.Rejection{Status: rejection.Status, Code: rejection.Code, Message: rejection.Message})
		return
	}
	x := c.Resume
	err := a.engine.Resume(r.Context(), store.RunKey{WorkflowID: c.WorkflowID, Run: x.Run}, x.Action, x.Path, x.Action+"."+x.Path, data)
	switch {
	case errors.Is(err, engine.ErrNotWaiting):
		gate.Reject(w, gate.Rejection{Status: http.StatusConflict, Code: "WorkflowActionNotWaiting", Message: fmt.Sprintf(
			"The action '%s' of run '%s' does not wait to be called.", x.Action, x.Run)})
	case err != nil:
		a.unavailable(w, err, c.WorkflowID)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// maxRequest is the message size limit (workflow-definition §8).
const maxRequest = 100 << 20

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

// workflowHeaders identify the run to the caller.
func workflowHeaders(h http.Header, w *engine.Workflow, r *engine.Running) {
	for name, v := range map[string]string{
		"x-ms-workflow-run-id":      r.Key.Run,
		"x-ms-correlation-id":       r.TrackingID,
		"x-ms-client-tracking-id":   r.ClientTrackingID,
		"x-ms-trigger-history-name": r.Key.Run,
		"x-ms-workflow-system-id":   "/scaleunits/prod-00/workflows/" + w.ID,
		"x-ms-workflow-id":          w.ID,
		"x-ms-workflow-version":     w.Version,
		"x-ms-workflow-name":        w.Name,
		"x-ms-tracking-id":          r.TrackingID,
		"x-ms-request-id":           ":" + r.TrackingID,
	} {
		h.Set(name, v)
	}
}

// answer waits for the Response action and passes it on: 504 when it comes too
// late, 502 when the run ends without one.
func (a *app) answer(w http.ResponseWriter, r *http.Request, running *engine.Running) {
	record, err := a.engine.Response(r.Context(), running)
	switch {
	case errors.Is(err, engine.ErrResponseTimeout):
		gate.Reject(w, gate.Rejection{Status: http.StatusGatewayTimeout, Code: "GatewayTimeout", Message: "The server did not receive a response from an upstream server within the expected time."})
	case err != nil:
		a.unavailable(w, err, running.Key.WorkflowID)
	case record == nil:
		gate.Reject(w, gate.Rejection{Status: http.StatusBadGateway, Code: "NoResponse", Message: fmt.Sprintf(
			"The server did not receive a response from an upstream server. Request tracking id '%s'.", running.Key.Run)})
	default:
		writeResponse(w, record)
	}
}

// writeResponse writes what a Response action said. Its values win over ours.
func writeResponse(w http.ResponseWriter, record *run.Record) {
	outputs := record.Outputs.Value
	status, _ := outputs.Member("statusCode").AsInt()
	if status == 0 {
		status = http.StatusOK
	}
	content, contentType := responseBody(outputs.Member("body"))
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	for name, v := range outputs.Member("headers").Members {
		w.Header().Set(name, plainText(v))
	}
	w.WriteHeader(int(status))
	_, _ = w.Write(content) // a caller that is gone needs no answer
}

// responseBody: text, JSON, or the bytes of an envelope (triggers §11.4). The
// answer leaves the process, so it is revealed: what a workflow answers is its
// author's choice.
func responseBody(body value.Value) ([]byte, string) {
	if body.IsAbsent() || body.IsNull() {
		return nil, ""
	}
	if s, ok := body.AsString(); ok {
		return []byte(s), "text/plain; charset=utf-8"
	}
	if body.Has("$content") && body.Has("$content-type") {
		if data, err := base64.StdEncoding.DecodeString(body.Member("$content").Str()); err == nil {
			return data, body.Member("$content-type").Str()
		}
	}
	return value.Reveal(body), "application/json; charset=utf-8"
}

func plainText(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	return string(value.Reveal(v))
}
