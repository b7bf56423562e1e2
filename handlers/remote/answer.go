package remote

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/latchwork/latchwork/shared/value"
)

// Error is what an app answers with where it does not do what it is asked for.
type Error struct {
	Status        int
	Code, Message string
	RetryAfter    string // as it stands in the header; "" if there is none
}

func (e *Error) Error() string {
	text := e.Code + ": " + e.Message
	if e.RetryAfter != "" {
		text += " Try again after " + e.RetryAfter + " seconds."
	}
	return text
}

// Code is the product's code of an error; "" if the app has not answered.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// NotFound tells whether what was asked for is not there.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// readError reads both bodies that errors have: with 'error' around code and message,
// and without (management-api §8).
func readError(answer *http.Response, data []byte) *Error {
	e := &Error{Status: answer.StatusCode, RetryAfter: digits(answer.Header.Get("Retry-After"))}
	if body, err := value.Parse(data); err == nil {
		if inner := body.Member("error"); inner.Kind() == value.KindObject {
			body = inner
		}
		e.Code, e.Message = oneLine(body.Member("code").Str(), 200), oneLine(body.Member("message").Str(), 4<<10)
	}
	status := cmp.Or(http.StatusText(e.Status), "an unknown status")
	e.Code = cmp.Or(e.Code, strings.ReplaceAll(status, " ", ""))
	if e.Message == "" {
		e.Message = fmt.Sprintf("The app answers %d %s.", e.Status, status)
		if e.Status >= 300 && e.Status < 400 {
			e.Message = fmt.Sprintf("The address leads elsewhere, which is not followed (%d).", e.Status)
		}
	}
	return e
}

func digits(s string) string {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// oneLine keeps what an app answers from acting on the terminal that shows it.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// maxAnswer is far above any page of a list and any definition.
const maxAnswer = 64 << 20

// limited bounds answers.
type limited struct{ client *http.Client }

func (l limited) Do(r *http.Request) (*http.Response, error) {
	answer, err := l.client.Do(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// tryTimeout bounds one try of a call.
const tryTimeout = 2 * time.Minute

// retries says when a call is sent again. One that starts something is, only if it has
// surely not been carried out: it never got there, or the app has put it off.
func retries(method string) policy.RetryOptions {
	o := policy.RetryOptions{TryTimeout: tryTimeout}
	if method == http.MethodPost || method == http.MethodPatch {
		o.ShouldRetry = func(answer *http.Response, err error) bool {
			if err == nil {
				return slices.Contains([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, answer.StatusCode)
			}
			var dialed *net.OpError
			return errors.As(err, &dialed) && dialed.Op == "dial"
		}
	}
	return o
}
