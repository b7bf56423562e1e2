// Package cloudtest is a cloud for tests, on loopback: Entra, Key Vault, the
// managed identity endpoint of App Service, the one of virtual machines (IMDS),
// and enough of Microsoft Graph to prove that a token arrived. It checks what the
// services check: secrets, signatures, audiences to the letter.
//
// It serves tests in the same process, by Config settings such as Getenv, and
// programs that a test starts, by Env: both reach it under the services' own
// names, with certificates of an authority that only exists for this test.
package cloudtest

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The endpoints that are counted and can be interfered with.
const (
	EntraDiscovery = "entra.discovery" // metadata and keys
	EntraToken     = "entra.token"
	Vault          = "vault"
	AppService     = "appservice" // the identity endpoint of App Service
	IMDS           = "imds"
	Graph          = "graph"
	Other          = "other" // hosts added by Handle
)

// Names that the cloud starts with.
const (
	Tenant       = "11111111-1111-1111-1111-111111111111"
	ClientID     = "22222222-2222-2222-2222-222222222222"
	ClientSecret = "cloudtest~client~secret~2222" // of ClientID
	VaultName    = "contoso"
	VaultURL     = "https://contoso.vault.azure.net"

	// SystemPrincipal is the object id of the system-assigned identity.
	SystemPrincipal = "33333333-3333-3333-3333-333333333333"
	// UserIdentityID and UserIdentityClientID name the one user-assigned identity.
	UserIdentityID       = "/subscriptions/44444444-4444-4444-4444-444444444444/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/workflows"
	UserIdentityClientID = "55555555-5555-5555-5555-555555555555"
	userPrincipal        = "66666666-6666-6666-6666-666666666666"

	identityHeader = "cloudtest-identity-header"
)

// Cloud is a running cloud.
type Cloud struct {
	tls, plain *httptest.Server
	caFile     string
	roots      *x509.CertPool

	mu       sync.Mutex
	hosts    map[string]http.Handler // besides the built-in ones
	apps     map[string]*App
	secrets  map[string][]secretVersion   // newest first
	keys     map[string][]*rsa.PrivateKey // oldest first
	managers map[string]Person
	counts   map[string]int
	hooks    map[string]Hook
	pageSize int
	closed   chan struct{}
}

// Hook sees a request before its endpoint does and tells whether it has answered.
type Hook func(w http.ResponseWriter, r *http.Request) (answered bool)

// Start starts a cloud that ends with the test. Names in hosts are served beside
// the built-in ones, once Handle gives them a handler.
func Start(t testing.TB, hosts ...string) *Cloud {
	t.Helper()
	c := &Cloud{
		hosts:    map[string]http.Handler{},
		apps:     map[string]*App{ClientID: {Secret: ClientSecret, Principal: "77777777-7777-7777-7777-777777777777"}},
		secrets:  map[string][]secretVersion{},
		keys:     map[string][]*rsa.PrivateKey{},
		managers: map[string]Person{},
		counts:   map[string]int{},
		hooks:    map[string]Hook{},
		pageSize: 25,
		closed:   make(chan struct{}),
	}
	for _, h := range hosts {
		c.hosts[h] = http.NotFoundHandler()
	}
	names := slices.Concat(builtIn, hosts, []string{"localhost"})
	ca, leaf, err := certificates(names)
	if err != nil {
		t.Fatalf("cloudtest certificates: %v", err)
	}
	c.roots = x509.NewCertPool()
	c.roots.AppendCertsFromPEM(ca)
	c.caFile = filepath.Join(t.TempDir(), "cloudtest-ca.pem")
	if err := os.WriteFile(c.caFile, ca, 0o600); err != nil {
		t.Fatalf("cloudtest certificates: %v", err)
	}
	c.tls = httptest.NewUnstartedServer(http.HandlerFunc(c.route))
	c.tls.TLS = &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12}
	c.tls.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of tests
	c.tls.EnableHTTP2 = true
	c.tls.StartTLS()
	c.plain = httptest.NewServer(c.identityEndpoints())
	t.Cleanup(func() {
		close(c.closed)
		c.tls.Close()
		c.plain.Close()
	})
	return c
}

// builtIn are the hosts that the cloud always answers for.
var builtIn = []string{
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	VaultName + ".vault.azure.net", "graph.microsoft.com",
}

// route finds the service by the host name that the caller meant.
func (c *Cloud) route(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	switch {
	case strings.HasPrefix(host, "login."), host == "sts.windows.net":
		c.entra(w, r)
	case strings.HasSuffix(host, ".vault.azure.net"):
		c.observe(Vault, c.vault)(w, r)
	case host == "graph.microsoft.com":
		c.observe(Graph, c.graph)(w, r)
	case host == "localhost" || host == "127.0.0.1":
		// An emulator's address: the vault and the authority share it.
		if strings.HasPrefix(r.URL.Path, "/secrets") {
			c.observe(Vault, c.vault)(w, r)
		} else {
			c.entra(w, r)
		}
	default:
		c.mu.Lock()
		h := c.hosts[host]
		c.mu.Unlock()
		if h == nil {
			h = http.NotFoundHandler()
		}
		c.observe(Other, h.ServeHTTP)(w, r)
	}
}

// observe counts a request and lets a hook in.
func (c *Cloud) observe(endpoint string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.counts[endpoint]++
		hook := c.hooks[endpoint]
		c.mu.Unlock()
		if hook != nil && hook(w, r) {
			return
		}
		h(w, r)
	}
}

// Handle serves a host that Start was given.
func (c *Cloud) Handle(host string, h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.hosts[host]; !ok {
		panic("cloudtest: Start was not given the host " + host)
	}
	c.hosts[host] = h
}

// Count tells how many requests an endpoint has had.
func (c *Cloud) Count(endpoint string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[endpoint]
}

// Intercept puts a hook before an endpoint; nil takes it away.
func (c *Cloud) Intercept(endpoint string, h Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks[endpoint] = h
}

// Fail makes an endpoint answer with a status and an error of Azure's shape.
// Headers come in pairs.
func (c *Cloud) Fail(endpoint string, status int, code, message string, headers ...string) {
	c.Intercept(endpoint, func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		azureError(w, status, code, message, "")
		return true
	})
}

// Hold makes requests to an endpoint wait until release is called. arrived gets a
// value for each that waits.
func (c *Cloud) Hold(endpoint string) (arrived <-chan struct{}, release func()) {
	waiting, open := make(chan struct{}, 100), make(chan struct{})
	c.Intercept(endpoint, func(_ http.ResponseWriter, r *http.Request) bool {
		waiting <- struct{}{}
		select {
		case <-open:
		case <-r.Context().Done():
		case <-c.closed:
		}
		return false
	})
	return waiting, sync.OnceFunc(func() { close(open) })
}

// Roots trusts the cloud's certificates, and nothing else.
func (c *Cloud) Roots() *x509.CertPool { return c.roots }

// CAFile is the PEM file of the cloud's certificate authority.
func (c *Cloud) CAFile() string { return c.caFile }

// ConnectTo maps each service to where the cloud listens.
func (c *Cloud) ConnectTo() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[string]string{}
	for _, h := range builtIn {
		m[h+":443"] = c.Address()
	}
	for h := range c.hosts {
		m[h+":443"] = c.Address()
	}
	return m
}

// Address is where the TLS server listens.
func (c *Cloud) Address() string { return c.tls.Listener.Addr().String() }

// EmulatorURL is the cloud as an emulator on this machine: authority and vault.
func (c *Cloud) EmulatorURL() string {
	_, port, _ := net.SplitHostPort(c.Address())
	return "https://localhost:" + port
}

// Env are the settings by which a program uses the cloud and signs in as ClientID
// with its secret.
func (c *Cloud) Env() map[string]string {
	env := c.reach()
	maps.Copy(env, map[string]string{
		"LATCHWORK_CREDENTIALS": "environment",
		"AZURE_TENANT_ID":       Tenant,
		"AZURE_CLIENT_ID":       ClientID,
		"AZURE_CLIENT_SECRET":   ClientSecret,
	})
	return env
}

// ManagedIdentityEnv are the settings by which a program uses the cloud and signs
// in with the identity that App Service gives it. azidentity caches these tokens
// for the whole process: a test in this process that counts requests asks for an
// audience of its own, or starts a process.
func (c *Cloud) ManagedIdentityEnv() map[string]string {
	env := c.reach()
	maps.Copy(env, map[string]string{
		"LATCHWORK_CREDENTIALS": "managedidentity",
		"IDENTITY_ENDPOINT":     c.plain.URL + "/msi/token",
		"IDENTITY_HEADER":       identityHeader,
	})
	return env
}

func (c *Cloud) reach() map[string]string {
	var to []string
	for from, address := range c.ConnectTo() {
		to = append(to, from+"="+address)
	}
	slices.Sort(to)
	return map[string]string{
		"LATCHWORK_CA_FILE":    c.caFile,
		"LATCHWORK_CONNECT_TO": strings.Join(to, ","),
		"LATCHWORK_KEY_VAULT":  VaultURL,
	}
}

// Setenv sets settings for the rest of a test, for the parts of the SDK that read
// the environment by themselves, and returns them as a getenv.
func Setenv(t testing.TB, env map[string]string) func(string) string {
	t.Helper()
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"} {
		t.Setenv(name, env[name])
	}
	return func(name string) string { return env[name] }
}

// azureError writes the error shape that Key Vault and Graph share.
func azureError(w http.ResponseWriter, status int, code, message, inner string) {
	e := map[string]any{"code": code, "message": message}
	if inner != "" {
		e["innererror"] = map[string]any{"code": inner}
	}
	writeJSON(w, status, map[string]any{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(fmt.Sprintf("cloudtest: %v", err))
	}
}
