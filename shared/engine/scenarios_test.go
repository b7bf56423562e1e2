package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// TestScenarios runs testdata/scenarios/*.json, each on both stores. README.md there
// says what a scenario looks like: it is documentation as much as a test.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := value.ParseDocument(data)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			group := strings.TrimSuffix(filepath.Base(file), ".json")
			for name, v := range list.Members {
				t.Run(group+"/"+name, func(t *testing.T) {
					t.Parallel()
					s := &scenario{t: t, v: v}
					s.checkMembers()
					s.play(b)
				})
			}
		}
	})
}

// scenario is one of them at work. Its clock stands still but for waits, which it
// jumps over when nothing else is left to do.
type scenario struct {
	t      *testing.T
	v      value.Value
	group  string       // the resource IDs of its workflows begin with it
	offset atomic.Int64 // of the clock
	others []*engine.Workflow
	// fallback is the answer of upstreams that v does not name; absent: they fail.
	fallback value.Value

	mu     sync.Mutex
	calls  []string
	sent   map[string]*outbound.Request // the last request, by upstream
	counts map[string]int               // answers given, by upstream
}

var (
	epoch     = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	scenarios atomic.Int64
)

func (s *scenario) now() time.Time { return epoch.Add(time.Duration(s.offset.Load())) }

// after: a driver does not sit waits out, it leaves; so the clock moves only between
// drivers, when nothing is under way. What is due is due at once.
func after(d time.Duration) <-chan time.Time {
	if d > 0 {
		return nil
	}
	c := make(chan time.Time, 1)
	c <- epoch
	return c
}

func (s *scenario) engine(b store.Backend) *engine.Engine {
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		s.t.Fatal(err)
	}
	var seed atomic.Int64
	seed.Store(time.Now().UnixNano()) // names of runs differ between scenarios in one store
	return engine.New(engine.Config{
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: zerolog.Nop(),
		After: after, Lease: 1000 * 24 * time.Hour, Slice: time.Nanosecond, // the clock stands still: no wait is short
		Deps: operation.Deps{HTTP: s, Vault: func(operation.Connection) (outbound.Vault, error) { return s, nil }},
		Callback: func(_ *engine.Workflow, _, action, path string) string {
			return "https://callback/" + action + "/" + path
		},
		Ambient: expr.Ambient{Now: s.now, Rand: func(n int64) int64 {
			return (seed.Add(0x1e3779b97f4a7c15) >> 8 & (1<<50 - 1)) % n
		}},
	})
}

// answer picks the next one of a name from a list, the last one for ever.
func (s *scenario) answer(list, name string) value.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	answers := s.v.Member(list).Member(strings.TrimPrefix(name, "SECRET "))
	if answers.IsAbsent() || answers.Kind() != value.KindArray {
		return answers
	}
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	a := answers.At(min(s.counts[name], answers.Len()-1))
	s.counts[name]++
	return a
}

// failed is an answer that says it is none.
func failed(a value.Value) *outbound.Failure {
	code, fails := a.Member("failure").AsString()
	if !fails {
		return nil
	}
	retryable, _ := a.Member("retryable").AsBool()
	status, _ := a.Member("status").AsInt()
	return &outbound.Failure{Code: code, Message: "It failed.", Retryable: retryable, StatusCode: int(status)}
}

// Do answers calls as the scenario says, by method and address.
func (s *scenario) Do(_ context.Context, r *outbound.Request) (*outbound.Response, error) {
	name := r.Method + " " + r.URL
	s.mu.Lock()
	if s.sent == nil {
		s.sent = map[string]*outbound.Request{}
	}
	s.sent[name] = r
	s.mu.Unlock()
	a := s.answer("upstreams", name)
	if a.IsAbsent() {
		a = s.fallback
	}
	if a.IsAbsent() {
		return nil, &outbound.Failure{Code: "UnresolvableHostName", Message: "The provided host name could not be resolved."}
	}
	if f := failed(a); f != nil {
		return nil, f
	}
	status, _ := a.Member("status").AsInt()
	if status == 0 {
		status = http.StatusOK
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for key, v := range a.Member("headers").Members {
		h.Set(key, v.Str())
	}
	body := []byte(a.Member("text").Str())
	if v, has := a.Get("body"); has {
		body = value.Reveal(v)
	}
	return &outbound.Response{StatusCode: int(status), Header: h, Body: body}, nil
}

// Secret is what the scenario's vault has under a name.
func (s *scenario) Secret(_ context.Context, name, version string) (outbound.Secret, error) {
	a := s.answer("vault", "SECRET "+name)
	if f := failed(a); f != nil {
		return outbound.Secret{}, f
	}
	text, ok := a.AsString()
	if !ok {
		return outbound.Secret{}, &outbound.Failure{Code: "SecretNotFound", Message: "It is not there.", StatusCode: http.StatusNotFound}
	}
	return outbound.Secret{Name: name, Version: version, Enabled: true,
		Value: value.String(text).Mark(value.Origin{Class: value.Secured, Name: "keyvault:" + name})}, nil
}

func (s *scenario) Secrets(context.Context) ([]outbound.Secret, error)          { return nil, nil }
func (s *scenario) Versions(context.Context, string) ([]outbound.Secret, error) { return nil, nil }

// resource is a workflow as a scenario writes it.
func (s *scenario) resource(name string, v value.Value) *engine.Resource {
	d := v.Member("definition")
	if d.IsAbsent() {
		d = value.Object(
			value.Member{Key: "triggers", Value: value.Object(value.Member{Key: "manual", Value: value.Object(value.Member{Key: "type", Value: value.String("Request")})})},
			value.Member{Key: "actions", Value: v.Member("actions")})
	}
	d, err := value.Parse(bytes.ReplaceAll(value.Reveal(d), []byte("{workflows}"), []byte(s.group)))
	if err != nil {
		s.t.Fatal(err)
	}
	parameters := v.Member("parameters")
	if parameters.IsAbsent() {
		parameters = value.Object()
	}
	return &engine.Resource{Name: name, ResourceID: s.group + "/" + name, Location: "westeurope", State: v.Member("state").Str(), Definition: d, Parameters: parameters}
}

// checkMembers finds what is misspelt, which would be no test at all.
func (s *scenario) checkMembers() {
	for key := range s.v.Members {
		if !slices.Contains(strings.Fields("rule definition actions parameters state trigger call tracking scheduled detached upstreams vault "+
			"workflows resume cancel problems warnings expect"), key) {
			s.t.Fatalf("a scenario has no %q", key)
		}
	}
	if s.v.Member("rule").Str() == "" || !s.v.Has("expect") && !s.v.Has("problems") {
		s.t.Fatal("a scenario names the rule it proves, and what comes of it")
	}
}

// play runs the scenario and compares what came of it.
func (s *scenario) play(b store.Backend) {
	t := s.t
	s.group = fmt.Sprintf("/subscriptions/s/resourceGroups/g%d/providers/Microsoft.Logic/workflows", scenarios.Add(1))
	e := s.engine(b)
	leave := sync.OnceFunc(func() { closeEngine(e) }) // what goes on without the run, such as unsubscribing, is over then
	defer leave()
	for name, other := range s.v.Member("workflows").Members {
		w, problems, err := e.Save(t.Context(), s.resource(name, other))
		if err != nil || w == nil {
			t.Fatalf("%s: %v %v", name, problems, err)
		}
		s.others = append(s.others, w)
	}
	w, problems, err := e.Save(t.Context(), s.resource("main", s.v))
	if err != nil {
		t.Fatal(err)
	}
	if wanted := s.v.Member("warnings"); !wanted.IsAbsent() {
		s.compareProblems(problems, wanted, true)
	}
	if wanted := s.v.Member("problems"); !wanted.IsAbsent() || w == nil {
		s.compareProblems(problems, wanted, false)
		return
	}
	expect := s.v.Member("expect")
	outputs, rejection := s.receive(w.Program.Triggers[0])
	if rejection != nil {
		s.check("rejection", fmt.Sprintf("%d %s", rejection.Status, rejection.Code), expect.Member("rejected").Str())
		return
	}
	scheduled, _ := time.Parse(time.RFC3339, s.v.Member("scheduled").Str())
	r, err := e.Start(t.Context(), w, engine.Trigger{
		Name: w.Program.Triggers[0].Name, Outputs: outputs, ClientTrackingID: s.v.Member("tracking").Str(), Scheduled: scheduled,
		Waits: w.Program.Responds && !s.v.Has("detached"),
	})
	switch {
	case err != nil:
		if want := expect.Member("trigger"); want.IsAbsent() || !strings.Contains(err.Error(), want.Str()) {
			t.Fatalf("the trigger fails: %v", err)
		}
	case r.Skipped:
		s.check("trigger", "Skipped", expect.Member("trigger").Str())
	case expect.Has("trigger"), expect.Has("rejected"):
		t.Fatal("the trigger fires")
	case expect.Has("runs"):
		s.compareRuns(e, w)
	default:
		st := s.drive(e, r)
		leave()
		s.compare(e, st, expect)
		for _, other := range s.others {
			if want, ok := expect.Member("workflows").Get(other.Name); ok {
				s.compareOther(e, other, want)
			}
		}
	}
}

// receive returns the outputs of the trigger: as they are given, or as a call
// makes them.
func (s *scenario) receive(t *definition.Trigger) (value.Value, *operation.Rejection) {
	call, ok := s.v.Get("call")
	if outputs := s.v.Member("trigger"); !ok && !outputs.IsAbsent() || t.Recurs() {
		return outputs, nil
	} else if !ok {
		return value.Object(value.Member{Key: "headers", Value: value.Object()}), nil
	}
	r := &operation.Received{Method: http.MethodPost, Header: http.Header{}, Host: "here.example"}
	for name, v := range call.Member("headers").Members {
		r.Header.Set(name, v.Str())
	}
	for name, v := range call.Member("queries").Members {
		r.Queries = append(r.Queries, operation.Query{Name: name, Value: v.Str()})
	}
	if v, ok := call.Get("body"); ok {
		r.Body, r.HasBody = value.Reveal(v), true
	}
	if v, ok := call.Get("text"); ok {
		r.Body, r.HasBody = []byte(v.Str()), true
	}
	return operation.FindTrigger(t.Type).Receive(t, r)
}

// drive lets the run, and those it calls, go on until all are over, with what
// comes from outside.
func (s *scenario) drive(e *engine.Engine, r *engine.Running) *run.State {
	if _, err := r.Wait(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	resumed := map[int]bool{}
	for range 1000 {
		st, over, wake := s.proceed(e, r.Key)
		for _, other := range s.others {
			for _, key := range s.runs(e, other) {
				_, otherOver, otherWake := s.proceed(e, key)
				over = over && otherOver
				if wake.IsZero() || !otherWake.IsZero() && otherWake.Before(wake) {
					wake = otherWake
				}
			}
		}
		switch {
		case over:
			return st
		case s.resume(e, r.Key, resumed):
		case s.v.Has("cancel") && !st.Status.Final():
			if err := e.Cancel(s.t.Context(), r.Key); err != nil {
				s.t.Fatal(err)
			}
		case wake.After(s.now()):
			s.offset.Store(int64(wake.Sub(epoch)))
		}
	}
	s.t.Fatal("the run does not end")
	return nil
}

// resume gives the run the next call that it waits for: one at a time, so that
// what the one does comes before the next.
func (s *scenario) resume(e *engine.Engine, key store.RunKey, resumed map[int]bool) bool {
	for i, x := range s.v.Member("resume").Elements {
		if !resumed[i] && e.Resume(s.t.Context(), key, x.Member("action").Str(), x.Member("path").Str(), fmt.Sprint(i), x.Member("data")) == nil {
			resumed[i] = true
			return true
		}
	}
	return false
}

// proceed drives one run as far as it goes now.
func (s *scenario) proceed(e *engine.Engine, key store.RunKey) (st *run.State, over bool, wake time.Time) {
	if err := e.Continue(s.t.Context(), key); err != nil {
		s.t.Fatal(err)
	}
	snapshot, err := e.Store.LoadRun(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot.State, snapshot.State.Status.Final(), snapshot.State.NextWake()
}

func (s *scenario) runs(e *engine.Engine, w *engine.Workflow) []store.RunKey {
	list, _, err := e.Store.Runs(s.t.Context(), w.ID, 100, "")
	if err != nil {
		s.t.Fatal(err)
	}
	keys := make([]store.RunKey, len(list))
	for i, r := range list {
		keys[i] = store.RunKey{WorkflowID: w.ID, Run: r.State.Name}
	}
	return keys
}
