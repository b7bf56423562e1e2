package run_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// outputs are those of an action, as JSON.
func (s *scenario) outputs(name string) string {
	s.t.Helper()
	r := s.s.Records[name]
	if r == nil {
		return "no record"
	}
	return string(value.JSON(r.Outputs.Value))
}

// TestLoops: definition, and what comes of it without any outside call.
func TestLoops(t *testing.T) {
	const items = `"foreach":["a","b","c"]`
	for name, c := range map[string]struct{ actions, want, last string }{
		"foreach": {`{"L":{"type":"Foreach",` + items + `,"actions":{"C":{"type":"Compose","inputs":"@item()"}}},
			"After":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"L":["Succeeded"]}}}`,
			"L Succeeded; C Succeeded; After Succeeded; run Succeeded", `["a","b","c"]`},
		"foreach of nothing": {`{"L":{"type":"Foreach","foreach":[],"actions":{"C":{"type":"Compose","inputs":1}}},
			"After":{"type":"Compose","inputs":"@result('L')","runAfter":{"L":["Succeeded"]}}}`,
			"L Succeeded; After Succeeded; run Succeeded", `[]`},
		"foreach of no array": {`{"L":{"type":"Foreach","foreach":"@triggerBody()","actions":{"C":{"type":"Compose","inputs":1}}},
			"After":{"type":"Compose","inputs":1,"runAfter":{"L":["Succeeded"]}}}`,
			"L Failed ExpressionEvaluationFailed; C Skipped ActionDependencyFailed; After Skipped ActionConditionFailed; run Failed", ""},
		"items of an outer loop": {`{"O":{"type":"Foreach","foreach":[1,2],"actions":{"I":{"type":"Foreach","foreach":["x","y"],"actions":{
			"C":{"type":"AppendToStringVariable","inputs":{"name":"v","value":"@concat(items('O'),item(),' ')"}}}}},"runAfter":{"V":["Succeeded"]},"operationOptions":"Sequential"},
			"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string"}]}},
			"After":{"type":"Compose","inputs":"@variables('v')","runAfter":{"O":["Succeeded"]}}}`,
			"O Succeeded; I Succeeded; C Succeeded; V Succeeded; After Succeeded; run Succeeded", `"1x 1y 2x 2y "`},
		"one iteration fails, all run": {`{"L":{"type":"Foreach",` + items + `,"actions":{"C":{"type":"Compose","inputs":"@int(if(equals(item(),'b'),'x','1'))"}}},
			"After":{"type":"Compose","inputs":"@length(body('C'))","runAfter":{"L":["Failed"]}}}`,
			"L Failed ActionFailed; C Failed; After Succeeded; run Succeeded", `3`},
		"result of a foreach": {`{"L":{"type":"Foreach",` + items + `,"actions":{"C":{"type":"Compose","inputs":"@item()"},"D":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"C":["Succeeded"]}}}},
			"After":{"type":"Compose","inputs":"@createArray(length(result('L')),result('L')[1]['name'],result('L')[1]['repetitionCount'],result('L')[1]['outputs'][2]['outputs'])","runAfter":{"L":["Succeeded"]}}}`,
			"L Succeeded; C Succeeded; D Succeeded; After Succeeded; run Succeeded", `[2,"D",3,"c"]`},
		"a branch in a loop": {`{"L":{"type":"Foreach","foreach":[1,2,3],"actions":{"If":{"type":"If","expression":"@greater(item(),1)","actions":{"Y":{"type":"Compose","inputs":"@item()"}},"else":{"actions":{"N":{"type":"Compose","inputs":0}}}}}},
			"After":{"type":"Compose","inputs":"@outputs('Y')","runAfter":{"L":["Succeeded"]}}}`,
			"L Succeeded; If Succeeded; Y Succeeded; N Succeeded; After Succeeded; run Succeeded", `[null,2,3]`},
		"until": {`{"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"integer"}]}},
			"U":{"type":"Until","expression":"@equals(variables('n'),3)","limit":{"count":10,"timeout":"PT1H"},"actions":{"Inc":{"type":"IncrementVariable","inputs":{"name":"n"}},"C":{"type":"Compose","inputs":"@iterationIndexes('U')","runAfter":{"Inc":["Succeeded"]}}},"runAfter":{"V":["Succeeded"]}},
			"After":{"type":"Compose","inputs":"@createArray(variables('n'),outputs('C'),result('U')[1]['repetitionCount'])","runAfter":{"U":["Succeeded"]}}}`,
			"V Succeeded; U Succeeded; Inc Succeeded; C Succeeded; After Succeeded; run Succeeded", `[3,2,3]`},
		"until reads its own iteration": {`{"U":{"type":"Until","expression":{"equals":["@outputs('C')",2]},"actions":{"C":{"type":"Compose","inputs":"@iterationIndexes('U')"}}},
			"After":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"U":["Succeeded"]}}}`,
			"U Succeeded; C Succeeded; After Succeeded; run Succeeded", `2`},
		"until reaches its count": {`{"U":{"type":"Until","expression":"@equals(1,2)","limit":{"count":4},"actions":{"C":{"type":"Compose","inputs":"@iterationIndexes('U')"}}},
			"After":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"U":["Succeeded"]}}}`,
			"U Succeeded; C Succeeded; After Succeeded; run Succeeded", `3`},
		"until fails at its count": {`{"U":{"type":"Until","expression":"@equals(1,2)","limit":{"count":"@int('2')"},"operationOptions":"FailWhenLimitsReached","actions":{"C":{"type":"Compose","inputs":1}}},
			"After":{"type":"Compose","inputs":"@actions('U')['code']","runAfter":{"U":["Failed"]}}}`,
			"U Failed CountLimitReached; C Succeeded; After Succeeded; run Succeeded", `"CountLimitReached"`},
		"only the last iteration of an until counts": {`{"U":{"type":"Until","expression":"@equals(iterationIndexes('U'),2)","actions":{"C":{"type":"Compose","inputs":"@int(if(less(iterationIndexes('U'),2),'x','1'))"}}},
			"After":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"U":["Succeeded"]}}}`,
			"U Succeeded; C Failed; After Succeeded; run Succeeded", `1`},
		"a condition that cannot be evaluated": {`{"U":{"type":"Until","expression":"@int('x')","actions":{"C":{"type":"Compose","inputs":1}}}}`,
			"U Failed InvalidTemplate; C Succeeded; run Failed", ""},
		"until in foreach": {`{"L":{"type":"Foreach","foreach":[1,2],"actions":{"U":{"type":"Until","expression":"@equals(iterationIndexes('U'),items('L'))","actions":{"C":{"type":"Compose","inputs":"@add(mul(10,item()),iterationIndexes('U'))"}}},"D":{"type":"Compose","inputs":"@outputs('C')","runAfter":{"U":["Succeeded"]}}}},
			"After":{"type":"Compose","inputs":"@createArray(outputs('D'),outputs('C'))","runAfter":{"L":["Succeeded"]}}}`,
			"L Succeeded; U Succeeded; C Succeeded; D Succeeded; After Succeeded; run Succeeded", `[[11,22],[11,22]]`},
		"a skipped loop": {`{"A":{"type":"Compose","inputs":"@int('x')"},"L":{"type":"Foreach",` + items + `,"actions":{"C":{"type":"Compose","inputs":1}},"runAfter":{"A":["Succeeded"]}}}`,
			"A Failed InvalidTemplate; L Skipped ActionConditionFailed; C Skipped ActionDependencyFailed; run Failed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.actions)
			if !s.finished {
				t.Error("the run is not over")
			}
			s.check(c.want)
			if c.last != "" && s.outputs("After") != c.last {
				t.Errorf("After: %s, want %s", s.outputs("After"), c.last)
			}
		})
	}
}

// TestForeachConcurrency: so many at once and no more, in order; a nested one is
// sequential.
func TestForeachConcurrency(t *testing.T) {
	for setting, want := range map[string]int{
		``: 20, `,"runtimeConfiguration":{"concurrency":{"repetitions":3}}`: 3, `,"operationOptions":"sequential"`: 1,
		`,"runtimeConfiguration":{"concurrency":{"repetitions":50}}`: 30,
	} {
		s := start(t, `{"L":{"type":"Foreach","foreach":"@range(1,30)","actions":{"H":{`+h+`}}`+setting+`}}`)
		if len(s.waiting) != want {
			t.Errorf("%q: %d at once, want %d", setting, len(s.waiting), want)
		}
		for n := 0; !s.finished; n++ {
			keys := []string{}
			for key := range s.waiting {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			if len(keys) > want || n > 40 {
				t.Fatalf("%q: %d at once", setting, len(keys))
			}
			s.end(keys[len(keys)-1], ok())
		}
		s.check("L Succeeded; H Succeeded; run Succeeded")
		if s.s.Records["H"].Repetitions != 30 || len(s.s.Records) != 2 {
			t.Errorf("%q: %d repetitions, %d records left", setting, s.s.Records["H"].Repetitions, len(s.s.Records))
		}
	}
}

// TestLongLoop: what a state holds does not grow with the iterations.
func TestLongLoop(t *testing.T) {
	s := start(t, `{"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"n","type":"integer"}]}},
		"L":{"type":"Foreach","foreach":"@range(1,3000)","actions":{"C":{"type":"IncrementVariable","inputs":{"name":"n","value":"@item()"}}},"runAfter":{"V":["Succeeded"]}}}`)
	if !s.finished || len(s.s.Records) != 3 || len(s.past) != 6000 {
		t.Errorf("finished %t, %d records, %d past", s.finished, len(s.s.Records), len(s.past))
	}
	if v := s.s.Variables[0].Value; v.String() != "4501500" {
		t.Errorf("sum: %s", v)
	}
}

// TestUntilTimeout: the time is looked at between iterations.
func TestUntilTimeout(t *testing.T) {
	s := start(t, `{"U":{"type":"Until","expression":"@equals(1,2)","limit":{"timeout":"PT10S"},"actions":{"H":{`+h+`}}}}`)
	for i := range 3 {
		s.now = s.now.Add(4 * time.Second)
		s.end(run.Key("H", run.Iteration("", i)), ok())
	}
	s.check("U Succeeded; H Succeeded; run Succeeded")
	if s.s.Records["U"].Loop.Next != 3 {
		t.Errorf("%d iterations", s.s.Records["U"].Loop.Next)
	}
}

// TestCancelInLoops: what is at work is cancelled, nothing begins any more.
func TestCancelInLoops(t *testing.T) {
	s := start(t, `{"L":{"type":"Foreach","foreach":"@range(1,30)","actions":{"H":{`+h+`},"I":{`+h+`,"runAfter":{"H":["Succeeded"]}}}}}`)
	s.end(run.Key("H", "000003"), ok())
	s.apply(run.Cancelled{})
	if !s.finished {
		t.Error("the run is not over")
	}
	s.check("L Cancelled; H Cancelled; I Cancelled; run Cancelled")
}

// TestPrune: a state that is read again goes on where it was, whatever of the past
// still lay beside it.
func TestPrune(t *testing.T) {
	s := start(t, `{"L":{"type":"Foreach","foreach":[1,2,3],"operationOptions":"Sequential","actions":{"H":{`+h+`},"U":{"type":"Until","expression":"@equals(iterationIndexes('U'),1)","actions":{"G":{`+h+`}},"runAfter":{"H":["Succeeded"]}}}}}`)
	s.end(run.Key("H", "000000"), ok())
	s.end(run.Key("G", "000000-000000"), ok())
	s.end(run.Key("G", "000000-000001"), ok())
	s.end(run.Key("H", "000001"), ok())
	s.end(run.Key("G", "000001-000000"), ok())
	want := keysOf(s.s)
	for _, r := range s.past { // as if no commit had moved them
		s.s.Records[r.Key()] = &run.Record{Name: r.Name, Path: r.Path, Status: r.Status, Attempt: r.Attempt, Loop: r.Loop, Repetitions: r.Repetitions}
	}
	run.Prune(s.p, s.s)
	s.s.Committed(s.s.Settled())
	if got := keysOf(s.s); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	s.end(run.Key("G", "000001-000001"), ok())
	s.end(run.Key("H", "000002"), fail())
	s.check("L Failed ActionFailed; H Failed; U Succeeded; G Succeeded; run Failed")
}

func keysOf(s *run.State) string {
	keys := []string{}
	for key := range s.Records {
		keys = append(keys, strings.ReplaceAll(key, "\x00", "/"))
	}
	slices.Sort(keys)
	return fmt.Sprint(keys)
}

// TestLoopProblems: what is wrong with loops is reported when they are saved.
func TestLoopProblems(t *testing.T) {
	for actions, want := range map[string]string{
		`{"L":{"type":"Foreach","actions":{}}}`: "has no 'foreach'",
		`{"U":{"type":"Until","actions":{}}}`:   "has no 'expression'",
		`{"L":{"type":"Foreach","foreach":[],"operationOptions":"Sequential","runtimeConfiguration":{"concurrency":{"repetitions":2}}}}`:                                                                                  "only one of them",
		`{"L":{"type":"Foreach","foreach":[],"runtimeConfiguration":{"concurrency":{"repetitions":51}}}}`:                                                                                                                 "from 1 to 50",
		`{"U":{"type":"Until","expression":"@true","limit":{"count":0}}}`:                                                                                                                                                 "from 1 to 5000",
		`{"U":{"type":"Until","expression":"@true","limit":{"timeout":"1h"}}}`:                                                                                                                                            "ISO 8601",
		`{"L":{"type":"Foreach","foreach":[],"actions":{"T":{"type":"Terminate","inputs":{"runStatus":"Failed"}}}}}`:                                                                                                      "cannot stand inside the loop 'L'",
		`{"L":{"type":"Foreach","foreach":[],"actions":{"R":{"type":"Response","inputs":{}}}}}`:                                                                                                                           "cannot stand inside the loop 'L'",
		`{"C":{"type":"Compose","inputs":"@items('L')"},"L":{"type":"Foreach","foreach":[]}}`:                                                                                                                             "are not defined in the template: it names no Foreach",
		`{"L":{"type":"Foreach","foreach":[],"actions":{"C":{"type":"Compose","inputs":"@iterationIndexes('L')"}}}}`:                                                                                                      "names no Until around",
		`{"L":{"type":"Foreach","foreach":[],"actions":{"M":{"type":"Foreach","foreach":[],"actions":{"C":{"type":"Compose","inputs":1}}}}},"D":{"type":"Compose","inputs":"@body('C')","runAfter":{"L":["Succeeded"]}}}`: "several levels of Foreach",
	} {
		v, err := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request"}},"actions":` + actions + `}`))
		if err != nil {
			t.Fatal(err)
		}
		_, problems := definition.Compile(definition.Source{Name: "test", Definition: v}, catalog{})
		if !slices.ContainsFunc(problems, func(p value.Problem) bool { return strings.Contains(p.Message, want) }) {
			t.Errorf("%s: %v", actions, problems)
		}
	}
}
