// Package outbound sends one request out: egress rules, credentials, TLS, limits
// on what comes back. It makes one attempt; retries are states of a run.
package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Request is what is to be sent.
type Request struct {
	Method         string
	URL            string // absolute, http or https
	Header         http.Header
	Body           []byte // nil: none
	Authentication Authentication
	Timeout        time.Duration // of the whole exchange; 0 means 120 s
	// KeepCompressed leaves a gzip body as it was received.
	KeepCompressed bool
}

// Response is what came back. A status of 400 or above is a response like any
// other.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

// Failure is a request that brought no usable answer, with the product's code
// and message. It quotes no secret, and no address beyond the host name.
type Failure struct {
	Code, Message string
	// StatusCode is set where a service refused, such as the vault.
	StatusCode int
	Retryable  bool
	RetryAfter time.Duration
}

var _ smithy.APIError = (*Failure)(nil)

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// ErrorCode implements smithy.APIError.
func (f *Failure) ErrorCode() string { return f.Code }

// ErrorMessage implements smithy.APIError.
func (f *Failure) ErrorMessage() string { return f.Message }

// ErrorFault implements smithy.APIError.
func (f *Failure) ErrorFault() smithy.ErrorFault {
	if f.Retryable {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// Client sends requests. It is safe for concurrent use and keeps connections.
type Client struct {
	config  Config
	stack   *middleware.Stack
	plain   *http.Transport
	tokens  *tokenCache
	clients *certificateTransports
}

// New returns a client.
func New(c Config) (*Client, error) {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	client := &Client{config: c, tokens: newTokenCache()}
	client.plain = c.transport(nil)
	client.clients = &certificateTransports{base: c}
	client.stack = middleware.NewStack("outbound", func() any { return &wire{} })
	return client, errors.Join(
		client.stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Egress", client.checkTarget), middleware.After),
		client.stack.Serialize.Add(middleware.SerializeMiddlewareFunc("Message", serialize), middleware.After),
		client.stack.Build.Add(middleware.BuildMiddlewareFunc("Defaults", build), middleware.After),
		client.stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Authentication", client.authenticate), middleware.After),
		client.stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Read", client.read), middleware.After),
	)
}

// DefaultMaxBody is the largest answer that is read: the message size limit of
// Logic Apps (workflow-definition §8).
const DefaultMaxBody = 100 << 20

const defaultTimeout = 120 * time.Second

// wire is a request on its way through the stack.
type wire struct {
	request *http.Request
	client  *http.Client // names the TLS identity; nil: none
	asked   *Request
}

// Do sends one request. The error is a *Failure, or the context's.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, errTooSlow)
	defer cancel()
	handler := middleware.DecorateHandler(middleware.HandlerFunc(c.send), c.stack)
	out, _, err := handler.Handle(limited, r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.failure(limited, r, err)
	}
	return out.(*Response), nil
}

func (c *Client) checkTarget(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	r := in.Parameters.(*Request)
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return middleware.InitializeOutput{}, middleware.Metadata{}, &Failure{Code: "InvalidUri", Message: "The provided 'uri' is not an absolute http or https address."}
	}
	return next.HandleInitialize(ctx, in)
}

func serialize(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
	r, w := in.Parameters.(*Request), in.Request.(*wire)
	w.asked = r
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return middleware.SerializeOutput{}, middleware.Metadata{}, &Failure{Code: "InvalidRequest", Message: "The method, the address or a header of the request is not valid."}
	}
	if r.Body != nil {
		// A memory reader that net/http can see through, and can read again when a
		// connection turns out to be dead.
		request.Body = io.NopCloser(bytes.NewReader(r.Body))
		request.ContentLength = int64(len(r.Body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		if len(r.Body) == 0 {
			request.Body, request.GetBody = http.NoBody, func() (io.ReadCloser, error) { return http.NoBody, nil }
		}
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	w.request = request
	return next.HandleSerialize(ctx, in)
}

func build(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	w := in.Request.(*wire)
	h := w.request.Header
	for name, v := range map[string]string{"Accept-Encoding": "gzip", "User-Agent": "azure-logic-apps/1.0", "Accept-Language": "en"} {
		if h.Get(name) == "" {
			h.Set(name, v)
		}
	}
	return next.HandleBuild(ctx, in)
}

func (c *Client) authenticate(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	w := in.Request.(*wire)
	if auth := w.asked.Authentication; auth != nil {
		if err := auth.apply(ctx, c, w); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
	}
	return next.HandleFinalize(ctx, in)
}

// read takes the answer in, up to the limit.
func (c *Client) read(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	answer := out.RawResponse.(*http.Response)
	defer answer.Body.Close()
	body := io.Reader(answer.Body)
	if !in.Request.(*wire).asked.KeepCompressed && strings.EqualFold(answer.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(answer.Body)
		if err != nil && !errors.Is(err, io.EOF) {
			return out, metadata, &Failure{Code: "InvalidResponse", Message: "The body of the answer says that it is gzip, and is not."}
		}
		if err == nil {
			body = unpacked
		}
		answer.Header.Del("Content-Encoding")
		answer.Header.Del("Content-Length")
	}
	data, err := io.ReadAll(io.LimitReader(body, c.config.MaxBody+1))
	if err != nil {
		return out, metadata, err
	}
	if int64(len(data)) > c.config.MaxBody {
		return out, metadata, &Failure{Code: "ActionResultsSizeLimitExceeded", Message: fmt.Sprintf("The answer is larger than %d bytes.", c.config.MaxBody)}
	}
	out.Result = &Response{StatusCode: answer.StatusCode, Header: answer.Header, Body: data}
	return out, metadata, nil
}

// send is the end of the stack. Redirects are not followed: their answer is the
// answer (actions §2.1).
func (c *Client) send(ctx context.Context, in any) (any, middleware.Metadata, error) {
	w := in.(*wire)
	client := w.client
	if client == nil {
		client = &http.Client{Transport: c.plain}
	}
	noRedirect := *client
	noRedirect.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := noRedirect.Do(w.request)
	return answer, middleware.Metadata{}, err
}

var errTooSlow = errors.New("no answer in time")

// failure words what went wrong on the way, without the address: it may hold a
// signature or a key.
func (c *Client) failure(ctx context.Context, r *Request, err error) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	host := "?"
	if u, parseErr := url.Parse(r.URL); parseErr == nil {
		host = u.Hostname()
	}
	var dns *net.DNSError
	var unknownAuthority x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.Is(err, ErrEgress):
		return &Failure{Code: "Forbidden", Message: fmt.Sprintf("Calls to the address of '%s' are not allowed from here.", host)}
	case errors.Is(context.Cause(ctx), errTooSlow), errors.As(err, &network) && network.Timeout():
		return &Failure{Code: "ActionTimedOut", Message: "The server did not answer in time.", Retryable: true}
	case errors.As(err, &dns):
		return &Failure{Code: "UnresolvableHostName", Message: fmt.Sprintf("The provided host name '%s' could not be resolved.", host), Retryable: true}
	case errors.As(err, &unknownAuthority), errors.As(err, &badHost), errors.As(err, &invalid), errors.As(err, &verification):
		return &Failure{Code: "TrustFailure", Message: fmt.Sprintf("Could not establish trust relationship for the SSL/TLS secure channel with '%s'.", host)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Failure{Code: "ConnectFailure", Message: fmt.Sprintf("The server '%s' refused the connection.", host), Retryable: true}
	}
	return &Failure{Code: "ConnectionClosed", Message: fmt.Sprintf("The connection to '%s' failed before the answer was complete.", host), Retryable: true}
}
