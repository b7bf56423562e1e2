package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// Local deploys into a store that is open here.
type Local struct {
	Name    string
	Catalog definition.Catalog
	Engine  *engine.Engine
	Store   *store.Store
	// API serves the store, without asking who calls.
	API http.Handler
	// Unaddressed: nobody has said where the app is reached, so there are no URLs.
	Unaddressed bool
	// Identity checks the identity of a workflow and fills in what it has; old is the
	// one before.
	Identity func(given, old value.Value) (value.Value, error)
	// Resolve puts in the secrets that parameters refer to.
	Resolve func(ctx context.Context, v value.Value, at *value.Path) (value.Value, *value.Problem)
}

func (l *Local) String() string { return l.Name }

// Read implements Target.
func (l *Local) Read(ctx context.Context, r *template.Resource) (*Stored, error) {
	if r.Is(template.ConnectionType) {
		return l.connection(ctx, r)
	}
	w, err := l.workflow(ctx, r)
	if w == nil || err != nil {
		return nil, err
	}
	b := value.NewObject(6).Set("location", value.String(w.Location)).Set("tags", w.Tags).Set("identity", w.Identity)
	if w.Kind != "" {
		b.Set("kind", value.String(w.Kind))
	}
	b.Set("properties", value.Object(value.Member{Key: "state", Value: value.String(w.State)}, value.Member{Key: "accessControl", Value: w.AccessControl},
		value.Member{Key: "definition", Value: w.Definition}, value.Member{Key: "parameters", Value: w.Parameters}))
	return &Stored{Body: b.Build(), state: w}, nil
}

func (l *Local) workflow(ctx context.Context, r *template.Resource) (*store.Workflow, error) {
	id, err := l.Store.WorkflowNamed(ctx, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := l.Store.WorkflowHeader(ctx, id)
	if err != nil {
		return nil, err
	}
	return w, l.Store.WorkflowVersion(ctx, w, w.Version)
}

func (l *Local) connection(ctx context.Context, r *template.Resource) (*Stored, error) {
	all, err := l.Store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if strings.EqualFold(c.ResourceID, r.ID) {
			body := value.Object(value.Member{Key: "location", Value: value.String(c.Location)}, value.Member{Key: "properties", Value: c.Properties})
			return &Stored{Body: body, state: c}, nil
		}
	}
	return nil, nil
}

// Settle implements Target.
func (l *Local) Settle(ctx context.Context, r *template.Resource, body value.Value) (value.Value, []value.Problem) {
	properties, part := body.Member("properties"), ""
	v, at := properties, r.Path.Key("properties")
	if r.Is(template.WorkflowType) {
		part, v, at = "parameters", properties.Member("parameters"), at.Key("parameters")
		if _, err := l.Identity(body.Member("identity"), value.Value{}); err != nil {
			return body, []value.Problem{problem(invalidTemplate, r.Path.Key("identity"), "%s", err)}
		}
	}
	if v.IsNull() {
		return body, nil
	}
	resolved, bad := l.Resolve(ctx, v, at)
	if bad != nil {
		return body, []value.Problem{*bad}
	}
	if part != "" {
		resolved = properties.With(part, resolved)
	}
	return body.With("properties", resolved), nil
}

// Check implements Target.
func (l *Local) Check(_ context.Context, w template.Workflow, _ value.Value) ([]value.Problem, error) {
	_, problems := resource(w).Compile(l.Catalog)
	return problems, nil
}

// resource is a workflow as the engine saves it.
func resource(w template.Workflow) *engine.Resource {
	return &engine.Resource{
		Name: w.Name, ResourceID: w.ResourceID, Location: w.Location, Kind: w.Kind, State: w.State, Tags: w.Tags, Identity: w.Identity, AccessControl: w.AccessControl,
		Definition: w.Definition, Parameters: w.Parameters, DefinitionPath: w.DefinitionPath, ParametersPath: w.ParametersPath, AccessControlPath: w.AccessControlPath,
	}
}

// Write implements Target.
func (l *Local) Write(ctx context.Context, t *template.Template, r *template.Resource, body value.Value) error {
	if r.Is(template.ConnectionType) {
		c := t.Connection(r, body)
		if old, err := l.connection(ctx, r); err != nil {
			return err
		} else if old != nil { // the spelling of the first deployment stays, and so do access policies
			was, _ := old.state.(store.Connection)
			c.ResourceID, c.Name = was.ResourceID, was.Name
			if kept := was.Properties.Member("accessPolicies"); !kept.IsAbsent() {
				c.Properties = c.Properties.With("accessPolicies", kept)
			}
		}
		return l.Engine.SaveConnection(ctx, store.Connection{ResourceID: c.ResourceID, Name: c.Name, API: c.API, Location: c.Location, Properties: c.Properties})
	}
	old, err := l.workflow(ctx, r)
	if err != nil {
		return err
	}
	w := resource(t.Workflow(r, body))
	var before value.Value
	if old != nil {
		w.Name, w.ResourceID, before = old.Name, old.ResourceID, old.Identity
	}
	if w.Identity, err = l.Identity(w.Identity, before); err != nil {
		return err
	}
	saved, problems, err := l.Engine.Save(ctx, w)
	if err == nil && saved == nil {
		err = refused(problems)
	}
	return err
}

func refused(problems []value.Problem) error {
	for _, p := range problems {
		if !p.Warning {
			return fmt.Errorf("%s: %s", p.Code, p.Message)
		}
	}
	return errors.New(invalidTemplate)
}

// Restore implements Target: the version that was current is current again.
func (l *Local) Restore(ctx context.Context, _ *template.Resource, old *Stored, _ value.Value) (string, error) {
	switch was := old.state.(type) {
	case store.Connection:
		return "", l.Engine.SaveConnection(ctx, was)
	case *store.Workflow:
		return "", l.Engine.Restore(ctx, was)
	}
	return "", nil
}

// Remove implements Target.
func (l *Local) Remove(ctx context.Context, r *template.Resource) error {
	if r.Is(template.ConnectionType) {
		return l.Engine.DeleteConnection(ctx, r.ID)
	}
	id, err := l.Store.WorkflowNamed(ctx, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotThere
	}
	if err != nil {
		return err
	}
	return l.Engine.Delete(ctx, id)
}

// Call implements Target: by the API, in this process.
func (l *Local) Call(ctx context.Context, method, path, version string, body value.Value) (value.Value, error) {
	if l.Unaddressed && strings.HasSuffix(path, "/listCallbackUrl") {
		return value.Value{}, errors.New("callback URLs begin with the address of the app, which is not known here: set LATCHWORK_PUBLIC_URL")
	}
	var content []byte
	if !body.IsAbsent() {
		content = value.Reveal(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path+"?api-version="+version, bytes.NewReader(content))
	if err != nil {
		return value.Value{}, err
	}
	var answer recorded
	l.API.ServeHTTP(&answer, request)
	v, err := value.Parse(answer.Bytes())
	if err != nil && answer.Len() > 0 {
		return v, fmt.Errorf("the answer cannot be read: %w", err)
	}
	switch e := v.Member("error"); {
	case answer.status == http.StatusNotFound:
		return v, ErrNotThere
	case answer.status >= http.StatusBadRequest:
		return v, fmt.Errorf("%s: %s", e.Member("code").Str(), e.Member("message").Str())
	}
	return v, nil
}

// recorded is an answer of the API.
type recorded struct {
	bytes.Buffer
	header http.Header
	status int
}

func (r *recorded) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorded) WriteHeader(status int) { r.status = status }

// Empty is a store that does not exist yet: a plan is made for it without making it.
type Empty struct{ Local }

// Read implements Target.
func (e *Empty) Read(context.Context, *template.Resource) (*Stored, error) { return nil, nil }

// Call implements Target.
func (e *Empty) Call(context.Context, string, string, string, value.Value) (value.Value, error) {
	return value.Value{}, ErrNotThere
}
