package safedial

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	maxHeader  = 32 << 10  // bytes of a reply's headers, interim replies included
	maxBacklog = 256 << 10 // bytes of a reply's body that HTTP/2 may send unread
)

// Client makes a client whose every connection the guard has let through. Make
// one and share it: it keeps connections for the next request.
func (g *Guard) Client() *http.Client {
	connect := cmp.Or(g.options.ConnectTimeout, 5*time.Second)
	dialer := &net.Dialer{Timeout: connect, Resolver: g.options.Resolver, Control: g.control}
	return &http.Client{
		Timeout:       cmp.Or(g.options.Timeout, 30*time.Second),
		CheckRedirect: stay,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext, // and no Proxy: a proxy would do the dialling
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: g.options.RootCAs},
			TLSHandshakeTimeout:    connect,
			DisableCompression:     true, // a few bytes could unpack to gigabytes
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           100,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true, // off by default beside a DialContext
			HTTP2: &http.HTTP2Config{
				MaxReceiveBufferPerStream:     maxBacklog,
				MaxReceiveBufferPerConnection: 1 << 20,
				SendPingTimeout:               15 * time.Second, // requests share a connection, which may have died
				PingTimeout:                   15 * time.Second,
				WriteByteTimeout:              15 * time.Second,
			},
		},
	}
}

// stay makes a redirect the reply. Where it leads was never checked, and the
// headers meant for one receiver would go to another.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
