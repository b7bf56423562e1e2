// Package outbound sends one request out: egress rules, credentials, TLS, limits
// on what comes back. It makes one attempt; retries are states of a run.
package outbound

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/smithy-go/middleware"
)

// Request is what is to be sent.
type Request struct {
	Method         string
	URL            string // absolute, http or https
	Header         http.Header
	Body           []byte // nil: none
	Authentication Authentication
	// Timeout of the whole exchange and MaxBody, the size of the answer unpacked, may
	// only be less than the configuration allows; 0: as much as that.
	Timeout time.Duration
	MaxBody int64
	// KeepCompressed leaves a packed body as it was received
	// (DisableAutomaticDecompression, actions §1).
	KeepCompressed bool
	// SecretHost: the host derives from a secret, and no failure quotes it.
	SecretHost bool
}

// Response is what came back. A status of 400 or above is a response like any
// other, and so is a redirect, which is never followed (actions §2.1).
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

// Client sends requests. It is safe for concurrent use and keeps connections.
type Client struct {
	config  Config
	stacks  sync.Pool // of middleware.Handler
	plain   *http.Transport
	tokens  *tokenCache
	clients *certificateTransports
}

// Limits that hold where the configuration says nothing.
const (
	// DefaultMaxBody is the largest answer that is read: the message size limit of
	// Logic Apps (workflow-definition §8).
	DefaultMaxBody = 100 << 20
	// DefaultTimeout is the product's for a synchronous call (actions §2.1).
	DefaultTimeout = 120 * time.Second
)

// New returns a client.
func New(c Config) (*Client, error) {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	client := &Client{
		config:  c,
		plain:   c.transport(nil),
		tokens:  newTokenCache(),
		clients: &certificateTransports{base: c},
	}
	first, err := client.newStack()
	if err != nil {
		return nil, err
	}
	client.stacks.New = func() any { h, _ := client.newStack(); return h }
	client.stacks.Put(first)
	return client, nil
}

// Do sends one request. The error is a *Failure; where the caller's context
// ended, it wraps the context's error.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	timeout := c.config.Timeout
	if r.Timeout > 0 {
		timeout = min(timeout, r.Timeout)
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, errTooSlow)
	defer cancel()
	stack := c.stacks.Get().(middleware.Handler)
	out, _, err := stack.Handle(limited, r)
	c.stacks.Put(stack)
	if err != nil {
		return nil, failure(ctx, limited, r, err)
	}
	answer := out.(*Response)
	if cached, ok := r.Authentication.(interface{ forget(*Client) }); ok && answer.StatusCode == http.StatusUnauthorized {
		cached.forget(c)
	}
	return answer, nil
}

// MaxBody is the largest answer that is read.
func (c *Client) MaxBody() int64 { return c.config.MaxBody }

// CloseIdleConnections closes connections that nobody uses at the moment.
func (c *Client) CloseIdleConnections() {
	c.plain.CloseIdleConnections()
	c.clients.closeIdle()
}

// hostOf returns the host name that a request is for, for messages.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
