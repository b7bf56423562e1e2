package main

import (
	"fmt"
	"slices"
	"strings"
)

// markdown is the report to read.
func (r *report) markdown() string {
	var b strings.Builder
	r.header(&b)
	callers := 0
	for _, s := range r.Summaries {
		if s.Callers != callers {
			callers = s.Callers
			fmt.Fprintf(&b, "\n## Callers: %d\n\n", callers)
			row(&b, "target", "calls a second", "least, most", "p50", "p95", "p99", "CPU a call", "peak memory", "throughput to "+baseline, "p99 to it", "errors")
			row(&b, slices.Repeat([]string{"---"}, 11)...)
		}
		row(&b, s.Target, whole(s.PerSecond), whole(s.Least)+", "+whole(s.Most), ms(s.P50), ms(s.P95), ms(s.P99),
			fmt.Sprintf("%.0f µs", s.CPUPerCallMS*1000), mb(s.PeakMB), ratio(s.Throughput), ratio(s.Tail), fmt.Sprint(s.Errors))
	}
	fmt.Fprintf(&b, "\n## At rest\n\n")
	row(&b, "target", "start to first answer", "least, most", "memory when idle")
	row(&b, slices.Repeat([]string{"---"}, 4)...)
	for _, t := range r.Rest {
		row(&b, t.Target, ms(t.StartMS), ms(slices.Min(t.StartsMS))+", "+ms(slices.Max(t.StartsMS)), mb(t.IdleMB))
	}
	fmt.Fprintf(&b, "\nBinary: %s\n", mb(r.BinaryMB))
	r.aims(&b)
	return b.String()
}

func (r *report) header(b *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(b, "# Request, call, compose, response\n\n")
	row(b, "", "")
	row(b, "---", "---")
	row(b, "date", m.Date)
	row(b, "commit", m.Commit)
	row(b, "Go", m.Go)
	row(b, "kernel", m.Kernel)
	row(b, "CPU", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores))
	row(b, "memory", fmt.Sprintf("%.1f GB", m.MemoryGB))
	row(b, "stores on", m.Filesystem)
	row(b, "load averages before", m.Load)
	row(b, "each measurement", fmt.Sprintf("%g s after %g s of warm-up; medians of %d, all targets in turn", r.Seconds, r.Warmup, r.Repeat))
	fmt.Fprintf(b, "\nCallers, upstream and each target are processes of their own on this machine. CPU and memory are the target's alone;\nidle memory was read %g s after the first answer. Ratios are taken within each repetition, and are medians too.\n\n", r.IdleS)
	row(b, "target", "what it is", "durable writes a call")
	row(b, "---", "---", "---")
	for _, t := range r.Targets {
		about := t.about()
		row(b, t.Name, about, t.Writes)
	}
}

func (t targetReport) about() string {
	switch {
	case t.Missing != "":
		return t.About + ": " + t.Missing
	case t.Version != "":
		return t.About + ", " + t.Version
	}
	return t.About
}

// aims are what the binary on the embedded store is to reach.
func (r *report) aims(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Aims\n\n")
	row(b, "aim", "measured", "")
	row(b, "---", "---", "---")
	aim := func(text, measured string, reached bool) {
		verdict := "missed"
		if reached {
			verdict = "reached"
		}
		row(b, text, measured, verdict)
	}
	for _, s := range r.Summaries {
		if s.Target != latchwork.name || s.Throughput == nil || s.Callers != 16 && s.Callers != 64 {
			continue
		}
		aim(fmt.Sprintf("%d callers: at least half the throughput of %s", s.Callers, baseline), ratio(s.Throughput), *s.Throughput >= 0.5)
		aim(fmt.Sprintf("%d callers: p99 under 4 times its p99", s.Callers), ratio(s.Tail), *s.Tail < 4)
	}
	for _, t := range r.Rest {
		if t.Target == latchwork.name {
			aim("idle memory under 60 MB", mb(t.IdleMB), t.IdleMB < 60)
			aim("start to first answer under 100 ms", ms(t.StartMS), t.StartMS < 100)
		}
	}
	aim("binary under 30 MB", mb(r.BinaryMB), r.BinaryMB < 30)
}

func row(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

func whole(n float64) string { return fmt.Sprintf("%.0f", n) }
func mb(n float64) string    { return fmt.Sprintf("%.1f MB", n) }

func ms(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.2f ms", n)
	}
	return fmt.Sprintf("%.0f ms", n)
}

func ratio(n *float64) string {
	if n == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *n)
}
