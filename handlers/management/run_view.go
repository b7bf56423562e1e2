package management

import (
	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// runView is one run (management-api §4.3).
func (l *linker) runView(resourceID string, st *run.State) value.Value {
	id := resourceID + "/runs/" + st.Name
	p := newObject(14).
		time("waitEndTime", st.Start).time("startTime", st.Start).time("endTime", st.End).
		text("status", string(st.Status)).text("code", st.Code).value("error", st.Error.Value()).
		value("correlation", value.Object(value.Member{Key: "clientTrackingId", Value: value.String(st.ClientTrackingID)})).
		value("workflow", reference(versionID(resourceID, st.Version), versionType)).
		value("trigger", l.triggerRecord(st))
	outputs := st.Outputs
	if outputs.IsAbsent() || !l.sees {
		outputs = value.Object()
	}
	p.value("outputs", value.Redact(outputs, value.Credential, value.Secured))
	if r := st.Records[st.Responded]; st.Responded != "" && r != nil && r.Outputs.Loaded() {
		p.value("response", l.responseRecord(st, r))
	}
	return newObject(4).text("id", id).text("name", st.Name).text("type", runType).value("properties", p.Build()).Build()
}

// triggerRecord is the trigger of a run.
func (l *linker) triggerRecord(st *run.State) value.Value {
	t := &st.Trigger
	path := gate.Execution{Run: st.Name}
	o := newObject(14).text("name", t.Name)
	if t.Inputs.Loaded() && t.Outputs.Loaded() {
		o.value("inputsLink", l.link(path, triggerInputs, t.Inputs, t.HideInputs)).
			value("outputsLink", l.link(path, triggerOutputs, t.Outputs, t.HideOutputs))
	}
	return o.time("scheduledTime", t.Scheduled).time("startTime", t.Start).time("endTime", t.End).
		text("originHistoryName", st.Name).text("trackingId", t.TrackingID).
		value("correlation", value.Object(value.Member{Key: "clientTrackingId", Value: value.String(st.ClientTrackingID)})).
		text("code", t.Code).text("status", string(t.Status)).value("error", t.Error.Value()).
		value("trackedProperties", t.Tracked).Build()
}

// responseRecord is the action that answered the caller.
func (l *linker) responseRecord(st *run.State, r *run.Record) value.Value {
	path := gate.Execution{Run: st.Name, Action: r.Name}
	return newObject(8).text("name", r.Name).
		value("inputsLink", l.link(path, actionInputs, r.Inputs, r.HideInputs)).
		value("outputsLink", l.link(path, actionOutputs, r.Outputs, r.HideOutputs)).
		time("startTime", r.Start).time("endTime", r.End).text("trackingId", r.TrackingID).
		value("correlation", correlation(st, r)).text("code", r.Code).text("status", string(r.Status)).Build()
}

func correlation(st *run.State, r *run.Record) value.Value {
	return newObject(2).text("actionTrackingId", r.TrackingID).text("clientTrackingId", st.ClientTrackingID).Build()
}

// actionProperties are the properties of an action's record, or of one repetition of
// it (management-api §4.4).
func (l *linker) actionProperties(st *run.State, r *run.Record) value.Value {
	path := gate.Execution{Run: st.Name, Action: r.Name, Path: r.Path}
	code := r.Code
	if code == "" {
		code = "NotSpecified"
	}
	o := newObject(16).time("startTime", r.Start).time("endTime", r.End).
		text("status", string(r.Status)).text("code", code).value("error", r.Error.Value()).
		text("trackingId", r.TrackingID).value("correlation", correlation(st, r)).
		value("inputsLink", l.link(path, actionInputs, r.Inputs, r.HideInputs)).
		value("outputsLink", l.link(path, actionOutputs, r.Outputs, r.HideOutputs)).
		value("trackedProperties", r.Tracked)
	if len(r.Retries) > 0 {
		o.value("retryHistory", retryHistory(r.Retries))
	}
	if r.Repetitions > 0 {
		o.value("repetitionCount", value.Int(int64(r.Repetitions))) // inside loops only (ui §4)
	}
	if r.Loop != nil {
		o.value("iterationCount", value.Int(int64(max(r.Loop.Count, r.Loop.Next))))
	}
	return o.Build()
}

func retryHistory(list []run.Attempt) value.Value {
	items := make([]value.Value, len(list))
	for i, t := range list {
		o := newObject(5).time("startTime", t.Start).time("endTime", t.End).text("code", t.Code).text("clientRequestId", t.ClientRequestID)
		failure := t.Error
		if failure == nil && t.Code != "" && t.Code != "OK" { // an answer that is an error
			failure = &run.Error{Code: t.Code, Message: "The request was answered with '" + t.Code + "'."}
		}
		if failure != nil {
			o.value("error", value.Object(value.Member{Key: "error", Value: failure.Value()}))
		}
		items[i] = o.Build()
	}
	return value.Array(items...)
}
