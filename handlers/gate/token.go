package gate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/latchwork/latchwork/shared/access"
)

// Tokens checks tokens of Entra ID (inbound-security §4.3).
type Tokens struct {
	keys       *Keys
	algorithms []string
	parser     *jwt.Parser
	times      *jwt.Validator
}

// The algorithms that a token may be signed with, and the one that Entra signs with.
// None of them takes a key that anybody knows for a secret, as HS256 does.
var (
	Algorithms        = []string{"RS256", "PS256", "ES256"}
	DefaultAlgorithms = []string{"RS256"}
)

const (
	// clockSkew is by how much the clocks of the issuer and this host may differ.
	clockSkew = 300 * time.Second
	// maxAuthorization is the longest Authorization header.
	maxAuthorization = 16 << 10
	maxKeyName       = 256
)

// NewTokens returns a check by these keys. Algorithms are some of Algorithms.
func NewTokens(keys *Keys, algorithms []string) (*Tokens, error) {
	for _, a := range algorithms {
		if !slices.Contains(Algorithms, a) {
			return nil, fmt.Errorf("%q is not one of %s", a, strings.Join(Algorithms, ", "))
		}
	}
	return &Tokens{
		keys: keys, algorithms: algorithms,
		parser: jwt.NewParser(jwt.WithJSONNumber(), jwt.WithStrictDecoding()),
		times:  jwt.NewValidator(jwt.WithLeeway(clockSkew), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(keys.Now)),
	}, nil
}

// Why a token lets nobody in; only the log tells.
var (
	errMalformed = errors.New("the token cannot be read")
	errAlgorithm = errors.New("the algorithm of the token is not accepted")
	errTimes     = errors.New("the token is expired, or not valid yet, or does not say until when it is valid")
	errIssuer    = errors.New("the issuer is none of Entra's, or the tenant is another")
	errSignature = errors.New("the signature of the token is not genuine")
	// errClaims: the token is genuine, and satisfies no policy.
	errClaims = errors.New("no policy has all of its claims in the token")
)

// verify returns the policy that a token satisfies, and its claims. Keys are those
// of the tenant that the policy names: Entra signs for many tenants with the same
// keys, so that the issuer, to the letter, is what keeps them apart.
func (t *Tokens) verify(ctx context.Context, text string, policies []access.Policy) (*access.Policy, jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	token, parts, err := t.parser.ParseUnverified(text, claims)
	if err != nil {
		return nil, nil, errMalformed
	}
	kid, _ := token.Header["kid"].(string)
	_, critical := token.Header["crit"] // what must be understood is not (RFC 7515 §4.1.11)
	issuer, _ := claims["iss"].(string)
	tenant, entra := access.TenantOf(issuer)
	switch {
	case kid == "" || len(kid) > maxKeyName || critical || repeats(parts[0]) || repeats(parts[1]):
		return nil, nil, errMalformed
	case !slices.Contains(t.algorithms, token.Method.Alg()):
		return nil, nil, errAlgorithm
	case !entra || !agrees(claims, tenant):
		return nil, nil, errIssuer
	case t.times.Validate(claims) != nil:
		return nil, nil, errTimes
	}
	genuine, err := t.genuine(ctx, token, strings.Join(parts[:2], "."), kid, tenant, keyTenants(policies, issuer))
	if err != nil {
		return nil, nil, err
	}
	for i, p := range policies {
		if p.Tenant == genuine && p.Satisfied(claims) {
			return &policies[i], claims, nil
		}
	}
	return nil, claims, errClaims
}

// repeats tells whether a part of a token names a member twice: readers differ in which
// of them counts, and what one checks another would not use (RFC 7519 §4).
func repeats(part string) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return true
	}
	seen := map[json.Token]bool{}
	for d.More() {
		name, err := d.Token()
		var skipped json.RawMessage
		if err != nil || seen[name] || d.Decode(&skipped) != nil {
			return true
		}
		seen[name] = true
	}
	return false
}

// agrees: a token that names its tenant twice names one.
func agrees(claims jwt.MapClaims, tenant string) bool {
	tid, there := claims["tid"]
	if !there {
		return true
	}
	text, isText := tid.(string)
	return isText && strings.EqualFold(text, tenant)
}

// keyTenants are the tenants by whose keys a token is judged: those of the policies
// that ask for its issuer. Where there are none it satisfies nothing, and is judged
// by the keys of all only to tell whether it is genuine.
func keyTenants(policies []access.Policy, issuer string) []string {
	var asked, all []string
	for _, p := range policies {
		if !slices.Contains(all, p.Tenant) {
			all = append(all, p.Tenant)
		}
		if p.Issuer == issuer && !slices.Contains(asked, p.Tenant) {
			asked = append(asked, p.Tenant)
		}
	}
	if asked != nil {
		return asked
	}
	return all
}

// genuine returns the tenant by one of whose keys the token is signed.
func (t *Tokens) genuine(ctx context.Context, token *jwt.Token, signed, kid, tenant string, tenants []string) (string, error) {
	worst := errUnknownKey
	for _, of := range tenants {
		keys, err := t.keys.find(ctx, of, kid)
		for _, k := range keys {
			if k.algorithm != "" && k.algorithm != token.Method.Alg() || k.tenant != "" && !strings.EqualFold(k.tenant, tenant) {
				continue
			}
			if token.Method.Verify(signed, token.Signature, k.public) == nil {
				return of, nil
			}
		}
		switch {
		case errors.Is(err, errNoKeys):
			worst = err // it may be genuine after all
		case err == nil && !errors.Is(worst, errNoKeys):
			worst = errSignature
		}
	}
	return "", worst
}

// principal is whom a token was issued to, for the record: the application, and the
// person where there is one.
func principal(claims jwt.MapClaims) string {
	var names []string
	for _, name := range []string{"appid", "azp", "oid", "sub"} {
		if text, ok := claims[name].(string); ok && text != "" && len(text) <= 128 {
			names = append(names, name+"="+text)
		}
		if len(names) == 2 {
			break
		}
	}
	return strings.Join(names, " ")
}
