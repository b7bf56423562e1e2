package management

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// requestTypes are the actions whose attempts are requests.
var requestTypes = []string{"Http", "HttpWebhook", "ApiConnection", "ApiConnectionWebhook", "ApiManagement", "Function"}

// requested finds the execution of an action that a path names, with its attempts.
func (a *API) requested(c *call) (id string, r *run.Record, attempts []run.Attempt, err error) {
	w, st, found, err := a.action(c)
	if err != nil {
		return "", nil, nil, err
	}
	defer func() {
		if err == nil && a.sees(c, w) != nil {
			r.HideInputs, r.HideOutputs = true, true
		}
	}()
	path := c.names["repetition"]
	r, err = a.Store.Execution(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name}, found.Name, path)
	if errors.Is(err, store.ErrNotFound) && path != "" {
		return "", nil, nil, a.noRepetition(c)
	}
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil, a.noAction(c)
	}
	if err != nil {
		return "", nil, nil, err
	}
	id = w.ResourceID + "/runs/" + st.Name + "/actions/" + found.Name
	if path != "" {
		id += "/repetitions/" + path
	}
	if !slices.Contains(requestTypes, found.Type) || r.Repetitions > 0 || r.Attempt == 0 && len(r.Retries) == 0 {
		return id, r, nil, nil // it sends no requests, or has sent none
	}
	if attempts = r.Retries; len(attempts) == 0 || !r.Status.Final() {
		attempts = append(slices.Clip(attempts), run.Attempt{Start: r.Start, End: r.End, Code: r.Code, ClientRequestID: r.TrackingID, Error: r.Error})
	}
	if last := len(attempts) - 1; last > 0 && attempts[last].Start.Before(attempts[last-1].End) {
		attempts[last].Start = attempts[last-1].End
	}
	return id, r, attempts, nil
}

// listRequests shows the requests of an action: one for each attempt
// (management-api §3.4).
func (a *API) listRequests(c *call) (answer, error) {
	id, r, attempts, err := a.requested(c)
	if err != nil {
		return answer{}, err
	}
	views := make([]value.Value, len(attempts))
	for i := range attempts {
		views[i] = requestView(id, c, r, attempts, i)
	}
	return c.slicePage(views)
}

func (a *API) getRequest(c *call) (answer, error) {
	id, r, attempts, err := a.requested(c)
	if err != nil {
		return answer{}, err
	}
	for i := range attempts {
		if requestName(attempts, i) == c.names["request"] {
			return ok(requestView(id, c, r, attempts, i))
		}
	}
	return answer{}, fail(http.StatusNotFound, "WorkflowRunActionRequestHistoryNotFound", "The workflow '%s' run '%s' action '%s' request history '%s' could not be found.",
		c.names["workflow"], c.names["run"], c.names["action"], c.names["request"])
}

// requestName is 20 digits that sort newest first; attempts that began at the same
// time differ.
func requestName(attempts []run.Attempt, i int) string {
	return run.NewVersion(attempts[i].Start.Add(time.Duration(i) * 100 * time.Nanosecond))
}

// requestView is one attempt (management-api §4.4). All attempts send the same; of the
// answers only the last is kept.
func requestView(id string, c *call, r *run.Record, attempts []run.Attempt, i int) value.Value {
	attempt := attempts[i]
	p := newObject(4).time("startTime", attempt.Start).time("endTime", attempt.End)
	if inputs := value.Redact(r.Inputs.Value, value.Credential); !r.HideInputs {
		request := newObject(3).value("headers", orAbsent(inputs.Member("headers"))).text("uri", requestURI(inputs)).
			text("method", strings.ToUpper(inputs.Member("method").Str()))
		p.value("request", request.Build())
	}
	if outputs := value.Redact(r.Outputs.Value, value.Credential); !r.HideOutputs && i == len(attempts)-1 && r.Status.Final() && outputs.Has("statusCode") {
		p.value("response", newObject(2).value("headers", orAbsent(outputs.Member("headers"))).value("statusCode", outputs.Member("statusCode")).Build())
	}
	name := requestName(attempts, i)
	typ := actionType + "/requestHistories"
	if c.names["repetition"] != "" {
		typ = repetitionType + "/requestHistories"
	}
	return newObject(4).text("id", id+"/requestHistories/"+name).text("name", name).text("type", typ).value("properties", p.Build()).Build()
}

func orAbsent(v value.Value) value.Value {
	if v.IsNull() {
		return value.Value{}
	}
	return v
}

// requestURI is where a request went, with its queries; of a connector the path below
// its connection.
func requestURI(inputs value.Value) string {
	uri := inputs.Member("uri").Str()
	if uri == "" {
		uri = inputs.Member("path").Str()
	}
	if sub := inputs.Member("subscribe"); uri == "" && !sub.IsNull() {
		return requestURI(sub)
	}
	mark := "?"
	if strings.Contains(uri, "?") {
		mark = "&"
	}
	for name, v := range inputs.Member("queries").Members {
		text, isText := v.AsString()
		if !isText {
			text = string(value.Reveal(v))
		}
		uri += fmt.Sprintf("%s%s=%s", mark, name, text)
		mark = "&"
	}
	return uri
}
