package leaks

import (
	"strings"
)

// mark is a secret that a value derives from, and the way it came.
type mark struct {
	source *Source
	steps  []Step
}

// taint says which parts of a value derive from secrets. nil is a value that does
// not. It is never changed, only replaced.
type taint struct {
	marks   []*mark  // of the value as a whole, and so of every part of it
	members []member // of an object; elements of an array that are known are named #0, #1 …
	rest    *taint   // of elements whose place is not known
	size    int
}

// beyondHost names, in a text that may become an address, what stands in its path or
// query. It is part of the text like all the rest.
const beyondHost = "\x01"

type member struct {
	key string
	t   *taint
}

// maxSize bounds a taint: what is larger is taken as a whole. A definition can
// nest a value in itself as often as a loop goes round.
const maxSize = 300

func (t *taint) clean() bool { return t == nil }

// make puts a taint together, and is nil if there is nothing in it.
func makeTaint(marks []*mark, members []member, rest *taint) *taint {
	t := &taint{marks: marks, rest: rest, size: 1 + len(marks)}
	for _, m := range members {
		if m.t != nil {
			t.members = append(t.members, m)
			t.size += m.t.size
		}
	}
	if rest != nil {
		t.size += rest.size
	}
	if t.size == 1 {
		return nil
	}
	if t.size > maxSize && (t.members != nil || rest != nil) {
		return makeTaint(t.all(), nil, nil)
	}
	return t
}

// whole is a value that derives as a whole from what marks say.
func whole(marks ...*mark) *taint { return makeTaint(marks, nil, nil) }

// at is an object that holds t at the end of a path of members.
func at(t *taint, path ...string) *taint {
	for i := len(path) - 1; i >= 0; i-- {
		t = makeTaint(nil, []member{{path[i], t}}, nil)
	}
	return t
}

// all returns the marks of every part, one for each source.
func (t *taint) all() []*mark {
	var list []*mark
	t.walk(func(m *mark) { list = addMark(list, m) })
	return list
}

func (t *taint) walk(visit func(*mark)) {
	if t == nil {
		return
	}
	for _, m := range t.marks {
		visit(m)
	}
	for _, m := range t.members {
		m.t.walk(visit)
	}
	t.rest.walk(visit)
}

// addMark keeps the first way that was found from a source.
func addMark(list []*mark, m *mark) []*mark {
	for _, other := range list {
		if other.source == m.source {
			return list
		}
	}
	return append(list[:len(list):len(list)], m)
}

// flat is what becomes of a value that is made into text.
func (t *taint) flat() *taint {
	if t == nil || t.members == nil && t.rest == nil {
		return t
	}
	return whole(t.all()...)
}

func join(list ...*taint) *taint {
	var sum *taint
	for _, t := range list {
		sum = join2(sum, t)
	}
	return sum
}

func join2(a, b *taint) *taint {
	if a == nil || a == b {
		return b
	}
	if b == nil {
		return a
	}
	marks := a.marks
	for _, m := range b.marks {
		marks = addMark(marks, m)
	}
	members := append([]member(nil), a.members...)
each:
	for _, m := range b.members {
		for i := range members {
			if strings.EqualFold(members[i].key, m.key) {
				members[i].t = join2(members[i].t, m.t)
				continue each
			}
		}
		members = append(members, m)
	}
	return makeTaint(marks, members, join2(a.rest, b.rest))
}

// member is the part of a value under a name: a member, or the same member of each
// element.
func (t *taint) member(name string) *taint {
	if t == nil {
		return nil
	}
	found := whole(t.marks...)
	if first, rest, ok := strings.Cut(name, "/"); ok { // Power Automate writes outputs('X')?['body/id']
		found = join2(found, t.member(first).member(rest))
	}
	for _, m := range t.members {
		if strings.EqualFold(m.key, name) || m.key == beyondHost {
			found = join2(found, m.t)
		}
	}
	return join2(found, t.rest.member(name))
}

// elements is any one part of a value.
func (t *taint) elements() *taint {
	if t == nil {
		return nil
	}
	found := join2(whole(t.marks...), t.rest)
	for _, m := range t.members {
		found = join2(found, m.t)
	}
	return found
}

// element is the element at a place.
func (t *taint) element(i string) *taint {
	if t == nil {
		return nil
	}
	found := join2(whole(t.marks...), t.rest)
	for _, m := range t.members {
		if m.key == "#"+i || m.key == beyondHost {
			found = join2(found, m.t)
		}
	}
	return found
}

// without takes members out.
func (t *taint) without(names ...string) *taint {
	if t == nil {
		return nil
	}
	var left []member
each:
	for _, m := range t.members {
		for _, name := range names {
			if strings.EqualFold(m.key, name) {
				continue each
			}
		}
		left = append(left, m)
	}
	return makeTaint(t.marks, left, t.rest)
}

// with replaces a member.
func (t *taint) with(name string, m *taint) *taint {
	t = t.without(name)
	if m == nil {
		return t
	}
	return join2(t, at(m, name))
}

// arrayOf is an array of elements at unknown places.
func arrayOf(element *taint) *taint { return makeTaint(nil, nil, element) }

// after is t once it has gone through one more step.
func (t *taint) after(s Step) *taint {
	if t == nil {
		return nil
	}
	marks := make([]*mark, len(t.marks))
	for i, m := range t.marks {
		marks[i] = m
		if len(m.steps) < maxSteps && m.steps[len(m.steps)-1] != s {
			marks[i] = &mark{m.source, append(m.steps[:len(m.steps):len(m.steps)], s)}
		}
	}
	members := make([]member, len(t.members))
	for i, m := range t.members {
		members[i] = member{m.key, m.t.after(s)}
	}
	return &taint{marks: marks, members: members, rest: t.rest.after(s), size: t.size}
}

// maxSteps bounds the way that is shown.
const maxSteps = 40

// same compares what derives from which sources, whatever the way.
func same(a, b *taint) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.size != b.size || len(a.marks) != len(b.marks) || len(a.members) != len(b.members) || !same(a.rest, b.rest) {
		return false
	}
	for i := range a.marks {
		if a.marks[i].source != b.marks[i].source {
			return false
		}
	}
	for i := range a.members {
		if a.members[i].key != b.members[i].key || !same(a.members[i].t, b.members[i].t) {
			return false
		}
	}
	return true
}
