package template

import (
	"errors"
	"math/big"
	"net/netip"

	"github.com/latchwork/latchwork/shared/value"
)

var errCIDR = errors.New("a network is written as in CIDR, such as 10.0.0.0/16")

func network(v value.Value) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(v.Str())
	if err != nil {
		return p, errCIDR
	}
	return p.Masked(), nil
}

// offset is the address that many above another.
func offset(a netip.Addr, by *big.Int) (netip.Addr, bool) {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), by)
	size := a.BitLen() / 8
	if sum.Sign() < 0 || len(sum.Bytes()) > size {
		return a, false
	}
	return netip.AddrFromSlice(sum.FillBytes(make([]byte, size)))
}

// hosts is how many addresses a network has.
func hosts(p netip.Prefix) *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
}

func parseCIDR(a []value.Value) (value.Value, error) {
	p, err := network(a[0])
	if err != nil {
		return value.Value{}, err
	}
	whole := hosts(p)
	last, _ := offset(p.Addr(), new(big.Int).Sub(whole, big.NewInt(1)))
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen())), whole)
	netmask, _ := netip.AddrFromSlice(mask.FillBytes(make([]byte, p.Addr().BitLen()/8)))
	first, final := p.Addr(), last
	if p.Addr().Is4() && p.Bits() < 31 {
		first, final = p.Addr().Next(), last.Prev()
	}
	view := members("network", p.Addr().String(), "netmask", netmask.String())
	if p.Addr().Is4() {
		view = view.With("broadcast", value.String(last.String()))
	}
	return view.With("firstUsable", value.String(first.String())).With("lastUsable", value.String(final.String())).With("cidr", value.Int(int64(p.Bits()))), nil
}

// cidrSubnet: a network, the length of the prefix of its parts, which of them.
func cidrSubnet(a []value.Value) (value.Value, error) {
	p, err := network(a[0])
	length, okLength := a[1].AsInt()
	n, okIndex := a[2].AsInt()
	if err != nil || !okLength || !okIndex || length < int64(p.Bits()) || length > int64(p.Addr().BitLen()) || n < 0 {
		return value.Value{}, errCIDR
	}
	part := netip.PrefixFrom(p.Addr(), int(length))
	start, ok := offset(p.Addr(), new(big.Int).Mul(hosts(part), big.NewInt(n)))
	if !ok || !p.Contains(start) {
		return value.Value{}, errors.New("the network has fewer parts")
	}
	return value.String(netip.PrefixFrom(start, int(length)).String()), nil
}

// cidrHost: a network, which of its usable addresses.
func cidrHost(a []value.Value) (value.Value, error) {
	p, err := network(a[0])
	n, ok := a[1].AsInt()
	if err != nil || !ok || n < 0 {
		return value.Value{}, errCIDR
	}
	host, ok := offset(p.Addr(), big.NewInt(n+1))
	if !ok || !p.Contains(host) {
		return value.Value{}, errors.New("the network has fewer addresses")
	}
	return value.String(host.String()), nil
}
