package handlers_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is what the runs call. What it answers depends on nothing but the call.
type upstream struct {
	server *httptest.Server
	url    string

	mu    sync.Mutex
	calls map[string]*upstreamCall // by tracking id and path
	other []string                 // what was wrong with calls
	left  int                      // calls until die; 0: never
	die   func()
	done  chan struct{}
	work  sync.WaitGroup
}

type upstreamCall struct {
	body     string
	times    int
	attempts int  // as its record says
	claimed  bool // a record has this tracking id
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{calls: map[string]*upstreamCall{}, done: make(chan struct{})}
	u.server = httptest.NewServer(u)
	u.url = u.server.URL
	t.Cleanup(func() {
		close(u.done)
		u.work.Wait()
		u.server.Close()
	})
	return u
}

// arm lets die be called when the n-th call from now arrives.
func (u *upstream) arm(n int, die func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left, u.die = n, die
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the victim died
	}
	var sent struct{ ID, Callback string }
	if err := json.Unmarshal(body, &sent); err != nil {
		u.note("a call with the body " + string(body))
	}
	u.count(r.Header.Get("x-ms-action-tracking-id"), r.URL.Path, string(body))
	if sent.Callback != "" {
		u.work.Go(func() { u.callBack(sent.Callback, sent.ID) })
	}
	w.Header()["Date"] = nil
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/fail" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	answer, _ := json.Marshal(map[string]string{"id": sent.ID, "path": r.URL.Path})
	_, _ = w.Write(answer) // the victim may be dead
}

func (u *upstream) count(tracking, path, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := tracking + " " + path
	switch c := u.calls[key]; {
	case tracking == "":
		u.other = append(u.other, "a call of "+path+" without a tracking id")
	case c == nil:
		u.calls[key] = &upstreamCall{body: body, times: 1}
	default:
		if c.times++; c.body != body {
			u.other = append(u.other, "a repeat of "+path+" has other bytes: "+body+" after "+c.body)
		}
	}
	if u.left > 0 {
		if u.left--; u.left == 0 {
			u.work.Go(u.die)
		}
	}
}

// called tells how often a path was called.
func (u *upstream) called(path string) (times int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, c := range u.calls {
		if strings.HasSuffix(key, " "+path) {
			times += c.times
		}
	}
	return times
}

func (u *upstream) note(what string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.other = append(u.other, what)
}

// callBack calls until somebody takes it: 409 says that it was taken before.
func (u *upstream) callBack(url, id string) {
	for {
		answer, err := http.Post(url, "application/json", strings.NewReader(`{"approved":"`+id+`"}`))
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusConflict {
				return
			}
		}
		select {
		case <-u.done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// check looks at the calls that a run must have made: at least once each.
func (u *upstream) check(t *testing.T, r readRun) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range r.calls {
		call := u.calls[c.tracking+" "+c.path]
		if call == nil {
			t.Errorf("%s %s: %s was not called as its record says", r.workflow, r.id, c.path)
			continue
		}
		call.claimed, call.attempts = true, c.attempts
		if c.attempts > call.times {
			t.Errorf("%s %s: %s was called %d times in %d attempts", r.workflow, r.id, c.path, call.times, c.attempts)
		}
		if !strings.Contains(call.body, r.id) {
			t.Errorf("%s %s: %s was sent %s", r.workflow, r.id, c.path, call.body)
		}
	}
}

// checkAll looks for calls that belong to no record.
func (u *upstream) checkAll(t *testing.T) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, problem := range u.other {
		t.Error(problem)
	}
	repeats := 0
	for key, c := range u.calls {
		repeats += c.times - max(c.attempts, 1)
		if !c.claimed {
			t.Errorf("a call that no record tells of: %s", key)
		}
	}
	t.Logf("%d calls, %d made again that no retry policy asked for", len(u.calls), repeats)
}
