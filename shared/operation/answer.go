package operation

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/latchwork/latchwork/shared/value"
)

// Answer is what a Response action says, as it goes over the wire. It leaves the
// process, so it is revealed: what a workflow answers is its author's choice.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// AnswerOf reads the outputs of a Response action (triggers §11.4). They were
// checked when the action ran; those of a static result were not.
func AnswerOf(outputs value.Value) (*Answer, error) {
	status, ok := responseStatus(outputs.Member("statusCode"))
	if !ok {
		return nil, fmt.Errorf("the status code '%s' is not supported", outputs.Member("statusCode"))
	}
	a := &Answer{Status: status, Header: http.Header{}}
	for name, v := range outputs.Member("headers").Members {
		text := plainText(v)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(text):
			return nil, fmt.Errorf("the header '%s' is not valid", printable(name))
		case v.IsNull() || removedFromResponse(name) || hopByHop(name):
		default:
			a.Header.Set(name, text)
		}
	}
	body, contentType, err := encodeBody(outputs.Member("body"), a.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, err
	case !httpguts.ValidHeaderFieldValue(contentType):
		return nil, fmt.Errorf("the content type of the body is not valid")
	case contentType != "":
		a.Header.Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent {
		a.Body = body
	}
	return a, nil
}

// hopByHop: headers that are about one connection and not about the answer (RFC
// 9110 §7.6.1). An author who passes on what another service answered has them too.
func hopByHop(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "upgrade":
		return true
	}
	return false
}

// printable is a name of a header that is none, for a message.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, name)
}
