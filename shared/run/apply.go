package run

import (
	"fmt"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// MaxTouched is how many records may have changed when another one is begun, ended
// or woken before the next commit. The rows of one transaction are a hundred: the
// rest is for what an event touches by itself, header, due row and inbox.
const MaxTouched = 80

// Apply takes an event into the state and returns what is to be done once the
// state is committed. The records that Needs named must be loaded.
func Apply(p *definition.Program, s *State, e Event, ambient expr.Ambient) []Command {
	m := &machine{p: p, s: s, ambient: ambient, budget: ambient.Budget, now: ambient.Now().UTC()}
	if s.Status.Final() {
		return nil
	}
	switch e := e.(type) {
	case Started:
		s.Status = definition.Running
	case Completed:
		m.completed(e)
	case Resumed:
		m.resumed(e)
	case TimerFired:
		m.wake()
	case Cancelled: // of a run that is ending already it changes nothing
		if s.Stopping == "" {
			s.Stopping, s.Cancelled = definition.Cancelled, true
		}
	case CallerLeft:
		if s.Responded == "" {
			s.ResponseDue = time.Time{}
		}
	case More:
	}
	m.expire()
	m.advance()
	return m.commands
}

// machine is one Apply at work.
type machine struct {
	p        *definition.Program
	s        *State
	ambient  expr.Ambient
	budget   expr.Budget
	now      time.Time
	commands []Command
	more     bool
}

// advance starts and skips whatever can be, and ends the run when all is over.
func (m *machine) advance() {
	stopping := m.s.Stopping
	over := m.settle(m.p.Root, "", nil)
	if over && m.s.lacks(nil, "", m.p.Collects) {
		m.more = true
	}
	if m.s.Stopping != stopping && !m.more {
		over = m.settle(m.p.Root, "", nil) // a Terminate ends what was gone over before it
	}
	switch {
	case m.more:
		m.commands = append(m.commands, Again{})
	case over:
		m.finish()
	}
}

// settle goes once over a container, whose actions stand in an order in which
// each comes after those it runs after. It returns whether all in it is over.
// With a reason to skip nothing is started any more.
func (m *machine) settle(g *definition.Graph, path string, skip *reason) bool {
	over, first := true, 0
	if g.Owner == nil {
		first = m.s.over // of a definition with thousands of actions most are over, mostly
	}
	for i, a := range g.Actions[first:] {
		r := m.record(a, path)
		if r == nil {
			ready, unmet := m.dependencies(a, path)
			if !ready {
				over = false
				continue
			}
			if m.full() || m.lacks(a, path) {
				return false
			}
			r = m.begin(a, path, skip, unmet)
		} else if m.s.Stopping != "" && !r.Status.Final() && len(a.Bodies) == 0 {
			if m.fullFor(r) {
				return false
			}
			m.release(r)
			m.stop(a, r)
		}
		if len(a.Bodies) > 0 {
			over = m.settleBodies(a, r) && over
		}
		over = over && r.Status.Final()
		if over && g.Owner == nil {
			m.s.over = first + i + 1
		}
	}
	return over
}

// record is that of an action in some iterations; nil while it has not begun.
func (m *machine) record(a *definition.Action, path string) *Record {
	return m.s.Records[Key(a.Name, path)]
}

// full tells whether one more record that changes would be too many for the next
// commit.
func (m *machine) full() bool {
	if m.s.Full() {
		m.more = true
	}
	return m.more
}

// fullFor is full, unless all these records changed already.
func (m *machine) fullFor(records ...*Record) bool {
	for _, r := range records {
		if !r.Changed() {
			return m.full()
		}
	}
	return false
}

// lacks tells whether an action cannot begin yet, because it reads all executions
// of another one and they have to be loaded first.
func (m *machine) lacks(a *definition.Action, path string) bool {
	if len(a.Collects) > 0 && m.s.lacks(a.Loops, path, a.Collects) {
		m.more = true
	}
	return m.more
}

// dependencies tells whether all that a runs after is over, and the first
// dependency whose status is not among those wanted.
func (m *machine) dependencies(a *definition.Action, path string) (ready bool, unmet *definition.Dependency) {
	for i := range a.RunAfter {
		d := &a.RunAfter[i]
		r := m.record(d.Action, path)
		if r == nil || !r.Status.Final() {
			return false, nil
		}
		if unmet == nil && !contains(d.Statuses, r.Status) {
			unmet = d
		}
	}
	return true, unmet
}

func contains(list []definition.Status, s definition.Status) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// begin makes the record of an action: it starts, or it is skipped.
func (m *machine) begin(a *definition.Action, path string, skip *reason, unmet *definition.Dependency) *Record {
	r := m.s.put(&Record{
		Name: a.Name, Path: path, Start: m.now, TrackingID: m.guid(),
		HideInputs: a.HideInputs, HideOutputs: a.HideOutputs,
	})
	switch {
	case m.s.Cancelled:
		m.end(r, definition.Skipped, actionSkipped, nil)
	case m.s.Stopping != "":
		m.end(r, definition.Skipped, terminated, nil)
	case skip != nil && skip.fails:
		m.end(r, definition.Failed, "InternalServerError", skip.first(a))
	case skip != nil && len(a.RunAfter) == 0:
		m.end(r, definition.Skipped, actionSkipped, skip.first(a))
	case skip != nil || unmet != nil:
		m.end(r, definition.Skipped, actionSkipped, m.conditionFailed(a, path, unmet))
	default:
		m.start(a, r)
	}
	return r
}

// start lets an action do its work.
func (m *machine) start(a *definition.Action, r *Record) {
	r.Status = definition.Running
	switch a.Spec.Role {
	case definition.Scope:
	case definition.If, definition.Switch:
		m.branch(a, r)
	case definition.Foreach:
		m.startForeach(a, r)
	case definition.Until:
		m.startUntil(a, r)
	case definition.Terminate:
		m.terminate(a, r)
	case definition.Variable:
		m.setVariable(a, r)
	default:
		m.execute(a, r)
	}
}

// execute evaluates the inputs of an operation and gives it out.
func (m *machine) execute(a *definition.Action, r *Record) {
	inputs, err := m.inputs(a, r)
	if err != nil {
		m.end(r, definition.Failed, "BadRequest", err)
		return
	}
	if a.Spec.Responds {
		if outcome, answered := m.refuseResponse(a); answered {
			m.conclude(a, r, outcome)
			return
		}
	}
	if a.Static != nil {
		r.Static = true
		m.conclude(a, r, staticOutcome(a.Static))
		return
	}
	if err := m.deadline(a, r); err != nil {
		m.end(r, definition.Failed, "BadRequest", err)
		return
	}
	r.Attempt = 1
	m.commands = append(m.commands, Execute{a, r, inputs})
}

// deadline evaluates limit.timeout (actions §1).
func (m *machine) deadline(a *definition.Action, r *Record) *Error {
	if a.Limit == nil {
		return nil
	}
	v, err := a.Limit.Evaluate(m.env(a, r, nil))
	if err != nil {
		return m.templateError(a, "limit", err)
	}
	text, has := v.Get("timeout")
	d, ok := definition.ParseDuration(text.Str())
	switch {
	case has && !ok:
		return &Error{definition.InvalidTemplate, fmt.Sprintf("The limit 'timeout' of action '%s' is not a duration.", a.Name)}
	case has:
		r.Deadline = m.now.Add(d)
	}
	return nil
}

// inputs evaluates the inputs of an action and records what history may keep of
// them; what only the sending needs goes to Sending, sealed as a whole.
func (m *machine) inputs(a *definition.Action, r *Record) (value.Value, *Error) {
	if a.Inputs == nil {
		return value.Value{}, nil
	}
	v, err := a.Inputs.Evaluate(m.env(a, r, nil))
	if err != nil {
		return value.Value{}, m.templateError(a, "inputs", err)
	}
	if secured, _ := a.Secures(); secured {
		v = v.Mark(value.Origin{Class: value.Secured, Name: "inputs:" + a.Name})
	}
	if m.p.Strict {
		v = value.Harden(v)
	}
	r.Inputs.Value = v
	if a.Spec.History != nil {
		if shown, changed := a.Spec.History(v); changed {
			r.Inputs.Value = shown
			r.Sending.Value = v.Mark(value.Origin{Class: value.Credential, Name: "inputs:" + a.Name})
		}
	}
	return v, nil
}

// SendingInputs returns the inputs an operation is carried out with.
func (r *Record) SendingInputs() value.Value {
	if !r.Sending.Value.IsAbsent() {
		return r.Sending.Value
	}
	return r.Inputs.Value
}

// templateError wraps the message of a failed expression as the product does
// (expressions §12).
func (m *machine) templateError(a *definition.Action, where string, err error) *Error {
	at := fmt.Sprintf("in action '%s' %s", a.Name, where)
	if where == "" {
		at = fmt.Sprintf("for action '%s'", a.Name)
	}
	return &Error{definition.InvalidTemplate, fmt.Sprintf(
		"Unable to process template language expressions %s at line '0' and column '0': '%s'.", at, err.Error())}
}

func staticOutcome(s *definition.StaticResult) Outcome {
	o := Outcome{Status: s.Status, Code: s.Code, Outputs: s.Outputs}
	if o.Code == "" {
		o.Code = s.Outputs.Member("statusCode").Str()
	}
	if s.Status == definition.Failed {
		o.Error = &Error{s.Error.Member("code").Str(), s.Error.Member("message").Str()}
	}
	return o
}
