package operation

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// minimumItems is paginationPolicy.minimumItemCount, or zero.
func (h *httpCall) minimumItems() int64 {
	v := h.Runtime.Member("paginationPolicy").Member("minimumItemCount")
	if n, ok := v.AsInt(); ok {
		return n
	}
	n, _ := strconv.ParseInt(v.Str(), 10, 32)
	return n
}

// nextLinks are the members that lead to the next page (actions §2.7).
var nextLinks = []string{"nextLink", "@odata.nextLink"}

func nextLink(page value.Value) string {
	for _, name := range nextLinks {
		if link := page.Member(name).Str(); link != "" {
			return link
		}
	}
	return ""
}

// pages follows the links of an answer until enough items are held, and makes one
// message of them; whole pages are kept. What does not look like a page is an
// answer like any other.
func (h *httpCall) pages(ctx context.Context, request *outbound.Request, answer *outbound.Response, want int64) run.Outcome {
	page, err := decodeBody(answer.Header, answer.Body)
	if err != nil {
		return unreadable(answer, err)
	}
	first, last := page, page
	items, isPage := pageItems(page)
	if !isPage {
		return withBody(answer, page)
	}
	size, limit := int64(len(answer.Body)), h.limit()
	for at := request.URL; int64(len(items)) < want; {
		base, err := url.Parse(at)
		if err != nil {
			break
		}
		target, ok := linked(base, nextLink(last))
		if !ok || target.String() == at {
			break // the last page, or one that leads to itself
		}
		next := h.follow(http.MethodGet, target)
		next.MaxBody = max(limit-size, 1)
		got, failure := h.send(ctx, next)
		if failure != nil {
			return *failure
		}
		if !isSuccess(got.StatusCode) {
			return outcomeOf(got)
		}
		if last, err = decodeBody(got.Header, got.Body); err != nil {
			return unreadable(got, err)
		}
		more, isPage := pageItems(last)
		if !isPage {
			break
		}
		items = append(items, more...)
		size += int64(len(got.Body))
		at = next.URL
	}
	answer.Header.Del("Content-Length") // of the first page alone
	return withBody(answer, h.onePage(first, last, items))
}

func pageItems(page value.Value) ([]value.Value, bool) {
	list, ok := page.Get("value")
	if !ok || list.Kind() != value.KindArray {
		return nil, false
	}
	items := make([]value.Value, 0, list.Len())
	for _, item := range list.Elements {
		items = append(items, item)
	}
	return items, true
}

// onePage is the body of all pages together. That of a connector has nothing but
// the items; that of an HTTP action keeps what else the first page said, with the
// link, if there is one, by which the author could go on.
func (h *httpCall) onePage(first, last value.Value, items []value.Value) value.Value {
	all := value.Array(items...)
	if h.connector {
		return value.Object(value.Member{Key: "value", Value: all})
	}
	body := first.With("value", all)
	for _, name := range nextLinks {
		body = body.Without(name)
		if link, ok := last.Get(name); ok {
			body = body.With(name, link)
		}
	}
	return body
}
