package core_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
	"keyrack/internal/vault"
)

// hook is a webhook that wants every event.
func hook(host string) core.NewWebhook { return core.NewWebhook{URL: "https://" + host + "/in"} }

// deliveries gives what was written for a session's webhooks, oldest first.
func (w *world) deliveries(s core.Session) []core.DeliveryDetail {
	w.t.Helper()
	all, err := w.Deliveries(w.t.Context(), operator, core.DeliveryQuery{Limit: 1 << 20})
	if err != nil {
		w.t.Fatalf("Deliveries: %v", err)
	}
	var out []core.DeliveryDetail
	for _, d := range all {
		if d.Event.Session == s.UUID {
			out = append([]core.DeliveryDetail{d}, out...)
		}
	}
	return out
}

// told gives the kinds of the events that were written, with the new status.
func (w *world) told(s core.Session) []string {
	w.t.Helper()
	var out []string
	for _, d := range w.deliveries(s) {
		kind := string(d.Event.Kind)
		if d.Event.Status != "" {
			kind += " " + string(d.Event.Status)
		}
		out = append(out, kind)
	}
	return out
}

func count(words []string, word string) int {
	n := 0
	for _, w := range words {
		if w == word {
			n++
		}
	}
	return n
}

func wanted(t testing.TB, keys ...int) []core.NewWantedKey {
	t.Helper()
	var out []core.NewWantedKey
	for _, n := range keys {
		out = append(out, core.NewWantedKey{PublicKey: testKey(t, n).String()})
	}
	return out
}

// Whoever has the public halves of all wanted keys, and shows them, has spent
// an attempt and got nothing: no state, no evidence, no event of a success.
func TestVerifyTakesNoOffers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		key := w.addKey(ada.ID, "k", testKey(t, 1))
		before := len(w.detail(key).Evidence)
		s := w.verifying(core.NewSession{MultiKey: true, MaxAttempts: 2, Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1, 2)
		w.collect(s, w.offered(testKey(t, 1)), w.offered(testKey(t, 2)))
		w.collect(s, w.proven(testKey(t, 3)), w.offered(testKey(t, 1)))
		got := w.read(s)
		if got.Status != core.SessionFailed || !got.VerifiedAt.IsZero() || !got.Wanted[0].VerifiedAt.IsZero() {
			t.Errorf("session = %s, verified at %v, first key at %v; want it failed and nothing verified",
				got.Status, got.VerifiedAt, got.Wanted[0].VerifiedAt)
		}
		if told := w.told(s); count(told, "verified") != 0 || count(told, "failed_attempt") != 2 {
			t.Errorf("events = %q, want two failed attempts and nothing verified", told)
		}
		if n := len(w.detail(key).Evidence); n != before {
			t.Errorf("the key has %d pieces of evidence, want the %d from before", n, before)
		}
	})
}

// Proofs of one connection do not add up with those of another.
func TestVerifyMatchAllInOneConnection(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{MatchAllKeys: true, MaxAttempts: 3}, 1, 2)
		w.collect(s, w.shown([]int{1})...)
		w.collect(s, w.shown([]int{2})...)
		if got := w.read(s); got.Status != core.SessionPending || got.Attempts != 2 || !got.Wanted[0].VerifiedAt.IsZero() {
			t.Errorf("after each key in a connection of its own: %s, %d attempts, keys %+v; want it pending with 2, no key verified",
				got.Status, got.Attempts, got.Wanted)
		}
		w.collect(s, w.shown([]int{2, 1})...)
		if got := w.read(s); got.Status != core.SessionVerified || got.Attempts != 2 {
			t.Errorf("after both in one: %s, %d attempts; want it verified with 2", got.Status, got.Attempts)
		}
	})
}

// However many connections fail at once, attempts stop at the bound, and the
// session fails once.
func TestVerifyAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const clients, attempts = 12, 5
		s := w.verifying(core.NewSession{MaxAttempts: attempts, Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1)
		var visits []core.Visit
		for range clients {
			visits = append(visits, w.connect(s))
		}
		late := 0
		for _, err := range atOnce(clients, func(i int) error {
			return w.finish(visits[i].Connection, nil)
		}) {
			if err != nil {
				wantError(t, "Finish", err, core.Conflict)
				late++
			}
		}
		got, told := w.read(s), w.told(s)
		if got.Status != core.SessionFailed || got.Attempts != attempts || late != clients-attempts {
			t.Errorf("%s with %d attempts, %d too late; want failed with %d, %d too late",
				got.Status, got.Attempts, late, attempts, clients-attempts)
		}
		if count(told, "failed_attempt") != attempts || count(told, "status_changed failed") != 1 || told[len(told)-1] != "status_changed failed" {
			t.Errorf("events = %q, want %d failed attempts and then one status_changed", told, attempts)
		}
	})
}

// A verify session for one connection is verified once, however many are right at once.
func TestVerifyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1)
		visits := []core.Visit{w.connect(s), w.connect(s), w.connect(s)}
		won := 0
		for _, err := range atOnce(len(visits), func(i int) error {
			return w.finish(visits[i].Connection, w.shown([]int{1}))
		}) {
			if err == nil {
				won++
				continue
			}
			wantError(t, "Finish", err, core.Conflict)
		}
		told := w.told(s)
		if won != 1 || count(told, "verified") != 1 || count(told, "status_changed verified") != 1 {
			t.Errorf("%d connections won, events %q; want one of each", won, told)
		}
	})
}

func TestVerifyMultiConnection(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		connections [][]int
		want        core.SessionStatus
	}{
		"no connection":                   {want: core.SessionFailed},
		"one that failed":                 {connections: [][]int{{3}}, want: core.SessionFailed},
		"one that succeeded":              {connections: [][]int{{1}}, want: core.SessionVerified},
		"a success, a failure":            {connections: [][]int{{1}, {3}}, want: core.SessionVerified},
		"a failure, a success":            {connections: [][]int{{-1}, {2}}, want: core.SessionVerified},
		"more successes than it may fail": {connections: [][]int{{1}, {2}, {1}, {2}}, want: core.SessionVerified},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				s := w.verifying(core.NewSession{MultiConnection: true, MaxAttempts: 2, Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1, 2)
				for _, shown := range tt.connections {
					w.collect(s, w.shown(shown)...)
					if got := w.read(s); got.Status != core.SessionPending {
						t.Fatalf("after a connection with %v: %s, want it pending", shown, got.Status)
					}
				}
				got, err := w.CompleteSession(t.Context(), operator, s.Kind, s.UUID)
				if err != nil || got.Status != tt.want {
					t.Fatalf("CompleteSession = %s, %v; want %s", got.Status, err, tt.want)
				}
				told := w.told(s)
				if last := told[len(told)-1]; last != "status_changed "+string(tt.want) || count(told, last) != 1 {
					t.Errorf("events = %q, want status_changed %s once, at the end", told, tt.want)
				}
			})
		})
	}
}

// A session that wants nothing cannot be made, and one that were there all the
// same would never be verified.
func TestVerifyWantsKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{MaxAttempts: 2}, 1)
		by := w.apiKey("p")
		many := make([]int, 41)
		for i := range many {
			many[i] = i + 1
		}
		for name, keys := range map[string][]core.NewWantedKey{"none": nil, "too many": wanted(t, many...)} {
			_, err := w.CreateSession(t.Context(), by, core.NewSession{Kind: core.VerifySession, MaxAttempts: 1, Wanted: keys})
			wantError(t, "CreateSession, "+name, err, core.Invalid, "keys: must have 1 to 40 keys")
			_, err = w.ChangeSession(t.Context(), by, s.Kind, s.UUID, core.SessionChange{Wanted: core.To(keys)})
			wantError(t, "ChangeSession, "+name, err, core.Invalid, "keys: must have 1 to 40 keys")
		}
		_, err := w.CreateSession(t.Context(), by, core.NewSession{Kind: core.VerifySession, MaxAttempts: 1, Wanted: wanted(t, 1, 2, 1)})
		wantError(t, "CreateSession, one twice", err, core.Invalid, "keys[2].public_key: is the same key as keys[0]")

		err = w.store.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteWantedKey(w.read(s).Wanted[0].ID) })
		if err != nil {
			t.Fatal(err)
		}
		w.collect(s, w.proven(testKey(t, 1)))
		if got := w.read(s); got.Status != core.SessionPending || got.Attempts != 1 {
			t.Errorf("a session without keys = %s with %d attempts, want a failed one", got.Status, got.Attempts)
		}
	})
}

// What a connection proved is held against the keys as they are when it ends.
func TestVerifyKeysReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	for shown, want := range map[int]core.SessionStatus{1: core.SessionFailed, 2: core.SessionVerified, 3: core.SessionVerified} {
		t.Run(fmt.Sprint("key ", shown), func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				s := w.verifying(core.NewSession{}, 1, 2)
				v := w.connect(s)
				if _, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, core.SessionChange{Wanted: core.To(wanted(t, 2, 3))}); err != nil {
					t.Fatal(err)
				}
				if err := w.finish(v.Connection, w.shown([]int{shown})); err != nil {
					t.Fatal(err)
				}
				if got := w.read(s); got.Status != want {
					t.Errorf("key %d after the keys 1, 2 became 2, 3: %s, want %s", shown, got.Status, want)
				}
			})
		})
	}
}

func TestVerifyKeyThatStays(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{MultiConnection: true}, 1, 2)
		w.collect(s, w.shown([]int{2})...)
		before := w.read(s).Wanted[1]
		w.clock.advance(time.Minute)
		keys := append(wanted(t, 3), core.NewWantedKey{PublicKey: testKey(t, 2).String(), Name: ptr("laptop")})
		got, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, core.SessionChange{Wanted: core.To(keys)})
		if err != nil {
			t.Fatal(err)
		}
		byKey := map[string]core.WantedKey{}
		for _, k := range got.Wanted {
			byKey[k.Public.String()] = k
		}
		stays, comes := byKey[testKey(t, 2).String()], byKey[testKey(t, 3).String()]
		if len(byKey) != 2 || stays.UUID != before.UUID || before.VerifiedAt.IsZero() || !stays.VerifiedAt.Equal(before.VerifiedAt) || *stays.Name != "laptop" {
			t.Errorf("keys = %+v, want %+v kept with its new name, and one more", got.Wanted, before)
		}
		if comes.UUID == uuid.Nil || !comes.VerifiedAt.IsZero() {
			t.Errorf("the new key = %+v, want it with an id and not verified", comes)
		}
	})
}

// A connection that ends after its session counts for nothing.
func TestVerifyTooLate(t *testing.T) {
	t.Parallel()
	ends := map[string]func(w *world, s core.Session) error{
		"expired": func(w *world, _ core.Session) error { w.clock.advance(time.Hour); return nil },
		"deleted": func(w *world, s core.Session) error { return w.DeleteSession(w.t.Context(), operator, s.Kind, s.UUID) },
		"completed": func(w *world, s core.Session) error {
			_, err := w.CompleteSession(w.t.Context(), operator, s.Kind, s.UUID)
			return err
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				s := w.verifying(core.NewSession{
					MultiConnection: true, Expiry: core.Expiry{Timeout: ptr(time.Hour)}, Webhooks: []core.NewWebhook{hook("a.example.org")},
				}, 1)
				right, wrong := w.connect(s), w.connect(s)
				if err := end(w, s); err != nil {
					t.Fatal(err)
				}
				before := w.dump()
				wantError(t, "Finish with the right key", w.finish(right.Connection, w.shown([]int{1})), core.Conflict)
				wantError(t, "Finish with none", w.finish(wrong.Connection, nil), core.Conflict)
				w.unchanged("Finish", before)
			})
		})
	}
}

// An expired session that is given a later end takes connections again, and
// tells of each of its ends.
func TestVerifyRevived(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Hour)}, Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1)
		w.clock.advance(time.Hour)
		w.sweep()
		w.change(s, core.Expiry{Timeout: ptr(time.Hour)})
		w.sweep()
		w.collect(s, w.shown([]int{1})...)
		want := []string{"status_changed expired", "new_connection", "verified", "status_changed verified"}
		if got := w.told(s); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

// manyOverdue stores sessions that are about to expire, each with a webhook:
// as creating them one by one would, in less time.
func (w *world) manyOverdue(n int) {
	w.t.Helper()
	s := w.verifying(core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Minute)}, Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1)
	for left := n - 1; left > 0; left -= 500 {
		err := w.store.Update(w.t.Context(), func(tx core.Tx) error {
			for range min(left, 500) {
				if err := w.copySession(tx, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// copySession stores a session and its webhook once more.
func (w *world) copySession(tx core.Tx, s core.Session) (err error) {
	h := s.Webhooks[0]
	s.ID, s.UUID, s.Identifier = 0, uuid.Must(uuid.NewV7()), core.NewIdentifier()
	if h.Session, err = tx.InsertSession(s); err != nil {
		return err
	}
	h.ID, h.UUID = 0, uuid.Must(uuid.NewV7())
	if h.SealedHeaders, err = w.vault.Seal([]byte("null"), vault.Record{Kind: "webhook", ID: h.UUID.String(), Field: "headers"}); err != nil {
		return err
	}
	_, err = tx.InsertWebhook(h)
	return err
}

// A thousand sessions that end at one moment are written down in batches,
// each with exactly one event, also while two servers are at it.
func TestExpireManySessionsAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const sessions, batch = 1000, 100
		w.manyOverdue(sessions)
		w.clock.advance(time.Minute)
		for _, err := range atOnce(2, func(int) error {
			for {
				n, err := w.ExpireSessions(t.Context(), core.System("sweep"), batch)
				if err != nil || n == 0 {
					return err
				}
				if n > batch {
					return fmt.Errorf("a batch of %d, want at most %d", n, batch)
				}
			}
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		var all []core.Delivery
		if err := w.store.View(t.Context(), func(tx core.Tx) (err error) {
			all, err = tx.Deliveries(core.DeliveryQuery{Limit: 2 * sessions})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		of := map[uuid.UUID]int{}
		for _, d := range all {
			if d.Event.Kind == core.StatusChangedEvent && d.Event.Status == core.SessionExpired {
				of[d.Event.Session]++
			}
		}
		if len(all) != sessions || len(of) != sessions {
			t.Errorf("%d events of %d sessions, want one for each of %d", len(all), len(of), sessions)
		}
	})
}

func TestExpireSessionsIsForTheSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manyOverdue(1)
	w.clock.advance(time.Minute)
	for name, by := range map[string]core.Actor{"operator": operator, "visitor": visitor, "project": w.apiKey("p"), "zero": {}} {
		if _, err := w.ExpireSessions(t.Context(), by, 10); core.KindOf(err) != core.Denied {
			t.Errorf("ExpireSessions by %s: %v, want it denied", name, err)
		}
	}
	if n := len(w.events("session.expire")); n != 0 {
		t.Errorf("%d sessions were written down as expired, want none", n)
	}
}

// What Finish gives is what a person is told, so it is what was recorded: the
// wanted keys as they are at the end.
func TestFinishGivesWhatItRecorded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{MultiConnection: true, MaxAttempts: 9}, 1, 2)
		replaced := w.connect(s)
		_, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, core.SessionChange{
			Wanted: core.To([]core.NewWantedKey{{PublicKey: testKey(t, 2).String()}}),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			visit core.Visit
			keys  []core.CollectedKey
			want  []sshkey.PublicKey
		}{
			{replaced, w.shown([]int{1}), nil},
			{w.connect(s), w.shown([]int{1, 2}), []sshkey.PublicKey{testKey(t, 2)}},
			{w.connect(s), nil, nil},
		} {
			kept, err := w.Finish(t.Context(), visitor, tt.visit.Connection, tt.keys)
			var got []sshkey.PublicKey
			for _, k := range kept {
				got = append(got, k.Public)
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Finish = %v, %v; want %v", got, err, tt.want)
			}
		}
		if got := w.read(s); got.Attempts != 2 {
			t.Errorf("%d failed attempts, want 2", got.Attempts)
		}
	})
}
