package outbound

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the x5t header is defined with SHA-1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
)

// oauth is ActiveDirectoryOAuth: client credentials, with a secret or a
// certificate.
type oauth struct {
	authority, tenant, audience, clientID string
	secret, pfx, password                 string
}

// defaultAuthority is the product's (actions §2.6).
const defaultAuthority = "https://login.windows.net"

func (o oauth) apply(ctx context.Context, c *Client, w *wire) error {
	sum := sha256.Sum256([]byte(strings.Join([]string{o.authority, o.tenant, o.audience, o.clientID, o.secret, o.pfx, o.password}, "\x00")))
	token, err := c.tokens.get(ctx, hex.EncodeToString(sum[:]), func(ctx context.Context) (string, time.Duration, error) { return o.fetch(ctx, c) })
	if err != nil {
		return err
	}
	return c.bearer(w, token)
}

// fetch asks the token endpoint of version 1: "audience" in a definition is a
// resource id, taken to the letter, which is what its parameter "resource" means;
// a scope of version 2 would bend it.
func (o oauth) fetch(ctx context.Context, c *Client) (string, time.Duration, error) {
	authority := strings.TrimRight(o.authority, "/")
	if authority == "" {
		authority = defaultAuthority
	}
	endpoint := authority + "/" + url.PathEscape(o.tenant) + "/oauth2/token"
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.clientID}, "resource": {o.audience}}
	if o.secret != "" {
		form.Set("client_secret", o.secret)
	} else {
		assertion, err := o.assertion(endpoint)
		if err != nil {
			return "", 0, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	answer, err := c.Do(ctx, &Request{
		Method: http.MethodPost, URL: endpoint, Body: []byte(form.Encode()), Timeout: 30 * time.Second,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	})
	if err != nil {
		return "", 0, err
	}
	return o.readToken(answer)
}

func (o oauth) readToken(answer *Response) (string, time.Duration, error) {
	var body struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
		Error       string      `json:"error"`
		Description string      `json:"error_description"`
	}
	err := json.Unmarshal(answer.Body, &body)
	switch {
	case answer.StatusCode == http.StatusOK && err == nil && body.AccessToken != "":
		seconds, err := strconv.ParseInt(string(body.ExpiresIn), 10, 64)
		if err != nil || seconds <= 0 {
			seconds = 300
		}
		return body.AccessToken, time.Duration(seconds) * time.Second, nil
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return "", 0, &Failure{Code: "ServiceUnavailable", Message: "The token endpoint cannot answer now.", Retryable: true}
	}
	// error is one of the words of RFC 6749. Of the description only the code is
	// kept: the rest may quote what was sent.
	return "", 0, &Failure{Code: "Unauthorized", Message: fmt.Sprintf(
		"The token endpoint refused the credentials of client '%s' for the audience '%s': %s%s.", o.clientID, o.audience, word(body.Error), aadCode(body.Description))}
}

// word keeps an error of RFC 6749, which is one word of letters and underscores.
func word(s string) string {
	if s == "" || len(s) > 40 || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown_error"
	}
	return s
}

// aadCode finds AADSTS followed by digits.
func aadCode(description string) string {
	i := strings.Index(description, "AADSTS")
	if i < 0 {
		return ""
	}
	end := i + len("AADSTS")
	for end < len(description) && description[end] >= '0' && description[end] <= '9' {
		end++
	}
	return " (" + description[i:end] + ")"
}

// assertion is a token that the client signs with its certificate.
func (o oauth) assertion(endpoint string) (string, error) {
	certificate, err := decodePFX(o.pfx, o.password)
	if err != nil {
		return "", err
	}
	key, ok := certificate.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return "", &Failure{Code: "InvalidAuthentication", Message: "The 'pfx' of the authentication must hold an RSA key."}
	}
	now := time.Now()
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud": endpoint, "iss": o.clientID, "sub": o.clientID, "jti": hex.EncodeToString(id),
		"nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	thumbprint := sha1.Sum(certificate.Leaf.Raw)
	token.Header["x5t"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	signed, err := token.SignedString(key)
	if err != nil {
		return "", &Failure{Code: "InvalidAuthentication", Message: "The certificate of the authentication cannot sign."}
	}
	return signed, nil
}

// tokenCache keeps tokens until shortly before they end; callers that want the
// same one at the same time share one request.
type tokenCache struct {
	mu     sync.Mutex
	tokens map[string]cachedToken
	flight singleflight.Group
}

type cachedToken struct {
	token   string
	refresh time.Time
}

func newTokenCache() *tokenCache { return &tokenCache{tokens: map[string]cachedToken{}} }

// maxTokens bounds the cache; one over it empties it.
const maxTokens = 1000

func (t *tokenCache) get(ctx context.Context, key string, fetch func(context.Context) (string, time.Duration, error)) (string, error) {
	t.mu.Lock()
	c, ok := t.tokens[key]
	t.mu.Unlock()
	if ok && time.Now().Before(c.refresh) {
		return c.token, nil
	}
	v, err, _ := t.flight.Do(key, func() (any, error) {
		// A caller that gives up must not spoil it for the others.
		token, lifetime, err := fetch(context.WithoutCancel(ctx))
		if err != nil {
			return "", err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.tokens) >= maxTokens {
			t.tokens = map[string]cachedToken{}
		}
		t.tokens[key] = cachedToken{token, time.Now().Add(lifetime - min(lifetime/2, 5*time.Minute))}
		return token, nil
	})
	if err != nil {
		return "", err
	}
	return v.(string), nil
}
