// Package deploy carries out ARM templates: it orders their workflows and connections,
// says what would change, changes it, and takes all back if a part of it fails.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// Change is what becomes of a resource.
type Change string

// What becomes of resources, in the words of the product's what-if.
const (
	Create      Change = "Create"
	Modify      Change = "Modify"
	NoChange    Change = "NoChange"
	Ignore      Change = "Ignore"
	Unsupported Change = "Unsupported"
)

// Step is a resource of a plan.
type Step struct {
	*template.Resource
	Change        Change
	Why           string // what is not deployed, and what to do instead
	Before, After value.Value
	Delta         []Delta

	old *Stored
}

// Plan is what a deployment does, in order.
type Plan struct {
	Steps    []*Step
	Warnings []value.Problem

	t       *template.Template
	to      Target
	answers Answers
}

// New works out what a deployment changes, and changes nothing. With problems there is
// no plan.
func New(ctx context.Context, t *template.Template, to Target, answers Answers) (*Plan, []value.Problem, error) {
	sorted, problems := order(t)
	if len(problems) > 0 {
		return nil, problems, nil
	}
	p := &Plan{t: t, to: to, answers: answers}
	for _, r := range sorted {
		if r.Existing || r.Is(template.DeploymentType) && !r.Linked {
			continue
		}
		s := &Step{Resource: r}
		if s.Change, s.Why = unsupported(r); s.Change == "" {
			found, err := p.compare(ctx, s)
			if err != nil {
				return nil, nil, err
			}
			problems = append(problems, found...)
		}
		p.Steps = append(p.Steps, s)
	}
	_, outputs := t.Outputs(p.lookup(ctx, false))
	problems = append(problems, outputs...)
	if slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning }) {
		return nil, problems, nil
	}
	p.Warnings = problems
	return p, nil, nil
}

// unsupported says why a resource is not deployed.
func unsupported(r *template.Resource) (Change, string) {
	switch {
	case r.Skipped:
		return Ignore, "its condition is false"
	case r.Linked:
		return Unsupported, "the template that it links to is not followed: deploy that one by itself"
	case r.Is(template.IdentityType):
		return Unsupported, "identities belong to the app: assign it the identity " + r.ID + "; workflows and connections name it by that id, and LATCHWORK_IDENTITY makes it the one that is meant where none is named"
	case !ours(r):
		return Unsupported, "only workflows and connections are deployed here"
	}
	return "", ""
}

// compare checks a resource and finds what changes.
func (p *Plan) compare(ctx context.Context, s *Step) ([]value.Problem, error) {
	body, problems := p.t.Body(s.Resource, p.lookup(ctx, false))
	if failed(problems) {
		return problems, nil
	}
	body, checked, err := p.check(ctx, s.Resource, body)
	if problems = append(problems, checked...); err != nil || failed(problems) {
		return problems, err
	}
	if s.old, err = p.to.Read(ctx, s.Resource); err != nil {
		return nil, fmt.Errorf("read %s '%s' in %s: %w", s.Type, s.Name, p.to, err)
	}
	p.differ(s, body)
	return problems, nil
}

// differ fills in what changes of a resource that gets a body.
func (p *Plan) differ(s *Step, body value.Value) {
	s.After = secured(s.Type, comparable(s.Type, body))
	if s.Change = Create; s.old == nil {
		return
	}
	s.Before = secured(s.Type, comparable(s.Type, s.old.Body))
	if at := s.Before.Member("location"); !s.After.Has("location") && !at.IsAbsent() {
		s.After = s.After.With("location", at) // a resource without one stays where it is
	}
	c := comparison{opaque: map[string]bool{}}
	for _, path := range s.old.Opaque {
		c.opaque[strings.ToLower(path)] = true
	}
	s.Change = NoChange
	if s.Delta = c.of("", s.Before, s.After); len(s.Delta) > 0 {
		s.Change = Modify
	}
}

// check says what is wrong with a body, and returns it as the target takes it. What
// hangs on values that are not known yet is checked when they are.
func (p *Plan) check(ctx context.Context, r *template.Resource, body value.Value) (value.Value, []value.Problem, error) {
	body, problems := p.to.Settle(ctx, r, body)
	if failed(problems) {
		return body, problems, nil
	}
	if r.Is(template.ConnectionType) {
		if p.t.Connection(r, template.Replace(body, value.String("later"))).API == "" {
			problems = append(problems, problem(invalidConnection, r.Path, "The connection '%s' must have 'properties.api.id'.", r.Name))
		}
		return body, problems, nil
	}
	known := template.Replace(body, value.String("https://known.after.deployment.invalid/"))
	more, err := p.to.Check(ctx, p.t.Workflow(r, known), body)
	return body, append(problems, slices.DeleteFunc(more, func(x value.Problem) bool { return later(body, r, x.Path) })...), err
}

// later tells whether what stands at a path hangs on a value that is not known yet.
func later(body value.Value, r *template.Resource, at *value.Path) bool {
	rest, ok := at.Below(r.Path)
	for ; ok && rest != nil; rest = rest.Parent() {
		if v, found := rest.Lookup(body); found {
			return template.HasUnknown(v)
		}
	}
	return false
}

func failed(problems []value.Problem) bool {
	return slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning })
}

// lookup answers what only deployed resources know. Before the deployment that may be
// unknown; after it, it may not.
func (p *Plan) lookup(ctx context.Context, after bool) template.Lookup {
	return func(c template.Call) (value.Value, error) {
		if v, ok := p.answers.find(c); ok {
			return v, nil
		}
		r := owner(p.t.Resources, c.ID)
		if r != nil && r.Is(template.DeploymentType) && !r.Linked {
			return template.Unknown, nil // its outputs are evaluated by the template itself
		}
		if r != nil && !ours(r) || r == nil && !oursByID(c.ID) {
			return value.Value{}, elsewhere(c)
		}
		v, err := ask(ctx, p.to, c)
		switch {
		case err == nil:
			return v, nil
		case !after && r != nil && !r.Existing:
			return template.Unknown, nil // it is not there yet, or not as it will be
		case errors.Is(err, ErrNotThere):
			return value.Value{}, fmt.Errorf("%s: The resource '%s' was not found in %s, which %s() asks", notFound, c.ID, p.to, c.Function)
		}
		return value.Value{}, fmt.Errorf("%s() of '%s': %w", c.Function, c.ID, err)
	}
}

// elsewhere says what an expression needs that nobody here can answer, and where the
// answer can be given.
func elsewhere(c template.Call) error {
	typ, name := typeAndName(c.ID)
	text := fmt.Sprintf("it needs %s() of %s '%s', which is not deployed here", c.Function, typ, name)
	if parameter := parameterAt(c.Path); parameter != "" {
		text += fmt.Sprintf("; the value goes to the %s", parameter)
	}
	return fmt.Errorf("%s: put a template parameter in place of %s, or give the answer with --answers", text, c.Expression)
}

// parameterAt is the parameter of a workflow or a connection that a value at a path
// goes to.
func parameterAt(at *value.Path) string {
	for ; at != nil; at = at.Parent() {
		switch up := at.Parent(); {
		case up != nil && up.Name() == "parameters" && up.Parent().Name() == "properties":
			return "workflow parameter '" + at.Name() + "'"
		case up != nil && up.Name() == "parameterValues":
			return "parameter '" + at.Name() + "' of the connection"
		}
	}
	return ""
}

// typeAndName reads an id: …/providers/A.B/c/x/d/y is A.B/c/d and x/y.
func typeAndName(id string) (typ, name string) {
	at := strings.LastIndex(strings.ToLower(id), "/providers/")
	if at < 0 {
		return "the resource", id
	}
	segments := strings.Split(id[at+len("/providers/"):], "/")
	typ = segments[0]
	for i, s := range segments[1:] {
		if i%2 == 0 {
			typ += "/" + s
		} else {
			name += "/" + s
		}
	}
	return typ, strings.TrimPrefix(name, "/")
}

// Outputs evaluates the outputs of the template after the deployment. A callback URL in
// one that is not secure is meant to be seen.
func (p *Plan) Outputs(ctx context.Context) ([]template.Output, []value.Problem) {
	ask := p.lookup(ctx, true)
	return p.t.Outputs(func(c template.Call) (value.Value, error) {
		v, err := ask(c)
		return plain(v), err
	})
}

// plain is a value without where it comes from.
func plain(v value.Value) value.Value {
	if v.IsAbsent() || !v.Marked() {
		return v
	}
	copied, err := value.Parse(value.Reveal(v))
	if err != nil {
		return v
	}
	return copied
}

// Answers are what Azure would answer for resources that are not deployed here: by
// resource id or name, and below that by function.
type Answers struct{ value.Value }

func (a Answers) find(c template.Call) (value.Value, bool) {
	for id, functions := range a.Members {
		_, name := typeAndName(c.ID)
		typ, _ := typeAndName(c.ID)
		if !strings.EqualFold(id, c.ID) && !strings.EqualFold(id, name) && !strings.EqualFold(id, typ+"/"+name) {
			continue
		}
		key := c.Function
		if c.Full {
			key = "referenceFull"
		}
		if v, ok := functions.Get(key); ok {
			if !strings.HasPrefix(strings.ToLower(c.Function), "reference") {
				v = v.Mark(value.Origin{Class: value.Credential, Name: "deploy:" + c.Function})
			}
			return v, true
		}
	}
	return value.Value{}, false
}
