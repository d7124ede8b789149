package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/test/rig"
)

// usual is the configuration with the limits that a server has by default, and
// a short grace, so that the row need not wait for minutes.
const usual = "faces: {sshverify: {requests_per_minute: 1000000}}\nssh: {login_grace: 10s}\nlog: {level: warn}\n"

// held are connections that somebody keeps open.
type held struct {
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (h *held) add(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, c)
}

func (h *held) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.Close()
	}
}

// open tells how many of them the server has not closed. What it sent before
// is read on the way.
func (h *held) open() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := io.Copy(io.Discard, c)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // net gives it bare
			n++
		}
	}
	return n
}

// silent opens n connections to the server's SSH port from a loopback address,
// and sends text on each.
func (b *trial) silent(h *held, n int, source, address, text string) {
	for range n {
		conn, err := from(source).DialContext(b, "tcp", address)
		if err != nil {
			continue // refused, which is an answer too
		}
		_, _ = io.WriteString(conn, text)
		h.add(conn)
	}
}

// silentClients is L1.
func silentClients(b *trial) {
	p := b.program(usual)
	_, err := p.Must(b, people, "apply", "-f", "-")
	b.must(err)
	s := b.serve(p)
	rss, err := rig.RSS(s.PID)
	b.must(err)
	fds, err := rig.Descriptors(s.PID)
	b.must(err)
	h := &held{}
	defer h.close()
	attempts := sized(b, 200, 1000)
	for _, source := range []string{"127.0.0.2", "127.0.0.3"} {
		b.silent(h, attempts, source, s.SSH, "")
	}
	b.pause(200 * time.Millisecond)
	most(b, "held", h.open(), 40) // 20 from each of two sources
	slowest, failed := time.Duration(0), 0
	for range sized(b, 10, 50) {
		took, err := b.login(s, "127.0.0.9")
		slowest = max(slowest, took)
		if err != nil {
			failed++
		}
	}
	most(b, "logins_failed", failed, 0)
	most(b, "slowest_login", slowest, 2*time.Second)
	after, err := rig.RSS(s.PID)
	b.must(err)
	most(b, "rss_mib", (after-rss)>>20, 64)
	// 30 seconds to name a session.
	begun := time.Now()
	for h.open() > 0 && time.Since(begun) < 40*time.Second {
		b.pause(100 * time.Millisecond)
	}
	most(b, "closed_after", time.Since(begun), 32*time.Second)
	left := 1000
	for begun := time.Now(); left > fds+10 && time.Since(begun) < 5*time.Second; b.pause(50 * time.Millisecond) {
		left, err = rig.Descriptors(s.PID)
		b.must(err)
	}
	most(b, "fds_left", left-fds, 10)
}

// login makes a session and brings a key to it from an address.
func (b *trial) login(s *rig.Server, source string) (time.Duration, error) {
	made := b.madeSession(s)
	key, err := newSigner()
	b.must(err)
	begun := time.Now()
	_, err = bring(b, from(source), s.SSH, made.Identifier, key)
	return time.Since(begun), err
}

// slowKeyExchange is L2: clients that say who they are and what they can do,
// and then nothing.
func slowKeyExchange(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	rss, err := rig.RSS(s.PID)
	b.must(err)
	hello := "SSH-2.0-slow\r\n" + b.kexInit(s)
	h := &held{}
	defer h.close()
	begun := time.Now()
	for i, part := range []string{hello, hello[:len(hello)-7], "SSH-2.0-slow\r\n"} {
		b.silent(h, 170, fmt.Sprintf("127.0.0.%d", i+2), s.SSH, part)
	}
	least(b, "held", h.open(), 400)
	after, err := rig.RSS(s.PID)
	b.must(err)
	most(b, "rss_mib", (after-rss)>>20, 64)
	for h.open() > 0 && time.Since(begun) < 50*time.Second {
		b.pause(200 * time.Millisecond)
	}
	most(b, "closed_after", time.Since(begun), 40*time.Second)
}

// kexInit is the first packet of a real client.
func (b *trial) kexInit(s *rig.Server) string {
	sent := &recorder{}
	conn, err := net.Dial("tcp", s.SSH) //nolint:noctx // a socket on loopback opens at once
	b.must(err)
	sent.Conn = conn
	_, _, _, _ = ssh.NewClientConn(sent, s.SSH, &ssh.ClientConfig{User: "nobody", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	_ = conn.Close()
	if len(sent.writes) < 2 {
		b.fail("a client sent %d packets", len(sent.writes))
	}
	return sent.writes[1]
}

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	writes []string
}

// Write sends and keeps.
func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, string(p))
	return r.Conn.Write(p)
}

// newest is a write that makes a session.
func newest() call { return newSession("", fmt.Sprintf(`{"external_id": "%d"}`, serial.Add(1))) }

// durableWrites is L5.
func durableWrites(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	span := sized(b, 5*time.Second, time.Minute)
	ctx, cancel := context.WithTimeout(b, span)
	defer cancel()
	var reads *tally
	var group sync.WaitGroup
	group.Go(func() { reads = flood(ctx, 16, http.StatusOK, s.HTTP, func() call { return readList }) })
	writes := flood(ctx, 32, http.StatusCreated, s.HTTP, newest)
	group.Wait()
	leastPace(b, "writes_per_s", float64(writes.done)/span.Seconds(), map[string]float64{"sqlite": 300, "pg": 500}[b.db])
	most(b, "write_p99", writes.quantile(0.99), 250*time.Millisecond)
	most(b, "read_p99", reads.quantile(0.99), 50*time.Millisecond)
	most(b, "failed", writes.wrong+writes.refused+reads.wrong+reads.refused, 0)
	b.show(writes, reads)
}

// slowHTTP is L7: clients that drip their headers, their bodies, or what they read.
func slowHTTP(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	header, body, reader := &held{}, &held{}, &held{}
	defer header.close()
	defer body.close()
	defer reader.close()
	n := sized(b, 300, 500)
	fds, err := rig.Descriptors(s.PID)
	b.must(err)
	begun := time.Now()
	b.silent(header, n, "127.0.0.1", s.HTTP, "POST / HTTP/1.1\r\nHost: x\r\n")
	b.silent(body, n, "127.0.0.1", s.HTTP, "POST "+sessionsPath+" HTTP/1.1\r\nHost: x\r\nX-Api-Key: "+apiKey+
		"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	// Who asks for more than sockets take, and reads nothing of it. A few: what
	// fills their sockets is work that was asked for.
	b.silent(reader, n/10, "127.0.0.1", s.HTTP, strings.Repeat("GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 200))
	b.pause(2 * time.Second)
	ctx, cancel := context.WithTimeout(b, 5*time.Second)
	honest := flood(ctx, 4, http.StatusOK, s.HTTP, func() call { return readList })
	cancel()
	until := func(h *held, limit time.Duration) time.Duration {
		for h.open() > 0 && time.Since(begun) < limit {
			b.pause(100 * time.Millisecond)
		}
		return time.Since(begun)
	}
	most(b, "honest_p99", honest.quantile(0.99), 100*time.Millisecond)
	most(b, "headers_cut", until(header, 15*time.Second), 12*time.Second)
	most(b, "bodies_cut", until(body, 45*time.Second), 37*time.Second)
	// Looking whether these are open would read what they do not.
	left := n
	for left > 5 && time.Since(begun) < 60*time.Second {
		b.pause(100 * time.Millisecond)
		now, err := rig.Descriptors(s.PID)
		b.must(err)
		left = now - fds
	}
	most(b, "readers_cut", time.Since(begun), 40*time.Second)
	after, err := rig.PeakRSS(s.PID)
	b.must(err)
	most(b, "rss_mib", after>>20, 512)
}

// loginFlood is L8, by the command line's own login route: wrong API keys are
// cheap to refuse, wrong passwords cost memory.
func loginFlood(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	before, err := rig.RSS(s.PID)
	b.must(err)
	wrong := call{method: http.MethodGet, path: "/api/v2/ssh_keys", header: map[string]string{"Authorization": "Basic YWRhOndyb25nLXBhc3N3b3Jk"}}
	if r := ask(b, patient, s.HTTP, wrong); r.status == http.StatusNotFound {
		wrong = call{method: http.MethodPost, path: "/v1/login", body: `{"email": "ada@example.org", "password": "wrong-password"}`,
			header: map[string]string{"Content-Type": "application/json"}}
		if r := ask(b, patient, s.HTTP, wrong); r.status == http.StatusNotFound {
			b.fail("no face takes passwords")
		}
	}
	ctx, cancel := context.WithTimeout(b, 5*time.Second)
	defer cancel()
	var group sync.WaitGroup
	var others *tally
	group.Go(func() { others = flood(ctx, 2, http.StatusOK, s.HTTP, func() call { return readList }) })
	flooded := flood(ctx, 200, http.StatusUnauthorized, s.HTTP, func() call { return wrong })
	group.Wait()
	peak, err := rig.PeakRSS(s.PID)
	b.must(err)
	most(b, "rss_mib", (peak-before)>>20, 2*2*64)
	most(b, "others_p99", others.quantile(0.99), 500*time.Millisecond)
	most(b, "wrong", flooded.wrong, 0)
	b.show(flooded, others)
}

// gracefulStop is L11.
func gracefulStop(b *trial) {
	p := b.peopled()
	s := b.serve(p)
	l := b.newLedger()
	ctx, cancel := context.WithCancel(b)
	defer cancel()
	clients := l.work(ctx, 16, func() string { return s.HTTP })
	b.pause(time.Second)
	b.must(s.Signal(syscall.SIGTERM))
	begun := time.Now()
	code := s.ExitCode()
	took := time.Since(begun)
	cancel()
	clients.Wait()
	most(b, "stopped", took, 30*time.Second)
	most(b, "exit", code, 0)
	// Idle now, a second signal does not wait.
	s = b.serve(p)
	b.audit(l, s.HTTP)
	made := b.madeSession(s)
	conn, err := net.Dial("tcp", s.SSH) //nolint:noctx // a socket on loopback opens at once
	b.must(err)
	defer conn.Close()
	_, _ = io.WriteString(conn, "SSH-2.0-"+made.Identifier+"\r\n")
	begun = time.Now()
	b.must(s.Signal(syscall.SIGTERM))
	b.pause(100 * time.Millisecond)
	_ = s.Signal(syscall.SIGTERM) // it may have ended
	s.ExitCode()
	most(b, "second_signal", time.Since(begun), 2*time.Second)
	if slices.Contains(strings.Fields(s.Log()), "panic:") {
		b.fail("%s", s.Log())
	}
}
