package definition

import (
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Loop is how a Foreach or Until is set.
type Loop struct {
	// Concurrency is how many iterations are under way at once.
	Concurrency int
	// Limit is the limit of an Until, which may hold expressions; nil where it has
	// none.
	Limit *expr.Template
	// FailWhenLimitsReached: a limit that ends an Until makes it fail.
	FailWhenLimitsReached bool
}

// The bounds of loops (workflow-definition §8).
const (
	defaultConcurrency = 20
	maxConcurrency     = 50
	DefaultIterations  = 60
	MaxIterations      = 5000
	MaxForeachItems    = 100_000
	DefaultUntilTime   = time.Hour
)

// loop reads the settings of a loop, and where the action stands among loops.
func (b *builder) loop(a *Action, body value.Value, at *value.Path) {
	for x := a.Graph.Owner; x != nil; x = x.Graph.Owner {
		if x.Loop != nil {
			a.Loops = append(a.Loops, x)
			x.Inner = append(x.Inner, a)
		}
	}
	slices.Reverse(a.Loops)
	if len(a.Loops) > 0 && (a.Spec.Responds || a.Spec.Role == Terminate) {
		b.fail(InvalidTemplate, at, "The action '%s' of type '%s' cannot stand inside the loop '%s'.", a.Name, a.Spec.Type, a.Loops[len(a.Loops)-1].Name)
	}
	switch a.Spec.Role {
	case Foreach:
		a.Loop = &Loop{Concurrency: b.concurrency(a, body, at)}
	case Until:
		a.Loop = &Loop{Concurrency: 1, FailWhenLimitsReached: a.Options.Has("FailWhenLimitsReached")}
		b.untilLimit(a, b.object(body.Member("limit"), at.Key("limit")), at.Key("limit"))
	}
}

// concurrency: 20 unless set; a Foreach inside another is always sequential
// (run-semantics §4).
func (b *builder) concurrency(a *Action, body value.Value, at *value.Path) int {
	const invalid = "InvalidConcurrencyConfiguration"
	at = at.Keys("runtimeConfiguration", "concurrency", "repetitions")
	set, has := body.Member("runtimeConfiguration").Member("concurrency").Get("repetitions")
	n, isInt := set.AsInt()
	sequential := a.Options.Has("Sequential")
	switch {
	case has && sequential:
		b.fail(invalid, at, "The action '%s' has both the operation option 'Sequential' and a number of repetitions; only one of them is allowed.", a.Name)
	case has && (!isInt || n < 1 || n > maxConcurrency):
		b.fail(invalid, at, "The number of repetitions of '%s' must be an integer from 1 to %d.", a.Name, maxConcurrency)
	}
	if sequential || slices.ContainsFunc(a.Loops, func(l *Action) bool { return l.Spec.Role == Foreach }) {
		return 1
	}
	if isInt && n >= 1 && n <= maxConcurrency {
		return int(n)
	}
	return defaultConcurrency
}

// untilLimit checks what is written as a literal; the rest is known when the loop
// begins.
func (b *builder) untilLimit(a *Action, limit value.Value, at *value.Path) {
	const invalid = "WorkflowRunActionUntilLimitInvalid"
	if limit.IsAbsent() {
		return
	}
	a.Loop.Limit = b.template(limit, at)
	count, hasCount := limit.Get("count")
	if n, isInt := count.AsInt(); hasCount && count.Kind() != value.KindString && (!isInt || n < 1 || n > MaxIterations) {
		b.fail(invalid, at.Key("count"), "The limit 'count' of '%s' must be an integer from 1 to %d.", a.Name, MaxIterations)
	}
	timeout, hasTimeout := limit.Get("timeout")
	text, isText := timeout.AsString()
	if _, ok := ParseDuration(text); hasTimeout && (!isText || !ok && !strings.Contains(text, "@")) {
		b.fail(invalid, at.Key("timeout"), "The limit 'timeout' of '%s' must be a duration in ISO 8601 format, such as 'PT1H'.", a.Name)
	}
}

// loopExpression compiles what a Foreach goes over, or what ends an Until.
func (b *builder) loopExpression(a *Action, body value.Value, at *value.Path) {
	member := "foreach"
	if a.Spec.Role == Until {
		member = "expression"
	}
	v, ok := body.Get(member)
	if !ok {
		b.fail(PropertyNotSpecified, at, "The template action '%s' has no '%s'.", a.Name, member)
		return
	}
	if a.Spec.Role == Until {
		a.Expression = b.condition(v, at.Key(member))
		return
	}
	a.Expression = b.template(v, at.Key(member))
}

// loopReference: items() names a Foreach, and iterationIndexes() an Until, around
// the action.
func (b *builder) loopReference(a *Action, r expr.Reference) {
	role, kind := Foreach, "Foreach"
	if r.Kind == expr.RefIteration {
		role, kind = Until, "Until"
	}
	around := a.Loops
	if a.Spec.Role == Until {
		around = append(slices.Clip(around), a) // its condition stands inside, so to say
	}
	for _, l := range around {
		if strings.EqualFold(l.Name, r.Name) && l.Spec.Role == role {
			return
		}
	}
	b.missing(r, "The repetition action(s) '%s' referenced by '%s' in action '%s' are not defined in the template: it names no %s around the action.", r.Name, r.Function, a.Name, kind)
}

// severalLoops: from outside, only one Foreach may stand between (run-semantics §4).
func severalLoops(a, target *Action) bool {
	n := 0
	for _, l := range target.Loops {
		if l.Spec.Role == Foreach && l != a && !slices.Contains(a.Loops, l) {
			n++
		}
	}
	return n > 1
}

// collects finds the actions of which an action, or the outputs where it is nil,
// reads all executions at once: a Foreach stands between.
func (b *builder) collects(a *Action, refs []expr.Reference) []*Action {
	var list []*Action
	add := func(target *Action) {
		apart := slices.ContainsFunc(target.Loops, func(l *Action) bool {
			return l.Spec.Role == Foreach && (a == nil || !slices.Contains(a.Loops, l))
		})
		if apart && !slices.Contains(list, target) {
			list = append(list, target)
		}
	}
	for _, r := range refs {
		target := b.program.Action(r.Name)
		if r.Kind != expr.RefAction && r.Kind != expr.RefResult || target == nil {
			continue
		}
		add(target)
		if r.Kind == expr.RefResult {
			for _, body := range target.Bodies {
				for _, child := range body.Actions {
					add(child)
				}
			}
		}
	}
	return list
}
