package run

import (
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// reason says why a whole container is skipped, or fails.
type reason struct {
	code    string
	message func(a *definition.Action) string
	fails   bool // all in it, not only what would have been first
}

func (r *reason) first(a *definition.Action) *Error { return &Error{r.code, r.message(a)} }

// notTaken: the actions of a branch that was not taken (run-semantics §2).
var notTaken = &reason{code: "ActionBranchingConditionNotSatisfied", message: func(a *definition.Action) string {
	return fmt.Sprintf("The execution of template action '%s' skipped: the branching condition for this action is not satisfied.", a.Name)
}}

// ownerEnded: the container was over before anything inside could start.
func ownerEnded(owner *definition.Action, r *Record) *reason {
	return &reason{code: "ActionDependencyFailed", message: func(a *definition.Action) string {
		return fmt.Sprintf("The execution of template action '%s' is skipped: dependant action '%s' completed with status '%s' and code '%s'.",
			a.Name, owner.Name, r.Status, r.Code)
	}}
}

func (m *machine) conditionFailed(a *definition.Action, path string, unmet *definition.Dependency) *Error {
	if unmet == nil { // a branch not taken, and this action would even run after a skipped one
		unmet = &a.RunAfter[0]
	}
	names := make([]string, len(unmet.Statuses))
	for i, s := range unmet.Statuses {
		names[i] = string(s)
	}
	return &Error{"ActionConditionFailed", fmt.Sprintf(
		"The execution of template action '%s' is skipped: the 'runAfter' condition for action '%s' is not satisfied. Expected status values '%s' and actual value '%s'.",
		a.Name, unmet.Action.Name, strings.Join(names, ", "), m.record(unmet.Action, path).Status)}
}

// settleBodies goes over what is inside a container and ends the container when
// the branch it took is over.
func (m *machine) settleBodies(a *definition.Action, r *Record) bool {
	switch {
	case r.Loop != nil && r.Status.Final():
		return m.sumUp(a, r)
	case r.Status.Final():
		return m.skipBodies(a, r.Path, ownerEnded(a, r))
	case r.Loop != nil:
		return m.iterate(a, r)
	}
	if why := otherType(a, r); why != nil {
		if !m.skipBodies(a, r.Path, why) || m.fullFor(r) {
			return false
		}
		m.endContainer(r, definition.Failed)
		return true
	}
	taken := takenBranch(a, r)
	over := true
	for i, body := range a.Bodies {
		var skip *reason
		if i != taken {
			skip = notTaken
		}
		over = m.settle(body, r.Path, skip) && over
	}
	if over {
		if m.fullFor(r) {
			return false
		}
		m.endContainer(r, m.status(a.Bodies[taken], r.Path))
	}
	return over
}

// otherType: a case that is not of the type of the value cannot be compared with
// it, which fails every branch (actions §7).
func otherType(a *definition.Action, r *Record) *reason {
	got := r.Inputs.Value.Member("expressionResult").Kind()
	for _, c := range a.Cases {
		if c.Kind() != got {
			return &reason{code: "ActionConditionFailed", fails: true, message: func(a *definition.Action) string {
				return fmt.Sprintf("The execution of template action '%s' failed: the function 'strongEquals' expects its parameters to be of the same type. The provided values are of type '%s,%s'.", a.Name, got, c.Kind())
			}}
		}
	}
	return nil
}

func (m *machine) skipBodies(a *definition.Action, path string, why *reason) bool {
	over := true
	for _, body := range a.Bodies {
		over = m.settle(body, path, why) && over
	}
	return over
}

func (m *machine) endContainer(r *Record, s definition.Status) {
	if m.s.Stopping != "" {
		s = definition.Cancelled
	}
	switch s {
	case definition.Failed:
		m.end(r, s, actionFailed.Code, actionFailed)
	default:
		m.end(r, s, "", nil)
	}
}

var actionFailed = &Error{"ActionFailed", "An action failed. No dependent actions succeeded."}

// status is that of a container whose actions are all over: that of its leaves,
// where a skipped leaf stands for what it would have run after (run-semantics §3).
func (m *machine) status(g *definition.Graph, path string) definition.Status {
	seen := map[*definition.Action]bool{}
	result := definition.Succeeded
	queue := g.Leaves()
	for len(queue) > 0 {
		a := queue[0]
		queue = queue[1:]
		if seen[a] {
			continue
		}
		seen[a] = true
		switch m.record(a, path).Status {
		case definition.Skipped:
			for _, d := range a.RunAfter {
				queue = append(queue, d.Action)
			}
		case definition.Failed:
			result = definition.Failed
		case definition.TimedOut:
			if result == definition.Succeeded {
				result = definition.TimedOut
			}
		}
	}
	return result
}

// branch decides which branch of an If or Switch runs.
func (m *machine) branch(a *definition.Action, r *Record) {
	v, err := a.Expression.Evaluate(m.env(a, r, nil))
	if err != nil {
		m.end(r, definition.Failed, "BadRequest", m.templateError(a, "", err))
		return
	}
	if a.Spec.Role == definition.If {
		if _, ok := v.AsBool(); !ok {
			m.end(r, definition.Failed, "BadRequest", m.templateError(a, "", &expr.Error{Message: fmt.Sprintf(
				"The template language expression evaluation failed: the result is of type '%s' and must be 'Boolean'", v.Kind())}))
			return
		}
	} else if k := v.Kind(); k != value.KindString && k != value.KindInt {
		m.end(r, definition.Failed, evaluationFailed, &Error{evaluationFailed, fmt.Sprintf(
			"The execution of template action '%s' failed: the result of the evaluation of 'expression' is of type '%s' but expected 'String, Integer'.", a.Name, k)})
		return
	}
	r.Inputs.Value = value.Object(value.Member{Key: "expressionResult", Value: v})
}

const evaluationFailed = "ExpressionEvaluationFailed"

// takenBranch reads from the record of a container which of its bodies runs.
func takenBranch(a *definition.Action, r *Record) int {
	result := r.Inputs.Value.Member("expressionResult")
	switch a.Spec.Role {
	case definition.If:
		if yes, _ := result.AsBool(); !yes {
			return 1
		}
	case definition.Switch:
		for i, c := range a.Cases {
			if sameCase(c, result) {
				return i
			}
		}
		return len(a.Cases)
	}
	return 0
}

// stop ends an action that was at work when the run was cancelled, terminated or out of
// time (run-semantics §10, §11).
func (m *machine) stop(a *definition.Action, r *Record) {
	why := "was cancelled"
	switch {
	case m.s.Stopping == definition.TimedOut:
		why = "timed out"
	case !m.s.Cancelled:
		m.end(r, definition.Cancelled, terminated, nil)
		return
	}
	const code = "ActionCancelled"
	m.end(r, definition.Cancelled, code, &Error{code, fmt.Sprintf("The execution of template action '%s' is cancelled: the run %s.", a.Name, why)})
}

// sameCase compares a case with the value of a Switch, texts with regard to case
// (actions §7). They are of one type.
func sameCase(a, b value.Value) bool {
	i, _ := a.AsInt()
	j, _ := b.AsInt()
	return i == j && a.Str() == b.Str()
}

const (
	// terminated is the code of what a Terminate action ended or kept from running.
	terminated = "Terminated"
	// actionSkipped is that of all other actions that did not run.
	actionSkipped = "ActionSkipped"
)

// terminate ends the run as the action says (run-semantics §10).
func (m *machine) terminate(a *definition.Action, r *Record) {
	v, err := m.inputs(a, r)
	if err != nil {
		m.end(r, definition.Failed, "BadRequest", err)
		return
	}
	status := v.Member("runStatus").Str()
	for _, known := range []definition.Status{definition.Failed, definition.Cancelled, definition.Succeeded} {
		if strings.EqualFold(status, string(known)) {
			m.end(r, definition.Succeeded, "", nil)
			m.s.Stopping = known
			if known == definition.Failed {
				failure := value.Redact(v.Member("runError")) // an error keeps no origins
				m.s.Code = terminated
				m.s.Error = &Error{failure.Member("code").Str(), failure.Member("message").Str()}
			}
			return
		}
	}
	m.end(r, definition.Failed, "BadRequest", &Error{definition.InvalidTemplate, fmt.Sprintf(
		"The 'runStatus' of terminate action '%s' must be one of 'Failed, Cancelled, Succeeded'.", a.Name)})
}

// finish ends the run.
func (m *machine) finish() {
	s := m.s
	s.End = m.now
	if s.Stopping != "" {
		s.Status = s.Stopping
	} else {
		if s.Status = m.status(m.p.Root, ""); s.Status == definition.Failed {
			s.Code, s.Error = actionFailed.Code, actionFailed
		}
		m.outputs()
	}
	m.commands = append(m.commands, Finish{})
}

// outputs evaluates the outputs of the definition.
func (m *machine) outputs() {
	if len(m.p.Outputs) == 0 || m.s.Status != definition.Succeeded {
		return
	}
	b := value.NewObject(len(m.p.Outputs))
	for _, o := range m.p.Outputs {
		v, err := o.Value.Evaluate(m.env(nil, nil, nil))
		if err != nil {
			m.s.Status, m.s.Code = definition.Failed, "OutputParameterEvaluationFailed"
			m.s.Error = &Error{m.s.Code, fmt.Sprintf("The template output '%s' cannot be evaluated: '%s'.", o.Name, err.Error())}
			return
		}
		b.Set(o.Name, value.Object(value.Member{Key: "type", Value: value.String(o.Type)}, value.Member{Key: "value", Value: v}))
	}
	m.s.Outputs = b.Build()
}
