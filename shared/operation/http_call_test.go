package operation_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// canary is a secret that stands in requests of these tests and may be in no
// record, no error and nothing that is printed.
const canary = "canary-9Zt4-secret"

// hides looks for the canary wherever an outcome could show it.
func hides(t *testing.T, o run.Outcome) {
	t.Helper()
	shown := fmt.Sprintf("%v %+v %#v %s %s", o, o, o, value.JSON(o.Outputs), value.JSON(o.Keep)) + string(value.Reveal(o.Outputs))
	if o.Error != nil {
		shown += o.Error.Code + o.Error.Message
	}
	if strings.Contains(shown, canary) {
		t.Errorf("the canary shows: %s", shown)
	}
}

// serve starts a server that ends with the test.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func httpInputs(t *testing.T, method, uri, more string) value.Value {
	t.Helper()
	return parse(t, fmt.Sprintf(`{"method":%q,"uri":%q%s}`, method, uri, more))
}

const withSecrets = `,"headers":{"X-Api-Key":"` + canary + `","Accept":"application/json","If-Match":"*"},"cookie":"c=` + canary + `","authentication":{"type":"Raw","value":"Bearer ` + canary + `"}`

func TestAddresses(t *testing.T) {
	var got string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI })
	for _, c := range []struct{ uri, queries, want string }{
		{"", `{}`, "/"},
		{"/a/b", `{"q":"a b&c","n":5,"b":true,"z":null,"e":""}`, "/a/b?q=a%20b%26c&n=5&b=true&e="},
		{"/a?x=1", `{"q":["a","b",null,3],"none":[]}`, "/a?x=1&q=a&q=b&q=3"},
		{"/a", `{"o":{"k":1}}`, "/a?o=%7B%22k%22%3A1%7D"},
		{"/a?$filter=startswith(n, 'é') and x eq \"1\"", `{"$top":1}`, "/a?$filter=startswith(n,%20'%C3%A9')%20and%20x%20eq%20%221%22&%24top=1"},
		{"/100%/%2F%2f/{id}/a|b", `{}`, "/100%25/%2F%2f/%7Bid%7D/a%7Cb"},
		{"/a b\tc#part", `{"q":1}`, "/a%20b%09c?q=1"},
		{"/[x]/a;b=c/@:+,", `{}`, "/[x]/a;b=c/@:+,"},
		{"?only=1  \n", `{}`, "/?only=1"},
	} {
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{Inputs: httpInputs(t, "GET", " "+server.URL+c.uri, `,"queries":`+c.queries)})
		if o.Status != definition.Succeeded || got != c.want {
			t.Errorf("%s %s: %s, %+v", c.uri, c.queries, got, o)
		}
	}
	for _, uri := range []string{"", "/relative", "ftp://h/", "http://", "http:opaque", "https://h:port/", "http://h\n/" + canary, "mailto:" + canary} {
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{Inputs: httpInputs(t, "GET", uri, "")})
		if o.Error == nil || o.Error.Code != "InvalidUri" || o.Retry {
			t.Errorf("%q: %+v", uri, o)
		}
		hides(t, o)
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	tracking := operation.Tracking{WorkflowID: "wid", WorkflowName: "wname", WorkflowVersion: "wv", RunName: "run", ActionTrackingID: "at", ClientTrackingID: "ct\n", RunTrackingID: "rt"}
	ours := map[string]string{
		"x-ms-workflow-id": "wid", "x-ms-workflow-version": "wv", "x-ms-workflow-name": "wname", "x-ms-workflow-system-id": "/scaleunits/prod-00/workflows/wid",
		"x-ms-workflow-run-id": "run", "x-ms-workflow-run-tracking-id": "rt", "x-ms-workflow-operation-name": "Call it", "x-ms-tracking-id": "at", "x-ms-correlation-id": "rt",
		"x-ms-client-request-id": "at", "x-ms-client-tracking-id": "ct", "x-ms-action-tracking-id": "at", "x-ms-activity-vector": "IN.01",
		"user-agent": "azure-logic-apps/1.0 (workflow wid; version wv)", "accept-encoding": "gzip, deflate", "accept-language": "en",
	}
	for _, c := range []struct {
		name, headers, options string
		want                   map[string]string
	}{
		{"ours", `{}`, "", ours},
		{"suppressed", `{}`, "DisableAsyncPattern, suppressworkflowheaders", map[string]string{"x-ms-workflow-id": "", "x-ms-client-tracking-id": "", "user-agent": "azure-logic-apps/1.0", "accept-language": "en"}},
		{"the author's win", `{"X-MS-Workflow-Id":"mine","user-agent":"me"}`, "", map[string]string{"x-ms-workflow-id": "mine", "user-agent": "me", "x-ms-workflow-name": "wname"}},
		{"null is left out", `{"X-A":null,"X-B":"","X-N":5,"X-T":true}`, "", map[string]string{"x-a": "", "x-n": "5", "x-t": "true"}},
		{"removed", `{"Accept-Charset":"x","Accept-Language":"de","Allow":"x","Content-MD5":"x","Content-Language":"de","Cookie":"x","Expires":"0","Last-Modified":"x","Origin":"x","Set-Cookie":"x","Transfer-Encoding":"chunked"}`, "",
			map[string]string{"accept-charset": "", "accept-language": "en", "allow": "", "content-md5": "", "content-language": "", "cookie": "", "expires": "", "last-modified": "", "origin": "", "set-cookie": "", "transfer-encoding": ""}},
		{"kept", `{"Accept":"a/b","Content-Disposition":"inline","Content-Encoding":"x","Content-Type":"c/d","Authorization":"Bearer x"}`, "",
			map[string]string{"accept": "a/b", "content-disposition": "inline", "content-encoding": "x", "content-type": "c/d", "authorization": "Bearer x"}},
	} {
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{
			Action: "Call it", Inputs: httpInputs(t, "POST", server.URL, `,"body":"x","headers":`+c.headers), Tracking: tracking, Options: definition.Options(c.options)})
		if o.Status != definition.Succeeded {
			t.Errorf("%s: %+v", c.name, o)
		}
		for name, want := range c.want {
			if h := got.Get(name); h != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, h, want)
			}
		}
	}
	for _, headers := range []string{`{"X-A":"` + canary + `\r\nX-B: 1"}`, `{"X ` + canary + `":"1"}`} {
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{Inputs: httpInputs(t, "GET", server.URL, `,"headers":`+headers)})
		if o.Error == nil || o.Error.Code != "InvalidRequest" {
			t.Errorf("%s: %+v", headers, o)
		}
		hides(t, o)
	}
}

// TestStatuses: 2xx succeeds, all else fails and keeps its outputs, without an
// error; only some of it is worth another try.
func TestStatuses(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Add("X-Twice", "a")
		w.Header().Add("X-Twice", "b")
		w.Header().Set("Location", "/200")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "why")
	})
	for status, code := range map[int]string{
		200: "OK", 201: "Created", 203: "NonAuthoritativeInformation", 204: "NoContent", 205: "ResetContent", 207: "207", 208: "208", 226: "226", 299: "299",
		300: "MultipleChoices", 301: "MovedPermanently", 302: "Found", 303: "SeeOther", 304: "NotModified", 307: "TemporaryRedirect", 308: "308",
		400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 408: "RequestTimeout", 409: "Conflict", 413: "RequestEntityTooLarge",
		414: "RequestUriTooLong", 416: "RequestedRangeNotSatisfiable", 417: "ExpectationFailed", 418: "418", 422: "422", 423: "423", 426: "UpgradeRequired", 428: "428", 429: "429", 451: "451", 499: "499",
		500: "InternalServerError", 502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout", 505: "HttpVersionNotSupported", 507: "507", 599: "599", 999: "999",
	} {
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{Inputs: httpInputs(t, "GET", fmt.Sprintf("%s/%d", server.URL, status), "")})
		want := definition.Failed
		if status < 300 {
			want = definition.Succeeded
		}
		n, _ := o.Outputs.Member("statusCode").AsInt()
		if o.Status != want || o.Code != code || o.Error != nil || int(n) != status || o.Outputs.Member("headers").Member("X-Twice").Str() != "a,b" || o.Again != 0 {
			t.Errorf("%d: %+v", status, o)
		}
		if retry := status == 408 || status == 429 || status >= 500; o.Retry != retry {
			t.Errorf("%d: retry is %t", status, o.Retry)
		}
		if body, has := o.Outputs.Get("body"); has != (status != 204 && status != 304) || has && body.Str() != "why" {
			t.Errorf("%d: body %s", status, body)
		}
	}
}

// TestFailuresOnTheWay: no answer, no outputs; and no secret in what is said of it.
func TestFailuresOnTheWay(t *testing.T) {
	block := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			select {
			case <-r.Context().Done():
			case <-block:
			}
		case "/stuck":
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-block:
			}
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 512)); err != nil {
					return
				}
			}
		case "/brokenoff":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"a":`))
			panic(http.ErrAbortHandler)
		case "/badjson", "/badjson503":
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/badjson503" {
				w.Header().Set("Retry-After", "9")
				w.WriteHeader(503)
			}
			_, _ = io.WriteString(w, "<html>"+canary)
		}
	})
	t.Cleanup(func() { close(block) })
	tlsServer := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsServer.Config.ErrorLog = quiet
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)
	c, err := outbound.New(outbound.Config{MaxBody: 4096})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	for _, tt := range []struct {
		url, runtime, code, error string
		retry                     bool
		after                     time.Duration
	}{
		{"http://no-such-host.invalid/", "", "UnresolvableHostName", "The provided host name 'no-such-host.invalid' could not be resolved.", true, 0},
		{tlsServer.URL, "", "TrustFailure", "", false, 0},
		{server.URL + "/silent", `{"requestOptions":{"timeout":"PT0.05S"}}`, "BadRequest", "", true, 0},
		{server.URL + "/stuck", `{"requestOptions":{"timeout":"PT0.05S"}}`, "BadRequest", "", true, 0},
		{server.URL + "/endless", "", "BadRequest", "", false, 0},
		{server.URL + "/brokenoff", "", "ConnectionClosed", "", true, 0},
		{server.URL + "/badjson", "", "BadGateway", "", false, 0},
		{server.URL + "/badjson503", "", "ServiceUnavailable", "", true, 9 * time.Second},
	} {
		call := operation.Call{Inputs: httpInputs(t, "GET", tt.url+"?sig="+canary, withSecrets)}
		if tt.runtime != "" {
			call.Runtime = parse(t, tt.runtime)
		}
		o := attempt(t, operation.Deps{HTTP: c}, "Http", call)
		if o.Status != definition.Failed || o.Code != tt.code || o.Error == nil || o.Retry != tt.retry || o.RetryAfter != tt.after || !o.Outputs.IsAbsent() {
			t.Errorf("%s: %+v", tt.url, o)
		}
		if tt.error != "" && o.Error.Message != tt.error {
			t.Errorf("%s: %s", tt.url, o.Error.Message)
		}
		hides(t, o)
	}
}

func TestCompressedBodies(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, `{"a":1}`)
	_ = w.Close()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	call := operation.Call{Inputs: httpInputs(t, "GET", server.URL, "")}
	if o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", call); string(value.Reveal(o.Outputs.Member("body"))) != `{"a":1}` {
		t.Errorf("%+v", o)
	}
	call.Options = "DisableAutomaticDecompression"
	o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", call)
	body := o.Outputs.Member("body")
	if string(value.Reveal(body)) != string(value.Reveal(envelope("application/json", packed.String()))) || o.Outputs.Member("headers").Member("Content-Encoding").Str() != "gzip" {
		t.Errorf("%+v %s", o, body)
	}
}

// TestMetadataChangesNothing: HTTP + Swagger and App Service are plain HTTP actions
// with notes for the designer.
func TestMetadataChangesNothing(t *testing.T) {
	program, problems := definition.Compile(definition.Source{Definition: parse(t, `{"actions":{"S":{"type":"Http",
		"inputs":{"method":"get","uri":"https://app.example/api/@{encodeURIComponent('a b')}","authentication":{"type":"Basic","username":"u","password":"p"}},
		"metadata":{"apiDefinitionUrl":"https://app.example/swagger.json","swaggerSource":"website"}},
		"F":{"type":"Function","inputs":{"functionApp":{"id":"/x"},"uri":"https://a.azurewebsites.net/api/f"},"metadata":{"apiDefinitionUrl":"x","swaggerSource":"website"}}}}`)}, operation.Catalog{})
	if program == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
}

func TestHistoryHidesEverySpelling(t *testing.T) {
	for _, typ := range []string{"Http", "ApiConnection", "Function", "ApiManagement"} {
		spec, _ := (operation.Catalog{}).Action(typ)
		shown, changed := spec.History(value.Object(
			value.Member{Key: "headers", Value: value.Object(
				value.Member{Key: "Authorization", Value: value.String(canary)},
				value.Member{Key: "authorization", Value: value.String(canary)},
				value.Member{Key: "X-A", Value: value.String("b")})},
			value.Member{Key: "subscriptionKey", Value: value.String(canary)},
			value.Member{Key: "authentication", Value: value.String(canary)}))
		if text := string(value.Reveal(shown)); !changed || strings.Contains(text, canary) || !strings.Contains(text, `"X-A":"b"`) {
			t.Errorf("%s: %s", typ, text)
		}
	}
}

func TestTypesHaveTheSameSpecs(t *testing.T) {
	for _, typ := range []string{"Http", "ApiConnection", "Function", "ApiManagement"} {
		if o := operation.Find(typ); !o.HTTPLike || !o.Retries || o.History == nil || o.Inline || !slices.Contains((operation.Catalog{}).ActionTypes(), typ) {
			t.Errorf("%s: %+v", typ, o.Spec)
		}
	}
}
