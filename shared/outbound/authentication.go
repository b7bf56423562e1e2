package outbound

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/latchwork/latchwork/shared/value"
)

// Authentication adds credentials to a request. There is one type per kind of
// the language (actions §2.6).
type Authentication interface {
	apply(ctx context.Context, c *Client, w *wire) error
}

// ParseAuthentication reads an evaluated authentication object; nil for type
// None. Its error is a *Failure.
func ParseAuthentication(v value.Value) (Authentication, error) {
	text := func(name string) string { return v.Member(name).Str() }
	kind := strings.ToLower(strings.ReplaceAll(text("type"), " ", ""))
	switch kind {
	case "none", "":
		if kind == "" && v.Len() > 0 {
			return nil, missing("type")
		}
		return nil, nil
	case "basic":
		return require(v, basic{text("username"), text("password")}, "username", "password")
	case "raw":
		return require(v, raw{text("value")}, "value")
	case "clientcertificate":
		return require(v, clientCertificate{text("pfx"), text("password")}, "pfx")
	case "managedserviceidentity", "managedidentity":
		return managedIdentity{identity: text("identity"), audience: text("audience")}, nil
	case "activedirectoryoauth":
		o := oauth{authority: text("authority"), tenant: text("tenant"), audience: text("audience"), clientID: text("clientId"),
			secret: text("secret"), pfx: text("pfx"), password: text("password")}
		if o.secret == "" && o.pfx == "" {
			return nil, missing("secret")
		}
		return require(v, o, "tenant", "audience", "clientId")
	}
	return nil, &Failure{Code: "WorkflowAuthenticationTypeNotSupported", Message: "The authentication type is not one of 'None, Basic, ClientCertificate, ActiveDirectoryOAuth, Raw, ManagedServiceIdentity'."}
}

func require(v value.Value, a Authentication, members ...string) (Authentication, error) {
	for _, m := range members {
		if v.Member(m).Str() == "" {
			return nil, missing(m)
		}
	}
	return a, nil
}

func missing(member string) *Failure {
	return &Failure{Code: "InvalidAuthentication", Message: "The authentication lacks the property '" + member + "', or it is empty."}
}

// secretMembers are what history shows as *sanitized* (secure-data §4).
var secretMembers = []string{"password", "value", "secret", "pfx"}

// Sanitize returns an authentication object as history may show it.
func Sanitize(v value.Value) value.Value {
	if v.Kind() != value.KindObject {
		return value.String("*sanitized*")
	}
	for _, m := range secretMembers {
		if v.Has(m) {
			v = v.With(m, value.String("*sanitized*"))
		}
	}
	return v
}

type basic struct{ username, password string }

func (b basic) apply(_ context.Context, _ *Client, w *wire) error {
	w.request.SetBasicAuth(b.username, b.password)
	return nil
}

type raw struct{ value string }

func (r raw) apply(_ context.Context, c *Client, w *wire) error {
	c.config.Live.Note(r.value)
	w.request.Header.Set("Authorization", r.value)
	return nil
}

type clientCertificate struct{ pfx, password string }

func (cc clientCertificate) apply(_ context.Context, c *Client, w *wire) error {
	transport, err := c.clients.get(cc.pfx, cc.password)
	if err != nil {
		return err
	}
	w.client = &http.Client{Transport: transport}
	return nil
}

// decodePFX reads a PFX as base64, with its chain.
func decodePFX(pfx, password string) (*tls.Certificate, error) {
	data, err := base64.StdEncoding.DecodeString(pfx)
	if err != nil {
		return nil, &Failure{Code: "InvalidAuthentication", Message: "The 'pfx' of the authentication is not base64."}
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, &Failure{Code: "InvalidAuthentication", Message: "The password does not open the 'pfx' of the authentication."}
	}
	if err != nil {
		return nil, &Failure{Code: "InvalidAuthentication", Message: "The 'pfx' of the authentication cannot be read."}
	}
	certificate := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	return certificate, nil
}

// certificateTransports keeps one transport per client certificate, so that
// connections can be used again. Certificates are told apart by a hash.
type certificateTransports struct {
	base Config
	mu   sync.Mutex
	made map[[32]byte]*http.Transport
}

// maxCertificates bounds the cache; one over it empties it.
const maxCertificates = 64

func (t *certificateTransports) get(pfx, password string) (*http.Transport, error) {
	key := sha256.Sum256([]byte(pfx + "\x00" + password))
	t.mu.Lock()
	defer t.mu.Unlock()
	if made, ok := t.made[key]; ok {
		return made, nil
	}
	certificate, err := decodePFX(pfx, password)
	if err != nil {
		return nil, err
	}
	if t.made == nil || len(t.made) >= maxCertificates {
		for _, old := range t.made {
			old.CloseIdleConnections()
		}
		t.made = map[[32]byte]*http.Transport{}
	}
	t.made[key] = t.base.transport(certificate)
	return t.made[key], nil
}

// managedIdentity signs in as the identity of the app.
type managedIdentity struct{ identity, audience string }

// defaultAudience is what a managed identity asks for unless told otherwise
// (secure-data §7).
const defaultAudience = "https://management.azure.com/"

func (m managedIdentity) apply(ctx context.Context, c *Client, w *wire) error {
	audience := m.audience
	if audience == "" {
		audience = defaultAudience
	}
	if c.config.Identity == nil {
		return &Failure{Code: "WorkflowManagedServiceIdentityNotSpecified", Message: "There is no managed identity here."}
	}
	identity := m.identity
	if strings.EqualFold(identity, "SystemAssigned") {
		identity = ""
	}
	token, err := c.config.Identity.Token(ctx, identity, audience)
	if err != nil {
		return err
	}
	return c.bearer(w, token)
}

func (c *Client) bearer(w *wire, token string) error {
	c.config.Live.Note(token)
	w.request.Header.Set("Authorization", "Bearer "+token)
	return nil
}
