package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// CaseResult is how one case of a conformance file ended.
type CaseResult struct {
	ID, Expression string
	Got, Want      string
	Passed         bool
}

// RunCases runs a conformance file: a JSON array of objects with id, expr, an
// optional context, and want or wantError {code, contains}. Numbers compare by
// value and objects without regard to order.
func RunCases(data []byte) ([]CaseResult, error) {
	cases, err := value.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("not a conformance file: %w", err)
	}
	if cases.Kind() != value.KindArray {
		return nil, fmt.Errorf("not a conformance file: it must be an array of cases")
	}
	results := make([]CaseResult, 0, cases.Len())
	for _, c := range cases.Elements {
		results = append(results, runCase(c))
	}
	return results, nil
}

func runCase(c value.Value) CaseResult {
	r := CaseResult{ID: c.Member("id").Str(), Expression: c.Member("expr").Str()}
	got, err := EvaluateText(r.Expression, c.Member("context"))
	if want, ok := c.Get("want"); ok {
		r.Want = string(value.Reveal(want))
		if err != nil {
			r.Got = "error: " + err.Error()
			return r
		}
		r.Got = string(value.Reveal(got))
		r.Passed = Equal(got, want) || isWritten(got, want)
		return r
	}
	wanted, code := c.Member("wantError").Member("contains").Str(), c.Member("wantError").Member("code").Str()
	r.Want = "error: " + wanted
	if err == nil {
		r.Got = string(value.Reveal(got))
		return r
	}
	r.Got = "error: " + err.Error()
	var failed *Error
	r.Passed = errors.As(err, &failed) && (code == "" || failed.Code == code) && strings.Contains(failed.Message, wanted)
	return r
}

// isWritten: JSON has no number for what is none, or infinite; a text stands for it.
func isWritten(a, b value.Value) bool {
	f, ok := a.AsFloat()
	return ok && (math.IsNaN(f) || math.IsInf(f, 0)) && b.Str() == value.FloatText(f)
}

// EvaluateText compiles and evaluates a string as it stands in a definition, with
// a context as conformance files have it: parameters, variables, trigger,
// actions, item, items, and so on. Nothing is left to chance: the clock stands
// where utcNow pins it, and randomness repeats.
func EvaluateText(text string, context value.Value) (value.Value, error) {
	seed := uint64(88172645463325252)
	ambient := Ambient{
		Now: func() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) },
		Rand: func(n int64) int64 { // repeatable on purpose
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			return int64(seed % uint64(n))
		},
	}
	return EvaluateIn(text, context, ambient)
}

// EvaluateIn does the same in real time. An error names the innermost place it
// can: a person reads it.
func EvaluateIn(text string, context value.Value, ambient Ambient) (value.Value, error) {
	t, problems := CompileTemplate(value.String(text), nil)
	for _, p := range problems {
		if !p.Warning {
			return value.Value{}, &Error{Code: p.Code, Message: p.Message, Column: p.Column}
		}
	}
	if pinned := context.Member("utcNow").Str(); pinned != "" {
		if at, err := time.Parse(time.RFC3339Nano, pinned); err == nil {
			ambient.Now = func() time.Time { return at }
		}
	}
	env := &Env{Scope: contextScope{context}, Ambient: ambient, Budget: ambient.Budget}
	v, err := t.Evaluate(env)
	var failed *Error
	if errors.As(err, &failed) {
		failed.Column = t.innermost(env, failed)
	}
	return v, err
}

// contextScope answers references from a context.
type contextScope struct{ v value.Value }

var _ Scope = contextScope{}

func (c contextScope) from(group, name string) (value.Value, bool) {
	return c.v.Member(group).Get(name)
}

func (c contextScope) Parameter(name string) (value.Value, bool) { return c.from("parameters", name) }
func (c contextScope) Variable(name string) (value.Value, bool)  { return c.from("variables", name) }
func (c contextScope) AgentParameter(name string) (value.Value, bool) {
	return c.from("agentParameters", name)
}
func (c contextScope) Action(name string) (value.Value, bool) { return c.from("actions", name) }
func (c contextScope) Outputs(name, member string) (value.Value, bool) {
	record, ok := c.from("actions", name)
	if member != "" {
		return record.Member("outputs").Member(member), ok
	}
	return record.Member("outputs"), ok
}
func (c contextScope) Trigger() (value.Value, bool) { return c.v.Get("trigger") }
func (c contextScope) TriggerOutputs() (value.Value, bool) {
	record, ok := c.v.Get("trigger")
	return record.Member("outputs"), ok
}
func (c contextScope) Item() (value.Value, bool)                { return c.v.Get("item") }
func (c contextScope) LoopItem(loop string) (value.Value, bool) { return c.from("items", loop) }
func (c contextScope) IterationIndex(loop string) (int64, bool) {
	v, _ := c.from("iterationIndexes", loop)
	return v.AsInt()
}
func (c contextScope) Result(scope string) (value.Value, bool) { return c.from("results", scope) }
func (c contextScope) Workflow() (value.Value, bool)           { return c.v.Get("workflow") }
func (c contextScope) Self() (value.Value, bool)               { return c.v.Get("action") }
func (c contextScope) CallbackURL() (value.Value, bool)        { return c.v.Get("callbackUrl") }
