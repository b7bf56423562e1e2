package host_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
)

func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })
}

func standalone(t *testing.T, a host.App, s host.Settings, o host.Options) *host.Standalone {
	t.Helper()
	if s.FunctionTimeout == 0 {
		s.FunctionTimeout = time.Hour
	}
	h, err := host.NewStandalone(a, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func request(t *testing.T, h http.Handler, method, target string, header http.Header, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func levels() host.App {
	var a host.App
	for _, level := range []host.AuthLevel{host.Anonymous, host.KeyNeeded, host.Admin} {
		a.Functions = append(a.Functions, host.Function{Name: "F" + string(level), HTTP: &host.HTTP{
			Route: "level/" + string(level), Methods: []string{"GET"}, AuthLevel: level, Handler: echo(string(level)),
		}})
	}
	return a
}

// functions-host §9: the header wins over the query, without falling back.
func TestKeysAndLevels(t *testing.T) {
	const key = "canary-key"
	given := func(k string) http.Header { return http.Header{"X-Functions-Key": {k}} }
	for _, c := range []struct {
		name   string
		query  string
		header http.Header
		fits   bool
	}{
		{"none", "", nil, false},
		{"header", "", given(key), true},
		{"query", "?code=" + key, nil, true},
		{"both", "?code=" + key, given(key), true},
		{"wrong header, right query", "?code=" + key, given("x"), false},
		{"right header, wrong query", "?code=x", given(key), true},
		{"wrong", "?code=x", nil, false},
		{"empty", "?code=", nil, false},
		{"another case", "", given(strings.ToUpper(key)), false},
		{"cut", "", given(key[:5]), false},
		{"too long", "", given(key + "x"), false},
	} {
		locked := standalone(t, levels(), host.Settings{RoutePrefix: "api"}, host.Options{Key: key})
		unlocked := standalone(t, levels(), host.Settings{RoutePrefix: "api"}, host.Options{})
		for _, level := range []string{"anonymous", "function", "admin"} {
			want := http.StatusUnauthorized
			if c.fits || level == "anonymous" {
				want = http.StatusOK
			}
			w := request(t, locked, "GET", "/api/level/"+level+c.query, c.header.Clone(), "")
			if w.Code != want || want == http.StatusUnauthorized && w.Body.Len() > 0 {
				t.Errorf("%s, %s: %d %q", c.name, level, w.Code, w.Body)
			}
			if w := request(t, unlocked, "GET", "/api/level/"+level+c.query, c.header.Clone(), ""); w.Code != http.StatusOK {
				t.Errorf("%s, %s, without a key: %d", c.name, level, w.Code)
			}
		}
	}
}

// functions-host §5.4: the route and the method come before the key.
func TestNotFoundNeedsNoKey(t *testing.T) {
	h := standalone(t, levels(), host.Settings{RoutePrefix: "api"}, host.Options{Key: "k"})
	for _, c := range []struct{ method, path string }{
		{"POST", "/api/level/function"}, {"GET", "/api/level/other"}, {"GET", "/level/function"}, {"GET", "/api"}, {"POST", "/Ffunction"},
	} {
		if w := request(t, h, c.method, c.path, nil, ""); w.Code != http.StatusNotFound || w.Body.Len() > 0 {
			t.Errorf("%s %s: %d %q", c.method, c.path, w.Code, w.Body)
		}
	}
	if w := request(t, h, "GET", "/", nil, ""); w.Code != http.StatusOK {
		t.Errorf("the root: %d", w.Code)
	}
}

// What a client writes into headers of the platform is not true.
func TestPassThrough(t *testing.T) {
	var got *http.Request
	var body string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r, string(data)
		if deadline, ok := r.Context().Deadline(); !ok || time.Until(deadline) > time.Hour {
			t.Error("the function has no time limit")
		}
		w.Header().Set("X-Own", "1")
		w.WriteHeader(http.StatusTeapot)
	})
	h := standalone(t, host.App{Functions: []host.Function{
		{Name: "F", HTTP: &host.HTTP{Route: "f/{*rest}", Methods: []string{"PUT"}, AuthLevel: host.Anonymous, Handler: handler}},
	}}, host.Settings{RoutePrefix: "api"}, host.Options{})
	forged := []string{
		"X-Client-Ip", "Client-Ip", "X-Client-Port", "X-Original-Url", "X-Waws-Unencoded-Url", "Disguised-Host", "X-Arr-Ssl", "X-Forwarded-For",
		"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Ms-Client-Principal", "X-Ms-Client-Principal-Id",
		"X-Ms-Client-Principal-Name", "X-Ms-Client-Principal-Idp", "X-Ms-Invocation-Id", "X-Azure-Functions-Invocationid",
	}
	header := http.Header{"X-Caller": {"mine"}, "Content-Type": {"text/plain"}}
	for _, name := range forged {
		header.Set(name, "forged")
	}
	w := request(t, h, "PUT", "/api/f/a%2Fb/c?x=1&x=2", header, "text")
	if w.Code != http.StatusTeapot || w.Header().Get("X-Own") != "1" {
		t.Errorf("answer %d %v", w.Code, w.Header())
	}
	if got == nil {
		t.Fatal("the function was not called")
	}
	if got.RequestURI != "/api/f/a%2Fb/c?x=1&x=2" || got.Method != "PUT" || body != "text" || got.Header.Get("X-Caller") != "mine" {
		t.Errorf("the function saw %s %s %q %v", got.Method, got.RequestURI, body, got.Header)
	}
	for _, name := range forged {
		if got.Header.Get(name) == "forged" {
			t.Errorf("%s is the client's", name)
		}
	}
	if id := got.Header.Get("X-Azure-Functions-InvocationId"); !regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(id) {
		t.Errorf("invocation id %q", id)
	}
}

func TestBodyLimit(t *testing.T) {
	const limit = 104_857_600
	h := standalone(t, host.App{Functions: []host.Function{
		{Name: "F", HTTP: &host.HTTP{Route: "f/x", Methods: []string{"POST"}, AuthLevel: host.Anonymous, Handler: echo("")}},
	}}, host.Settings{}, host.Options{})
	for length, want := range map[int64]int{limit: http.StatusOK, limit + 1: http.StatusRequestEntityTooLarge} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/f/x", http.NoBody)
		r.ContentLength = length
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%d bytes: %d", length, w.Code)
		}
	}
}

// The part of the host's own API that people use (functions-host §9).
func TestAdminEndpoints(t *testing.T) {
	texts, ticks := make(chan host.QueueMessage, 16), make(chan host.Tick, 16)
	h := standalone(t, host.App{Functions: []host.Function{
		{Name: "Dispatch", Queue: &host.Queue{Name: "work", Handle: func(_ context.Context, m host.QueueMessage) error {
			texts <- m
			return nil
		}}},
		{Name: "Sweep", Timer: &host.Timer{Schedule: "0 * * * * *", Handle: func(_ context.Context, tick host.Tick) error {
			ticks <- tick
			return nil
		}}},
		web("Web", "web/x", "POST"),
	}}, host.Settings{RoutePrefix: "api"}, host.Options{Key: "k", Now: time.Now})
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		fires                   string
	}{
		{"GET", "/admin/host/ping", "", "", 200, ""},
		{"POST", "/admin/host/ping", "", "", 200, ""},
		{"GET", "/admin/host/status", "", "", 401, ""},
		{"GET", "/admin/host/status", "x", "", 401, ""},
		{"GET", "/admin/host/status", "k", "", 200, ""},
		{"GET", "/Admin/Host/Status", "k", "", 200, ""},
		{"POST", "/admin/functions/Dispatch", "", `{"input":"no"}`, 401, ""},
		{"POST", "/admin/functions/Dispatch", "k", `{"input":"hello"}`, 202, "hello"},
		{"POST", "/admin/functions/dispatch", "k", `{"input":"{\"a\":1}"}`, 202, `{"a":1}`},
		{"POST", "/admin/functions/Dispatch", "k", "", 202, ""},
		{"POST", "/admin/functions/Dispatch", "k", `{"input":`, 400, ""},
		{"POST", "/admin/functions/Dispatch", "k", `{"input":1}`, 400, ""},
		{"POST", "/admin/functions/Sweep", "k", `{"input":""}`, 202, "tick"},
		{"POST", "/admin/functions/Web", "k", `{}`, 404, ""}, // not for HTTP functions
		{"POST", "/admin/functions/Nothing", "k", `{}`, 404, ""},
		{"GET", "/admin/nothing", "k", "", 404, ""},
	} {
		header := http.Header{}
		if c.key != "" {
			header.Set("X-Functions-Key", c.key)
		}
		w := request(t, h, c.method, c.path, header, c.body)
		if w.Code != c.status {
			t.Errorf("%s %s %s: %d", c.method, c.path, c.body, w.Code)
			continue
		}
		switch {
		case c.fires == "tick":
			if tick := next(t, ticks); tick.PastDue {
				t.Error("a call by hand is not past due")
			}
		case c.status == 202:
			if m := next(t, texts); m.Text != c.fires || m.DequeueCount != 1 {
				t.Errorf("%s: %+v", c.body, m)
			}
		case strings.HasSuffix(strings.ToLower(c.path), "status") && c.status == 200:
			if !strings.Contains(w.Body.String(), `"state":"Running"`) {
				t.Errorf("status %s", w.Body)
			}
		}
	}
	if len(texts)+len(ticks) > 0 {
		t.Error("a refused call has fired a function")
	}
}

func TestFire(t *testing.T) {
	calls := 0
	h := standalone(t, host.App{Functions: []host.Function{
		{Name: "Sweep", Timer: &host.Timer{Schedule: "0 * * * * *", Handle: func(context.Context, host.Tick) error {
			calls++
			return nil
		}}},
		web("Web", "web/x", "POST"),
	}}, host.Settings{}, host.Options{})
	if err := h.Fire(t.Context(), "Sweep"); err != nil || calls != 1 {
		t.Errorf("%v, %d calls", err, calls)
	}
	for _, name := range []string{"Web", "Nothing", ""} {
		if err := h.Fire(t.Context(), name); err == nil {
			t.Errorf("%q was fired", name)
		}
	}
}
