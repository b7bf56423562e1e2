package outbound_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestConfigFromSettings(t *testing.T) {
	cloud := cloudtest.Start(t)
	config, err := outbound.FromEnv(getenv(map[string]string{
		"LATCHWORK_HTTP_TIMEOUT": "90s", "LATCHWORK_HTTP_MAX_BODY": "2048", "LATCHWORK_CA_FILE": cloud.CAFile(),
		"LATCHWORK_CONNECT_TO":            "Graph.microsoft.com:443=127.0.0.1:8443, [::1]:80=localhost:81",
		"LATCHWORK_DENY_PRIVATE_NETWORKS": "TRUE", "LATCHWORK_KEY_VAULT": "https://contoso.vault.azure.net", "LATCHWORK_KEY_VAULT_CACHE": "0",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if config.Roots == nil {
		t.Error("the certificate authority is not trusted")
	}
	config.Roots = nil
	want := outbound.Config{
		Timeout: 90 * time.Second, MaxBody: 2048, DenyPrivate: true, KeyVault: "https://contoso.vault.azure.net",
		ConnectTo: map[string]string{"graph.microsoft.com:443": "127.0.0.1:8443", "[::1]:80": "localhost:81"},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Error(diff)
	}
}

func TestConfigKnowsThePlatform(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"laptop", nil, false},
		{"core tools", map[string]string{"WEBSITE_SITE_NAME": "app", "AZURE_FUNCTIONS_ENVIRONMENT": "Development", "WEBSITE_HOSTNAME": "localhost:7071"}, false},
		{"Azure", map[string]string{"WEBSITE_SITE_NAME": "app"}, true},
		{"Azure, told otherwise", map[string]string{"WEBSITE_SITE_NAME": "app", "LATCHWORK_DENY_LOOPBACK": "false"}, false},
		{"laptop, told otherwise", map[string]string{"LATCHWORK_DENY_LOOPBACK": "1"}, true},
	}
	for _, tt := range tests {
		if config, err := outbound.FromEnv(getenv(tt.env)); err != nil || config.DenyLoopback != tt.want {
			t.Errorf("%s: got %t, %v", tt.name, config.DenyLoopback, err)
		}
	}
}

func TestConfigReportsAllAtOnce(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []map[string]string{
		{
			"LATCHWORK_HTTP_TIMEOUT": canary, "LATCHWORK_HTTP_MAX_BODY": canary, "LATCHWORK_CA_FILE": empty, "LATCHWORK_CONNECT_TO": canary,
			"LATCHWORK_DENY_PRIVATE_NETWORKS": canary, "LATCHWORK_DENY_LOOPBACK": canary, "LATCHWORK_KEY_VAULT": canary,
			"LATCHWORK_KEY_VAULT_CACHE": canary, "LATCHWORK_KEY_VAULT_TRUST_CHALLENGE": canary,
		},
		{
			"LATCHWORK_HTTP_TIMEOUT": "2h", "LATCHWORK_HTTP_MAX_BODY": "1", "LATCHWORK_CA_FILE": filepath.Join(t.TempDir(), "none.pem"),
			"LATCHWORK_CONNECT_TO": "a:443=b", "LATCHWORK_KEY_VAULT": "http://contoso.vault.azure.net", "LATCHWORK_KEY_VAULT_CACHE": "-1s",
		},
		{"LATCHWORK_CONNECT_TO": "a:70000=b:1"}, {"LATCHWORK_CONNECT_TO": ":443=b:1"}, {"LATCHWORK_CONNECT_TO": "a:1=b:1,,"},
	}
	for _, env := range tests {
		_, err := outbound.FromEnv(getenv(env))
		if err == nil {
			t.Errorf("%v: no error", env)
			continue
		}
		for name := range env {
			if !strings.Contains(err.Error(), name+": ") {
				t.Errorf("%s is not reported: %v", name, err)
			}
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("a value is quoted: %v", err)
		}
	}
}

// A stand-in answers for Graph under its own name, with a certificate that is
// checked against that name.
func TestConnectTo(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetManager("ada", cloudtest.Person{ID: "1", DisplayName: "Charles", Mail: "charles@contoso.example"})
	config, _ := reach(t, cloudtest.Setenv(t, cloud.Env()))
	a, err := outbound.ParseAuthentication(parse(t, `{"type":"ManagedServiceIdentity","audience":"https://graph.microsoft.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	request := &outbound.Request{Method: http.MethodGet, URL: "https://graph.microsoft.com/v1.0/users/ada/manager", Authentication: a}
	answer, err := newClient(t, config).Do(t.Context(), request)
	if err != nil || answer.StatusCode != 200 || !strings.Contains(string(answer.Body), "charles@contoso.example") {
		t.Errorf("got %+v, %v", answer, err)
	}

	config.Roots = nil // without the setting nothing about certificates is relaxed
	_, err = newClient(t, config).Do(t.Context(), request)
	if f := failureOf(t, err); f.Code != "TrustFailure" {
		t.Errorf("got %+v", f)
	}
}
