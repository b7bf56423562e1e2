package gate

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/value"
)

// FuzzSignature: no query makes the reader panic, and one that verifies is one
// that the key has signed, to the letter.
func FuzzSignature(f *testing.F) {
	key, now := []byte("a key of thirty-two bytes, about"), time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	const id, run, later = "w", "/triggers/manual/run", "2026-12-31T23:59:59.0000000Z"
	f.Add("")
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(key, id, run, ""))
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&se=" + later + "&sig=" + Sign(key, id, run, later))
	f.Add("sp=%2F%2F*&sv=1.0&sig=" + Sign(key, id, "//*", "") + "=")
	f.Add("sp=&sp=&sv=1.0&se=Z&sig=" + strings.Repeat("A", 43))
	f.Add("sp=,,&sv=1.0&se=%zz&sig=%0A%00;sig=+/")
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(nil, id, run, ""))
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(key, id, run, "") + "&sp=%zz")
	f.Add("a=1;sp=x&sp=" + url.QueryEscape(run) + "&sv=1.0&se=&sig=" + Sign(key, id, run, ""))
	f.Fuzz(func(t *testing.T, raw string) {
		s := readSignature(raw)
		genuine := s.verify(id, key, nil) == 0
		s.expired(now)
		s.allows(run)
		if !genuine {
			return
		}
		query, _ := url.ParseQuery(raw) // as others read it
		if s.sig != Sign(key, id, s.permissions, s.expiry) || s.version != sasVersion || len(query["sig"]) != 1 || len(query["sp"]) > 1 || len(query["se"]) > 1 || len(query["sv"]) != 1 {
			t.Errorf("%q was taken for genuine", raw)
		}
	})
}

// FuzzParseAddress: what is read is a plain address that is read again as itself.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.9", "203.0.113.9:80", "2001:db8::1", "[2001:db8::1]:80", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:1",
		"fe80::1%eth0", "[fe80::1%eth0]:1", "", "unknown", "[]", "[]:", ":", "1.2.3.4, 5.6.7.8", " 1.2.3.4 ", "::",
		"[203.0.113.9]:80", "]203.0.113.9[", "203.0.113.9:", ":http", ":99999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseAddress(s)
		if !ok {
			return
		}
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
			t.Fatalf("%q gives %v", s, a)
		}
		if again, ok := parseAddress(a.String()); !ok || again != a {
			t.Errorf("%v is read as %v, %v", a, again, ok)
		}
		if again, ok := parseAddress(netip.AddrPortFrom(a, 80).String()); !ok || again != a {
			t.Errorf("%v with a port is read as %v, %v", a, again, ok)
		}
	})
}

// FuzzToken: nothing makes the reader of tokens panic, and what it takes for genuine
// is what was signed, to the letter.
func FuzzToken(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	const issuer = "https://sts.windows.net/6a1f0d4e-20b7-4e0f-8f5a-7f9d1c2b3a40/"
	set := fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k","n":%q,"e":"AQAB"}]}`, base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
	tokens, err := NewTokens(&Keys{
		Fetch: func(context.Context, string) ([]byte, error) { return []byte(set), nil }, Now: func() time.Time { return now }, Log: zerolog.Nop(),
	}, Algorithms)
	if err != nil {
		f.Fatal(err)
	}
	control, err := value.Parse([]byte(`{"triggers":{"openAuthenticationPolicies":{"policies":{"p":{"claims":[{"name":"iss","value":"` + issuer + `"}]}}}}}`))
	if err != nil {
		f.Fatal(err)
	}
	a, _ := access.Compile(control, nil)
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": issuer, "exp": now.Add(time.Hour).Unix()})
	t.Header["kid"] = "k"
	signed, err := t.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	f.Add(signed)
	f.Add(parts[0] + "." + parts[1] + ".")
	for _, header := range []string{`{"alg":"none","kid":"k"}`, `{"alg":"HS256","kid":"k"}`, `null`, `[]`, `{"alg":["RS256"],"kid":{}}`, `{"alg":"RS256","kid":"k","crit":[]}`, `{"alg":"RS256","alg":"none"}`} {
		f.Add(encode(header) + "." + parts[1] + "." + parts[2])
	}
	for _, payload := range []string{`null`, `1e999`, `{"exp":1e999}`, `{"iss":["` + issuer + `"],"exp":99999999999}`, `{"exp":-1,"nbf":{}}`, strings.Repeat("[", 100000)} {
		f.Add(parts[0] + "." + encode(payload) + "." + parts[2])
	}
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		policy, claims, err := tokens.verify(t.Context(), text, a.Policies)
		if (policy != nil) != (text == signed) || (policy == nil) != (err != nil) {
			t.Errorf("%q: %v", text, err)
		}
		principal(claims)
	})
}

// FuzzPath: what is read from a path is found again under the path that is minted
// for it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/workflows/w/triggers/manual/paths/invoke", "/workflows/w/triggers/a%2Fb/paths/invoke/x/%zz", "/workflows/w/versions/v/triggers/t/paths/invoke",
		"/workflows/w/runs/r/actions/a/run", "/workflows/w/runs/r/actions/a/repetitions/1%2F2/run", "/workflows/w/runs/r/contents/TriggerInputs",
		"/workflows/w/runs/r/actions/a/repetitions/0/contents/actionoutputs", "/workflows/w/runs/r/cancel", "/workflows/%/runs", "/workflows", "//", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, ok := parsePath(path)
		if !ok {
			return
		}
		scope := p.scope()
		if p.workflowID == "" || p.kind == "" || p.kind != otherCall && strings.Contains(scope, ",") {
			t.Fatalf("%q gives %+v with scope %q", path, p, scope)
		}
		var minted string
		switch u, key := (URLs{}), []byte("key"); p.kind {
		case triggerCall:
			minted = u.Version(key, "w", p.version, p.trigger, time.Time{})
		case resumeCall:
			minted = u.Resume(key, "w", p.resume)
		case contentCall:
			minted = u.Content(key, "w", p.content, time.Time{})
		default:
			return
		}
		read, err := url.Parse(minted)
		if err != nil {
			t.Fatalf("%q is minted as %q: %v", path, minted, err)
		}
		if again, ok := parsePath(read.EscapedPath()); !ok || again.scope() != scope || !readSignature(read.RawQuery).allows(scope+"/"+p.verb) {
			t.Errorf("%q is minted as %q", path, minted)
		}
	})
}
