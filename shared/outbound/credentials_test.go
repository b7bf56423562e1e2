package outbound_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

func TestReplaceFindsEveryForm(t *testing.T) {
	const secret = `pa"ss/wörd+<&>?=9`
	live := &outbound.Credentials{}
	live.Note(secret)
	escaped, _ := json.Marshal(secret)
	std, raw := base64.StdEncoding, base64.RawURLEncoding
	tests := map[string]string{
		"raw":                secret,
		"json":               string(value.AppendQuoted(nil, secret)),
		"json, html escaped": string(escaped),
		"query":              url.QueryEscape(secret),
		"query, lower case":  strings.NewReplacer("%2F", "%2f", "%C3", "%c3", "%B6", "%b6", "%2B", "%2b", "%3C", "%3c", "%3E", "%3e", "%3F", "%3f", "%3D", "%3d").Replace(url.QueryEscape(secret)),
		"path":               url.PathEscape(secret),
		"base64":             std.EncodeToString([]byte(secret)),
		"base64 url":         raw.EncodeToString([]byte(secret)),
		"inside, shift 1":    std.EncodeToString([]byte("x" + secret + "yz")),
		"inside, shift 2":    std.EncodeToString([]byte("xy" + secret + "z")),
		"inside, shift 3":    std.EncodeToString([]byte("xyz" + secret)),
		"basic header":       "Basic " + std.EncodeToString([]byte("user:"+secret)),
	}
	for name, form := range tests {
		t.Run(name, func(t *testing.T) {
			got := string(live.Replace([]byte("before " + form + " after " + form + ".")))
			if strings.Count(got, value.Redacted) != 2 || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, ".") {
				t.Errorf("%s gives %s", form, got)
			}
			if strings.Contains(got, "wörd") || strings.Contains(got, "ss/w") {
				t.Errorf("something is left: %s", got)
			}
		})
	}
}

func TestReplaceLeavesTheRest(t *testing.T) {
	live := &outbound.Credentials{}
	live.Note("1234567")                   // too short to be looked for
	live.Note("long-secret-and-then-some") // the longer one wins where one begins with the other
	live.Note("long-secret")
	live.NoteSecured("vault-secret")
	live.NoteSecured("promoted-secret")
	live.Note("promoted-secret")
	live.Note("settled-secret")
	live.NoteSecured("settled-secret") // stays a credential
	tests := []struct {
		in, all, credentials string
	}{
		{"", "", ""},
		{"1234567", "1234567", "1234567"},
		{"nothing to see here", "nothing to see here", "nothing to see here"},
		{"long-secret-and-then-some long-secret long-secre", "[redacted] [redacted] long-secre", "[redacted] [redacted] long-secre"},
		{"long-secretlong-secret", "[redacted][redacted]", "[redacted][redacted]"},
		{"a vault-secret", "a [redacted]", "a vault-secret"},
		{"a promoted-secret", "a [redacted]", "a [redacted]"},
		{"a settled-secret", "a [redacted]", "a [redacted]"},
	}
	for _, tt := range tests {
		in := []byte(tt.in)
		if got := string(live.Replace(in)); got != tt.all {
			t.Errorf("%q gives %q", tt.in, got)
		}
		if got := string(live.Replace(in, value.Credential)); got != tt.credentials {
			t.Errorf("%q gives %q for credentials", tt.in, got)
		}
		if string(in) != tt.in {
			t.Errorf("the text was changed in place: %q", in)
		}
	}
	var none *outbound.Credentials
	none.Note("a-secret-nobody-keeps")
	if got := none.Replace([]byte("a-secret-nobody-keeps")); string(got) != "a-secret-nobody-keeps" {
		t.Errorf("nil knows %q", got)
	}
}

func TestCredentialsAreBounded(t *testing.T) {
	live := &outbound.Credentials{}
	for i := range 600 {
		live.Note(fmt.Sprintf("secret-number-%04d", i))
	}
	if got := string(live.Replace([]byte("secret-number-0599"))); got != value.Redacted {
		t.Errorf("the newest gives %s", got)
	}
	kept := 0
	for i := range 600 {
		if string(live.Replace([]byte(fmt.Sprintf("secret-number-%04d", i)))) == value.Redacted {
			kept++
		}
	}
	if kept != 500 {
		t.Errorf("%d are kept, want 500", kept)
	}
}

func TestCredentialsFromManySides(t *testing.T) {
	live := &outbound.Credentials{}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 20 {
				secret := fmt.Sprintf("secret-%d-%d-x", i, j)
				live.Note(secret)
				if got := live.Replace([]byte(secret)); string(got) != value.Redacted {
					t.Errorf("%s gives %s", secret, got)
				}
			}
		})
	}
	wait.Wait()
}

func FuzzReplace(f *testing.F) {
	f.Add("a secret text", "here is a secret text", "tail")
	f.Add("\x00\x01\x02\x03\x04\x05\x06\x07", "", "\xff")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		live := &outbound.Credentials{}
		live.Note(secret)
		got := live.Replace([]byte(before + secret + after))
		if len(secret) >= 8 && !strings.Contains(value.Redacted, secret) && bytes.Contains(got, []byte(secret)) && !strings.Contains(before+after, "[red") {
			// Only text that the replacement itself completes may look like the secret.
			if !strings.Contains(string(got), value.Redacted) {
				t.Errorf("%q stays in %q", secret, got)
			}
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	line := []byte(strings.Repeat(`{"level":"info","run":"08584000000000000000000000000CU00","action":"Get_secret","message":"done"}`, 10))
	for _, known := range []int{0, 10, 500} {
		b.Run(fmt.Sprintf("known=%d", known), func(b *testing.B) {
			live := &outbound.Credentials{}
			for i := range known {
				live.Note(fmt.Sprintf("%04d-%s", i, strings.Repeat("token", 300)))
			}
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				live.Replace(line)
			}
		})
	}
}

func BenchmarkNote(b *testing.B) {
	live := &outbound.Credentials{}
	tail := strings.Repeat("token", 300)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		live.Note(fmt.Sprintf("%09d-%s", i, tail))
	}
}
