package operation_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/run"
)

// tokens gives tokens that say what they are for.
type tokens struct{}

func (tokens) Token(_ context.Context, identity, audience string) (string, error) {
	return "token-" + identity + "-" + audience, nil
}

func (tokens) Forget(string, string) {}

// azure is a cloud with the given hosts, all of which answer alike.
type azure struct {
	*cloudtest.Cloud
	seen   *http.Request
	status int
	http   *outbound.Client
}

func newAzure(t *testing.T, hosts ...string) *azure {
	t.Helper()
	a := &azure{Cloud: cloudtest.Start(t, append(hosts, "management.azure.com")...)}
	for _, h := range hosts {
		a.Handle(h, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.seen = r
			w.Header().Set("Content-Type", "application/json")
			if a.status != 0 {
				w.WriteHeader(a.status)
			}
			_, _ = w.Write([]byte(`{"ok":true}`))
		}))
	}
	var err error
	if a.http, err = outbound.New(outbound.Config{Roots: a.Roots(), ConnectTo: a.ConnectTo(), Identity: tokens{}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.http.CloseIdleConnections)
	return a
}

// sent describes what arrived: method, host, address, and the credentials.
func (a *azure) sent() string {
	if a.seen == nil {
		return ""
	}
	s := a.seen.Method + " " + a.seen.Host + a.seen.RequestURI
	for _, name := range []string{"Authorization", "X-Functions-Key", "Ocp-Apim-Subscription-Key"} {
		if v := a.seen.Header.Get(name); v != "" {
			s += " " + name + "=" + v
		}
	}
	return s
}

func (a *azure) call(t *testing.T, typ, inputs string, c operation.Connection) run.Outcome {
	t.Helper()
	a.seen = nil
	o := attempt(t, operation.Deps{HTTP: a.http}, typ, operation.Call{Inputs: parse(t, inputs), Connection: c})
	hides(t, o)
	return o
}

const site = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/App"

func TestFunction(t *testing.T) {
	a := newAzure(t, "app.azurewebsites.net", "app-dev.azurewebsites.net", "app-x1y2.westeurope-01.azurewebsites.net", "other.azurewebsites.net", "app.example")
	keys := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/host/default/") {
			_, _ = w.Write([]byte(`{"functionKeys":{"default":"hostkey-` + canary + `"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"default":"key-` + canary + `"}`))
	})
	a.Handle("management.azure.com", keys)
	key, hostKey := " X-Functions-Key=key-"+canary, " X-Functions-Key=hostkey-"+canary
	for _, c := range []struct{ name, inputs, want string }{
		{"by default a POST", `{"function":{"id":"` + site + `/functions/My_fn"}}`, "POST app.azurewebsites.net/api/My_fn" + key},
		{"with queries", `{"function":{"id":"` + site + `/functions/fn"},"method":"get","queries":{"cidr":"10.0.0.0/8"}}`, "GET app.azurewebsites.net/api/fn?cidr=10.0.0.0%2F8" + key},
		{"of a slot", `{"function":{"id":"` + site + `/slots/dev/functions/fn"}}`, "POST app-dev.azurewebsites.net/api/fn" + key},
		{"with an authentication", `{"function":{"id":"` + site + `/functions/fn"},"authentication":{"type":"ManagedServiceIdentity","audience":"api://fn"}}`,
			"POST app.azurewebsites.net/api/fn Authorization=Bearer token--api://fn"},
		{"by Swagger", `{"functionApp":{"id":"` + site + `"},"method":"GET","uri":"https://app.azurewebsites.net/api/x?y=1"}`, "GET app.azurewebsites.net/api/x?y=1" + hostKey},
		{"under a unique name", `{"functionApp":{"id":"` + site + `"},"uri":"https://app-x1y2.westeurope-01.azurewebsites.net/api/x"}`, "POST app-x1y2.westeurope-01.azurewebsites.net/api/x" + hostKey},
		{"of another app", `{"functionApp":{"id":"` + site + `"},"uri":"https://other.azurewebsites.net/api/x"}`, "POST other.azurewebsites.net/api/x"},
		{"under another domain", `{"functionApp":{"id":"` + site + `"},"uri":"https://app.example/api/x"}`, "POST app.example/api/x"},
	} {
		o := a.call(t, "Function", c.inputs, operation.Connection{})
		if o.Status != definition.Succeeded || o.Code != "OK" || a.sent() != c.want {
			t.Errorf("%s: %s, %+v", c.name, a.sent(), o)
		}
	}
	entry := parse(t, `{"triggerUrl":"https://app.example/api/y","authentication":{"type":"QueryString","name":"Code","value":"code-`+canary+`"}}`)
	if o := a.call(t, "Function", `{"function":{"connectionName":"f"}}`, operation.Connection{Entry: entry}); o.Code != "OK" || a.sent() != "POST app.example/api/y X-Functions-Key=code-"+canary {
		t.Errorf("of a Standard project: %s, %+v", a.sent(), o)
	}
	if o := a.call(t, "Function", `{"function":{"connectionName":"f"}}`, operation.Connection{}); o.Error == nil || o.Error.Code != "InvalidUri" {
		t.Errorf("of none: %+v", o)
	}
	for name, id := range map[string]string{
		"another host": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/evil.example#/functions/fn", "no function": site, "nothing": "",
		"a path": site + "/functions/..", "a query": site + "/functions/a?b", "a port": "/x/sites/app:99/functions/f",
	} {
		if o := a.call(t, "Function", `{"function":{"id":"`+id+`"}}`, operation.Connection{}); o.Error == nil || o.Error.Code != "InvalidFunctionId" || a.seen != nil {
			t.Errorf("%s: %s, %+v", name, a.sent(), o)
		}
	}
	if o := a.call(t, "Function", `{"functionApp":{},"uri":"file:///x"}`, operation.Connection{}); o.Error == nil || o.Error.Code != "InvalidUri" {
		t.Errorf("%+v", o)
	}

	// The key is not to be had: say what to do where the function wants one.
	a.Handle("management.azure.com", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }))
	a.status = 401
	o := a.call(t, "Function", `{"function":{"id":"`+site+`/functions/locked"}}`, operation.Connection{})
	if o.Code != "Unauthorized" || o.Error == nil || !strings.Contains(o.Error.Message, "listKeys") || !o.Outputs.Has("body") || a.sent() != "POST app.azurewebsites.net/api/locked" {
		t.Errorf("%s, %+v", a.sent(), o)
	}
	if o := a.call(t, "Function", `{"function":{"id":"`+site+`/functions/locked"},"authentication":{"type":"Raw","value":"x"}}`, operation.Connection{}); o.Error != nil {
		t.Errorf("%+v", o)
	}
}

func TestFunctionIsCheckedWhenSaved(t *testing.T) {
	for inputs, want := range map[string]bool{
		`{"function":{"id":"x"}}`: true, `{"functionApp":{"id":"x"},"uri":"u"}`: true, `"@triggerBody()"`: true,
		`{}`: false, `{"functionApp":{"id":"x"}}`: false, `{"uri":"u"}`: false,
	} {
		program, problems := definition.Compile(definition.Source{Definition: parse(t, `{"actions":{"F":{"type":"Function","inputs":`+inputs+`}}}`)}, operation.Catalog{})
		if (program != nil) != want || !want && problems[0].Code != definition.MissingInput {
			t.Errorf("%s: %v", inputs, problems)
		}
	}
}

func TestApiManagement(t *testing.T) {
	a := newAzure(t, "demo.azure-api.net")
	api := `"api":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Demo/apis/a1"}`
	for _, c := range []struct{ name, inputs, want string }{
		{"plain", `,"method":"get","pathTemplate":{"template":"/shop/orders","parameters":{}}`, "GET demo.azure-api.net/shop/orders"},
		{"with all", `,"method":"POST","pathTemplate":{"template":"/shop/orders/{id}/lines/{n}?v=1","parameters":{"id":"a%2Fb c","n":5}},"queries":{"q":"x"},"subscriptionKey":"` + canary + `","authentication":{"type":"ManagedServiceIdentity","audience":"api://x","identity":"me"}`,
			"POST demo.azure-api.net/shop/orders/a%2Fb%20c/lines/5?v=1&q=x Authorization=Bearer token-me-api://x Ocp-Apim-Subscription-Key=" + canary},
		{"an open brace", `,"method":"GET","pathTemplate":{"template":"/a{b"}`, "GET demo.azure-api.net/a%7Bb"},
	} {
		if o := a.call(t, "ApiManagement", `{`+api+c.inputs+`}`, operation.Connection{}); o.Code != "OK" || a.sent() != c.want {
			t.Errorf("%s: %s, %+v", c.name, a.sent(), o)
		}
	}
	for inputs, code := range map[string]string{
		`{"api":{"id":"/x/service/evil.example#/apis/a"},"method":"GET","pathTemplate":{"template":"/"}}`:          "InvalidApiId",
		`{` + api + `,"method":"GET","pathTemplate":{"template":"/{a}"}}`:                                          "InvalidTemplate",
		`{` + api + `,"method":"GET","pathTemplate":{"template":"/x/{a}/y","parameters":{"a":"%2e%2E"}}}`:          "InvalidPath",
		`{` + api + `,"method":"FETCH","pathTemplate":{"template":"/x"}}`:                                          "InvalidMethod",
		`{` + api + `,"method":"GET","pathTemplate":{"template":"/x"},"subscriptionKey":"` + canary + `\r\nX: 1"}`: "InvalidAuthentication",
	} {
		if o := a.call(t, "ApiManagement", inputs, operation.Connection{}); o.Error == nil || o.Error.Code != code || a.seen != nil {
			t.Errorf("%s: %s, %+v", inputs, a.sent(), o)
		}
	}
}

func TestConnectorsAreCalledByTheirWireShape(t *testing.T) {
	a := newAzure(t, "f1.01.common.logic-we.azure-apihub.net", "gateway.example", "azure-apihub.net.example")
	const hub = "https://f1.01.common.logic-we.azure-apihub.net/apim/sql/c1"
	for _, c := range []struct{ name, inputs, entry, properties, want, code string }{
		{"the service's own, by the app's identity", `"method":"get","path":"/v2/datasets/@a/x%252Fy","queries":{"$top":5}`, `{"connectionRuntimeUrl":"` + hub + `/"}`, ``,
			"GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/v2/datasets/@a/x%252Fy?%24top=5 Authorization=Bearer token--https://apihub.azure.com", "OK"},
		{"address of the resource", `"method":"post","path":"v2","body":{"a":1}`, `{"connectionProperties":{"authentication":{"type":"ManagedServiceIdentity","identity":"/user","audience":"https://backend"}}}`, `{"connectionRuntimeUrl":"` + hub + `"}`,
			"POST f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/v2 Authorization=Bearer token-/user-https://apihub.azure.com", "OK"},
		{"an identity of its own", `"method":"get","path":"/"`, `{"connectionRuntimeUrl":"` + hub + `","authentication":{"type":"ManagedServiceIdentity","identity":"/own","audience":"https://else"}}`, ``,
			"GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/ Authorization=Bearer token-/own-https://else", "OK"},
		{"a key", `"method":"get","path":"/x"`, `{"connectionRuntimeUrl":"` + hub + `","authentication":{"type":"Raw","scheme":"Key","parameter":"` + canary + `"}}`, ``,
			"GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/x Authorization=Key " + canary, "OK"},
		{"a key of the resource", `"method":"get","path":"/x"`, `{}`, `{"connectionRuntimeUrl":"` + hub + `","authentication":{"type":"Raw","value":"Key abc"}}`,
			"GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/x Authorization=Key abc", "OK"},
		{"a gateway of one's own gets nothing unasked", `"method":"delete","path":"/x y","queries":{"e":"","z":null},"authentication":{}`, `{}`, `{"parameterValues":{"endpoint":"https://gateway.example/shop"}}`,
			"DELETE gateway.example/shop/x%20y?e=", "OK"},
		{"nor does who sounds like Azure", `"method":"get","path":"/"`, `{"connectionRuntimeUrl":"https://azure-apihub.net.example"}`, ``, "GET azure-apihub.net.example/", "OK"},
		{"the action's own", `"method":"get","path":"/","authentication":{"type":"Basic","username":"u","password":"p"}`, `{"connectionRuntimeUrl":"https://gateway.example"}`, ``,
			"GET gateway.example/ Authorization=Basic dTpw", "OK"},
		{"the action's none", `"method":"get","path":"/","authentication":{"type":"None"}`, `{"connectionRuntimeUrl":"` + hub + `"}`, ``, "GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/", "OK"},
		{"no address", `"method":"get","path":"/"`, `{}`, ``, "", "ConnectionAddressNotConfigured"},
		{"no proper address", `"method":"get","path":"/"`, `{"connectionRuntimeUrl":"ftp://` + canary + `"}`, ``, "", "InvalidPath"},
		{"an address with a query", `"method":"get","path":"/"`, `{"connectionRuntimeUrl":"https://gateway.example/?a=1"}`, ``, "", "InvalidPath"},
		{"a way out", `"method":"get","path":"/a/../../c2"`, `{"connectionRuntimeUrl":"` + hub + `"}`, ``, "", "InvalidPath"},
		{"an encoded way out", `"method":"get","path":"/a/%2e%2e/b"`, `{"connectionRuntimeUrl":"` + hub + `"}`, ``, "", "InvalidPath"},
		{"no such method", `"method":"list","path":"/"`, `{"connectionRuntimeUrl":"` + hub + `"}`, ``, "", "InvalidMethod"},
		{"a key with a line break at its end", `"method":"get","path":"/"`, `{"connectionRuntimeUrl":"` + hub + `","authentication":{"type":"Raw","scheme":"Key","parameter":"` + canary + `\n"}}`, ``, "GET f1.01.common.logic-we.azure-apihub.net/apim/sql/c1/ Authorization=Key " + canary, "OK"},
	} {
		connection := operation.Connection{Key: "sql", API: "sql", Entry: parse(t, c.entry)}
		if c.properties != "" {
			connection.Properties = parse(t, c.properties)
		}
		o := a.call(t, "ApiConnection", `{"host":{"connection":{"name":"x"}},`+c.inputs+`}`, connection)
		code := o.Code
		if o.Error != nil {
			code = o.Error.Code
		}
		if code != c.code || a.sent() != c.want {
			t.Errorf("%s: %s, %+v", c.name, a.sent(), o)
		}
		if c.code == "ConnectionAddressNotConfigured" && (!strings.Contains(o.Error.Message, "connectionRuntimeUrl") || !strings.Contains(o.Error.Message, "'sql'")) {
			t.Error(o.Error.Message)
		}
	}
	a.status = 404
	o := a.call(t, "ApiConnection", `{"host":{},"method":"get","path":"/"}`, operation.Connection{API: "sql", Entry: parse(t, `{"connectionRuntimeUrl":"`+hub+`"}`)})
	if o.Status != definition.Failed || o.Code != "NotFound" || o.Error != nil || !o.Outputs.Member("body").Has("ok") {
		t.Errorf("%+v", o)
	}
}

func TestWireShapeIsAWarning(t *testing.T) {
	program, problems := definition.Compile(definition.Source{
		Definition: parse(t, `{"parameters":{"$connections":{"type":"Object"}},"actions":{"A":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['sql']['connectionId']"}},"method":"get","path":"/"}}}}`),
		Parameters: parse(t, `{"$connections":{"value":{"sql":{"id":"/x/managedApis/sql","connectionId":"/c"}}}}`),
	}, operation.Catalog{})
	if program == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Message, "is called by its wire shape") {
		t.Errorf("%v", problems)
	}
}
