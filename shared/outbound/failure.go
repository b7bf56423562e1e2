package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/aws/smithy-go"

	"github.com/latchwork/latchwork/shared/value"
)

// Failure is a request that brought no usable answer, with the product's code
// and message. It quotes no secret, and no address beyond the host name: the
// rest of an address may hold a key or a signature.
type Failure struct {
	Code, Message string
	// StatusCode is set where a service refused, such as the vault.
	StatusCode int
	// Retryable: a retry policy may try again (actions §2.4).
	Retryable bool
	// RetryAfter is how long the service asked to wait; 0: it did not say.
	RetryAfter time.Duration

	cause error // of the caller's context, when that ended
}

var _ smithy.APIError = (*Failure)(nil)

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Unwrap gives context.Canceled or context.DeadlineExceeded where the caller's
// context ended the request.
func (f *Failure) Unwrap() error { return f.cause }

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

var errTooSlow = errors.New("no answer in time")

// The product's code for failures on the way that have none of their own, and
// the frame of their messages.
const (
	codeFailed = "BadRequest"
	failedText = "Http request failed as there is an error: '%s'."
)

func failed(code, detail string) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(failedText, detail)}
}

func failedOnTheWay(code, detail string) *Failure {
	f := failed(code, detail)
	f.Retryable = true
	return f
}

// TooLarge is the failure of an answer, or of several that belong together, with
// more bytes than the limit.
func TooLarge(limit int64) *Failure {
	return failed(codeFailed, fmt.Sprintf("Cannot write more bytes to the buffer than the configured maximum buffer size: %d.", limit))
}

func tooSlow() *Failure {
	return &Failure{Code: codeFailed, Retryable: true, Message: "Http request failed: the server did not respond within the timeout limit. " +
		"Please see logic app limits at https://aka.ms/logic-apps-limits-and-config#http-limits."}
}

func gaveUp(cause error) *Failure {
	return &Failure{Code: "OperationCanceled", Message: "The request was given up before an answer came.", Retryable: true, cause: cause}
}

// failure words what went wrong on the way. caller is the context that the
// request was given, limited the one with its timeout.
func failure(caller, limited context.Context, r *Request, err error) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	if cause := caller.Err(); cause != nil {
		return gaveUp(cause)
	}
	host := hostOf(r.URL)
	if r.SecretHost {
		host = value.Redacted
	}
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, ErrEgress):
		return &Failure{Code: "EgressNotAllowed", Message: fmt.Sprintf("Calls to the address of '%s' are not allowed from here.", host)}
	case errors.As(err, &dns) && !errors.Is(context.Cause(limited), errTooSlow):
		return &Failure{Code: "UnresolvableHostName", Message: fmt.Sprintf("The provided host name '%s' could not be resolved.", host), Retryable: true}
	case errors.Is(context.Cause(limited), errTooSlow), errors.As(err, &network) && network.Timeout():
		return tooSlow()
	case notTrusted(err):
		return failed("TrustFailure", fmt.Sprintf("Could not establish trust relationship for the SSL/TLS secure channel with authority '%s'.", host))
	case errors.Is(err, syscall.ECONNREFUSED):
		return failedOnTheWay("ConnectFailure", "No connection could be made because the target machine actively refused it.")
	case badHandshake(err):
		return failed("SecureChannelFailure", "The SSL connection could not be established.")
	case badlyPacked(err):
		return failed(codeFailed, "The body of the answer is not packed as its Content-Encoding says.")
	}
	return failedOnTheWay("ConnectionClosed", fmt.Sprintf("The connection with '%s' broke before the answer was complete.", host))
}

func notTrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}

// badHandshake tells whether the two sides could not agree on TLS: no common
// version, no client certificate, or a server that speaks something else.
func badHandshake(err error) bool {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	// net/http replaces a RecordHeaderError by a text when the server speaks HTTP.
	return errors.As(err, &alert) || errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") || strings.Contains(err.Error(), "remote error: tls: ")
}
