package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// requests are calls, and what the trigger makes of them, as members of its outputs
// (triggers §11.3).
var requests = []struct {
	name, workflow, method, suffix string
	header                         map[string]string
	body                           string
	want                           map[string]string // path in the outputs to JSON; "" stands for absent
}{
	{"nothing", "any", "POST", "", nil, "", map[string]string{"body": "", "queries": "", "relativePathParameters": ""}},
	{"json", "any", "POST", "", map[string]string{"Content-Type": "application/json"}, `{"a":[1,2.50]}`, map[string]string{"body": `{"a":[1,2.50]}`}},
	{"json null", "any", "POST", "", map[string]string{"Content-Type": "application/json"}, `null`, map[string]string{"body": `null`}},
	{"json of a kind", "any", "POST", "", map[string]string{"Content-Type": "application/cloudevents+json; charset=utf-8"}, `[1]`, map[string]string{"body": `[1]`}},
	{"json with a mark", "any", "POST", "", map[string]string{"Content-Type": "application/json"}, "\ufeff{}", map[string]string{"body": `{}`}},
	{"empty json", "any", "POST", "", map[string]string{"Content-Type": "application/json"}, "", map[string]string{"body": `null`}},
	{"text", "any", "POST", "", map[string]string{"Content-Type": "text/plain"}, "ü", map[string]string{"body": `"ü"`}},
	{"latin text", "any", "POST", "", map[string]string{"Content-Type": "text/csv; charset=ISO-8859-1"}, "\xfc;\xdf", map[string]string{"body": `"ü;ß"`}},
	{"utf-16", "any", "POST", "", map[string]string{"Content-Type": "text/plain; charset=utf-16"}, "\xfc\x00", map[string]string{"body": `"ü"`}},
	{"shift jis", "any", "POST", "", map[string]string{"Content-Type": "text/plain; charset=Shift_JIS"}, "\x83\x65", map[string]string{"body": `"テ"`}},
	{"no type", "any", "POST", "", nil, "\x00\xff", map[string]string{"body": `{"$content-type":"application/octet-stream","$content":"AP8="}`}},
	{"binary", "any", "POST", "", map[string]string{"Content-Type": "image/png"}, "\x00\xff", map[string]string{"body": `{"$content-type":"image/png","$content":"AP8="}`}},
	{"xml", "any", "POST", "", map[string]string{"Content-Type": "application/xml"}, "<a/>", map[string]string{"body": `{"$content-type":"application/xml","$content":"PGEvPg=="}`}},
	{"form", "any", "POST", "", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "a=1+2&&b=%C3%BC=", map[string]string{
		"body": `{"$content-type":"application/x-www-form-urlencoded","$content":"YT0xKzImJmI9JUMzJUJDPQ==","$formdata":[{"key":"a","value":"1 2"},{"key":"","value":""},{"key":"b","value":"ü="}]}`,
	}},
	{"multipart", "any", "POST", "", map[string]string{"Content-Type": "multipart/form-data; boundary=x"},
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n\x00\r\n--x--\r\n",
		map[string]string{
			"body.$content-type": `"multipart/form-data; boundary=x"`,
			"body.$multipart":    `[{"headers":{"Content-Disposition":"form-data; name=\"a\"","Content-Type":"text/plain","Content-Length":"1"},"body":"1"},{"headers":{"Content-Disposition":"form-data; name=\"b\"","Content-Length":"1"},"body":{"$content-type":"application/octet-stream","$content":"AA=="}}]`,
		}},
	{"multipart that is none", "any", "POST", "", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, "abc", map[string]string{
		"body": `{"$content-type":"multipart/form-data; boundary=x","$content":"YWJj"}`,
	}},
	{"queries", "any", "POST", "?a=1&b=%C3%BC+x&a=2&sp2=3", nil, "", map[string]string{"queries": `{"a":"1,2","b":"ü x","sp2":"3"}`}},
	{"headers", "any", "POST", "", map[string]string{"X-One": "a", "User-Agent": "me", "X-Client-IP": "6.6.6.6"}, "abc", map[string]string{
		"headers.X-One": `"a"`, "headers.User-Agent": `"me"`, "headers.Content-Length": `"3"`, "headers.X-Client-Ip": "", "headers.Authorization": "",
	}},
	{"path", "path", "PUT", "/orders/wow%25wee%3f/lines/a%2Fb", nil, "", map[string]string{"relativePathParameters": `{"id":"wow%wee?","line":"a/b"}`}},
	{"get", "get", "GET", "?q=1", nil, "", map[string]string{"queries": `{"q":"1"}`, "body": ""}},
	{"delete", "delete", "DELETE", "", nil, "", map[string]string{"body": ""}},
	{"patch", "patch", "PATCH", "", map[string]string{"Content-Type": "application/json"}, "1", map[string]string{"body": "1"}},
	{"options", "options", "OPTIONS", "", nil, "", map[string]string{"body": ""}},
}

func triggers() map[string]string {
	return map[string]string{
		"any": echo(`{}`), "path": echo(`{"method":"PUT","relativePath":"/orders/{id}/lines/{line}"}`),
		"get": echo(`{"method":"GET"}`), "delete": echo(`{"method":"delete"}`), "patch": echo(`{"method":"PATCH"}`), "options": echo(`{"method":"OPTIONS"}`),
		"head":      respondsTo(`{"method":"HEAD"}`, "", `{"headers":{"X-A":"b"},"body":"abc"}`),
		"strict":    respondsTo(`{"schema":{"type":"object","required":["item"],"properties":{"item":{"type":"string"}}}}`, "EnableSchemaValidation", `{"body":"ok"}`),
		"lax":       respondsTo(`{"schema":{"type":"object","required":["item"]}}`, "", `{"body":"ok"}`),
		"plain":     `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":1}}}`,
		"quiet":     `{"triggers":{"manual":{"type":"Request","operationOptions":"SuppressWorkflowHeadersOnResponse"}},"actions":{"A":{"type":"Compose","inputs":1}}}`,
		"never":     `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"If","expression":"@equals(1,2)","actions":{"Response":{"type":"Response","inputs":{}}}}}}`,
		"fails":     `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":"@int('x')"},"Response":{"type":"Response","inputs":{},"runAfter":{"A":["Succeeded"]}}}}`,
		"twice":     `{"triggers":{"manual":{"type":"Request"}},"actions":{"One":{"type":"Response","inputs":{"body":"one"}},"Two":{"type":"Response","inputs":{"body":"two"},"runAfter":{"One":["Succeeded"]}}}}`,
		"branch":    `{"triggers":{"manual":{"type":"Request"}},"actions":{"Left":{"type":"Response","inputs":{"body":"left"}},"Right":{"type":"Response","inputs":{"body":"right"}}}}`,
		"condition": `{"triggers":{"manual":{"type":"Request","conditions":[{"expression":"@equals(1,2)"}]}},"actions":{"Response":{"type":"Response","inputs":{}}}}`,
	}
}

func TestRequests(t *testing.T) {
	for where, s := range map[string]*process{"standalone": serve(t, triggers()), "functions": hosted(t, triggers())} {
		t.Run(where, func(t *testing.T) {
			for _, c := range requests {
				got := s.do(t, c.workflow, c.method, c.suffix, c.header, c.body)
				outputs, err := value.Parse([]byte(got.body))
				if got.status != http.StatusOK || err != nil {
					t.Errorf("%s: %d %s", c.name, got.status, got.body)
					continue
				}
				for path, want := range c.want {
					v := outputs
					for part := range strings.SplitSeq(path, ".") {
						v = v.Member(part)
					}
					wanted, err := value.Parse([]byte(want))
					if want == "" && v.IsAbsent() || err == nil && string(value.JSON(v)) == string(value.JSON(wanted)) {
						continue
					}
					t.Errorf("%s: %s is %s, want %s", c.name, path, value.JSON(v), want)
				}
			}
			checkRefusedRequests(t, s)
			checkUnusualAnswers(t, s)
		})
	}
}

// checkRefusedRequests: calls that start no run (inbound-security §7).
func checkRefusedRequests(t *testing.T, s *process) {
	t.Helper()
	asJSON := map[string]string{"Content-Type": "application/json"}
	for _, c := range []struct {
		workflow, method, suffix, body string
		status                         int
		want                           string
	}{
		{"strict", "POST", "", `{"item":"a"}`, 200, "ok"},
		{"strict", "POST", "", `{}`, 400, `{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body for trigger 'manual' of type 'Request' did not match its schema definition. Error details: 'Required properties are missing from object: item.'."}}`},
		{"strict", "POST", "", `{"item":null}`, 400, "Invalid type. Expected String but got Null."},
		{"strict", "POST", "", ``, 400, "TriggerInputSchemaMismatch"},
		{"lax", "POST", "", `{}`, 200, "ok"},
		{"any", "POST", "", `{`, 400, `{"error":{"code":"InvalidRequestContent","message":"The request content is not valid and could not be deserialized."}}`},
		{"any", "POST", "", `{"a":1}}`, 400, "InvalidRequestContent"},
		{"any", "POST", "", strings.Repeat("[", 100_000), 400, "InvalidRequestContent"},
		{"any", "GET", "", ``, 400, "TriggerRequestMethodNotValid"},
		{"get", "POST", "", ``, 400, "expected 'GET' and actual 'POST'."},
		{"any", "POST", "/more", ``, 400, "TriggerRelativePathNotValid"},
		{"path", "PUT", "/orders/1", ``, 400, "TriggerRelativePathNotValid"},
		{"path", "PUT", "/orders//lines/2", ``, 400, "TriggerRelativePathNotValid"},
		{"path", "PUT", "/Orders/1/lines/2", ``, 400, "TriggerRelativePathNotValid"},
		{"any", "POST", "?long=" + strings.Repeat("x", 17_000), ``, 414, "RequestUriTooLong"},
	} {
		got := s.do(t, c.workflow, c.method, c.suffix, asJSON, c.body)
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s %s%.40s %.40s: %d %s, want %d %s", c.method, c.workflow, c.suffix, c.body, got.status, got.body, c.status, c.want)
		}
		if got.status >= 400 && (got.header.Get("Content-Type") != "application/json; charset=utf-8" || got.header.Get("x-ms-workflow-run-id") != "") {
			t.Errorf("%s: headers of a refusal: %v", c.workflow, got.header)
		}
	}
}

// checkUnusualAnswers: those that no Response action gives (triggers §11.4).
func checkUnusualAnswers(t *testing.T, s *process) {
	t.Helper()
	for name, want := range map[string]struct {
		status int
		body   string
	}{"plain": {202, ""}, "condition": {202, ""}, "twice": {200, "one"}, "branch": {200, "left"}} {
		got := s.do(t, name, "POST", "", nil, "")
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if name != "condition" {
			checkWorkflowHeaders(t, name, got.header)
		}
	}
	for _, name := range []string{"never", "fails"} {
		got := s.do(t, name, "POST", "", nil, "")
		want := `{"error":{"code":"NoResponse","message":"The server did not receive a response from an upstream server. Request tracking id '` + got.header.Get("x-ms-workflow-run-id") + `'."}}`
		if got.status != http.StatusBadGateway || got.body != want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := s.do(t, "head", "HEAD", "", nil, ""); got.status != 200 || got.body != "" || got.header.Get("X-A") != "b" {
		t.Errorf("HEAD: %+v", got)
	}
	for name := range s.do(t, "quiet", "POST", "", nil, "").header {
		if strings.HasPrefix(strings.ToLower(name), "x-ms-") {
			t.Errorf("a suppressed header: %s", name)
		}
	}
	named := s.do(t, "plain", "POST", "", map[string]string{"x-ms-client-tracking-id": "mine"}, "")
	if named.header.Get("x-ms-client-tracking-id") != "mine" {
		t.Errorf("client tracking id: %v", named.header)
	}
}

// slow is an upstream that answers when it is let.
func slow(t *testing.T) (address string, release func()) {
	t.Helper()
	gate := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { <-gate }))
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(s.Close)
	t.Cleanup(release)
	return s.URL, release
}

func calls(address, options string) string {
	return `{"triggers":{"manual":{"type":"Request"}},"actions":{"Call":{"type":"Http","inputs":{"method":"GET","uri":"` + address + `","retryPolicy":{"type":"none"}}},
		"Response":{"type":"Response","operationOptions":"` + options + `","inputs":{"statusCode":201,"headers":{"X-A":"b"},"body":{"done":true}},"runAfter":{"Call":["Succeeded"]}}}}`
}

func TestResponseTooLate(t *testing.T) {
	address, release := slow(t)
	s := serve(t, map[string]string{"late": calls(address, "")}, "LATCHWORK_RESPONSE_TIMEOUT=50ms")
	got := s.do(t, "late", "POST", "", nil, "")
	if got.status != http.StatusGatewayTimeout || got.body != `{"error":{"code":"GatewayTimeout","message":"The server did not receive a response from an upstream server within the expected time."}}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	release()
}

// An asynchronous Response: 202 and where to ask, 202 until it has run, then what it
// says, as often as asked.
func TestAsynchronousResponse(t *testing.T) {
	address, release := slow(t)
	s := serve(t, map[string]string{
		"async": calls(address, "Asynchronous"),
		"none":  `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":"@int('x')"},"Response":{"type":"Response","operationOptions":"asynchronous","inputs":{},"runAfter":{"A":["Succeeded"]}}}}`,
	}, "LATCHWORK_RESPONSE_TIMEOUT=1ms") // does not count here
	started := s.do(t, "async", "POST", "", nil, "")
	location := started.header.Get("Location")
	if started.status != http.StatusAccepted || started.body != "" || started.header.Get("Retry-After") != "20" {
		t.Fatalf("%+v", started)
	}
	checkWorkflowHeaders(t, "async", started.header)
	want := s.base + "/workflows/" + workflowID(t, s.urls["async"]) + "/runs/" + started.header.Get("x-ms-workflow-run-id") + "/operations/" + started.header.Get("x-ms-tracking-id") + "?api-version=2016-10-01&sp="
	if !strings.HasPrefix(location, want) {
		t.Errorf("Location: %s, want %s", location, want)
	}
	for range 2 {
		if got := call(t, "GET", location, nil, ""); got.status != http.StatusAccepted || got.header.Get("Location") != location || got.header.Get("Retry-After") != "20" || got.body != "" {
			t.Errorf("before the Response: %+v", got)
		}
	}
	for target, want := range map[string]string{
		strings.Replace(location, "sig=", "sig=A", 1):                                    "401 AuthorizationFailed",
		strings.Replace(location, "/operations/", "/operations/x", 1):                    "401 AuthorizationFailed",
		strings.Replace(location, "%2Fread", "%2Frun", 1):                                "401 AuthorizationFailed",
		strings.Replace(location, "&sig=", "&x=", 1):                                     "401 DirectApiAuthorizationRequired",
		strings.Replace(location, "api-version=", "x=", 1):                               "400 MissingApiVersionParameter",
		strings.Replace(location, "/operations/", "/actions/", 1):                        "401 AuthorizationFailed",
		strings.Replace(location, started.header.Get("x-ms-workflow-run-id"), "none", 1): "401 AuthorizationFailed",
	} {
		got := call(t, "GET", target, nil, "")
		status, code, _ := strings.Cut(want, " ")
		if strconv.Itoa(got.status) != status || !strings.Contains(got.body, code) {
			t.Errorf("%s: %d %s, want %s", target, got.status, got.body, want)
		}
	}
	if got := call(t, "POST", location, nil, ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %+v", got)
	}
	release()
	until(t, "the Response answers", func() bool { return call(t, "GET", location, nil, "").status != http.StatusAccepted })
	for range 2 {
		got := call(t, "GET", location, nil, "")
		if got.status != http.StatusCreated || got.body != `{"done":true}` || got.header.Get("X-A") != "b" || got.header.Get("Retry-After") != "" {
			t.Errorf("the Response: %+v", got)
		}
		checkWorkflowHeaders(t, "answer", got.header)
	}
	without := s.do(t, "none", "POST", "", nil, "").header.Get("Location")
	until(t, "the run ends", func() bool { return call(t, "GET", without, nil, "").status != http.StatusAccepted })
	if got := call(t, "GET", without, nil, ""); got.status != http.StatusBadGateway || !strings.Contains(got.body, "NoResponse") {
		t.Errorf("without a Response: %+v", got)
	}
}
