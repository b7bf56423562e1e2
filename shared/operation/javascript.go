package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation/script"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// maxCode is how long inline code may be in Standard; Consumption allows 1,024
// characters, which nothing here would gain from.
const maxCode = 100_000

var _ = register(Operation{
	Spec: definition.Spec{Type: "JavaScriptCode", Required: []string{"code"}, Check: checkJavaScript, Reads: codeReads},
	Doc:  "Runs JavaScript that returns a value. It sees the workflow, the trigger and actions, and nothing else.",
	Examples: []Example{
		{Inputs: `{"code":"return [1, 2].map(x => x * 2);"}`, Want: `{"body":[2,4]}`},
		{Inputs: `{"code":"var a = 1;"}`, Want: `{"body":null}`},
		{Inputs: `{"code":"\nthrow new RangeError('too far')"}`, Want: `{"code":"InlineCodeScriptRuntimeFailure","message":"The inline code of action 'example' failed at line 2. RangeError: too far"}`},
		{Inputs: `{"code":"return ["}`, Want: `{"code":"InlineCodeParsingFailure","message":"The inline code of action 'example' failed at line 1. SyntaxError: unexpected token in expression: '}'"}`},
	},
	Run: runJavaScript,
})

// checkJavaScript looks at what can be seen before the code text is evaluated.
func checkJavaScript(inputs value.Value, report definition.Report) {
	root := (*value.Path)(nil)
	if code := inputs.Member("code"); !code.IsNull() && code.Kind() != value.KindString {
		report(definition.InvalidInput, root.Key("code"), "The inline code must be text.")
	}
	at := root.Keys("explicitDependencies", "actions")
	actions := inputs.Member("explicitDependencies").Member("actions")
	if !actions.IsNull() && actions.Kind() != value.KindArray && actions.Kind() != value.KindString {
		report(definition.InvalidInput, at, "The explicit dependencies must be an array of action names.")
	}
	for i, name := range actions.Elements {
		if name.Kind() != value.KindString {
			report(definition.InvalidInput, at.Index(i), "The name of an action must be text.")
		}
	}
}

// codeReads tells what inline code reads besides its inputs: the actions and the
// trigger that its text names, and those it names explicitly.
func codeReads(inputs value.Value) []definition.Read {
	root := (*value.Path)(nil)
	read := func(kind expr.ReferenceKind, function, name string, at *value.Path, guessed bool) definition.Read {
		return definition.Read{Reference: expr.Reference{Kind: kind, Function: function, Name: name, Path: at}, Guessed: guessed}
	}
	var reads []definition.Read
	actions, trigger := script.References(inputs.Member("code").Str())
	for _, name := range actions {
		reads = append(reads, read(expr.RefAction, "workflowContext", name, root.Key("code"), true))
	}
	if trigger {
		reads = append(reads, read(expr.RefTrigger, "workflowContext", "", root.Key("code"), true))
	}
	explicit, at := inputs.Member("explicitDependencies"), root.Key("explicitDependencies")
	names := explicit.Member("actions")
	for i, name := range names.Elements {
		r := read(expr.RefAction, "explicitDependencies", name.Str(), at.Key("actions").Index(i), false)
		r.Dynamic = strings.HasPrefix(r.Name, "@")
		reads = append(reads, r)
	}
	if names.Kind() == value.KindString {
		r := read(expr.RefAction, "explicitDependencies", "", at.Key("actions"), false)
		r.Dynamic = true
		reads = append(reads, r)
	}
	include := explicit.Member("includeTrigger")
	if yes, isBool := include.AsBool(); yes || !isBool && !include.IsNull() {
		reads = append(reads, read(expr.RefTrigger, "explicitDependencies", "", at.Key("includeTrigger"), false))
	}
	return reads
}

func runJavaScript(ctx context.Context, d Deps, c Call) run.Outcome {
	code, ok := c.Inputs.Member("code").AsString()
	if !ok || utf8.RuneCountInString(code) > maxCode {
		return run.Fail("BadRequest", definition.InvalidTemplate, fmt.Sprintf("The 'code' of action '%s' must be text of at most %d characters.", c.Action, maxCode))
	}
	visible := workflowContext(c)
	runner := d.Scripts
	if runner == nil {
		runner = script.InProcess{}
	}
	result, err := runner.Run(ctx, script.Job{Code: code, Context: visible, Limits: d.ScriptLimits})
	if err == nil {
		return bodyOf(result, c.Inputs, visible)
	}
	var f *script.Failure
	if !errors.As(err, &f) {
		o := run.Fail("InternalServerError", "InternalServerError", fmt.Sprintf("The inline code of action '%s' was interrupted.", c.Action))
		o.Retry = true
		return o
	}
	where := ""
	if f.Line > 0 {
		where = fmt.Sprintf(" at line %d", f.Line)
	}
	what := (&script.Failure{Name: f.Name, Message: f.Message}).Error()
	if (c.Inputs.Marked() || visible.Marked()) && fromScript(f.Code) {
		what = "What it says is left out, because it may hold a secret."
	}
	return run.Fail(f.Code, f.Code, fmt.Sprintf("The inline code of action '%s' failed%s. %s", c.Action, where, what))
}

// fromScript tells whether the message of a failure may quote values: names of
// properties and what a script throws may be computed.
func fromScript(code string) bool {
	return code != script.ExecutionTimeout && code != script.InternalFailure
}

// workflowContext is what inline code can read.
func workflowContext(c Call) value.Value {
	b := value.NewObject(3)
	workflow := c.Visible.Workflow
	if workflow.IsAbsent() { // outside a run
		workflow = value.Object(value.Member{Key: "id", Value: value.String(c.Tracking.WorkflowID)}, value.Member{Key: "name", Value: value.String(c.Tracking.WorkflowName)},
			value.Member{Key: "run", Value: value.Object(value.Member{Key: "name", Value: value.String(c.Tracking.RunName)})})
	}
	b.Set("workflow", workflow)
	actions := value.NewObject(len(c.Visible.Actions))
	for _, m := range c.Visible.Actions {
		actions.Set(m.Key, m.Value)
	}
	b.Set("actions", actions.Build())
	b.Set("trigger", c.Visible.Trigger)
	return b.Build()
}
