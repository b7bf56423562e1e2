package operation_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// account is an integration account for tests.
type account map[string]string // by kind, slash and name, with its extension

func (a account) Lookup(kind artifacts.Kind, name string) (artifacts.Artifact, error) {
	for file, content := range a {
		of, base, _ := strings.Cut(file, "/")
		stem, extension, _ := strings.Cut(base, ".")
		if of == string(kind) && (strings.EqualFold(name, stem) || strings.EqualFold(name, base)) {
			return artifacts.Artifact{Kind: kind, Name: stem, Extension: "." + extension, Content: []byte(content)}, nil
		}
	}
	return artifacts.Artifact{}, artifacts.ErrNotFound
}

const xs = `xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:b="http://schemas.microsoft.com/BizTalk/2003"`

var maps = operation.Deps{Artifacts: account{
	"Map/Greet.liquid":  `{"hello":"{{content.name | Upcase}}","n":[{% for i in content.list %}{{i}},{% endfor %}]}`,
	"Map/Text.liquid":   `Dear {{content.order.to | Capitalize}}{{content.name}}`,
	"Map/Broken.liquid": "{% if %}",
	"Map/Not.liquid":    "{\"a\":\n{{content.name}}}",
	"Map/Order.xslt":    `<x/>`,
	"Schema/Order.xsd":  `<xs:schema ` + xs + `><xs:include schemaLocation="Common.xsd"/><xs:element name="order"><xs:complexType><xs:sequence><xs:element name="n" type="Number" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:schema>`,
	"Schema/Common.xsd": `<xs:schema ` + xs + `><xs:simpleType name="Number"><xs:restriction base="xs:int"/></xs:simpleType></xs:schema>`,
	"Schema/Bad.xsd":    `<xs:schema ` + xs + `><xs:element name="a" type="nope"/></xs:schema>`,
	"Schema/Flat.xsd": `<xs:schema ` + xs + `><xs:annotation><xs:appinfo><b:schemaInfo standard="Flat File"/></xs:appinfo></xs:annotation><xs:element name="row"><xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter="," child_order="infix"/></xs:appinfo></xs:annotation>` +
		`<xs:complexType><xs:sequence><xs:element name="a" type="xs:string"/><xs:element name="b" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:schema>`,
	"Partner/Contoso.json":   `{"properties":{"partnerType":"B2B","content":{"b2b":{"businessIdentities":[{"qualifier":"ZZ","value":"1"}]}}}}`,
	"Agreement/Broken.json":  "{\n x}",
	"Agreement/Invoice.json": `{"hostPartner":"a"}`,
}}

func xmlEnvelope(text string) string {
	return `{"$content-type":"application/xml; charset=utf-8","$content":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}`
}

// TestArtifactActions is what each action gives and how it fails.
func TestArtifactActions(t *testing.T) {
	liquid := func(kind, name, content string) string {
		return `{"type":"Liquid","kind":"` + kind + `","inputs":{"content":` + content + `,"integrationAccount":{"map":{"name":"` + name + `"}}}}`
	}
	xml := func(typ, name, content string) string {
		return `{"type":"` + typ + `","inputs":{"content":` + content + `,"integrationAccount":{"schema":{"name":"` + name + `"}}}}`
	}
	lookup := func(typ, name string) string {
		return `{"type":"IntegrationAccountArtifactLookup","inputs":{"artifactType":"` + typ + `","artifactName":"` + name + `"}}`
	}
	for name, c := range map[string]struct{ action, want string }{
		"JSON to JSON":         {liquid("JsonToJson", "Greet", `{"name":"jo","list":[1,2]}`), `{"body":{"hello":"JO","n":[1,2]}}`},
		"JSON as text":         {liquid("jsontojson", "greet.liquid", `"{\"name\":\"jo\"}"`), `{"body":{"hello":"JO","n":[]}}`},
		"JSON to text":         {liquid("JsonToText", "Text", `{"name":"jo"}`), `{"body":"Dear jo"}`},
		"XML to text":          {liquid("XmlToText", "Text", `"<order><to>jo</to></order>"`), `{"body":"Dear Jo"}`},
		"XML in an envelope":   {liquid("XmlToText", "Text", xmlEnvelope("<order><to>ann</to></order>")), `{"body":"Dear Ann"}`},
		"XML to JSON":          {liquid("XmlToJson", "Greet", `"<name>jo</name>"`), `{"body":{"hello":"JO","n":[]}}`},
		"Standard":             {`{"type":"Liquid","kind":"JsonToText","inputs":{"content":{"name":"x"},"map":{"source":"LogicApp","name":"Text.liquid"}}}`, `{"body":"Dear x"}`},
		"no XML":               {liquid("XmlToText", "Text", `"<order>"`), `{"code":"IncorrectLiquidTransformContent"`},
		"no JSON":              {liquid("JsonToText", "Text", `"{"`), `{"code":"IncorrectLiquidTransformContent","message":"The content of action 'example' is not valid JSON. Line 1, position 2."}`},
		"no content":           {liquid("JsonToText", "Text", `null`), `{"code":"InvalidTemplate"`},
		"no JSON comes out":    {liquid("JsonToJson", "Not", `{"name":"jo"}`), `{"code":"IncorrectLiquidTransformOutputType","message":"An error occurred while converting the transformed value to JSON. The transformed value is not a valid JSON. Line 2, position 1."}`},
		"broken template":      {liquid("JsonToText", "Broken", `{}`), `{"code":"TransformException","message":"The Liquid template 'Broken' of action 'example' cannot be rendered. Liquid error (line 1)`},
		"no map":               {liquid("JsonToText", "Nope", `{}`), `{"code":"IntegrationAccountMapNotFound","message":"The Map 'Nope' of action 'example' is not found."}`},
		"entities":             {liquid("XmlToText", "Text", `"<!DOCTYPE a [<!ENTITY b 'x'>]><order>&b;</order>"`), `{"code":"IncorrectLiquidTransformContent"`},
		"valid":                {xml("XmlValidation", "Order", `"<order><n>1</n></order>"`), `{"body":"<order><n>1</n></order>"}`},
		"invalid":              {xml("XmlValidation", "Order", `"<order><n>1</n><n>x</n></order>"`), `{"code":"XmlValidationFailed","message":"The XML validation of action 'example' failed. The 'n' element is invalid - The value 'x' is invalid according to its datatype 'Number' - The string 'x' is not a valid Int32 value. Line 1, position 16."}`},
		"many problems":        {xml("XmlValidation", "Order", `"<order>`+strings.Repeat("<n/>", 30)+`</order>"`), `There are 20 more."}`},
		"bad schema":           {xml("XmlValidation", "Bad", `"<a/>"`), `{"code":"InvalidXmlSchema","message":"The schema 'Bad' of action 'example' cannot be used: Bad.xsd, line 1: Type 'nope' is not declared."}`},
		"no schema":            {xml("XmlValidation", "Nope", `"<a/>"`), `{"code":"IntegrationAccountSchemaNotFound"`},
		"validation of no XML": {xml("XmlValidation", "Order", `"<a"`), `{"code":"InvalidXml"`},
		"decode":               {xml("FlatFileDecoding", "Flat", `"1,2"`), `{"body":` + `{"$content-type":"application/xml; charset=utf-8","$content":"` + base64.StdEncoding.EncodeToString([]byte(`<?xml version="1.0" encoding="utf-8"?><row><a>1</a><b>2</b></row>`)) + `"}}`},
		"decode too little":    {xml("FlatFileDecoding", "Flat", `"1"`), `{"code":"FlatFileDecodingFailed","message":"The content of action 'example' cannot be decoded. Unexpected end of stream while looking for: 'b'.`},
		"encode":               {xml("FlatFileEncoding", "Flat", `"<row><a>1</a><b>2</b></row>"`), `{"body":"1,2"}`},
		"encode another":       {xml("FlatFileEncoding", "Flat", `"<column/>"`), `{"code":"FlatFileEncodingFailed"`},
		"no flat file":         {xml("FlatFileDecoding", "Order", `"1"`), `{"code":"InvalidFlatFileSchema","message":"The schema 'Order' of action 'example' cannot be used for flat files: it has no annotations of a flat file."}`},
		"partner":              {lookup("Partner", "Contoso"), `{"name":"Contoso","properties":{"partnerType":"B2B","content":{"b2b":{"businessIdentities":[{"qualifier":"ZZ","value":"1"}]}}},"body":{"b2b":{"businessIdentities":[{"qualifier":"ZZ","value":"1"}]}}}`},
		"agreement":            {lookup("agreement", "Invoice"), `{"name":"Invoice","properties":{"hostPartner":"a"}}`},
		"broken agreement":     {lookup("Agreement", "Broken"), `{"code":"InvalidIntegrationAccountAgreement"`},
		"map":                  {lookup("Map", "Order"), `{"name":"Order","properties":{"mapType":"Xslt","contentType":"application/xml"},"body":{"$content-type":"application/xml","$content":"PHgvPg=="}}`},
		"liquid map":           {lookup("Map", "Broken"), `{"name":"Broken","properties":{"mapType":"Liquid","contentType":"text/plain"},"body":"{% if %}"}`},
		"no artifact":          {lookup("Schema", "x"), `{"code":"IntegrationAccountSchemaNotFound"`},
	} {
		v := parse(t, c.action)
		got := shown(attempt(t, maps, v.Member("type").Str(), prepare(t, v)))
		if !strings.Contains(got, c.want) || strings.HasPrefix(c.want, `{"body`) && got != c.want {
			t.Errorf("%s\n got %s\nwant %s", name, got, c.want)
		}
	}
	v := parse(t, lookup("Map", "Order"))
	if got := shown(attempt(t, operation.Deps{}, v.Member("type").Str(), prepare(t, v))); !strings.Contains(got, `{"code":"IntegrationAccountNotFound","message":"The action 'example' needs the Map 'Order', and no folder of artifacts is configured here."}`) {
		t.Error(got)
	}
}

// TestSecretsPassThrough: what is made of a secret carries its origin, and no
// message quotes it.
func TestSecretsPassThrough(t *testing.T) {
	secret := func(s string) value.Value { return value.String(s).Mark(value.Origin{Class: value.Secured, Name: "p"}) }
	account := func(member, name string) value.Member {
		return value.Member{Key: "integrationAccount", Value: parse(t, `{"`+member+`":{"name":"`+name+`"}}`)}
	}
	inputs := func(content value.Value, more value.Member) value.Value {
		return value.Object(value.Member{Key: "content", Value: content}, more)
	}
	for name, c := range map[string]struct {
		typ, kind string
		inputs    value.Value
	}{
		"Liquid":       {"Liquid", "JsonToText", inputs(value.Object(value.Member{Key: "name", Value: secret("hush")}), account("map", "Text"))},
		"Liquid XML":   {"Liquid", "XmlToJson", inputs(secret("<name>hush</name>"), account("map", "Greet"))},
		"Liquid fails": {"Liquid", "JsonToJson", inputs(value.Object(value.Member{Key: "name", Value: secret("hush")}), account("map", "Not"))},
		"validation":   {"XmlValidation", "", inputs(secret("<order><n>1</n></order>"), account("schema", "Order"))},
		"invalid":      {"XmlValidation", "", inputs(secret("<order><n>hush</n></order>"), account("schema", "Order"))},
		"no XML":       {"XmlValidation", "", inputs(secret("<hush><n></order>"), account("schema", "Order"))},
		"decode":       {"FlatFileDecoding", "", inputs(secret("hush,x"), account("schema", "Flat"))},
		"decode fails": {"FlatFileDecoding", "", inputs(secret("hush,x,y"), account("schema", "Flat"))},
		"encode":       {"FlatFileEncoding", "", inputs(secret("<row><a>hush</a><b/></row>"), account("schema", "Flat"))},
		"code":         {"JavaScriptCode", "", value.Object(value.Member{Key: "code", Value: secret("return 'hush'.length")})},
		"code fails":   {"JavaScriptCode", "", value.Object(value.Member{Key: "code", Value: secret("throw new Error('hush')")})},
	} {
		o := attempt(t, maps, c.typ, operation.Call{Kind: c.kind, Inputs: c.inputs})
		switch {
		case o.Status == definition.Succeeded && len(o.Outputs.Member("body").Taint()) == 0:
			t.Errorf("%s: the body has lost its origin: %s", name, value.Reveal(o.Outputs))
		case o.Status != definition.Succeeded && strings.Contains(shown(o), "hush"):
			t.Errorf("%s: %s", name, shown(o))
		}
	}
	visible := operation.Visible{Actions: []value.Member{{Key: "A", Value: value.Object(value.Member{Key: "outputs", Value: secret("hush")})}}}
	call := operation.Call{Inputs: parse(t, `{"code":"return workflowContext.actions.A.outputs.length"}`), Visible: visible}
	if o := attempt(t, maps, "JavaScriptCode", call); len(o.Outputs.Member("body").Taint()) == 0 || string(value.Reveal(o.Outputs)) != `{"body":4}` {
		t.Errorf("code that reads a secret: %s", value.Reveal(o.Outputs))
	}
}

// TestDefinitionsOfCode: what is wrong is said when a definition is saved.
func TestDefinitionsOfCode(t *testing.T) {
	const xslt = `"type":"Xslt","inputs":{"content":"<a/>","integrationAccount":{"map":{"name":"m"}}}`
	for name, c := range map[string]struct{ actions, want string }{
		"no kind":      {`{"a":{"type":"Liquid","inputs":{"content":1,"integrationAccount":{"map":{"name":"m"}}}}}`, "MissingLiquidActionKind"},
		"another kind": {`{"a":{"type":"Liquid","kind":"TextToJson","inputs":{"content":1,"integrationAccount":{"map":{"name":"m"}}}}}`, "MissingLiquidActionKind"},
		"no map":       {`{"a":{"type":"Liquid","kind":"JsonToText","inputs":{"content":1}}}`, "WorkflowRunActionInputsMissingProperty"},
		"no code":      {`{"a":{"type":"JavaScriptCode","inputs":{}}}`, "code"},
		"artifact":     {`{"a":{"type":"IntegrationAccountArtifactLookup","inputs":{"artifactType":"Assembly","artifactName":"x"}}}`, "must be one of 'Schema, Map, Partner, Agreement'"},
		"empty nodes":  {`{"a":{"type":"FlatFileEncoding","inputs":{"content":"","emptyNodeGenerationMode":"Always","integrationAccount":{"schema":{"name":"m"}}}}}`, "must be one of 'ForcedDisabled"},
		"dependency":   {`{"a":{"type":"JavaScriptCode","inputs":{"code":"","explicitDependencies":{"actions":["b"]}}}}`, "reads the action 'b', which does not exist"},
		"not before":   {`{"a":{"type":"JavaScriptCode","inputs":{"code":"","explicitDependencies":{"actions":["b"]}}},"b":{"type":"Compose","inputs":1}}`, "unable to reference action 'b'"},
	} {
		p, problems := definition.Compile(definition.Source{Definition: value.Object(value.Member{Key: "actions", Value: parse(t, c.actions)})}, operation.Catalog{})
		all := ""
		for _, x := range problems {
			all += x.Code + " " + x.Path.String() + ": " + x.Message + "\n"
		}
		if p != nil || !strings.Contains(all, c.want) {
			t.Errorf("%s: %s", name, all)
		}
	}
	mocked := value.Object(value.Member{Key: "actions", Value: parse(t, `{"a":{`+xslt+`,"runtimeConfiguration":{"staticResult":{"name":"s","staticResultOptions":"Enabled"}}}}`)},
		value.Member{Key: "staticResults", Value: parse(t, `{"s":{"status":"Succeeded","outputs":{"body":"<b/>"}}}`)})
	for actions, want := range map[string]string{
		`{"a":{` + xslt + `}}`: "OperationTypeNotAvailable $.actions.a.type: The template action 'a' has the type 'Xslt', which is not available here: there is no XSLT processor in pure Go",
		`{"a":{"type":"JavaScriptCode","inputs":{"code":"// workflowContext.actions.b"}}}`: "InlineCodeOperationMissing $.actions.a.inputs.code: The template action 'a' seems to read the action 'b'",
	} {
		p, problems := definition.Compile(definition.Source{Definition: value.Object(value.Member{Key: "actions", Value: parse(t, actions)})}, operation.Catalog{})
		if p == nil || len(problems) != 1 || !strings.HasPrefix(problems[0].Code+" "+problems[0].Path.String()+": "+problems[0].Message, want) {
			t.Errorf("%s: %v", actions, problems)
		}
	}
	if p, problems := definition.Compile(definition.Source{Definition: mocked}, operation.Catalog{}); p == nil || len(problems) > 0 {
		t.Errorf("a static result: %v", problems)
	}
	if o := attempt(t, maps, "Xslt", operation.Call{}); o.Status != definition.Failed || o.Error.Code != "OperationTypeNotAvailable" {
		t.Errorf("%+v", o)
	}
}

var benchmarked run.Outcome

func BenchmarkLiquid(b *testing.B) {
	c := prepare(b, parse(b, `{"type":"Liquid","kind":"JsonToJson","inputs":{"content":{"name":"jo","list":[1,2,3,4,5,6,7,8]},"integrationAccount":{"map":{"name":"Greet"}}}}`))
	b.ReportAllocs()
	for b.Loop() {
		if benchmarked = attempt(b, maps, "Liquid", c); benchmarked.Status != definition.Succeeded {
			b.Fatal(shown(benchmarked))
		}
	}
}
