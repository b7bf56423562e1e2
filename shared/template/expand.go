package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Resource is a resource of a template, one for each turn of its copy loop.
type Resource struct {
	Type, Name, ID string
	Symbol         string      // its name in a template with symbolic names
	Copy           string      // the name of its copy loop
	Index          int64       // its turn in the loop
	Path           *value.Path // where it stands in the file
	// Skipped: its condition does not hold. Existing: it is only referred to.
	Skipped, Existing bool
	// Linked: a nested deployment whose template is in another file.
	Linked bool
	// Within is the nested deployment that it belongs to; nil for the template itself.
	Within    *Resource
	DependsOn []Dependency

	written value.Value // as it stands in the file
	e       *evaluation
	inner   *evaluation // of a nested deployment: what its template is evaluated in
	fixed   *Workflow   // of a file that is no template
}

// Dependency is an element of dependsOn.
type Dependency struct {
	On   string // a resource id, a name, or the name of a copy loop
	Path *value.Path
}

// Is tells whether a resource is of a type, ignoring case.
func (r *Resource) Is(typ string) bool { return strings.EqualFold(r.Type, typ) }

// IsSymbol tells whether a symbolic name means the resource; that of a copy has the
// index behind it, as in flow[2].
func (r *Resource) IsSymbol(name string) bool {
	return r.Symbol != "" && (strings.EqualFold(name, r.Symbol) || r.Copy != "" && strings.EqualFold(name, fmt.Sprintf("%s[%d]", r.Symbol, r.Index)))
}

// Types of resources that mean something here.
const (
	WorkflowType   = "Microsoft.Logic/workflows"
	ConnectionType = "Microsoft.Web/connections"
	IdentityType   = "Microsoft.ManagedIdentity/userAssignedIdentities"
	DeploymentType = "Microsoft.Resources/deployments"
)

// scope is where in the tree of resources something stands.
type scope struct {
	within *Resource // the nested deployment
	parent *Resource // the resource whose child this is
}

func (l *loader) resources(e *evaluation, list value.Value, at *value.Path, s scope) {
	for i, r := range list.Elements {
		l.oneResource(e, r, at.Index(i), s, "")
	}
	for name, r := range list.Members { // templates with symbolic names
		l.oneResource(e, r, at.Key(name), s, name)
	}
}

func (l *loader) oneResource(e *evaluation, r value.Value, at *value.Path, s scope, symbol string) {
	if !l.deploys && !l.means(r) {
		return
	}
	copies := r.Member("copy")
	if copies.IsAbsent() {
		l.found(e, r, at, s, Resource{Symbol: symbol})
		return
	}
	count, ok := e.copyCount(copies.Member("count"), at.Keys("copy", "count"))
	if !ok {
		return
	}
	name := copies.Member("name").Str()
	for i := range count {
		l.found(e.turn(name, i, true), r, at, s, Resource{Symbol: symbol, Copy: name, Index: i})
	}
}

// means tells whether a resource is or holds one that is read from files.
func (l *loader) means(r value.Value) bool {
	typ := r.Member("type").Str()
	return strings.EqualFold(typ, WorkflowType) || strings.EqualFold(typ, ConnectionType) || strings.EqualFold(typ, DeploymentType) || r.Has("resources")
}

// maxCopies is the product's bound for copy loops, and that of the resources of a template.
const maxCopies = 800

// maxResources bounds what loops in nested deployments make.
const maxResources = 20 * maxCopies

func (l *loader) found(e *evaluation, written value.Value, at *value.Path, s scope, r Resource) {
	if condition, ok := written.Get("condition"); ok {
		yes, isBool := e.value(condition, at.Key("condition")).AsBool()
		if !isBool && l.deploys {
			l.fail(invalidTemplate, at.Key("condition"), "The condition of a resource must be true or false, known before the deployment.")
		}
		r.Skipped = isBool && !yes
	}
	if r.Skipped && !l.deploys {
		return
	}
	if len(l.all) >= maxResources {
		l.crowded = true
		return
	}
	r.written, r.e, r.Path, r.Within = written, e, at, s.within
	r.Existing, _ = written.Member("existing").AsBool()
	if r.Type = written.Member("type").Str(); l.deploys {
		if !l.identify(&r, s.parent) {
			return
		}
		l.dependencies(&r)
	}
	l.all = append(l.all, &r)
	if r.Is(DeploymentType) {
		l.nested(e, &r, at)
	}
	l.resources(e, written.Member("resources"), at.Key("resources"), scope{s.within, &r})
}

// identify evaluates type and name of a resource and puts its id together.
func (l *loader) identify(r *Resource, parent *Resource) bool {
	if r.Type = settledText(r.e.value(r.written.Member("type"), r.Path.Key("type"))); r.Type == "" {
		l.fail(invalidTemplate, r.Path, "The resource has no type.")
		return false
	}
	name := r.e.value(r.written.Member("name"), r.Path.Key("name"))
	if r.Name = settledText(name); r.Name == "" {
		l.fail(invalidTemplate, r.Path.Key("name"), "The name of a resource of type '%s' must be text, known before the deployment.", r.Type)
		return false
	}
	if parent != nil && !strings.Contains(r.Type, ".") { // relative to its parent
		r.Type, r.Name = parent.Type+"/"+r.Type, parent.Name+"/"+r.Name
	}
	if base := settledText(r.e.value(r.written.Member("scope"), r.Path.Key("scope"))); base != "" {
		if !strings.HasPrefix(base, "/") {
			base = "/" + base
		}
		r.ID = strings.TrimRight(base, "/") + "/providers/" + r.Type + "/" + r.Name
		return true
	}
	args := []value.Value{value.String(r.Type)}
	for n := range strings.SplitSeq(r.Name, "/") {
		args = append(args, value.String(n))
	}
	base := r.e.c.group()
	if r.Is("Microsoft.Resources/resourceGroups") {
		base = "/subscriptions/" + r.e.c.SubscriptionID
	}
	var err error
	if r.ID, err = joinType(base, args); err != nil {
		l.fail(invalidTemplate, r.Path.Key("name"), "The name '%s' does not have as many segments as the type '%s' wants.", r.Name, r.Type)
		return false
	}
	return true
}

func settledText(v value.Value) string { return settled(v).Str() }

func (l *loader) dependencies(r *Resource) {
	at := r.Path.Key("dependsOn")
	for i, d := range r.written.Member("dependsOn").Elements {
		switch on := r.e.value(d, at.Index(i)); {
		case on.Kind() == value.KindString:
			r.DependsOn = append(r.DependsOn, Dependency{on.Str(), at.Index(i)})
		case on.Kind() == value.KindArray: // [createArray(…)], which Bicep does not write
			for _, each := range on.Elements {
				r.DependsOn = append(r.DependsOn, Dependency{each.Str(), at.Index(i)})
			}
		}
	}
}

// nested evaluates a template inside a template: in its own scope with its own
// parameters, or in that of the outer one.
func (l *loader) nested(e *evaluation, r *Resource, at *value.Path) {
	properties := r.written.Member("properties")
	inner := properties.Member("template")
	if inner.IsAbsent() || r.Skipped {
		r.Linked = !r.Skipped // a link to another file, which is not followed
		return
	}
	given, givenAt := properties.Member("parameters"), at.Keys("properties", "parameters")
	at = at.Keys("properties", "template")
	if e.depth >= maxNested {
		l.fail(invalidTemplate, at, "Deployments nest deeper than %d levels.", maxNested)
		return
	}
	in := *e
	in.depth++
	if strings.EqualFold(properties.Member("expressionEvaluationOptions").Member("scope").Str(), "inner") {
		in = *newEvaluation(l, inner, at)
		in.depth, in.c, in.outer, in.written, in.writtenAt = e.depth+1, e.c, e, given, givenAt
		in.bindAll(e.value(given, givenAt))
	}
	in.outputs, in.outputsAt = inner.Member("outputs"), at.Key("outputs")
	if l.deploys { // elsewhere the group of a workflow is that of the machine
		in.c = elsewhere(e, r.written, in.c)
	}
	r.inner = &in
	l.resources(&in, inner.Member("resources"), at.Key("resources"), scope{within: r})
}

// elsewhere is the context of a nested deployment into another group or subscription.
func elsewhere(e *evaluation, written value.Value, c Context) Context {
	if s := settledText(e.value(written.Member("subscriptionId"), nil)); s != "" {
		c.SubscriptionID = s
	}
	if g := settledText(e.value(written.Member("resourceGroup"), nil)); g != "" {
		c.ResourceGroup = g
	}
	return c
}

// maxNested bounds nesting; the product's bound is lower.
const maxNested = 8

// copyCount is the count of a loop.
func (e *evaluation) copyCount(v value.Value, at *value.Path) (int64, bool) {
	count, ok := e.value(v, at).AsInt()
	if !ok && e.l.deploys || count < 0 || count > maxCopies {
		e.l.fail(invalidTemplate, at, "The count of a copy loop must be 0 to %d.", maxCopies)
		return 0, false
	}
	return count, true
}

// loop is a copy loop that is under way.
type loop struct {
	name     string
	index    int64
	resource bool
}

func (e *evaluation) turn(name string, index int64, resource bool) *evaluation {
	inner := *e
	inner.loops = append(e.loops[:len(e.loops):len(e.loops)], loop{name, index, resource})
	return &inner
}

// copyIndex: [name of the loop], [offset]. Without a name the loop of the resource is
// meant; those of properties have to be named, but where there is no other.
func (e *evaluation) copyIndexOf(args []value.Value) (value.Value, error) {
	if len(e.loops) == 0 {
		return value.Value{}, errors.New("copyIndex() is only known inside a copy loop")
	}
	name, named, offset := "", false, int64(0)
	for _, a := range args {
		if s, ok := a.AsString(); ok {
			name, named = s, true
		} else if n, ok := a.AsInt(); ok {
			offset = n
		}
	}
	index := e.loops[len(e.loops)-1].index
	found := !named
	for i := len(e.loops) - 1; i >= 0; i-- {
		if l := e.loops[i]; named && strings.EqualFold(l.name, name) || !named && l.resource {
			index, found = l.index, true
			break
		}
	}
	if !found {
		return value.Value{}, fmt.Errorf("there is no copy loop '%s' here", name)
	}
	return value.Int(index + offset), nil
}
