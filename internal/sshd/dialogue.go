package sshd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxEvents bounds the channels and requests of one connection. A client sends
// one per environment variable (SendEnv), forwarding and change of window.
const maxEvents = 256

// dialogue is the part of a connection after login. In order:
//
//  1. waiting: for the client's one session channel and its shell or exec
//     request. Which command was asked for does not matter.
//  2. asking, where the session wants a confirmation: for one byte. A terminal
//     is in raw mode then, so no Enter is needed.
//  3. done: the last word is said and the channel closed. The client hangs up
//     by itself; hanging up first could lose it the last word.
//
// It is one loop on the goroutine of the connection. The only other goroutine
// reads the byte.
type dialogue struct {
	conn     *conn
	identity identity
	channel  ssh.Channel         // nil until the client opens one
	requests <-chan *ssh.Request // of channel; nil also when it is closed
	pressed  chan byte           // what the user pressed, 0 at the end of input
	terminal bool                // the client has one: lines end in CR LF
	stage    stage
	timer    *time.Timer // ends the stage
}

type stage uint8

const (
	waiting stage = iota
	asking
	done
)

// talk runs the dialogue until either side hangs up.
func (c *conn) talk(ctx context.Context, peer *ssh.ServerConn, channels <-chan ssh.NewChannel, globals <-chan *ssh.Request) {
	d := &dialogue{
		conn: c, identity: identity{peer: peer, keys: c.server.hostKeys}, pressed: make(chan byte, 1), timer: time.NewTimer(0),
	}
	d.identity.announce()
	defer d.timer.Stop()
	defer func() {
		// The library waits for somebody to take what the client sent.
		_ = c.wire.Close()
		go ssh.DiscardRequests(globals)
		if d.requests != nil {
			go ssh.DiscardRequests(d.requests)
		}
		for range channels {
		}
	}()
	d.enter(waiting, channelTime)
	d.loop(ctx, channels, globals)
}

// loop hears whatever comes. Everything not documented is refused.
func (d *dialogue) loop(ctx context.Context, channels <-chan ssh.NewChannel, globals <-chan *ssh.Request) {
	stop := ctx.Done()
	for range maxEvents {
		select {
		case offered, ok := <-channels:
			if !ok {
				return
			}
			d.open(offered)
		case r, ok := <-globals:
			if !ok {
				return
			}
			d.global(r)
		case r, ok := <-d.requests:
			if !ok {
				d.requests = nil
				continue
			}
			d.before(globals)
			d.request(r)
		case b := <-d.pressed:
			d.answer(ctx, b)
		case <-d.timer.C:
			if d.stage != asking {
				return
			}
			d.end(textNoAnswer, false)
		case <-stop:
			stop = nil
			d.dismiss()
		}
	}
}

// global answers a request about the connection as a whole.
func (d *dialogue) global(r *ssh.Request) {
	if !d.identity.answer(r) {
		reply(r, false)
	}
}

// before answers the global requests that have come already. A client asks for
// proofs of host keys just before it asks for a shell, and leaves once it has
// the last word.
func (d *dialogue) before(globals <-chan *ssh.Request) {
	for {
		select {
		case r, ok := <-globals:
			if !ok {
				return // the loop will notice
			}
			d.global(r)
		default:
			return
		}
	}
}

// enter begins a stage that may take d.
func (d *dialogue) enter(s stage, limit time.Duration) {
	d.stage = s
	d.timer.Reset(limit)
	d.conn.deadline(limit + farewellTime)
}

// open accepts the client's first session channel and no other.
func (d *dialogue) open(offered ssh.NewChannel) {
	if offered.ChannelType() != "session" || d.channel != nil {
		_ = offered.Reject(ssh.Prohibited, "one session channel is all there is")
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		return // the connection is gone, the loop will notice
	}
	d.channel, d.requests = channel, requests
}

func (d *dialogue) request(r *ssh.Request) {
	begins := d.stage == waiting && (r.Type == "shell" || r.Type == "exec")
	terminal := d.stage == waiting && r.Type == "pty-req"
	d.terminal = d.terminal || terminal
	reply(r, begins || terminal)
	if begins {
		d.begin()
	}
}

func reply(r *ssh.Request, ok bool) {
	if r.WantReply {
		_ = r.Reply(ok, nil) // fails when the connection is gone, which the loop will notice
	}
}

// begin asks for the confirmation, or says how it went.
func (d *dialogue) begin() {
	if d.conn.outcome != outcomeUnconfirmed {
		d.end(d.conn.verdict())
		return
	}
	d.enter(asking, d.conn.server.ConfirmGrace)
	keys := d.conn.policy.pick(&d.conn.ring)
	d.say(d.channel.Stderr(), fmt.Sprintf("Your client showed %s:\n%s%s",
		plural(len(keys)), d.conn.policy.listing(keys), textPrompt))
	go func() {
		var b [1]byte
		_, _ = d.channel.Read(b[:]) // a failure leaves 0, which is no y
		d.pressed <- b[0]
	}()
}

// answer acts on what the user pressed.
func (d *dialogue) answer(ctx context.Context, b byte) {
	if d.stage != asking {
		return
	}
	d.say(d.channel.Stderr(), "\n")
	if b != 'y' && b != 'Y' {
		d.conn.charge(ctx)
		d.end(textDeclined, false)
		return
	}
	d.conn.settle(ctx)
	d.end(d.conn.verdict())
}

// end says the last word (on stdout if all is well, else on stderr) and closes
// the channel with an exit status.
func (d *dialogue) end(text string, ok bool) {
	d.enter(done, lingerTime)
	if d.channel == nil {
		return
	}
	out, status := io.Writer(d.channel), uint32(0)
	if !ok {
		out, status = d.channel.Stderr(), 1
	}
	d.say(out, text)
	// The status comes before the end of file: after that PuTTY closes the
	// channel itself and ignores what is still to come. Nobody is left to tell
	// if these fail.
	_, _ = d.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	_ = d.channel.CloseWrite()
	_ = d.channel.Close()
}

// dismiss ends the dialogue because the server stops.
func (d *dialogue) dismiss() {
	if d.stage == done {
		return
	}
	if d.conn.outcome != outcomeUnconfirmed {
		d.end(d.conn.verdict())
		return
	}
	d.conn.outcome = outcomeStopped
	d.end(textStopping, false)
}

func (d *dialogue) say(w io.Writer, text string) {
	text = clean(text)
	if d.terminal {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, _ = io.WriteString(w, text) // a client that does not listen loses nothing but this
}

// verdict tells the user how it went, and whether that is well.
func (c *conn) verdict() (text string, ok bool) {
	switch c.outcome {
	case outcomeCollected, outcomeVerified:
		return c.thanks(), true
	case outcomeNoKeys:
		return c.policy.lacking(&c.ring), false
	case outcomeTooLate:
		return textTooLate, false
	default:
		return textUnrecorded, false
	}
}

// thanks is the session's own message, or else the list of recorded keys.
func (c *conn) thanks() string {
	var b strings.Builder
	if m := c.visit.Session.Message; m != nil {
		b.WriteString(asBanner(*m))
	} else {
		done := "Recorded"
		if c.outcome == outcomeVerified {
			done = "Verified"
		}
		fmt.Fprintf(&b, "%s %s:\n%s", done, plural(len(c.kept)), c.policy.listing(c.kept))
	}
	if c.full {
		b.WriteString(c.fullNotice())
	}
	return b.String()
}

// fullNotice tells that the client may have had more keys than were heard.
func (c *conn) fullNotice() string {
	if c.visit.Session.MultiConnection {
		return "No more keys fit into one connection. If you have more, connect again with\n" +
			"those alone: ssh -o IdentitiesOnly=yes -i KEYFILE …\n"
	}
	return "No more keys fit into one connection. If you have more, ask for another session.\n"
}

func plural(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}
