package outbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// TokenSource gives tokens for an identity of this app: "" is the default one,
// else a user-assigned identity by resource id or client id. The audience is
// taken to the letter. The error is a *Failure.
type TokenSource interface {
	Token(ctx context.Context, identity, audience string) (string, error)
	// Forget: a service refused the token, and the next one is asked for anew.
	Forget(identity, audience string)
}

// Settings that say who this app is.
const (
	// SettingCredentials fixes which credentials are tried, in which order.
	SettingCredentials = "LATCHWORK_CREDENTIALS"
	// SettingIdentity is the user-assigned identity, by resource id or client id,
	// that is meant where a definition names none or the system's; without it
	// AZURE_CLIENT_ID is, and without that the system-assigned one. A Consumption
	// workflow has one identity of either kind (workflow-definition §1.2), so its
	// definition need not change with the kind of the identity here.
	SettingIdentity = "LATCHWORK_IDENTITY"
	settingClientID = "AZURE_CLIENT_ID"
	// SettingAuthorityHost replaces https://login.microsoftonline.com.
	SettingAuthorityHost = "AZURE_AUTHORITY_HOST"
	// SettingNoDiscovery switches off the check of the authority against the public
	// cloud, for private clouds and emulators.
	SettingNoDiscovery = "LATCHWORK_DISABLE_INSTANCE_DISCOVERY"
)

// Names of credentials in SettingCredentials.
const (
	credManagedIdentity = "managedidentity"
	credEnvironment     = "environment"
	credAzureCLI        = "azurecli"
	credAzureDeveloper  = "azd"
)

var credentialNames = []string{credManagedIdentity, credEnvironment, credAzureCLI, credAzureDeveloper}

// Identity is who this app is to Azure, by azidentity. It is a credential for the
// clients of the SDK too, as the default identity.
type Identity struct {
	// Live learns every token; nil: nobody does. It is set before first use.
	Live *Credentials

	options azcore.ClientOptions
	order   []string
	client  string // the user-assigned identity meant by default
	offline bool
	tokens  *tokenCache

	mu    sync.Mutex
	chain map[string]azcore.TokenCredential // by identity
}

var (
	_ TokenSource            = (*Identity)(nil)
	_ azcore.TokenCredential = (*Identity)(nil)
)

// NewIdentity reads the settings and reports all that is wrong with them. Without
// SettingCredentials the order is managed identity where the platform offers one,
// else environment, Azure CLI and Azure Developer CLI, so that no secret need lie
// in a file.
func NewIdentity(getenv func(string) string, transport policy.Transporter) (*Identity, error) {
	s := settings{getenv: getenv}
	i := &Identity{
		client:  strings.TrimSpace(getenv(SettingIdentity)),
		offline: s.flag(SettingNoDiscovery, false),
		order:   s.credentials(),
		tokens:  newTokenCache(),
		chain:   map[string]azcore.TokenCredential{},
	}
	if i.client == "" {
		i.client = getenv(settingClientID)
	}
	i.options.Transport = bound(transport)
	if host := getenv(SettingAuthorityHost); host != "" {
		if !strings.HasPrefix(host, "https://") {
			s.refuse(SettingAuthorityHost, "an https address")
		}
		i.options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: host, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}}
	}
	return i, errors.Join(s.errs...)
}

func (s *settings) credentials() []string {
	text := strings.ToLower(strings.TrimSpace(s.getenv(SettingCredentials)))
	if text == "" {
		if s.getenv("IDENTITY_ENDPOINT") != "" || s.getenv("MSI_ENDPOINT") != "" {
			return []string{credManagedIdentity}
		}
		return []string{credEnvironment, credAzureCLI, credAzureDeveloper}
	}
	var order []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(credentialNames, name) {
			s.refuse(SettingCredentials, "some of "+strings.Join(credentialNames, ", "))
			break
		}
		order = append(order, name)
	}
	return order
}

// Credential returns a credential for an identity, for the clients of the SDK.
func (i *Identity) Credential(identity string) (azcore.TokenCredential, error) {
	if _, err := i.sources(identity); err != nil {
		return nil, err
	}
	return &credential{i, identity}, nil
}

// credential is one identity; its tokens are cached here, because a credential
// that asks a command line tool starts it for every token.
type credential struct {
	of       *Identity
	identity string
}

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.of.token(ctx, c.identity, o)
}

// GetToken implements azcore.TokenCredential with the default identity.
func (i *Identity) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return i.token(ctx, "", o)
}

func (i *Identity) token(ctx context.Context, identity string, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	source, err := i.sources(identity)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	fetch := func(ctx context.Context) (token, error) {
		asked := o
		if slices.Equal(i.order, []string{credManagedIdentity}) {
			asked.Claims = "{}" // sent nowhere, it passes by the library's own cache: here is one
		}
		t, err := source.GetToken(ctx, asked)
		if err != nil {
			return token{}, err
		}
		i.Live.Note(t.Token)
		now := i.tokens.now()
		return newToken(t.Token, now, t.ExpiresOn.Sub(now)), nil
	}
	if o.Claims != "" { // the service wants another token than the one we have
		t, err := fetch(ctx)
		return azcore.AccessToken{Token: t.text, ExpiresOn: t.expires}, err
	}
	t, err := i.tokens.get(ctx, identityKey(identity, o), fetch)
	return azcore.AccessToken{Token: t.text, ExpiresOn: t.expires}, err
}

func identityKey(identity string, o policy.TokenRequestOptions) tokenKey {
	return digest(append([]string{identity, o.TenantID, fmt.Sprint(o.EnableCAE)}, o.Scopes...)...)
}

func scopeOf(audience string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{audience + "/.default"}}
}

// Forget implements TokenSource. The credentials have caches of their own, so they are
// made anew too.
func (i *Identity) Forget(identity, audience string) {
	i.tokens.forget(identityKey(identity, scopeOf(audience)))
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.chain, identity)
}

// sources is the chain for an identity.
func (i *Identity) sources(identity string) (azcore.TokenCredential, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c, ok := i.chain[identity]; ok {
		return c, nil
	}
	var sources []azcore.TokenCredential
	var errs []error
	for _, name := range i.order {
		c, err := i.source(name, identity)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		sources = append(sources, c)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no credential of %s can be used: %w", SettingCredentials, errors.Join(errs...))
	}
	chain, err := azidentity.NewChainedTokenCredential(sources, nil)
	if err != nil {
		return nil, fmt.Errorf("chain credentials: %w", err)
	}
	i.chain[identity] = chain
	return chain, nil
}

func (i *Identity) source(name, identity string) (azcore.TokenCredential, error) {
	switch name {
	case credManagedIdentity:
		options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: i.options}
		if identity == "" {
			identity = i.client
		}
		switch {
		case strings.HasPrefix(identity, "/"):
			options.ID = azidentity.ResourceID(identity)
		case identity != "":
			options.ID = azidentity.ClientID(identity)
		}
		return azidentity.NewManagedIdentityCredential(options)
	case credEnvironment:
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: i.options, DisableInstanceDiscovery: i.offline})
	case credAzureCLI:
		return azidentity.NewAzureCLICredential(nil)
	default:
		return azidentity.NewAzureDeveloperCLICredential(nil)
	}
}

// Token implements TokenSource. azidentity asks for a scope and cuts "/.default"
// off again, so an audience keeps its final slash or its lack of one.
func (i *Identity) Token(ctx context.Context, identity, audience string) (string, error) {
	if _, err := i.sources(identity); err != nil {
		return "", &Failure{Code: "WorkflowManagedServiceIdentityNotSpecified", Message: "There is no identity here to sign in with; see the setting " + SettingCredentials + "."}
	}
	t, err := i.token(ctx, identity, scopeOf(audience))
	if err != nil {
		return "", identityFailure(ctx, err, audience)
	}
	return t.Token, nil
}

// identityFailure words why there is no token. The texts of the SDK quote whole
// answers, so they are not passed on.
func identityFailure(ctx context.Context, err error, audience string) *Failure {
	f := &Failure{Code: "Unauthorized", Message: fmt.Sprintf("The identity got no token for the audience '%s'. %s", audience, audienceAdvice(audience))}
	var refused *azidentity.AuthenticationFailedError
	switch {
	case errors.Is(context.Cause(ctx), errTooSlow), errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &Failure{Code: codeFailed, Message: "The identity did not answer in time.", Retryable: true}
	case ctx.Err() != nil:
		return gaveUp(ctx.Err())
	case errors.As(err, &refused) && refused.RawResponse != nil:
		f.StatusCode = refused.RawResponse.StatusCode
		f.Retryable = f.StatusCode >= 500 || f.StatusCode == 429
	default:
		f.Retryable = true
		f.Message = "No identity answered; see the setting " + SettingCredentials + "."
	}
	return f
}
