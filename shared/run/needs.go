package run

import (
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
)

// Needs returns the records whose payloads must be loaded before the next Apply
// or Resume: those that an action reads which has not started yet, the inputs of
// what is under way, and the trigger. Expressions name what they read, so large
// values that nobody asks for stay where they are.
func Needs(p *definition.Program, s *State) []*Record {
	var needed []*Record
	seen := map[*Record]bool{}
	add := func(r *Record) {
		if r != nil && !seen[r] && (!r.Inputs.Loaded() || !r.Outputs.Loaded() || !r.Sending.Loaded()) {
			seen[r] = true
			needed = append(needed, r)
		}
	}
	all := func() {
		for _, r := range s.Records {
			add(r)
		}
	}
	read := func(refs []expr.Reference) {
		for _, ref := range refs {
			switch {
			case ref.Kind == expr.RefTrigger:
				add(&s.Trigger)
			case ref.Kind != expr.RefAction && ref.Kind != expr.RefResult:
			case ref.Dynamic:
				all()
			default:
				target := p.Action(ref.Name)
				if target == nil {
					continue
				}
				add(s.Records[target.Name])
				for _, body := range target.Bodies {
					for _, child := range body.Actions {
						add(s.Records[child.Name])
					}
				}
			}
		}
	}
	for _, a := range p.Order {
		r := s.Records[a.Name]
		if r == nil {
			read(a.References())
		} else if !r.Status.Final() {
			add(r)
		}
		if a.Tracked != nil && (r == nil || !r.Status.Final()) {
			read(a.Tracked.References())
		}
	}
	for _, o := range p.Outputs {
		read(o.Value.References())
	}
	return needed
}
