package management

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// runName is the form of a run's name (management-api §4.8).
var runName = regexp.MustCompile(`^\d{20}\d{0,9}(CU\d{2,8})?$`)

const runType = workflowType + "/runs"

// maxScan bounds the rows that one page of a filtered list looks at, scanPage at a
// time. What it did not find within them the next page looks for: a page may have no
// element and a nextLink (management-api §4.7).
const (
	maxScan  = 1000
	scanPage = 250
)

// listRuns pages through the runs of a workflow, newest first. A page of n runs costs
// one transaction for each 250 rows that it looks at, at most four, and n for their
// triggers.
func (a *API) listRuns(c *call) (answer, error) {
	w, err := a.workflow(c)
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
	found, next, err := a.findRuns(c, w.ID, f, top, token)
	if err != nil {
		return answer{}, err
	}
	err = parallel(len(found), func(i int) error {
		t, err := a.Store.TriggerOf(c.ctx, store.RunKey{WorkflowID: w.ID, Run: found[i].State.Name})
		if err == nil {
			found[i].State.Trigger = *t
		}
		if errors.Is(err, store.ErrNotFound) { // the run was deleted meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	l := a.linker(c, w)
	views := make([]value.Value, len(found))
	for i, s := range found {
		views[i] = l.runView(w.ResourceID, s.State)
	}
	return c.list(views, next)
}

// findRuns looks for the runs of one page behind a token, and returns the next token.
func (a *API) findRuns(c *call, workflowID string, f *filter, top int, token string) (found []*store.Snapshot, next string, err error) {
	from, to := f.between("starttime")
	for scanned := 0; len(found) < top && scanned < maxScan; scanned += scanPage {
		limit := top - len(found)
		if f != nil {
			limit = scanPage
		}
		page, more, err := a.Store.RunsBetween(c.ctx, workflowID, from, to, limit, token)
		if err != nil {
			return nil, "", err
		}
		token = more
		for i, s := range page {
			if !runMatches(f, s.State) {
				continue
			}
			if found = append(found, s); len(found) == top && i < len(page)-1 {
				return found, s.State.Name, nil // the next page goes on behind it
			}
		}
		if token == "" {
			break
		}
	}
	return found, token, nil
}

// parallel does n things, some at a time, and returns the first error.
func parallel(n int, do func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}

func runMatches(f *filter, st *run.State) bool {
	return f.holds(func(x comparison) bool {
		switch x.field {
		case "status":
			return x.is(string(st.Status))
		case "starttime":
			return x.at(st.Start)
		}
		return x.is(st.ClientTrackingID)
	})
}

// load finds the run that a path names, with all records outside of loops.
func (a *API) load(c *call) (*engine.Workflow, *run.State, error) {
	w, err := a.workflow(c)
	if err != nil {
		return nil, nil, err
	}
	name := c.names["run"]
	if !runName.MatchString(name) {
		return nil, nil, fail(http.StatusBadRequest, "BadRequest", "The provided workflow run name is not valid.")
	}
	s, err := a.Store.LoadRun(c.ctx, store.RunKey{WorkflowID: w.ID, Run: name})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fail(http.StatusNotFound, "WorkflowRunNotFound", "The workflow '%s' run '%s' could not be found.", c.names["workflow"], name)
	}
	if err != nil {
		return nil, nil, err
	}
	return w, s.State, nil
}

// loadVersion is load, with the workflow in the version of the run.
func (a *API) loadVersion(c *call) (*engine.Workflow, *run.State, error) {
	w, st, err := a.load(c)
	if err != nil {
		return nil, nil, err
	}
	version, err := a.Engine.WorkflowVersion(c.ctx, w.ID, st.Version)
	if errors.Is(err, engine.ErrNotCompiled) {
		return w, st, nil // the run can be looked at all the same
	}
	return version, st, err
}

// loadPayloads fetches what of some records lies outside of their rows: its size and
// hash are part of what is shown.
func (a *API) loadPayloads(c *call, w *engine.Workflow, st *run.State, records ...*run.Record) error {
	var missing []*run.Record
	for _, r := range records {
		if !r.Inputs.Loaded() || !r.Outputs.Loaded() {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return a.Store.LoadPayloads(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name}, st, missing)
}

// getRun shows one run. With $expand=properties/actions its actions are in it, with
// workflow/properties the definition that it runs (ui §4).
func (a *API) getRun(c *call) (answer, error) {
	w, st, err := a.loadVersion(c)
	if err != nil {
		return answer{}, err
	}
	if err := a.loadPayloads(c, w, st, &st.Trigger); err != nil {
		return answer{}, err
	}
	l := a.linker(c, w)
	view := l.runView(w.ResourceID, st)
	properties := view.Member("properties")
	for part := range strings.SplitSeq(strings.ToLower(c.query["$expand"]), ",") {
		switch strings.TrimSpace(part) {
		case "properties/actions":
			records := outside(w, st)
			if err := a.loadPayloads(c, w, st, records...); err != nil {
				return answer{}, err
			}
			actions := value.NewObject(len(records))
			for _, r := range records {
				actions.Set(r.Name, l.actionProperties(st, r))
			}
			properties = properties.With("actions", actions.Build())
		case "workflow/properties":
			version, err := a.Store.Version(c.ctx, w.Workflow, st.Version)
			if err != nil {
				return answer{}, err
			}
			shown := a.versionView(version).Member("properties")
			properties = properties.With("workflow", properties.Member("workflow").With("properties", shown))
		}
	}
	return ok(view.With("properties", properties))
}

// runOperation shows the run that belongs to an operation of the run.
func (a *API) runOperation(c *call) (answer, error) { return a.getRun(c) }

func (a *API) cancelRun(c *call) (answer, error) {
	w, st, err := a.load(c)
	if err != nil {
		return answer{}, err
	}
	err = engine.ErrNotActive
	if !st.Status.Final() {
		err = a.Engine.Cancel(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name})
	}
	if errors.Is(err, engine.ErrNotActive) {
		return answer{}, fail(http.StatusConflict, "WorkflowRunCanNotBeCancelled",
			"The workflow '%s' run '%s' with state '%s' could not be canceled, because it is not active.", w.Name, st.Name, st.Status)
	}
	if err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

func (a *API) deleteRun(c *call) (answer, error) {
	w, st, err := a.load(c)
	if err != nil {
		return answer{}, err
	}
	if !st.Status.Final() {
		return answer{}, fail(http.StatusConflict, "WorkflowRunCanNotBeDeleted",
			"The workflow '%s' run '%s' with state '%s' could not be deleted, because it is active.", w.Name, st.Name, st.Status)
	}
	if err := a.Engine.DeleteRun(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name}); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}
