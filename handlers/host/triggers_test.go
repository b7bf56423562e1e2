package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/store"
)

func queued(handle func(context.Context, host.QueueMessage) error) host.Function {
	return host.Function{Name: "Dispatch", Queue: &host.Queue{Name: "work", Handle: handle}}
}

func standard() host.Settings {
	return host.Settings{BatchSize: 16, NewBatchThreshold: 8, MaxDequeueCount: 5, MaxPollingInterval: time.Second}
}

func TestQueueMessageIsHandledOnce(t *testing.T) {
	for text, count := range map[string]int64{
		"hello": 1, `{"run":"r-42","kind":"tick"}`: 1, `"quoted"`: 1, "": 1, "é\n": 1,
		`{"id":"x","dequeueCount":9}`: 9, // a payload replaces what the host says (functions-host §6.2)
	} {
		c, all, got := newClock(noon), &queues{}, make(chan host.QueueMessage, 1)
		serve(t, queued(func(_ context.Context, m host.QueueMessage) error {
			got <- m
			return nil
		}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
		all.get("work").put(store.Message{ID: "1", Text: text, Inserted: noon})
		if m := next(t, got); m.Text != text || m.DequeueCount != count {
			t.Errorf("%q: %+v", text, m)
		}
		expect(t, all.get("work"), "receive 1 10m0s", "delete")
	}
}

// functions-host §7.3: after the fifth failure the text goes to the poison queue.
func TestPoisonAfterFiveAttempts(t *testing.T) {
	for _, visibility := range []time.Duration{0, 30 * time.Second} {
		c, all, counts := newClock(noon), &queues{}, make(chan int64, 16)
		settings := standard()
		settings.VisibilityTimeout = visibility
		_, wait := serve(t, queued(func(_ context.Context, m host.QueueMessage) error {
			counts <- m.DequeueCount
			return errors.New("no")
		}), settings, host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
		work := all.get("work")
		m := store.Message{ID: "1", Text: "hello"}
		work.put(m)
		for attempt := int64(1); attempt <= 5; attempt++ {
			if got := next(t, counts); got != attempt {
				t.Errorf("attempt %d has the count %d", attempt, got)
			}
			expect(t, work, "receive 1 10m0s")
			if attempt == 5 {
				break
			}
			expect(t, work, "hide "+visibility.String())
			if visibility > 0 { // the time is over
				m.DequeueCount = attempt
				work.put(m)
			}
		}
		expect(t, all.get("work-poison"), "send hello 0s")
		expect(t, work, "delete")
		wait()
		if len(counts) > 0 {
			t.Error("there was a sixth attempt")
		}
	}
}

// A function that died five times is not called again: it may be the cause.
func TestPoisonWithoutACall(t *testing.T) {
	c, all := newClock(noon), &queues{}
	_, wait := serve(t, queued(func(context.Context, host.QueueMessage) error {
		t.Error("the function was called")
		return nil
	}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
	all.get("work").put(store.Message{ID: "1", Text: "hello", DequeueCount: 5})
	expect(t, all.get("work"), "receive 1 10m0s", "delete")
	expect(t, all.get("work-poison"), "send hello 0s")
	wait()
}

// A poison queue has none of its own: its messages are handled whatever their
// count.
func TestPoisonQueueIsHandled(t *testing.T) {
	c, all, got := newClock(noon), &queues{}, make(chan host.QueueMessage, 1)
	f := queued(func(_ context.Context, m host.QueueMessage) error {
		got <- m
		return nil
	})
	f.Queue.Name = "%PREFIX%-poison"
	serve(t, f, standard(), host.Options{
		Queue: all.Queue, Now: c.Now, After: c.After, Setting: func(name string) string { return map[string]string{"PREFIX": "work"}[name] },
	})
	all.get("work-poison").put(store.Message{ID: "1", Text: "hello", DequeueCount: 8})
	if m := next(t, got); m.Text != "hello" || m.DequeueCount != 9 {
		t.Errorf("%+v", m)
	}
	expect(t, all.get("work-poison"), "receive 1 10m0s", "delete")
}

// functions-host §7.3: without a poison queue a failed message stays hidden until
// its lease ends, or it would be tried at once and for ever.
func TestFailureWithoutAPoisonQueue(t *testing.T) {
	long := strings.Repeat("q", 63-len("-poison"))
	for _, c := range []struct {
		name   string
		count  int64 // before it is received
		events []string
	}{
		{"work-poison", 0, nil},
		{"work-poison", 4, nil},
		{"work-poison", 8, nil},
		{long + "q", 0, nil},
		{long + "q", 4, nil},
		{long, 0, []string{"hide 30s"}},
		{long, 4, []string{"delete"}},
	} {
		k, all, called := newClock(noon), &queues{}, make(chan string, 16)
		f := queued(func(_ context.Context, m host.QueueMessage) error {
			called <- m.Text
			return errors.New("no")
		})
		f.Queue.Name = c.name
		settings := standard()
		settings.VisibilityTimeout = 30 * time.Second
		_, wait := serve(t, f, settings, host.Options{Queue: all.Queue, Now: k.Now, After: k.After})
		queue := all.get(c.name)
		queue.put(store.Message{ID: "1", Text: "hello", DequeueCount: c.count})
		expect(t, queue, "receive 1 10m0s")
		next(t, called)
		expect(t, queue, c.events...)
		wait()
		if len(queue.events) > 0 || len(called) > 0 {
			t.Errorf("%s after %d attempts: more happened: %d, %d", c.name, c.count, len(queue.events), len(called))
		}
		if poisoned := len(all.get(c.name+"-poison").events) > 0; poisoned != (c.name == long && c.count == 4) {
			t.Errorf("%s after %d attempts: in the poison queue: %v", c.name, c.count, poisoned)
		}
	}
}

// A setting may name itself: what it says is not read again.
func TestQueueNameOfSettings(t *testing.T) {
	for name, want := range map[string]string{"%A%-%B%": "%A%-b", "%A%": "%A%", "%B%%": "b%", "%B": "%B", "%none%x": "x"} {
		c, all := newClock(noon), &queues{}
		f := queued(func(context.Context, host.QueueMessage) error { return nil })
		f.Queue.Name = name
		serve(t, f, standard(), host.Options{
			Queue: all.Queue, Now: c.Now, After: c.After, Setting: func(name string) string { return map[string]string{"A": "%A%", "B": "b"}[name] },
		})
		all.get(want).put(store.Message{ID: "1", Text: "hello"})
		expect(t, all.get(want), "receive 1 10m0s", "delete")
	}
}

// A panic fails its invocation alone, and is told in the log without the message.
func TestPanickingFunction(t *testing.T) {
	var log bytes.Buffer
	c, all := newClock(noon), &queues{}
	_, wait := serve(t, queued(func(_ context.Context, m host.QueueMessage) error {
		if m.DequeueCount == 1 {
			panic(errors.New("out of luck"))
		}
		return nil
	}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After, Log: zerolog.New(&log)})
	all.get("work").put(store.Message{ID: "1", Text: "canary"})
	expect(t, all.get("work"), "receive 1 10m0s", "hide 0s", "receive 1 10m0s", "delete")
	wait()
	line, _, _ := strings.Cut(log.String(), "\n")
	var told struct{ Level, Function, Panic, Stack string }
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	if told.Level != "error" || told.Function != "Dispatch" || told.Panic != "*errors.errorString: out of luck" || !strings.Contains(told.Stack, "triggers_test.go") {
		t.Errorf("the log has %+v", told)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log has the message: %s", log.String())
	}
	h := standalone(t, host.App{Functions: []host.Function{{Name: "Sweep", Timer: &host.Timer{Schedule: "0 * * * * *", Handle: func(context.Context, host.Tick) error {
		panic("out of luck")
	}}}}}, standard(), host.Options{})
	if err := h.Fire(t.Context(), "Sweep"); err == nil {
		t.Error("a timer that panics has not failed")
	}
}

func TestDisabledFunctionsAreNotTriggered(t *testing.T) {
	c := newClock(noon)
	queue := queued(func(context.Context, host.QueueMessage) error { return nil })
	for _, f := range []host.Function{queue, timer("Sweep", "0 * * * * *")} {
		f.Disabled = true
		_, wait := serve(t, f, standard(), host.Options{Now: c.Now, After: c.After, Queue: func(name string) store.Queue {
			t.Errorf("the queue %s was asked for", name)
			return nil
		}})
		wait()
		if len(c.asked) > 0 {
			t.Errorf("the host waits for %s", f.Name)
		}
	}
}

func TestEmptyQueueIsAskedLessOften(t *testing.T) {
	c, all := newClock(noon), &queues{}
	work := all.get("work")
	work.broken = 2 // a queue that cannot be read is asked less often too
	serve(t, queued(func(context.Context, host.QueueMessage) error { return nil }), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
	for _, ms := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		w := c.poll(t)
		if w.d != ms*time.Millisecond {
			t.Errorf("waits %s, want %d ms", w.d, ms)
		}
		w.fire <- noon
	}
	c.poll(t)
	work.put(store.Message{ID: "1", Text: "hello"}) // its arrival is enough
	expect(t, work, "receive 1 10m0s", "delete")
	if w := c.poll(t); w.d != 100*time.Millisecond {
		t.Errorf("waits %s after a message", w.d)
	}
}

// functions-host §7.1: at most batchSize + newBatchThreshold at a time, at most
// batchSize in one fetch.
func TestMessagesAtATime(t *testing.T) {
	c, all := newClock(noon), &queues{}
	work := all.get("work")
	for i := range 5 {
		work.put(store.Message{ID: strconv.Itoa(i), Text: strconv.Itoa(i)})
	}
	settings := standard()
	settings.BatchSize, settings.NewBatchThreshold = 2, 1
	started, release := make(chan string, 16), make(chan struct{})
	serve(t, queued(func(_ context.Context, m host.QueueMessage) error {
		started <- m.Text
		<-release
		return nil
	}), settings, host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
	expect(t, work, "receive 2 10m0s", "receive 1 10m0s")
	texts := []string{next(t, started), next(t, started), next(t, started)}
	full := c.poll(t)
	if len(started) > 0 || full.d != 100*time.Millisecond {
		t.Errorf("a fourth began, or the host waits %s", full.d)
	}
	close(release)
	full.fire <- noon
	for deadline := time.After(patience); len(texts) < 5; {
		select {
		case text := <-started:
			texts = append(texts, text)
		case w := <-c.asked:
			if w.d != halfLease {
				w.fire <- noon
			}
		case <-deadline:
			t.Fatalf("only %v were handled", texts)
		}
	}
	slices.Sort(texts)
	if !slices.Equal(texts, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("handled %v", texts)
	}
}

// functions-host §7.2: the lease is renewed at half time, and the message is
// settled with the receipt of the renewal.
func TestLeaseIsRenewed(t *testing.T) {
	c, all := newClock(noon), &queues{}
	started, release := make(chan string, 1), make(chan struct{})
	serve(t, queued(func(_ context.Context, m host.QueueMessage) error {
		started <- m.Text
		<-release
		return nil
	}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
	work := all.get("work")
	work.put(store.Message{ID: "1", Text: "hello"})
	expect(t, work, "receive 1 10m0s")
	next(t, started)
	for range 3 {
		for w := next(t, c.asked); ; w = next(t, c.asked) {
			if w.d == halfLease {
				w.fire <- noon
				break
			}
		}
		expect(t, work, "hide 10m0s")
	}
	close(release)
	expect(t, work, "delete")
}

// A renewal may come before the function has begun to read its message: the race
// detector watches that they do not share it.
func TestLeaseIsRenewedAtOnce(t *testing.T) {
	c, all, release := newClock(noon), &queues{}, make(chan struct{})
	var renewed atomic.Bool
	after := func(d time.Duration) <-chan time.Time {
		if d != halfLease || renewed.Swap(true) {
			return c.After(d)
		}
		at := make(chan time.Time, 1)
		at <- noon
		return at
	}
	serve(t, queued(func(context.Context, host.QueueMessage) error {
		<-release
		return nil
	}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: after})
	work := all.get("work")
	work.put(store.Message{ID: "1", Text: "hello"})
	expect(t, work, "receive 1 10m0s", "hide 10m0s")
	close(release)
	expect(t, work, "delete")
}

// What is under way when the host stops is finished and settled.
func TestStopLetsAMessageEnd(t *testing.T) {
	c, all := newClock(noon), &queues{}
	started, release := make(chan context.Context, 1), make(chan struct{})
	end, wait := serve(t, queued(func(ctx context.Context, _ host.QueueMessage) error {
		started <- ctx
		<-release
		return ctx.Err()
	}), standard(), host.Options{Queue: all.Queue, Now: c.Now, After: c.After})
	work := all.get("work")
	work.put(store.Message{ID: "1", Text: "hello"})
	ctx := next(t, started)
	end()
	if ctx.Err() != nil {
		t.Error("the function was cancelled")
	}
	close(release)
	wait()
	expect(t, work, "receive 1 10m0s", "delete")
}
