package leaks_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// TestSources: what brings a secret in, and what only looks like it.
func TestSources(t *testing.T) {
	connection := func(name, method, path string) string {
		return `"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['` + name + `']['connectionId']"}},"method":"` + method + `","path":"` + path + `"}`
	}
	http := func(method, uri, more string) string {
		return `"type":"Http","inputs":{"method":"` + method + `","uri":"` + uri + `"` + more + `}`
	}
	vault := `,"authentication":{"type":"ManagedServiceIdentity","audience":"https://vault.azure.net"}`
	for name, c := range map[string]struct {
		action string
		secret bool
	}{
		"connector":                      {connection("keyvault", "get", "/secrets/@{encodeURIComponent('n')}/value"), true},
		"connector, second connection":   {connection("keyvault_1", "GET", "/secrets/n/value"), true},
		"connector, a version":           {connection("keyvault-x", "get", "/secrets/n/versions/1/value"), true},
		"connector, old path":            {connection("keyvault", "get", "/v/secrets/secret-name/secret-version"), true},
		"connector, own name":            {connection("kv", "get", "/secrets/n/value"), true},
		"connector, known to be another": {connection("other", "get", "/secrets/n/value"), false},
		"connector, list":                {connection("keyvault", "get", "/secrets"), false},
		"connector, metadata":            {connection("keyvault", "get", "/secrets/n/metadata"), false},
		"connector, versions":            {connection("keyvault", "get", "/secrets/n/versions"), false},
		"connector, keys":                {connection("keyvault", "post", "/keys/k/encrypt"), false},
		"connector, Standard":            {`"type":"ApiConnection","inputs":{"host":{"connection":{"referenceName":"keyvault"}},"method":"get","path":"/secrets/n/value"}`, true},
		"service provider":               {`"type":"ServiceProvider","inputs":{"parameters":{"secretName":"n"},"serviceProviderConfiguration":{"connectionName":"k","operationId":"getSecret","serviceProviderId":"/serviceProviders/keyVault"}}`, true},
		"Power Automate":                 {`"type":"OpenApiConnection","inputs":{"host":{"apiId":"/providers/Microsoft.PowerApps/apis/shared_keyvault","operationId":"GetSecret"},"parameters":{"secretName":"n"}}`, true},
		"Power Automate, list":           {`"type":"OpenApiConnection","inputs":{"host":{"apiId":"/providers/Microsoft.PowerApps/apis/shared_keyvault","operationId":"ListSecrets"}}`, false},
		"HTTP":                           {http("GET", "https://v.vault.azure.net/secrets/n?api-version=7.4", vault), true},
		"HTTP, computed vault":           {http("GET", "https://@{triggerBody()['v']}.vault.azure.net/secrets/@{triggerBody()['n']}?api-version=7.4", ""), true},
		"HTTP, address in a parameter":   {http("GET", "@{parameters('vault')}secrets/n/0123?api-version=7.4", ""), true},
		"HTTP, told by the audience":     {http("GET", "@{triggerBody()['vault']}/secrets/n", vault), true},
		"HTTP, all computed":             {http("GET", "@triggerBody()['id']", vault), true},
		"HTTP, sovereign cloud":          {http("GET", "https://v.vault.azure.cn/secrets/n", ""), true},
		"HTTP, list":                     {http("GET", "https://v.vault.azure.net/secrets?api-version=7.4", vault), false},
		"HTTP, versions":                 {http("GET", "https://v.vault.azure.net/secrets/n/versions?api-version=7.4", vault), false},
		"HTTP, delete":                   {http("DELETE", "https://v.vault.azure.net/secrets/n?api-version=7.4", vault), false},
		"HTTP, another host":             {http("GET", "https://example.com/secrets/n", ""), false},
		"HTTP, vault in the management":  {http("GET", "https://management.azure.com/x/providers/Microsoft.KeyVault/vaults/v/secrets/n", ""), false},
		"token":                          {http("POST", "https://login.microsoftonline.com/@{triggerBody()['t']}/oauth2/v2.0/token", `,"body":"a=b"`), true},
		"token, v1":                      {http("POST", "https://login.windows.net/t/oauth2/token", ""), true},
		"token of somebody else":         {http("POST", "https://api.crowdstrike.com/oauth2/token", ""), true},
		"token, told by the grant":       {http("POST", "https://example.com/authorize", `,"body":"grant_type=client_credentials&client_id=@{triggerBody()['x']}"`), true},
		"token, grant at the end":        {http("POST", "https://example.com/authorize", `,"body":"client_id=@{triggerBody()['x']}&grant_type=client_credentials"`), true},
		"a page about tokens":            {http("GET", "https://example.com/tokens", ""), false},
		"tags of a device called token":  {http("POST", "https://example.com/api/token/tags", `,"body":{"token":"x"}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := source(t, "w", `{"parameters":{"vault":{"type":"string","defaultValue":"https://v.vault.azure.net/"},"$connections":{"type":"Object","defaultValue":{"other":{"id":"/subscriptions/x/managedApis/other"},"kv":{}}}},
				"triggers":{"manual":{"type":"Request"}},"actions":{"A":{`+c.action+`}}}`)
			findings, _ := leaks.Find([]definition.Source{w}, operation.Catalog{})
			want := ""
			if c.secret {
				want = "InRunHistory A outputs: A | A.outputs\n"
			}
			if got := lines(findings); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestASecretThatIsStored(t *testing.T) {
	expect(t, "", chain("G", `"type":"Compose","inputs":"@guid()"`, "Put", `"type":"Http","inputs":{"method":"PUT","uri":"https://v.vault.azure.net/secrets/n?api-version=7.4","body":{"value":"@outputs('G')"}}`), "",
		"InRunHistory Put inputs+outputs: Put | Put.inputs Put.outputs\n")
}

// TestOneCallsAnother: what is handed over shows in the run history of the other
// workflow, and what comes back in that of the caller.
func TestOneCallsAnother(t *testing.T) {
	parent := source(t, "parent", `{"triggers":{"manual":{"type":"Request"}},"parameters":{"pw":{"type":"securestring"}},"actions":{`+chain(
		"Call", `"type":"Workflow","inputs":{"host":{"workflow":{"id":"/subscriptions/s/workflows/Child"},"triggerName":"manual"},"body":{"p":"@parameters('pw')","q":1}}`,
		"Use", `"type":"Compose","inputs":"@body('Call')['back']"`)+`}}`)
	child := func(more string) definition.Source {
		return source(t, "child", `{"triggers":{"manual":{"type":"Request"`+more+`}},"actions":{`+chain(
			"Q", `"type":"Compose","inputs":"@triggerBody()['q']"`, "R", `"type":"Response","inputs":{"body":{"back":"@triggerBody()['p']"}}`)+`}}`)
	}
	findings, _ := leaks.Find([]definition.Source{parent, child("")}, operation.Catalog{})
	want := `InRunHistory Call inputs+outputs: parameter 'pw' → Call | Call.inputs Call.outputs
InRunHistory Use inputs+outputs: parameter 'pw' → Call → manual → R → Call → Use | Call.outputs
InRunHistory manual outputs: parameter 'pw' → Call → manual | manual.outputs
InRunHistory R inputs+outputs: parameter 'pw' → Call → manual → R | manual.outputs
InResponse R: parameter 'pw' → Call → manual → R | -
`
	if got := lines(findings); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	findings, _ = leaks.Find([]definition.Source{parent, child(""), child("")}, operation.Catalog{})
	if got := lines(findings); !strings.Contains(got, "HandedToWorkflow Call") || strings.Contains(got, "manual") {
		t.Errorf("which of two is called is not known: %s", got)
	}
}

// TestTemplateParameters: a secured parameter of a template that becomes plain text.
func TestTemplateParameters(t *testing.T) {
	text := `{"parameters":{"key":{"type":"securestring"}},"resources":[{"type":"Microsoft.Logic/workflows","name":"w","properties":{
		"parameters":{"a":{"value":"[parameters('key')]"},"b":{"value":"[parameters('key')]"}},
		"definition":{"parameters":{"a":{"type":"securestring"},"b":{"type":"string"},"c":{"type":"securestring","defaultValue":"[parameters('key')]"}},
		"triggers":{"manual":{"type":"Request"}},
		"actions":{"H":{"type":"Http","inputs":{"method":"GET","uri":"https://example.com","headers":{"X-Key":"[concat('k ',parameters('key'))]"}}}}}}}]}`
	where := template.Context{Assume: true}
	d, problems := template.Load([]byte(text), "w", value.Value{}, where)
	if d == nil || len(d.Workflows) != 1 {
		t.Fatal(problems)
	}
	w := d.Workflows[0]
	findings, _ := leaks.Find([]definition.Source{{Name: w.Name, Definition: w.Definition, Parameters: w.Parameters, Path: w.DefinitionPath, ParametersPath: w.ParametersPath}}, operation.Catalog{})
	want := `InDefinition the definition: template parameter 'key' → the definition | -
InDefinition the parameter 'b': template parameter 'key' → the parameter 'b' | -
InRunHistory H inputs: template parameter 'key' → H | H.inputs
`
	if got := lines(findings); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for _, f := range findings {
		if strings.Contains(f.Message()+f.Remedy(), "example-key") {
			t.Error("a finding shows the value")
		}
	}
}

// TestWhatIsWrongIsNoHindrance: problems of the definition do not keep it from being
// looked at, and nothing makes the search go on for ever.
func TestWhatIsWrongIsNoHindrance(t *testing.T) {
	for _, text := range []string{
		`[]`, `{}`, `{"actions":1}`, `{"actions":{"A":{"type":"Compose","inputs":"@concat("},"B":{"type":"Nothing","inputs":"@{x","actions":{"C":{}}}}}`,
		`{"triggers":{"t":{"type":"No"}},"outputs":{"o":1},"actions":{"S":{"type":"SetVariable","inputs":{"name":"v","value":{"a":"@variables('v')","b":"@variables('v')","c":"@parameters('p')"}}}},"parameters":{"p":{"type":"secureobject"}}}`,
		`{"parameters":{"p":{"type":"securestring"}},"actions":{"L":{"type":"Until","actions":{` +
			`"A":{"type":"AppendToArrayVariable","inputs":{"name":"v","value":{"x":"@variables('v')","y":"@parameters('p')"}}},` +
			`"B":{"type":"SetVariable","inputs":{"name":"v","value":"@createArray(variables('v'),variables('v'),item(),items('L'),result('L'),action())"}}}}}}`,
	} {
		leaks.Find([]definition.Source{source(t, "w", text)}, operation.Catalog{})
	}
}
