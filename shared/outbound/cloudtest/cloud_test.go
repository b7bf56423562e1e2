package cloudtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// httpClient trusts the cloud and reaches it under the services' names.
func httpClient(c *cloudtest.Cloud) *http.Client {
	return outbound.Config{Roots: c.Roots(), ConnectTo: c.ConnectTo()}.HTTPClient()
}

func TestTheUnmodifiedSDKPasses(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("greeting", cloudtest.Secret{Value: "hello"})
	client := httpClient(cloud)
	options := azcore.ClientOptions{Transport: client}
	pfx, certificate := cloudtest.ClientCertificate(t, "app", "")
	cloud.Register("cert-app", cloudtest.App{Certificate: certificate, Principal: "p"})
	key, leaf, err := pkcs12.Decode(decode(t, pfx), "") // azidentity's own reader knows only old files
	if err != nil {
		t.Fatal(err)
	}
	cloudtest.Setenv(t, cloud.ManagedIdentityEnv())
	bySecret, err1 := azidentity.NewClientSecretCredential(cloudtest.Tenant, cloudtest.ClientID, cloudtest.ClientSecret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	byCertificate, err2 := azidentity.NewClientCertificateCredential(cloudtest.Tenant, "cert-app", []*x509.Certificate{leaf}, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
	byPlatform, err3 := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options, ID: azidentity.ResourceID(cloudtest.UserIdentityID)})
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, credential := range map[string]azcore.TokenCredential{"secret": bySecret, "certificate": byCertificate, "managed identity": byPlatform} {
		t.Run(name, func(t *testing.T) {
			vault, err := azsecrets.NewClient(cloudtest.VaultURL, credential, &azsecrets.ClientOptions{ClientOptions: options})
			if err != nil {
				t.Fatal(err)
			}
			s, err := vault.GetSecret(t.Context(), "greeting", "", nil)
			if err != nil || *s.Value != "hello" {
				t.Errorf("got %v, %v", s.Value, err)
			}
		})
	}
}

func TestTheCloudChecks(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("greeting", cloudtest.Secret{Value: "hello"})
	client := httpClient(cloud)
	token := func(audience string) string { return "Bearer " + cloud.Token(map[string]any{"aud": audience}) }
	const secret = cloudtest.VaultURL + "/secrets/greeting?api-version=7.6"
	const manager = "https://graph.microsoft.com/v1.0/users/ada/manager"
	tests := []struct {
		name, url, authorization string
		status                   int
		code                     string
	}{
		{"vault without token", secret, "", 401, "Unauthorized"},
		{"vault with a slash in the audience", secret, token("https://vault.azure.net/"), 401, "Unauthorized"},
		{"vault with a forged token", secret, token("https://vault.azure.net") + "x", 401, "Unauthorized"},
		{"vault with a token of the past", secret, "Bearer " + cloud.Token(map[string]any{"aud": "https://vault.azure.net", "exp": 1}), 401, "Unauthorized"},
		{"vault with a token of another tenant", secret, "Bearer " + cloud.Token(map[string]any{"aud": "https://vault.azure.net", "iss": "https://sts.windows.net/other/"}), 401, "Unauthorized"},
		{"vault without version", cloudtest.VaultURL + "/secrets/greeting", token("https://vault.azure.net"), 400, "BadParameter"},
		{"vault", secret, token("https://vault.azure.net"), 200, ""},
		{"graph without token", manager, "", 401, "InvalidAuthenticationToken"},
		{"graph with another audience", manager, token("https://vault.azure.net"), 401, "InvalidAuthenticationToken"},
		{"graph without manager", manager, token(cloudtest.GraphAudience), 404, "Request_ResourceNotFound"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request, _ := http.NewRequest(http.MethodGet, tt.url, nil)
			request.Header.Set("Authorization", tt.authorization)
			answer, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var body struct{ Error struct{ Code string } }
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != tt.status || body.Error.Code != tt.code {
				t.Errorf("got %d %s, %v", answer.StatusCode, body.Error.Code, err)
			}
			if tt.status == 401 && strings.HasPrefix(tt.name, "vault") && !strings.Contains(answer.Header.Get("WWW-Authenticate"), `resource="https://vault.azure.net"`) {
				t.Errorf("challenge: %s", answer.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestEntraRefusals(t *testing.T) {
	cloud := cloudtest.Start(t)
	client := httpClient(cloud)
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {cloudtest.ClientID}, "client_secret": {cloudtest.ClientSecret}, "resource": {"r"}}
	tests := []struct {
		name, tenant, member, text string
		status                     int
		start                      string
	}{
		{"good", cloudtest.Tenant, "", "", 200, ""},
		{"wrong secret", cloudtest.Tenant, "client_secret", "x", 401, "AADSTS7000215: Invalid client secret provided."},
		{"unknown app", cloudtest.Tenant, "client_id", "x", 400, "AADSTS700016: "},
		{"unknown tenant", "x", "", "", 400, "AADSTS90002: "},
		{"no audience", cloudtest.Tenant, "resource", "", 400, "AADSTS500011: "},
		{"another grant", cloudtest.Tenant, "grant_type", "password", 400, "AADSTS70003: "},
		{"forged assertion", cloudtest.Tenant, "client_assertion", "a.b.c", 401, "AADSTS700027: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			if tt.member != "" {
				form.Set(tt.member, tt.text)
			}
			answer, err := client.PostForm("https://login.windows.net/"+tt.tenant+"/oauth2/token", form)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var body struct {
				Description string `json:"error_description"`
			}
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != tt.status || !strings.HasPrefix(body.Description, tt.start) {
				t.Errorf("got %d %s, %v", answer.StatusCode, body.Description, err)
			}
		})
	}
}

// A program that a test starts reaches the cloud by settings alone. It is this
// test binary, which then behaves as a program.
func TestAnotherProgramUsesTheCloud(t *testing.T) {
	if os.Getenv("CLOUDTEST_PROGRAM") != "" {
		program(t)
		return
	}
	cloud := cloudtest.Start(t)
	cloud.SetSecret("greeting", cloudtest.Secret{Value: "hello"})
	for name, env := range map[string]map[string]string{"client secret": cloud.Env(), "managed identity": cloud.ManagedIdentityEnv()} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^TestAnotherProgramUsesTheCloud$", "-test.v")
			c.Env = append(os.Environ(), "CLOUDTEST_PROGRAM=1")
			for k, v := range env {
				c.Env = append(c.Env, k+"="+v)
			}
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "the secret says hello") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	if cloud.Count(cloudtest.AppService) != 1 {
		t.Errorf("%d requests for the managed identity, want 1", cloud.Count(cloudtest.AppService))
	}
}

func program(t *testing.T) {
	config, err := outbound.FromEnv(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := outbound.NewIdentity(os.Getenv, config.HTTPClient())
	if err != nil {
		t.Fatal(err)
	}
	vault, err := outbound.NewKeyVault(config.KeyVault, identity, config.HTTPClient(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := vault.Secret(t.Context(), "greeting", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("the secret says " + s.Value.Str())
}

func TestHooks(t *testing.T) {
	cloud := cloudtest.Start(t, "api.example")
	client := httpClient(cloud)
	get := func() (int, string) {
		answer, err := client.Get("https://api.example/")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		data, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(data)
	}
	if status, _ := get(); status != 404 {
		t.Errorf("without a handler: %d", status)
	}
	cloud.Handle("api.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	if status, body := get(); status != 200 || body != "here" {
		t.Errorf("got %d %s", status, body)
	}
	cloud.Fail(cloudtest.Other, 429, "Busy", "later", "Retry-After", "3")
	if status, body := get(); status != 429 || !strings.Contains(body, `"Busy"`) {
		t.Errorf("got %d %s", status, body)
	}
	arrived, release := cloud.Hold(cloudtest.Other)
	done := make(chan int)
	go func() { status, _ := get(); done <- status }()
	<-arrived
	release()
	if status := <-done; status != 200 {
		t.Errorf("after its release: %d", status)
	}
	if n := cloud.Count(cloudtest.Other); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

// The certificates are valid for the names, not for whatever one connects to.
func TestCertificatesNameTheHosts(t *testing.T) {
	cloud := cloudtest.Start(t)
	for host, ok := range map[string]bool{"graph.microsoft.com": true, "localhost": true, "other.example": false} {
		c, err := tls.Dial("tcp", cloud.Address(), &tls.Config{RootCAs: cloud.Roots(), ServerName: host})
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
		if c != nil {
			_ = c.Close()
		}
	}
}

func TestRequireTokenByItself(t *testing.T) {
	cloud := cloudtest.Start(t)
	server := httptest.NewServer(cloudtest.RequireToken("api://x", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })))
	defer server.Close()
	request, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	request.Header.Set("Authorization", "Bearer "+cloud.Token(map[string]any{"aud": "api://x"}))
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != 204 {
		t.Fatalf("got %v, %v", answer, err)
	}
	_ = answer.Body.Close()
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
