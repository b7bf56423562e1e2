package host_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
)

// serving serves one function, as /f/{*path}, until the test ends.
func serving(t *testing.T, o host.Options, h http.Handler) string {
	t.Helper()
	app := host.App{Functions: []host.Function{{Name: "F", HTTP: &host.HTTP{Route: "f/{*path}", AuthLevel: host.Anonymous, Handler: h}}}}
	s := standalone(t, app, host.Settings{}, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ctx, l, time.Second) }() // ends with the test
	t.Cleanup(func() { stop(); <-done })
	return l.Addr().String()
}

// Who stops in the middle of a body is cut off, and the function learns it.
func TestABodyThatStops(t *testing.T) {
	ended := make(chan error, 1)
	address := serving(t, host.Options{Pause: 50 * time.Millisecond}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		ended <- err
	}))
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /f/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("half a body was taken for a whole one")
	}
}

// Who takes nothing of an answer is cut off.
func TestAnAnswerThatNobodyTakes(t *testing.T) {
	ended := make(chan error, 1)
	address := serving(t, host.Options{Pause: 50 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 256<<10)
		for {
			if _, err := w.Write(piece); err != nil {
				ended <- err
				return
			}
		}
	}))
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /f/x HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// A function that takes longer than the pause is not hurried, with and without a
// body, and the connection serves on.
func TestASlowFunctionIsNotHurried(t *testing.T) {
	pause := 500 * time.Millisecond // far above what a busy machine delays
	address := serving(t, host.Options{Pause: pause}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		select {
		case <-time.After(pause + pause/4):
		case <-r.Context().Done():
			err = r.Context().Err()
		}
		if err != nil {
			t.Error(err)
		}
		if len(body) > 0 {
			_, _ = w.Write(body)
		} else {
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for range 2 {
		for request, want := range map[string]string{
			"POST /f/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody": "200 OK",
			"GET /f/x HTTP/1.1\r\nHost: h\r\n\r\n":                           "202 Accepted",
		} {
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.Status != want {
				t.Errorf("%s, %v", answer.Status, err)
			}
			answer.Body.Close()
		}
	}
}

// A header that is longer than anybody's is refused before any function sees it.
func TestAHeaderThatIsTooLong(t *testing.T) {
	address := serving(t, host.Options{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/f/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 80<<10))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", answer.StatusCode)
	}
}

// selfSigned is a certificate of this machine, and who trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// inbound-security §8: TLS 1.2 at least. HTTP/2 obeys the same pauses.
func TestTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	stopped := make(chan error, 1)
	address := serving(t, host.Options{Pause: 500 * time.Millisecond, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			if r.ContentLength > 0 {
				stopped <- err
			}
			_, _ = io.WriteString(w, r.Proto)
		}))
	for version, works := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version})
		if (err == nil) != works {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + address + "/f/x")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || string(body) != "HTTP/2.0" {
		t.Errorf("%s, %v", body, err)
	}
	reader, writer := io.Pipe()
	defer writer.Close()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+address+"/f/x", reader)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 100
	go func() { _, _ = io.WriteString(writer, "half") }() // fails when nobody reads any more
	go func() {
		if answer, err := client.Do(r); err == nil {
			answer.Body.Close()
		}
	}()
	if err := <-stopped; err == nil {
		t.Error("half a body was taken for a whole one")
	}
}

// Headers about the caller are believed only where the operator says who wrote them.
func TestTrustedHeaders(t *testing.T) {
	for _, trusted := range [][]string{nil, {"X-Forwarded-For"}, {"X-Client-Ip", "Client-Ip"}} {
		var seen http.Header
		app := host.App{Functions: []host.Function{{Name: "F", HTTP: &host.HTTP{Route: "f", AuthLevel: host.Anonymous, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() })}}}}
		given := http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Client-Ip": {"1.2.3.4"}, "Client-Ip": {"1.2.3.4:5"}, "X-Ms-Client-Principal": {"x"}}
		request(t, standalone(t, app, host.Settings{}, host.Options{Trusted: trusted}), "GET", "/f", given.Clone(), "")
		for name := range given {
			want := false
			for _, one := range trusted {
				want = want || one == name
			}
			if got := seen.Get(name) != ""; got != want {
				t.Errorf("%v: %s arrives: %v", trusted, name, got)
			}
		}
	}
}
