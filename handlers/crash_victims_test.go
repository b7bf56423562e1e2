package handlers_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/handlers/host/hosttest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest/freeport"
	"github.com/latchwork/latchwork/shared/value"
)

// shapes are the workflows that are started from outside.
var shapes = []string{"parallel", "foreach", "until", "retries", "wait", "webhook", "nested"}

var crashKey = bytes.Repeat([]byte{5}, seal.KeySize)

// writeShapes writes the workflows of the engine's crash tests as files.
func writeShapes(t *testing.T, up *upstream) string {
	t.Helper()
	folder := t.TempDir()
	data, err := os.ReadFile(filepath.Join("..", "shared", "engine", "testdata", "shapes.json"))
	if err != nil {
		t.Fatal(err)
	}
	writeWorkflows(t, folder, strings.ReplaceAll(string(data), "UPSTREAM", up.url))
	return folder
}

// writeWorkflows writes definitions, by name, as files of a folder.
func writeWorkflows(t *testing.T, folder, definitions string) {
	t.Helper()
	all, err := value.Parse([]byte(definitions))
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range all.Members {
		resource := value.Object(value.Member{Key: "name", Value: value.String(name)},
			value.Member{Key: "id", Value: value.String("/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/" + name)},
			value.Member{Key: "properties", Value: value.Object(value.Member{Key: "definition", Value: d})})
		writeFile(t, filepath.Join(folder, name+".json"), string(value.Reveal(resource)))
	}
}

func crashSealer(t *testing.T) *seal.Sealer {
	t.Helper()
	s, err := seal.New(crashKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func crashEnv(t *testing.T) map[string]string {
	return map[string]string{
		"LATCHWORK_SEAL_KEY": base64.StdEncoding.EncodeToString(crashKey), "LATCHWORK_LEASE": "2s", "LATCHWORK_DATA": t.TempDir(), "LATCHWORK_LOG_LEVEL": "error",
	}
}

// site is what a victim serves, and where it leaves its traces.
type site struct {
	dist, workflows string
	env             map[string]string
	data            string // folder of the store, and of the log
}

func crashSite(t *testing.T, dist string, up *upstream) site {
	return site{dist: dist, workflows: writeShapes(t, up), env: crashEnv(t), data: t.TempDir()}
}

// localVictim is the standalone binary with the store in a file, which one process
// at a time can open: to look into it the victim is killed once more.
func localVictim(t *testing.T, s site) *victim {
	file := filepath.Join(s.data, "store.db")
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(s.data, "log"))
	if err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{}
	var mu sync.Mutex
	var child *exec.Cmd
	v := &victim{url: func(name string) string { mu.Lock(); defer mu.Unlock(); return urls[name] }}
	v.kill = func() {
		mu.Lock()
		defer mu.Unlock()
		if child != nil {
			_ = child.Process.Kill()
			_ = child.Wait()
			child = nil
		}
	}
	v.start = func() {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		child = exec.Command(filepath.Join(s.dist, "latchwork"), "serve", s.workflows, "--address", "127.0.0.1:"+port, "--store", file)
		child.Env = []string{"HOME=" + t.TempDir()}
		for name, text := range s.env {
			child.Env = append(child.Env, name+"="+text)
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		child.Stderr = log
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		last := ""
		for lines := bufio.NewScanner(out); lines.Scan(); last = lines.Text() {
			if _, rest, ok := strings.Cut(lines.Text(), "'http"); ok {
				urls[last], _, _ = strings.Cut("http"+rest, "'")
			}
			if strings.HasPrefix(lines.Text(), "Serving on") {
				go func() { _, _ = log.ReadFrom(out) }() // until it dies
				return
			}
		}
		t.Fatal("the binary ended before it served")
	}
	v.base = "http://127.0.0.1:" + port
	v.sweep = func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.base+"/admin/functions/Sweep", strings.NewReader(`{"input":""}`))
		if err != nil {
			t.Fatal(err)
		}
		if key, err := seal.KeyFile(filepath.Join(s.env["LATCHWORK_DATA"], "functions.key")); err == nil {
			r.Header.Set("X-Functions-Key", base64.RawURLEncoding.EncodeToString(key))
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return // it is dead
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			t.Fatalf("sweep: %d", answer.StatusCode)
		}
	}
	v.look = func(read func(*reader)) {
		v.kill()
		backend, err := local.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		read(&reader{t, store.New(backend, crashSealer(t))})
		_ = backend.Close()
		v.start()
	}
	v.stop = v.kill
	t.Cleanup(func() {
		v.kill()
		_ = log.Close()
	})
	return v
}

// azureVictim is the packaged app in a Functions host. Its table service is reached
// through a proxy that sees each commit.
func azureVictim(t *testing.T, of site) *victim {
	emulator, s := emulated(t, of.data)
	proxy := &commitProxy{}
	connection := proxy.inFrontOf(t, emulator.ConnectionString)
	front, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	env := of.env
	env["AzureWebJobsStorage"], env["LATCHWORK_WORKFLOWS"] = connection, of.workflows
	env["LATCHWORK_PUBLIC_URL"] = "http://127.0.0.1:" + front
	h := hosttest.Start(t, hosttest.Options{Dir: of.dist, Env: env, Queue: s.Queue, LogFile: filepath.Join(of.data, "log")})
	forwardPort(t, front, h.URL())
	urls := map[string]string{}
	v := &victim{kill: h.Kill, stop: func() { h.Kill(); emulator.Stop() }, url: func(name string) string { return urls[name] }, commit: proxy.arm}
	v.start = func() {
		if len(urls) == 0 { // it was started with the host
			urls = openedURLs(t, h, s, h.URL())
			return
		}
		h.StartHandler()
	}
	v.base = h.URL()
	v.sweep = func() {
		if err := h.Fire("Sweep"); err != nil {
			t.Logf("sweep: %v", err)
		}
	}
	v.look = func(read func(*reader)) {
		v.sweep()
		read(&reader{t, s})
	}
	return v
}

// forwardPort puts a fixed address before the host, for callback URLs: they must not
// change when the handler starts anew.
func forwardPort(t *testing.T, port, to string) {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }})
	listenOn(t, server, port)
}

// commitProxy stands before the table service and counts transactions.
type commitProxy struct {
	mu    sync.Mutex
	left  int
	after bool
	die   func()
}

func (p *commitProxy) arm(n int, after bool, die func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.after, p.die = n, after, die
}

// due tells whether this commit is the one to die at.
func (p *commitProxy) due() (after bool, die func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return false, nil
	}
	if p.left--; p.left > 0 {
		return false, nil
	}
	return p.after, p.die
}

func (p *commitProxy) inFrontOf(t *testing.T, connection string) string {
	t.Helper()
	parts := strings.Split(connection, ";")
	i := slices.IndexFunc(parts, func(s string) bool { return strings.HasPrefix(s, "TableEndpoint=") })
	target, err := url.Parse(strings.TrimPrefix(parts[i], "TableEndpoint="))
	if err != nil {
		t.Fatal(err)
	}
	to := &url.URL{Scheme: target.Scheme, Host: target.Host}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusBadGateway) // the victim died while it sent
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var after bool
		var die func()
		if strings.HasSuffix(r.URL.Path, "$batch") {
			after, die = p.due()
		}
		switch {
		case die == nil:
			forward.ServeHTTP(w, r)
		case after:
			answer := httptest.NewRecorder()
			forward.ServeHTTP(answer, r)
			die()
		default:
			die()
		}
	}))
	t.Cleanup(server.Close)
	front, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	target.Host = front.Host
	parts[i] = "TableEndpoint=" + target.String()
	return strings.Join(parts, ";")
}

func listenOn(t *testing.T, server *httptest.Server, port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}
