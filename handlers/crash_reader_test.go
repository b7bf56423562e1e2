package handlers_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// reader reads runs as history has them.
type reader struct {
	t *testing.T
	s *store.Store
}

// readRun is a run in a form in which two runs of a workflow are equal.
type readRun struct {
	workflow, id string
	text         string
	calls        []recordedCall
}

type recordedCall struct {
	tracking, path string
	attempts       int
}

func (r *reader) each(f func(w *store.Workflow, header *run.State)) {
	workflows, err := r.s.Workflows(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range workflows {
		for token := ""; ; {
			list, next, err := r.s.Runs(r.t.Context(), w.ID, 1000, token)
			if err != nil {
				r.t.Fatal(err)
			}
			for _, snapshot := range list {
				f(w, snapshot.State)
			}
			if token = next; token == "" {
				break
			}
		}
	}
}

// unfinished names the runs that are not over.
func (r *reader) unfinished() (list []string) {
	r.each(func(w *store.Workflow, header *run.State) {
		if !header.Status.Final() {
			list = append(list, w.Name+" "+header.Name)
		}
	})
	return list
}

func (r *reader) runs() (list []readRun) {
	r.each(func(w *store.Workflow, header *run.State) {
		list = append(list, r.read(w, store.RunKey{WorkflowID: w.ID, Run: header.Name}))
	})
	return list
}

var (
	looseGUID     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	looseCallback = regexp.MustCompile(`http://[^"]*/runs/[^"]*`)
	looseRun      = regexp.MustCompile(`\d{29}CU\d\d`)
)

func (r *reader) read(w *store.Workflow, key store.RunKey) readRun {
	ctx := r.t.Context()
	snapshot, err := r.s.LoadRun(ctx, key)
	if err != nil {
		r.t.Fatal(err)
	}
	st := snapshot.State
	out := readRun{workflow: w.Name, id: st.Trigger.Outputs.Value.Member("body").Member("id").Str()}
	records := []*run.Record{}
	for _, record := range st.Records {
		records = append(records, record)
		if record.Repetitions > 0 {
			if err := r.s.LoadRepetitions(ctx, key, st, record.Key()); err != nil {
				r.t.Fatal(err)
			}
			records = append(records, st.Repetitions[record.Key()]...)
		}
	}
	slices.SortFunc(records, func(a, b *run.Record) int { return strings.Compare(a.Key(), b.Key()) })
	lines := []string{fmt.Sprintf("run %s %s %v by %q", st.Status, st.Code, st.Error, st.Responded)}
	for i, record := range records {
		if i > 0 && records[i-1].Key() == record.Key() {
			continue // the latest iteration of an Until is in both places
		}
		lines = append(lines, recordLine(record))
		out.calls = append(out.calls, callsOf(record)...)
	}
	text := strings.ReplaceAll(strings.Join(lines, "\n"), out.id, "ID")
	text = looseCallback.ReplaceAllString(text, "CALLBACK")
	out.text = looseRun.ReplaceAllString(looseGUID.ReplaceAllString(text, "GUID"), "RUN")
	return out
}

func recordLine(r *run.Record) string {
	outputs := string(value.Reveal(r.Outputs.Value))
	if r.Name == "Add" {
		outputs = "" // of iterations side by side, each adds to what it finds
	}
	if r.Name == "Hook" || r.Name == "Answer" || r.Name == "Answers" {
		outputs = fmt.Sprint(strings.Contains(outputs, "approved"))
	}
	open := !r.Status.Final() || !r.Wake.IsZero() || r.Awaiting || !r.Sending.Value.IsAbsent()
	return fmt.Sprintf("%s %q %s %s %v attempts %d retries %d repetitions %d open %v in %s out %s", r.Name, r.Path, r.Status, r.Code, r.Error,
		r.Attempt, len(r.Retries), r.Repetitions, open, value.Reveal(r.Inputs.Value), outputs)
}

// callsOf are the calls that a record tells of.
func callsOf(r *run.Record) []recordedCall {
	inputs, attempts := r.Inputs.Value, max(r.Attempt, 1)
	subscribe, isHook := inputs.Get("subscribe")
	if isHook {
		inputs, attempts = subscribe, 1
	}
	target, err := url.Parse(inputs.Member("uri").Str())
	if err != nil || target.Host == "" {
		return nil
	}
	list := []recordedCall{{r.TrackingID, target.Path, attempts}}
	if isHook {
		list = append(list, recordedCall{r.TrackingID, strings.Replace(target.Path, "subscribe", "unsubscribe", 1), 1})
	}
	return list
}
