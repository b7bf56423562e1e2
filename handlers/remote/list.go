package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// List goes through the elements of all pages of a list. A page may be empty and not
// the last one (management-api §4.7). It ends with the first error.
func (c *Client) List(ctx context.Context, path string, query url.Values) iter.Seq2[value.Value, error] {
	return func(yield func(value.Value, error) bool) {
		page, _, err := c.Do(ctx, http.MethodGet, path, query, value.Value{})
		for {
			if err != nil {
				yield(value.Value{}, err)
				return
			}
			for _, v := range page.Member("value").Elements {
				if !yield(v, nil) {
					return
				}
			}
			next := page.Member("nextLink").Str()
			if next == "" {
				return
			}
			page, err = c.next(ctx, next)
		}
	}
}

// next fetches a further page. Its link must lead to where the token was meant for.
func (c *Client) next(ctx context.Context, link string) (value.Value, error) {
	u, err := url.Parse(link)
	if err != nil || u.User != nil {
		return value.Value{}, errors.New("the link to the next page cannot be read")
	}
	if origin(u) != origin(c.endpoint) {
		return value.Value{}, fmt.Errorf("the link to the next page leads to %s and not to %s: the app is known by that address, use it as --endpoint", oneLine(origin(u), 300), origin(c.endpoint))
	}
	data, _, err := c.send(ctx, http.MethodGet, link, value.Value{})
	if err != nil {
		return value.Value{}, err
	}
	page, err := value.Parse(data)
	if err != nil {
		return value.Value{}, errors.New("the next page is not JSON")
	}
	return page, nil
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// Content fetches what a content link leads to. The link is signed: a token beside it
// would be refused (management-api §4.5), and might not be meant for that host.
func (c *Client) Content(ctx context.Context, link string) ([]byte, error) {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return nil, errors.New("the link to the content is not an https address")
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, errors.New("the link to the content is no address")
	}
	answer, err := limited{c.contents}.Do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err) // which leaves the signed address out
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, readError(answer, data)
	}
	return data, nil
}
