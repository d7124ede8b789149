package core_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
	"keyrack/internal/password"
	"keyrack/internal/sshkey"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

var (
	operator = core.Operator("olga")
	sshFrom  = core.Origin{Face: "ssh", Address: netip.MustParseAddr("203.0.113.10")}
	visitor  = core.Visitor(sshFrom)
)

const clientVersion = "SSH-2.0-OpenSSH_9.6"

// cheap is a cost that tests can pay often.
var cheap = password.Cost{Time: 1, Memory: 64, Threads: 1}

// clock is the time as a test wants it. It begins between two microseconds.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 5, 10, 12, 0, 0, 123456789, time.FixedZone("CEST", 7200))}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a Service over a real store, with a clock the test moves.
type world struct {
	*core.Service
	t     testing.TB
	store *store.Store
	clock *clock
	vault *vault.Vault
}

func newWorldOn(t testing.TB, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, clock: newClock(), vault: newVault(t)}
	w.Service = w.over(s)
	return w
}

// over is a Service like the world's over another store.
func (w *world) over(s core.Store) *core.Service {
	return core.New(core.Options{Store: s, Vault: w.vault, Now: w.clock.Now, PasswordCost: cheap})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, storetest.SQLite(t))
}

// onEach runs a test in a world on each database.
func onEach(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newWorldOn(t, storetest.Postgres(t)))
	})
}

func newVault(t testing.TB) *vault.Vault {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(vault.Options{
		MasterKeyFile: filepath.Join(dir, "master.key"), KeysetFile: filepath.Join(dir, "keyset.json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) apply(want core.Desired) []core.ChangeLine {
	w.t.Helper()
	lines, err := w.Apply(w.t.Context(), operator, want, false)
	if err != nil {
		w.t.Fatalf("Apply: %v", err)
	}
	return lines
}

// account makes an account without organizations.
func (w *world) account(in core.NewAccount) core.Account {
	w.t.Helper()
	a, err := w.AddAccount(w.t.Context(), operator, in)
	if err != nil {
		w.t.Fatalf("AddAccount(%q): %v", in.Login, err)
	}
	return a
}

// actor logs an account in, by a new token.
func (w *world) actor(login string) core.Actor {
	w.t.Helper()
	return w.bearer(login, core.UseWaldur)
}

// bearer is the actor of a new token of that use.
func (w *world) bearer(login string, use core.TokenUse) core.Actor {
	w.t.Helper()
	secret, err := w.AddToken(w.t.Context(), operator, core.NewToken{Account: login, Name: uuid.NewString(), Use: use})
	if err != nil {
		w.t.Fatalf("AddToken(%q): %v", login, err)
	}
	by, err := w.AuthenticateToken(w.t.Context(), use, secret.Reveal(), core.Origin{Face: "native"})
	if err != nil {
		w.t.Fatalf("AuthenticateToken(%q): %v", login, err)
	}
	return by
}

// project makes a project and gives the actor of an API key of it.
func (w *world) project(in core.NewProject) core.Actor {
	w.t.Helper()
	if _, err := w.AddProject(w.t.Context(), operator, in); err != nil {
		w.t.Fatalf("AddProject(%q): %v", in.Name, err)
	}
	return w.apiKey(in.Name)
}

// apiKey is the actor of a new API key of a project.
func (w *world) apiKey(project string) core.Actor {
	w.t.Helper()
	secret, err := w.AddAPIKey(w.t.Context(), operator, core.NewAPIKey{Project: project, Name: uuid.NewString()})
	if err != nil {
		w.t.Fatalf("AddAPIKey(%q): %v", project, err)
	}
	by, _, err := w.AuthenticateAPIKey(w.t.Context(), secret.Reveal(), core.Origin{Face: "sshverify"})
	if err != nil {
		w.t.Fatalf("AuthenticateAPIKey of %q: %v", project, err)
	}
	return by
}

// session makes a collect session unless in says otherwise.
func (w *world) session(by core.Actor, in core.NewSession) core.Session {
	w.t.Helper()
	if in.Kind == "" {
		in.Kind = core.CollectSession
	}
	s, err := w.CreateSession(w.t.Context(), by, in)
	if err != nil {
		w.t.Fatalf("CreateSession: %v", err)
	}
	return s
}

// connect opens a connection to a session.
func (w *world) connect(s core.Session) core.Visit {
	w.t.Helper()
	v, err := w.Connect(w.t.Context(), visitor, s.Identifier, clientVersion)
	if err != nil {
		w.t.Fatalf("Connect: %v", err)
	}
	return v
}

// collect brings keys in over a connection of its own.
func (w *world) collect(s core.Session, keys ...core.CollectedKey) {
	w.t.Helper()
	if err := w.finish(w.connect(s).Connection, keys); err != nil {
		w.t.Fatalf("Finish: %v", err)
	}
}

// finish ends a connection.
func (w *world) finish(c core.Connection, keys []core.CollectedKey) error {
	_, err := w.Finish(w.t.Context(), visitor, c, keys)
	return err
}

// read gives a session as the operator sees it.
func (w *world) read(s core.Session) core.Session {
	w.t.Helper()
	got, err := w.Session(w.t.Context(), operator, s.Kind, s.UUID)
	if err != nil {
		w.t.Fatalf("Session: %v", err)
	}
	return got
}

func (w *world) addKey(owner core.AccountID, name string, k sshkey.PublicKey) core.Key {
	w.t.Helper()
	added, err := w.AddKey(w.t.Context(), operator, core.NewKey{Owner: owner, Name: name, Text: k.String()})
	if err != nil {
		w.t.Fatalf("AddKey(%q): %v", name, err)
	}
	return added.Key
}

// keysOf gives an account's keys.
func (w *world) keysOf(a core.Account) []core.Key {
	w.t.Helper()
	keys, _, err := w.Keys(w.t.Context(), operator, core.KeyQuery{Where: core.OwnedBy(a.ID)})
	if err != nil {
		w.t.Fatalf("Keys: %v", err)
	}
	return keys
}

func (w *world) detail(k core.Key) core.KeyDetail {
	w.t.Helper()
	d, err := w.Key(w.t.Context(), operator, k.UUID)
	if err != nil {
		w.t.Fatalf("Key: %v", err)
	}
	return d
}

// events gives the audit events of an action, oldest first.
func (w *world) events(action string) []core.AuditEvent {
	w.t.Helper()
	all, err := w.AuditEvents(w.t.Context(), operator, core.AuditQuery{Limit: 1 << 20})
	if err != nil {
		w.t.Fatalf("AuditEvents: %v", err)
	}
	var out []core.AuditEvent
	for _, e := range all {
		if e.Action == action {
			out = append([]core.AuditEvent{e}, out...)
		}
	}
	return out
}

// event gives the one audit event of an action.
func (w *world) event(action string) core.AuditEvent {
	w.t.Helper()
	found := w.events(action)
	if len(found) != 1 {
		w.t.Fatalf("audit events %q = %+v, want one", action, found)
	}
	return found[0]
}

// testKey is the n-th of a row of Ed25519 keys.
func testKey(t testing.TB, n int) sshkey.PublicKey {
	t.Helper()
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed[:]).Public())
	if err != nil {
		t.Fatal(err)
	}
	k, err := sshkey.FromSSH(public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// corpusKey reads a key that package sshkey keeps for its own tests.
func corpusKey(t testing.TB, file string) sshkey.PublicKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "sshkey", "testdata", "corpus", file))
	if err != nil {
		t.Fatal(err)
	}
	line, err := sshkey.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return line.Key
}

func (w *world) proven(k sshkey.PublicKey) core.CollectedKey {
	return core.CollectedKey{Public: k, Proven: true, CreatedAt: w.clock.Now()}
}

func (w *world) offered(k sshkey.PublicKey) core.CollectedKey {
	return core.CollectedKey{Public: k, CreatedAt: w.clock.Now()}
}

// wantError checks kind and fields ("path: text") of a failure.
func wantError(t testing.TB, what string, err error, kind core.Kind, fields ...string) {
	t.Helper()
	if err == nil || core.KindOf(err) != kind {
		t.Errorf("%s: error = %v (%v), want kind %v", what, err, core.KindOf(err), kind)
		return
	}
	if got := fieldsOf(err); !cmp.Equal(got, fields, cmpopts.EquateEmpty()) {
		t.Errorf("%s: fields = %q, want %q", what, got, fields)
	}
}

func fieldsOf(err error) []string {
	e, ok := err.(*core.Error) //nolint:errorlint // core gives its errors bare
	if !ok {
		return []string{"not a core.Error: " + err.Error()}
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Path+": "+f.Msg)
	}
	return out
}

// everything is all a store holds, as far as rows can be compared.
type everything struct {
	Organizations []core.Organization
	Locations     []core.Location
	Accounts      []core.Account
	Projects      []core.Project
	APIKeys       []core.APIKey
	Tokens        []core.Token
	Keys          []core.Key
	Revisions     []core.Revision
	Evidence      []core.Evidence
	Sessions      []core.Session
	Deliveries    []core.Delivery
	Devices       []core.Device
	Applications  []core.Application
	SigningKeys   []core.SigningKey
	SecondFactors []core.SecondFactor
	Policies      []core.Policy
	ManagedKeys   []core.ManagedKey
	KeyVersions   []core.KeyVersion
	Custodies     []core.Custody
	Settings      map[string]string
	Audit         []core.AuditEvent
}

// dump reads all that the store holds; revisions of removed keys are found
// through the audit record.
func (w *world) dump() everything {
	w.t.Helper()
	var e everything
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		e = everything{
			Organizations: must(tx.Organizations()), Locations: must(tx.Locations()),
			Accounts: mustList(tx.Accounts(core.AccountQuery{})), Projects: mustList(tx.Projects(core.Page{})),
			Keys: mustList(tx.Keys(core.KeyQuery{})), Sessions: mustList(tx.Sessions(core.SessionQuery{})),
			Deliveries: must(tx.Deliveries(core.DeliveryQuery{Limit: 1 << 20})),
			Policies:   must(tx.Policies()), ManagedKeys: mustList(tx.ManagedKeys(core.ManagedKeyQuery{})),
			Devices: must(tx.Devices()), Applications: must(tx.Applications()), Settings: must(tx.Settings("")),
			Audit: must(tx.AuditEvents(core.AuditQuery{Limit: 1 << 20})),
		}
		e.SigningKeys = must(tx.SigningKeys())
		for _, a := range e.Accounts {
			if f, err := tx.SecondFactor(a.ID); core.KindOf(err) != core.NotFound {
				e.SecondFactors = append(e.SecondFactors, must(f, err))
			}
			e.Tokens = append(e.Tokens, must(tx.Tokens(a.ID))...)
		}
		for _, p := range e.Projects {
			e.APIKeys = append(e.APIKeys, must(tx.APIKeys(p.ID))...)
		}
		for _, k := range e.Keys {
			e.Evidence = append(e.Evidence, must(tx.EvidenceOf(k.ID))...)
		}
		for _, k := range e.ManagedKeys {
			e.KeyVersions = append(e.KeyVersions, must(tx.KeyVersions(k.ID))...)
			e.Custodies = append(e.Custodies, must(tx.Custodies(k.ID))...)
		}
		for _, event := range e.Audit {
			if id, isKey := strings.CutPrefix(event.Object, "key "); isKey && event.Action == "key.add" {
				e.Revisions = append(e.Revisions, must(tx.Revisions(uuid.MustParse(id)))...)
			}
		}
		for i, s := range e.Sessions {
			e.Sessions[i].Connections = must(tx.Connections(s.ID))
			e.Sessions[i].Wanted = must(tx.WantedKeys(s.ID))
			e.Sessions[i].Webhooks = must(tx.Webhooks(s.ID))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustList[T any](list []T, _ int, err error) []T { return must(list, err) }

// comparable types of other packages.
var exactly = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

// unchanged checks that what a test did left the store as it was.
func (w *world) unchanged(what string, before everything) {
	w.t.Helper()
	if diff := cmp.Diff(before, w.dump(), exactly); diff != "" {
		w.t.Errorf("%s changed the store (-before +after):\n%s", what, diff)
	}
}

func ptr[T any](v T) *T { return &v }
