package leaks

import (
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// variables follows a value into a variable.
func (f *flow) variables(n *node) {
	inputs := expr.Fold(n.action.Inputs, sketch{f})
	given := n.in.member("value").after(n.step)
	name := strings.ToLower(inputs.Member("name").Str())
	switch n.action.Type {
	case "InitializeVariable":
		list := n.in.member("variables")
		for i, v := range inputs.Member("variables").Elements {
			f.write(strings.ToLower(v.Member("name").Str()), n.action, list.element(itoa(i)).member("value").after(n.step))
		}
		return
	case "AppendToArrayVariable":
		given = arrayOf(given)
	case "AppendToStringVariable":
		given = given.flat()
	}
	f.write(name, n.action, given)
	switch n.action.Type {
	case "SetVariable":
		f.put(&n.out, at(given, "body", "value"))
	case "IncrementVariable", "DecrementVariable":
		f.put(&n.out, at(join2(given, f.variable(name, n.action)), "body", "value").after(n.step))
	}
}

// writersOf notes which variables an action writes.
func (f *flow) writersOf(a *definition.Action) {
	if a.Spec.Role != definition.Variable {
		return
	}
	inputs := expr.Fold(a.Inputs, sketch{f})
	list := inputs.Member("variables").Elements
	if a.Type != "InitializeVariable" {
		list = value.Array(inputs).Elements
	}
	for _, v := range list {
		name := strings.ToLower(v.Member("name").Str())
		f.writers[name] = append(f.writers[name], a)
	}
}

func (f *flow) write(name string, a *definition.Action, t *taint) {
	if f.writes[name] == nil {
		f.writes[name] = map[*definition.Action]*taint{}
	}
	old := f.writes[name][a]
	f.put(&old, t)
	f.writes[name][a] = old
}

// variable is what a variable may hold when an action reads it: what any action
// wrote that may have come before, and was not certainly overwritten since.
func (f *flow) variable(name string, reader *definition.Action) *taint {
	var sum *taint
	for _, w := range f.writers[name] {
		t := f.writes[name][w]
		if t == nil {
			continue
		}
		key := access{name, w, reader}
		reaches, known := f.reached[key]
		if !known {
			reaches = f.reaches(name, w, reader)
			f.reached[key] = reaches
		}
		if reaches {
			sum = join2(sum, t)
		}
	}
	return sum
}

// access is one action that reads what another wrote.
type access struct {
	variable       string
	writer, reader *definition.Action
}

func (f *flow) reaches(name string, writer, reader *definition.Action) bool {
	shared, parallel := false, false
	for _, l := range writer.Loops {
		if within(reader, l) {
			shared = true
			parallel = parallel || l.Loop.Concurrency > 1
		}
	}
	after := f.precedes(reader, writer)
	if after && !shared {
		return false
	}
	if parallel {
		return true // iterations overlap
	}
	certain := f.certain(reader)
	for _, s := range f.writers[name] {
		if s == writer || s.Type != "SetVariable" || !certain[s] {
			continue
		}
		if f.precedes(writer, s) || after && sharesLoops(s, writer, reader) {
			return false
		}
	}
	return true
}

func within(a, loop *definition.Action) bool {
	for _, l := range a.Loops {
		if l == loop {
			return true
		}
	}
	return false
}

// sharesLoops: s stands in every loop that writer and reader share, and so between
// the writer of one iteration and the reader of the next.
func sharesLoops(s, writer, reader *definition.Action) bool {
	for _, l := range writer.Loops {
		if within(reader, l) && !within(s, l) {
			return false
		}
	}
	return true
}

// precedes tells whether x, or what it stands in, is over before y starts.
func (f *flow) precedes(x, y *definition.Action) bool {
	before, ok := f.before[y]
	if !ok {
		before = y.Predecessors()
		f.before[y] = before
	}
	for ; x != nil; x = x.Graph.Owner {
		if before[x] {
			return true
		}
	}
	return false
}

// certain returns what has succeeded, for sure, when an action starts.
func (f *flow) certain(a *definition.Action) map[*definition.Action]bool {
	if done, ok := f.surely[a]; ok {
		return done
	}
	done := map[*definition.Action]bool{}
	var walk func(*definition.Action)
	walk = func(x *definition.Action) {
		for _, d := range x.RunAfter {
			if len(d.Statuses) == 1 && d.Statuses[0] == definition.Succeeded && !done[d.Action] {
				done[d.Action] = true
				walk(d.Action)
			}
		}
	}
	for x := a; x != nil; x = x.Graph.Owner {
		walk(x)
	}
	f.surely[a] = done
	return done
}
