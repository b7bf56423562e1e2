package outbound

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Authentication adds credentials to a request. There is one type per kind of
// the language (actions §2.6).
type Authentication interface {
	apply(ctx context.Context, c *Client, x *exchange) error
}

// ParseAuthentication reads an evaluated authentication object; nil for type
// None. Its error is a *Failure, which names properties and never quotes them.
func ParseAuthentication(v value.Value) (Authentication, error) {
	if v.IsNull() {
		return nil, nil
	}
	if v.Kind() != value.KindObject {
		return nil, invalidAuthentication("The authentication is not an object.")
	}
	// The type may be the text that the designer shows: 'Active Directory OAuth'.
	kind := strings.ToLower(strings.ReplaceAll(text(v.Member("type")), " ", ""))
	switch kind {
	case "none":
		return nil, nil
	case "":
		return nil, missing("type")
	case "basic":
		if v.Member("password").IsNull() { // an empty one is in use: the key is the user name
			return nil, missing("password")
		}
		return require(v, basic{text(v.Member("username")), secretOf(v, "password")}, "username")
	case "raw":
		return require(v, raw{secretOf(v, "value")}, "value")
	case "clientcertificate":
		return require(v, clientCertificate{secretOf(v, "pfx"), secretOf(v, "password")}, "pfx")
	case "managedserviceidentity", "managedidentity":
		return managedIdentity{identity: text(v.Member("identity")), audience: text(v.Member("audience"))}, nil
	case "activedirectoryoauth":
		o := oauth{
			authority: text(v.Member("authority")), tenant: text(v.Member("tenant")), audience: text(v.Member("audience")), clientID: text(v.Member("clientId")),
			secret: secretOf(v, "secret"), pfx: secretOf(v, "pfx"), password: secretOf(v, "password"),
		}
		if o.secret.empty() && o.pfx.empty() {
			return nil, missing("secret")
		}
		return require(v, o, "tenant", "audience", "clientId")
	}
	return nil, &Failure{Code: "WorkflowAuthenticationTypeNotSupported", Message: "The authentication type is not one of 'None, Basic, ClientCertificate, ActiveDirectoryOAuth, Raw, ManagedServiceIdentity'."}
}

func require(v value.Value, a Authentication, members ...string) (Authentication, error) {
	for _, m := range members {
		if text(v.Member(m)) == "" {
			return nil, missing(m)
		}
	}
	return a, nil
}

func missing(member string) *Failure {
	return invalidAuthentication("The authentication lacks the property '" + member + "', or it is empty.")
}

func invalidAuthentication(message string) *Failure {
	return &Failure{Code: "InvalidAuthentication", Message: message}
}

// text is the plain text of a member: here a mark ends, because the bytes are on
// their way out (architecture §8). A password of digits may have become a number.
func text(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if v.IsNull() {
		return ""
	}
	return string(value.Reveal(v))
}

// secret is a secret member of an authentication. It is out of reach of whoever
// prints the request that it sits in: fmt prints the fields of structs that it
// cannot ask, but not what a function knows.
type secret struct {
	value func() value.Value
	class value.Class // of its origins
}

func secretOf(v value.Value, member string) secret {
	m := v.Member(member)
	if m.IsNull() {
		return secret{}
	}
	s := secret{func() value.Value { return m }, value.Secured}
	for _, o := range m.Taint() {
		if o.Class == value.Credential {
			s.class = value.Credential
		}
	}
	return s
}

func (s secret) empty() bool { return s.reveal() == "" }

func (s secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return text(s.value())
}

// note makes a form of the secret known to the second net, with the strictness of
// its origin: what the definition holds in the clear, or what another action's
// visible outputs show, is hidden in logs but not in history.
func (s secret) note(live *Credentials, form string) { live.note(form, s.class) }

// sanitized stands in history for the secret members of an authentication
// (secure-data §4).
const sanitized = "*sanitized*"

// Sanitize returns an authentication object as history may show it.
func Sanitize(v value.Value) value.Value {
	if v.IsNull() {
		return v
	}
	if v.Kind() != value.KindObject {
		return value.String(sanitized)
	}
	b := value.NewObject(v.Len())
	for name, m := range v.Members {
		switch strings.ToLower(name) {
		case "password", "value", "secret", "pfx":
			m = value.String(sanitized)
		}
		b.Set(name, m)
	}
	return b.Build()
}

type basic struct {
	username string
	password secret
}

func (b basic) apply(_ context.Context, c *Client, x *exchange) error {
	password := b.password.reveal()
	pair := b.username + ":" + password
	b.password.note(c.config.Live, password)
	b.password.note(c.config.Live, pair)
	x.request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return nil
}

// raw is the whole Authorization header.
type raw struct{ value secret }

func (r raw) apply(_ context.Context, c *Client, x *exchange) error {
	header := strings.TrimSpace(r.value.reveal())
	if !validHeader(header) {
		return invalidAuthentication("The property 'value' of the authentication is no valid header.")
	}
	_, credential, ok := strings.Cut(header, " ")
	if !ok {
		credential = header
	}
	r.value.note(c.config.Live, credential)
	x.request.Header.Set("Authorization", header)
	return nil
}

// managedIdentity signs in as the identity of the app.
type managedIdentity struct{ identity, audience string }

// defaultAudience is what a managed identity asks for unless told otherwise
// (secure-data §7).
const defaultAudience = "https://management.azure.com/"

func (m managedIdentity) apply(ctx context.Context, c *Client, x *exchange) error {
	if c.config.Identity == nil {
		return &Failure{Code: "WorkflowManagedServiceIdentityNotSpecified", Message: "There is no managed identity here."}
	}
	identity, audience := m.asks()
	token, err := c.config.Identity.Token(ctx, identity, audience)
	if err != nil {
		return err
	}
	return c.bearer(x, token)
}

// asks is which identity gets a token, and what for.
func (m managedIdentity) asks() (identity, audience string) {
	identity, audience = m.identity, m.audience
	if strings.EqualFold(identity, "SystemAssigned") {
		identity = ""
	}
	if audience == "" {
		audience = defaultAudience
	}
	return identity, audience
}

func (m managedIdentity) forget(c *Client) {
	if c.config.Identity != nil {
		c.config.Identity.Forget(m.asks())
	}
}

func (c *Client) bearer(x *exchange, token string) error {
	c.config.Live.Note(token)
	x.request.Header.Set("Authorization", "Bearer "+token)
	return nil
}
