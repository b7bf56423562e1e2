package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// echoing is a service that gives back all that it is sent, but for what it is sent to
// /sink: of a text that is no credential nobody can know it when it comes back.
type echoing struct {
	url  string
	work sync.WaitGroup
	stop chan struct{}

	mu   sync.Mutex
	left int
	kill func()
	dead chan struct{}
	done map[string]bool
}

func newEchoing(t *testing.T) *echoing {
	e := &echoing{done: map[string]bool{}, stop: make(chan struct{}), dead: make(chan struct{})}
	server := httptest.NewServer(e)
	e.url = server.URL
	t.Cleanup(func() {
		close(e.stop)
		e.work.Wait()
		server.Close()
	})
	return e
}

func (e *echoing) onCall(n int, kill func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left, e.kill = n, kill
}

func (e *echoing) awaitKill(t *testing.T) {
	select {
	case <-e.dead:
	case <-time.After(60 * time.Second):
		t.Fatal("there were not enough calls")
	}
}

func (e *echoing) ended() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.done)
}

func (e *echoing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller died
	}
	e.mu.Lock()
	if r.URL.Path == "/done" {
		e.done[string(body)] = true
	}
	if e.left > 0 {
		if e.left--; e.left == 0 {
			e.work.Go(func() { e.kill(); close(e.dead) })
		}
	}
	e.mu.Unlock()
	if r.URL.Path == "/sink" {
		return
	}
	answer, _ := json.Marshal(map[string]any{"url": r.URL.String(), "headers": r.Header, "text": string(body), "encoded": body})
	switch r.URL.Path {
	case "/bytes":
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(append([]byte{0, 1, 255}, body...))
		return
	case "/token":
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"issued":%q}`, base64.StdEncoding.EncodeToString(body))
		return
	case "/subscribe":
		var sent struct{ Callback string }
		if json.Unmarshal(body, &sent) == nil && sent.Callback != "" {
			e.work.Go(func() { e.callBack(sent.Callback, answer) })
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Echo", base64.StdEncoding.EncodeToString(body[:min(len(body), 3000)]))
	switch r.URL.Path {
	case "/fail":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "/refuse":
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(answer)
}

func (e *echoing) callBack(url string, body []byte) {
	for {
		answer, err := http.Post(url, "application/json", bytes.NewReader(body))
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusConflict {
				return
			}
		}
		select {
		case <-e.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}
