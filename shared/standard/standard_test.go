package standard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/standard"
	"github.com/latchwork/latchwork/shared/value"
)

func parse(t *testing.T, text string) value.Value {
	t.Helper()
	if text == "" {
		return value.Value{}
	}
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func settings(name string) (string, bool) {
	v, ok := map[string]string{"N": "5", "T": "text", "O": `{"a":1}`, "KEY": "CANARY", "URL": "https://x.example", "ID": "/identity/two"}[name]
	return v, ok
}

func TestComplete(t *testing.T) {
	for name, test := range map[string]struct{ parameters, connections, definition, given, wantDefinition, want string }{
		"nothing to add": {
			definition: `{"actions":{}}`, wantDefinition: `{"actions":{}}`, want: `{}`,
		},
		"parameters that are used": {
			parameters: `{"n":{"type":"Int","value":"@appsetting('N')"},"t":{"type":"String","value":"a @{appsetting('T')} b"},"o":{"type":"Object","value":"@appsetting('O')"},"unused":{"type":"Bool","value":true},"at":{"type":"String","value":"@@x"}}`,
			definition: `{"actions":{"a":"@{parameters('N')}@{parameters('t')}@{parameters('o').a}@{parameters('at')}"}}`,
			wantDefinition: `{"actions":{"a":"@{parameters('N')}@{parameters('t')}@{parameters('o').a}@{parameters('at')}"},` +
				`"parameters":{"n":{"type":"Int"},"t":{"type":"String"},"o":{"type":"Object"},"at":{"type":"String"}}}`,
			want: `{"n":{"value":5},"t":{"value":"a text b"},"o":{"value":{"a":1}},"at":{"value":"@x"}}`,
		},
		"what the workflow has of its own stays": {
			parameters: `{"n":{"type":"Int","value":1},"t":{"type":"String","value":"shared"}}`,
			definition: `{"parameters":{"n":{"type":"Float"},"t":{"type":"String"}}}`, given: `{"n":{"value":2}}`,
			wantDefinition: `{"parameters":{"n":{"type":"Float"},"t":{"type":"String"}}}`, want: `{"n":{"value":2},"t":{"value":"shared"}}`,
		},
		"identities side by side": {
			connections: `{"managedApiConnections":{
				"one":{"api":{"id":"/managedApis/kv"},"connection":{"id":"/connections/one-1"},"connectionRuntimeUrl":"@appsetting('URL')","authentication":{"type":"ManagedServiceIdentity"}},
				"two":{"api":{"id":"/managedApis/kv"},"connection":{"id":"/connections/two-1"},"authentication":{"type":"ManagedServiceIdentity","identity":"@appsetting('ID')"},
					"connectionProperties":{"authentication":{"type":"ManagedServiceIdentity","audience":"https://vault.azure.net","identity":"/identity/three"}}},
				"three":{"api":{"id":"/managedApis/kv"},"connection":{"id":"/connections/three-1"}}}}`,
			definition: `{"actions":{"a":{"referenceName":"one"},"b":{"referenceName":"TWO"}}}`,
			wantDefinition: `{"actions":{"a":{"referenceName":"one"},"b":{"referenceName":"TWO"}},` +
				`"parameters":{"$connections":{"type":"Object","defaultValue":{}}}}`,
			want: `{"$connections":{"value":{"one":{"connectionId":"/connections/one-1","connectionName":"one-1","id":"/managedApis/kv","connectionRuntimeUrl":"https://x.example","authentication":{"type":"ManagedServiceIdentity"}},` +
				`"two":{"connectionId":"/connections/two-1","connectionName":"two-1","id":"/managedApis/kv","authentication":{"type":"ManagedServiceIdentity","identity":"/identity/two"},` +
				`"connectionProperties":{"authentication":{"type":"ManagedServiceIdentity","audience":"https://vault.azure.net","identity":"/identity/three"}}}}}}`,
		},
		"authentication from a parameter, and a function": {
			parameters:     `{"auth":{"type":"Object","value":{"type":"Raw","scheme":"Key","parameter":"@appsetting('KEY')"}}}`,
			connections:    `{"managedApiConnections":{"c":{"api":{"id":"/a/crm"},"connection":{"id":"/c/c"},"authentication":"@parameters('auth')"}},"functionConnections":{"f":{"function":{"id":"/f"},"triggerUrl":"@appsetting('URL')","authentication":{"type":"QueryString","name":"Code","value":"@appsetting('KEY')"}}}}`,
			definition:     `{"x":["c","f"]}`,
			wantDefinition: `{"x":["c","f"],"parameters":{"$connections":{"type":"Object","defaultValue":{}}}}`,
			want: `{"$connections":{"value":{"c":{"connectionId":"/c/c","connectionName":"c","id":"/a/crm","authentication":{"type":"Raw","scheme":"Key","parameter":"CANARY"}},` +
				`"f":{"connectionName":"f","functionId":"/f","triggerUrl":"https://x.example","authentication":{"type":"QueryString","name":"Code","value":"CANARY"}}}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := standard.Read(standard.Files{Parameters: parse(t, test.parameters), Connections: parse(t, test.connections), Setting: settings})
			if problems := append(p.ParameterProblems, p.ConnectionProblems...); len(problems) > 0 {
				t.Fatal(problems)
			}
			definition, parameters := p.Complete(parse(t, test.definition), parse(t, test.given))
			if got := string(value.Reveal(definition)); got != test.wantDefinition {
				t.Errorf("definition\ngot  %s\nwant %s", got, test.wantDefinition)
			}
			if got := string(value.Reveal(parameters)); got != test.want {
				t.Errorf("parameters\ngot  %s\nwant %s", got, test.want)
			}
			if shown := string(value.Reveal(value.Redact(parameters))); strings.Contains(shown, "CANARY") {
				t.Errorf("the secret shows: %s", shown)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct{ parameters, connections, want string }{
		{`{"a":{"type":"Strin","value":1}}`, "", "error $.a.type InvalidTemplateParameter: The type 'Strin' of parameter 'a' is not valid."},
		{`{"a":{"type":"String"}}`, "", "error $.a InvalidTemplateParameter: The parameter 'a' has no value."},
		{`{"a":1}`, "", "error $.a InvalidTemplateParameter: The parameter 'a' must be an object with 'type' and 'value'."},
		{`{"a":{"type":"Int","value":1},"A":{"type":"Int","value":1}}`, "", "error $.A InvalidTemplateParameter: The parameter name 'A' is used more than once"},
		{`[]`, "", "error $ InvalidConnection: An object is expected here; this is of type 'Array'."},
		{`{"a":{"type":"Int","value":"@appsetting('T')"}}`, "", "error $.a.value InvalidTemplateParameter: The application setting is no value of the type 'int'."},
		{`{"a":{"type":"String","value":"@appsetting('M')"}}`, "", "error $.a.value AppSettingNotFound: The application setting 'M' is not set."},
		{`{"a":{"type":"String","value":"@utcNow()"}}`, "", "error $.a.value InvalidTemplateParameter: The text may use @appsetting('name')"},
		{`{"a":{"type":"String","value":"x@{utcNow()}"}}`, "", "error $.a.value InvalidTemplateParameter: The text may use"},
		{`{"a":{"type":"Object","value":{"x":["@parameters('b')"]}}}`, "", "error $.a.value.x[0] InvalidTemplateParameter: The parameter 'b' is not in parameters.json."},
		{"", `{"managedApiConnections":{"c":{"connection":{"id":"x"}}}}`, "error $.managedApiConnections.c InvalidConnection: The connection 'c' needs 'api.id'."},
		{"", `{"managedApiConnections":{"c":{"api":{"id":"x"},"connection":{"id":"x"},"authentication":{}}}}`, "error $.managedApiConnections.c.authentication InvalidConnection: The authentication of a connection needs 'type'."},
		{"", `{"managedApiConnections":{"c":{"api":{"id":"x"},"connection":{"id":"x"},"authentication":"no"}}}`, "error $.managedApiConnections.c.authentication InvalidConnection: The authentication of a connection must be an object."},
		{"", `{"managedApiConnections":{"c":{"api":{"id":"x"},"connection":{"id":"x"}}},"functionConnections":{"C":{"function":{"id":"x"},"triggerUrl":"x"}}}`, "error $.functionConnections.C InvalidConnection: The connection name 'C' is used more than once."},
		{"", `{"functionConnections":{"f":{"function":{"id":"x"}}}}`, "error $.functionConnections.f InvalidConnection: The connection 'f' needs 'triggerUrl'."},
		{"", `{"serviceProviderConnections":{"s":{}}}`, "error $.serviceProviderConnections.s InvalidConnection: The connection 's' needs 'serviceProvider.id'."},
		{"", `{"serviceProviderConnections":{"s":{"serviceProvider":{"id":"/serviceProviders/sql"}}}}`, "warning $.serviceProviderConnections.s ConnectorNotImplemented: The connection 's' is one of the built-in connector 'sql'"},
		{"", `{"agentConnections":{}}`, "warning $.agentConnections ConnectorNotImplemented: The connections in 'agentConnections' have no effect here."},
	} {
		p := standard.Read(standard.Files{Parameters: parse(t, test.parameters), Connections: parse(t, test.connections), Setting: settings})
		var got []string
		for _, x := range append(p.ParameterProblems, p.ConnectionProblems...) {
			kind := "error"
			if x.Warning {
				kind = "warning"
			}
			got = append(got, kind+" "+x.Path.String()+" "+x.Code+": "+x.Message)
		}
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, test.want) }) {
			t.Errorf("%s%s\ngot  %q\nwant %s", test.parameters, test.connections, got, test.want)
		}
	}
}

func TestNamesThatTheProjectDoesNotHave(t *testing.T) {
	p := standard.Read(standard.Files{Connections: parse(t, `{"managedApiConnections":{"c":{"api":{"id":"x"},"connection":{"id":"x"}}},"serviceProviderConnections":{"s":{"serviceProvider":{"id":"/sql"}}}}`), Setting: settings})
	definition := parse(t, `{"actions":{"ok":{"inputs":{"host":{"connection":{"referenceName":"C"}}}},"dynamic":{"inputs":{"host":{"connection":{"referenceName":"@{x}"}}}},
		"a":{"inputs":{"host":{"connection":{"referenceName":"d"}}}},"b":{"actions":{"c":{"inputs":{"serviceProviderConfiguration":{"connectionName":"t"}}}}},"f":{"inputs":{"function":{"connectionName":"g"}}}}}`)
	var got []string
	for _, x := range p.Check(definition, (*value.Path)(nil).Key("definition")) {
		got = append(got, x.Path.String()+" "+x.Message)
	}
	want := []string{
		"$.definition.actions.a.inputs.host.connection.referenceName The connection 'd' is not in 'managedApiConnections' of connections.json.",
		"$.definition.actions.b.actions.c.inputs.serviceProviderConfiguration.connectionName The connection 't' is not in 'serviceProviderConnections' of connections.json.",
		"$.definition.actions.f.inputs.function.connectionName The connection 'g' is not in 'functionConnections' of connections.json.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
