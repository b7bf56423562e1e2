package handlers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host/hosttest"
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
	host    *hosttest.Host
	cloud   *cloudtest.Cloud
	store   *store.Store
	backend store.Backend
	bells   *doorbells
	env     map[string]string
	dist    string
	folder  string // the emulator's data
	url     string // of get-manager
	stop    func()
}

// deploy packages get-manager with its static result switched off, and hosts it.
func deploy(t *testing.T) *deployed {
	t.Helper()
	cloud := cloudtest.Start(t)
	cloud.SetManager("megan", cloudtest.Person{ID: "1", DisplayName: "Sara Davis"})
	return hostFolder(t, packaged(t, realSample(t)), cloud, "")
}

// hostFolder hosts a package that has get-manager in it. The key is that of its
// functions; "" lets everybody call them.
func hostFolder(t *testing.T, dist string, cloud *cloudtest.Cloud, functionsKey string) *deployed {
	t.Helper()
	d := &deployed{cloud: cloud, dist: dist, folder: t.TempDir()}
	cloud.Register(cloudtest.ClientID, cloudtest.App{Secret: canary})
	cloud.SetSecret("secret", cloudtest.Secret{Value: canary})
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	cloud.SetSecret("seal-key", cloudtest.Secret{Value: base64.StdEncoding.EncodeToString(key)})

	emulator := azurite.Start(t, d.folder)
	d.stop = emulator.Stop
	d.env = cloud.ManagedIdentityEnv()
	for name, v := range map[string]string{
		"AzureWebJobsStorage": emulator.ConnectionString, "LATCHWORK_SEAL_KEY_SECRET": "seal-key", "LATCHWORK_DATA": t.TempDir(),
		"LATCHWORK_LEASE": "2s", "LATCHWORK_LOG_LEVEL": "debug",
	} {
		d.env[name] = v
	}
	var err error
	if d.backend, err = azure.Open(t.Context(), azure.Config{ConnectionString: emulator.ConnectionString}); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	d.store = store.New(d.backend, sealer)
	d.bells = &doorbells{behind: d.store.Queue, delivered: map[string]int{}}
	d.host = hosttest.Start(t, hosttest.Options{
		Dir: dist, Env: d.env, Queue: d.bells.queue, Key: functionsKey, LogFile: filepath.Join(t.TempDir(), "handler.log"),
	})
	d.awaitOpen(t)
	d.url = d.callbackURL(t, "get-manager")
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

// callbackURL is what `latchwork url` prints.
func (d *deployed) callbackURL(t *testing.T, workflow string) string {
	t.Helper()
	c := exec.Command(filepath.Join(d.dist, "latchwork"), "url", workflow)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LATCHWORK_PUBLIC_URL=" + d.host.URL()}
	for name, v := range d.env {
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

// runs are those of a workflow, newest first, with their records.
func (d *deployed) runs(t *testing.T, workflow string) (list []*run.State) {
	t.Helper()
	workflows, err := d.store.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows {
		if w.Name != workflow {
			continue
		}
		headers, _, err := d.store.Runs(t.Context(), w.ID, 100, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range headers {
			snapshot, err := d.store.LoadRun(t.Context(), store.RunKey{WorkflowID: w.ID, Run: h.State.Name})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, snapshot.State)
		}
	}
	return list
}

// lastRun is the newest run of get-manager.
func (d *deployed) lastRun(t *testing.T) *run.State {
	t.Helper()
	list := d.runs(t, "get-manager")
	if len(list) == 0 {
		t.Fatal("get-manager has no run")
	}
	return list[0]
}

// searchCanary looks for the secret in the emulator's files, the log, and what
// history shows.
func (d *deployed) searchCanary(t *testing.T) {
	t.Helper()
	workflows, err := d.store.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows {
		for _, st := range d.runs(t, w.Name) {
			for name, r := range st.Records {
				shown, err := json.Marshal(map[string]value.Value{"inputs": r.Inputs.Value, "outputs": r.Outputs.Value, "error": r.Error.Value()})
				if err != nil {
					t.Fatal(err)
				}
				if form := canaryIn(shown, canary); form != "" {
					t.Errorf("the secret shows in the record of %s of %s (%s)", name, w.Name, form)
				}
			}
		}
	}
	d.host.Kill()
	d.stop()
	files := 0
	err = filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
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

// doorbells stand between the host and its queues, and tell what was delivered.
type doorbells struct {
	behind func(name string) store.Queue

	mu        sync.Mutex
	delivered map[string]int // by queue and text
	lost      int
	lose      func(text string) bool // what is lost on the way; nil: nothing
}

func (d *doorbells) queue(name string) store.Queue { return &doorbell{d.behind(name), d, name} }

func (d *doorbells) count(queue, text string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.delivered[queue+" "+text]
}

func (d *doorbells) losing(lose func(text string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose = lose
}

func (d *doorbells) lostSoFar() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// takes counts a message; it tells whether it reaches the host.
func (d *doorbells) takes(queue, text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lose != nil && d.lose(text) {
		d.lost++
		return false
	}
	d.delivered[queue+" "+text]++
	return true
}

type doorbell struct {
	store.Queue
	of   *doorbells
	name string
}

func (d *doorbell) Receive(ctx context.Context, limit int, hide time.Duration) ([]store.Message, error) {
	messages, err := d.Queue.Receive(ctx, limit, hide)
	kept := messages[:0]
	for _, m := range messages {
		if d.of.takes(d.name, m.Text) {
			kept = append(kept, m)
		} else if err := d.Delete(ctx, m); err != nil {
			return kept, err
		}
	}
	return kept, err
}

// Hide lets what failed be tried again at once.
func (d *doorbell) Hide(ctx context.Context, m store.Message, _ time.Duration) (store.Message, error) {
	return d.Queue.Hide(ctx, m, 0)
}
