package outbound

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the x5t header is defined with SHA-1
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
)

// oauth is ActiveDirectoryOAuth: client credentials, with a secret or a
// certificate.
type oauth struct {
	authority, tenant, audience, clientID string
	secret, pfx, password                 secret
}

// defaultAuthority is the product's (actions §2.6).
const defaultAuthority = "https://login.windows.net"

func (o oauth) apply(ctx context.Context, c *Client, x *exchange) error {
	endpoint, err := o.endpoint()
	if err != nil {
		return err
	}
	o.secret.note(c.config.Live, o.secret.reveal())
	o.password.note(c.config.Live, o.password.reveal())
	t, err := c.tokens.get(ctx, o.key(endpoint), func(ctx context.Context) (token, error) { return o.fetch(ctx, c, endpoint) })
	if err != nil {
		return err
	}
	return c.bearer(x, t.text)
}

func (o oauth) key(endpoint string) tokenKey {
	return digest(endpoint, o.audience, o.clientID, o.secret.reveal(), o.pfx.reveal(), o.password.reveal())
}

// forget drops the token after a 401: it may have been revoked before its time.
func (o oauth) forget(c *Client) {
	if endpoint, err := o.endpoint(); err == nil {
		c.tokens.forget(o.key(endpoint))
	}
}

// endpoint is the token endpoint of version 1, as the product uses it: "audience"
// in a definition is a resource id, to be taken to the letter with or without its
// final slash, and that is what the parameter "resource" of version 1 means. The
// scope of version 2 would have to be made up from it.
func (o oauth) endpoint() (string, error) {
	authority := strings.TrimRight(strings.TrimSpace(o.authority), "/")
	if authority == "" {
		authority = defaultAuthority
	}
	u, err := url.Parse(authority)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", invalidAuthentication("The property 'authority' of the authentication is not an https address.")
	}
	return u.JoinPath(url.PathEscape(o.tenant), "oauth2", "token").String(), nil
}

func (o oauth) fetch(ctx context.Context, c *Client, endpoint string) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.clientID}, "resource": {o.audience}}
	if !o.secret.empty() {
		form.Set("client_secret", o.secret.reveal())
	} else {
		assertion, err := o.assertion(endpoint, c.tokens.now())
		if err != nil {
			return token{}, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	answer, err := c.Do(ctx, &Request{
		Method: http.MethodPost, URL: endpoint, Body: []byte(form.Encode()), MaxBody: 1 << 20,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	})
	if err != nil {
		return token{}, err
	}
	return o.read(answer, c.tokens.now())
}

func (o oauth) read(answer *Response, now time.Time) (token, error) {
	var body struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"` // version 1 writes it as a string
		Description string      `json:"error_description"`
		Error       string      `json:"error"`
	}
	err := json.Unmarshal(answer.Body, &body)
	switch {
	case answer.StatusCode == http.StatusOK && err == nil && body.AccessToken != "" && validHeader(body.AccessToken):
		seconds, err := strconv.ParseInt(string(body.ExpiresIn), 10, 32)
		if err != nil || seconds <= 0 {
			seconds = 300
		}
		return newToken(body.AccessToken, now, time.Duration(seconds)*time.Second), nil
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return token{}, &Failure{Code: codeFailed, Message: oauthMessage(fmt.Sprintf("the token endpoint answered %d", answer.StatusCode)), Retryable: true}
	}
	detail := body.Description
	if detail == "" {
		detail = body.Error
	}
	if detail == "" {
		detail = fmt.Sprintf("the token endpoint answered %d without a token", answer.StatusCode)
	}
	return token{}, &Failure{Code: codeFailed, Message: oauthMessage(o.clean(detail))}
}

// oauthMessage is how the product reports that there was no token.
func oauthMessage(detail string) string {
	return "Http request failed as there is an error getting AD OAuth token: '" + detail + "'."
}

// clean takes what the endpoint says, which a definition may have pointed
// anywhere, down to one line without the secrets that were sent.
func (o oauth) clean(detail string) string {
	own := &Credentials{}
	for _, s := range []secret{o.secret, o.password, o.pfx} {
		own.Note(s.reveal())
		if plain := s.reveal(); plain != "" { // shorter ones than the net takes, too
			detail = strings.ReplaceAll(detail, plain, "[redacted]")
		}
	}
	detail, _, _ = strings.Cut(strings.TrimSpace(string(own.Replace([]byte(detail)))), "\n")
	detail = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, detail)
	const longest = 400
	if len(detail) > longest {
		detail = strings.ToValidUTF8(detail[:longest], "") + "…"
	}
	return detail
}

// assertion is a token that the client signs with its certificate.
func (o oauth) assertion(endpoint string, now time.Time) (string, error) {
	certificate, err := decodePFX(o.pfx, o.password)
	if err != nil {
		return "", err
	}
	key, ok := certificate.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return "", invalidAuthentication("The 'pfx' of the authentication must hold an RSA key.")
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
	assertion := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud": endpoint, "iss": o.clientID, "sub": o.clientID, "jti": hex.EncodeToString(id),
		"nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	thumbprint := sha1.Sum(certificate.Leaf.Raw)
	assertion.Header["x5t"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	signed, err := assertion.SignedString(key)
	if err != nil {
		return "", invalidAuthentication("The certificate of the authentication cannot sign.")
	}
	return signed, nil
}
