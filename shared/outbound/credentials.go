package outbound

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Credentials knows the secrets that are live in this process, so that one which
// comes back from outside, without its origin, is still found in logs and visible
// history. It is the second net; the first are origins (architecture §8). A nil
// one knows nothing; the zero one is ready.
type Credentials struct {
	now    func() time.Time
	mu     sync.Mutex
	known  map[string]noted
	search atomic.Pointer[searchIndex]
	doubts map[string]time.Time // when a secret of a vault was refused, by lower-case name
}

type noted struct {
	class     value.Class
	at        time.Time
	spellings []string
}

const (
	// shortestCredential: shorter texts stand in too many innocent places.
	shortestCredential = 8
	// maxCredentials bounds what is remembered; the oldest goes first.
	maxCredentials = 500
	// credentialAge: no token lives longer than a day, and a secret that is still
	// in use is noted again with every use.
	credentialAge = 24 * time.Hour
)

// Note remembers a credential of eight characters or more: Replace finds it for
// logs and for visible history.
func (c *Credentials) Note(secret string) { c.note(secret, value.Credential) }

// NoteSecured remembers a secret that visible history shows, as the service does,
// and logs must not: one that an operation read from a vault.
func (c *Credentials) NoteSecured(secret string) { c.note(secret, value.Secured) }

func (c *Credentials) note(secret string, class value.Class) {
	if c == nil || len(secret) < shortestCredential {
		return
	}
	at := c.time()
	c.mu.Lock()
	defer c.mu.Unlock()
	before, ok := c.known[secret]
	if ok && before.class < class {
		class = before.class // the stricter one
	}
	if c.known == nil {
		c.known = map[string]noted{}
	}
	if ok && before.class == class {
		c.known[secret] = noted{class, at, before.spellings}
		return // the index knows it
	}
	c.known[secret] = noted{class, at, spellings(secret)}
	c.forget(at)
	c.search.Store(newSearchIndex(c.known))
}

// forget drops what is too old, and the oldest while there is too much.
func (c *Credentials) forget(now time.Time) {
	for secret, n := range c.known {
		if now.Sub(n.at) > credentialAge {
			delete(c.known, secret)
		}
	}
	for len(c.known) > maxCredentials {
		oldest := ""
		for secret, n := range c.known {
			if oldest == "" || n.at.Before(c.known[oldest].at) {
				oldest = secret
			}
		}
		delete(c.known, oldest)
	}
}

// Replace returns text with every live secret in it replaced: those of the given
// classes, or all when none is given, as value.Redact does. Text without one is
// returned as it is.
func (c *Credentials) Replace(text []byte, classes ...value.Class) []byte {
	if c == nil {
		return text
	}
	index := c.search.Load()
	if index == nil || len(text) < shortestCredential {
		return text
	}
	return index.replace(text, classes)
}

// searchIndex finds many texts in one pass: the first eight bytes of each are
// looked up at every position, behind a small filter that mostly says no.
type searchIndex struct {
	filter [1 << 10]uint64
	forms  map[uint64][]form // longest first
}

type form struct {
	text  string
	class value.Class
}

func newSearchIndex(known map[string]noted) *searchIndex {
	x := &searchIndex{forms: map[uint64][]form{}}
	for _, n := range known {
		for _, text := range n.spellings {
			head := binary.LittleEndian.Uint64([]byte(text))
			slot := filterSlot(head)
			x.filter[slot>>6] |= 1 << (slot & 63)
			x.forms[head] = append(x.forms[head], form{text, n.class})
		}
	}
	for _, forms := range x.forms {
		slices.SortFunc(forms, func(a, b form) int { return len(b.text) - len(a.text) })
	}
	return x
}

// filterSlot spreads eight bytes over the 2^16 bits of the filter.
func filterSlot(head uint64) uint64 { return head * 0x9E3779B97F4A7C15 >> 48 }

func (x *searchIndex) replace(text []byte, classes []value.Class) []byte {
	var out []byte
	done := 0
	for i := 0; i+shortestCredential <= len(text); {
		head := binary.LittleEndian.Uint64(text[i:])
		slot := filterSlot(head)
		if x.filter[slot>>6]&(1<<(slot&63)) == 0 {
			i++
			continue
		}
		n := x.match(head, text[i:], classes)
		if n == 0 {
			i++
			continue
		}
		out = append(append(out, text[done:i]...), value.Redacted...)
		i += n
		done = i
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

func (x *searchIndex) match(head uint64, text []byte, classes []value.Class) int {
	for _, f := range x.forms[head] {
		if len(f.text) <= len(text) && string(text[:len(f.text)]) == f.text && (len(classes) == 0 || slices.Contains(classes, f.class)) {
			return len(f.text)
		}
	}
	return 0
}

// spellings are the forms that a secret travels in: raw, escaped for JSON and for
// URLs, and base64, also as a part of something longer that was encoded whole.
func spellings(secret string) []string {
	quoted := value.AppendQuoted(nil, secret)
	escaped, _ := json.Marshal(secret)                                   // as Go and others escape: < > & and beyond
	component := strings.ReplaceAll(url.QueryEscape(secret), "+", "%20") // as .NET escapes
	all := []string{
		secret, string(quoted[1 : len(quoted)-1]), string(escaped[1 : len(escaped)-1]),
		url.QueryEscape(secret), url.PathEscape(secret), component, unescapedMarks.Replace(component),
	}
	for _, s := range all[3:] {
		all = append(all, lowerEscapes(s))
	}
	for _, s := range all[1:3] { // JSON in JSON, as a line of a log that quotes a body
		twice := value.AppendQuoted(nil, s)
		all = append(all, string(twice[1:len(twice)-1]))
	}
	for shift := range 3 {
		// With shift bytes before it, the secret fills these whole characters; the
		// ones at its edges depend on its neighbours.
		padded := append(make([]byte, shift), secret...)
		from, to := (shift*8+5)/6, len(padded)*8/6
		all = append(all,
			base64.RawStdEncoding.EncodeToString(padded)[from:to],
			base64.RawURLEncoding.EncodeToString(padded)[from:to])
	}
	// What is no UTF-8 may shrink when it is escaped.
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < shortestCredential })
	slices.Sort(all)
	return slices.Compact(all)
}

// unescapedMarks undoes the escapes that encodeURIComponent of JavaScript does not make.
var unescapedMarks = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

// lowerEscapes writes %2F as %2f, as some do.
func lowerEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
