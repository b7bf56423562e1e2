package remote_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/value"
)

const token = "t0ken-CANARY"

func noSettings(string) string { return "" }

// client of a server that answers with a function.
func client(t *testing.T, prefix string, handle http.HandlerFunc) (*remote.Client, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	c, err := remote.New(remote.Options{Endpoint: s.URL + prefix, Token: token, Getenv: noSettings})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestACallHasTokenVersionPrefixAndBody(t *testing.T) {
	c, _ := client(t, "/api/mgmt/", func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		w.Header().Set("X-Ms-Workflow-Run-Id", "R")
		fmt.Fprintf(w, `{"seen":%q}`, strings.Join([]string{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body[:n])}, " "))
	})
	v, header, err := c.Do(t.Context(), http.MethodPut, c.Workflow("a b"), url.Values{"$top": {"5"}}, value.Object(value.Member{Key: "k", Value: value.Int(1)}))
	if err != nil {
		t.Fatal(err)
	}
	want := "PUT /api/mgmt/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Logic/workflows/a%20b?%24top=5&api-version=2019-05-01 Bearer " + token + ` application/json {"k":1}`
	if got := v.Member("seen").Str(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if header.Get("X-Ms-Workflow-Run-Id") != "R" {
		t.Error("the headers are missing")
	}
}

func TestListsGoThroughAllPages(t *testing.T) {
	pages := []string{`{"value":[1,2],"nextLink":"%s/?p=1"}`, `{"value":[],"nextLink":"%s/?p=2"}`, `{"value":[3]}`}
	asked := 0
	var base string
	c, s := client(t, "", func(w http.ResponseWriter, _ *http.Request) {
		text := pages[asked]
		if asked++; strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, base)
		}
		fmt.Fprint(w, text)
	})
	base = s.URL
	var got []int64
	for v, err := range c.List(t.Context(), "/x", nil) {
		if err != nil {
			t.Fatal(err)
		}
		n, _ := v.AsInt()
		got = append(got, n)
	}
	if fmt.Sprint(got) != "[1 2 3]" || asked != 3 {
		t.Errorf("got %v in %d pages", got, asked)
	}
}

func TestATokenGoesNowhereElse(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	c, _ := client(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprintf(w, `{"value":[1],"nextLink":"%s/"}`, other.URL)
	})
	var last error
	for _, err := range c.List(t.Context(), "/x", nil) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "leads to "+other.URL) || !strings.Contains(last.Error(), "use it as --endpoint") {
		t.Errorf("the second page: %v", last)
	}
	if _, _, err := c.Do(t.Context(), http.MethodGet, "/moved", nil, value.Value{}); err == nil || !strings.Contains(err.Error(), "not followed (307)") {
		t.Errorf("a redirect: %v", err)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("another server was called %d times", n)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		status     int
		body, want string
	}{
		{404, `{"error":{"code":"WorkflowNotFound","message":"The workflow 'x' could not be found."}}`, "WorkflowNotFound: The workflow 'x' could not be found."},
		{409, `{"code":"Conflict","message":"two\nlines \u001b[31m"}`, "Conflict: two lines [31m"},
		{403, `<html>`, "Forbidden: The app answers 403 Forbidden."},
		{404, ``, "NotFound: The app answers 404 Not Found."},
		{401, `{"error":"other"}`, "Unauthorized: The app answers 401 Unauthorized."},
	} {
		c, _ := client(t, "", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		})
		_, _, err := c.Do(t.Context(), http.MethodGet, "/x", nil, value.Value{})
		if err == nil || err.Error() != test.want {
			t.Errorf("%d %s: got %v, want %s", test.status, test.body, err, test.want)
		}
		if got, want := remote.NotFound(err), test.status == 404; got != want {
			t.Errorf("%d: not found is %t", test.status, got)
		}
	}
}

// What starts something is sent again only if it has surely not been carried out.
func TestRetries(t *testing.T) {
	for _, test := range []struct {
		method    string
		status    int
		wait      string
		wantCalls int
		want      string
	}{
		{"GET", 503, "Retry-After-Ms: 1", 2, ""},
		{"GET", 500, "Retry-After-Ms: 1", 2, ""},
		{"POST", 429, "Retry-After-Ms: 1", 2, ""},
		{"POST", 503, "Retry-After-Ms: 1", 2, ""},
		{"POST", 500, "Retry-After-Ms: 1", 1, "InternalServerError"},
		{"POST", 504, "Retry-After-Ms: 1", 1, "GatewayTimeout"},
		{"GET", 429, "Retry-After: 3600", 1, "Try again after 3600 seconds."},
		{"DELETE", 409, "Retry-After-Ms: 1", 1, "Conflict"},
	} {
		calls := 0
		c, _ := client(t, "", func(w http.ResponseWriter, _ *http.Request) {
			if calls++; calls == 1 {
				name, wait, _ := strings.Cut(test.wait, ": ")
				w.Header().Set(name, wait)
				w.WriteHeader(test.status)
			}
		})
		_, _, err := c.Do(t.Context(), test.method, "/x", nil, value.Value{})
		if calls != test.wantCalls || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %d: %d calls, %v", test.method, test.status, calls, err)
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }))
	defer s.Close()
	s.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := remote.New(remote.Options{Endpoint: s.URL, Token: token, CAFile: file, Getenv: noSettings})
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := c.Do(t.Context(), http.MethodGet, "/x", nil, value.Value{}); err != nil || !v.Has("ok") {
		t.Errorf("with its authority: %v", err)
	}
	if c, err = remote.New(remote.Options{Endpoint: s.URL, Token: token, Getenv: noSettings}); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Do(t.Context(), http.MethodPost, "/x", nil, value.Value{})
	if err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), token) {
		t.Errorf("without: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, test := range []struct{ endpoint, ca, want string }{
		{"", "", "want the address"},
		{"ftp://x", "", "want the address"},
		{"https://user@x", "", "want the address"},
		{"https://x?y=1", "", "want the address"},
		{"http://flows.example.com", "", "in the clear to flows.example.com"},
		{"http://localhost.example.com", "", "in the clear"},
		{"https://x", "nothing.pem", "--ca-cert: open nothing.pem"},
		{"https://x", "remote_test.go", "--ca-cert: want a PEM file"},
		{"http://LOCALHOST:1", "", ""},
		{"http://[::1]:1", "", ""},
	} {
		_, err := remote.New(remote.Options{Endpoint: test.endpoint, CAFile: test.ca, Token: token, Getenv: noSettings})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: %v", test.endpoint, test.ca, err)
		}
	}
}

func TestNobodyIsSignedIn(t *testing.T) {
	called := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer s.Close()
	settings := map[string]string{"LATCHWORK_CREDENTIALS": "environment"}
	c, err := remote.New(remote.Options{Endpoint: s.URL, Getenv: func(name string) string { return settings[name] }})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Do(t.Context(), http.MethodGet, "/x", nil, value.Value{})
	if err == nil || !strings.HasPrefix(err.Error(), "nobody is signed in here") || called {
		t.Errorf("got %v, called %t", err, called)
	}
}

func TestContentIsFetchedWithoutAToken(t *testing.T) {
	c, s := client(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token went along")
		}
		fmt.Fprint(w, "[1]")
	})
	if data, err := c.Content(t.Context(), s.URL+"/c?sig=SIGNED"); err != nil || string(data) != "[1]" {
		t.Errorf("got %s, %v", data, err)
	}
	s.Close()
	for _, link := range []string{s.URL + "/c?sig=SIGNED", "http://flows.example.com/?sig=SIGNED", "file:///etc/passwd?sig=SIGNED"} {
		if _, err := c.Content(t.Context(), link); err == nil || strings.Contains(err.Error(), "SIGNED") {
			t.Errorf("%s: %v", link, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Do(ctx, http.MethodGet, "/x", nil, value.Value{}); err != context.Canceled { //nolint:errorlint // as it is
		t.Errorf("given up: %v", err)
	}
}

func TestOtherAnswers(t *testing.T) {
	c, _ := client(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			for range 65 << 4 {
				_, _ = w.Write(make([]byte, 1<<16))
			}
			return
		}
		fmt.Fprint(w, "<html>")
	})
	if _, _, err := c.Do(t.Context(), http.MethodGet, "/x", nil, value.Value{}); err == nil || !strings.Contains(err.Error(), "not JSON") {
		t.Errorf("got %v", err)
	}
	if _, _, err := c.Do(t.Context(), http.MethodPost, "/large", nil, value.Value{}); err == nil || !strings.Contains(err.Error(), "more than 67108864 bytes") {
		t.Errorf("got %v", err)
	}
}
