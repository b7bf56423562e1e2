package management

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// call is one call on its way.
type call struct {
	ctx    context.Context
	r      *http.Request
	route  *route
	names  map[string]string // what the path captures
	query  map[string]string // names in lower case
	caller Caller
	id     string // of the call
	base   string // scheme and host of links
	// alias: the path is that of a Standard app, which names a workflow and nothing else.
	alias bool
	found string // the id of the workflow that the path names, once it is known
}

// read takes a call apart. What is wrong with it is an error; the call is never nil.
func (a *API) read(r *http.Request) (*call, error) {
	c := &call{ctx: r.Context(), r: r, base: a.base(r), query: map[string]string{}}
	var segments []string
	for s := range strings.SplitSeq(strings.Trim(r.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return c, fail(http.StatusBadRequest, "InvalidRequestUri", "The request URI is not valid.")
		}
		segments = append(segments, plain)
	}
	// Filters have a plus for a blank or %20, and names like $top come encoded or not.
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return c, fail(http.StatusBadRequest, "InvalidRequestUri", "The query of the request URI is not valid.")
	}
	for name, list := range values {
		c.query[strings.ToLower(name)] = list[0]
	}
	var known bool
	segments, c.alias = below(segments)
	table := routes
	if c.alias {
		table = siteRoutes
	}
	if c.route, c.names, known = find(table, r.Method, segments); c.route == nil {
		if known {
			return c, fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The HTTP method '%s' is not supported for this resource.", r.Method)
		}
		return c, fail(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found for the request '%s'.", r.URL.Path)
	}
	if err := sensible(c.names); err != nil {
		return c, err
	}
	supported := func(list []string, v string) bool { return slices.Contains(list, strings.ToLower(v)) }
	switch v, given := c.query["api-version"]; {
	case !given || v == "":
		return c, fail(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case !supported(c.route.versions(), v) && (!c.alias || !supported(siteVersions, v)):
		return c, fail(http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version '%s' is invalid. The supported versions are '%s'.", v, strings.Join(c.route.versions(), ", "))
	}
	return c, nil
}

// sitePath is where Standard apps serve their workflows, by themselves or through the
// resource manager (management-api §7.2).
const sitePath = "runtime/webhooks/workflow/api/management"

// below leaves out what a route prefix puts before a path, and the path of a Standard
// app.
func below(segments []string) (rest []string, alias bool) {
	first := slices.IndexFunc(segments, func(s string) bool {
		return strings.EqualFold(s, "subscriptions") || strings.EqualFold(s, "providers") || strings.EqualFold(s, "runtime")
	})
	if first < 0 {
		return segments, false
	}
	segments = segments[first:]
	at := 0
	if len(segments) > 9 && strings.EqualFold(segments[6], "sites") && strings.EqualFold(segments[8], "hostruntime") {
		at = 9
	}
	site := strings.Split(sitePath, "/")
	if len(segments)-at > len(site) && strings.EqualFold(strings.Join(segments[at:at+len(site)], "/"), sitePath) {
		return segments[at+len(site):], true
	}
	return segments, false
}

func (a *API) base(r *http.Request) string {
	if a.Base != "" {
		return strings.TrimRight(a.Base, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// group is the resource group that a path names.
func (c *call) group() string {
	return "/subscriptions/" + c.names["sub"] + "/resourceGroups/" + c.names["group"]
}

func (c *call) workflowID() string {
	return c.group() + "/providers/Microsoft.Logic/workflows/" + c.names["workflow"]
}

// Pages have 30 elements, and at most 250 (management-api §4.7).
const (
	defaultTop = 30
	maxTop     = 250
)

// top is how many elements the caller wants on a page.
func (c *call) top() (int, error) {
	text, given := c.query["$top"]
	if !given || text == "" {
		return defaultTop, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fail(http.StatusBadRequest, "InvalidTopInQueryString", "Invalid $top '%s' specified in the query string.", text)
	}
	return min(n, maxTop), nil
}

// correlationID is what the caller sent, if it may stand in a header.
func correlationID(r *http.Request, fallback string) string {
	id := r.Header.Get("x-ms-correlation-request-id")
	if len(id) == 0 || len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return c < '!' || c > '~' }) {
		return fallback
	}
	return id
}

// correlation is the id that the audit trail has for a call. What is no GUID may be
// anything, even a credential.
func (c *call) correlation() string {
	if given, err := uuid.Parse(c.r.Header.Get("x-ms-correlation-request-id")); err == nil {
		return given.String()
	}
	return c.id
}
