package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Settings of host.json that the standalone host honours.
type Settings struct {
	RoutePrefix        string
	FunctionTimeout    time.Duration // 0: none
	BatchSize          int
	NewBatchThreshold  int
	MaxDequeueCount    int64
	MaxPollingInterval time.Duration
	VisibilityTimeout  time.Duration // after a failed attempt
	// Proxying: the host passes requests on as a proxy does, with headers of its own
	// about where they came from (functions-host §5.1).
	Proxying bool
}

// ReadSettings reads a host.json. What it leaves out has the host's defaults.
func ReadSettings(data []byte) (Settings, error) {
	var h struct {
		Version         string `json:"version"`
		FunctionTimeout string `json:"functionTimeout"`
		CustomHandler   struct {
			EnableProxyingHTTPRequest bool `json:"enableProxyingHttpRequest"`
		} `json:"customHandler"`
		Extensions struct {
			HTTP struct {
				RoutePrefix *string `json:"routePrefix"`
			} `json:"http"`
			Queues struct {
				BatchSize          int    `json:"batchSize"`
				NewBatchThreshold  *int   `json:"newBatchThreshold"`
				MaxDequeueCount    int64  `json:"maxDequeueCount"`
				MaxPollingInterval string `json:"maxPollingInterval"`
				VisibilityTimeout  string `json:"visibilityTimeout"`
			} `json:"queues"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return Settings{}, fmt.Errorf("host.json: %w", err)
	}
	if h.Version != "2.0" {
		return Settings{}, errors.New(`host.json: version must be "2.0"`)
	}
	q := h.Extensions.Queues
	s := Settings{RoutePrefix: "api", FunctionTimeout: 30 * time.Minute, BatchSize: 16, MaxDequeueCount: 5, MaxPollingInterval: time.Minute}
	s.Proxying = h.CustomHandler.EnableProxyingHTTPRequest
	if h.Extensions.HTTP.RoutePrefix != nil {
		s.RoutePrefix = strings.Trim(*h.Extensions.HTTP.RoutePrefix, "/")
	}
	if q.BatchSize > 0 {
		s.BatchSize = min(q.BatchSize, 32)
	}
	s.NewBatchThreshold = s.BatchSize / 2
	if q.NewBatchThreshold != nil {
		s.NewBatchThreshold = *q.NewBatchThreshold
	}
	if q.MaxDequeueCount > 0 {
		s.MaxDequeueCount = q.MaxDequeueCount
	}
	err := errors.Join(
		readTimeout(h.FunctionTimeout, &s.FunctionTimeout),
		readSpan(q.MaxPollingInterval, "maxPollingInterval", &s.MaxPollingInterval),
		readSpan(q.VisibilityTimeout, "visibilityTimeout", &s.VisibilityTimeout))
	if s.MaxPollingInterval < firstBackoff {
		err = errors.Join(err, fmt.Errorf("host.json: maxPollingInterval must be at least %s", firstBackoff))
	}
	return s, err
}

// readSpan reads hh:mm:ss or d.hh:mm:ss, with up to seven fraction digits, as .NET
// writes a TimeSpan; nothing negative.
func readSpan(s, name string, into *time.Duration) error {
	if s == "" {
		return nil
	}
	m := span.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("host.json: %s must be hh:mm:ss", name)
	}
	// The pattern bounds the digits, so every part is a number; days may be left out.
	part := func(i int) time.Duration { n, _ := strconv.Atoi(m[i]); return time.Duration(n) }
	fraction, _ := strconv.Atoi((m[5] + "000000000")[:9])
	*into = part(1)*24*time.Hour + part(2)*time.Hour + part(3)*time.Minute + part(4)*time.Second + time.Duration(fraction)
	return nil
}

var span = regexp.MustCompile(`^(?:(\d{1,5})\.)?([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d)(?:\.(\d{1,7}))?$`)

// readTimeout reads functionTimeout, where -1 is none. None at all and no time at
// all are not the same.
func readTimeout(s string, into *time.Duration) error {
	if s == "-1" {
		*into = 0
		return nil
	}
	err := readSpan(s, "functionTimeout", into)
	if err == nil && *into == 0 {
		return errors.New("host.json: functionTimeout must be longer than nothing, or -1")
	}
	return err
}
