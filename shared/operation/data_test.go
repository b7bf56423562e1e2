package operation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestDataOperations: what each type makes of its array, and what it refuses.
func TestDataOperations(t *testing.T) {
	for _, c := range []struct{ typ, inputs, want string }{
		{"Query", `{"from":[],"where":"@true"}`, `{"body":[]}`},
		{"Query", `{"from":[null,1],"where":"@equals(item(),null)"}`, `{"body":[null]}`},
		{"Query", `{"from":[{"a":1},{"A":2}],"where":"@equals(item()?['a'],2)"}`, `{"body":[{"A":2}]}`},
		{"Query", `{"from":[1],"where":true}`, `{"body":[1]}`},
		{"Query", `{"from":[1],"where":"true"}`, `{"code":"BadRequest","message":"The 'where' property value in the 'query' action inputs is of type 'String'. The value must be of type 'Boolean'."}`},
		{"Query", `{"from":[1],"where":"@null"}`, `{"code":"BadRequest","message":"The 'where' property value in the 'query' action inputs is of type 'Null'. The value must be of type 'Boolean'."}`},
		{"Query", `{"from":{"a":1},"where":"@true"}`, `{"code":"BadRequest","message":"The 'from' property value in the 'query' action inputs is of type 'Object'. The value must be an array."}`},
		{"Query", `{"from":[1,"x"],"where":"@greater(item(),0)"}`, `{"code":"InvalidTemplate","message":"Unable to process template language expressions in action 'example' inputs at line '0' and column '0': 'The template language function 'greater' expects two parameter of matching types. The function was invoked with values of type 'String' and 'Integer' that do not match.'."}`},
		{"Select", `{"from":[],"select":{"a":1}}`, `{"body":[]}`},
		{"Select", `{"from":[1,2],"select":"fixed"}`, `{"body":["fixed","fixed"]}`},
		{"Select", `{"from":[1,null],"select":"@item()"}`, `{"body":[1,null]}`},
		{"Select", `{"from":[{"a":{"b":1}}],"select":{"x":["@item()['a']","@{item()['a']}"],"y":{"z":"@item()?['no']?['more']"}}}`, `{"body":[{"x":[{"b":1},"{\"b\":1}"],"y":{"z":null}}]}`},
		{"Select", `{"from":["k"],"select":{"@{item()}":1,"@odata.type":"t"}}`, `{"body":[{"k":1,"@odata.type":"t"}]}`},
		{"Select", `{"from":null,"select":"@item()"}`, `{"code":"BadRequest","message":"The 'from' property value in the 'select' action inputs is of type 'Null'. The value must be an array."}`},
		{"Join", `{"from":[],"joinWith":","}`, `{"body":""}`},
		{"Join", `{"from":["a","b"],"joinWith":""}`, `{"body":"ab"}`},
		{"Join", `{"from":["a","b"],"joinWith":null}`, `{"body":"ab"}`},
		{"Join", `{"from":["a","b"],"joinWith":1}`, `{"body":"a1b"}`},
		{"Join", `{"from":["a","b"],"joinWith":",\n"}`, `{"body":"a,\nb"}`},
		{"Join", `{"from":[1.0,1e21,[],{},"ü"],"joinWith":"|"}`, `{"body":"1|1E+21|[]|{}|ü"}`},
		{"Join", `{"from":[1],"joinWith":[","]}`, `{"code":"BadRequest","message":"The 'joinWith' property value in the 'join' action inputs is of type 'Array'. The value must be of type 'String'."}`},
		{"Join", `{"from":"a","joinWith":","}`, `{"code":"BadRequest","message":"The 'from' property value in the 'join' action inputs is of type 'String'. The value must be an array."}`},
	} {
		o := perform(t, `{"type":"`+c.typ+`","inputs":`+c.inputs+`}`)
		if got := shown(o); got != c.want && (!strings.HasSuffix(c.want, ": ") || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s %s\n got %s\nwant %s", c.typ, c.inputs, got, c.want)
		}
		if o.Error != nil && (o.Status != definition.Failed || o.Code != "BadRequest" || !o.Outputs.IsAbsent()) {
			t.Errorf("%s %s: %+v", c.typ, c.inputs, o)
		}
	}
}

// TestSaveTime: what is wrong with inputs whatever a run brings is told when the
// definition is saved.
func TestSaveTime(t *testing.T) {
	const missing, invalid = definition.MissingInput, definition.InvalidInput
	for _, c := range []struct{ action, code, path string }{
		{`"type":"Query","inputs":{"from":[]}`, missing, "inputs"},
		{`"type":"Query","inputs":{"where":"@true"}`, missing, "inputs"},
		{`"type":"Query","inputs":"@json('{}')"`, invalid, "inputs"},
		{`"type":"Query"`, definition.PropertyNotSpecified, ""},
		{`"type":"Select","inputs":{"from":[]}`, missing, "inputs"},
		{`"type":"Join","inputs":{"from":[]}`, missing, "inputs"},
		{`"type":"Join","inputs":["a"]`, invalid, "inputs"},
		{`"type":"Table","inputs":{"from":[]}`, missing, "inputs"},
		{`"type":"Table","inputs":{"from":[],"format":"XML"}`, invalid, "inputs.format"},
		{`"type":"Table","inputs":{"from":[],"format":1}`, invalid, "inputs.format"},
		{`"type":"Table","inputs":{"from":[],"format":"CSV","columns":{"header":"a"}}`, invalid, "inputs.columns"},
		{`"type":"Wait","inputs":{}`, missing, "inputs"},
		{`"type":"Wait","inputs":{"interval":{"count":1}}`, missing, "inputs.interval"},
		{`"type":"Wait","inputs":{"interval":{"unit":"Day"}}`, missing, "inputs.interval"},
		{`"type":"Wait","inputs":{"interval":{"count":1,"unit":"Fortnight"}}`, invalid, "inputs.interval.unit"},
		{`"type":"Wait","inputs":{"until":{}}`, missing, "inputs.until"},
		{`"type":"Wait","inputs":{"until":{"timestamp":"x"},"interval":{"count":1,"unit":"Day"}}`, invalid, "inputs"},
		{`"type":"Wait"`, missing, "inputs"},
		{`"type":"Expression","kind":"AddToTime","inputs":{"baseTime":"x","interval":1}`, missing, "inputs"},
		{`"type":"Expression","inputs":{}`, definition.InvalidTemplate, "kind"},
		{`"type":"ParseJson","inputs":{"schema":{}}`, missing, "inputs"},
		{`"type":"ParseJson","inputs":{"content":"1","schema":{"type":7}}`, "ActionSchemaInvalid", "inputs.schema"},
	} {
		p, problems := definition.Compile(definition.Source{Definition: parse(t, `{"actions":{"a":{`+c.action+`}}}`)}, operation.Catalog{})
		path := strings.TrimSuffix("$.actions.a."+c.path, ".")
		if p != nil || len(problems) != 1 || problems[0].Code != c.code || problems[0].Path.String() != path {
			t.Errorf("%s: %v", c.action, problems)
		}
	}
	for _, action := range []string{
		`"type":"Table","inputs":{"from":"@x()","format":"@{parameters('$connections')}","columns":"@createArray(1)"}`,
		`"type":"table","inputs":{"from":[],"format":"html","columns":null}`,
		`"type":"wait","inputs":{"interval":{"count":"@rand(1,10)","unit":"@{'Day'}"}}`,
		`"type":"Wait","inputs":"@json('{}')"`,
		`"type":"Wait","inputs":{"until":"@json('{}')"}`,
		`"type":"Expression","kind":"converttimezone","inputs":{"baseTime":"x","destinationTimeZone":"y"}`,
		`"type":"ParseJson","inputs":{"content":"1","schema":{"pattern":"^a$"}}`,
		`"type":"ParseJson","inputs":{"content":"1"}`,
	} {
		_, problems := definition.Compile(definition.Source{Definition: parse(t, `{"parameters":{"$connections":{"type":"object","defaultValue":{}}},"actions":{"a":{`+action+`}}}`)}, operation.Catalog{})
		for _, p := range problems {
			if !p.Warning {
				t.Errorf("%s: %v", action, p)
			}
		}
	}
}

var vaultOrigin = value.Origin{Class: value.Secured, Name: "keyvault:password"}

// TestOriginsFlow: what derives from a secret is known to derive from it behind
// every data operation, and no message shows it.
func TestOriginsFlow(t *testing.T) {
	const canary = "canary<'&\n"
	secret := value.String(canary).Mark(vaultOrigin)
	rows := value.Array(
		value.Object(value.Member{Key: "id", Value: value.Int(1)}, value.Member{Key: "s", Value: secret}),
		value.Object(value.Member{Key: "id", Value: value.Int(2)}, value.Member{Key: "s", Value: value.String("open")}))
	variables := []run.Variable{{Name: "rows", Type: "Array", Value: rows}, {Name: "all", Type: "Array", Value: rows.Mark(vaultOrigin)}, {Name: "s", Type: "Array", Value: secret}}
	for _, c := range []struct {
		action string
		at     func(value.Value) value.Value // of the outputs
		marked bool
	}{
		{`{"type":"Query","inputs":{"from":"@variables('rows')","where":"@equals(item()['id'],1)"}}`, func(v value.Value) value.Value { return v.At(0).Member("s") }, true},
		{`{"type":"Query","inputs":{"from":"@variables('rows')","where":"@equals(item()['id'],2)"}}`, nil, false},
		{`{"type":"Query","inputs":{"from":"@variables('rows')","where":"@equals(item()['s'],variables('s'))"}}`, func(v value.Value) value.Value { return v.At(0).Member("id") }, false},
		{`{"type":"Query","inputs":{"from":"@variables('all')","where":"@true"}}`, func(v value.Value) value.Value { return v.At(1) }, true},
		{`{"type":"Select","inputs":{"from":"@variables('rows')","select":{"x":"a @{item()['s']}","y":"@item()['id']"}}}`, func(v value.Value) value.Value { return v.At(0).Member("x") }, true},
		{`{"type":"Select","inputs":{"from":"@variables('rows')","select":{"x":"a @{item()['s']}","y":"@item()['id']"}}}`, func(v value.Value) value.Value { return v.At(1).Member("x") }, false},
		{`{"type":"Select","inputs":{"from":[1],"select":"@variables('s')"}}`, nil, true},
		{`{"type":"Join","inputs":{"from":"@variables('rows')","joinWith":","}}`, nil, true},
		{`{"type":"Join","inputs":{"from":[1,2],"joinWith":"@variables('s')"}}`, nil, true},
		{`{"type":"Join","inputs":{"from":[1,2],"joinWith":","}}`, nil, false},
		{`{"type":"Table","inputs":{"format":"CSV","from":"@variables('rows')"}}`, nil, true},
		{`{"type":"Table","inputs":{"format":"HTML","from":"@variables('rows')","columns":[{"header":"s","value":"@item()['s']"}]}}`, nil, true},
		{`{"type":"Table","inputs":{"format":"HTML","from":"@variables('rows')","columns":[{"header":"id","value":"@item()['id']"}]}}`, nil, false},
		{`{"type":"Table","inputs":{"format":"CSV","from":[],"columns":[{"header":"@variables('s')","value":"x"}]}}`, nil, true},
		{`{"type":"ParseJson","inputs":{"content":"@concat('{\"a\":\"',base64(variables('s')),'\"}')","schema":{}}}`, func(v value.Value) value.Value { return v.Member("a") }, true},
		{`{"type":"ParseJson","inputs":{"content":"@variables('rows')","schema":{}}}`, func(v value.Value) value.Value { return v.At(1) }, false},
	} {
		o := perform(t, c.action, variables...)
		v := o.Outputs.Member("body")
		if c.at != nil {
			v = c.at(v)
		}
		if o.Error != nil || v.Marked() != c.marked || c.marked && !slices.Contains(v.Taint(), vaultOrigin) || strings.Contains(v.String(), "canary") {
			t.Errorf("%s: %s %v %+v", c.action, v, v.Taint(), o.Error)
		}
	}
	for _, action := range []string{
		`{"type":"Query","inputs":{"from":"@variables('rows')","where":"@item()['s']"}}`,
		`{"type":"Query","inputs":{"from":"@variables('rows')","where":"@greater(addDays(item()['s'],1),'x')"}}`,
		`{"type":"Query","inputs":{"from":"@variables('s')","where":"@true"}}`,
		`{"type":"Select","inputs":{"from":"@variables('rows')","select":"@json(item()['s'])"}}`,
		`{"type":"Select","inputs":{"from":"@variables('rows')","select":"@item()[variables('s')]"}}`,
		`{"type":"Join","inputs":{"from":[],"joinWith":"@createArray(variables('s'))"}}`,
		`{"type":"Table","inputs":{"format":"@{variables('s')}","from":[]}}`,
		`{"type":"Wait","inputs":{"until":{"timestamp":"@variables('s')"}}}`,
		`{"type":"Wait","inputs":{"interval":{"count":"@variables('s')","unit":"Day"}}}`,
		`{"type":"Expression","kind":"AddToTime","inputs":{"baseTime":"@variables('s')","interval":1,"timeUnit":"Day"}}`,
		`{"type":"Expression","kind":"GetPastTime","inputs":{"interval":1,"timeUnit":"@variables('s')"}}`,
		`{"type":"Expression","kind":"ConvertTimeZone","inputs":{"baseTime":"2026-01-01","sourceTimeZone":"@variables('s')","destinationTimeZone":"UTC"}}`,
		`{"type":"ParseJson","inputs":{"content":"@concat('[',variables('s'))","schema":{}}}`,
		`{"type":"ParseJson","inputs":{"content":{"$content-type":"@{variables('s')}","$content":""},"schema":{}}}`,
		`{"type":"ParseJson","inputs":{"content":"@concat('{\"',base64(variables('s')),'canary\":1}')","schema":{"additionalProperties":false}}}`,
	} {
		o := perform(t, action, variables...)
		if o.Error == nil || strings.Contains(o.Error.Message, "canary") || strings.Contains(o.Outputs.String(), "canary") {
			t.Errorf("%s: %+v %s", action, o.Error, o.Outputs)
		}
	}
}

// TestLimits: an action over too much fails; it takes neither all memory nor all
// time.
func TestLimits(t *testing.T) {
	text := value.String(strings.Repeat("x<é😀 and more text", 1<<16)) // more than 1 MiB
	wide := make([]value.Value, 100)
	for i := range wide {
		wide[i] = text
	}
	deep := value.Array(text)
	for range 40 { // 2^40 texts, if they were written out
		deep = value.Array(deep, deep)
	}
	variables := []run.Variable{{Name: "many", Type: "Array", Value: value.Ints(0, 100_001)}, {Name: "most", Type: "Array", Value: value.Ints(0, 100_000)},
		{Name: "wide", Type: "Array", Value: value.Array(wide...)}, {Name: "deep", Type: "Array", Value: deep}, {Name: "text", Type: "Array", Value: text}}
	const tooMany, tooLarge = "has '100001' items. It must not have more than '100000'.", "is larger than the '104857600' characters"
	for _, c := range []struct{ action, message string }{
		{`{"type":"Query","inputs":{"from":"@variables('many')","where":"@true"}}`, tooMany},
		{`{"type":"Select","inputs":{"from":"@variables('many')","select":"@item()"}}`, tooMany},
		{`{"type":"Join","inputs":{"from":"@variables('many')","joinWith":","}}`, tooMany},
		{`{"type":"Table","inputs":{"format":"CSV","from":"@variables('many')","columns":[{"value":"@item()"}]}}`, tooMany},
		{`{"type":"Query","inputs":{"from":"@variables('most')","where":"@less(item(),2)"}}`, ""},
		{`{"type":"Select","inputs":{"from":"@variables('most')","select":{"n":"@item()"}}}`, ""},
		{`{"type":"Table","inputs":{"format":"HTML","from":"@variables('most')","columns":[{"header":"n","value":"@item()"}]}}`, ""},
		{`{"type":"Select","inputs":{"from":"@variables('most')","select":"@variables('text')"}}`, tooLarge},
		{`{"type":"Select","inputs":{"from":[1],"select":"@variables('deep')"}}`, tooLarge},
		{`{"type":"Join","inputs":{"from":"@createArray(variables('deep'))","joinWith":","}}`, tooLarge},
		{`{"type":"Join","inputs":{"from":"@variables('most')","joinWith":"@variables('text')"}}`, tooLarge},
		{`{"type":"Table","inputs":{"format":"HTML","from":"@variables('wide')","columns":[{"value":"@item()"}]}}`, tooLarge},
		{`{"type":"Table","inputs":{"format":"CSV","from":"@variables('wide')","columns":[{"value":"@variables('deep')"}]}}`, tooLarge},
	} {
		start := time.Now()
		o := perform(t, c.action, variables...)
		switch {
		case c.message == "" && o.Error != nil:
			t.Errorf("%s: %s", c.action, o.Error.Message)
		case c.message != "" && (o.Error == nil || !strings.Contains(o.Error.Message, c.message)):
			t.Errorf("%s: %+v", c.action, o.Error)
		case c.message == tooLarge && (o.Code != "ActionResultsSizeLimitExceeded" || o.Error.Code != o.Code):
			t.Errorf("%s: %s %s", c.action, o.Code, o.Error.Code)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %s", c.action, took)
		}
	}
}

// TestOutsideOfARun: one attempt without a run sees the item and the time.
func TestOutsideOfARun(t *testing.T) {
	for _, action := range []string{
		`{"type":"Query","inputs":{"from":[1,2],"where":"@equals(item(),2)"}}`,
		`{"type":"Select","inputs":{"from":[2],"select":"@add(item(),0)"}}`,
		`{"type":"Table","inputs":{"format":"CSV","from":[2],"columns":[{"header":"2","value":"@item()"}]}}`,
		`{"type":"Expression","kind":"GetFutureTime","inputs":{"interval":2,"timeUnit":"Second"}}`,
		`{"type":"Wait","inputs":{"interval":{"count":2,"unit":"Day"}}}`,
	} {
		v := parse(t, action)
		c := prepare(t, v)
		c.Env = nil
		if o := attempt(t, operation.Deps{}, v.Member("type").Str(), c); o.Status != definition.Succeeded {
			t.Errorf("%s: %+v", action, o)
		}
	}
	v := parse(t, `{"type":"Select","inputs":{"from":[1],"select":"@workflow()['run']['name']"}}`)
	c := prepare(t, v)
	c.Env = nil
	if o := attempt(t, operation.Deps{}, "Select", c); fmt.Sprint(o.Outputs) != `{"body":[""]}` {
		t.Errorf("%s %+v", o.Outputs, o.Error)
	}
}
