package cloudtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// identityEndpoints serves what a platform offers to programs with a managed
// identity: App Service's endpoint, and that of virtual machines.
func (c *Cloud) identityEndpoints() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /msi/token", c.observe(AppService, c.appService))
	mux.HandleFunc("GET /metadata/identity/oauth2/token", c.observe(IMDS, c.imds))
	return mux
}

func (c *Cloud) appService(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Header.Get("X-Identity-Header") != identityHeader:
		writeJSON(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "The X-IDENTITY-HEADER header is missing or wrong."})
	case q.Get("api-version") != "2019-08-01":
		writeJSON(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "The api-version is not supported."})
	default:
		client, principal, ok := whichIdentity(q, "mi_res_id")
		if !ok || q.Get("resource") == "" {
			writeJSON(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": c.appToken(q.Get("resource"), client, principal), "resource": q.Get("resource"), "token_type": "Bearer", "client_id": client,
			"expires_on": strconv.FormatInt(time.Now().Add(tokenLifetime).Unix(), 10),
		})
	}
}

func (c *Cloud) imds(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Header.Get("Metadata") != "true" || r.Header.Get("X-Forwarded-For") != "" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "Required metadata header not specified"})
		return
	}
	client, principal, ok := whichIdentity(q, "msi_res_id")
	if !ok || q.Get("resource") == "" || q.Get("api-version") == "" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "Identity not found"})
		return
	}
	seconds := int64(tokenLifetime / time.Second)
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": c.appToken(q.Get("resource"), client, principal), "resource": q.Get("resource"), "token_type": "Bearer", "client_id": client,
		"expires_in": strconv.FormatInt(seconds, 10), "expires_on": strconv.FormatInt(time.Now().Unix()+seconds, 10), "not_before": strconv.FormatInt(time.Now().Unix(), 10),
	})
}

// whichIdentity finds the identity that a request names; none means the
// system-assigned one.
func whichIdentity(q url.Values, resourceID string) (client, principal string, ok bool) {
	for _, name := range []string{"client_id", resourceID, "mi_res_id", "object_id", "principal_id"} {
		switch named := q.Get(name); {
		case named == "":
		case strings.EqualFold(named, UserIdentityClientID), strings.EqualFold(named, UserIdentityID), strings.EqualFold(named, userPrincipal):
			return UserIdentityClientID, userPrincipal, true
		default:
			return "", "", false
		}
	}
	return "system-assigned", SystemPrincipal, true
}

// IMDSTransport sends what is meant for 169.254.169.254 to the cloud: no setting
// moves that address.
func (c *Cloud) IMDSTransport() *http.Client {
	to, _ := url.Parse(c.plain.URL)
	return &http.Client{Transport: redirect{to, http.DefaultTransport}}
}

type redirect struct {
	to   *url.URL
	next http.RoundTripper
}

func (t redirect) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() == "169.254.169.254" {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = t.to.Scheme, t.to.Host
	}
	return t.next.RoundTrip(r)
}
