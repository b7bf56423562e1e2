package leaks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
)

// TestUsedAsCredential: what is sent as a credential is one, from the answer that it was
// taken from.
func TestUsedAsCredential(t *testing.T) {
	const login = `"type":"Http","inputs":{"method":"POST","uri":"https://example.com/login"}`
	const securedLogin = login + `,"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}`
	use := func(headers string) string {
		return `"type":"Http","inputs":{"method":"GET","uri":"https://example.com","headers":{` + headers + `}}`
	}
	const shows = "InRunHistory Login outputs: Login | Login.outputs\n"
	for _, c := range []struct {
		name    string
		actions []string
		want    string
	}{
		{"a header", []string{"Use", use(`"Authorization":"Bearer @{body('Login')?['token']}"`)}, shows},
		{"the whole body", []string{"Use", use(`"authorization":"@body('Login')"`)}, shows},
		{"outputs", []string{"Use", use(`"Authorization":"@concat('Bearer ', outputs('Login')?['body']?['data']?['token'])"`)}, shows},
		{"in base64", []string{"Use", use(`"Authorization":"Basic @{base64(concat('u:', body('Login')['pw']))}"`)}, shows},
		{"the first of some", []string{"Use", use(`"Authorization":"@body('Login')['tokens'][0]"`)}, shows},
		{"a header of the answer, shown by another", []string{"Use", use(`"X-Auth-Access-Token":"@outputs('Login')['headers']['X-Token']"`)},
			shows + "InRunHistory Use inputs: Login → Use | Login.outputs\n"},
		{"a cookie", []string{"Use", use(`"Cookie":"@outputs('Login')['headers']['Set-Cookie']"`)}, shows + "InRunHistory Use inputs: Login → Use | Login.outputs\n"},
		{"authentication", []string{"Use", `"type":"Http","inputs":{"method":"GET","uri":"https://example.com","authentication":{"type":"Raw","value":"@body('Login')?['token']"}}`}, shows},
		{"a connector's header", []string{"Use", `"type":"ApiConnection","inputs":{"method":"get","path":"/x","headers":{"Authorization":"@body('Login')?['token']"}}`}, shows},
		{"parsed", []string{"Parse", `"type":"ParseJson","inputs":{"content":"@body('Login')","schema":{}}`, "Use", use(`"Authorization":"@body('Parse')?['token']"`)},
			shows + "InRunHistory Parse inputs+outputs: Login → Parse | Login.outputs\n"},
		{"composed", []string{"Put", `"type":"Compose","inputs":{"t":"@body('Login')?['token']","n":1}`, "Use", use(`"Authorization":"@outputs('Put')['t']"`)},
			shows + "InRunHistory Put inputs+outputs: Login → Put | Login.outputs\n"},
		{"in a variable", []string{"Init", `"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string","value":"@body('Login')?['token']"}]}`, "Use", use(`"Authorization":"@variables('V')"`)},
			shows + "InRunHistory Init inputs: Login → Init | Login.outputs\n"},
		{"a plain parameter, shown by the header", []string{"Use", use(`"X-Auth-Key":"@parameters('plain')"`)}, "InRunHistory Use inputs: parameter 'plain' → Use | Use.inputs\n"},
		{"a plain parameter, shown elsewhere", []string{"Use", use(`"Authorization":"@{parameters('plain')}"`), "Say", `"type":"Compose","inputs":"@parameters('plain')"`},
			"InRunHistory Say inputs+outputs: parameter 'plain' → Say | Say.inputs\n"},
		{"a plain parameter that shows nowhere", []string{"Use", use(`"Authorization":"@{parameters('plain')}"`)}, ""},
		{"with a user name", []string{"Use", use(`"Authorization":"Basic @{base64(concat(parameters('plain'), ':', body('Login')['pw']))}"`), "Say", `"type":"Compose","inputs":"@parameters('plain')"`}, shows},
		{"with something behind it", []string{"Use", use(`"Cookie":"id=@{body('Login')['id']}; path=/"`)}, shows + "InRunHistory Use inputs: Login → Use | Login.outputs\n"},
		{"a computed signature", []string{"Use", use(`"Authorization":"SharedKey @{parameters('plain')}:@{guid()}"`), "Say", `"type":"Compose","inputs":"@parameters('plain')"`}, ""},
		{"one of two", []string{"Use", use(`"Authorization":"@coalesce(body('Login')?['a'], body('Login')?['b'])"`)}, shows},

		{"another header", []string{"Use", use(`"X-Correlation":"@body('Login')?['id']","X-Author":"@body('Login')?['name']"`)}, ""},
		{"a body", []string{"Use", `"type":"Http","inputs":{"method":"POST","uri":"https://example.com","body":{"authorization":"@body('Login')?['token']"}}`}, ""},
		{"something made of it", []string{"Use", use(`"Authorization":"@guid(body('Login')?['token'])","X-Api-Key":"@if(equals(body('Login')?['a'],1),'a','b')"`)}, ""},
		{"a status", []string{"Use", use(`"Authorization":"@outputs('Login')['statusCode']"`)}, ""},
		{"the trigger", []string{"Use", use(`"Authorization":"@triggerOutputs()['headers']['Authorization']"`)}, ""},
		{"other parts of the answer", []string{"Use", use(`"Authorization":"@body('Login')?['token']"`), "Say", `"type":"Compose","inputs":"@body('Login')?['name']"`}, shows},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, "", chain(append([]string{"Login", login}, c.actions...)...), "", c.want)
			if hidden := chain(append([]string{"Login", securedLogin}, c.actions...)...); strings.Contains(c.want, "Login.outputs") {
				findings, _ := leaks.Find([]definition.Source{workflow(t, `"type":"Request"`, hidden, "")}, operation.Catalog{})
				if got := lines(findings); strings.Contains(got, "InRunHistory Login outputs") {
					t.Errorf("secured, and still: %s", got)
				}
			}
		})
	}
}

// TestUsesWithoutEnd: variables that are made of parts of themselves.
func TestUsesWithoutEnd(t *testing.T) {
	var parts []string
	for i := range 50 {
		parts = append(parts, fmt.Sprintf("variables('v')?['p%d']", i))
	}
	all := strings.Join(parts, ",")
	findings, _ := leaks.Find([]definition.Source{workflow(t, `"type":"Request"`, chain(
		"Init", `"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string","value":"x"}]}`,
		"Set", `"type":"SetVariable","inputs":{"name":"v","value":"@coalesce(`+all+`)"}`,
		"Use", `"type":"Http","inputs":{"method":"GET","uri":"https://example.com","headers":{"Authorization":"@coalesce(`+all+`)"}}`), "")}, operation.Catalog{})
	if len(findings) > 0 {
		t.Error(lines(findings))
	}
}
