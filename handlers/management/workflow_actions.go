package management

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// deleteWorkflow removes a workflow; its runs that are not over are cancelled. 204
// says that there was none.
func (a *API) deleteWorkflow(c *call) (answer, error) {
	w, err := a.workflow(c)
	if asNotFound(err) {
		return done(http.StatusNoContent)
	}
	if err != nil {
		return answer{}, err
	}
	if err := c.precondition(w); err != nil {
		return answer{}, err
	}
	if err := a.Engine.Delete(c.ctx, w.ID); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

func (a *API) enableWorkflow(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	if err := a.Engine.Enable(c.ctx, w.ID); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

func (a *API) disableWorkflow(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	if err := a.Engine.Disable(c.ctx, w.ID); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

// validate reports what a PUT would, and stores nothing.
func (a *API) validate(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	old, err := a.workflow(c)
	if err != nil && !asNotFound(err) {
		return answer{}, err
	}
	from, err := a.readFrom(c, body, old)
	if err != nil {
		return answer{}, err
	}
	r, err := a.resource(c, body, old, from)
	if err != nil {
		return answer{}, err
	}
	problems := a.Engine.Check(r)
	for _, p := range problems {
		if !p.Warning {
			return answer{}, invalid(problems)
		}
	}
	return done(http.StatusOK)
}

// upgradedDefinition is the definition as it is: there is one schema here.
func (a *API) upgradedDefinition(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	return ok(w.Definition)
}

// moveWorkflow gives a workflow another name or group; its id, keys, versions and runs
// stay (management-api §3.1).
func (a *API) moveWorkflow(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	to := "/" + strings.Trim(body.Member("id").Str(), "/")
	parts := strings.Split(to, "/")
	if len(parts) != 9 || slices.Contains(parts[1:], "") || !strings.EqualFold(strings.Join([]string{parts[1], parts[3], parts[5], parts[6], parts[7]}, "/"), "subscriptions/resourceGroups/providers/Microsoft.Logic/workflows") {
		return answer{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'the id '%s' is not that of a workflow'.", to)
	}
	if err := creatable(parts[4], parts[8]); err != nil {
		return answer{}, err
	}
	err = a.Engine.Move(c.ctx, w.ID, to, parts[8])
	if errors.Is(err, store.ErrExists) {
		return answer{}, fail(http.StatusConflict, "WorkflowAlreadyExists", "There is a workflow '%s' already.", to)
	}
	if err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

// listed is routes, which name this handler too.
var listed []*route

func init() { listed = routes }

// operations lists what roles can be given for.
func (a *API) operations(c *call) (answer, error) {
	var list []value.Value
	seen := map[string]bool{}
	for _, r := range listed {
		if seen[r.name] {
			continue
		}
		seen[r.name] = true
		parts := strings.Split(r.name, "/")
		display := newObject(4).text("provider", parts[0]).text("resource", strings.Join(parts[1:len(parts)-1], "/")).
			text("operation", parts[len(parts)-1]).text("description", r.method+" "+r.path).Build()
		list = append(list, newObject(4).text("name", r.name).text("origin", "user,system").value("display", display).value("properties", value.Object()).Build())
	}
	return c.list(list, "")
}

func splitURL(s string) (scheme, host, path string) {
	u, err := url.Parse(s)
	if err != nil {
		return "https", "", ""
	}
	return u.Scheme, u.Host, u.Path
}
