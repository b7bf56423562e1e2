package host_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
)

func TestReadSettings(t *testing.T) {
	defaults := host.Settings{RoutePrefix: "api", FunctionTimeout: 30 * time.Minute, BatchSize: 16, NewBatchThreshold: 8, MaxDequeueCount: 5, MaxPollingInterval: time.Minute}
	changed := func(change func(*host.Settings)) host.Settings {
		s := defaults
		change(&s)
		return s
	}
	for _, c := range []struct {
		json string
		want host.Settings
	}{
		{`{"version":"2.0"}`, defaults},
		{`{"version":"2.0","extensions":{"http":{"routePrefix":""}}}`, changed(func(s *host.Settings) { s.RoutePrefix = "" })},
		{`{"version":"2.0","extensions":{"http":{"routePrefix":"/a/b/"}}}`, changed(func(s *host.Settings) { s.RoutePrefix = "a/b" })},
		{`{"version":"2.0","customHandler":{"enableProxyingHttpRequest":true}}`, changed(func(s *host.Settings) { s.Proxying = true })},
		{`{"version":"2.0","functionTimeout":"00:10:00"}`, changed(func(s *host.Settings) { s.FunctionTimeout = 10 * time.Minute })},
		{`{"version":"2.0","functionTimeout":"1.02:03:04"}`, changed(func(s *host.Settings) {
			s.FunctionTimeout = 26*time.Hour + 3*time.Minute + 4*time.Second
		})},
		{`{"version":"2.0","functionTimeout":"-1"}`, changed(func(s *host.Settings) { s.FunctionTimeout = 0 })},
		{`{"version":"2.0","functionTimeout":"00:00:01.500"}`, changed(func(s *host.Settings) { s.FunctionTimeout = 1500 * time.Millisecond })},
		{`{"version":"2.0","functionTimeout":"0:5:0.0000001"}`, changed(func(s *host.Settings) { s.FunctionTimeout = 5*time.Minute + 100 })},
		{`{"version":"2.0","extensions":{"queues":{"maxPollingInterval":"00:00:00.500"}}}`, changed(func(s *host.Settings) { s.MaxPollingInterval = 500 * time.Millisecond })},
		{`{"version":"2.0","extensions":{"queues":{"visibilityTimeout":"00:00:00.5"}}}`, changed(func(s *host.Settings) { s.VisibilityTimeout = 500 * time.Millisecond })},
		{`{"version":"2.0","extensions":{"queues":{"batchSize":4}}}`, changed(func(s *host.Settings) { s.BatchSize, s.NewBatchThreshold = 4, 2 })},
		{`{"version":"2.0","extensions":{"queues":{"batchSize":64}}}`, changed(func(s *host.Settings) { s.BatchSize, s.NewBatchThreshold = 32, 16 })},
		{`{"version":"2.0","extensions":{"queues":{"batchSize":1,"newBatchThreshold":0,"maxDequeueCount":2,"maxPollingInterval":"00:00:02","visibilityTimeout":"00:00:30"}}}`,
			changed(func(s *host.Settings) {
				s.BatchSize, s.NewBatchThreshold, s.MaxDequeueCount = 1, 0, 2
				s.MaxPollingInterval, s.VisibilityTimeout = 2*time.Second, 30*time.Second
			})},
	} {
		if got, err := host.ReadSettings([]byte(c.json)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.json, got, err)
		}
	}
	for _, span := range []string{"-1:00:00", "-00:05:00", "00:05:00junk", "x00:05:00", "00:99:99", "00:60:00", "00:00:60", "24:00:00", "1.24:00:00", "00:05", "00:05:", "+1:00:00", "0:0:0.", "00:00:01.00000000", "00:00:00", "999999.00:00:00", " 00:05:00", "-1 ", "-2"} {
		if got, err := host.ReadSettings([]byte(`{"version":"2.0","functionTimeout":"` + span + `"}`)); err == nil {
			t.Errorf("%q was read as %s", span, got.FunctionTimeout)
		}
	}
	for _, span := range []string{"-1", "00:00:00", "00:00:00.0999999"} {
		if got, err := host.ReadSettings([]byte(`{"version":"2.0","extensions":{"queues":{"maxPollingInterval":"` + span + `"}}}`)); err == nil {
			t.Errorf("%q was read as %s", span, got.MaxPollingInterval)
		}
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"version":"1.0"}`, `{"version":"2.0","functionTimeout":"ten"}`, `{"version":"2.0","extensions":{"queues":{"maxPollingInterval":"5"}}}`} {
		if _, err := host.ReadSettings([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// functionTimeout -1 is none.
func TestNoTimeout(t *testing.T) {
	for text, limited := range map[string]bool{"-1": false, "00:10:00": true} {
		settings, err := host.ReadSettings([]byte(`{"version":"2.0","functionTimeout":"` + text + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		check := func(ctx context.Context) {
			calls++
			if _, has := ctx.Deadline(); has != limited || ctx.Err() != nil {
				t.Errorf("%s: a deadline is set: %v, %v", text, has, ctx.Err())
			}
		}
		h, err := host.NewStandalone(host.App{Functions: []host.Function{
			{Name: "Web", HTTP: &host.HTTP{Route: "web", Methods: []string{"GET"}, AuthLevel: host.Anonymous, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { check(r.Context()) })}},
			{Name: "Sweep", Timer: &host.Timer{Schedule: "0 * * * * *", Handle: func(ctx context.Context, _ host.Tick) error {
				check(ctx)
				return nil
			}}},
		}}, settings, host.Options{})
		if err != nil {
			t.Fatal(err)
		}
		request(t, h, "GET", "/api/web", nil, "")
		if err := h.Fire(t.Context(), "Sweep"); err != nil || calls != 2 {
			t.Errorf("%s: %d calls, %v", text, calls, err)
		}
	}
}
