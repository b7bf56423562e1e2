package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
)

// functions-host §8: one run at a time; what falls due meanwhile is dropped, and
// a failure changes nothing.
func TestTimer(t *testing.T) {
	c := newClock(time.Date(2026, 3, 14, 11, 59, 30, 0, time.UTC))
	ticks, release := make(chan host.Tick, 1), make(chan error)
	serve(t, host.Function{Name: "Sweep", Timer: &host.Timer{Schedule: "0 0 * * * *", Handle: func(_ context.Context, tick host.Tick) error {
		ticks <- tick
		return <-release
	}}}, standard(), host.Options{Now: c.Now, After: c.After})
	for _, run := range []struct {
		wait       time.Duration
		begin, end time.Time
		err        error
	}{
		{30 * time.Second, noon, noon.Add(time.Second), nil},
		{time.Hour - time.Second, noon.Add(time.Hour), noon.Add(time.Hour + time.Minute), errors.New("no")},
		{59 * time.Minute, noon.Add(2 * time.Hour), noon.Add(4*time.Hour + 20*time.Minute), nil}, // over two ticks
		{40 * time.Minute, noon.Add(5 * time.Hour), noon.Add(5 * time.Hour), nil},
	} {
		w := next(t, c.asked)
		if w.d != run.wait {
			t.Errorf("waits %s, want %s", w.d, run.wait)
		}
		c.set(run.begin)
		w.fire <- run.begin
		if tick := next(t, ticks); tick.PastDue {
			t.Error("a tick in time is past due")
		}
		if len(c.asked) > 0 {
			t.Error("the next run is planned before this one has ended")
		}
		c.set(run.end)
		release <- run.err
	}
}

// A date that does not exist is never waited for.
func TestTimerOfNoDay(t *testing.T) {
	c := newClock(noon)
	_, wait := serve(t, host.Function{Name: "Never", Timer: &host.Timer{Schedule: "0 0 0 31 2 *", Handle: func(context.Context, host.Tick) error {
		t.Error("it fired")
		return nil
	}}}, standard(), host.Options{Now: c.Now, After: c.After})
	wait()
	if len(c.asked) > 0 {
		t.Error("the host waits")
	}
}

// functions-host §8: what fell due while there was no host is made up for by one
// run; another schedule has missed nothing.
func TestMissedTick(t *testing.T) {
	const hourly, half, often = "0 0 * * * *", "0 30 * * * *", "*/30 * * * * *"
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 14, hour, minute, 0, 0, time.UTC) }
	dir := filepath.Join(t.TempDir(), "timers")
	file := filepath.Join(dir, "Sweep.json")
	for _, life := range []struct {
		name     string
		schedule string
		start    time.Time
		pastDue  bool
		wait     time.Duration // for the tick after that
		after    func()
	}{
		{"a new timer", hourly, at(11, 10), false, 50 * time.Minute, nil},
		{"again, in time", hourly, at(11, 30), false, 30 * time.Minute, nil},
		{"just in time", hourly, at(12, 0), false, 0, nil},
		{"over three ticks", hourly, at(14, 20), true, 40 * time.Minute, nil},
		{"once", hourly, at(14, 30), false, 30 * time.Minute, nil},
		{"with another schedule", half, at(16, 0), false, 30 * time.Minute, nil},
		{"over a tick of that", half, at(17, 0), true, 30 * time.Minute, nil},
		{"with a clock that was ahead", half, at(15, 0), false, 30 * time.Minute, func() { write(t, "{", file) }},
		{"with a broken file", half, at(19, 0), false, 30 * time.Minute, nil},
		{"over a tick", half, at(20, 0), true, 30 * time.Minute, func() { os.Remove(file) }},
		{"more than once a minute", often, at(20, 1), false, 30 * time.Second, nil},
		{"and nothing is kept", often, at(21, 0), false, 30 * time.Second, nil},
	} {
		c, ticks := newClock(life.start), make(chan host.Tick, 16)
		_, wait := serve(t, host.Function{Name: "Sweep", Timer: &host.Timer{Schedule: life.schedule, Handle: func(_ context.Context, tick host.Tick) error {
			ticks <- tick
			return nil
		}}}, standard(), host.Options{Now: c.Now, After: c.After, StatusDir: dir})
		if life.pastDue {
			if tick := next(t, ticks); !tick.PastDue {
				t.Errorf("%s: the tick is not past due", life.name)
			}
		}
		if w := next(t, c.asked); w.d != life.wait {
			t.Errorf("%s: waits %s, want %s", life.name, w.d, life.wait)
		}
		wait()
		if len(ticks) > 0 {
			t.Errorf("%s: it fired", life.name)
		}
		if _, err := os.Stat(file); (err == nil) != (life.schedule != often) {
			t.Errorf("%s: the status: %v", life.name, err)
		}
		if life.after != nil {
			life.after()
		}
	}
}

// The function sees the status that was kept before its run.
func TestScheduleStatus(t *testing.T) {
	type status struct{ Last, Next, LastUpdated time.Time }
	for dir, kept := range map[string]bool{t.TempDir(): true, "": false} {
		c, seen := newClock(noon.Add(-time.Minute)), make(chan *status, 1)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var e struct {
				Data struct {
					Tick struct {
						ScheduleStatus *status
						IsPastDue      bool
					}
				}
			}
			if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.Data.Tick.IsPastDue {
				t.Errorf("%v, %+v", err, e)
			}
			seen <- e.Data.Tick.ScheduleStatus
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
		})
		serve(t, timer("Sweep", "0 0 * * * *"), standard(), host.Options{Now: c.Now, After: c.After, StatusDir: dir, Handler: handler})
		for _, want := range []status{
			{Next: noon, LastUpdated: noon.Add(-time.Minute)},
			{Last: noon, Next: noon.Add(time.Hour), LastUpdated: noon},
		} {
			w := next(t, c.asked)
			c.set(want.Next)
			w.fire <- want.Next
			if got := next(t, seen); kept && (got == nil || *got != want) || !kept && got != nil {
				t.Errorf("the function saw %+v, want %+v", got, want)
			}
		}
	}
}
