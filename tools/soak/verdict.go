package main

import (
	"errors"
	"fmt"
	"time"
)

// limit is what may not grow, and by how much it may seem to: a part of its mean, or
// an amount, whichever is more. The amounts are what a garbage collector, a pool of
// connections and a file that grows by 17 MB at a time do without a leak; one such step in
// the middle looks like one and a half.
type limit struct {
	name   string
	of     func(sample) float64
	part   float64
	amount float64
	unit   float64
	suffix string
}

// auditEvent is what the audit trail takes for each call: it goes by whole days, of which
// none ends here. Some 260 bytes, in pages that are half full, and what leads to them.
const auditEvent = 520

var limits = []limit{
	{"anonymous memory", func(s sample) float64 { return s.anonymous }, 0.10, 16e6, 1e6, " MB"},
	{"the file of the store", func(s sample) float64 { return s.file - auditEvent*s.begun }, 0.15, 34e6, 1e6, " MB"},
	{"goroutines", func(s sample) float64 { return s.goroutines }, 0.10, 100, 1, ""},
	// A run that waits is over within some seconds; those that are not gather.
	{"runs under way", func(s sample) float64 { return s.begun - s.finished }, 0.50, 400, 1, ""},
	{"open files", func(s sample) float64 { return s.files }, 0.10, 40, 1, ""},
}

// growth is by how much a line through the samples rises from the first to the last,
// and their mean: least squares, so that one high sample does not decide.
func growth(samples []sample, of func(sample) float64) (rise, mean float64) {
	n := float64(len(samples))
	var meanAt float64
	for _, s := range samples {
		meanAt += s.at.Seconds() / n
		mean += of(s) / n
	}
	var above, below float64
	for _, s := range samples {
		at := s.at.Seconds() - meanAt
		above += at * (of(s) - mean)
		below += at * at
	}
	if below == 0 {
		return 0, mean
	}
	return above / below * (samples[len(samples)-1].at - samples[0].at).Seconds(), mean
}

// judge returns what grew during the samples, an error for each.
func judge(samples []sample) (told []string, err error) {
	const least = 20
	if len(samples) < least {
		return nil, fmt.Errorf("%d samples after the warm-up; it takes %d to tell", len(samples), least)
	}
	var errs []error
	for _, l := range limits {
		rise, mean := growth(samples, l.of)
		allowed := max(l.part*mean, l.amount)
		told = append(told, fmt.Sprintf("%s: mean %.1f%s, grew by %.1f%s, allowed %.1f%s", l.name, mean/l.unit, l.suffix, rise/l.unit, l.suffix, allowed/l.unit, l.suffix))
		if rise > allowed {
			errs = append(errs, fmt.Errorf("%s grew by %.1f%s within %s", l.name, rise/l.unit, l.suffix, (samples[len(samples)-1].at-samples[0].at).Round(time.Second)))
		}
	}
	return told, errors.Join(errs...)
}

// cleaning is what a sweep may take to remove old runs, and looks further apart than
// planned on a busy machine.
const cleaning = 50 * time.Second

// judgeKept tells whether retention did its work: nothing is much older than it should be.
func (o options) judgeKept(k kept) error {
	oldest := o.retention + o.retention/10 + o.sweep() + cleaning
	if k.oldest > oldest {
		return fmt.Errorf("a run is kept for %s; %s at most was to be expected of a retention of %s", k.oldest.Round(time.Second), oldest.Round(time.Second), o.retention)
	}
	if k.left > k.rows/20 { // the last cleaning may have been cut short
		return fmt.Errorf("%d of %d rows are of runs that are gone", k.left, k.rows)
	}
	return nil
}

// underWay is of how many seconds there may be runs under way: one in ten waits for 5 s.
const underWay = 2.0

func report(o options, samples []sample, l *loaded, k kept) error {
	from := 0
	for from < len(samples) && samples[from].at < o.warmUp() {
		from++
	}
	told, grown := judge(samples[from:])
	fmt.Println()
	for _, line := range told {
		fmt.Println(line)
	}
	var last sample
	if len(samples) > 0 {
		last = samples[len(samples)-1]
	}
	fmt.Printf("runs: %.0f begun, %.0f finished, %d calls failed, %d began late\n", last.begun, last.finished, l.failed, l.late)
	if k.runs > 0 {
		fmt.Printf("kept: %d runs, the oldest for %s, %.1f KB of the store each\n", k.runs, k.oldest.Round(time.Second), k.used/float64(k.runs)/1e3)
	}
	fmt.Printf("rows of them: %d, and %d of runs that are gone\n", k.rows, k.left)
	errs := []error{grown, o.judgeKept(k)}
	if l.failed > 0 {
		errs = append(errs, fmt.Errorf("%d calls failed: %w", l.failed, l.first))
	}
	if under := last.begun - last.finished; k.runs == 0 || under > underWay*o.rate {
		errs = append(errs, fmt.Errorf("%.0f runs begun, %.0f finished, %d kept", last.begun, last.finished, k.runs))
	}
	err := errors.Join(errs...)
	if err == nil {
		fmt.Println("Nothing grows.")
	}
	return err
}
