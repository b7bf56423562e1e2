package handlers

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/value"
)

const referenced = "the referenced value"

// TestReferencesInParameters: of a workflow's parameters, and of a template's parameter
// file; what they become is a credential, sealed, whatever type is declared.
func TestReferencesInParameters(t *testing.T) {
	cloud := cloudtest.Start(t)
	cloud.SetSecret("key", cloudtest.Secret{Value: referenced})
	env := cloud.Env()
	env["LATCHWORK_DATA"] = t.TempDir()
	env["LATCHWORK_SEAL_KEY"] = "@Microsoft.KeyVault(SecretUri=" + cloudtest.VaultURL + "/secrets/seal)"
	cloud.SetSecret("seal", cloudtest.Secret{Value: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{4}, seal.KeySize))})
	a, err := sealingApp(t, env)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	definition, _ := value.Parse([]byte(`{"parameters":{"p":{"type":"string"},"list":{"type":"array"}},"triggers":{"manual":{"type":"Request"}},"actions":{}}`))
	parameters := func(reference string) value.Value {
		v, err := value.Parse([]byte(`{"p":{"value":"` + reference + `"},"list":{"value":["` + reference + `",1]}}`))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	save := func(reference string) (*engine.Workflow, []value.Problem) {
		t.Helper()
		w, problems, err := a.engine.Save(t.Context(), &engine.Resource{Name: "w", ResourceID: "/w", Definition: definition, Parameters: parameters(reference)})
		if err != nil {
			t.Fatal(err)
		}
		return w, problems
	}
	saved, problems := save("@Microsoft.KeyVault(VaultName=contoso;SecretName=key)")
	if saved == nil {
		t.Fatal(problems)
	}
	if err := a.store.WorkflowVersion(t.Context(), saved.Workflow, saved.Version); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]value.Value{"p": saved.Parameters.Member("p").Member("value"), "list": saved.Parameters.Member("list").Member("value").At(0)} {
		if v.Str() != referenced || value.Redact(v, value.Credential).Str() != value.Redacted {
			t.Errorf("%s: %s, redacted %s", name, v.Str(), value.Redact(v, value.Credential).Str())
		}
	}
	for _, bad := range []string{"@Microsoft.KeyVault(VaultName=contoso;SecretName=none)", "@Microsoft.KeyVault(CANARY)", "@Microsoft.KeyVault(SecretUri=https://evil.example/secrets/key)"} {
		saved, problems := save(bad)
		if saved != nil || len(problems) != 1 || problems[0].Code != "InvalidKeyVaultReference" || strings.Contains(problems[0].Error(), "CANARY") {
			t.Errorf("%s: %v", bad, problems)
		}
	}
	template := filepath.Join(t.TempDir(), "t.json")
	writeText(t, template, `{"$schema":"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#","contentVersion":"1.0.0.0",
		"parameters":{"key":{"type":"securestring"}},"resources":[{"type":"Microsoft.Logic/workflows","apiVersion":"2019-05-01","name":"w","location":"l","properties":{
		"parameters":{"p":{"value":"[concat('Key ', parameters('key'))]"}},"definition":{"parameters":{"p":{"type":"securestring"}},"triggers":{},"actions":{}}}}]}`)
	reference := `{"parameters":{"key":{"reference":{"keyVault":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/contoso"},"secretName":"SECRET"}}}}`
	file := strings.TrimSuffix(template, ".json") + ".parameters.json"
	writeText(t, file, strings.Replace(reference, "SECRET", "key", 1))
	d, err := loadFile(template, "", here(), resolving(t.Context(), cloudtest.Setenv(t, env)))
	if err != nil || worse(d.problems) {
		t.Fatal(err, d)
	}
	if p := d.deployment.Workflows[0].Parameters.Member("p").Member("value"); p.Str() != "Key "+referenced || !p.Marked() {
		t.Errorf("got %s", value.Reveal(p))
	}
	writeText(t, file, strings.Replace(reference, "SECRET", "none", 1))
	if _, err := loadFile(template, "", here(), resolving(t.Context(), cloudtest.Setenv(t, env))); err == nil || !strings.Contains(err.Error(), "parameter 'key': SecretNotFound") {
		t.Errorf("got %v", err)
	}
	if d, err := loadFile(template, "", here(), unresolved); err != nil || worse(d.problems) {
		t.Errorf("packaged: %v", err)
	}
}

func TestAReferenceInASettingThatLeadsNowhere(t *testing.T) {
	for name, c := range map[string][2]string{
		"no such secret": {"@Microsoft.KeyVault(VaultName=contoso;SecretName=none)", "LATCHWORK_SEAL_KEY: SecretNotFound"},
		"malformed":      {"@Microsoft.KeyVault(CANARY)", "LATCHWORK_SEAL_KEY: want @Microsoft.KeyVault"},
	} {
		cloud := cloudtest.Start(t)
		env := cloud.Env()
		env["LATCHWORK_DATA"], env["LATCHWORK_SEAL_KEY"] = t.TempDir(), c[0]
		if a, err := sealingApp(t, env); err == nil {
			_ = a.Close()
			t.Errorf("%s: it starts", name)
		} else if !strings.Contains(err.Error(), c[1]) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
