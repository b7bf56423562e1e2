package handlers_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers"
	"github.com/latchwork/latchwork/handlers/host/hosttest"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
	"github.com/latchwork/latchwork/shared/value"
)

// canary is a client secret of awkward shape. It must show nowhere.
const canary = `CANARY~7f"3<&>'\ü+/=%20-secret`

// deployed is the packaged sample in a Functions host, on Azurite, with a cloud
// of fakes around it.
type deployed struct {
	host   *hosttest.Host
	cloud  *cloudtest.Cloud
	store  *store.Store
	folder string // the emulator's data
	log    string
	url    string
	stop   func()
}

// deploy packages get-manager with its static result switched off, and hosts it.
func deploy(t *testing.T) *deployed {
	t.Helper()
	d := &deployed{cloud: cloudtest.Start(t), folder: t.TempDir(), log: filepath.Join(t.TempDir(), "handler.log")}
	d.cloud.Register(cloudtest.ClientID, cloudtest.App{Secret: canary})
	d.cloud.SetSecret("secret", cloudtest.Secret{Value: canary})
	d.cloud.SetManager("megan", cloudtest.Person{ID: "1", DisplayName: "Sara Davis"})
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	d.cloud.SetSecret("seal-key", cloudtest.Secret{Value: base64.StdEncoding.EncodeToString(key)})

	emulator := azurite.Start(t, d.folder)
	d.stop = emulator.Stop
	dist := filepath.Join(t.TempDir(), "dist")
	if code := handlers.Main([]string{"package", "--out", dist, "--os", runtime.GOOS, "--arch", runtime.GOARCH, realSample(t)}); code != 0 {
		t.Fatal("package failed")
	}
	env := d.cloud.ManagedIdentityEnv()
	env["AzureWebJobsStorage"] = emulator.ConnectionString
	env["LATCHWORK_SEAL_KEY_SECRET"] = "seal-key"
	env["LATCHWORK_DATA"] = t.TempDir()
	env["LATCHWORK_LEASE"] = "2s"
	env["LATCHWORK_LOG_LEVEL"] = "debug"
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: emulator.ConnectionString})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	d.store = store.New(backend, sealer)
	d.host = hosttest.Start(t, hosttest.Options{Dir: dist, Env: env, Queue: d.store.Queue, LogFile: d.log})
	d.awaitOpen(t)
	d.url = callbackURL(t, filepath.Join(dist, "latchwork"), env, d.host.URL())
	return d
}

// awaitOpen waits until the app is open: its port is before that, so that the host
// counts it as ready, and calls wait meanwhile.
func (d *deployed) awaitOpen(t *testing.T) {
	t.Helper()
	if status, body := post(t, d.host.URL()+"/workflows/get-manager/triggers/manual/paths/invoke?api-version=2016-10-01", "{}"); status != http.StatusUnauthorized {
		t.Fatalf("an unsigned call: %d %s\n%s", status, body, d.host.Log())
	}
}

// realSample is samples/get-manager with its static result switched off and the
// cloud's tenant and client.
func realSample(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "get-manager")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"azuredeploy.json", "azuredeploy.parameters.json"} {
		data, err := os.ReadFile(filepath.Join("..", "samples", "get-manager", name))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.NewReplacer(
			`"staticResultOptions": "Enabled"`, `"staticResultOptions": "Disabled"`,
			"72f988bf-0000-4000-8000-2d7cd011db47", cloudtest.Tenant, "1950a258-0000-4000-8000-f1b3d6c6e5c1", cloudtest.ClientID,
		).Replace(string(data))
		if changed == string(data) {
			t.Fatalf("nothing to change in %s", name)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func callbackURL(t *testing.T, binary string, env map[string]string, base string) string {
	t.Helper()
	c := exec.Command(binary, "url", "get-manager")
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LATCHWORK_PUBLIC_URL=" + base}
	for name, v := range env {
		c.Env = append(c.Env, name+"="+v)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("latchwork url: %v\n%s", err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

// TestPackagedAppInAFunctionsHost is the whole path: the packaged binary behind
// the host's protocol, Azurite, a managed identity, Key Vault and Entra over TLS,
// and a Graph that wants a token obtained with the secret.
func TestPackagedAppInAFunctionsHost(t *testing.T) {
	d := deploy(t)
	status, body := post(t, d.url, `{"userid":"megan"}`)
	if status != http.StatusOK || !strings.Contains(body, "Sara Davis") {
		t.Fatalf("answer: %d %s\n%s", status, body, d.host.Log())
	}
	if n := d.cloud.Count(cloudtest.Graph); n != 1 {
		t.Errorf("Graph was called %d times", n)
	}
	if status, body = post(t, strings.Replace(d.url, "sig=", "sig=A", 1), "{}"); status != http.StatusUnauthorized || !strings.Contains(body, "AuthorizationFailed") {
		t.Errorf("a changed signature: %d %s", status, body)
	}
	d.checkRefusals(t)
	d.searchCanary(t)
}

// checkRefusals: what goes wrong outside ends in the product's codes, and the
// process lives on.
func (d *deployed) checkRefusals(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct {
		endpoint string
		status   int
		code     string
		action   string
		want     string
	}{
		"vault forbids":          {cloudtest.Vault, http.StatusForbidden, "Forbidden", "Get_secret", "Forbidden"},
		"secret missing":         {cloudtest.Vault, http.StatusNotFound, "SecretNotFound", "Get_secret", "NotFound"},
		"secret disabled":        {cloudtest.Vault, http.StatusForbidden, "SecretDisabled", "Get_secret", "Forbidden"},
		"token endpoint refuses": {cloudtest.EntraToken, http.StatusUnauthorized, "invalid_client", "Get_manager", ""},
		"graph forbids":          {cloudtest.Graph, http.StatusForbidden, "Forbidden", "Get_manager", "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			d.host.Kill() // what is cached must not help
			d.host.StartHandler()
			d.awaitOpen(t) // reads the key that seals from the same vault
			d.cloud.Fail(c.endpoint, c.status, c.code, canary)
			defer d.cloud.Intercept(c.endpoint, nil)
			status, body := post(t, d.url, `{"userid":"megan"}`)
			if status != http.StatusBadGateway || !strings.Contains(body, "NoResponse") {
				t.Errorf("answer: %d %s", status, body)
			}
			record := d.lastRun(t).Records[c.action]
			if record == nil || record.Status != definition.Failed || c.want != "" && record.Code != c.want {
				t.Errorf("%s: %+v", c.action, record)
			}
		})
	}
}

func (d *deployed) lastRun(t *testing.T) *run.State {
	t.Helper()
	workflows, err := d.store.Workflows(t.Context())
	if err != nil || len(workflows) != 1 {
		t.Fatalf("workflows: %v %v", workflows, err)
	}
	runs, _, err := d.store.Runs(t.Context(), workflows[0].ID, 1, "")
	if err != nil || len(runs) == 0 {
		t.Fatalf("runs: %v %v", runs, err)
	}
	snapshot, err := d.store.LoadRun(t.Context(), store.RunKey{WorkflowID: workflows[0].ID, Run: runs[0].State.Name})
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.State
}

// TestKilledBetweenTwoCalls ends the handler at once while the second outgoing
// call is under way. After a restart the run ends as if nothing had happened; the
// call is repeated with the same tracking id.
func TestKilledBetweenTwoCalls(t *testing.T) {
	d := deploy(t)
	var mu sync.Mutex
	var tracking []string
	arrived := make(chan struct{})
	var once sync.Once
	d.cloud.Intercept(cloudtest.Graph, func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		tracking = append(tracking, r.Header.Get("x-ms-action-tracking-id"))
		mu.Unlock()
		once.Do(func() {
			close(arrived)
			<-r.Context().Done() // the caller dies
		})
		return false
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, err := http.Post(d.url, "application/json", strings.NewReader(`{"userid":"megan"}`)); err == nil {
			_ = answer.Body.Close() // the host answers 500 for a handler that died
		}
	}()
	<-arrived
	d.host.Kill()
	<-done
	d.host.StartHandler()
	deadline := time.After(60 * time.Second)
	for tick := time.NewTicker(200 * time.Millisecond); !d.lastRun(t).Status.Final(); {
		select {
		case <-tick.C:
			if err := d.host.Fire("Sweep"); err != nil {
				t.Fatalf("sweep: %v\n%s", err, d.host.Log())
			}
		case <-deadline:
			t.Fatalf("the run did not go on:\n%s", d.host.Log())
		}
	}
	st := d.lastRun(t)
	if st.Status != definition.Succeeded {
		t.Errorf("run: %s %+v", st.Status, st.Error)
	}
	for name, r := range st.Records {
		if r.Status != definition.Succeeded {
			t.Errorf("%s: %s %s %v", name, r.Status, r.Code, r.Error)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(tracking) < 2 || tracking[0] == "" {
		t.Errorf("calls of Graph: %v", tracking)
	}
	for _, id := range tracking {
		if id != tracking[0] {
			t.Errorf("a repeat has another tracking id: %v", tracking)
		}
	}
	d.searchCanary(t)
}

// searchCanary looks for the secret in the emulator's files, the log, and what
// history shows.
func (d *deployed) searchCanary(t *testing.T) {
	t.Helper()
	for name, r := range d.lastRun(t).Records {
		shown, err := json.Marshal(map[string]value.Value{"inputs": r.Inputs.Value, "outputs": r.Outputs.Value, "error": r.Error.Value()})
		if err != nil {
			t.Fatal(err)
		}
		if form := canaryIn(shown, canary); form != "" {
			t.Errorf("the secret shows in the record of %s (%s)", name, form)
		}
	}
	d.host.Kill()
	d.stop()
	files := 0
	err := filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if form := canaryIn(data, canary); form != "" {
			t.Errorf("the secret shows in %s (%s)", path, form)
		}
		if bytes.Contains(data, []byte("Get_manager")) {
			files += 1000 // the run is in there
		}
		return nil
	})
	if err != nil || files < 1000 {
		t.Errorf("the emulator's files were not searched: %d, %v", files, err)
	}
	if strings.Contains(d.host.Log(), "sig=") {
		t.Error("a signed URL is in the log")
	}
	if form := canaryIn([]byte(d.host.Log()), canary); form != "" {
		t.Errorf("the secret shows in the log (%s)", form)
	}
}
