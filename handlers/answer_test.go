package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// responds is a workflow that answers at once with these inputs of a Response.
func responds(inputs string) string { return respondsTo(`{}`, "", inputs) }

func respondsTo(trigger, options, inputs string) string {
	return fmt.Sprintf(`{"triggers":{"manual":{"type":"Request","kind":"Http","inputs":%s,"operationOptions":%q}},
		"actions":{"Response":{"type":"Response","kind":"Http","inputs":%s}}}`, trigger, options, inputs)
}

// echo answers with all that its trigger got.
func echo(trigger string) string { return respondsTo(trigger, "", `{"body":"@triggerOutputs()"}`) }

const jsonType, textType = "application/json; charset=utf-8", "text/plain; charset=utf-8"

// answers are Response actions and what goes over the wire (triggers §11.4).
var answers = map[string]struct {
	inputs string
	status int
	header map[string]string // "" stands for none
	body   string
}{
	"json":      {`{"statusCode":200,"body":{"a":1,"b":[true,null]}}`, 200, map[string]string{"Content-Type": jsonType}, `{"a":1,"b":[true,null]}`},
	"text":      {`{"statusCode":"201","body":"ü"}`, 201, map[string]string{"Content-Type": textType}, "ü"},
	"number":    {`{"statusCode":200,"body":5}`, 200, map[string]string{"Content-Type": jsonType}, "5"},
	"nothing":   {`{"statusCode":404}`, 404, map[string]string{"Content-Type": ""}, ""},
	"null":      {`{"statusCode":200,"body":"@null"}`, 200, map[string]string{"Content-Type": ""}, ""},
	"empty":     {`{"statusCode":200,"body":""}`, 200, map[string]string{"Content-Type": textType}, ""},
	"computed":  {`{"statusCode":"@add(400,18)","body":"@{1}"}`, 418, nil, "1"},
	"no-status": {`{"body":"x"}`, 200, nil, "x"},
	"own-type":  {`{"headers":{"content-type":"text/html"},"body":"<b>"}`, 200, map[string]string{"Content-Type": "text/html"}, "<b>"},
	"json-type": {`{"headers":{"Content-Type":"application/problem+json"},"body":{"a":1}}`, 200, map[string]string{"Content-Type": "application/problem+json"}, `{"a":1}`},
	"latin1":    {`{"headers":{"Content-Type":"text/plain; charset=iso-8859-1"},"body":"é€"}`, 200, nil, "\xe9?"},
	"utf16":     {`{"headers":{"Content-Type":"text/plain; charset=utf-16"},"body":"é"}`, 200, nil, "\xe9\x00"},
	"binary":    {`{"body":{"$content-type":"image/png","$content":"AAH/"}}`, 200, map[string]string{"Content-Type": "image/png"}, "\x00\x01\xff"},
	"binary-as": {`{"headers":{"Content-Type":"x/y"},"body":{"$content-type":"image/png","$content":"AAH/"}}`, 200, map[string]string{"Content-Type": "x/y"}, "\x00\x01\xff"},
	"form":      {`{"body":{"$formdata":[{"key":"a b","value":"1&2"},{"key":"c","value":3}]}}`, 200, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "a+b=1%262&c=3"},
	"multipart": {
		`{"headers":{"Content-Type":"multipart/form-data; boundary=xyz"},"body":{"$content-type":"multipart/form-data","$multipart":[{"headers":{"Content-Disposition":"form-data; name=\"a\""},"body":"1"},{"body":{"$content-type":"x/y","$content":"AA=="}}]}}`,
		200, map[string]string{"Content-Type": "multipart/form-data; boundary=xyz"},
		"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n1\r\n--xyz\r\nContent-Type: x/y\r\n\r\n\x00\r\n--xyz--\r\n",
	},
	"headers": {
		`{"headers":{"Location":"https://x/","X-Number":5,"X-Object":{"a":1},"X-Null":null,"Content-Disposition":"inline","Content-Language":"de","Content-Length":"3","Set-Cookie":"a","Cookie":"b","Allow":"GET","Expires":"0","Last-Modified":"x","Transfer-Encoding":"chunked","Connection":"close","Upgrade":"h2c","Trailer":"X-Y"},"body":"x"}`,
		200, map[string]string{
			"Location": "https://x/", "X-Number": "5", "X-Object": `{"a":1}`, "X-Null": "", "Content-Disposition": "inline", "Content-Language": "", "Content-Length": "1",
			"Set-Cookie": "", "Cookie": "", "Allow": "", "Expires": "", "Last-Modified": "", "Upgrade": "", "Trailer": "",
		}, "x",
	},
	"wins":       {`{"headers":{"x-ms-request-id":"mine"},"body":"x"}`, 200, map[string]string{"X-Ms-Request-Id": "mine"}, "x"},
	"no-content": {`{"statusCode":204,"body":"x"}`, 204, map[string]string{"Content-Length": ""}, ""},
	"error":      {`{"statusCode":503,"headers":{"Retry-After":"7"},"body":{"error":1}}`, 503, map[string]string{"Retry-After": "7"}, `{"error":1}`},

	// What cannot be sent fails the action, so that history says why.
	"redirect":     {`{"statusCode":302,"headers":{"Location":"https://x/"}}`, 502, nil, "NoResponse"},
	"status-text":  {`{"statusCode":"abc"}`, 502, nil, "NoResponse"},
	"status-bool":  {`{"statusCode":true}`, 502, nil, "NoResponse"},
	"status-large": {`{"statusCode":99999999999999999999}`, 502, nil, "NoResponse"},
	"bad-base64":   {`{"body":{"$content-type":"x/y","$content":"?"}}`, 502, nil, "NoResponse"},
	"bad-form":     {`{"body":{"$formdata":1}}`, 502, nil, "NoResponse"},
	"bad-parts":    {`{"body":{"$multipart":{}}}`, 502, nil, "NoResponse"},
	"bad-header":   {`{"headers":{"X-A":"a\r\nSet-Cookie: b"},"body":1}`, 502, nil, "NoResponse"},
	"bad-name":     {`{"headers":{"a b":"c"},"body":1}`, 502, nil, "NoResponse"},
	"bad-type":     {`{"body":{"$content-type":"a\nb","$content":""}}`, 502, nil, "NoResponse"},
}

func TestAnswers(t *testing.T) {
	definitions := map[string]string{}
	for name, c := range answers {
		definitions[name] = responds(c.inputs)
	}
	for where, s := range map[string]*process{"standalone": serve(t, definitions), "functions": hosted(t, definitions)} {
		for name, c := range answers {
			got := s.do(t, name, "POST", "", nil, "")
			if got.status != c.status || c.status != 502 && got.body != c.body || !strings.Contains(got.body, c.body) {
				t.Errorf("%s, %s: %d %q, want %d %q", where, name, got.status, got.body, c.status, c.body)
			}
			for header, want := range c.header {
				if got.header.Get(header) != want {
					t.Errorf("%s, %s: %s is %q, want %q", where, name, header, got.header.Get(header), want)
				}
			}
			checkWorkflowHeaders(t, where+", "+name, got.header)
		}
	}
}

// checkWorkflowHeaders: each answer says which run it is of.
func checkWorkflowHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	for _, header := range []string{
		"x-ms-workflow-run-id", "x-ms-correlation-id", "x-ms-client-tracking-id", "x-ms-trigger-history-name", "x-ms-workflow-system-id",
		"x-ms-workflow-id", "x-ms-workflow-version", "x-ms-workflow-name", "x-ms-tracking-id", "x-ms-request-id",
	} {
		if h.Get(header) == "" || len(h.Values(header)) > 1 {
			t.Errorf("%s: the header %s is %q", name, header, h.Values(header))
		}
	}
	if h.Get("x-ms-correlation-id") != h.Get("x-ms-tracking-id") || h.Get("x-ms-workflow-system-id") != "/scaleunits/prod-00/workflows/"+h.Get("x-ms-workflow-id") {
		t.Errorf("%s: the headers do not fit together: %v", name, h)
	}
}

// hosted is the binary as a custom handler, called as the Functions host calls it when
// it passes requests through.
func hosted(t *testing.T, definitions map[string]string, env ...string) *process {
	t.Helper()
	listener := httptest.NewServer(nil) // a port that is free
	port := listener.URL[strings.LastIndex(listener.URL, ":")+1:]
	listener.Close()
	emulator, prefix := azurite.Start(t, t.TempDir()).ConnectionString, "t"+port
	env = append(env, "FUNCTIONS_CUSTOMHANDLER_PORT="+port, "AzureWebJobsStorage="+emulator, "LATCHWORK_STORAGE_PREFIX="+prefix,
		"LATCHWORK_SEAL_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "LATCHWORK_WORKFLOWS="+folder(t, definitions), "LATCHWORK_PUBLIC_URL=http://127.0.0.1:"+port)
	s := &process{urls: map[string]string{}, base: "http://127.0.0.1:" + port}
	s.cmd, s.out = child(t, "", env)
	until(t, "the custom handler answers", func() bool {
		answer, err := http.Get(s.base + "/workflows/none/triggers/none/paths/invoke") // waits until the app is open
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	})
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: emulator, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s.store = store.New(backend, sealer)
	workflows, err := s.store.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows {
		s.urls[w.Name] = gate.URLs{Base: s.base}.Trigger(w.Keys.Primary, w.ID, "manual", time.Time{})
	}
	return s
}
