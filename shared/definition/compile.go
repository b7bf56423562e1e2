package definition

import (
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Source is a definition and what belongs to it.
type Source struct {
	Name       string
	ResourceID string // of the workflow; "" where it is not known
	Definition value.Value
	// Parameters is properties.parameters of the workflow resource: name to
	// {"value": …}. Absent where the form of the file carries no values; then
	// parameters without a default are not reported.
	Parameters value.Value
	// Standard: the workflow is one of a Standard project, whose files beside it may
	// declare more parameters; one that is not declared is a warning then.
	Standard bool
	// Path leads to the definition in its document; problems are reported there.
	Path *value.Path
	// ParametersPath leads to Parameters in the document.
	ParametersPath *value.Path
}

// The product's codes for problems with a definition (workflow-definition §9).
const (
	InvalidTemplate              = "InvalidTemplate"
	InvalidTemplateParameter     = "InvalidTemplateParameter"
	InvalidStaticResultName      = "InvalidStaticResultName"
	InvalidStaticResults         = "WorkflowInvalidStaticResults"
	PropertyNotAllowed           = "PropertyNotAllowed"
	PropertyNotSpecified         = "PropertyNotSpecified"
	MissingInput                 = "WorkflowRunActionInputsMissingProperty"
	InvalidInput                 = "WorkflowRunActionInputsInvalidProperty"
	InvalidVariableInit          = "InvalidVariableInitialization"
	InvalidVariableOperation     = "InvalidVariableOperation"
	UnsupportedRecurrenceTrigger = "WorkflowUnsupportedRecurrenceTriggerForResponseAction"
)

// Codes of our own. The product has every connector, and finds out what inline code
// reads when it runs.
const (
	connectorNotImplemented = "ConnectorNotImplemented"
	unreadable              = "InlineCodeOperationMissing"
)

// Limits of the Consumption plan that authors should know of, and bounds of our
// own that keep compilation short on any input (workflow-definition §8).
const (
	maxName        = 80
	consumptionMax = 500 // actions
	hardMax        = 20000
	nestingMax     = 8
	hardNesting    = 100
	maxTriggers    = 10
	maxParameters  = 50
	maxOutputs     = 10
	maxVariables   = 250
	maxCases       = 25
)

// Compile checks a definition and turns it into a program. All problems are
// returned at once, with path and, for expressions, column. The program is nil
// unless all of them are warnings.
func Compile(src Source, c Catalog) (*Program, []value.Problem) {
	b := build(src, c)
	for _, p := range b.problems {
		if !p.Warning {
			return nil, b.problems
		}
	}
	return b.program, b.problems
}

// Outline compiles a definition for analysis, whatever is wrong with it: what
// cannot be read is left out. The program must not be run.
func Outline(src Source, c Catalog) *Program { return build(src, c).program }

func build(src Source, c Catalog) *builder {
	b := &builder{
		src: src, catalog: c, bodyOf: map[*Action]value.Value{},
		program: &Program{Name: src.Name, Definition: src.Definition, actions: map[string]*Action{}},
	}
	if src.Definition.Kind() != value.KindObject {
		b.fail(InvalidTemplate, src.Path, "The workflow definition must be a JSON object.")
		b.program.Root = &Graph{}
		return b
	}
	b.schemaVersion()
	b.parameters()
	b.triggers()
	b.program.Root = b.graph(src.Definition.Member("actions"), src.Path.Key("actions"), nil, "actions", 1)
	b.links(b.program.Root)
	b.unanswerable()
	b.outputs()
	b.references()
	b.program.Order = b.order
	b.hide()
	b.answerable()
	b.limits()
	return b
}

type builder struct {
	src      Source
	catalog  Catalog
	program  *Program
	problems []value.Problem
	order    []*Action // all actions in document order
	bodyOf   map[*Action]value.Value
	depth    int
}

func (b *builder) add(warning bool, code string, at *value.Path, format string, args ...any) {
	b.problems = append(b.problems, value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...), Warning: warning})
}

func (b *builder) fail(code string, at *value.Path, format string, args ...any) {
	b.add(false, code, at, format, args...)
}

func (b *builder) warn(code string, at *value.Path, format string, args ...any) {
	b.add(true, code, at, format, args...)
}

// object returns v if it is an object; anything else but absent and null is a
// problem.
func (b *builder) object(v value.Value, at *value.Path) value.Value {
	if v.IsNull() {
		return value.Value{}
	}
	if v.Kind() != value.KindObject {
		b.fail(InvalidTemplate, at, "Expected an object and found a value of type '%s'.", v.Kind())
		return value.Value{}
	}
	return v
}

func (b *builder) text(v value.Value, at *value.Path) string {
	if v.IsNull() {
		return ""
	}
	s, ok := v.AsString()
	if !ok {
		b.fail(InvalidTemplate, at, "Expected a string and found a value of type '%s'.", v.Kind())
	}
	return s
}

func (b *builder) template(v value.Value, at *value.Path) *expr.Template {
	t, problems := expr.CompileTemplate(v, at)
	b.problems = append(b.problems, problems...)
	return t
}

func (b *builder) condition(v value.Value, at *value.Path) *expr.Template {
	t, problems := expr.CompileCondition(v, at)
	b.problems = append(b.problems, problems...)
	return t
}

// schemaVersion refuses the older languages, whose keys mean other things.
func (b *builder) schemaVersion() {
	at := b.src.Path.Key("$schema")
	schema := b.text(b.src.Definition.Member("$schema"), at)
	for _, old := range []string{"2014-12-01-preview", "2015-08-01-preview", "2016-04-01-preview"} {
		if strings.Contains(schema, old) {
			b.fail(InvalidTemplate, at, "The workflow definition language version %s is not supported; use the schema 2016-06-01.", old)
		}
	}
}

func (b *builder) outputs() {
	at := b.src.Path.Key("outputs")
	for name, out := range b.object(b.src.Definition.Member("outputs"), at).Members {
		place := at.Key(name)
		out = b.object(out, place)
		b.program.Outputs = append(b.program.Outputs, Output{
			Name: name, Type: b.text(out.Member("type"), place.Key("type")),
			Value: b.template(out.Member("value"), place.Key("value")),
		})
	}
}

// limits warns where the definition would not be accepted by the Consumption
// plan; here it runs.
func (b *builder) limits() {
	if n := len(b.order); n > consumptionMax {
		b.warn(InvalidTemplate, b.src.Path.Key("actions"), "The definition has %d actions; Logic Apps Consumption accepts %d.", n, consumptionMax)
	}
	if b.depth > nestingMax+1 {
		b.warn(InvalidTemplate, b.src.Path.Key("actions"), "Actions nest %d levels deep; Logic Apps Consumption accepts %d.", b.depth-1, nestingMax)
	}
	if n := len(b.program.Parameters); n > maxParameters {
		b.warn(InvalidTemplate, b.src.Path.Key("parameters"), "The definition has %d parameters; Logic Apps accepts %d.", n, maxParameters)
	}
	if n := len(b.program.Outputs); n > maxOutputs {
		b.warn(InvalidTemplate, b.src.Path.Key("outputs"), "The definition has %d outputs; Logic Apps accepts %d.", n, maxOutputs)
	}
	variables := 0
	for _, a := range b.order {
		if n := len(a.Cases); n > maxCases {
			b.warn("AllowedSwitchCaseLimitExceeded", a.Path.Key("cases"), "The action '%s' has %d cases; Logic Apps accepts %d.", a.Name, n, maxCases)
		}
		if a.Type == "InitializeVariable" {
			variables += b.bodyOf[a].Member("inputs").Member("variables").Len()
		}
	}
	if variables > maxVariables {
		b.warn(InvalidTemplate, b.src.Path.Key("actions"), "The definition has %d variables; Logic Apps accepts %d.", variables, maxVariables)
	}
}
