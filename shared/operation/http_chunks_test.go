package operation_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

// ranged serves content in parts of at most size bytes, whatever is asked for.
func ranged(w http.ResponseWriter, r *http.Request, content string, size int, total string) {
	from, to := 0, size-1
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
	if from >= len(content) {
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	to = min(to, from+size-1, len(content)-1)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", from, to, total))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = io.WriteString(w, content[from:to+1])
}

func TestDownloadInChunks(t *testing.T) {
	content := strings.Repeat("0123456789", 25) // 250 bytes
	var ranges []string
	var secrets int
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if r.Header.Get("X-Api-Key") != "" && r.Header.Get("Authorization") != "" {
			secrets++
		}
		w.Header().Set("Content-Type", "text/plain")
		again := len(ranges) > 1
		switch r.URL.Path {
		case "/known":
			w.Header().Set("ETag", `"1"`)
			ranged(w, r, content, 100, "250")
		case "/unknown":
			ranged(w, r, content, 125, "*")
		case "/grows":
			ranged(w, r, content, 100, map[bool]string{false: "*", true: "250"}[again])
		case "/atonce":
			if again {
				_, _ = io.WriteString(w, content)
				return
			}
			ranged(w, r, content, 100, "250")
		case "/refuses":
			if again {
				w.WriteHeader(403)
				return
			}
			ranged(w, r, content, 100, "250")
		case "/changes":
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(ranges)))
			ranged(w, r, content, 100, "250")
		case "/repeats":
			r.Header.Del("Range")
			ranged(w, r, content, 100, "250")
		case "/lies":
			w.Header().Set("Content-Range", "bytes 0-99/250")
			w.WriteHeader(206)
			_, _ = io.WriteString(w, "short")
		case "/middle":
			w.Header().Set("Content-Range", "bytes 50-52/250")
			w.WriteHeader(206)
			_, _ = io.WriteString(w, "abc")
		case "/strange":
			w.Header().Set("Content-Range", "items 0-2/3")
			w.WriteHeader(206)
			_, _ = io.WriteString(w, "abc")
		case "/crumbs":
			ranged(w, r, strings.Repeat("x", 5000), 1, "5000")
		case "/huge":
			ranged(w, r, content, 100, "99999999999")
		case "/hugewithout":
			ranged(w, r, strings.Repeat("x", 9000), 1000, "*")
		}
	})
	c, err := outbound.New(outbound.Config{MaxBody: 8000})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, headers, runtime string
		code, body             string
		ranges                 string
		failed                 bool
	}{
		{"/known", "", "", "OK", content, "|bytes=100-199|bytes=200-249", false},
		{"/known", `,"Range":"bytes=0-9"`, "", "OK", content, "", false},
		{"/known", "", `{"contentTransfer":{"transferMode":"Chunked","downloadChunkSizeInMB":1}}`, "OK", content, "bytes=0-1048575|bytes=100-249|bytes=200-249", false},
		{"/unknown", "", "", "OK", content, "|bytes=125-249|bytes=250-374", false},
		{"/grows", "", "", "OK", content, "|bytes=100-199|bytes=200-249", false},
		{"/atonce", "", "", "OK", content, "|bytes=100-199", false},
		{"/refuses", "", "", "Forbidden", "null", "|bytes=100-199", true},
		{"/changes", "", "", "BadGateway", "", "|bytes=100-199", true},
		{"/repeats", "", "", "BadGateway", "", "|bytes=100-199", true},
		{"/lies", "", "", "PartialContent", "short", "", false},
		{"/middle", `,"Range":"bytes=50-52"`, "", "PartialContent", "abc", "bytes=50-52", false},
		{"/strange", "", "", "PartialContent", "abc", "", false},
		{"/crumbs", "", "", "MaxRequestCountReached", "", "", true},
		{"/huge", "", "", "BadRequest", "", "", true},
		{"/hugewithout", "", "", "BadRequest", "", "", true},
	} {
		t.Run(tt.path[1:], func(t *testing.T) {
			ranges, secrets = nil, 0
			call := operation.Call{Inputs: httpInputs(t, "GET", server.URL+tt.path, strings.Replace(withSecrets, `"If-Match":"*"`, `"X-B":"c"`+tt.headers, 1))}
			if tt.runtime != "" {
				call.Runtime = parse(t, tt.runtime)
			}
			o := attempt(t, operation.Deps{HTTP: c}, "Http", call)
			hides(t, o)
			if o.Code != tt.code || (o.Status == definition.Failed) != tt.failed || tt.body == "" != o.Outputs.IsAbsent() || secrets != len(ranges) {
				t.Fatalf("%d requests, %d with secrets, %+v", len(ranges), secrets, o)
			}
			body := o.Outputs.Member("body")
			if tt.body == "null" && !body.IsNull() || tt.body != "" && tt.body != "null" && body.Str() != tt.body {
				t.Errorf("body %s", body)
			}
			if got := strings.Join(ranges, "|"); tt.ranges != "" && got != tt.ranges {
				t.Errorf("asked for %s", got)
			}
			if headers := o.Outputs.Member("headers"); tt.code == "OK" && (headers.Has("Content-Range") || headers.Member("Content-Length").Str() != "250") {
				t.Errorf("headers %s", headers)
			}
			if tt.code == "BadGateway" != o.Retry {
				t.Errorf("retry %t", o.Retry)
			}
		})
	}
}

// chunkServer takes an upload as the product's protocol says.
type chunkServer struct {
	t        *testing.T
	chunk    int // suggested; 0: none
	behave   string
	started  int
	patches  int
	got      []byte
	sizes    []int
	location string
}

func (s *chunkServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch r.Method {
	case http.MethodPost, http.MethodPut:
		s.started++
		if s.behave == "plain" || r.Header.Get("x-ms-transfer-mode") != "chunked" {
			s.got = body
			return
		}
		if len(body) != 0 || r.Header.Get("Content-Type") != "" || r.Header.Get("x-ms-content-length") != "2500000" || r.Header.Get("Authorization") == "" {
			s.t.Errorf("announcement: %d bytes, %v", len(body), r.Header)
		}
		if s.behave == "refuse" {
			w.WriteHeader(413)
			return
		}
		if s.behave != "nowhere" {
			w.Header().Set("Location", s.location)
		}
		if s.chunk > 0 {
			w.Header().Set("x-ms-chunk-size", fmt.Sprint(s.chunk))
		}
	case http.MethodPatch:
		s.patches++
		if s.behave == "fail" && s.patches == 2 {
			w.WriteHeader(500)
			return
		}
		if s.behave == "halves" { // takes less than it is given
			body = body[:(len(body)+1)/2]
		}
		want := fmt.Sprintf("bytes %d-", len(s.got))
		if !strings.HasPrefix(r.Header.Get("Content-Range"), want) && s.behave != "stuck" || !strings.HasSuffix(r.Header.Get("Content-Range"), "/2500000") ||
			r.Header.Get("Content-Type") != "text/csv" || r.Header.Get("X-Api-Key") == "" || r.Header.Get("x-ms-transfer-mode") != "" {
			s.t.Errorf("chunk: %v", r.Header)
		}
		s.got = append(s.got, body...)
		s.sizes = append(s.sizes, len(body))
		switch s.behave {
		case "silent":
		case "lies":
			w.Header().Set("Range", "bytes=0-99999999")
		case "stuck":
			w.Header().Set("Range", "bytes=0-0")
		default:
			w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(s.got)-1))
		}
		if len(s.got) == 2500000 {
			w.Header().Set("Content-Type", "application/json")
			if s.behave == "async" {
				w.Header().Set("Location", "/job")
				w.WriteHeader(202)
			}
			_, _ = io.WriteString(w, `{"stored":true}`)
		}
	}
}

func TestUploadInChunks(t *testing.T) {
	content := strings.Repeat("0123456789", 250_000)
	body := `,"body":{"$content-type":"text/csv","$content":"` + base64.StdEncoding.EncodeToString([]byte(content)) + `"}` + withSecrets
	chunked := `{"contentTransfer":{"transferMode":"chunked","uploadChunkSizeInMB":1}}`
	for _, tt := range []struct {
		name, runtime, method, behave string
		suggested                     int
		code                          string
		patches                       int
		failed, retry                 bool
		error                         string
	}{
		{"as the action says", chunked, "POST", "", 0, "OK", 3, false, false, ""},
		{"as the server suggests", chunked, "PUT", "", 500_000, "OK", 5, false, false, ""},
		{"a server that wants more", chunked, "POST", "", 5_000_000, "OK", 3, false, false, ""},
		{"without confirmation", chunked, "POST", "silent", 0, "OK", 3, false, false, ""},
		{"half of each", chunked, "POST", "halves", 2_400_000, "OK", 0, false, false, ""},
		{"small enough", `{"contentTransfer":{"transferMode":"Chunked"}}`, "POST", "plain", 0, "OK", 0, false, false, ""},
		{"not chunked", `{"contentTransfer":{"uploadChunkSizeInMB":1}}`, "POST", "plain", 0, "OK", 0, false, false, ""},
		{"accepted at the end", chunked, "POST", "async", 0, "Accepted", 3, false, false, ""},
		{"refused", chunked, "POST", "refuse", 0, "RequestEntityTooLarge", 0, true, false, ""},
		{"not known there", chunked, "POST", "nowhere", 0, "BadRequest", 0, true, false, "ChunkedTransferFailed"},
		{"a chunk that fails", chunked, "POST", "fail", 0, "InternalServerError", 2, true, true, ""},
		{"a confirmation too far", chunked, "POST", "lies", 0, "BadRequest", 1, true, false, "ChunkedTransferFailed"},
		{"no progress", chunked, "POST", "stuck", 0, "BadRequest", 2, true, false, "ChunkedTransferFailed"},
		{"crumbs", chunked, "POST", "", 100, "MaxRequestCountReached", 999, true, false, "MaxRequestCountReached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &chunkServer{t: t, chunk: tt.suggested, behave: tt.behave, location: "session/1?sig=" + canary}
			server := serve(t, s.ServeHTTP)
			o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{
				Inputs: httpInputs(t, tt.method, server.URL+"/up/file", body), Runtime: parse(t, tt.runtime)})
			hides(t, o)
			if o.Code != tt.code || (o.Status == definition.Failed) != tt.failed || o.Retry != tt.retry || (o.Error == nil) != (tt.error == "") || tt.error != "" && o.Error.Code != tt.error {
				t.Fatalf("%+v", o)
			}
			if s.started != 1 || tt.patches > 0 && s.patches != tt.patches {
				t.Errorf("%d announcements, %d chunks of %v", s.started, s.patches, s.sizes)
			}
			if !tt.failed && string(s.got) != content {
				t.Errorf("%d bytes arrived", len(s.got))
			}
			if tt.behave == "async" && o.Again == 0 || tt.failed && tt.error != "MaxRequestCountReached" && o.Outputs.IsAbsent() {
				t.Errorf("%+v", o)
			}
			if !tt.failed && tt.behave == "" && string(value.Reveal(o.Outputs.Member("body"))) != `{"stored":true}` {
				t.Errorf("%s", o.Outputs)
			}
		})
	}
}

// TestChunksGoElsewhereWithoutCredentials: the session may be on another server.
func TestChunksGoElsewhereWithoutCredentials(t *testing.T) {
	var seen []http.Header
	storage := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen = append(seen, r.Header)
	})
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", storage.URL+"/session") })
	o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{
		Inputs:  httpInputs(t, "POST", server.URL, withSecrets+`,"body":"`+strings.Repeat("x", 1<<20+1)+`"`),
		Runtime: parse(t, `{"contentTransfer":{"transferMode":"Chunked","uploadChunkSizeInMB":1}}`)})
	if o.Code != "OK" || len(seen) != 2 {
		t.Fatalf("%d chunks, %+v", len(seen), o)
	}
	for _, h := range seen {
		if text := fmt.Sprint(h); strings.Contains(text, canary) || h.Get("Content-Range") == "" {
			t.Error(text)
		}
	}
}
