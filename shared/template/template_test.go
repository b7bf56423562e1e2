package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

var context = template.Local(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))

func parse(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// load loads a document that must have no problem.
func load(t *testing.T, document, parameters string) *template.Deployment {
	t.Helper()
	var given value.Value
	if parameters != "" {
		given = parse(t, parameters)
	}
	d, problems := template.Load([]byte(document), "fallback", given, context)
	for _, p := range problems {
		t.Errorf("problem: %s at %s", p.Message, p.Path)
	}
	return d
}

// TestForms: each form in which workflows come.
func TestForms(t *testing.T) {
	const definition = `{"triggers":{},"actions":{"A":{"type":"Compose","inputs":"[@item()]"}}}`
	for name, c := range map[string]struct{ document, wantName, wantPath string }{
		"plain definition": {definition, "fallback", "$"},
		"code view":        {`{"definition":` + definition + `,"parameters":{}}`, "fallback", "$.definition"},
		"standard":         {`{"definition":` + definition + `,"kind":"Stateful"}`, "fallback", "$.definition"},
		"resource":         {`{"name":"w","location":"westeurope","properties":{"definition":` + definition + `}}`, "w", "$.properties.definition"},
		"ARM": {`{"resources":[{"type":"Microsoft.Logic/workflows","name":"[concat('a','-','b')]","properties":{"definition":` +
			strings.Replace(definition, `"[@item()]"`, `"[[@item()]"`, 1) + `}}]}`, "a-b", "$.resources[0].properties.definition"},
		"ARM, symbolic names": {`{"languageVersion":"2.0","resources":{"flow":{"type":"Microsoft.Logic/workflows","name":"s","properties":{"definition":` +
			strings.Replace(definition, `"[@item()]"`, `"[[@item()]"`, 1) + `}}}}`, "s", "$.resources.flow.properties.definition"},
	} {
		t.Run(name, func(t *testing.T) {
			d := load(t, c.document, "")
			if len(d.Workflows) != 1 {
				t.Fatalf("%d workflows", len(d.Workflows))
			}
			w := d.Workflows[0]
			if w.Name != c.wantName || w.DefinitionPath.String() != c.wantPath || w.State != "Enabled" {
				t.Errorf("got %q at %s, %s", w.Name, w.DefinitionPath, w.State)
			}
			if got := string(value.JSON(w.Definition)); got != definition {
				t.Errorf("definition: %s", got)
			}
			if want := "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Logic/workflows/" + c.wantName; w.ResourceID != want {
				t.Errorf("id: %s", w.ResourceID)
			}
		})
	}
}

// TestExpressions evaluates what real Logic App templates use.
func TestExpressions(t *testing.T) {
	const group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
	for expression, want := range map[string]string{
		"plain":                                          `"plain"`,
		"[[escaped]":                                     `"[escaped]"`,
		"@{parameters('workflow')}":                      `"@{parameters('workflow')}"`,
		"[parameters('text')]":                           `"hello"`,
		"[PARAMETERS('TEXT')]":                           `"hello"`,
		"[concat('a', 1, true())]":                       `"a1True"`,
		"[variables('double')]":                          `"hellohello"`,
		"[variables('object').list[1].x]":                `2`,
		"[resourceGroup().location]":                     `"local"`,
		"[resourceGroup().id]":                           `"` + group + `"`,
		"[subscription().tenantId]":                      `"00000000-0000-0000-0000-000000000000"`,
		"[resourceId('Microsoft.Web/connections','kv')]": `"` + group + `/providers/Microsoft.Web/connections/kv"`,
		"[resourceId('rg2','A.B/c/d','x','y')]":          `"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg2/providers/A.B/c/x/d/y"`,
		"[subscriptionResourceId('Microsoft.Web/locations/managedApis','westeurope','keyvault')]": `"/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Web/locations/westeurope/managedApis/keyvault"`,
		"[format('{0}-{1}', 'a', 2)]":                      `"a-2"`,
		"[if(equals(1,1),'yes','no')]":                     `"yes"`,
		"[toLower('ÄB')]":                                  `"äb"`,
		"[replace('a-b','-','+')]":                         `"a+b"`,
		"[substring('hello',1,3)]":                         `"ell"`,
		"[split('a,b',',')]":                               `["a","b"]`,
		"[length(createArray(1,2,3))]":                     `3`,
		"[union(createObject('a',1),createObject('b',2))]": `{"a":1,"b":2}`,
		"[json('{\"a\":[1]}').a[0]]":                       `1`,
		"[base64ToString(base64('ü'))]":                    `"ü"`,
		"[add(mul(2,3),mod(7,4))]":                         `9`,
		"[coalesce(null(),'x')]":                           `"x"`,
		"[contains(createArray('a'),'a')]":                 `true`,
		"[last(split('a/b','/'))]":                         `"b"`,
		"[padLeft('7',3,'0')]":                             `"007"`,
		"[uriComponent('a b')]":                            `"a%20b"`,
		"[concat('it''s')]":                                `"it's"`,
		"[reference('x').identity.principalId]":            `""`,
	} {
		t.Run(expression, func(t *testing.T) {
			inputs := string(value.AppendQuoted(nil, expression))
			d := load(t, `{"parameters":{"text":{"type":"string","defaultValue":"hello"}},
				"variables":{"double":"[concat(parameters('text'),parameters('text'))]","object":{"list":[{"x":1},{"x":2}]}},
				"resources":[{"type":"Microsoft.Logic/workflows","name":"w","properties":{"definition":{"x":`+inputs+`}}}]}`, "")
			if got := string(value.JSON(d.Workflows[0].Definition.Member("x"))); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestResources: copy loops, conditions, child and nested resources.
func TestResources(t *testing.T) {
	d := load(t, `{
		"parameters": {"names": {"type": "array"}, "skip": {"type": "bool", "defaultValue": false}},
		"resources": [
			{"type": "Microsoft.Logic/workflows", "name": "[concat('w-', parameters('names')[copyIndex()])]", "copy": {"name": "c", "count": "[length(parameters('names'))]"}, "properties": {"definition": {}}},
			{"condition": "[parameters('skip')]", "type": "Microsoft.Logic/workflows", "name": "never", "properties": {"definition": {}}},
			{"type": "Microsoft.Web/connections", "name": "kv", "properties": {"api": {"id": "[subscriptionResourceId('Microsoft.Web/locations/managedApis', 'local', 'KeyVault')]"}}},
			{"type": "Microsoft.Resources/deployments", "name": "n", "properties": {
				"expressionEvaluationOptions": {"scope": "inner"}, "parameters": {"name": {"value": "[concat('in','ner')]"}},
				"template": {"parameters": {"name": {"type": "string"}}, "resources": [{"type": "Microsoft.Logic/workflows", "name": "[parameters('name')]", "properties": {"definition": {}}}]}}}
		]}`, `{"names":{"value":["a","b"]}}`)
	var names []string
	for _, w := range d.Workflows {
		names = append(names, w.Name)
	}
	if got := strings.Join(names, " "); got != "w-a w-b inner" {
		t.Errorf("workflows: %s", got)
	}
	if len(d.Connections) != 1 || d.Connections[0].API != "keyvault" {
		t.Errorf("connections: %+v", d.Connections)
	}
}

// TestProblems: all at once, each at its place, and no secret in any.
// TestUnknownUntilDeployed: what only a deployed resource can answer reads as empty
// text, however deep it lies; names are found ignoring case.
func TestUnknownUntilDeployed(t *testing.T) {
	d := load(t, `{"variables":{"Workspace":"[reference('w')]"},"resources":[{"type":"Microsoft.Logic/workflows","name":"w","properties":{"definition":{"triggers":{},"actions":{}},
		"parameters":{"a":{"value":"[variables('workspace').customerId]"},"b":{"value":"[concat('x', listKeys('w','2020-01-01').keys[0].primarySharedKey, 'y')]"},"c":{"value":"[reference('w')]"}}}}]}`, "")
	if got := d.Workflows[0].Parameters.String(); got != `{"a":{"value":""},"b":{"value":"xy"},"c":{"value":""}}` {
		t.Error(got)
	}
}

func TestProblems(t *testing.T) {
	const document = `{
		"parameters": {"a": {"type": "string"}, "n": {"type": "int"}, "s": {"type": "securestring"}, "t": {"type": "text", "defaultValue": ""}},
		"resources": []}`
	_, problems := template.Load([]byte(document), "w", parse(t, `{"n":{"value":"x"},"s":{"value":"canary-secret"},"zz":{"value":1}}`), context)
	want := []string{
		"$.parameters InvalidTemplateParameter: The parameter 'zz' is not declared in the template.",
		"$.parameters.a InvalidTemplateParameter: The value for the template parameter 'a' is not provided.",
		"$.parameters.n InvalidTemplateParameter: The value of template parameter 'n' is of type 'String'; 'int' is declared.",
		"$.parameters.t.type InvalidTemplateParameter: The type 'text' of template parameter 't' is not valid.",
	}
	check(t, problems, want)

	for expression, message := range map[string]string{
		"[nothing()]":                            "the function 'nothing' is not known here.",
		"[concat('a']":                           "',' or ')' is missing.",
		"[parameters('zz')]":                     "the template parameter 'zz' is not found.",
		"[variables('loop')]":                    "", // reported where the variable is declared
		"[json('canary]":                         "a string has no end.",
		"[substring('a',1,9223372036854775807)]": "substring() reaches outside of its text.",
		"[int(parameters('s'))]":                 "the function 'int' failed; its parameters derive from a secret and are not shown.",
		"[copyIndex()]":                          "copyIndex() is only known inside a copy loop.",
	} {
		_, problems := template.Load([]byte(`{"parameters":{"s":{"type":"securestring"}},"variables":{"loop":"[variables('loop')]"},
			"resources":[{"type":"Microsoft.Logic/workflows","name":"w","properties":{"definition":{"x":`+string(value.AppendQuoted(nil, expression))+`}}}]}`),
			"w", parse(t, `{"s":{"value":"canary-secret"}}`), context)
		if len(problems) == 0 || !strings.HasSuffix(problems[0].Message, message) || strings.Contains(problems[0].Message, "canary-secret") {
			t.Errorf("%s: %v", expression, problems)
		}
	}
}

func check(t *testing.T, problems []value.Problem, want []string) {
	t.Helper()
	for i, p := range problems {
		got := p.Path.String() + " " + p.Code + ": " + p.Message
		if i >= len(want) || got != want[i] {
			t.Errorf("problem %d: %s", i, got)
		}
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d", len(problems), len(want))
	}
}

// TestNoWorkflow: files that are none of the forms.
func TestNoWorkflow(t *testing.T) {
	for document, code := range map[string]string{`[]`: "UnknownDocument", `{"a":1}`: "UnknownDocument", `{`: "InvalidJson", ``: "InvalidJson"} {
		_, problems := template.Load([]byte(document), "w", value.Value{}, context)
		if len(problems) != 1 || problems[0].Code != code {
			t.Errorf("%q: %v", document, problems)
		}
	}
}

// TestSecureParametersAreMarked: what a secure parameter flows into prints redacted.
func TestSecureParametersAreMarked(t *testing.T) {
	d := load(t, `{"parameters":{"s":{"type":"securestring"}},"resources":[{"type":"Microsoft.Logic/workflows","name":"w",
		"properties":{"definition":{},"parameters":{"p":{"value":"[concat('x-',parameters('s'))]"}}}}]}`, `{"s":{"value":"canary-secret"}}`)
	if got := string(value.JSON(d.Workflows[0].Parameters)); strings.Contains(got, "canary") || !strings.Contains(got, value.Redacted) {
		t.Errorf("parameters: %s", got)
	}
}

func FuzzLoad(f *testing.F) {
	samples, err := filepath.Glob("../../samples/*/*.json")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range samples {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"resources":[{"type":"Microsoft.Logic/workflows","name":"[concat('a',1)]","copy":{"count":2},"properties":{"definition":{"x":"[range(1,5)]"}}}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		c := context
		c.Assume = true
		template.Load(data, "w", value.Value{}, c) // must neither panic nor hang
	})
}
