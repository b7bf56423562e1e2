package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// stage is where triggers are tested: a clock that stands still until it is moved,
// and an upstream that answers as it is told.
type stage struct {
	t testing.TB
	b store.Backend

	mu      sync.Mutex
	clock   time.Time
	seed    int64
	answers []answer // in turn; the last for ever
	calls   []string // METHOD url body
	headers []http.Header
	during  func() // while a call is under way
}

// answer is what the upstream says; a status of 0 is a connection that fails.
type answer struct {
	status  int
	headers map[string]string
	body    string
}

func newStage(t testing.TB, b store.Backend, answers ...answer) *stage {
	return &stage{t: t, b: b, clock: epoch, answers: answers, seed: time.Now().UnixNano()}
}

func (s *stage) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *stage) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// engine is one process on the stage's store.
func (s *stage) engine() *engine.Engine { return s.engineOn(s.b) }

func (s *stage) engineOn(b store.Backend) *engine.Engine {
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		s.t.Fatal(err)
	}
	e := engine.New(engine.Config{
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: zerolog.Nop(), Fresh: time.Nanosecond,
		Deps:       operation.Deps{HTTP: s},
		TriggerURL: func(w *engine.Workflow, trigger string) string { return "https://here/" + trigger },
		Ambient: expr.Ambient{Now: s.now, Rand: func(n int64) int64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seed += 0x1e3779b97f4a7c15
			return (s.seed >> 8 & (1<<50 - 1)) % n
		}},
	})
	s.t.Cleanup(func() { closeEngine(e) })
	return e
}

// Do answers as told.
func (s *stage) Do(_ context.Context, r *outbound.Request) (*outbound.Response, error) {
	s.mu.Lock()
	a := s.answers[min(len(s.calls), len(s.answers)-1)]
	s.calls = append(s.calls, strings.TrimSpace(r.Method+" "+r.URL+" "+string(r.Body)))
	header := r.Header.Clone()
	if r.Authentication != nil {
		header.Set("Authenticated", "yes")
	}
	s.headers = append(s.headers, header)
	during := s.during
	s.mu.Unlock()
	if during != nil {
		during()
	}
	if a.status == 0 {
		return nil, &outbound.Failure{Code: "ServiceUnavailable", Message: "The server is not there.", Retryable: true}
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for name, v := range a.headers {
		h.Set(name, v)
	}
	return &outbound.Response{StatusCode: a.status, Header: h, Body: []byte(a.body)}, nil
}

// save stores a workflow of its own with a trigger T, whose actions are one Compose
// unless they are given.
func (s *stage) save(e *engine.Engine, trigger string, actions ...string) *engine.Workflow {
	s.t.Helper()
	return save(s.t, e, s.resource(s.t.Name(), trigger, actions...))
}

func (s *stage) resource(name, trigger string, actions ...string) *engine.Resource {
	s.t.Helper()
	body := `{"C": {"type": "Compose", "inputs": "@trigger()"}}`
	if len(actions) > 0 {
		body = actions[0]
	}
	v, err := value.Parse(fmt.Appendf(nil, `{"triggers": {"T": %s}, "actions": %s}`, trigger, body))
	if err != nil {
		s.t.Fatal(err)
	}
	name = strings.NewReplacer("/", "-", "#", "-").Replace(name)
	return &engine.Resource{Name: name, ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/" + name, Definition: v, Parameters: value.Object()}
}

func keyOf(w *engine.Workflow) store.TriggerKey {
	return store.TriggerKey{WorkflowID: w.ID, Trigger: "T"}
}

func (s *stage) fire(e *engine.Engine, w *engine.Workflow) {
	s.t.Helper()
	if err := e.FireTrigger(s.t.Context(), keyOf(w)); err != nil {
		s.t.Fatal(err)
	}
}

// next is how long from now the trigger is due: "never" if it is not.
func (s *stage) next(e *engine.Engine, w *engine.Workflow) string {
	s.t.Helper()
	state, err := e.Store.LoadTrigger(s.t.Context(), keyOf(w))
	if err != nil {
		s.t.Fatal(err)
	}
	if state.Due.IsZero() {
		return "never"
	}
	return state.Due.Sub(s.now()).String()
}

// past is the history of the trigger, the oldest first: status, code, the error's
// code where it is another, and fired.
func (s *stage) past(e *engine.Engine, w *engine.Workflow) string {
	s.t.Helper()
	var lines []string
	for token := ""; ; {
		list, next, err := e.TriggerHistories(s.t.Context(), keyOf(w), 3, token)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, h := range list {
			line := strings.TrimSpace(string(h.Record.Status) + " " + h.Record.Code)
			if h.Record.Error != nil && h.Record.Error.Code != h.Record.Code {
				line += " " + h.Record.Error.Code
			}
			if h.Fired() {
				line += " fired"
			}
			lines = append(lines, line)
		}
		if token = next; token == "" {
			break
		}
	}
	slices.Reverse(lines)
	return strings.Join(lines, ", ")
}

func (s *stage) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// start calls a trigger as somebody outside does who does not wait.
func (s *stage) start(e *engine.Engine, w *engine.Workflow, body string) (*engine.Running, error) {
	s.t.Helper()
	outputs, err := value.Parse([]byte(`{"headers": {}, "body": ` + body + `}`))
	if err != nil {
		s.t.Fatal(err)
	}
	return e.Start(s.t.Context(), w, engine.Trigger{Name: "T", Outputs: outputs})
}

// statuses are those of all runs, the oldest first.
func (s *stage) statuses(e *engine.Engine, w *engine.Workflow) string {
	s.t.Helper()
	var list []string
	for _, r := range runsOf(s.t, e, w.ID) {
		list = append(list, string(r.State.Status))
	}
	slices.Reverse(list)
	return strings.Join(list, " ")
}

// runNameAt is how the name of a run begins that was started for a time.
func runNameAt(at time.Time) string { return run.NameAt(at, 0, 0)[:20] }
