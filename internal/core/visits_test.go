package core_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "p", ProveKeys: true})
		s := w.session(by, core.NewSession{MultiKey: true, MustConfirm: true, Banner: ptr("hello"), Message: ptr("bye")})
		w.clock.advance(time.Minute)
		v := w.connect(s)
		if diff := cmp.Diff(core.Visit{Connection: v.Connection, Session: s, Prove: true}, v, exactly); diff != "" {
			t.Errorf("Connect (-want +got):\n%s", diff)
		}
		got := w.read(s).Connections
		if diff := cmp.Diff([]core.Connection{v.Connection}, got, exactly); diff != "" {
			t.Errorf("Connections (-told +got):\n%s", diff)
		}
		want := core.Connection{
			ID: v.Connection.ID, UUID: v.Connection.UUID,
			Session: s.ID, Address: sshFrom.Address, ClientVersion: clientVersion, CreatedAt: s.CreatedAt.Add(time.Minute),
		}
		if diff := cmp.Diff(want, v.Connection, exactly); diff != "" {
			t.Errorf("Connection (-want +got):\n%s", diff)
		}
	})
}

// Whoever tries identifiers learns nothing but that one is open.
func TestConnectTellsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "p"})
		finished, deleted := w.session(by, core.NewSession{}), w.session(by, core.NewSession{})
		overdue := w.session(by, core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Second)}})
		w.collect(finished, w.offered(testKey(t, 1)))
		w.clock.advance(time.Second)
		if err := w.DeleteSession(t.Context(), by, deleted.Kind, deleted.UUID); err != nil {
			t.Fatal(err)
		}
		open := w.session(by, core.NewSession{}).Identifier
		before := w.dump()
		tries := map[string]string{
			"finished": finished.Identifier, "expired": overdue.Identifier, "deleted": deleted.Identifier,
			"unknown": core.NewIdentifier(), "empty": "", "root": "root", "upper case": strings.ToUpper(open),
			"cut off": open[:19], "longer": open + "a", "blank behind": open[:19] + " ", "pattern": strings.Repeat("%", 20),
			"zero byte": open[:19] + "\x00", "no UTF-8": strings.Repeat("\xff", 20), "quote": open[:18] + "'-",
			"look-alike": open[:19] + "l", "10 characters of 2 bytes": strings.Repeat("ä", 10),
		}
		for name, identifier := range tries {
			v, err := w.Connect(t.Context(), visitor, identifier, clientVersion)
			wantError(t, name, err, core.NotFound)
			if err.Error() != "no open session with this name" || v.Connection.ID != 0 {
				t.Errorf("Connect(%q) = %+v, %q; want no visit, and the words for an unknown one", identifier, v, err)
			}
		}
		w.unchanged("refused connections", before)
	})
}

func TestFinish(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.session(w.project(core.NewProject{Name: "p"}), core.NewSession{MultiKey: true})
		v := w.connect(s)
		seen := w.clock.Now()
		keys := []core.CollectedKey{w.offered(testKey(t, 3)), w.proven(testKey(t, 1)), w.offered(testKey(t, 2))}
		w.clock.advance(time.Minute)
		if err := w.finish(v.Connection, keys); err != nil {
			t.Fatal(err)
		}
		got := w.read(s)
		if got.Status != core.SessionCompleted || !got.UpdatedAt.Equal(core.Moment(w.clock.Now())) {
			t.Errorf("session = %+v, want it completed now", got)
		}
		var lines []string
		for _, k := range got.Connections[0].Keys {
			if k.UUID.Version() != 7 || !k.CreatedAt.Equal(core.Moment(seen)) {
				t.Errorf("collected key = %+v, want a UUIDv7, and when it was seen", k)
			}
			lines = append(lines, fmt.Sprint(k.Public, k.Proven))
		}
		want := []string{fmt.Sprint(testKey(t, 3), false), fmt.Sprint(testKey(t, 1), true), fmt.Sprint(testKey(t, 2), false)}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("collected keys (-want +got):\n%s", diff)
		}
		if e := w.event("session.complete"); e.ActorKind != core.ActorNobody || e.Address != sshFrom.Address || e.Face != "ssh" || e.Project != s.Project {
			t.Errorf("audit event = %+v, want it by a visitor over SSH", e)
		}
	})
}

// Finish of a connection whose session is over changes nothing.
func TestFinishTooLate(t *testing.T) {
	t.Parallel()
	ends := map[string]func(w *world, s core.Session){
		"another was first": func(w *world, s core.Session) { w.collect(s, w.offered(testKey(w.t, 9))) },
		"time ran out":      func(w *world, _ core.Session) { w.clock.advance(time.Hour) },
		"written down as expired": func(w *world, _ core.Session) {
			w.clock.advance(time.Hour)
			w.sweep()
		},
		"deleted": func(w *world, s core.Session) {
			if err := w.DeleteSession(w.t.Context(), operator, s.Kind, s.UUID); err != nil {
				w.t.Fatal(err)
			}
		},
		"completed by hand": func(w *world, s core.Session) {
			if _, err := w.ChangeSession(w.t.Context(), operator, s.Kind, s.UUID, core.SessionChange{MultiConnection: core.To(true)}); err != nil {
				w.t.Fatal(err)
			}
			completeByHand(w, s)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				w.account(core.NewAccount{Login: "ada"})
				by := w.project(core.NewProject{Name: "p", Adopt: core.AdoptOffered})
				s := w.session(by, core.NewSession{ExternalID: ptr("ada"), Expiry: core.Expiry{Timeout: ptr(time.Hour)}})
				v := w.connect(s)
				end(w, s)
				before := w.dump()
				err := w.finish(v.Connection, []core.CollectedKey{w.proven(testKey(t, 1))})
				wantError(t, "Finish", err, core.Conflict)
				w.unchanged("Finish", before)
			})
		})
	}
}

// Two people run the command of one single-connection session at once: the
// keys of one are taken.
func TestFinishAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		by := w.project(core.NewProject{Name: "p", Adopt: core.AdoptProven})
		for round := range 20 {
			s := w.session(by, core.NewSession{ExternalID: ptr("ada")})
			visits := []core.Visit{w.connect(s), w.connect(s)}
			errs := atOnce(2, func(i int) error {
				return w.finish(visits[i].Connection, []core.CollectedKey{w.proven(testKey(t, 2*round+i))})
			})
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			if errs[winner] != nil || core.KindOf(errs[1-winner]) != core.Conflict || errs[1-winner] == nil {
				t.Fatalf("round %d: Finish at once = %v; want one done, one Conflict", round, errs)
			}
			for i, c := range w.read(s).Connections {
				if taken := len(c.Keys) == 1; taken != (i == winner) {
					t.Errorf("round %d: connection %d has keys %v, want those of the winner %d alone", round, i, c.Keys, winner)
				}
			}
			if keys := w.keysOf(ada); len(keys) != round+1 || !keys[round].Public.Equal(testKey(t, 2*round+winner)) {
				t.Errorf("round %d: keys adopted = %v, want the winner's", round, keys)
			}
		}
	})
}

// A session is completed by hand while people are still at it: what was recorded
// in time is adopted, and what came later was refused.
func TestCompletedWhileCollecting(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const people = 6
		ada := w.account(core.NewAccount{Login: "ada"})
		by := w.project(core.NewProject{Name: "p", Adopt: core.AdoptProven})
		var want []string
		for round := range 10 {
			s := w.session(by, core.NewSession{ExternalID: ptr("ada"), MultiConnection: true})
			errs := atOnce(people+1, func(i int) error {
				if i == people {
					_, err := w.CompleteSession(t.Context(), by, s.Kind, s.UUID)
					return err
				}
				v, err := w.Connect(t.Context(), visitor, s.Identifier, clientVersion)
				if err != nil {
					return err
				}
				return w.finish(v.Connection, []core.CollectedKey{w.proven(testKey(t, 100+people*round+i))})
			})
			if errs[people] != nil {
				t.Fatalf("round %d: CompleteSession = %v", round, errs[people])
			}
			for i, err := range errs[:people] {
				if err == nil {
					want = append(want, testKey(t, 100+people*round+i).SHA256().String())
				} else if k := core.KindOf(err); k != core.Conflict && k != core.NotFound {
					t.Errorf("round %d: person %d is told %v", round, i, err)
				}
			}
		}
		got := w.fingerprints(ada)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("adopted keys, and those whose people were told that they are recorded (-want +got):\n%s", diff)
		}
	})
}

func TestMultiConnectionCollectsOverConnections(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.session(w.project(core.NewProject{Name: "p"}), core.NewSession{MultiConnection: true})
		first, second := w.connect(s), w.connect(s)
		for i, v := range []core.Visit{second, first} { // they end in another order than they began
			if err := w.finish(v.Connection, []core.CollectedKey{w.offered(testKey(t, i))}); err != nil {
				t.Fatal(err)
			}
		}
		w.collect(s)
		w.collect(s, w.proven(testKey(t, 0)))
		var got []string
		for _, c := range w.read(s).Connections {
			line := ""
			for _, k := range c.Keys {
				line += k.Public.SHA256().String()
			}
			got = append(got, line)
		}
		want := []string{testKey(t, 1).SHA256().String(), testKey(t, 0).SHA256().String(), "", testKey(t, 0).SHA256().String()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("keys of the connections (-want +got):\n%s", diff)
		}
		if n := len(w.events("session.collect")); n != 3 {
			t.Errorf("%d audit events session.collect, want one for each connection with keys", n)
		}
	})
}

// verifying makes a verify session that wants keys.
func (w *world) verifying(in core.NewSession, keys ...int) core.Session {
	w.t.Helper()
	in.Kind, in.MaxAttempts = core.VerifySession, max(in.MaxAttempts, 1)
	for _, n := range keys {
		in.Wanted = append(in.Wanted, core.NewWantedKey{PublicKey: testKey(w.t, n).String()})
	}
	return w.session(w.project(core.NewProject{Name: "p"}), in)
}

// What a client has to show for a verify session to be verified. Numbers are
// keys that were proven, negative ones offered; the session wants 1 and 2.
func TestVerify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		all   bool
		shown []int
		want  core.SessionStatus
		match int // keys recorded as matched
	}{
		"a wanted key":                    {shown: []int{1}, want: core.SessionVerified, match: 1},
		"both":                            {shown: []int{2, 1}, want: core.SessionVerified, match: 2},
		"among others":                    {shown: []int{-7, 8, 2}, want: core.SessionVerified, match: 1},
		"no key":                          {want: core.SessionFailed},
		"another key":                     {shown: []int{3}, want: core.SessionFailed},
		"somebody's public key":           {shown: []int{-1, -2}, want: core.SessionFailed},
		"offered, another proven":         {shown: []int{-1, 3}, want: core.SessionFailed},
		"all wanted, both":                {all: true, shown: []int{1, 2}, want: core.SessionVerified, match: 2},
		"all wanted, one":                 {all: true, shown: []int{1}, want: core.SessionFailed},
		"all wanted, one proven twice":    {all: true, shown: []int{1, 1}, want: core.SessionFailed},
		"all wanted, one only offered":    {all: true, shown: []int{1, -2}, want: core.SessionFailed},
		"all wanted, one and a stranger":  {all: true, shown: []int{1, 3}, want: core.SessionFailed},
		"all wanted, both and a stranger": {all: true, shown: []int{3, 1, 2}, want: core.SessionVerified, match: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.verifying(core.NewSession{MatchAllKeys: tt.all}, 1, 2)
			w.clock.advance(time.Minute)
			w.collect(s, w.shown(tt.shown)...)
			got := w.read(s)
			if got.Status != tt.want || len(got.Connections[0].Keys) != tt.match {
				t.Errorf("session = %s with keys %v, want %s with %d", got.Status, got.Connections[0].Keys, tt.want, tt.match)
			}
			verified := 0
			for _, k := range got.Wanted {
				if !k.VerifiedAt.IsZero() {
					verified++
				}
			}
			if verified != tt.match || got.VerifiedAt.IsZero() != (tt.match == 0) {
				t.Errorf("session verified at %v, keys %+v; want %d keys verified", got.VerifiedAt, got.Wanted, tt.match)
			}
		})
	}
}

func (w *world) shown(numbers []int) []core.CollectedKey {
	w.t.Helper()
	var out []core.CollectedKey
	for _, n := range numbers {
		if n < 0 {
			out = append(out, w.offered(testKey(w.t, -n)))
		} else {
			out = append(out, w.proven(testKey(w.t, n)))
		}
	}
	return out
}

func TestVerifyCountsAttempts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{MaxAttempts: 3}, 1)
		for attempt := 1; attempt <= 2; attempt++ {
			w.collect(s, w.proven(testKey(t, 9)))
			if got := w.read(s); got.Status != core.SessionPending || got.Attempts != attempt {
				t.Fatalf("after failed attempt %d: %s, %d attempts; want it pending", attempt, got.Status, got.Attempts)
			}
		}
		late := w.connect(s)
		w.collect(s)
		if got := w.read(s); got.Status != core.SessionFailed || got.Attempts != 3 {
			t.Errorf("after the last attempt: %s, %d attempts; want it failed", got.Status, got.Attempts)
		}
		err := w.finish(late.Connection, []core.CollectedKey{w.proven(testKey(t, 1))})
		wantError(t, "Finish with the right key after the last attempt", err, core.Conflict)
	})
}

// A verified key is evidence to the accounts that have it, but only to those
// the project reaches: others must not read where it was used from.
func TestVerifyIsEvidenceWithinTheOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{
		Organizations: []string{"ours", "theirs"},
		Accounts: []core.DesiredAccount{
			{Login: "ada", Organizations: []string{"ours"}, Keys: []core.DesiredKey{{Name: "k", PublicKey: testKey(t, 1).String()}}},
			{Login: "eve", Organizations: []string{"theirs"}, Keys: []core.DesiredKey{{Name: "k", PublicKey: testKey(t, 1).String()}}},
		},
		Projects: []core.DesiredProject{{Name: "p", Organization: "ours"}},
	})
	s := w.session(w.apiKey("p"), core.NewSession{
		Kind: core.VerifySession, MaxAttempts: 1, Wanted: []core.NewWantedKey{{PublicKey: testKey(t, 1).String()}},
	})
	w.collect(s, w.proven(testKey(t, 1)))
	for login, want := range map[string]int{"ada": 2, "eve": 1} {
		account := must(w.AccountRef(t.Context(), operator, login))
		d := w.detail(w.keysOf(account)[0])
		if len(d.Evidence) != want || want == 2 && d.Evidence[1].Grade != core.ProvenByLogin {
			t.Errorf("evidence of %s's key = %+v, want %d pieces", login, d.Evidence, want)
		}
	}
}

func TestExpireSessions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "p"})
		for range 3 {
			w.session(by, core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Minute)}})
		}
		w.session(by, core.NewSession{})
		sweeper := core.System("sweeper")
		w.clock.advance(time.Minute - time.Microsecond)
		for _, tt := range []struct {
			after time.Duration
			want  int
		}{{0, 0}, {time.Microsecond, 2}, {0, 1}, {0, 0}} {
			w.clock.advance(tt.after)
			if n, err := w.ExpireSessions(t.Context(), sweeper, 2); err != nil || n != tt.want {
				t.Errorf("ExpireSessions = %d, %v; want %d", n, err, tt.want)
			}
		}
		if n := len(w.events("session.expire")); n != 3 {
			t.Errorf("%d audit events session.expire, want 3", n)
		}
	})
}
