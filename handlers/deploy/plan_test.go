package deploy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/deploy"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

const flow = `"properties":{"definition":{"triggers":{"manual":{"type":"Request"}},"actions":{}}}`

func workflow(name, more string) string {
	return `{"type":"Microsoft.Logic/workflows","name":"` + name + `",` + more + flow + `}`
}

func newTarget(t *testing.T) *deploy.Local {
	t.Helper()
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	to, _ := target(t, opened(t, b, err))
	return to
}

// TestOrder: what a resource depends on comes first, however it is named.
func TestOrder(t *testing.T) {
	for name, c := range map[string]struct{ resources, want string }{
		"as in the file":  {workflow("b", "") + "," + workflow("a", ""), "b a"},
		"by name":         {workflow("b", `"dependsOn":["a"],`) + "," + workflow("a", ""), "a b"},
		"by id":           {workflow("b", `"dependsOn":["[resourceId('Microsoft.Logic/workflows','A')]"],`) + "," + workflow("a", ""), "a b"},
		"by type, name":   {workflow("b", `"dependsOn":["[concat('Microsoft.Logic/workflows/','a')]"],`) + "," + workflow("a", ""), "a b"},
		"by a loop":       {workflow("b", `"dependsOn":["loop"],`) + "," + workflow("[concat('a',copyIndex())]", `"copy":{"name":"loop","count":2},`), "a0 a1 b"},
		"by a reference":  {workflow("b", `"tags":{"x":"[reference(resourceId('Microsoft.Logic/workflows','a')).version]"},`) + "," + workflow("a", ""), "a b"},
		"by its name":     {workflow("b", `"tags":{"x":"[reference('a').version]"},`) + "," + workflow("a", ""), "a b"},
		"not by a branch": {workflow("b", `"tags":{"x":"[if(false(), reference('a').version, 'none')]"},`) + "," + workflow("a", ""), "b a"},
		"skipped":         {workflow("b", `"dependsOn":["a"],`) + "," + workflow("a", `"condition":false,`), "a b"},
		"into a deployment": {workflow("b", `"dependsOn":["inner"],`) +
			`,{"type":"Microsoft.Resources/deployments","name":"inner","dependsOn":["c"],"properties":{"template":{"resources":[` + workflow("a", "") + `]}}},` + workflow("c", ""), "c a b"},
		"outputs of a deployment": {workflow("b", `"tags":{"x":"[reference('inner').outputs.v.value]"},`) +
			`,{"type":"Microsoft.Resources/deployments","name":"inner","properties":{"expressionEvaluationOptions":{"scope":"inner"},"parameters":{"n":{"value":"a"}},"template":{"parameters":{"n":{"type":"string"}},"resources":[` +
			workflow("[parameters('n')]", "") + `],"outputs":{"v":{"type":"string","value":"[concat('got ', reference(parameters('n')).state)]"}}}}}`, "a b"},
	} {
		p := planned(t, newTarget(t), open(t, `{"resources":[`+c.resources+`]}`, ""))
		var names []string
		for _, s := range p.Steps {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		if err := p.Apply(t.Context(), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	symbolic := `{"languageVersion":"2.0","resources":{"second":` + workflow("b", `"dependsOn":["first"],"tags":{"x":"[reference('first').state]"},`) + `,"first":` + workflow("a", "") +
		`,"there":{"existing":true,"type":"Microsoft.Logic/workflows","name":"a"}}}`
	if got := changes(planned(t, newTarget(t), open(t, symbolic, ""))); got != "Create a, Create b" {
		t.Errorf("symbolic names: %s", got)
	}
}

// TestValuesOfOthers: what a resource asks of others is right when they are there.
func TestValuesOfOthers(t *testing.T) {
	to := newTarget(t)
	p := planned(t, to, open(t, `{"resources":[`+workflow("b", `"tags":{"state":"[reference('inner').outputs.v.value]","principal":"[reference(resourceId('Microsoft.Logic/workflows','a'),'2019-05-01','Full').identity.principalId]"},`)+
		`,{"type":"Microsoft.Resources/deployments","name":"inner","properties":{"template":{"resources":[`+workflow("a", `"identity":{"type":"SystemAssigned"},`)+`],"outputs":{"v":{"type":"string","value":"[concat('got ', reference('a').state)]"}}}}}],
		"outputs":{"all":{"type":"array","copy":{"count":2,"input":"[reference('b').state]"}},"none":{"condition":false,"type":"string","value":"x"},"state":{"type":"string","value":"[reference('inner').outputs.v.value]"}}}`, ""))
	if err := p.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	workflows, err := to.Store.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows {
		if got := w.Tags.String(); w.Name == "b" && got != `{"state":"got Enabled","principal":"p"}` {
			t.Errorf("tags of b: %s", got)
		}
	}
	outputs, problems := p.Outputs(t.Context())
	if got := deploy.OutputsJSON(outputs).String(); got != `{"all":{"type":"array","value":["Enabled","Enabled"]},"state":{"type":"string","value":"got Enabled"}}` || len(problems) > 0 {
		t.Errorf("outputs: %s %v", got, problems)
	}
}

// TestRefused: what keeps a template from being deployed is told at its place, and
// nothing is written.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ resources, path, want string }{
		"missing":        {workflow("b", `"dependsOn":["nothing"],`), "$.resources[0].dependsOn[0]", "The resource 'nothing' is not defined in the template; 'b' depends on it."},
		"itself":         {workflow("b", `"dependsOn":["b"],`), "$.resources[0].dependsOn[0]", "depends on itself"},
		"cycle":          {workflow("a", `"dependsOn":["b"],`) + "," + workflow("b", `"tags":{"x":"[reference('c').state]"},`) + "," + workflow("c", `"dependsOn":["a"],`), "$.resources[0]", "'Microsoft.Logic/workflows/a' waits for 'Microsoft.Logic/workflows/b' waits for 'Microsoft.Logic/workflows/c' waits for 'Microsoft.Logic/workflows/a'"},
		"refers itself":  {workflow("a", `"tags":{"x":"[reference('a').state]"},`), "$.resources[0].tags.x", "refers to itself"},
		"not there":      {workflow("a", `"tags":{"x":"[reference(resourceId('Microsoft.Logic/workflows','z')).state]"},`), "$.resources[0].tags.x", "ResourceNotFound: The resource '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Logic/workflows/z' was not found in the store, which reference() asks"},
		"elsewhere":      {workflow("a", `"tags":{"x":"[reference(resourceId('Microsoft.Web/sites','z')).hostNames[0]]"},`), "$.resources[0].tags.x", "it needs reference() of Microsoft.Web/sites 'z', which is not deployed here: put a template parameter in place of [reference(resourceId('Microsoft.Web/sites','z')).hostNames[0]], or give the answer with --answers"},
		"an identity":    {workflow("a", `"tags":{"x":"[reference('me').clientId]"},`) + `,{"type":"Microsoft.ManagedIdentity/userAssignedIdentities","name":"me"}`, "$.resources[0].tags.x", "it needs reference() of Microsoft.ManagedIdentity/userAssignedIdentities 'me'"},
		"unknown name":   {workflow("a", `"tags":{"x":"[reference('z').state]"},`), "$.resources[0].tags.x", "the resource 'z' is not defined in the template"},
		"no api":         {`{"type":"Microsoft.Web/connections","name":"c","properties":{}}`, "$.resources[0]", "must have 'properties.api.id'"},
		"two identities": {workflow("a", `"identity":{"type":"UserAssigned","userAssignedIdentities":{"/subscriptions/a":{},"/subscriptions/b":{}}},`), "$.resources[0].identity", "InvalidIdentity"},
		"a definition":   {`{"type":"Microsoft.Logic/workflows","name":"a","properties":{"definition":{"triggers":{},"actions":{"X":{"type":"Nothing"}}}}}`, "$.resources[0].properties.definition.actions.X", "Nothing"},
		"in a nested one": {`{"type":"Microsoft.Resources/deployments","name":"d","properties":{"template":{"resources":[` + workflow("a", `"dependsOn":["nothing"],`) + `]}}}`,
			"$.resources[0].properties.template.resources[0].dependsOn[0]", "not defined"},
	} {
		to := newTarget(t)
		_, problems, err := deploy.New(t.Context(), open(t, `{"resources":[`+c.resources+`]}`, ""), to, deploy.Answers{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		found := false
		for _, p := range problems {
			found = found || strings.HasPrefix(p.Path.String(), c.path) && strings.Contains(p.Message, c.want)
		}
		if !found {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

// TestNotDeployed: other resources are told, and nothing fails because of them.
func TestNotDeployed(t *testing.T) {
	p := planned(t, newTarget(t), open(t, `{"resources":[`+workflow("a", "")+`,
		{"type":"Microsoft.Authorization/roleAssignments","name":"[guid('x')]","dependsOn":["a"],"properties":{"principalId":"[reference('nobody').x]"}},
		`+workflow("off", `"condition":"[equals(1,2)]",`)+`,
		{"type":"Microsoft.Resources/deployments","name":"linked","properties":{"templateLink":{"uri":"https://example.test/t.json"}}},
		{"type":"Microsoft.ManagedIdentity/userAssignedIdentities","name":"me"}]}`, ""))
	var text strings.Builder
	p.Print(&text)
	for _, want := range []string{
		"  + Microsoft.Logic/workflows a\n",
		"  ! Microsoft.Authorization/roleAssignments 51c0fe04-91fa-5688-abb4-481ca7437854", // the name that Azure makes
		"  ! Microsoft.Logic/workflows off: not deployed: its condition is false\n",
		"  ! Microsoft.Resources/deployments linked: not deployed: the template that it links to is not followed",
		"userAssignedIdentities me: not deployed: identities belong to the app: assign it the identity /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me;",
		"\n1 to create, 0 to modify, 0 unchanged, 4 not deployed\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the plan\n%s\ndoes not say %q", text.String(), want)
		}
	}
}

// TestWhatIfJSON: the shape is the product's, and no secret is in it.
func TestWhatIfJSON(t *testing.T) {
	to := newTarget(t)
	if err := planned(t, to, open(t, before, "")).Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	v := planned(t, to, open(t, after, "")).JSON()
	text := v.String()
	if strings.Contains(text, "secret\"") || strings.Contains(text, "-token\"") {
		t.Errorf("a secret shows: %s", text)
	}
	a := v.At(1)
	if a.Member("changeType").Str() != "Modify" || a.Member("resourceId").Str() != "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Logic/workflows/a" {
		t.Errorf("a is %s", a)
	}
	var deltas []string
	for _, d := range a.Member("delta").Elements {
		deltas = append(deltas, d.Member("propertyChangeType").Str()+" "+d.Member("path").Str()+" "+d.Member("before").String()+" "+d.Member("after").String())
	}
	want := []string{
		`Modify properties.state "Disabled" "Enabled"`,
		`Create properties.definition.actions.C null {"type":"Compose","inputs":1,"runAfter":{}}`,
		`Modify properties.parameters.s "[redacted]" "[redacted]"`,
		`Delete tags {"k":"v"} null`,
		`Delete identity {"type":"SystemAssigned"} null`,
	}
	if strings.Join(deltas, "\n") != strings.Join(want, "\n") {
		t.Errorf("deltas:\n%s", strings.Join(deltas, "\n"))
	}
	if b := v.At(2); b.Member("changeType").Str() != "Create" || b.Member("after").Member("properties").Member("parameters").Member("url").Member("value").Str() != "[redacted]" && !strings.Contains(b.String(), "known after") {
		t.Errorf("b is %s", b)
	}
}

// TestArrays: elements are compared one by one.
func TestArrays(t *testing.T) {
	to := newTarget(t)
	list := func(items string) *template.Template {
		return open(t, `{"resources":[{"type":"Microsoft.Logic/workflows","name":"a","properties":{"definition":{"triggers":{},"actions":{"C":{"type":"Compose","inputs":`+items+`,"runAfter":{}}}}}}]}`, "")
	}
	if err := planned(t, to, list(`[1,{"x":[1,2]},3]`)).Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	p := planned(t, to, list(`[1,{"x":[1,5]},3,4]`))
	var text strings.Builder
	p.Print(&text)
	if got := text.String(); !strings.Contains(got, "      ~ properties.definition.actions.C.inputs[1].x[1]\n      + properties.definition.actions.C.inputs[3]\n") {
		t.Errorf("the plan is\n%s", got)
	}
	delta := p.JSON().At(0).Member("delta").At(0)
	if got := delta.String(); got != `{"path":"properties.definition.actions.C.inputs","propertyChangeType":"Array","children":[{"path":"1.x","propertyChangeType":"Array","children":[{"path":"1","propertyChangeType":"Modify","before":2,"after":5}]},{"path":"3","propertyChangeType":"Create","after":4}]}` {
		t.Errorf("the delta is %s", got)
	}
}

// TestAnswers: what others would say is taken from whoever gives it.
func TestAnswers(t *testing.T) {
	to := newTarget(t)
	answers, _ := value.Parse([]byte(`{"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Web/sites/z":{"reference":{"hostNames":["h"]},"referenceFull":{"location":"l"}}}`))
	p, problems, err := deploy.New(t.Context(), open(t, `{"resources":[`+workflow("a", `"tags":{"x":"[reference(resourceId('Microsoft.Web/sites','z')).hostNames[0]]","y":"[reference(resourceId('Microsoft.Web/sites','z'),'2020-01-01','Full').location]"},`)+`]}`, ""), to, deploy.Answers{Value: answers})
	if p == nil {
		t.Fatal(problems, err)
	}
	if got := p.Steps[0].After.Member("tags").String(); got != `{"x":"h","y":"l"}` {
		t.Errorf("tags: %s", got)
	}
}
