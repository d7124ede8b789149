// Package sshd is Keyrack's SSH server. People connect to it with the client
// they have, `ssh IDENTIFIER@HOST`; the user name says which session they come
// for, and the public keys their client offers are what they bring.
//
// It owns the wire: host keys, limits and deadlines, who is let in and when,
// which keys are asked for a signature, what a client is shown. Which sessions
// there are, what happens to keys and who may see them is core's business,
// reached through the small interface [Sessions].
//
// # Offered is not proven
//
// A client asks about each key it knows (RFC 4252, section 7: a query without
// a signature). Anybody can ask about anybody's public key. A key is marked
// proven only when golang.org/x/crypto/ssh has verified a signature with it
// over the id of this very connection and the user name of its session.
//
// A certificate stands for the key inside it and for nothing else: no
// authority is trusted here, so its validity is never asked for.
//
// # What to know first
//
// Nothing a client sends (user name, version, terminal input) reaches a
// terminal or a log before it has gone through [Sanitize] or printable, and the user name
// never reaches a log at all: while the session is open, knowing it grants.
//
// A connection's life is told at the type conn. What differs between kinds of
// session is a policy; collect sessions have theirs in collect.go.
//
// golang.org/x/crypto/ssh runs goroutines of its own for each connection. A
// panic there ends the process, as nobody else can recover it.
package sshd
