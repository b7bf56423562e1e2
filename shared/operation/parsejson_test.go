package operation_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestParseJSON is actions §4: what is read, and which failure has which codes.
func TestParseJSON(t *testing.T) {
	for _, c := range []struct{ inputs, code, want string }{
		{`{"content":"{\"n\":\"1\",\"more\":true}","schema":{"properties":{"n":{"type":"string"}}}}`, "OK", `{"body":{"n":"1","more":true}}`},
		{`{"content":7,"schema":{"type":"integer"}}`, "OK", `{"body":7}`},
		{`{"content":false}`, "OK", `{"body":false}`},
		{`{"content":["a"],"schema":null}`, "OK", `{"body":["a"]}`},
		{`{"content":"\"text\"","schema":{}}`, "OK", `{"body":"text"}`},
		{`{"content":" \n","schema":{}}`, "OK", `{"body":null}`},
		{`{"content":"[1,2","schema":{}}`, "OK", `{"body":[1,2]}`},
		{`{"content":{"a":null},"schema":{"properties":{"a":{"type":["string","null"]}}}}`, "OK", `{"body":{"a":null}}`},
		{`{"content":{"pattern":"x"},"schema":{"properties":{"pattern":{"type":"string"}}}}`, "OK", `{"body":{"pattern":"x"}}`},
		{`{"content":null,"schema":{}}`, "BadRequest", `InvalidTemplate`},
		{`{"content":"@null","schema":{"pattern":"a"}}`, "BadRequest", `InvalidTemplate`},
		{`{"content":"","schema":{}}`, "BadRequest", `InvalidTemplate`},
		{`{"content":{"$content-type":"application/json","$content":"e30="},"schema":{}}`, "BadRequest", `BadRequest`},
		{`{"content":"nonsense","schema":{}}`, "InvalidJSON", `InvalidJSON`},
		{`{"content":"1","schema":{"pattern":"^1$"}}`, "ActionSchemaNotSupported", `ActionSchemaNotSupported`},
		{`{"content":"1","schema":{"items":[{"not":{"patternProperties":{}}}]}}`, "ActionSchemaNotSupported", `ActionSchemaNotSupported`},
		{`{"content":"nonsense","schema":{"definitions":{"d":{"anyOf":[{"pattern":"x"}]}}}}`, "ActionSchemaNotSupported", `ActionSchemaNotSupported`},
		{`{"content":"  ","schema":{"type":"object"}}`, "ValidationFailed", `ValidationFailed`},
		{`{"content":1,"schema":{"type":"string"}}`, "ValidationFailed", `ValidationFailed`},
		{`{"content":{"a":null},"schema":{"properties":{"a":{"type":"string"}}}}`, "ValidationFailed", `ValidationFailed`},
		{`{"content":1,"schema":"@json('{\"type\":\"no type\"}')"}`, "BadRequest", `ActionSchemaInvalid`},
	} {
		o := perform(t, `{"type":"ParseJson","inputs":`+c.inputs+`}`)
		if o.Code != c.code {
			t.Errorf("%s: %+v %+v", c.inputs, o, o.Error)
		}
		if c.code == "OK" {
			if got := shown(o); got != c.want || o.Status != definition.Succeeded {
				t.Errorf("%s: %s", c.inputs, got)
			}
			continue
		}
		errors, hasErrors := o.Outputs.Get("errors")
		if o.Status != definition.Failed || o.Error.Code != c.want || hasErrors != (c.code == "ValidationFailed") || o.Outputs.IsAbsent() == hasErrors || hasErrors && errors.Len() == 0 {
			t.Errorf("%s: %+v %s", c.inputs, o.Error, o.Outputs)
		}
	}
}

// TestSchemaErrors: the outputs of a failed validation have the form of
// Newtonsoft's errors, in the order of the document.
func TestSchemaErrors(t *testing.T) {
	const order = `{"type":"object","required":["id","lines"],"additionalProperties":false,"properties":{
		"id":{"type":["null","string"]},"total":{"$ref":"#/definitions/amount"},"lines":{"type":"array","minItems":2,"items":{"required":["no"],"properties":{"no":{"type":"integer"},"a b":{"enum":[1]}}}},
		"ship":{"anyOf":[{"type":"string"},{"required":["to"]}]},"pay":{"oneOf":[{"type":"integer"},{"type":"number"}]},"all":{"allOf":[{"type":"string"},{"type":"integer"},{"maxLength":1}]},"not":{"not":{"type":"string"}}},
		"definitions":{"amount":{"type":"number"}}}`
	list := func(entries ...string) string { return "[" + strings.Join(entries, ",") + "]" }
	entry := func(message, path, v, schema, typ, children string) string {
		if v != "" {
			v = `"value":` + v + `,`
		}
		return `{"message":"` + message + `","lineNumber":0,"linePosition":0,"path":"` + path + `",` + v + `"schemaId":"` + schema + `","errorType":"` + typ + `","childErrors":` + children + `}`
	}
	for _, c := range []struct{ content, want string }{
		{`{"id":1,"lines":[{"no":1},{"no":2}]}`, list(entry("Invalid type. Expected String, Null but got Integer.", "id", "1", "#/properties/id", "type", "[]"))},
		{`{"id":"","total":"x","lines":[{"no":1},{"no":2}]}`, list(entry("Invalid type. Expected Number but got String.", "total", `"x"`, "#/definitions/amount", "type", "[]"))},
		{`{"lines":[{"no":1.5,"a b":2},{}],"x":0,"w":[]}`, list(
			entry("Invalid type. Expected Integer but got Number.", "lines[0].no", "1.5", "#/properties/lines/items/properties/no", "type", "[]"),
			entry("The value does not match the keyword 'enum'.", "lines[0]['a b']", "2", "#/properties/lines/items/properties/a b", "enum", "[]"),
			entry("Required properties are missing from object: no.", "lines[1]", `["no"]`, "#/properties/lines/items", "required", "[]"),
			entry("Property 'x' has not been defined and the schema does not allow additional properties.", "x", `"x"`, "#", "additionalProperties", "[]"),
			entry("Property 'w' has not been defined and the schema does not allow additional properties.", "w", `"w"`, "#", "additionalProperties", "[]"),
			entry("Required properties are missing from object: id.", "", `["id"]`, "#", "required", "[]"))},
		{`{"id":null,"lines":[]}`, list(entry("Array item count 0 is less than minimum count of 2.", "lines", "", "#/properties/lines", "minItems", "[]"))},
		{`{"id":null,"lines":[{"no":1},{"no":2}],"ship":{}}`, list(entry("JSON does not match any schemas from 'anyOf'.", "ship", "", "#/properties/ship", "anyOf", list(
			entry("Required properties are missing from object: to.", "ship", `["to"]`, "#/properties/ship/anyOf/1", "required", "[]"),
			entry("Invalid type. Expected String but got Object.", "ship", "", "#/properties/ship/anyOf/0", "type", "[]"))))},
		{`{"id":null,"lines":[{"no":1},{"no":2}],"pay":1,"not":""}`, list(
			entry("JSON is valid against more than one schema from 'oneOf'. Valid schema indexes: 0, 1.", "pay", "", "#/properties/pay", "oneOf", "[]"),
			entry("JSON is valid against schema from 'not'.", "not", "", "#/properties/not", "not", "[]"))},
	} {
		o := perform(t, `{"type":"ParseJson","inputs":{"content":`+c.content+`,"schema":`+order+`}}`)
		if got := string(value.Reveal(o.Outputs.Member("errors"))); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.content, got, c.want)
		}
	}
	o := perform(t, `{"type":"ParseJson","inputs":{"content":{"id":null,"lines":[{"no":1},{"no":2}],"pay":"","all":"xy"},"schema":`+order+`}}`)
	errors := o.Outputs.Member("errors")
	if errors.At(0).Member("message").Str() != "JSON is valid against no schemas from 'oneOf'." || errors.At(0).Member("childErrors").Len() != 2 ||
		errors.At(1).Member("message").Str() != "JSON does not match all schemas from 'allOf'. Invalid schema indexes: 1, 2." || errors.At(1).Member("childErrors").Len() != 2 {
		t.Errorf("%s", errors)
	}
}

// TestSchemaErrorsOfSecrets: outputs.errors tells of a secret only what derives
// from it, marked as such.
func TestSchemaErrorsOfSecrets(t *testing.T) {
	secret := value.String(`{"canary":"canary"}`).Mark(vaultOrigin)
	o := perform(t, `{"type":"ParseJson","inputs":{"content":"@variables('s')","schema":{"additionalProperties":{"type":"integer"}}}}`, run.Variable{Name: "s", Type: "Array", Value: secret})
	if o.Code != "ValidationFailed" || strings.Contains(o.Outputs.String(), "canary") || !strings.Contains(string(value.Reveal(o.Outputs)), "canary") {
		t.Errorf("%s", o.Outputs)
	}
	rows := value.Object(value.Member{Key: "a", Value: value.Int(1)}, value.Member{Key: "b", Value: value.Int(2).Mark(vaultOrigin)})
	o = perform(t, `{"type":"ParseJson","inputs":{"content":"@variables('s')","schema":{"additionalProperties":{"type":"string"}}}}`, run.Variable{Name: "s", Type: "Array", Value: rows})
	if errors := o.Outputs.Member("errors"); errors.Len() != 2 || errors.At(0).Marked() || !errors.At(1).Marked() {
		t.Errorf("%s", errors)
	}
	// The trigger uses the same validation, and shows messages only.
	problems, err := operation.Validate(parse(t, `{"properties":{"a":{"enum":["x"]},"b":{"maxLength":1}}}`), parse(t, `{"b":"canary","a":"canary"}`))
	if err != nil || len(problems) != 2 || problems[0].Path != "b" || strings.Contains(problems[0].Message+problems[1].Message, "canary") {
		t.Errorf("%v %+v", err, problems)
	}
}
