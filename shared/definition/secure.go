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
	var trigger sides
	for _, t := range b.program.Triggers {
		t.HideInputs, t.HideOutputs = t.manual.inputs, t.manual.outputs
		trigger.inputs = trigger.inputs || t.manual.inputs
		trigger.outputs = trigger.outputs || t.manual.outputs
	}
	for _, a := range b.order {
		a.HideInputs, a.HideOutputs = a.manual.inputs, a.manual.outputs
		if a.Spec.NoOutputSetting && a.manual.any() {
			a.HideInputs, a.HideOutputs = true, true // rows "secures inputs only, which hides both"
		}
		if b.usesSecured(a, trigger) {
			a.HideInputs = true                                     // rules 1 and 3
			a.HideOutputs = a.HideOutputs || a.Spec.NoOutputSetting // rules 2 and 4
		}
	}
}

// secure adds settings to those of the definition.
func (b *builder) secure(more []Setting) {
	for _, s := range more {
		var m *sides
		if s.Trigger {
			if t := b.program.Trigger(s.Name); t != nil {
				m = &t.manual
			}
		} else if a := b.program.Action(s.Name); a != nil {
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
}

// usesSecured tells whether an action explicitly uses the outputs of an
// operation with an own setting.
func (b *builder) usesSecured(a *Action, trigger sides) bool {
	for _, r := range a.usedInInputs() {
		switch r.Kind {
		case expr.RefTrigger:
			if trigger.any() && readsSides(r) {
				return true
			}
		case expr.RefAction:
			if r.Dynamic {
				if b.anySecured() {
					return true // the name is computed: it may be any of them
				}
			} else if u := b.program.Action(r.Name); u != nil && u.passesOn() && readsSides(r) {
				return true
			}
		case expr.RefResult:
			if r.Dynamic {
				if b.anySecured() {
					return true
				}
			} else if u := b.program.Action(r.Name); u != nil && u.holdsSecured() {
				return true
			}
		}
	}
	return false
}

// usedInInputs lists what an action reads for its inputs, or for what stands in
// their place: an array to go over, a condition. A limit is neither.
func (a *Action) usedInInputs() []expr.Reference {
	var all []expr.Reference
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

func (b *builder) anySecured() bool {
	for _, a := range b.order {
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
