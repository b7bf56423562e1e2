package outbound

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Secret is one version of a secret. In listings it has no Value.
type Secret struct {
	ID                                   string // its address in the vault, with the version
	Name, Version                        string
	Value                                value.Value // marked with its origin
	ContentType                          string
	Enabled                              bool
	Created, Updated, NotBefore, Expires time.Time
}

// Vault reads secrets. An empty version means the current one. The error is a
// *Failure with the status that Key Vault answers with.
type Vault interface {
	// Secret reads one version of a secret.
	Secret(ctx context.Context, name, version string) (Secret, error)
	// Secrets lists the current versions of all secrets, without values.
	Secrets(ctx context.Context) ([]Secret, error)
	// Versions lists all versions of a secret, without values.
	Versions(ctx context.Context, name string) ([]Secret, error)
}

// VaultOrigin begins the name of the origin of what was read from a vault.
const VaultOrigin = "keyvault:"

// secretValue marks a secret with where it came from; the name is no secret.
func secretValue(name, plain string) value.Value {
	return value.String(plain).Mark(value.Origin{Class: value.Secured, Name: VaultOrigin + name})
}

// validName: Key Vault names have 1 to 127 letters, digits and hyphens.
func validName(name string) bool {
	return len(name) >= 1 && len(name) <= 127 && strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// validVersion: versions are hexadecimal; whatever else would change the path
// that is asked.
func validVersion(version string) bool {
	return len(version) <= 64 && strings.Trim(strings.ToLower(version), "0123456789abcdef") == ""
}

func checkSecretPath(name, version string) error {
	if !validName(name) {
		return &Failure{StatusCode: http.StatusBadRequest, Code: "BadParameter",
			Message: "The request URI contains an invalid name: a secret has 1 to 127 letters, digits and hyphens."}
	}
	if !validVersion(version) {
		return &Failure{StatusCode: http.StatusBadRequest, Code: "BadParameter", Message: "The request URI contains an invalid version."}
	}
	return nil
}

// The answers of Key Vault that both vaults give.

func secretNotFound(name, hint string) *Failure {
	return &Failure{StatusCode: http.StatusNotFound, Code: "SecretNotFound",
		Message: fmt.Sprintf("A secret with (name/id) %s was not found in this key vault. %s", name, hint)}
}

func secretDisabled() *Failure {
	return &Failure{StatusCode: http.StatusForbidden, Code: "Forbidden", Message: "Operation get is not allowed on a disabled secret."}
}
