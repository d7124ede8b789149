package server

import (
	"net"
)

// SSHCommand is what a person types to connect to a session.
func SSHCommand(identifier, address string) string {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return "ssh " + identifier + "@" + address
	case port == "22":
		return "ssh " + identifier + "@" + host
	}
	return "ssh -p " + port + " " + identifier + "@" + host
}

// reachable is a listener's address as one types it on the same machine: a
// listener on all interfaces is reached on loopback.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
