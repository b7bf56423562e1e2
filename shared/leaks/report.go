package leaks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// analyze finds every place.
func analyze(workflows []definition.Source, c definition.Catalog) ([]Finding, []*definition.Program) {
	s := &set{byName: map[string]*flow{}, passed: map[string]*taint{}, answers: map[string]*taint{}}
	for i, src := range workflows {
		f := newFlow(s, i, definition.Outline(src, c), src)
		s.flows = append(s.flows, f)
		if _, taken := s.byName[f.name]; taken {
			f = nil // which of them is called cannot be told
		}
		s.byName[strings.ToLower(src.Name)] = f
	}
	s.run()
	s.declare()
	s.run()
	var all []Finding
	var programs []*definition.Program
	for i, f := range s.flows {
		programs = append(programs, f.program)
		r := &report{f: f, workflow: i}
		r.inDefinition(workflows[i])
		for _, n := range f.triggers {
			r.trigger(n)
		}
		for _, a := range f.program.Order {
			if n := f.nodes[a]; n != nil {
				r.action(n)
			}
		}
		for _, o := range f.program.Outputs {
			at := workflows[i].Path.Keys("outputs", o.Name, "value")
			r.add(Finding{Kind: RunOutput, Name: o.Name, Path: at, step: Step{"output '" + o.Name + "'", at, i}}, f.fold(&node{}, o.Value), nil)
		}
		all = append(all, r.findings...)
	}
	return all, programs
}

type report struct {
	f        *flow
	workflow int
	findings []Finding
}

// add reports what shows, at the first place under base where it does.
func (r *report) add(f Finding, t *taint, base *value.Path) {
	if t.clean() {
		return
	}
	f.Workflow = r.workflow
	if base != nil {
		f.Path = t.place(base)
	}
	for _, m := range t.all() {
		w := Way{Source: m.source, Steps: m.steps}
		if m.steps[len(m.steps)-1] != f.step {
			w.Steps = append(m.steps[:len(m.steps):len(m.steps)], f.step)
		}
		f.Ways = append(f.Ways, w)
		if before := len(w.Steps) - 2; before >= 0 && f.Kind == History && f.Note == "" {
			f.Note = r.f.hop(w.Steps[before].Name)
		}
	}
	if f.Advice == "" {
		for _, rule := range Rules {
			if rule.Kind == f.Kind {
				f.Advice = rule.Help
			}
		}
	}
	r.findings = append(r.findings, f)
}

// hop explains that what is hidden in the operation before is not passed on
// (secure-data §2, rules 5 and 6).
func (f *flow) hop(name string) string {
	a := f.program.Action(name)
	if a == nil || !a.HideInputs && !a.HideOutputs {
		return ""
	}
	if in, out := a.Secures(); in || out {
		if a.Spec.NoOutputSetting {
			return "history hides '" + a.Name + "', but a " + a.Type + " passes nothing on to what reads it"
		}
		return ""
	}
	return "history hides '" + a.Name + "' by inheritance, which goes one hop and no further"
}

// place is where in a value its first marked part is.
func (t *taint) place(base *value.Path) *value.Path {
	for t != nil && t.marks == nil && len(t.members) > 0 {
		m := t.members[0]
		if i, isIndex := strings.CutPrefix(m.key, "#"); isIndex {
			n, _ := strconv.Atoi(i)
			base = base.Index(n)
		} else if m.key != "?" && m.key != beyondHost {
			base = base.Key(m.key)
		}
		t = m.t
	}
	return base
}

func (r *report) action(n *node) {
	a := n.action
	base := a.Path.Key("inputs")
	switch a.Spec.Role {
	case definition.Foreach:
		base = a.Path.Key("foreach")
	case definition.Switch:
		base = a.Path.Key("expression")
	}
	shown := n.shown()
	if a.Spec.Role == definition.Switch {
		shown = shown.member("expressionResult")
	}
	if !a.HideInputs {
		r.history(n, "inputs", shown, base)
	}
	if !a.HideOutputs {
		r.history(n, "outputs", n.out, nil)
	}
	at := func(kind Kind) Finding { return Finding{Kind: kind, Name: a.Name, Path: a.Path, step: n.step} }
	r.add(at(Tracked), r.f.fold(n, a.Tracked), a.Path.Key("trackedProperties"))
	if n.remote() {
		r.add(at(Address), n.address(), base)
	}
	if a.Spec.Responds {
		r.add(at(Answer), n.in.only("body", "headers"), base)
	}
	switch {
	case a.Spec.Role == definition.Terminate:
		r.add(at(RunError), n.in.member("runError").under("runError"), base)
	case strings.EqualFold(a.Type, "Workflow") && r.f.child(n) == "":
		r.add(at(Handed), n.in.only("body", "headers"), base)
	}
}

func (r *report) trigger(n *node) {
	t := n.trigger
	if !t.HideInputs {
		r.history(n, "inputs", n.shown(), t.Path.Key("inputs"))
	}
	if !t.HideOutputs {
		r.history(n, "outputs", n.out, nil)
	}
	at := func(kind Kind) Finding {
		return Finding{Kind: kind, Name: t.Name, Trigger: true, Path: t.Path, step: n.step}
	}
	r.add(at(TrackingID), r.f.fold(n, t.ClientTrackingID), t.Path.Keys("correlation", "clientTrackingId"))
	r.add(at(TrackingID), r.f.fold(n, t.SplitID), t.Path.Keys("splitOnConfiguration", "correlation", "clientTrackingId"))
	r.add(at(Address), n.address(), t.Path.Key("inputs"))
}

// history reports a side that is not hidden.
func (r *report) history(n *node, side string, t *taint, base *value.Path) {
	f := Finding{Kind: History, Name: n.step.Name, Trigger: n.trigger != nil, Sides: []string{side}, Path: n.step.Path, step: n.step}
	f.own, f.Advice = n.settings(side)
	r.add(f, t, base)
}

// securable are the types whose own settings secure a side (secure-data §1), in
// lower case; those that have one for inputs only come first.
var (
	securableInputs = strings.Fields("compose parsejson response wait")
	securable       = strings.Fields(`http httpwebhook apiconnection apiconnectionwebhook apimanagement function workflow sendtobatch
		select query join table javascriptcode expression xslt xmlvalidation xmlparse xmlcompose flatfileencoding flatfiledecoding liquid
		request serviceprovider openapiconnection openapiconnectionwebhook invokefunction`)
)

// settings are those of an operation that would hide a side; nil where it has none,
// with what to do instead.
func (n *node) settings(side string) (*definition.Setting, string) {
	typ, tracked := "", false
	if n.trigger != nil {
		typ = n.trigger.Type
	} else {
		typ, tracked = n.action.Type, n.action.Tracked != nil
	}
	typ = strings.ToLower(typ)
	switch {
	case tracked:
		return nil, "remove the tracked properties of '" + n.step.Name + "', which may not stand on a secured operation; then secure its " + side
	case slices.Contains(securableInputs, typ):
		side = "inputs"
	case !slices.Contains(securable, typ):
		return nil, "the designer offers no such setting for this type: read the secret where it is used, or keep it in a Compose with secured inputs"
	}
	return &definition.Setting{Name: n.step.Name, Trigger: n.trigger != nil, Side: side}, ""
}

// remote tells whether inputs are a request: of a trigger, and of an operation that
// does more than work on values. A type that is not known is taken for one.
func (n *node) remote() bool {
	return n.trigger != nil || n.action.Spec.Role == definition.Operation && !n.action.Spec.Inline
}

// sanitized are the members of authentication that history never shows.
var sanitized = []string{"password", "value", "secret", "pfx"}

// shown is the inputs as history keeps them: without Authorization headers and the
// secret members of authentication (secure-data §4).
func (n *node) shown() *taint {
	if !n.remote() {
		return n.in
	}
	return n.in.sanitized(2)
}

func (t *taint) sanitized(depth int) *taint {
	if t == nil {
		return nil
	}
	t = t.without("subscriptionKey")
	if t == nil {
		return nil
	}
	for _, m := range t.members {
		switch strings.ToLower(m.key) {
		case "authentication":
			kept := m.t.without(sanitized...)
			if m.t.marks != nil || m.t.rest != nil {
				kept = nil // the object as a whole: what history keeps of it is known only at run time
			}
			t = t.with(m.key, kept)
		case "headers":
			t = t.with(m.key, m.t.without("authorization"))
		case "subscribe", "unsubscribe":
			if depth > 0 {
				t = t.with(m.key, m.t.sanitized(depth-1))
			}
		}
		if t == nil {
			return nil
		}
	}
	return t
}

// address is what goes into the path or the query of a request. The host, or a
// whole address that is itself the secret, goes nowhere else than the request.
func (n *node) address() *taint {
	var own *taint
	for _, side := range []string{"", "subscribe", "unsubscribe"} {
		in := n.in
		if side != "" {
			in = in.member(side)
		}
		part := join2(in.only("path", "queries", "pathTemplate"), in.member("uri").only(beyondHost).under("uri"))
		if side != "" {
			part = part.under(side)
		}
		own = join2(own, part)
	}
	return own
}

// only keeps the members of these names.
func (t *taint) only(names ...string) *taint {
	if t == nil {
		return nil
	}
	var kept []member
	for _, m := range t.members {
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, m.key) }) {
			kept = append(kept, m)
		}
	}
	return makeTaint(nil, kept, nil)
}

func (t *taint) under(name string) *taint { return at(t, name) }

// inDefinition reports what a template deploys in plain text.
func (r *report) inDefinition(src definition.Source) {
	var walk func(v value.Value, at *value.Path, inside string)
	walk = func(v value.Value, at *value.Path, inside string) {
		if !v.Marked() {
			return
		}
		if t := r.f.origins(v); t != nil {
			r.add(Finding{Kind: Definition, Name: inside, Path: at, step: Step{inside, at, r.workflow}}, t, nil)
			return
		}
		for k, m := range v.Members {
			walk(m, at.Key(k), inside)
		}
		for i, m := range v.Elements {
			walk(m, at.Index(i), inside)
		}
	}
	secure := map[string]bool{}
	for _, p := range r.f.program.Parameters {
		secure[strings.ToLower(p.Name)] = p.Secure()
	}
	for k, m := range src.Definition.Members {
		if !strings.EqualFold(k, "parameters") {
			walk(m, src.Path.Key(k), "the definition")
			continue
		}
		for name, p := range m.Members {
			if !secure[strings.ToLower(name)] {
				walk(p, src.Path.Keys(k, name), "the parameter '"+name+"'")
			}
		}
	}
	for name, p := range src.Parameters.Members {
		if !secure[strings.ToLower(name)] {
			walk(p, src.ParametersPath.Key(name), "the parameter '"+name+"'")
		}
	}
}
