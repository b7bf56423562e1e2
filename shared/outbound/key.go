package outbound

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// keyed adds a key in a header of its own to another authentication.
type keyed struct {
	header string
	key    secret
	and    Authentication
}

// WithKey sends a key in the header of that name, besides another authentication,
// which may be nil. The key joins the request where credentials do, last.
func WithKey(header string, key value.Value, and Authentication) Authentication {
	return keyed{header, secretOf(value.Object(value.Member{Key: "key", Value: key}), "key"), and}
}

func (k keyed) apply(ctx context.Context, c *Client, x *exchange) error {
	key := strings.TrimSpace(k.key.reveal())
	if !validHeader(key) {
		return invalidAuthentication("The key for the header '" + k.header + "' is empty or no valid header.")
	}
	k.key.note(c.config.Live, key)
	x.request.Header.Set(k.header, key)
	if k.and != nil {
		return k.and.apply(ctx, c, x)
	}
	return nil
}

// functionKey is the key of an Azure function.
type functionKey struct{ id string }

// FunctionKey authenticates with the key of an Azure function, which Resource
// Manager gives to this app's managed identity. The id is the resource id of the
// function, or of its function app, whose default host key is then used. Where
// there is no identity, or Resource Manager refuses it, no key is sent: a function
// that anybody may call needs none, and the others answer 401.
func FunctionKey(id string) Authentication { return functionKey{"/" + strings.Trim(id, "/")} }

const (
	// functionKeyHeader is how a function takes its key.
	functionKeyHeader = "x-functions-key"
	managementURL     = "https://management.azure.com"
	webVersion        = "2022-03-01"
	// functionKeyLife is for how long a key is used without asking again: the
	// product asks when a workflow is saved, so a key that was renewed may be wrong
	// for a while there, too.
	functionKeyLife = 10 * time.Minute
	// functionKeyRefused is for how long a refusal counts, shorter, so that a right
	// that was just given works soon.
	functionKeyRefused = time.Minute
)

// functionID is the resource id of a function or of a function app: nothing else
// may be asked for its keys, and nothing may lead out of the path.
var functionID = regexp.MustCompile(`(?i)^/subscriptions/[^/?#%.]+/resourceGroups/[^/?#%]+/providers/Microsoft\.Web/sites/[^/?#%.]+(/slots/[^/?#%.]+)?(/functions/[^/?#%.]+)?$`)

func (f functionKey) apply(ctx context.Context, c *Client, x *exchange) error {
	if c.config.Identity == nil {
		return nil
	}
	if !functionID.MatchString(f.id) {
		return invalidRequest("The id of the function is not that of a function or function app.")
	}
	t, err := c.tokens.get(ctx, digest("function key", f.id), func(ctx context.Context) (token, error) { return f.fetch(ctx, c) })
	if err != nil || t.text == "" {
		return err
	}
	c.config.Live.Note(t.text)
	x.request.Header.Set(functionKeyHeader, t.text)
	return nil
}

// forget drops the key after a 401: it may have been renewed.
func (f functionKey) forget(c *Client) { c.tokens.forget(digest("function key", f.id)) }

func (f functionKey) fetch(ctx context.Context, c *Client) (token, error) {
	path := f.id + "/listKeys"
	if !strings.Contains(strings.ToLower(f.id), "/functions/") {
		path = f.id + "/host/default/listKeys"
	}
	answer, err := c.Do(ctx, &Request{
		Method: http.MethodPost, URL: managementURL + path + "?api-version=" + webVersion, Body: []byte{}, MaxBody: 1 << 20,
		Header: http.Header{"Accept": {"application/json"}}, Authentication: managedIdentity{},
	})
	if err != nil {
		return token{}, err
	}
	now := c.tokens.now()
	switch {
	case answer.StatusCode == http.StatusOK:
		return newToken(readFunctionKey(answer.Body), now, functionKeyLife), nil
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return token{}, &Failure{Code: codeFailed, Retryable: true, Message: fmt.Sprintf(failedText, fmt.Sprintf("the key of the function could not be read: Resource Manager answered %d", answer.StatusCode))}
	}
	return newToken("", now, functionKeyRefused), nil
}

// readFunctionKey takes the default key out of either answer; "" where there is none.
func readFunctionKey(body []byte) string {
	var keys struct {
		Default      string `json:"default"`
		FunctionKeys struct {
			Default string `json:"default"`
		} `json:"functionKeys"`
	}
	if json.Unmarshal(body, &keys) != nil {
		return ""
	}
	key := keys.Default
	if key == "" {
		key = keys.FunctionKeys.Default
	}
	if !validHeader(key) {
		return ""
	}
	return key
}
