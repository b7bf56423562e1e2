// Package standard reads what a Standard project says beside its workflows: the
// parameters and connections that they share (workflow-definition §2). It puts them
// where a resource has them, so that everything else sees a workflow like any other.
package standard

import (
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Files are the files of a project; what is absent has no file.
type Files struct {
	Parameters, Connections value.Value
	// Setting gives the application settings.
	Setting func(name string) (text string, ok bool)
	// Assume stands in for settings that are not there, and warns: for whoever checks a
	// project and does not run it.
	Assume bool
}

// Project is what its workflows share.
type Project struct {
	// ParameterProblems are those of parameters.json, ConnectionProblems of
	// connections.json.
	ParameterProblems, ConnectionProblems []value.Problem

	parameters     value.Value         // name to type and value
	connections    value.Value         // name to entry of $connections
	providers      map[string]struct{} // service providers, in lower case
	hasConnections bool
}

// The codes of problems.
const (
	invalidParameter  = "InvalidTemplateParameter"
	invalidConnection = "InvalidConnection"
	settingNotFound   = "AppSettingNotFound"
	notImplemented    = "ConnectorNotImplemented"
	connectionMissing = "ConnectionNotFound"
)

// Read reads the files.
func Read(f Files) *Project {
	p := &Project{providers: map[string]struct{}{}, hasConnections: !f.Connections.IsAbsent()}
	p.readParameters(f)
	r := reader{files: f, parameters: p.parameters}
	p.readConnections(&r)
	p.ConnectionProblems = r.problems
	return p
}

// kinds are the types of parameters, and what stands in for a value.
var kinds = map[string]value.Value{
	"string": value.String("[assumed]"), "securestring": value.String("[assumed]"), "int": value.Int(0), "float": value.Int(0),
	"bool": value.Bool(false), "array": value.Array(), "object": value.Object(), "secureobject": value.Object(),
}

func (p *Project) readParameters(f Files) {
	r := reader{files: f}
	b := value.NewObject(f.Parameters.Len())
	seen := map[string]bool{}
	for name, entry := range r.object(f.Parameters, nil).Members {
		at := (*value.Path)(nil).Key(name)
		typ := entry.Member("type").Str()
		assumed, known := kinds[strings.ToLower(typ)]
		switch written, has := entry.Get("value"); {
		case seen[strings.ToLower(name)]:
			r.fail(invalidParameter, at, "The parameter name '%s' is used more than once; names must differ by more than case.", name)
		case entry.Kind() != value.KindObject:
			r.fail(invalidParameter, at, "The parameter '%s' must be an object with 'type' and 'value'.", name)
		case !known:
			r.fail(invalidParameter, at.Key("type"), "The type '%s' of parameter '%s' is not valid.", typ, name)
		case !has:
			r.fail(invalidParameter, at, "The parameter '%s' has no value.", name)
		default:
			v := r.typed(written, at.Key("value"), strings.ToLower(typ), assumed)
			b.Set(name, value.Object(value.Member{Key: "type", Value: value.String(typ)}, value.Member{Key: "value", Value: v}))
		}
		seen[strings.ToLower(name)] = true
	}
	p.parameters, p.ParameterProblems = b.Build(), r.problems
}

// typed evaluates the value of a parameter. A setting is a text; where another type is
// declared it is read as JSON.
func (r *reader) typed(written value.Value, at *value.Path, typ string, assumed value.Value) value.Value {
	problems := len(r.problems)
	v := r.evaluate(written, at, false)
	text, isText := v.AsString()
	wasText := written.Kind() == value.KindString && strings.HasPrefix(written.Str(), "@")
	if !isText || !wasText || strings.HasSuffix(typ, "string") {
		return v
	}
	if len(r.problems) > problems {
		return assumed
	}
	parsed, err := value.Parse([]byte(text))
	if err != nil {
		r.fail(invalidParameter, at, "The application setting is no value of the type '%s'.", typ)
		return assumed
	}
	return parsed
}

// Complete gives a workflow the parameters and connections that it uses and does not
// have of its own.
func (p *Project) Complete(definition, parameters value.Value) (value.Value, value.Value) {
	text := strings.ToLower(string(value.Reveal(definition)))
	if parameters.IsAbsent() {
		parameters = value.Object()
	}
	declared := definition.Member("parameters")
	if declared.Kind() != value.KindObject {
		declared = value.Object()
	}
	for name, entry := range p.parameters.Members {
		own := declared.Has(name)
		if parameters.Has(name) || !own && !strings.Contains(text, "'"+strings.ToLower(strings.ReplaceAll(name, "'", "''"))+"'") {
			continue
		}
		if !own {
			declared = declared.With(name, value.Object(value.Member{Key: "type", Value: entry.Member("type")}))
		}
		parameters = parameters.With(name, value.Object(value.Member{Key: "value", Value: entry.Member("value")}))
	}
	const key = "$connections"
	used := parameters.Member(key).Member("value")
	if used.Kind() != value.KindObject {
		used = value.Object()
	}
	for name, entry := range p.connections.Members {
		if !used.Has(name) && strings.Contains(text, quoted(name)) {
			used = used.With(name, entry)
		}
	}
	if used.Len() > 0 {
		if !declared.Has(key) {
			declared = declared.With(key, value.Object(value.Member{Key: "type", Value: value.String("Object")}, value.Member{Key: "defaultValue", Value: value.Object()}))
		}
		parameters = parameters.With(key, value.Object(value.Member{Key: "value", Value: used}))
	}
	if declared.Len() > 0 {
		definition = definition.With("parameters", declared)
	}
	return definition, parameters
}

// quoted is a name as it stands in the JSON of a definition, in lower case.
func quoted(name string) string {
	return strings.ToLower(string(value.Reveal(value.String(name))))
}

// Check finds connections that a workflow names and the project does not have. at is
// where the definition stands in its file.
func (p *Project) Check(definition value.Value, at *value.Path) []value.Problem {
	c := checker{Project: p}
	c.walk(definition, at)
	return c.problems
}

type checker struct {
	*Project
	problems []value.Problem
}

func (c *checker) walk(v value.Value, at *value.Path) {
	for i, x := range v.Elements {
		c.walk(x, at.Index(i))
	}
	for name, x := range v.Members {
		place := at.Key(name)
		switch strings.ToLower(name) {
		case "connection":
			c.named(x, "referenceName", place, func(s string) bool { return c.connections.Has(s) }, "'managedApiConnections'")
		case "function":
			c.named(x, "connectionName", place, func(s string) bool { return c.connections.Has(s) }, "'functionConnections'")
		case "serviceproviderconfiguration":
			c.named(x, "connectionName", place, func(s string) bool { _, ok := c.providers[strings.ToLower(s)]; return ok }, "'serviceProviderConnections'")
		}
		c.walk(x, place)
	}
}

func (c *checker) named(v value.Value, member string, at *value.Path, has func(string) bool, where string) {
	name, ok := v.Member(member).AsString()
	if !ok || strings.Contains(name, "@") || has(name) {
		return
	}
	text := fmt.Sprintf("The connection '%s' is not in %s of connections.json.", name, where)
	if !c.hasConnections {
		text = fmt.Sprintf("The connection '%s' should be in %s of connections.json, which is not there.", name, where)
	}
	c.problems = append(c.problems, value.Problem{Code: connectionMissing, Path: at.Key(member), Message: text, Warning: true})
}
