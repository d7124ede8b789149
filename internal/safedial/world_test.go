package safedial_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"keyrack/internal/safedial"
)

// TestMain names a proxy that nobody runs. A client that took it from the
// environment would fail each test that asks for a host by name.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Setenv(name, "http://127.0.0.1:9"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// The tests stay on loopback, so two of its addresses play the internet, where
// the operator lets everybody, and the inside.
const (
	public   = "127.0.0.2"
	internal = "127.0.0.3"
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

func newClient(t *testing.T, o safedial.Options) *http.Client {
	t.Helper()
	c := safedial.New(o).Client()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

type reply struct {
	status string
	proto  int
	header http.Header
	body   string
}

// get asks for a URL and reads the whole reply.
func get(t *testing.T, c *http.Client, url string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return reply{}, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.Status, resp.ProtoMajor, resp.Header, string(body)}, err
}

// receiver answers every request with 200 and counts the connections made to it.
type receiver struct {
	*http.Server
	port        string
	connections atomic.Int32
}

// receive opens a receiver on each host, all on one port.
func receive(t *testing.T, hosts ...string) []*receiver {
	t.Helper()
	port := "0"
	var all []*receiver
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		r := &receiver{port: port}
		r.Server = &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		r.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				r.connections.Add(1)
			}
		}
		go func() { _ = r.Serve(l) }()
		t.Cleanup(func() { _ = r.Close() })
		all = append(all, r)
	}
	return all
}

// wantConnections checks how many connections reached a receiver.
func (r *receiver) wantConnections(t *testing.T, want int32) {
	t.Helper()
	if got := r.connections.Load(); got != want {
		t.Errorf("connections to port %s: %d, want %d", r.port, got, want)
	}
}

// names is a DNS server on loopback. Each look-up of a name takes the next of
// its answers; the last one stays.
type names struct {
	conn net.PacketConn
	mu   sync.Mutex
	have map[string][][]netip.Addr
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn, have: map[string][][]netip.Addr{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return n
}

// add gives a name one more answer.
func (n *names) add(name string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		answer[i] = netip.MustParseAddr(a)
	}
	n.have[name] = append(n.have[name], answer)
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
		if err == nil { // a look-up that nobody waits for any more would go on for seconds
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}}
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = n.conn.WriteTo(n.answer(buf[:size]), from)
	}
}

const (
	typeA    = 1
	typeAAAA = 28
)

// answer makes the reply to a query with one question (RFC 1035, section 4).
func (n *names) answer(query []byte) []byte {
	name, end := question(query)
	kind := binary.BigEndian.Uint16(query[end:])
	addrs, known := n.next(name, kind)
	flags := uint16(0x8180)
	if !known {
		flags |= 3 // no such name
	}
	var records []byte
	count := uint16(0)
	for _, a := range addrs {
		if a.Is4() != (kind == typeA) {
			continue
		}
		records = append(records, 0xc0, 12) // the name is that of the question
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0) // IN, not to be kept
		records = binary.BigEndian.AppendUint16(records, uint16(len(a.AsSlice())))
		records = append(records, a.AsSlice()...)
		count++
	}
	reply := append([]byte{}, query[:2]...)
	for _, v := range []uint16{flags, 1, count, 0, 0} {
		reply = binary.BigEndian.AppendUint16(reply, v)
	}
	reply = append(reply, query[12:end+4]...)
	return append(reply, records...)
}

// next gives the answer to a question. Resolvers ask for A and AAAA of a name
// side by side; only the first moves on, as all that change here are IPv4.
func (n *names) next(name string, kind uint16) ([]netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answers := n.have[name]
	if len(answers) == 0 {
		return nil, false
	}
	if kind == typeA && len(answers) > 1 {
		n.have[name] = answers[1:]
	}
	return answers[0], true
}

// question reads the name that a query asks for, and where it ends.
func question(query []byte) (string, int) {
	var labels []string
	at := 12
	for query[at] != 0 {
		size := int(query[at])
		labels = append(labels, string(query[at+1:at+1+size]))
		at += 1 + size
	}
	return strings.ToLower(strings.Join(labels, ".")), at + 1
}
