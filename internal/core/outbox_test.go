package core_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

var courier = core.System("webhooks")

const lease = 45 * time.Second

// claim leases what is due.
func (w *world) claim(limit int) []core.Parcel {
	w.t.Helper()
	parcels, err := w.ClaimDeliveries(w.t.Context(), courier, lease, limit)
	if err != nil {
		w.t.Fatalf("ClaimDeliveries: %v", err)
	}
	return parcels
}

// claimOne leases the one delivery that is due.
func (w *world) claimOne() core.Parcel {
	w.t.Helper()
	parcels := w.claim(100)
	if len(parcels) != 1 {
		w.t.Fatalf("ClaimDeliveries gave %d, want 1", len(parcels))
	}
	return parcels[0]
}

// tried records a try: a failure unless reason is empty, to be made again after a minute.
func (w *world) tried(p core.Parcel, a core.Attempt) {
	w.t.Helper()
	a.At, a.Lease = w.clock.Now(), p.Lease
	if err := w.RecordAttempt(w.t.Context(), courier, p.ID, a, a.At.Add(time.Minute)); err != nil {
		w.t.Fatalf("RecordAttempt: %v", err)
	}
}

// late records a try whose lease is over, which must fail.
func (w *world) late(p core.Parcel, a core.Attempt) {
	w.t.Helper()
	a.At, a.Lease = w.clock.Now(), p.Lease
	before := w.dump()
	err := w.RecordAttempt(w.t.Context(), courier, p.ID, a, a.At.Add(time.Minute))
	wantError(w.t, "RecordAttempt without a lease", err, core.Conflict)
	w.unchanged("RecordAttempt without a lease", before)
}

var (
	arrived = core.Attempt{Status: 204}
	refused = core.Attempt{Status: 500, Reason: "status 500"}
	gone    = core.Attempt{Status: 410, Reason: "status 410", Gone: true}
)

// delivery reads one back.
func (w *world) delivery(s core.Session, id uuid.UUID) core.DeliveryDetail {
	w.t.Helper()
	for _, d := range w.deliveries(s) {
		if d.UUID == id {
			return d
		}
	}
	w.t.Fatalf("no delivery %s", id)
	panic("unreachable")
}

// hooked makes a multi-connection collect session with webhooks.
func (w *world) hooked(name string, hooks ...core.NewWebhook) core.Session {
	w.t.Helper()
	return w.session(w.project(core.NewProject{Name: name}), core.NewSession{MultiConnection: true, Webhooks: hooks})
}

// The order of events in one connection and at the end of a session.
func TestEventsAreInOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   core.NewSession
		then func(w *world, s core.Session)
		want []string
	}{
		"collect": {
			in:   core.NewSession{MultiKey: true},
			then: func(w *world, s core.Session) { w.collect(s, w.shown([]int{-2, 1})...) },
			want: []string{"new_connection", "key_collected", "key_collected", "status_changed completed"},
		},
		"collect, no key": {
			then: func(w *world, s core.Session) { w.collect(s) },
			want: []string{"new_connection"},
		},
		"collect, many connections": {
			in: core.NewSession{MultiConnection: true},
			then: func(w *world, s core.Session) {
				w.collect(s, w.shown([]int{1})...)
				w.collect(s, w.shown([]int{2})...)
				completeByHand(w, s)
			},
			want: []string{"new_connection", "key_collected", "new_connection", "key_collected", "status_changed completed"},
		},
		"expired": {
			in: core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Minute)}},
			then: func(w *world, _ core.Session) {
				w.clock.advance(time.Minute)
				w.sweep()
				w.sweep()
			},
			want: []string{"status_changed expired"},
		},
		"verify": {
			in:   core.NewSession{Kind: core.VerifySession, MultiKey: true},
			then: func(w *world, s core.Session) { w.collect(s, w.shown([]int{3, 2, 1})...) },
			want: []string{"new_connection", "verified", "verified", "status_changed verified"},
		},
		"verify, failed attempts": {
			in: core.NewSession{Kind: core.VerifySession, MaxAttempts: 2},
			then: func(w *world, s core.Session) {
				w.collect(s, w.shown([]int{-1})...)
				w.collect(s)
			},
			want: []string{"new_connection", "failed_attempt", "new_connection", "failed_attempt", "status_changed failed"},
		},
		"verify, match all with a part": {
			in:   core.NewSession{Kind: core.VerifySession, MatchAllKeys: true},
			then: func(w *world, s core.Session) { w.collect(s, w.shown([]int{1})...) },
			want: []string{"new_connection", "failed_attempt", "status_changed failed"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				in := tt.in // the other store's test has its own
				in.Webhooks = []core.NewWebhook{hook("a.example.org")}
				if in.Kind == core.VerifySession {
					in.MaxAttempts, in.Wanted = max(in.MaxAttempts, 1), wanted(t, 1, 2)
				}
				s := w.session(w.project(core.NewProject{Name: "p"}), in)
				tt.then(w, s)
				if diff := cmp.Diff(tt.want, w.told(s)); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What events tell is what is stored, as of the moment it happened.
func TestEventsTellWhatIsStored(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.verifying(core.NewSession{ExternalID: ptr("user_123"), Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1, 2)
		w.clock.advance(time.Minute)
		w.collect(s, w.proven(testKey(t, 2)))
		got := w.read(s)
		c := got.Connections[0]
		about := core.Event{
			At: core.Moment(w.clock.Now()), SessionKind: core.VerifySession, Session: s.UUID, ExternalID: s.ExternalID, Identifier: s.Identifier,
		}
		connected, verified, changed := about, about, about
		connected.Kind, connected.Connection, connected.Address, connected.ClientVersion = core.NewConnectionEvent, c.UUID, sshFrom.Address, clientVersion
		verified.Kind, verified.Connection, verified.ConnectionKey = core.VerifiedEvent, c.UUID, c.Keys[0].UUID
		verified.VerifyKey, verified.Public = got.Wanted[1].UUID, testKey(t, 2)
		changed.Kind, changed.Status = core.StatusChangedEvent, core.SessionVerified
		var events []core.Event
		for _, d := range w.deliveries(s) {
			events = append(events, d.Event)
		}
		if diff := cmp.Diff([]core.Event{connected, verified, changed}, events, exactly); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// Whatever fails while a verify session ends, neither its state nor an event
// of it is left.
func TestVerifyEventsStandOrFall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.verifying(core.NewSession{Webhooks: []core.NewWebhook{hook("a.example.org")}}, 1)
	for name, shown := range map[string][]int{"verified": {1}, "failed": {3}} {
		v := w.connect(s)
		finish := func(f *faulty) error {
			_, err := w.over(f).Finish(t.Context(), visitor, v.Connection, w.shown(shown))
			return err
		}
		sound := &faulty{Store: rehearsal{w.store}}
		if err := finish(sound); err != nil || sound.calls == 0 {
			t.Fatalf("%s, without a fault: %v in %d calls", name, err, sound.calls)
		}
		before := w.dump()
		for n := range sound.calls {
			if err := finish(&faulty{Store: w.store, broken: n + 1}); core.KindOf(err) != core.Unavailable {
				t.Errorf("%s, when call %d fails: %v, want it unavailable", name, n+1, err)
			}
		}
		w.unchanged("a failed Finish ("+name+")", before)
	}
}

// A webhook gets the events it asks for, all where it asks for none in particular.
func TestWebhookGetsWhatItWants(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		some, all := hook("some.example.org"), hook("all.example.org")
		some.Events = []core.EventKind{core.KeyCollectedEvent}
		s := w.hooked("p", some, all)
		w.collect(s, w.shown([]int{1})...)
		got := map[string][]core.EventKind{}
		for _, d := range w.deliveries(s) {
			got[d.Receiver] = append(got[d.Receiver], d.Event.Kind)
		}
		want := map[string][]core.EventKind{
			"some.example.org": {core.KeyCollectedEvent},
			"all.example.org":  {core.NewConnectionEvent, core.KeyCollectedEvent},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events by receiver (-want +got):\n%s", diff)
		}
	})
}

// A receiver that says 410 gets nothing more until its webhook is changed.
func TestGoneReceiver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		in := hook("a.example.org")
		in.Retries = 5
		s := w.hooked("p", in)
		w.connect(s)
		p := w.claimOne()
		w.tried(p, gone)
		if d := w.delivery(s, p.UUID); d.State != core.DeliveryFailed {
			t.Errorf("the delivery is %s, want it failed at once, retries or not", d.State)
		}
		w.connect(s)
		if n := len(w.deliveries(s)); n != 1 {
			t.Errorf("%d deliveries after the receiver was gone, want the 1 from before", n)
		}
		if e := w.event("webhook.disable"); e.Object != "webhook "+s.Webhooks[0].UUID.String() {
			t.Errorf("audit event = %+v, want it about the webhook", e)
		}
		change := core.WebhookChange{URL: core.To("https://b.example.org/")}
		if _, err := w.ChangeWebhook(t.Context(), operator, s.Kind, s.UUID, s.Webhooks[0].UUID, change); err != nil {
			t.Fatal(err)
		}
		w.connect(s)
		if n := len(w.deliveries(s)); n != 2 {
			t.Errorf("%d deliveries after the webhook was changed, want 2", n)
		}
	})
}

// One delivery of a webhook is under way at a time, the oldest that is due; a
// lease that ran out is given anew; what waits for its next try holds up nothing.
func TestClaimInOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		in := hook("a.example.org")
		in.Retries = 3
		in.Headers = map[string][]string{"Authorization": {"Bearer 123"}}
		s := w.hooked("p", in)
		w.collect(s, w.shown([]int{1, 2})...)
		all := w.deliveries(s)
		first := w.claimOne()
		if first.UUID != all[0].UUID || first.Target.Headers["Authorization"][0] != "Bearer 123" || !strings.HasPrefix(first.Secret.Reveal(), "whsec_") {
			t.Errorf("claimed %+v, want the first event with headers and secret", first)
		}
		if n := len(w.claim(100)); n != 0 {
			t.Errorf("%d claimed while one is under way, want none", n)
		}
		w.clock.advance(lease - time.Microsecond)
		if n := len(w.claim(100)); n != 0 {
			t.Errorf("%d claimed just before the lease ends, want none", n)
		}
		w.clock.advance(time.Microsecond)
		again := w.claimOne()
		if again.UUID != first.UUID || again.Attempts != 0 || again.Lease == first.Lease {
			t.Errorf("claimed %s after the lease of %s ran out, want the same under another lease", again.UUID, first.UUID)
		}
		w.tried(again, refused)
		second := w.claimOne()
		if second.UUID != all[1].UUID {
			t.Errorf("claimed %s while the first waits for its next try, want the second event", second.UUID)
		}
		w.tried(second, arrived)
		w.clock.advance(time.Minute)
		for i, want := range []core.DeliveryDetail{all[0], all[2]} {
			p := w.claimOne()
			if p.UUID != want.UUID {
				t.Errorf("claim %d when the first is due again = %s, want %s", i, p.Event.Kind, want.Event.Kind)
			}
			w.tried(p, arrived)
		}
		if n := len(w.claim(100)); n != 0 {
			t.Errorf("%d claimed when all are delivered, want none", n)
		}
	})
}

func TestClaimKeepsToItsLimits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		for i := range 20 {
			w.connect(w.hooked(fmt.Sprint("dead", i), hook("DEAD.example.org")))
		}
		live := w.hooked("live", hook("live.example.org"))
		w.connect(live)
		byReceiver := map[string]int{}
		var claimed []core.Parcel
		for range 4 {
			claimed = append(claimed, w.claim(10)...) // which a receiver's share is no multiple of
		}
		for _, p := range claimed {
			byReceiver[p.Receiver]++
		}
		want := map[string]int{"dead.example.org": 16, "live.example.org": 1}
		if diff := cmp.Diff(want, byReceiver); diff != "" {
			t.Errorf("under way by receiver (-want +got):\n%s", diff)
		}
		for _, p := range claimed {
			w.tried(p, arrived)
		}
		if n := len(w.claim(3)); n != 3 {
			t.Errorf("%d claimed of the 4 left, with the limit 3", n)
		}
	})
}

// Two servers on one database, with two workers each, never get the same delivery.
func TestClaimAtOnce(t *testing.T) {
	t.Parallel()
	const deliveries = 200
	url := storetest.PostgresURL(t)
	w := newWorldOn(t, storetest.Open(t, store.Options{URL: url}))
	servers := []*core.Service{w.Service, w.over(storetest.Open(t, store.Options{URL: url}))}
	by := w.project(core.NewProject{Name: "p"})
	for i := range deliveries / 20 {
		var hooks []core.NewWebhook
		for j := range 20 {
			hooks = append(hooks, hook(fmt.Sprintf("r%d-%d.example.org", i, j)))
		}
		w.connect(w.session(by, core.NewSession{Webhooks: hooks}))
	}
	var mu sync.Mutex
	claimed := map[uuid.UUID]int{}
	race(t, 4, func(i int) error {
		for {
			parcels, err := servers[i%2].ClaimDeliveries(t.Context(), courier, lease, 7)
			if err != nil || len(parcels) == 0 {
				return err
			}
			mu.Lock()
			for _, p := range parcels {
				claimed[p.UUID]++
			}
			mu.Unlock()
		}
	})
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("delivery %s was given out %d times", id, n)
		}
	}
	if len(claimed) != deliveries {
		t.Errorf("%d deliveries were given out, want %d", len(claimed), deliveries)
	}
}

// Nor do they have more of one receiver under way than its share, together.
func TestClaimAtOnceKeepsToTheReceiversShare(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	w := newWorldOn(t, storetest.Open(t, store.Options{URL: url}))
	servers := []*core.Service{w.Service, w.over(storetest.Open(t, store.Options{URL: url}))}
	by := w.project(core.NewProject{Name: "p"})
	for range 2 {
		hooks := make([]core.NewWebhook, 20)
		for i := range hooks {
			hooks[i] = hook("dead.example.org")
		}
		w.connect(w.session(by, core.NewSession{Webhooks: hooks}))
	}
	var claimed atomic.Int32
	race(t, 4, func(i int) error {
		for {
			parcels, err := servers[i%2].ClaimDeliveries(t.Context(), courier, lease, 7)
			claimed.Add(int32(len(parcels)))
			if err != nil || len(parcels) == 0 {
				return err
			}
		}
	})
	if n := claimed.Load(); n != 16 {
		t.Errorf("%d deliveries to one receiver are under way, want its share of 16", n)
	}
}

func TestRecordAttempt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		retries int
		tries   []core.Attempt
		want    []core.DeliveryState
	}{
		"delivered":             {tries: []core.Attempt{arrived}, want: []core.DeliveryState{core.DeliveryDelivered}},
		"no retries":            {tries: []core.Attempt{refused}, want: []core.DeliveryState{core.DeliveryFailed}},
		"delivered by a retry":  {retries: 2, tries: []core.Attempt{refused, arrived}, want: []core.DeliveryState{core.DeliveryPending, core.DeliveryDelivered}},
		"retries used up":       {retries: 1, tries: []core.Attempt{refused, refused}, want: []core.DeliveryState{core.DeliveryPending, core.DeliveryFailed}},
		"gone before its retry": {retries: 9, tries: []core.Attempt{refused, gone}, want: []core.DeliveryState{core.DeliveryPending, core.DeliveryFailed}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, w *world) {
				in := hook("a.example.org")
				in.Retries = tt.retries
				s := w.hooked("p", in)
				w.connect(s)
				for i, a := range tt.tries {
					p := w.claimOne()
					a.Number, a.BodyStart, a.Duration = 77, "ok", time.Duration(i+1)*time.Millisecond
					w.tried(p, a)
					d := w.delivery(s, p.UUID)
					if d.State != tt.want[i] || len(d.Attempts) != i+1 {
						t.Fatalf("after try %d: %s with %d tries, want %s", i+1, d.State, len(d.Attempts), tt.want[i])
					}
					got := d.Attempts[i]
					if got.Number != i+1 || got.Status != a.Status || got.Reason != a.Reason || got.BodyStart != "ok" || got.Duration != a.Duration {
						t.Errorf("record of try %d = %+v, want %+v with that number", i+1, got, a)
					}
					w.clock.advance(time.Minute)
				}
				if n := len(w.claim(100)); n != 0 {
					t.Errorf("%d claimed after the end, want none", n)
				}
			})
		})
	}
}

// A webhook asks for any number of retries; it gets twenty.
func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := hook("a.example.org")
	in.Retries = 1 << 30
	s := w.hooked("p", in)
	w.connect(s)
	for range 21 {
		w.tried(w.claimOne(), refused)
		w.clock.advance(time.Minute)
	}
	if d := w.deliveries(s)[0]; d.State != core.DeliveryFailed || len(d.Attempts) != 21 {
		t.Errorf("delivery = %s after %d tries, want it failed after 21", d.State, len(d.Attempts))
	}
}

// A delivery that was removed while its try was under way leaves no record.
func TestRecordAttemptOfWhatIsRemoved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.hooked("p", hook("a.example.org"))
		w.connect(s)
		p := w.claimOne()
		if err := w.RemoveWebhook(t.Context(), operator, s.Kind, s.UUID, p.Target.UUID); err != nil {
			t.Fatal(err)
		}
		before := w.dump()
		w.tried(p, gone)
		w.unchanged("RecordAttempt", before)
	})
}

// A server that was so slow that its lease ran out records nothing, whoever has
// taken over: the other's try is neither cut short nor undone.
func TestLostLeaseRecordsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		in := hook("a.example.org")
		in.Retries = 5
		s := w.hooked("p", in)
		w.connect(s)
		slow := w.claimOne()
		w.clock.advance(lease)
		next := w.claimOne()
		w.late(slow, refused)
		w.late(slow, gone)
		if n := len(w.claim(100)); n != 0 {
			t.Errorf("%d claimed while the second server is at it, want none", n)
		}
		w.tried(next, arrived)
		w.late(slow, refused)
		w.late(next, arrived)
		if d := w.deliveries(s)[0]; d.State != core.DeliveryDelivered || len(d.Attempts) != 1 {
			t.Errorf("%s with %d tries, want it delivered with the one that held the lease", d.State, len(d.Attempts))
		}
	})
}

// A lease that ran out is still good for the record while nobody else has taken
// the delivery.
func TestLateRecordOfAnUncontestedLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.hooked("p", hook("a.example.org"))
	w.connect(s)
	p := w.claimOne()
	w.clock.advance(2 * lease)
	w.tried(p, arrived)
	if d := w.deliveries(s)[0]; d.State != core.DeliveryDelivered {
		t.Errorf("the delivery is %s, want it delivered", d.State)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		s := w.hooked("p", hook("a.example.org"))
		w.connect(s)
		first := w.claimOne()
		wantError(t, "ReplayDelivery of one under way", w.ReplayDelivery(t.Context(), operator, first.UUID), core.Conflict)
		wantError(t, "ReplayDelivery of none", w.ReplayDelivery(t.Context(), operator, uuid.New()), core.NotFound)
		wantError(t, "ReplayDelivery by the project", w.ReplayDelivery(t.Context(), w.apiKey("p"), first.UUID), core.Denied)
		for i, a := range []core.Attempt{refused, refused, arrived, arrived} {
			p := first
			if i > 0 {
				if err := w.ReplayDelivery(t.Context(), operator, first.UUID); err != nil {
					t.Fatal(err)
				}
				p = w.claimOne()
			}
			w.tried(p, a)
			want := core.DeliveryFailed
			if a.Reason == "" {
				want = core.DeliveryDelivered
			}
			if d := w.delivery(s, first.UUID); p.UUID != first.UUID || d.State != want || d.Attempts[i].Number != i+1 {
				t.Errorf("after try %d: %s, tries %+v; want %s under the same id", i+1, d.State, d.Attempts, want)
			}
		}
		if n := len(w.events("webhook.replay")); n != 3 {
			t.Errorf("%d audit events webhook.replay, want 3", n)
		}
	})
}

// A stolen database gives away neither what receivers know their senders by
// nor what signs the requests.
func TestWebhookSecretsAreSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorldOn(t, storetest.Open(t, store.Options{Path: filepath.Join(dir, "keyrack.db")}))
	in := hook("plain.example.org")
	in.Headers = map[string][]string{"Authorization": {"Bearer tokenOfTheReceiver"}}
	s := w.hooked("p", in)
	w.connect(s)
	w.tried(w.claimOne(), arrived)
	secret, err := w.WebhookSecret(t.Context(), operator, "p")
	if err != nil {
		t.Fatal(err)
	}
	encoded := strings.TrimPrefix(secret.Reveal(), "whsec_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < 24 || len(raw) > 64 {
		t.Fatalf("the secret decodes to %d bytes, %v; want 24 to 64", len(raw), err)
	}
	stored := readAll(t, dir)
	if !bytes.Contains(stored, []byte("plain.example.org")) {
		t.Fatal("the URL, which is not sealed, is not found in the database: this test sees nothing")
	}
	for name, plain := range map[string][]byte{"header": []byte("tokenOfTheReceiver"), "secret": []byte(encoded), "decoded secret": raw} {
		if bytes.Contains(stored, plain) {
			t.Errorf("the %s is in the database in clear", name)
		}
	}
}

func readAll(t testing.TB, dir string) []byte {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}

// The secret of a project is made once, whoever comes first, and is its own.
func TestWebhookSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "p"})
		w.project(core.NewProject{Name: "q"})
		secrets := make([]string, 4)
		race(t, len(secrets), func(i int) error {
			if i%2 == 0 {
				_, err := w.CreateSession(t.Context(), by, core.NewSession{Kind: core.CollectSession, Webhooks: []core.NewWebhook{hook("a.example.org")}})
				return err
			}
			secret, err := w.WebhookSecret(t.Context(), operator, "p")
			secrets[i] = secret.Reveal()
			return err
		})
		last := must(w.WebhookSecret(t.Context(), operator, "p")).Reveal()
		if secrets[1] != last || secrets[3] != last {
			t.Error("the secret of a project changed between two readings")
		}
		if must(w.WebhookSecret(t.Context(), operator, "q")).Reveal() == last {
			t.Error("two projects have the same secret")
		}
		if n := len(w.events("secret.reveal")); n != 4 {
			t.Errorf("%d audit events secret.reveal, want one for each of 4 readings", n)
		}
	})
}

// A URL that can never be reached is refused when it is given. A webhook that
// has it from before the configuration changed can still be changed otherwise.
func TestWebhookURLThatCannotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := true
	strict := core.New(core.Options{Store: w.store, Vault: w.vault, Now: w.clock.Now, CheckURL: func(url string) error {
		if !allowed && strings.Contains(url, "inside") {
			return errors.New("must not go inside")
		}
		return nil
	}})
	by := w.project(core.NewProject{Name: "p"})
	create := func(hosts ...string) (core.Session, error) {
		in := core.NewSession{Kind: core.CollectSession}
		for _, h := range hosts {
			in.Webhooks = append(in.Webhooks, hook(h))
		}
		return strict.CreateSession(t.Context(), by, in)
	}
	s := must(create("inside.example.org"))
	allowed = false
	_, err := create("a.example.org", "inside.example.org")
	wantError(t, "CreateSession", err, core.Invalid, "webhooks[1].url: must not go inside")
	_, err = strict.AddWebhook(t.Context(), by, s.Kind, s.UUID, hook("inside.example.org"))
	wantError(t, "AddWebhook", err, core.Invalid, "url: must not go inside")
	change := func(c core.WebhookChange) error {
		_, err := strict.ChangeWebhook(t.Context(), by, s.Kind, s.UUID, s.Webhooks[0].UUID, c)
		return err
	}
	wantError(t, "ChangeWebhook", change(core.WebhookChange{URL: core.To("https://inside.example.org/")}), core.Invalid, "url: must not go inside")
	if err := change(core.WebhookChange{Retries: core.To(3)}); err != nil {
		t.Errorf("ChangeWebhook of all but the URL: %v", err)
	}
}
