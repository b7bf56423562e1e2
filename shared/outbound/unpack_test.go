package outbound_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/outbound"
)

func deflated(text string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func zlibbed(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func TestBodiesAreUnpackedAsTheySay(t *testing.T) {
	text := strings.Repeat("unpacked ", 50)
	broken := pack(text)
	broken[len(broken)-6] ^= 0xff
	tests := []struct {
		name, encoding string
		body           []byte
		want, left     string // left: the Content-Encoding that remains
		code           string
	}{
		{"gzip", "gzip", pack(text), text, "", ""},
		{"its old name", "X-GZIP", pack(text), text, "", ""},
		{"deflate with a frame", "deflate", zlibbed(text), text, "", ""},
		{"deflate without one", "deflate", deflated(text), text, "", ""},
		{"twice", "deflate, gzip", pack(string(zlibbed(text))), text, "", ""},
		{"identity", "identity", []byte(text), text, "identity", ""},
		{"empty", "gzip", nil, "", "", ""},
		{"not known", "br", []byte("\x0b\x02"), "\x0b\x02", "br", ""},
		{"one of them not known", "br, gzip", pack("x"), string(pack("x")), "br, gzip", ""},
		{"too often", "gzip, gzip, gzip, gzip", []byte("x"), "x", "gzip, gzip, gzip, gzip", ""},
		{"no deflate", "deflate", []byte("plain text"), "", "", "BadRequest"},
		{"a wrong sum", "gzip", broken, "", "", "BadRequest"},
		{"broken off", "gzip", pack(text)[:20], "", "", "ConnectionClosed"},
		{"a bomb", "deflate", zlibbed(strings.Repeat("0", 1<<20)), "", "", "BadRequest"},
		{"a bomb in a bomb", "gzip, gzip", pack(string(pack(strings.Repeat("0", 1<<22)))), "", "", "BadRequest"},
	}
	client := newClient(t, outbound.Config{MaxBody: 4096})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != "gzip, deflate" {
					t.Errorf("Accept-Encoding: %s", got)
				}
				w.Header().Set("Content-Encoding", tt.encoding)
				_, _ = w.Write(tt.body)
			}))
			defer server.Close()
			a, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL, Header: http.Header{"Authorization": {canary}}})
			if tt.code != "" {
				if f := failureOf(t, err); f.Code != tt.code {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || string(a.Body) != tt.want || a.Header.Get("Content-Encoding") != tt.left {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

func TestARangeIsNotAskedForPacked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
	}))
	defer server.Close()
	a, err := newClient(t, outbound.Config{}).Do(t.Context(), &outbound.Request{Method: "GET", URL: server.URL, Header: http.Header{"Range": {"bytes=0-9"}}})
	if err != nil || string(a.Body) != "identity" {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestARequestMayOnlyAskForLess: what the operator allows is the most.
func TestARequestMayOnlyAskForLess(t *testing.T) {
	slow := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" { // a body that never ends and brings nothing
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-slow:
			}
			return
		}
		_, _ = w.Write(make([]byte, 3000))
	}))
	defer server.Close()
	defer close(slow)
	client := newClient(t, outbound.Config{Timeout: 100 * time.Millisecond, MaxBody: 2048})
	for _, r := range []outbound.Request{
		{Method: "GET", URL: server.URL, MaxBody: 1 << 20},
		{Method: "GET", URL: server.URL, MaxBody: 10},
		{Method: "GET", URL: server.URL + "/slow", Timeout: time.Hour},
		{Method: "GET", URL: server.URL + "/slow", Timeout: 20 * time.Millisecond},
	} {
		if _, err := client.Do(t.Context(), &r); failureOf(t, err).Code != "BadRequest" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if client.MaxBody() != 2048 {
		t.Error(client.MaxBody())
	}
}
