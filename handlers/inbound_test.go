package handlers_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers"
	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/host/hosttest"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// served is a set of workflows behind a gate, in a host or by itself.
type served struct {
	base      string
	cloud     *cloudtest.Cloud
	workflows map[string]*store.Workflow // by name
	// stop ends it when the last call is in the audit trail, and opens its store.
	stop func(t *testing.T) *store.Store
	log  func() string
}

// trigger is the callback URL of a workflow, changed as asked: pairs of old and new.
func (s *served) trigger(name string, changes ...string) string {
	w := s.workflows[name]
	u := gate.URLs{Base: s.base}.Trigger(w.Keys.Primary, w.ID, "manual", time.Time{})
	return strings.NewReplacer(changes...).Replace(strings.Replace(u, "/paths/invoke?", "/paths/invoke/berths/B7?", 1))
}

// expired is that URL, signed for a time that is over.
func (s *served) expired(name string) string {
	w := s.workflows[name]
	u := gate.URLs{Base: s.base}.Trigger(w.Keys.Primary, w.ID, "manual", time.Now().Add(-time.Second))
	return strings.Replace(u, "/paths/invoke?", "/paths/invoke/berths/B7?", 1)
}

// other is the URL of a trigger that the workflow does not have.
func (s *served) other(name, trigger string) string {
	w := s.workflows[name]
	return gate.URLs{Base: s.base}.Trigger(w.Keys.Primary, w.ID, trigger, time.Time{})
}

// bare is the callback URL without a signature.
func (s *served) bare(name string) string {
	u, _, _ := strings.Cut(s.trigger(name), "&")
	return u
}

func (s *served) resume(name string) string {
	w := s.workflows[name]
	return gate.URLs{Base: s.base}.Resume(w.Keys.Primary, w.ID, gate.Execution{Run: "08584281307553541240417205583CU00", Action: "Nothing"})
}

func (s *served) content(name string) string {
	w := s.workflows[name]
	c := gate.Content{Execution: gate.Execution{Run: "08584281307553541240417205583CU00"}, Name: "TriggerOutputs"}
	return gate.URLs{Base: s.base}.Content(w.Keys.Contents, w.ID, c, time.Now().Add(time.Hour))
}

// callers is a policy that lets in who has a token for the berths.
const callers = `"openAuthenticationPolicies":{"policies":{"callers":{"type":"AAD","claims":[{"name":"iss","value":"` + cloudtest.Issuer + `"},{"name":"aud","value":"api://berths"}]}}}`

// inboundFolder holds one workflow for each kind of access control.
func inboundFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	const elsewhere = `{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.0/24"}]}`
	const here = `"allowedCallerIpAddresses":[{"addressRange":"127.0.0.0/8"},{"addressRange":"::1"}]`
	const respond = `"Response":{"type":"Response","inputs":{"statusCode":200,"body":{"berth":"@triggerOutputs()['relativePathParameters']['berth']","authorization":"@triggerOutputs()['headers']?['Authorization']","colour":"@triggerOutputs()?['queries']"}}`
	for name, w := range map[string][3]string{ // state, accessControl, actions
		"open":       {"Enabled", `{}`, respond + `}`},
		"policy":     {"Enabled", `{"triggers":{` + callers + `,` + here + `}}`, respond + `}`},
		"token-only": {"Enabled", `{"triggers":{` + callers + `,"sasAuthenticationPolicy":{"state":"Disabled"}}}`, respond + `}`},
		"others":     {"Enabled", `{"triggers":{"allowedCallerIpAddresses":[]}}`, respond + `}`},
		"elsewhere":  {"Enabled", `{"triggers":` + elsewhere + `,"actions":` + elsewhere + `,"contents":` + elsewhere + `}`, respond + `}`},
		"disabled":   {"Disabled", `{}`, respond + `}`},
		"silent":     {"Enabled", `{}`, `"If":{"type":"If","expression":"@equals(1,2)","actions":{` + respond + `}}}`},
		"busy":       {"Enabled", `{}`, `"Wait":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}`},
		"deleted":    {"Enabled", `{}`, respond + `}`},
		"slow":       {"Enabled", `{}`, `"Wait":{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}},` + respond + `,"runAfter":{"Wait":["Succeeded"]}}`},
		"shows":      {"Enabled", `{"triggers":{` + callers + `}}`, respond + `}`},
	} {
		options, limit := "EnableSchemaValidation", ""
		if name == "busy" {
			limit = `"runtimeConfiguration":{"concurrency":{"runs":1,"maximumWaitingRuns":1}},`
		}
		if name == "shows" {
			options = "IncludeAuthorizationHeadersInOutputs"
		}
		text := fmt.Sprintf(`{"name":%q,"properties":{"state":%q,"accessControl":%s,"definition":{
			"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#","contentVersion":"1.0.0.0",
			"triggers":{"manual":{"type":"Request","kind":"Http","operationOptions":%q,%s"inputs":{"method":"PUT","relativePath":"/berths/{berth}",
				"schema":{"type":"object","properties":{"containers":{"type":"array"}},"required":["containers"]}}}},
			"actions":{%s}}}}`, name, w[0], w[1], options, limit, w[2])
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// inboundApp packages the app, which both modes serve.
func inboundApp(t *testing.T) (dist, folder string) {
	t.Helper()
	folder, dist = inboundFolder(t), filepath.Join(t.TempDir(), "dist")
	if code := handlers.Main([]string{"package", "--out", dist, "--os", runtime.GOOS, "--arch", runtime.GOARCH, folder}); code != 0 {
		t.Fatal("package failed")
	}
	return dist, folder
}

// read saves some workflows besides those of the folder, and reads those.
func (s *served) read(t *testing.T, from *store.Store, more []*store.Workflow) {
	t.Helper()
	list, err := from.Workflows(t.Context())
	if err != nil || len(list) != 11 {
		t.Fatalf("%d workflows: %v\n%s", len(list), err, s.log())
	}
	s.workflows = map[string]*store.Workflow{}
	for _, w := range list {
		s.workflows[w.Name] = w
	}
	for _, w := range more {
		if err := from.SaveWorkflow(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
}

// inHost serves the app behind the host's protocol, on Azurite.
func inHost(t *testing.T, dist, _ string, more ...*store.Workflow) *served {
	t.Helper()
	cloud := cloudtest.Start(t)
	emulator := azurite.Start(t, t.TempDir())
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	env := cloud.ManagedIdentityEnv()
	env["AzureWebJobsStorage"], env["LATCHWORK_SEAL_KEY"] = emulator.ConnectionString, base64.StdEncoding.EncodeToString(key)
	env["LATCHWORK_DATA"], env["LATCHWORK_RESPONSE_TIMEOUT"] = t.TempDir(), "1s"
	env["LATCHWORK_MANAGEMENT_TENANT"], env["LATCHWORK_MANAGEMENT_ROLES"] = cloudtest.Tenant, managementRoles
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: emulator.ConnectionString})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	opened := store.New(backend, sealer)
	h := hosttest.Start(t, hosttest.Options{Dir: dist, Env: env, Queue: opened.Queue, LogFile: filepath.Join(t.TempDir(), "handler.log")})
	s := &served{base: h.URL(), cloud: cloud, log: h.Log}
	if status, body := post(t, s.base+"/workflows/x/triggers/manual/paths/invoke?api-version=1", ""); status != http.StatusUnauthorized { // waits until the app is open
		t.Fatalf("%d %s\n%s", status, body, h.Log())
	}
	s.read(t, opened, more)
	s.stop = func(t *testing.T) *store.Store { // the host kills; what is written by then counts
		awaitAudit(t, opened)
		h.Kill()
		return opened
	}
	return s
}

// byItself serves the folder with `latchwork serve`, and started once before so that
// the keys can be read.
func byItself(t *testing.T, dist, folder string, more ...*store.Workflow) *served {
	t.Helper()
	cloud := cloudtest.Start(t)
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "serve.out")
	s := &served{cloud: cloud, log: func() string { text, _ := os.ReadFile(file); return string(text) }}
	var c *exec.Cmd
	start := func() {
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		c = exec.Command(filepath.Join(dist, "latchwork"), "serve", folder, "--address", "127.0.0.1:0")
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LATCHWORK_DATA=" + data, "LATCHWORK_RESPONSE_TIMEOUT=1s",
			"LATCHWORK_MANAGEMENT_TENANT=" + cloudtest.Tenant, "LATCHWORK_MANAGEMENT_ROLES=" + managementRoles}
		for name, v := range cloud.Env() {
			c.Env = append(c.Env, name+"="+v)
		}
		c.Stdout, c.Stderr = out, out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		serving := regexp.MustCompile(`Serving on (\S+)\.\s`)
		deadline := time.After(20 * time.Second)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			if m := serving.FindStringSubmatch(s.log()); m != nil {
				s.base = m[1]
				return
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("it does not serve:\n%s", s.log())
			}
		}
	}
	s.stop = func(t *testing.T) *store.Store {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		key, err := seal.KeyFile(filepath.Join(data, "store.key"))
		if err != nil {
			t.Fatal(err)
		}
		sealer, err := seal.New(key)
		if err != nil {
			t.Fatal(err)
		}
		backend, err := local.Open(filepath.Join(data, "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		return store.New(backend, sealer)
	}
	start()
	opened := s.stop(t)
	s.read(t, opened, more)
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	start()
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return s
}

// remove deletes a workflow by the management API.
func (s *served) remove(t *testing.T, name string) {
	t.Helper()
	if status, body := s.manage(t, http.MethodDelete, s.workflows[name].ResourceID); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
}

// left are how many runs the workflow behind a callback URL has, and how many times its
// trigger is said to have fired, as the management API lists them.
func (s *served) left(t *testing.T, callback string) (counts [2]int) {
	t.Helper()
	for _, w := range s.workflows {
		if !strings.Contains(callback, w.ID) {
			continue
		}
		for i, of := range []string{"/runs", "/triggers/manual/histories"} {
			status, body := s.manage(t, http.MethodGet, w.ResourceID+of)
			var list struct{ Value []json.RawMessage }
			if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK && w.Name != "deleted" {
				t.Fatalf("%d %s: %v", status, body, err)
			}
			counts[i] = len(list.Value)
		}
	}
	return counts
}

func (s *served) manage(t *testing.T, method, resource string) (int, string) {
	t.Helper()
	token := s.cloud.Token(map[string]any{"aud": armAudience, "groups": []string{contributorGroup}})
	status, _, _, body := s.call(t, method, s.base+resource+"?api-version=2019-05-01", "", http.Header{"Authorization": {"Bearer " + token}})
	return status, body
}

func (s *served) call(t *testing.T, method, url, body string, header http.Header) (int, string, string, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal(bytes.TrimSpace(data), &e) // not everything is an error
	return answer.StatusCode, e.Error.Code, e.Error.Message, string(data)
}
