package run

import (
	"maps"
	"slices"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Trace evaluates the expressions in the inputs of an execution once more, on what
// the state says now; those of a loop, a condition or a switch are in its expression.
// What history hides, or what derives from a secret, gives no value.
func Trace(p *definition.Program, s *State, a *definition.Action, path string, ambient expr.Ambient) []expr.Traced {
	shown := *s
	shown.Records = make(map[string]*Record, len(s.Records))
	for key, r := range s.Records {
		shown.Records[key] = r.withHidden()
	}
	shown.Repetitions = maps.Clone(s.Repetitions)
	for key, list := range shown.Repetitions {
		list = slices.Clone(list)
		for i, r := range list {
			list[i] = r.withHidden()
		}
		shown.Repetitions[key] = list
	}
	shown.Trigger = *s.Trigger.withHidden()
	env := &expr.Env{Scope: &scope{p: p, s: &shown, loops: a.Loops, path: path}, Ambient: ambient, Budget: ambient.Budget}
	var list []expr.Traced
	for _, t := range []*expr.Template{a.Expression, a.Inputs} {
		if t != nil {
			list = append(list, t.Trace(env)...)
		}
	}
	redact(list)
	return list
}

// hidden marks what history does not show; a trace follows it through functions.
var hidden = value.Origin{Class: value.Secured, Name: "history"}

func (r *Record) withHidden() *Record {
	if !r.HideInputs && !r.HideOutputs {
		return r
	}
	marked := *r
	if r.HideInputs {
		marked.Inputs.Value = r.Inputs.Value.Mark(hidden)
	}
	if r.HideOutputs {
		marked.Outputs.Value = r.Outputs.Value.Mark(hidden)
	}
	return &marked
}

func redact(list []expr.Traced) {
	for i := range list {
		list[i].Value = value.Redact(list[i].Value)
		redact(list[i].Parts)
	}
}

// Around names what the expressions of an execution read: records in the same
// iterations, by action and path, and actions all of whose executions are read, by Key
// outside of their loop. dynamic: some name is computed, and any record may be read.
func Around(p *definition.Program, a *definition.Action, path string) (records []Execution, repeated []string, dynamic bool) {
	own := indexes(path)
	add := func(target *definition.Action) {
		shared := 0
		at := ""
		for shared < len(target.Loops) && shared < len(a.Loops) && shared < len(own) && target.Loops[shared] == a.Loops[shared] {
			at = Iteration(at, own[shared])
			shared++
		}
		if shared < len(target.Loops) && target.Loops[shared].Spec.Role == definition.Foreach {
			repeated = append(repeated, Key(target.Name, at))
			return
		}
		records = append(records, Execution{target.Name, at})
	}
	for _, loop := range a.Loops {
		add(loop)
	}
	for _, ref := range a.References() {
		if ref.Kind != expr.RefAction && ref.Kind != expr.RefResult {
			continue
		}
		dynamic = dynamic || ref.Dynamic
		target := p.Action(ref.Name)
		if target == nil {
			continue
		}
		add(target)
		if ref.Kind == expr.RefResult {
			for _, body := range target.Bodies {
				for _, child := range body.Actions {
					add(child)
				}
			}
		}
	}
	return records, repeated, dynamic
}

// Execution names one execution of an action.
type Execution struct{ Action, Path string }
