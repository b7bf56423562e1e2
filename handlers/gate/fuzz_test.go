package gate

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzSignature: no query makes the reader panic, and one that verifies is one
// that the key has signed, to the letter.
func FuzzSignature(f *testing.F) {
	key, now := []byte("a key of thirty-two bytes, about"), time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	const id, run, later = "w", "/triggers/manual/run", "2026-12-31T23:59:59.0000000Z"
	f.Add("")
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(key, id, run, ""))
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&se=" + later + "&sig=" + Sign(key, id, run, later))
	f.Add("sp=%2F%2F*&sv=1.0&sig=" + Sign(key, id, "//*", "") + "=")
	f.Add("sp=&sp=&sv=1.0&se=Z&sig=" + strings.Repeat("A", 43))
	f.Add("sp=,,&sv=1.0&se=%zz&sig=%0A%00;sig=+/")
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(nil, id, run, ""))
	f.Add("sp=" + url.QueryEscape(run) + "&sv=1.0&sig=" + Sign(key, id, run, "") + "&sp=%zz")
	f.Add("a=1;sp=x&sp=" + url.QueryEscape(run) + "&sv=1.0&se=&sig=" + Sign(key, id, run, ""))
	f.Fuzz(func(t *testing.T, raw string) {
		s := readSignature(raw)
		genuine := s.verify(id, key, nil)
		s.expired(now)
		s.allows(run)
		if !genuine {
			return
		}
		query, _ := url.ParseQuery(raw) // as others read it
		if s.sig != Sign(key, id, s.permissions, s.expiry) || s.version != sasVersion || len(query["sig"]) != 1 || len(query["sp"]) > 1 || len(query["se"]) > 1 || len(query["sv"]) != 1 {
			t.Errorf("%q was taken for genuine", raw)
		}
	})
}

// FuzzParseAddress: what is read is a plain address that is read again as itself.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.9", "203.0.113.9:80", "2001:db8::1", "[2001:db8::1]:80", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:1",
		"fe80::1%eth0", "[fe80::1%eth0]:1", "", "unknown", "[]", "[]:", ":", "1.2.3.4, 5.6.7.8", " 1.2.3.4 ", "::",
		"[203.0.113.9]:80", "]203.0.113.9[", "203.0.113.9:", ":http", ":99999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseAddress(s)
		if !ok {
			return
		}
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
			t.Fatalf("%q gives %v", s, a)
		}
		if again, ok := parseAddress(a.String()); !ok || again != a {
			t.Errorf("%v is read as %v, %v", a, again, ok)
		}
		if again, ok := parseAddress(netip.AddrPortFrom(a, 80).String()); !ok || again != a {
			t.Errorf("%v with a port is read as %v, %v", a, again, ok)
		}
	})
}

// FuzzParseRange: the ends of a range are of one family and belong to it.
func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.0/24", "203.0.113.9/24", "0.0.0.0/0", "::/0", "2001:db8::/64", "198.51.100.7-198.51.100.19", "0.0.0.0-0.0.0.0",
		"192.0.2.44", "::ffff:192.0.2.44", "203.0.113.9-203.0.113.1", "203.0.113.1-2001:db8::1", "203.0.113.0/33", "", "-", "/", "a-b",
		"2001:db8::1/128", "::ffff:1.2.3.4-1.2.3.9", "fe80::1%eth0", "::ffff:203.0.113.0/120", "::ffff:0.0.0.0/95",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		from, to, ok := parseRange(s)
		if !ok {
			return
		}
		if !from.IsValid() || !to.IsValid() || from.Is4() != to.Is4() {
			t.Fatalf("%q gives %v to %v", s, from, to)
		}
		if from.Compare(to) > 0 {
			return // written backwards: nobody is in it
		}
		r := rules{{from, to}}
		if !r.allow(from) || !r.allow(to) {
			t.Errorf("%q does not hold its ends", s)
		}
		if next := to.Next(); next.IsValid() && r.allow(next) {
			t.Errorf("%q goes beyond %v", s, to)
		}
		p, err := netip.ParsePrefix(strings.TrimSpace(s))
		inside := func(a netip.Addr) bool {
			return p.Contains(a) || p.Addr().Is4In6() && p.Contains(netip.AddrFrom16(a.As16()))
		}
		if err == nil && (!inside(from) || !inside(to)) {
			t.Errorf("%q is read as %v to %v", s, from, to)
		}
	})
}
