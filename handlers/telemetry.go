package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/telemetry"
)

// Settings of telemetry have the names that OpenTelemetry gives them.
const (
	settingOTLP         = "OTEL_EXPORTER_OTLP_ENDPOINT"
	settingOTLPTraces   = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	settingOTLPMetrics  = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	settingOTLPHeaders  = "OTEL_EXPORTER_OTLP_HEADERS"
	settingOTLPProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	settingOTLPDelay    = "OTEL_BSP_SCHEDULE_DELAY"
	settingServiceName  = "OTEL_SERVICE_NAME"
	settingResource     = "OTEL_RESOURCE_ATTRIBUTES"
)

// readTelemetry reads where telemetry goes, and reports all that is malformed.
func readTelemetry(getenv func(string) string, live *outbound.Credentials) (telemetry.Config, error) {
	c := telemetry.Config{Version: Version, Header: http.Header{}}
	var errs []error
	address := func(name, text string) string {
		if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			errs = append(errs, fmt.Errorf("%s: want an address, such as http://localhost:4318", name))
		}
		return text
	}
	if base := strings.TrimRight(address(settingOTLP, getenv(settingOTLP)), "/"); base != "" {
		c.Traces, c.Metrics = base+"/v1/traces", base+"/v1/metrics"
	}
	c.Traces = cmp.Or(address(settingOTLPTraces, getenv(settingOTLPTraces)), c.Traces)
	c.Metrics = cmp.Or(address(settingOTLPMetrics, getenv(settingOTLPMetrics)), c.Metrics)
	if p := getenv(settingOTLPProtocol); p != "" && p != "http/json" && c.Traces+c.Metrics != "" {
		errs = append(errs, fmt.Errorf("%s: want http/json, which is all that is spoken here", settingOTLPProtocol))
	}
	headers, err := pairs(getenv(settingOTLPHeaders))
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", settingOTLPHeaders, err))
	}
	for _, p := range headers {
		c.Header.Set(p.Key, p.Value)
		live.Note(p.Value)
	}
	if text := getenv(settingOTLPDelay); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			errs = append(errs, fmt.Errorf("%s: want milliseconds, such as 5000", settingOTLPDelay))
		}
		c.Every = time.Duration(ms) * time.Millisecond
	}
	resource, err := pairs(getenv(settingResource))
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", settingResource, err))
	}
	service := cmp.Or(getenv(settingServiceName), getenv("WEBSITE_SITE_NAME"), "latchwork")
	c.Resource = append([]telemetry.Attribute{{Key: "service.name", Value: service}, {Key: "service.version", Value: Version}}, resource...)
	return c, errors.Join(errs...)
}

// pairs reads key=value, several with commas, percent-encoded.
func pairs(text string) ([]telemetry.Attribute, error) {
	var list []telemetry.Attribute
	for entry := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		key, v, ok := strings.Cut(entry, "=")
		plain, err := url.PathUnescape(strings.TrimSpace(v))
		if key = strings.TrimSpace(key); !ok || err != nil || key == "" || strings.ContainsAny(plain+key, "\r\n") {
			return nil, errors.New("want key=value, several with commas")
		}
		list = append(list, telemetry.Attribute{Key: key, Value: plain})
	}
	return list, nil
}

// meters count and time what this process does.
type meters struct {
	metrics  *telemetry.Metrics
	exporter *telemetry.Exporter

	runs, actions, requests, invocations telemetry.Counter
	runTime, actionTime, requestTime     telemetry.Histogram
}

var _ engine.Observer = (*meters)(nil)

func newMeters(c telemetry.Config) *meters {
	m := &meters{metrics: telemetry.NewMetrics(time.Now())}
	started := time.Now()
	m.metrics.Gauge("process_start_time_seconds", "When this process began, in seconds since 1970.", func() float64 { return float64(started.UnixMilli()) / 1000 })
	m.metrics.Gauge("go_goroutines", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	m.runs = m.metrics.Counter("latchwork_runs_finished_total", "Runs that are over, by how they ended.", "workflow", "status")
	m.runTime = m.metrics.Histogram("latchwork_run_duration_seconds", "How long runs took, waiting included.", "workflow")
	m.actions = m.metrics.Counter("latchwork_action_attempts_total", "Attempts of actions that were made here.", "type", "status")
	m.actionTime = m.metrics.Histogram("latchwork_action_attempt_duration_seconds", "How long attempts took.", "type")
	m.requests = m.metrics.Counter("latchwork_http_requests_total", "Calls that were answered.", "function", "code")
	m.requestTime = m.metrics.Histogram("latchwork_http_request_duration_seconds", "How long the answers took.", "function")
	m.invocations = m.metrics.Counter("latchwork_invocations_total", "Doorbells and ticks that were handled.", "function", "outcome")
	if c.Traces+c.Metrics != "" {
		m.exporter = telemetry.NewExporter(c, m.metrics)
	}
	return m
}

// trace is where a run belongs: into the trace of its caller, or else one of its own.
func trace(tracking, caller, state string) (of telemetry.TraceContext, parent string) {
	of = telemetry.TraceContext{TraceID: telemetry.TraceID(tracking), SpanID: telemetry.SpanID(tracking), Sampled: true, State: state}
	if c, ok := telemetry.ParseTraceParent(caller); ok {
		of.TraceID, of.Sampled, parent = c.TraceID, c.Sampled, c.SpanID
	}
	return of, parent
}

// Attempt implements engine.Observer. Outgoing calls say to which trace they belong
// if somebody follows it: the caller of the run, or whoever gets our spans.
func (m *meters) Attempt(ctx context.Context, a engine.Attempt) (context.Context, func(run.Outcome)) {
	var of telemetry.TraceContext
	var parent string
	if a.TraceParent != "" || m.exporter.Traces() {
		of, _ = trace(a.RunTrackingID, a.TraceParent, a.TraceState)
		parent, of.SpanID = of.SpanID, telemetry.SpanID(a.TrackingID, strconv.Itoa(a.Number))
		ctx = telemetry.With(ctx, of)
	}
	start := time.Now()
	return ctx, func(o run.Outcome) {
		end := time.Now()
		status := string(cmp.Or(o.Status, definition.Waiting))
		m.actions.Add(a.Type, status)
		m.actionTime.Observe(end.Sub(start), a.Type)
		if !of.Sampled || !m.exporter.Traces() {
			return
		}
		s := telemetry.Span{TraceContext: of, Parent: parent, Name: a.Action, Kind: telemetry.Client, Start: start, End: end, Attributes: []telemetry.Attribute{
			{Key: "latchwork.workflow", Value: a.Workflow}, {Key: "latchwork.run", Value: a.Run}, {Key: "latchwork.action", Value: a.Action}, {Key: "latchwork.action.type", Value: a.Type},
			{Key: "latchwork.attempt", Value: strconv.Itoa(a.Number)}, {Key: "latchwork.status", Value: status}, {Key: "latchwork.code", Value: o.Code},
		}}
		if o.Status == definition.Failed || o.Status == definition.TimedOut {
			s.Failed = cmp.Or(o.Code, status) // the message may quote what is hidden
		}
		m.exporter.Span(s)
	}
}

// Finished implements engine.Observer.
func (m *meters) Finished(w *engine.Workflow, st *run.State) {
	m.runs.Add(w.Name, string(st.Status))
	m.runTime.Observe(st.End.Sub(st.Start), w.Name)
	if !m.exporter.Traces() {
		return
	}
	of, parent := trace(st.TrackingID, st.TraceParent, st.TraceState)
	if !of.Sampled {
		return
	}
	s := telemetry.Span{TraceContext: of, Parent: parent, Name: w.Name, Kind: telemetry.Server, Start: st.Start, End: st.End, Attributes: []telemetry.Attribute{
		{Key: "latchwork.workflow", Value: w.Name}, {Key: "latchwork.run", Value: st.Name}, {Key: "latchwork.trigger", Value: st.Trigger.Name}, {Key: "latchwork.status", Value: string(st.Status)},
	}}
	if st.Status != definition.Succeeded {
		s.Failed = cmp.Or(st.Code, string(st.Status))
	}
	m.exporter.Span(s)
}

// measured counts and times the functions of a table.
func (a *app) measured(table []host.Function) []host.Function {
	for i := range table {
		f := &table[i]
		switch {
		case f.HTTP != nil:
			f.HTTP.Handler = a.measuredHTTP(f.Name, f.HTTP.Handler)
		case f.Queue != nil:
			handle := f.Queue.Handle
			f.Queue.Handle = func(ctx context.Context, m host.QueueMessage) error { return a.counted(f.Name, handle(ctx, m)) }
		case f.Timer != nil:
			handle := f.Timer.Handle
			f.Timer.Handle = func(ctx context.Context, t host.Tick) error { return a.counted(f.Name, handle(ctx, t)) }
		}
	}
	return table
}

func (a *app) counted(function string, err error) error {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	a.meters.invocations.Add(function, outcome)
	return err
}

func (a *app) measuredHTTP(function string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, s := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(s, r)
		took := time.Since(start)
		a.meters.requests.Add(function, strconv.Itoa(s.status))
		a.meters.requestTime.Observe(took, function)
		a.log.Debug().Str("function", function).Str("request", requestID(r)).Int("status", s.status).Dur("duration", took).Msg("a call was answered")
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (s *statusWriter) WriteHeader(status int) {
	if !s.wrote {
		s.status, s.wrote = status, status >= http.StatusOK
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	s.wrote = true
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is underneath.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// requestID is the id under which the host's own log has a call. The host overwrites
// what a client sends.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Azure-Functions-InvocationId")
	if len(id) > 64 {
		return id[:64]
	}
	return id
}

// callersTrace is what a caller says of its trace; "" if that is nothing to go by.
func callersTrace(r *http.Request) (parent, state string) {
	c, ok := telemetry.ParseTraceParent(r.Header.Get("Traceparent"))
	if !ok {
		return "", ""
	}
	return c.String(), telemetry.ParseTraceState(r.Header.Values("Tracestate"))
}

// pages of a standalone host that are none of the Functions host.
func (a *app) pages() map[string]host.Page {
	return map[string]host.Page{
		"healthz": {Handler: http.HandlerFunc(a.healthz)},
		"metrics": {Keyed: true, Handler: http.HandlerFunc(a.metricsPage)},
	}
}

// healthz tells whether runs can be started: whether the store answers.
func (a *app) healthz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := a.store.WorkflowHeader(ctx, "healthz"); err != nil && !errors.Is(err, store.ErrNotFound) {
		a.log.Error().Err(err).Msg("the store does not answer")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"unavailable"}`))
		return
	}
	_, _ = w.Write([]byte(`{"status":"ok"}`))
}

func (a *app) metricsPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", telemetry.ContentType)
	_ = a.meters.metrics.Write(w) // a scraper that is gone needs no answer
}
