package sshd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

// conn is one client's connection, from accept to close. In order:
//
//  1. admit: learn the address; its source may have too many connections, or
//     make them too often.
//  2. login: ssh.NewServerConn exchanges keys and hears authentication
//     requests, for which it calls back (auth.go): identify at the first
//     request, when the user name is known; offer for every key; signed for
//     every verified signature; land when the client has no more keys.
//  3. settle, at most once: what the policy picks is recorded. Where the
//     session wants a confirmation, only after the user's y.
//  4. talk: one session channel, to say how it went (dialogue.go).
//  5. close: free everything, one line in the log, metrics.
//
// A client may leave or be cut at any step. If it leaves in login, its keys
// are settled all the same: clients that refuse to be let in without a key of
// theirs being accepted (`ssh -o BatchMode=yes`) have no other way to end.
//
// All fields belong to the goroutine that runs serve, on which the library's
// callbacks come too. When the server stops, other goroutines send a banner
// through the library and close wire; both may be done by anybody.
type conn struct {
	server *Server
	wire   *wire
	began  time.Time

	addr    netip.Addr
	user    string // the identifier; never logged
	version string // the client's, printable

	source   netip.Prefix
	admitted bool                  // counts for source
	stays    func() bool           // calls off the cut at a stop; tells, once, whether it was in time
	unwatch  func() bool           // calls off the dismissal at the end of the grace
	inner    ssh.ServerPreAuthConn // the library's connection, nil before user authentication
	visit    core.Visit
	policy   policy // nil until a session is found
	ring     ring
	heard    int                 // authentication requests answered
	full     bool                // let in because no further request would be heard
	charged  bool                // core was told that it came to nothing
	kept     []core.CollectedKey // what core recorded

	outcome outcome
	err     error // for the log
}

func (s *Server) newConn(nc net.Conn) *conn {
	c := &conn{server: s, wire: newWire(nc), began: time.Now()}
	c.wire.asks = c.asksAboutHostKey
	return c
}

// asksAboutHostKey gives a client the time of a login where its user may have to
// compare fingerprints, and lets it name a session soon once he has.
func (c *conn) asksAboutHostKey(begins bool) {
	if begins {
		c.deadline(c.server.LoginGrace)
		return
	}
	c.deadline(c.server.IdentifyGrace)
}

// serve runs the connection. What is left to do when live ends is cut; until
// the client has named a session, the end of serving cuts too.
func (c *conn) serve(live, serving context.Context) {
	c.server.metrics.open.Inc()
	defer c.server.metrics.open.Dec()
	defer c.close(live)
	defer c.survive()
	c.deadline(c.server.IdentifyGrace)
	if !c.admit() {
		return
	}
	peer, channels, requests, err := c.login(live, serving)
	if err != nil {
		c.giveUp(live, err)
	} else {
		c.conclude(live)
		c.talk(live, peer, channels, requests)
	}
	if c.outcome == outcomeUnconfirmed {
		c.charge(live) // the user left without an answer
	}
}

// deadline bounds everything that waits for the client.
func (c *conn) deadline(d time.Duration) {
	_ = c.wire.SetDeadline(time.Now().Add(d)) // fails on closed connections only
}

// admit learns who is there and refuses a source that has too many.
func (c *conn) admit() bool {
	c.addr = addressOf(c.wire.RemoteAddr())
	c.source = sourceOf(c.addr)
	if isAmong(c.server.Exempt, c.addr) {
		return true
	}
	if c.admitted = c.server.limits.claim(c.source); !c.admitted {
		c.refuse(outcomeRefused)
		return false
	}
	if !c.server.paces.allows(c.source) {
		c.refuse(outcomeTooOften)
		return false
	}
	return true
}

// refuse tells a client that has come over a limit, before SSH begins.
func (c *conn) refuse(why outcome) {
	c.outcome = why
	c.deadline(farewellTime)
	_, _ = io.WriteString(c.wire, textBusy)
}

// addressOf gives the client's address, an IPv4 one as such.
func addressOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// login exchanges keys and hears authentication requests.
func (c *conn) login(live, serving context.Context) (*ssh.ServerConn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	c.stays = context.AfterFunc(serving, func() { _ = c.wire.Close() })
	defer c.stays()
	defer func() {
		if c.unwatch != nil {
			c.unwatch()
		}
	}()
	return ssh.NewServerConn(c.wire, c.config(live))
}

// giveUp ends a connection whose client was not let in.
func (c *conn) giveUp(ctx context.Context, err error) {
	switch {
	case c.outcome != "": // the client was turned away
	case c.policy == nil:
		c.outcome, c.err = outcomeNoLogin, err
	case ctx.Err() != nil:
		c.outcome = outcomeStopped
	default:
		c.conclude(ctx)
	}
}

// conclude decides what becomes of the keys at the end of login: they are
// settled, unless the user must confirm them first.
func (c *conn) conclude(ctx context.Context) {
	picked := len(c.policy.pick(&c.ring)) > 0
	switch {
	case picked && c.visit.Session.MustConfirm:
		c.outcome = outcomeUnconfirmed
	case picked || !c.visit.Session.MustConfirm:
		c.settle(ctx)
	default: // nothing that the user could be asked about
		c.outcome = outcomeNoKeys
		c.charge(ctx)
	}
}

// settle lets core record the keys that the policy hands over. Core has the
// last word on what they amount to: the session may have changed.
func (c *conn) settle(ctx context.Context) {
	keys := c.policy.handOver(&c.ring)
	if len(keys) == 0 {
		c.outcome = outcomeNoKeys
		c.charge(ctx)
		return
	}
	c.charged = true // whatever comes of it, core has heard of this connection
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	kept, err := c.server.Sessions.Finish(ctx, c.actor(), c.visit.Connection, keys)
	switch kind := core.KindOf(err); {
	case err == nil && len(kept) == 0:
		c.outcome = outcomeNoKeys
	case err == nil:
		c.kept, c.outcome = kept, c.policy.success()
	case kind == core.Conflict, kind == core.NotFound: // the session was finished, or deleted, meanwhile
		c.outcome = outcomeTooLate
	default:
		c.outcome, c.err = outcomeUnavailable, fmt.Errorf("record keys: %w", err)
	}
}

// charge lets core count a connection that came to nothing, where the session
// counts attempts: once, and before the user hears of it, so that whoever asks
// for the session afterwards finds it counted.
func (c *conn) charge(ctx context.Context) {
	if c.charged || !c.policy.charges() {
		return
	}
	c.charged = true
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	_, err := c.server.Sessions.Finish(ctx, c.actor(), c.visit.Connection, nil)
	if kind := core.KindOf(err); err != nil && kind != core.Conflict && kind != core.NotFound {
		c.err = fmt.Errorf("count attempt: %w", err)
	}
}

func (c *conn) actor() core.Actor {
	return core.Visitor(core.Origin{Face: "ssh", Address: c.addr})
}

// survive keeps a defect of ours to this one connection.
func (c *conn) survive() {
	if p := recover(); p != nil {
		c.outcome, c.err = outcomeCrashed, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// close frees what the connection held and tells how it went.
func (c *conn) close(ctx context.Context) {
	_ = c.wire.Close()
	if c.inner != nil {
		drain(c.inner)
	}
	if c.admitted {
		c.server.limits.release(c.source)
	}
	c.server.limits.leave()
	c.report(ctx)
}

// report counts the connection and writes its line in the log.
func (c *conn) report(ctx context.Context) {
	c.server.metrics.count(c.outcome, &c.ring)
	if c.outcome.noise() && !c.server.hush.passes(c.source, time.Now()) {
		return
	}
	attrs := []slog.Attr{
		slog.String("outcome", string(c.outcome)),
		slog.Duration("duration", time.Since(c.began)),
	}
	if c.addr.IsValid() {
		attrs = append(attrs, slog.String("address", c.addr.String()))
	}
	if c.version != "" {
		attrs = append(attrs, slog.String("client_version", c.version))
	}
	if c.policy != nil {
		attrs = append(attrs,
			slog.String("session_id", c.visit.Session.UUID.String()),
			slog.Int("keys_offered", len(c.ring.shown)),
			slog.Int("keys_proven", c.ring.proven),
			slog.Int("keys_skipped", c.ring.skipped))
	}
	if c.err != nil {
		attrs = append(attrs, slog.String("err", Sanitize(c.err.Error())))
	}
	c.server.Log.LogAttrs(ctx, c.outcome.level(c.err), "ssh connection", attrs...)
}
