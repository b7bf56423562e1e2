package leaks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// What an action sends as a credential is one, whatever the service that handed it out
// calls it. So it is followed back, from headers and from authentication to the answer
// or the parameter that it was taken from, as long as nothing is made of it on the way.

// picked is a value as far as it is taken out of outputs and variables.
type picked struct {
	from    []spot
	members []pickedMember // of what the definition writes as an object or array
	known   value.Value
}

type pickedMember struct {
	name string
	picked
}

// spot is a part of the outputs of an action, of a variable or of a parameter.
type spot struct {
	of                  *definition.Action
	variable, parameter string
	path                []string
}

// picks is the way back in one workflow. Each spot is looked at once, and no more of
// them than maxPicks: a variable may be made of parts of itself without end.
type picks struct {
	f      *flow
	root   *value.Path // of the definition
	folded map[*definition.Action]picked
	seen   map[string]bool
	marks  map[string]*mark // of the sources that were found
}

const maxPicks = 2_000

// usedAsCredentials makes sources of the answers and parameters that credentials are
// taken from. Those that are secured are sources by that, as a whole.
func (f *flow) usedAsCredentials(root *value.Path) {
	p := &picks{f, root, map[*definition.Action]picked{}, map[string]bool{}, map[string]*mark{}}
	for _, n := range f.order {
		if !n.remote() {
			continue
		}
		inputs := p.inputs(n.action)
		for _, h := range inputs.member("headers").members {
			if carriesCredential(h.name) {
				p.back(h.from)
			}
		}
		for _, name := range sanitized {
			p.back(inputs.member("authentication").member(name).from)
		}
	}
}

func (p *picks) inputs(a *definition.Action) picked {
	inputs, known := p.folded[a]
	if !known {
		inputs = expr.Fold(a.Inputs, picker{p.f})
		p.folded[a] = inputs
	}
	return inputs
}

// carriesCredential tells whether a header is one for credentials, by its name.
func carriesCredential(header string) bool {
	name := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(header))
	if name == "authorization" || name == "proxyauthorization" || name == "cookie" {
		return true
	}
	return slices.ContainsFunc([]string{"apikey", "authtoken", "authkey", "accesstoken", "functionskey", "subscriptionkey", "sessiontoken"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

// back follows values to the answers that they were taken from.
func (p *picks) back(spots []spot) {
	for len(spots) > 0 && len(p.seen) < maxPicks {
		s := spots[0]
		spots = spots[1:]
		key := s.key()
		if p.seen[key] {
			continue
		}
		p.seen[key] = true
		switch {
		case s.parameter != "":
			p.carries(s.parameter, s.path)
		case s.of == nil:
			for _, w := range p.f.writers[s.variable] {
				spots = append(spots, p.written(w, s.variable).at(s.path).from...)
			}
		case strings.EqualFold(s.of.Type, "Compose"):
			spots = append(spots, p.inputs(s.of).at(s.path).from...)
		case strings.EqualFold(s.of.Type, "ParseJson") && len(s.path) > 0 && strings.EqualFold(s.path[0], "body"):
			spots = append(spots, p.inputs(s.of).member("content").at(s.path[1:]).from...)
		case p.f.nodes[s.of].remote():
			p.handsOut(p.f.nodes[s.of], s.path)
		}
	}
}

func (s spot) key() string {
	name := ""
	if s.of != nil {
		name = s.of.Name
	}
	return fmt.Sprintf("%q%q%q%q", name, s.variable, s.parameter, s.path)
}

// handsOut makes a source of a part of an answer.
func (p *picks) handsOut(n *node, path []string) {
	_, secured := n.action.Secures()
	if secured || len(path) == 0 || !strings.EqualFold(path[0], "body") && !strings.EqualFold(path[0], "headers") {
		return
	}
	part := n.givenOut
	for _, name := range path {
		part = part.member(name)
	}
	if part.clean() {
		n.givenOut = join2(n.givenOut, at(p.mark("the credential that '"+n.step.Name+"' gets", n.step), path...))
	}
}

// mark is the one of a source, however many parts of it are credentials.
func (p *picks) mark(what string, s Step) *taint {
	if p.marks[what] == nil {
		p.marks[what] = begin(what, s)
	}
	return whole(p.marks[what])
}

// carries makes a source of a part of a parameter that is not declared a secret.
func (p *picks) carries(name string, path []string) {
	for _, x := range p.f.program.Parameters {
		if !strings.EqualFold(x.Name, name) || strings.HasPrefix(name, "$") {
			continue
		}
		key := strings.ToLower(x.Name)
		part := p.f.parameters[key]
		for _, n := range path {
			part = part.member(n)
		}
		if part.clean() {
			step := Step{"parameter '" + x.Name + "'", p.root.Keys("parameters", x.Name), p.f.index}
			p.f.parameters[key] = join2(p.f.parameters[key], at(p.mark("the parameter '"+x.Name+"' that is sent as a credential", step), path...))
		}
	}
}

// written is what an action writes into a variable.
func (p *picks) written(a *definition.Action, variable string) picked {
	inputs := p.inputs(a)
	if a.Type != "InitializeVariable" {
		return inputs.member("value")
	}
	for _, v := range inputs.member("variables").members {
		if strings.EqualFold(v.member("name").known.Str(), variable) {
			return v.member("value")
		}
	}
	return picked{}
}

func (p picked) at(path []string) picked {
	for _, name := range path {
		p = p.member(name)
	}
	return p
}

func (p picked) member(name string) picked {
	var m picked
	for _, x := range p.members {
		if strings.EqualFold(x.name, name) {
			m = x.picked
		}
	}
	if p.known.Kind() == value.KindObject {
		m.known = p.known.Member(name)
	}
	for _, x := range p.from {
		m.from = append(m.from, spot{x.of, x.variable, x.parameter, append(slices.Clone(x.path), name)})
	}
	return m
}

// picker finds what the values of a template are taken from.
type picker struct{ f *flow }

func (k picker) Literal(v value.Value) picked { return picked{known: v} }

func (k picker) Read(r expr.Reference, _ []picked) picked {
	switch {
	case r.Dynamic:
	case r.Kind == expr.RefVariable:
		return picked{from: []spot{{variable: strings.ToLower(r.Name)}}}
	case r.Kind == expr.RefParameter:
		return picked{from: []spot{{parameter: r.Name}}}
	case r.Kind == expr.RefAction:
		a := k.f.program.Action(r.Name)
		if a == nil {
			break
		}
		switch strings.ToLower(r.Function) {
		case "outputs":
			return picked{from: []spot{{of: a}}}
		case "body":
			return picked{from: []spot{{of: a, path: []string{"body"}}}}
		}
	}
	return picked{}
}

// Call keeps what functions give on as it is, or only write in another way.
func (k picker) Call(function string, args []picked) picked {
	switch function {
	case "concat":
		return k.Text(args)
	case "json", "string", "trim", "base64", "coalesce":
		return anyOf(args)
	case "if":
		return anyOf(args[min(1, len(args)):])
	}
	return picked{}
}

func anyOf(args []picked) picked {
	if len(args) == 1 {
		return args[0]
	}
	var sum picked
	for _, a := range args {
		sum.from = append(sum.from, a.from...)
	}
	return sum
}

func (k picker) Select(from picked, name string, key *picked) picked {
	if key == nil {
		return from.member(name)
	}
	if i, ok := key.known.AsInt(); ok {
		return from.member("#" + itoa(int(i)))
	}
	if s, ok := key.known.AsString(); ok {
		return from.member(s)
	}
	return picked{}
}

// Text: of several parts that are computed the last is the credential; before it stand
// the name of a user, an account or a key.
func (k picker) Text(parts []picked) picked {
	for _, p := range slices.Backward(parts) {
		if p.known.IsAbsent() {
			return picked{from: p.from}
		}
	}
	return picked{}
}

func (k picker) Array(items []picked) picked {
	var p picked
	for i, item := range items {
		p.members = append(p.members, pickedMember{"#" + itoa(i), item})
	}
	return p
}

func (k picker) Object(keys, values []picked) picked {
	var p picked
	for i, key := range keys {
		p.members = append(p.members, pickedMember{key.known.Str(), values[i]})
	}
	return p
}
