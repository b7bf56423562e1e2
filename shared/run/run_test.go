package run_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestLeafRule is the table of run-semantics §3.
func TestLeafRule(t *testing.T) {
	for name, c := range map[string]struct {
		actions string
		outcome run.Outcome
		want    string
	}{
		"B after A succeeded": {`{"A":{` + h + `},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}`, fail(), "A Failed NotFound; B Skipped ActionConditionFailed; run Failed"},
		"handled":             {`{"A":{` + h + `},"H":{"type":"Compose","inputs":1,"runAfter":{"A":["Failed"]}}}`, fail(), "A Failed NotFound; H Succeeded; run Succeeded"},
		"fork": {`{"A":{` + h + `},"H":{"type":"Compose","inputs":1,"runAfter":{"A":["Failed"]}},"S":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}`, fail(),
			"A Failed NotFound; H Succeeded; S Skipped ActionConditionFailed; run Failed"},
		"all four": {`{"A":{` + h + `},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded","Failed","Skipped","TimedOut"]}}}`, fail(), "A Failed NotFound; B Succeeded; run Succeeded"},
		"join after both": {`{"A":{` + h + `},"H":{"type":"Compose","inputs":1,"runAfter":{"A":["Failed"]}},"S":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}},"J":{"type":"Compose","inputs":1,"runAfter":{"H":["Skipped"],"S":["Skipped"]}}}`, fail(),
			"A Failed NotFound; H Succeeded; S Skipped ActionConditionFailed; J Skipped ActionConditionFailed; run Failed"},
		"timed out": {`{"A":{` + h + `}}`, run.Outcome{Status: definition.TimedOut, Code: "ActionTimedOut"}, "A TimedOut ActionTimedOut; run TimedOut"},
		"empty":     {`{}`, run.Outcome{}, "run Succeeded"},
		"scope fails": {`{"S":{"type":"Scope","actions":{"A":{` + h + `},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}},"C":{"type":"Compose","inputs":"@result('S')","runAfter":{"S":["Failed"]}}}`, fail(),
			"S Failed ActionFailed; A Failed NotFound; B Skipped ActionConditionFailed; C Succeeded; run Succeeded"},
		"scope is skipped": {`{"A":{` + h + `},"S":{"type":"Scope","runAfter":{"A":["Succeeded"]},"actions":{"B":{"type":"Compose","inputs":1},"C":{"type":"Compose","inputs":1,"runAfter":{"B":["Succeeded","Skipped"]}}}}}`, fail(),
			"A Failed NotFound; S Skipped ActionConditionFailed; B Skipped ActionDependencyFailed; C Skipped ActionConditionFailed; run Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.actions)
			if _, ok := s.waiting["A"]; ok {
				s.end("A", c.outcome)
			}
			s.check(c.want)
			if !s.finished || s.s.End.IsZero() {
				t.Error("the run did not finish")
			}
			if s.s.Status == definition.Failed && (s.s.Code != "ActionFailed" || s.s.Error == nil) {
				t.Errorf("a failed run: %q %v", s.s.Code, s.s.Error)
			}
		})
	}
}

func TestBranches(t *testing.T) {
	both := `"actions":{"Y":{"type":"Compose","inputs":1},"Y2":{"type":"Compose","inputs":1,"runAfter":{"Y":["Skipped","Succeeded"]}}},"else":{"actions":{"N":{"type":"Compose","inputs":1}}}`
	for name, c := range map[string]struct{ actions, want string }{
		"if true":       {`{"I":{"type":"If","expression":{"equals":["@triggerBody()","hi"]},` + both + `}}`, "I Succeeded; Y Succeeded; Y2 Succeeded; N Skipped ActionBranchingConditionNotSatisfied; run Succeeded"},
		"if false":      {`{"I":{"type":"If","expression":"@equals(1,2)",` + both + `}}`, "I Succeeded; Y Skipped ActionBranchingConditionNotSatisfied; Y2 Skipped ActionConditionFailed; N Succeeded; run Succeeded"},
		"not a boolean": {`{"I":{"type":"If","expression":"@triggerBody()",` + both + `}}`, "I Failed InvalidTemplate; Y Skipped ActionDependencyFailed; Y2 Skipped ActionConditionFailed; N Skipped ActionDependencyFailed; run Failed"},
		"bad":           {`{"I":{"type":"If","expression":"@int(triggerBody())",` + both + `}}`, "I Failed InvalidTemplate; Y Skipped ActionDependencyFailed; Y2 Skipped ActionConditionFailed; N Skipped ActionDependencyFailed; run Failed"},
		"switch":        {`{"S":{"type":"Switch","expression":"@triggerBody()","cases":{"a":{"case":"HI","actions":{"A":{"type":"Compose","inputs":1}}},"b":{"case":"hi","actions":{"B":{"type":"Compose","inputs":1}}}},"default":{"actions":{"D":{"type":"Compose","inputs":1}}}}}`, "S Succeeded; A Skipped ActionBranchingConditionNotSatisfied; B Succeeded; D Skipped ActionBranchingConditionNotSatisfied; run Succeeded"},
		"default":       {`{"S":{"type":"Switch","expression":"@1","cases":{"a":{"case":2,"actions":{"A":{"type":"Compose","inputs":1}}}},"default":{"actions":{"D":{"type":"Compose","inputs":1}}}}}`, "S Succeeded; A Skipped ActionBranchingConditionNotSatisfied; D Succeeded; run Succeeded"},
		"switch null":   {`{"S":{"type":"Switch","expression":"@null","cases":{"a":{"case":2,"actions":{"A":{"type":"Compose","inputs":1}}}}}}`, "S Failed ExpressionEvaluationFailed; A Skipped ActionDependencyFailed; run Failed"},
		"terminate":     {`{"T":{"type":"Terminate","inputs":{"runStatus":"failed","runError":{"code":"X","message":"m"}}},"B":{"type":"Compose","inputs":1,"runAfter":{"T":["Succeeded"]}}}`, "T Succeeded; B Skipped Terminated; run Failed"},
		"variables": {`{"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"integer","value":1}]}},"I":{"type":"IncrementVariable","inputs":{"name":"N","value":4},"runAfter":{"V":["Succeeded"]}},
			"C":{"type":"If","expression":{"equals":["@variables('n')",5]},"actions":{"Y":{"type":"Compose","inputs":1}},"runAfter":{"I":["Succeeded"]}},"B":{"type":"SetVariable","inputs":{"name":"n","value":"text"},"runAfter":{"C":["Succeeded"]}}}`,
			"V Succeeded; I Succeeded; C Succeeded; Y Succeeded; B Failed InvalidTemplate; run Failed"},
		"bad inputs": {`{"A":{"type":"Compose","inputs":"@triggerBody()['x']"}}`, "A Failed InvalidTemplate; run Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.actions)
			s.check(c.want)
			if !s.finished {
				t.Error("the run did not finish")
			}
		})
	}
}

func TestSkipMessages(t *testing.T) {
	s := start(t, `{"A":{`+h+`},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded","TimedOut"]}}}`)
	s.end("A", fail())
	r := s.s.Records["B"]
	if want := "The execution of template action 'B' is skipped: the 'runAfter' condition for action 'A' is not satisfied. Expected status values 'Succeeded, TimedOut' and actual value 'Failed'."; r.Error.Message != want {
		t.Errorf("message %q", r.Error.Message)
	}
	if r.Code != "ActionSkipped" || r.TrackingID == "" || r.Start.IsZero() || r.End.IsZero() || !r.Inputs.Value.IsAbsent() {
		t.Errorf("record: %+v", r)
	}
}

func TestRetries(t *testing.T) {
	s := start(t, `{"A":{"type":"Http","inputs":{"retryPolicy":{"type":"Fixed","count":2,"interval":"PT10S"}}}}`)
	id := s.s.Records["A"].TrackingID
	again := run.Outcome{Status: definition.Failed, Code: "ServiceUnavailable", Retry: true}
	s.end("A", again)
	if r := s.s.Records["A"]; r.Status != definition.Running || !r.Wake.Equal(s.now.Add(10*time.Second)) || s.s.Executing() {
		t.Fatalf("after the first attempt: %+v", r)
	}
	s.apply(run.TimerFired{}) // too early
	if len(s.waiting) > 0 {
		t.Fatal("a timer fired before its time")
	}
	s.now = s.now.Add(10 * time.Second)
	s.apply(run.TimerFired{})
	again.RetryAfter = time.Minute
	s.end("A", again)
	s.now = s.now.Add(59 * time.Second)
	s.apply(run.TimerFired{})
	if len(s.waiting) > 0 {
		t.Fatal("Retry-After was not honoured")
	}
	s.now = s.now.Add(time.Second)
	s.apply(run.TimerFired{})
	s.apply(run.Completed{Action: "A", Attempt: 1, Outcome: ok()}) // late: an attempt that is over
	s.end("A", again)
	s.check("A Failed ServiceUnavailable; run Failed")
	r := s.s.Records["A"]
	if r.Attempt != 3 || len(r.Retries) != 3 || r.TrackingID != id || r.Retries[1].Start.Before(r.Retries[0].End) {
		t.Errorf("record: %+v", r)
	}
}

func TestPollingKeepsItsPlace(t *testing.T) {
	s := start(t, `{"A":{`+h+`}}`)
	s.end("A", run.Outcome{Again: 20 * time.Second, Keep: value.String("location")})
	if r := s.s.Records["A"]; r.Keep.Str() != "location" || !s.s.NextWake().Equal(s.now.Add(20*time.Second)) {
		t.Fatalf("%+v", r)
	}
	s.now = s.now.Add(20 * time.Second)
	s.apply(run.TimerFired{})
	s.end("A", ok())
	s.check("A Succeeded; run Succeeded")
	if r := s.s.Records["A"]; !r.Keep.IsAbsent() || !r.Wake.IsZero() {
		t.Errorf("%+v", r)
	}
}

func TestResponse(t *testing.T) {
	actions := `{"A":{` + h + `},"R":{"type":"Response","inputs":{"statusCode":200},"runAfter":{"A":["Succeeded"]}},"R2":{"type":"Response","inputs":{},"runAfter":{"R":["Succeeded","Skipped","Failed"]}}}`
	until := func(d time.Duration) func(*run.State) {
		return func(s *run.State) { s.ResponseDue = s.Start.Add(d) }
	}
	for name, c := range map[string]struct {
		due  func(*run.State)
		want string
	}{
		"second": {until(time.Minute), "A Succeeded; R Succeeded; R2 Failed ActionResponseAlreadyDefined; run Failed"},
		"late":   {until(-time.Minute), "A Succeeded; R Failed ActionResponseTimedOut; R2 Failed ActionResponseTimedOut; run Failed"},
		"no one": {func(*run.State) {}, "A Succeeded; R Skipped ActionResponseSkipped; R2 Skipped ActionResponseSkipped; run Succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, actions, c.due)
			s.end("A", ok())
			s.check(c.want)
			if s.s.Records["R"].Inputs.Value.IsAbsent() {
				t.Error("a skipped Response has no inputs")
			}
			answered := slices.ContainsFunc(s.commands, func(c run.Command) bool { _, ok := c.(run.Respond); return ok })
			if answered != (name == "second") || answered != (s.s.Responded == "R") {
				t.Errorf("answered %v, by %q", answered, s.s.Responded)
			}
		})
	}
}

func TestCancelAndTerminateEndWhatIsAtWork(t *testing.T) {
	actions := `{"S":{"type":"Scope","actions":{"A":{` + h + `},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}},"C":{` + h + `},"T":{"type":"Terminate","inputs":{"runStatus":"Cancelled"},"runAfter":{"C":["Succeeded"]}}}`
	s := start(t, actions)
	s.apply(run.Cancelled{})
	s.check("S Cancelled; A Cancelled ActionCancelled; B Skipped ActionSkipped; C Cancelled ActionCancelled; T Skipped ActionSkipped; run Cancelled")
	s = start(t, actions)
	s.end("C", ok())
	s.check("S Cancelled; A Cancelled Terminated; B Skipped Terminated; C Succeeded; T Succeeded; run Cancelled")
	s.apply(run.Completed{Action: "A", Attempt: 1, Outcome: ok()}) // late
	if s.s.Records["A"].Status != definition.Cancelled {
		t.Error("an action came back after the end")
	}
}

func TestStaticResults(t *testing.T) {
	v, _ := value.Parse([]byte(`{"staticResults":{"N":{"status":"Succeeded","outputs":{"statusCode":"OK","headers":{},"body":1}},"F":{"status":"Failed","error":{"code":"X","message":"m"}}},
		"actions":{"A":{"type":"Http","inputs":{"a":"@triggerBody()"},"runtimeConfiguration":{"staticResult":{"name":"N","staticResultOptions":"Enabled"}}},
		"B":{"type":"Http","inputs":{},"runtimeConfiguration":{"staticResult":{"name":"F","staticResultOptions":"enabled"}}},
		"C":{"type":"Http","inputs":{},"runtimeConfiguration":{"staticResult":{"name":"F","staticResultOptions":"Disabled"}}}}}`))
	p, problems := definition.Compile(definition.Source{Definition: v}, catalog{})
	if p == nil {
		t.Fatal(problems)
	}
	s := run.NewState(run.Header{Status: definition.Running})
	s.Trigger.Outputs.Value = value.Object(value.Member{Key: "body", Value: value.String("hi")})
	commands := run.Apply(p, s, run.Started{}, expr.Ambient{Now: time.Now, Rand: func(int64) int64 { return 0 }})
	if a := s.Records["A"]; a.Status != definition.Succeeded || a.Code != "OK" || !a.Static || a.Inputs.Value.Member("a").Str() != "hi" {
		t.Errorf("A: %+v", a)
	}
	if b := s.Records["B"]; b.Status != definition.Failed || b.Error.Code != "X" {
		t.Errorf("B: %+v", b)
	}
	if len(commands) != 1 || commands[0].(run.Execute).Action.Name != "C" {
		t.Errorf("only C is to be carried out: %v", commands)
	}
}

// TestWhatIsSentIsNotKept: what history may not show is held, marked, only while
// the action runs, and a driver that takes over sends the same.
func TestWhatIsSentIsNotKept(t *testing.T) {
	s := start(t, `{"A":{"type":"Http","inputs":{"secret":"x","b":"@guid()"}}}`)
	r := s.s.Records["A"]
	if r.Inputs.Value.Has("secret") || !r.Sending.Value.Marked() {
		t.Fatalf("%+v", r)
	}
	first := s.waiting["A"]
	resumed := run.Resume(s.p, s.s)
	if len(resumed) != 1 {
		t.Fatal(resumed)
	}
	second := resumed[0].(run.Execute)
	if string(value.Reveal(first.Inputs)) != string(value.Reveal(second.Inputs)) || second.Record.TrackingID != first.Record.TrackingID || second.Record.Attempt != 1 {
		t.Errorf("resumed with %s", value.Reveal(second.Inputs))
	}
	s.end("A", ok())
	if !r.Sending.Value.IsAbsent() {
		t.Error("what was sent is kept")
	}
}

// TestManyActionsStayWithinACommit starts, skips and cancels 500 at once.
func TestManyActionsStayWithinACommit(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `%s"A%d":{%s},"B%d":{"type":"Compose","inputs":1,"runAfter":{"A%d":["Failed"]}}`, map[bool]string{true: "", false: ","}[i == 0], i, h, i, i)
	}
	s := start(t, "{"+b.String()+"}")
	if len(s.waiting) != 500 {
		t.Fatalf("%d started", len(s.waiting))
	}
	s.end("A7", ok())
	s.apply(run.Cancelled{})
	if !s.finished || s.s.Status != definition.Cancelled || len(s.s.Records) != 1000 {
		t.Errorf("%v %s %d", s.finished, s.s.Status, len(s.s.Records))
	}
}

// TestAnyOrderOfCompletionsEndsAlike: parallel actions end in any order; the
// final statuses are the same. The seed of a failure is printed.
func TestAnyOrderOfCompletionsEndsAlike(t *testing.T) {
	for seed := range uint64(200) {
		g := rand.New(rand.NewPCG(seed, 1))
		actions, outcomes := randomGraph(g)
		var want string
		for round := range 4 {
			s := start(t, actions)
			order := rand.New(rand.NewPCG(seed, uint64(round)))
			for len(s.waiting) > 0 {
				names := make([]string, 0, len(s.waiting))
				for name := range s.waiting {
					names = append(names, name)
				}
				slices.Sort(names)
				name := names[order.IntN(len(names))]
				s.end(name, outcomes[name])
			}
			var got []string
			for _, a := range s.p.Order {
				got = append(got, a.Name+string(s.s.Records[a.Name].Status))
			}
			text := strings.Join(append(got, string(s.s.Status)), " ")
			if want == "" {
				want = text
			}
			if text != want || !s.finished {
				t.Fatalf("seed %d, round %d:\n got %s\nwant %s\n%s", seed, round, text, want, actions)
			}
		}
	}
}

func randomGraph(g *rand.Rand) (string, map[string]run.Outcome) {
	outcomes := map[string]run.Outcome{}
	var list []string
	statuses := []string{`["Succeeded"]`, `["Failed"]`, `["Succeeded","Failed"]`, `["Skipped","Succeeded"]`, `["Succeeded","Failed","Skipped","TimedOut"]`}
	for i := range 3 + g.IntN(10) {
		name := fmt.Sprint("A", i)
		after := []string{}
		for j := range i {
			if g.IntN(4) == 0 {
				after = append(after, fmt.Sprintf(`"A%d":%s`, j, statuses[g.IntN(len(statuses))]))
			}
		}
		outcomes[name] = ok()
		if g.IntN(3) == 0 {
			outcomes[name] = fail()
		}
		list = append(list, fmt.Sprintf(`"%s":{%s,"runAfter":{%s}}`, name, h, strings.Join(after, ",")))
	}
	return "{" + strings.Join(list, ",") + "}", outcomes
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"PT5S": 5 * time.Second, "PT1M30S": 90 * time.Second, "P1DT2H": 26 * time.Hour, "PT0.5S": 500 * time.Millisecond, "P1W": 168 * time.Hour} {
		if d, ok := definition.ParseDuration(text); !ok || d != want {
			t.Errorf("%s: %s %v", text, d, ok)
		}
	}
	for _, text := range []string{"", "P", "PT", "5S", "PT5", "PTS", "P1H", "PT-5S", "PT999999999999H"} {
		if d, ok := definition.ParseDuration(text); ok {
			t.Errorf("%s was read as %s", text, d)
		}
	}
}

func TestRunNames(t *testing.T) {
	early := run.NewName(expr.Ambient{Now: func() time.Time { return time.Unix(1, 0) }, Rand: func(n int64) int64 { return 5 }}, 0)
	late := run.NewName(expr.Ambient{Now: func() time.Time { return time.Unix(2, 0) }, Rand: func(n int64) int64 { return 5 }}, 17)
	if len(early) != 33 || late > early || !strings.HasSuffix(early, "000000005CU00") || !strings.HasSuffix(late, "CU17") {
		t.Errorf("%s %s", early, late)
	}
}
