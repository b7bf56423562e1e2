package script_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/operation/script"
	"github.com/latchwork/latchwork/shared/value"
)

func parse(t testing.TB, s string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func process(t testing.TB) *script.Process {
	t.Helper()
	p, err := script.NewProcess()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ample is more time than any machine needs: how long code takes is not tested.
var ample = script.Limits{Time: 5 * time.Minute}

const seen = `{"workflow":{"name":"w","run":{"name":"r"}},"actions":{"A b":{"outputs":{"body":[1,2,3]}},"C":{"status":"Succeeded"}}}`

// TestCode: what a script is given and gives back.
func TestCode(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"return 1 + 1;", "2"},
		{"var a = 1;", "null"},
		{"return;", "null"},
		{"return undefined", "null"},
		{"return {b: 1, a: [undefined, null, NaN], c: undefined}", `{"b":1,"a":[null,null,null]}`},
		{"return new Date(0)", `"1970-01-01T00:00:00.000Z"`},
		{"return workflowContext.actions['A b'].outputs.body.reduce((a, b) => a + b)", "6"},
		{"return workflowContext.actions.C.status + workflowContext.workflow.run.name", `"Succeededr"`},
		{"return workflowContext", seen},
		{"return Object.keys(workflowContext.actions)", `["A b","C"]`},
		{"var re = /(\\w+)@(\\w+)/g; return [...'a@b c@d'.matchAll(re)].map(m => m[2])", `["b","d"]`},
		{"return (async () => { await null; return 'later'; })()", `"later"`},
		{"console.log('nobody sees this'); return typeof console.error", `"function"`},
		{"return [typeof require, typeof process, typeof fetch, typeof std, typeof os, typeof setTimeout, typeof XMLHttpRequest]",
			`["undefined","undefined","undefined","undefined","undefined","undefined","undefined"]`},
		{"JSON.stringify = () => 'mine'; Object.prototype.toJSON = undefined; return 1", "1"},
		{"return 'ä€😀\\u0000'", `"ä€😀\u0000"`},
		{"return this === undefined || typeof this", `"object"`},
		{"}; return 1; {", ""}, // leaves the function that the code is the body of
	} {
		got, err := script.InProcess{}.Run(t.Context(), script.Job{Code: c.code, Context: parse(t, seen), Limits: ample})
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: %s", c.code, value.Reveal(got))
			}
			continue
		}
		if err != nil || string(value.Reveal(got)) != string(value.Reveal(parse(t, c.want))) {
			t.Errorf("%s: %s %v", c.code, value.Reveal(got), err)
		}
	}
}

// TestFailures: the product's code, and where it went wrong.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		code, want, says string
		line             int
	}{
		{"return [", script.ParsingFailure, "SyntaxError", 1},
		{"\n\nnope()", script.RuntimeFailure, "ReferenceError: 'nope' is not defined", 3},
		{"throw new Error('own')", script.RuntimeFailure, "Error: own", 1},
		{"throw 'text'", script.RuntimeFailure, "text", 0},
		{"throw {toString() { throw 1 }}", script.RuntimeFailure, "no text", 0},
		{"return workflowContext.actions.Nope", "InlineCodeOperationMissing", "The specified action 'Nope' is not in the provided workflowContext.", 0},
		{"return workflowContext.trigger", "InlineCodeOperationMissing", "The trigger is not in the provided workflowContext.", 0},
		{"return workflowContext.variables", "InlineCodeInvalidProperty", "The specified property 'variables'", 0},
		{"workflowContext.actions.C = 1", "InlineCodeCannotModifyWorkflowContext", "Cannot modify workflowContext", 0},
		{"delete workflowContext.actions", "InlineCodeCannotModifyWorkflowContext", "Cannot modify workflowContext", 0},
		{"var a = {}; a.a = a; return a", script.RuntimeFailure, "circular", 0},
		{"return 10n", script.RuntimeFailure, "TypeError", 0},
		{"return new Promise(() => {})", script.RuntimeFailure, "never settled", 0},
		{"return Promise.reject(new RangeError('no'))", script.RuntimeFailure, "RangeError: no", 0},
		{"return import('fs')", script.RuntimeFailure, "", 0},
		{"throw new Error('x'.repeat(100000))", script.RuntimeFailure, "…", 0},
	} {
		v, err := script.InProcess{}.Run(t.Context(), script.Job{Code: c.code, Context: parse(t, seen), Limits: ample})
		var f *script.Failure
		if !errors.As(err, &f) || f.Code != c.want || !strings.Contains(err.Error(), c.says) || c.line > 0 && f.Line != c.line {
			t.Errorf("%s: %s %v (%+v)", c.code, value.Reveal(v), err, f)
		}
		if len(err.Error()) > 4000 {
			t.Errorf("%s: a message of %d bytes", c.code, len(err.Error()))
		}
	}
}

// hostile scripts try to live on or to grow without end.
var hostile = map[string]string{
	"loop":            "for (;;) {}",
	"loop of catches": "for (;;) { try { for (;;) {} } catch (e) {} }",
	"memory":          "var a = []; for (;;) a.push(new Array(1000).fill('x'));",
	"text":            "var s = 'x'; for (;;) s += s + s;",
	"buffers":         "var a = []; for (;;) a.push(new ArrayBuffer(1 << 20));",
	"recursion":       "function f() { return f() + 1; } return f();",
	"caught again":    "function f() { try { f(); } finally { f(); } } return f();",
	"regular":         "return /^(?=(a+)+$)\\1b/.test('a'.repeat(40) + '!') || /(a+)+$/.test('a'.repeat(40) + '!') || (() => { for (;;); })()",
	"built-in":        "var a = []; a.length = 4294967295; return a.indexOf(1) + a.sort().length;",
	"promises":        "async function f() { for (;;) await null; } return f();",
	"getter":          "return {get a() { for (;;) {} }}",
	"deep value":      "var a = {}; for (var i = 0; i < 1e6; i++) a = {a}; return a;",
	"large value":     "return 'x'.repeat(1 << 30)",
	"proxy":           "return new Proxy({}, {ownKeys() { for (;;) {} }})",
	"source":          "return eval('('.repeat(1e6))",
	"function":        "return Function('return this')().constructor.constructor('for (;;) {}')()",
}

// TestHostileCode: whatever a script does, it ends in time and in the product's
// codes, and what runs beside it is not disturbed.
func TestHostileCode(t *testing.T) {
	p := process(t)
	limits := script.Limits{Time: 300 * time.Millisecond, Memory: 24 << 20}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for name, code := range hostile {
		all.Go(func() {
			v, err := p.Run(t.Context(), script.Job{Code: code, Context: parse(t, seen), Limits: limits})
			var f *script.Failure
			if !errors.As(err, &f) || f.Code != script.ExecutionTimeout && f.Code != script.RuntimeFailure {
				t.Errorf("%s: %v %v", name, v.Kind(), err)
			}
		})
	}
	if v, err := p.Run(t.Context(), script.Job{Code: "return 'well'", Context: parse(t, seen), Limits: ample}); err != nil || v.Str() != "well" {
		t.Errorf("beside them: %v %v", v, err)
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d bytes are held afterwards", grown)
	}
}

// TestProcess: a worker knows nothing of the process that starts it, and ends with
// the one who waits for it.
func TestProcess(t *testing.T) {
	t.Setenv("LATCHWORK_TEST_SECRET", "leaks")
	p := process(t)
	v, err := p.Run(t.Context(), script.Job{Code: "return [workflowContext.actions.C.status, Object.getOwnPropertyNames(globalThis).filter(n => /env|process|std|os/.test(n))]", Context: parse(t, seen), Limits: ample})
	if err != nil || string(value.Reveal(v)) != `["Succeeded",[]]` {
		t.Errorf("%s %v", value.Reveal(v), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Run(ctx, script.Job{Code: "for (;;) {}", Context: parse(t, seen), Limits: ample}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	large := value.Object(value.Member{Key: "actions", Value: parse(t, `{"A":{"outputs":"`+strings.Repeat("x", 5<<20)+`"}}`)})
	if v, err := p.Run(t.Context(), script.Job{Code: "return workflowContext.actions.A.outputs.length", Context: large, Limits: ample}); err != nil || string(value.Reveal(v)) != "5242880" {
		t.Errorf("large: %v %v", v, err)
	}
	if _, err := p.Run(t.Context(), script.Job{Code: "return workflowContext.actions.A", Context: large, Limits: script.Limits{Time: ample.Time, Memory: 1}}); err == nil {
		t.Error("a context beyond the memory is accepted")
	}
}

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		code    string
		want    string
		trigger bool
	}{
		{"return workflowContext.actions.A.outputs", "A", false},
		{"workflowContext.actions['A b'].x + workflowContext . actions [ \"C\\u0041\" ]; workflowContext?.actions?.D", "A b|CA|D", false},
		{"workflowContext.actions[`T`]; workflowContext.actions.A; workflowContext.actions.A", "T|A", false},
		{"workflowContext.trigger.outputs; workflowContext.triggers", "", true},
		{"workflowContext.actions[name]; context.actions.A", "", false},
		{"workflowContext.actions.Größe_1", "Größe_1", false},
		{"workflowContext\n.actions\n.A", "A", false},
		{"workflowContext.actions['it\\'s']", "it's", false},
	} {
		actions, trigger := script.References(c.code)
		if got := strings.Join(actions, "|"); got != c.want || trigger != c.trigger {
			t.Errorf("%s: %q %v", c.code, got, trigger)
		}
	}
}

func BenchmarkJavaScript(b *testing.B) {
	p := process(b)
	job := script.Job{Code: "var re = /(\\d+)-(\\d+)/; return workflowContext.actions['A b'].outputs.body.map(x => x * 2).concat(re.exec('12-34').slice(1))", Context: parse(b, seen)}
	for name, runner := range map[string]script.Runner{"process": p, "in process": script.InProcess{}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := runner.Run(b.Context(), job); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
