package expr

import (
	"encoding/base64"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// URIs, their components and data URIs (expressions §10, §11).
var _ = register(URIs,
	Function{Signature: "uriComponent(value any, …)", Doc: "A text, escaped to stand in a URI; several are joined first.", Body: escape, Examples: []Example{{"@uriComponent('a b/c')", `"a%20b%2Fc"`}}},
	Function{Signature: "encodeUriComponent(value any, …)", Doc: "A text, escaped to stand in a URI; uriComponent is the present name.", Body: escape, Examples: []Example{{"@encodeUriComponent('ü')", `"%C3%BC"`}}},
	Function{Signature: "uriComponentToString(encoded string)", Doc: "The text behind its form in a URI.", Body: unescape, Examples: []Example{{"@uriComponentToString('a%20b+c')", `"a b c"`}}},
	Function{Signature: "decodeUriComponent(encoded string)", Doc: "The text behind its form in a URI; uriComponentToString is the present name.", Body: unescape, Examples: []Example{{"@decodeUriComponent('%C3%BC')", `"ü"`}}},
	Function{Signature: "uriComponentToBinary(encoded string)", Doc: "A content object of the bytes behind their form in a URI.", Body: func(c *Call) (value.Value, error) {
		return contentOf(octetStream, string(unescaped(c.str(0)))), nil
	}, Examples: []Example{{"@uriComponentToBinary('a%20b')", `{"$content-type":"application/octet-stream","$content":"YSBi"}`}}},

	Function{Signature: "dataUri(value any)", Doc: "A text, or a content object with its own type, as data URI.", Body: toDataURI, Examples: []Example{{"@dataUri('hi')", `"data:text/plain;charset=utf-8;base64,aGk="`}}},
	Function{Signature: "dataUriToString(uri string)", Doc: "The text in a data URI.", Body: dataURIToString, Examples: []Example{{"@dataUriToString('data:,a%20b')", `"a b"`}, {"@dataUriToString('nope')", `error: was not formatted correctly`}}},
	Function{Signature: "dataUriToBinary(uri string)", Doc: "A content object of what is in a data URI.", Body: dataURIToBinary, Examples: []Example{{"@dataUriToBinary('data:;base64,aGk=')", `{"$content-type":"text/plain","$content":"aGk="}`}}},
	Function{Signature: "decodeDataUri(uri string)", Doc: "What is in a data URI: a text, a JSON value, or a content object.", Body: fromDataURI,
		Examples: []Example{{"@decodeDataUri('data:text/csv;base64,YSxi')", `"a,b"`}, {"@decodeDataUri('data:application/json;base64,eyJhIjoxfQ==')", `{"a":1}`}}},

	uriPart("uriHost", "The host of a URI, in lower case.", func(u *url.URL) value.Value { return value.String(hostOf(u)) }, Example{"@uriHost('https://Example.org:8080/p')", `"example.org"`}),
	uriPart("uriPath", "The path of a URI.", func(u *url.URL) value.Value { return value.String(pathOf(u)) }, Example{"@uriPath('https://example.org/a/b?q=1')", `"/a/b"`}, Example{"@uriPath('a/b')", `error: absolute`}),
	uriPart("uriPathAndQuery", "The path and the query of a URI.", func(u *url.URL) value.Value { return value.String(pathOf(u) + queryOf(u)) }, Example{"@uriPathAndQuery('https://example.org/a?q=1#f')", `"/a?q=1"`}),
	uriPart("uriPort", "The port of a URI, or that of its scheme.", func(u *url.URL) value.Value { return value.Int(portOf(u)) }, Example{"@uriPort('https://example.org')", `443`}),
	uriPart("uriQuery", "The query of a URI, with its question mark.", func(u *url.URL) value.Value { return value.String(queryOf(u)) }, Example{"@uriQuery('https://example.org/a?q=1')", `"?q=1"`}),
	uriPart("uriScheme", "The scheme of a URI, in lower case.", func(u *url.URL) value.Value { return value.String(u.Scheme) }, Example{"@uriScheme('HTTPS://example.org')", `"https"`}),
)

const upperHex = "0123456789ABCDEF"

// isUnreserved tells which bytes stand in a URI as they are.
var isUnreserved = func() (is [256]bool) {
	for c := range utf8.RuneSelf {
		is[c] = strings.IndexByte("-_.~", byte(c)) >= 0 || c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z'
	}
	return
}()

// escape is Uri.EscapeDataString: everything but letters, digits and -_.~ is
// percent-encoded.
func escape(c *Call) (value.Value, error) {
	escaped := c.buffer()
	for _, a := range c.Args {
		text := TextOf(a)
		if err := c.m.room(c.fills(escaped) + 3*len(text)); err != nil {
			return value.Value{}, err
		}
		for i := range len(text) {
			if x := text[i]; isUnreserved[x] {
				escaped = append(escaped, x)
			} else {
				escaped = append(escaped, '%', upperHex[x>>4], upperHex[x&15])
			}
		}
	}
	return c.give(escaped)
}

func unescape(c *Call) (value.Value, error) {
	return value.String(validUTF8(unescaped(c.str(0)))), nil
}

// unescaped decodes %XX, and + as a blank.
func unescaped(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8) // two hexadecimal digits
			b = append(b, byte(n))
			i += 2
		case s[i] == '+':
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return b
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'f' }

// dataURI is a data URI taken apart.
type dataURI struct {
	contentType string // as written; text/plain when there is none
	attributes  []string
	encoded     bool // in base64
	text        string
}

// dataURI reads the argument: data:[type][;attribute=value]*[;base64],data.
func (c *Call) dataURI() (dataURI, error) {
	s := c.str(0)
	if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
		return dataURI{}, c.badDataURI()
	}
	header, text, ok := strings.Cut(s[5:], ",")
	d := dataURI{contentType: header, text: text, attributes: strings.Split(header, ";")}
	last := len(d.attributes) - 1
	if d.encoded = strings.EqualFold(d.attributes[last], "base64"); d.encoded {
		d.contentType = strings.TrimSuffix(header[:len(header)-len("base64")], ";")
		d.attributes = d.attributes[:last]
	}
	if len(d.attributes) > 0 {
		d.attributes = d.attributes[1:]
	}
	if !ok || slices.Contains(d.attributes, "") {
		return dataURI{}, c.badDataURI()
	}
	if d.contentType == "" || d.contentType[0] == ';' {
		d.contentType = "text/plain" + d.contentType
	}
	return d, nil
}

func (c *Call) badDataURI() error {
	return c.fail("expects its parameter to be formatted as a valid data URI. The provided value '%s' was not formatted correctly.%s", c.str(0), usage(c.fn.Name))
}

// dataOf decodes what a data URI holds.
func (c *Call) dataOf(d dataURI) ([]byte, error) {
	if !d.encoded {
		return unescaped(d.text), nil
	}
	data, err := decodeBase64(d.text)
	if err != nil {
		return nil, c.badDataURI()
	}
	return data, nil
}

func dataURIToString(c *Call) (value.Value, error) {
	d, err := c.dataURI()
	if err != nil {
		return value.Value{}, err
	}
	data, err := c.dataOf(d)
	return value.String(decodeText(data, d.contentType)), err
}

// dataURIToBinary keeps base64 as it is given. Unlike the others it insists on a
// type with a subtype, and on one value for each attribute.
func dataURIToBinary(c *Call) (value.Value, error) {
	d, err := c.dataURI()
	if err != nil {
		return value.Value{}, err
	}
	mediaType, _, _ := strings.Cut(d.contentType, ";")
	if strings.Count(mediaType, "/") != 1 || slices.ContainsFunc(d.attributes, func(a string) bool { return strings.Count(a, "=") > 1 }) {
		return value.Value{}, c.badDataURI()
	}
	if d.encoded {
		return contentEncoded(d.contentType, d.text), nil
	}
	return contentOf(d.contentType, string(unescaped(d.text))), nil
}

func toDataURI(c *Call) (value.Value, error) {
	if data, ok := contentBytes(c.Args[0]); ok {
		return value.String("data:" + c.Args[0].Member("$content-type").Str() + ";base64," + base64.StdEncoding.EncodeToString(data)), nil
	}
	return value.String("data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(TextOf(c.Args[0])))), nil
}

func fromDataURI(c *Call) (value.Value, error) {
	d, err := c.dataURI()
	if err != nil {
		return value.Value{}, err
	}
	data, err := c.dataOf(d)
	if err != nil {
		return value.Value{}, err
	}
	lowered := strings.ToLower(d.contentType)
	mediaType, _, _ := strings.Cut(lowered, ";")
	switch {
	case strings.HasPrefix(mediaType, "text/"):
		return value.String(decodeText(data, d.contentType)), nil
	case mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"):
		if v, err := value.Parse([]byte(decodeText(data, d.contentType))); err == nil {
			return v, nil
		}
	}
	if !strings.Contains(lowered, "charset=") {
		d.contentType += ";charset=us-ascii"
	}
	return contentOf(d.contentType, string(data)), nil
}

func uriPart(name, doc string, part func(*url.URL) value.Value, examples ...Example) Function {
	return Function{Signature: name + "(uri string)", Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		u, err := url.Parse(strings.TrimSpace(c.str(0)))
		if err != nil || u.Scheme == "" || u.Host == "" && u.Scheme != "file" && u.Opaque == "" || portOf(u) > math.MaxUint16 {
			return value.Value{}, c.fail("expects its parameter to be a valid absolute URI. The provided value '%s' is not.%s", c.str(0), usage(name))
		}
		return part(u), nil
	}}
}

func hostOf(u *url.URL) string {
	host := lower(u.Hostname())
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

var schemePorts = map[string]int64{"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "ldap": 389, "smtp": 25, "telnet": 23, "gopher": 70, "nntp": 119}

func portOf(u *url.URL) int64 {
	if n, err := strconv.ParseInt(u.Port(), 10, 32); err == nil {
		return n
	}
	if port, ok := schemePorts[u.Scheme]; ok {
		return port
	}
	return -1
}

// pathOf is the escaped path without dot segments; escapes that are not needed are
// undone.
func pathOf(u *url.URL) string {
	if u.Opaque != "" {
		return u.Opaque
	}
	path := canonical(u.EscapedPath())
	if path == "" {
		return "/"
	}
	return (&url.URL{Path: "/"}).ResolveReference(&url.URL{Path: mustUnescape(path), RawPath: path}).EscapedPath()
}

func mustUnescape(path string) string {
	s, err := url.PathUnescape(path)
	if err != nil {
		return path // cannot be: the URI was parsed
	}
	return s
}

// canonical undoes escapes of unreserved characters, and escapes what may not
// stand in a URI.
func canonical(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8) // two hexadecimal digits
			if isUnreserved[n] {
				b.WriteByte(byte(n))
			} else {
				b.WriteString(s[i : i+3])
			}
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func queryOf(u *url.URL) string {
	if u.RawQuery == "" && !u.ForceQuery {
		return ""
	}
	return "?" + canonical(u.RawQuery)
}
