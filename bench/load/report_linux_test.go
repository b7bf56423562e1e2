package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReport measures for a moment, everything in processes as they are measured
// for long.
func TestReport(t *testing.T) {
	t.Setenv("NODE_RED", filepath.Join(t.TempDir(), "missing"))
	file := filepath.Join(t.TempDir(), "report.json")
	var stdout, stderr bytes.Buffer
	if err := compare(t.Context(), []string{
		"-targets", "latchwork,latchwork-azurite,handwritten-2,node-red", "-callers", "2", "-seconds", "1", "-warmup", "100ms", "-repeat", "1",
		"-starts", "1", "-idle", "0s", "-dir", t.TempDir(), "-json", file,
	}, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	measured := []string{latchwork.name, latchworkAzurite.name, baseline}
	if len(r.Targets) != 4 || len(r.Samples) != 3 || len(r.Summaries) != 3 || len(r.Rest) != 3 || r.BinaryMB < 5 || r.BinaryMB > 100 {
		t.Fatalf("%s", data)
	}
	if missing := r.Targets[3].Missing; !strings.HasPrefix(missing, "not installed") || !strings.Contains(stdout.String(), missing) {
		t.Errorf("of node-red it says %q", missing)
	}
	for i, name := range measured {
		s, sum, rest := r.Samples[i], r.Summaries[i], r.Rest[i]
		if s.Target != name || s.Callers != 2 || s.Repetition != 1 || s.Calls == 0 || s.Errors != 0 {
			t.Errorf("%+v", s)
		}
		if s.PerSecond <= 0 || s.P50 <= 0 || s.P50 > s.P95 || s.P95 > s.P99 || s.P99 > s.Max || s.CPUPerCallMS <= 0 || s.PeakMB <= 1 {
			t.Errorf("%+v", s)
		}
		if sum.Target != name || sum.PerSecond != s.PerSecond || sum.Throughput == nil || *sum.Throughput <= 0 || sum.Tail == nil || *sum.Tail <= 0 {
			t.Errorf("%+v", sum)
		}
		if rest.Target != name || rest.StartMS <= 0 || rest.IdleMB <= 1 || len(rest.StartsMS) != 1 {
			t.Errorf("%+v", rest)
		}
	}
	if ratio := *r.Summaries[2].Throughput; ratio != 1 {
		t.Errorf("the baseline is %v of itself", ratio)
	}
	if m := r.Machine; m.Date == "" || m.Commit == "" || m.Go == "" || m.Kernel == unknown || m.Cores == 0 || m.MemoryGB <= 0 || m.Filesystem == unknown {
		t.Errorf("%+v", m)
	}
	if strings.Contains(stdout.String()+string(data), "sig=") {
		t.Error("the report has a signed URL")
	}
}
