package access

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Policy is satisfied by a token of its issuer that holds all of its claims.
type Policy struct {
	Name string
	// Issuer is whose tokens satisfy it, to the letter; Tenant stands in there.
	Issuer, Tenant string
	claims         []claim
	// proof: the token must come with a proof of possession, which no bearer token is.
	proof bool
}

type claim struct{ name, value string }

// Limits of policies: the limits page counts 150 characters of a claim's value, and
// longer ones are in use (inbound-security §4.1).
const (
	maxPolicies   = 5
	maxClaims     = 10
	maxClaimValue = 1000
	claimLimit    = 150
)

// issuers are what an issuer begins with; the tenant follows.
var issuers = []string{"https://sts.windows.net/", "https://login.microsoftonline.com/"}

var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

// TenantOf returns the tenant that an issuer of Entra tokens names. Version 1 writes
// https://sts.windows.net/{tenant}/, version 2
// https://login.microsoftonline.com/{tenant}/v2.0.
func TenantOf(issuer string) (string, bool) {
	for _, prefix := range issuers {
		if rest, ok := strings.CutPrefix(issuer, prefix); ok {
			tenant, _, _ := strings.Cut(rest, "/")
			return tenant, tenantName.MatchString(tenant)
		}
	}
	return "", false
}

func (c *compiler) policies(held value.Value, at *value.Path) {
	if held.IsNull() {
		return
	}
	c.known(held, at, "policies")
	at = at.Key("policies")
	all := held.Member("policies")
	if !all.IsNull() && all.Kind() != value.KindObject {
		c.fail(Malformed, at, "The open authentication policies must be an object.")
	}
	if all.Kind() == value.KindObject && all.Len() > maxPolicies {
		c.fail(Invalid, at, "A workflow has at most %d open authentication policies, and here are %d.", maxPolicies, all.Len())
	}
	for name, policy := range all.Members {
		if p, ok := c.policy(name, policy, at.Key(name)); ok {
			c.access.Policies = append(c.access.Policies, p)
		}
	}
}

// policy reads { "type": "AAD", "claims": [ { "name", "value" } ] }. One that has a
// problem is none, so that what is left of it opens nothing.
func (c *compiler) policy(name string, v value.Value, at *value.Path) (Policy, bool) {
	p, before := Policy{Name: name}, len(c.problems)
	if v.Kind() != value.KindObject {
		c.fail(Malformed, at, "The open authentication policy '%s' must be an object.", name)
		return p, false
	}
	c.known(v, at, "type", "claims")
	switch typ := v.Member("type"); {
	case typ.IsNull() || strings.EqualFold(typ.Str(), "AAD"):
	case strings.EqualFold(typ.Str(), "AADPOP"):
		p.proof = true
		c.warn(at.Key("type"), "Tokens with a proof of possession are not accepted here: the policy '%s' lets nobody in.", name)
	default:
		c.fail(Invalid, at.Key("type"), "The type of the open authentication policy '%s' must be 'AAD' or 'AADPOP'.", name)
	}
	list := v.Member("claims")
	if !list.IsNull() && list.Kind() != value.KindArray {
		c.fail(Malformed, at.Key("claims"), "The claims of the open authentication policy '%s' must be an array.", name)
	}
	if list.Kind() == value.KindArray && list.Len() > maxClaims {
		c.fail(Invalid, at.Key("claims"), "The open authentication policy '%s' has %d claims; at most %d are allowed.", name, list.Len(), maxClaims)
	}
	audience := false
	for i, entry := range list.Elements {
		one := c.claim(name, entry, at.Key("claims").Index(i))
		audience = audience || one.name == "aud"
		if one.name == "iss" {
			p.Issuer, p.Tenant = one.value, c.issuer(name, one.value, at.Key("claims").Index(i))
		}
		p.claims = append(p.claims, one)
	}
	switch {
	case c.failedSince(before):
	case p.Tenant == "":
		c.fail(Invalid, at, "The open authentication policy '%s' must have the claim 'iss'.", name)
	case !audience:
		c.warn(at, "The open authentication policy '%s' has no claim 'aud': a token for any application of the tenant satisfies it.", name)
	}
	return p, !c.failedSince(before)
}

func (c *compiler) failedSince(n int) bool {
	for _, p := range c.problems[n:] {
		if !p.Warning {
			return true
		}
	}
	return false
}

func (c *compiler) claim(policy string, entry value.Value, at *value.Path) claim {
	c.known(entry, at, "name", "value")
	name, hasName := entry.Member("name").AsString()
	text, hasValue := entry.Member("value").AsString()
	switch {
	case !hasName || !hasValue || name == "" || text == "":
		c.fail(Malformed, at, "A claim of the open authentication policy '%s' must have 'name' and 'value', which are texts and not empty.", policy)
	case len(text) > maxClaimValue:
		c.fail(Invalid, at.Key("value"), "The value of the claim '%s' has more than %d characters.", name, maxClaimValue)
	case len(text) > claimLimit:
		c.warn(at.Key("value"), "The value of the claim '%s' has more than the %d characters that Logic Apps takes.", name, claimLimit)
	}
	return claim{name, text}
}

func (c *compiler) issuer(policy, text string, at *value.Path) string {
	tenant, ok := TenantOf(text)
	if !ok {
		c.fail(Invalid, at.Key("value"), "The issuer of the open authentication policy '%s' must begin with '%s' or '%s', and the tenant must follow.", policy, issuers[0], issuers[1])
	}
	return tenant
}

// Satisfied tells whether a bearer token has all claims of the policy. It may have
// more. The values are those of a JSON document with json.Number for numbers.
func (p Policy) Satisfied(token map[string]any) bool {
	if p.proof {
		return false
	}
	for _, c := range p.claims {
		if !holds(token[c.name], c.value) {
			return false
		}
	}
	return len(p.claims) > 0
}

// holds compares to the letter. An array holds what one of its elements is; a number
// or boolean is its JSON text; an object is nothing (inbound-security §4.2).
func holds(have any, want string) bool {
	if list, ok := have.([]any); ok {
		for _, element := range list {
			if is(element, want) {
				return true
			}
		}
		return false
	}
	return is(have, want)
}

func is(have any, want string) bool {
	switch have := have.(type) {
	case string:
		return have == want
	case json.Number:
		return have.String() == want
	case bool:
		return want == "true" && have || want == "false" && !have
	}
	return false
}

// Require returns a policy that tokens of an issuer for an audience satisfy; false: the
// issuer is none of Entra's.
func Require(name, issuer, audience string) (Policy, bool) {
	tenant, ok := TenantOf(issuer)
	return Policy{Name: name, Issuer: issuer, Tenant: tenant, claims: []claim{{"iss", issuer}, {"aud", audience}}}, ok
}
