package operation_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// quiet is the log of servers whose refused handshakes are part of a test.
var quiet = log.New(io.Discard, "", 0)

func parse(t testing.TB, s string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

// clock is the time at which examples run.
var clock = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// prepare makes the call of an action as the engine would: the definition is
// compiled, and the inputs are evaluated before the operation sees them. The
// variables are what its expressions read.
func prepare(t testing.TB, action value.Value, variables ...run.Variable) operation.Call {
	t.Helper()
	actions := value.Object(value.Member{Key: "example", Value: action})
	if len(variables) > 0 {
		var list []value.Value
		for _, v := range variables {
			list = append(list, value.Object(value.Member{Key: "name", Value: value.String(v.Name)}, value.Member{Key: "type", Value: value.String("Array")}))
		}
		actions = value.Object(value.Member{Key: "example", Value: action}, value.Member{Key: "init", Value: value.Object(
			value.Member{Key: "type", Value: value.String("InitializeVariable")},
			value.Member{Key: "inputs", Value: value.Object(value.Member{Key: "variables", Value: value.Array(list...)})})})
	}
	p, problems := definition.Compile(definition.Source{Definition: value.Object(value.Member{Key: "actions", Value: actions})}, operation.Catalog{})
	if p == nil {
		t.Fatalf("%s: %v", action, problems)
	}
	a, st := p.Action("example"), run.NewState(run.Header{Variables: variables})
	c := operation.Call{Action: "example", Kind: a.Kind, Deferred: a.Deferred, Options: a.Options, Attempt: 1}
	c.Env = func(item value.Value) *expr.Env {
		return run.Env(p, st, a, "", item, expr.Ambient{Now: func() time.Time { return clock }})
	}
	if a.Inputs != nil {
		var err error
		if c.Inputs, err = a.Inputs.Evaluate(c.Env(value.Value{})); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
	}
	return c
}

// perform runs an action of a definition.
func perform(t testing.TB, action string, variables ...run.Variable) run.Outcome {
	t.Helper()
	v := parse(t, action)
	return attempt(t, operation.Deps{}, v.Member("type").Str(), prepare(t, v, variables...))
}

// shown is the JSON of the outputs, or of the error.
func shown(o run.Outcome) string {
	if o.Error != nil {
		return string(value.Reveal(o.Error.Value()))
	}
	return string(value.Reveal(o.Outputs))
}

func attempt(t testing.TB, d operation.Deps, typ string, c operation.Call) run.Outcome {
	t.Helper()
	if c.Action == "" {
		c.Action = "example"
	}
	c.Attempt = 1
	return operation.Attempt(context.Background(), d, c, typ, zerolog.Nop())
}

// TestExamples runs every example that the operations bring along.
func TestExamples(t *testing.T) {
	for _, typ := range (operation.Catalog{}).ActionTypes() {
		o := operation.Find(typ)
		if o.Doc == "" {
			t.Errorf("%s has no doc", typ)
		}
		for _, e := range o.Examples {
			action := value.Object(value.Member{Key: "type", Value: value.String(typ)}, value.Member{Key: "kind", Value: value.String(e.Kind)},
				value.Member{Key: "inputs", Value: parse(t, e.Inputs)})
			got := shown(attempt(t, operation.Deps{}, typ, prepare(t, action)))
			if want := string(value.Reveal(parse(t, e.Want))); got != want {
				t.Errorf("%s %s %s\n got %s\nwant %s", typ, e.Kind, e.Inputs, got, want)
			}
		}
	}
}

func client(t testing.TB) *outbound.Client {
	t.Helper()
	c, err := outbound.New(outbound.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestHTTPSendsWhatTheInputsSay(t *testing.T) {
	var got *http.Request
	var body strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body.Reset()
		_ = r.Write(&body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"a":1}`))
	}))
	defer server.Close()
	d := operation.Deps{HTTP: client(t)}
	inputs := parse(t, `{"method":"post","uri":"`+server.URL+`/x?y=1","queries":{"q":"a b","n":5},"cookie":"c=d",
		"headers":{"X-Own":"v","Content-Length":"99","Accept":"text/plain","Accept-Encoding":"br","Host":"evil","Cookie":"no","x-ms-client-tracking-id":"mine"},
		"body":{"z":[1,true]},"authentication":{"type":"Basic","username":"u","password":"p"}}`)
	o := attempt(t, d, "Http", operation.Call{Inputs: inputs, Tracking: operation.Tracking{RunName: "run", ClientTrackingID: "ours", ActionTrackingID: "at"}})
	if o.Status != definition.Succeeded || o.Code != "Created" {
		t.Fatalf("outcome: %+v", o)
	}
	if out := o.Outputs; string(value.Reveal(out.Member("body"))) != `{"a":1}` || out.Member("headers").Member("x-answer").Str() != "yes" {
		t.Errorf("outputs: %s", out)
	}
	for name, want := range map[string]string{"X-Own": "v", "Accept": "text/plain", "Cookie": "c=d", "Content-Type": "application/json; charset=utf-8", "Authorization": "Basic dTpw",
		"X-Ms-Workflow-Run-Id": "run", "X-Ms-Client-Tracking-Id": "mine", "X-Ms-Action-Tracking-Id": "at", "X-Ms-Workflow-Operation-Name": "example", "Accept-Encoding": "gzip, deflate"} {
		if h := got.Header.Get(name); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	if got.URL.RawQuery != "y=1&q=a%20b&n=5" || got.Host == "evil" || !strings.HasSuffix(body.String(), `{"z":[1,true]}`) {
		t.Errorf("request: %s %s %s", got.URL, got.Host, body.String())
	}
}

func TestHTTPOutcomes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/notfound":
			w.WriteHeader(http.StatusNotFound)
		case "/throttled":
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/badjson":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{"))
		case "/binary":
			w.Header().Set("Content-Type", "application/pdf")
			_, _ = w.Write([]byte{0, 1})
		case "/text":
			w.Header().Set("Content-Type", "text/plain; charset=iso-8859-1")
			_, _ = w.Write([]byte{0xe9})
		}
	}))
	defer server.Close()
	d := operation.Deps{HTTP: client(t)}
	for _, c := range []struct {
		path, code, body string
		status           definition.Status
		retry            bool
		after            time.Duration
	}{
		{"/ok", "OK", "null", definition.Succeeded, false, 0},
		{"/redirect", "Found", "", definition.Failed, false, 0},
		{"/notfound", "NotFound", "null", definition.Failed, false, 0},
		{"/throttled", "429", "null", definition.Failed, true, 7 * time.Second},
		{"/down", "ServiceUnavailable", "null", definition.Failed, true, 0},
		{"/binary", "OK", `{"$content-type":"application/pdf","$content":"AAE="}`, definition.Succeeded, false, 0},
		{"/text", "OK", `"é"`, definition.Succeeded, false, 0},
	} {
		o := attempt(t, d, "Http", operation.Call{Inputs: parse(t, `{"method":"GET","uri":"`+server.URL+c.path+`"}`)})
		if o.Status != c.status || o.Code != c.code || o.Retry != c.retry || o.RetryAfter != c.after || o.Error != nil {
			t.Errorf("%s: %+v", c.path, o)
		}
		if body := string(value.Reveal(o.Outputs.Member("body"))); c.body != "" && body != c.body {
			t.Errorf("%s: body %s", c.path, body)
		}
	}
	if o := attempt(t, d, "Http", operation.Call{Inputs: parse(t, `{"method":"GET","uri":"`+server.URL+`/badjson"}`)}); o.Status != definition.Failed || !o.Outputs.IsAbsent() {
		t.Errorf("bad JSON: %+v", o)
	}
	server.Close()
	if o := attempt(t, d, "Http", operation.Call{Inputs: parse(t, `{"method":"GET","uri":"`+server.URL+`"}`)}); o.Status != definition.Failed || !o.Retry || !o.Outputs.IsAbsent() {
		t.Errorf("nobody there: %+v", o)
	}
}

func TestHistoryKeepsNoCredentials(t *testing.T) {
	spec, _ := (operation.Catalog{}).Action("http")
	shown, changed := spec.History(parse(t, `{"uri":"u","headers":{"authorization":"Bearer x","A":"b"},"authentication":{"type":"Raw","value":"y"}}`))
	if want := `{"uri":"u","headers":{"A":"b"},"authentication":{"type":"Raw","value":"*sanitized*"}}`; !changed || string(value.Reveal(shown)) != want {
		t.Errorf("%v %s", changed, value.Reveal(shown))
	}
	if _, changed := spec.History(parse(t, `{"uri":"u","headers":{"A":"b"}}`)); changed {
		t.Error("nothing was to be left out")
	}
}

// vault is a fake with one secret, or a failure.
type vault struct{ failure *outbound.Failure }

func (v vault) Secret(_ context.Context, name, version string) (outbound.Secret, error) {
	if v.failure != nil {
		return outbound.Secret{}, v.failure
	}
	return outbound.Secret{Name: name, Version: version, Enabled: true, Value: value.String("s").Mark(value.Origin{Class: value.Secured, Name: "keyvault:" + name})}, nil
}
func (v vault) Secrets(context.Context) ([]outbound.Secret, error)          { return nil, nil }
func (v vault) Versions(context.Context, string) ([]outbound.Secret, error) { return nil, nil }

func TestKeyVaultConnector(t *testing.T) {
	call := func(v vault, method, path string) run.Outcome {
		return attempt(t, operation.Deps{Vault: func(operation.Connection) (outbound.Vault, error) { return v, nil }}, "ApiConnection",
			operation.Call{Connection: operation.Connection{API: "keyvault"}, Inputs: parse(t, `{"host":{},"method":"`+method+`","path":"`+path+`"}`)})
	}
	o := call(vault{}, "get", "/secrets/my%2Dsecret/value")
	if o.Status != definition.Succeeded || o.Code != "OK" || o.Outputs.Member("body").Member("name").Str() != "my-secret" {
		t.Errorf("ok: %+v", o)
	}
	if origins := o.Outputs.Member("body").Member("value").Origins(); len(origins) != 1 {
		t.Errorf("the secret is not marked: %v", origins)
	}
	if o := call(vault{}, "get", "/secrets/a/versions/v1/value"); o.Outputs.Member("body").Member("version").Str() != "v1" {
		t.Errorf("version: %+v", o)
	}
	for _, c := range []struct {
		failure outbound.Failure
		code    string
		retry   bool
	}{
		{outbound.Failure{StatusCode: 403, Code: "Forbidden", Message: "m"}, "Forbidden", false},
		{outbound.Failure{StatusCode: 404, Code: "SecretNotFound", Message: "m"}, "NotFound", false},
		{outbound.Failure{StatusCode: 429, Code: "Throttled", Message: "m", Retryable: true, RetryAfter: 3 * time.Second}, "429", true},
		{outbound.Failure{StatusCode: 504, Code: "GatewayTimeout", Message: "m", Retryable: true}, "GatewayTimeout", true},
	} {
		o := call(vault{&c.failure}, "get", "/secrets/a/value")
		status, _ := o.Outputs.Member("statusCode").AsInt()
		if o.Status != definition.Failed || o.Code != c.code || o.Retry != c.retry || o.RetryAfter != c.failure.RetryAfter || int(status) != c.failure.StatusCode {
			t.Errorf("%d: %+v", c.failure.StatusCode, o)
		}
	}
	for _, path := range []string{"/secrets/a", "/secrets//value", "/secrets/a/b/value", "/keys/a/value"} {
		if o := call(vault{}, "get", path); o.Code != "NotFound" || o.Error.Code != "OperationNotFound" {
			t.Errorf("%s: %+v", path, o)
		}
	}
	if o := call(vault{}, "post", "/secrets/a/value"); o.Error == nil || o.Error.Code != "OperationNotFound" {
		t.Errorf("method: %+v", o)
	}
}

func TestRequestTrigger(t *testing.T) {
	for name, c := range map[string]struct {
		options, schema string
		received        operation.Received
		want            string
		code            string
	}{
		"JSON":    {received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"a":1}`), HasBody: true}, want: `{"headers":{"Content-Type":"application/json"},"body":{"a":1}}`},
		"nothing": {received: operation.Received{Header: http.Header{}}, want: `{"headers":{}}`},
		"null":    {received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`null`), HasBody: true}, want: `{"headers":{"Content-Type":"application/json"},"body":null}`},
		"form": {received: operation.Received{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(`a=b+c&&d`), HasBody: true},
			want: `{"headers":{"Content-Type":"application/x-www-form-urlencoded"},"body":{"$content-type":"application/x-www-form-urlencoded","$content":"YT1iK2MmJmQ=","$formdata":[{"key":"a","value":"b c"},{"key":"","value":""},{"key":"d","value":""}]}}`},
		"binary":             {received: operation.Received{Header: http.Header{}, Body: []byte{1}, HasBody: true}, want: `{"headers":{},"body":{"$content-type":"application/octet-stream","$content":"AQ=="}}`},
		"a type and no text": {received: operation.Received{Header: http.Header{"Content-Type": {"text/plain"}}}, want: `{"headers":{"Content-Type":"text/plain"},"body":""}`},
		"a type and no JSON": {received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}}, want: `{"headers":{"Content-Type":"application/json"},"body":null}`},
		"a type and no form": {received: operation.Received{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
			want: `{"headers":{"Content-Type":"application/x-www-form-urlencoded"},"body":{"$content-type":"application/x-www-form-urlencoded","$content":"","$formdata":[]}}`},
		"a type and no bytes": {received: operation.Received{Header: http.Header{"Content-Type": {"image/png"}}}, want: `{"headers":{"Content-Type":"image/png"},"body":{"$content-type":"image/png","$content":""}}`},
		"no type, no bytes":   {received: operation.Received{Header: http.Header{}, HasBody: true}, want: `{"headers":{}}`},
		"queries and path": {received: operation.Received{Header: http.Header{}, Queries: []operation.Query{{"q", "1"}, {"r", "2"}, {"q", "3"}}, RelativePathValues: []operation.Query{{"id", "7"}}},
			want: `{"headers":{},"queries":{"q":"1,3","r":"2"},"relativePathParameters":{"id":"7"}}`},
		"authorization":      {received: operation.Received{Header: http.Header{"Authorization": {"Bearer x"}, "X-Functions-Key": {"k"}}}, want: `{"headers":{}}`},
		"authorization kept": {options: "IncludeAuthorizationHeadersInOutputs", received: operation.Received{Header: http.Header{"Authorization": {"Bearer x"}}}, want: `{"headers":{"Authorization":"Bearer x"}}`},
		"not JSON":           {received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{`), HasBody: true}, code: "InvalidRequestContent"},
		"against the schema": {options: "EnableSchemaValidation", schema: `{"type":"object","required":["a"]}`, received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{}`), HasBody: true}, code: "TriggerInputSchemaMismatch"},
		"schema not checked": {schema: `{"type":"object","required":["a"]}`, received: operation.Received{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{}`), HasBody: true}, want: `{"headers":{"Content-Type":"application/json"},"body":{}}`},
	} {
		trigger := &definition.Trigger{Name: "manual", Options: definition.Options(c.options)}
		if c.schema != "" {
			trigger.Raw = parse(t, `{"schema":`+c.schema+`}`)
		}
		got, rejection := operation.FindTrigger("request").Receive(trigger, &c.received)
		switch {
		case c.code != "":
			if rejection == nil || rejection.Code != c.code || rejection.Status != http.StatusBadRequest {
				t.Errorf("%s: %+v", name, rejection)
			}
		case rejection != nil:
			t.Errorf("%s: %+v", name, rejection)
		case string(value.Reveal(got)) != c.want:
			t.Errorf("%s:\n got %s\nwant %s", name, value.Reveal(got), c.want)
		}
	}
}

func TestMultipartGoesBothWays(t *testing.T) {
	d := operation.Deps{HTTP: client(t)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		_, _ = r.Body.Read(nil)
		var b strings.Builder
		_ = r.Write(&b)
		_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	o := attempt(t, d, "Http", operation.Call{Inputs: parse(t, `{"method":"POST","uri":"`+server.URL+`","body":{"$content-type":"multipart/form-data","$multipart":[
		{"headers":{"Content-Disposition":"form-data; name=\"a\""},"body":"text"},{"headers":{"Content-Disposition":"form-data; name=\"b\""},"body":{"x":1}}]}}`)})
	parts := o.Outputs.Member("body").Member("$multipart")
	if parts.Len() != 2 || parts.At(0).Member("body").Str() != "text" || !parts.At(1).Member("body").Has("$content") {
		t.Errorf("%+v %s", o, o.Outputs)
	}
}
