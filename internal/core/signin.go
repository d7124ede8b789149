package core

import "time"

// SignInID is a sign-in's integer id.
type SignInID int64

// SignIn is a stretch of time for which a client need not show its credential
// again: it has a secret, which it sends as a cookie. (A [Session] is something
// else: it collects keys over SSH.)
type SignIn struct {
	ID         SignInID
	SecretHash SecretHash // unique
	Account    AccountID
	CreatedAt  time.Time
	SeenAt     time.Time  // when it was used last, to the minute
	Token      SecretHash // of the personal token that began it, with which it ends; zero: it was begun without
}
