package run_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

type catalog struct{}

func (catalog) Action(typ string) (definition.Spec, bool) {
	s, ok := map[string]definition.Spec{
		"compose":  {Type: "Compose", Inline: true},
		"response": {Type: "Response", Inline: true, Responds: true, HTTPLike: true},
		"http": {Type: "Http", HTTPLike: true, Retries: true, History: func(v value.Value) (value.Value, bool) {
			return v.Without("secret"), v.Has("secret")
		}},
	}[strings.ToLower(typ)]
	return s, ok
}
func (catalog) Trigger(string) (definition.Spec, bool) {
	return definition.Spec{Type: "Request", Request: true}, true
}
func (catalog) Connector(string) bool  { return true }
func (catalog) ActionTypes() []string  { return nil }
func (catalog) TriggerTypes() []string { return nil }

// scenario is a run that is driven by hand, with a clock that stands still.
type scenario struct {
	t        *testing.T
	p        *definition.Program
	s        *run.State
	now      time.Time
	waiting  map[string]run.Execute // actions given out, by Key
	past     []*run.Record          // of iterations that are over
	commands []run.Command
	finished bool
	seed     int64
	held     bool // no commit now
}

func start(t *testing.T, actions string, change ...func(*run.State)) *scenario {
	t.Helper()
	v, err := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request"}},"actions":` + actions + `}`))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := definition.Compile(definition.Source{Name: "test", Definition: v}, catalog{})
	if p == nil {
		t.Fatal(problems)
	}
	s := &scenario{t: t, p: p, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), waiting: map[string]run.Execute{}}
	s.s = run.NewState(run.Header{Name: "run", Status: definition.Running, Start: s.now})
	s.s.Trigger = run.Record{Name: "manual", Outputs: run.Payload{Value: value.Object(value.Member{Key: "body", Value: value.String("hi")})}}
	for _, f := range change {
		f(s.s)
	}
	s.apply(run.Started{})
	return s
}

func (s *scenario) ambient() expr.Ambient {
	return expr.Ambient{Now: func() time.Time { return s.now }, Rand: func(n int64) int64 { s.seed++; return s.seed % n }}
}

// apply applies an event and what follows from it without waiting: inline
// operations give back their inputs, and More is applied as asked for.
func (s *scenario) apply(e run.Event) {
	s.t.Helper()
	for events := []run.Event{e}; len(events) > 0; events = events[1:] {
		before := len(s.s.Records)
		s.load()
		for _, c := range run.Apply(s.p, s.s, events[0], s.ambient()) {
			s.commands = append(s.commands, c)
			switch c := c.(type) {
			case run.Execute:
				if c.Action.Spec.Inline {
					events = append(events, run.Completed{Action: c.Action.Name, Path: c.Record.Path, Attempt: c.Record.Attempt, Outcome: run.Succeed("OK", c.Inputs)})
				} else {
					s.waiting[c.Record.Key()] = c
				}
			case run.Again:
				events = append(events, run.More{})
			case run.Finish:
				s.finished = true
			}
		}
		if begun := len(s.s.Records) - before; begun > run.MaxTouched {
			s.t.Errorf("one Apply began %d records", begun)
		}
		if s.held && !s.s.Full() {
			continue
		}
		left := slices.Clone(s.s.Settled())
		s.past = append(s.past, left...)
		s.s.Committed(left)
	}
}

// load gives the state what it asks for of iterations that are over.
func (s *scenario) load() {
	for _, key := range run.Needs(s.p, s.s).Repetitions {
		name, path, _ := strings.Cut(key, "\x00")
		list := []*run.Record{}
		for _, r := range s.past {
			if r.Name == name && r.Repetitions == 0 && r.Path != path && strings.HasPrefix(r.Path, path) {
				list = append(list, r)
			}
		}
		slices.SortFunc(list, func(a, b *run.Record) int { return strings.Compare(a.Path, b.Path) })
		s.s.Repetitions[key] = list
	}
}

// end completes an action that was given out.
func (s *scenario) end(name string, o run.Outcome) {
	s.t.Helper()
	c, ok := s.waiting[name]
	if !ok {
		s.t.Fatalf("%s was not given out", name)
	}
	delete(s.waiting, name)
	s.apply(run.Completed{Action: c.Record.Name, Path: c.Record.Path, Attempt: c.Record.Attempt, Outcome: o})
}

func (s *scenario) check(want string) {
	s.t.Helper()
	var got []string
	for _, a := range s.p.Order {
		if r := s.s.Records[a.Name]; r != nil {
			line := a.Name + " " + string(r.Status)
			if r.Error != nil {
				line += " " + r.Error.Code
			} else if r.Code != "" && r.Code != "OK" {
				line += " " + r.Code
			}
			got = append(got, line)
		}
	}
	got = append(got, "run "+string(s.s.Status))
	if text := strings.Join(got, "; "); text != want {
		s.t.Errorf("\n got %s\nwant %s", text, want)
	}
}

const h = `"type":"Http","inputs":{}`

func ok() run.Outcome   { return run.Succeed("OK", value.Object()) }
func fail() run.Outcome { return run.Outcome{Status: definition.Failed, Code: "NotFound"} }
