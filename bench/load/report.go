package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// report is all that was measured.
type report struct {
	Machine machine `json:"machine"`
	Seconds float64 `json:"seconds"`
	Warmup  float64 `json:"warmup"`
	Repeat  int     `json:"repeat"`
	IdleS   float64 `json:"idle"` // seconds until idle memory was read

	BinaryMB  float64        `json:"binaryMB"`
	Targets   []targetReport `json:"targets"`
	Rest      []restReport   `json:"rest"`
	Samples   []sample       `json:"samples"`
	Summaries []summary      `json:"summaries"`
}

type targetReport struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Version string `json:"version,omitempty"`
	Writes  string `json:"writes"`
	Missing string `json:"missing,omitempty"` // why it was not measured
}

type restReport struct {
	Target   string    `json:"target"`
	StartsMS []float64 `json:"startsMS"`
	StartMS  float64   `json:"startMS"` // median
	IdleMB   float64   `json:"idleMB"`
}

// sample is one target, once, with so many callers.
type sample struct {
	Target       string  `json:"target"`
	Callers      int     `json:"callers"`
	Repetition   int     `json:"repetition"`
	Calls        int     `json:"calls"`
	Errors       int     `json:"errors"`
	Error        string  `json:"error,omitempty"` // the first
	PerSecond    float64 `json:"perSecond"`
	P50          float64 `json:"p50MS"`
	P95          float64 `json:"p95MS"`
	P99          float64 `json:"p99MS"`
	Max          float64 `json:"maxMS"`
	CPUPerCallMS float64 `json:"cpuPerCallMS"` // of the target alone
	PeakMB       float64 `json:"peakMB"`
}

// summary is the median over the repetitions, of each figure by itself. Ratios are
// taken within a repetition; they are nil without a baseline.
type summary struct {
	Target       string   `json:"target"`
	Callers      int      `json:"callers"`
	Errors       int      `json:"errors"` // in all
	PerSecond    float64  `json:"perSecond"`
	Least        float64  `json:"perSecondLeast"`
	Most         float64  `json:"perSecondMost"`
	P50          float64  `json:"p50MS"`
	P95          float64  `json:"p95MS"`
	P99          float64  `json:"p99MS"`
	CPUPerCallMS float64  `json:"cpuPerCallMS"`
	PeakMB       float64  `json:"peakMB"`
	Throughput   *float64 `json:"throughputRatio"`
	Tail         *float64 `json:"p99Ratio"`
}

func (b *bench) report(m machine) *report {
	return &report{Machine: m, Seconds: b.seconds.Seconds(), Warmup: b.warmup.Seconds(), Repeat: b.repeat, IdleS: b.idle.Seconds()}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func newSample(m measured) sample {
	s := sample{Calls: len(m.latencies), Errors: m.errors}
	if m.err != nil {
		s.Error = m.err.Error()
	}
	if s.Calls == 0 { // nothing was answered: that is no measurement
		if s.Errors++; s.Error == "" {
			s.Error = "no call was answered in the time"
		}
		return s
	}
	slices.Sort(m.latencies)
	s.PerSecond = float64(s.Calls) / m.elapsed.Seconds()
	s.P50, s.P95, s.P99 = percentile(m.latencies, 50), percentile(m.latencies, 95), percentile(m.latencies, 99)
	s.Max = percentile(m.latencies, 100)
	return s
}

// percentile is the least of the sorted latencies that p % of them do not exceed.
func percentile(sorted []time.Duration, p float64) float64 {
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return milliseconds(sorted[max(rank, 1)-1])
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	if n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

// summarize makes the summaries, in the order in which things were measured.
func (r *report) summarize() {
	for i, s := range r.Samples {
		if s.Repetition == 1 {
			r.Summaries = append(r.Summaries, r.summary(r.Samples[i].Target, s.Callers))
		}
	}
}

func (r *report) summary(target string, callers int) summary {
	samples, base := r.of(target, callers), r.of(baseline, callers)
	figures := func(figure func(sample) float64) (list []float64) {
		for _, s := range samples {
			list = append(list, figure(s))
		}
		return list
	}
	ratio := func(figure func(sample) float64) *float64 {
		var list []float64
		for i, s := range samples {
			if i < len(base) && figure(base[i]) > 0 {
				list = append(list, figure(s)/figure(base[i]))
			}
		}
		if len(list) == 0 {
			return nil
		}
		m := median(list)
		return &m
	}
	perSecond := func(s sample) float64 { return s.PerSecond }
	p99 := func(s sample) float64 { return s.P99 }
	sum := summary{
		Target: target, Callers: callers,
		PerSecond: median(figures(perSecond)), Least: slices.Min(figures(perSecond)), Most: slices.Max(figures(perSecond)),
		P50:          median(figures(func(s sample) float64 { return s.P50 })),
		P95:          median(figures(func(s sample) float64 { return s.P95 })),
		P99:          median(figures(p99)),
		CPUPerCallMS: median(figures(func(s sample) float64 { return s.CPUPerCallMS })),
		PeakMB:       median(figures(func(s sample) float64 { return s.PeakMB })),
		Throughput:   ratio(perSecond), Tail: ratio(p99),
	}
	for _, s := range samples {
		sum.Errors += s.Errors
	}
	return sum
}

func (r *report) of(target string, callers int) (samples []sample) {
	for _, s := range r.Samples {
		if s.Target == target && s.Callers == callers {
			samples = append(samples, s)
		}
	}
	return samples
}

// failed tells of calls that were not answered, or not as they should be.
func (r *report) failed() error {
	for _, s := range r.Samples {
		if s.Errors > 0 {
			return fmt.Errorf("%s, %d callers: %d calls failed, the first: %s", s.Target, s.Callers, s.Errors, s.Error)
		}
	}
	return nil
}
