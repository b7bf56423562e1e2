package handlers_test

import (
	"debug/elf"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/store"
)

// madePackage is the folder that `make package` makes; that for arm64 lies beside it.
var madePackage = sync.OnceValues(func() (string, error) {
	folder, err := sharedFolder()
	if err != nil {
		return "", err
	}
	dist := filepath.Join(folder, "dist")
	c := exec.Command("make", "package", "DIST="+dist)
	c.Dir = ".."
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "MAKE") && !strings.HasPrefix(setting, "MFLAGS") { // of a make around this test
			c.Env = append(c.Env, setting)
		}
	}
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make package: %w\n%s", err, out)
	}
	return dist, nil
})

func makePackage(t *testing.T) string {
	t.Helper()
	dist, err := madePackage()
	if err != nil {
		t.Fatal(err)
	}
	return dist
}

// What a cold start has to load, and what an instance of the smallest kind has room for.
const (
	maxBinary = 30 << 20
	maxIdle   = 60 << 20
)

// TestMadePackage: `make package` lays out a folder for each architecture, with a static
// binary that starts by itself, is small, and the samples.
func TestMadePackage(t *testing.T) {
	dist := makePackage(t)
	for folder, machine := range map[string]elf.Machine{dist: elf.EM_X86_64, dist + "-arm64": elf.EM_AARCH64} {
		binary := filepath.Join(folder, "latchwork")
		info, err := os.Stat(binary)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o111 != 0o111 || info.Size() > maxBinary {
			t.Errorf("%s: mode %s, %d bytes", binary, info.Mode(), info.Size())
		}
		file, err := elf.Open(binary)
		if err != nil {
			t.Fatal(err)
		}
		linked, err := file.ImportedLibraries()
		if err != nil || file.Machine != machine || len(linked) > 0 || file.Section(".debug_info") != nil {
			t.Errorf("%s: %s, linked with %v, %v", binary, file.Machine, linked, err)
		}
		_ = file.Close()
		for _, name := range []string{"host.json", "local.settings.json", ".funcignore", "Dispatch/function.json", "workflows/samples/get-manager/azuredeploy.json", "workflows/samples/order-check/workflow.json"} {
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// moreWorkflows are put beside the samples: a run that waits, one that fires by itself, and one
// that waits for longer than the test.
const moreWorkflows = `{
	"later": {"triggers": {"manual": {"type": "Request"}}, "actions": {
		"Wait": {"type": "Wait", "inputs": {"interval": {"count": 2, "unit": "Second"}}},
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/later", "body": "@triggerBody()"}, "runAfter": {"Wait": ["Succeeded"]}}}},
	"recurring": {"triggers": {"Recurrence": {"type": "Recurrence", "recurrence": {"frequency": "Second", "interval": 2}}}, "actions": {
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/recurring", "body": {}}}}},
	"stuck": {"triggers": {"manual": {"type": "Request"}}, "actions": {"Wait": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}}}}
}`

// TestMadePackageInAFunctionsHost is what the README promises: the folder that `make
// package` makes, unchanged, answers in a Functions host.
func TestMadePackageInAFunctionsHost(t *testing.T) {
	dist, up := filepath.Join(t.TempDir(), "dist"), newUpstream(t)
	if err := os.CopyFS(dist, os.DirFS(makePackage(t))); err != nil {
		t.Fatal(err)
	}
	writeWorkflows(t, filepath.Join(dist, "workflows", "more"), strings.ReplaceAll(moreWorkflows, "UPSTREAM", up.url))
	d := hostFolder(t, dist, cloudtest.Start(t), "the key of the host")
	if resident := memory(t, d.host.Pid(), "VmRSS"); resident > maxIdle {
		t.Errorf("%d MB resident when idle", resident>>20)
	} else {
		t.Logf("%d MB resident when idle", resident>>20)
	}
	d.samplesAnswer(t)
	d.keysAreEnforced(t)
	d.delayGoesOnByQueue(t, up)
	d.recurrenceFiresByTimer(t, up)
	d.poisonEndsTheRun(t)
	d.searchCanary(t)
}

func (d *deployed) samplesAnswer(t *testing.T) {
	t.Helper()
	for name, want := range map[string]string{"get-manager": "Sara Davis", "order-check": `"needsApproval":`} {
		body, err := os.ReadFile(filepath.Join(d.dist, "workflows", "samples", name, "body.json"))
		if err != nil {
			t.Fatal(err)
		}
		target := d.callbackURL(t, name)
		if status, answer := post(t, target, string(body)); status != http.StatusOK || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s\n%s", name, status, answer, d.host.Log())
		}
		if status, answer := post(t, strings.Replace(target, "sig=", "sig=A", 1), string(body)); status != http.StatusUnauthorized {
			t.Errorf("%s with a changed signature: %d %s", name, status, answer)
		}
	}
	if d.cloud.Count(cloudtest.Vault) == 0 {
		t.Error("the vault was not asked for the secret of get-manager")
	}
}

// keysAreEnforced: the header wins over the query, without falling back (functions-host §9).
func (d *deployed) keysAreEnforced(t *testing.T) {
	t.Helper()
	const right = "the key of the host"
	for name, c := range map[string]struct {
		path, header string
		want         int
	}{
		"none":                         {"/actions/Compose", "", http.StatusUnauthorized},
		"header":                       {"/actions/Compose", right, http.StatusOK},
		"query":                        {"/actions/Compose?code=the+key+of+the+host", "", http.StatusOK},
		"wrong query":                  {"/actions/Compose?code=wrong", "", http.StatusUnauthorized},
		"wrong header, right query":    {"/actions/Compose?code=the+key+of+the+host", "wrong", http.StatusUnauthorized},
		"trigger, none":                {"/triggers/Request", "", http.StatusUnauthorized},
		"function by hand, none":       {"/admin/functions/Sweep", "", http.StatusUnauthorized},
		"function by hand, header":     {"/admin/functions/Sweep", right, http.StatusAccepted},
		"a key instead of a signature": {"/workflows/x/triggers/manual/paths/invoke?api-version=2016-10-01", right, http.StatusUnauthorized},
	} {
		got := call(t, http.MethodPost, d.host.URL()+c.path, map[string]string{"X-Functions-Key": c.header}, `{"inputs":1}`)
		if got.status != c.want || got.status == http.StatusUnauthorized && c.header != right && got.body != "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func (d *deployed) delayGoesOnByQueue(t *testing.T, up *upstream) {
	t.Helper()
	if status, answer := post(t, d.callbackURL(t, "later"), `{"id":"r1"}`); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
	until(t, "the call after the delay", func() bool { return up.called("/later") == 1 })
	until(t, "the run is over", func() bool { return d.runs(t, "later")[0].Status == definition.Succeeded })
	st := d.runs(t, "later")[0]
	key := store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}
	if n := d.bells.count(store.DoorbellQueue, key.String()); n < 2 || st.End.Sub(st.Start).Seconds() < 2 {
		t.Errorf("%d doorbells, for the start and for the end of the delay; the run took %s", n, st.End.Sub(st.Start))
	}
}

// recurrenceFiresByTimer loses the doorbells of the trigger: then only the timer is left.
func (d *deployed) recurrenceFiresByTimer(t *testing.T, up *upstream) {
	t.Helper()
	until(t, "the recurrence fires", func() bool { return up.called("/recurring") > 0 })
	lost := d.bells.lostSoFar()
	d.bells.losing(func(text string) bool { _, ok := store.ParseTriggerKey(text); return ok })
	until(t, "a doorbell is lost", func() bool { return d.bells.lostSoFar() > lost })
	var before int
	until(t, "no run is under way", func() bool {
		list := d.runs(t, "recurring")
		before = len(list)
		return list[0].Status.Final()
	})
	d.bells.losing(nil)
	if err := d.host.Fire("Sweep"); err != nil {
		t.Fatal(err)
	}
	until(t, "the timer fires the recurrence", func() bool { return len(d.runs(t, "recurring")) > before && up.called("/recurring") > before })
}

// poisonEndsTheRun: a run that cannot be continued, here because its version is gone, is given up
// once its doorbell has failed five times.
func (d *deployed) poisonEndsTheRun(t *testing.T) {
	t.Helper()
	if status, answer := post(t, d.callbackURL(t, "stuck"), `{"id":"r1"}`); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, answer)
	}
	until(t, "the run waits", func() bool {
		list := d.runs(t, "stuck")
		return len(list) == 1 && list[0].Records["Wait"] != nil && !list[0].Records["Wait"].Wake.IsZero()
	})
	st := d.runs(t, "stuck")[0]
	key := store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}
	row, err := d.backend.Get(t.Context(), st.WorkflowID+":00", "R."+st.Name)
	if err != nil {
		t.Fatal(err)
	}
	row.Properties["Version"] = "gone"
	if _, err := d.backend.Transact(t.Context(), row.Partition, []store.Op{{Kind: store.Replace, Key: row.Key, Properties: row.Properties, ETag: row.ETag}}); err != nil {
		t.Fatal(err)
	}
	rung := d.bells.count(store.DoorbellQueue, key.String())
	if err := d.store.Ring(t.Context(), key, 0); err != nil {
		t.Fatal(err)
	}
	until(t, "the run is given up", func() bool { return d.runs(t, "stuck")[0].Status.Final() })
	st = d.runs(t, "stuck")[0]
	if st.Status != definition.Aborted || st.Error == nil || st.Error.Code != "WorkflowRunAborted" {
		t.Errorf("the run: %s %+v", st.Status, st.Error)
	}
	if tried, poisoned := d.bells.count(store.DoorbellQueue, key.String())-rung, d.bells.count(store.PoisonQueue, key.String()); tried != 5 || poisoned != 1 {
		t.Errorf("tried %d times, poisoned %d times", tried, poisoned)
	}
}

// TestIdleMemory: the packaged binary by itself, with the samples, before the first call.
func TestIdleMemory(t *testing.T) {
	dist := makePackage(t)
	c, out := child(t, filepath.Join(dist, "latchwork"), nil, "serve", filepath.Join(dist, "workflows"), "--address", "127.0.0.1:0")
	out.await(t, "Serving on ")
	resident := memory(t, c.Process.Pid, "VmRSS")
	t.Logf("%d MB resident when idle", resident>>20)
	if resident > maxIdle {
		t.Errorf("%d MB resident when idle", resident>>20)
	}
}

// memory reads a line of what Linux tells of a process, in bytes.
func memory(t testing.TB, pid int, line string) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\n"+line+":")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
