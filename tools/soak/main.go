// Command soak serves the built binary at half the load that it can take, for as
// long as it is told, and watches whether anything grows that must not: memory,
// goroutines, open files, the store. The load is runs with a call and an answer, and
// one in ten that waits, so that doorbells ring. History is kept for a short time only,
// so that what is old goes while new runs come.
//
//	soak [-minutes 30] [-retention 3m] [-rate RUNS-A-SECOND]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

type options struct {
	minutes   float64
	retention time.Duration
	rate      float64
}

func main() {
	var o options
	flag.Float64Var(&o.minutes, "minutes", 30, "how long the load lasts")
	flag.DurationVar(&o.retention, "retention", 0, "for how long runs are kept (default: a tenth of the time)")
	flag.Float64Var(&o.rate, "rate", 0, "runs a second (default: half of what it takes)")
	flag.Parse()
	if o.retention == 0 {
		o.retention = o.length() / 10
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func (o options) length() time.Duration { return time.Duration(o.minutes * float64(time.Minute)) }

// warmUp is when things may grow freely: until old runs go for the third time, the store
// does.
func (o options) warmUp() time.Duration { return min(o.retention+3*o.sweep(), o.length()/2) }

// sweep is how often it is looked for what is old: each minute by the timer; in a short
// soak the timer is fired more often.
func (o options) sweep() time.Duration { return min(o.length()/20, time.Minute) }

// calibration is how long it is measured what the binary takes.
const calibration = 10 * time.Second

func soak(ctx context.Context, o options) error {
	folder, err := os.MkdirTemp("", "latchwork-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "latchwork")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	upstream, err := listen()
	if err != nil {
		return err
	}
	defer upstream.Close()
	s, err := serve(ctx, binary, folder, upstream.address(), o.retention)
	if err != nil {
		return err
	}
	defer s.kill()
	if o.rate == 0 {
		most, err := calibrate(ctx, s, calibration)
		if err != nil {
			return err
		}
		o.rate = most / 2
		fmt.Printf("It takes %.0f runs a second.\n", most)
	}
	fmt.Printf("%.0f runs a second for %s; runs are kept for %s; what happens after %s counts.\n\n",
		o.rate, o.length(), o.retention, o.warmUp())
	samples, load, err := watch(ctx, s, o)
	if err != nil {
		return err
	}
	kept, err := s.stopAndCount(ctx)
	if err != nil {
		return err
	}
	return report(o, samples, load, kept)
}
