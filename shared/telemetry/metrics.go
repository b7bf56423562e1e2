package telemetry

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Metrics are the counters, histograms and gauges of a process.
type Metrics struct {
	mu       sync.Mutex
	start    time.Time
	families []*family
}

type family struct {
	name, help, kind string
	labels           []string
	bounds           []float64
	read             func() float64 // of a gauge
	series           map[string]*series
}

type series struct {
	labels  []string
	value   float64 // of a counter; the sum of a histogram
	count   uint64
	buckets []uint64 // not cumulative; the last is above all bounds
}

// maxSeries bounds what one family holds: label values come from definitions.
const maxSeries = 2000

// NewMetrics returns metrics that begin now.
func NewMetrics(now time.Time) *Metrics { return &Metrics{start: now} }

// Counter is a number that only grows, by labels.
type Counter struct {
	m *Metrics
	f *family
}

// Histogram counts durations in seconds, by labels.
type Histogram Counter

// durations are the bounds of histograms, in seconds.
var durations = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600}

// Counter makes a counter.
func (m *Metrics) Counter(name, help string, labels ...string) Counter {
	return Counter{m, m.add(&family{name: name, help: help, kind: "counter", labels: labels})}
}

// Histogram makes a histogram.
func (m *Metrics) Histogram(name, help string, labels ...string) Histogram {
	return Histogram{m, m.add(&family{name: name, help: help, kind: "histogram", labels: labels, bounds: durations})}
}

// Gauge makes a number that is read when it is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.add(&family{name: name, help: help, kind: "gauge", read: read})
}

func (m *Metrics) add(f *family) *family {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.series = map[string]*series{}
	m.families = append(m.families, f)
	return f
}

// of finds the series of label values; beyond maxSeries all go into one.
func (f *family) of(values []string) *series {
	key := strings.Join(values, "\x00")
	s := f.series[key]
	if s == nil && len(f.series) >= maxSeries {
		values = slices.Repeat([]string{"other"}, len(values))
		key = strings.Join(values, "\x00")
		s = f.series[key]
	}
	if s == nil {
		s = &series{labels: slices.Clone(values), buckets: make([]uint64, len(f.bounds)+1)}
		f.series[key] = s
	}
	return s
}

// Add counts one.
func (c Counter) Add(labels ...string) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.f.of(labels).value++
}

// Observe counts a duration.
func (h Histogram) Observe(d time.Duration, labels ...string) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	s, seconds := h.f.of(labels), max(d, 0).Seconds()
	s.value += seconds
	s.count++
	i, _ := slices.BinarySearch(h.f.bounds, seconds)
	s.buckets[i]++
}

// sample is a family as it is now.
type sample struct {
	family
	series []series
}

// samples copies everything, so that reading blocks nobody.
func (m *Metrics) samples() []sample {
	m.mu.Lock()
	list := make([]sample, len(m.families))
	for i, f := range m.families {
		list[i].family = *f
		for _, s := range f.series {
			c := *s
			c.buckets = slices.Clone(s.buckets)
			list[i].series = append(list[i].series, c)
		}
	}
	m.mu.Unlock()
	for i := range list {
		if read := list[i].read; read != nil {
			list[i].series = []series{{value: read()}}
		}
		slices.SortFunc(list[i].series, func(a, b series) int { return slices.Compare(a.labels, b.labels) })
	}
	return list
}

// ContentType is that of Write.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Write writes all as Prometheus text.
func (m *Metrics) Write(w io.Writer) error {
	var b strings.Builder
	for _, f := range m.samples() {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		for _, s := range f.series {
			if f.kind != "histogram" {
				fmt.Fprintf(&b, "%s%s %s\n", f.name, labelled(f.labels, s.labels, ""), number(s.value))
				continue
			}
			total := uint64(0)
			for i, n := range s.buckets {
				total += n
				bound := "+Inf"
				if i < len(f.bounds) {
					bound = number(f.bounds[i])
				}
				fmt.Fprintf(&b, "%s_bucket%s %d\n", f.name, labelled(f.labels, s.labels, bound), total)
			}
			fmt.Fprintf(&b, "%s_sum%s %s\n%s_count%s %d\n", f.name, labelled(f.labels, s.labels, ""), number(s.value), f.name, labelled(f.labels, s.labels, ""), s.count)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labelled(names, values []string, bound string) string {
	var parts []string
	for i, name := range names {
		parts = append(parts, name+`="`+labelEscapes.Replace(values[i])+`"`)
	}
	if bound != "" {
		parts = append(parts, `le="`+bound+`"`)
	}
	if parts == nil {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
