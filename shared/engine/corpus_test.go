package engine_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// TestCorpusRuns: every definition that others have in production, and that can be
// saved here, runs to its end, whatever its upstreams answer: an object, a list, a
// failure, a text.
func TestCorpusRuns(t *testing.T) {
	answers := map[string]string{
		"object":  `{"body": {"value": [{"id": "1", "name": "n", "properties": {"a": [1]}}], "id": "1", "access_token": "t", "token_type": "Bearer"}}`,
		"list":    `{"body": [{"id": 1, "value": "x"}, {"id": 2}]}`,
		"failure": `{"status": 500, "body": {"error": {"code": "Broken", "message": "It is broken."}}}`,
		"text":    `{"text": "plain", "headers": {"Content-Type": "text/plain"}}`,
	}
	for _, folder := range []string{"../../handlers/testdata/corpus", os.Getenv("LATCHWORK_CORPUS")} {
		if folder == "" {
			continue // the second is for whoever has more definitions
		}
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			where := template.Local(epoch)
			where.Assume = true
			deployment, problems := template.Load(data, "w", value.Value{}, where)
			if deployment == nil {
				t.Errorf("%s: %v", path, problems)
				return nil
			}
			for name, answer := range answers {
				for i, w := range deployment.Workflows {
					t.Run(fmt.Sprintf("%s/%d/%s", strings.TrimSuffix(filepath.Base(path), ".json"), i, name), func(t *testing.T) {
						s := &scenario{t: t, v: value.Object(), fallback: parse(t, answer)}
						s.runWhole(w)
					})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// runWhole saves a workflow whose connections have an address, fires its first
// trigger, and sees that the run ends.
func (s *scenario) runWhole(w template.Workflow) {
	t := s.t
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s.group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows"
	e := s.engine(b)
	defer closeEngine(e)
	saved, problems, err := e.Save(t.Context(), &engine.Resource{
		Name: "w", ResourceID: s.group + "/w", Kind: w.Kind, Definition: w.Definition, Parameters: withAddresses(w.Parameters)})
	if err != nil {
		t.Fatal(err)
	}
	if saved == nil {
		for _, p := range problems {
			if !p.Warning && p.Code == "" {
				t.Errorf("a problem has no code: %s", p.Message)
			}
		}
		return // TestCorpusCompiles says which problems there may be
	}
	if len(saved.Program.Triggers) == 0 {
		return // it can be saved, and nothing starts it
	}
	trigger := saved.Program.Triggers[0]
	var r *engine.Running
	for _, body := range []string{`{"value": [{"id": 1}], "object": {"properties": {}}, "id": "1"}`, `[{"id": 1}]`, `{}`} {
		outputs, rejection := operation.Given(trigger, &operation.Received{
			Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), HasBody: true}, epoch)
		if rejection != nil {
			continue
		}
		r, err = e.Start(t.Context(), saved, engine.Trigger{Name: trigger.Name, Outputs: outputs, Scheduled: epoch})
		if err == nil {
			break
		}
		var why *expr.Error
		if !errors.As(err, &why) || why.Code == "" {
			t.Fatalf("the trigger fails without a code: %v", err)
		}
	}
	if r == nil || r.Skipped {
		return // it wants another body than any of these
	}
	if st := s.toTheEnd(e, r); !st.Status.Final() {
		t.Errorf("the run ends as %s", st.Status)
	}
}

// withAddresses gives each connection an address.
func withAddresses(parameters value.Value) value.Value {
	entry := parameters.Member("$connections")
	connections := entry.Member("value")
	for name, c := range connections.Members {
		if c.Kind() == value.KindObject {
			connections = connections.With(name, c.With("connectionRuntimeUrl", value.String("https://connectors.example/"+name)))
		}
	}
	if connections.Kind() != value.KindObject {
		return parameters
	}
	return parameters.With("$connections", entry.With("value", connections))
}

// toTheEnd drives a run, and answers each action that waits for a call.
func (s *scenario) toTheEnd(e *engine.Engine, r *engine.Running) *run.State {
	if _, err := r.Wait(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	for round := range 3000 {
		st, over, wake := s.proceed(e, r.Key)
		if over {
			return st
		}
		resumed := false
		for _, record := range st.Records {
			if record.Awaiting && !record.Status.Final() {
				if err := e.Resume(s.t.Context(), r.Key, record.Name, record.Path, fmt.Sprint(round), parse(s.t, `{"headers": {}, "body": {"SelectedOption": "Yes"}}`)); err != nil {
					s.t.Fatal(err)
				}
				resumed = true
			}
		}
		if !resumed && wake.After(s.now()) {
			s.offset.Store(int64(wake.Sub(epoch)))
		} else if !resumed {
			s.offset.Add(int64(time.Minute))
		}
	}
	s.t.Fatal("the run does not end")
	return nil
}

func parse(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
