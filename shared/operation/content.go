package operation

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Content types of what an expression produces (actions §2.2).
const (
	jsonContent   = "application/json; charset=utf-8"
	textContent   = "text/plain; charset=utf-8"
	binaryContent = "application/octet-stream"
)

// decodeBody turns a received body into a value by its content type: JSON is
// parsed, text is a string, everything else keeps its bytes in an envelope
// (triggers §11.3), and so does whatever is still packed. An empty body is absent.
func decodeBody(h http.Header, body []byte) (value.Value, error) {
	if len(body) == 0 {
		return value.Value{}, nil
	}
	contentType := h.Get("Content-Type")
	if packed(h) {
		return envelope(contentType, body), nil
	}
	media, params := mediaType(contentType)
	switch {
	case isJSON(media):
		text := decodeText(body, params["charset"])
		if heavy(text) {
			return value.Value{}, errHeavy
		}
		return value.ParseText(text)
	case strings.HasPrefix(media, "text/"):
		return value.String(decodeText(body, params["charset"])), nil
	case media == formContent:
		if pairs, ok := formPairs(body, params["charset"]); ok {
			return envelope(contentType, body).With("$formdata", pairs), nil
		}
	case strings.HasPrefix(media, "multipart/") && params["boundary"] != "":
		if parts, ok := decodeMultipart(body, params["boundary"], 1); ok {
			return envelope(contentType, body).With("$multipart", parts), nil
		}
	}
	return envelope(contentType, body), nil
}

// emptyBody is what a call with a content type and no content has as its body:
// there is one only when there is a content type (triggers §11.3).
func emptyBody(contentType string) value.Value {
	media, _ := mediaType(contentType)
	switch {
	case media == "":
		return value.Value{}
	case isJSON(media):
		return value.Null()
	case strings.HasPrefix(media, "text/"):
		return value.String("")
	case media == formContent:
		return envelope(contentType, nil).With("$formdata", value.Array())
	}
	return envelope(contentType, nil)
}

// mediaType reads a Content-Type, as far as it can be read.
func mediaType(contentType string) (string, map[string]string) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		media = strings.TrimSpace(media)
	}
	return media, params
}

// packed tells whether a body is compressed: the author asked for it
// (DisableAutomaticDecompression), or nobody here can unpack it.
func packed(h http.Header) bool {
	encoding := strings.TrimSpace(h.Get("Content-Encoding"))
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

func isJSON(media string) bool {
	return media == "application/json" || media == "text/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// envelope is how bytes that are neither JSON nor text are carried.
func envelope(contentType string, body []byte) value.Value {
	if contentType == "" {
		contentType = binaryContent
	}
	return value.Object(
		value.Member{Key: "$content-type", Value: value.String(strings.ToValidUTF8(contentType, "\ufffd"))},
		value.Member{Key: "$content", Value: value.String(base64.StdEncoding.EncodeToString(body))})
}

// errBase64 is what an author is told of a content object that is none.
var errBase64 = errors.New("the '$content' of the body is not valid base64")

// encodeBody turns the body of an action into bytes and the content type to send
// them with; null and absent give no content. given is the Content-Type that the
// author set, which wins over the type that the value suggests (actions §2.2).
func encodeBody(body value.Value, given string) ([]byte, string, error) {
	return encodeValue(body, given, 0)
}

func encodeValue(body value.Value, given string, depth int) ([]byte, string, error) {
	if body.IsNull() {
		return nil, given, nil
	}
	if s, ok := body.AsString(); ok {
		content, contentType := withCharset(s, given, textContent)
		return content, contentType, nil
	}
	own := body.Member("$content-type").Str()
	or := func(contentType string) string {
		if given != "" {
			return given
		}
		return contentType
	}
	switch {
	case body.Has("$content") && body.Has("$content-type"):
		content, err := decodeBase64(body.Member("$content"))
		return content, or(own), err
	case body.Has("$multipart"):
		content, contentType, err := encodeMultipart(body.Member("$multipart"), or(own), depth)
		if err == nil && given != "" && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(given)), "multipart/") {
			contentType = given
		}
		return content, contentType, err
	case body.Has("$formdata"):
		content, err := encodeForm(body.Member("$formdata"))
		return content, or(formContent), err
	}
	content, contentType := withCharset(string(value.Reveal(body)), given, jsonContent)
	return content, contentType, nil
}

// withCharset writes text in the charset of its content type.
func withCharset(text, given, otherwise string) ([]byte, string) {
	if given == "" {
		return []byte(text), otherwise
	}
	_, params := mediaType(given)
	return encodeText(text, params["charset"]), given
}

// decodeBase64 is as lenient with blanks as .NET.
func decodeBase64(v value.Value) ([]byte, error) {
	text, ok := v.AsString()
	if !ok {
		return nil, errBase64
	}
	if strings.ContainsAny(text, " \t\r\n") {
		text = strings.Join(strings.Fields(text), "")
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errBase64
	}
	return content, nil
}

// plainText is a value in a header, a query or a form: text as it is, nothing for
// null, everything else as JSON. It leaves the process, so secrets are revealed.
func plainText(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if v.IsNull() {
		return ""
	}
	return string(value.Reveal(v))
}
