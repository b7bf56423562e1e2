package operation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/latchwork/latchwork/shared/definition"
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
		{Inputs: `{"content":{"a":null},"schema":{}}`, Want: `{"body":{"a":null}}`},
		{Inputs: `{"content":"{","schema":{}}`, Want: `{"code":"InvalidJSON","message":"The content of action 'example' cannot be parsed as JSON."}`},
		{Inputs: `{"content":"","schema":{}}`, Want: `{"code":"InvalidTemplate","message":"The 'content' of action 'example' is null or empty, and cannot be parsed as JSON."}`},
	},
	Run: parseJSON,
})

func parseJSON(_ context.Context, _ Deps, c Call) run.Outcome {
	content := c.Inputs.Member("content")
	text, isText := content.AsString()
	switch {
	case content.IsNull() || isText && text == "":
		return run.Fail("BadRequest", definition.InvalidTemplate, fmt.Sprintf("The 'content' of action '%s' is null or empty, and cannot be parsed as JSON.", c.Action))
	case content.Has("$content") && content.Has("$content-type"):
		return run.Fail("BadRequest", definition.InvalidTemplate, fmt.Sprintf("The 'content' of action '%s' is binary; use the json() function to read it as text.", c.Action))
	case isText && strings.TrimSpace(text) == "":
		content = value.Null().Mark(content.Taint()...)
	case isText:
		parsed, err := value.Parse([]byte(text))
		if err != nil {
			return run.Fail("InvalidJSON", "InvalidJSON", fmt.Sprintf("The content of action '%s' cannot be parsed as JSON.", c.Action))
		}
		content = parsed.Mark(content.Taint()...)
	}
	problems, err := Validate(c.Inputs.Member("schema"), content)
	if err != nil {
		return run.Fail("BadRequest", "ActionSchemaInvalid", fmt.Sprintf("The schema of action '%s' is not valid: %s.", c.Action, err))
	}
	if len(problems) > 0 {
		var list []value.Value
		for _, p := range problems {
			list = append(list, value.Object(
				value.Member{Key: "message", Value: value.String(p.Message)},
				value.Member{Key: "path", Value: value.String(p.Path)}))
		}
		o := run.Fail("BadRequest", "ValidationFailed", "The schema validation failed.")
		o.Outputs = value.Object(value.Member{Key: "errors", Value: value.Array(list...)})
		return o
	}
	return run.Succeed("OK", value.Object(value.Member{Key: "body", Value: content}))
}

// SchemaProblem is one way in which a value does not match a schema.
type SchemaProblem struct{ Path, Message string }

// Validate checks a value against a JSON schema, draft 4 unless it says
// otherwise. An absent or empty schema accepts everything. Messages name places
// and keywords, never values.
func Validate(schema, v value.Value) ([]SchemaProblem, error) {
	if schema.Len() == 0 {
		return nil, nil
	}
	compiled, err := compileSchema(schema)
	if err != nil {
		return nil, err
	}
	var failed *jsonschema.ValidationError
	if err := compiled.Validate(plain(v)); !errors.As(err, &failed) {
		return nil, err
	}
	var problems []SchemaProblem
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			keyword := "$"
			if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
				keyword = path[len(path)-1]
			}
			problems = append(problems, SchemaProblem{Path: strings.Join(e.InstanceLocation, "."), Message: describe(keyword, e)})
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(failed)
	return problems, nil
}

func compileSchema(schema value.Value) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(compileRegexp)
	const id = "schema.json"
	if err := c.AddResource(id, plain(lenient(schema.Without("$schema")))); err != nil {
		return nil, errors.New("it cannot be read")
	}
	compiled, err := c.Compile(id)
	if err != nil {
		return nil, errors.New("it is not a JSON schema of draft 4")
	}
	return compiled, nil
}

// lenient leaves out what the product's validator accepts and draft 4 does not:
// an empty list of required properties, which designers write.
func lenient(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = lenient(item)
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for key, item := range v.Members {
			if key == "required" && item.Kind() == value.KindArray && item.Len() == 0 {
				continue
			}
			b.Set(key, lenient(item))
		}
		return b.Build()
	default:
		return v
	}
}

// noLoader refuses every reference outside the schema, files included.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("references to other documents are not followed")
}

type pattern struct{ re *regexp2.Regexp }

func (p pattern) MatchString(s string) bool { ok, err := p.re.MatchString(s); return ok && err == nil }
func (p pattern) String() string            { return p.re.String() }

// compileRegexp compiles a pattern of a schema; a match that backtracks too long
// counts as none.
func compileRegexp(s string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(s, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = 100 * time.Millisecond
	return pattern{re}, nil
}

// checkSchema reports at save time what is wrong with a schema.
func checkSchema(schema value.Value, code string, at *value.Path, report definition.Report) {
	if schema.IsNull() {
		return
	}
	if _, isExpression := schema.AsString(); isExpression {
		return
	}
	if _, err := compileSchema(schema); err != nil {
		report(code+"Invalid", at, fmt.Sprintf("The schema is not valid: %s.", err))
	}
}

// plain converts a value for the schema library. It is given away only to be
// compared, never printed.
func plain(v value.Value) any {
	d := json.NewDecoder(strings.NewReader(string(value.Reveal(v))))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil
	}
	return x
}
