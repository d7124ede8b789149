package safedial_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyrack/internal/safedial"
)

// Each URL leads, or led somebody's parser, to a place that no stranger may
// reach. PORT is one that listeners on 127.0.0.1, 127.0.0.3 and ::1 share.
var attacks = []struct {
	name, url string
	refused   bool // by address or port; else there is nothing that could be dialled
}{
	{"loopback", "http://127.0.0.1:PORT/", true},
	{"loopback, another address", "http://127.0.0.3:PORT/", true},
	{"loopback, last address", "http://127.255.255.254:PORT/", true},
	{"unspecified", "http://0.0.0.0:PORT/", true},
	{"this network", "http://0.1.2.3:PORT/", true},
	{"unspecified IPv6", "http://[::]:PORT/", true},
	{"loopback IPv6", "http://[::1]:PORT/", true},
	{"loopback IPv6, long form", "http://[0:0:0:0:0:0:0:1]:PORT/", true},
	{"mapped loopback", "http://[::ffff:127.0.0.1]:PORT/", true},
	{"mapped loopback in hex", "http://[::ffff:7f00:1]:PORT/", true},
	{"mapped private", "http://[::ffff:10.0.0.1]:PORT/", true},
	{"IPv4-compatible loopback", "http://[::127.0.0.1]:PORT/", true},
	{"NAT64 loopback", "http://[64:ff9b::7f00:1]:PORT/", true},
	{"NAT64, local prefix", "http://[64:ff9b:1::7f00:1]:PORT/", true},
	{"6to4 loopback", "http://[2002:7f00:1::]:PORT/", true},
	{"6to4 private", "http://[2002:a00:1::1]:PORT/", true},
	{"Teredo", "http://[2001:0:7f00:1::1]:PORT/", true},
	{"link-local IPv6", "http://[fe80::1]:PORT/", true},
	{"link-local IPv6 with zone", "http://[fe80::1%25lo]:PORT/", true},
	{"loopback with zone", "http://[::1%25lo]:PORT/", true},
	{"site-local IPv6", "http://[fec0::1]:PORT/", true},
	{"unique-local IPv6", "http://[fc00::1]:PORT/", true},
	{"AWS metadata over IPv6", "http://[fd00:ec2::254]:PORT/", true},
	{"multicast IPv6", "http://[ff02::1]:PORT/", true},
	{"documentation IPv6", "http://[2001:db8::1]:PORT/", true},
	{"discard-only IPv6", "http://[100::1]:PORT/", true},
	{"cloud metadata", "http://169.254.169.254:80/latest/meta-data/", true},
	{"link-local", "http://169.254.1.1:PORT/", true},
	{"Alibaba metadata in shared address space", "http://100.100.100.200:80/", true},
	{"shared address space", "http://100.64.0.1:PORT/", true},
	{"Azure's WireServer", "http://168.63.129.16:80/machine/", true},
	{"private 10", "http://10.0.0.1:PORT/", true},
	{"private 172.16", "http://172.16.0.1:PORT/", true},
	{"private 172.31", "http://172.31.255.255:PORT/", true},
	{"private 192.168", "http://192.168.0.1:PORT/", true},
	{"protocol assignments", "http://192.0.0.8:PORT/", true},
	{"benchmarking", "http://198.18.0.1:PORT/", true},
	{"documentation", "http://203.0.113.7:PORT/", true},
	{"multicast", "http://224.0.0.1:PORT/", true},
	{"broadcast", "http://255.255.255.255:PORT/", true},
	{"reserved", "http://240.0.0.1:PORT/", true},
	{"localhost", "http://localhost:PORT/", true},
	{"localhost over TLS", "https://localhost:PORT/", true},
	{"user-info that looks like a host", "http://example.org@127.0.0.1:PORT/", true},
	{"user-info with a port", "http://example.org:80@127.0.0.1:PORT/", true},
	{"full-width digits", "http://１２７.０.０.１:PORT/", true},
	{"ideographic dots", "http://127。0。0。1:PORT/", true},
	{"circled digits", "http://①②⑦.⓪.⓪.①:PORT/", true},
	{"SSH port of a public address", "http://8.8.8.8:22/", true},
	{"SMTP port of a public address", "http://8.8.8.8:25/", true},
	{"PostgreSQL port of a public address", "http://8.8.8.8:5432/", true},
	{"Redis port of a public address", "http://[2606:4700::1111]:6379/", true},
	{"a name inside", "http://inside.test:PORT/", true},
	{"a name for loopback", "http://loopback.test:PORT/", true},
	{"a name for mapped loopback", "http://mapped.test:PORT/", true},
	{"a name for NAT64 loopback", "http://nat64.test:PORT/", true},
	{"a name for nothing but inside", "http://all-inside.test:PORT/", true},

	{"decimal", "http://2130706433:PORT/", false},
	{"octal", "http://0177.0.0.1:PORT/", false},
	{"octal in one", "http://017700000001:PORT/", false},
	{"hex", "http://0x7f000001:PORT/", false},
	{"hex bytes", "http://0x7f.0x0.0x0.0x1:PORT/", false},
	{"short", "http://127.1:PORT/", false},
	{"short unspecified", "http://0:PORT/", false},
	{"trailing dot", "http://127.0.0.1.:PORT/", false},
	{"backslash", `http://example.org\@127.0.0.1:PORT/`, false},
	{"percent-encoded host", "http://%31%32%37.0.0.1:PORT/", false},
	{"line break", "http://127.0.0.1:PORT/\r\nHost: example.org", false},
	{"no host", "http:///etc/passwd", false},
	{"no slashes", "http:127.0.0.1:PORT", false},
	{"file", "file:///etc/passwd", false},
	{"gopher", "gopher://127.0.0.1:PORT/_GET", false},
	{"unix", "unix:/var/run/docker.sock", false},
	{"unix over http", "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", false},
}

func TestNothingInternalIsReached(t *testing.T) {
	t.Parallel()
	listeners := receive(t, "127.0.0.1", "127.0.0.3", "::1")
	dns := newNames(t)
	dns.add("inside.test", internal)
	dns.add("loopback.test", "127.0.0.1", "::1")
	dns.add("mapped.test", "::ffff:127.0.0.1")
	dns.add("nat64.test", "64:ff9b::7f00:1")
	dns.add("all-inside.test", "10.0.0.1", internal, "fc00::1", "::1")
	client := newClient(t, safedial.Options{Resolver: dns.resolver()})
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			url := strings.ReplaceAll(a.url, "PORT", listeners[0].port)
			resp, err := get(t, client, url)
			if err == nil {
				t.Fatalf("GET %s = %s, want an error", url, resp.status)
			}
			if got := errors.Is(err, safedial.ErrRefused); got != a.refused {
				t.Errorf("GET %s: refused %v (%v), want %v", url, got, err, a.refused)
			}
		})
	}
	for _, l := range listeners {
		l.wantConnections(t, 0)
	}
}

// What the table above refuses is refused for its address, not because nothing
// could be reached.
func TestWhatTheOperatorAllowsIsReached(t *testing.T) {
	t.Parallel()
	listeners := receive(t, "127.0.0.1", "127.0.0.3", "::1")
	dns := newNames(t)
	dns.add("inside.test", internal)
	client := newClient(t, safedial.Options{Allow: prefixes("127.0.0.0/8", "::1/128"), Resolver: dns.resolver()})
	for i, hosts := range [][]string{{"127.0.0.1", "[::ffff:127.0.0.1]"}, {"127.0.0.3", "inside.test"}, {"[::1]"}} {
		for _, host := range hosts {
			url := "http://" + host + ":" + listeners[i].port + "/"
			if resp, err := get(t, client, url); err != nil || resp.status != "200 OK" {
				t.Errorf("GET %s = %+v, %v, want 200", url, resp, err)
			}
		}
		listeners[i].wantConnections(t, int32(len(hosts)))
	}
}

func TestNameThatResolvesToBoth(t *testing.T) {
	t.Parallel()
	listeners := receive(t, public, internal)
	dns := newNames(t)
	dns.add("both.test", internal, public)
	client := newClient(t, safedial.Options{Allow: prefixes(public + "/32"), Resolver: dns.resolver()})
	url := "http://both.test:" + listeners[0].port + "/"
	if resp, err := get(t, client, url); err != nil || resp.status != "200 OK" {
		t.Errorf("GET %s = %+v, %v, want 200 from the public address", url, resp, err)
	}
	listeners[0].wantConnections(t, 1)
	client.CloseIdleConnections()
	_ = listeners[0].Close() // the public address refuses; the other must not take its place
	if resp, err := get(t, client, url); err == nil {
		t.Errorf("GET %s = %s, want an error", url, resp.status)
	}
	listeners[1].wantConnections(t, 0)
}

func TestNameThatChangesBetweenCheckAndConnect(t *testing.T) {
	t.Parallel()
	listeners := receive(t, public, internal)
	dns := newNames(t)
	dns.add("rebind.test", public)
	dns.add("rebind.test", internal)
	o := safedial.Options{Allow: prefixes(public + "/32"), Resolver: dns.resolver()}
	url := "http://rebind.test:" + listeners[0].port + "/"
	if err := safedial.New(o).CheckURL(url); err != nil {
		t.Errorf("CheckURL(%q) = %v, want no error", url, err)
	}
	client := newClient(t, o)
	if _, err := get(t, client, url); err != nil {
		t.Fatalf("GET %s = %v, want the public address", url, err)
	}
	client.CloseIdleConnections()
	if _, err := get(t, client, url); !errors.Is(err, safedial.ErrRefused) {
		t.Errorf("GET %s, resolving to %s now = %v, want %v", url, internal, err, safedial.ErrRefused)
	}
	listeners[0].wantConnections(t, 1)
	listeners[1].wantConnections(t, 0)
}

// A receiver on the allow-list sends the client to its neighbour.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	listeners := receive(t, public, internal)
	target := "http://" + internal + ":" + listeners[1].port + "/"
	listeners[0].Handler = http.RedirectHandler(target, http.StatusTemporaryRedirect)
	client := newClient(t, safedial.Options{Allow: prefixes("127.0.0.0/8")})
	resp, err := get(t, client, "http://"+public+":"+listeners[0].port+"/")
	if err != nil || resp.status != "307 Temporary Redirect" {
		t.Fatalf("GET = %v, %v, want the redirect itself", resp, err)
	}
	listeners[1].wantConnections(t, 0)
}

func TestOnlyTheOperatorsPorts(t *testing.T) {
	t.Parallel()
	listeners := receive(t, public)
	o := safedial.Options{Allow: prefixes(public + "/32"), Ports: []uint16{443, 8443}}
	if _, err := get(t, newClient(t, o), "http://"+public+":"+listeners[0].port+"/"); !errors.Is(err, safedial.ErrRefused) {
		t.Errorf("GET port %s = %v, want %v", listeners[0].port, err, safedial.ErrRefused)
	}
	listeners[0].wantConnections(t, 0)
}

// A name server that keeps silent must not hold the client for as long as a
// receiver may take.
func TestSilentNameServer(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	dns := &names{conn: silent}
	client := newClient(t, safedial.Options{Resolver: dns.resolver(), ConnectTimeout: 50 * time.Millisecond, Timeout: time.Hour})
	_, err = get(t, client, "http://silent.test/")
	if dnsErr, ok := errors.AsType[*net.DNSError](err); !ok || !dnsErr.IsTimeout {
		t.Errorf("GET = %v, want a look-up that timed out", err)
	}
}
