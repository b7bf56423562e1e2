package outbound

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Reference names a secret of some vault, as settings and parameter files do.
type Reference struct{ Vault, Name, Version string } // Vault is an address

// The two ends of a reference in a text.
const (
	referenceStart = "@Microsoft.KeyVault("
	referenceEnd   = ")"
)

// IsReference tells whether a text is a reference, though it may be malformed.
func IsReference(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) >= len(referenceStart) && strings.EqualFold(text[:len(referenceStart)], referenceStart)
}

// errReference quotes nothing: whoever has mistyped a reference may have put a secret in.
var errReference = errors.New("want @Microsoft.KeyVault(SecretUri=https://{vault}.vault.azure.net/secrets/{name}) or @Microsoft.KeyVault(VaultName={vault};SecretName={name})")

// ParseReference reads a reference as app settings write it: with SecretUri, or with
// VaultName, SecretName and SecretVersion.
func ParseReference(text string) (Reference, error) {
	text = strings.TrimSpace(text)
	if !IsReference(text) || !strings.HasSuffix(text, referenceEnd) {
		return Reference{}, errReference
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(text[len(referenceStart):len(text)-len(referenceEnd)], ";") {
		name, v, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := parts[name]; !ok || twice || !slices.Contains([]string{"secreturi", "vaultname", "secretname", "secretversion"}, name) {
			return Reference{}, errReference
		}
		parts[name] = strings.TrimSpace(v)
	}
	uri, byURI := parts["secreturi"]
	switch {
	case byURI && len(parts) == 1:
		return referenceByURI(uri)
	case byURI:
		return Reference{}, errReference
	}
	return VaultReference(parts["vaultname"], parts["secretname"], parts["secretversion"])
}

func referenceByURI(uri string) (Reference, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Reference{}, errReference
	}
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(path) < 2 || len(path) > 3 || !strings.EqualFold(path[0], "secrets") {
		return Reference{}, errReference
	}
	return checkedReference(Reference{Vault: "https://" + strings.ToLower(u.Host), Name: path[1], Version: append(path, "")[2]})
}

// VaultReference is the reference to a secret of a vault by the vault's name, in the
// public cloud.
func VaultReference(vault, name, version string) (Reference, error) {
	return checkedReference(Reference{Vault: "https://" + strings.ToLower(vault) + vaultDomains[0], Name: name, Version: version})
}

// ResourceReference is that of a parameter file: {"keyVault": {"id": …}, "secretName": …}.
func ResourceReference(v value.Value) (Reference, error) {
	id := strings.Split(strings.Trim(v.Member("keyVault").Member("id").Str(), "/"), "/")
	if n := len(id); n < 8 || !strings.EqualFold(id[n-2], "vaults") || !strings.EqualFold(id[n-3], "Microsoft.KeyVault") {
		return Reference{}, errors.New("want {\"keyVault\": {\"id\": \"/subscriptions/…/Microsoft.KeyVault/vaults/{name}\"}, \"secretName\": …}")
	}
	return VaultReference(id[len(id)-1], v.Member("secretName").Str(), v.Member("secretVersion").Str())
}

// vaultDomains are where vaults are, in each cloud. A reference leads nowhere else: who
// writes one must not choose who gets a token.
var vaultDomains = []string{".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net", ".vault.microsoftazure.de"}

func checkedReference(r Reference) (Reference, error) {
	host := strings.TrimPrefix(r.Vault, "https://")
	known := slices.ContainsFunc(vaultDomains, func(domain string) bool {
		name, ok := strings.CutSuffix(host, domain)
		return ok && validName(name)
	})
	if !known || !validName(r.Name) || !validVersion(r.Version) {
		return Reference{}, errReference
	}
	return r, nil
}
