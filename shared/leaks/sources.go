package leaks

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Source is where a secret comes into a workflow.
type Source struct {
	What string // in words, such as "the secret that 'Get_secret' reads from Key Vault"
	Path *value.Path
}

// begin makes the mark of a source, at the first step of its way.
func begin(what string, s Step) *mark {
	return &mark{&Source{what, s.Path}, []Step{s}}
}

// sources finds what an operation brings in: on its outputs, and on inputs that are
// secret by what they are for.
func (f *flow) sources(n *node, typ, connection string, template *expr.Template) {
	inputs := expr.Fold(template, sketch{f})
	switch strings.ToLower(typ) {
	case "http":
		f.httpSources(n, inputs)
	case "apiconnection", "openapiconnection":
		if f.readsSecret(connection, inputs) {
			n.givenOut = vaultSecret(n, "body", "value")
		}
	case "serviceprovider":
		provider := inputs.Member("serviceProviderConfiguration")
		if strings.EqualFold(lastSegment(provider.Member("serviceProviderId").Str()), "keyvault") &&
			strings.HasPrefix(strings.ToLower(provider.Member("operationId").Str()), "getsecret") {
			n.givenOut = vaultSecret(n, "body", "value")
		}
	}
}

func vaultSecret(n *node, path ...string) *taint {
	return at(whole(begin("the secret that '"+n.step.Name+"' reads from Key Vault", n.step)), path...)
}

func (f *flow) httpSources(n *node, inputs value.Value) {
	address := inputs.Member("uri").Str()
	method := strings.ToUpper(inputs.Member("method").Str())
	switch {
	case isVaultSecret(address, inputs.Member("authentication").Member("audience").Str()) && method == "PUT":
		m := whole(begin("the secret that '"+n.step.Name+"' stores in Key Vault", n.step))
		n.givenIn, n.givenOut = at(m, "body", "value"), at(m, "body", "value")
	case isVaultSecret(address, inputs.Member("authentication").Member("audience").Str()) && (method == "GET" || strings.Contains(method, unknown)):
		n.givenOut = vaultSecret(n, "body", "value")
	case isTokenRequest(address, inputs.Member("body")):
		m := whole(begin("the token that '"+n.step.Name+"' gets", n.step))
		n.givenOut = join(at(m, "body", "access_token"), at(m, "body", "refresh_token"), at(m, "body", "id_token"))
	}
}

// readsSecret tells whether a connector action reads a secret: by its API, or where
// that is not known, by the path, which no other connector has.
func (f *flow) readsSecret(connection string, inputs value.Value) bool {
	host := inputs.Member("host")
	api := f.api(connection, host)
	operation := host.Member("operationId").Str()
	if operation != "" { // Power Automate names the operation
		return api == "keyvault" && strings.HasPrefix(strings.ToLower(operation), "getsecret") && !strings.Contains(strings.ToLower(operation), "metadata")
	}
	if method := inputs.Member("method").Str(); !strings.EqualFold(method, "get") && !strings.Contains(method, unknown) {
		return false
	}
	path := inputs.Member("path").Str()
	if api == "keyvault" && path == unknown {
		return true
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	i := slices.IndexFunc(segments, func(s string) bool { return strings.EqualFold(s, "secrets") })
	if i < 0 || len(segments) < i+3 {
		return false
	}
	last := strings.ToLower(segments[len(segments)-1])
	switch api {
	case "keyvault":
		return last != "metadata" && last != "versions"
	case "":
		return last == "value" && i == 0
	default:
		return false
	}
}

// api is the managed API behind a connection; "" where the definition leaves it open.
func (f *flow) api(connection string, host value.Value) string {
	all, _ := f.program.Parameter("$connections")
	if api := definition.APIName(all.Member(connection)); api != "" {
		return strings.TrimPrefix(api, "shared_")
	}
	for _, id := range []string{host.Member("apiId").Str(), host.Member("connectionName").Str(), connection, host.Member("connection").Member("name").Str(), host.Member("connection").Member("id").Str()} {
		name := strings.TrimPrefix(strings.ToLower(lastSegment(id)), "shared_")
		if name == "keyvault" || strings.HasPrefix(name, "keyvault_") || strings.HasPrefix(name, "keyvault-") {
			return "keyvault"
		}
	}
	if strings.Contains(strings.ToLower(host.Member("api").Member("runtimeUrl").Str()), "/apim/keyvault") {
		return "keyvault"
	}
	return ""
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

var vaultHost = regexp.MustCompile(`(?i)^https?://[^/]*\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)(:\d+)?/`)

var vaultAudience = regexp.MustCompile(`(?i)^https?://vault\.(azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)/?$`)

// isVaultSecret tells whether an address is that of one secret in a vault; the host
// may be computed, if the request asks for a token for vaults.
func isVaultSecret(address, audience string) bool {
	if !vaultHost.MatchString(address) && !vaultAudience.MatchString(audience) {
		return false
	}
	if strings.Trim(address, unknown) == "" {
		return vaultAudience.MatchString(audience) // all of it is computed
	}
	path, _, _ := strings.Cut(address, "?")
	_, rest, ok := strings.Cut(strings.ToLower(path), "secrets/")
	name, version, _ := strings.Cut(rest, "/")
	return ok && name != "" && version != "versions"
}

var tokenPath = regexp.MustCompile(`(?i)/(oauth2?|connect)(/v[\d.]+)?/token/?$|^https://login\.(microsoftonline\.(com|us|de)|windows\.net|chinacloudapi\.cn)/.*/token/?$`)

// isTokenRequest tells a request that an OAuth server answers with a token: by its
// address, or by the grant in its body.
func isTokenRequest(address string, body value.Value) bool {
	path, _, _ := strings.Cut(address, "?")
	if tokenPath.MatchString(path) || body.Has("grant_type") {
		return true
	}
	text, _ := body.AsString()
	form, _, _ := strings.Cut(text, unknown)
	if q, err := url.ParseQuery(strings.TrimSpace(form)); err == nil && q.Has("grant_type") {
		return true
	}
	return strings.Contains(text, "&grant_type=")
}

// script finds what JavaScript reads of the run: workflowContext.actions.X.outputs
// and the like, with the members that follow by name.
var script = regexp.MustCompile(`workflowContext\s*\.\s*(actions|trigger)((?:\s*\??\.?\s*\[\s*(?:'[^']*'|"[^"]*")\s*\]|\s*\??\.\s*[A-Za-z_$][\w$]*)*)`)

var scriptMember = regexp.MustCompile(`\[\s*(?:'([^']*)'|"([^"]*)")\s*\]|\.\s*([A-Za-z_$][\w$]*)`)

// scripted is what the result of a script may derive from.
func (f *flow) scripted(code string) *taint {
	var sum *taint
	for _, m := range script.FindAllStringSubmatch(code, -1) {
		var names []string
		for _, s := range scriptMember.FindAllStringSubmatch(m[2], -1) {
			names = append(names, s[1]+s[2]+s[3])
		}
		t := f.triggerRecord()
		if m[1] == "actions" {
			if len(names) == 0 {
				continue
			}
			t = f.record(f.program.Action(names[0]))
			names = names[1:]
		}
		for _, name := range names {
			t = t.member(name)
		}
		sum = join2(sum, t.flat())
	}
	return sum
}
