package cloudtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signingKey signs all tokens of this process; making one takes a while.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("cloudtest: %v", err))
	}
	return key
})

const keyID = "cloudtest-key-1"

// Issuer is who signs tokens of version 1 for Tenant.
const Issuer = "https://sts.windows.net/" + Tenant + "/"

// tokenLifetime is Entra's, about.
const tokenLifetime = time.Hour

// Token signs claims as Entra would. What they lack is filled in: iss, iat, nbf,
// exp, tid, ver of a token of version 1.
func (c *Cloud) Token(claims map[string]any) string {
	now := time.Now()
	all := jwt.MapClaims{
		"iss": Issuer, "iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(tokenLifetime).Unix(),
		"tid": Tenant, "ver": "1.0", "uti": jti(),
	}
	for k, v := range claims {
		all[k] = v
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	token.Header["kid"], token.Header["x5t"] = keyID, keyID
	signed, err := token.SignedString(signingKey())
	if err != nil {
		panic(fmt.Sprintf("cloudtest: %v", err))
	}
	return signed
}

// jti makes each token another text, as each of Entra's is.
func jti() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func (c *Cloud) appToken(audience, client, principal string) string {
	return c.Token(map[string]any{"aud": audience, "appid": client, "oid": principal, "sub": principal, "idtyp": "app"})
}

// keySet is the JWKS; like Entra's, its keys carry no alg.
func keySet() map[string]any {
	public := signingKey().PublicKey
	return map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "kid": keyID, "x5t": keyID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}
}

// errNoToken means that there is no bearer token in a request.
var errNoToken = errors.New("no bearer token")

// verify checks the bearer token of a request: signature, time, tenant, and the
// audience to the letter.
func verify(r *http.Request, audience string) error {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return errNoToken
	}
	_, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return &signingKey().PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(audience), jwt.WithIssuer(Issuer), jwt.WithExpirationRequired())
	return err
}

// RequireToken lets requests pass that carry a token for exactly this audience.
func RequireToken(audience string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := verify(r, audience); err != nil {
			message := "Access token validation failure."
			if errors.Is(err, jwt.ErrTokenInvalidAudience) {
				message += " Invalid audience."
			}
			azureError(w, http.StatusUnauthorized, "InvalidAuthenticationToken", message, "")
			return
		}
		h.ServeHTTP(w, r)
	})
}
