package face

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddr gives the address of the client that sent r: the peer's, or,
// where the peer is a trusted proxy, the right-most address of X-Forwarded-For
// that is not of a trusted proxy.
//
// Whatever stands further left was written by that client and could be
// anything; so could the whole header of a peer that is not on the list. What
// cannot be read ends the walk at the last proxy known to be ours. The address
// is zero where the peer has none, as on a Unix socket.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok || !isOneOf(client, trusted) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := parseAddr(strings.TrimSpace(hop))
		if !ok {
			return client
		}
		client = addr
		if !isOneOf(client, trusted) {
			return client
		}
	}
	return client
}

// FromProxy tells whether the peer that sent r is a trusted proxy, whose word on
// what it was asked is good.
func FromProxy(r *http.Request, trusted []netip.Prefix) bool {
	peer, ok := parseAddr(r.RemoteAddr)
	return ok && isOneOf(peer, trusted)
}

// parseAddr reads an address with or without a port. IPv4 in IPv6 clothes is
// unmapped and zones are dropped, so that one client has one address.
func parseAddr(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

func isOneOf(addr netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}
