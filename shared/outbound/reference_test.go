package outbound_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
)

func TestReferences(t *testing.T) {
	contoso := outbound.Reference{Vault: "https://contoso.vault.azure.net", Name: "key"}
	version := contoso
	version.Version = "0123456789abcdef0123456789abcdef"
	china := contoso
	china.Vault = "https://contoso.vault.azure.cn"
	for text, want := range map[string]outbound.Reference{
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key)":                                  contoso,
		"@Microsoft.KeyVault(SecretUri=https://Contoso.vault.azure.net/secrets/key/)":                                 contoso,
		" @microsoft.keyvault( secreturi = https://contoso.vault.azure.net/secrets/key ) ":                            contoso,
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key/0123456789abcdef0123456789abcdef)": version,
		"@Microsoft.KeyVault(VaultName=contoso;SecretName=key)":                                                       contoso,
		"@Microsoft.KeyVault(SecretName=key;VaultName=contoso;SecretVersion=0123456789abcdef0123456789abcdef)":        version,
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.cn/secrets/key)":                                   china,
	} {
		if got, err := outbound.ParseReference(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"@Microsoft.KeyVault(", "@Microsoft.KeyVault()", "@Microsoft.KeyVault(CANARY)", "@Microsoft.KeyVault(SecretUri=CANARY)",
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key",
		"@Microsoft.KeyVault(SecretUri=http://contoso.vault.azure.net/secrets/key)",
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/keys/key)",
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key/not-hex)",
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net.evil.example/secrets/CANARY)",
		"@Microsoft.KeyVault(SecretUri=https://evil.example/.vault.azure.net/secrets/CANARY)",
		"@Microsoft.KeyVault(SecretUri=https://a.b.vault.azure.net/secrets/CANARY)",
		"@Microsoft.KeyVault(SecretUri=https://user:CANARY@contoso.vault.azure.net/secrets/key)",
		"@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/key?x=CANARY)",
		"@Microsoft.KeyVault(VaultName=evil.example/;SecretName=key)", "@Microsoft.KeyVault(VaultName=contoso;SecretName=a/../b)",
		"@Microsoft.KeyVault(VaultName=contoso)", "@Microsoft.KeyVault(VaultName=contoso;SecretName=key;SecretName=key)",
		"@Microsoft.KeyVault(VaultName=contoso;SecretName=key;Other=CANARY)",
	} {
		if got, err := outbound.ParseReference(text); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	id := "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/contoso"
	if got, err := outbound.ResourceReference(parse(t, `{"keyVault":{"id":"`+id+`"},"secretName":"key"}`)); err != nil || got != contoso {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{`{}`, `{"keyVault":{"id":"` + id + `"}}`, `{"keyVault":{"id":"contoso"},"secretName":"key"}`,
		`{"keyVault":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/vaults/contoso"},"secretName":"key"}`} {
		if got, err := outbound.ResourceReference(parse(t, bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}
