package management

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// workflow finds the workflow that a path names. Sub-resources of one that is not
// there have another code than the workflow itself (management-api §8).
func (a *API) workflow(c *call) (*engine.Workflow, error) {
	id, err := a.Store.WorkflowNamed(c.ctx, c.workflowID())
	var w *engine.Workflow
	if err == nil {
		w, err = a.Engine.Current(c.ctx, id)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && strings.EqualFold(w.State, "Deleted") {
		return nil, fail(http.StatusNotFound, "WorkflowNotFound", "The workflow '%s' could not be found.", c.names["workflow"])
	}
	if err != nil {
		return nil, err
	}
	c.found = w.ID
	return w, a.barred(c, w)
}

// barred refuses callers at addresses that the workflow does not allow for its
// management (inbound-security §5).
func (a *API) barred(c *call, w *engine.Workflow) error {
	if a.Trusted {
		return nil
	}
	if r := gate.Address(a.Engine.Access(w), access.Management, a.Client, c.r); r != nil {
		return fail(http.StatusForbidden, r.Code, "%s", r.Message)
	}
	return nil
}

// resolve finds the workflow that a path of a Standard app names: those have names,
// and no groups.
func (a *API) resolve(c *call) error {
	if c.names["workflow"] == "" {
		return nil
	}
	all, err := a.Store.Workflows(c.ctx)
	if err != nil {
		return err
	}
	var found []*store.Workflow
	for _, w := range all {
		if strings.EqualFold(w.Name, c.names["workflow"]) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 0:
		return fail(http.StatusNotFound, "WorkflowNotFound", "The workflow '%s' could not be found.", c.names["workflow"])
	case 1:
	default:
		return fail(http.StatusConflict, "AmbiguousWorkflowName", "There are %d workflows with the name '%s'; ask by resource id.", len(found), c.names["workflow"])
	}
	parts := strings.Split(found[0].ResourceID, "/")
	if len(parts) < 5 {
		return fmt.Errorf("the resource id of workflow %s cannot be read", found[0].ID)
	}
	c.names["sub"], c.names["group"] = parts[2], parts[4]
	return nil
}

func (a *API) getWorkflow(c *call) (answer, error) {
	w, err := a.workflow(c)
	if asNotFound(err) {
		return answer{}, fail(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.Logic/workflows/%s' under resource group '%s' was not found.", c.names["workflow"], c.names["group"])
	}
	if err != nil {
		return answer{}, err
	}
	result, err := ok(a.workflowView(w.Workflow))
	result.headers = []Header{{"ETag", etag(w.Workflow)}}
	return result, err
}

func asNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "WorkflowNotFound"
}

// etag of a workflow: what a client read must not have changed when it writes with
// If-Match.
func etag(w *store.Workflow) string { return `"` + w.Version + "." + w.State + `"` }

func (a *API) listWorkflows(c *call) (answer, error) {
	f, err := c.filter(workflowFields)
	if err != nil {
		return answer{}, err
	}
	all, err := a.Store.Workflows(c.ctx)
	if err != nil {
		return answer{}, err
	}
	within := "/subscriptions/" + c.names["sub"] + "/"
	switch {
	case c.alias:
		within = "/"
	case c.names["group"] != "":
		within = c.group() + "/"
	}
	var views []value.Value
	slices.SortFunc(all, func(x, y *store.Workflow) int {
		return strings.Compare(strings.ToLower(x.ResourceID), strings.ToLower(y.ResourceID))
	})
	for _, header := range all {
		if !hasPrefixFold(header.ResourceID, within) {
			continue
		}
		w, err := a.Engine.Adopt(c.ctx, header)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return answer{}, err
		}
		if matches(f, w) && a.barred(c, w) == nil {
			views = append(views, a.workflowView(w.Workflow))
		}
	}
	return c.slicePage(views)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// matches filters workflows by state, by the name or type of a trigger, and by a
// resource that the parameters or the definition name; the product does not say how the
// last two are compared (management-api §5).
func matches(f *filter, w *engine.Workflow) bool {
	return f.holds(func(x comparison) bool {
		switch x.field {
		case "trigger":
			return x.member(slices.ContainsFunc(w.Program.Triggers, func(t *definition.Trigger) bool {
				return strings.EqualFold(t.Name, x.text) || strings.EqualFold(t.Type, x.text)
			}))
		case "referencedresourceid":
			return x.member(mentions(w.Parameters, x.text) || mentions(w.Definition, x.text))
		}
		return x.is(w.State)
	})
}

func mentions(v value.Value, text string) bool {
	switch v.Kind() {
	case value.KindString:
		return strings.EqualFold(v.Str(), text)
	case value.KindArray:
		for _, item := range v.Elements {
			if mentions(item, text) {
				return true
			}
		}
	case value.KindObject:
		for _, item := range v.Members {
			if mentions(item, text) {
				return true
			}
		}
	}
	return false
}

// putWorkflow creates or replaces a workflow (management-api §3.1, §6). One whose
// definition has problems changes nothing.
func (a *API) putWorkflow(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	old, err := a.workflow(c)
	if err != nil && !asNotFound(err) {
		return answer{}, err
	}
	if err := c.precondition(old); err != nil {
		return answer{}, err
	}
	from, err := a.readFrom(c, body, old)
	if err != nil {
		return answer{}, err
	}
	resource, err := a.resource(c, body, old, from)
	if err != nil {
		return answer{}, err
	}
	return a.save(c, resource, old)
}

// readFrom is the version that a body was read from, if it is not the current one: what
// is never shown of a workflow is that version's, so that writing it back restores it.
func (a *API) readFrom(c *call, body value.Value, old *engine.Workflow) (*store.Workflow, error) {
	if old == nil {
		return nil, nil
	}
	version := body.Member("properties").Member("version").Str()
	if version == "" || version == old.Version {
		return old.Workflow, nil
	}
	from := *old.Workflow
	err := a.Store.WorkflowVersion(c.ctx, &from, version)
	if errors.Is(err, store.ErrNotFound) {
		return old.Workflow, nil // clients may send what they like there
	}
	return &from, err
}

// precondition honours If-Match and If-None-Match.
func (c *call) precondition(old *engine.Workflow) error {
	match, none := c.r.Header.Get("If-Match"), c.r.Header.Get("If-None-Match")
	failed := false
	switch {
	case match == "*":
		failed = old == nil
	case match != "":
		failed = old == nil || !slices.Contains(splitTags(match), etag(old.Workflow))
	case none == "*":
		failed = old != nil
	case none != "":
		failed = old != nil && slices.Contains(splitTags(none), etag(old.Workflow))
	}
	if failed {
		return errPrecondition
	}
	return nil
}

var errPrecondition = fail(http.StatusPreconditionFailed, "PreconditionFailed", "The condition specified using HTTP conditional header(s) is not met.")

func (c *call) conditional() bool {
	return c.r.Header.Get("If-Match") != "" || c.r.Header.Get("If-None-Match") != ""
}

func splitTags(s string) []string {
	tags := strings.Split(s, ",")
	for i, t := range tags {
		tags[i] = strings.TrimPrefix(strings.TrimSpace(t), "W/")
	}
	return tags
}

// save stores a resource as a new version and answers with what it is now.
func (a *API) save(c *call, r *engine.Resource, old *engine.Workflow) (answer, error) {
	r.Replaces = engine.Nothing // it was made from what was read, and replaces nothing else
	if old != nil {
		r.Replaces = old.ETag
	}
	w, problems, err := a.Engine.Save(c.ctx, r)
	if errors.Is(err, store.ErrConflict) && c.conditional() {
		return answer{}, errPrecondition
	}
	if err != nil {
		return answer{}, err
	}
	if w == nil {
		return answer{}, invalid(problems)
	}
	result, err := ok(a.workflowView(w.Workflow))
	if old == nil {
		result.status = http.StatusCreated
	}
	result.headers = []Header{{"ETag", etag(w.Workflow)}}
	return result, err
}

// invalid is the answer to a definition with problems: the first gives the code, and
// all of them are told, with path and column.
func invalid(problems []value.Problem) *Error {
	var e *Error
	for _, p := range problems {
		if p.Warning {
			continue
		}
		place := p.Path.String()
		if e == nil {
			message := p.Message
			if p.Code == "InvalidTemplate" {
				message = "The template validation failed: '" + strings.TrimSuffix(p.Message, ".") + " at '" + place + "'.'."
			}
			e = fail(http.StatusBadRequest, p.Code, "%s", message)
			continue
		}
		e.Message += " " + p.Code + ": " + p.Message + " at '" + place + "'."
	}
	if e == nil {
		e = fail(http.StatusBadRequest, "InvalidTemplate", "The template validation failed.")
	}
	return e
}
