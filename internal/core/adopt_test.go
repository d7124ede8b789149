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

// adopting is a world in which ada's keys may come in.
type adopting struct {
	*world
	by  core.Actor
	ada core.Account
}

func newAdopting(w *world, adopt core.Adopt) adopting {
	w.t.Helper()
	return adopting{
		world: w, by: w.project(core.NewProject{Name: "onboarding", Adopt: adopt}),
		ada: w.account(core.NewAccount{Login: "ada", Email: "ada@example.org"}),
	}
}

// finished is a session for an external id whose one connection showed keys.
func (a adopting) finished(externalID string, keys ...core.CollectedKey) core.Session {
	a.t.Helper()
	s := a.session(a.by, core.NewSession{ExternalID: &externalID, MultiKey: true})
	a.collect(s, keys...)
	if got := a.read(s).Status; got != core.SessionCompleted {
		a.t.Errorf("session for %q is %s, want it completed whatever becomes of its keys", externalID, got)
	}
	return s
}

// fingerprints of an account's keys, in the order of their ids.
func (w *world) fingerprints(a core.Account) []string {
	w.t.Helper()
	var out []string
	for _, k := range w.keysOf(a) {
		out = append(out, k.Public.SHA256().String())
	}
	return out
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		a := newAdopting(w, core.AdoptProven)
		seen := w.clock.Now()
		s := a.session(a.by, core.NewSession{ExternalID: ptr("ada"), MultiKey: true})
		v := a.connect(s)
		k := w.proven(testKey(t, 1))
		w.clock.advance(time.Minute)
		if err := w.finish(v.Connection, []core.CollectedKey{k}); err != nil {
			t.Fatal(err)
		}
		keys := w.keysOf(a.ada)
		if len(keys) != 1 {
			t.Fatalf("keys of the account = %v, want the one that was proven", keys)
		}
		d, now := w.detail(keys[0]), core.Moment(w.clock.Now())
		name := "ssh-ed25519 " + testKey(t, 1).SHA256().String()[len("SHA256:"):][:12]
		if d.Name != name || d.Text != testKey(t, 1).String() || d.Shared || !d.CreatedAt.Equal(now) || !d.UpdatedAt.Equal(now) {
			t.Errorf("adopted key = %+v, want it named %q, made now", d.Key, name)
		}
		wantEvidence := []core.Evidence{{
			ID: d.Evidence[0].ID, Key: d.ID, Grade: core.ProvenByLogin, At: core.Moment(seen),
			Address: sshFrom.Address, ClientVersion: clientVersion, Connection: w.read(s).Connections[0].UUID,
		}}
		if diff := cmp.Diff(wantEvidence, d.Evidence, exactly); diff != "" {
			t.Errorf("evidence (-want +got):\n%s", diff)
		}
		wantRevision := []core.Revision{{
			ID: d.Revisions[0].ID, Key: d.Key, Number: 1, Action: core.KeyAdded, ActorKind: core.ActorNobody,
			Comment: "adopted from session " + s.UUID.String(), At: now,
		}}
		if diff := cmp.Diff(wantRevision, d.Revisions, exactly); diff != "" {
			t.Errorf("revisions (-want +got):\n%s", diff)
		}
		if e := w.event("key.add"); e.Object != "key "+d.UUID.String() || e.Address != sshFrom.Address || e.Detail != d.Public.SHA256().String() {
			t.Errorf("audit event = %+v, want that the key was added over SSH", e)
		}
	})
}

// Which keys of a session a project's setting takes.
func TestAdoptGrades(t *testing.T) {
	t.Parallel()
	tests := map[core.Adopt][]string{
		core.AdoptOff:     nil,
		core.AdoptProven:  {"1 proven by login", "3 proven by login"},
		core.AdoptOffered: {"1 proven by login", "2 offered", "3 proven by login"},
	}
	for adopt, want := range tests {
		t.Run(string(adopt), func(t *testing.T) {
			t.Parallel()
			a := newAdopting(newWorld(t), adopt)
			a.finished("ada", a.shown([]int{1, -2, 3})...)
			var got []string
			for _, k := range a.keysOf(a.ada) {
				n := slices.IndexFunc([]int{1, 2, 3}, func(n int) bool { return testKey(t, n).Equal(k.Public) })
				got = append(got, fmt.Sprint(n+1, " ", a.detail(k).Evidence[0].Grade))
			}
			if diff := cmp.Diff(want, got, exactly); diff != "" {
				t.Errorf("adopted keys (-want +got):\n%s", diff)
			}
		})
	}
}

// Who an external id names: the account with this UUID, login or e-mail.
func TestAdoptFindsTheAccount(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptProven)
	expired := time.Date(2026, 5, 10, 9, 0, 0, 0, time.UTC)
	a.apply(core.Desired{Accounts: []core.DesiredAccount{
		{Login: "bob@example.org"},
		{Login: "twin1", Email: "twins@example.org"}, {Login: "twin2", Email: "Twins@Example.org"},
		{Login: "locked", Email: "locked@example.org", Disabled: true}, {Login: "late", ExpiresAt: expired},
		{Login: "quiet"}, // like most it has no e-mail
	}})
	named := func(login string) core.Account { return must(a.AccountRef(t.Context(), operator, login)) }
	tests := map[string]struct {
		ref     string
		account string // "": none
		why     string // in the audit record
	}{
		"login":              {"ada", "ada", ""},
		"login without case": {"Ada", "ada", ""},
		"e-mail":             {"ada@example.org", "ada", ""},
		"e-mail, other case": {"ADA@Example.ORG", "ada", ""},
		"UUID":               {a.ada.UUID.String(), "ada", ""},
		"UUID in capitals":   {strings.ToUpper(a.ada.UUID.String()), "ada", ""},
		"login with an @":    {"bob@example.org", "bob@example.org", ""},
		"UUID of nobody":     {"0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c", "", "no account has this login, UUID or e-mail"},
		"UUID in braces":     {"{" + a.ada.UUID.String() + "}", "", "no account has this login, UUID or e-mail"},
		"nobody":             {"carol", "", "no account has this login, UUID or e-mail"},
		"nothing":            {"", "", "no account has this login, UUID or e-mail"},
		"name of an account": {"Ada Example", "", "no account has this login, UUID or e-mail"},
		"wildcard":           {"%", "", "no account has this login, UUID or e-mail"},
		"integer id":         {fmt.Sprint(a.ada.ID), "", "no account has this login, UUID or e-mail"},
		"e-mail of two":      {"twins@example.org", "", "more than one account has this e-mail"},
		"locked out":         {"locked", "", "the account is not active"},
		"locked, by e-mail":  {"locked@example.org", "", "the account is not active"},
		"expired":            {"late", "", "the account is not active"},
	}
	n := 100
	for name, tt := range tests {
		n++
		before := a.dump().Keys
		s := a.finished(tt.ref, a.proven(testKey(t, n)))
		if tt.account != "" {
			if got := a.fingerprints(named(tt.account)); !slices.Contains(got, testKey(t, n).SHA256().String()) {
				t.Errorf("%s: keys of %s = %v, want the adopted one among them", name, tt.account, got)
			}
			continue
		}
		if diff := cmp.Diff(before, a.dump().Keys, exactly); diff != "" {
			t.Errorf("%s: keys changed (-before +after):\n%s", name, diff)
		}
		refused := a.refusals()
		if len(refused) == 0 || refused[len(refused)-1].Object != "session "+s.UUID.String() || refused[len(refused)-1].Detail != tt.why {
			t.Errorf("%s: refusals in the audit record = %+v, want one for this session: %s", name, refused, tt.why)
		}
	}
}

// refusals are the keys and sessions that were not adopted, by the audit record.
func (w *world) refusals() []core.AuditEvent {
	w.t.Helper()
	events := w.events("key.adopt")
	for _, e := range events {
		if e.Outcome != core.Refused || e.Project == 0 {
			w.t.Errorf("audit event = %+v, want a refusal with its project", e)
		}
	}
	return events
}

// The UUID goes before the login, the login before the e-mail. That no two
// accounts can claim one reference is for the accounts' own rules.
func TestNoAccountTakesAnothersReference(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada", Email: "ada@example.org"})
		w.account(core.NewAccount{Login: "bob@example.org", Email: "bob@example.org"})
		before := w.dump()
		attacks := map[string]struct {
			in    core.NewAccount
			kind  core.Kind
			field string
		}{
			"login that is a UUID":         {core.NewAccount{Login: ada.UUID.String()}, core.Invalid, "login: must not look like a UUID"},
			"login that may become a UUID": {core.NewAccount{Login: "0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c"}, core.Invalid, "login: must not look like a UUID"},
			"login that is an e-mail":      {core.NewAccount{Login: "ada@example.org"}, core.Conflict, "login: is the e-mail of another account"},
			"the same in other case":       {core.NewAccount{Login: "ADA@example.ORG"}, core.Conflict, "login: is the e-mail of another account"},
			"e-mail that is a login":       {core.NewAccount{Login: "eve", Email: "Bob@example.org"}, core.Conflict, "email: is the login of another account"},
			"login in other case":          {core.NewAccount{Login: "ADA"}, core.Conflict, "login: is already taken"},
		}
		for name, tt := range attacks {
			_, err := w.AddAccount(t.Context(), operator, tt.in)
			wantError(t, name, err, tt.kind, tt.field)
		}
		// The same for an account that is there, and by a file.
		_, err := w.Apply(t.Context(), operator, core.Desired{Accounts: []core.DesiredAccount{
			{Login: "ada", Email: "bob@example.org"}, {Login: "carol@example.org"}, {Login: "eve", Email: "carol@example.org"},
		}}, false)
		wantError(t, "Apply", err, core.Invalid,
			"accounts[0].email: is the login of another account", "accounts[2].email: is the login of another account")
		w.unchanged("refused accounts", before)
	})
}

// Whoever holds the API key of one tenant's project names an account of another.
func TestAdoptStaysWithinTheOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{
		Organizations: []string{"acme", "emca"},
		Accounts: []core.DesiredAccount{
			{Login: "ada", Organizations: []string{"acme"}},
			{Login: "bob", Email: "bob@example.org", Organizations: []string{"emca"}},
			{Login: "both", Organizations: []string{"acme", "emca"}},
			{Login: "none"},
		},
		Projects: []core.DesiredProject{
			{Name: "acme", Organization: "acme", Adopt: core.AdoptOffered}, {Name: "all", Adopt: core.AdoptOffered},
		},
	})
	account := func(login string) core.Account { return must(w.AccountRef(t.Context(), operator, login)) }
	inAcme, inAll := adopting{world: w, by: w.apiKey("acme")}, adopting{world: w, by: w.apiKey("all")}
	tests := []struct {
		project adopting
		ref     string
		account string
		adopted bool
	}{
		{inAcme, "ada", "ada", true},
		{inAcme, "both", "both", true},
		{inAcme, "bob", "bob", false},
		{inAcme, "bob@example.org", "bob", false},
		{inAcme, account("bob").UUID.String(), "bob", false},
		{inAcme, "none", "none", false},
		{inAll, "bob", "bob", true},
		{inAll, "none", "none", true},
	}
	refusals := 0
	for i, tt := range tests {
		tt.project.finished(tt.ref, w.proven(testKey(t, i)))
		got := slices.Contains(w.fingerprints(account(tt.account)), testKey(t, i).SHA256().String())
		if got != tt.adopted {
			t.Errorf("case %d: key for %q adopted = %v, want %v", i, tt.ref, got, tt.adopted)
		}
		if !tt.adopted {
			refusals++
		}
	}
	for _, e := range w.refusals() {
		if e.Detail != "the account is not of the project's organization" {
			t.Errorf("audit event = %+v, want the reason", e)
		}
	}
	if got := len(w.refusals()); got != refusals {
		t.Errorf("%d refusals in the audit record, want %d", got, refusals)
	}
}

// Keys that AddKey would refuse are not adopted either, and it is noted why.
func TestAdoptRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptProven)
	rsa, dsa := corpusKey(t, "rsa1024.pub"), corpusKey(t, "dsa.pub")
	s := a.finished("ada", a.proven(rsa), a.proven(testKey(t, 1)), a.proven(dsa))
	if got, want := a.fingerprints(a.ada), []string{testKey(t, 1).SHA256().String()}; !slices.Equal(got, want) {
		t.Errorf("keys adopted = %v, want the strong one alone: %v", got, want)
	}
	if got := len(a.read(s).Connections[0].Keys); got != 3 {
		t.Errorf("%d keys in the session, want all 3", got)
	}
	var why []string
	for _, e := range a.refusals() {
		why = append(why, e.Detail)
	}
	if len(why) != 2 || !strings.Contains(why[0], "1024 bits") || !strings.Contains(why[1], "ssh-dss") {
		t.Errorf("refusals in the audit record = %q, want one for each weak key", why)
	}
}

// The installation's own rules hold for adopted keys.
func TestAdoptFollowsTheKeyPolicy(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptProven)
	a.apply(core.Desired{Settings: map[string]string{"keys": `{"allowed_types":["ssh-rsa"],"min_rsa_bits":3072}`}})
	a.finished("ada", a.proven(testKey(t, 1)), a.proven(corpusKey(t, "rsa2048.pub")), a.proven(corpusKey(t, "rsa4096.pub")))
	if got, want := a.fingerprints(a.ada), []string{corpusKey(t, "rsa4096.pub").SHA256().String()}; !slices.Equal(got, want) {
		t.Errorf("keys adopted = %v, want %v", got, want)
	}
}

func TestAdoptKeyThatIsThere(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptOffered)
	bob := a.account(core.NewAccount{Login: "bob"})
	mine, bobs := a.addKey(a.ada.ID, "laptop", testKey(t, 1)), a.addKey(bob.ID, "laptop", testKey(t, 2))
	a.finished("ada", a.offered(testKey(t, 1)), a.proven(testKey(t, 2)))
	a.finished("ada", a.proven(testKey(t, 1)))

	d := a.detail(mine)
	var grades []core.Grade
	for _, e := range d.Evidence {
		grades = append(grades, e.Grade)
	}
	if want := []core.Grade{core.Pasted, core.Offered, core.ProvenByLogin}; !slices.Equal(grades, want) {
		t.Errorf("evidence of the key that was there = %v, want %v", grades, want)
	}
	if diff := cmp.Diff(mine, d.Key, exactly); diff != "" || len(d.Revisions) != 1 {
		t.Errorf("key that was there has %d revisions and changed (-before +after):\n%s", len(d.Revisions), diff)
	}
	if keys := a.keysOf(a.ada); len(keys) != 2 || !keys[1].Public.Equal(testKey(t, 2)) {
		t.Errorf("keys of ada = %v, want bob's key as hers too", keys)
	}
	if d := a.detail(bobs); len(d.Evidence) != 1 {
		t.Errorf("evidence of bob's key = %+v, want none from ada's session", d.Evidence)
	}
}

// An adopted key that was removed comes back as a new one; the old one's
// history stays apart.
func TestAdoptKeyThatWasRemoved(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptProven)
	a.finished("ada", a.proven(testKey(t, 1)))
	old := a.keysOf(a.ada)[0]
	if err := a.RemoveKey(t.Context(), operator, old.UUID, "lost"); err != nil {
		t.Fatal(err)
	}
	if keys := a.keysOf(a.ada); len(keys) != 0 {
		t.Fatalf("keys after removal = %v, want none", keys)
	}
	a.finished("ada", a.proven(testKey(t, 1)))
	fresh := a.keysOf(a.ada)[0]
	if fresh.UUID == old.UUID || fresh.ID <= old.ID || fresh.Name != old.Name {
		t.Errorf("key that came back = %+v, want another id than %+v", fresh, old)
	}
	if d := a.detail(fresh); len(d.Evidence) != 1 || len(d.Revisions) != 1 {
		t.Errorf("key that came back = %+v, want its own evidence and history alone", d)
	}
	if got := a.history(old); !slices.Equal(got, []core.RevisionAction{core.KeyAdded, core.KeyRemoved}) {
		t.Errorf("history of the removed key = %v, want that it was added and removed", got)
	}
}

// history gives what was done to a key, also to one that is no longer there.
func (w *world) history(k core.Key) (did []core.RevisionAction) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		revisions, err := tx.Revisions(k.UUID)
		for _, r := range revisions {
			did = append(did, r.Action)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return did
}

func TestAdoptNamesKeysApart(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptProven)
	name := "ssh-ed25519 " + testKey(t, 1).SHA256().String()[len("SHA256:"):][:12]
	a.addKey(a.ada.ID, name, testKey(t, 8))
	a.addKey(a.ada.ID, name+" (2)", testKey(t, 9))
	a.finished("ada", a.proven(testKey(t, 1)))
	if keys := a.keysOf(a.ada); len(keys) != 3 || keys[2].Name != name+" (3)" {
		t.Errorf("keys = %v, want the adopted one named %q", keys, name+" (3)")
	}
}

// A session for several connections hands its keys over when it is completed,
// to whom it names then.
func TestAdoptAtCompletionByHand(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		a := newAdopting(w, core.AdoptOffered)
		s := a.session(a.by, core.NewSession{MultiKey: true, MultiConnection: true})
		a.collect(s, a.offered(testKey(t, 1)))
		a.collect(s, a.proven(testKey(t, 2)), a.proven(testKey(t, 1)))
		a.collect(s)
		a.collect(s, a.proven(testKey(t, 1)))
		if keys := a.keysOf(a.ada); len(keys) != 0 {
			t.Errorf("keys before the session is completed = %v, want none", keys)
		}
		if _, err := a.ChangeSession(t.Context(), a.by, s.Kind, s.UUID, core.SessionChange{ExternalID: core.To(ptr("ada"))}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.CompleteSession(t.Context(), a.by, s.Kind, s.UUID); err != nil {
			t.Fatal(err)
		}
		got := map[string][]core.Grade{}
		for _, k := range a.keysOf(a.ada) {
			for _, e := range a.detail(k).Evidence {
				got[k.Public.SHA256().String()] = append(got[k.Public.SHA256().String()], e.Grade)
			}
			if r := a.detail(k).Revisions; len(r) != 1 || r[0].ActorKind != core.ActorProject || r[0].ActorName != a.by.Name() {
				t.Errorf("revisions = %+v, want one by the API key that completed the session", r)
			}
		}
		want := map[string][]core.Grade{
			testKey(t, 1).SHA256().String(): {core.Offered, core.ProvenByLogin, core.ProvenByLogin},
			testKey(t, 2).SHA256().String(): {core.ProvenByLogin},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("evidence of the adopted keys (-want +got):\n%s", diff)
		}
	})
}

// What is no finished collect session with an external id hands nothing over.
func TestAdoptOnlyFinishedCollectSessions(t *testing.T) {
	t.Parallel()
	a := newAdopting(newWorld(t), core.AdoptOffered)
	noID := a.session(a.by, core.NewSession{})
	a.collect(noID, a.proven(testKey(t, 1)))
	if _, err := a.ChangeSession(t.Context(), a.by, noID.Kind, noID.UUID, core.SessionChange{ExternalID: core.To(ptr("ada"))}); err != nil {
		t.Errorf("ChangeSession of external_id after the end: %v", err)
	}
	verify := a.session(a.by, core.NewSession{
		Kind: core.VerifySession, MaxAttempts: 1, ExternalID: ptr("ada"), Wanted: []core.NewWantedKey{{PublicKey: testKey(t, 2).String()}},
	})
	a.collect(verify, a.proven(testKey(t, 2)))
	overdue := a.session(a.by, core.NewSession{ExternalID: ptr("ada"), MultiConnection: true, Expiry: core.Expiry{Timeout: ptr(time.Second)}})
	a.collect(overdue, a.proven(testKey(t, 3)))
	a.clock.advance(time.Second)
	a.sweep()
	if keys := a.keysOf(a.ada); len(keys) != 0 {
		t.Errorf("keys of ada = %v, want none", keys)
	}
}
