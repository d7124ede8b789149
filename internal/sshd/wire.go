package sshd

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// greeting is how a client begins (RFC 4253, section 4.2: other lines may
	// come before it from servers only).
	greeting = "SSH-"

	// maxInbound bounds what one client may send: a login with the greatest
	// number of the largest keys takes 1 MiB, the window of a session channel
	// 2 MiB. It is the only bound on re-keying that the library leaves us.
	maxInbound = 4 << 20

	// maxEarly bounds what may come between the server's key exchange reply
	// and the begin of user authentication: NEWKEYS (16 bytes) and a service
	// request (64) are all that belongs there. It must hold fewer than 17 of
	// the smallest packets (28 bytes); the comment of drain says why.
	maxEarly   = 448
	earlyWrite = 3 // version line, KEXINIT, reply: from then on bytes are early
)

var (
	errNotSSH = errors.New("client does not speak SSH")
	errFlood  = errors.New("client sent more than a login takes")
)

// wire is the TCP connection below SSH. It hangs up on what is not SSH at the
// first wrong byte, and on clients that send more than any login takes.
//
// Read is called by one goroutine at a time (the library's), Write and Close
// by any.
type wire struct {
	net.Conn
	ahead  []byte // read from Conn, not yet by the library
	buf    [256]byte
	seen   int // bytes of greeting that came in
	left   int // bytes that may still come in
	early  int // bytes that may still come in before login begins
	writes atomic.Int32
	login  chan struct{} // closed when user authentication has begun
	closed chan struct{}
	once   sync.Once

	// asks is told once that the client has the host key, and may be asking its
	// user whether that is right; and once that it has gone on.
	asks  func(bool)
	heard bool // it has gone on
}

func newWire(nc net.Conn) *wire {
	return &wire{
		Conn: nc, left: maxInbound, early: maxEarly, asks: func(bool) {},
		login: make(chan struct{}), closed: make(chan struct{}),
	}
}

// Read implements net.Conn. The library reads the version line byte by byte;
// reading ahead saves it a system call for each.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.ahead) > 0 {
		n := copy(p, w.ahead)
		w.ahead = w.ahead[n:]
		return n, nil
	}
	if len(p) > 1 {
		return w.read(p)
	}
	n, err := w.read(w.buf[:])
	w.ahead = w.buf[:n]
	if n == 0 {
		return 0, err
	}
	return w.Read(p)
}

// read takes bytes from the connection as far as the bounds allow.
func (w *wire) read(p []byte) (int, error) {
	if w.writes.Load() >= earlyWrite && !w.began() {
		if w.early == 0 && !w.waitLogin() {
			return 0, errFlood
		}
		if !w.began() {
			p = p[:min(len(p), w.early)]
		}
	}
	n, err := w.Conn.Read(p)
	if !w.greets(p[:n]) {
		return 0, errNotSSH
	}
	if w.writes.Load() >= earlyWrite && n > 0 {
		w.early = max(0, w.early-n)
		if !w.heard {
			w.heard = true
			w.asks(false)
		}
	}
	if w.left -= n; w.left < 0 {
		return 0, errFlood
	}
	return n, err
}

// greets holds the first bytes to the greeting, as far as they have come.
func (w *wire) greets(p []byte) bool {
	want := greeting[w.seen:]
	n := min(len(p), len(want))
	w.seen += n
	return bytes.Equal(p[:n], []byte(want[:n]))
}

// began tells whether user authentication has begun.
func (w *wire) began() bool {
	select {
	case <-w.login:
		return true
	default:
		return false
	}
}

// waitLogin gives an honest client that was quicker than our own goroutine the
// time for that one to come along.
func (w *wire) waitLogin() bool {
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case <-w.login:
		return true
	case <-w.closed:
	case <-patience.C:
	}
	return false
}

// beginLogin lifts the bound on early bytes.
func (w *wire) beginLogin() { close(w.login) }

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if w.writes.Add(1) == earlyWrite {
		w.asks(true)
	}
	return w.Conn.Write(p)
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}
