package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "ParseJson", Inline: true, NoOutputSetting: true, Required: []string{"content"},
		Check: func(inputs value.Value, report definition.Report) {
			checkSchema(inputs.Member("schema"), "ActionSchema", (*value.Path)(nil).Key("schema"), report)
		},
	},
	Doc: "Reads JSON text, or takes other values as they are, and checks them against a JSON schema (draft 4).",
	Examples: []Example{
		{Inputs: `{"content":"{\"a\":1}","schema":{"type":"object","required":["a"]}}`, Want: `{"body":{"a":1}}`},
		{Inputs: `{"content":"{'a':1,} // as Newtonsoft reads it","schema":{}}`, Want: `{"body":{"a":1}}`},
		{Inputs: `{"content":{"a":null},"schema":{}}`, Want: `{"body":{"a":null}}`},
		{Inputs: `{"content":"{","schema":{}}`, Want: `{"code":"InvalidJSON","message":"The 'content' property of actions of type 'ParseJson' must be valid JSON. The provided value cannot be parsed: 'Unexpected end when reading token. Path ''.'."}`},
		{Inputs: `{"content":"","schema":{}}`, Want: `{"code":"InvalidTemplate","message":"Unable to process template language expressions in action 'example' inputs at line '0' and column '0': 'Required property 'content' expects a value but got null. Path ''.'."}`},
	},
	Run: parseJSON,
})

// parseJSON words its errors as the service does, which names the type and not the
// action. A schema with patterns can be saved; the action fails (actions §4).
func parseJSON(_ context.Context, _ Deps, c Call) run.Outcome {
	content, schema := c.Inputs.Member("content"), c.Inputs.Member("schema")
	text, isText := content.AsString()
	switch {
	case content.IsNull() || isText && text == "":
		return c.templateFailure(&expr.Error{Message: "Required property 'content' expects a value but got null. Path ''."})
	case hasPatterns(schema):
		const code = "ActionSchemaNotSupported"
		return run.Fail(code, code, "The 'schema' property of action 'ParseJson' inputs contains 'pattern' or 'patternProperties' properties. 'Pattern' or 'patternProperties' properties are not supported in the action json schema.")
	case content.Has("$content") && content.Has("$content-type"):
		return badInput("The property 'content' must be of type JSON in the 'ParseJson' action inputs, but was of type '%s'.", shownText(content.Member("$content-type")))
	case isText:
		parsed, err := readJSON(text)
		if err != nil {
			why := err.Error() // may quote the text
			if content.Marked() {
				why = value.Redacted
			}
			return run.Fail("InvalidJSON", "InvalidJSON", "The 'content' property of actions of type 'ParseJson' must be valid JSON. The provided value cannot be parsed: '"+why+"'.")
		}
		content = parsed.Mark(content.Origins()...)
	}
	problems, err := Validate(schema, content)
	if err != nil {
		return run.Fail("BadRequest", "ActionSchemaInvalid", "The schema of action '"+c.Action+"' is not valid: "+err.Error()+".")
	}
	if len(problems) > 0 {
		o := run.Fail("ValidationFailed", "ValidationFailed", "The schema validation failed.")
		o.Outputs = value.Object(value.Member{Key: "errors", Value: problemList(problems)})
		return o
	}
	return run.Succeed("OK", bodyOutputs(content))
}

// shownText is a text for a message.
func shownText(v value.Value) string {
	if v.Marked() {
		return value.Redacted
	}
	return v.Str()
}

// problemList is the array that outputs show, in the form of Newtonsoft's
// ValidationError. Lines are not known of what was parsed before.
func problemList(problems []SchemaProblem) value.Value {
	list := make([]value.Value, len(problems))
	for i, p := range problems {
		b := value.NewObject(8)
		b.Set("message", value.String(p.Message))
		b.Set("lineNumber", value.Int(0))
		b.Set("linePosition", value.Int(0))
		b.Set("path", value.String(p.Path))
		b.Set("value", p.Value)
		b.Set("schemaId", value.String(p.SchemaID))
		b.Set("errorType", value.String(p.Type))
		b.Set("childErrors", problemList(p.Children))
		list[i] = b.Build().Mark(p.origins...) // names of members may be part of a secret
	}
	return value.Array(list...)
}
