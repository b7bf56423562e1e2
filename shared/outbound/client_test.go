package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// canary is a secret that stands in every request of these tests and must be in
// no error.
const canary = "canary-7Fq2-secret"

func newClient(t testing.TB, c outbound.Config) *outbound.Client {
	t.Helper()
	client, err := outbound.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func failureOf(t *testing.T, err error) *outbound.Failure {
	t.Helper()
	var f *outbound.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error is %T (%v), want a Failure", err, err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, f), canary) {
		t.Errorf("the failure shows the canary: %v", err)
	}
	return f
}

func pack(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func TestDoGivesWhatCameBack(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Saw", r.Header.Get("X-Sent")+"|"+r.Header.Get("User-Agent")+"|"+fmt.Sprint(r.ContentLength))
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/missing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); _, _ = io.WriteString(w, "no") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", http.StatusFound) })
	mux.HandleFunc("/packed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(pack("unpacked"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := newClient(t, outbound.Config{})

	t.Run("request and answer", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "POST", URL: server.URL + "/echo?sig=" + canary, Header: http.Header{"x-sent": {"a"}}, Body: []byte("hello")})
		if err != nil || a.StatusCode != 200 || string(a.Body) != "hello" || a.Header.Get("X-Saw") != "a|azure-logic-apps/1.0|5" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("400 and above is an answer", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL + "/missing"})
		if err != nil || a.StatusCode != 404 || string(a.Body) != "no" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("redirects are not followed", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL + "/moved"})
		if err != nil || a.StatusCode != 302 || a.Header.Get("Location") != "/echo" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("gzip is unpacked", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL + "/packed"})
		if err != nil || string(a.Body) != "unpacked" || a.Header.Get("Content-Encoding") != "" || a.Header.Get("Content-Length") != "" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("gzip is kept when asked", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL + "/packed", KeepCompressed: true})
		if err != nil || !bytes.Equal(a.Body, pack("unpacked")) || a.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
	t.Run("an answer to HEAD has no body to unpack", func(t *testing.T) {
		a, err := client.Do(t.Context(), &outbound.Request{Method: "HEAD", URL: server.URL + "/packed"})
		if err != nil || a.StatusCode != 200 || len(a.Body) != 0 {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func TestDoFailsInTheProductsWords(t *testing.T) {
	block := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-block:
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2048)) })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		for range 4 {
			_, _ = w.Write(make([]byte, 512))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(pack(strings.Repeat("0", 1<<20)))
	})
	mux.HandleFunc("/nogzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "plain text, not packed")
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(make([]byte, 10))
		panic(http.ErrAbortHandler)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(block)
	stranger := httptest.NewUnstartedServer(mux) // its certificate is nobody's
	stranger.Config.ErrorLog = quiet
	stranger.StartTLS()
	defer stranger.Close()
	cloud := cloudtest.Start(t)
	gone := closedAddress(t)

	tooLarge := "Http request failed as there is an error: 'Cannot write more bytes to the buffer than the configured maximum buffer size: 1024.'."
	tests := []struct {
		name    string
		request outbound.Request
		code    string
		message string
		retry   bool
	}{
		{"no host name", outbound.Request{URL: "http://no-such-host.invalid/?key=" + canary}, "UnresolvableHostName", "The provided host name 'no-such-host.invalid' could not be resolved.", true},
		{"unknown authority", outbound.Request{URL: stranger.URL + "/?key=" + canary}, "TrustFailure", "Http request failed as there is an error: 'Could not establish trust relationship for the SSL/TLS secure channel with authority '127.0.0.1'.'.", false},
		{"certificate of another host", outbound.Request{URL: "https://other.example/?key=" + canary}, "TrustFailure", "Http request failed as there is an error: 'Could not establish trust relationship for the SSL/TLS secure channel with authority 'other.example'.'.", false},
		{"no TLS there", outbound.Request{URL: strings.Replace(server.URL, "http:", "https:", 1)}, "SecureChannelFailure", "Http request failed as there is an error: 'The SSL connection could not be established.'.", false},
		{"nobody listens", outbound.Request{URL: "http://" + gone}, "ConnectFailure", "Http request failed as there is an error: 'No connection could be made because the target machine actively refused it.'.", true},
		{"no answer in time", outbound.Request{URL: server.URL + "/slow", Timeout: 50 * time.Millisecond}, "BadRequest", "Http request failed: the server did not respond within the timeout limit. Please see logic app limits at https://aka.ms/logic-apps-limits-and-config#http-limits.", true},
		{"too large by its own word", outbound.Request{URL: server.URL + "/large"}, "BadRequest", tooLarge, false},
		{"too large by and by", outbound.Request{URL: server.URL + "/stream"}, "BadRequest", tooLarge, false},
		{"too large unpacked", outbound.Request{URL: server.URL + "/bomb"}, "BadRequest", tooLarge, false},
		{"not gzip", outbound.Request{URL: server.URL + "/nogzip"}, "BadRequest", "Http request failed as there is an error: 'The body of the answer is not packed as its Content-Encoding says.'.", false},
		{"broken off", outbound.Request{URL: server.URL + "/broken"}, "ConnectionClosed", "Http request failed as there is an error: 'The connection with '127.0.0.1' broke before the answer was complete.'.", true},
		{"no address", outbound.Request{URL: canary}, "InvalidUri", "The provided 'uri' is not an absolute http or https address.", false},
		{"no web address", outbound.Request{URL: "file:///etc/" + canary}, "InvalidUri", "The provided 'uri' is not an absolute http or https address.", false},
		{"no method", outbound.Request{Method: "GE T", URL: server.URL}, "InvalidRequest", "The method or the address of the request is not valid.", false},
		{"header with a line break", outbound.Request{URL: server.URL, Header: http.Header{"X-Key": {canary + "\r\nX: y"}}}, "InvalidRequest", "The value of the header 'X-Key' is not valid.", false},
		{"header without a name", outbound.Request{URL: server.URL, Header: http.Header{canary + ":": {"x"}}}, "InvalidRequest", "The name of a header is not valid.", false},
	}
	client := newClient(t, outbound.Config{MaxBody: 1024, Roots: cloud.Roots(), ConnectTo: map[string]string{"other.example:443": cloud.Address()}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.request.Method == "" {
				tt.request.Method = "GET"
			}
			if tt.request.Header == nil {
				tt.request.Header = http.Header{"Authorization": {"Bearer " + canary}}
			}
			a, err := client.Do(t.Context(), &tt.request)
			if a != nil || err == nil {
				t.Fatalf("got %+v, %v", a, err)
			}
			f := failureOf(t, err)
			if f.Code != tt.code || f.Message != tt.message || f.Retryable != tt.retry {
				t.Errorf("got %s: %s (retry %t)", f.Code, f.Message, f.Retryable)
			}
			var api smithy.APIError = f
			if api.ErrorCode() != tt.code || api.ErrorMessage() != tt.message || (api.ErrorFault() == smithy.FaultServer) != tt.retry {
				t.Errorf("as an APIError: %s, %s, %s", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault())
			}
		})
	}
}

func TestDoEndsWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	_, err := newClient(t, outbound.Config{}).Do(ctx, &outbound.Request{Method: "GET", URL: server.URL})
	if f := failureOf(t, err); !errors.Is(err, context.Canceled) || f.Code != "OperationCanceled" {
		t.Errorf("got %v", err)
	}
}

func TestEgressLooksAtTheAddressDialled(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	strict := outbound.Config{DenyLoopback: true, DenyPrivate: true}
	tests := []struct {
		name   string
		config outbound.Config
		url    string
		ok     bool
	}{
		{"loopback on a laptop", outbound.Config{}, server.URL, true},
		{"loopback by name", outbound.Config{DenyLoopback: true}, "http://localhost:" + port, false},
		{"loopback", outbound.Config{DenyLoopback: true}, server.URL, false},
		{"loopback written as IPv6", outbound.Config{DenyLoopback: true}, "http://[::ffff:127.0.0.1]:" + port, false},
		{"loopback the operator points to", outbound.Config{DenyLoopback: true, ConnectTo: map[string]string{"api.example:80": server.Listener.Addr().String()}}, "http://API.example/", true},
		{"a number the operator points elsewhere", outbound.Config{ConnectTo: map[string]string{"169.254.169.254:80": server.Listener.Addr().String()}}, "http://169.254.169.254/", true},
		{"metadata", outbound.Config{}, "http://169.254.169.254/metadata/instance", false},
		{"metadata written as IPv6", outbound.Config{}, "http://[::ffff:169.254.169.254]/", false},
		{"metadata through NAT64", outbound.Config{}, "http://[64:ff9b::a9fe:a9fe]/", false},
		{"link-local IPv6", outbound.Config{}, "http://[fe80::1]/", false},
		{"metadata of another cloud", outbound.Config{}, "http://[fd00:ec2::254]/", false},
		{"the platform's own address", outbound.Config{}, "http://168.63.129.16/", false},
		{"unspecified", outbound.Config{}, "http://0.0.0.0:" + port, false},
		{"private", strict, "http://10.0.0.1/", false},
		{"private IPv6", strict, "http://[fd12::1]/", false},
		{"shared", strict, "http://100.64.1.1/", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newClient(t, tt.config).Do(t.Context(), &outbound.Request{Method: "GET", URL: tt.url, Timeout: 5 * time.Second})
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if f := failureOf(t, err); f.Code != "EgressNotAllowed" || f.Retryable {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	client := newClient(t, outbound.Config{})
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			body := []byte(fmt.Sprintf("body %d", i))
			a, err := client.Do(t.Context(), &outbound.Request{Method: "POST", URL: server.URL, Body: body})
			if err != nil || !bytes.Equal(a.Body, body) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wait.Wait()
}

func BenchmarkDo(b *testing.B) {
	answer := make([]byte, 1024)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	client := newClient(b, outbound.Config{})
	request := &outbound.Request{Method: "POST", URL: server.URL, Body: make([]byte, 1024), Header: http.Header{"Content-Type": {"application/json"}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Do(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}
