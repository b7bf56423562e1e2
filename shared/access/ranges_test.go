package access

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// compiled are the ranges of a list, and whether it may be saved.
func compiled(t testing.TB, list ...string) (*Ranges, bool) {
	t.Helper()
	entries := make([]value.Value, len(list))
	for i, s := range list {
		entries[i] = value.Object(value.Member{Key: "addressRange", Value: value.String(s)})
	}
	a, problems := Compile(value.Object(value.Member{Key: "triggers", Value: value.Object(
		value.Member{Key: ranges, Value: value.Array(entries...)})}), nil)
	return a.ranges[Triggers], !slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning })
}

// What must not be saved, and lets nobody in if it is there all the same.
func TestRangesThatMeanNothing(t *testing.T) {
	for _, text := range []string{
		"", "203.0.113.0/33", "203.0.113.9-203.0.113.1", "203.0.113.1-2001:db8::1", "host.example.test", "10.0.0.0/8,11.0.0.0/8",
		"10.0.0.1-", "-10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.0/-1", "10.0.0", "fe80::1%eth0", "fe80::1%a-fe80::2", "*", "any",
	} {
		r, ok := compiled(t, text)
		if ok || len(r.v4) > 0 || len(r.v6) > 0 {
			t.Errorf("%q was taken: %+v", text, r)
		}
	}
}

// One search answers what asking each range would, whatever their order and however
// they overlap.
func TestMergedRangesAreTheRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var list []string
		var spans [][2]int
		for range random.IntN(12) {
			from := random.IntN(250)
			to := from + random.IntN(255-from)
			spans = append(spans, [2]int{from, to})
			list = append(list, fmt.Sprintf("10.0.0.%d-10.0.0.%d", from, to), fmt.Sprintf("2001:db8::%x-2001:db8::%x", from, to))
		}
		r, ok := compiled(t, list...)
		if !ok {
			t.Fatalf("%v was refused", list)
		}
		for x := range 256 {
			want := slices.ContainsFunc(spans, func(s [2]int) bool { return s[0] <= x && x <= s[1] })
			v4, v6 := netip.AddrFrom4([4]byte{10, 0, 0, byte(x)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", x))
			if r.Contain(v4) != want || r.Contain(v6) != want || r.Contain(netip.AddrFrom16(v4.As16())) != want {
				t.Fatalf("%d in %v: want %v", x, list, want)
			}
		}
		if len(r.v4) > len(spans) || len(r.v4) != len(r.v6) {
			t.Fatalf("%v gives %v, %v", list, r.v4, r.v6)
		}
	}
}

func TestEndsOfAllAddresses(t *testing.T) {
	r, ok := compiled(t, "255.255.255.0-255.255.255.255", "255.255.255.255", "0.0.0.0/1", "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	for text, want := range map[string]bool{
		"255.255.255.255": true, "255.255.254.255": false, "127.255.255.255": true, "128.0.0.0": false, "0.0.0.1": true,
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": true, "fffe::": false,
		"0.0.0.0": false, "::": false, // nobody calls from there
	} {
		if got := r.Contain(netip.MustParseAddr(text)); got != want || !ok {
			t.Errorf("%s: %v", text, got)
		}
	}
	if r.Contain(netip.Addr{}) || r.Contain(netip.MustParseAddr("ffff::1%eth0")) {
		t.Error("what is no address was let in")
	}
}

func BenchmarkRanges(b *testing.B) {
	for _, family := range []string{"10.%d.%d.0/25", "2001:db8:%d:%d::/64"} {
		var list []string
		for i := range 1000 {
			list = append(list, fmt.Sprintf(family, i/250, i%250))
		}
		r, _ := compiled(b, list...)
		in, out := netip.MustParseAddr("10.2.100.5"), netip.MustParseAddr("10.2.100.200")
		if strings.HasPrefix(family, "2001") {
			in, out = netip.MustParseAddr("2001:db8:2:100::5"), netip.MustParseAddr("2001:db8:9::")
		}
		b.Run(fmt.Sprintf("1000 as %s", family), func(b *testing.B) {
			for b.Loop() {
				if !r.Contain(in) || r.Contain(out) {
					b.Fatal("wrong")
				}
			}
		})
	}
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
		if to.Is4In6() {
			return // a prefix of v6 that holds all of v4, which counts as v4 there
		}
		r := &Ranges{}
		r.add(from, to)
		if !from.IsUnspecified() && !r.Contain(from) || !to.IsUnspecified() && !r.Contain(to) {
			t.Errorf("%q does not hold its ends", s)
		}
		if next := to.Next(); next.IsValid() && r.Contain(next) {
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
