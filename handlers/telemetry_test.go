package handlers

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/telemetry"
	"github.com/latchwork/latchwork/shared/value"
)

// traced is a standalone app with one workflow that calls out, and those around it.
type traced struct {
	app       *app
	url       string
	front     string
	stop      func()
	mu        sync.Mutex
	upstream  []string // traceparent headers that came
	states    []string // tracestate headers that came
	collected []span
	log       lockedText
}

type span struct {
	TraceID, SpanID, ParentSpanID, TraceState, Name string
	Kind                                            int
	Status                                          struct{ Message string }
	Attributes                                      []struct {
		Key   string
		Value struct{ StringValue string }
	}
}

const inTraced = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/"

func startTraced(t *testing.T, collect bool) *traced {
	t.Helper()
	x := &traced{}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.upstream = append(x.upstream, r.Header.Get("Traceparent"))
		x.states = append(x.states, r.Header.Get("Tracestate"))
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(upstream.Close)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		var in struct {
			ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
		}
		if err := json.Unmarshal(data, &in); err != nil {
			t.Error(err)
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, r := range in.ResourceSpans {
			x.collected = append(x.collected, r.ScopeSpans[0].Spans...)
		}
	}))
	t.Cleanup(collector.Close)
	env := map[string]string{settingLogLevel: "debug"}
	if collect {
		env[settingOTLP] = collector.URL + "/"
	}
	a, err := opened(t, options{log: &x.log}, env)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request","kind":"Http"}},"actions":{
		"Good":{"type":"Http","inputs":{"method":"GET","uri":"` + upstream.URL + `/ok"},"runAfter":{}},
		"Bad":{"type":"Http","inputs":{"method":"GET","uri":"` + upstream.URL + `/fails","retryPolicy":{"type":"none"}},"runAfter":{"Good":["Succeeded"]}},
		"Nested":{"type":"Workflow","inputs":{"host":{"triggerName":"manual","workflow":{"id":"` + inTraced + `inner"}}},"runAfter":{"Bad":["Failed"]}},
		"Response":{"type":"Response","kind":"Http","inputs":{"statusCode":200},"runAfter":{"Nested":["Succeeded"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := value.Parse([]byte(`{"triggers":{"manual":{"type":"Request","kind":"Http"}},"actions":{
		"Deep":{"type":"Http","inputs":{"method":"GET","uri":"` + upstream.URL + `/ok"}},
		"Response":{"type":"Response","kind":"Http","inputs":{"statusCode":200},"runAfter":{"Deep":["Succeeded"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var w *engine.Workflow
	for name, d := range map[string]value.Value{"inner": inner, "traced": definition} {
		saved, problems, err := a.engine.Save(t.Context(), &engine.Resource{Name: name, ResourceID: inTraced + name, Definition: d})
		if err != nil || saved == nil {
			t.Fatalf("%v %v", problems, err)
		}
		if name == "traced" {
			w = saved
		}
	}
	h, err := a.standalone(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, listener, time.Second) }()
	x.stop = sync.OnceFunc(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(x.stop)
	x.app, x.front = a, "http://"+listener.Addr().String()
	x.url = gate.URLs{Base: x.front}.Trigger(w.Keys.Primary, w.ID, "manual", time.Time{})
	return x
}

// callersState is what a caller sends along with its traceparent.
const callersState = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"

func (x *traced) call(t *testing.T, traceparent string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, x.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
		r.Header.Set("Tracestate", callersState)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d\n%s", answer.StatusCode, &x.log)
	}
}

// A trace goes through: from the caller over the run and its actions to those that
// they call, and all spans hang together.
func TestTraceGoesThrough(t *testing.T) {
	const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	x := startTraced(t, true)
	x.call(t, caller)
	x.stop()
	if err := x.app.Close(); err != nil {
		t.Fatal(err)
	}
	spans := map[string]span{}
	for _, s := range x.collected {
		spans[s.Name] = s
		if s.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || s.TraceState != callersState {
			t.Errorf("another trace: %+v", s)
		}
	}
	if len(spans) != 7 || len(x.collected) != 9 { // Response is an attempt too; Nested has two, for it is woken
		t.Fatalf("spans: %+v", x.collected)
	}
	if !slices.ContainsFunc(x.collected, func(s span) bool {
		return s.Name == "Nested" && s.SpanID == spans["inner"].ParentSpanID && s.ParentSpanID == spans["traced"].SpanID
	}) {
		t.Errorf("the nested workflow hangs elsewhere: %+v", spans["inner"])
	}
	if want := []string{callersState, callersState, callersState}; !slices.Equal(x.states, want) {
		t.Errorf("calls had the states %q", x.states)
	}
	if r := spans["traced"]; r.ParentSpanID != "00f067aa0ba902b7" || r.Kind != int(telemetry.Server) {
		t.Errorf("of the run: %+v", r)
	}
	for i, name := range []string{"Good", "Bad"} {
		s := spans[name]
		if s.ParentSpanID != spans["traced"].SpanID || x.upstream[i] != "00-"+s.TraceID+"-"+s.SpanID+"-01" {
			t.Errorf("%s: %+v, the call had %s", name, s, x.upstream[i])
		}
	}
	if spans["Bad"].Status.Message != "NotFound" || spans["Good"].Status.Message != "" {
		t.Errorf("statuses: %+v", spans)
	}
}

// Without a trace of the caller the run begins one, if somebody collects it; else
// calls go out as the product's do.
func TestTraceOfItsOwn(t *testing.T) {
	x := startTraced(t, true)
	x.call(t, "not one")
	if c, ok := telemetry.ParseTraceParent(x.upstream[0]); !ok || !c.Sampled {
		t.Errorf("the call had %q", x.upstream[0])
	}
	quiet := startTraced(t, false)
	quiet.call(t, "")
	if quiet.upstream[0] != "" {
		t.Errorf("the call had %q", quiet.upstream[0])
	}
	quiet.call(t, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	if got := quiet.upstream[3]; !strings.HasPrefix(got, "00-4bf92f3577b34da6a3ce929d0e0e4736-") || !strings.HasSuffix(got, "-00") {
		t.Errorf("the call had %q", got)
	}
}

func TestPagesOfAStandaloneHost(t *testing.T) {
	x := startTraced(t, false)
	x.call(t, "")
	get := func(path string, header ...string) (int, string) {
		r, err := http.NewRequest(http.MethodGet, x.front+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	if status, body := get("/healthz"); status != http.StatusOK || body != `{"status":"ok"}` {
		t.Errorf("healthz: %d %s", status, body)
	}
	status, page := get("/metrics")
	for _, line := range []string{
		`latchwork_runs_finished_total{workflow="traced",status="Succeeded"} 1`, `latchwork_action_attempts_total{type="Http",status="Failed"} 1`,
		`latchwork_http_requests_total{function="Invoke",code="200"} 1`, "latchwork_runs_driven 0",
	} {
		if status != http.StatusOK || !strings.Contains(page, line+"\n") {
			t.Errorf("metrics: %d, no line %s in\n%s", status, line, page)
		}
	}
	if status, _ := get("/metrics", "X-Forwarded-For", "203.0.113.1"); status != http.StatusUnauthorized {
		t.Errorf("metrics to somebody behind a proxy: %d", status)
	}
	if err := x.app.store.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := get("/healthz"); status != http.StatusServiceUnavailable || body != `{"status":"unavailable"}` {
		t.Errorf("healthz without a store: %d %s", status, body)
	}
}

// Every line that is about a run names it, those about an action name that too, and
// one line ties the request id to the run.
func TestLogLinesNameTheirRun(t *testing.T) {
	x := startTraced(t, false)
	x.call(t, "")
	x.stop()
	if err := x.app.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(x.log.String()) {
		var l struct{ Message, Run, Action, Workflow, Request string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seen[l.Message]++
		switch l.Message {
		case "a call started a run":
			if l.Run == "" || l.Workflow == "" || l.Request == "" {
				t.Error(line)
			}
		case "run finished":
			if l.Run == "" || l.Workflow == "" {
				t.Error(line)
			}
		case "attempt ended":
			if l.Run == "" || l.Workflow == "" || l.Action == "" {
				t.Error(line)
			}
		}
	}
	if seen["a call started a run"] != 1 || seen["run finished"] != 2 || // the workflow that it calls is one too
		seen["attempt ended"] < 2 {
		t.Errorf("lines: %v", seen)
	}
}

func TestTelemetrySettings(t *testing.T) {
	for name, v := range map[string]string{settingOTLP: "collector:4318", settingOTLPTraces: "x", settingOTLPMetrics: "ftp://x", settingOTLPHeaders: "key", settingResource: "=x", settingOTLPDelay: "5s"} {
		if _, err := readTelemetry(func(n string) string { return map[string]string{name: v}[n] }, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, v, err)
		}
	}
	env := map[string]string{settingOTLP: "http://c:4318", settingOTLPProtocol: "grpc"}
	if _, err := readTelemetry(func(n string) string { return env[n] }, nil); err == nil {
		t.Error("another protocol is taken")
	}
	env = map[string]string{settingOTLP: "http://c:4318/", settingOTLPTraces: "http://t/x", settingOTLPHeaders: "Api-Key=a%20b,c=d", settingServiceName: "mine"}
	c, err := readTelemetry(func(n string) string { return env[n] }, nil)
	if err != nil || c.Traces != "http://t/x" || c.Metrics != "http://c:4318/v1/metrics" || c.Header.Get("Api-Key") != "a b" || c.Resource[0].Value != "mine" {
		t.Errorf("%+v, %v", c, err)
	}
}

// lockedText is a log that several write at once.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
