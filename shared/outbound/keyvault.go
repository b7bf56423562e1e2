package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"golang.org/x/sync/singleflight"
)

// Settings of the vault.
const (
	// SettingVault is the address of the Key Vault behind keyvault connections, such
	// as https://contoso.vault.azure.net.
	SettingVault = "LATCHWORK_KEY_VAULT"
	// SettingVaultCache is for how long a secret is used without asking the vault
	// again, such as 5m; 0 asks each time.
	SettingVaultCache = "LATCHWORK_KEY_VAULT_CACHE"
	// SettingTrustVaultChallenge (true or false) is for an emulator that is not on
	// this machine.
	SettingTrustVaultChallenge = "LATCHWORK_KEY_VAULT_TRUST_CHALLENGE"
)

// DefaultVaultCache spares the vault the bursts of a loop and is short enough that
// nobody waits for a rotated secret.
const DefaultVaultCache = time.Minute

// KeyVault reads secrets of one Azure Key Vault.
type KeyVault struct {
	client         *azsecrets.Client
	live           *Credentials
	fresh          time.Duration
	trustChallenge bool
	now            func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	cache  map[string]cachedSecret
}

type cachedSecret struct {
	secret      Secret
	read, until time.Time
}

var _ Vault = (*KeyVault)(nil)

// VaultOption changes how a vault is read.
type VaultOption func(*KeyVault)

// CacheFor uses a secret for so long without asking again; 0 asks each time.
func CacheFor(d time.Duration) VaultOption { return func(v *KeyVault) { v.fresh = d } }

// TrustChallenge lets the vault say which resource its tokens are for. Without it
// only a vault on Azure's domains, and one on this machine, may.
func TrustChallenge() VaultOption { return func(v *KeyVault) { v.trustChallenge = true } }

// VaultOptions are the options that the settings ask for.
func (c Config) VaultOptions() []VaultOption {
	options := []VaultOption{CacheFor(c.VaultCache)}
	if c.TrustVaultChallenge {
		options = append(options, TrustChallenge())
	}
	return options
}

// NewKeyVault returns the vault at an address.
func NewKeyVault(address string, credential azcore.TokenCredential, transport policy.Transporter, live *Credentials, options ...VaultOption) (*KeyVault, error) {
	if !vaultAddress(address) {
		return nil, errors.New("the address of the vault: want https://{name}.vault.azure.net")
	}
	v := &KeyVault{live: live, fresh: DefaultVaultCache, now: time.Now, cache: map[string]cachedSecret{}}
	for _, o := range options {
		o(v)
	}
	o := &azsecrets.ClientOptions{}
	o.Transport = bound(transport)
	// Each answer of the vault is one attempt; the run's retry policy decides on more.
	o.Retry.MaxRetries = -1
	// A vault challenges with the resource that tokens must be for. On its own
	// domain that is checked; an emulator on this machine cannot pass that check.
	o.DisableChallengeResourceVerification = trustsChallenge(address, options)
	client, err := azsecrets.NewClient(address, credential, o)
	if err != nil {
		return nil, fmt.Errorf("key vault client: %w", err)
	}
	v.client = client
	return v, nil
}

// trustsChallenge tells whether a vault may say itself which resource tokens are for.
func trustsChallenge(address string, options []VaultOption) bool {
	v := &KeyVault{}
	for _, o := range options {
		o(v)
	}
	u, err := url.Parse(address)
	return v.trustChallenge || err == nil && isLoopback(u.Hostname())
}

func vaultAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == ""
}

func (s *settings) vault(name string) string {
	address := strings.TrimSpace(s.getenv(name))
	if address != "" && !vaultAddress(address) {
		s.refuse(name, "the address of a vault, such as https://contoso.vault.azure.net")
		return ""
	}
	return address
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

const (
	// vaultTimeout bounds one call of a vault.
	vaultTimeout = 30 * time.Second
	// maxCachedSecrets bounds the cache; one over it empties it.
	maxCachedSecrets = 1000
)

// Secret implements Vault. Only what was found is cached; callers that want the
// same secret at the same time share one request.
func (v *KeyVault) Secret(ctx context.Context, name, version string) (Secret, error) {
	if err := checkSecretPath(name, version); err != nil {
		return Secret{}, err
	}
	key := strings.ToLower(name + "/" + version)
	if s, ok := v.cached(key, name); ok {
		return s, nil
	}
	asked := v.flight.DoChan(key, func() (any, error) {
		if s, ok := v.cached(key, name); ok { // read while this was on its way here
			return s, nil
		}
		return v.fetch(context.WithoutCancel(ctx), key, name, version)
	})
	select {
	case r := <-asked:
		s, _ := r.Val.(Secret)
		return s, r.Err
	case <-ctx.Done():
		return Secret{}, vaultSlow(gaveUp(ctx.Err()))
	}
}

// cached returns a secret that is fresh, and that no service refused since it was read.
func (v *KeyVault) cached(key, name string) (Secret, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.cache[key]
	return c.secret, ok && v.now().Before(c.until) && !v.live.doubted(name, c.read)
}

func (v *KeyVault) fetch(ctx context.Context, key, name, version string) (Secret, error) {
	limited, cancel := withTimeout(ctx)
	defer cancel()
	asked := v.now()
	answer, err := v.client.GetSecret(limited, name, version, nil)
	if err != nil {
		return Secret{}, vaultFailure(limited, name, err)
	}
	plain := deref(answer.Value)
	v.live.NoteSecured(plain)
	s := describe(answer.ID, answer.ContentType, answer.Attributes)
	s.Name, s.Value = name, secretValue(name, plain)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.cache) >= maxCachedSecrets {
		v.cache = map[string]cachedSecret{}
	}
	v.cache[key] = cachedSecret{s, asked, v.now().Add(v.fresh)}
	return s, nil
}

// Secrets implements Vault.
func (v *KeyVault) Secrets(ctx context.Context) ([]Secret, error) {
	pager := v.client.NewListSecretPropertiesPager(nil)
	return v.list(ctx, "", pager.More, func(ctx context.Context) ([]*azsecrets.SecretProperties, error) {
		page, err := pager.NextPage(ctx)
		return page.Value, err
	})
}

// Versions implements Vault.
func (v *KeyVault) Versions(ctx context.Context, name string) ([]Secret, error) {
	if err := checkSecretPath(name, ""); err != nil {
		return nil, err
	}
	pager := v.client.NewListSecretPropertiesVersionsPager(name, nil)
	return v.list(ctx, name, pager.More, func(ctx context.Context) ([]*azsecrets.SecretProperties, error) {
		page, err := pager.NextPage(ctx)
		return page.Value, err
	})
}

func (v *KeyVault) list(ctx context.Context, name string, more func() bool, next func(context.Context) ([]*azsecrets.SecretProperties, error)) ([]Secret, error) {
	limited, cancel := withTimeout(ctx)
	defer cancel()
	all := []Secret{}
	for more() {
		page, err := next(limited)
		if err != nil {
			return nil, vaultFailure(limited, name, err)
		}
		for _, p := range page {
			all = append(all, describe(p.ID, p.ContentType, p.Attributes))
		}
	}
	return all, nil
}

func describe(id *azsecrets.ID, contentType *string, a *azsecrets.SecretAttributes) Secret {
	s := Secret{ContentType: deref(contentType), Enabled: true}
	if id != nil {
		s.ID, s.Name, s.Version = string(*id), id.Name(), id.Version()
	}
	if a != nil {
		s.Enabled = a.Enabled == nil || *a.Enabled
		s.Created, s.Updated, s.NotBefore, s.Expires = deref(a.Created), deref(a.Updated), deref(a.NotBefore), deref(a.Expires)
	}
	return s
}

func deref[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}

// vaultFailure keeps status and code of the vault and words the rest here: its
// texts quote who asked.
func vaultFailure(ctx context.Context, name string, err error) *Failure {
	var known *Failure
	var answer *azcore.ResponseError
	var refused *azidentity.AuthenticationFailedError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &answer):
		return vaultRefusal(name, answer)
	case errors.Is(context.Cause(ctx), errTooSlow):
		return vaultSlow(tooSlow())
	case ctx.Err() != nil:
		return vaultSlow(gaveUp(ctx.Err()))
	case errors.As(err, &refused):
		f := identityFailure(ctx, err, "https://vault.azure.net")
		f.StatusCode = http.StatusUnauthorized
		return f
	}
	return &Failure{StatusCode: http.StatusBadGateway, Code: "BadGateway", Message: "The vault cannot be reached.", Retryable: true}
}

func vaultSlow(why *Failure) *Failure {
	return &Failure{StatusCode: http.StatusGatewayTimeout, Code: "GatewayTimeout", Message: "The vault did not answer in time.", Retryable: true, cause: why.cause}
}

func vaultRefusal(name string, answer *azcore.ResponseError) *Failure {
	f := &Failure{StatusCode: answer.StatusCode, Code: answer.ErrorCode}
	if !plainCode(f.Code) {
		f.Code = strings.ReplaceAll(http.StatusText(answer.StatusCode), " ", "")
	}
	switch {
	case answer.StatusCode == http.StatusNotFound && f.Code == "SecretNotFound":
		return secretNotFound(name, "If you recently deleted this secret you may be able to recover it using the correct recovery command.")
	case answer.StatusCode == http.StatusNotFound:
		f.Message = "The vault does not know this address."
	case answer.StatusCode == http.StatusForbidden && innerCode(answer.RawResponse) == "SecretDisabled":
		return secretDisabled()
	case answer.StatusCode == http.StatusForbidden:
		f.Message = "The identity is not allowed to read secrets of this vault. It needs the permissions Get and List, such as by the role Key Vault Secrets User, and the vault's firewall must let it in."
	case answer.StatusCode == http.StatusUnauthorized:
		f.Message = "The vault did not accept the identity's token."
	case answer.StatusCode == http.StatusTooManyRequests:
		f.Message, f.Retryable, f.RetryAfter = "The vault is being asked too often.", true, retryAfter(answer.RawResponse)
	default:
		f.Message, f.Retryable = "The vault refused the request.", answer.StatusCode >= 500 || answer.StatusCode == http.StatusRequestTimeout
		f.RetryAfter = retryAfter(answer.RawResponse)
	}
	return f
}

// plainCode: an error code of a service is a word.
func plainCode(s string) bool {
	return s != "" && len(s) <= 60 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// innerCode says more closely why the vault refuses.
func innerCode(r *http.Response) string {
	if r == nil {
		return ""
	}
	data, err := runtime.Payload(r)
	if err != nil {
		return ""
	}
	var body struct {
		Error struct {
			Inner struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(data, &body) != nil {
		return ""
	}
	return body.Error.Inner.Code
}

// retryAfter reads Retry-After, in seconds or as a date.
func retryAfter(r *http.Response) time.Duration {
	if r == nil {
		return 0
	}
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	sent, errSent := http.ParseTime(r.Header.Get("Date"))
	if err != nil || errSent != nil {
		return 0
	}
	return max(at.Sub(sent), 0)
}
