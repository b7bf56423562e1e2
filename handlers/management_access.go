package handlers

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/access"
)

// armAudiences are what Microsoft's clients ask tokens for (management-api §1).
var armAudiences = []string{"https://management.azure.com/", "https://management.azure.com", "https://management.core.windows.net/", "https://management.core.windows.net"}

// managers says who may manage workflows: holders of tokens of one tenant, by the roles
// that a setting gives them, or whoever has the token of a local server.
type managers struct {
	tokens   *gate.Tokens
	policies []access.Policy
	roles    []grant
	local    [sha256.Size]byte // of the local token
	hasLocal bool
	client   gate.ClientAddress
}

// grant gives everybody a role who has a value in a claim.
type grant struct {
	role     management.Role
	contents bool
	audit    bool
	claim    string // roles, groups or oid
	value    string
}

var tenantID = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// readManagers reads the settings.
func (a *app) readManagers() (*managers, error) {
	m := &managers{tokens: a.tokens, client: a.settings.client}
	roles, err := parseGrants(a.settings.getenv(settingManagers))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settingManagers, err)
	}
	m.roles = roles
	tenant := strings.ToLower(a.settings.getenv(settingTenant))
	if tenant == "" {
		return m, nil
	}
	if !tenantID.MatchString(tenant) {
		return nil, fmt.Errorf("%s: want the id of a tenant", settingTenant)
	}
	audiences := slices.Clone(armAudiences)
	if own := a.settings.getenv(settingAudience); own != "" {
		audiences = append(audiences, own)
	}
	for _, issuer := range []string{"https://sts.windows.net/" + tenant + "/", "https://login.microsoftonline.com/" + tenant + "/v2.0"} {
		for _, audience := range audiences {
			p, _ := access.Require(audience, issuer, audience) // the issuer is Entra's
			m.policies = append(m.policies, p)
		}
	}
	return m, nil
}

var roleNames = map[string]management.Role{"reader": management.Reader, "operator": management.Operator, "contributor": management.Contributor}

// parseGrants reads contributor=group:…,role:…;contents=oid:…
func parseGrants(text string) ([]grant, error) {
	var list []grant
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, holders, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		role, known := roleNames[name]
		if !known && name != "contents" && name != "audit" {
			return nil, errors.New("want reader=…, operator=…, contributor=…, contents=… or audit=…, separated by semicolons")
		}
		for holder := range strings.SplitSeq(holders, ",") {
			kind, held, _ := strings.Cut(strings.TrimSpace(holder), ":")
			claim := map[string]string{"role": "roles", "group": "groups", "oid": "oid"}[strings.ToLower(kind)]
			if claim == "" || held == "" {
				return nil, errors.New("want role:…, group:… or oid:…, separated by commas")
			}
			list = append(list, grant{role: role, contents: name == "contents", audit: name == "audit", claim: claim, value: held})
		}
	}
	return list, nil
}

// openLocally lets in whoever has a token, from this machine.
func (m *managers) openLocally(token string) {
	m.local, m.hasLocal = sha256.Sum256([]byte(token)), true
}

// localCaller is who holds the token of a local server.
const localCaller = "the local management token"

// authorize tells who makes a management call, or answers it.
func (m *managers) authorize(r *http.Request) (management.Caller, *management.Error) {
	token, ok := gate.Bearer(r)
	if !ok {
		return management.Caller{}, unauthenticated("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or invalid.")
	}
	if sum := sha256.Sum256([]byte(token)); m.hasLocal && subtle.ConstantTimeCompare(sum[:], m.local[:]) == 1 {
		if !m.fromHere(r) {
			return management.Caller{Name: localCaller}, unauthenticated("AuthenticationFailed", "Authentication failed. The local token opens nothing from another machine.")
		}
		return management.Caller{Name: localCaller, Role: management.Contributor, Contents: true, Audit: true}, nil
	}
	if len(m.policies) == 0 {
		return management.Caller{}, unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
	}
	who, err := m.tokens.Identify(r.Context(), token, m.policies)
	if errors.Is(err, gate.ErrUnavailable) {
		return management.Caller{}, &management.Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The service cannot answer now."}
	}
	if err != nil {
		return management.Caller{}, unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
	}
	caller := management.Caller{Name: who.Principal}
	for _, g := range m.roles {
		if slices.Contains(who.Claim(g.claim), g.value) {
			caller.Role = max(caller.Role, g.role)
			caller.Contents, caller.Audit = caller.Contents || g.contents, caller.Audit || g.audit
		}
	}
	return caller, nil
}

// fromHere: neither the other end of the connection nor the caller that a front end
// names is elsewhere.
func (m *managers) fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	peer, err := netip.ParseAddr(host)
	caller, known := m.client.Of(r)
	return err == nil && peer.Unmap().IsLoopback() && known && caller.IsLoopback()
}

func unauthenticated(code, message string) *management.Error {
	return &management.Error{Status: http.StatusUnauthorized, Code: code, Message: message}
}
