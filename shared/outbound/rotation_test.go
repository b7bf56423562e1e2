package outbound_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// A secret that a service refused is read anew at once, in all its versions; others stay
// cached.
func TestARefusedSecretIsReadAnew(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("key", cloudtest.Secret{Value: "first value"})
	cloud.SetSecret("other", cloudtest.Secret{Value: "other value"})
	vault, config := openVault(t, cloudtest.Setenv(t, cloud.Env()))
	read := func(name string) string {
		t.Helper()
		s, err := vault.Secret(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		return s.Value.Str()
	}
	read("key")
	read("other")
	cloud.SetSecret("key", cloudtest.Secret{Value: "second value"})
	cloud.SetSecret("other", cloudtest.Secret{Value: "changed value"})
	config.Live.Doubt("KEY")
	if got := read("key"); got != "second value" {
		t.Errorf("the refused secret is still %q", got)
	}
	before := cloud.Count(cloudtest.Vault)
	if got := read("other"); got != "other value" {
		t.Errorf("another secret was read anew: %q", got)
	}
	if read("key"); cloud.Count(cloudtest.Vault) != before {
		t.Error("the secret that was read anew is not cached")
	}
}

// A token that a service refuses before its time is not used again.
func TestARefusedTokenIsAskedForAnew(t *testing.T) {
	cloud := cloudtest.Start(t, "api.example")
	refuse := true
	cloud.Handle("api.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuse {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo()})
	a, err := outbound.ParseAuthentication(parse(t, `{"type":"ActiveDirectoryOAuth","tenant":"`+cloudtest.Tenant+`","audience":"api://x","clientId":"`+cloudtest.ClientID+`","secret":"`+cloudtest.ClientSecret+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 2, 2} {
		if _, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://api.example/", Authentication: a}); err != nil {
			t.Fatal(err)
		}
		if n := cloud.Count(cloudtest.EntraToken); n != want {
			t.Errorf("call %d: %d tokens were asked for, want %d", i, n, want)
		}
		refuse = false
	}
}

func TestMistakesWithAudiencesAreExplained(t *testing.T) {
	cloud := cloudtest.Start(t)
	_, identity := reach(t, cloudtest.Setenv(t, cloud.ManagedIdentityEnv()))
	cloud.Fail(cloudtest.AppService, http.StatusBadRequest, "invalid_resource", canary)
	for audience, want := range map[string]string{
		"https://vault.azure.net/":                 "exactly 'https://vault.azure.net'",
		"https://contoso.vault.azure.net":          "not the address of one vault",
		"https://storage.azure.com":                "exactly 'https://storage.azure.com/'",
		"https://management.azure.com":             "has a slash at its end",
		"https://graph.microsoft.com/v1.0":         "without a path",
		"api://things/.default":                    "no '/.default' at its end",
		"https://account.blob.core.windows.net/c/": "without a path and without a slash",
		"api://things":                             "right to the slash",
	} {
		_, err := identity.Token(t.Context(), "", audience)
		if f := failureOf(t, err); f.Code != "Unauthorized" || !strings.Contains(f.Message, want) || !strings.Contains(f.Message, "'"+audience+"'") {
			t.Errorf("%s: %v", audience, f)
		}
	}
}
