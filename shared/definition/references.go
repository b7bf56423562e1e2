package definition

import (
	"maps"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// templates returns what an action evaluates before or instead of its work.
func (a *Action) templates() []*expr.Template {
	all := []*expr.Template{a.Inputs, a.Expression, a.Limit}
	for _, name := range slices.Sorted(maps.Keys(a.Deferred)) { // so that problems come in one order
		all = append(all, a.Deferred[name])
	}
	return slices.DeleteFunc(all, func(t *expr.Template) bool { return t == nil })
}

// References lists what an action reads from its scope before it starts, or its
// operation from the run while it works.
func (a *Action) References() []expr.Reference {
	var all []expr.Reference
	for _, r := range a.Reads {
		all = append(all, r.Reference)
	}
	for _, t := range a.templates() {
		all = append(all, t.References()...)
	}
	return all
}

// references checks that whatever an expression names exists and comes before.
func (b *builder) references() {
	declared := b.declaredVariables()
	for _, a := range b.order {
		b.guessed(a)
		refs := a.References()
		if a.Tracked != nil {
			refs = append(refs, a.Tracked.References()...)
		}
		a.Collects = b.collects(a, refs)
		var before map[*Action]bool
		for _, r := range refs {
			switch {
			case r.Dynamic:
			case r.Kind == expr.RefLoop, r.Kind == expr.RefIteration:
				b.loopReference(a, r)
			case r.Kind == expr.RefAction || r.Kind == expr.RefResult:
				if before == nil {
					before = predecessors(a)
				}
				b.actionReference(a, r, before)
			default:
				b.reference(r, declared)
			}
		}
	}
	for _, o := range b.program.Outputs {
		b.program.Collects = append(b.program.Collects, b.collects(nil, o.Value.References())...)
		for _, r := range o.Value.References() {
			if (r.Kind == expr.RefAction || r.Kind == expr.RefResult) && !r.Dynamic && b.program.Action(r.Name) == nil {
				b.missing(r, "The template output '%s' is not valid: the action '%s' does not exist.", o.Name, r.Name)
				continue
			}
			b.reference(r, declared)
		}
	}
	for _, t := range b.program.Triggers {
		b.triggerReferences(t)
	}
}

// guessed drops what an operation only seems to read, and cannot.
func (b *builder) guessed(a *Action) {
	a.Reads = slices.DeleteFunc(a.Reads, func(r Read) bool {
		target := b.program.Action(r.Name)
		if !r.Guessed || r.Kind != expr.RefAction || target != nil && target != a && !severalLoops(a, target) && mayRead(a, target, predecessors(a)) {
			return false
		}
		b.warn(unreadable, r.Path, "The template action '%s' seems to read the action '%s', which does not come before it.", a.Name, r.Name)
		return true
	})
}

func (b *builder) missing(r expr.Reference, format string, args ...any) {
	b.fail(InvalidTemplate, r.Path, format, args...)
	b.problems[len(b.problems)-1].Column = r.Column
}

func (b *builder) reference(r expr.Reference, declared map[string]bool) {
	switch r.Kind {
	case expr.RefParameter:
		if _, ok := b.parameterNamed(r.Name); !ok && !r.Dynamic {
			b.missing(r, "The workflow parameter '%s' is not found.", r.Name)
			b.problems[len(b.problems)-1].Warning = b.src.Standard
		}
	case expr.RefVariable:
		if !r.Dynamic && !declared[strings.ToLower(r.Name)] {
			b.missing(r, "The variable '%s' is not initialized by any action.", r.Name)
		}
	}
}

func (b *builder) parameterNamed(name string) (Parameter, bool) {
	for _, p := range b.program.Parameters {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return Parameter{}, false
}

func (b *builder) actionReference(a *Action, r expr.Reference, before map[*Action]bool) {
	target := b.program.Action(r.Name)
	switch {
	case target == nil:
		b.missing(r, "The template action '%s' is not valid: it reads the action '%s', which does not exist.", a.Name, r.Name)
	case target == a:
		if !slices.Contains(a.trackedReferences(), r.Name) {
			b.missing(r, "The template action '%s' is not valid: it cannot read itself.", a.Name)
		}
	case r.Kind == expr.RefResult && len(target.Bodies) == 0: // run-semantics §8
		b.missing(r, "The template action '%s' is not valid: the function 'result' reads the action '%s', which holds no actions.", a.Name, target.Name)
	case severalLoops(a, target):
		b.missing(r, "The template action '%s' is not valid: the action '%s' is nested in several levels of Foreach and cannot be referenced from outside of them.", a.Name, target.Name)
	case !mayRead(a, target, before):
		b.missing(r, "The template action '%s' is not valid: unable to reference action '%s'. Action '%s' must either be in 'runAfter' path, or within a scope action on the 'runAfter' path of action '%s', or be a Trigger.",
			a.Name, target.Name, target.Name, a.Name)
	}
}

func (a *Action) trackedReferences() []string {
	if a.Tracked == nil {
		return nil
	}
	var names []string
	for _, r := range a.Tracked.References() {
		names = append(names, r.Name)
	}
	return names
}

// predecessors returns what is over before a starts, in its container and in
// those around it.
func predecessors(a *Action) map[*Action]bool {
	before := map[*Action]bool{}
	var walk func(*Action)
	walk = func(x *Action) {
		for _, d := range x.RunAfter {
			if !before[d.Action] {
				before[d.Action] = true
				walk(d.Action)
			}
		}
	}
	for x := a; x != nil; x = x.Graph.Owner {
		walk(x)
	}
	return before
}

// mayRead: the target, or a container that it stands in, is over before a, or
// the target is itself a container around a.
func mayRead(a, target *Action, before map[*Action]bool) bool {
	for x := a.Graph.Owner; x != nil; x = x.Graph.Owner {
		if x == target {
			return true
		}
	}
	for x := target; x != nil; x = x.Graph.Owner {
		if before[x] || x == a && a.Spec.Role == Until { // its condition comes after its body
			return true
		}
	}
	return false
}

// triggerReferences: the inputs of a trigger may not read actions.
func (b *builder) triggerReferences(t *Trigger) {
	if t.Inputs == nil {
		return
	}
	for _, r := range t.Inputs.References() {
		switch r.Kind {
		case expr.RefAction, expr.RefResult, expr.RefVariable, expr.RefLoop:
			b.missing(r, "The template trigger '%s' is not valid: the function '%s' is not expected at this location.", t.Name, r.Function)
		case expr.RefParameter:
			b.reference(r, nil)
		}
	}
}

// declaredVariables returns the lower-case names that InitializeVariable actions
// declare, and checks where and how often they do.
func (b *builder) declaredVariables() map[string]bool {
	declared := map[string]bool{}
	for _, a := range b.order {
		if a.Type != "InitializeVariable" {
			continue
		}
		at := a.Path.Keys("inputs", "variables")
		if a.Graph.Owner != nil {
			b.fail(InvalidVariableInit, a.Path, "The action '%s' initializes a variable inside '%s'; variables are initialized at the top level.", a.Name, a.Graph.Owner.Name)
		}
		list := b.bodyOf[a].Member("inputs").Member("variables")
		if list.Kind() != value.KindArray || list.Len() == 0 {
			b.fail(InvalidVariableInit, at, "The action '%s' must name the variables it initializes.", a.Name)
		}
		for i, v := range list.Elements {
			name := strings.ToLower(b.text(v.Member("name"), at.Index(i).Key("name")))
			if name == "" {
				b.fail("InvalidVariableName", at.Index(i), "The action '%s' initializes a variable without a name.", a.Name)
			} else if declared[name] {
				b.fail(InvalidVariableInit, at.Index(i), "The variable '%s' is initialized more than once.", v.Member("name").Str())
			}
			declared[name] = true
		}
	}
	for _, a := range b.order {
		if a.Spec.Role != Variable || a.Type == "InitializeVariable" {
			continue
		}
		name := b.bodyOf[a].Member("inputs").Member("name").Str()
		if !declared[strings.ToLower(name)] && !strings.Contains(name, "@") {
			b.fail(InvalidVariableOperation, a.Path.Keys("inputs", "name"), "The variable '%s' is not initialized by any action.", name)
		}
		for _, r := range a.References() {
			if a.Type == "SetVariable" && r.Kind == expr.RefVariable && strings.EqualFold(r.Name, name) { // actions §5
				b.fail(InvalidInput, r.Path, "The inputs of workflow run action '%s' of type 'SetVariable' are not valid. Self reference is not supported when updating the value of variable '%s'.", a.Name, name)
				break
			}
		}
	}
	return declared
}

// connection returns the key in $connections that an action or trigger uses, whose
// inputs stand at a path, and checks
// that it is there.
func (b *builder) connection(what string, inputs value.Value, at *value.Path) string {
	owner := at.Parent()
	if name, ok := inputs.Member("function").Member("connectionName").AsString(); ok {
		return name // Standard: connections.json
	}
	at = at.Keys("host", "connection")
	connection := inputs.Member("host").Member("connection")
	if name, ok := connection.Member("referenceName").AsString(); ok {
		return name // Standard: connections.json
	}
	name, ok := connection.Get("name")
	if !ok {
		return ""
	}
	t, _ := expr.CompileTemplate(name, at.Key("name")) // its problems are reported with inputs
	for _, r := range t.References() {
		if r.Kind != expr.RefParameter || !strings.EqualFold(r.Name, "$connections") || len(r.Selection) == 0 {
			continue
		}
		b.connectionExists(what, owner, r)
		return r.Selection[0]
	}
	return ""
}

// connectionExists warns: templates are published whose spelling differs, and an
// expression finds out soon enough.
func (b *builder) connectionExists(what string, owner *value.Path, r expr.Reference) {
	p, _ := b.parameterNamed("$connections")
	if p.Value.Len() == 0 {
		if !b.src.Parameters.IsAbsent() {
			b.missing(r, "The %s uses the connection '%s', and '$connections' has no value.", what, r.Selection[0])
			b.problems[len(b.problems)-1].Warning = true
		}
		return
	}
	entry, ok := p.Value.Get(r.Selection[0])
	if !ok {
		b.missing(r, "The %s uses the connection '%s', which '$connections' does not have; it has '%s'.",
			what, r.Selection[0], strings.Join(keys(p.Value), ", "))
		b.problems[len(b.problems)-1].Warning = true
		return
	}
	if api := APIName(entry); api != "" && !b.catalog.Connector(api) {
		b.warn(connectorNotImplemented, owner, "The template %s uses the connector '%s', which has no implementation here: it is called by its wire shape, at the runtime address of the connection.", what, api)
	}
}

// APIName returns the name of the managed API of an entry in $connections: the
// last segment of its id.
func APIName(connection value.Value) string {
	id := connection.Member("id").Str()
	if id == "" {
		id = connection.Member("api").Member("id").Str()
	}
	return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:])
}

func keys(v value.Value) []string {
	var names []string
	for k := range v.Members {
		names = append(names, k)
	}
	return names
}

// Predecessors returns what is over before an action starts, in its container and
// in those around it.
func (a *Action) Predecessors() map[*Action]bool { return predecessors(a) }
