// Package remote is a client of the management API, for commands that act on an app
// elsewhere or on a server of this machine. It goes through the pipeline of
// Microsoft's own clients, which signs in, tries again and honours Retry-After.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	armpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/policy"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

// Where workflows are that are loaded from files, the api-version of this API, and the
// audience that Microsoft's clients ask tokens for.
const (
	DefaultSubscription = "00000000-0000-0000-0000-000000000000"
	DefaultGroup        = "local"
	DefaultAPIVersion   = "2019-05-01"
	DefaultAudience     = "https://management.azure.com/"
)

// Options say which app is meant, and who asks.
type Options struct {
	Endpoint string // such as https://flows.example.com/prefix
	// "" is the default of each.
	Subscription, ResourceGroup, APIVersion, Audience string
	Token                                             string // ""; sign in as the settings say
	CAFile                                            string // PEM; trusted besides the system's
	Getenv                                            func(string) string
}

// Client calls one app. It may be used by several at once.
type Client struct {
	endpoint     *url.URL
	o            Options
	pipeline     runtime.Pipeline
	contents     *http.Client
	subscription string
	group        string
}

// New checks the options; it calls nobody.
func New(o Options) (*Client, error) {
	o.Subscription, o.ResourceGroup = cmp.Or(o.Subscription, DefaultSubscription), cmp.Or(o.ResourceGroup, DefaultGroup)
	o.APIVersion, o.Audience = cmp.Or(o.APIVersion, DefaultAPIVersion), cmp.Or(o.Audience, DefaultAudience)
	endpoint, err := ParseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	config, err := outbound.FromEnv(o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if err := config.Trust(o.CAFile); err != nil {
		return nil, fmt.Errorf("--ca-cert: %w", err)
	}
	transport := config.HTTPClient()
	credential, err := o.credential(transport)
	if err != nil {
		return nil, err
	}
	service := cloud.ServiceConfiguration{Endpoint: endpoint.String(), Audience: o.Audience}
	pipeline, err := armruntime.NewPipeline("latchwork", "", credential, runtime.PipelineOptions{}, &armpolicy.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud:                           cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: service}},
			Transport:                       limited{transport},
			Telemetry:                       policy.TelemetryOptions{Disabled: true},
			InsecureAllowCredentialWithHTTP: endpoint.Scheme == "http", // on this machine only
		},
		DisableRPRegistration: true,
	})
	if err != nil {
		return nil, err
	}
	subscription := "/subscriptions/" + url.PathEscape(o.Subscription)
	return &Client{
		endpoint: endpoint, o: o, pipeline: pipeline, contents: transport,
		subscription: subscription, group: subscription + "/resourceGroups/" + url.PathEscape(o.ResourceGroup),
	}, nil
}

// ParseEndpoint reads the address of an app. Tokens go over no network in the clear.
func ParseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--endpoint: want the address of an app, such as https://my-app.azurewebsites.net")
	}
	if u.Scheme == "http" && !Loopback(u.Hostname()) {
		return nil, fmt.Errorf("--endpoint: tokens would travel in the clear to %s: use https", u.Host)
	}
	return u, nil
}

// Loopback tells whether a host is this machine.
func Loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// credential is the token that was given, or whoever is signed in here.
func (o Options) credential(transport *http.Client) (azcore.TokenCredential, error) {
	if o.Token != "" {
		return given(o.Token), nil
	}
	identity, err := outbound.NewIdentity(o.Getenv, transport)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return signedIn{identity}, nil
}

type given string

func (g given) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(g), ExpiresOn: time.Now().Add(24 * time.Hour)}, nil
}

// signedIn says in our words why there is no token: the SDK's quote whole answers.
type signedIn struct{ *outbound.Identity }

func (s signedIn) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := s.Identity.GetToken(ctx, o)
	if err != nil && ctx.Err() == nil {
		return t, noToken{}
	}
	return t, err
}

type noToken struct{}

func (noToken) Error() string {
	return "nobody is signed in here: give a token by --token-file, or sign in, such as by az login; see the setting " + outbound.SettingCredentials
}

// NonRetriable tells the pipeline not to ask again.
func (noToken) NonRetriable() {}

// Endpoint is the address of the app.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// Subscription is the path of the subscription that is meant.
func (c *Client) Subscription() string { return c.subscription }

// Group is the path of the resource group that is meant.
func (c *Client) Group() string { return c.group }

// Workflow is the path of a workflow in that group.
func (c *Client) Workflow(name string) string {
	return c.group + "/providers/Microsoft.Logic/workflows/" + url.PathEscape(name)
}

// Do sends a call and returns its answer, which is absent where there is none. path is
// escaped; an absent body is none. The error is an *Error where the app has answered.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body value.Value) (value.Value, http.Header, error) {
	data, header, err := c.Bytes(ctx, method, path, query, body)
	if err != nil || len(data) == 0 {
		return value.Value{}, header, err
	}
	v, err := value.Parse(data)
	if err != nil {
		return value.Value{}, header, fmt.Errorf("%s answers with something that is not JSON: check the address", c.endpoint.Host)
	}
	return v, header, nil
}

// Bytes is Do for answers of any kind.
func (c *Client) Bytes(ctx context.Context, method, path string, query url.Values, body value.Value) ([]byte, http.Header, error) {
	all := url.Values{"api-version": {c.o.APIVersion}}
	for name, list := range query {
		all[name] = list
	}
	return c.send(ctx, method, c.endpoint.String()+path+"?"+all.Encode(), body)
}

func (c *Client) send(ctx context.Context, method, address string, body value.Value) ([]byte, http.Header, error) {
	ctx = policy.WithRetryOptions(ctx, retries(method))
	r, err := runtime.NewRequest(ctx, method, address)
	if err != nil {
		return nil, nil, err
	}
	r.Raw().Header.Set("Accept", "application/json")
	r.Raw().Header.Set("User-Agent", "latchwork")
	if !body.IsAbsent() {
		content := streaming.NopCloser(bytes.NewReader(value.Reveal(body)))
		if err := r.SetBody(content, "application/json"); err != nil {
			return nil, nil, err
		}
	}
	answer, err := c.pipeline.Do(r)
	if err != nil {
		return nil, nil, c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	data, err := runtime.Payload(answer)
	if err != nil {
		return nil, nil, c.unreachable(ctx, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, answer.Header, readError(answer, data)
	}
	return data, answer.Header, nil
}

// unreachable words why there is no answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	var none noToken
	var tooLarge *http.MaxBytesError
	var failed *url.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &none):
		return none
	case errors.As(err, &tooLarge):
		return fmt.Errorf("%s answers with more than %d bytes", c.endpoint.Host, tooLarge.Limit)
	case errors.As(err, &failed):
		err = failed.Err // not the address again
	}
	return fmt.Errorf("%s does not answer: %w", c.endpoint.Host, err)
}
