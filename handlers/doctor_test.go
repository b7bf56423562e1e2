package handlers

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

const (
	tableHost = "contoso.table.core.windows.net"
	blobHost  = "contoso.blob.core.windows.net"
	queueHost = "contoso.queue.core.windows.net"
)

// patient is an app that is well, until a test plants a fault in it.
type patient struct {
	t      *testing.T
	cloud  *cloudtest.Cloud
	env    map[string]string
	root   string
	hosted bool
}

func wellPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{t: t, cloud: cloudtest.Start(t, tableHost, blobHost, queueHost), root: t.TempDir(), hosted: true}
	p.cloud.SetSecret("seal-key", cloudtest.Secret{Value: base64.StdEncoding.EncodeToString(make([]byte, seal.KeySize))})
	p.env = p.cloud.Env()
	prefix := fmt.Sprintf("t%d", time.Now().UnixNano())
	maps.Copy(p.env, map[string]string{
		settingStorage: azurite.Shared(t).ConnectionString, settingPrefix: prefix, settingSealSecret: "seal-key", settingDataDir: t.TempDir(),
		"WEBSITE_SKU": "FlexConsumption", settingScriptRoot: p.root,
	})
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{store.DoorbellQueue, store.PoisonQueue} {
		if _, err := backend.Queue(name).Receive(t.Context(), 1, time.Second); err != nil { // makes it
			t.Fatal(err)
		}
	}
	p.writeHost(string(hostJSON))
	return p
}

func (p *patient) writeHost(content string) {
	if err := os.WriteFile(filepath.Join(p.root, "host.json"), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.root, executable), nil, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.CopyFS(p.root, os.DirFS("../functions")); err != nil && !os.IsExist(err) {
		p.t.Fatal(err)
	}
}

func (p *patient) hostJSON(old, changed string) {
	text := strings.Replace(string(hostJSON), old, changed, 1)
	if text == string(hostJSON) {
		p.t.Fatalf("host.json does not hold %s", old)
	}
	p.writeHost(text)
}

func (p *patient) examine() []finding {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"} {
		p.t.Setenv(name, p.env[name]) // the SDK reads them by itself
	}
	var environ []string
	for name := range p.env {
		environ = append(environ, name+"=")
	}
	x := examination{getenv: func(name string) string { return p.env[name] }, environ: environ, hosted: p.hosted, root: p.root}
	return x.examine(p.t.Context())
}

// byIdentity lets services of the storage account answer as given.
func (p *patient) byIdentity(answers map[string]http.HandlerFunc) {
	delete(p.env, settingStorage)
	p.env[settingStorage+"__accountName"] = "contoso"
	for _, host := range []string{tableHost, blobHost, queueHost} {
		h := answers[host]
		if h == nil {
			h = func(w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodPost:
					if host == tableHost {
						w.Header().Set("x-ms-error-code", "TableAlreadyExists")
						w.WriteHeader(http.StatusConflict)
						return
					}
					w.Header().Set("Content-Type", "application/xml")
					w.WriteHeader(http.StatusCreated)
					fmt.Fprint(w, `<?xml version="1.0"?><QueueMessagesList></QueueMessagesList>`)
				case http.MethodGet:
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprint(w, `{"value":[]}`)
				case http.MethodDelete:
					if host == blobHost {
						w.WriteHeader(http.StatusAccepted)
						return
					}
					w.WriteHeader(http.StatusNoContent)
				case http.MethodPut:
					if host == blobHost {
						w.WriteHeader(http.StatusCreated)
						return
					}
					w.WriteHeader(http.StatusNoContent)
				default:
					w.WriteHeader(http.StatusNoContent)
				}
			}
		}
		p.cloud.Handle(host, h)
	}
}

func denied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("x-ms-error-code", "AuthorizationPermissionMismatch")
	w.WriteHeader(http.StatusForbidden)
}

func late(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	w.Header().Set("x-ms-error-code", "AuthenticationFailed")
	w.WriteHeader(http.StatusForbidden)
}

// TestDoctorFindsPlantedFaults plants one fault at a time: doctor finds it and names
// what mends it, and finds nothing else than what follows from it.
func TestDoctorFindsPlantedFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(p *patient)
		check string
		state string
		text  string
		fix   string
	}{
		{"a malformed setting", func(p *patient) { p.env[settingSlice] = "soon" }, "settings", fault, "LATCHWORK_SLICE: want a duration", "LATCHWORK_SLICE"},
		{"a collector that is no address", func(p *patient) { p.env[settingOTLP] = "localhost:4318" }, "settings", fault, settingOTLP, "docs/settings.md"},
		{"tokens by an algorithm that is none", func(p *patient) { p.env[settingAlgorithms] = "none" }, "settings", fault, settingAlgorithms, "docs/settings.md"},
		{"a slip in the name of a setting", func(p *patient) { p.env["LATCHWORK_SLICES"] = "4m" }, "settings", fault, "did you mean LATCHWORK_SLICE?", "docs/settings.md"},
		{"no storage account", func(p *patient) { delete(p.env, settingStorage) }, "storage", fault, "no storage account", "AzureWebJobsStorage__accountName"},
		{"storage out of reach", func(p *patient) {
			p.env[settingStorage] = "AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a"
		}, "storage table", fault, "cannot be reached", "network"},
		{"a wrong storage key", func(p *patient) {
			p.env[settingStorage] = strings.Replace(p.env[settingStorage], "AccountKey=Eby8", "AccountKey=Ebz8", 1)
		}, "storage table", fault, "is refused", "Copy the connection string anew"},
		{"table and container are missing", func(p *patient) { p.env[settingPrefix] = "nothere" }, "storage table", fault, "the table nothere is missing", "az storage table create"},
		{"no role on tables", func(p *patient) { p.byIdentity(map[string]http.HandlerFunc{tableHost: denied}) }, "storage table", fault, "may not use the table", "Storage Table Data Contributor"},
		{"no role on blobs", func(p *patient) { p.byIdentity(map[string]http.HandlerFunc{blobHost: denied}) }, "storage blob", fault, "may not use the blob", "Storage Blob Data Owner"},
		{"no role on queues", func(p *patient) { p.byIdentity(map[string]http.HandlerFunc{queueHost: denied}) }, "storage queue", fault, "may not use the queue", "Storage Queue Data Contributor"},
		{"the queue is missing", func(p *patient) {
			p.byIdentity(map[string]http.HandlerFunc{queueHost: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("x-ms-error-code", "QueueNotFound")
				w.WriteHeader(http.StatusNotFound)
			}})
		}, "storage queue", fault, "the queue latchwork-doorbell is missing", "az storage queue create"},
		{"a clock that is off", func(p *patient) { p.byIdentity(map[string]http.HandlerFunc{tableHost: late}) }, "clock", fault, "differs by 1h0m", "NTP"},
		{"no identity", func(p *patient) {
			for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"} {
				p.env[name] = ""
			}
		}, "identity", fault, "no token for Key Vault", "AZURE_CLIENT_ID"},
		{"no role on the vault", func(p *patient) { p.cloud.Fail(cloudtest.Vault, http.StatusForbidden, "Forbidden", "no") }, "vault", fault, "not allowed to read secrets", "Key Vault Secrets User"},
		{"no key to seal with", func(p *patient) { p.env[settingSealSecret] = "" }, "seal key", fault, "needs a key to seal with", "LATCHWORK_SEAL_KEY_SECRET"},
		{"its secret is missing", func(p *patient) { p.env[settingSealSecret] = "gone" }, "seal key", fault, "the secret gone cannot be read", "infra/hooks/seal-key.sh"},
		{"its secret is no key", func(p *patient) { p.cloud.SetSecret("seal-key", cloudtest.Secret{Value: "dGlueQ=="}) }, "seal key", fault, "want 32 bytes", "Restore the right version"},
		{"another key than the store was made with", func(p *patient) {
			p.sealWorkflow(slices.Repeat([]byte{7}, seal.KeySize))
		}, "store", fault, "cannot be read", "LATCHWORK_SEAL_KEY_SECRET"},
		{"a slice longer than a call may take", func(p *patient) { p.env[settingSlice] = "5m" }, "plan", fault, "kills the whole process", "LATCHWORK_SLICE"},
		{"calls longer than Consumption allows", func(p *patient) {
			p.env["WEBSITE_SKU"] = "Dynamic"
			p.hostJSON(`"00:05:00"`, `"00:30:00"`)
		}, "plan", fault, "longer than the Consumption plan allows", "00:10:00"},
		{"a plan that retires", func(p *patient) { p.env["WEBSITE_SKU"] = "Dynamic" }, "plan", warning, "30 September 2028", "Flex Consumption"},
		{"callers wait longer than the front end", func(p *patient) { p.env[settingResponse] = "4m" }, "plan", warning, "Azure's front end", "230s"},
		{"a package setting that Flex refuses", func(p *patient) { p.env["WEBSITE_RUN_FROM_PACKAGE"] = "1" }, "plan", fault, "Flex Consumption refuses", "Remove the setting"},
		{"another worker", func(p *patient) { p.env["FUNCTIONS_WORKER_RUNTIME"] = "node"; p.env["WEBSITE_SKU"] = "" }, "plan", fault, "node", "custom"},
		{"addresses of the proxy", func(p *patient) { p.env[settingClient] = "xff:1" }, "client address", fault, "overwrites X-Forwarded-For", "front-end"},
		{"the address of the host", func(p *patient) { p.env[settingClient] = "peer" }, "client address", fault, "the Functions host", "Remove LATCHWORK_CLIENT_ADDRESS"},
		{"a route prefix", func(p *patient) { p.hostJSON(`"routePrefix": ""`, `"routePrefix": "api"`) }, "package", fault, "before every route", "routePrefix"},
		{"plain messages", func(p *patient) { p.hostJSON(`"messageEncoding": "base64"`, `"messageEncoding": "none"`) }, "package", fault, "base64", "messageEncoding"},
		{"no extension bundle", func(p *patient) { p.hostJSON(`"extensionBundle"`, `"extensionBundles"`) }, "package", fault, "no extension bundle", "extensionBundle"},
		{"an executable with ./", func(p *patient) { p.hostJSON(`"latchwork" }`, `"./latchwork" }`) }, "package", fault, "./latchwork", "defaultExecutablePath"},
		{"a function of another version", func(p *patient) {
			if err := os.RemoveAll(filepath.Join(p.root, "Sweep")); err != nil {
				p.t.Fatal(err)
			}
		}, "package", fault, "not those of this binary", "latchwork package"},
		{"no host.json", func(p *patient) {
			if err := os.Remove(filepath.Join(p.root, "host.json")); err != nil {
				p.t.Fatal(err)
			}
		}, "package", fault, "cannot be read", "latchwork package"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := wellPatient(t)
			c.plant(p)
			list := p.examine()
			found := false
			for _, f := range list {
				if f.Check == c.check && f.State == c.state && strings.Contains(f.Text, c.text) && strings.Contains(f.Fix, c.fix) {
					found = true
				}
				if f.State != healthy && f.Fix == "" {
					t.Errorf("no fix for %+v", f)
				}
			}
			if !found {
				t.Errorf("not found: %s %s %q, fix %q in\n%+v", c.check, c.state, c.text, c.fix, list)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		for _, f := range wellPatient(t).examine() {
			if f.State != healthy {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("none, by identity", func(t *testing.T) {
		p := wellPatient(t)
		p.byIdentity(nil)
		for _, f := range p.examine() {
			if f.State != healthy {
				t.Errorf("%+v", f)
			}
		}
	})
}

// sealWorkflow puts a workflow into the store, sealed with a key.
func (p *patient) sealWorkflow(key []byte) {
	backend, err := azure.Open(p.t.Context(), azure.Config{ConnectionString: p.env[settingStorage], Prefix: p.env[settingPrefix]})
	if err != nil {
		p.t.Fatal(err)
	}
	sealer, err := seal.New(key)
	if err != nil {
		p.t.Fatal(err)
	}
	w := &store.Workflow{ID: strings.Repeat("a", 32), Name: "w", ResourceID: "/w", Version: "1", Keys: store.Keys{Primary: key, Secondary: key, Contents: key}}
	if err := store.New(backend, sealer).SaveWorkflow(p.t.Context(), w); err != nil {
		p.t.Fatal(err)
	}
}

// TestDoctorOfARunningApp asks apps that are well, and apps that believe lies, need
// no key, or are none.
func TestDoctorOfARunningApp(t *testing.T) {
	serve := func(t *testing.T, open bool, env map[string]string) (address, key string) {
		t.Helper()
		a, err := opened(t, options{}, env)
		if err != nil {
			t.Fatal(err)
		}
		h, err := a.standalone(open, nil)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		raw, err := seal.KeyFile(filepath.Join(a.settings.dataDir, functionsKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		return server.URL, base64.RawURLEncoding.EncodeToString(raw)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer other.Close()
	for _, c := range []struct {
		name, check, state, text, fix string
		open                          bool
		env                           map[string]string
		address, key                  string
	}{
		{name: "well", check: "forwarded headers", state: healthy, text: "yours is 127.0.0.1"},
		{name: "well, and from within", check: "store", state: healthy, text: "0 workflows can be read"},
		{name: "a caller chooses its address", env: map[string]string{settingClient: "front-end"}, check: "forwarded headers", state: fault, text: "can choose the address", fix: "LATCHWORK_CLIENT_ADDRESS"},
		{name: "another header, the same", env: map[string]string{settingClient: "xff:1"}, check: "forwarded headers", state: fault, text: "can choose the address", fix: "LATCHWORK_CLIENT_ADDRESS"},
		{name: "no address", env: map[string]string{settingClient: "xff:2"}, check: "forwarded headers", state: warning, text: "cannot tell", fix: "LATCHWORK_CLIENT_ADDRESS"},
		{name: "open to everybody", open: true, check: "keys", state: fault, text: "everybody may call", fix: "--open"},
		{name: "wrong key", key: "wrong", check: "key", state: fault, text: "does not accept", fix: "--key-file"},
		{name: "something else", address: other.URL, check: "endpoint", state: fault, text: "no function Doctor", fix: "routePrefix"},
		{name: "nobody", address: "http://127.0.0.1:1", check: "endpoint", state: fault, text: "cannot be asked", fix: "runs"},
		{name: "in the clear", address: "http://203.0.113.1", check: "endpoint", state: fault, text: "in the clear", fix: "https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, key := c.address, c.key
			if address == "" {
				real := ""
				if address, real = serve(t, c.open, c.env); key == "" {
					key = real
				}
			}
			m, err := newRemote(address, key, http.DefaultClient)
			if err != nil {
				t.Fatal(err)
			}
			list := m.examineRemote(t.Context())
			if !slices.ContainsFunc(list, func(f finding) bool {
				return f.Check == c.check && f.State == c.state && strings.Contains(f.Text, c.text) && strings.Contains(f.Fix, c.fix)
			}) {
				t.Errorf("not found: %s %s %q, fix %q in\n%+v", c.check, c.state, c.text, c.fix, list)
			}
		})
	}
	for _, bad := range []string{"", "example.com", "ftp://x", "https://x?y=1", "https://u:p@x"} {
		if _, err := newRemote(bad, "", nil); err == nil {
			t.Errorf("%q is taken for an endpoint", bad)
		}
	}
}
