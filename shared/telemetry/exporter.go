package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Config says where telemetry goes.
type Config struct {
	Traces, Metrics string      // addresses to post to; "": that kind goes nowhere
	Header          http.Header // of each post
	Resource        []Attribute // where it comes from
	Version         string
	Client          *http.Client
	Every           time.Duration // between two posts; 0: 15 s
	Log             zerolog.Logger
}

const (
	defaultEvery = 15 * time.Second
	postTime     = 10 * time.Second
	// maxWaiting spans wait at most; a collector that is away must not cost memory.
	maxWaiting = 4096
)

// Exporter posts spans and metrics to a collector, in the JSON form of OTLP/HTTP. It
// never makes anybody wait: what cannot be kept or sent is dropped, and counted.
type Exporter struct {
	config  Config
	metrics *Metrics
	dropped Counter

	mu      sync.Mutex
	waiting []Span

	stop, stopped chan struct{}
	once          sync.Once
}

// NewExporter starts an exporter. Close ends it.
func NewExporter(c Config, m *Metrics) *Exporter {
	if c.Every == 0 {
		c.Every = defaultEvery
	}
	e := &Exporter{config: c, metrics: m, stop: make(chan struct{}), stopped: make(chan struct{})}
	e.dropped = m.Counter("latchwork_spans_dropped_total", "Spans that could not be sent.")
	go e.loop()
	return e
}

// Traces tells whether spans go anywhere.
func (e *Exporter) Traces() bool { return e != nil && e.config.Traces != "" }

// Span takes a span in. A nil exporter takes none.
func (e *Exporter) Span(s Span) {
	if !e.Traces() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) >= maxWaiting {
		e.dropped.Add()
		return
	}
	e.waiting = append(e.waiting, s)
}

func (e *Exporter) loop() {
	defer close(e.stopped)
	ticker := time.NewTicker(e.config.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.send(context.Background())
		case <-e.stop:
			return
		}
	}
}

// Close sends what is left, for as long as ctx allows.
func (e *Exporter) Close(ctx context.Context) {
	if e == nil {
		return
	}
	e.once.Do(func() {
		close(e.stop)
		<-e.stopped
		e.send(ctx)
	})
}

func (e *Exporter) send(ctx context.Context) {
	e.mu.Lock()
	spans := e.waiting
	e.waiting = nil
	e.mu.Unlock()
	if len(spans) > 0 {
		body, err := encodeSpans(e.config.Resource, e.config.Version, spans)
		if err == nil {
			err = e.post(ctx, e.config.Traces, body)
		}
		if err != nil {
			for range spans {
				e.dropped.Add()
			}
			e.config.Log.Warn().Err(err).Int("spans", len(spans)).Msg("spans could not be sent")
		}
	}
	if e.config.Metrics == "" {
		return
	}
	body, err := e.metrics.encode(e.config.Resource, e.config.Version, time.Now())
	if err == nil {
		err = e.post(ctx, e.config.Metrics, body)
	}
	if err != nil {
		e.config.Log.Warn().Err(err).Msg("metrics could not be sent")
	}
}

// post makes one attempt: the next round brings newer numbers anyway. Its errors hold
// no address, which may hold a key.
func (e *Exporter) post(ctx context.Context, address string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the address of the collector is not valid")
	}
	for name, values := range e.config.Header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := e.config.Client.Do(r)
	if err != nil {
		return fmt.Errorf("the collector cannot be reached")
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection is kept
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %d", answer.StatusCode)
	}
	return nil
}
