package sshd

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	proxyAt    = "127.0.0.7" // the one that is listed
	strangerAt = "127.0.0.8"
	signature2 = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	hello      = "SSH-2.0-x\r\n"
)

// header2 is a header of version 2, whose length may be a lie.
func header2(command, family byte, length int, body string) string {
	b := append([]byte(signature2), command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(length))) + body // #nosec G115 -- short
}

// What stands in the body of a header for each family.
var (
	body4    = string([]byte{203, 0, 113, 9, 192, 0, 2, 1, 0x30, 0x39, 0, 22})
	body6    = string(netip.MustParseAddr("2001:db8::9").AsSlice()) + string(netip.MustParseAddr("2001:db8::1").AsSlice()) + "\x30\x39\x00\x16"
	bodyUnix = "/tmp/a" + strings.Repeat("\x00", 216-6)
)

// tlv is an entry of 3 bytes and more.
func tlv(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value // #nosec G115 -- short
}

func v2(command, family byte, body string) string { return header2(command, family, len(body), body) }

// headers are what a proxy may send first, and whom that makes the client;
// nobody: the connection is cut.
var headers = map[string]struct{ text, client string }{
	"version 1":                    {"PROXY TCP4 203.0.113.9 192.0.2.1 12345 22\r\n", "203.0.113.9"},
	"version 1, IPv6":              {"PROXY TCP6 2001:db8::9 2001:db8::1 12345 22\r\n", "2001:db8::9"},
	"version 1, unknown":           {"PROXY UNKNOWN\r\n", proxyAt},
	"version 1, unknown and more":  {"PROXY UNKNOWN " + strings.Repeat("f", 40) + " 1 2\r\n", proxyAt},
	"version 1, mapped":            {"PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.1 1 2\r\n", "203.0.113.9"},
	"version 1, longest":           {"PROXY UNKNOWN " + strings.Repeat("f", 107-16) + "\r\n", proxyAt},
	"version 1, one too long":      {"PROXY UNKNOWN " + strings.Repeat("f", 108-16) + "\r\n", ""},
	"version 1, 64 KiB":            {"PROXY TCP4 " + strings.Repeat("1", 64<<10), ""},
	"version 1, no end":            {"PROXY TCP4 203.0.113.9 192.0.2.1 12345 22", ""},
	"version 1, no CR":             {"PROXY TCP4 203.0.113.9 192.0.2.1 12345 22\n", ""},
	"version 1, small letters":     {"proxy tcp4 203.0.113.9 192.0.2.1 12345 22\r\n", ""},
	"version 1, UDP":               {"PROXY UDP4 203.0.113.9 192.0.2.1 12345 22\r\n", ""},
	"version 1, wrong family":      {"PROXY TCP4 2001:db8::9 2001:db8::1 12345 22\r\n", ""},
	"version 1, address short":     {"PROXY TCP4 203.0.113 192.0.2.1 12345 22\r\n", ""},
	"version 1, address by name":   {"PROXY TCP4 localhost 192.0.2.1 12345 22\r\n", ""},
	"version 1, address octal":     {"PROXY TCP4 0203.0.113.9 192.0.2.1 12345 22\r\n", ""},
	"version 1, zone":              {"PROXY TCP6 fe80::1%eth0 2001:db8::1 12345 22\r\n", ""},
	"version 1, no address at all": {"PROXY TCP4 0.0.0.0 192.0.2.1 12345 22\r\n", ""},
	"version 1, many receivers":    {"PROXY TCP4 224.0.0.1 192.0.2.1 12345 22\r\n", ""},
	"version 1, port too large":    {"PROXY TCP4 203.0.113.9 192.0.2.1 65536 22\r\n", ""},
	"version 1, port negative":     {"PROXY TCP4 203.0.113.9 192.0.2.1 -1 22\r\n", ""},
	"version 1, two blanks":        {"PROXY  TCP4 203.0.113.9 192.0.2.1 12345 22\r\n", ""},
	"version 1, a tab":             {"PROXY\tTCP4 203.0.113.9 192.0.2.1 12345 22\r\n", ""},
	"version 1, a field too many":  {"PROXY TCP4 203.0.113.9 192.0.2.1 12345 22 x\r\n", ""},
	"version 1, NUL":               {"PROXY TCP4 203.0.113.9\x00 192.0.2.1 12345 22\r\n", ""},
	"version 1, half":              {"PROX", ""},
	"version 1, another word":      {"PROXYS TCP4 203.0.113.9 192.0.2.1 12345 22\r\n", ""},

	"version 2":                       {v2(0x21, 0x11, body4), "203.0.113.9"},
	"version 2, IPv6":                 {v2(0x21, 0x21, body6), "2001:db8::9"},
	"version 2, with entries":         {v2(0x21, 0x11, body4+tlv(4, "")+tlv(2, "keys.example.org")), "203.0.113.9"},
	"version 2, most entries":         {v2(0x21, 0x11, body4+tlv(4, strings.Repeat("\x00", 4096-15))), "203.0.113.9"},
	"version 2, entries too large":    {v2(0x21, 0x11, body4+tlv(4, strings.Repeat("\x00", 4097-15))), ""},
	"version 2, entries of 64 KiB":    {v2(0x21, 0x11, body4+tlv(4, strings.Repeat("\x00", 65535-15))), ""},
	"version 2, entry that lies":      {v2(0x21, 0x11, body4+"\x04\xff\xff"), "203.0.113.9"}, // nobody reads entries
	"version 2, local":                {v2(0x20, 0x00, ""), proxyAt},
	"version 2, local with addresses": {v2(0x20, 0x11, body4), proxyAt},
	"version 2, local, family short":  {v2(0x20, 0x11, "abc"), proxyAt},
	"version 2, local, 64 KiB":        {header2(0x20, 0x00, 65535, strings.Repeat("x", 65535)), ""},
	"version 2, no family":            {v2(0x21, 0x00, ""), ""},
	"version 2, UDP":                  {v2(0x21, 0x12, body4), ""},
	"version 2, UDP, IPv6":            {v2(0x21, 0x22, body6), ""},
	"version 2, a file":               {v2(0x21, 0x31, bodyUnix), ""},
	"version 2, unknown family":       {v2(0x21, 0x41, body4), ""},
	"version 2, unknown transport":    {v2(0x21, 0x13, body4), ""},
	"version 2, unknown command":      {v2(0x22, 0x11, body4), ""},
	"version 2, version 3":            {v2(0x31, 0x11, body4), ""},
	"version 2, no address at all":    {v2(0x21, 0x11, strings.Repeat("\x00", 12)), ""},
	"version 2, shorter than said":    {header2(0x21, 0x11, 200, body4), ""},
	"version 2, longer than said":     {header2(0x21, 0x11, 4, body4), ""},
	"version 2, IPv6 as IPv4":         {v2(0x21, 0x21, body4), ""},
	"version 2, nothing said":         {header2(0x21, 0x11, 0, body4), ""},
	"version 2, signature alone":      {signature2, ""},
	"version 2, half of it":           {signature2[:7], ""},
	"version 2, no length":            {signature2 + "\x21\x11", ""},

	"none":             {"", ""},
	"nothing but SSH":  {"SSH-2.0-y\r\n", ""},
	"HTTP":             {"GET / HTTP/1.1\r\n\r\n", ""},
	"two of version 1": {"PROXY TCP4 203.0.113.9 192.0.2.1 1 2\r\nPROXY TCP4 203.0.113.66 192.0.2.1 1 2\r\n", "203.0.113.9"},
	"two of version 2": {v2(0x21, 0x11, body4) + v2(0x21, 0x21, body6), "203.0.113.9"},
	"both versions":    {v2(0x21, 0x11, body4) + "PROXY TCP4 203.0.113.66 192.0.2.1 1 2\r\n", "203.0.113.9"},
}

// behind is a world whose server has a proxy before it, and waits for ever for
// what comes after a header: what is cut in time is cut for its header.
func behind(t testing.TB, change func(*Options)) *world {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, Behind([]netip.Prefix{netip.MustParsePrefix(proxyAt + "/32")}, ln), func(o *Options) {
		o.IdentifyGrace, o.MaxConnections, o.PerSource = time.Hour, 1000, 1000
		if change != nil {
			change(o)
		}
	})
}

// arrival is a connection to a world of its own.
type arrival struct {
	*world
	nc net.Conn
}

// arrive connects and sends something first, for each of some cases. They are
// all under way before any is looked at, so that the times they take are one.
func arrive(t *testing.T, from string, sent map[string]string) map[string]arrival {
	t.Helper()
	all := make(map[string]arrival, len(sent))
	for name, text := range sent {
		w := behind(t, nil)
		all[name] = arrival{w, dialFrom(t, from, w.addr)}
		_, _ = io.WriteString(all[name].nc, text)
	}
	return all
}

// wantKnownAs checks by whose address a connection that came to nothing is known.
func (w *world) wantKnownAs(t *testing.T, name, address string) {
	t.Helper()
	if line := w.next(); line.Address != address || line.Outcome != string(outcomeNoLogin) || line.Level != "INFO" {
		t.Errorf("%s: logged %+v, want %s", name, line, address)
	}
}

// Whatever a proxy sends first, the client is known by its address or the
// connection is cut. No second header counts.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	sent := map[string]string{}
	for name, h := range headers {
		sent[name] = h.text
	}
	for name, a := range arrive(t, proxyAt, sent) {
		client := headers[name].client
		r := bufio.NewReader(a.nc)
		if line, err := r.ReadString('\n'); (line == serverVersion+"\r\n") != (client != "") {
			t.Errorf("%s: greeted with %q, %v; want the client to be %q", name, line, err, client)
		}
		_, _ = io.WriteString(a.nc, "\x00") // no greeting of SSH: the end
		if _, err := io.Copy(io.Discard, r); !hungUp(err) {
			t.Errorf("%s: not cut: %v", name, err)
		}
		a.wantKnownAs(t, name, cmp.Or(client, proxyAt))
	}
}

// A header that comes a byte at a time is not waited for.
func TestProxyHeadersDripping(t *testing.T) {
	t.Parallel()
	all := arrive(t, proxyAt, map[string]string{
		"nothing": "", "version 1": "PROXY TCP4 1", "version 2": signature2, "in the addresses": header2(0x21, 0x11, 4000, "abc"),
		"in the entries": header2(0x21, 0x11, 4000, body4+tlv(4, "abc")), "local": header2(0x20, 0, 4000, "abc"),
	})
	var dripping sync.WaitGroup
	for _, a := range all {
		dripping.Go(func() { drip(t, a.nc) })
	}
	dripping.Wait()
	for name, a := range all {
		a.wantKnownAs(t, name, proxyAt)
	}
}

// Nobody else is believed: what a stranger sends first is cut as no SSH, at its
// first byte, and he is known by his own address.
func TestProxyHeadersOfStrangers(t *testing.T) {
	t.Parallel()
	sent := map[string]string{}
	for name, h := range headers {
		if h.text != "" && !strings.HasPrefix(h.text, "SSH-") {
			sent[name] = h.text[:1]
		}
	}
	for name, a := range arrive(t, strangerAt, sent) {
		if got, err := io.ReadAll(a.nc); string(got) != serverVersion+"\r\n" || !hungUp(err) {
			t.Errorf("%s: got %q, %v; want the greeting and the end", name, got, err)
		}
		a.wantKnownAs(t, name, strangerAt)
	}
	behind(t, nil).honest(t) // from an address that is no proxy's, without a header
}

// A client behind a proxy logs in like any other, and is counted by its own
// address: of one /64 of IPv6 as many connections are held as of one IPv4 address.
func TestLimitsBehindAProxy(t *testing.T) {
	t.Parallel()
	w := behind(t, func(o *Options) { o.PerSource = 3 })
	held := func(client string) bool {
		nc := dialFrom(t, proxyAt, w.addr)
		family := "TCP4"
		if strings.Contains(client, ":") {
			family = "TCP6"
		}
		_, _ = fmt.Fprintf(nc, "PROXY %s %s %s 1 2\r\n", family, client, client)
		line, err := bufio.NewReader(nc).ReadString('\n')
		if line != serverVersion+"\r\n" && line != textBusy {
			t.Errorf("%s is greeted with %q, %v", client, line, err)
		}
		return line != textBusy
	}
	for i, tt := range []struct {
		client string
		want   bool
	}{
		{"2001:db8:0:1::1", true}, {"2001:db8:0:1::2", true}, {"2001:db8:0:1:ffff::3", true}, {"2001:db8:0:1::4", false}, {"2001:db8:0:1:8000::", false},
		{"2001:db8:0:2::1", true}, {"203.0.113.1", true}, {"203.0.113.1", true}, {"203.0.113.1", true}, {"203.0.113.1", false}, {"203.0.113.2", true},
		{"::ffff:203.0.113.1", false}, {"::ffff:203.0.113.2", true},
	} {
		if got := held(tt.client); got != tt.want {
			t.Errorf("connection %d, of %s, is held: %t, want %t", i+1, tt.client, got, tt.want)
		}
	}
}

// fed is a listener that gives one connection, from which some bytes come.
type fed struct {
	net.Listener
	conn net.Conn
}

func (f fed) Accept() (net.Conn, error) { return f.conn, nil }

// fedConn is a connection that has sent what it will.
type fedConn struct {
	net.Conn
	peer net.Addr
	io.Reader
}

func (c fedConn) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c fedConn) RemoteAddr() net.Addr            { return c.peer }
func (c fedConn) LocalAddr() net.Addr             { return c.peer }
func (c fedConn) SetReadDeadline(time.Time) error { return nil }

// through gives whom a peer's bytes make the client, and what is read of them.
func through(t *testing.T, peer string, sent []byte) (netip.Addr, []byte, error) {
	t.Helper()
	conn := fedConn{peer: &net.TCPAddr{IP: net.ParseIP(peer), Port: 1}, Reader: bytes.NewReader(sent)}
	nc, err := Behind([]netip.Prefix{netip.MustParsePrefix(proxyAt + "/32")}, fed{conn: conn}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := addressOf(nc.RemoteAddr())
	rest, err := io.ReadAll(nc)
	return client, rest, err
}

// Whatever is sent, a stranger stays who he is and every byte of his comes
// through. Of a proxy's nothing comes through but what follows a whole header,
// and the client is who that says, which has an address.
func FuzzProxyHeader(f *testing.F) {
	for _, h := range headers {
		f.Add([]byte(h.text + hello))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if client, rest, err := through(t, strangerAt, sent); client.String() != strangerAt || !bytes.Equal(rest, sent) || err != nil {
			t.Errorf("a stranger is %v, %q comes through, %v", client, rest, err)
		}
		client, rest, err := through(t, proxyAt, sent)
		if err != nil {
			if client.String() != proxyAt || len(rest) > 0 {
				t.Errorf("refused, but the client is %v and %q comes through", client, rest)
			}
			return
		}
		header, bad := proxyproto.Read(bufio.NewReader(bytes.NewReader(sent)))
		if bad != nil || !bytes.HasSuffix(sent, rest) || len(rest) == len(sent) {
			t.Errorf("%q comes through after no header (%v)", rest, bad)
			return
		}
		want := netip.MustParseAddr(proxyAt)
		if source, _, ok := header.TCPAddrs(); ok && !header.Command.IsLocal() {
			want = addressOf(source)
		}
		if client != want || !client.IsValid() || client.IsUnspecified() || client.IsMulticast() {
			t.Errorf("the client is %v, want %v", client, want)
		}
	})
}
