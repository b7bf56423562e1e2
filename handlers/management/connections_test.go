package management_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// TestConnections: both forms of a connection with a managed identity are kept, and the
// values of parameters are never shown (management-api §7.1).
func TestConnections(t *testing.T) {
	h := newHouse(t)
	at := strings.Replace(group, "Microsoft.Logic/workflows", "Microsoft.Web/connections", 1)
	api := `"api":{"id":"/subscriptions/s/providers/Microsoft.Web/locations/westeurope/managedApis/KeyVault"}`
	for name, c := range map[string]struct{ version, body, shows string }{
		"one-kind":  {"?api-version=2016-06-01", `{"location":"westeurope","kind":"V1","properties":{` + api + `,"displayName":"kv","parameterValueType":"Alternative","customParameterValues":{}}}`, `"parameterValueType":"Alternative"`},
		"many":      {"?api-version=2018-07-01-preview", `{"kind":"V1","properties":{` + api + `,"parameterValueSet":{"name":"managedIdentityAuth","values":{"key":{"value":"` + canary + `"}}},"alternativeParameterValues":{}}}`, `"parameterValueSet":{"name":"managedIdentityAuth"}`},
		"secretive": {"?api-version=2016-06-01", `{"properties":{` + api + `,"parameterValues":{"password":"` + canary + `"},"nonSecretParameterValues":{"vault":"x"}}}`, `"nonSecretParameterValues":{"vault":"x"}`},
	} {
		put := h.must("PUT", at+"/"+name+c.version, c.body)
		again := h.must("PUT", at+"/"+strings.ToUpper(name)+c.version, c.body)
		got := h.must("GET", at+"/"+name+c.version, "")
		if put.status != http.StatusCreated || again.status != http.StatusOK || !strings.Contains(got.text, c.shows) || !strings.Contains(got.text, `"status":"Connected"`) {
			t.Errorf("%s: %d %d %s", name, put.status, again.status, got.text)
		}
		for _, a := range []answer{put, again, got, h.must("GET", at+c.version, "")} {
			if strings.Contains(a.text, canary) {
				t.Errorf("%s shows a secret: %s", name, a.text)
			}
		}
		if id := at + "/" + name; member(got.body, "id") != id {
			t.Errorf("the id is %v, want %s", member(got.body, "id"), id)
		}
	}
	// Who writes back what he has read keeps what he was not shown; it is sealed at rest.
	h.must("PUT", at+"/secretive?api-version=2016-06-01", h.must("GET", at+"/secretive?api-version=2016-06-01", "").text)
	kept, err := h.store.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kept {
		plain := string(value.Reveal(c.Properties))
		if c.Name == "secretive" && (!strings.Contains(plain, canary) || strings.Contains(plain, "overallStatus") || strings.Contains(c.Properties.String(), canary)) {
			t.Errorf("written back: %s", plain)
		}
	}
	// What another connector was given is not for the next.
	h.must("PUT", at+"/secretive?api-version=2016-06-01", `{"properties":{"api":{"id":"/x/managedApis/other"}}}`)
	if kept, err = h.store.Connections(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range kept {
		if c.Name == "secretive" && c.Properties.Has("parameterValues") {
			t.Error("another connector got the values")
		}
	}
	patched := h.must("PATCH", at+"/one-kind?api-version=2016-06-01", `{"properties":{"displayName":"other"}}`)
	if !strings.Contains(patched.text, `"displayName":"other"`) || !strings.Contains(patched.text, `"parameterValueType":"Alternative"`) {
		t.Errorf("patched: %s", patched.text)
	}
	if got := h.call("contributor", "PUT", at+"/none"+version, `{"properties":{}}`); got.status != http.StatusBadRequest || got.code() != "InvalidApiConnectionProperties" {
		t.Errorf("without an api: %d %s", got.status, got.text)
	}
	policy := at + "/one-kind/accessPolicies/app" + version
	h.must("PUT", policy, `{"properties":{"principal":{"type":"ActiveDirectory","identity":{"objectId":"o","tenantId":"t"}}}}`)
	for _, body := range []string{"", "{}", `{"properties":{"principal":{"type":"ActiveDirectory"}}}`} {
		if got := h.call("contributor", "PUT", policy, body); got.status != http.StatusBadRequest || got.code() != "InvalidRequestContent" {
			t.Errorf("a policy for nobody: %d %s", got.status, got.text)
		}
	}
	if got := h.must("GET", strings.Replace(policy, "/app", "/APP", 1), ""); member(got.body, "name") != "app" {
		t.Errorf("the policy is %s", got.text)
	}
	if got := h.must("GET", policy, ""); !strings.Contains(got.text, `"objectId":"o"`) {
		t.Errorf("the policy is %s", got.text)
	}
	h.must("DELETE", policy, "")
	h.must("DELETE", at+"/one-kind"+version, "")
	if got := h.must("DELETE", at+"/one-kind"+version, ""); got.status != http.StatusNoContent {
		t.Errorf("deleted twice: %d", got.status)
	}
	if got := h.call("reader", "GET", at+"/one-kind"+version, ""); got.status != http.StatusNotFound || got.code() != "ResourceNotFound" {
		t.Errorf("after its end: %d %s", got.status, got.text)
	}
}
