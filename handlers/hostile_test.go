package handlers_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// mostMemory is what the process may take whatever it is fed, in MiB.
const mostMemory = 512

// reports is a workflow that makes a call and answers with what history says of it.
func reports(address string) string {
	return `{"triggers":{"manual":{"type":"Request"}},"actions":{"Call":{"type":"Http","inputs":{"method":"GET","uri":"` + address + `","retryPolicy":{"type":"none"}}},
		"Response":{"type":"Response","inputs":{"body":{"status":"@actions('Call')['status']","code":"@actions('Call')['code']","error":"@actions('Call')?['error']"}},"runAfter":{"Call":["Succeeded","Failed","TimedOut"]}}}}`
}

// upstreams are servers that mean no good.
func upstreams(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	})
	mux.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		for tick := time.NewTicker(50 * time.Millisecond); ; { // what it sends is never all
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			case <-over:
				return
			}
		}
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/redirect", http.StatusFound) })
	mux.HandleFunc("/accepted", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/never")
		w.WriteHeader(http.StatusAccepted)
	})
	block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	endless := func(w http.ResponseWriter, r *http.Request) {
		for range 10 << 10 { // 10 GB
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	mux.HandleFunc("/endless", endless)
	mux.HandleFunc("/declared", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10737418240")
		endless(w, r)
	})
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "[")
		for range 90 {
			if _, err := w.Write(bytes.Repeat([]byte("1,"), 1<<19)); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, "1]")
	})
	hijacked := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}
	mux.HandleFunc("/closes", hijacked("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"))
	mux.HandleFunc("/nonsense", hijacked("220 smtp.example ready\r\n"))
	mux.HandleFunc("/headers", hijacked("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 12<<20)+"\r\n\r\n"))
	mux.HandleFunc("/chunks", hijacked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// Whatever an upstream does, history says honestly how the call ended, and other runs
// go on.
func TestHostileUpstreams(t *testing.T) {
	address := upstreams(t)
	want := map[string][2]string{ // status, and what the code or the error holds
		"never": {"Failed", "within the timeout limit"}, "trickle": {"Failed", "within the timeout limit"}, "redirect": {"Failed", "Found"},
		"endless": {"Failed", "buffer size: 104857600"}, "declared": {"Failed", "buffer size: 104857600"}, "json": {"Failed", "too many values"},
		"closes": {"Failed", "ConnectionClosed"}, "nonsense": {"Failed", "ConnectionClosed"}, "headers": {"Failed", "ConnectionClosed"}, "chunks": {"Failed", "ConnectionClosed"},
	}
	definitions := map[string]string{"other": responds(`{"body":"fine"}`)}
	for name := range want {
		definitions[name] = reports(address + "/" + name)
	}
	s, hurried := serveBuilt(t, definitions), serveBuilt(t, definitions, "LATCHWORK_HTTP_TIMEOUT=1s")
	var group sync.WaitGroup
	for name, c := range want {
		group.Go(func() {
			s := s
			if name == "never" || name == "trickle" {
				s = hurried
			}
			got := s.do(t, name, "POST", "", nil, "")
			v, err := value.Parse([]byte(got.body))
			if err != nil || v.Member("status").Str() != c[0] || !strings.Contains(got.body, c[1]) {
				t.Errorf("%s: %d %.500s, want %v", name, got.status, got.body, c)
			}
		})
	}
	for range 20 {
		if got := s.do(t, "other", "POST", "", nil, ""); got.body != "fine" {
			t.Errorf("another run: %d %s", got.status, got.body)
		}
	}
	group.Wait()
	if peak := s.peak(t); peak > mostMemory {
		t.Errorf("the process took %d MiB", peak)
	} else {
		t.Logf("%d MiB at most", peak)
	}
}

// limited keeps the beginning of what is written.
type limited struct {
	b    *bytes.Buffer
	most int
}

func (l *limited) Write(p []byte) (int, error) {
	l.b.Write(p[:min(len(p), max(l.most-l.b.Len(), 0))])
	return len(p), nil
}

// repeated reads a text over and over, n bytes in all.
type repeated struct {
	text string
	n    int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.n > 0 {
		m := copy(p[n:min(len(p), n+int(min(r.n, int64(len(r.text)))))], r.text)
		n += m
		r.n -= int64(m)
	}
	return n, nil
}

// noise cannot be packed.
var noise = func() string {
	b := make([]byte, 9<<20)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}()

// Bodies as large as they may be, and larger.
func TestHostileBodies(t *testing.T) {
	const most = 100 << 20
	definitions := map[string]string{"other": responds(`{"body":"fine"}`), "ignored": responds(`{"body":"ok"}`), "echo": responds(`{"body":"@triggerBody()"}`)}
	for _, c := range []struct {
		name, workflow, contentType, begin, text, end string
		size                                          int64
		status                                        int
	}{
		{"too large", "ignored", "application/octet-stream", "", "x", "", most + 1, 413},
		{"echo", "echo", "image/png", "", noise, "", most, 200},
		{"text", "ignored", "text/plain", "", "0123456789", "", most, 200},
		{"string", "ignored", "application/json", `"`, "0123456789", `"`, most - 10, 200},
		{"numbers", "ignored", "application/json", `[`, "1,", `1]`, most - 10, 413},
		{"members", "ignored", "application/json", `{`, `"a":1,`, `"a":1}`, most - 22, 413},
		{"nesting", "ignored", "application/json", ``, `[`, ``, most, 413},
		{"form", "ignored", "application/x-www-form-urlencoded", ``, `&`, ``, most, 200},
		{"parts", "ignored", "multipart/form-data; boundary=x", ``, "--x\r\n\r\n\r\n", `--x--`, most - 8, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveBuilt(t, definitions)
			body := io.MultiReader(strings.NewReader(c.begin), &repeated{c.text, c.size}, strings.NewReader(c.end))
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.urls[c.workflow], body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", c.contentType)
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			n, err := io.Copy(&limited{&text, 500}, answer.Body)
			answer.Body.Close()
			if answer.StatusCode != c.status || err != nil || c.workflow == "echo" && n != most {
				t.Errorf("%d, %d bytes, %v: %s", answer.StatusCode, n, err, &text)
			}
			if got := s.do(t, "other", "POST", "", nil, ""); got.body != "fine" {
				t.Errorf("another run: %d %s", got.status, got.body)
			}
			if peak := s.peak(t); peak > mostMemory {
				t.Errorf("the process took %d MiB", peak)
			} else {
				t.Logf("%d MiB at most", peak)
			}
		})
	}
}

// An Until that never ends is ended by its limit; one without a limit that matters can
// be cut short by the duration of runs. What runs beside it does not notice.
func TestUntilThatNeverEnds(t *testing.T) {
	until := `{"triggers":{"manual":{"type":"Request"}},"actions":{"Loop":{"type":"Until","expression":"@equals(1,2)","limit":{"count":5000,"timeout":"%s"},"operationOptions":"FailWhenLimitsReached","actions":{"Wait":{"type":"%s","inputs":%s}}},
		"Response":{"type":"Response","inputs":{"body":{"status":"@actions('Loop')['status']","code":"@actions('Loop')['code']"}},"runAfter":{"Loop":["Succeeded","Failed","TimedOut"]}}}}`
	s := serveBuilt(t, map[string]string{
		"other":    responds(`{"body":"fine"}`),
		"count":    strings.Replace(fmt.Sprintf(until, "PT1H", "Compose", `1`), "5000", "500", 1),
		"time":     fmt.Sprintf(until, "PT0S", "Compose", `1`),
		"duration": fmt.Sprintf(until, "P1D", "Wait", `{"interval":{"count":1,"unit":"Second"}}`),
	}, "LATCHWORK_RUN_DURATION=2s")
	var group sync.WaitGroup
	for name, want := range map[string]string{
		"count": `{"status":"Failed","code":"CountLimitReached"}`, "time": `{"status":"Failed","code":"TimeLimitReached"}`, "duration": "NoResponse",
	} {
		group.Go(func() {
			if got := s.do(t, name, "POST", "", nil, ""); !strings.Contains(got.body, want) {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		})
	}
	for range 20 {
		if got := s.do(t, "other", "POST", "", nil, ""); got.body != "fine" {
			t.Errorf("another run: %d %s", got.status, got.body)
		}
	}
	group.Wait()
	if peak := s.peak(t); peak > mostMemory {
		t.Errorf("the process took %d MiB", peak)
	}
}
