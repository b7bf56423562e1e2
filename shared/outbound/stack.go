package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/aws/smithy-go/middleware"
	"golang.org/x/net/http/httpguts"

	"github.com/latchwork/latchwork/shared/telemetry"
)

// exchange is a request on its way through the stack.
type exchange struct {
	asked     *Request
	request   *http.Request
	transport http.RoundTripper // names the TLS identity; nil: none
}

// newStack builds the five steps once. They keep no state of a call, but the
// stack itself links its steps anew each time it runs, so one stack serves one
// call at a time; the client keeps a pool of them.
func (c *Client) newStack() (middleware.Handler, error) {
	s := middleware.NewStack("outbound", func() any { return new(exchange) })
	err := errors.Join(
		s.Initialize.Add(middleware.InitializeMiddlewareFunc("Target", c.checkTarget), middleware.After),
		s.Serialize.Add(middleware.SerializeMiddlewareFunc("Message", serialize), middleware.After),
		s.Build.Add(middleware.BuildMiddlewareFunc("Defaults", build), middleware.After),
		s.Finalize.Add(middleware.FinalizeMiddlewareFunc("Authentication", c.authenticate), middleware.After),
		s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Answer", c.read), middleware.After),
	)
	return middleware.DecorateHandler(middleware.HandlerFunc(c.send), s.Initialize, s.Serialize, s.Build, s.Finalize, s.Deserialize), err
}

// checkTarget refuses what is no web address, and an address written as a number
// that may not be called, before anybody is asked for a token. Names are checked
// when the connection is made, on the address that is really dialled.
func (c *Client) checkTarget(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, m middleware.Metadata, err error) {
	u, err := url.Parse(in.Parameters.(*Request).URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return out, m, &Failure{Code: "InvalidUri", Message: "The provided 'uri' is not an absolute http or https address."}
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !c.config.allowed(a) && !c.config.redirected(u) {
		return out, m, ErrEgress
	}
	return next.HandleInitialize(ctx, in)
}

// addedHeaders is how many headers later steps add at most.
const addedHeaders = 5

// serialize turns the request into one of net/http.
func serialize(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (out middleware.SerializeOutput, m middleware.Metadata, err error) {
	x := in.Request.(*exchange)
	x.asked = in.Parameters.(*Request)
	// A memory reader that net/http can see through: headers and body leave in one
	// packet, and it can read again when a kept connection turns out to be dead.
	var body io.Reader
	if x.asked.Body != nil {
		body = bytes.NewReader(x.asked.Body)
	}
	if x.request, err = http.NewRequestWithContext(ctx, x.asked.Method, x.asked.URL, body); err != nil {
		return out, m, invalidRequest("The method or the address of the request is not valid.")
	}
	x.request.Header = make(http.Header, len(x.asked.Header)+addedHeaders)
	for name, values := range x.asked.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return out, m, invalidRequest("The name of a header is not valid.")
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return out, m, invalidRequest("The value of the header '" + name + "' is not valid.")
			}
		}
		x.request.Header[http.CanonicalHeaderKey(name)] = values
	}
	return next.HandleSerialize(ctx, in)
}

func invalidRequest(message string) *Failure {
	return &Failure{Code: "InvalidRequest", Message: message}
}

// build adds the headers that every call of the product has (actions §2.3).
func build(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	h := in.Request.(*exchange).request.Header
	encoding := acceptEncoding
	if len(h["Range"]) > 0 {
		encoding = "identity" // a range of a packed body cannot be unpacked by itself
	}
	for _, d := range [...][2]string{{"Accept-Encoding", encoding}, {"User-Agent", "azure-logic-apps/1.0"}, {"Accept-Language", "en"}} {
		if len(h[d[0]]) == 0 {
			h[d[0]] = []string{d[1]}
		}
	}
	if of, ok := telemetry.From(ctx); ok && len(h["Traceparent"]) == 0 {
		h["Traceparent"] = []string{of.String()}
		if of.State != "" {
			h["Tracestate"] = []string{of.State}
		}
	}
	return next.HandleBuild(ctx, in)
}

// authenticate comes last, so that no step before it sees a credential.
func (c *Client) authenticate(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, m middleware.Metadata, err error) {
	x := in.Request.(*exchange)
	if x.asked.Authentication != nil {
		if err := x.asked.Authentication.apply(ctx, c, x); err != nil {
			return out, m, err
		}
	}
	return next.HandleFinalize(ctx, in)
}

// send is the end of the stack. A transport follows no redirects.
func (c *Client) send(_ context.Context, in any) (any, middleware.Metadata, error) {
	x := in.(*exchange)
	var transport http.RoundTripper = c.plain
	if x.transport != nil {
		transport = x.transport
	}
	answer, err := transport.RoundTrip(x.request) //nolint:bodyclose // read closes it
	return answer, middleware.Metadata{}, err
}

// read takes the answer in, up to the limit, which holds for the unpacked body.
func (c *Client) read(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, m, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, m, err
	}
	answer := out.RawResponse.(*http.Response)
	defer answer.Body.Close()
	asked := in.Request.(*exchange).asked
	limit := c.config.MaxBody
	if asked.MaxBody > 0 {
		limit = min(limit, asked.MaxBody)
	}
	body, size := io.Reader(answer.Body), answer.ContentLength
	if !asked.KeepCompressed {
		if body, size, err = unpack(answer); err != nil {
			return out, m, err
		}
	}
	data, err := readUpTo(body, size, limit)
	if err != nil {
		return out, m, err
	}
	out.Result = &Response{StatusCode: answer.StatusCode, Header: answer.Header, Body: data}
	return out, m, nil
}

// firstRead bounds the memory that is taken on the word of a Content-Length.
const firstRead = 1 << 20

func readUpTo(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, TooLarge(limit)
	}
	var b bytes.Buffer
	if size > 0 {
		b.Grow(int(min(size, firstRead)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, TooLarge(limit)
	}
	return b.Bytes(), nil
}
