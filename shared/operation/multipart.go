package operation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/latchwork/latchwork/shared/value"
)

const (
	// maxParts bounds what a multipart body is taken apart into; one with more keeps
	// its bytes and is shown without $multipart.
	maxParts = 10_000
	// maxNesting bounds multipart bodies inside of one another.
	maxNesting = 8
)

// decodeMultipart returns the parts of a received body, and false when it is none
// or too much of one.
func decodeMultipart(body []byte, boundary string, depth int) (value.Value, bool) {
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	var parts []value.Value
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return value.Array(parts...), len(parts) > 0
		}
		if err != nil || len(parts) >= maxParts {
			return value.Value{}, false
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return value.Value{}, false
		}
		header := http.Header(part.Header)
		parts = append(parts, value.Object(
			value.Member{Key: "headers", Value: headerValue(header).With("Content-Length", value.String(strconv.Itoa(len(content))))},
			value.Member{Key: "body", Value: decodePart(header.Get("Content-Type"), content, depth)}))
	}
}

// decodePart: text is a string, and everything else, JSON too, keeps its bytes; a
// part that is multipart itself is taken apart as well (triggers §11.3).
func decodePart(contentType string, content []byte, depth int) value.Value {
	media, params := mediaType(contentType)
	switch {
	case strings.HasPrefix(media, "text/"):
		return value.String(decodeText(content, params["charset"]))
	case strings.HasPrefix(media, "multipart/") && params["boundary"] != "" && depth < maxNesting:
		if parts, ok := decodeMultipart(content, params["boundary"], depth+1); ok {
			return envelope(contentType, content).With("$multipart", parts)
		}
	}
	return envelope(contentType, content)
}

var errMultipart = errors.New("the '$multipart' of the body is not an array of objects with 'headers' and 'body'")

// encodeMultipart writes parts, each coerced by the rules of a whole body, and
// returns the content type with the boundary that was used. It is that of
// contentType where that has one: a body that was received and changed goes on
// under the name that it came with.
func encodeMultipart(parts value.Value, contentType string, depth int) ([]byte, string, error) {
	if parts.Kind() != value.KindArray || depth > maxNesting {
		return nil, "", errMultipart
	}
	contents := make([][]byte, 0, parts.Len())
	for i, part := range parts.Elements {
		if part.Kind() != value.KindObject {
			return nil, "", errMultipart
		}
		content, err := encodePart(i, part, depth)
		if err != nil {
			return nil, "", err
		}
		contents = append(contents, content)
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		media, params = "multipart/form-data", map[string]string{}
	}
	boundary := params["boundary"]
	if !usableBoundary(boundary, contents) {
		boundary = newBoundary(contents)
	}
	params["boundary"] = boundary
	var b bytes.Buffer
	for _, content := range contents {
		b.WriteString("--" + boundary + "\r\n")
		b.Write(content)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes(), mime.FormatMediaType(media, params), nil
}

// encodePart writes the headers and the content of one part. The headers keep
// their order and spelling; the length of what was once received is not theirs to
// tell.
func encodePart(index int, part value.Value, depth int) ([]byte, error) {
	given := ""
	for name, v := range part.Member("headers").Members {
		if strings.EqualFold(name, "Content-Type") && !v.IsNull() {
			given = plainText(v)
		}
	}
	content, contentType, err := encodeValue(part.Member("body"), given, depth+1)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for name, v := range part.Member("headers").Members {
		if v.IsNull() || strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding") {
			continue
		}
		text := plainText(v)
		// A line break in what a caller once sent must not become a header, or a part.
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(text) {
			return nil, fmt.Errorf("a header of part %d is not valid", index+1)
		}
		b.WriteString(name + ": " + text + "\r\n")
	}
	if contentType != "" {
		if !httpguts.ValidHeaderFieldValue(contentType) {
			return nil, fmt.Errorf("the content type of part %d is not valid", index+1)
		}
		b.WriteString("Content-Type: " + contentType + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(content)
	return b.Bytes(), nil
}

// usableBoundary tells whether a boundary may separate these contents.
func usableBoundary(boundary string, contents [][]byte) bool {
	if boundary == "" || len(boundary) > 70 || strings.HasSuffix(boundary, " ") {
		return false
	}
	for _, c := range boundary {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("'()+_,-./:=? ", c) {
			return false
		}
	}
	for _, content := range contents {
		if bytes.Contains(content, []byte("--"+boundary)) {
			return false
		}
	}
	return true
}

// newBoundary derives a boundary from what it separates: an attempt that is made
// again sends the same bytes.
func newBoundary(contents [][]byte) string {
	h := sha256.New()
	for _, content := range contents {
		fmt.Fprintf(h, "%d:", len(content))
		h.Write(content)
	}
	for {
		boundary := hex.EncodeToString(h.Sum(nil)[:16])
		if usableBoundary(boundary, contents) {
			return boundary
		}
		h.Write([]byte(boundary))
	}
}
