package template

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Template is a template that is to be deployed, with the values of its parameters.
type Template struct {
	Resources  []*Resource // in the order of the file, loops and nested deployments unrolled
	Parameters []Parameter

	l    *loader
	root *evaluation // nil for a file that is no template
}

// Parameter is one that a template declares.
type Parameter struct {
	Name, Type, Description string
	Default, Allowed        value.Value // absent where there is none
	Secure, Missing         bool
	Path                    *value.Path
}

// Output is a value that a template gives back.
type Output struct {
	Name, Type string
	Secure     bool
	Value      value.Value
	Path       *value.Path
}

// Open reads a file for a deployment. Other than Load it takes no guesses: names,
// conditions and loops must be known, and what only deployed resources can answer is
// asked for when a resource is evaluated. A file that is no template has its workflow.
func Open(data []byte, fallback string, parameters value.Value, c Context) (*Template, []value.Problem) {
	document, repeated, err := value.ParseDocument(data)
	if err != nil {
		var at *value.SyntaxError
		errors.As(err, &at)
		return nil, []value.Problem{{Code: invalidTemplate, Message: "The file is not JSON: " + err.Error() + ".", At: at}}
	}
	l := &loader{context: c, root: document, deploys: true, lookup: func(Call) (value.Value, error) { return Unknown, nil }}
	for _, at := range repeated {
		l.problems = append(l.problems, value.Problem{Code: invalidTemplate, Message: "The name stands more than once; the last one counts.", Path: at, Warning: true})
	}
	t := &Template{l: l}
	if document.Kind() == value.KindObject && document.Has("resources") && !document.Has("triggers") {
		t.open(document, parameters)
	} else {
		t.plain(document, fallback, parameters)
	}
	t.Resources = l.all
	return t, l.problems
}

func (t *Template) open(d, given value.Value) {
	t.root = newEvaluation(t.l, d, nil)
	t.root.outputs, t.root.outputsAt = d.Member("outputs"), (*value.Path)(nil).Key("outputs")
	t.declared(d, given)
	if t.root.bindAll(given); t.root.failed() {
		return // everything else would fail for the same reason
	}
	t.l.resources(t.root, d.Member("resources"), (*value.Path)(nil).Key("resources"), scope{})
	if t.l.crowded {
		t.l.fail(invalidTemplate, nil, "The template has more than %d resources.", maxResources)
	}
	seen := map[string]bool{}
	for _, r := range t.Resources {
		seen[strings.ToLower(r.ID)] = false
	}
	for _, r := range t.l.all {
		id := strings.ToLower(r.ID)
		if seen[id] && !r.Skipped && !r.Existing {
			t.l.fail(invalidTemplate, r.Path, "The resource '%s' is defined multiple times in the template.", r.ID)
		}
		seen[id] = seen[id] || !r.Skipped && !r.Existing
	}
}

// plain takes the workflows of a file that is no template.
func (t *Template) plain(d value.Value, fallback string, given value.Value) {
	if given.Len() > 0 {
		t.l.fail(invalidTemplate, nil, "Parameters were given, but the file is not a template.")
	}
	t.l.load(d, fallback, given)
	for i := range t.l.deployment.Workflows {
		w := &t.l.deployment.Workflows[i]
		t.l.all = append(t.l.all, &Resource{Type: WorkflowType, Name: w.Name, ID: w.ResourceID, fixed: w})
	}
}

// Declared lists the parameters that a template declares; none for other files.
func Declared(data []byte) []Parameter {
	d, _, err := value.ParseDocument(data)
	if err != nil || !d.Has("resources") {
		return nil
	}
	var t Template
	t.declared(d, value.Value{})
	return t.Parameters
}

// declared lists the parameters, for whoever has to give them.
func (t *Template) declared(d, given value.Value) {
	at := (*value.Path)(nil).Key("parameters")
	for name, p := range d.Member("parameters").Members {
		p = resolvedType(d, p)
		typ := p.Member("type").Str()
		entry := Parameter{
			Name: name, Type: typ, Description: p.Member("metadata").Member("description").Str(), Default: p.Member("defaultValue"), Allowed: p.Member("allowedValues"),
			Secure: isSecure(typ), Path: at.Key(name),
		}
		nullable, _ := p.Member("nullable").AsBool()
		entry.Missing = !given.Has(name) && entry.Default.IsAbsent() && !nullable
		t.Parameters = append(t.Parameters, entry)
	}
}

func isSecure(typ string) bool { return strings.HasPrefix(strings.ToLower(typ), "secure") }

// Body is what a resource consists of: its members as the REST API takes them, without
// those that only mean something in a template.
func (t *Template) Body(r *Resource, lookup Lookup) (value.Value, []value.Problem) {
	if r.fixed != nil {
		return r.fixed.body(), nil
	}
	l := t.asking(lookup)
	e := r.e.renewed(l)
	b := value.NewObject(8)
	for name, v := range r.written.Members {
		switch strings.ToLower(name) {
		case "type", "apiversion", "name", "dependson", "copy", "condition", "resources", "comments", "scope", "metadata", "existing", "import", "asserts":
		default:
			b.Set(name, e.value(v, r.Path.Key(name)))
		}
	}
	return b.Build(), l.problems
}

// Calls are the functions in a resource that deployed resources answer.
func (t *Template) Calls(r *Resource) (calls []Call) {
	_, _ = t.Body(r, func(c Call) (value.Value, error) {
		calls = append(calls, c)
		return Unknown, nil
	})
	return calls
}

// Outputs evaluates the outputs of the template.
func (t *Template) Outputs(lookup Lookup) ([]Output, []value.Problem) {
	if t.root == nil {
		return nil, nil
	}
	l := t.asking(lookup)
	return t.root.renewed(l).evaluateOutputs(), l.problems
}

// asking is a loader whose problems are its own.
func (t *Template) asking(lookup Lookup) *loader {
	return &loader{context: t.l.context, root: t.l.root, deploys: true, lookup: lookup, all: t.l.all}
}

func (e *evaluation) evaluateOutputs() []Output {
	var all []Output
	for name, o := range e.outputs.Members {
		at := e.outputsAt.Key(name)
		if condition, ok := o.Get("condition"); ok {
			if yes, isBool := e.value(condition, at.Key("condition")).AsBool(); isBool && !yes {
				continue
			}
		}
		result := Output{Name: name, Type: o.Member("type").Str(), Path: at}
		result.Secure = isSecure(result.Type)
		if c := o.Member("copy"); !c.IsAbsent() {
			result.Value = e.copies("", c, at.Key("copy"))
		} else {
			result.Value = e.value(o.Member("value"), at.Key("value"))
		}
		all = append(all, result)
	}
	return all
}

// Workflow is a workflow resource with its body, as it is compiled and saved.
func (t *Template) Workflow(r *Resource, body value.Value) Workflow {
	if r.fixed != nil {
		return *r.fixed
	}
	place := r.Path.Key("properties")
	w := t.l.fromProperties(body.Member("properties"), place)
	if w.Parameters.IsAbsent() {
		w.Parameters = value.Object() // the form carries values; there are none
	}
	w.Name, w.ResourceID, w.Location = lastSegment(r.Name), r.ID, body.Member("location").Str()
	w.Tags, w.Identity, w.Kind = body.Member("tags"), body.Member("identity"), kindOf(body)
	return t.l.complete(w)
}

// Connection is a connection resource with its body.
func (t *Template) Connection(r *Resource, body value.Value) Connection {
	c := Connection{Name: lastSegment(r.Name), ResourceID: r.ID, Location: body.Member("location").Str(), Properties: body.Member("properties")}
	if kind := body.Member("kind"); !kind.IsNull() && c.Properties.Kind() == value.KindObject {
		c.Properties = c.Properties.With("kind", kind)
	}
	c.API = strings.ToLower(lastSegment(c.Properties.Member("api").Member("id").Str()))
	return c
}

// body is a workflow as a resource.
func (w *Workflow) body() value.Value {
	properties := value.NewObject(4)
	whole := value.NewObject(5).Set("location", value.String(w.Location))
	for _, m := range []struct {
		to   *value.Builder
		name string
		v    value.Value
	}{
		{whole, "tags", w.Tags}, {whole, "identity", w.Identity}, {properties, "state", value.String(w.State)},
		{properties, "accessControl", w.AccessControl}, {properties, "definition", w.Definition}, {properties, "parameters", w.Parameters},
	} {
		if !m.v.IsAbsent() {
			m.to.Set(m.name, m.v)
		}
	}
	if w.Kind != "" {
		whole.Set("kind", value.String(w.Kind))
	}
	return whole.Set("properties", properties.Build()).Build()
}

// Tell says what a parameter wants, for whoever has to give it.
func (p Parameter) Tell() string {
	text := p.Type
	if p.Description != "" {
		text += ": " + strings.TrimRight(strings.TrimSpace(p.Description), ".")
	}
	if p.Allowed.Len() > 0 {
		text += fmt.Sprintf("; one of %s", p.Allowed)
	}
	return text
}
