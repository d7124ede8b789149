package sshd

import (
	"context"
	"strings"
	"testing"
	"time"

	"keyrack/internal/core"
)

// midway is core to which something happens while a connection is under way:
// after the session was reached, before a key is heard.
type midway struct {
	Sessions
	happen func(core.Visit)
}

func (m midway) Connect(ctx context.Context, by core.Actor, identifier, version string) (core.Visit, error) {
	visit, err := m.Sessions.Connect(ctx, by, identifier, version)
	if err == nil {
		m.happen(visit)
	}
	return visit, err
}

// api is what a program does to a session meanwhile.
type api struct {
	*core.Service
	t *testing.T
}

var projectOwner = core.Operator("the project")

func (a api) change(c core.SessionChange) func(core.Session) {
	return func(s core.Session) {
		_, err := a.ChangeSession(context.Background(), projectOwner, s.Kind, s.UUID, c)
		check(a.t, err)
	}
}

func (a api) wants(paths ...string) func(core.Session) {
	var keys []core.NewWantedKey
	for _, p := range paths {
		keys = append(keys, core.NewWantedKey{PublicKey: publicOf(a.t, p).String()})
	}
	return a.change(core.SessionChange{Wanted: core.To(keys)})
}

func (a api) complete(s core.Session) {
	_, err := a.CompleteSession(context.Background(), projectOwner, s.Kind, s.UUID)
	check(a.t, err)
}

func (a api) remove(s core.Session) {
	check(a.t, a.DeleteSession(context.Background(), projectOwner, s.Kind, s.UUID))
}

func (a api) expire(s core.Session) {
	a.change(core.SessionChange{Expiry: core.To(core.Expiry{At: time.Now()})})(s)
}

// What a program does to a session while a person's connection is under way
// holds, and the person is told the truth: never that keys were verified or
// recorded when they were not.
func TestSessionChangesMidway(t *testing.T) {
	t.Parallel()
	k := manyKeys(t, 3)
	a := api{Service: core.New(core.Options{Store: shared}), t: t}
	collect := func(s *session) {}
	cases := []struct {
		name     string
		session  func(*session)
		wanted   []string // of verify sessions
		happen   func(core.Session)
		args     []string
		stdin    string
		code     int
		says     string // part of stdout if code is 0, else of stderr
		recorded string
		outcome  outcome
		status   core.SessionStatus // "": it is gone
		attempts int
	}{
		{name: "the wanted key is replaced", session: verify, wanted: k[:1], happen: a.wants(k[1]), args: identities(k[0]), code: 1, says: textChanged, outcome: outcomeNoKeys, status: core.SessionFailed, attempts: 1},
		{name: "the wanted key is replaced, to confirm", session: with(verify, confirm), wanted: k[:1], happen: a.wants(k[1]), args: identities(k[0]), stdin: "y", code: 1, says: textChanged, outcome: outcomeNoKeys, status: core.SessionFailed, attempts: 1},
		{name: "a key more is wanted of all", session: with(verify, matchAll), wanted: k[:1], happen: a.wants(k[0], k[1]), args: identities(k[0], k[1]), code: 1, says: textChanged, outcome: outcomeNoKeys, status: core.SessionFailed, attempts: 1},
		{name: "a key less is wanted of all", session: with(verify, matchAll), wanted: k[:2], happen: a.wants(k[0]), args: identities(k[0]), says: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeVerified, status: core.SessionVerified},
		{name: "a key less is wanted of all, to confirm", session: with(verify, matchAll, confirm), wanted: k[:2], happen: a.wants(k[0]), args: identities(k[0]), stdin: "y", code: 1, says: textNotAll, outcome: outcomeNoKeys, status: core.SessionFailed, attempts: 1},
		{name: "one of two proven keys is no longer wanted", session: with(verify, multi), wanted: k[:2], happen: a.wants(k[1]), args: identities(k[0], k[1]), says: "Verified 1 key:\n  ssh-ed25519 " + fingerprint(t, k[1]), recorded: want(t, true, k[1]), outcome: outcomeVerified, status: core.SessionVerified},
		{name: "all keys are wanted instead of one", session: verify, wanted: k[:2], happen: a.change(core.SessionChange{MatchAllKeys: core.To(true)}), args: identities(k[0], k[1]), code: 1, says: textChanged, outcome: outcomeNoKeys, status: core.SessionFailed, attempts: 1},
		{name: "more attempts are allowed", session: verify, wanted: k[:1], happen: a.change(core.SessionChange{MaxAttempts: core.To(2)}), args: identities(k[1]), code: 1, says: textNotWanted, outcome: outcomeNoKeys, status: core.SessionPending, attempts: 1},
		{name: "completed, verify", session: with(verify, reusable), wanted: k[:1], happen: a.complete, args: identities(k[0]), code: 1, says: textTooLate, outcome: outcomeTooLate, status: core.SessionFailed},
		{name: "completed, verify, wrong key", session: with(verify, reusable), wanted: k[:1], happen: a.complete, args: identities(k[1]), code: 1, says: textNotWanted, outcome: outcomeNoKeys, status: core.SessionFailed},
		{name: "removed, verify", session: verify, wanted: k[:1], happen: a.remove, args: identities(k[0]), code: 1, says: textTooLate, outcome: outcomeTooLate},
		{name: "removed, verify, wrong key", session: verify, wanted: k[:1], happen: a.remove, args: identities(k[1]), code: 1, says: textNotWanted, outcome: outcomeNoKeys},
		{name: "expired, verify", session: verify, wanted: k[:1], happen: a.expire, args: identities(k[0]), code: 1, says: textTooLate, outcome: outcomeTooLate, status: core.SessionPending},
		{name: "completed, collect", session: reusable, happen: a.complete, args: identities(k[0]), code: 1, says: textTooLate, outcome: outcomeTooLate, status: core.SessionCompleted},
		{name: "completed, collect, to confirm", session: with(reusable, confirm), happen: a.complete, args: identities(k[0]), stdin: "y", code: 1, says: textTooLate, outcome: outcomeTooLate, status: core.SessionCompleted},
		{name: "removed, collect", session: with(multi), happen: a.remove, args: identities(k...), code: 1, says: textTooLate, outcome: outcomeTooLate},
		{name: "expired, collect", session: collect, happen: a.expire, args: identities(k[0]), code: 1, says: textTooLate, outcome: outcomeTooLate, status: core.SessionPending},
		{name: "opened for more connections", session: collect, happen: a.change(core.SessionChange{MultiConnection: core.To(true)}), args: identities(k[0]), says: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeCollected, status: core.SessionPending},
		{name: "closed for more connections", session: reusable, happen: a.change(core.SessionChange{MultiConnection: core.To(false)}), args: identities(k[0]), says: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeCollected, status: core.SessionCompleted},
		{name: "to be confirmed from now on", session: collect, happen: a.change(core.SessionChange{MustConfirm: core.To(true)}), args: identities(k[0]), says: fingerprint(t, k[0]), recorded: want(t, true, k[0]), outcome: outcomeCollected, status: core.SessionCompleted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) {
				o.Sessions = midway{o.Sessions, func(v core.Visit) { c.happen(v.Session) }}
			})
			identifier := ""
			if c.wanted != nil {
				identifier = w.wanting(c.wanted, c.session)
			} else {
				identifier = w.add(c.session)
			}
			r := w.ssh(identifier, c.stdin, c.args...)
			said := r.stdout
			if c.code != 0 {
				said = r.stderr
			}
			lies := c.code != 0 && strings.Contains(r.stdout+r.stderr, "Verified") || c.code != 0 && strings.Contains(r.stdout, "Recorded")
			if r.code != c.code || !strings.Contains(said, c.says) || lies {
				t.Errorf("ssh: %+v\nwant exit code %d and %q", r, c.code, c.says)
			}
			if line := w.next(); line.Outcome != string(c.outcome) {
				t.Errorf("outcome = %s, want %s", line.Outcome, c.outcome)
			}
			if c.status == "" {
				w.wantGone(identifier)
				return
			}
			w.wantStatus("afterwards", identifier, c.status, c.attempts)
			w.wantRecorded(t, identifier, c.recorded)
		})
	}
}

// wantGone checks that a session is not there any more.
func (w *world) wantGone(identifier string) {
	w.t.Helper()
	err := shared.View(context.Background(), func(tx core.Tx) error {
		_, err := tx.VisitedByIdentifier(identifier)
		return err
	})
	if core.KindOf(err) != core.NotFound {
		w.t.Errorf("the session: %v, want it gone", err)
	}
}
