package management

import (
	"errors"
	"net/http"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// listVersions pages through the versions of a workflow, newest first.
func (a *API) listVersions(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	top, token, err := c.page()
	if err != nil {
		return answer{}, err
	}
	list, next, err := a.Store.Versions(c.ctx, w.Workflow, top, token)
	if err != nil {
		return answer{}, err
	}
	views := make([]value.Value, len(list))
	for i, v := range list {
		views[i] = a.versionView(v)
	}
	return c.list(views, next)
}

// version finds the version that a path names.
func (a *API) version(c *call) (*store.Workflow, error) {
	w, err := a.workflow(c)
	if err != nil {
		return nil, err
	}
	v, err := a.Store.Version(c.ctx, w.Workflow, c.names["version"])
	if errors.Is(err, store.ErrNotFound) {
		return nil, fail(http.StatusNotFound, "WorkflowVersionNotFound", "The workflow '%s' version '%s' could not be found.", c.names["workflow"], c.names["version"])
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (a *API) getVersion(c *call) (answer, error) {
	w, err := a.version(c)
	if err != nil {
		return answer{}, err
	}
	return ok(a.versionView(w))
}
