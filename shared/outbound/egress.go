package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrEgress means that the address behind a host name may not be called.
var ErrEgress = errors.New("the address may not be called")

// dial connects, to where the operator redirects a host if to anywhere. check
// looks at the address that is really dialled, after names are resolved, so that a
// host name which resolves to something else the second time gains nothing. A
// redirection is the operator's own word and is not checked.
func (c Config) dial(check func(network, address string, _ syscall.RawConn) error) func(ctx context.Context, network, address string) (net.Conn, error) {
	checked := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second, Resolver: c.Resolver, Control: check}
	free := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second, Resolver: c.Resolver}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if to, ok := c.ConnectTo[strings.ToLower(address)]; ok {
			return free.DialContext(ctx, network, to)
		}
		return checked.DialContext(ctx, network, address)
	}
}

// redirected tells whether the operator sends connections for u elsewhere.
func (c Config) redirected(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	_, ok := c.ConnectTo[strings.ToLower(net.JoinHostPort(u.Hostname(), port))]
	return ok
}

func (c Config) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !c.allowed(target.Addr()) {
		return ErrEgress
	}
	return nil
}

var (
	// ec2Metadata is the metadata address of another cloud in IPv6.
	ec2Metadata = netip.MustParseAddr("fd00:ec2::254")
	// azureWire is the platform's own address, which answers guest agents.
	azureWire = netip.MustParseAddr("168.63.129.16")
	// embedded are the addresses of IPv6 that hold one of IPv4, and at which byte: behind
	// translators (RFC 6052, RFC 8215), behind relays (6to4), and the oldest notation.
	embedded = []struct {
		netip.Prefix
		at int
	}{
		{netip.MustParsePrefix("64:ff9b::/96"), 12},
		{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
		{netip.MustParsePrefix("2002::/16"), 2},
		{netip.MustParsePrefix("::/96"), 12},
	}
	// shared is the address space between carriers and customers (RFC 6598), which
	// clouds use inside.
	shared = netip.MustParsePrefix("100.64.0.0/10")
)

// allowed decides on one address, whatever the notation that hides it.
func (c Config) allowed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, e := range embedded {
		if e.Contains(a) && !a.IsLoopback() {
			b := a.As16()
			a = netip.AddrFrom4([4]byte(b[e.at:]))
		}
	}
	switch {
	case a.IsLinkLocalUnicast(), a == ec2Metadata, a == azureWire, a.IsUnspecified(), a.IsMulticast():
		return false
	case a.IsLoopback():
		return !c.DenyLoopback
	case a.IsPrivate(), shared.Contains(a):
		return !c.DenyPrivate
	}
	return true
}
