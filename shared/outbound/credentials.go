package outbound

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"sync"

	"github.com/latchwork/latchwork/shared/value"
)

// Credentials knows the secrets that are live in this process, so that one which
// comes back from outside, without its origin, is still found in logs and visible
// history. It is the second net; the first are origins. A nil one knows nothing.
type Credentials struct {
	mu    sync.Mutex
	forms map[string]bool // the texts to look for
	order []string        // oldest first
}

const (
	shortestCredential = 8
	maxCredentialForms = 4000
)

// Note remembers a secret of eight characters or more, in the forms that it
// travels in: raw, base64, and escaped for URLs and JSON.
func (c *Credentials) Note(secret string) {
	if c == nil || len(secret) < shortestCredential {
		return
	}
	quoted := value.AppendQuoted(nil, secret)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forms == nil {
		c.forms = map[string]bool{}
	}
	for _, form := range []string{
		secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1]),
	} {
		if !c.forms[form] {
			c.forms[form] = true
			c.order = append(c.order, form)
		}
	}
	for len(c.order) > maxCredentialForms {
		delete(c.forms, c.order[0])
		c.order = c.order[1:]
	}
}

// Replace returns text with every live secret in it replaced.
func (c *Credentials) Replace(text []byte) []byte {
	if c == nil {
		return text
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, form := range c.order {
		if bytes.Contains(text, []byte(form)) {
			text = bytes.ReplaceAll(text, []byte(form), []byte(value.Redacted))
		}
	}
	return text
}
