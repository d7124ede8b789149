package sshd

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// headerTime is how long a proxy may take for its header, which it sends at once.
const headerTime = 3 * time.Second

// Behind gives connections from the listed proxies the client's address, which
// the PROXY protocol's header tells (version 1 or 2). Each of theirs has to begin
// with one, as the protocol's description asks: a guess whether one comes could
// be led astray. From anyone else a header is what it is to SSH, a wrong
// greeting: to be believed it would be a way to choose one's own address.
func Behind(proxies []netip.Prefix, l net.Listener) net.Listener {
	if len(proxies) == 0 {
		return l
	}
	return &proxyproto.Listener{
		Listener: l, ReadHeaderTimeout: headerTime, ValidateHeader: checkHeader,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if isAmong(proxies, addressOf(o.Upstream)) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}

var errNoClient = errors.New("the PROXY header names no client over TCP")

// checkHeader refuses a header that tells of something else than a TCP
// connection: it would leave the client without an address, and with that
// without limits of its own. The proxy's own connections, and those of which it
// says that it does not know, are its own.
func checkHeader(h *proxyproto.Header) error {
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return nil
	}
	source, _, ok := h.TCPAddrs()
	if client := addressOf(source); !ok || !client.IsValid() || client.IsUnspecified() || client.IsMulticast() {
		return errNoClient
	}
	return nil
}

func isAmong(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
