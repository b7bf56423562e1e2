package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// callers is how many calls there are at once at most.
const callers = 64

var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers}}

// begin begins a run; one in ten waits.
func begin(s *served, number int64) error {
	s.begun.Add(1)
	name, want := "answer", http.StatusOK
	if number%10 == 0 {
		name, want = "wait", http.StatusAccepted
	}
	answer, err := client.Post(s.urls[name], "application/json", strings.NewReader(`{"id":"7","text":"some words"}`))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("%s: %s %.200s", name, answer.Status, body)
	}
	return err
}

// calibrate finds how many runs a second the binary takes from 16 callers.
func calibrate(ctx context.Context, s *served, length time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	began := time.Now()
	for range 16 {
		group.Go(func() {
			for ctx.Err() == nil && failed.Load() == nil {
				if err := begin(s, done.Add(1)); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("calibration: %w", *err)
	}
	return float64(done.Load()) / time.Since(began).Seconds(), nil
}

// loaded is what the callers saw.
type loaded struct {
	mu     sync.Mutex
	failed int
	first  error
	late   int // runs that began later than they should: all callers were busy
	times  []time.Duration
}

// round takes the times since the last one, as median and 99th percentile.
func (l *loaded) round() (p50, p99 time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.times) == 0 {
		return 0, 0
	}
	slices.Sort(l.times)
	p50, p99 = l.times[len(l.times)/2], l.times[len(l.times)*99/100]
	l.times = l.times[:0]
	return p50, p99
}

func (l *loaded) note(took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, took)
	if err != nil {
		if l.failed++; l.first == nil {
			l.first = err
		}
	}
}

// watch loads the binary and takes samples meanwhile, some 120 of them.
func watch(ctx context.Context, s *served, o options) ([]sample, *loaded, error) {
	inner, cancel := context.WithTimeout(ctx, o.length())
	defer cancel()
	l := &loaded{}
	var group sync.WaitGroup
	defer group.Wait()
	work := make(chan int64)
	for range callers {
		group.Go(func() {
			for number := range work {
				began := time.Now()
				err := begin(s, number)
				l.note(time.Since(began), err)
			}
		})
	}
	group.Go(func() { l.pace(inner, o.rate, work) })

	var samples []sample
	began := time.Now()
	every := o.length() / 120
	fmt.Println("    time   runs   resident  anonymous      store  goroutines  files    p50    p99")
	sweeps := time.NewTicker(o.sweep())
	for tick := time.NewTicker(every); ; {
		select {
		case <-sweeps.C:
			if o.sweep() < time.Minute {
				if err := s.fire(); err != nil {
					return nil, nil, err
				}
			}
		case <-tick.C:
			v, err := s.sample()
			if err != nil {
				return nil, nil, err
			}
			v.at = time.Since(began)
			if samples = append(samples, v); len(samples)%10 == 0 {
				p50, p99 := l.round()
				fmt.Printf("%7.0fs %6.0f %7.1f MB %7.1f MB %7.1f MB %11.0f %6.0f %6s %6s\n", v.at.Seconds(), v.finished,
					v.resident/1e6, v.anonymous/1e6, v.file/1e6, v.goroutines, v.files, p50.Round(100*time.Microsecond), p99.Round(100*time.Microsecond))
			}
		case <-inner.Done():
			return samples, l, ctx.Err()
		}
	}
}

// pace hands out so many numbers a second until ctx ends.
func (l *loaded) pace(ctx context.Context, rate float64, work chan<- int64) {
	defer close(work)
	began := time.Now()
	for number := int64(1); ; number++ {
		due := began.Add(time.Duration(float64(number) / rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return
		}
		select {
		case work <- number:
		case <-ctx.Done():
			return
		default:
			l.mu.Lock()
			l.late++
			l.mu.Unlock()
			select {
			case work <- number:
			case <-ctx.Done():
				return
			}
		}
	}
}
