package safedial

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// ErrRefused is the cause of every error about an address or a port that may
// not be connected to. Such an error names the address, which is for the
// operator: whoever gave the URL would learn from it what internal names
// resolve to.
var ErrRefused = errors.New("not allowed to connect")

// Options says what a [Guard] lets through. The zero value reaches the public
// internet alone.
type Options struct {
	// Allow lists the prefixes that may be reached although they are internal
	// or special, as 10.1.2.0/24 or fd00:1::/64. To reach IPv4 through NAT64
	// allow 64:ff9b::/96; the IPv4 address inside must be allowed as well.
	Allow []netip.Prefix

	// Ports lists the only ports that may be reached. Empty: 80, 443 and the
	// unprivileged ones, where people run their receivers, save those of
	// well-known services that a request could make act. The addresses guard
	// the operator's own network; ports guard others from being tried out in
	// his name, and the rest of what is behind a prefix he allows.
	Ports []uint16

	RootCAs        *x509.CertPool // whose certificates hold; nil: the system's
	Resolver       *net.Resolver  // nil: the system's
	ConnectTimeout time.Duration  // for the name, the connection, and again for TLS; zero: 5 s
	Timeout        time.Duration  // of a whole exchange, the reply's body included; zero: 30 s
}

// Guard decides where may be connected to.
type Guard struct {
	options Options
	special *ssrf.Guardian
}

// wireServer is where every machine on Azure reaches the platform beneath it:
// a public address that no registry calls special.
var wireServer = netip.MustParsePrefix("168.63.129.16/32")

// New makes a Guard.
func New(o Options) *Guard {
	var v4, v6 []netip.Prefix
	for _, p := range o.Allow {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return &Guard{options: o, special: ssrf.New(
		ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...),
		ssrf.WithDeniedV4Prefixes(wireServer),
	)}
}

// control is called by the dialer for each address it is about to connect to.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused(err)
	}
	if !g.allowsPort(target.Port()) {
		return fmt.Errorf("%w: port %d", ErrRefused, target.Port())
	}
	return g.checkAddr(target.Addr())
}

// checkAddr refuses addresses that are special and not allowed. A NAT64
// gateway goes on to the IPv4 address inside, so that one counts too.
func (g *Guard) checkAddr(ip netip.Addr) error {
	if err := g.special.SafeAddr(ip); err != nil {
		return refused(err)
	}
	if ssrf.IPv6NAT64Prefix.Contains(ip) {
		inner := ip.As16()
		return g.checkAddr(netip.AddrFrom4([4]byte(inner[12:])))
	}
	return nil
}

func refused(err error) error { return fmt.Errorf("%w: %w", ErrRefused, err) }

// notReceivers are unprivileged ports of well-known services that take commands
// out of the middle of an HTTP request (databases, caches, brokers), or that
// act on any HTTP request that reaches them (container and cluster control).
var notReceivers = []uint16{
	1433,       // Microsoft SQL Server
	1521,       // Oracle
	2375, 2376, // Docker
	2379, 2380, // etcd
	3306,        // MySQL
	5432,        // PostgreSQL
	5672,        // AMQP
	6379,        // Redis
	6443, 10250, // Kubernetes
	9042,       // Cassandra
	9200, 9300, // Elasticsearch
	11211, 27017, // memcached, MongoDB
}

func (g *Guard) allowsPort(port uint16) bool {
	if len(g.options.Ports) > 0 {
		return slices.Contains(g.options.Ports, port)
	}
	return port == 80 || port == 443 || port >= 1024 && !slices.Contains(notReceivers, port)
}
