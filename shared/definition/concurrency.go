package definition

import (
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// The product's codes for how many runs of a trigger go on at a time
// (workflow-definition §9).
const (
	invalidConcurrency               = "InvalidConcurrencyConfiguration"
	CannotDisableTriggerConcurrency  = "CannotDisableTriggerConcurrency"
	unsupportedBatchTriggerResponse  = "WorkflowUnsupportedBatchTriggerForResponseAction"
	unsupportedSplitTriggerResponse  = "WorkflowUnsupportedSplitOnTriggerForResponseAction"
	maxTriggerRuns                   = 100
	defaultWaitingRuns, maxWaitingBy = 10, 200
)

// Concurrency bounds the runs of a trigger (triggers §5).
type Concurrency struct {
	Runs    int // that go on at a time
	Waiting int // that wait for others to end
}

// Ceiling is how many runs there may be before the next is refused.
func (c *Concurrency) Ceiling() int { return c.Runs + c.Waiting }

// triggerConcurrency reads runtimeConfiguration.concurrency and SingleInstance, which is
// the same as one run.
func (b *builder) triggerConcurrency(t *Trigger, runtime value.Value, at *value.Path) {
	single := t.Options.Has("SingleInstance")
	at = at.Key("concurrency")
	setting := b.object(runtime.Member("concurrency"), at)
	if setting.Has("runs") && single {
		b.fail(invalidConcurrency, at, "The trigger '%s' has both the operation option 'SingleInstance' and a number of runs; only one of them is allowed.", t.Name)
		return
	}
	if setting.IsAbsent() && !single {
		return
	}
	c := &Concurrency{Runs: 1, Waiting: defaultWaitingRuns}
	if v, ok := setting.Get("runs"); ok {
		c.Runs = b.count(t, "runs", v, maxTriggerRuns, 1, at)
	} else if !single {
		b.fail(invalidConcurrency, at, "The concurrency of trigger '%s' must say how many 'runs' may go on at a time.", t.Name)
	}
	if v, ok := setting.Get("maximumWaitingRuns"); ok {
		c.Waiting = b.count(t, "maximumWaitingRuns", v, maxWaitingBy, defaultWaitingRuns, at)
	}
	t.Concurrency = c
}

// count reads a number from 1 to most, which may be a text, or an expression of
// parameters. What is not known counts as otherwise.
func (b *builder) count(t *Trigger, name string, written value.Value, most int64, otherwise int, at *value.Path) int {
	v, known := b.constant(written, at.Key(name))
	if !known {
		return otherwise
	}
	n, ok := v.AsInt()
	if text, isText := v.AsString(); isText {
		parsed, err := strconv.ParseInt(text, 10, 64)
		n, ok = parsed, err == nil
	}
	if !ok || n < 1 || n > most {
		b.fail(invalidConcurrency, at.Key(name), "The '%s' of trigger '%s' must be a number from 1 to %d.", name, t.Name, most)
		return otherwise
	}
	return int(n)
}

// looksAtStatus tells whether a condition of a trigger inspects how its call was
// answered: then the answer is its business, and 200 has no meaning of its own
// (triggers §2).
func looksAtStatus(conditions []*expr.Template) bool {
	for _, c := range conditions {
		for _, r := range c.References() {
			if r.Kind != expr.RefTrigger || len(r.Selection) == 0 {
				continue
			}
			path := strings.ToLower(strings.Join(r.Selection, "/"))
			switch strings.ToLower(r.Function) {
			case "trigger":
				if path == "code" || path == "status" || path == "outputs/statuscode" {
					return true
				}
			case "triggeroutputs":
				if path == "statuscode" {
					return true
				}
			}
		}
	}
	return false
}

// answersAtOnce tells whether an action answers the caller of the trigger at once.
func (a *Action) answersAtOnce() bool { return a.Spec.Responds && !a.Options.Has("Asynchronous") }

// answerable: who calls a trigger that is split cannot be answered by one of its
// runs; with an asynchronous Response it gets 202 (triggers §3). A batch has no
// caller that waits.
func (b *builder) answerable() {
	for _, t := range b.program.Triggers {
		for _, a := range b.order {
			switch {
			case t.SplitOn != nil && a.answersAtOnce():
				b.fail(unsupportedSplitTriggerResponse, a.Path, "The action '%s' cannot answer the caller of trigger '%s', which has 'splitOn'.", a.Name, t.Name)
			case t.Spec.Batch && a.Spec.Responds:
				b.fail(unsupportedBatchTriggerResponse, a.Path, "The action '%s' cannot answer the caller of trigger '%s', which releases batches.", a.Name, t.Name)
			}
		}
	}
}
