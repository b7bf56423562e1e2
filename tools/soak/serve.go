package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// workflows: one answers, the other waits before it calls.
var workflows = map[string]string{
	"answer": `{"definition": {"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/users", "body": "@triggerBody()"}},
		"Shape": {"type": "Compose", "inputs": {"name": "@body('Call')['path']", "of": "@triggerBody()['id']"}, "runAfter": {"Call": ["Succeeded"]}},
		"R": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200, "body": "@outputs('Shape')"}, "runAfter": {"Shape": ["Succeeded"]}}}}}`,
	"wait": `{"definition": {"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {
		"Wait": {"type": "Wait", "inputs": {"interval": {"count": 5, "unit": "Second"}}},
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/users", "body": "@triggerBody()"}, "runAfter": {"Wait": ["Succeeded"]}}}}}`,
}

// upstream is what the runs call.
type upstream struct {
	*http.Server
	listener net.Listener
}

func listen() (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{&http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"7","path":"/users"}`) // the caller may be gone
	})}, l}
	go func() { _ = u.Serve(l) }() // until it is closed
	return u, nil
}

func (u *upstream) address() string { return "http://" + u.listener.Addr().String() }

// served is the binary at work.
type served struct {
	binary, store string
	process       *exec.Cmd
	env           []string
	base          string
	urls          map[string]string // of the workflows
	begun         atomic.Int64      // runs
}

// serve starts the binary and waits until it serves.
func serve(ctx context.Context, binary, folder, upstream string, retention time.Duration) (*served, error) {
	files := filepath.Join(folder, "workflows")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return nil, err
	}
	for name, text := range workflows {
		if err := os.WriteFile(filepath.Join(files, name+".json"), []byte(strings.ReplaceAll(text, "UPSTREAM", upstream)), 0o600); err != nil {
			return nil, err
		}
	}
	s := &served{binary: binary, store: filepath.Join(folder, "store.db"), urls: map[string]string{}}
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "LATCHWORK_DATA=" + filepath.Join(folder, "data"), "LATCHWORK_RETENTION=" + retention.String(), "LATCHWORK_LOG_LEVEL=error"}
	s.process = exec.CommandContext(ctx, binary, "serve", files, "--address", "127.0.0.1:0", "--store", s.store, "--open")
	s.process.Env, s.process.Stderr = s.env, os.Stderr
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	last := ""
	for lines := bufio.NewScanner(out); lines.Scan(); last = lines.Text() {
		if _, rest, ok := strings.Cut(lines.Text(), "'http"); ok {
			s.urls[last], _, _ = strings.Cut("http"+rest, "'")
		}
		if _, rest, ok := strings.Cut(lines.Text(), "Serving on "); ok {
			s.base, _, _ = strings.Cut(rest, ". Stop")
			go func() { _, _ = io.Copy(os.Stderr, out) }() // what goes wrong; it ends with the process
			return s, nil
		}
	}
	s.kill()
	return nil, errors.New("the binary ended before it served")
}

func (s *served) kill() {
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()
}

// fire fires the timer, as `func` lets one do.
func (s *served) fire() error {
	answer, err := http.Post(s.base+"/admin/functions/Sweep", "application/json", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the timer was not fired: %s", answer.Status)
	}
	return nil
}

// sample is what a process and its store take at a time.
type sample struct {
	at                        time.Duration // since the load began
	resident, anonymous, file float64       // bytes: all, without mapped files, of the store
	goroutines, files         float64
	begun, finished           float64 // runs so far
}

func (s *served) sample() (sample, error) {
	var v sample
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return v, fmt.Errorf("the binary is gone: %w", err)
	}
	for line, into := range map[string]*float64{"VmRSS:": &v.resident, "RssAnon:": &v.anonymous} {
		_, rest, _ := strings.Cut(string(status), "\n"+line)
		if *into, err = strconv.ParseFloat(strings.Fields(rest)[0], 64); err != nil {
			return v, err
		}
		*into *= 1 << 10
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.process.Process.Pid))
	if err != nil {
		return v, err
	}
	info, err := os.Stat(s.store)
	if err != nil {
		return v, err
	}
	v.files, v.file = float64(len(open)), float64(info.Size())
	v.begun = float64(s.begun.Load())
	v.goroutines, v.finished, err = s.metrics()
	return v, err
}

func (s *served) metrics() (goroutines, finished float64, err error) {
	answer, err := http.Get(s.base + "/metrics")
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, number, ok := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(number, 64)
		switch {
		case !ok || err != nil:
		case name == "go_goroutines":
			goroutines = v
		case strings.HasPrefix(name, "latchwork_runs_finished_total"):
			finished += v
		}
	}
	if goroutines == 0 {
		return 0, 0, errors.New("the metrics have no go_goroutines")
	}
	return goroutines, finished, nil
}

// kept is what is left in the store at the end.
type kept struct {
	runs   int
	oldest time.Duration // age of the oldest when the binary was stopped
	used   float64       // bytes of the file that hold something
	rows   int           // of runs and triggers: what is not the audit trail, and no workflow
	left   int           // of these, rows of runs that are not there any more
}

// stopAndCount stops the binary and looks into its store.
func (s *served) stopAndCount(ctx context.Context) (k kept, err error) {
	stopped := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return k, err
	}
	_ = s.process.Wait() // the status of a process that was asked to end tells nothing
	list := exec.CommandContext(ctx, s.binary, "runs", "list", "--limit", "0", "--output", "json", "--store", s.store)
	list.Env = s.env
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return k, fmt.Errorf("runs list: %w\n%s", err, &stderr)
	}
	for line := range bytes.Lines(out) {
		var run struct {
			StartTime time.Time `json:"startTime"`
		}
		if err := json.Unmarshal(line, &run); err != nil || run.StartTime.IsZero() {
			return k, fmt.Errorf("runs list printed %.200q: %w", line, err)
		}
		k.runs++
		k.oldest = max(k.oldest, stopped.Sub(run.StartTime))
	}
	db, err := bbolt.Open(s.store, 0o600, &bbolt.Options{Timeout: time.Second, PreLoadFreelist: true})
	if err != nil {
		return k, err
	}
	defer db.Close()
	info, err := os.Stat(s.store)
	if err != nil {
		return k, err
	}
	if k.rows, k.left, err = countRows(db); err != nil {
		return k, err
	}
	k.used = float64(info.Size()) - float64(db.Stats().FreePageN*db.Info().PageSize)
	return k, nil
}

// countRows counts the rows in the partitions of workflows, and those among them that
// name a run without a header.
func countRows(db *bbolt.DB) (rows, left int, err error) {
	names := regexp.MustCompile(`\d{29}CU\d\d`)
	err = db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte("rows"))
		return bucket.ForEach(func(k, _ []byte) error {
			partition, key, _ := bytes.Cut(k, []byte{0})
			if !bytes.HasSuffix(partition, []byte(":00")) {
				return nil
			}
			rows++
			if name := names.Find(key); name != nil && bucket.Get(slices.Concat(partition, []byte("\x00R."), name)) == nil {
				left++
			}
			return nil
		})
	})
	return rows, left, err
}
