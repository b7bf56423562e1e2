package gate

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// ClientAddress says how the caller's address is read (inbound-security §5.1).
// What a client may write itself is never believed.
type ClientAddress struct {
	mode string
	hops int
}

// The ways to read the caller's address.
var (
	// Peer: the other end of the connection; every header is ignored.
	Peer = ClientAddress{mode: "peer"}
	// FrontEnd: X-Client-IP and Client-IP as the platform's front end writes them,
	// which must agree.
	FrontEnd = ClientAddress{mode: "front-end"}
	// Forwarded: the last entry of X-Forwarded-For, which the one front end has
	// written.
	Forwarded = ClientAddress{"xff", 1}
)

// Headers are those that are read, and so must come from whoever stands in front.
func (c ClientAddress) Headers() []string {
	switch c.mode {
	case "xff":
		return []string{"X-Forwarded-For"}
	case "front-end":
		return []string{"X-Client-Ip", "Client-Ip"}
	}
	return nil
}

// ParseClientAddress reads a setting: peer, front-end or xff:N.
func ParseClientAddress(s string) (ClientAddress, error) {
	switch {
	case s == "peer":
		return Peer, nil
	case s == "front-end":
		return FrontEnd, nil
	case strings.HasPrefix(s, "xff:"):
		if n, err := strconv.Atoi(s[len("xff:"):]); err == nil && n > 0 && n < 100 {
			return ClientAddress{"xff", n}, nil
		}
	}
	return ClientAddress{}, fmt.Errorf("%q is not peer, front-end or xff:N", s)
}

// Of returns the caller's address, or that it cannot be told.
func (c ClientAddress) Of(r *http.Request) (netip.Addr, bool) {
	switch c.mode {
	case "xff":
		var entries []string
		for _, v := range r.Header.Values("X-Forwarded-For") {
			entries = append(entries, strings.Split(v, ",")...)
		}
		if len(entries) < c.hops {
			return netip.Addr{}, false
		}
		return parseAddress(entries[len(entries)-c.hops])
	case "front-end":
		a, okA := single(r.Header.Values("X-Client-Ip"))
		b, okB := single(r.Header.Values("Client-Ip"))
		return a, okA && okB && a == b
	default:
		return parseAddress(r.RemoteAddr)
	}
}

func single(values []string) (netip.Addr, bool) {
	if len(values) != 1 {
		return netip.Addr{}, false
	}
	return parseAddress(values[0])
}

// parseAddress reads v4, v4:port, [v6]:port and v6, and nothing that only looks
// like one of them; v4 inside v6 counts as v4.
func parseAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	a, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(s)
		a = withPort.Addr()
	}
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
