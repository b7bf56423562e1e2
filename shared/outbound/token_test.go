package outbound

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Time is given to the cache, so that its refreshes can be tried without waiting.
func TestTokensAreRefreshedAhead(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cache := newTokenCache()
	cache.now = func() time.Time { return now }
	asked, fail := make(chan struct{}, 10), error(nil)
	n := 0
	fetch := func(context.Context) (token, error) {
		defer func() { asked <- struct{}{} }()
		if fail != nil {
			return token{}, fail
		}
		n++
		return newToken(fmt.Sprintf("token %d", n), now, time.Hour), nil
	}
	get := func() string {
		t.Helper()
		got, err := cache.get(t.Context(), digest("key"), fetch)
		if err != nil {
			return err.Error()
		}
		return got.text
	}
	// settled waits until a request in the background has left its token behind.
	settled := func() {
		<-asked
		_, _, _ = cache.flight.Do(string(func() []byte { k := digest("key"); return k[:] }()), func() (any, error) { return token{}, nil })
	}

	if got := get(); got != "token 1" {
		t.Fatalf("got %s", got)
	}
	<-asked
	now = now.Add(54 * time.Minute)
	if got := get(); got != "token 1" || len(asked) != 0 {
		t.Errorf("before its refresh: %s, %d requests", got, len(asked))
	}
	now = now.Add(2 * time.Minute)
	fail = errors.New("out of order")
	if got := get(); got != "token 1" {
		t.Errorf("while the refresh fails: %s", got)
	}
	settled()
	fail = nil
	if got := get(); got != "token 1" {
		t.Errorf("while the refresh runs: %s", got)
	}
	settled()
	if got := get(); got != "token 2" {
		t.Errorf("after the refresh: %s", got)
	}
	now = now.Add(2 * time.Hour)
	fail = errors.New("out of order")
	if got := get(); got != "out of order" {
		t.Errorf("after its end: %s", got)
	}
}

func TestShortTokensAreRefreshedAtHalfTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for lifetime, want := range map[time.Duration]time.Duration{
		time.Hour: 55 * time.Minute, 10 * time.Minute: 5 * time.Minute, time.Minute: 30 * time.Second, 0: 0,
	} {
		if got := newToken("t", now, lifetime).refresh.Sub(now); got != want {
			t.Errorf("%s: refreshed after %s, want %s", lifetime, got, want)
		}
	}
}

func TestACallerThatGivesUpSpoilsNothing(t *testing.T) {
	cache := newTokenCache()
	started, finish := make(chan struct{}), make(chan struct{})
	fetch := func(ctx context.Context) (token, error) {
		close(started)
		<-finish
		return newToken("late", time.Now(), time.Hour), ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := cache.get(ctx, digest("key"), fetch); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(finish)
	got, err := cache.get(t.Context(), digest("key"), func(context.Context) (token, error) { return token{}, errors.New("asked twice") })
	if err != nil || got.text != "late" {
		t.Errorf("got %q, %v", got.text, err)
	}
}

func TestDigestsKeepTextsApart(t *testing.T) {
	if digest("ab", "c") == digest("a", "bc") || digest("a") == digest("a", "") {
		t.Error("different texts have one digest")
	}
}
