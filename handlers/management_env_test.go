package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/logic/armlogic"

	"github.com/latchwork/latchwork/handlers"
	"github.com/latchwork/latchwork/handlers/host/hosttest"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

const (
	subscription  = "0f6b2c1e-58d4-4a0b-9c37-6f0a1d2e3b44"
	resourceGroup = "harbor-rg"
	inGroup       = "/subscriptions/" + subscription + "/resourceGroups/" + resourceGroup + "/providers/Microsoft.Logic/workflows"

	armAudience = "https://management.azure.com/"
	// secretParameter stands for a value of a secure parameter. It must show nowhere.
	secretParameter = `PARAM-CANARY~5k"x<&>'\ö+/=%20-secret`

	contributorGroup = "aaaaaaaa-0000-4000-8000-000000000001"
	operatorGroup    = "aaaaaaaa-0000-4000-8000-000000000002"
	contentsGroup    = "aaaaaaaa-0000-4000-8000-000000000003"
	managementRoles  = "contributor=group:" + contributorGroup + ";operator=group:" + operatorGroup + ";reader=role:Logic.Read;contents=group:" + contentsGroup
)

// managed is an app with its management API, reached over TLS.
type managed struct {
	base   string
	client *http.Client
	ca     string // file with the certificate of the server
	cloud  *cloudtest.Cloud
	// token of a role: contributor, operator, reader, or contents besides.
	token func(roles ...string) string
	// secrets must show nowhere; folders hold what was written.
	secrets []string
	folders []string
	log     func() string
	stop    func()
	asked   atomic.Int64 // of the tariff
}

// cloudFor starts a cloud with the tariff that the workflows ask, which is busy at
// first.
func (m *managed) cloudFor(t *testing.T) {
	m.cloud = cloudtest.Start(t, "tariff.example.test")
	m.cloud.Handle("tariff.example.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/busy") && m.asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"quote":42}`)
	}))
	m.token = func(roles ...string) string {
		claims := map[string]any{"aud": armAudience, "appid": "walker", "oid": "walker-object"}
		var groups, names []string
		for _, r := range roles {
			switch r {
			case "contributor":
				groups = append(groups, contributorGroup)
			case "operator":
				groups = append(groups, operatorGroup)
			case "contents":
				groups = append(groups, contentsGroup)
			case "reader":
				names = append(names, "Logic.Read")
			}
		}
		claims["groups"], claims["roles"] = groups, names
		token := m.cloud.Token(claims)
		m.secrets = append(m.secrets, token)
		return token
	}
}

func packaged(t *testing.T, paths ...string) string {
	t.Helper()
	dist := filepath.Join(t.TempDir(), "dist")
	if code := handlers.Main(append([]string{"package", "--out", dist, "--os", runtime.GOOS, "--arch", runtime.GOARCH}, paths...)); code != 0 {
		t.Fatal("package failed")
	}
	return dist
}

// managedInHost is the packaged app behind the host's protocol, on Azurite, with
// something in front that ends TLS.
func managedInHost(t *testing.T) *managed {
	t.Helper()
	m := &managed{}
	m.cloudFor(t)
	var back atomic.Pointer[httputil.ReverseProxy]
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { back.Load().ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	folder := t.TempDir()
	emulator := azurite.Start(t, folder)
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	env := m.cloud.ManagedIdentityEnv()
	for name, v := range map[string]string{
		"AzureWebJobsStorage": emulator.ConnectionString, "LATCHWORK_SEAL_KEY": base64.StdEncoding.EncodeToString(key), "LATCHWORK_DATA": t.TempDir(),
		"LATCHWORK_PUBLIC_URL": front.URL, "LATCHWORK_MANAGEMENT_TENANT": cloudtest.Tenant, "LATCHWORK_MANAGEMENT_ROLES": managementRoles, "LATCHWORK_LOG_LEVEL": "debug",
	} {
		env[name] = v
	}
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: emulator.ConnectionString})
	if err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, hosttest.Options{Dir: packaged(t, filepath.Join("..", "samples", "order-check")), Env: env, Queue: backend.Queue, LogFile: filepath.Join(t.TempDir(), "handler.log")})
	target, err := url.Parse(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	back.Store(httputil.NewSingleHostReverseProxy(target))
	m.base, m.client, m.log, m.folders = front.URL, front.Client(), h.Log, []string{folder}
	m.ca = filepath.Join(t.TempDir(), "front.pem")
	writePEM(t, m.ca, "CERTIFICATE", front.Certificate().Raw)
	m.stop = func() { h.Kill(); emulator.Stop() }
	m.awaitOpen(t)
	return m
}

// managedByItself is `latchwork serve` with a certificate.
func managedByItself(t *testing.T) *managed {
	t.Helper()
	m := &managed{}
	m.cloudFor(t)
	folder := t.TempDir()
	certificate, key, roots := serverCertificate(t)
	m.ca = certificate
	out := filepath.Join(t.TempDir(), "serve.out")
	file, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := exec.Command(filepath.Join(packaged(t, filepath.Join("..", "samples", "order-check")), "latchwork"), "serve", filepath.Join("..", "samples", "order-check"),
		"--address", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LATCHWORK_DATA=" + folder, "LATCHWORK_LOG_LEVEL=debug", "LATCHWORK_MANAGEMENT_TENANT=" + cloudtest.Tenant, "LATCHWORK_MANAGEMENT_ROLES=" + managementRoles}
	for name, v := range m.cloud.Env() {
		c.Env = append(c.Env, name+"="+v)
	}
	c.Stdout, c.Stderr = file, file
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var stopped atomic.Bool
	m.stop = func() {
		if stopped.CompareAndSwap(false, true) {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	t.Cleanup(m.stop)
	m.log = func() string { text, _ := os.ReadFile(out); return string(text) }
	m.folders = []string{folder}
	serving := regexp.MustCompile(`Serving on (\S+)\.\s`)
	eventually(t, "it serves", func() bool {
		found := serving.FindStringSubmatch(m.log())
		if found != nil {
			m.base = found[1]
		}
		return found != nil
	}, m.log)
	m.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	m.awaitOpen(t)
	return m
}

// eventually looks again and again until something is so.
func eventually(t *testing.T, what string, is func() bool, explain func() string) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("in vain: %s\n%s", what, explain())
		}
	}
}

func (m *managed) awaitOpen(t *testing.T) {
	t.Helper()
	if status, code, _, body := m.call(t, "", http.MethodGet, "/subscriptions/x/providers/Microsoft.Logic/workflows?api-version=2019-05-01", ""); status != http.StatusUnauthorized || code != "AuthenticationFailed" {
		t.Fatalf("%d %s\n%s", status, body, m.log())
	}
}

// call makes a plain management call, and returns status, code, message and body.
func (m *managed) call(t *testing.T, token, method, path, body string) (status int, code, message, answer string) {
	t.Helper()
	status, _, answer = m.request(t, token, method, path, body, nil)
	var e struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal([]byte(answer), &e) // not everything is an error
	return status, e.Error.Code, e.Error.Message, answer
}

func (m *managed) request(t *testing.T, token, method, path, body string, header http.Header) (int, http.Header, string) {
	t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = m.base + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range header {
		r.Header[name] = v
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := m.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(data)
}

// factory makes clients of the unmodified SDK.
func (m *managed) factory(t *testing.T, token string, watch ...policy.Policy) *armlogic.ClientFactory {
	t.Helper()
	service := cloud.ServiceConfiguration{Endpoint: m.base, Audience: armAudience}
	f, err := armlogic.NewClientFactory(subscription, credential(token), &arm.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud:     cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: service}},
			Transport: m.client, PerCallPolicies: watch, Retry: policy.RetryOptions{MaxRetries: -1},
		},
		DisableRPRegistration: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type credential string

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(c), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// serverCertificate makes a certificate for this machine.
func serverCertificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	own := server.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "server.pem"), filepath.Join(folder, "server.key")
	writePEM(t, certificate, "CERTIFICATE", own.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", private)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return certificate, key, roots
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
