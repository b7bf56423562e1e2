package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

// delayed runs until the clock is moved by a minute.
const delayed = `{"W": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Minute"}}}}`

func limited(more string) string {
	return `{"type": "Request"` + more + `}`
}

const twoAndOne = `, "runtimeConfiguration": {"concurrency": {"runs": 2, "maximumWaitingRuns": 1}}`

// drive looks at all runs that are due, as doorbells would, twice each.
func (s *stage) drive(e *engine.Engine, w *engine.Workflow) {
	s.t.Helper()
	due, _, err := e.Store.Due(s.t.Context(), w.ID, s.now())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, key := range append(due, due...) {
		if err := e.Continue(s.t.Context(), key); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) begin(e *engine.Engine, w *engine.Workflow) store.RunKey {
	s.t.Helper()
	s.move(time.Millisecond)
	r, err := s.start(e, w, "1")
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Key
}

func (s *stage) overflow(e *engine.Engine, w *engine.Workflow, count string) {
	s.t.Helper()
	_, err := s.start(e, w, "1")
	var overflow *engine.Overflow
	if !errors.As(err, &overflow) {
		s.t.Fatalf("started: %v", err)
	}
	s.want("overflow", err.Error(), "The number of waiting workflow runs '"+count+"' has exceeded the maximum allowed limit of '"+count+
		"'. Try increasing the value of 'maximumWaitingRuns' in trigger concurrency configuration.")
}

// TestConcurrency: so many run, so many wait, the next is refused and leaves nothing;
// who ends gives its place to the oldest that waits.
func TestConcurrency(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		w := s.save(e, limited(twoAndOne), delayed)
		first, second, third := s.begin(e, w), s.begin(e, w), s.begin(e, w)
		s.overflow(e, w, "3")
		s.want("runs", s.statuses(e, w), "Running Running Waiting")
		s.want("history", s.past(e, w), "Succeeded fired, Succeeded fired, Succeeded fired")
		s.drive(e, w)
		if err := e.Continue(t.Context(), third); err != nil { // a doorbell out of turn
			t.Fatal(err)
		}
		s.want("driven", s.statuses(e, w), "Running Running Waiting")

		if err := e.Cancel(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := e.Continue(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		s.drive(e, w)
		s.want("the next", s.statuses(e, w), "Cancelled Running Running")
		snapshot, err := e.Store.RunHeader(t.Context(), third)
		if err != nil || !snapshot.State.WaitEnd.Equal(s.now()) {
			t.Errorf("wait end: %v %v", snapshot.State.WaitEnd, err)
		}
		fourth := s.begin(e, w)
		if err := e.Cancel(t.Context(), fourth); err != nil { // while it waits
			t.Fatal(err)
		}
		if err := e.Continue(t.Context(), fourth); err != nil {
			t.Fatal(err)
		}
		s.want("cancelled while it waits", s.statuses(e, w), "Cancelled Running Running Cancelled")
		s.begin(e, w)
		s.overflow(e, w, "3")
		s.move(time.Minute)
		s.drive(e, w)
		s.move(time.Minute)
		s.drive(e, w)
		s.move(time.Minute)
		s.drive(e, w)
		s.want("in the end", s.statuses(e, w), "Cancelled Succeeded Succeeded Cancelled Succeeded")
		slots, err := e.Store.LoadSlots(t.Context(), keyOf(w))
		if err != nil || len(slots.Running)+len(slots.Waiting) != 0 {
			t.Errorf("places: %+v %v", slots, err)
		}
		_ = second
	})
}

// TestSingleInstance is one run at a time, with a caller that waits for the answer.
func TestSingleInstance(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		w := s.save(e, limited(`, "operationOptions": "SingleInstance"`), `{"R": {"type": "Response", "inputs": {"statusCode": 200, "body": "@triggerBody()"}}}`)
		call := trigger()
		call.Name = "T"
		r, err := e.Start(t.Context(), w, call)
		if err != nil {
			t.Fatal(err)
		}
		record, err := e.Response(t.Context(), r)
		if err != nil || record.Outputs.Value.Member("body").Member("userid").Str() != "megan" {
			t.Fatalf("answer: %+v %v", record, err)
		}
		if _, err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A run that is only accepted holds the place; the caller of the next waits.
		first := s.begin(e, w)
		s.move(time.Millisecond)
		r, err = e.Start(t.Context(), w, call)
		if err != nil {
			t.Fatal(err)
		}
		s.want("runs", s.statuses(e, w), "Succeeded Running Waiting")
		if err := e.Continue(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		s.drive(e, w)
		record, err = e.Response(t.Context(), r)
		if err != nil || record == nil || record.Status != definition.Succeeded {
			t.Errorf("answer of the second: %+v %v", record, err)
		}
	})
}

// TestConcurrencyOfProcesses: several processes never let more run than may.
func TestConcurrencyOfProcesses(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		one, two := s.engine(), s.engine()
		w := s.save(one, limited(twoAndOne), delayed)
		var group sync.WaitGroup
		refused := make(chan error, 20)
		for i := range 10 {
			e := []*engine.Engine{one, two}[i%2]
			group.Go(func() {
				if _, err := s.start(e, w, "1"); err != nil {
					refused <- err
				}
			})
		}
		group.Wait()
		close(refused)
		n := 0
		for err := range refused {
			var overflow *engine.Overflow
			if n++; !errors.As(err, &overflow) {
				t.Error(err)
			}
		}
		all := s.statuses(one, w)
		if n != 7 || strings.Count(all, "Running") != 2 || strings.Count(all, "Waiting") != 1 {
			t.Errorf("%d refused, runs %s", n, all)
		}
		for range 4 {
			s.move(time.Minute)
			s.drive(one, w)
			s.drive(two, w)
		}
		s.want("in the end", s.statuses(one, w), "Succeeded Succeeded Succeeded")
	})
}

// TestConcurrencySurvivesCrashes: wherever the process dies that ends a run, the next
// gets its place, by the sweep if need be.
func TestConcurrencySurvivesCrashes(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for n := range 6 {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("write %d after %v", n, after), func(t *testing.T) {
					s := newStage(t, open())
					e := s.engine()
					w := s.save(e, limited(`, "operationOptions": "singleinstance"`))
					dying := s.engineOn(storetest.NewFaulty(s.b, n, after))
					r, err := s.start(dying, w, "1")
					if err == nil {
						_ = dying.Continue(t.Context(), r.Key)
					}
					s.move(time.Second)
					s.begin(e, w)
					for range 3 {
						s.move(2 * time.Minute)
						if _, err := e.Sweep(t.Context()); err != nil {
							t.Fatal(err)
						}
						s.drive(e, w)
					}
					if all := s.statuses(e, w); all != "Succeeded Succeeded" && (all != "Succeeded" || n > 0 || after) {
						t.Errorf("runs: %s", all)
					}
				})
			}
		}
	})
}

// TestConcurrencyOfSchedules: a recurrence and a poll leave out what finds no room,
// a sliding window waits for it.
func TestConcurrencyOfSchedules(t *testing.T) {
	const one = `, "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 1}}`
	for name, tt := range map[string]struct{ trigger, past, runs string }{
		"recurrence": {`{"type": "Recurrence", "recurrence": {"frequency": "Minute", "interval": 1}` + one + `}`,
			"Succeeded fired, Succeeded fired, Skipped " + engine.CodeOverflow, "Running Waiting"},
		"poll": {strings.Replace(fmt.Sprintf(hourly, "", one), "Hour", "Minute", 1),
			"Succeeded OK fired, Succeeded OK fired, Skipped " + engine.CodeOverflow, "Running Waiting"},
		"window": {`{"type": "SlidingWindow", "recurrence": {"frequency": "Minute", "interval": 1}` + one + `}`,
			"Succeeded fired, Succeeded fired", "Running Waiting"},
	} {
		t.Run(name, func(t *testing.T) {
			backends(t, func(t *testing.T, open func() store.Backend) {
				s := newStage(t, open(), answer{status: 200, body: "1"})
				e := s.engine()
				w := s.save(e, tt.trigger, `{"H": {"type": "HttpWebhook", "inputs": {"subscribe": {"method": "POST", "uri": "https://x/s"}}}}`)
				for range 3 {
					s.fire(e, w)
					s.move(time.Minute)
				}
				s.want("history", s.past(e, w), tt.past)
				s.want("runs", s.statuses(e, w), tt.runs)
				for _, r := range runsOf(t, e, w.ID) {
					key := store.RunKey{WorkflowID: w.ID, Run: r.State.Name}
					if err := e.Cancel(t.Context(), key); err != nil {
						t.Fatal(err)
					}
					if err := e.Continue(t.Context(), key); err != nil {
						t.Fatal(err)
					}
				}
				s.fire(e, w)
				if fired := strings.Count(s.past(e, w), "fired"); fired != 3 {
					t.Errorf("it does not fire again: %s", s.past(e, w))
				}
				if name == "window" {
					s.want("the window that waited", runsOf(t, e, w.ID)[0].State.Name[:20], runNameAt(epoch.Add(2*time.Minute)))
				}
			})
		})
	}
}

// TestConcurrencyOfSplits: the items of a firing are let in together; above the
// reduced limit they are not split.
func TestConcurrencyOfSplits(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		w := s.save(e, limited(twoAndOne+`, "splitOn": "@triggerBody()"`))
		if _, err := s.start(e, w, "[1,2,3,4,5]"); err != nil {
			t.Fatal(err)
		}
		if all := s.statuses(e, w); strings.Count(all, "Running") != 2 || strings.Count(all, "Waiting") != 3 {
			t.Errorf("runs: %s", all)
		}
		var overflow *engine.Overflow
		if _, err := s.start(e, w, "[1]"); !errors.As(err, &overflow) || *overflow != (engine.Overflow{Count: 5, Limit: 3}) {
			t.Errorf("the queue is full: %v", err)
		}
		for range 4 {
			s.drive(e, w)
		}
		if all := s.statuses(e, w); strings.Count(all, "Succeeded") != 5 {
			t.Errorf("in the end: %s", all)
		}
		if _, err := s.start(e, w, "["+strings.Repeat("1,", 100)+"1]"); err != nil {
			t.Fatal(err)
		}
		if all := runsOf(t, e, w.ID); len(all) != 6 {
			t.Errorf("%d runs", len(all))
		}
	})
}

// TestConcurrencyIsKept: what a definition may say of it, and that it stays on.
func TestConcurrencyIsKept(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		for more, code := range map[string]string{
			`, "operationOptions": "SingleInstance", "runtimeConfiguration": {"concurrency": {"runs": 1}}`: "InvalidConcurrencyConfiguration",
			`, "runtimeConfiguration": {"concurrency": {"runs": 101}}`:                                     "InvalidConcurrencyConfiguration",
			`, "runTimeConfiguration": {"concurrency": {"runs": "0"}}`:                                     "InvalidConcurrencyConfiguration",
			`, "runtimeConfiguration": {"concurrency": {}}`:                                                "InvalidConcurrencyConfiguration",
			`, "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 201}}`:            "InvalidConcurrencyConfiguration",
			`, "runTimeConfiguration": {"concurrency": {"runs": "@add(1, 1)"}}`:                            "",
		} {
			problems := e.Check(s.resource("check", limited(more)))
			if code == "" && len(problems) > 0 || code != "" && (len(problems) != 1 || problems[0].Code != code) {
				t.Errorf("%s: %v", more, problems)
			}
		}
		s.save(e, limited(twoAndOne))
		w, problems, err := e.Save(t.Context(), s.resource(t.Name(), limited("")))
		if w != nil || err != nil || len(problems) != 1 || problems[0].Code != "CannotDisableTriggerConcurrency" {
			t.Errorf("switched off: %v %v", problems, err)
		}
		s.save(e, limited(`, "operationOptions": "SingleInstance"`))
	})
}
