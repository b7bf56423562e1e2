package management

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const triggerType = workflowType + "/triggers"

func (a *API) listTriggers(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	f, err := c.filter(triggerFields)
	if err != nil {
		return answer{}, err
	}
	views := []value.Value{}
	for _, t := range w.Program.Triggers {
		if !f.holds(func(x comparison) bool { return x.is(w.State) }) {
			continue
		}
		view, err := a.triggerView(c, w, t)
		if err != nil {
			return answer{}, err
		}
		views = append(views, view)
	}
	return c.slicePage(views)
}

// trigger finds the trigger that a path names.
func (a *API) trigger(c *call) (*engine.Workflow, *definition.Trigger, error) {
	w, err := a.workflow(c)
	if err != nil {
		return nil, nil, err
	}
	t := w.Program.Trigger(c.names["trigger"])
	if t == nil {
		return nil, nil, fail(http.StatusNotFound, "WorkflowTriggerNotFound", "The workflow '%s' trigger '%s' could not be found.", w.Name, c.names["trigger"])
	}
	return w, t, nil
}

func (a *API) getTrigger(c *call) (answer, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	view, err := a.triggerView(c, w, t)
	if err != nil {
		return answer{}, err
	}
	return ok(view)
}

// triggerView is one trigger (management-api §4.3).
func (a *API) triggerView(c *call, w *engine.Workflow, t *definition.Trigger) (value.Value, error) {
	status, err := a.Engine.TriggerStatus(c.ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name})
	if err != nil {
		return value.Value{}, err
	}
	p := newObject(9).text("provisioningState", "Succeeded").time("createdTime", w.Created).time("changedTime", w.Changed).
		text("state", w.State).text("status", status.Status).
		time("lastExecutionTime", status.Last).time("nextExecutionTime", status.Next).
		value("recurrence", recurrenceOf(w, t)).
		value("workflow", reference(versionID(w.ResourceID, w.Version), versionType))
	return newObject(4).text("id", w.ResourceID+"/triggers/"+t.Name).text("name", t.Name).text("type", triggerType).
		value("properties", p.Build()).Build(), nil
}

// recurrenceOf is the recurrence as the definition has it.
func recurrenceOf(w *engine.Workflow, t *definition.Trigger) value.Value {
	if !t.Recurs() {
		return value.Value{}
	}
	return w.Program.Definition.Member("triggers").Member(t.Name).Member("recurrence")
}

// runTrigger fires a trigger by hand, whatever its address rules say. A body is that of the
// call that the trigger would get (management-api §3.3).
func (a *API) runTrigger(c *call) (answer, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	if !strings.EqualFold(w.State, "Enabled") {
		return answer{}, fail(http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", "Could not execute workflow '%s' trigger '%s' with state '%s': trigger is not enabled.", w.ID, t.Name, w.State)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, 100<<20))
	if err != nil {
		return answer{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content could not be read to its end.")
	}
	header := http.Header{}
	if ct := c.r.Header.Get("Content-Type"); ct != "" && len(body) > 0 {
		header.Set("Content-Type", ct)
	}
	outputs, refused := operation.Given(t, &operation.Received{Method: method(t), Header: header, Body: body, HasBody: len(body) > 0}, a.Now())
	if refused != nil {
		return answer{}, fail(refused.Status, refused.Code, "%s", refused.Message)
	}
	started, err := a.Engine.Start(c.ctx, w, engine.Trigger{Name: t.Name, Outputs: outputs, ClientTrackingID: c.r.Header.Get("x-ms-client-tracking-id")})
	if err != nil {
		return answer{}, asBadRequest(err)
	}
	if started.Skipped {
		return done(http.StatusAccepted)
	}
	return done(http.StatusAccepted, runHeaders(w, started)...)
}

func runHeaders(w *engine.Workflow, started *engine.Running) []Header {
	return []Header{
		{"x-ms-workflow-run-id", started.Key.Run}, {"x-ms-trigger-history-name", started.Key.Run},
		{"x-ms-client-tracking-id", started.ClientTrackingID}, {"x-ms-workflow-id", w.ID},
		{"x-ms-workflow-version", w.Version}, {"x-ms-workflow-name", w.Name},
	}
}

// resetTrigger forgets what a trigger that polls or recurs remembers.
func (a *API) resetTrigger(c *call) (answer, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	if err := a.Engine.ResetTrigger(c.ctx, w, t); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

// setTriggerState copies what another trigger remembers.
func (a *API) setTriggerState(c *call) (answer, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	source := body.Member("source")
	name, resource := source.Member("triggerName").Str(), c.workflowID()
	if flow := source.Member("flowName").Str(); flow != "" {
		resource = c.group() + "/providers/Microsoft.Logic/workflows/" + flow
	}
	if id := source.Member("id").Str(); id != "" {
		owner, last, found := cutFold(id, "/triggers/")
		if !found {
			return answer{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'the id '%s' is not that of a trigger'.", id)
		}
		resource, name = "/"+strings.Trim(owner, "/"), last
	}
	if name == "" {
		return answer{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'Required property 'source' not found in JSON'.")
	}
	other, from, err := a.triggerOf(c, resource, name)
	if err != nil {
		return answer{}, err
	}
	switch err = a.Engine.CopyTriggerState(c.ctx, w, t, other, from); {
	case errors.Is(err, engine.ErrNoState):
		return answer{}, fail(http.StatusBadRequest, "TriggerStateNotFound", "The triggers '%s' and '%s' must both have a state: they fire by themselves, in workflows that are enabled.", t.Name, name)
	case errors.Is(err, engine.ErrOtherTrigger):
		return answer{}, fail(http.StatusBadRequest, "TriggerTypeNotSupported", "The state of trigger '%s' of type '%s' cannot be given to trigger '%s' of type '%s'.", name, from.Type, t.Name, t.Type)
	case err != nil:
		return answer{}, err
	}
	return done(http.StatusOK)
}

// triggerOf finds a trigger of a workflow that a body names.
func (a *API) triggerOf(c *call, resource, name string) (*engine.Workflow, *definition.Trigger, error) {
	id, err := a.Store.WorkflowNamed(c.ctx, resource)
	var w *engine.Workflow
	if err == nil {
		w, err = a.Engine.Current(c.ctx, id)
	}
	short := resource[strings.LastIndexByte(resource, '/')+1:]
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fail(http.StatusNotFound, "WorkflowNotFound", "The workflow '%s' could not be found.", short)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := a.barred(c, w); err != nil {
		return nil, nil, err
	}
	t := w.Program.Trigger(name)
	if t == nil {
		return nil, nil, fail(http.StatusNotFound, "WorkflowTriggerNotFound", "The workflow '%s' trigger '%s' could not be found.", short, name)
	}
	return w, t, nil
}

func cutFold(s, sep string) (before, after string, found bool) {
	i := strings.Index(strings.ToLower(s), strings.ToLower(sep))
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
