// Package hosttest plays the Azure Functions host for a packaged app: it starts
// the binary as a custom handler in a process of its own and calls it over the
// wire. It is a test kit.
package hosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest/freeport"
)

// Options say what to host.
type Options struct {
	Dir   string            // the packaged folder
	Env   map[string]string // app settings
	Queue func(name string) store.Queue
	// Key is that of the functions which want one; "" opens them, as func start does.
	Key string
	// LogFile receives what the handler prints.
	LogFile string
}

// Host is a running host.
type Host struct {
	t       testing.TB
	o       Options
	host    *host.Standalone
	front   net.Listener
	program string
	stop    context.CancelFunc
	done    chan struct{}

	mu    sync.Mutex
	child *exec.Cmd
	port  string
	ended chan struct{} // when the present child has ended
}

// Start starts the host and the handler, and waits until it is ready. Both end
// with the test.
func Start(t testing.TB, o Options) *Host {
	t.Helper()
	h := &Host{t: t, o: o, done: make(chan struct{})}
	settings := h.readHostJSON()
	app, err := host.ReadFunctions(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	h.host, err = host.NewStandalone(app, settings, host.Options{
		Queue: o.Queue, Handler: http.HandlerFunc(h.forward), Log: zerolog.Nop(), Key: o.Key,
		Setting: func(name string) string { return o.Env[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.StartHandler()
	if h.front, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() {
		defer close(h.done)
		_ = h.host.Serve(ctx, h.front, time.Second) // ends with the test
	}()
	t.Cleanup(h.close)
	return h
}

// readHostJSON refuses what the real host refuses: an executable that is not
// there.
func (h *Host) readHostJSON() host.Settings {
	data, err := os.ReadFile(filepath.Join(h.o.Dir, "host.json"))
	if err != nil {
		h.t.Fatal(err)
	}
	settings, err := host.ReadSettings(data)
	if err != nil {
		h.t.Fatal(err)
	}
	var custom struct {
		CustomHandler struct {
			Description struct{ DefaultExecutablePath string }
		}
	}
	if err := json.Unmarshal(data, &custom); err != nil {
		h.t.Fatal(err)
	}
	h.program = filepath.Join(h.o.Dir, custom.CustomHandler.Description.DefaultExecutablePath)
	if info, err := os.Stat(h.program); err != nil || info.Mode()&0o111 == 0 {
		h.t.Fatalf("%s is not an executable file", h.program)
	}
	return settings
}

// URL is the address of the app.
func (h *Host) URL() string { return "http://" + h.front.Addr().String() }

// Pid is the process of the handler.
func (h *Host) Pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.child.Process.Pid
}

// Fire fires a timer.
func (h *Host) Fire(name string) error { return h.host.Fire(context.Background(), name) }

// StartHandler starts the handler and waits until any answer comes from its port
// (functions-host §4.2).
func (h *Host) StartHandler() {
	h.t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		h.t.Fatal(err)
	}
	log, err := os.OpenFile(h.o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	defer log.Close()
	child := exec.Command(h.program)
	child.Dir, child.Stdout, child.Stderr = h.o.Dir, log, log
	child.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"FUNCTIONS_CUSTOMHANDLER_PORT=" + port, "FUNCTIONS_HTTPWORKER_PORT=" + port, "FUNCTIONS_APP_ROOT_PATH=" + h.o.Dir}
	for name, v := range h.o.Env {
		child.Env = append(child.Env, name+"="+v)
	}
	if err := child.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = child.Wait(); close(ended) }()
	h.mu.Lock()
	h.child, h.port, h.ended = child, port, ended
	h.mu.Unlock()
	h.awaitReady(port, ended)
}

func (h *Host) awaitReady(port string, ended <-chan struct{}) {
	h.t.Helper()
	timeout := time.After(30 * time.Second)
	for tick := time.NewTicker(25 * time.Millisecond); ; {
		if answer, err := http.Get("http://127.0.0.1:" + port + "/"); err == nil {
			_ = answer.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			h.t.Fatalf("the handler ended before it was ready:\n%s", h.Log())
		case <-timeout:
			h.t.Fatalf("the handler was not ready within 30 s:\n%s", h.Log())
		}
	}
}

// Kill ends the handler at once, as the host does at every stop.
func (h *Host) Kill() {
	h.mu.Lock()
	child, ended := h.child, h.ended
	h.mu.Unlock()
	_ = child.Process.Kill() // has ended already, perhaps
	<-ended
}

// Log returns what the handler has printed.
func (h *Host) Log() string {
	data, err := os.ReadFile(h.o.LogFile)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (h *Host) close() {
	h.Kill()
	h.stop()
	<-h.done
}

// forward passes a request to the handler as the host's reverse proxy does
// (functions-host §5.1): X-Forwarded-* are the proxy's own, and the front end has
// named the caller in X-Client-IP and Client-IP.
func (h *Host) forward(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	port := h.port
	h.mu.Unlock()
	target := &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.SetXForwarded()
			if caller, _, err := net.SplitHostPort(p.In.RemoteAddr); err == nil {
				p.Out.Header.Set("X-Client-IP", caller)
				p.Out.Header.Set("Client-IP", p.In.RemoteAddr)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintln(w, err) // for whoever reads the failed test
		},
		ErrorLog: nil,
	}
	body, err := io.ReadAll(r.Body) // an envelope is sent whole
	if err == nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	proxy.ServeHTTP(w, r)
}
