package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
)

const benchWorkflow = `{"definition": {"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {
	"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/users", "body": "@triggerBody()"}},
	"Shape": {"type": "Compose", "inputs": {"name": "@body('Call')['path']", "of": "@triggerBody()['id']"}, "runAfter": {"Call": ["Succeeded"]}},
	"R": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200, "body": "@outputs('Shape')"}, "runAfter": {"Shape": ["Succeeded"]}}}}}`

// BenchmarkServe measures the built binary from outside: request, HTTP call, Compose
// and Response on the embedded store.
func BenchmarkServe(b *testing.B) {
	up := benchUpstream(b)
	folder := b.TempDir()
	binary := filepath.Join(folder, "latchwork")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(folder, "bench.json")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(benchWorkflow, "UPSTREAM", up)), 0o600); err != nil {
		b.Fatal(err)
	}
	url, pid := benchServe(b, binary, file, folder)
	idle := resident(b, pid)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			before := processorTime(b, pid)
			benchCallers(b, url, callers)
			b.ReportMetric(float64((processorTime(b, pid)-before).Microseconds())/float64(b.N), "cpu-µs/run")
			b.ReportMetric(idle, "idle-MB")
			b.ReportMetric(resident(b, pid), "resident-MB")
		})
	}
}

// BenchmarkHandwritten is what somebody would write instead: a handler that makes
// the same call, and two writes that are on disk before it goes on.
func BenchmarkHandwritten(b *testing.B) {
	up := benchUpstream(b)
	backend, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	var mu sync.Mutex
	number := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		number++
		key := strconv.Itoa(number)
		mu.Unlock()
		write := func(column string, data []byte) {
			if _, err := backend.Transact(r.Context(), "p", []store.Op{{Kind: store.Replace, Key: key, Properties: store.Properties{column: data}}}); err != nil {
				b.Error(err)
			}
		}
		write("In", body)
		answer, err := client.Post(up+"/users", "application/json", bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		var got struct{ ID, Path string }
		err = json.NewDecoder(answer.Body).Decode(&got)
		_ = answer.Body.Close()
		if err != nil {
			b.Error(err)
		}
		out, _ := json.Marshal(map[string]string{"name": got.Path, "of": got.ID})
		write("Out", out)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
	}))
	defer server.Close()
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchCallers(b, server.URL, callers) })
	}
}

func benchUpstream(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"7","path":"/users"}`)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// benchServe starts the binary and returns the callback URL of its one workflow.
func benchServe(b *testing.B, binary, file, folder string) (url string, pid int) {
	b.Helper()
	c := exec.Command(binary, "serve", file, "--address", "127.0.0.1:0")
	c.Env = []string{"HOME=" + folder, "LATCHWORK_DATA=" + filepath.Join(folder, "data")}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return readURL(out), c.Process.Pid
}

// benchCallers makes b.N calls, so many at a time.
func benchCallers(b *testing.B, url string, callers int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	times := make([]time.Duration, b.N)
	work := make(chan int)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range work {
				began := time.Now()
				answer, err := client.Post(url, "application/json", strings.NewReader(`{"id":"7","text":"some words"}`))
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
					b.Error(answer.Status)
				}
				times[i] = time.Since(began)
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		work <- i
	}
	close(work)
	group.Wait()
	slices.Sort(times)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}

// resident is the memory of a process in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

// processorTime is what a process has taken of the processors so far. It says more
// about the code than the clock does where others use the machine too.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	var ticks int64
	for _, at := range []int{11, 12} { // user and system, in hundredths of a second
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
