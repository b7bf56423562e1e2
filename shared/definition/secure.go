package definition

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
)

// hide decides what run history hides, by secure-data §2: an own setting hides
// what it names; an operation with an own setting also hides the inputs of
// whoever explicitly uses its outputs. That goes one hop, never further, and
// starts at no Compose, Parse JSON or Response.
func (b *builder) hide() {
	for _, t := range b.program.Triggers {
		t.HideInputs, t.HideOutputs = t.manual.inputs, t.manual.outputs
	}
	for _, a := range b.order {
		a.HideInputs, a.HideOutputs = b.program.Hides(a)
	}
}

// Hides tells which sides of an action history hides.
func (p *Program) Hides(a *Action) (inputs, outputs bool) {
	inputs, outputs = a.Secures()
	if p.usesSecured(a) {
		inputs = true                               // rules 1 and 3
		outputs = outputs || a.Spec.NoOutputSetting // rules 2 and 4
	}
	return inputs, outputs
}

// Setting secures one side, "inputs" or "outputs", of an action or a trigger.
type Setting struct {
	Name    string
	Trigger bool
	Side    string
}

// Secure adds a setting to the program of an Outline. What Hides says of an action
// follows it; the fields of actions and triggers do not.
func (p *Program) Secure(s Setting) {
	var m *sides
	if s.Trigger {
		if t := p.Trigger(s.Name); t != nil {
			m = &t.manual
		}
	} else if a := p.Action(s.Name); a != nil {
		m = &a.manual
	}
	switch {
	case m == nil:
	case s.Side == "inputs":
		m.inputs = true
	default:
		m.outputs = true
	}
}

// Secures returns which sides a trigger secures, and so hides.
func (t *Trigger) Secures() (inputs, outputs bool) { return t.manual.inputs, t.manual.outputs }

func (p *Program) triggerSecured() bool {
	for _, t := range p.Triggers {
		if t.manual.any() {
			return true
		}
	}
	return false
}

// usesSecured tells whether an action explicitly uses the outputs of an
// operation with an own setting.
func (p *Program) usesSecured(a *Action) bool {
	for _, r := range a.usedInInputs() {
		switch r.Kind {
		case expr.RefTrigger:
			if p.triggerSecured() && readsSides(r) {
				return true
			}
		case expr.RefAction:
			if r.Dynamic {
				if p.anySecured() {
					return true // the name is computed: it may be any of them
				}
			} else if u := p.Action(r.Name); u != nil && u.passesOn() && readsSides(r) {
				return true
			}
		case expr.RefResult:
			if r.Dynamic {
				if p.anySecured() {
					return true
				}
			} else if u := p.Action(r.Name); u != nil && u.holdsSecured() {
				return true
			}
		}
	}
	return false
}

// usedInInputs lists what an action reads for its inputs, or for what stands in
// their place: an array to go over, a condition. A limit is neither. What inline code
// reads is used by its text, which is an input.
func (a *Action) usedInInputs() []expr.Reference {
	var all []expr.Reference
	for _, r := range a.Reads {
		all = append(all, r.Reference)
	}
	for _, t := range a.templates() {
		if t != a.Limit {
			all = append(all, t.References()...)
		}
	}
	return all
}

// Secures returns which sides an operation secures by its own setting. That of
// Compose, Parse JSON and Response has one meaning only: both.
func (a *Action) Secures() (inputs, outputs bool) {
	if a.Spec.NoOutputSetting {
		return a.manual.any(), a.manual.any()
	}
	return a.manual.inputs, a.manual.outputs
}

// passesOn: rule 5, a Compose, Parse JSON or Response passes nothing on.
func (a *Action) passesOn() bool { return a.manual.any() && !a.Spec.NoOutputSetting }

func (a *Action) holdsSecured() bool {
	for _, body := range a.Bodies {
		for _, child := range body.Actions {
			if child.passesOn() {
				return true
			}
		}
	}
	return false
}

func (p *Program) anySecured() bool {
	for _, a := range p.Order {
		if a.passesOn() {
			return true
		}
	}
	return false
}

// readsSides: actions('X') and trigger() followed by a member that history never
// hides, such as status, is no use of inputs or outputs.
func readsSides(r expr.Reference) bool {
	switch strings.ToLower(r.Function) {
	case "actions", "trigger":
	default:
		return true
	}
	if len(r.Selection) == 0 {
		return true
	}
	switch strings.ToLower(r.Selection[0]) {
	case "name", "status", "code", "starttime", "endtime", "trackingid", "clienttrackingid", "scheduledtime", "originhistoryname":
		return false
	}
	return true
}
