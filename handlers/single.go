package handlers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// actionFunction makes one attempt of an action by itself: POST the action's
// JSON, get its record. What history would hide stays hidden.
func (a *app) actionFunction(name, typ, api string) host.Function {
	return host.Function{Name: name, HTTP: &host.HTTP{
		Route: "actions/" + strings.TrimPrefix(name, "Action"), AuthLevel: host.KeyNeeded, Methods: []string{http.MethodPost},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.singleAction(w, r, typ, api) }),
	}}
}

func (a *app) singleAction(w http.ResponseWriter, r *http.Request, typ, api string) {
	body, rejection := readObject(w, r)
	if rejection != nil {
		gate.Reject(w, *rejection)
		return
	}
	body = body.With("type", value.String(typ)).Without("runAfter").Without("runtimeConfiguration").
		With("runtimeConfiguration", body.Member("runtimeConfiguration").Without("staticResult"))
	program, problems := definition.Compile(definition.Source{Name: "single", Definition: value.Object(
		value.Member{Key: "actions", Value: value.Object(value.Member{Key: "action", Value: body})},
	)}, operation.Catalog{})
	if program == nil {
		rejectProblems(w, problems)
		return
	}
	record := a.engine.Once(r.Context(), program, "action", operation.Connection{API: api, Key: api})
	writeJSON(w, http.StatusOK, recordView(record))
}

// triggerFunction evaluates a trigger by itself: POST the trigger's JSON and the
// call it would receive, get its outputs.
func (a *app) triggerFunction(typ string) host.Function {
	return host.Function{Name: "Trigger" + typ, HTTP: &host.HTTP{
		Route: "triggers/" + typ, AuthLevel: host.KeyNeeded, Methods: []string{http.MethodPost},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.singleTrigger(w, r, typ) }),
	}}
}

func (a *app) singleTrigger(w http.ResponseWriter, r *http.Request, typ string) {
	body, rejection := readObject(w, r)
	if rejection != nil {
		gate.Reject(w, *rejection)
		return
	}
	call := body.Member("request")
	program, problems := definition.Compile(definition.Source{Name: "single", Definition: value.Object(
		value.Member{Key: "triggers", Value: value.Object(value.Member{Key: "trigger", Value: body.Without("request").With("type", value.String(typ))})},
	)}, operation.Catalog{})
	if program == nil {
		rejectProblems(w, problems)
		return
	}
	trigger := program.Triggers[0]
	received := &operation.Received{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}}
	for name, v := range call.Member("headers").Members {
		received.Header.Set(name, plainText(v))
	}
	for name, v := range call.Member("queries").Members {
		received.Queries = append(received.Queries, operation.Query{Name: name, Value: plainText(v)})
	}
	if content, ok := call.Get("body"); ok {
		received.Body, received.HasBody = value.Reveal(content), true
	}
	outputs, refused := operation.Given(trigger, received, time.Now())
	if refused != nil {
		gate.Reject(w, gate.Rejection{Status: refused.Status, Code: refused.Code, Message: refused.Message})
		return
	}
	fires, err := a.engine.Fires(program, trigger, outputs)
	if err != nil {
		gate.Reject(w, gate.Rejection{Status: http.StatusBadRequest, Code: definition.InvalidTemplate, Message: err.Error()})
		return
	}
	view := value.NewObject(2).Set("fires", value.Bool(fires))
	if trigger.HideOutputs {
		view.Set("outputs", secured("outputs"))
	} else {
		view.Set("outputs", value.Redact(outputs, value.Credential))
	}
	writeJSON(w, http.StatusOK, view.Build())
}

// readObject reads the JSON object in a request.
func readObject(w http.ResponseWriter, r *http.Request) (value.Value, *gate.Rejection) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err == nil {
		v, parseErr := value.Parse(data)
		if parseErr == nil && v.Kind() == value.KindObject {
			return v, nil
		}
	}
	return value.Value{}, &gate.Rejection{Status: http.StatusBadRequest, Code: "InvalidRequestContent", Message: "The request content is not valid and could not be deserialized: a JSON object is expected."}
}

func rejectProblems(w http.ResponseWriter, problems []value.Problem) {
	var lines []string
	code := definition.InvalidTemplate
	for _, p := range problems {
		if !p.Warning {
			lines = append(lines, fmt.Sprintf("%s: %s", p.Path, p.Message))
			code = p.Code
		}
	}
	gate.Reject(w, gate.Rejection{Status: http.StatusBadRequest, Code: code, Message: strings.Join(lines, " ")})
}

// recordView is a record as it may be shown.
func recordView(r *run.Record) value.Value {
	b := value.NewObject(8)
	b.Set("status", value.String(string(r.Status)))
	if r.Code != "" {
		b.Set("code", value.String(r.Code))
	}
	b.Set("error", r.Error.Value())
	b.Set("startTime", value.String(r.Start.Format(run.TimeFormat)))
	if !r.End.IsZero() {
		b.Set("endTime", value.String(r.End.Format(run.TimeFormat)))
	}
	b.Set("inputs", side(r.Inputs.Value, r.HideInputs, "inputs"))
	b.Set("outputs", side(r.Outputs.Value, r.HideOutputs, "outputs"))
	return b.Build()
}

func side(v value.Value, hidden bool, name string) value.Value {
	if hidden {
		return secured(name)
	}
	return value.Redact(v, value.Credential)
}

// secured stands where a side is hidden (secure-data §3).
func secured(name string) value.Value {
	return value.Object(value.Member{Key: "secureData", Value: value.Object(
		value.Member{Key: "properties", Value: value.Array(value.String(name))})})
}

func writeJSON(w http.ResponseWriter, status int, v value.Value) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(value.Reveal(v)) // what must not be shown was taken out by the view
}
