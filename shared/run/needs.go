package run

import (
	"slices"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
)

// Needed is what must be loaded before the next Apply or Resume.
type Needed struct {
	// Records have payloads that lie elsewhere.
	Records []*Record
	// Repetitions are actions, by Key outside of their loop, all of whose executions
	// are read at once.
	Repetitions []string
}

// Empty tells whether all is there.
func (n Needed) Empty() bool { return len(n.Records) == 0 && len(n.Repetitions) == 0 }

// Needs returns what must be loaded before the next Apply or Resume: what an
// action reads which has not started yet, the inputs of what is under way, and the
// trigger. Expressions name what they read, so large values that nobody asks for
// stay where they are.
func Needs(p *definition.Program, s *State) Needed {
	n := needs{p: p, s: s, missing: s.notLoaded()}
	if len(n.missing) == 0 && !n.loopsOver() {
		return Needed{}
	}
	for r := range n.missing {
		if !r.Status.Final() {
			n.take(r)
		}
	}
	for _, a := range p.Order {
		r := s.Records[a.Name]
		ahead := r == nil || len(a.Loops) > 0 && n.open(a.Loops[0])
		if ahead {
			n.read(a, a.References())
			n.collect(a.Loops, a.Collects)
		}
		if a.Tracked != nil && (ahead || !r.Status.Final()) {
			n.read(a, a.Tracked.References())
		}
		if len(a.Reads) > 0 && !ahead && !r.Status.Final() { // its operation may be carried out once more
			n.read(a, a.References())
			n.collect(a.Loops, a.Collects)
		}
	}
	for _, o := range p.Outputs {
		n.read(nil, o.Value.References())
	}
	n.collect(nil, p.Collects)
	return n.needed
}

type needs struct {
	p       *definition.Program
	s       *State
	missing map[*Record]bool // records with payloads that are not loaded
	needed  Needed
}

func (s *State) notLoaded() map[*Record]bool {
	missing := map[*Record]bool{}
	look := func(r *Record) {
		if !r.Inputs.Loaded() || !r.Outputs.Loaded() || !r.Sending.Loaded() {
			missing[r] = true
		}
	}
	look(&s.Trigger)
	for _, r := range s.Records {
		look(r)
	}
	return missing
}

// loopsOver tells whether a Foreach is over, so that somebody may read all its
// iterations.
func (n *needs) loopsOver() bool {
	for _, r := range n.s.Records {
		if r.Loop != nil && r.Status.Final() {
			return true
		}
	}
	return false
}

// open tells whether a loop may still begin iterations.
func (n *needs) open(loop *definition.Action) bool {
	r := n.s.Records[loop.Name]
	return r == nil || !r.Status.Final()
}

func (n *needs) take(r *Record) {
	if n.missing[r] {
		delete(n.missing, r)
		n.needed.Records = append(n.needed.Records, r)
	}
}

func (n *needs) read(a *definition.Action, refs []expr.Reference) {
	for _, ref := range refs {
		switch {
		case ref.Kind == expr.RefTrigger:
			n.take(&n.s.Trigger)
		case ref.Kind == expr.RefLoop || ref.Kind == expr.RefItem:
			n.loops(a)
		case ref.Kind != expr.RefAction && ref.Kind != expr.RefResult:
		case ref.Dynamic:
			for r := range n.missing {
				n.take(r)
			}
		default:
			target := n.p.Action(ref.Name)
			if target == nil {
				continue
			}
			n.target(target)
			if ref.Kind == expr.RefResult {
				for _, body := range target.Bodies {
					for _, child := range body.Actions {
						n.target(child)
					}
				}
			}
		}
	}
}

// loops: an item is read from the array of its loop.
func (n *needs) loops(a *definition.Action) {
	for r := range n.missing {
		if r.Loop != nil && a != nil {
			n.take(r)
		}
	}
}

// target: the executions of an action that may be meant.
func (n *needs) target(target *definition.Action) {
	for r := range n.missing {
		if r.Name == target.Name {
			n.take(r)
		}
	}
}

// collect: all executions of actions in a Foreach that is over.
func (n *needs) collect(loops, targets []*definition.Action) {
	for _, target := range targets {
		loop := between(loops, target)
		for _, r := range n.s.Records {
			key := Key(target.Name, r.Path)
			if r.Name == loop.Name && r.collectable() && n.s.Repetitions[key] == nil && !slices.Contains(n.needed.Repetitions, key) {
				n.needed.Repetitions = append(n.needed.Repetitions, key)
			}
		}
	}
}

// between is the outermost Foreach around an action that is not among the loops.
func between(loops []*definition.Action, target *definition.Action) *definition.Action {
	for _, l := range target.Loops {
		if l.Spec.Role == definition.Foreach && !slices.Contains(loops, l) {
			return l
		}
	}
	return nil
}

// collectable: the record of a Foreach that is over and had iterations.
func (r *Record) collectable() bool {
	return r.Loop != nil && r.Loop.Count > 0 && r.Status.Final()
}

// lacks tells whether an expression in the iterations of path would read executions
// that are not loaded.
func (s *State) lacks(loops []*definition.Action, path string, targets []*definition.Action) bool {
	for _, target := range targets {
		loop := between(loops, target)
		prefix := ""
		for i, index := range indexes(path) {
			if i < len(loop.Loops) && i < len(loops) && loop.Loops[i] == loops[i] {
				prefix = Iteration(prefix, index)
			}
		}
		r := s.Records[Key(loop.Name, prefix)]
		if r != nil && r.collectable() && s.Repetitions[Key(target.Name, prefix)] == nil {
			return true
		}
	}
	return false
}
