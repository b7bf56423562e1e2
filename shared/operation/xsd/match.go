package xsd

import "slices"

// matcher matches the children of an element against its content model, one by
// one. What may still come is a stack of frames; because of choices and optional
// parts there may be several stacks, of which legal schemas leave one after each
// child.
type matcher struct {
	schema *Schema
	states []*frame
}

// frame is a particle of which some occurrences are over. The rest of the stack
// hangs on it. Frames are never changed, so stacks share them.
type frame struct {
	particle *particle
	done     int
	seen     []bool // of an all: which of its items have been there
	rest     *frame
}

// maxStates bounds what an ambiguous schema can cost.
const maxStates = 64

func newMatcher(s *Schema, p *particle) *matcher {
	m := &matcher{schema: s, states: []*frame{nil}}
	if p != nil {
		m.states[0] = &frame{particle: p}
	}
	return m
}

// found is what a name matched: an element declaration or a wildcard.
type found struct {
	element  *element
	wildcard *wildcard
}

// next takes a child in. It returns what the child is, or false if it must not
// stand there; then nothing has changed.
func (m *matcher) next(n name) (found, bool) {
	var result found
	var after []*frame
	for _, state := range m.states {
		m.walk(state, nil, func(p *particle, following *frame) {
			var f found
			if p.kind == elementTerm {
				f.element = m.schema.substitute(p.element, n)
			} else if p.wildcard.allows(n.Space) {
				f.wildcard = p.wildcard
			}
			if f == (found{}) || len(after) >= maxStates || slices.ContainsFunc(after, following.same) {
				return
			}
			if result == (found{}) || result.element == nil && f.element != nil {
				result = f // an element goes before a wildcard
			}
			after = append(after, following)
		})
	}
	if len(after) == 0 {
		return found{}, false
	}
	m.states = after
	return result, true
}

// complete tells whether nothing is missing.
func (m *matcher) complete() bool {
	return slices.ContainsFunc(m.states, func(f *frame) bool {
		for ; f != nil; f = f.rest {
			if !f.emptiable() {
				return false
			}
		}
		return true
	})
}

// expected lists what could come next.
func (m *matcher) expected() []*particle {
	var list []*particle
	for _, state := range m.states {
		m.walk(state, nil, func(p *particle, _ *frame) {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		})
	}
	return list
}

// walk visits each element or wildcard that may come next on a stack above end,
// with the stack that would be left behind it. An occurrence of a group that is
// entered ends at its own frame: whether it may be empty is seen from outside, so
// that nothing is visited twice and nothing is entered forever.
func (m *matcher) walk(f, end *frame, visit func(p *particle, following *frame)) {
	for f != end {
		p := f.particle
		if p.max == unbounded || f.done < p.max {
			again := &frame{particle: p, done: f.done + 1, rest: f.rest}
			if p.max == unbounded {
				again.done = min(again.done, p.min) // further ones make no difference
			}
			switch p.kind {
			case elementTerm, wildcardTerm:
				visit(p, again)
			case sequenceTerm:
				inside := again
				for _, item := range slices.Backward(p.items) {
					inside = &frame{particle: item, rest: inside}
				}
				m.walk(inside, again, visit)
			case choiceTerm:
				for _, item := range p.items {
					m.walk(&frame{particle: item, rest: again}, again, visit)
				}
			case allTerm:
				for i, item := range p.items {
					if i < len(f.seen) && f.seen[i] {
						continue
					}
					seen := make([]bool, len(p.items))
					copy(seen, f.seen)
					seen[i] = true
					visit(item, &frame{particle: p, seen: seen, rest: f.rest})
				}
			}
		}
		if !f.emptiable() {
			return
		}
		f = f.rest
	}
}

// emptiable tells whether what is left of a frame may be nothing.
func (f *frame) emptiable() bool {
	if f.particle.kind != allTerm {
		return f.done >= f.particle.min || f.particle.termEmptiable()
	}
	if f.seen == nil && f.particle.min == 0 {
		return true
	}
	for i, item := range f.particle.items {
		if !item.emptiable() && (f.seen == nil || !f.seen[i]) {
			return false
		}
	}
	return true
}

func (p *particle) emptiable() bool { return p.min == 0 || p.termEmptiable() }

func (p *particle) termEmptiable() bool {
	switch p.kind {
	case sequenceTerm, allTerm:
		return !slices.ContainsFunc(p.items, func(item *particle) bool { return !item.emptiable() })
	case choiceTerm:
		return len(p.items) == 0 || slices.ContainsFunc(p.items, (*particle).emptiable)
	}
	return false
}

// same tells whether two stacks are alike.
func (f *frame) same(g *frame) bool {
	for f != g {
		if f == nil || g == nil || f.particle != g.particle || f.done != g.done || !slices.Equal(f.seen, g.seen) {
			return false
		}
		f, g = f.rest, g.rest
	}
	return true
}

// substitute returns the declaration of a name where an element is expected: the
// element itself, or one that may stand for it.
func (s *Schema) substitute(e *element, n name) *element {
	if e.name == n {
		return e
	}
	if s.elements[e.name] != e {
		return nil // only what is declared at the top has substitutes
	}
	for _, other := range s.substitutes[e.name] {
		if other.name == n {
			return other
		}
	}
	return nil
}
