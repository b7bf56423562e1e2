package storetest

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

func queues(t *testing.T, b store.Backend) {
	q := b.Queue("storetest-queue")
	texts := map[string]bool{"one": true, `{"two":2}`: true, "üüü": true}
	for text := range texts {
		if err := q.Send(t.Context(), text, 0); err != nil {
			t.Fatal(err)
		}
	}
	messages := receive(t, q, 32, time.Minute)
	left := maps.Clone(texts)
	for _, m := range messages {
		delete(left, m.Text)
		if m.DequeueCount != 1 || m.ID == "" || m.Receipt == "" {
			t.Errorf("message: %+v", m)
		}
	}
	if len(left) > 0 || len(messages) != len(texts) {
		t.Fatalf("received %v", messages)
	}
	if again := receive(t, q, 32, time.Minute); len(again) > 0 {
		t.Errorf("hidden messages were received: %v", again)
	}
	shown, err := q.Hide(t.Context(), messages[0], 0)
	if err != nil || shown.Receipt == messages[0].Receipt {
		t.Fatalf("hide: %+v %v", shown, err)
	}
	want(t, q.Delete(t.Context(), messages[0]), store.ErrNotFound)
	again := receive(t, q, 32, time.Minute)
	if len(again) != 1 || again[0].DequeueCount != 2 || again[0].Text != messages[0].Text {
		t.Fatalf("seen again: %+v", again)
	}
	for _, m := range append(messages[1:], again...) {
		if err := q.Delete(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	want(t, q.Delete(t.Context(), again[0]), store.ErrNotFound)
	want(t, q.Send(t.Context(), "late", store.MaxRingDelay+time.Hour), store.ErrTooLarge)
	want(t, q.Send(t.Context(), strings.Repeat("x", 49<<10), 0), store.ErrTooLarge)
}

func receive(t *testing.T, q store.Queue, n int, hide time.Duration) []store.Message {
	t.Helper()
	messages, err := q.Receive(t.Context(), n, hide)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// visibility: a delayed message is not there at first, and is there later.
func visibility(t *testing.T, b store.Backend) {
	q := b.Queue("storetest-delay")
	if err := q.Send(t.Context(), "later", time.Second); err != nil {
		t.Fatal(err)
	}
	if early := receive(t, q, 1, time.Minute); len(early) > 0 {
		t.Fatal("a delayed message was received at once")
	}
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if messages := receive(t, q, 1, time.Second); len(messages) == 1 {
			if err := q.Delete(t.Context(), messages[0]); err != nil {
				t.Error(err)
			}
			return
		}
		select {
		case <-tick.C:
		case <-q.Arrival():
		case <-deadline:
			t.Fatal("a delayed message never came")
		}
	}
}
