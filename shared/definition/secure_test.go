package definition_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// catalog is a small catalog of its own: definition does not know operations.
type catalog struct{}

var specs = map[string]definition.Spec{
	"compose": {Type: "Compose", Inline: true, NoOutputSetting: true}, "parsejson": {Type: "ParseJson", Inline: true, NoOutputSetting: true},
	"response": {Type: "Response", Inline: true, NoOutputSetting: true, Responds: true}, "http": {Type: "Http", HTTPLike: true, Retries: true, Required: []string{"method", "uri"}},
	"apiconnection": {Type: "ApiConnection", HTTPLike: true}, "query": {Type: "Query", Inline: true, Deferred: []string{"where"}},
}

func (catalog) Action(typ string) (definition.Spec, bool) {
	s, ok := specs[strings.ToLower(typ)]
	return s, ok
}
func (catalog) Trigger(typ string) (definition.Spec, bool) {
	return definition.Spec{Type: "Request", Request: true}, strings.EqualFold(typ, "Request")
}
func (catalog) Connector(api string) bool { return api == "keyvault" }
func (catalog) ActionTypes() []string {
	return []string{"Compose", "Http", "ParseJson", "Query", "Response"}
}
func (catalog) TriggerTypes() []string { return []string{"Request"} }

func compile(t testing.TB, text string) (*definition.Program, []value.Problem) {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return definition.Compile(definition.Source{Name: "test", Definition: v}, catalog{})
}

func program(t testing.TB, text string) *definition.Program {
	t.Helper()
	p, problems := compile(t, text)
	if p == nil {
		t.Fatalf("%s: %v", text, problems)
	}
	return p
}

func check(t *testing.T, p *definition.Program, name string, inputs, outputs bool) {
	t.Helper()
	if a := p.Action(name); a.HideInputs != inputs || a.HideOutputs != outputs {
		t.Errorf("%s: inputs hidden %v, outputs hidden %v; want %v %v", name, a.HideInputs, a.HideOutputs, inputs, outputs)
	}
}

// TestOwnSettings: Compose and its like have one setting, which hides both sides,
// and pass nothing on.
func TestOwnSettings(t *testing.T) {
	p := program(t, `{"actions":{
		"C":{"type":"Compose","inputs":1,"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}},
		"O":{"type":"Compose","inputs":1,"runTimeConfiguration":{"secureData":{"properties":["outputs"]}}},
		"H":{"type":"Http","inputs":{"method":"GET","uri":"u"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}},
		"D":{"type":"Http","inputs":{"method":"GET","uri":"@outputs('C')"},"runAfter":{"C":["Succeeded"]}},
		"If":{"type":"If","expression":{"equals":["@body('H')",1]},"actions":{},"runAfter":{"H":["Succeeded"]}},
		"Dyn":{"type":"Compose","inputs":"@body(concat('H'))","runAfter":{"H":["Succeeded"]}},
		"Scope":{"type":"Scope","actions":{"Inner":{"type":"Http","inputs":{"method":"GET","uri":"u"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}},
		"R":{"type":"Compose","inputs":"@result('Scope')","runAfter":{"Scope":["Succeeded"]}}}}`)
	check(t, p, "C", true, true)
	check(t, p, "O", true, true)
	check(t, p, "H", true, false)
	check(t, p, "D", false, false)
	check(t, p, "If", true, false)
	check(t, p, "Dyn", true, true) // the name is computed: it may be the secured one
	check(t, p, "R", true, true)
	check(t, p, "Inner", false, true)
}

func TestProblemsAreReportedAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no object":          {`[]`, `$ InvalidTemplate`},
		"wrong types":        {`{"triggers":[],"actions":{"A":5,"B":{"type":7,"runAfter":[]},"C":{"type":"Compose","inputs":1,"runAfter":{"B":"Succeeded"}}},"parameters":1,"outputs":"x","staticResults":3}`, `$.parameters $.triggers $.actions.A $.actions.A $.actions.B.type $.actions.B $.actions.B.runAfter $.actions.C.runAfter.B $.outputs`},
		"old language":       {`{"$schema":"https://x/2015-08-01-preview/y"}`, `$.$schema InvalidTemplate`},
		"missing input":      {`{"actions":{"A":{"type":"http","inputs":{}}}}`, `$.actions.A.inputs WorkflowRunActionInputsMissingProperty $.actions.A.inputs WorkflowRunActionInputsMissingProperty`},
		"no inputs":          {`{"actions":{"A":{"type":"Http"}}}`, `$.actions.A PropertyNotSpecified`},
		"self":               {`{"actions":{"A":{"type":"Compose","inputs":"@outputs('A')"}}}`, `$.actions.A.inputs InvalidTemplate`},
		"no predecessor":     {`{"actions":{"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":"@outputs('A')"}}}`, `$.actions.B.inputs InvalidTemplate`},
		"inside a branch":    {`{"actions":{"S":{"type":"Scope","actions":{"A":{"type":"Compose","inputs":1}}},"B":{"type":"Compose","inputs":"@outputs('A')","runAfter":{"S":["succeeded"]}}}}`, ``},
		"other case":         {`{"actions":{"Abc":{"type":"COMPOSE","inputs":1},"B":{"type":"Compose","inputs":"@OUTPUTS('aBC')","runAfter":{"ABC":["SUCCEEDED"]}}}}`, ``},
		"status":             {`{"actions":{"A":{"type":"Compose","inputs":1},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Done"]}}}}`, `$.actions.B.runAfter.A[0] InvalidTemplate`},
		"static name":        {`{"actions":{"A":{"type":"Http","inputs":{"method":"GET","uri":"u"},"runtimeConfiguration":{"staticResult":{"name":"N","staticResultOptions":"Enabled"}}}}}`, `$.actions.A.runtimeConfiguration.staticResult.name InvalidStaticResultName`},
		"static shape":       {`{"staticResults":{"N":{"status":"Succeeded","outputs":{"statusCode":200},"more":1}},"actions":{"A":{"type":"Http","inputs":{"method":"GET","uri":"u"},"runtimeConfiguration":{"staticResult":{"name":"N","staticResultOptions":"Enabled"}}}}}`, `$.staticResults.N.more $.staticResults.N.outputs $.staticResults.N.outputs`},
		"variable":           {`{"actions":{"A":{"type":"SetVariable","inputs":{"name":"v","value":"@variables('w')"}}}}`, `$.actions.A.inputs.name $.actions.A.inputs.value`},
		"variable in scope":  {`{"actions":{"S":{"type":"Scope","actions":{"A":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string"}]}}}}}}`, `$.actions.S.actions.A InvalidVariableInitialization`},
		"secured sides":      {`{"actions":{"A":{"type":"Compose","inputs":1,"runtimeConfiguration":{"secureData":{"properties":["input"]}}}}}`, `$.actions.A.runtimeConfiguration.secureData.properties[0] InvalidTemplate`},
		"condition":          {`{"actions":{"A":{"type":"If","expression":{"equals":[1]},"actions":{}}}}`, `$.actions.A.expression.equals InvalidTemplate`},
		"trigger reads":      {`{"triggers":{"manual":{"type":"Request","inputs":{"method":"@body('A')"}}},"actions":{"A":{"type":"Compose","inputs":1}}}`, `$.triggers.manual.inputs.method InvalidTemplate`},
		"unknown but inside": {`{"actions":{"L":{"type":"Forall","actions":{"A":{"type":"Compose","inputs":"@parameters('p')"}}}}}`, `$.actions.L.type $.actions.L.actions.A.inputs`},
	} {
		_, problems := compile(t, c.text)
		var got []string
		withCodes := strings.Contains(c.want, " Invalid") || strings.Contains(c.want, " Property") || strings.Contains(c.want, " Workflow")
		for _, p := range problems {
			got = append(got, p.Path.String())
			if withCodes {
				got = append(got, p.Code)
			}
			if p.Message == "" {
				t.Errorf("%s: a problem without words", name)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s:\n got %s\nwant %s\n%v", name, text, c.want, problems)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":"@triggerBody()"},"B":{"type":"If","expression":{"and":[]},"else":1}}}`)
	f.Add(`{"actions":{"A":{"type":"Switch","expression":"@1","cases":{"c":{"case":1,"actions":null}},"runAfter":{"A":[]}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := value.Parse([]byte(text)); err == nil {
			if p, problems := definition.Compile(definition.Source{Definition: v, Parameters: v}, catalog{}); p == nil && len(problems) == 0 {
				t.Error("neither a program nor a problem")
			}
		}
	})
}
