package leaks

import (
	"regexp"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Step is one place on the way of a secret.
type Step struct {
	Name     string
	Path     *value.Path
	Workflow int // index of the workflow that Path is in
}

// node is an action or a trigger, with what its sides derive from.
type node struct {
	action  *definition.Action
	trigger *definition.Trigger
	step    Step

	in, out           *taint
	givenIn, givenOut *taint // what it brings in by itself
	securedIn         *taint // what its own setting declares a secret
}

// flow is what is known of one workflow.
type flow struct {
	set        *set
	program    *definition.Program
	name       string // lower case
	index      int    // among the workflows that are looked at
	nodes      map[*definition.Action]*node
	order      []*node // actions, in an order in which they may run
	triggers   []*node
	parameters map[string]*taint
	fromOrigin map[string]*mark
	writes     map[string]map[*definition.Action]*taint // by variable
	writers    map[string][]*definition.Action
	reached    map[access]bool
	before     map[*definition.Action]map[*definition.Action]bool
	surely     map[*definition.Action]map[*definition.Action]bool
	changed    bool
}

// set is workflows that may call each other.
type set struct {
	flows   []*flow
	byName  map[string]*flow
	passed  map[string]*taint // what callers hand to the trigger of a workflow: its outputs
	answers map[string]*taint // what the Response of a workflow gives back
	work    int
}

// maxWork bounds how often actions are looked at again, in all.
const maxWork = 200_000

func newFlow(s *set, index int, p *definition.Program, src definition.Source) *flow {
	f := &flow{
		set: s, index: index, program: p, name: strings.ToLower(src.Name), nodes: map[*definition.Action]*node{}, parameters: map[string]*taint{},
		fromOrigin: map[string]*mark{}, writes: map[string]map[*definition.Action]*taint{},
		writers: map[string][]*definition.Action{}, reached: map[access]bool{},
		before: map[*definition.Action]map[*definition.Action]bool{}, surely: map[*definition.Action]map[*definition.Action]bool{},
	}
	for _, x := range p.Parameters {
		if x.Secure() {
			place := Step{"parameter '" + x.Name + "'", src.Path.Keys("parameters", x.Name), index}
			f.parameters[strings.ToLower(x.Name)] = whole(begin("the secured parameter '"+x.Name+"'", place))
		} else if t := f.literal(x.Value); t != nil {
			f.parameters[strings.ToLower(x.Name)] = t.after(Step{"parameter '" + x.Name + "'", src.Path.Keys("parameters", x.Name), index})
		}
	}
	for _, t := range p.Triggers {
		n := &node{trigger: t, step: Step{t.Name, t.Path, index}}
		f.triggers = append(f.triggers, n)
		f.sources(n, t.Type, t.Connection, t.Inputs)
	}
	f.graph(p.Root)
	f.usedAsCredentials(src.Path)
	return f
}

// graph adds the actions of a container and of those inside it, each after those
// that it runs after.
func (f *flow) graph(g *definition.Graph) {
	for _, a := range g.Actions {
		n := &node{action: a, step: Step{a.Name, a.Path, f.index}}
		f.nodes[a] = n
		f.order = append(f.order, n)
		f.writersOf(a)
		f.sources(n, a.Type, a.Connection, a.Inputs)
		for _, body := range a.Bodies {
			f.graph(body)
		}
	}
}

// origins are marks of what a template put into the definition.
func (f *flow) origins(v value.Value) *taint {
	var marks []*mark
	for _, o := range v.Origins() {
		m := f.fromOrigin[o.Name]
		if m == nil {
			_, name, _ := strings.Cut(o.Name, ":")
			what := "the secured template parameter '" + name + "'"
			m = begin(what, Step{"template parameter '" + name + "'", nil, f.index})
			f.fromOrigin[o.Name] = m
		}
		marks = addMark(marks, m)
	}
	return whole(marks...)
}

// run follows all values until nothing new is found.
func (s *set) run() {
	for again := true; again; {
		again = false
		for _, f := range s.flows {
			for f.changed = true; f.changed && s.work < maxWork; {
				f.changed = false
				for _, n := range f.triggers {
					f.trigger(n)
				}
				for _, n := range f.order {
					s.work++
					f.action(n)
				}
				again = again || f.changed
			}
		}
		again = again && s.work < maxWork
	}
}

// declare makes sources of the sides that are secured and hold no secret that is
// known otherwise: who secures a side says that it is secret. It goes in the order of
// execution, so that what derives from a side that is declared here is no source too.
func (s *set) declare() {
	for _, f := range s.flows {
		for _, n := range f.triggers {
			in, out := n.trigger.Secures()
			f.declareSides(n, in, out)
			f.trigger(n)
		}
		for _, n := range f.order {
			f.action(n)
			in, out := n.action.Secures()
			f.declareSides(n, in, out)
			f.action(n)
		}
	}
}

func (f *flow) declareSides(n *node, in, out bool) {
	if out && n.out.clean() {
		n.givenOut = n.declared(whole(begin("the secured outputs of '"+n.step.Name+"'", n.step)))
	}
	if in && n.in.clean() && n.computed() {
		n.securedIn = whole(begin("the secured inputs of '"+n.step.Name+"'", n.step))
	}
}

// computed tells whether inputs hold more than the definition shows anyway.
func (n *node) computed() bool {
	var inputs *expr.Template
	if n.trigger != nil {
		inputs = n.trigger.Inputs
	} else {
		inputs = n.action.Inputs
	}
	if inputs == nil {
		return false
	}
	_, constant := inputs.Constant()
	return !constant
}

// declared is the outputs that are declared a secret. Of an answer, the status is
// none.
func (n *node) declared(t *taint) *taint {
	if !n.remote() {
		return t
	}
	var outputs *taint
	for _, name := range []string{"body", "headers", "queries", "relativePathParameters", "path"} {
		outputs = join2(outputs, at(t, name))
	}
	return outputs
}

func (f *flow) put(place **taint, t *taint) {
	if sum := join2(*place, t); !same(sum, *place) {
		*place = sum
		f.changed = true
	}
}

func (f *flow) fold(n *node, t *expr.Template) *taint {
	if t == nil {
		return nil
	}
	return expr.Fold(t, &folder{f: f, from: n}).t
}

func (f *flow) trigger(n *node) {
	f.put(&n.in, f.fold(n, n.trigger.Inputs))
	out := n.givenOut
	if n.trigger.Spec.Request {
		out = join2(out, f.set.passed[f.name])
	}
	f.put(&n.out, out.after(n.step))
}

func (f *flow) action(n *node) {
	a := n.action
	switch a.Spec.Role {
	case definition.If, definition.Until, definition.Scope: // which way it went is no part of a value
	case definition.Switch:
		f.put(&n.in, at(f.fold(n, a.Expression), "expressionResult"))
	case definition.Foreach:
		f.put(&n.in, f.fold(n, a.Expression))
	case definition.Variable:
		f.put(&n.in, f.fold(n, a.Inputs))
		f.variables(n)
	default:
		f.put(&n.in, join2(f.fold(n, a.Inputs), n.givenIn))
		f.put(&n.out, join2(f.outputs(n), n.givenOut).after(n.step))
	}
}

// outputs is what the outputs of an operation derive from, by its inputs. A call
// over the network gives nothing of its inputs back.
func (f *flow) outputs(n *node) *taint {
	a := n.action
	switch strings.ToLower(a.Type) {
	case "compose":
		return n.in
	case "parsejson":
		return at(n.in.member("content"), "body")
	case "response":
		out := n.in.without("schema")
		f.putNamed(f.set.answers, f.name, out.after(n.step))
		return out
	case "select":
		return at(arrayOf(f.each(n, a.Deferred["select"], n.in.member("from"))), "body")
	case "query":
		item := n.in.elements() // its inputs are the array itself
		if keepsFailed(a) {
			item = item.without("outputs")
		}
		return at(arrayOf(item), "body")
	case "table":
		if len(a.Deferred) == 0 {
			return at(n.in.member("from").flat(), "body")
		}
		var columns *taint
		for _, t := range a.Deferred {
			columns = join2(columns, f.each(n, t, n.in.member("from")))
		}
		return at(columns.flat(), "body")
	case "join":
		return at(join2(n.in.member("from"), n.in.member("joinWith")).flat(), "body")
	case "liquid", "xslt", "xmlvalidation", "xmlparse", "xmlcompose", "flatfileencoding", "flatfiledecoding", "parsedocument", "chunktext":
		return at(n.in.without("integrationAccount", "map", "schema").flat(), "body")
	case "javascriptcode":
		code := expr.Fold(a.Inputs, sketch{f}).Member("code").Str()
		return at(join2(f.scripted(code), n.in.flat()), "body")
	case "workflow":
		child := f.child(n)
		f.putNamed(f.set.passed, child, join2(at(n.in.member("body"), "body"), at(n.in.member("headers"), "headers")).after(n.step))
		return f.set.answers[child]
	}
	return nil
}

// failures is a filter by a status that is no success.
var failures = regexp.MustCompile(`(?i)^@\s*(?:or\()?(?:\s*,?\s*equals\(\s*item\(\)\??\['status'\]\s*,\s*'(?:Failed|TimedOut|Skipped)'\s*\))+\s*\)?$`)

// keepsFailed: a filter that keeps, of the records of a scope, those that did not
// succeed. Their outputs tell what went wrong; the secret was not read.
func keepsFailed(a *definition.Action) bool {
	ofResult := slices.ContainsFunc(a.Inputs.References(), func(r expr.Reference) bool { return r.Kind == expr.RefResult })
	return ofResult && a.Deferred["where"] != nil && failures.MatchString(a.Deferred["where"].Source())
}

// child is the name of the workflow that is called; "" if it is not in the set.
func (f *flow) child(n *node) string {
	id := expr.Fold(n.action.Inputs, sketch{f}).Member("host").Member("workflow").Member("id").Str()
	name := strings.ToLower(lastSegment(id))
	if f.set.byName[name] == nil {
		return ""
	}
	return name
}

func (f *flow) putNamed(places map[string]*taint, name string, t *taint) {
	if name == "" {
		return
	}
	old := places[name]
	f.put(&old, t)
	places[name] = old
}

// each folds what is evaluated for each item of an array.
func (f *flow) each(n *node, t *expr.Template, from *taint) *taint {
	if t == nil {
		return nil
	}
	return expr.Fold(t, &folder{f: f, from: n, each: true, item: from.elements()}).t
}
