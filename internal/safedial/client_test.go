package safedial_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyrack/internal/safedial"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key}
	a.cert = a.sign(t, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}, key)
	return a
}

func (a authority) sign(t *testing.T, c *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(1)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// certificate makes one for the public address; change spoils it.
func (a authority) certificate(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(public)}, NotAfter: time.Now().Add(time.Hour)}
	change(c)
	return tls.Certificate{Certificate: [][]byte{a.sign(t, c, key).Raw}, PrivateKey: key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serve opens a server on the public address; start is its Start or StartTLS.
func serve(t *testing.T, h http.HandlerFunc, start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", public+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	start(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func ok(http.ResponseWriter, *http.Request) {}

func withTLS(c *tls.Config) func(*httptest.Server) {
	return func(s *httptest.Server) {
		s.TLS, s.EnableHTTP2 = c, c.MaxVersion != tls.VersionTLS11 // over which nobody speaks it
		s.Config.ErrorLog = log.New(io.Discard, "", 0)             // handshakes fail on purpose
		s.StartTLS()
	}
}

func onPublic() safedial.Options {
	return safedial.Options{Allow: prefixes(public + "/32")}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	trusted, stranger := newAuthority(t), newAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	future := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	other := func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.test"} }
	good := func(*x509.Certificate) {}
	tests := []struct {
		name string
		cert tls.Certificate
		max  uint16
		want bool
	}{
		{"good", trusted.certificate(t, good), tls.VersionTLS13, true},
		{"good, TLS 1.2", trusted.certificate(t, good), tls.VersionTLS12, true},
		{"TLS 1.1", trusted.certificate(t, good), tls.VersionTLS11, false},
		{"expired", trusted.certificate(t, expired), tls.VersionTLS13, false},
		{"not yet valid", trusted.certificate(t, future), tls.VersionTLS13, false},
		{"wrong name", trusted.certificate(t, other), tls.VersionTLS13, false},
		{"unknown authority", stranger.certificate(t, good), tls.VersionTLS13, false},
		{"self-signed", authority{key: stranger.key}.selfSigned(t), tls.VersionTLS13, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			s := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) },
				withTLS(&tls.Config{Certificates: []tls.Certificate{tt.cert}, MinVersion: tls.VersionTLS10, MaxVersion: tt.max}))
			o := onPublic()
			o.RootCAs = trusted.pool()
			_, err := get(t, newClient(t, o), s.URL)
			if (err == nil) != tt.want || (requests.Load() > 0) != tt.want {
				t.Errorf("GET with %s certificate: error %v, %d requests arrived, want success %v", tt.name, err, requests.Load(), tt.want)
			}
		})
	}
}

func (a authority) selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	c := a.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(public)}, NotAfter: time.Now().Add(time.Hour)}, a.key)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: a.key}
}

func TestHTTP2IsSpoken(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	s := serve(t, ok, withTLS(&tls.Config{Certificates: []tls.Certificate{a.certificate(t, func(*x509.Certificate) {})}}))
	o := onPublic()
	o.RootCAs = a.pool()
	resp, err := get(t, newClient(t, o), s.URL)
	if err != nil || resp.proto != 2 {
		t.Errorf("GET = %+v, %v, want a reply over HTTP/2", resp, err)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(int32(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
	}, (*httptest.Server).Start)
	client := newClient(t, onPublic())
	for range 2 {
		if resp, err := get(t, client, s.URL); err != nil || resp.header.Get("Set-Cookie") == "" {
			t.Fatalf("GET = %+v, %v, want a reply that sets a cookie", resp, err)
		}
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("the receiver got %d cookies back, want none", n)
	}
}

// A reply that unpacks to more than it is stays packed.
func TestRepliesAreNotUnpacked(t *testing.T) {
	t.Parallel()
	packed := "\x1f\x8b\x08\x00not really"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if offer := r.Header.Get("Accept-Encoding"); offer != "" {
			t.Errorf("Accept-Encoding: %q, want none", offer)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, packed)
	}, (*httptest.Server).Start)
	if resp, err := get(t, newClient(t, onPublic()), s.URL); err != nil || resp.body != packed {
		t.Errorf("GET = %+v, %v, want %q as it was sent", resp, err, packed)
	}
}

func TestHostileReplies(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("a", 64<<10)
	tests := []struct {
		name   string
		handle http.HandlerFunc
	}{
		{"64 KiB in one header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Huge", huge) }},
		{"64 KiB in many headers", func(w http.ResponseWriter, _ *http.Request) {
			for range 1024 {
				w.Header().Add("X-Many", huge[:64])
			}
		}},
		{"endless interim replies", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", huge[:1024])
			for r.Context().Err() == nil {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}},
		{"reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	}
	a := newAuthority(t)
	secure := withTLS(&tls.Config{Certificates: []tls.Certificate{a.certificate(t, func(*x509.Certificate) {})}})
	for version, start := range map[string]func(*httptest.Server){"HTTP/1.1": (*httptest.Server).Start, "HTTP/2.0": secure} {
		for _, tt := range tests {
			t.Run(version+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, tt.handle, start)
				o := onPublic()
				o.RootCAs, o.Timeout = a.pool(), time.Hour
				if resp, err := get(t, newClient(t, o), s.URL); err == nil {
					t.Errorf("GET = %s, want an error", resp.status)
				}
			})
		}
	}
}

func TestReceiverThatNeverAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, (*httptest.Server).Start)
	o := onPublic()
	o.Timeout = 50 * time.Millisecond
	if _, err := get(t, newClient(t, o), s.URL); !os.IsTimeout(err) {
		t.Errorf("GET = %v, want a timeout", err)
	}
}

func TestReplyThatDrips(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, (*httptest.Server).Start)
	o := onPublic()
	o.Timeout = 200 * time.Millisecond
	if resp, err := get(t, newClient(t, o), s.URL); !os.IsTimeout(err) {
		t.Errorf("GET = %+v, %v, want a timeout", resp, err)
	}
}

func TestServerThatNeverShakesHands(t *testing.T) {
	t.Parallel()
	addr := speak(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	o := onPublic()
	o.ConnectTimeout, o.Timeout = 50*time.Millisecond, time.Hour
	_, err := get(t, newClient(t, o), "https://"+addr)
	if netErr, isNet := errors.AsType[net.Error](err); !isNet || !netErr.Timeout() {
		t.Errorf("GET = %v, want a timeout", err)
	}
}

// An HTTP/2 server that takes no request is asked again a few times, and not
// for ever.
func TestFloodOfGoAway(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.certificate(t, func(*x509.Certificate) {})}, NextProtos: []string{"h2"}}
	settings, goAway := "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x07\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 8)
	addr := speak(t, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		_, _ = io.WriteString(secure, settings+strings.Repeat(goAway, 1000))
		_, _ = io.Copy(io.Discard, secure)
	})
	o := onPublic()
	o.RootCAs, o.Timeout = a.pool(), 500*time.Millisecond
	if resp, err := get(t, newClient(t, o), "https://"+addr); err == nil {
		t.Errorf("GET = %s, want an error", resp.status)
	}
}

// speak opens a TCP server on the public address that treats each connection
// as told. At the end of the test it cuts what is left of them.
func speak(t *testing.T, to func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", public+":0")
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
