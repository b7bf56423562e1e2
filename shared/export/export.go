// Package export writes workflows as an ARM template: what comes out deploys
// anywhere, loads here again as what it was, and has no secret in it.
package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

const (
	schema             = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
	workflowVersion    = "2019-05-01"
	connectionVersion  = "2016-06-01"
	connectionVersion2 = "2018-07-01-preview" // of connections with a set of values
	connectionsKey     = "$connections"
)

// Template is an ARM template with workflows and the connections that they use.
// Connections that are not known are made up from what the workflows say of them.
func Template(workflows []template.Workflow, connections []template.Connection) value.Value {
	x := &exporter{
		parameters: map[string]string{}, declared: value.NewObject(4), ids: map[string]string{}, known: map[string]template.Connection{},
		made: map[string]*connection{}, dependsOn: map[string][]string{}, several: len(workflows) > 1,
	}
	x.declare("location", value.Object(member("type", value.String("string")), member("defaultValue", value.String("[resourceGroup().location]"))))
	for _, c := range connections {
		x.known[strings.ToLower(c.ResourceID)] = c
	}
	for _, w := range workflows {
		x.ids[strings.ToLower(w.ResourceID)] = w.Name
	}
	var resources []value.Value
	for _, w := range workflows {
		resources = append(resources, x.workflow(w))
	}
	var used []value.Value
	for _, c := range x.order {
		used = append(used, c.resource)
	}
	return value.Object(
		member("$schema", value.String(schema)), member("contentVersion", value.String("1.0.0.0")),
		member("parameters", x.declared.Build()), member("resources", value.Array(append(used, resources...)...)))
}

type exporter struct {
	parameters map[string]string // of the template: lower case to spelling
	declared   *value.Builder
	ids        map[string]string // of the workflows, to their names
	known      map[string]template.Connection
	made       map[string]*connection // by lower-case id
	order      []*connection
	dependsOn  map[string][]string // names of workflows, to those that they call
	several    bool
}

func member(key string, v value.Value) value.Member { return value.Member{Key: key, Value: v} }

// declare adds a parameter to the template and returns the name that it got.
func (x *exporter) declare(name string, declaration value.Value) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	for n, base := 2, name; x.parameters[strings.ToLower(name)] != ""; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	x.parameters[strings.ToLower(name)] = name
	x.declared.Set(name, declaration)
	return name
}

// secret declares a parameter without a value in place of something that must not be
// shown.
func (x *exporter) secret(name, what string, isText bool) value.Value {
	typ := "secureObject"
	if isText {
		typ = "secureString"
	}
	name = x.declare(name, value.Object(member("type", value.String(typ)), member("metadata", value.Object(member("description", literal(what))))))
	return expression("parameters('" + name + "')")
}

func expression(text string) value.Value { return value.String("[" + text + "]") }

// quoted is a text within an expression.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func isExpression(s string) bool { return len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' }

// literal is a text that is no expression, whatever it looks like.
func literal(s string) value.Value {
	if isExpression(s) {
		s = "[" + s
	}
	return value.String(s)
}

// owner is the workflow or connection that something belongs to.
type owner struct {
	name, prefix string
	calls        func(workflow string)
}

// plain writes what the template must not evaluate, without its secrets. at is where it
// stands, for the names of parameters.
func (x *exporter) plain(v value.Value, of owner, at string) value.Value {
	if len(v.Origins()) > 0 || v.Str() == value.Redacted {
		return x.secret(of.prefix+at, "The secret in "+at+" of '"+of.name+"'.", v.Kind() == value.KindString)
	}
	switch v.Kind() {
	case value.KindString:
		if name, ok := x.ids[strings.ToLower(v.Str())]; ok && of.calls != nil {
			of.calls(name)
			return expression("resourceId('Microsoft.Logic/workflows', " + quoted(name) + ")")
		}
		return literal(v.Str())
	case value.KindArray:
		items := make([]value.Value, 0, v.Len())
		for i, item := range v.Elements {
			items = append(items, x.plain(item, of, fmt.Sprintf("%s_%d", at, i)))
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for name, item := range v.Members {
			place := at + "_" + name
			if strings.HasSuffix(strings.ToLower(at), "authentication") && isCredential(name, item) {
				b.Set(key(name, item), x.secret(of.prefix+place, "The secret in "+place+" of '"+of.name+"'.", true))
				continue
			}
			b.Set(key(name, item), x.plain(item, of, place))
		}
		return b.Build()
	}
	return v
}

// key is the name of a member. What looks like an expression, or like a loop of the
// template, is written as the expression of a text.
func key(name string, v value.Value) string {
	if isExpression(name) || strings.EqualFold(name, "copy") && v.Kind() == value.KindArray {
		return "[" + quoted(name) + "]"
	}
	return name
}

// credentials are the members of an authentication that hold a secret.
var credentials = []string{"password", "secret", "pfx", "value", "parameter", "key"}

// isCredential: expressions of the workflow are no secrets, they lead to one.
func isCredential(name string, v value.Value) bool {
	text, ok := v.AsString()
	return ok && text != "" && slices.Contains(credentials, strings.ToLower(name)) && (!strings.HasPrefix(text, "@") || strings.HasPrefix(text, "@@")) && !strings.Contains(text, "@{")
}
