package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keyrack/internal/core"
	"keyrack/internal/safedial"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
	"keyrack/internal/webhook"
)

// outbox is core's, and tells when a try was written down.
type outbox struct {
	*core.Service
	recorded chan<- core.DeliveryID
}

func (o outbox) RecordAttempt(ctx context.Context, by core.Actor, id core.DeliveryID, a core.Attempt, next time.Time) error {
	err := o.Service.RecordAttempt(ctx, by, id, a, next)
	if err == nil {
		o.recorded <- id
	}
	return err
}

// newServer makes what one process has: core over the shared store, and a
// worker that core wakes.
func newServer(t *testing.T, s *store.Store, v *vault.Vault, recorded chan<- core.DeliveryID) *core.Service {
	t.Helper()
	var w *webhook.Worker
	service := core.New(core.Options{Store: s, Vault: v, Notify: func() { w.Wake() }})
	w, _ = start(t, webhook.Options{
		Queue: outbox{service, recorded}, Client: safedial.New(dialOptions()).Client(), Render: renderEvent,
	})
	return service
}

type event struct {
	Session string
	Kind    core.EventKind
}

func renderEvent(p core.Parcel, _ int, _ time.Time) ([]byte, error) {
	return json.Marshal(event{p.Event.Session.String(), p.Event.Kind})
}

// Two processes on one database deliver what both of them write: each event
// once, signed, in order for each webhook, and recorded.
func TestTwoServersOnOneStore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const sessions = 10
		dir := t.TempDir()
		v, err := vault.Create(vault.Options{MasterKeyFile: filepath.Join(dir, "key"), KeysetFile: filepath.Join(dir, "keyset")})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan request, 100)
		url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- request{header: r.Header, body: body}
		}, plain)
		recorded := make(chan core.DeliveryID, 100)
		servers := []*core.Service{newServer(t, s, v, recorded), newServer(t, s, v, recorded)}
		by := newProject(t, servers[0])
		var ids []string
		for i := range sessions {
			ids = append(ids, useSession(t, servers[i%2], by, url))
		}
		arrived := map[string][]core.EventKind{}
		requests := take(got, 2*sessions)
		verifier := newVerifier(t, servers[0])
		for _, r := range requests {
			var e event
			if err := json.Unmarshal(r.body, &e); err != nil {
				t.Fatal(err)
			}
			arrived[e.Session] = append(arrived[e.Session], e.Kind)
			if err := verifier.Verify(r.body, r.header); err != nil {
				t.Errorf("Verify = %v, want a good signature", err)
			}
		}
		for _, id := range ids {
			want := []core.EventKind{core.NewConnectionEvent, core.StatusChangedEvent}
			if diff := cmp.Diff(want, arrived[id]); diff != "" {
				t.Errorf("events of one session (-want, +arrived):\n%s", diff)
			}
		}
		take(recorded, 2*sessions)
		wantRecorded(t, servers[0], requests)
		if len(got) > 0 {
			t.Errorf("%d events arrived twice", len(got))
		}
	})
}

func newProject(t *testing.T, s *core.Service) core.Actor {
	t.Helper()
	const key = "0123456789abcdefghijklmnopqrstuv"
	_, err := s.Apply(t.Context(), core.Operator("olga"), core.Desired{Projects: []core.DesiredProject{
		{Name: "onboarding", Adopt: core.AdoptOff, APIKeys: []core.DesiredAPIKey{{Name: "ci", Secret: vault.NewSecret(key)}}},
	}}, false)
	if err != nil {
		t.Fatal(err)
	}
	by, _, err := s.AuthenticateAPIKey(t.Context(), key, core.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func newVerifier(t *testing.T, s *core.Service) *standardwebhooks.Webhook {
	t.Helper()
	key, err := s.WebhookSecret(t.Context(), core.Operator("olga"), "onboarding")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// useSession makes a session with a webhook, connects to it and completes it.
func useSession(t *testing.T, s *core.Service, by core.Actor, url string) string {
	t.Helper()
	made, err := s.CreateSession(t.Context(), by, core.NewSession{
		Kind: core.CollectSession, MultiConnection: true, Webhooks: []core.NewWebhook{{URL: url}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Connect(t.Context(), core.Visitor(core.Origin{Face: "ssh"}), made.Identifier, "SSH-2.0-OpenSSH_9.6"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteSession(t.Context(), by, core.CollectSession, made.UUID); err != nil {
		t.Fatal(err)
	}
	return made.UUID.String()
}

// wantRecorded checks that each delivery had one try, whose request arrived.
func wantRecorded(t *testing.T, s *core.Service, requests []request) {
	t.Helper()
	var want, got []string
	for _, r := range requests {
		want = append(want, r.header.Get("webhook-id"))
	}
	all, err := s.Deliveries(t.Context(), core.Operator("olga"), core.DeliveryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		got = append(got, d.UUID.String())
		if d.State != core.DeliveryDelivered || len(d.Attempts) != 1 || d.Attempts[0].Status != http.StatusOK {
			t.Errorf("delivery %s is %s with tries %+v, want delivered by one with status 200", d.UUID, d.State, d.Attempts)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-arrived, +recorded):\n%s", diff)
	}
}
