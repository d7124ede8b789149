package core_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

var firstStart = core.System("first start")

func TestBootstrap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.Bootstrap(t.Context(), firstStart)
	if err != nil || first == nil {
		t.Fatalf("Bootstrap = %v, %v; want credentials", first, err)
	}
	admin, err := w.AuthenticatePassword(t.Context(), first.Login, first.Password.Reveal(), core.Origin{})
	if err != nil {
		t.Fatalf("AuthenticatePassword with the first password: %v", err)
	}
	if _, _, err := w.Accounts(t.Context(), admin, core.AccountQuery{}); err != nil {
		t.Errorf("Accounts by the first account: %v, want an administrator", err)
	}
	by, key, err := w.AuthenticateAPIKey(t.Context(), first.APIKey.Reveal(), core.Origin{})
	if err != nil {
		t.Fatalf("AuthenticateAPIKey with the first API key: %v", err)
	}
	project, err := w.OwnProject(t.Context(), by)
	if err != nil || project.ID != key.Project || project.Name != first.Project {
		t.Errorf("OwnProject of the first API key = %+v, %v; want %s", project, err, first.Project)
	}
	if project.Adopt != core.AdoptProven || !project.ProveKeys {
		t.Errorf("first project = adopt %q, prove %v; want that keys are proven and adopted", project.Adopt, project.ProveKeys)
	}
	for _, action := range []string{"account.add", "project.add", "apikey.add"} {
		if e := w.event(action); e.ActorKind != core.ActorSystem || e.ActorName != "first start" {
			t.Errorf("audit event %s = %+v, want it by the system", action, e)
		}
	}
	before := w.dump()
	if again, err := w.Bootstrap(t.Context(), firstStart); err != nil || again != nil {
		t.Errorf("second Bootstrap = %v, %v; want nothing", again, err)
	}
	w.unchanged("second Bootstrap", before)
}

func TestBootstrapLeavesAloneWhatIsThere(t *testing.T) {
	t.Parallel()
	worlds := map[string]core.Desired{
		"an account": {Accounts: []core.DesiredAccount{{Login: "ada"}}},
		// Its project would otherwise be in the way of each start.
		"a project named like the first": {Projects: []core.DesiredProject{{Name: "first"}}},
	}
	for name, there := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(there)
			before := w.dump()
			if got, err := w.Bootstrap(t.Context(), firstStart); err != nil || got != nil {
				t.Errorf("Bootstrap = %v, %v; want nothing", got, err)
			}
			w.unchanged("Bootstrap", before)
		})
	}
}

// Two servers start on one new database at once.
func TestBootstrapAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		const servers = 8
		made := make([]*core.FirstSteps, servers)
		race(t, servers, func(i int) error {
			var err error
			made[i], err = w.Bootstrap(t.Context(), firstStart)
			return err
		})
		var winners []*core.FirstSteps
		for _, m := range made {
			if m != nil {
				winners = append(winners, m)
			}
		}
		d := w.dump()
		if len(winners) != 1 || len(d.Accounts) != 1 || len(d.Projects) != 1 || len(d.APIKeys) != 1 {
			t.Fatalf("%d servers were told credentials, there are %d accounts, %d projects, %d API keys; want one each",
				len(winners), len(d.Accounts), len(d.Projects), len(d.APIKeys))
		}
		if _, err := w.AuthenticatePassword(t.Context(), "admin", winners[0].Password.Reveal(), core.Origin{}); err != nil {
			t.Errorf("AuthenticatePassword with what the winner was told: %v", err)
		}
	})
}

// race runs fn n times at once and fails for any error.
func race(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	for i, err := range atOnce(n, fn) {
		if err != nil {
			t.Errorf("number %d of %d at once: %v", i, n, err)
		}
	}
}

// atOnce runs fn n times at once and gives the errors.
func atOnce(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada", Email: "ada@example.org"})
	for _, ref := range []string{"ada", "ADA", "ada@example.org", ada.UUID.String()} {
		s, err := w.Invite(t.Context(), operator, ref, time.Hour)
		if err != nil {
			t.Fatalf("Invite(%q): %v", ref, err)
		}
		if s.ExternalID == nil || *s.ExternalID != ada.UUID.String() || !s.MultiKey || s.MultiConnection ||
			!s.ExpiresAt.Equal(core.Moment(w.clock.Now().Add(time.Hour))) {
			t.Errorf("Invite(%q) = %+v, want a session for all keys of one connection that names ada by UUID", ref, s)
		}
		if v := w.connect(s); !v.Prove {
			t.Errorf("Visit of the invitation = %+v, want keys to be proven", v)
		}
	}
	if d := w.dump(); len(d.Projects) != 1 {
		t.Errorf("projects after four invitations = %+v, want one", d.Projects)
	}
	s, err := w.Invite(t.Context(), operator, "ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.collect(s, w.proven(testKey(t, 1)), w.offered(testKey(t, 2)))
	if keys := w.keysOf(ada); len(keys) != 1 || !keys[0].Public.Equal(testKey(t, 1)) {
		t.Errorf("keys adopted from the invitation = %v, want the proven one", keys)
	}
}

func TestInviteRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	w.account(core.NewAccount{Login: "bob", Email: "both@example.org"})
	w.account(core.NewAccount{Login: "eve", Email: "both@example.org"})
	if _, err := w.SetAccountDisabled(t.Context(), operator, ada.UUID, true); err != nil {
		t.Fatal(err)
	}
	before := w.dump()
	tests := map[string]struct {
		ref     string
		timeout time.Duration
		kind    core.Kind
		field   []string
	}{
		"unknown account":            {"carol", time.Hour, core.NotFound, nil},
		"nobody":                     {"", time.Hour, core.NotFound, nil},
		"account that is locked out": {"ada", time.Hour, core.Conflict, nil},
		"e-mail of two":              {"both@example.org", time.Hour, core.Conflict, nil},
		"session that is over":       {"bob", 0, core.Invalid, []string{"timeout: must be between 1 second and 10 years"}},
		"session for ever":           {"bob", 1 << 62, core.Invalid, []string{"timeout: must be between 1 second and 10 years"}},
	}
	for name, tt := range tests {
		_, err := w.Invite(t.Context(), operator, tt.ref, tt.timeout)
		wantError(t, name, err, tt.kind, tt.field...)
	}
	w.unchanged("refused invitations", before)
}

// Several operators invite for the first time at once.
func TestInviteAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.account(core.NewAccount{Login: "ada"})
		race(t, 8, func(int) error {
			_, err := w.Invite(t.Context(), operator, "ada", time.Hour)
			return err
		})
		if d := w.dump(); len(d.Projects) != 1 || len(d.Sessions) != 8 {
			t.Errorf("after 8 invitations at once: %d projects and %d sessions, want 1 and 8", len(d.Projects), len(d.Sessions))
		}
	})
}

// Whoever gets an API key of the inviting project sees the sessions of all who
// are invited. So nobody makes that project on his own terms.
func TestNobodyMakesTheInvitingProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.AddProject(t.Context(), operator, core.NewProject{Name: "keyrack-collect", Adopt: core.AdoptOffered})
	wantError(t, "AddProject", err, core.Invalid, "name: is kept for the sessions that operators open")
	_, err = w.Apply(t.Context(), operator, core.Desired{Projects: []core.DesiredProject{
		{Name: "keyrack-collect", APIKeys: []core.DesiredAPIKey{{Name: "mine", Secret: vault.NewSecret(strings.Repeat("x", 32))}}},
	}}, false)
	wantError(t, "Apply", err, core.Invalid, "projects[0].name: is kept for the sessions that operators open")
}
