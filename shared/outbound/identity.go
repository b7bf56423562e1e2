package outbound

import (
	"context"
	"errors"
	"fmt"
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
}

// Settings that say who this app is.
const (
	// SettingCredentials fixes which credentials are tried, in which order.
	SettingCredentials = "LATCHWORK_CREDENTIALS"
	settingClientID    = "AZURE_CLIENT_ID"
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

// Identity is who this app is to Azure, by azidentity.
type Identity struct {
	options azcore.ClientOptions
	order   []string
	client  string // AZURE_CLIENT_ID: the user-assigned identity meant by default
	offline bool

	mu    sync.Mutex
	chain map[string]azcore.TokenCredential // by identity
}

var _ TokenSource = (*Identity)(nil)

// NewIdentity reads the settings. Without SettingCredentials the order is
// managed identity where the platform offers one, else environment, Azure CLI
// and Azure Developer CLI, so that no secret need lie in a file.
func NewIdentity(getenv func(string) string, transport policy.Transporter) (*Identity, error) {
	i := &Identity{client: getenv(settingClientID), chain: map[string]azcore.TokenCredential{}}
	i.options.Transport = transport
	i.offline = strings.EqualFold(getenv(SettingNoDiscovery), "true")
	if host := getenv(SettingAuthorityHost); host != "" {
		i.options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: host, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}}
	}
	order := getenv(SettingCredentials)
	if order == "" {
		order = strings.Join([]string{credEnvironment, credAzureCLI, credAzureDeveloper}, ",")
		if getenv("IDENTITY_ENDPOINT") != "" || getenv("MSI_ENDPOINT") != "" {
			order = credManagedIdentity
		}
	}
	for name := range strings.SplitSeq(strings.ToLower(order), ",") {
		switch name = strings.TrimSpace(name); name {
		case credManagedIdentity, credEnvironment, credAzureCLI, credAzureDeveloper:
			i.order = append(i.order, name)
		default:
			return nil, fmt.Errorf("%s: %q is not one of managedidentity, environment, azurecli, azd", SettingCredentials, name)
		}
	}
	return i, nil
}

// Credential returns the chain for an identity, for the clients of the SDK.
func (i *Identity) Credential(identity string) (azcore.TokenCredential, error) {
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
		return nil, errors.Join(errs...)
	}
	chain, err := azidentity.NewChainedTokenCredential(sources, nil)
	if err != nil {
		return nil, err
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
	credential, err := i.Credential(identity)
	if err != nil {
		return "", &Failure{Code: "WorkflowManagedServiceIdentityNotSpecified", Message: "There is no identity here to sign in with; see the setting " + SettingCredentials + "."}
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{audience + "/.default"}})
	if err != nil {
		return "", identityFailure(ctx, err, audience)
	}
	return token.Token, nil
}

// identityFailure words why there is no token. The texts of the SDK quote whole
// answers, so they are not passed on.
func identityFailure(ctx context.Context, err error, audience string) *Failure {
	f := &Failure{Code: "Unauthorized", Message: fmt.Sprintf(
		"The identity got no token for the audience '%s'. An audience must be right to the slash: 'https://vault.azure.net' has none at its end, 'https://storage.azure.com/' has one.", audience)}
	var refused *azidentity.AuthenticationFailedError
	switch {
	case ctx.Err() != nil:
		return &Failure{Code: "ActionTimedOut", Message: "The identity did not answer in time.", Retryable: true}
	case errors.As(err, &refused) && refused.RawResponse != nil:
		f.StatusCode = refused.RawResponse.StatusCode
		f.Retryable = f.StatusCode >= 500 || f.StatusCode == 429
	default:
		f.Retryable = true
		f.Message = "No identity answered; see the setting " + SettingCredentials + "."
	}
	return f
}

// identityError tells whether an SDK client failed because there was no token.
func identityError(ctx context.Context, err error) *Failure {
	var refused *azidentity.AuthenticationFailedError
	if !errors.As(err, &refused) {
		return nil
	}
	return identityFailure(ctx, err, "https://vault.azure.net")
}
