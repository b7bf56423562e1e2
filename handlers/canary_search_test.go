package handlers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// awkward makes secrets that are hard to find and easy to leak: each has a random part,
// so that none is found by chance.
func awkward(n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 7))
	random := func(length int) string {
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		b := make([]byte, length)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	shapes := []func() string{
		func() string { return random(8) },
		func() string { return `"` + random(6) + `'"\"` + random(4) + `'` },
		func() string { return "pä" + random(5) + "ß漢字🔑" + random(5) + "é" },
		func() string { return random(6) + "\r\n" + random(6) + "\n\t" + random(6) },
		func() string { return base64.StdEncoding.EncodeToString([]byte(random(20))) },
		func() string { return random(4) + "/%2F&=+?#;:@ %zz~" + random(6) },
		func() string { return `{"key":"` + random(8) + `","n":[1,"` + random(5) + `"]}` },
		func() string { return `<a b="` + random(6) + `">&amp;` + random(5) + `</a>` },
		func() string { return "@{" + random(8) + "}@@" + random(4) + "'')" },
		func() string { return random(4000) },
		func() string { return `\` + random(5) + `\\u0041\n` + random(6) },
		func() string { return "{{" + random(7) + "}}{%" + random(5) + "%}" },
		func() string { return random(5) + "\x01\x1f\u2028" + random(7) },
		func() string {
			return "-----BEGIN KEY-----\n" + random(64) + "\n" + random(40) + "==\n-----END KEY-----"
		},
		func() string { return fmt.Sprintf("8%015d", r.Int64N(1e15)) },
		func() string { return strings.Repeat(random(6)+`"\ü%`, 120) },
		func() string { return "  " + random(10) + "  " },
		func() string { return "Bearer " + random(30) + "." + random(20) },
		func() string { return strings.Repeat("A", 10) + random(9) + "====" },
		func() string { return random(6) + "'||'" + random(6) + "$()`;<>" },
	}
	secrets := make([]string, n)
	for i := range secrets {
		secrets[i] = shapes[i%len(shapes)]()
	}
	return secrets
}

// search finds many secrets in any of their forms, in one pass over the data.
type search struct {
	forms map[uint64][]spelled // by their first eight bytes
}

type spelled struct {
	text   string
	secret int
	form   string
}

func newSearch(secrets []string) *search {
	s := &search{map[uint64][]spelled{}}
	for i, secret := range secrets {
		var quoted bytes.Buffer
		plain := json.NewEncoder(&quoted)
		plain.SetEscapeHTML(false)
		_ = plain.Encode(secret)
		escaped, _ := json.Marshal(secret)
		s.add(secret, i, "raw")
		s.add(strings.Trim(strings.TrimSpace(quoted.String()), `"`), i, "JSON-escaped")
		s.add(string(escaped[1:len(escaped)-1]), i, "JSON-escaped for HTML")
		s.add(url.QueryEscape(secret), i, "URL-escaped")
		s.add(url.PathEscape(secret), i, "path-escaped")
		s.add(strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), i, "component-escaped")
		for shift := range 3 { // as it looks behind other text in base64
			padded := append(make([]byte, shift), secret...)
			from, to := (shift*8+5)/6, len(padded)*8/6
			s.add(base64.RawStdEncoding.EncodeToString(padded)[from:to], i, "base64")
			s.add(base64.RawURLEncoding.EncodeToString(padded)[from:to], i, "base64 for URLs")
		}
	}
	return s
}

func (s *search) add(text string, secret int, form string) {
	if len(text) < 8 {
		return
	}
	head := binary.LittleEndian.Uint64([]byte(text))
	if !slices.ContainsFunc(s.forms[head], func(x spelled) bool { return x.text == text }) {
		s.forms[head] = append(s.forms[head], spelled{text, secret, form})
	}
}

// in tells what shows in data: also in what is packed with gzip or zstd in it, as bytes
// or in base64, and in escapes of JSON in JSON.
func (s *search) in(data []byte) []string {
	found := s.plain(data)
	for _, packed := range unpackAll(data) {
		for _, what := range s.plain(packed) {
			found = append(found, what+", packed")
		}
	}
	if bytes.IndexByte(data, '\\') >= 0 {
		found = append(found, s.plain([]byte(inJSON.Replace(string(data))))...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// inJSON undoes one level of escapes.
var inJSON = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

func (s *search) plain(data []byte) (found []string) {
	for i := 0; i+8 <= len(data); i++ {
		for _, x := range s.forms[binary.LittleEndian.Uint64(data[i:])] {
			if bytes.HasPrefix(data[i:], []byte(x.text)) {
				near := bytes.ToValidUTF8(data[max(0, i-200):i], nil)
				found = append(found, fmt.Sprintf("secret %d %s behind %q", x.secret, x.form, near))
			}
		}
	}
	return found
}

var (
	unzstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	// packedText is base64 that begins as gzip or zstd do.
	packedText = regexp.MustCompile(`(KLUv/|H4sI)[A-Za-z0-9+/]+=*`)
)

func unpackAll(data []byte) (all [][]byte) {
	for _, magic := range []string{"\x28\xb5\x2f\xfd", "\x1f\x8b\x08"} {
		for rest := data; ; {
			i := bytes.Index(rest, []byte(magic))
			if i < 0 {
				break
			}
			all = append(all, unpackOne(rest[i:]))
			rest = rest[i+4:]
		}
	}
	for _, text := range packedText.FindAll(data, -1) {
		if packed, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			all = append(all, unpackOne(packed))
		}
	}
	return all
}

// unpackOne unpacks as far as it goes: what follows in a file is something else.
func unpackOne(packed []byte) []byte {
	var out bytes.Buffer
	if packed[0] == 0x1f {
		if r, err := gzip.NewReader(bytes.NewReader(packed)); err == nil {
			_, _ = io.Copy(&out, io.LimitReader(r, 16<<20))
		}
		return out.Bytes()
	}
	if unzstd.Reset(bytes.NewReader(packed)) == nil {
		_, _ = io.Copy(&out, io.LimitReader(unzstd, 16<<20))
	}
	return out.Bytes()
}

// TestSearchFindsEveryForm: a search that found nothing would prove nothing.
func TestSearchFindsEveryForm(t *testing.T) {
	secrets := awkward(100, 1)
	in := newSearch(secrets)
	for i, secret := range secrets {
		quoted, _ := json.Marshal(map[string]string{"a": secret})
		twice, _ := json.Marshal(map[string]string{"b": string(quoted)})
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, _ = w.Write(quoted)
		_ = w.Close()
		packer, _ := zstd.NewWriter(nil)
		packed := packer.EncodeAll([]byte("before "+secret), nil)
		for name, data := range map[string][]byte{
			"raw": []byte("x" + secret + "x"), "JSON": quoted, "JSON in JSON": twice, "URL": []byte("?a=" + url.QueryEscape(secret)),
			"base64": []byte(base64.StdEncoding.EncodeToString([]byte("12" + secret + "345"))), "gzip": append([]byte("head"), zipped.Bytes()...),
			"zstd": append([]byte("head"), packed...), "zstd in base64": []byte(`"` + base64.StdEncoding.EncodeToString(packed) + `"`),
		} {
			if len(secret) < 10 && name == "base64" {
				continue // of so short a one the edges are most of it
			}
			if len(in.in(data)) == 0 {
				t.Errorf("secret %d is not found in %s", i, name)
			}
		}
	}
}
