package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/value"
)

// openVault opens the vault of a cloud, as the program does.
func openVault(t testing.TB, getenv func(string) string) (*outbound.KeyVault, outbound.Config) {
	t.Helper()
	config, identity := reach(t, getenv)
	vault, err := outbound.NewKeyVault(config.KeyVault, identity, config.HTTPClient(), config.Live, config.VaultOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	return vault, config
}

func TestKeyVaultReadsSecrets(t *testing.T) {
	for name, environment := range map[string]func(*cloudtest.Cloud) map[string]string{
		"client secret":    (*cloudtest.Cloud).Env,
		"managed identity": (*cloudtest.Cloud).ManagedIdentityEnv,
		"emulator on this machine": func(c *cloudtest.Cloud) map[string]string {
			env := c.Env()
			env["LATCHWORK_KEY_VAULT"] = c.EmulatorURL()
			return env
		},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := cloudtest.Start(t)
			old := cloud.SetSecret("api-key", cloudtest.Secret{Value: "old " + canary})
			expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
			cloud.SetSecret("api-key", cloudtest.Secret{Value: canary, ContentType: "text/plain", Expires: expires})
			vault, config := openVault(t, cloudtest.Setenv(t, environment(cloud)))

			s, err := vault.Secret(t.Context(), "api-key", "")
			if err != nil {
				t.Fatal(err)
			}
			if s.Value.Str() != canary || s.Name != "api-key" || s.Version == "" || !strings.HasSuffix(s.ID, "/secrets/api-key/"+s.Version) ||
				s.ContentType != "text/plain" || !s.Enabled || s.Created.IsZero() || !s.Expires.Equal(expires) {
				t.Errorf("got %+v", s)
			}
			if diff := cmp.Diff([]value.Origin{{Class: value.Secured, Name: "keyvault:api-key"}}, s.Value.Origins()); diff != "" {
				t.Error(diff)
			}
			if out := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(out, canary) {
				t.Errorf("a secret prints itself: %s", out)
			}
			if got := string(config.Live.Replace([]byte(canary))); got != value.Redacted {
				t.Errorf("logs show %s", got)
			}
			if got := string(config.Live.Replace([]byte(canary), value.Credential)); got != canary {
				t.Errorf("visible history hides a secret that the service shows: %s", got)
			}
			s, err = vault.Secret(t.Context(), "API-KEY", old)
			if err != nil || s.Value.Str() != "old "+canary || s.Version != old {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestKeyVaultRefusals(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("good", cloudtest.Secret{Value: canary})
	cloud.SetSecret("off", cloudtest.Secret{Value: canary, Disabled: true})
	vault, _ := openVault(t, cloudtest.Setenv(t, cloud.Env()))
	if _, err := vault.Secret(t.Context(), "good", ""); err != nil {
		t.Fatal(err) // the identity is fine
	}
	type want struct {
		Status     int
		Code       string
		Message    string
		Retry      bool
		RetryAfter time.Duration
	}
	date := time.Now().UTC().Truncate(time.Second)
	tests := []struct {
		name, secret, version string
		prepare               func()
		want                  want
	}{
		{"missing", "nothing", "", nil, want{404, "SecretNotFound", "A secret with (name/id) nothing was not found in this key vault.", false, 0}},
		{"missing version", "good", "00ff", nil, want{404, "SecretNotFound", "A secret with (name/id) good was not found in this key vault.", false, 0}},
		{"disabled", "off", "", nil, want{403, "Forbidden", "Operation get is not allowed on a disabled secret.", false, 0}},
		{"bad name", "a/../b", "", nil, want{400, "BadParameter", "The request URI contains an invalid name", false, 0}},
		{"long name", strings.Repeat("a", 128), "", nil, want{400, "BadParameter", "The request URI contains an invalid name", false, 0}},
		{"bad version", "good", "../x", nil, want{400, "BadParameter", "The request URI contains an invalid version", false, 0}},
		{"no rights", "denied", "", func() { cloud.Fail(cloudtest.Vault, 403, "Forbidden", "Caller "+canary+" is not authorized") },
			want{403, "Forbidden", "The identity is not allowed to read secrets of this vault.", false, 0}},
		{"throttled", "busy", "", func() {
			cloud.Fail(cloudtest.Vault, 429, "Throttled", canary, "Retry-After", "7")
		}, want{429, "Throttled", "The vault is being asked too often.", true, 7 * time.Second}},
		{"throttled until", "busier", "", func() {
			cloud.Fail(cloudtest.Vault, 429, canary+"!", canary, "Date", date.Format(http.TimeFormat), "Retry-After", date.Add(90*time.Second).Format(http.TimeFormat))
		}, want{429, "TooManyRequests", "The vault is being asked too often.", true, 90 * time.Second}},
		{"out of order", "broken", "", func() { cloud.Fail(cloudtest.Vault, 503, "ServiceUnavailable", canary) },
			want{503, "ServiceUnavailable", "The vault refused the request.", true, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cloud.Intercept(cloudtest.Vault, nil)
			if tt.prepare != nil {
				tt.prepare()
			}
			before := cloud.Count(cloudtest.Vault)
			_, err := vault.Secret(t.Context(), tt.secret, tt.version)
			f := failureOf(t, err)
			got := want{f.StatusCode, f.Code, f.Message[:min(len(f.Message), len(tt.want.Message))], f.Retryable, f.RetryAfter}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if n := cloud.Count(cloudtest.Vault) - before; n > 1 {
				t.Errorf("%d requests for one attempt", n)
			}
		})
	}
}

func TestKeyVaultOutOfReach(t *testing.T) {
	cloud := cloudtest.Start(t)
	t.Run("down", func(t *testing.T) {
		env := cloud.Env()
		env["LATCHWORK_CONNECT_TO"] += ",down.vault.azure.net:443=" + closedAddress(t)
		env["LATCHWORK_KEY_VAULT"] = "https://down.vault.azure.net"
		vault, _ := openVault(t, cloudtest.Setenv(t, env))
		_, err := vault.Secret(t.Context(), "any", "")
		if f := failureOf(t, err); f.StatusCode != 502 || f.Code != "BadGateway" || !f.Retryable {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("slow", func(t *testing.T) {
		vault, _ := openVault(t, cloudtest.Setenv(t, cloud.Env()))
		arrived, release := cloud.Hold(cloudtest.Vault)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		_, err := vault.Secret(ctx, "any", "")
		if f := failureOf(t, err); f.StatusCode != 504 || f.Code != "GatewayTimeout" || !f.Retryable || !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("no identity", func(t *testing.T) {
		env := cloud.Env()
		env["AZURE_CLIENT_SECRET"] = canary
		vault, _ := openVault(t, cloudtest.Setenv(t, env))
		cloud.Intercept(cloudtest.Vault, nil)
		_, err := vault.Secret(t.Context(), "any", "")
		if f := failureOf(t, err); f.StatusCode != 401 || f.Code != "Unauthorized" || f.Retryable {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("a challenge for another resource", func(t *testing.T) {
		other := cloudtest.Start(t, "vault.example")
		other.Handle("vault.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/`+cloudtest.Tenant+`", resource="https://management.azure.com"`)
			w.WriteHeader(401)
		}))
		env := other.Env()
		env["LATCHWORK_KEY_VAULT"] = "https://vault.example"
		vault, _ := openVault(t, cloudtest.Setenv(t, env))
		_, err := vault.Secret(t.Context(), "any", "")
		failureOf(t, err)
		if n := other.Count(cloudtest.EntraToken); n != 0 {
			t.Errorf("the vault talked the client into %d tokens for another resource", n)
		}
	})
}

func TestKeyVaultCache(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("key", cloudtest.Secret{Value: "one"})
	vault, _ := openVault(t, cloudtest.Setenv(t, cloud.Env()))
	read := func(v outbound.Vault) string {
		t.Helper()
		s, err := v.Secret(t.Context(), "key", "")
		if err != nil {
			t.Fatal(err)
		}
		return s.Value.Str()
	}
	read(vault)
	before := cloud.Count(cloudtest.Vault)
	cloud.SetSecret("key", cloudtest.Secret{Value: "two"})
	if got := read(vault); got != "one" || cloud.Count(cloudtest.Vault) != before {
		t.Errorf("got %s after %d requests", got, cloud.Count(cloudtest.Vault)-before)
	}

	env := cloud.Env()
	env["LATCHWORK_KEY_VAULT_CACHE"] = "0"
	uncached, _ := openVault(t, cloudtest.Setenv(t, env))
	if got := read(uncached); got != "two" {
		t.Errorf("got %s", got)
	}
	cloud.SetSecret("key", cloudtest.Secret{Value: "three"})
	if got := read(uncached); got != "three" {
		t.Errorf("got %s", got)
	}

	// What is asked for at the same time is asked for once, and then cached.
	cloud.SetSecret("other", cloudtest.Secret{Value: "four"})
	before = cloud.Count(cloudtest.Vault)
	arrived, release := cloud.Hold(cloudtest.Vault)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if s, err := vault.Secret(t.Context(), "other", ""); err != nil || s.Value.Str() != "four" {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
	<-arrived
	release()
	wait.Wait()
	if n := cloud.Count(cloudtest.Vault) - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestKeyVaultLists(t *testing.T) {
	cloud := cloudtest.Start(t)
	for i := range 5 {
		cloud.SetSecret(fmt.Sprintf("secret-%d", i), cloudtest.Secret{Value: canary, Disabled: i == 3})
	}
	cloud.SetSecret("secret-1", cloudtest.Secret{Value: canary})
	cloud.PageSize(2)
	vault, _ := openVault(t, cloudtest.Setenv(t, cloud.Env()))
	all, err := vault.Secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
		if !s.Value.IsAbsent() || s.Enabled != (s.Name != "secret-3") {
			t.Errorf("got %+v", s)
		}
	}
	if diff := cmp.Diff([]string{"secret-0", "secret-1", "secret-2", "secret-3", "secret-4"}, names); diff != "" {
		t.Error(diff)
	}
	versions, err := vault.Versions(t.Context(), "secret-1")
	if err != nil || len(versions) != 2 || versions[0].Version == versions[1].Version || !versions[0].Value.IsAbsent() {
		t.Errorf("got %+v, %v", versions, err)
	}
	if none, err := vault.Versions(t.Context(), "nothing"); err != nil || len(none) != 0 {
		t.Errorf("got %+v, %v", none, err)
	}
	cloud.Fail(cloudtest.Vault, 403, "Forbidden", canary)
	_, err = vault.Secrets(t.Context())
	if f := failureOf(t, err); f.StatusCode != 403 {
		t.Errorf("got %+v", f)
	}
}

func TestKeyVaultAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://contoso.vault.azure.net": true, "https://contoso.vault.azure.net/": true, "https://127.0.0.1:8443": true,
		"": false, "contoso": false, "http://contoso.vault.azure.net": false, "https://contoso.vault.azure.net/secrets/x": false,
		"https://u:" + canary + "@contoso.vault.azure.net": false, "https://contoso.vault.azure.net?x=" + canary: false,
	} {
		_, err := outbound.NewKeyVault(address, nil, nil, nil)
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
