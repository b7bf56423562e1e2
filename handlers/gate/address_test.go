package gate_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/gate"
)

func mode(t *testing.T, setting string) gate.ClientAddress {
	t.Helper()
	c, err := gate.ParseClientAddress(setting)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseClientAddress(t *testing.T) {
	for setting, ok := range map[string]bool{
		"peer": true, "front-end": true, "xff:1": true, "xff:2": true, "xff:99": true,
		"": false, "Peer": false, "xff": false, "xff:": false, "xff:0": false, "xff:-1": false, "xff:100": false, "xff:1.5": false, "xff:1 ": false,
		"x-real-ip": false,
	} {
		if _, err := gate.ParseClientAddress(setting); (err == nil) != ok {
			t.Errorf("%q: %v", setting, err)
		}
	}
}

// The modes of inbound-security §5.1; an empty want is no address.
func TestClientAddress(t *testing.T) {
	xff := func(values ...string) http.Header { return http.Header{"X-Forwarded-For": values} }
	front := func(x, c []string) http.Header { return http.Header{"X-Client-Ip": x, "Client-Ip": c} }
	one := func(s string) []string { return []string{s} }
	everything := http.Header{
		"X-Forwarded-For": {"198.51.100.1"}, "X-Client-Ip": {"198.51.100.1"}, "Client-Ip": {"198.51.100.1:80"},
		"X-Real-Ip": {"198.51.100.1"}, "Forwarded": {"for=198.51.100.1"}, "X-Azure-Clientip": {"198.51.100.1"},
	}
	for _, c := range []struct {
		name, setting, peer string
		header              http.Header
		want                string
	}{
		{"v4:port", "peer", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"[v6]:port", "peer", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"v4 in v6", "peer", "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"a zone", "peer", "[fe80::1%eth0]:1234", nil, ""},
		{"no address", "peer", "@", nil, ""},
		{"headers do not count", "peer", "192.0.2.1:1234", everything, "192.0.2.1"},

		{"v4", "xff:1", "", xff("203.0.113.9"), "203.0.113.9"},
		{"v4:port", "xff:1", "", xff("203.0.113.9:51544"), "203.0.113.9"},
		{"v6", "xff:1", "", xff("2001:db8:40::7"), "2001:db8:40::7"},
		{"[v6]:port", "xff:1", "", xff("[2001:db8:40::7]:443"), "2001:db8:40::7"},
		{"v4 in v6", "xff:1", "", xff("::ffff:203.0.113.9"), "203.0.113.9"},
		{"v4 in v6 with port", "xff:1", "", xff("[::ffff:203.0.113.9]:80"), "203.0.113.9"},
		{"the last of a list", "xff:1", "", xff("10.9.9.9, 203.0.113.9:51544"), "203.0.113.9"},
		{"the last of several headers", "xff:1", "", xff("203.0.113.9", "192.0.2.200"), "192.0.2.200"},
		{"the last of lists in several headers", "xff:2", "", xff("1.1.1.1, 203.0.113.9", "192.0.2.200"), "203.0.113.9"},
		{"second from the right", "xff:2", "", xff("203.0.113.9, 192.0.2.200:3333"), "203.0.113.9"},
		{"third from the right", "xff:3", "", xff("203.0.113.9,192.0.2.200,192.0.2.201"), "203.0.113.9"},
		{"too few", "xff:2", "", xff("203.0.113.9"), ""},
		{"none", "xff:1", "192.0.2.1:1", http.Header{}, ""},
		{"empty", "xff:1", "192.0.2.1:1", xff(""), ""},
		{"empty at the end", "xff:1", "", xff("203.0.113.9,"), ""},
		{"a word", "xff:1", "", xff("unknown"), ""},
		{"a name", "xff:1", "", xff("host.example.test:80"), ""},
		{"a zone", "xff:1", "", xff("fe80::1%eth0"), ""},
		{"leading zeros", "xff:1", "", xff("203.0.113.009"), ""},
		{"too few parts", "xff:1", "", xff("203.0.113"), ""},
		{"v4 in brackets with port", "xff:1", "", xff("[203.0.113.9]:80"), ""},
		{"v4 in brackets", "xff:1", "", xff("[203.0.113.9]"), ""},
		{"brackets the wrong way", "xff:1", "", xff("]203.0.113.9["), ""},
		{"v4 without its port", "xff:1", "", xff("203.0.113.9:"), ""},
		{"v4 with the name of a port", "xff:1", "", xff("203.0.113.9:http"), ""},
		{"v4 with too high a port", "xff:1", "", xff("203.0.113.9:65536"), ""},
		{"the name of a port", "xff:1", "", xff(":http"), ""},
		{"too high a port", "xff:1", "", xff(":99999999"), ""},
		{"v6 in one bracket", "xff:1", "", xff("[2001:db8::7"), ""},
		{"v6 in the other bracket", "xff:1", "", xff("2001:db8::7]"), ""},
		{"v6 in brackets without a port", "xff:1", "", xff("[2001:db8::7]"), ""},
		{"a zone with port", "xff:1", "", xff("[fe80::1%eth0]:80"), ""},
		{"other headers do not count", "xff:1", "192.0.2.1:1", http.Header{"X-Client-Ip": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"}}, ""},

		{"both, with a port", "front-end", "", front(one("203.0.113.9"), one("203.0.113.9:51544")), "203.0.113.9"},
		{"both, v6", "front-end", "", front(one("2001:db8::7"), one("[2001:db8:0::7]:51544")), "2001:db8::7"},
		{"both, v4 in v6", "front-end", "", front(one("203.0.113.9"), one("[::ffff:203.0.113.9]:1")), "203.0.113.9"},
		{"different", "front-end", "", front(one("203.0.113.9"), one("198.51.100.1:80")), ""},
		{"the first only", "front-end", "", front(one("203.0.113.9"), nil), ""},
		{"the second only", "front-end", "", front(nil, one("203.0.113.9:80")), ""},
		{"neither", "front-end", "192.0.2.1:1", nil, ""},
		{"a list", "front-end", "", front(one("203.0.113.9, 198.51.100.1"), one("203.0.113.9:51544")), ""},
		{"two lists", "front-end", "", front(one("203.0.113.9, 198.51.100.1"), one("203.0.113.9, 198.51.100.1")), ""},
		{"a duplicate of the first", "front-end", "", front([]string{"203.0.113.9", "203.0.113.9"}, one("203.0.113.9:80")), ""},
		{"a duplicate of the second", "front-end", "", front(one("203.0.113.9"), []string{"203.0.113.9:80", "203.0.113.9:80"}), ""},
		{"equal, but no addresses", "front-end", "", front(one("unknown"), one("unknown")), ""},
		{"forwarded does not count", "front-end", "192.0.2.1:1", xff("203.0.113.9"), ""},
	} {
		t.Run(c.setting+" "+c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
			r.RemoteAddr = c.peer
			if c.header != nil {
				r.Header = c.header
			}
			a, known := mode(t, c.setting).Of(r)
			if known != (c.want != "") || known && a.String() != c.want {
				t.Errorf("got %v, %v", a, known)
			}
		})
	}
}

// The rules of inbound-security §5. The address comes as the front end writes it.
func TestAddressRules(t *testing.T) {
	ranges := func(list ...string) string {
		for i, s := range list {
			list[i] = `{"addressRange":"` + s + `"}`
		}
		return `{"allowedCallerIpAddresses":[` + strings.Join(list, ",") + `]}`
	}
	for _, c := range []struct {
		name, triggers, address string
		let                     bool
	}{
		{"no section", `{}`, "203.0.113.5", true},
		{"no section and no address", `{}`, "unknown", true},
		{"empty list", `{"allowedCallerIpAddresses":[]}`, "203.0.113.5", false},
		{"older form of the empty list", `{"allowedCallerIpAddresses":[{"addressRange":[]}]}`, "203.0.113.5", false},
		{"entry without a range", `{"allowedCallerIpAddresses":[{}]}`, "203.0.113.5", false},
		{"texts for entries", `{"allowedCallerIpAddresses":["203.0.113.0/24"]}`, "203.0.113.5", false},
		{"blocks everyone", ranges("0.0.0.0-0.0.0.0"), "203.0.113.5", false},
		{"prefix, first", ranges("203.0.113.0/24"), "203.0.113.0", true},
		{"prefix, last", ranges("203.0.113.0/24"), "203.0.113.255", true},
		{"prefix, behind", ranges("203.0.113.0/24"), "203.0.114.0", false},
		{"prefix, before", ranges("203.0.113.0/24"), "203.0.112.255", false},
		{"prefix with host bits", ranges("203.0.113.9/24"), "203.0.113.1", true},
		{"prefix of all", ranges("0.0.0.0/0"), "203.0.113.5", true},
		{"prefix of all v4 is not v6", ranges("0.0.0.0/0"), "2001:db8::1", false},
		{"prefix of one", ranges("203.0.113.5/32"), "203.0.113.5", true},
		{"odd prefix, last", ranges("10.0.0.0/13"), "10.7.255.255", true},
		{"odd prefix, behind", ranges("10.0.0.0/13"), "10.8.0.0", false},
		{"range, first", ranges("198.51.100.7-198.51.100.19"), "198.51.100.7", true},
		{"range, last", ranges("198.51.100.7-198.51.100.19"), "198.51.100.19", true},
		{"range, behind", ranges("198.51.100.7-198.51.100.19"), "198.51.100.20", false},
		{"range, before", ranges("198.51.100.7-198.51.100.19"), "198.51.100.6", false},
		{"range with blanks", ranges("198.51.100.7 - 198.51.100.19"), "198.51.100.9", true},
		{"range over a byte", ranges("10.0.0.250-10.0.1.5"), "10.0.1.0", true},
		{"range, backwards", ranges("203.0.113.9-203.0.113.1"), "203.0.113.5", false},
		{"range of two families", ranges("203.0.113.1-2001:db8::1"), "203.0.113.1", false},
		{"one address", ranges("192.0.2.44"), "192.0.2.44", true},
		{"one other address", ranges("192.0.2.44"), "192.0.2.45", false},
		{"v6 prefix", ranges("2001:db8:40::/48"), "2001:db8:40:1::9", true},
		{"v6 prefix, last", ranges("2001:db8:40::/48"), "2001:db8:40:ffff:ffff:ffff:ffff:ffff", true},
		{"v6 prefix, behind", ranges("2001:db8:40::/48"), "2001:db8:41::", false},
		{"v6 prefix and v4", ranges("2001:db8:40::/48"), "203.0.113.5", false},
		{"v6 prefix of all is not v4", ranges("::/0"), "203.0.113.5", false},
		{"v6 range", ranges("2001:db8::1-2001:db8::ff"), "2001:db8::a", true},
		{"v6 range, behind", ranges("2001:db8::1-2001:db8::ff"), "2001:db8::100", false},
		{"v6 address", ranges("2001:db8::1"), "2001:db8:0::1", true},
		{"caller is v4 in v6", ranges("203.0.113.0/24"), "::ffff:203.0.113.9", true},
		{"rule is v4 in v6", ranges("::ffff:203.0.113.9"), "203.0.113.9", true},
		{"rule is a prefix of v4 in v6, first", ranges("::ffff:203.0.113.0/120"), "203.0.113.0", true},
		{"rule is a prefix of v4 in v6, last", ranges("::ffff:203.0.113.0/120"), "203.0.113.255", true},
		{"rule is a prefix of v4 in v6, behind", ranges("::ffff:203.0.113.0/120"), "203.0.114.0", false},
		{"rule is a prefix of v4 in v6 with host bits", ranges("::ffff:203.0.113.9/120"), "203.0.113.1", true},
		{"rule and caller are v4 in v6", ranges("::ffff:203.0.113.0/120"), "::ffff:203.0.113.9", true},
		{"rule is all of v4 in v6", ranges("::ffff:0.0.0.0/96"), "203.0.113.5", true},
		{"rule is wider than v4 in v6", ranges("::ffff:0.0.0.0/95"), "203.0.113.5", false},
		{"any rule", ranges("192.0.2.0/24", "203.0.113.0/24"), "203.0.113.5", true},
		{"no rule", ranges("192.0.2.0/24", "198.51.100.0/24"), "203.0.113.5", false},
		{"unreadable rule", ranges("host.example.test"), "203.0.113.5", false},
		{"unreadable rule by the side", ranges("203.0.113.0/33", "203.0.113.0/24"), "203.0.113.5", true},
		{"two in one", ranges("10.0.0.0/8,11.0.0.0/8"), "10.0.0.1", false},
		{"empty rule", ranges(""), "203.0.113.5", false},
		{"unreadable address", ranges("0.0.0.0/0", "::/0"), "unknown", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			workflow := target()
			control(t, c.triggers)(workflow)
			d := open(t, workflow, mode(t, "xff:1"))
			answer, body := d.call(t, "PUT", invoke, signed(manualRun, ""), http.Header{"X-Forwarded-For": {c.address}})
			let, _ := d.seen()
			if (len(let) == 1) != c.let {
				t.Fatalf("%d %s", answer.StatusCode, body)
			}
			if !c.let {
				checkError(t, answer, body, 401, "AuthorizationFailed", strings.Replace(notAllowed, "127.0.0.1", c.address, 1))
			}
		})
	}
}

// What a client writes itself does not let it in, in any mode.
func TestForgedAddresses(t *testing.T) {
	for setting, header := range map[string]http.Header{
		"peer":      {"X-Forwarded-For": {"203.0.113.9"}, "X-Client-Ip": {"203.0.113.9"}, "Client-Ip": {"203.0.113.9"}},
		"xff:1":     {"X-Forwarded-For": {"203.0.113.9, 198.51.100.1:4000"}, "X-Client-Ip": {"203.0.113.9"}, "Client-Ip": {"203.0.113.9"}},
		"front-end": {"X-Client-Ip": {"203.0.113.9", "198.51.100.1"}, "Client-Ip": {"203.0.113.9:1", "198.51.100.1:4000"}, "X-Forwarded-For": {"203.0.113.9"}},
	} {
		workflow := target()
		control(t, `{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.9"}]}`)(workflow)
		d := open(t, workflow, mode(t, setting))
		if answer, _ := d.call(t, "PUT", invoke, signed(manualRun, ""), header); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", setting, answer.StatusCode)
		}
	}
}
