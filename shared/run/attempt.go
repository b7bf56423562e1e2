package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// completed takes in the outcome of an attempt.
func (m *machine) completed(e Completed) {
	a, r := m.p.Action(e.Action), m.s.Records[Key(e.Action, e.Path)]
	if a == nil || r == nil || r.Status.Final() || r.Attempt != e.Attempt || !r.Wake.IsZero() {
		return // a repeat, or late: the action was cancelled meanwhile
	}
	m.s.touch(r)
	e.Outcome = m.secured(a, e.Outcome)
	switch o := e.Outcome; {
	case o.Again > 0:
		r.Keep, r.Wake = o.Keep, m.wakeBy(r, m.now.Add(o.Again))
		return
	case o.Await:
		r.Keep, r.Awaiting, r.Wake = o.Keep, true, r.Deadline
		if !r.Early.IsAbsent() {
			m.goOn(a, r, r.Early)
		}
		return
	}
	if delay, again := m.retry(a, r, e.Outcome); again {
		r.Wake = m.wakeBy(r, m.now.Add(delay))
		return
	}
	m.conclude(a, r, e.Outcome)
}

// secured marks what an operation gave, as far as the author says that it is secret: it
// may pass through Keep before it becomes the outputs.
func (m *machine) secured(a *definition.Action, o Outcome) Outcome {
	if _, outputs := a.Secures(); outputs {
		origin := value.Origin{Class: value.Secured, Name: "outputs:" + a.Name}
		o.Outputs, o.Keep = o.Outputs.Mark(origin), o.Keep.Mark(origin)
	}
	if m.p.Strict {
		o.Outputs, o.Keep = value.Harden(o.Outputs), value.Harden(o.Keep)
	}
	return o
}

// wakeBy is a time to go on at, or the deadline if that comes first.
func (m *machine) wakeBy(r *Record, at time.Time) time.Time {
	if !r.Deadline.IsZero() && r.Deadline.Before(at) {
		return r.Deadline
	}
	return at
}

// resumed takes in what an action waits for, or will wait for.
func (m *machine) resumed(e Resumed) {
	a, r := m.p.Action(e.Action), m.s.Records[Key(e.Action, e.Path)]
	switch {
	case a == nil || r == nil || r.Status.Final():
		return // too late
	case r.Awaiting:
		m.s.touch(r)
		m.goOn(a, r, e.Data)
	case r.Early.IsAbsent():
		m.s.touch(r)
		r.Early = e.Data
	}
}

// goOn calls an operation again with what came.
func (m *machine) goOn(a *definition.Action, r *Record, data value.Value) {
	if data.IsAbsent() {
		data = value.Null()
	}
	r.Awaiting, r.Early, r.Wake = false, value.Value{}, time.Time{}
	r.Keep = r.Keep.With(ResumedMember, data)
	r.Attempt++
	m.commands = append(m.commands, Execute{a, r, r.SendingInputs()})
}

// conclude ends an action with the outcome of its last attempt.
func (m *machine) conclude(a *definition.Action, r *Record, o Outcome) {
	o = m.secured(a, o)
	r.Outputs.Value = o.Outputs
	if len(r.Retries) > 0 {
		m.noteAttempt(r, o)
	}
	m.end(r, o.Status, o.Code, o.Error)
	if a.Spec.Responds && o.Status == definition.Succeeded {
		m.s.Responded = a.Name
		m.commands = append(m.commands, Respond{r})
	}
}

func (m *machine) end(r *Record, s definition.Status, code string, e *Error) {
	r.Status, r.Code, r.Error, r.End = s, code, e, m.now
	r.Wake, r.Keep, r.Sending = time.Time{}, value.Value{}, Payload{}
	r.Awaiting, r.Early = false, value.Value{}
	m.track(r)
	m.s.touch(r)
}

// wake goes on with the actions whose time has come.
func (m *machine) wake() {
	if m.expire(); m.s.Stopping != "" {
		return // what waits is ended instead
	}
	for _, r := range m.s.inOrder() {
		if r.Status.Final() || r.Wake.IsZero() || r.Wake.After(m.now) {
			continue
		}
		if m.fullFor(r) {
			return
		}
		if !r.Deadline.IsZero() && !r.Deadline.After(m.now) {
			m.release(r)
			m.end(r, definition.TimedOut, actionTimedOut, &Error{actionTimedOut, fmt.Sprintf(
				"The execution of template action '%s' timed out: its limit was reached.", r.Name)})
			continue
		}
		r.Wake = time.Time{}
		r.Attempt++
		m.s.touch(r)
		m.commands = append(m.commands, Execute{m.p.Action(r.Name), r, r.SendingInputs()})
	}
}

const actionTimedOut = "ActionTimedOut"

// release tells whoever was to resume an action that it need not any more.
func (m *machine) release(r *Record) {
	if r.Awaiting {
		m.commands = append(m.commands, Release{m.p.Action(r.Name), r, r.SendingInputs(), r.Keep})
	}
}

// Resume returns the commands for what a driver that died had given out: the
// same inputs, attempt and tracking id once more.
func Resume(p *definition.Program, s *State) []Command {
	var commands []Command
	for _, r := range s.inOrder() {
		if r.executing() {
			commands = append(commands, Execute{p.Action(r.Name), r, r.SendingInputs()})
		}
	}
	return commands
}

// inOrder returns the records in an order that does not change.
func (s *State) inOrder() []*Record {
	return slices.SortedFunc(maps.Values(s.Records), func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
}
