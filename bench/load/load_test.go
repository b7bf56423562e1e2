package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store/local"
)

// TestMain lets this binary be the servers that the harness starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "upstream" || os.Args[1] == "handwritten") {
		os.Exit(command(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func TestHandlersWriteWhatTheyAreNamedFor(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":"7","path":"/users"}`)
	}))
	defer up.Close()
	for writes, columns := range [][]string{nil, {"In"}, {"In", "Out"}} {
		backend, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Close()
		server := httptest.NewServer(&handler{upstream: up.URL, writes: writes, backend: backend, client: http.DefaultClient})
		defer server.Close()
		r, err := newRequest(server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := newCaller(r).call(); err != nil {
			t.Error(err)
		}
		rows, _, err := backend.Range(t.Context(), "calls", "", "~", 10, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		version := ""
		for _, row := range rows {
			version = row.ETag
			for name := range row.Properties {
				got = append(got, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, columns) || writes > 0 && version != string(rune('0'+writes)) {
			t.Errorf("%d writes: %q in version %q", writes, got, version)
		}
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, id string){
		"status":            func(w http.ResponseWriter, id string) { w.WriteHeader(http.StatusAccepted) },
		"another call's":    func(w http.ResponseWriter, id string) { _, _ = io.WriteString(w, `{"name":"/users","of":"1"}`) },
		"not JSON":          func(w http.ResponseWriter, id string) { _, _ = io.WriteString(w, "ok") },
		"connection closed": func(w http.ResponseWriter, id string) { panic(http.ErrAbortHandler) },
	} {
		m := callServer(t, time.Minute, answer) // enough errors end it
		s := newSample(m)
		if s.Errors < enough || s.Calls != 0 || s.Error == "" {
			t.Errorf("%s: %+v", name, s)
		}
		r := &report{Samples: []sample{s}}
		if err := r.failed(); err == nil || !strings.Contains(err.Error(), "calls failed") {
			t.Errorf("%s: the report says %v", name, err)
		}
	}
}

func TestRightAnswersInAnyForm(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, id string){
		"with spaces": func(w http.ResponseWriter, id string) {
			_, _ = io.WriteString(w, "{ \"of\": \""+id+"\",\n\"name\": \"/users\" }")
		},
		"without keep-alive": func(w http.ResponseWriter, id string) {
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, `{"name":"/users","of":"`+id+`"}`)
		},
	} {
		if m := callServer(t, time.Second, answer); m.errors != 0 || len(m.latencies) == 0 {
			t.Errorf("%s: %d calls, %d errors, %v", name, len(m.latencies), m.errors, m.err)
		}
	}
}

func callServer(t *testing.T, length time.Duration, answer func(w http.ResponseWriter, id string)) measured {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Test") != "1" {
			t.Errorf("a call with %v, header %v", err, r.Header)
		}
		answer(w, in.ID)
	}))
	defer server.Close()
	r, err := newRequest(server.URL+"/x?y=1", http.Header{"X-Test": {"1"}})
	if err != nil {
		t.Fatal(err)
	}
	return callFor(t.Context(), r, 2, 0, length, func() {})
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r, err := newRequest("http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := newSample(callFor(t.Context(), r, 1, 0, time.Minute, func() {})); s.Errors == 0 || s.Error == "" {
		t.Errorf("%+v", s)
	}
	if s := newSample(measured{}); s.Errors == 0 {
		t.Error("no call at all is a measurement")
	}
}

func TestPercentilesAndMedians(t *testing.T) {
	var list []time.Duration
	for i := range 200 {
		list = append(list, time.Duration(i+1)*time.Millisecond)
	}
	for p, want := range map[float64]float64{50: 100, 95: 190, 99: 198, 100: 200} {
		if got := percentile(list, p); got != want {
			t.Errorf("p%v is %v, want %v", p, got, want)
		}
	}
	if got := percentile(list[:1], 50); got != 1 {
		t.Errorf("of one: %v", got)
	}
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median of three: %v", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
}

// TestRatiosAreOfTheSameRepetition: a machine that slows down slows both.
func TestRatiosAreOfTheSameRepetition(t *testing.T) {
	r := &report{Samples: []sample{
		{Target: latchwork.name, Callers: 16, Repetition: 1, Calls: 1, PerSecond: 100, P99: 8},
		{Target: baseline, Callers: 16, Repetition: 1, Calls: 1, PerSecond: 200, P99: 4},
		{Target: latchwork.name, Callers: 16, Repetition: 2, Calls: 1, PerSecond: 10, P99: 80},
		{Target: baseline, Callers: 16, Repetition: 2, Calls: 1, PerSecond: 20, P99: 40},
	}}
	r.summarize()
	if len(r.Summaries) != 2 || *r.Summaries[0].Throughput != 0.5 || *r.Summaries[0].Tail != 2 || *r.Summaries[1].Tail != 1 {
		t.Errorf("%+v", r.Summaries)
	}
	text := r.markdown()
	if !strings.Contains(text, "| 16 callers: at least half the throughput of handwritten-2 | 0.50 | reached |") ||
		!strings.Contains(text, "| binary under 30 MB | 0.0 MB | reached |") {
		t.Error(text)
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-callers", "0"}, {"-callers", "1,x"}, {"-callers", "1,1"}, {"-targets", "nothing"}, {"-targets", "latchwork,latchwork"},
		{"-seconds", "0"}, {"-repeat", "0"}, {"more"},
	} {
		var stdout, stderr bytes.Buffer
		if err := compare(t.Context(), args, &stdout, &stderr); err == nil || stdout.Len() > 0 {
			t.Errorf("%q: %v, %s", args, err, &stdout)
		}
	}
}
