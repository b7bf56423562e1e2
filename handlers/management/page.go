package management

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// page is how many elements the caller wants, and where they begin.
func (c *call) page() (top int, token string, err error) {
	if top, err = c.top(); err == nil {
		token, err = c.token()
	}
	return top, token, err
}

// tokens are names of runs, histories and versions, or places in lists that are in
// memory, with what stood there.
var tokens = regexp.MustCompile(`^(\d{20}[0-9A-Za-z]{0,20}|\d{1,9}( .+)?)$`)

// token is where the next page of a list goes on, opaque to callers. One that somebody
// has made up leads nowhere else than into the same list. Those of the audit trail are its own to read.
func (c *call) token() (string, error) {
	text := c.query["$skiptoken"]
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || text != "" && c.route.needs != trail && !tokens.Match(plain) {
		return "", fail(http.StatusBadRequest, "InvalidSkipToken", "The $skiptoken '%s' specified in the query string is not valid.", text)
	}
	return string(plain), nil
}

// list is the answer with one page. next is "" on the last.
func (c *call) list(items []value.Value, next string) (answer, error) {
	b := value.NewObject(2).Set("value", value.Array(items...))
	if next != "" {
		b.Set("nextLink", value.String(c.nextLink(next)))
	}
	return ok(b.Build())
}

// nextLink is absolute and has all that the call had: clients replay it as it is
// (management-api §4.7).
func (c *call) nextLink(next string) string {
	link := c.base + c.r.URL.EscapedPath() + "?api-version=" + url.QueryEscape(c.query["api-version"])
	for _, name := range []string{"$top", "$filter", "$expand", "$select"} {
		if v := c.query[name]; v != "" {
			link += "&" + url.QueryEscape(name) + "=" + strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
		}
	}
	return link + "&%24skiptoken=" + base64.RawURLEncoding.EncodeToString([]byte(next))
}

// slicePage cuts a page out of a list that is in memory.
func (c *call) slicePage(all []value.Value) (answer, error) {
	id := func(v value.Value) string { return v.Member("id").Str() }
	return cut(c, all, id, func(page []value.Value) ([]value.Value, error) { return page, nil })
}

// cut answers with one page of a list that is in memory. The next page begins behind the
// last of this one, and where that one was if it is gone by then.
func cut[T any](c *call, all []T, id func(T) string, view func([]T) ([]value.Value, error)) (answer, error) {
	top, token, err := c.page()
	if err != nil {
		return answer{}, err
	}
	place, last, _ := strings.Cut(token, " ")
	start, _ := strconv.Atoi(place) // 0 without a token
	start = min(start, len(all))
	if token != "" {
		if i := slices.IndexFunc(all, func(one T) bool { return id(one) == last }); i >= 0 {
			start = i + 1
		}
	}
	end := min(start+top, len(all))
	views, err := view(all[start:end])
	if err != nil {
		return answer{}, err
	}
	next := ""
	if end < len(all) {
		next = strconv.Itoa(end-1) + " " + id(all[end-1])
	}
	return c.list(views, next)
}
