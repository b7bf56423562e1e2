package management_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// signed makes a link to contents with the workflow's own key.
func (h *house) signed(name, run, action, side string) string {
	w := h.workflow(name)
	return gate.URLs{Base: callback}.Content(w.Keys.Contents, w.ID, gate.Content{Execution: gate.Execution{Run: run, Action: action}, Name: side}, h.now().Add(time.Hour))
}

// many stores n runs of a workflow, a second apart, of which every hundredth failed.
func (h *house) many(w *store.Workflow, n int, newest time.Time) {
	h.t.Helper()
	b := &bulk{Backend: h.count.Backend}
	into := store.New(b, h.sealer)
	for i := range n {
		at := newest.Add(-time.Duration(i) * time.Second)
		status := definition.Succeeded
		if i%100 == 99 {
			status = definition.Failed
		}
		st := run.NewState(run.Header{
			Name: run.NameAt(at, int64(i), 0), WorkflowID: w.ID, ResourceID: w.ResourceID, Version: w.Version, Status: status, Start: at, End: at, TrackingID: "t",
			ClientTrackingID: fmt.Sprintf("client-%d", i),
		})
		st.Trigger = run.Record{Name: "manual", Status: definition.Succeeded, Start: at, End: at, Outputs: run.Payload{Value: value.Object(value.Member{Key: "body", Value: value.Int(int64(i))})}}
		if _, err := into.CreateRun(context.Background(), st, store.Lease{}); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := b.flush(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// sparse stores n runs some time apart, of which the fourth failed and the eighth runs.
func (h *house) sparse(w *store.Workflow, n int, newest time.Time, apart time.Duration) {
	h.t.Helper()
	for i := range n {
		at := newest.Add(-time.Duration(i) * apart)
		st := run.NewState(run.Header{
			Name: run.NameAt(at, int64(i), 0), WorkflowID: w.ID, ResourceID: w.ResourceID, Version: w.Version, Start: at, End: at, TrackingID: "t",
			Status: definition.Succeeded, ClientTrackingID: fmt.Sprintf("it's %d", i),
		})
		switch i {
		case 3:
			st.Status = definition.Failed
		case 7:
			st.Status = definition.Running
		}
		st.Trigger = run.Record{Name: "manual", Status: definition.Succeeded, Start: at, End: at}
		if _, err := h.store.CreateRun(h.t.Context(), st, store.Lease{}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// bulk gathers transactions of one partition, so that many rows are written soon.
type bulk struct {
	store.Backend
	partition string
	ops       []store.Op
}

func (b *bulk) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	if len(b.ops)+len(ops) > store.MaxTransactionOps {
		if err := b.flush(ctx); err != nil {
			return nil, err
		}
	}
	b.partition, b.ops = partition, append(b.ops, ops...)
	return make([]string, len(ops)), nil
}

func (b *bulk) flush(ctx context.Context) error {
	_, err := b.Backend.Transact(ctx, b.partition, b.ops)
	b.ops = nil
	return err
}

// pages follows a list to its end.
func (h *house) pages(path string, each func(page answer)) {
	h.t.Helper()
	for n := 0; path != ""; n++ {
		page := h.must("GET", path, "")
		each(page)
		path, _ = page.body["nextLink"].(string)
		if n > 1000 {
			h.t.Fatal("the list has no end")
		}
	}
}

// TestPagesOfRuns: every run comes once, in order, whatever the page and the filter;
// and what a page costs is bounded: four transactions for the list, one for the
// trigger of each run on the page, three for the workflow.
func TestPagesOfRuns(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	w := h.workflow("w").Workflow
	const n = 2500
	newest := time.Now().UTC().Truncate(time.Second)
	h.many(w, n, newest)
	at := func(i int) string { return newest.Add(-time.Duration(i) * time.Second).Format(time.RFC3339) }
	for _, c := range []struct {
		top    int
		filter string
		first  int
		want   int
	}{
		{250, "", 0, n},
		{1, "startTime ge " + at(3), 0, 4},
		{30, "startTime lt " + at(2000), 2001, 499},
		{30, "startTime ge " + at(1999) + " and startTime le " + at(1000), 1000, 1000},
		{7, "status eq 'Failed'", 99, 25},
		{7, "status eq 'failed' and startTime lt " + at(1000), 1099, 15},
		{30, "clientTrackingId eq 'client-2400'", 2400, 1},
		{30, "status eq 'Running'", 0, 0},
		{30, "startTime gt " + at(-5), 0, 0},
		{30, "startTime lt 2001-01-01T00:00:00Z", 0, 0},
	} {
		t.Run(fmt.Sprintf("%s by %d", c.filter, c.top), func(t *testing.T) {
			h.t = t
			count, last := 0, ""
			h.count.Total() // starts anew
			h.pages(fmt.Sprintf("w/runs%s&$top=%d&$filter=%s", version, c.top, url.QueryEscape(c.filter)), func(page answer) {
				list := page.body["value"].([]any)
				for _, one := range list {
					name := member(one, "name").(string)
					if name <= last {
						t.Fatalf("%s comes after %s", name, last)
					}
					if count == 0 && member(one, "properties", "correlation", "clientTrackingId") != fmt.Sprintf("client-%d", c.first) {
						t.Errorf("the first is %v", one)
					}
					last = name
					count++
				}
				if cost := h.count.Total(); len(list) > c.top || cost > 4+len(list)+3 {
					t.Errorf("a page of %d runs cost %d transactions", len(list), cost)
				}
			})
			if count != c.want {
				t.Errorf("%d runs, want %d", count, c.want)
			}
		})
	}
}

// TestPagesOfHistories: the same of what a trigger did.
func TestPagesOfHistories(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	h.many(h.workflow("w").Workflow, 600, time.Now())
	for filter, want := range map[string]int{"": 600, "clientTrackingId eq 'client-550'": 1, "status ne 'Succeeded'": 0} {
		count, last := 0, ""
		h.count.Total()
		h.pages("w/triggers/manual/histories"+version+"&$top=70&$filter="+url.QueryEscape(filter), func(page answer) {
			for _, one := range page.body["value"].([]any) {
				name := member(one, "name").(string)
				if name <= last {
					t.Fatalf("%s comes after %s", name, last)
				}
				last = name
				count++
			}
			if cost := h.count.Total(); cost > 4+2*70+3 {
				t.Errorf("a page cost %d transactions", cost)
			}
		})
		if count != want {
			t.Errorf("%q: %d, want %d", filter, count, want)
		}
	}
}

// TestDeepInThePast: a window of time is found by name, wherever it lies.
func TestDeepInThePast(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	newest := time.Now().UTC().Truncate(time.Second)
	h.sparse(h.workflow("w").Workflow, 2000, newest, time.Hour)
	at := func(i int) string { return newest.Add(-time.Duration(i) * time.Hour).Format(time.RFC3339) }
	for _, list := range []string{"w/runs", "w/triggers/manual/histories"} {
		h.count.Total()
		got := h.must("GET", list+version+"&$filter="+url.QueryEscape("startTime le "+at(1800)+" and startTime ge "+at(1809)), "")
		if n := len(got.body["value"].([]any)); n != 10 || got.body["nextLink"] != nil {
			t.Errorf("%s: %d, next %v", list, n, got.body["nextLink"])
		}
		if cost := h.count.Total(); cost > 1+2*10+3 {
			t.Errorf("%s cost %d transactions", list, cost)
		}
	}
}

// TestNextLinks carry all that the call had, at the address that was called.
func TestNextLinks(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	h.many(h.workflow("w").Workflow, 3, time.Now())
	h.api.Base = ""
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/mgmt"+group+"/w/runs?api-version=2016-06-01&%24top=1&%24filter=status+ne+%27it%27%27s%27", nil)
	r.Host = "flows.example.test:8443"
	r.Header.Set("Authorization", "Bearer reader")
	rw := httptest.NewRecorder()
	h.api.ServeHTTP(rw, r)
	want := "http://flows.example.test:8443/api/mgmt" + group + "/w/runs?api-version=2016-06-01&%24top=1&%24filter=status%20ne%20%27it%27%27s%27&%24skiptoken="
	if !strings.Contains(rw.Body.String(), `"nextLink":"`+want) {
		t.Errorf("%s\nwant %s", rw.Body.String(), want)
	}
}

// BenchmarkListOfRuns: a page of the runs, or of the trigger's history, of a workflow that
// has 100,000 of them; and the whole way to one run among them that its name does not tell.
func BenchmarkListOfRuns(b *testing.B) {
	h := newHouse(b)
	h.must("PUT", "w"+version, resource(compose))
	newest := time.Now().UTC().Truncate(time.Second)
	h.many(h.workflow("w").Workflow, 100_000, newest)
	at := func(i int) string { return newest.Add(-time.Duration(i) * time.Second).Format(time.RFC3339) }
	middle := h.must("GET", "w/runs"+version+"&$top=1&$filter="+url.QueryEscape("startTime lt "+at(50_000)), "")
	for name, path := range map[string]string{
		"first page":           "w/runs" + version,
		"250 runs":             "w/runs" + version + "&$top=250",
		"page in the middle":   middle.body["nextLink"].(string),
		"status":               "w/runs" + version + "&$filter=" + url.QueryEscape("status eq 'Failed'"),
		"status, in vain":      "w/runs" + version + "&$filter=" + url.QueryEscape("status eq 'Aborted'"),
		"an hour in the past":  "w/runs" + version + "&$filter=" + url.QueryEscape("startTime ge "+at(93_600)+" and startTime lt "+at(90_000)),
		"histories of an hour": "w/triggers/manual/histories" + version + "&$filter=" + url.QueryEscape("startTime ge "+at(93_600)+" and startTime lt "+at(90_000)),
		"both":                 "w/runs" + version + "&$filter=" + url.QueryEscape("status eq 'Failed' and startTime lt "+at(50_000)),
	} {
		b.Run(name, func(b *testing.B) {
			h.t = b
			for b.Loop() {
				h.must("GET", path, "")
			}
		})
	}
	b.Run("one in all, every page", func(b *testing.B) {
		h.t = b
		pages := 0
		h.count.Total()
		for b.Loop() {
			h.pages("w/runs"+version+"&$filter="+url.QueryEscape("clientTrackingId eq 'client-99998'"), func(answer) { pages++ })
		}
		b.ReportMetric(float64(pages)/float64(b.N), "pages/op")
		b.ReportMetric(float64(h.count.Total())/float64(b.N), "transactions/op")
	})
}
