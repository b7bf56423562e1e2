package cloudtest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// App is a registered application.
type App struct {
	Secret      string
	Certificate *x509.Certificate // for signed assertions, instead of Secret
	Principal   string            // object id
}

// Register adds an application.
func (c *Cloud) Register(clientID string, app App) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apps[clientID] = &app
}

// entra serves the authority, under any of its names.
func (c *Cloud) entra(w http.ResponseWriter, r *http.Request) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch rest {
	case "discovery/instance":
		c.observe(EntraDiscovery, instance)(w, r)
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		c.observe(EntraDiscovery, func(w http.ResponseWriter, r *http.Request) { openID(w, r, tenant, strings.HasPrefix(rest, "v2.0")) })(w, r)
	case "discovery/v2.0/keys", "discovery/keys":
		c.observe(EntraDiscovery, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, keySet()) })(w, r)
	case "oauth2/token":
		c.observe(EntraToken, func(w http.ResponseWriter, r *http.Request) { c.grant(w, r, tenant, false) })(w, r)
	case "oauth2/v2.0/token":
		c.observe(EntraToken, func(w http.ResponseWriter, r *http.Request) { c.grant(w, r, tenant, true) })(w, r)
	default:
		http.NotFound(w, r)
	}
}

// instance tells which authorities belong to the cloud.
func instance(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + r.Host + "/" + Tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": "login.microsoftonline.com", "preferred_cache": "login.windows.net",
			"aliases": []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		}},
	})
}

func openID(w http.ResponseWriter, r *http.Request, tenant string, v2 bool) {
	base := "https://" + r.Host + "/" + tenant
	if v2 {
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"token_endpoint": base + "/oauth2/v2.0/token", "jwks_uri": base + "/discovery/v2.0/keys",
		})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": "https://sts.windows.net/" + tenant + "/", "authorization_endpoint": base + "/oauth2/authorize",
		"token_endpoint": base + "/oauth2/token", "jwks_uri": base + "/discovery/keys",
	})
}

// grant carries out a client credentials grant of version 1 (resource) or 2
// (scope).
func (c *Cloud) grant(w http.ResponseWriter, r *http.Request, tenant string, v2 bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		aadError(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
		return
	}
	form := r.PostForm
	client := form.Get("client_id")
	c.mu.Lock()
	app := c.apps[client]
	c.mu.Unlock()
	audience := form.Get("resource")
	if v2 {
		audience = scopeResource(form.Get("scope"))
	}
	switch {
	case tenant != Tenant:
		aadError(w, http.StatusBadRequest, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", tenant))
	case form.Get("grant_type") != "client_credentials":
		aadError(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case app == nil:
		aadError(w, http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory 'Contoso'.", client))
	case form.Get("client_assertion") != "":
		if err := app.checkAssertion(form.Get("client_assertion"), client, "https://"+r.Host+r.URL.Path); err != nil {
			aadError(w, http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+err.Error())
			return
		}
		c.issue(w, app, client, audience)
	case app.Secret == "" || form.Get("client_secret") != app.Secret:
		aadError(w, http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", client))
	default:
		c.issue(w, app, client, audience)
	}
}

func (c *Cloud) issue(w http.ResponseWriter, app *App, client, audience string) {
	if audience == "" {
		aadError(w, http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named '' was not found in the tenant named Contoso.")
		return
	}
	seconds := int64(tokenLifetime / time.Second)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": strconv.FormatInt(seconds, 10), "ext_expires_in": strconv.FormatInt(seconds, 10),
		"expires_on": strconv.FormatInt(time.Now().Unix()+seconds, 10), "resource": audience,
		"access_token": c.appToken(audience, client, app.Principal),
	})
}

// scopeResource is the audience of the token for a scope: what stands before
// /.default, so that a double slash keeps one.
func scopeResource(scope string) string {
	for s := range strings.FieldsSeq(scope) {
		if resource, ok := strings.CutSuffix(s, "/.default"); ok {
			return resource
		}
	}
	return ""
}

// checkAssertion checks a client's signed assertion. Its audience is the token
// endpoint, of either version.
func (a *App) checkAssertion(text, client, endpoint string) error {
	if a.Certificate == nil {
		return errors.New("the application has no certificate")
	}
	public, ok := a.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the certificate has no RSA key")
	}
	claims := jwt.RegisteredClaims{}
	token, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithAudience(endpoint), jwt.WithIssuer(client), jwt.WithSubject(client), jwt.WithExpirationRequired())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc([]string{"x5t", "x5t#S256"}, func(name string) bool { return token.Header[name] != nil }) {
		return errors.New("the assertion does not say which certificate signed it")
	}
	return nil
}

// aadError is the error of a token endpoint.
func aadError(w http.ResponseWriter, status int, code string, number int, text string) {
	const trace, correlation = "88888888-8888-8888-8888-888888888888", "99999999-9999-9999-9999-999999999999"
	at := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	writeJSON(w, status, map[string]any{
		"error":             code,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", number, text, trace, correlation, at),
		"error_codes":       []int{number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", number),
	})
}
