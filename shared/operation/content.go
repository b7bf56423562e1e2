package operation

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// errBase64 is what an author is told of a content object that is none.
var errBase64 = errors.New("the '$content' of the body is not valid base64")

// Content types of what an expression produces (actions §2.2).
const (
	jsonContent   = "application/json; charset=utf-8"
	textContent   = "text/plain; charset=utf-8"
	binaryContent = "application/octet-stream"
)

// decodeBody turns a received body into a value by its content type: JSON is
// parsed, text is a string, everything else keeps its bytes in an envelope
// (triggers §11.3). An empty body without a content type is absent.
func decodeBody(h http.Header, body []byte) (value.Value, error) {
	contentType := h.Get("Content-Type")
	if len(body) == 0 {
		return value.Value{}, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		media = strings.TrimSpace(media)
	}
	switch {
	case isJSON(media):
		return value.Parse(decodeCharset(body, params["charset"]))
	case strings.HasPrefix(media, "text/"):
		return value.String(string(decodeCharset(body, params["charset"]))), nil
	case media == "application/x-www-form-urlencoded":
		return envelope(contentType, body).With("$formdata", formPairs(body)), nil
	case strings.HasPrefix(media, "multipart/") && params["boundary"] != "":
		if parts, ok := multipartParts(body, params["boundary"]); ok {
			return envelope(contentType, body).With("$multipart", parts), nil
		}
	}
	return envelope(contentType, body), nil
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
		value.Member{Key: "$content-type", Value: value.String(contentType)},
		value.Member{Key: "$content", Value: value.String(base64.StdEncoding.EncodeToString(body))})
}

// formPairs splits a form as it stands: empty pieces stay, the first = separates.
func formPairs(body []byte) value.Value {
	var pairs []value.Value
	for piece := range strings.SplitSeq(string(body), "&") {
		k, v, _ := strings.Cut(piece, "=")
		pairs = append(pairs, value.Object(
			value.Member{Key: "key", Value: value.String(unescapeForm(k))},
			value.Member{Key: "value", Value: value.String(unescapeForm(v))}))
	}
	return value.Array(pairs...)
}

func unescapeForm(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func multipartParts(body []byte, boundary string) (value.Value, bool) {
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	var parts []value.Value
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return value.Array(parts...), len(parts) > 0
		}
		if err != nil {
			return value.Value{}, false
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return value.Value{}, false
		}
		headers := headerValue(http.Header(part.Header)).With("Content-Length", value.String(strconv.Itoa(len(content))))
		var v value.Value
		if media, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); strings.HasPrefix(media, "text/") {
			v = value.String(string(decodeCharset(content, params["charset"])))
		} else {
			v = envelope(part.Header.Get("Content-Type"), content)
		}
		parts = append(parts, value.Object(value.Member{Key: "headers", Value: headers}, value.Member{Key: "body", Value: v}))
	}
}

// decodeCharset returns UTF-8 text. Latin-1 and its Windows cousin are read byte
// by byte; everything else counts as UTF-8.
func decodeCharset(body []byte, charset string) []byte {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1", "us-ascii":
		out := make([]byte, 0, len(body)+8)
		for _, b := range body {
			out = utf8.AppendRune(out, rune(b))
		}
		return out
	default:
		return bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
}

// encodeBody turns the body of an action into bytes and the content type they
// have unless a header says otherwise; null and absent give no content.
func encodeBody(body value.Value) ([]byte, string, error) {
	if body.IsNull() {
		return nil, "", nil
	}
	if s, ok := body.AsString(); ok {
		return []byte(s), textContent, nil
	}
	contentType := body.Member("$content-type").Str()
	switch {
	case body.Has("$content") && body.Has("$content-type"):
		content, err := base64.StdEncoding.DecodeString(body.Member("$content").Str())
		if err != nil {
			return nil, "", errBase64
		}
		return content, contentType, nil
	case body.Has("$multipart"):
		return encodeMultipart(body.Member("$multipart"), contentType)
	case body.Has("$formdata"):
		return encodeForm(body.Member("$formdata")), "application/x-www-form-urlencoded", nil
	}
	return value.Reveal(body), jsonContent, nil
}

func encodeMultipart(parts value.Value, contentType string) ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range parts.Elements {
		header := textproto.MIMEHeader{}
		for name, v := range part.Member("headers").Members {
			header.Set(name, plainText(v))
		}
		content, partType, err := encodeBody(part.Member("body"))
		if err != nil {
			return nil, "", err
		}
		if header.Get("Content-Type") == "" && partType != "" {
			header.Set("Content-Type", partType)
		}
		pw, err := w.CreatePart(header)
		if err != nil {
			return nil, "", err
		}
		_, _ = pw.Write(content) // a bytes.Buffer takes everything
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		media = "multipart/form-data"
	}
	return b.Bytes(), mime.FormatMediaType(media, map[string]string{"boundary": w.Boundary()}), nil
}

func encodeForm(pairs value.Value) []byte {
	var parts []string
	for _, p := range pairs.Elements {
		parts = append(parts, url.QueryEscape(plainText(p.Member("key")))+"="+url.QueryEscape(plainText(p.Member("value"))))
	}
	return []byte(strings.Join(parts, "&"))
}

// plainText is a value in a header, a query or a form: text as it is, everything
// else as JSON. It leaves the process, so secrets are revealed.
func plainText(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	return string(value.Reveal(v))
}
