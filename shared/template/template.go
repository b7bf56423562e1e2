// Package template reads the files that workflows come in: ARM templates,
// resources, code view, Standard projects and plain definitions. It evaluates
// what is in brackets and leaves alone what begins with @.
package template

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Workflow is a workflow resource found in a file.
type Workflow struct {
	Name, ResourceID, Location, State, Kind string
	Tags, Identity, AccessControl           value.Value
	Definition                              value.Value
	// Parameters is name to {"value": …}; absent where the form of the file carries
	// no values.
	Parameters                     value.Value
	DefinitionPath, ParametersPath *value.Path // in the file
	AccessControlPath              *value.Path
}

// Connection is an API connection resource found in a file.
type Connection struct {
	Name, ResourceID, Location string
	API                        string // lower-case name of the managed API
	Properties                 value.Value
}

// Deployment is what a file holds.
type Deployment struct {
	Workflows   []Workflow
	Connections []Connection
}

// Context says where a template is deployed to.
type Context struct {
	SubscriptionID, ResourceGroup, Location, TenantID string
	Now                                               time.Time
	// Assume gives parameters without a value a plausible one instead of reporting
	// them: for whoever checks a template and does not deploy it.
	Assume bool
}

// Local is where templates are deployed to on a laptop.
func Local(now time.Time) Context {
	return Context{
		SubscriptionID: "00000000-0000-0000-0000-000000000000", ResourceGroup: "local", Location: "local",
		TenantID: "00000000-0000-0000-0000-000000000000", Now: now,
	}
}

func (c Context) group() string {
	return "/subscriptions/" + c.SubscriptionID + "/resourceGroups/" + c.ResourceGroup
}

// The codes of problems with a file.
const (
	invalidTemplate  = "InvalidTemplate"
	invalidJSON      = "InvalidJson"
	unknownForm      = "UnknownDocument"
	invalidParameter = "InvalidTemplateParameter"
)

// Load reads a file. parameters holds values for the template's parameters, as
// a parameters file does under "parameters"; it may be absent. fallback is the
// name of a workflow whose file does not name it.
func Load(data []byte, fallback string, parameters value.Value, c Context) (*Deployment, []value.Problem) {
	document, repeated, err := value.ParseDocument(data)
	if err != nil {
		var at *value.SyntaxError
		errors.As(err, &at)
		return nil, []value.Problem{{Code: invalidJSON, Message: "The file is not JSON: " + err.Error() + ".", At: at}}
	}
	l := &loader{context: c, root: document}
	for _, at := range repeated {
		l.problems = append(l.problems, value.Problem{Code: invalidJSON, Message: "The name stands more than once; the last one counts.", Path: at, Warning: true})
	}
	l.load(document, fallback, parameters)
	return &l.deployment, l.problems
}

type loader struct {
	context    Context
	root       value.Value
	deployment Deployment
	problems   []value.Problem

	deploys bool   // nothing is guessed
	lookup  Lookup // answers for deployed resources; nil: nobody does
	all     []*Resource
	crowded bool // there were too many
	asked   int  // how deep the outputs of deployments are being evaluated
	asks    int  // and how often they were
	turns   int  // of lambdas
}

func (l *loader) fail(code string, at *value.Path, format string, args ...any) {
	l.problems = append(l.problems, value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...)})
}

// load tells the form of a document by what is in it.
func (l *loader) load(d value.Value, fallback string, parameters value.Value) {
	definition := d.Member("definition")
	properties, at := d.Member("properties"), (*value.Path)(nil).Key("properties")
	if resolved := d.Member("resolved"); resolved.Has("definition") {
		properties, at = resolved, (*value.Path)(nil).Key("resolved") // evaluated beforehand
	}
	switch {
	case d.Kind() != value.KindObject:
		l.fail(unknownForm, nil, "The file is not a workflow: it is no JSON object.")
	case d.Has("resources") && !d.Has("triggers"):
		l.template(d, parameters)
	case properties.Has("definition"):
		l.resource(d, properties, at, fallback)
	case definition.Kind() == value.KindObject:
		l.codeView(d, fallback)
	case d.Has("triggers") || d.Has("actions"):
		l.deployment.Workflows = append(l.deployment.Workflows, l.complete(Workflow{Name: fallback, Definition: d}))
	default:
		l.fail(unknownForm, nil, "The file is not a workflow: it has no 'resources', 'properties.definition', 'definition', 'triggers' or 'actions'.")
	}
}

// complete fills in what every workflow has.
func (l *loader) complete(w Workflow) Workflow {
	if w.ResourceID == "" {
		w.ResourceID = l.context.group() + "/providers/Microsoft.Logic/workflows/" + w.Name
	}
	if w.Location == "" {
		w.Location = l.context.Location
	}
	if w.State == "" {
		w.State = "Enabled"
	}
	return w
}

// resource reads a workflow as the management API gives it.
func (l *loader) resource(d, properties value.Value, at *value.Path, fallback string) {
	w := l.fromProperties(properties, at)
	w.Name = d.Member("name").Str()
	if w.Name == "" || strings.Contains(w.Name, "[") {
		w.Name = fallback
	}
	w.Location, w.Tags, w.Identity = d.Member("location").Str(), d.Member("tags"), d.Member("identity")
	w.Kind = kindOf(d)
	if id := d.Member("id").Str(); strings.HasPrefix(id, "/subscriptions/") {
		w.ResourceID = id
	}
	l.deployment.Workflows = append(l.deployment.Workflows, l.complete(w))
}

func (l *loader) fromProperties(p value.Value, at *value.Path) Workflow {
	return Workflow{
		State: p.Member("state").Str(), AccessControl: p.Member("accessControl"), AccessControlPath: at.Key("accessControl"),
		Definition: p.Member("definition"), DefinitionPath: at.Key("definition"),
		Parameters: p.Member("parameters"), ParametersPath: at.Key("parameters"),
	}
}

// codeView reads { "definition": …, "parameters"?: …, "kind"?: … }: the code view
// of the portal, or the workflow.json of a Standard project.
func (l *loader) codeView(d value.Value, fallback string) {
	w := l.fromProperties(d, nil)
	w.Name, w.Kind = fallback, kindOf(d)
	if connections := d.Member("$connections"); !connections.IsAbsent() && w.Parameters.IsAbsent() {
		w.Parameters = value.Object(value.Member{Key: "$connections", Value: connections})
	}
	l.deployment.Workflows = append(l.deployment.Workflows, l.complete(w))
}

// kindOf returns the kind of a Standard workflow, "" for others: Stateful, Stateless
// or Agent.
func kindOf(d value.Value) string {
	for _, member := range []string{"kind", "kind_attr"} {
		for _, kind := range []string{"Stateful", "Stateless", "Agent"} {
			if strings.EqualFold(d.Member(member).Str(), kind) {
				return kind
			}
		}
	}
	if strings.EqualFold(d.Member("kind").Str(), "standard") {
		return "Stateful"
	}
	return ""
}

// template evaluates an ARM template and takes workflows and connections from it.
func (l *loader) template(d, given value.Value) {
	e := newEvaluation(l, d, nil)
	e.bindAll(given)
	if e.failed() {
		return // everything else would fail for the same reason
	}
	l.resources(e, d.Member("resources"), (*value.Path)(nil).Key("resources"), scope{})
	for _, r := range l.all {
		switch {
		case r.Is(WorkflowType):
			l.workflowResource(r.e, r.written, r.Path)
		case r.Is(ConnectionType):
			l.connectionResource(r.e, r.written, r.Path)
		}
	}
}

func (l *loader) workflowResource(e *evaluation, r value.Value, at *value.Path) {
	place := at.Key("properties")
	properties := r.Member("properties")
	w := l.fromProperties(settled(value.Object(
		value.Member{Key: "state", Value: e.value(properties.Member("state"), place.Key("state"))},
		value.Member{Key: "accessControl", Value: e.value(properties.Member("accessControl"), place.Key("accessControl"))},
		value.Member{Key: "definition", Value: e.value(properties.Member("definition"), place.Key("definition"))},
		value.Member{Key: "parameters", Value: e.value(properties.Member("parameters"), place.Key("parameters"))},
	)), place)
	if w.Parameters.IsAbsent() {
		w.Parameters = value.Object() // the form carries values; there are none
	}
	w.Name = lastSegment(e.text(r.Member("name"), at.Key("name")))
	w.Location = e.text(r.Member("location"), at.Key("location"))
	w.Tags, w.Identity = settled(e.value(r.Member("tags"), at.Key("tags"))), settled(e.value(r.Member("identity"), at.Key("identity")))
	l.deployment.Workflows = append(l.deployment.Workflows, l.complete(w))
}

func (l *loader) connectionResource(e *evaluation, r value.Value, at *value.Path) {
	c := Connection{
		Name:       lastSegment(e.text(r.Member("name"), at.Key("name"))),
		Location:   e.text(r.Member("location"), at.Key("location")),
		Properties: settled(e.value(r.Member("properties"), at.Key("properties"))),
	}
	c.ResourceID = l.context.group() + "/providers/Microsoft.Web/connections/" + c.Name
	c.API = strings.ToLower(lastSegment(c.Properties.Member("api").Member("id").Str()))
	l.deployment.Connections = append(l.deployment.Connections, c)
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
