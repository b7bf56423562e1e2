package deploy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// Target is where resources are deployed to.
type Target interface {
	// String names it, for messages.
	String() string
	// Read returns a resource as it is; nil where there is none.
	Read(ctx context.Context, r *template.Resource) (*Stored, error)
	// Settle makes of a body what the target makes of it when it is written.
	Settle(ctx context.Context, r *template.Resource, body value.Value) (value.Value, []value.Problem)
	// Check compiles a workflow where it will run, without storing it.
	Check(ctx context.Context, w template.Workflow, body value.Value) ([]value.Problem, error)
	// Write creates a resource or replaces it.
	Write(ctx context.Context, t *template.Template, r *template.Resource, body value.Value) error
	// Restore writes what was there before something else was written. What cannot be
	// brought back it tells.
	Restore(ctx context.Context, r *template.Resource, old *Stored, written value.Value) (lost string, err error)
	// Remove deletes a resource that was not there.
	Remove(ctx context.Context, r *template.Resource) error
	// Call calls the REST API of the target: it answers reference() and the list
	// functions.
	Call(ctx context.Context, method, path, version string, body value.Value) (value.Value, error)
}

// Stored is a resource as it is in the target.
type Stored struct {
	Body   value.Value
	Opaque []string // paths of what is never shown
	state  any      // the target's own
}

// ErrNotThere means that a resource does not exist.
var ErrNotThere = errors.New("the resource does not exist")

// knownVersions are the api-versions that the API answers; a template may name others.
var knownVersions = []string{"2016-06-01", "2016-10-01", "2017-07-01", "2018-07-01-preview", "2019-05-01"}

const apiVersion = "2019-05-01"

// ask answers a call about a workflow or a connection.
func ask(ctx context.Context, to Target, c template.Call) (value.Value, error) {
	version := apiVersion
	for _, v := range knownVersions {
		if strings.EqualFold(c.APIVersion, v) {
			version = v
		}
	}
	if !strings.EqualFold(c.Function, "reference") && !strings.EqualFold(c.Function, "references") {
		v, err := to.Call(ctx, http.MethodPost, pathOf(c.ID)+"/"+c.Function, version, c.Body)
		// Such answers hold keys, and URLs that are as good.
		return v.Mark(value.Origin{Class: value.Credential, Name: "deploy:" + c.Function}), err
	}
	v, err := to.Call(ctx, http.MethodGet, pathOf(c.ID), version, value.Value{})
	if err != nil || c.Full {
		return v, err
	}
	return v.Member("properties"), nil
}

// pathOf escapes the segments of an id.
func pathOf(id string) string {
	segments := strings.Split(id, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// ours tells whether a resource is deployed here.
func ours(r *template.Resource) bool {
	return r.Is(template.WorkflowType) || r.Is(template.ConnectionType)
}

// oursByID tells it by an id.
func oursByID(id string) bool {
	id = strings.ToLower(id)
	return strings.Contains(id, "/providers/"+strings.ToLower(template.WorkflowType)+"/") || strings.Contains(id, "/providers/"+strings.ToLower(template.ConnectionType)+"/")
}
