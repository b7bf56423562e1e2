package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// workflowHeaders identify the run to the caller.
func workflowHeaders(h http.Header, w *engine.Workflow, r *engine.Running) {
	for _, pair := range [...][2]string{
		{"X-Ms-Workflow-Run-Id", r.Key.Run},
		{"X-Ms-Correlation-Id", r.TrackingID},
		{"X-Ms-Client-Tracking-Id", r.ClientTrackingID},
		{"X-Ms-Trigger-History-Name", r.Key.Run},
		{"X-Ms-Workflow-System-Id", "/scaleunits/prod-00/workflows/" + w.ID},
		{"X-Ms-Workflow-Id", w.ID},
		{"X-Ms-Workflow-Version", w.Version},
		{"X-Ms-Workflow-Name", w.Name},
		{"X-Ms-Tracking-Id", r.TrackingID},
		{"X-Ms-Request-Id", ":" + r.TrackingID},
	} {
		h[pair[0]] = []string{pair[1]}
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
		noResponse(w, running.Key.Run)
	default:
		a.writeResponse(w, record)
	}
}

// writeResponse writes what a Response action said. Its values win over ours.
func (a *app) writeResponse(w http.ResponseWriter, record *run.Record) {
	answer, err := operation.AnswerOf(record.Outputs.Value)
	if err != nil { // a static result that is none
		a.log.Warn().Str("action", record.Name).Msg("the answer of a Response action cannot be sent")
		gate.Reject(w, gate.Rejection{Status: http.StatusBadGateway, Code: "InvalidResponse", Message: fmt.Sprintf(
			"The answer of action '%s' cannot be sent.", record.Name)})
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // a caller that is gone needs no answer
}

// askLater answers a caller who is to ask for the response later (triggers §11.4).
func (a *app) askLater(w http.ResponseWriter, r *http.Request, workflow *engine.Workflow, x gate.Execution) {
	base := a.settings.baseURL
	if base == "" {
		base = baseOf(r)
	}
	w.Header().Set("Location", gate.URLs{Base: base}.Operation(workflow.Keys.Primary, workflow.ID, x))
	w.Header().Set("Retry-After", "20")
	w.WriteHeader(http.StatusAccepted)
}

// baseOf is the address that a call came to, where none is configured.
func baseOf(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// operation answers a caller who asks for the response of a run: 202 until there is
// one, then the response, as often as it is asked for. It refuses those who ask for
// what there is not.
func (a *app) operation(w http.ResponseWriter, r *http.Request, workflow *engine.Workflow, c gate.Call) *gate.Rejection {
	key := store.RunKey{WorkflowID: c.WorkflowID, Run: c.Resume.Run}
	st, record, err := a.engine.Operation(r.Context(), key, c.Resume.Operation)
	if errors.Is(err, store.ErrNotFound) {
		return &gate.Rejection{Status: http.StatusNotFound, Code: "WorkflowRunOperationNotFound", Message: fmt.Sprintf(
			"The workflow '%s' run '%s' operation '%s' could not be found.", c.WorkflowID, c.Resume.Run, c.Resume.Operation)}
	}
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
		return nil
	}
	if t := workflow.Program.Trigger(st.Trigger.Name); t == nil || !t.Options.Has("SuppressWorkflowHeadersOnResponse") {
		workflowHeaders(w.Header(), workflow, &engine.Running{Key: key, TrackingID: st.TrackingID, ClientTrackingID: st.ClientTrackingID})
	}
	switch {
	case record != nil:
		a.writeResponse(w, record)
	case st.Status.Final():
		noResponse(w, key.Run)
	default:
		a.askLater(w, r, workflow, c.Resume)
	}
	return nil
}

func noResponse(w http.ResponseWriter, name string) {
	gate.Reject(w, gate.Rejection{Status: http.StatusBadGateway, Code: "NoResponse", Message: fmt.Sprintf(
		"The server did not receive a response from an upstream server. Request tracking id '%s'.", name)})
}
