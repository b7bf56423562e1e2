package cloudtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// vaultAudience has no slash at its end; with one the vault refuses a token
// (secure-data §7).
const vaultAudience = "https://vault.azure.net"

// Secret is a secret to put into the vault.
type Secret struct {
	Value       string
	ContentType string
	Disabled    bool
	Expires     time.Time
}

type secretVersion struct {
	Secret
	version string
	at      time.Time
}

// SetSecret stores a new version of a secret and returns the version.
func (c *Cloud) SetSecret(name string, s Secret) (version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	version = fmt.Sprintf("%032x", len(c.secrets[name])+1)
	c.secrets[name] = slices.Insert(c.secrets[name], 0, secretVersion{s, version, time.Now().UTC().Truncate(time.Second)})
	return version
}

// PageSize sets how many secrets one page of a list has.
func (c *Cloud) PageSize(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pageSize = n
}

// apiVersion is how Key Vault's versions look.
var apiVersion = regexp.MustCompile(`^(7\.\d(-preview\.\d)?|20\d\d-\d\d-\d\d(-preview)?)$`)

// vault checks in the order of the service: who asks, then what.
func (c *Cloud) vault(w http.ResponseWriter, r *http.Request) {
	if err := verify(r, vaultAudience); err != nil {
		challenge := fmt.Sprintf(`Bearer authorization="https://login.microsoftonline.com/%s", resource="%s"`, Tenant, vaultAudience)
		message := "AKV10000: Request is missing a Bearer or PoP token."
		if !errors.Is(err, errNoToken) {
			challenge += `, error="invalid_token", error_description="AKV10022: Invalid audience."`
			message = "AKV10022: Invalid audience. Expected " + vaultAudience + "."
		}
		w.Header().Set("WWW-Authenticate", challenge)
		azureError(w, http.StatusUnauthorized, "Unauthorized", message, "")
		return
	}
	if !apiVersion.MatchString(r.URL.Query().Get("api-version")) {
		azureError(w, http.StatusBadRequest, "BadParameter", "The specified version is not recognized.", "")
		return
	}
	if key, ok := strings.CutPrefix(strings.Trim(r.URL.Path, "/"), "keys/"); ok && strings.Count(key, "/") >= 1 {
		c.useKey(w, r, strings.Split(strings.ReplaceAll(key, "//", "/"), "/"))
		return
	}
	if r.Method != http.MethodGet {
		azureError(w, http.StatusMethodNotAllowed, "BadParameter", "Method not allowed.", "")
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(path) == 1 && path[0] == "secrets":
		c.listSecrets(w, r)
	case len(path) == 3 && path[2] == "versions":
		c.listVersions(w, r, path[1])
	case len(path) == 2 || len(path) == 3:
		c.getSecret(w, r, append(path[1:], "")[:2])
	default:
		http.NotFound(w, r)
	}
}

func (c *Cloud) getSecret(w http.ResponseWriter, r *http.Request, path []string) {
	name, version := path[0], path[1]
	all := c.find(name)
	i := slices.IndexFunc(all, func(s secretVersion) bool { return version == "" || s.version == version })
	switch {
	case i < 0:
		azureError(w, http.StatusNotFound, "SecretNotFound", fmt.Sprintf("A secret with (name/id) %s was not found in this key vault. "+
			"If you recently deleted this secret you may be able to recover it using the correct recovery command. "+
			"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", strings.Trim(name+"/"+version, "/")), "")
	case all[i].Disabled:
		azureError(w, http.StatusForbidden, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
	default:
		body := all[i].properties(r, name, true)
		body["value"] = all[i].Value
		writeJSON(w, http.StatusOK, body)
	}
}

// find ignores case, as names in a vault do.
func (c *Cloud) find(name string) []secretVersion {
	for n, all := range c.secrets {
		if strings.EqualFold(n, name) {
			return all
		}
	}
	return nil
}

func (c *Cloud) listSecrets(w http.ResponseWriter, r *http.Request) {
	var all []any
	for _, name := range sortedKeys(c.secrets) {
		all = append(all, c.secrets[name][0].properties(r, name, false))
	}
	c.page(w, r, all)
}

func (c *Cloud) listVersions(w http.ResponseWriter, r *http.Request, name string) {
	var all []any
	for _, s := range c.find(name) {
		all = append(all, s.properties(r, name, true))
	}
	c.page(w, r, all)
}

func (c *Cloud) page(w http.ResponseWriter, r *http.Request, all []any) {
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	from = min(max(from, 0), len(all))
	to := min(from+c.pageSize, len(all))
	body := map[string]any{"value": append([]any{}, all[from:to]...), "nextLink": nil}
	if to < len(all) {
		next := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: url.Values{
			"api-version": {r.URL.Query().Get("api-version")}, "$skiptoken": {strconv.Itoa(to)},
		}.Encode()}
		body["nextLink"] = next.String()
	}
	writeJSON(w, http.StatusOK, body)
}

func (s secretVersion) properties(r *http.Request, name string, withVersion bool) map[string]any {
	id := "https://" + r.Host + "/secrets/" + name
	if withVersion {
		id += "/" + s.version
	}
	attributes := map[string]any{"enabled": !s.Disabled, "created": s.at.Unix(), "updated": s.at.Unix(), "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
	if !s.Expires.IsZero() {
		attributes["exp"] = s.Expires.Unix()
	}
	p := map[string]any{"id": id, "attributes": attributes}
	if s.ContentType != "" {
		p["contentType"] = s.ContentType
	}
	return p
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
