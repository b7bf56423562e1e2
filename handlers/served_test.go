package handlers_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// process is the real binary in a process of its own that serves some workflows.
type process struct {
	urls map[string]string // by name of the workflow
	base string
	cmd  *exec.Cmd
	out  *output

	store *store.Store // of a custom handler
}

// output is what a process prints, and tells when it has printed something.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.more:
		case <-deadline:
			t.Fatalf("%q was never printed:\n%s", text, o)
		}
	}
}

// child starts the binary with a clean environment.
func child(t *testing.T, binary string, env []string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("latchwork"); err != nil {
			t.Fatal(err)
		}
	}
	out := &output{more: make(chan struct{}, 1)}
	c := exec.Command(binary, args...)
	c.Dir, c.Stdout, c.Stderr = t.TempDir(), out, out
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "LATCHWORK_DATA=" + t.TempDir()}, env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c, out
}

// folder writes definitions into files: name to definition.
func folder(t *testing.T, definitions map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range definitions {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(`{"definition":`+text+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serve serves definitions by themselves.
func serve(t *testing.T, definitions map[string]string, env ...string) *process {
	t.Helper()
	return serveWith(t, "", definitions, env...)
}

// built is the binary as it is released: the tests' own is larger, and with the race
// detector it takes many times the memory.
var built = sync.OnceValues(func() (string, error) {
	dir, err := sharedFolder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "latchwork")
	if out, err := exec.Command("go", "build", "-o", path, "..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// serveBuilt serves with the binary as it is released.
func serveBuilt(t *testing.T, definitions map[string]string, env ...string) *process {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, binary, definitions, env...)
}

func serveWith(t *testing.T, binary string, definitions map[string]string, env ...string) *process {
	t.Helper()
	s := &process{urls: map[string]string{}}
	s.cmd, s.out = child(t, binary, env, "serve", folder(t, definitions), "--address", "127.0.0.1:0", "--open")
	s.out.await(t, "Serving on ")
	printed := s.out.String()
	for name := range definitions {
		if _, rest, ok := strings.Cut("\n"+printed, "\n"+name+"\n  curl "); ok {
			_, rest, _ = strings.Cut(rest, "'http:")
			target, _, _ := strings.Cut(rest, "'")
			s.urls[name] = "http:" + target
		}
	}
	_, rest, _ := strings.Cut(printed, "Serving on ")
	s.base, _, _ = strings.Cut(rest, ". Stop")
	return s
}

// answered is an answer that was read.
type answered struct {
	status int
	header http.Header
	body   string
}

// do makes a call of a workflow. The suffix of the path goes behind the trigger's.
func (s *process) do(t *testing.T, name, method, suffix string, header map[string]string, body string) answered {
	t.Helper()
	target, query, _ := strings.Cut(s.urls[name], "?")
	if path, more, has := strings.Cut(suffix, "?"); has {
		suffix, query = path, query+"&"+more
	}
	return call(t, method, target+suffix+"?"+query, header, body)
}

func call(t *testing.T, method, target string, header map[string]string, body string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer.StatusCode, answer.Header, string(data)}
}

// until repeats a call until its answer has something, without a pause longer than it
// takes.
func until(t *testing.T, what string, try func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !try(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// peak is the most memory that the process has had, in MiB.
func (s *process) peak(t *testing.T) int {
	t.Helper()
	return memory(t, s.cmd.Process.Pid, "VmHWM") >> 20
}

// workflowID is in every callback URL.
func workflowID(t *testing.T, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(u.Path, "/")[2]
}
