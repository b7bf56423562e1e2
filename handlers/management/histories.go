package management

import (
	"errors"
	"net/http"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const historyType = triggerType + "/histories"

// listHistories pages through what a trigger did, newest first.
func (a *API) listHistories(c *call) (answer, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	f, err := c.filter(runFields)
	if err != nil {
		return answer{}, err
	}
	top, token, err := c.page()
	if err != nil {
		return answer{}, err
	}
	key := store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}
	found, next, err := a.findHistories(c, key, f, top, token)
	if err != nil {
		return answer{}, err
	}
	return a.historyPage(c, w, key, found, next)
}

// findHistories looks for the evaluations of one page behind a token, and returns the
// next token.
func (a *API) findHistories(c *call, key store.TriggerKey, f *filter, top int, token string) (found []*store.History, next string, err error) {
	from, to := f.between("starttime")
	for scanned := 0; len(found) < top && scanned < maxScan; scanned += scanPage {
		limit := top - len(found)
		if f != nil {
			limit = scanPage
		}
		page, more, err := a.Store.HistoriesBetween(c.ctx, key, from, to, limit, token)
		if err != nil {
			return nil, "", err
		}
		token = more
		for i, h := range page {
			if !historyMatches(f, h) {
				continue
			}
			if found = append(found, h); len(found) == top && i < len(page)-1 {
				return found, h.Name, nil // the next page goes on behind it
			}
		}
		if token == "" {
			break
		}
	}
	return found, token, nil
}

// historyPage reads what came in and out of the evaluations on a page.
func (a *API) historyPage(c *call, w *engine.Workflow, key store.TriggerKey, found []*store.History, next string) (answer, error) {
	err := parallel(len(found), func(i int) error {
		whole, err := a.Store.LoadHistory(c.ctx, key, found[i].Name)
		if errors.Is(err, store.ErrNotFound) {
			found[i] = nil // deleted meanwhile
			return nil
		}
		found[i] = whole
		return err
	})
	if err != nil {
		return answer{}, err
	}
	l := a.linker(c, w)
	views := []value.Value{}
	for _, h := range found {
		if h != nil {
			views = append(views, l.historyView(w, h))
		}
	}
	return c.list(views, next)
}

func historyMatches(f *filter, h *store.History) bool {
	return f.holds(func(x comparison) bool {
		switch x.field {
		case "status":
			return x.is(string(h.Record.Status))
		case "starttime":
			return x.at(h.Record.Start)
		}
		return x.is(h.ClientTrackingID)
	})
}

// history finds the evaluation that a path names.
func (a *API) history(c *call) (*engine.Workflow, *store.History, error) {
	w, t, err := a.trigger(c)
	if err != nil {
		return nil, nil, err
	}
	h, err := a.Engine.TriggerHistory(c.ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}, c.names["history"])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fail(http.StatusNotFound, "WorkflowTriggerHistoryNotFound", "The workflow '%s' trigger '%s' history '%s' could not be found.", w.Name, t.Name, c.names["history"])
	}
	return w, h, err
}

func (a *API) getHistory(c *call) (answer, error) {
	w, h, err := a.history(c)
	if err != nil {
		return answer{}, err
	}
	return ok(a.linker(c, w).historyView(w, h))
}

// historyView is one evaluation of a trigger (management-api §4.3). What came in and
// out is read where it lies: with the run, or with the evaluation.
func (l *linker) historyView(w *engine.Workflow, h *store.History) value.Value {
	r := &h.Record
	path := gate.Execution{Run: h.Name} // that of the run, if there is one
	code := r.Code
	if code == "" && h.Fired() {
		code = "OK"
	}
	p := newObject(14).time("startTime", r.Start).time("endTime", r.End).time("scheduledTime", r.Scheduled).
		text("originHistoryName", h.Name).text("status", string(r.Status)).text("code", code).value("error", r.Error.Value()).
		text("trackingId", r.TrackingID).
		value("correlation", value.Object(value.Member{Key: "clientTrackingId", Value: value.String(h.ClientTrackingID)})).
		value("inputsLink", l.link(path, triggerInputs, r.Inputs, r.HideInputs)).
		value("outputsLink", l.link(path, triggerOutputs, r.Outputs, r.HideOutputs)).
		value("fired", value.Bool(h.Fired()))
	if h.Fired() {
		p.value("run", reference(w.ResourceID+"/runs/"+h.Run, runType))
	}
	return newObject(4).text("id", w.ResourceID+"/triggers/"+r.Name+"/histories/"+h.Name).text("name", h.Name).text("type", historyType).
		value("properties", p.Build()).Build()
}

// resubmit starts a run with what a trigger got before (management-api §3.3).
func (a *API) resubmit(c *call) (answer, error) {
	w, h, err := a.history(c)
	if err != nil {
		return answer{}, err
	}
	if !h.Record.Outputs.Loaded() {
		return answer{}, fail(http.StatusNotFound, "WorkflowTriggerHistoryNotFound", "What trigger history '%s' got is no longer there.", h.Name)
	}
	started, err := a.Engine.Start(c.ctx, w, engine.Trigger{Name: h.Record.Name, Outputs: h.Record.Outputs.Value, ClientTrackingID: h.ClientTrackingID})
	if err != nil {
		return answer{}, asBadRequest(err)
	}
	if started.Skipped {
		return done(http.StatusAccepted)
	}
	return done(http.StatusAccepted, runHeaders(w, started)...)
}

// asBadRequest: expressions of the trigger fail with their own code.
func asBadRequest(err error) error {
	var invalid *expr.Error
	if errors.As(err, &invalid) {
		return fail(http.StatusBadRequest, invalid.Code, "%s", invalid.Message)
	}
	return err
}
