package leaks

import (
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
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
	for _, n := range f.order { // in one order, so that the same way is found each time
		if t := f.writes[name][n.action]; t != nil && f.reaches(name, n.action, reader) {
			sum = join2(sum, t)
		}
	}
	return sum
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
	for s := range f.certain(reader) {
		if s == writer || s.Type != "SetVariable" || !strings.EqualFold(expr.Fold(s.Inputs, sketch{f}).Member("name").Str(), name) {
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
