package operation

import (
	"net"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// address reads an absolute web address the way .NET does: blanks around it and
// characters that may not stand in it, such as the blanks of an OData filter, are
// escaped rather than refused. The fragment is for browsers and is left out.
func address(text string) (*url.URL, bool) {
	u, err := url.Parse(escapeAddress(strings.TrimSpace(text)))
	if err != nil || !isWeb(u) {
		return nil, false
	}
	return u, true
}

// linked reads an address that an answer names, which may be relative to where
// the answer came from.
func linked(base *url.URL, text string) (*url.URL, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, false
	}
	u, err := base.Parse(escapeAddress(text))
	if err != nil || !isWeb(u) {
		return nil, false
	}
	return u, true
}

func isWeb(u *url.URL) bool {
	u.Fragment, u.RawFragment = "", ""
	return u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// escapeAddress escapes what may not stand in a path or a query, and leaves alone
// what is escaped already. The host is not touched: its names have rules of their
// own.
func escapeAddress(text string) string {
	start := 0
	if i := strings.Index(text, "://"); i >= 0 && !strings.ContainsAny(text[:i], "/?#") {
		start = i + 3
	} else if strings.HasPrefix(text, "//") {
		start = 2
	}
	if start > 0 {
		end := strings.IndexAny(text[start:], "/?#")
		if end < 0 {
			return text
		}
		start += end
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteString(text[:start])
	for i := start; i < len(text); i++ {
		c := text[i]
		switch {
		case c <= ' ', c >= 0x7f, strings.IndexByte("\"<>\\^`{|}", c) >= 0, c == '%' && !isEscape(text, i):
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// addQueries appends the queries of an action, in their order, to those that the
// address has. An array gives its name once per element, null gives nothing.
func addQueries(u *url.URL, queries value.Value) {
	var b strings.Builder
	add := func(name string, v value.Value) {
		if v.IsNull() {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escapeQuery(name) + "=" + escapeQuery(plainText(v)))
	}
	for name, v := range queries.Members {
		if v.Kind() != value.KindArray {
			add(name, v)
			continue
		}
		for _, element := range v.Elements {
			add(name, element)
		}
	}
	if b.Len() == 0 {
		return
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += b.String()
}

// escapeQuery writes a blank as %20: not every server takes a plus for one.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sameOrigin tells whether two addresses belong to the same server: what may be
// sent to the one may be sent to the other. http is not the same as https.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostAndPort(a), hostAndPort(b))
}

func hostAndPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
