package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

func (s *scenario) compareOther(e *engine.Engine, w *engine.Workflow, want value.Value) {
	keys := s.runs(e, w)
	if n, ok := want.AsInt(); ok {
		if int(n) != len(keys) {
			s.t.Errorf("%d runs of %s, want %d", len(keys), w.Name, n)
		}
		return
	}
	for _, key := range keys {
		st, _, _ := s.proceed(e, key)
		s.compare(e, st, want)
	}
	if len(keys) == 0 {
		s.t.Errorf("there is no run of %s", w.Name)
	}
}

// compareRuns compares what an action put out in all runs of one firing; they have
// no order.
func (s *scenario) compareRuns(e *engine.Engine, w *engine.Workflow) {
	for action, want := range s.v.Member("expect").Member("runs").Members {
		var got, wanted []string
		for _, key := range s.runs(e, w) {
			st, over, _ := s.proceed(e, key)
			if r := st.Records[action]; over && r != nil {
				got = append(got, plain(r.Outputs.Value))
			}
		}
		for _, v := range want.Elements {
			wanted = append(wanted, v.String())
		}
		slices.Sort(got)
		slices.Sort(wanted)
		s.check(action+" in all runs", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
}

func (s *scenario) compareProblems(problems []value.Problem, wanted value.Value, warnings bool) {
	got := []string{}
	for _, p := range problems {
		if p.Warning == warnings {
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

func (s *scenario) check(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// compare checks what the scenario says of a run, and nothing else.
func (s *scenario) compare(e *engine.Engine, st *run.State, expect value.Value) {
	t := s.t
	for key, want := range expect.Members {
		switch key {
		case "run":
			s.check("run", strings.TrimSpace(string(st.Status)+" "+st.Code), want.Str())
		case "error":
			s.check("error of the run", st.Error.Value().String(), want.String())
		case "outputs":
			s.check("outputs of the run", plain(st.Outputs), want.String())
		case "tracking":
			s.check("client tracking id", st.ClientTrackingID, want.Str())
		case "response":
			got := value.Null()
			if r := st.Records[st.Responded]; r != nil {
				got = r.Outputs.Value
			}
			s.check("response", plain(got), want.String())
		case "actions":
			for name, want := range want.Members {
				s.compareRecord(name, st.Records[name], want)
			}
		case "repetitions":
			for name, want := range want.Members {
				s.compareRepetitions(e, st, name, want)
			}
		case "calls":
			list := []string{}
			for _, c := range want.Elements {
				list = append(list, c.Str())
			}
			s.check("calls", strings.Join(s.calls, "\n      "), strings.Join(list, "\n      "))
		case "sent":
			for name, want := range want.Members {
				s.compareRequest(name, s.sent[name], want)
			}
		case "elapsed":
			s.check("elapsed", st.End.Sub(st.Start).Round(time.Second).String(), want.Str())
		case "variables":
			for name, want := range want.Members {
				i := slices.IndexFunc(st.Variables, func(v run.Variable) bool { return v.Name == name })
				if i < 0 {
					t.Errorf("there is no variable %s", name)
					continue
				}
				s.check("variable "+name, plain(st.Variables[i].Value), want.String())
			}
		case "workflows": // compared by play
		default:
			t.Fatalf("a scenario expects no %q", key)
		}
	}
}

// compareRepetitions: a text lists path and status, an array has a record each.
func (s *scenario) compareRepetitions(e *engine.Engine, st *run.State, name string, want value.Value) {
	if err := e.Store.LoadRepetitions(s.t.Context(), store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}, st, name); err != nil {
		s.t.Fatal(err)
	}
	all := st.Repetitions[name]
	if want.Kind() != value.KindArray {
		list := []string{}
		for _, r := range all {
			list = append(list, r.Path+" "+string(r.Status))
		}
		s.check(name+" repetitions", strings.Join(list, ", "), want.Str())
		return
	}
	if len(all) != want.Len() {
		s.t.Errorf("%d repetitions of %s, want %d", len(all), name, want.Len())
		return
	}
	for i, w := range want.Elements {
		s.compareRecord(name+" "+all[i].Path, all[i], w)
	}
}

// compareRequest: a header that is null must not have been sent.
func (s *scenario) compareRequest(name string, r *outbound.Request, want value.Value) {
	if r == nil {
		s.t.Errorf("%s was not called", name)
		return
	}
	for header, v := range want.Member("headers").Members {
		s.check(name+" "+header, r.Header.Get(header), v.Str())
	}
	if body, ok := want.Get("body"); ok {
		text := body.String()
		if plain, isText := body.AsString(); isText {
			text = plain
		} else if body.IsNull() {
			text = ""
		}
		s.check(name+" body", string(r.Body), text)
	}
}

// compareRecord: a text is status, code and the error's code, each where it is there;
// null means that there is no record; an object names what it wants to see.
func (s *scenario) compareRecord(name string, r *run.Record, want value.Value) {
	if r == nil || want.IsNull() {
		if (r == nil) != want.IsNull() {
			s.t.Errorf("%s has a record: %v", name, r != nil)
		}
		return
	}
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
			if got = message; v.Str() != "" && strings.Contains(message, v.Str()) {
				got = v.Str()
			}
		case "inputs":
			got = plain(r.Inputs.Value)
		case "outputs":
			got = plain(r.Outputs.Value)
		case "hidden":
			got = fmt.Sprintf("inputs %t outputs %t", r.HideInputs, r.HideOutputs)
		case "attempts":
			got = fmt.Sprint(max(len(r.Retries), 1))
		case "retries":
			codes := []string{}
			for _, a := range r.Retries {
				codes = append(codes, a.Code)
			}
			got = strings.Join(codes, ", ")
		case "times":
			got = fmt.Sprint(r.Repetitions)
		case "iterations":
			got = fmt.Sprint(r.Loop.Next)
		case "tracked":
			got = plain(r.Tracked)
		case "static":
			got = fmt.Sprint(r.Static)
		case "lasted":
			got = r.End.Sub(r.Start).Round(time.Second).String()
		default:
			s.t.Fatalf("%s: a scenario knows no %q", name, key)
		}
		wanted := v.String()
		if text, ok := v.AsString(); ok && key != "inputs" && key != "outputs" && key != "tracked" {
			wanted = text
		}
		s.check(name+" "+key, got, wanted)
	}
}

// plain shows what is secret too: what was there, not what may be shown of it.
func plain(v value.Value) string { return string(value.Reveal(v)) }
