package sshd

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// requestCap is how many authentication requests golang.org/x/crypto/ssh hears
// in one connection before it hangs up (maxAuthServerAttempts, since 0.53.0).
// It cannot be set. A client asks once without a key, once for each key it
// offers, once more for each it signs with, and once at the end to be let in.
const requestCap = 128

// answer is a refusal of ours, as opposed to the library's complaints. The
// client does not get to see its text.
type answer string

func (a answer) Error() string { return string(a) }

const (
	errNextKey = answer("go on with the next key")
	errLeave   = answer("nothing to be had here")
)

// config makes the library's configuration of this one connection. Its
// callbacks come on the goroutine of the connection, one after the other.
func (c *conn) config(ctx context.Context) *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		Config:                    transportAlgorithms(),
		ServerVersion:             serverVersion,
		PublicKeyAuthAlgorithms:   clientKeyAlgorithms(),
		MaxAuthTries:              -1, // requestCap is the bound; more would cut off people with full agents
		PreAuthConnCallback:       func(inner ssh.ServerPreAuthConn) { c.beginLogin(ctx, inner) },
		BannerCallback:            func(m ssh.ConnMetadata) string { return c.identify(ctx, m) },
		AuthLogCallback:           c.count,
		NoClientAuth:              true, // nobody gets in so: it shows us the probe for methods
		NoClientAuthCallback:      c.probe,
		PublicKeyCallback:         c.offer,
		VerifiedPublicKeyCallback: c.signed,

		KeyboardInteractiveCallback: c.land,
	}
	for _, key := range c.server.current {
		config.AddHostKey(key)
	}
	return config
}

// beginLogin is told that the keys are exchanged.
func (c *conn) beginLogin(live context.Context, inner ssh.ServerPreAuthConn) {
	c.inner = inner
	c.wire.beginLogin()
	c.unwatch = context.AfterFunc(live, func() {
		c.deadline(farewellTime)
		_ = inner.SendAuthBanner(textStopping)
		_ = c.wire.Close()
	})
}

// identify finds the session of the user name that the first request gave,
// and gives the banner.
func (c *conn) identify(ctx context.Context, m ssh.ConnMetadata) string {
	c.user, c.version = m.User(), printable(string(m.ClientVersion()), maxVersion)
	if !c.stays() {
		c.outcome = outcomeStopped
		return textStopping
	}
	visit, err := c.connect(ctx)
	p := policyFor(visit)
	if err == nil && p == nil {
		err = fmt.Errorf("session of unknown kind %q", visit.Session.Kind)
	}
	switch {
	case core.KindOf(err) == core.NotFound:
		c.outcome = outcomeUnknown
		return textUnknown
	case err != nil:
		c.outcome, c.err = outcomeUnavailable, fmt.Errorf("connect to session: %w", err)
		return textLater
	}
	c.visit, c.policy = visit, p
	c.deadline(c.server.LoginGrace)
	if visit.Session.Banner != nil {
		return asBanner(*visit.Session.Banner)
	}
	return asBanner(c.server.Notice)
}

func (c *conn) connect(ctx context.Context) (core.Visit, error) {
	if c.user != printable(c.user, maxVersion) {
		return core.Visit{}, core.Errorf(core.NotFound, "no session has such a name") // and no database would take it
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return c.server.Sessions.Connect(ctx, c.actor(), c.user, c.version)
}

// welcome tells whether the client may go on; if not it hangs up, before any
// key is offered. A client that changes its user name has to go: what it
// signed so far is for another session (RFC 4252, section 5, asks for no less).
func (c *conn) welcome(m ssh.ConnMetadata) bool {
	if c.policy != nil && m.User() == c.user {
		return true
	}
	_ = c.wire.Close()
	return false
}

// probe answers the request without a key that most clients begin with. Who
// has no business here is left one method, which nobody passes: no key is
// offered then, and PuTTY shows the banner, which it keeps to itself until an
// answer follows (seen with 0.78).
func (c *conn) probe(m ssh.ConnMetadata) (*ssh.Permissions, error) {
	if c.policy == nil {
		c.deadline(lingerTime)
		return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{KeyboardInteractiveCallback: c.land}}
	}
	if !c.welcome(m) {
		return nil, errLeave
	}
	return nil, ssh.ErrNoAuth
}

// offer answers a key: nil asks for a signature, or takes the one that came
// along; the library does not tell which. It is no proof of anything yet.
func (c *conn) offer(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if !c.welcome(m) {
		return nil, errLeave
	}
	plain, err := sshkey.FromSSH(key)
	if err != nil {
		c.ring.skipped++
		return nil, errNextKey
	}
	k := c.ring.note(plain, core.Moment(c.server.Now()))
	if waivesTouch(key) || !c.asks(k) {
		return nil, errNextKey
	}
	c.heard++ // the one answer that count is not called for
	return nil, nil
}

// waivesTouch tells whether a certificate says that its hardware key need not
// be touched. The library obeys, whoever signed the certificate; we would
// then call a key proven that malware can use while its owner sleeps.
func waivesTouch(key ssh.PublicKey) bool {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return false
	}
	_, waived := cert.Extensions["no-touch-required"]
	return waived
}

// asks tells whether to ask for a signature of an offered key. The policy
// wants some. Others are asked for where that is the last way to let the
// client in, since after requestCap it would be cut without a word:
//
//   - A client whose keys are only listened to is asked for the key before
//     the last request that is heard. It may have more; it is told so.
//   - A client walks through its whole ring again after each proof (OpenSSH's
//     userauth_pubkey). Where there is no room for one more round, a key that
//     comes back is asked for a second time.
func (c *conn) asks(k *shownKey) bool {
	left := requestCap - c.heard // the request at hand included
	switch {
	case left < 2:
		return false
	case !k.Proven && c.policy.wants(k.Public):
		return true
	case k.Proven:
		return left-1 < c.ring.unheard()+1
	}
	return left == 2
}

// signed is told of a signature that the library has verified.
func (c *conn) signed(m ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, format string) (*ssh.Permissions, error) {
	if !c.welcome(m) {
		return nil, errLeave
	}
	plain, err := sshkey.FromSSH(key)
	if err != nil {
		return nil, errNextKey
	}
	if !isProof(format) {
		c.ring.weak = true
		return nil, errNextKey
	}
	k := c.ring.note(plain, core.Moment(c.server.Now()))
	again := k.Proven
	c.ring.prove(k)
	if c.policy.enough(&c.ring) || again {
		return nil, nil
	}
	if left := requestCap - c.heard - 1; left < 2 {
		c.full = true
		return nil, nil
	}
	return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
		PublicKeyCallback: c.offer, KeyboardInteractiveCallback: c.land,
	}}
}

// land lets a client in that has no more keys. Clients try keyboard-interactive
// after publickey; granted without a question, nobody notices.
func (c *conn) land(m ssh.ConnMetadata, _ ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	if !c.welcome(m) {
		return nil, errLeave
	}
	return nil, nil
}

// count hears of every answer but the one that asks for a signature.
func (c *conn) count(_ ssh.ConnMetadata, method string, err error) {
	c.heard++
	if method == "publickey" && isComplaint(err) {
		c.ring.skipped++
	}
}

// isComplaint tells whether the library refused a key before we saw it.
func isComplaint(err error) bool {
	if _, ours := errors.AsType[answer](err); ours {
		return false
	}
	_, partial := errors.AsType[*ssh.PartialSuccessError](err)
	return err != nil && !partial
}
