package deploy

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// Remote deploys by the management API of a running app.
type Remote struct {
	Client  *remote.Client
	Catalog definition.Catalog // what is compiled against before the app is asked
}

func (t *Remote) String() string { return t.Client.Endpoint() }

// Call implements Target.
func (t *Remote) Call(ctx context.Context, method, path, version string, body value.Value) (value.Value, error) {
	v, _, err := t.Client.Do(ctx, method, path, url.Values{"api-version": {version}}, body)
	if remote.NotFound(err) {
		return v, ErrNotThere
	}
	return v, err
}

// Read implements Target. What the API never shows is told.
func (t *Remote) Read(ctx context.Context, r *template.Resource) (*Stored, error) {
	v, err := t.Call(ctx, http.MethodGet, pathOf(r.ID), apiVersion, value.Value{})
	if err == ErrNotThere { //nolint:errorlint // as Call gives it
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &Stored{Body: v}
	if r.Is(template.ConnectionType) {
		s.Opaque = []string{"properties.parameterValues", "properties.parameterValueSet.values"}
		return s, nil
	}
	for name, p := range v.Member("properties").Member("definition").Member("parameters").Members {
		if strings.HasPrefix(strings.ToLower(p.Member("type").Str()), "secure") {
			s.Opaque = append(s.Opaque, join("properties.parameters", name))
		}
	}
	return s, nil
}

// Settle implements Target: the app does what is to be done.
func (t *Remote) Settle(_ context.Context, _ *template.Resource, body value.Value) (value.Value, []value.Problem) {
	return body, nil
}

// Check implements Target: here first, which knows the places in the file, then there.
func (t *Remote) Check(ctx context.Context, w template.Workflow, body value.Value) ([]value.Problem, error) {
	_, problems := resource(w).Compile(t.Catalog)
	if failed(problems) || template.HasUnknown(body) {
		return problems, nil
	}
	_, err := t.Call(ctx, http.MethodPost, pathOf(w.ResourceID)+"/validate", apiVersion, body)
	return problems, err
}

// Write implements Target.
func (t *Remote) Write(ctx context.Context, _ *template.Template, r *template.Resource, body value.Value) error {
	_, err := t.Call(ctx, http.MethodPut, pathOf(r.ID), apiVersion, body)
	return err
}

// Restore implements Target. The version that a workflow had is named, so that it gets
// back the values of that version that the API does not show.
func (t *Remote) Restore(ctx context.Context, r *template.Resource, old *Stored, written value.Value) (lost string, err error) {
	now, err := t.Call(ctx, http.MethodPut, pathOf(r.ID), apiVersion, old.Body)
	properties := written.Member("properties")
	switch principal := old.Body.Member("identity").Member("principalId"); {
	case err != nil:
		return "", err
	case r.Is(template.ConnectionType) && (properties.Has("parameterValues") || properties.Has("parameterValueSet") || old.Body.Member("properties").Has("parameterValueSet")):
		return "the values of its parameters, which are never given out, have to be given again", nil
	case !principal.IsNull() && now.Member("identity").Member("principalId").Str() != principal.Str():
		return "its system-assigned identity has another principalId now", nil
	}
	return "", nil
}

// Remove implements Target.
func (t *Remote) Remove(ctx context.Context, r *template.Resource) error {
	_, err := t.Call(ctx, http.MethodDelete, pathOf(r.ID), apiVersion, value.Value{})
	return err
}
