package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

func TestTraceParent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for header, want := range map[string]string{
		"00-" + trace + "-" + span + "-01":            "00-" + trace + "-" + span + "-01",
		" 00-" + trace + "-" + span + "-00 ":          "00-" + trace + "-" + span + "-00",
		"00-" + trace + "-" + span + "-03":            "00-" + trace + "-" + span + "-01", // flags that are not known are not passed on
		"cc-" + trace + "-" + span + "-01-what-comes": "00-" + trace + "-" + span + "-01", // of a later version
		"":                                      "",
		"00-" + trace + "-" + span + "-01-more": "",
		"ff-" + trace + "-" + span + "-01":      "",
		"00-" + strings.ToUpper(trace) + "-" + span + "-01":   "",
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01":  "",
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01": "",
		"00-" + trace + "-" + span + "-1":                     "",
		"00-" + trace[1:] + "-" + span + "-01":                "",
	} {
		c, ok := ParseTraceParent(header)
		if ok != (want != "") || ok && c.String() != want {
			t.Errorf("%q: %v %t, want %q", header, c, ok, want)
		}
	}
	if !isID(TraceID("a"), 32) || !isID(SpanID("a", "b"), 16) || TraceID("a") == TraceID("b") || SpanID("a", "b") == SpanID("ab") {
		t.Error("ids")
	}
}

func TestTraceState(t *testing.T) {
	for headers, want := range map[string]string{
		"":                               "",
		"rojo=00f067aa0ba902b7":          "rojo=00f067aa0ba902b7",
		" rojo=1 ,\tcongo=t61 , ,|a@b=c": "rojo=1,congo=t61,a@b=c",
		"rojo":                           "",
		"Rojo=1":                         "",
		"rojo=1=2":                       "",
		"rojo=ü":                         "",
		"=1":                             "",
		"rojo=":                          "",
		strings.TrimSuffix(strings.Repeat("a=1,", 32), ","): strings.TrimSuffix(strings.Repeat("a=1,", 32), ","),
		strings.Repeat("a=1,", 33):                          "",
		"a=" + strings.Repeat("1", 510):                     "a=" + strings.Repeat("1", 510),
		"a=" + strings.Repeat("1", 511):                     "",
	} {
		if got := ParseTraceState(strings.Split(headers, "|")); got != want {
			t.Errorf("%q: %q, want %q", headers, got, want)
		}
	}
}

func TestText(t *testing.T) {
	m := NewMetrics(time.Now())
	runs := m.Counter("runs_total", "Runs.", "workflow", "status")
	runs.Add("b", "Failed")
	runs.Add("a\"\\\n", "Succeeded")
	runs.Add("b", "Failed")
	m.Gauge("open", "Open.", func() float64 { return 2.5 })
	h := m.Histogram("seconds", "Time.")
	for _, d := range []time.Duration{-time.Second, 5 * time.Millisecond, 20 * time.Millisecond, 2 * time.Hour} {
		h.Observe(d)
	}
	var b strings.Builder
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"# HELP runs_total Runs.", "# TYPE runs_total counter", `runs_total{workflow="b",status="Failed"} 2`, `runs_total{workflow="a\"\\\n",status="Succeeded"} 1`,
		"# TYPE open gauge", "open 2.5", "# TYPE seconds histogram", `seconds_bucket{le="0.005"} 2`, `seconds_bucket{le="0.025"} 3`, `seconds_bucket{le="3600"} 3`,
		`seconds_bucket{le="+Inf"} 4`, "seconds_sum 7200.025", "seconds_count 4",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, &b)
		}
	}
	for i := range maxSeries + 5 {
		runs.Add(fmt.Sprint(i), "x")
	}
	b.Reset()
	_ = m.Write(&b)
	if !strings.Contains(b.String(), `runs_total{workflow="other",status="other"} 7`) {
		t.Error("the number of series is not bounded")
	}
}

type collected struct {
	path, key string
	body      any
}

func collector(t *testing.T, status int) (*httptest.Server, chan collected) {
	got := make(chan collected, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		c := collected{path: r.URL.Path, key: r.Header.Get("Api-Key")}
		if err := json.Unmarshal(data, &c.body); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		got <- c
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s, got
}

func TestExport(t *testing.T) {
	server, got := collector(t, http.StatusOK)
	m := NewMetrics(time.Unix(1, 0))
	m.Counter("c", "C.", "k").Add("v")
	m.Histogram("h", "H.").Observe(time.Second)
	e := NewExporter(Config{
		Traces: server.URL + "/v1/traces", Metrics: server.URL + "/v1/metrics", Header: http.Header{"Api-Key": {"secret"}}, Resource: []Attribute{{"service.name", "x"}},
		Version: "1", Client: server.Client(), Every: time.Hour,
	}, m)
	e.Span(Span{TraceContext: TraceContext{TraceID: TraceID("t"), SpanID: SpanID("s"), Sampled: true}, Parent: "p", Name: "n", Kind: Server, Start: time.Unix(1, 5), End: time.Unix(2, 0), Failed: "why", Attributes: []Attribute{{"a", "b"}}})
	e.Close(t.Context())
	e.Close(t.Context()) // twice is once
	spans, metrics := <-got, <-got
	if spans.path != "/v1/traces" || metrics.path != "/v1/metrics" || spans.key != "secret" || len(got) != 0 {
		t.Errorf("%+v %+v", spans, metrics)
	}
	text := func(s string) any { return map[string]any{"stringValue": s} }
	want := map[string]any{"resourceSpans": []any{map[string]any{
		"resource": map[string]any{"attributes": []any{map[string]any{"key": "service.name", "value": text("x")}}},
		"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "latchwork", "version": "1"}, "spans": []any{map[string]any{
			"traceId": TraceID("t"), "spanId": SpanID("s"), "parentSpanId": "p", "name": "n", "kind": 2.0, "flags": 1.0, "startTimeUnixNano": "1000000005", "endTimeUnixNano": "2000000000",
			"attributes": []any{map[string]any{"key": "a", "value": text("b")}}, "status": map[string]any{"code": 2.0, "message": "why"},
		}}}},
	}}}
	if diff := cmp.Diff(any(want), spans.body); diff != "" {
		t.Errorf("spans: -want +got\n%s", diff)
	}
	list := metrics.body.(map[string]any)["resourceMetrics"].([]any)[0].(map[string]any)["scopeMetrics"].([]any)[0].(map[string]any)["metrics"].([]any)
	names := ""
	for _, x := range list {
		names += x.(map[string]any)["name"].(string) + " "
	}
	if names != "c h " { // the counter of dropped spans has no series yet
		t.Errorf("metrics: %s", names)
	}
}

// A collector that refuses or is away costs a line in the log and nothing else.
func TestExportFails(t *testing.T) {
	refusing, _ := collector(t, http.StatusServiceUnavailable)
	for name, address := range map[string]string{"answered 503": refusing.URL + "/?key=canary", "cannot be reached": "http://127.0.0.1:1/?key=canary"} {
		var log strings.Builder
		m := NewMetrics(time.Now())
		e := NewExporter(Config{Traces: address, Client: http.DefaultClient, Every: time.Hour, Log: zerolog.New(&log)}, m)
		for range maxWaiting + 3 {
			e.Span(Span{})
		}
		e.Close(t.Context())
		var page strings.Builder
		if err := errors.Join(m.Write(&page)); err != nil || !strings.Contains(page.String(), fmt.Sprintf("latchwork_spans_dropped_total %d\n", maxWaiting+3)) {
			t.Errorf("%s: %v\n%s", name, err, &page)
		}
		if !strings.Contains(log.String(), name) || strings.Contains(log.String(), "canary") {
			t.Errorf("log: %s", &log)
		}
	}
	var none *Exporter
	none.Span(Span{})
	none.Close(context.Background())
}
