package operation_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/value"
)

func header(contentType string) http.Header {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return h
}

func TestReceivedContent(t *testing.T) {
	nested := "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ninner\r\n--b--\r\n\r\n--a--\r\n"
	for _, c := range []struct{ name, contentType, body, want string }{
		{"JSON", "application/json", `{"a":[1,null]}`, `{"a":[1,null]}`},
		{"JSON null", "application/json", `null`, `null`},
		{"JSON of another kind", "application/problem+json; charset=utf-8", `{"a":1}`, `{"a":1}`},
		{"JSON with a mark", "application/json", "\xef\xbb\xbf{\"a\":1}", `{"a":1}`},
		{"JSON in UTF-16", "application/json; charset=utf-16", "\xff\xfe{\x00}\x00", `{}`},
		{"JSON by text", "text/json", `[1]`, `[1]`},
		{"text", "text/plain", "hé", `"hé"`},
		{"HTML", "text/html; charset=UTF-8", "<p>", `"<p>"`},
		{"XML as text", "text/xml", "<a/>", `"<a/>"`},
		{"Latin-1", "text/plain; charset=iso-8859-1", "\xe9\x80", `"é` + "\u0080" + `"`},
		{"Windows", "text/plain; charset=windows-1252", "\x80", `"€"`},
		{"Shift-JIS", `text/plain; charset="shift_jis"`, "\x93\xfa", `"日"`},
		{"Cyrillic", "text/plain; charset=koi8-r", "\xd0", `"п"`},
		{"UTF-16, big end first", "text/plain; charset=utf-16be", "\x00a\x00b", `"ab"`},
		{"a mark against the name", "text/plain; charset=iso-8859-1", "\xfe\xff\x00a", `"a"`},
		{"a charset nobody knows", "text/plain; charset=klingon", "é", `"é"`},
		{"no UTF-8", "text/plain", "a\xffb", `"a` + "\ufffd" + `b"`},
		{"XML", "application/xml", "<a/>", `{"$content-type":"application/xml","$content":"PGEvPg=="}`},
		{"no type", "", "\x01", `{"$content-type":"application/octet-stream","$content":"AQ=="}`},
		{"no proper type", "nonsense; ; =", "a", `{"$content-type":"nonsense; ; =","$content":"YQ=="}`},
		{"nothing", "application/json", "", `null`},
		{"form", "application/x-www-form-urlencoded", "a=b+c&&d&e=%c3%a9&f=100%&=g&h==",
			`[{"key":"a","value":"b c"},{"key":"","value":""},{"key":"d","value":""},{"key":"e","value":"é"},{"key":"f","value":"100%"},{"key":"","value":"g"},{"key":"h","value":"="}]`},
		{"form in Latin-1", "application/x-www-form-urlencoded; charset=iso-8859-1", "a=%e9", `[{"key":"a","value":"é"}]`},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe9\r\n--x\r\n\r\n\x01\r\n--x\r\nContent-Type: application/json\r\n\r\n{}\r\n--x--",
			`[{"headers":{"Content-Disposition":"form-data; name=\"a\"","Content-Type":"text/plain; charset=iso-8859-1","Content-Length":"1"},"body":"é"},` +
				`{"headers":{"Content-Length":"1"},"body":{"$content-type":"application/octet-stream","$content":"AQ=="}},` +
				`{"headers":{"Content-Type":"application/json","Content-Length":"2"},"body":{"$content-type":"application/json","$content":"e30="}}]`},
		{"multipart in multipart", "multipart/mixed; boundary=a", nested,
			`[{"headers":{"Content-Type":"multipart/mixed; boundary=b","Content-Length":"47"},"body":{"$content-type":"multipart/mixed; boundary=b","$content":"` +
				base64.StdEncoding.EncodeToString([]byte("--b\r\nContent-Type: text/plain\r\n\r\ninner\r\n--b--\r\n")) +
				`","$multipart":[{"headers":{"Content-Type":"text/plain","Content-Length":"5"},"body":"inner"}]}}]`},
		{"multipart without an end", "multipart/mixed; boundary=a", "--a\r\n\r\nx", ``},
		{"multipart without parts", "multipart/mixed; boundary=a", "--a--\r\n", ``},
		{"multipart without a boundary", "multipart/mixed", "--a--\r\n", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := operation.DecodeBody(header(c.contentType), []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			for _, member := range []string{"$formdata", "$multipart"} {
				if list := v.Member(member); !list.IsAbsent() {
					if string(value.Reveal(v.Without(member))) != string(value.Reveal(envelope(c.contentType, c.body))) {
						t.Errorf("the bytes are not kept: %s", v)
					}
					v = list
				}
			}
			if want == "" {
				want = string(value.Reveal(envelope(c.contentType, c.body)))
			}
			if got := string(value.Reveal(v)); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
	if _, err := operation.DecodeBody(header("application/json"), []byte(`{`)); err == nil {
		t.Error("what is no JSON was taken for it")
	}
	packed := header("application/json")
	packed.Set("Content-Encoding", "br")
	if v, err := operation.DecodeBody(packed, []byte{1}); err != nil || !v.Has("$content") {
		t.Errorf("packed: %s, %v", v, err)
	}
}

func envelope(contentType, body string) value.Value {
	return value.Object(value.Member{Key: "$content-type", Value: value.String(contentType)},
		value.Member{Key: "$content", Value: value.String(base64.StdEncoding.EncodeToString([]byte(body)))})
}

// TestContentIsTakenApartUpToALimit: a few bytes must not become a mountain of
// objects.
func TestContentIsTakenApartUpToALimit(t *testing.T) {
	for contentType, body := range map[string]string{
		"application/x-www-form-urlencoded": strings.Repeat("&", 200_000),
		"multipart/mixed; boundary=b":       strings.Repeat("--b\r\n\r\n\r\n", 20_000) + "--b--",
	} {
		v, err := operation.DecodeBody(header(contentType), []byte(body))
		if err != nil || v.Len() != 2 || v.Member("$content").Str() != base64.StdEncoding.EncodeToString([]byte(body)) {
			t.Errorf("%s: %d members, %v", contentType, v.Len(), err)
		}
	}
	deep := "x"
	for i := range 30 {
		deep = fmt.Sprintf("--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n%s\r\n--b%d--", i, i-1, deep, i)
	}
	v, err := operation.DecodeBody(header("multipart/mixed; boundary=b29"), []byte(deep))
	depth := 0
	for ; v.Has("$multipart"); depth++ {
		v = v.Member("$multipart").At(0).Member("body")
	}
	if err != nil || depth != 8 {
		t.Errorf("%d levels, %v", depth, err)
	}
}

func TestSentContent(t *testing.T) {
	for _, c := range []struct{ name, body, given, want, contentType string }{
		{"null", `null`, "", "", ""},
		{"null with a type", `null`, "text/csv", "", "text/csv"},
		{"text", `"hé"`, "", "hé", "text/plain; charset=utf-8"},
		{"empty text", `""`, "", "", "text/plain; charset=utf-8"},
		{"text of a type", `"a,b"`, "text/csv", "a,b", "text/csv"},
		{"text in Latin-1", `"hé€"`, "text/plain; charset=iso-8859-1", "h\xe9?", "text/plain; charset=iso-8859-1"},
		{"text in UTF-16", `"a"`, "text/plain; charset=utf-16", "a\x00", "text/plain; charset=utf-16"},
		{"text of an unknown charset", `"é"`, "text/plain; charset=klingon", "é", "text/plain; charset=klingon"},
		{"JSON", `{"a":[1,"é"]}`, "", `{"a":[1,"é"]}`, "application/json; charset=utf-8"},
		{"JSON of a type", `{"a":1}`, "application/vnd.api+json", `{"a":1}`, "application/vnd.api+json"},
		{"array", `[]`, "", `[]`, "application/json; charset=utf-8"},
		{"number", `1`, "", `1`, "application/json; charset=utf-8"},
		{"boolean", `true`, "", `true`, "application/json; charset=utf-8"},
		{"bytes", `{"$content-type":"application/pdf","$content":"AQI="}`, "", "\x01\x02", "application/pdf"},
		{"bytes of another type", `{"$content-type":"application/pdf","$content":"AQI="}`, "image/png", "\x01\x02", "image/png"},
		{"bytes over several lines", `{"$content-type":"a/b","$content":"AQ\r\n I="}`, "", "\x01\x02", "a/b"},
		{"bytes that are not the whole body", `{"x":{"$content-type":"a/b","$content":"AQI="}}`, "", `{"x":{"$content-type":"a/b","$content":"AQI="}}`, "application/json; charset=utf-8"},
		{"what looks like bytes", `{"$content":"AQI="}`, "", `{"$content":"AQI="}`, "application/json; charset=utf-8"},
		{"form", `{"$content-type":"application/x-www-form-urlencoded","$formdata":[{"key":"a b","value":"c&d"},{"key":"n","value":5},{"key":"z","value":null},{"key":"ü"}]}`, "",
			"a+b=c%26d&n=5&z=&%C3%BC=", "application/x-www-form-urlencoded"},
		{"an empty form", `{"$formdata":[]}`, "", "", "application/x-www-form-urlencoded"},
		{"multipart with its boundary", `{"$content-type":"multipart/mixed; boundary=\"b 1\"","$multipart":[{"headers":{"X-A":"1","content-length":"99"},"body":"t"},{"body":{"a":1}},{"headers":{"Content-Type":"image/png"},"body":{"$content-type":"x/y","$content":"AQ=="}},{}]}`, "",
			"--b 1\r\nX-A: 1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nt\r\n--b 1\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"a\":1}\r\n--b 1\r\nContent-Type: image/png\r\n\r\n\x01\r\n--b 1\r\n\r\n\r\n--b 1--\r\n",
			`multipart/mixed; boundary="b 1"`},
		{"multipart with the header's boundary", `{"$content-type":"multipart/mixed","$multipart":[]}`, "multipart/related; type=x; boundary=c", "--c--\r\n", "multipart/related; boundary=c; type=x"},
		{"multipart called something else", `{"$content-type":"multipart/mixed; boundary=b","$multipart":[]}`, "text/plain", "", "text/plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			content, contentType, err := operation.EncodeBody(parse(t, c.body), c.given)
			if err != nil || contentType != c.contentType {
				t.Fatalf("%s, %v", contentType, err)
			}
			if string(content) != c.want && c.given != "text/plain" {
				t.Errorf("\n got %q\nwant %q", content, c.want)
			}
			if (content == nil) != (c.body == "null") {
				t.Error("nothing and empty are not the same")
			}
		})
	}
}

func TestContentThatCannotBeSent(t *testing.T) {
	const canary = "canary-3xQ"
	for _, body := range []string{
		`{"$content-type":"a/b","$content":"` + canary + `!"}`,
		`{"$content-type":"a/b","$content":{"x":"` + canary + `"}}`,
		`{"$formdata":"` + canary + `"}`,
		`{"$formdata":[{"name":"` + canary + `"}]}`,
		`{"$multipart":{"a":"` + canary + `"}}`,
		`{"$multipart":["` + canary + `"]}`,
		`{"$multipart":[{"headers":{"X-A":"` + canary + `\r\nX-B: 1"},"body":"x"}]}`,
		`{"$multipart":[{"headers":{"X A":"` + canary + `"},"body":"x"}]}`,
		`{"$multipart":[{"headers":{"Content-Type":"a/b\r\n\r\n` + canary + `"},"body":"x"}]}`,
		`{"$multipart":[{"body":{"$content-type":"a/b","$content":"!"}}]}`,
		strings.Repeat(`{"$multipart":[{"body":`, 12) + `1` + strings.Repeat(`}]}`, 12),
	} {
		if _, _, err := operation.EncodeBody(parse(t, body), ""); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

// TestMultipartIsTheSameEachTime: an attempt that is repeated sends the same
// bytes, and no content can pretend to be a boundary.
func TestMultipartIsTheSameEachTime(t *testing.T) {
	body := parse(t, `{"$content-type":"multipart/form-data","$multipart":[{"headers":{"Content-Disposition":"form-data; name=\"a\""},"body":"1"},{"headers":{},"body":"2"}]}`)
	first, contentType, err := operation.EncodeBody(body, "")
	again, same, _ := operation.EncodeBody(body, "")
	if err != nil || !bytes.Equal(first, again) || contentType != same {
		t.Errorf("%s / %s, %v", contentType, same, err)
	}
	_, params, _ := mime.ParseMediaType(contentType)
	sly := parse(t, `{"$content-type":"multipart/form-data; boundary=b","$multipart":[{"body":"x\r\n--b\r\n\r\ny"},{"body":"--`+params["boundary"]+`"}]}`)
	content, contentType, err := operation.EncodeBody(sly, "")
	_, params, _ = mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "b" {
		t.Errorf("%s, %v", contentType, err)
	}
	if v, _ := operation.DecodeBody(header(contentType), content); v.Member("$multipart").Len() != 2 {
		t.Errorf("%q became %s", content, v)
	}
}

// FuzzContent: whatever arrives is decoded or refused, and what is kept as bytes
// goes on unchanged.
func FuzzContent(f *testing.F) {
	for _, seed := range [][2]string{
		{"application/json", `{"a":1}`}, {"text/plain; charset=utf-16", "\xff\xfea\x00"}, {"application/x-www-form-urlencoded", "a=b&&c%zz=+"},
		{"multipart/mixed; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--"}, {"", "\x00"}, {"text/html; charset=euc-jp", "\x8f\xa2"},
		{"multipart/mixed; boundary=a", "--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n--a--"}, {"text/plain; charset=iso-2022-jp", "\x1b$B"},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		v, err := operation.DecodeBody(http.Header{"Content-Type": {contentType}}, body)
		if err != nil {
			return
		}
		text := value.Reveal(v)
		if !utf8.Valid(text) {
			t.Fatalf("%q", text)
		}
		if v.Has("$content") && v.Has("$content-type") && v.Member("$content-type").Str() == contentType {
			content, kept, err := operation.EncodeBody(v, "")
			if err == nil && (kept != contentType || !bytes.Equal(content, body)) && v.Member("$content").Str() == base64.StdEncoding.EncodeToString(body) {
				t.Fatalf("%q became %q, %q became %q", contentType, kept, body, content)
			}
		}
	})
}

// FuzzForm: what is sent as a form is read as the same pairs, by net/url too.
func FuzzForm(f *testing.F) {
	f.Add("a", "b c", "", "100%&=+é")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		for _, s := range []string{k1, v1, k2, v2} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\ufeff\ufffe") {
				return
			}
		}
		pair := func(k, v string) value.Value {
			return value.Object(value.Member{Key: "key", Value: value.String(k)}, value.Member{Key: "value", Value: value.String(v)})
		}
		pairs := value.Array(pair(k1, v1), pair(k2, v2))
		content, contentType, err := operation.EncodeBody(value.Object(value.Member{Key: "$formdata", Value: pairs}), "")
		if err != nil {
			t.Fatal(err)
		}
		back, err := operation.DecodeBody(http.Header{"Content-Type": {contentType}}, content)
		if err != nil || string(value.Reveal(back.Member("$formdata"))) != string(value.Reveal(pairs)) {
			t.Fatalf("%s became %s, %v", pairs, back, err)
		}
		if parsed, err := url.ParseQuery(string(content)); err != nil || parsed[k1][0] != v1 {
			t.Fatalf("%q: %v", content, err)
		}
	})
}

// FuzzMultipart: what is sent in parts arrives in the same parts, whatever they hold.
func FuzzMultipart(f *testing.F) {
	f.Add("b", "text", []byte{0, 1}, "form-data; name=\"a\"")
	f.Add("x y", "--x y\r\n\r\n", []byte("--x y--"), "")
	f.Fuzz(func(t *testing.T, boundary, text string, data []byte, disposition string) {
		if !utf8.ValidString(text) || strings.HasPrefix(text, "\ufeff") {
			return
		}
		body := value.Object(
			value.Member{Key: "$content-type", Value: value.String(mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": boundary}))},
			value.Member{Key: "$multipart", Value: value.Array(
				value.Object(value.Member{Key: "headers", Value: value.Object(value.Member{Key: "Content-Disposition", Value: value.String(disposition)})},
					value.Member{Key: "body", Value: value.String(text)}),
				value.Object(value.Member{Key: "body", Value: envelope("application/octet-stream", string(data))}))})
		content, contentType, err := operation.EncodeBody(body, "")
		if err != nil {
			return // the disposition is no header
		}
		back, err := operation.DecodeBody(http.Header{"Content-Type": {contentType}}, content)
		parts := back.Member("$multipart")
		if err != nil || parts.Len() != 2 || parts.At(0).Member("body").Str() != text ||
			parts.At(1).Member("body").Member("$content").Str() != base64.StdEncoding.EncodeToString(data) {
			t.Fatalf("%s %q became %s, %v", contentType, content, back, err)
		}
	})
}
