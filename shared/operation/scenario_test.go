package operation_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// history is a run that is over: its records, and how long it took on its clock.
type history struct {
	*run.State
	took time.Duration
	// attempts counts how often each action was carried out.
	attempts map[string]int
}

// drive runs a definition's actions by the state machine. Its clock stands still
// while anything can be done, and then moves to the next wake-up.
func driveRun(t *testing.T, actions string, parameters ...definition.Parameter) history {
	t.Helper()
	declared := value.NewObject(len(parameters))
	for _, p := range parameters {
		declared.Set(p.Name, value.Object(value.Member{Key: "type", Value: value.String(p.Type)}, value.Member{Key: "defaultValue", Value: p.Value}))
	}
	p, problems := definition.Compile(definition.Source{Definition: value.Object(
		value.Member{Key: "parameters", Value: declared.Build()}, value.Member{Key: "actions", Value: parse(t, actions)})}, operation.Catalog{})
	if p == nil {
		t.Fatal(problems)
	}
	now, seed := clock, int64(0)
	ambient := expr.Ambient{Now: func() time.Time { return now }, Rand: func(n int64) int64 { seed++; return seed % n }}
	st := run.NewState(run.Header{Name: "run", Start: now})
	h := history{State: st, attempts: map[string]int{}}
	events := []run.Event{run.Started{}}
	for len(events) > 0 {
		event := events[0]
		events = events[1:]
		for _, command := range run.Apply(p, st, event, ambient) {
			switch c := command.(type) {
			case run.Execute:
				h.attempts[c.Action.Name]++
				events = append(events, run.Completed{Action: c.Action.Name, Attempt: c.Record.Attempt, Outcome: operation.Attempt(t.Context(), operation.Deps{}, operation.Call{
					Action: c.Action.Name, Inputs: c.Inputs, Deferred: c.Action.Deferred, Attempt: c.Record.Attempt, Keep: c.Record.Keep,
					Env: func(item value.Value) *expr.Env { return run.Env(p, st, c.Action, "", item, ambient) },
				}, c.Action.Type, zerolog.Nop())})
			case run.Again:
				events = append(events, run.More{})
			}
		}
		if wake := st.NextWake(); len(events) == 0 && !wake.IsZero() && !st.Status.Final() {
			if now = wake; len(h.attempts) < 100 {
				events = append(events, run.TimerFired{})
			}
		}
	}
	h.took = now.Sub(clock)
	if !st.Status.Final() {
		t.Errorf("the run is not over: %s", st.Status)
	}
	return h
}

// TestRecords is what run history and actions() show of each type (actions §1, §4,
// §6): inputs, outputs and code.
func TestRecords(t *testing.T) {
	for name, c := range map[string]struct{ action, code, inputs, outputs string }{
		"Query":      {`{"type":"Query","inputs":{"from":"@createArray(1,2)","where":"@greater(item(),1)"}}`, "", `[1,2]`, `{"body":[2]}`},
		"Select":     {`{"type":"Select","inputs":{"from":"@createArray(1)","select":{"n":"@item()"}}}`, "", `{"from":[1]}`, `{"body":[{"n":1}]}`},
		"Join":       {`{"type":"Join","inputs":{"from":"@createArray(1,2)","joinWith":"-"}}`, "", `{"from":[1,2],"joinWith":"-"}`, `{"body":"1-2"}`},
		"Table":      {`{"type":"Table","inputs":{"format":"CSV","from":"@createArray(1)","columns":[{"header":"@concat('a','b')","value":"@item()"}]}}`, "", `{"format":"CSV","from":[1],"columns":[{"header":"ab"}]}`, `{"body":"ab\r\n1\r\n"}`},
		"Wait":       {`{"type":"Wait","inputs":{"interval":{"count":"@add(1,1)","unit":"Minute"}}}`, "OK", `{"interval":{"count":2,"unit":"Minute"}}`, `null`},
		"Expression": {`{"type":"Expression","kind":"AddToTime","inputs":{"baseTime":"2026-01-01T00:00:00Z","interval":1,"timeUnit":"Day"}}`, "OK", `{"baseTime":"2026-01-01T00:00:00Z","interval":1,"timeUnit":"Day"}`, `{"body":"2026-01-02T00:00:00.0000000Z"}`},
		"no inputs":  {`{"type":"expression","kind":"currentTime"}`, "OK", `null`, `{"body":"2026-01-15T12:00:00.0000000Z"}`},
		"ParseJson":  {`{"type":"ParseJson","inputs":{"content":"@concat('[','1]')","schema":{}}}`, "OK", `{"content":"[1]","schema":{}}`, `{"body":[1]}`},
	} {
		h := driveRun(t, `{"a":`+c.action+`}`)
		r := h.Records["a"]
		if r.Status != definition.Succeeded || r.Code != c.code || !r.Sending.Value.IsAbsent() {
			t.Errorf("%s: %s %s %+v", name, r.Status, r.Code, r.Error)
		}
		if in, out := string(value.Reveal(r.Inputs.Value)), string(value.Reveal(r.Outputs.Value)); in != c.inputs || out != c.outputs {
			t.Errorf("%s: inputs %s, outputs %s", name, in, out)
		}
	}
}

// TestItemsReadTheRun: what is evaluated per item sees the run like all else.
func TestItemsReadTheRun(t *testing.T) {
	h := driveRun(t, `{
		"wanted":{"type":"InitializeVariable","inputs":{"variables":[{"name":"wanted","type":"Integer","value":2}]}},
		"list":{"type":"Compose","runAfter":{"wanted":["Succeeded"]},"inputs":[{"id":1,"n":"a"},{"id":2,"n":"b"}]},
		"filter":{"type":"Query","runAfter":{"list":["Succeeded"]},"inputs":{"from":"@outputs('list')","where":"@equals(item()['id'],variables('wanted'))"}},
		"map":{"type":"Select","runAfter":{"filter":["Succeeded"]},"inputs":{"from":"@body('filter')","select":{"@{outputs('list')[0]['n']}":"@item()['n']","all":"@length(outputs('list'))"}}},
		"text":{"type":"Table","runAfter":{"map":["Succeeded"]},"inputs":{"format":"html","from":"@body('map')","columns":[{"header":"@{length(body('map'))} rows","value":"@concat(item()['a'],parameters('p'))"}]}}}`,
		definition.Parameter{Name: "p", Type: "string", Value: value.String("!")})
	if got := string(value.Reveal(h.Records["map"].Outputs.Value)); got != `{"body":[{"a":"b","all":2}]}` {
		t.Errorf("map: %s", got)
	}
	if got := h.Records["text"].Outputs.Value.Member("body").Str(); got != "<table><thead><tr><th>1 rows</th></tr></thead><tbody><tr><td>b!</td></tr></tbody></table>" {
		t.Errorf("text: %s", got)
	}
}
