package webhook_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/safedial"
	"keyrack/internal/webhook"
)

// Receivers live on an address that the operator allows; nothing else of
// loopback is.
const allowed = "127.0.0.2"

func dialOptions() safedial.Options {
	return safedial.Options{
		Allow:   []netip.Prefix{netip.MustParsePrefix(allowed + "/32")},
		Timeout: time.Minute, ConnectTimeout: time.Minute,
	}
}

// serve opens a receiver; begin is its Start or StartTLS.
func serve(t *testing.T, h http.HandlerFunc, begin func(*httptest.Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", allowed+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}}
	begin(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func plain(s *httptest.Server) { s.Start() }

// speak opens a TCP server that treats each connection as told.
func speak(t *testing.T, to func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", allowed+":0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	over, stop := context.WithCancel(context.Background())
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(over, func() { _ = conn.Close() })
			all.Go(func() {
				to(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		stop()
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

// withCertificate serves over TLS with a certificate that an authority signed,
// or nobody but itself where there is none.
func withCertificate(t *testing.T, c, parent *x509.Certificate, by *ecdsa.PrivateKey) func(*httptest.Server) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, by = c, key
	}
	c.SerialNumber = big.NewInt(1)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		s.StartTLS()
	}
}

// deliver sends one event to a URL and gives what was recorded.
func deliver(t *testing.T, o safedial.Options, url string) core.Attempt {
	t.Helper()
	q := newQueue()
	q.add(hook(1, url), 1)
	start(t, webhook.Options{Queue: q, Client: safedial.New(o).Client()})
	q.wait(1)
	return q.only(t, 1)
}

// flood writes a reply that never ends, as fast as it is taken.
func flood(w http.ResponseWriter, _ *http.Request) {
	chunk := bytes.Repeat([]byte("all work and no play\n"), 1<<10)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, ".")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// bomb gives two megabytes that unpack to two gigabytes.
func bomb(t *testing.T) http.HandlerFunc {
	t.Helper()
	var part bytes.Buffer
	z := gzip.NewWriter(&part)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_ = z.Close()
	all := bytes.Repeat(part.Bytes(), 2<<10)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(all)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

const slow = "no reply in time"

func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		handle http.HandlerFunc
		status int
		reason string
	}{
		{"never answers", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // to be told when the client leaves
			<-r.Context().Done()
		}, 0, slow},
		{"answers byte by byte for ever", drip, 200, slow},
		{"endless body", flood, 200, "the reply is longer than 1 MiB"},
		{"gzip bomb", bomb(t), 200, "the reply is longer than 1 MiB"},
		{"64 KiB of headers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Huge", strings.Repeat("a", 64<<10))
		}, 0, "no valid reply"},
		{"cut before the reply", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "the connection was cut"},
		{"cut within the reply", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 200, "the connection was cut"},
		{"redirect inwards", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:80/", http.StatusFound)
		}, 302, "status 302: redirects are not followed"},
		{"redirect that keeps the method", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:80/", http.StatusPermanentRedirect)
		}, 308, "status 308: redirects are not followed"},
		{"not modified", status(304), 304, "status 304: redirects are not followed"},
		{"not found", status(404), 404, "status 404"},
		{"unknown status", status(799), 799, "status 799"},
		{"gone", status(410), 410, "status 410: the receiver is gone, the webhook is switched off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := dialOptions()
			if tt.reason == slow {
				o.Timeout = 300 * time.Millisecond
			}
			a := deliver(t, o, serve(t, tt.handle, plain))
			if a.Status != tt.status || a.Reason != tt.reason {
				t.Errorf("record = status %d, %q, want %d, %q", a.Status, a.Reason, tt.status, tt.reason)
			}
			if len(a.BodyStart) > 3*4096 { // what cannot be shown is replaced by a character of three bytes
				t.Errorf("the record keeps %d bytes of the reply, want 4 KiB at most", len(a.BodyStart))
			}
		})
	}
}

// hear reads a request to its end.
func hear(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

func TestReceiversBelowHTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		to     func(net.Conn)
		reason string
	}{
		{"resets", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, "the connection was cut"},
		{"hangs up", func(c net.Conn) { hear(c) }, "the connection was cut"},
		{"speaks SSH", func(c net.Conn) {
			hear(c)
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, "no valid reply"},
		{"sends no status", func(c net.Conn) {
			hear(c)
			_, _ = io.WriteString(c, "HTTP/1.1 000 \r\n\r\n")
		}, "no valid reply"},
		{"switches protocols", func(c net.Conn) {
			hear(c)
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, "status 101"},
		{"sends zeros", func(c net.Conn) {
			hear(c)
			zeros := make([]byte, 64<<10)
			for {
				if _, err := c.Write(zeros); err != nil {
					return
				}
			}
		}, "no valid reply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if a := deliver(t, dialOptions(), "http://"+speak(t, tt.to)); a.Reason != tt.reason {
				t.Errorf("record = status %d, %q, want %q", a.Status, a.Reason, tt.reason)
			}
		})
	}
}

func TestReceiversWithBadTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if authority, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	here, later := []net.IP{net.ParseIP(allowed)}, time.Now().Add(time.Hour)
	o := dialOptions()
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(authority)
	tests := []struct {
		name   string
		begin  func(*httptest.Server)
		reason string
	}{
		{"good", withCertificate(t, &x509.Certificate{IPAddresses: here, NotAfter: later}, authority, key), ""},
		{"expired", withCertificate(t, &x509.Certificate{IPAddresses: here, NotAfter: time.Now().Add(-time.Hour)}, authority, key),
			"the certificate has expired or is not valid yet"},
		{"wrong name", withCertificate(t, &x509.Certificate{DNSNames: []string{"other.test"}, NotAfter: later}, authority, key),
			"the certificate is for another name"},
		{"self-signed", withCertificate(t, &x509.Certificate{IPAddresses: here, NotAfter: later}, nil, nil),
			"the certificate is from an unknown authority"},
		{"for clients alone", withCertificate(t, &x509.Certificate{
			IPAddresses: here, NotAfter: later, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, authority, key), "the certificate is not valid"},
		{"TLS 1.1", func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			s.StartTLS()
		}, "TLS could not be agreed on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			url := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) }, tt.begin)
			a := deliver(t, o, url)
			if good := tt.reason == ""; a.Reason != tt.reason || (requests.Load() == 1) != good {
				t.Errorf("record = status %d, %q, and %d requests arrived, want %q", a.Status, a.Reason, requests.Load(), tt.reason)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		url := strings.Replace(serve(t, status(200), plain), "http:", "https:", 1)
		if a := deliver(t, o, url); a.Reason != "TLS could not be agreed on" {
			t.Errorf("record = %+v, want that TLS could not be agreed on", a)
		}
	})
}

func TestUnreachableReceivers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", allowed+":0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	failing := dialOptions()
	failing.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, io.ErrClosedPipe
	}}
	tests := []struct {
		name, url, reason string
		o                 safedial.Options
	}{
		{"nobody listens", "http://" + closed, "the connection was refused", dialOptions()},
		{"internal address", "http://127.0.0.3:8080/", "the receiver's address or port is not allowed", dialOptions()},
		{"metadata service", "http://169.254.169.254/latest/", "the receiver's address or port is not allowed", dialOptions()},
		{"port of a database", "http://" + allowed + ":5432/", "the receiver's address or port is not allowed", dialOptions()},
		{"no name server", "http://app.test/", "the host name could not be looked up", failing},
		{"unknown scheme", "gopher://" + closed, "no valid reply", dialOptions()},
		{"no URL", "http://[::1", "the request could not be made", dialOptions()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := deliver(t, tt.o, tt.url)
			if a.Status != 0 || a.Reason != tt.reason {
				t.Errorf("record = status %d, %q, want %q", a.Status, a.Reason, tt.reason)
			}
		})
	}
}
