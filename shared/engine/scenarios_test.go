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
			for name, s := range list.Members {
				t.Run(group+"/"+name, func(t *testing.T) { (&scenario{t: t, v: s}).play(b) })
			}
		}
	})
}

// scenario is one of them at work. Its clock stands still but for waits, which it
// jumps over.
type scenario struct {
	t      *testing.T
	v      value.Value
	offset atomic.Int64 // of the clock
	mu     sync.Mutex
	calls  []string
	counts map[string]int // answers given, by upstream
}

var epoch = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func (s *scenario) now() time.Time { return epoch.Add(time.Duration(s.offset.Load())) }

// lease is long enough that a driver sits every wait of a scenario out.
const lease = 1000 * 24 * time.Hour

// after jumps over a wait; the renewal of a lease never comes.
func (s *scenario) after(d time.Duration) <-chan time.Time {
	if d >= lease/2 {
		return nil
	}
	s.offset.Add(int64(d))
	c := make(chan time.Time, 1)
	c <- s.now()
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
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: zerolog.Nop(), After: s.after, Lease: lease, Slice: lease,
		Deps: operation.Deps{HTTP: s, Vault: func(operation.Connection) (outbound.Vault, error) { return &world{}, nil }},
		Callback: func(_ *engine.Workflow, _, action, path string) string {
			return "https://callback/" + action + "/" + path
		},
		Ambient: expr.Ambient{Now: s.now, Rand: func(n int64) int64 {
			return (seed.Add(0x1e3779b97f4a7c15) >> 8 & (1<<50 - 1)) % n
		}},
	})
}

// Do answers calls as the scenario says: by method and address, one answer after the
// other, the last one for ever.
func (s *scenario) Do(_ context.Context, r *outbound.Request) (*outbound.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Method + " " + r.URL
	s.calls = append(s.calls, name)
	answers := s.v.Member("upstreams").Member(name)
	if answers.IsAbsent() {
		return nil, &outbound.Failure{Code: "UnresolvableHostName", Message: "The provided host name could not be resolved."}
	}
	if answers.Kind() != value.KindArray {
		answers = value.Array(answers)
	}
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	a := answers.At(min(s.counts[name], answers.Len()-1))
	s.counts[name]++
	if code, fails := a.Member("failure").AsString(); fails {
		retryable, _ := a.Member("retryable").AsBool()
		return nil, &outbound.Failure{Code: code, Message: "It failed.", Retryable: retryable}
	}
	status, _ := a.Member("status").AsInt()
	if status == 0 {
		status = http.StatusOK
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for key, v := range a.Member("headers").Members {
		h.Set(key, v.Str())
	}
	var body []byte
	if v, has := a.Get("body"); has {
		body = value.Reveal(v)
	}
	return &outbound.Response{StatusCode: int(status), Header: h, Body: body}, nil
}

// play runs the scenario and compares what came of it.
func (s *scenario) play(b store.Backend) {
	t := s.t
	e := s.engine(b)
	defer closeEngine(e)
	d := s.v.Member("definition")
	if d.IsAbsent() {
		d = value.Object(
			value.Member{Key: "triggers", Value: value.Object(value.Member{Key: "manual", Value: value.Object(value.Member{Key: "type", Value: value.String("Request")})})},
			value.Member{Key: "actions", Value: s.v.Member("actions")})
	}
	name := fmt.Sprintf("s%d", time.Now().UnixNano())
	w, problems, err := e.Save(t.Context(), &engine.Resource{Name: name, ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/" + name,
		Definition: d, Parameters: s.v.Member("parameters")})
	if err != nil {
		t.Fatal(err)
	}
	if wanted := s.v.Member("problems"); !wanted.IsAbsent() || w == nil {
		s.compareProblems(problems, wanted)
		return
	}
	trigger := s.v.Member("trigger")
	if trigger.IsAbsent() {
		trigger = value.Object(value.Member{Key: "headers", Value: value.Object()})
	}
	r, err := e.Start(t.Context(), w, engine.Trigger{Name: w.Program.Triggers[0].Name, Outputs: trigger, Waits: w.Program.Responds && !s.v.Has("detached")})
	if err != nil {
		t.Fatal(err)
	}
	st := s.drive(e, r)
	s.compare(e, st)
}

// drive lets the run go on until it is over, with what comes from outside.
func (s *scenario) drive(e *engine.Engine, r *engine.Running) *run.State {
	t := s.t
	if _, err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	resumed := map[int]bool{}
	for range 50 {
		if err := e.Continue(t.Context(), r.Key); err != nil {
			t.Fatal(err)
		}
		snapshot, err := e.Store.LoadRun(t.Context(), r.Key)
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.State.Status.Final() {
			return snapshot.State
		}
		if s.v.Has("cancel") {
			if err := e.Cancel(t.Context(), r.Key); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for i, x := range s.v.Member("resume").Elements {
			if resumed[i] {
				continue
			}
			err := e.Resume(t.Context(), r.Key, x.Member("action").Str(), x.Member("path").Str(), fmt.Sprint(i), x.Member("data"))
			resumed[i] = err == nil
		}
		if wake := snapshot.State.NextWake(); len(resumed) == s.v.Member("resume").Len() && wake.After(s.now()) {
			s.offset.Store(int64(wake.Sub(epoch)))
		}
	}
	t.Fatal("the run does not end")
	return nil
}

func (s *scenario) compareProblems(problems []value.Problem, wanted value.Value) {
	got := []string{}
	for _, p := range problems {
		if !p.Warning {
			got = append(got, p.Code+" "+p.Path.String()+": "+p.Message)
		}
	}
	for _, want := range wanted.Elements {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, want.Str()) }) {
			s.t.Errorf("no problem %q in:\n%s", want.Str(), strings.Join(got, "\n"))
		}
	}
	if len(got) != wanted.Len() {
		s.t.Errorf("%d problems:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// compare checks what the scenario says, and nothing else.
func (s *scenario) compare(e *engine.Engine, st *run.State) {
	t, expect := s.t, s.v.Member("expect")
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s:\n got  %s\n want %s", what, got, want)
		}
	}
	if want, ok := expect.Get("run"); ok {
		check("run", strings.TrimSpace(string(st.Status)+" "+st.Code), want.Str())
	}
	for name, want := range expect.Member("actions").Members {
		r := st.Records[name]
		if r == nil {
			t.Errorf("%s has no record", name)
			continue
		}
		s.compareRecord(name, r, want)
	}
	for name, want := range expect.Member("repetitions").Members {
		if err := e.Store.LoadRepetitions(t.Context(), store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}, st, name); err != nil {
			t.Fatal(err)
		}
		list := []string{}
		for _, r := range st.Repetitions[name] {
			list = append(list, r.Path+" "+string(r.Status))
		}
		check(name+" repetitions", strings.Join(list, ", "), want.Str())
	}
	if want, ok := expect.Get("calls"); ok {
		list := []string{}
		for _, c := range want.Elements {
			list = append(list, c.Str())
		}
		check("calls", strings.Join(s.calls, "\n      "), strings.Join(list, "\n      "))
	}
	if want, ok := expect.Get("elapsed"); ok {
		check("elapsed", st.End.Sub(st.Start).Round(time.Second).String(), want.Str())
	}
	for name, want := range expect.Member("variables").Members {
		i := slices.IndexFunc(st.Variables, func(v run.Variable) bool { return v.Name == name })
		if i < 0 {
			t.Errorf("there is no variable %s", name)
			continue
		}
		check("variable "+name, st.Variables[i].Value.String(), want.String())
	}
}

// compareRecord: a text is status, code and the error's code, each where it is there;
// an object names what it wants to see.
func (s *scenario) compareRecord(name string, r *run.Record, want value.Value) {
	summary := string(r.Status)
	if r.Code != "" {
		summary += " " + r.Code
	}
	if r.Error != nil && r.Error.Code != r.Code {
		summary += " " + r.Error.Code
	}
	message := ""
	if r.Error != nil {
		message = r.Error.Message
	}
	if text, ok := want.AsString(); ok {
		want = value.Object(value.Member{Key: "is", Value: value.String(text)})
	}
	for key, v := range want.Members {
		var got string
		switch key {
		case "is":
			got = summary
		case "message":
			if got = message; strings.Contains(message, v.Str()) {
				got = v.Str()
			}
		case "inputs":
			got = r.Inputs.Value.String()
		case "outputs":
			got = r.Outputs.Value.String()
		case "hidden":
			got = fmt.Sprintf("inputs %t outputs %t", r.HideInputs, r.HideOutputs)
		case "attempts":
			got = fmt.Sprint(max(len(r.Retries), 1))
		case "times":
			got = fmt.Sprint(r.Repetitions)
		case "iterations":
			got = fmt.Sprint(r.Loop.Next)
		case "tracked":
			got = r.Tracked.String()
		default:
			s.t.Fatalf("%s: a scenario knows no %q", name, key)
		}
		wanted := v.String()
		if text, ok := v.AsString(); ok && key != "inputs" && key != "outputs" && key != "tracked" {
			wanted = text
		}
		if got != wanted {
			s.t.Errorf("%s %s:\n got  %s\n want %s", name, key, got, wanted)
		}
	}
}
