package outbound_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/value"
)

// reach configures outbound from the settings of a cloud, as the program does.
func reach(t testing.TB, getenv func(string) string) (outbound.Config, *outbound.Identity) {
	t.Helper()
	config, err := outbound.FromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := outbound.NewIdentity(getenv, config.HTTPClient())
	if err != nil {
		t.Fatal(err)
	}
	config.Live = &outbound.Credentials{}
	config.Identity, identity.Live = identity, config.Live
	return config, identity
}

func TestManagedIdentityOfTheLanguage(t *testing.T) {
	cloud := cloudtest.Start(t, "one.example", "two.example", "management.azure.com")
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	cloud.Handle("one.example", cloudtest.RequireToken("https://one.example/", ok))
	cloud.Handle("two.example", cloudtest.RequireToken("api://two", ok))
	cloud.Handle("management.azure.com", cloudtest.RequireToken("https://management.azure.com/", ok))
	config, _ := reach(t, cloudtest.Setenv(t, cloud.ManagedIdentityEnv()))
	client := newClient(t, config)
	tests := []struct {
		name, authentication, host string
		status                     int
	}{
		{"default audience", `{"type":"ManagedServiceIdentity"}`, "management.azure.com", 204},
		{"system by name", `{"type":"ManagedServiceIdentity","identity":"SystemAssigned","audience":"https://one.example/"}`, "one.example", 204},
		{"by display text", `{"type":"Managed Identity","audience":"https://one.example/"}`, "one.example", 204},
		{"audience without its slash", `{"type":"ManagedServiceIdentity","audience":"https://one.example"}`, "one.example", 401},
		{"user-assigned by resource id", `{"type":"ManagedServiceIdentity","identity":"` + cloudtest.UserIdentityID + `","audience":"api://two"}`, "two.example", 204},
		{"user-assigned by client id", `{"type":"ManagedServiceIdentity","identity":"` + cloudtest.UserIdentityClientID + `","audience":"api://two"}`, "two.example", 204},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := outbound.ParseAuthentication(parse(t, tt.authentication))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://" + tt.host + "/", Authentication: a})
			if err != nil || answer.StatusCode != tt.status {
				t.Errorf("got %+v, %v", answer, err)
			}
		})
	}
	t.Run("an identity that is not assigned", func(t *testing.T) {
		a, _ := outbound.ParseAuthentication(parse(t, `{"type":"ManagedServiceIdentity","identity":"aaaaaaaa-0000-0000-0000-000000000000","audience":"api://two"}`))
		_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://two.example/", Authentication: a})
		if f := failureOf(t, err); f.Code != "Unauthorized" || f.Retryable || !strings.Contains(f.Message, "'api://two'") {
			t.Errorf("got %+v", f)
		}
	})
}

// The setting names the one identity that a Consumption workflow would have.
func TestSettingNamesTheDefaultIdentity(t *testing.T) {
	cloud := cloudtest.Start(t)
	env := cloud.ManagedIdentityEnv()
	env["LATCHWORK_IDENTITY"] = cloudtest.UserIdentityID
	var asked string
	cloud.Intercept(cloudtest.AppService, func(_ http.ResponseWriter, r *http.Request) bool {
		asked = r.URL.Query().Get("mi_res_id")
		return false
	})
	_, identity := reach(t, cloudtest.Setenv(t, env))
	if _, err := identity.Token(t.Context(), "", "api://default-identity"); err != nil || asked != cloudtest.UserIdentityID {
		t.Errorf("asked for %q, %v", asked, err)
	}
}

func TestVirtualMachineIdentity(t *testing.T) {
	cloud := cloudtest.Start(t)
	getenv := cloudtest.Setenv(t, map[string]string{"LATCHWORK_CREDENTIALS": "managedidentity"})
	identity, err := outbound.NewIdentity(getenv, cloud.IMDSTransport())
	if err != nil {
		t.Fatal(err)
	}
	token, err := identity.Token(t.Context(), "", "https://imds.example")
	if err != nil || token == "" || cloud.Count(cloudtest.IMDS) != 1 {
		t.Errorf("%d requests, %v", cloud.Count(cloudtest.IMDS), err)
	}
}

func TestIdentityFromTheEnvironment(t *testing.T) {
	cloud := cloudtest.Start(t)
	for name, change := range map[string]map[string]string{
		"public cloud's name": {},
		"emulator":            {"AZURE_AUTHORITY_HOST": cloud.EmulatorURL(), "LATCHWORK_DISABLE_INSTANCE_DISCOVERY": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			env := cloud.Env()
			for k, v := range change {
				env[k] = v
			}
			t.Setenv("AZURE_AUTHORITY_HOST", env["AZURE_AUTHORITY_HOST"])
			config, identity := reach(t, cloudtest.Setenv(t, env))
			before := cloud.Count(cloudtest.EntraToken)
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					token, err := identity.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
					if err != nil {
						t.Error(err)
						return
					}
					if got := config.Live.Replace([]byte(token.Token)); string(got) != value.Redacted {
						t.Error("the token is not known as a live credential")
					}
				})
			}
			wait.Wait()
			if n := cloud.Count(cloudtest.EntraToken) - before; n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
		})
	}
}

func TestIdentityFailures(t *testing.T) {
	cloud := cloudtest.Start(t)
	t.Run("wrong secret", func(t *testing.T) {
		env := cloud.Env()
		env["AZURE_CLIENT_SECRET"] = canary
		_, identity := reach(t, cloudtest.Setenv(t, env))
		_, err := identity.Token(t.Context(), "", "api://wrong-secret")
		if f := failureOf(t, err); f.Code != "Unauthorized" || f.StatusCode != 401 || f.Retryable {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("nothing to sign in with", func(t *testing.T) {
		env := cloud.Env()
		delete(env, "AZURE_TENANT_ID")
		_, identity := reach(t, cloudtest.Setenv(t, env))
		_, err := identity.Token(t.Context(), "", "api://nothing")
		if f := failureOf(t, err); f.Code != "WorkflowManagedServiceIdentityNotSpecified" {
			t.Errorf("got %+v", f)
		}
		if _, err := identity.Credential(""); err == nil || strings.Contains(err.Error(), cloudtest.ClientSecret) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		_, identity := reach(t, cloudtest.Setenv(t, cloud.Env()))
		arrived, release := cloud.Hold(cloudtest.EntraToken)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		_, err := identity.Token(ctx, "", "api://given-up")
		if f := failureOf(t, err); f.Code != "OperationCanceled" || !f.Retryable {
			t.Errorf("got %+v", f)
		}
	})
}

func TestSettingsAreReportedAllAtOnce(t *testing.T) {
	env := map[string]string{
		"LATCHWORK_CREDENTIALS":                "managedidentity," + canary,
		"LATCHWORK_DISABLE_INSTANCE_DISCOVERY": canary,
		"AZURE_AUTHORITY_HOST":                 "http://" + canary,
	}
	_, err := outbound.NewIdentity(func(name string) string { return env[name] }, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for name := range env {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not reported: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("a value is quoted: %v", err)
	}
}
