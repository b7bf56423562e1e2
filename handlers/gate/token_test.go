package gate_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
)

const (
	tenant   = "6a1f0d4e-20b7-4e0f-8f5a-7f9d1c2b3a40"
	stranger = "0e0e0e0e-20b7-4e0f-8f5a-7f9d1c2b3a40"
	issuerV1 = "https://sts.windows.net/" + tenant + "/"
	issuerV2 = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	audience = "api://berth-intake"
)

// rsaKey makes the keys of tests once: each takes a while.
var rsaKey = func() func(name string) *rsa.PrivateKey {
	var mu sync.Mutex
	made := map[string]*rsa.PrivateKey{}
	return func(name string) *rsa.PrivateKey {
		mu.Lock()
		defer mu.Unlock()
		if made[name] == nil {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			made[name] = key
		}
		return made[name]
	}
}()

// entra signs tokens and gives out its keys, by tenant.
type entra struct {
	mu      sync.Mutex
	now     time.Time
	keys    map[string][]map[string]any // by tenant
	fetched map[string]int
	failure error
	hold    chan struct{} // fetches wait for it
	arrived chan struct{} // gets a value for each fetch that waits
}

func newEntra() *entra {
	return &entra{now: now, fetched: map[string]int{}, arrived: make(chan struct{}, 10), keys: map[string][]map[string]any{tenant: {publicJWK("k1")}}}
}

func publicJWK(name string, more ...string) map[string]any {
	public := rsaKey(name).PublicKey
	j := map[string]any{
		"kty": "RSA", "use": "sig", "kid": name, "n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}
	for i := 0; i+1 < len(more); i += 2 {
		j[more[i]] = more[i+1]
	}
	return j
}

func (e *entra) fetch(_ context.Context, of string) ([]byte, error) {
	e.mu.Lock()
	e.fetched[of]++
	hold := e.hold
	e.mu.Unlock()
	if hold != nil {
		e.arrived <- struct{}{}
		<-hold
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure != nil {
		return nil, e.failure
	}
	return json.Marshal(map[string]any{"keys": e.keys[of]})
}

func (e *entra) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// set changes what the others read meanwhile.
func (e *entra) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

func (e *entra) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	total := 0
	for _, n := range e.fetched {
		total += n
	}
	return total
}

// tokens is the check of a gate by the keys of e.
func (e *entra) tokens(t testing.TB, algorithms ...string) *gate.Tokens {
	t.Helper()
	if algorithms == nil {
		algorithms = gate.DefaultAlgorithms
	}
	checked, err := gate.NewTokens(&gate.Keys{Fetch: e.fetch, Now: e.clock, Log: zerolog.Nop()}, algorithms)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// claims are those of a good token, changed as asked; nil takes one away.
func claims(changes ...any) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": issuerV1, "aud": audience, "tid": tenant, "sub": "caller", "appid": "app-1",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for i := 0; i+1 < len(changes); i += 2 {
		name := changes[i].(string)
		if c[name] = changes[i+1]; changes[i+1] == nil {
			delete(c, name)
		}
	}
	return c
}

// sign signs claims with a key of tests, under its name unless the header is told
// another.
func sign(t testing.TB, method jwt.SigningMethod, key any, c jwt.Claims, header ...any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = "k1"
	for i := 0; i+1 < len(header); i += 2 {
		name := header[i].(string)
		if token.Header[name] = header[i+1]; header[i+1] == nil {
			delete(token.Header, name)
		}
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// signText signs a header and claims as they are written, with those claims that every
// token must have before them.
func signText(t testing.TB, header, more string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode(fmt.Appendf(nil, `{"iss":%q,"exp":%d,%s}`, issuerV1, now.Add(time.Hour).Unix(), more))
	signature, err := jwt.SigningMethodRS256.Sign(text, rsaKey("k1"))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

func good(t testing.TB, changes ...any) string {
	t.Helper()
	return sign(t, jwt.SigningMethodRS256, rsaKey("k1"), claims(changes...))
}

// policy is an access control with one policy, of these claims.
func policy(list ...string) string {
	var entries []string
	for i := 0; i+1 < len(list); i += 2 {
		entries = append(entries, fmt.Sprintf(`{"name":%q,"value":%q}`, list[i], list[i+1]))
	}
	return `{"type":"AAD","claims":[` + strings.Join(entries, ",") + `]}`
}

func policies(list ...string) string {
	var entries []string
	for i, p := range list {
		entries = append(entries, fmt.Sprintf(`"p%d":%s`, i, p))
	}
	return `{"openAuthenticationPolicies":{"policies":{` + strings.Join(entries, ",") + `}}}`
}

// knock calls with a token at a workflow with these policies.
func knock(t *testing.T, tokens *gate.Tokens, triggers, authorization string) (*door, int, string) {
	t.Helper()
	workflow := target()
	control(t, triggers)(workflow)
	d := openWith(t, workflow, gate.Peer, func(g *gate.Gate) { g.Tokens = tokens })
	answer, body := d.call(t, "PUT", invoke, url.Values{"api-version": {"2016-10-01"}}, http.Header{"Authorization": {authorization}})
	return d, answer.StatusCode, string(body)
}

func TestTokensThatOpen(t *testing.T) {
	byAudience := policy("iss", issuerV1, "aud", audience)
	for _, c := range []struct{ name, triggers, authorization string }{
		{"version 1", policies(byAudience), "Bearer " + good(t)},
		{"version 2", policies(policy("iss", issuerV2, "aud", audience)), "Bearer " + good(t, "iss", issuerV2, "ver", "2.0")},
		{"scheme in another case", policies(byAudience), "bEARER " + good(t)},
		{"blanks before the token", policies(byAudience), "Bearer   " + good(t)},
		{"the issuer alone", policies(policy("iss", issuerV1)), "Bearer " + good(t)},
		{"the second policy", policies(policy("iss", issuerV1, "aud", "api://other"), byAudience), "Bearer " + good(t)},
		{"an array that holds it", policies(policy("iss", issuerV1, "roles", "Run")), "Bearer " + good(t, "roles", []string{"Read", "Run"})},
		{"a number", policies(policy("iss", issuerV1, "level", "12345678901234567890")), "Bearer " + good(t, "level", json.Number("12345678901234567890"))},
		{"a boolean", policies(policy("iss", issuerV1, "xms_ok", "true")), "Bearer " + good(t, "xms_ok", true)},
		{"no tid", policies(byAudience), "Bearer " + good(t, "tid", nil)},
		{"expired within the skew", policies(byAudience), "Bearer " + good(t, "exp", now.Add(-299*time.Second).Unix())},
		{"not yet valid within the skew", policies(byAudience), "Bearer " + good(t, "nbf", now.Add(299*time.Second).Unix(), "iat", now.Add(299*time.Second).Unix())},
		{"written by hand", policies(byAudience), "Bearer " + signText(t, `{"alg":"RS256","kid":"k1"}`, `"appid":"app-1","sub":"caller","aud":"`+audience+`"`)},
		{"a policy for proofs beside it", policies(strings.Replace(byAudience, "AAD", "AADPOP", 1), byAudience), "Bearer " + good(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, status, body := knock(t, newEntra().tokens(t), c.triggers, c.authorization)
			let, _ := d.seen()
			if status != http.StatusAccepted || len(let) != 1 {
				t.Errorf("%d %s", status, body)
			}
			if s := d.decisions(); len(s) != 1 || !s[0].Allowed || s[0].Scheme != "Bearer" || s[0].Principal != "appid=app-1 sub=caller" {
				t.Errorf("decisions %+v", s)
			}
		})
	}
}

// Every token that must not open, with the reason that only the log tells.
func TestTokensThatDoNotOpen(t *testing.T) {
	k1 := rsaKey("k1")
	der, err := x509.MarshalPKIXPublicKey(&k1.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good(t), ".")
	later := strings.Split(good(t, "exp", now.Add(24*time.Hour).Unix()), ".")
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims())
	by := policies(policy("iss", issuerV1, "aud", audience))
	const (
		malformed, algorithm = "cannot be read", "algorithm"
		times, issuer        = "expired, or not valid yet", "issuer is none"
		signature, unknown   = "signature of the token is not genuine", "no key of this name"
		mismatch             = "no policy has all"
	)
	for _, c := range []struct{ name, triggers, authorization, reason string }{
		{"no token", by, "Bearer", malformed},
		{"a blank", by, "Bearer  ", malformed},
		{"a word", by, "Bearer " + canary, malformed},
		{"two parts", by, "Bearer " + parts[0] + "." + parts[1], malformed},
		{"four parts", by, "Bearer " + good(t) + ".x", malformed},
		{"padding", by, "Bearer " + parts[0] + "." + parts[1] + "." + parts[2] + "==", malformed},
		{"no name of a key", by, "Bearer " + sign(t, jwt.SigningMethodRS256, k1, claims(), "kid", nil), malformed},
		{"the name of a key is no text", by, "Bearer " + sign(t, jwt.SigningMethodRS256, k1, claims(), "kid", 1), malformed},
		{"something critical", by, "Bearer " + sign(t, jwt.SigningMethodRS256, k1, claims(), "crit", []string{"exp"}), malformed},
		{"longer than 16 KB", by, "Bearer " + good(t, "more", strings.Repeat("x", 16<<10)), malformed},
		{"an audience named twice", by, "Bearer " + signText(t, `{"alg":"RS256","kid":"k1"}`, `"aud":"api://other","aud":"`+audience+`"`), malformed},
		{"an audience named twice, in another spelling", by, "Bearer " + signText(t, `{"alg":"RS256","kid":"k1"}`, `"aud":"api://other","\u0061ud":"`+audience+`"`), malformed},
		{"an end named twice", by, "Bearer " + signText(t, `{"alg":"RS256","kid":"k1"}`, `"aud":"`+audience+`","exp":1`), malformed},
		{"an algorithm named twice", by, "Bearer " + signText(t, `{"alg":"none","alg":"RS256","kid":"k1"}`, `"aud":"`+audience+`"`), malformed},
		{"a key named twice", by, "Bearer " + signText(t, `{"alg":"RS256","kid":"x","kid":"k1"}`, `"aud":"`+audience+`"`), malformed},
		{"none", by, "Bearer " + none, algorithm},
		{"none, with a signature", by, "Bearer " + none + parts[2], algorithm},
		{"None", by, "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","kid":"k1"}`)) + "." + parts[1] + ".", malformed},
		{"HS256 with the public key", by, "Bearer " + sign(t, jwt.SigningMethodHS256, publicPEM, claims()), algorithm},
		{"HS256 with the modulus", by, "Bearer " + sign(t, jwt.SigningMethodHS256, k1.N.Bytes(), claims()), algorithm},
		{"PS256, which is not configured", by, "Bearer " + sign(t, jwt.SigningMethodPS256, k1, claims()), algorithm},
		{"RS512", by, "Bearer " + sign(t, jwt.SigningMethodRS512, k1, claims()), algorithm},
		{"ES256", by, "Bearer " + sign(t, jwt.SigningMethodES256, ec, claims()), algorithm},
		{"another key under the name", by, "Bearer " + sign(t, jwt.SigningMethodRS256, rsaKey("forger"), claims()), signature},
		{"another key under its own name", by, "Bearer " + sign(t, jwt.SigningMethodRS256, rsaKey("forger"), claims(), "kid", "forger"), unknown},
		{"a key that the token brings along", by, "Bearer " + sign(t, jwt.SigningMethodRS256, rsaKey("forger"), claims(), "jwk", publicJWK("forger"), "jku", "https://forger.example/keys"), signature},
		{"claims of another token", by, "Bearer " + parts[0] + "." + later[1] + "." + parts[2], signature},
		{"no signature", by, "Bearer " + parts[0] + "." + parts[1] + ".", signature},
		{"expired", by, "Bearer " + good(t, "exp", now.Add(-301*time.Second).Unix()), times},
		{"without an end", by, "Bearer " + good(t, "exp", nil), times},
		{"an end that is no number", by, "Bearer " + good(t, "exp", "tomorrow"), times},
		{"not valid yet", by, "Bearer " + good(t, "nbf", now.Add(301*time.Second).Unix()), times},
		{"issued in the future", by, "Bearer " + good(t, "iat", now.Add(time.Hour).Unix()), times},
		{"no issuer", by, "Bearer " + good(t, "iss", nil), issuer},
		{"another issuer", by, "Bearer " + good(t, "iss", "https://accounts.example/"+tenant+"/"), issuer},
		{"another tenant than the issuer's", by, "Bearer " + good(t, "tid", stranger), issuer},
		{"a tenant that is no text", by, "Bearer " + good(t, "tid", []string{tenant}), issuer},
		{"a proof of possession", by, "PoP " + good(t), ""},
		{"another scheme", by, "Basic " + canary, ""},

		{"another tenant, whose tokens the same keys sign", by, "Bearer " + good(t, "iss", "https://sts.windows.net/"+stranger+"/", "tid", stranger), mismatch},
		{"the issuer of version 2", by, "Bearer " + good(t, "iss", issuerV2), mismatch},
		{"another audience", by, "Bearer " + good(t, "aud", "api://other"), mismatch},
		{"an audience with one slash more", by, "Bearer " + good(t, "aud", audience+"/"), mismatch},
		{"an audience in another case", by, "Bearer " + good(t, "aud", strings.ToUpper(audience)), mismatch},
		{"no audience", by, "Bearer " + good(t, "aud", nil), mismatch},
		{"a claim in another case", by, "Bearer " + good(t, "aud", nil, "Aud", audience), mismatch},
		{"a claim that is an object", policies(policy("iss", issuerV1, "x", "{}")), "Bearer " + good(t, "x", map[string]any{}), mismatch},
		{"an array that does not hold it", policies(policy("iss", issuerV1, "roles", "Run")), "Bearer " + good(t, "roles", []string{"Ru", "n", "Run "}), mismatch},
		{"each claim, but in two policies", policies(policy("iss", issuerV1, "a", "1", "b", "0"), policy("iss", issuerV1, "a", "0", "b", "2")), "Bearer " + good(t, "a", "1", "b", "2"), mismatch},
		{"a policy for proofs", policies(`{"type":"AADPOP","claims":[{"name":"iss","value":"` + issuerV1 + `"}]}`), "Bearer " + good(t), mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEntra()
			d, status, body := knock(t, e.tokens(t), c.triggers, c.authorization)
			let, log := d.seen()
			want, code := http.StatusUnauthorized, "DirectApiInvalidAuthorizationScheme"
			if c.reason == mismatch {
				want, code = http.StatusForbidden, "MisMatchingOAuthClaims"
			}
			if len(let) > 0 || status != want || !strings.Contains(body, `"code":"`+code+`"`) {
				t.Errorf("%d %s, let in %d", status, body, len(let))
			}
			if !strings.Contains(log, c.reason) {
				t.Errorf("the log gives another reason than %q: %s", c.reason, log)
			}
			if _, secret, _ := strings.Cut(c.authorization, " "); strings.Contains(log, secret) && strings.TrimSpace(secret) != "" {
				t.Errorf("the log holds the token: %s", log)
			}
			if n := e.count(); n > 1 {
				t.Errorf("the keys were fetched %d times", n)
			}
		})
	}
}

// What is configured is accepted, with a key of its kind and for its algorithm only.
func TestOtherAlgorithms(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	e := newEntra()
	e.keys[tenant] = []map[string]any{
		publicJWK("k1"), publicJWK("only-ps", "alg", "PS256"), publicJWK("encrypts", "use", "enc"), {"kty": "oct", "kid": "secret", "k": "AAAA"},
		publicJWK("consumers", "issuer", "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
		publicJWK("anybodys", "issuer", "https://login.microsoftonline.com/{tenantid}/v2.0"),
		{"kty": "EC", "crv": "P-256", "kid": "ec", "x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])},
	}
	tokens := e.tokens(t, "RS256", "PS256", "ES256")
	by := policies(policy("iss", issuerV1, "aud", audience))
	for _, c := range []struct {
		name, kid string
		method    jwt.SigningMethod
		key       any
		opens     bool
	}{
		{"PS256", "k1", jwt.SigningMethodPS256, rsaKey("k1"), true},
		{"PS256 by a key for it", "only-ps", jwt.SigningMethodPS256, rsaKey("only-ps"), true},
		{"RS256 by a key for another", "only-ps", jwt.SigningMethodRS256, rsaKey("only-ps"), false},
		{"a key that encrypts", "encrypts", jwt.SigningMethodRS256, rsaKey("encrypts"), false},
		{"a key of another issuer", "consumers", jwt.SigningMethodRS256, rsaKey("consumers"), false},
		{"a key of any tenant", "anybodys", jwt.SigningMethodRS256, rsaKey("anybodys"), true},
		{"ES256", "ec", jwt.SigningMethodES256, ec, true},
		{"ES256 under the name of an RSA key", "k1", jwt.SigningMethodES256, ec, false},
		{"RS256 under the name of an EC key", "ec", jwt.SigningMethodRS256, rsaKey("k1"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, status, body := knock(t, tokens, by, "Bearer "+sign(t, c.method, c.key, claims(), "kid", c.kid))
			if (status == http.StatusAccepted) != c.opens {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	for _, name := range []string{"none", "HS256", "rs256", ""} {
		if _, err := gate.NewTokens(&gate.Keys{}, []string{name}); err == nil {
			t.Errorf("%q was taken for an algorithm", name)
		}
	}
}

// Without a check of tokens none opens anything.
func TestNoCheckOfTokens(t *testing.T) {
	_, status, body := knock(t, nil, policies(policy("iss", issuerV1)), "Bearer "+good(t))
	if status != http.StatusUnauthorized {
		t.Errorf("%d %s", status, body)
	}
}
