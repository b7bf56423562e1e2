package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// runsApp plays the management API of an app with one workflow and n runs under way;
// act answers what is asked for run i.
func runsApp(t *testing.T, n int, act func(w http.ResponseWriter, i int)) (endpoint, tokenFile string) {
	t.Helper()
	name := func(i int) string { return fmt.Sprintf("0858406343298%07d1234567890CU00", i) }
	view := func(i int, status string) map[string]any {
		return map[string]any{"name": name(i), "properties": map[string]any{"status": status, "startTime": "2026-03-14T12:00:00Z", "trigger": map[string]any{"name": "manual"}}}
	}
	const workflow = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x/providers/Microsoft.Logic/workflows/w"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret-token" {
			t.Errorf("%s has no token", r.URL.Path)
		}
		rest, isBelow := strings.CutPrefix(r.URL.Path, workflow+"/runs")
		switch {
		case !isBelow:
			_ = json.NewEncoder(w).Encode(map[string]any{"value": []any{map[string]any{"id": workflow, "name": "w"}}})
		case rest == "":
			var list []any
			for i := range n {
				list = append(list, view(i, "Running"))
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"value": list})
		default:
			i, err := strconv.Atoi(rest[len("/0858406343298"):][:7])
			if err != nil {
				t.Errorf("%s: %v", rest, err)
			}
			if strings.HasSuffix(rest, "/cancel") {
				act(w, i)
				return
			}
			_ = json.NewEncoder(w).Encode(view(i, "Cancelled"))
		}
	}))
	t.Cleanup(s.Close)
	tokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("secret-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, tokenFile
}

func cancelAll(endpoint, tokenFile string, more ...string) *exec.Cmd {
	return exec.Command("latchwork", append([]string{"runs", "cancel", "--all", "--endpoint", endpoint, "--token-file", tokenFile}, more...)...)
}

func TestManyRunsSomeOfWhichFail(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	endpoint, token := runsApp(t, 40, func(w http.ResponseWriter, i int) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		switch i {
		case 3:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"code":"AuthorizationFailed","message":"No\u001b[2J."}}`)
		case 5:
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"error":{"code":"WorkflowRunCanNotBeCancelled","message":"It is over."}}`)
		}
	})
	c := cancelAll(endpoint, token, "--parallel", "3")
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err == nil {
		t.Error("the exit status is 0")
	}
	if n := strings.Count(stdout.String(), "  Cancelled\n"); n != 38 {
		t.Errorf("%d runs were cancelled:\n%s", n, &stdout)
	}
	want := "w  run 085840634329800000031234567890CU00  AuthorizationFailed: No[2J.\n38 of 40 runs cancelled, 1 were over already, 1 failed.\n"
	if stderr.String() != want {
		t.Errorf("got  %q\nwant %q", &stderr, want)
	}
	if most.Load() > 3 {
		t.Errorf("%d at a time", most.Load())
	}
	c = cancelAll(endpoint, token, "--output", "json")
	if out, _ := c.Output(); !strings.Contains(string(out), `{"name":"085840634329800000031234567890CU00","workflow":"w","failure":{"code":"AuthorizationFailed","message":"No[2J."}}`) {
		t.Errorf("as JSON:\n%s", out)
	}
}

func TestCtrlCSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	process := make(chan *os.Process, 1)
	endpoint, token := runsApp(t, 200, func(http.ResponseWriter, int) {
		select {
		case p := <-process:
			_ = p.Signal(syscall.SIGINT) // it is over already otherwise
		default:
		}
	})
	c := cancelAll(endpoint, token, "--parallel", "1")
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	process <- c.Process
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", c.ProcessState)
	}
	m := regexp.MustCompile(`^(\d+) of 200 runs cancelled; stopped before the other (\d+)\.\n$`).FindStringSubmatch(stderr.String())
	if m == nil {
		t.Fatalf("it says %q", &stderr)
	}
	did, _ := strconv.Atoi(m[1])
	left, _ := strconv.Atoi(m[2])
	if did < 1 || did+left != 200 || strings.Count(stdout.String(), "Cancelled") != did {
		t.Errorf("%s\n%s", &stdout, &stderr)
	}
}
