package sshd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

// Sessions is all that this package asks of core.
type Sessions interface {
	// Connect opens a connection to the session that identifier names and
	// records it. Unknown, expired and finished sessions are NotFound alike.
	Connect(ctx context.Context, by core.Actor, identifier, clientVersion string) (core.Visit, error)

	// Finish records the keys of a connection, completes a single-connection
	// session and gives the keys recorded: none where a verify session's rules,
	// as they are now, are not met, which counts an attempt. Conflict when the
	// session is no longer open.
	Finish(ctx context.Context, by core.Actor, c core.Connection, keys []core.CollectedKey) ([]core.CollectedKey, error)
}

var _ Sessions = (*core.Service)(nil)

// Options is what a [Server] is built from. Zero means the default named.
type Options struct {
	Sessions Sessions         // required
	HostKeys []ssh.Signer     // required, the preferred one first; see [LoadHostKeys]
	Log      *slog.Logger     // required
	Now      func() time.Time // when keys were seen; time.Now

	// Notice is the banner of sessions that have none of their own. It should
	// say that offered keys are recorded. [DefaultNotice]
	Notice string

	// IdentifyGrace is how long a client may take until it has the host key, and
	// from where that is taken until it names a session. 30 seconds
	IdentifyGrace time.Duration
	// LoginGrace is how long a user may take over the host key, and from where a
	// session is named until he is let in: passphrases are typed and hardware keys
	// found. 2 minutes
	LoginGrace time.Duration
	// ConfirmGrace is how long the user may look at the list of keys where the
	// session asks for a confirmation. 2 minutes
	ConfirmGrace time.Duration
	// StopGrace is how long running connections may go on once the server is
	// told to stop. 15 seconds
	StopGrace time.Duration

	MaxConnections int // open at a time, in all; 200
	PerSource      int // of these from one IPv4 address or IPv6 /64; 20
	PerMinute      int // made in a minute from one of these; 600

	Exempt []netip.Prefix // networks of which these two bounds do not hold; none

	Metrics prometheus.Registerer // none
}

func (o *Options) fill() error {
	switch {
	case o.Sessions == nil:
		return errors.New("ssh server: no sessions")
	case len(o.HostKeys) == 0:
		return errors.New("ssh server: no host keys")
	case o.Log == nil:
		return errors.New("ssh server: no log")
	}
	orElse(&o.Notice, DefaultNotice)
	orElse(&o.IdentifyGrace, 30*time.Second)
	orElse(&o.LoginGrace, 2*time.Minute)
	orElse(&o.ConfirmGrace, 2*time.Minute)
	orElse(&o.StopGrace, 15*time.Second)
	orElse(&o.MaxConnections, 200)
	orElse(&o.PerSource, 20)
	orElse(&o.PerMinute, 600)
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Times that are nobody's choice.
const (
	channelTime  = 5 * time.Second  // for a client that is let in to ask for a shell; `ssh -N` never does
	lingerTime   = 3 * time.Second  // for a client to hang up by itself after the last word
	farewellTime = 2 * time.Second  // to send the last word
	storeTime    = 10 * time.Second // for core to answer
)

// Server is the SSH server.
type Server struct {
	Options
	hostKeys []ssh.Signer // all that are announced
	current  []ssh.Signer // of each type the first, with which connections begin
	limits   *limits
	paces    *paces
	hush     *hush
	metrics  *metrics
}

// New makes a server; [Server.Serve] runs it.
func New(o Options) (*Server, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	keys, err := withoutSHA1(o.HostKeys)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	return &Server{
		Options: o, hostKeys: keys, current: firstOfType(keys), metrics: m,
		limits: newLimits(o.MaxConnections, o.PerSource), paces: newPaces(o.PerMinute), hush: newHush(),
	}, nil
}

// Serve accepts connections on ln until ctx is done, and closes ln. Then it
// stops in two steps: clients that have not named a session yet are cut at
// once, the others may go on for Options.StopGrace before they are told to
// come again and cut. It returns nil when all connections have ended, or what
// kept it from accepting.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	live, cut := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx by the grace
	defer cut()
	unwatch := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer unwatch()
	serving, leave := context.WithCancel(ctx)
	defer leave()

	var running sync.WaitGroup
	err := s.accept(ctx, ln, func(nc net.Conn) {
		running.Go(func() { s.newConn(nc).serve(live, serving) })
	})
	leave()
	_ = ln.Close()
	grace := time.AfterFunc(s.StopGrace, cut)
	defer grace.Stop()
	running.Wait() // after the cut every step of a connection is bounded by farewellTime
	return err
}

// accept hands each connection to handle until ctx is done or the listener breaks.
func (s *Server) accept(ctx context.Context, ln net.Listener, handle func(net.Conn)) error {
	var wait time.Duration
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil && s.limits.enter():
			wait = 0
			handle(nc)
		case err == nil:
			wait = 0
			s.turnAway(ctx, nc)
		case ctx.Err() != nil:
			return nil
		case isShortage(err):
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.Log.ErrorContext(ctx, "ssh cannot accept connections", "err", err, "retry_in", wait)
			pause(ctx, wait)
		default:
			return fmt.Errorf("accept ssh connection: %w", err)
		}
	}
}

// turnAway closes a connection that is one too many. Its address is not asked
// for: learning it may take as long as its client pleases.
func (s *Server) turnAway(ctx context.Context, nc net.Conn) {
	_ = nc.Close()
	c := s.newConn(nc)
	c.outcome = outcomeRefused
	c.report(ctx)
}

// isShortage tells whether the machine, not the listener, is why Accept failed.
func isShortage(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
