package management

import (
	"encoding/base64"
	"net/http"
	"net/url"
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

// token is where the next page of a list goes on, opaque to callers.
func (c *call) token() (string, error) {
	text := c.query["$skiptoken"]
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
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
	top, from, err := c.page()
	if err != nil {
		return answer{}, err
	}
	start := 0
	for i := 0; from != "" && i < len(all); i++ {
		if all[i].Member("id").Str() == from {
			start = i + 1
		}
	}
	end := min(start+top, len(all))
	next := ""
	if end < len(all) {
		next = all[end-1].Member("id").Str()
	}
	return c.list(all[start:end], next)
}
