package access

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Ranges are addresses: sorted, and apart from each other. None at all let only
// other workflows in, which do not come by an address.
type Ranges struct {
	v4 []span[uint32]
	v6 []span[netip.Addr]
}

type span[T any] struct{ from, to T }

// ranges reads a list of { "addressRange": … }. In its older form an empty list is
// one entry whose addressRange is an empty array.
func (c *compiler) ranges(list value.Value, at *value.Path) *Ranges {
	all := &Ranges{}
	if list.Kind() != value.KindArray {
		c.fail(Malformed, at, "The allowed caller IP addresses must be an array.")
		return all
	}
	for i, entry := range list.Elements {
		at := at.Index(i)
		given := entry.Member("addressRange")
		text, isText := given.AsString()
		switch {
		case given.Kind() == value.KindArray && given.Len() == 0:
		case !isText:
			c.fail(Malformed, at, "An allowed caller IP address must be an object with the text 'addressRange'.")
		default:
			if from, to, ok := parseRange(text); ok {
				all.add(from, to)
			} else {
				c.fail(Invalid, at.Key("addressRange"), "The IP address range '%s' is not valid. It must be an address, a prefix such as '192.0.2.0/24', or the first and the last address of a range, such as '192.0.2.1-192.0.2.9'.", shown(given))
			}
		}
		c.known(entry, at, "addressRange")
	}
	all.v4 = merge(all.v4, compare, func(n uint32) uint32 { return max(n, n+1) })
	all.v6 = merge(all.v6, netip.Addr.Compare, func(a netip.Addr) netip.Addr {
		if next := a.Next(); next.IsValid() {
			return next
		}
		return a
	})
	return all
}

// shown is a text as a message may quote it: not where it derives from a secret.
func shown(v value.Value) string {
	if v.Marked() {
		return "[redacted]"
	}
	return v.Str()
}

func compare(a, b uint32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r *Ranges) add(from, to netip.Addr) {
	if from.Is4() {
		r.v4 = append(r.v4, span[uint32]{number(from), number(to)})
	} else {
		r.v6 = append(r.v6, span[netip.Addr]{from, to})
	}
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

// merge sorts spans and joins those that overlap or touch, so that one search
// answers.
func merge[T any](list []span[T], compare func(a, b T) int, next func(T) T) []span[T] {
	slices.SortFunc(list, func(a, b span[T]) int { return compare(a.from, b.from) })
	joined := list[:0]
	for _, s := range list {
		last := len(joined) - 1
		switch {
		case last < 0 || compare(s.from, next(joined[last].to)) > 0:
			joined = append(joined, s)
		case compare(s.to, joined[last].to) > 0:
			joined[last].to = s.to
		}
	}
	return joined
}

// Contain tells whether an address is in one of the ranges. v4 inside v6 counts as
// v4; the unspecified address is nobody's.
func (r *Ranges) Contain(a netip.Addr) bool {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.Zone() != "":
		return false
	case a.Is4():
		return within(r.v4, number(a), compare)
	default:
		return within(r.v6, a, netip.Addr.Compare)
	}
}

func within[T any](list []span[T], x T, compare func(a, b T) int) bool {
	low, high := 0, len(list) // the last span that begins at x or before is at low-1
	for low < high {
		if middle := int(uint(low+high) >> 1); compare(list[middle].from, x) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low > 0 && compare(x, list[low-1].to) <= 0
}

// parseRange reads an address, a prefix or first-last, in v4 or v6. Host bits of a
// prefix do not count.
func parseRange(s string) (from, to netip.Addr, ok bool) {
	s = strings.TrimSpace(s)
	if p, err := netip.ParsePrefix(s); err == nil {
		p = unmapPrefix(p).Masked()
		return p.Addr(), lastOf(p), true
	}
	first, last, isRange := strings.Cut(s, "-")
	from, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil || from.Zone() != "" {
		return from, to, false
	}
	if from = from.Unmap(); !isRange {
		return from, from, true
	}
	to, err = netip.ParseAddr(strings.TrimSpace(last))
	to = to.Unmap()
	return from, to, err == nil && to.Zone() == "" && from.Is4() == to.Is4() && from.Compare(to) <= 0
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
