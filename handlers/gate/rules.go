package gate

import (
	"net/netip"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// rules are the ranges of an allow-list. An empty one lets only other workflows
// in, which do not come this way.
type rules []struct{ from, to netip.Addr }

// parseRules reads a list of { "addressRange": … }. A range that cannot be read
// allows nobody.
func parseRules(list value.Value) rules {
	var all rules
	for _, entry := range list.Elements {
		text, ok := entry.Member("addressRange").AsString()
		if !ok {
			continue // the older form of an empty list: an array
		}
		if from, to, ok := parseRange(text); ok {
			all = append(all, struct{ from, to netip.Addr }{from, to})
		}
	}
	return all
}

// parseRange reads an address, a prefix or first-last, in v4 or v6.
func parseRange(s string) (from, to netip.Addr, ok bool) {
	s = strings.TrimSpace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		p = unmapPrefix(p).Masked()
		return p.Addr(), lastOf(p), true
	}
	first, last, isRange := strings.Cut(s, "-")
	from, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil {
		return from, to, false
	}
	if !isRange {
		return from.Unmap(), from.Unmap(), true
	}
	to, err = netip.ParseAddr(strings.TrimSpace(last))
	return from.Unmap(), to.Unmap(), err == nil && from.Unmap().Is4() == to.Unmap().Is4()
}

// unmapPrefix: callers in v4 count as v4, however they are written, and so do the
// rules. A prefix that is wider than all of v4 stays one of v6.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits in front of v4 inside v6
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (l rules) allow(a netip.Addr) bool {
	for _, r := range l {
		if a.Is4() == r.from.Is4() && r.from.Compare(a) <= 0 && a.Compare(r.to) <= 0 {
			return true
		}
	}
	return false
}
