package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

func TestDecodeText(t *testing.T) {
	for raw, want := range map[string]string{
		`"\"hello\""`:                      "hello", // as the host writes it
		`"hello"`:                          "hello", // as documents write it
		`"\"{\\\"run\\\":\\\"r-42\\\"}\""`: `{"run":"r-42"}`,
		`"{\"run\":\"r-42\"}"`:             `{"run":"r-42"}`,
		`{"run":"r-42"}`:                   `{"run":"r-42"}`,
		`"\"\\\"quoted\\\"\""`:             `"quoted"`,
		`"\"\""`:                           "",
		`""`:                               "",
		`"5"`:                              "5",
		`5`:                                "5",
		`"\"5\""`:                          "5",
		`"\"é\\n\""`:                       "é\n",
	} {
		if got := decodeText(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
	if got := decodeText(nil); got != "" {
		t.Errorf("nothing: %q", got)
	}
}

func TestTextsComeBack(t *testing.T) {
	for _, s := range []string{"", "x", `"x"`, `{"a":"b"}`, "[1]", "null", "7", "a\nb", "é<&>", `\`} {
		if got := decodeText(encodeText(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
}

func TestDecodeInt(t *testing.T) {
	for raw, want := range map[string]int64{`"3"`: 3, `3`: 3, `"\"3\""`: 3, `"x"`: 0, `{}`: 0, ``: 0} {
		if got := decodeInt(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %d, want %d", raw, got, want)
		}
	}
}

// post sends an envelope to a custom handler with one function.
func post(t *testing.T, f Function, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := NewCustomHandler(App{Functions: []Function{f}}, Settings{RoutePrefix: "api"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Azure-Functions-InvocationId", "1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestQueueEnvelope(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       QueueMessage
	}{
		{"doubled", `{"Data":{"item":"\"{\\\"run\\\":\\\"r-42\\\"}\""},"Metadata":{"DequeueCount":"3","Id":"\"5e0c\"","sys":{"MethodName":"Dispatch"}}}`, QueueMessage{`{"run":"r-42"}`, 3}},
		{"plain", `{"Data":{"item":"hello"},"Metadata":{"DequeueCount":1}}`, QueueMessage{"hello", 1}},
		{"object", `{"Data":{"item":{"run":1}},"Metadata":{"DequeueCount":"2"}}`, QueueMessage{`{"run":1}`, 2}},
		{"without metadata", `{"Data":{"item":"x"}}`, QueueMessage{"x", 0}},
		{"without data", `{}`, QueueMessage{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []QueueMessage
			f := Function{Name: "Dispatch", Queue: &Queue{Name: "work", Handle: func(_ context.Context, m QueueMessage) error {
				got = append(got, m)
				return nil
			}}}
			w := post(t, f, "/Dispatch", c.body)
			if !reflect.DeepEqual(got, []QueueMessage{c.want}) {
				t.Errorf("got %+v", got)
			}
			// An empty body would never complete (functions-host §6.4).
			if w.Code != 200 || w.Body.String() != "{}" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("reply %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body.String())
			}
		})
	}
}

func TestTimerEnvelope(t *testing.T) {
	for body, want := range map[string]bool{
		`{"Data":{"tick":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":true}},"Metadata":{"sys":{}}}`: true,
		`{"Data":{"tick":{"IsPastDue":false}},"Metadata":{}}`:                                                               false,
		`{"Data":{"tick":"{\"IsPastDue\":true}"},"Metadata":{}}`:                                                            true, // sent as text by older hosts
		`{"Data":{"tick":"{\"IsPastDue\":false}"},"Metadata":{}}`:                                                           false,
		`{"Data":{}}`: false,
	} {
		var got []Tick
		f := Function{Name: "Sweep", Timer: &Timer{Schedule: "0 * * * * *", Handle: func(_ context.Context, tick Tick) error {
			got = append(got, tick)
			return nil
		}}}
		if w := post(t, f, "/Sweep", body); w.Code != 200 || w.Body.String() != "{}" {
			t.Errorf("%s: reply %d %s", body, w.Code, w.Body.String())
		}
		if !reflect.DeepEqual(got, []Tick{{want}}) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// functions-host §6.2: what the host makes of a payload that is an object.
func TestQueueMetadata(t *testing.T) {
	inserted := time.Date(2026, 3, 14, 13, 0, 0, 0, time.FixedZone("east", 3600))
	for text, want := range map[string]string{
		"hello":     ``,
		`["a"]`:     ``,
		`"a"`:       ``,
		`{`:         ``,
		`{"a":"b"}`: `"a":"\"b\""`,
		`{"id":"x","DEQUEUECOUNT":9,"popReceipt":{"a":[1]}}`: `"Id":"\"x\"","DequeueCount":"9","PopReceipt":{"a":[1]}`,
		`{"id":1,"ID":2}`: `"Id":"2"`,
		`{"run":"a\n\u00e9\"b\"","n":-1.5,"yes":true,"none":null}`:       `"run":"\"a\\né\\\"b\\\"\"","n":"-1.5","yes":"true","none":null`,
		`{"list":[1],"Id":[1],"trigger":1,"myTRIGGER":"x","triggers":1}`: `"triggers":"1"`,
	} {
		all := map[string]any{"Id": `"m"`, "DequeueCount": "1", "PopReceipt": `"r"`, "InsertionTime": "2026-03-14T12:00:00+00:00"}
		if err := json.Unmarshal([]byte("{"+want+"}"), &all); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(queueMetadata(store.Message{ID: "m", Receipt: "r", DequeueCount: 1, Inserted: inserted, Text: text}))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, all) {
			t.Errorf("%s: %s", text, encoded)
		}
	}
}

// The host logs the answer to a failed invocation, so the error stays here.
func TestFailedInvocationSaysNothing(t *testing.T) {
	fail := errors.New("canary")
	for _, f := range []Function{
		{Name: "F", Queue: &Queue{Name: "work", Handle: func(context.Context, QueueMessage) error { return fail }}},
		{Name: "F", Timer: &Timer{Schedule: "0 * * * * *", Handle: func(context.Context, Tick) error { return fail }}},
	} {
		w := post(t, f, "/F", `{"Data":{},"Metadata":{}}`)
		if w.Code != 500 || strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%d %s", w.Code, w.Body.String())
		}
	}
}

func TestBrokenEnvelopes(t *testing.T) {
	queue := Function{Name: "F", Queue: &Queue{Name: "work", Handle: func(context.Context, QueueMessage) error { return errors.New("called") }}}
	web := Function{Name: "F", HTTP: &HTTP{Route: "f/x", Methods: []string{"GET"}, Handler: http.NotFoundHandler()}}
	for _, c := range []struct {
		f    Function
		body string
	}{
		{queue, ""}, {queue, "[]"}, {queue, "{"}, {queue, `{"Data":[]}`},
		{web, `{"Data":{}}`}, {web, `{"Data":{"req":"text"}}`}, {web, `{"Data":{"req":{"Method":"GET"}}}`},
		{web, `{"Data":{"req":{"Method":"GET","Url":"http://[::1"}}}`}, {web, `{"Data":{"req":{"Method":"G T","Url":"http://x/"}}}`},
	} {
		if w := post(t, c.f, "/F", c.body); w.Code != 400 {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body.String())
		}
	}
}

func TestHTTPEnvelope(t *testing.T) {
	type seen struct{ method, url, contentType, body string }
	type reply struct {
		StatusCode int
		Headers    map[string]string
		Body       string
		IsRaw      bool
	}
	for _, c := range []struct {
		name, request string
		answer        string
		seen          seen
		reply         reply
	}{
		{
			"text", `{"Url":"https://app.example/api/intake/1?x=1","Method":"POST","Headers":{"Content-Type":["application/json"]},"Body":"{\"a\":1}"}`, "é",
			seen{"POST", "https://app.example/api/intake/1?x=1", "application/json", `{"a":1}`},
			reply{202, map[string]string{"Content-Type": "text/plain", "X-Two": "1,2"}, "é", false},
		}, {
			"binary", `{"Url":"https://app.example/api/intake/1","Method":"PUT","Headers":{"Content-Type":["application/octet-stream"]},"Body":"AP8="}`, "\xff\x00",
			seen{"PUT", "https://app.example/api/intake/1", "application/octet-stream", "\x00\xff"},
			reply{202, map[string]string{"Content-Type": "text/plain", "X-Two": "1,2"}, "/wA=", true},
		}, {
			"multipart", `{"Url":"https://app.example/","Method":"POST","Headers":{"Content-Type":["multipart/form-data; boundary=b"]},"Body":"LS1i"}`, "",
			seen{"POST", "https://app.example/", "multipart/form-data; boundary=b", "--b"},
			reply{202, map[string]string{"Content-Type": "text/plain", "X-Two": "1,2"}, "", false},
		}, {
			"not base64 after all", `{"Url":"https://app.example/","Method":"POST","Headers":{"Content-Type":["application/octet-stream"]},"Body":"***"}`, "",
			seen{"POST", "https://app.example/", "application/octet-stream", "***"},
			reply{202, map[string]string{"Content-Type": "text/plain", "X-Two": "1,2"}, "", false},
		}, {
			"no body, and headers as HTTP/2 writes them", `{"Url":"https://app.example/","Method":"GET","Headers":{"content-type":["text/x"],"authorization":["Basic x"]}}`, "",
			seen{"GET", "https://app.example/", "text/x", ""},
			reply{202, map[string]string{"Content-Type": "text/plain", "X-Two": "1,2"}, "", false},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got seen
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got = seen{r.Method, r.URL.String(), r.Header.Get("Content-Type"), string(body)}
				w.Header().Set("Content-Type", "text/plain")
				w.Header().Add("X-Two", "1")
				w.Header().Add("X-Two", "2")
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, c.answer)
			})
			w := post(t, Function{Name: "Intake", HTTP: &HTTP{Route: "intake/{id}", Methods: []string{"POST"}, Handler: handler}}, "/Intake", `{"Data":{"req":`+c.request+`},"Metadata":{}}`)
			if got != c.seen {
				t.Errorf("the function saw %+v", got)
			}
			var out struct{ Outputs struct{ Res reply } }
			if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body.String())
			}
			if !reflect.DeepEqual(out.Outputs.Res, c.reply) {
				t.Errorf("reply %+v", out.Outputs.Res)
			}
		})
	}
}

// A call of an HTTP function is an envelope only if the host has marked it.
func TestCustomHandlerRoutes(t *testing.T) {
	h, err := NewCustomHandler(App{Functions: []Function{
		{Name: "Intake", HTTP: &HTTP{Route: "intake/{id}", Methods: []string{"GET", "POST"}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", r.Method, r.URL)
		})}},
		{Name: "Sweep", Timer: &Timer{Schedule: "0 * * * * *", Handle: func(context.Context, Tick) error { return nil }}},
	}}, Settings{RoutePrefix: "api"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/", 200, "{}"}, // readiness
		{"GET", "/api/intake/1?x=a%20b", 200, "GET /api/intake/1?x=a%20b"},
		{"POST", "/API/Intake/1", 200, "POST /API/Intake/1"},
		{"DELETE", "/api/intake/1", 404, ""},
		{"GET", "/intake/1", 404, ""},
		{"POST", "/Intake", 404, ""},
		{"GET", "/Sweep", 404, ""},
		{"POST", "/sweep", 404, ""},
		{"POST", "/Nothing", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader("{}")))
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %q", c.method, c.path, w.Code, w.Body.String())
		}
	}
}

func TestReadReply(t *testing.T) {
	const plain = "application/json"
	for _, c := range []struct {
		name        string
		status      int
		media, body string
		ok          bool
	}{
		{"the smallest", 200, plain, "{}", true},
		{"with a charset", 200, "application/json; charset=utf-8", `{"Outputs":{},"Logs":["x"]}`, true},
		{"in capitals", 200, "Application/JSON", "{}", true},
		{"another success", 202, plain, "{}", true},
		{"empty", 200, plain, "", false},
		{"null", 200, plain, " null\n", false},
		{"no content", 204, plain, "", false},
		{"text", 200, "text/plain; charset=utf-8", "{}", false},
		{"no type", 200, "", "{}", false},
		{"a list", 200, plain, "[]", false},
		{"a text", 200, plain, `"x"`, false},
		{"cut", 200, plain, `{"Outputs":`, false},
		{"redirect", 302, plain, "{}", false},
		{"client error", 404, plain, "{}", false},
		{"server error", 500, plain, "{}", false},
	} {
		err := readReply(c.status, http.Header{"Content-Type": {c.media}}, []byte(c.body))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && c.body != "" && c.body != "{}" && strings.Contains(err.Error(), c.body) {
			t.Errorf("%s: the error repeats the reply: %v", c.name, err)
		}
	}
}

// A handler in another process that answers as the host does not accept has
// failed, whatever its status.
func TestStandaloneJudgesReplies(t *testing.T) {
	for body, ok := range map[string]bool{"{}": true, "": false, "null": false, "[]": false} {
		app := App{Functions: []Function{{Name: "Sweep", Timer: &Timer{Schedule: "0 * * * * *"}}}}
		h, err := NewStandalone(app, Settings{FunctionTimeout: time.Hour}, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/Sweep" || r.Header.Get("X-Azure-Functions-InvocationId") == "" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			answer(w, http.StatusOK, body)
		})})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Fire(t.Context(), "Sweep"); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}
