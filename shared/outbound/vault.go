package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/latchwork/latchwork/shared/value"
)

// Secret is one version of a secret.
type Secret struct {
	Name, Version                        string
	Value                                value.Value // marked with its origin
	ContentType                          string
	Enabled                              bool
	Created, Updated, NotBefore, Expires time.Time
}

// Vault reads secrets. An empty version means the current one. The error is a
// *Failure with the status that Key Vault answers with.
type Vault interface {
	Secret(ctx context.Context, name, version string) (Secret, error)
}

// Settings of the vault.
const (
	// SettingVault is the address of the Key Vault behind keyvault connections, such
	// as https://contoso.vault.azure.net.
	SettingVault = "LATCHWORK_KEY_VAULT"
)

// KeyVault reads secrets of one Azure Key Vault.
type KeyVault struct {
	client *azsecrets.Client
	live   *Credentials
	fresh  time.Duration

	mu    sync.Mutex
	cache map[string]cachedSecret
}

type cachedSecret struct {
	secret Secret
	until  time.Time
}

var _ Vault = (*KeyVault)(nil)

// secretFresh is for how long a secret is used without asking the vault again;
// a new version is picked up within that time.
const secretFresh = time.Minute

// NewKeyVault returns the vault at an address.
func NewKeyVault(address string, credential azcore.TokenCredential, transport policy.Transporter, live *Credentials) (*KeyVault, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: want the address of a vault, such as https://contoso.vault.azure.net", SettingVault)
	}
	options := &azsecrets.ClientOptions{}
	options.Transport = transport
	// Each answer of the vault is one attempt; the run's retry policy decides on more.
	options.Retry.MaxRetries = -1
	// A vault challenges with the resource that tokens must be for. On its own
	// domain that is checked; an emulator on this machine cannot pass that check.
	options.DisableChallengeResourceVerification = isLoopback(u.Hostname())
	client, err := azsecrets.NewClient(address, credential, options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SettingVault, err)
	}
	return &KeyVault{client: client, live: live, fresh: secretFresh, cache: map[string]cachedSecret{}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// vaultTimeout bounds one call of a vault.
const vaultTimeout = 30 * time.Second

// Secret implements Vault.
func (v *KeyVault) Secret(ctx context.Context, name, version string) (Secret, error) {
	key := name + "/" + version
	v.mu.Lock()
	c, ok := v.cache[key]
	v.mu.Unlock()
	if ok && time.Now().Before(c.until) {
		return c.secret, nil
	}
	if !validName(name) {
		return Secret{}, badName()
	}
	limited, cancel := context.WithTimeout(ctx, vaultTimeout)
	defer cancel()
	answer, err := v.client.GetSecret(limited, name, version, nil)
	if err != nil {
		return Secret{}, vaultFailure(limited, name, err)
	}
	s := Secret{Name: name, Value: secretValue(name, deref(answer.Value)), ContentType: deref(answer.ContentType), Enabled: true}
	if answer.ID != nil {
		s.Version = answer.ID.Version()
	}
	if a := answer.Attributes; a != nil {
		s.Created, s.Updated, s.NotBefore, s.Expires = deref(a.Created), deref(a.Updated), deref(a.NotBefore), deref(a.Expires)
	}
	v.live.Note(deref(answer.Value))
	v.mu.Lock()
	v.cache[key] = cachedSecret{s, time.Now().Add(v.fresh)}
	v.mu.Unlock()
	return s, nil
}

func deref[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}

// secretValue marks a secret with where it came from; the name is no secret.
func secretValue(name, plain string) value.Value {
	return value.String(plain).Mark(value.Origin{Class: value.Secured, Name: "keyvault:" + name})
}

// validName: Key Vault names have 1 to 127 letters, digits and hyphens.
func validName(name string) bool {
	return len(name) >= 1 && len(name) <= 127 && strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

func badName() *Failure {
	return &Failure{StatusCode: http.StatusBadRequest, Code: "BadParameter",
		Message: "The request URI contains an invalid name: a secret has 1 to 127 letters, digits and hyphens."}
}

// vaultFailure keeps status and code of the vault and words the rest here: its
// texts quote who asked.
func vaultFailure(ctx context.Context, name string, err error) *Failure {
	var answer *azcore.ResponseError
	var failed *Failure
	switch {
	case errors.As(err, &failed):
		return failed
	case !errors.As(err, &answer):
		if ctx.Err() != nil {
			return &Failure{StatusCode: http.StatusGatewayTimeout, Code: "GatewayTimeout", Message: "The vault did not answer in time.", Retryable: true}
		}
		if f := identityError(ctx, err); f != nil {
			return f
		}
		return &Failure{StatusCode: http.StatusBadGateway, Code: "BadGateway", Message: "The vault cannot be reached.", Retryable: true}
	}
	f := &Failure{StatusCode: answer.StatusCode, Code: answer.ErrorCode}
	switch answer.StatusCode {
	case http.StatusNotFound:
		f.Message = fmt.Sprintf("A secret with (name/id) %s was not found in this key vault.", name)
	case http.StatusForbidden:
		f.Message = "The identity is not allowed to read this secret, or the secret is disabled or expired. It needs the permission Get, such as by the role Key Vault Secrets User."
	case http.StatusUnauthorized:
		f.Message = "The vault did not accept the identity's token."
	case http.StatusTooManyRequests:
		f.Message, f.Retryable = "The vault is being asked too often.", true
		f.RetryAfter = retryAfter(answer.RawResponse)
	default:
		f.Message, f.Retryable = "The vault refused the request.", answer.StatusCode >= 500
	}
	if f.Code == "" {
		f.Code = http.StatusText(answer.StatusCode)
	}
	return f
}

func retryAfter(r *http.Response) time.Duration {
	if r == nil {
		return 0
	}
	d, err := time.ParseDuration(r.Header.Get("Retry-After") + "s")
	if err != nil || d < 0 {
		return 0
	}
	return d
}
