package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// remoteRuns are the runs of an app that is asked through its management API.
type remoteRuns struct {
	client *remote.Client
	within string // a subscription or a resource group
	stderr io.Writer
	told   sync.Once
}

func (s *remoteRuns) Close() error { return nil }

func (s *remoteRuns) drives() bool { return true }

// largestPage is what the API gives at most (management-api §4.7).
const largestPage = 250

func (s *remoteRuns) workflows(ctx context.Context, name string) ([]*store.Workflow, error) {
	var all []*store.Workflow
	for v, err := range s.client.List(ctx, s.within+"/providers/Microsoft.Logic/workflows", url.Values{"$top": {strconv.Itoa(largestPage)}}) {
		if err != nil {
			return nil, err
		}
		endpoint := v.Member("properties").Member("accessEndpoint").Str()
		w := &store.Workflow{Name: v.Member("name").Str(), ResourceID: v.Member("id").Str(), ID: endpoint[strings.LastIndexByte(endpoint, '/')+1:]}
		if name == "" || strings.EqualFold(w.Name, name) || strings.EqualFold(w.ResourceID, name) || w.ID == name {
			all = append(all, w)
		}
	}
	if name != "" && len(all) == 0 {
		return nil, fmt.Errorf("there is no workflow %q in %s; --subscription and --resource-group name others", name, s.within)
	}
	return all, nil
}

// path of a resource below a workflow.
func (s *remoteRuns) path(w *store.Workflow, segments ...string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.Trim(w.ResourceID, "/"), "/") {
		b.WriteString("/" + url.PathEscape(part))
	}
	for _, part := range segments {
		b.WriteString("/" + url.PathEscape(part))
	}
	return b.String()
}

func (s *remoteRuns) runs(ctx context.Context, w *store.Workflow, filter string, limit int) ([]foundRun, error) {
	query := url.Values{"$top": {strconv.Itoa(largestPage)}}
	if limit > 0 {
		query.Set("$top", strconv.Itoa(min(limit, largestPage)))
	}
	if filter != "" {
		query.Set("$filter", filter)
	}
	var found []foundRun
	for v, err := range s.client.List(ctx, s.path(w, "runs"), query) {
		if err != nil {
			return nil, err
		}
		if found = append(found, foundRun{w, remoteState(v)}); len(found) == limit {
			break
		}
	}
	return found, nil
}

func (s *remoteRuns) run(ctx context.Context, w *store.Workflow, name string) (foundRun, error) {
	v, _, err := s.client.Do(ctx, http.MethodGet, s.path(w, "runs", name), nil, value.Value{})
	if remote.NotFound(err) {
		return foundRun{}, errNoRun
	}
	if err != nil {
		return foundRun{}, err
	}
	return foundRun{w, remoteState(v)}, nil
}

func (s *remoteRuns) cancelRun(ctx context.Context, f foundRun) (*run.State, error) {
	_, _, err := s.client.Do(ctx, http.MethodPost, s.path(f.workflow, "runs", f.state.Name, "cancel"), nil, value.Value{})
	if remote.Code(err) == "WorkflowRunCanNotBeCancelled" {
		return nil, errRunOver
	}
	if err != nil {
		return nil, err
	}
	now, err := s.run(ctx, f.workflow, f.state.Name)
	return now.state, err
}

func (s *remoteRuns) resubmitRun(ctx context.Context, f foundRun) (*run.State, error) {
	_, header, err := s.client.Do(ctx, http.MethodPost, s.path(f.workflow, "triggers", f.state.Trigger.Name, "histories", f.state.Name, "resubmit"), nil, value.Value{})
	if err != nil {
		return nil, err
	}
	name := header.Get("x-ms-workflow-run-id")
	if name == "" {
		return nil, errNotFired
	}
	started, err := s.run(ctx, f.workflow, name)
	return started.state, err
}

func (s *remoteRuns) whole(ctx context.Context, f foundRun, contents bool) (*definition.Graph, *run.State, error) {
	v, _, err := s.client.Do(ctx, http.MethodGet, s.path(f.workflow, "runs", f.state.Name), url.Values{"$expand": {"properties/actions,workflow/properties"}}, value.Value{})
	if err != nil {
		return nil, nil, err
	}
	st := remoteState(v)
	properties := v.Member("properties")
	views := map[*run.Record]value.Value{&st.Trigger: properties.Member("trigger")}
	for name, x := range properties.Member("actions").Members {
		r := remoteRecord(name, x)
		st.Records[name], views[r] = r, x
	}
	text := properties.Member("workflow").Member("properties").Member("definition")
	program := definition.Outline(definition.Source{Name: f.workflow.Name, Definition: text}, operation.Catalog{})
	for name, r := range st.Records {
		if a := program.Action(name); a != nil {
			r.Static = a.Static != nil
		}
	}
	if contents {
		err = s.fetch(ctx, views)
	}
	return program.Root, st, err
}

// fetch follows the links to what went in and out.
func (s *remoteRuns) fetch(ctx context.Context, views map[*run.Record]value.Value) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for r, view := range views {
		for side, into := range map[string]*run.Payload{"inputsLink": &r.Inputs, "outputsLink": &r.Outputs} {
			link := view.Member(side)
			switch uri := link.Member("uri").Str(); {
			case uri != "":
				g.Go(func() error {
					data, err := s.client.Content(ctx, uri)
					if err != nil {
						return err
					}
					if into.Value, err = value.Parse(data); err != nil {
						into.Value = value.String(string(data))
					}
					return nil
				})
			case link.Has("contentSize") && !link.Has("secureData"):
				s.told.Do(func() {
					fmt.Fprintln(s.stderr, "The app gives no links to inputs and outputs: that takes the role 'contents'.")
				})
			}
		}
	}
	return g.Wait()
}

// remoteState reads a run (management-api §4.3).
func remoteState(v value.Value) *run.State {
	p := v.Member("properties")
	st := run.NewState(run.Header{
		Name: v.Member("name").Str(), Status: definition.Status(p.Member("status").Str()), Code: p.Member("code").Str(), Error: remoteError(p.Member("error")),
		Start: remoteTime(p, "startTime"), End: remoteTime(p, "endTime"), ClientTrackingID: p.Member("correlation").Member("clientTrackingId").Str(),
	})
	st.Trigger = *remoteRecord(p.Member("trigger").Member("name").Str(), p.Member("trigger"))
	return st
}

// remoteRecord reads an action, or a trigger (management-api §4.4).
func remoteRecord(name string, p value.Value) *run.Record {
	hidden := func(side string) bool { return p.Member(side).Has("secureData") }
	r := &run.Record{
		Name: name, Status: definition.Status(p.Member("status").Str()), Code: p.Member("code").Str(), Error: remoteError(p.Member("error")),
		Start: remoteTime(p, "startTime"), End: remoteTime(p, "endTime"), HideInputs: hidden("inputsLink"), HideOutputs: hidden("outputsLink"),
		Retries: make([]run.Attempt, p.Member("retryHistory").Len()),
	}
	if r.Code == "NotSpecified" {
		r.Code = ""
	}
	if n, ok := p.Member("iterationCount").AsInt(); ok {
		r.Loop = &run.Progress{Next: int(n)}
	}
	n, _ := p.Member("repetitionCount").AsInt()
	r.Repetitions = int(n)
	return r
}

func remoteError(v value.Value) *run.Error {
	if v.Kind() != value.KindObject {
		return nil
	}
	return &run.Error{Code: printable(v.Member("code").Str()), Message: printable(v.Member("message").Str())}
}

func remoteTime(p value.Value, name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, p.Member(name).Str()) // zero: it has not come to that
	return t
}
