package definition

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// graph compiles the actions of one container and those inside them.
func (b *builder) graph(actions value.Value, at *value.Path, owner *Action, branch string, depth int) *Graph {
	g := &Graph{Owner: owner, Branch: branch}
	b.depth = max(b.depth, depth)
	if depth > hardNesting {
		b.fail(InvalidTemplate, at, "Actions nest deeper than %d levels.", hardNesting)
		return g
	}
	for name, body := range b.object(actions, at).Members {
		if len(b.order) >= hardMax {
			b.fail(InvalidTemplate, at, "The definition has more than %d actions.", hardMax)
			return g
		}
		if a := b.action(name, b.object(body, at.Key(name)), g, at.Key(name), depth); a != nil {
			g.Actions = append(g.Actions, a)
		}
	}
	return g
}

func (b *builder) action(name string, body value.Value, g *Graph, at *value.Path, depth int) *Action {
	if utf8.RuneCountInString(name) > maxName || strings.TrimSpace(name) == "" {
		b.fail(InvalidTemplate, at, "The name of an action must have 1 to %d characters.", maxName)
	}
	a := &Action{Name: name, Graph: g, Path: at, Kind: b.text(body.Member("kind"), at.Key("kind"))}
	key := strings.ToLower(name)
	if other, exists := b.program.actions[key]; exists {
		b.fail(InvalidTemplate, at, "The action name '%s' is used more than once; names must differ by more than case (the other one is at %s).", name, other.Path)
		return nil
	}
	b.program.actions[key] = a
	b.order = append(b.order, a)
	b.bodyOf[a] = body
	if name != key {
		if _, exists := b.program.actions[name]; !exists {
			b.program.actions[name] = a
		}
	}

	typ := b.text(body.Member("type"), at.Key("type"))
	spec, known := actionSpec(b.catalog, typ)
	switch {
	case typ == "":
		b.fail(PropertyNotSpecified, at, "The template action '%s' has no 'type'.", name)
	case !known && elsewhere[strings.ToLower(typ)] != "":
		spec.Type, known = elsewhere[strings.ToLower(typ)], true
		b.warn(NotAvailable, at.Key("type"), "The template action '%s' has the type '%s', which is not available here: it fails when it is reached, unless it has a static result.", name, typ)
	case !known:
		b.fail(InvalidTemplate, at.Key("type"), "The template action '%s' has the type '%s', which is not available here.%s",
			name, typ, suggestion(typ, b.actionTypes()))
	}
	a.Type, a.Spec = typ, spec
	if known {
		a.Type = spec.Type
	}
	b.kind(a, at)
	b.settings(a, body, at)
	b.loop(a, body, at)
	b.bodies(a, body, at, depth)
	b.inputs(a, body, at) // of an unknown type too: what it reads is checked all the same
	b.program.Responds = b.program.Responds || spec.Responds
	b.program.Asynchronous = b.program.Asynchronous || spec.Responds && a.Options.Has("Asynchronous")
	return a
}

func (b *builder) actionTypes() []string {
	types := b.catalog.ActionTypes()
	for _, s := range language {
		types = append(types, s.Type)
	}
	return types
}

// bodies compiles the containers inside an action, also of a type that is not
// known, so that what is wrong inside shows as well.
func (b *builder) bodies(a *Action, body value.Value, at *value.Path, depth int) {
	add := func(actions value.Value, at *value.Path, branch string) {
		a.Bodies = append(a.Bodies, b.graph(actions, at, a, branch, depth+1))
	}
	switch {
	case a.Spec.Role == Switch:
		cases := b.object(body.Member("cases"), at.Key("cases"))
		for name, c := range cases.Members {
			place := at.Keys("cases", name)
			c = b.object(c, place)
			if !c.Has("case") {
				b.fail(PropertyNotSpecified, place, "The case '%s' has no 'case'.", name)
			}
			a.Cases = append(a.Cases, c.Member("case"))
			add(c.Member("actions"), place.Key("actions"), name)
		}
		fallback := b.object(body.Member("default"), at.Key("default"))
		add(fallback.Member("actions"), at.Keys("default", "actions"), "default")
	case a.Spec.Role == If:
		otherwise := b.object(body.Member("else"), at.Key("else"))
		add(body.Member("actions"), at.Key("actions"), "actions")
		add(otherwise.Member("actions"), at.Keys("else", "actions"), "else")
	case body.Has("actions") || a.Loop != nil:
		add(body.Member("actions"), at.Key("actions"), "actions")
	}
	switch a.Spec.Role {
	case If:
		if !body.Has("expression") {
			b.fail(PropertyNotSpecified, at, "The template action '%s' has no 'expression'.", a.Name)
		}
		a.Expression = b.condition(body.Member("expression"), at.Key("expression"))
	case Switch:
		if !body.Has("expression") {
			b.fail(PropertyNotSpecified, at, "The template action '%s' has no 'expression'.", a.Name)
		}
		a.Expression = b.template(body.Member("expression"), at.Key("expression"))
	case Foreach, Until:
		b.loopExpression(a, body, at)
	}
}

// links resolves runAfter in one container and below.
func (b *builder) links(g *Graph) {
	if g == nil {
		return
	}
	for _, a := range g.Actions {
		b.runAfter(a)
		for _, body := range a.Bodies {
			b.links(body)
		}
	}
	b.sort(g)
}

func (b *builder) runAfter(a *Action) {
	at := a.Path.Key("runAfter")
	var missing []string
	for name, statuses := range b.object(b.bodyOf[a].Member("runAfter"), at).Members {
		before := b.program.Action(name)
		if before == nil && a.Graph.Owner == nil && b.program.Trigger(name) != nil {
			continue // Standard's agent workflows name their trigger: it is over when a run starts
		}
		if before == nil || before.Graph != a.Graph {
			missing = append(missing, name)
			continue
		}
		d := Dependency{Action: before, Statuses: b.statuses(statuses, at.Key(name))}
		a.RunAfter = append(a.RunAfter, d)
		before.Successors = append(before.Successors, a)
	}
	if len(missing) > 0 {
		b.fail(InvalidTemplate, at, "The 'runAfter' property of template action '%s' contains non-existent action(s): '%s'. Actions in 'runAfter' must stand in the same container.",
			a.Name, strings.Join(missing, ", "))
	}
}

var afterStatuses = []Status{Succeeded, Failed, Skipped, TimedOut}

func (b *builder) statuses(v value.Value, at *value.Path) []Status {
	if v.Kind() != value.KindArray {
		b.fail(InvalidTemplate, at, "The statuses in 'runAfter' must be an array.")
		return nil
	}
	var list []Status
	for i, s := range v.Elements {
		text := b.text(s, at.Index(i))
		known := slices.IndexFunc(afterStatuses, func(k Status) bool { return strings.EqualFold(string(k), text) })
		if known < 0 {
			b.fail(InvalidTemplate, at.Index(i), "The status '%s' in 'runAfter' is not one of 'Succeeded, Failed, Skipped, TimedOut'.", text)
			continue
		}
		list = append(list, afterStatuses[known])
	}
	return list
}

// sort puts the actions of a container in an order in which each comes after
// those it runs after, and reports each circle once.
func (b *builder) sort(g *Graph) {
	const (
		unseen = iota
		open
		done
	)
	state := map[*Action]int{}
	var trail, sorted []*Action
	var visit func(a *Action)
	visit = func(a *Action) {
		state[a] = open
		trail = append(trail, a)
		for _, next := range a.Successors {
			switch state[next] {
			case unseen:
				visit(next)
			case open:
				names := []string{}
				for _, t := range trail[slices.Index(trail, next):] {
					names = append(names, t.Name)
				}
				b.fail(InvalidTemplate, next.Path.Key("runAfter"), "The actions '%s' run after one another in a circle.", strings.Join(append(names, next.Name), "' → '"))
			}
		}
		trail = trail[:len(trail)-1]
		state[a] = done
		sorted = append(sorted, a)
	}
	for _, a := range slices.Backward(g.Actions) {
		if state[a] == unseen {
			visit(a)
		}
	}
	slices.Reverse(sorted)
	g.Actions = sorted
}

// suggestion names the known word nearest to a mistyped one.
func suggestion(word string, known []string) string {
	best, distance := "", 3
	if len(word) > maxName {
		return ""
	}
	for _, k := range known {
		if d := EditDistance(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return " Did you mean '" + best + "'?"
}

// EditDistance counts the letters to insert, delete or change that make b of a.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
