package core_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// managedKey is a new key with all that one needs.
func managedKey(identifier, hostname string) core.ManagedKeyChange {
	return core.ManagedKeyChange{
		Identifier: identifier, Hostname: core.To(hostname), Address: core.To("10.0.0.5"), Username: core.To("deploy"),
		Name: core.To("deploy-2026"), PublicKey: core.To(keyText), PrivateKey: core.To(vault.NewSecret("the private half")),
		Passphrase: core.To(vault.NewSecret("the passphrase")), Tags: core.To([]string{"prod", "web"}),
	}
}

// application is the actor of an authorization of an application that is there.
func (w *world) application(name string, g core.Grant) core.Actor {
	w.t.Helper()
	for _, a := range must(w.Applications(w.t.Context(), operator)) {
		if a.Name == name {
			g.Application, g.Organization, g.Authorization = a.ID, a.Organization, uuid.New()
		}
	}
	return core.ApplicationActor(name+"/ci", g, core.Origin{Face: "senhasegura", Address: sshFrom.Address})
}

func (w *world) save(by core.Actor, in core.ManagedKeyChange) core.SavedManagedKey {
	w.t.Helper()
	saved, err := w.SaveManagedKey(w.t.Context(), by, in)
	if err != nil {
		w.t.Fatalf("SaveManagedKey(%q): %v", in.Identifier, err)
	}
	return saved
}

func (w *world) reveal(by core.Actor, id core.ManagedKeyID) core.KeyMaterial {
	w.t.Helper()
	m, err := w.RevealManagedKey(w.t.Context(), by, id, 0)
	if err != nil {
		w.t.Fatalf("RevealManagedKey(%d): %v", id, err)
	}
	return m
}

// vaultWorld has two devices and two applications, of two organizations.
func vaultWorld(w *world) (own, other core.Actor) {
	w.t.Helper()
	w.apply(core.Desired{
		Organizations: []string{"acme", "umbrella"},
		Devices: []core.DesiredDevice{
			{Hostname: "web-01", Address: "10.0.0.1", Type: "Server", Site: "AWS"}, {Hostname: "web-02", Address: "10.0.0.2"},
			{Hostname: "umbrella-01", Organization: "umbrella"},
		},
		Applications: []core.DesiredApplication{{Name: "deploy", Organization: "acme"}, {Name: "cmdb", Organization: "umbrella"}},
	})
	return w.application("deploy", writing), w.application("cmdb", writing)
}

var (
	writing = core.Grant{Permission: core.ReadWrite, Resources: []string{core.PAMCore}}
	reading = core.Grant{Permission: core.ReadOnly, Resources: []string{core.PAMCore}}
)

// granted is an application with a grant that differs in something.
func (w *world) granted(name string, change func(g *core.Grant)) core.Actor {
	g := writing
	change(&g)
	return w.application(name, g)
}

func TestManagedKeyComesBackByteForByte(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		in := managedKey("", "web-01")
		private := "-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3Bl\xff\x00\r\n-----END OPENSSH PRIVATE KEY-----"
		in.PrivateKey, in.PublicKey = core.To(vault.NewSecret(private)), core.To("  ssh-ed25519 AAAA Ünï \r\n")
		in.Additional = core.To([]string{"web-02", "nowhere", "web-01", "umbrella-01"})
		saved := w.save(own, in)
		if id, err := uuid.Parse(saved.Identifier); err != nil || id.Version() != 7 || !saved.Created {
			t.Errorf("identifier %q, created %v; want a UUIDv7 of a new key", saved.Identifier, saved.Created)
		}
		if diff := cmp.Diff([]string{"nowhere", "umbrella-01"}, saved.Unlinked); diff != "" {
			t.Errorf("unlinked (-want +got):\n%s", diff)
		}
		if len(saved.Also) != 1 || saved.Also[0].Hostname != "web-02" || saved.On.Hostname != "web-01" {
			t.Errorf("devices = %v and %v, want web-01 and web-02", saved.On, saved.Also)
		}
		got := w.reveal(own, saved.ID)
		if got.PrivateKey.Reveal() != private || got.PublicKey != in.PublicKey.Value || got.Passphrase.Reveal() != "the passphrase" {
			t.Errorf("RevealManagedKey = %q, %q, %q; want what was saved", got.PrivateKey.Reveal(), got.PublicKey, got.Passphrase.Reveal())
		}
	})
}

func TestManagedKeyKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		first := w.save(own, managedKey("web", "web-01"))
		w.clock.advance(time.Hour)
		again := w.save(own, managedKey("web", "web-01"))
		if again.Created || again.Version != 1 || !again.UpdatedAt.Equal(first.UpdatedAt) {
			t.Errorf("saving the same again = %+v, want no change", again.ManagedKey)
		}
		named := w.save(own, core.ManagedKeyChange{Identifier: "web", Name: core.To("other"), Username: core.To("")})
		if named.Version != 1 || named.Name != "other" || named.Username != "usr" || !slices.Equal(named.Tags, first.Tags) {
			t.Errorf("a change of name and user = %+v", named.ManagedKey)
		}
		w.save(own, core.ManagedKeyChange{Identifier: "web", PrivateKey: core.To(vault.NewSecret("second"))})
		third := w.save(own, core.ManagedKeyChange{Identifier: "web", Passphrase: core.To(vault.Secret{})})
		if third.Version != 3 || !third.ChangedAt.After(first.ChangedAt) {
			t.Errorf("after two changes of the material = %+v, want version 3", third.ManagedKey)
		}
		if got := w.reveal(own, third.ID); got.PrivateKey.Reveal() != "second" || !got.Passphrase.IsZero() || got.PublicKey != keyText {
			t.Errorf("the third version = %q, %q, %q", got.PrivateKey.Reveal(), got.Passphrase.Reveal(), got.PublicKey)
		}
		if old := must(w.RevealManagedKey(t.Context(), operator, third.ID, 1)); old.PrivateKey.Reveal() != "the private half" || old.Passphrase.Reveal() != "the passphrase" {
			t.Errorf("the first version = %q, %q", old.PrivateKey.Reveal(), old.Passphrase.Reveal())
		}
		if n := len(must(w.ManagedKeyVersions(t.Context(), own, third.ID))); n != 3 {
			t.Errorf("%d versions, want 3", n)
		}
		wantDetails(t, w, "managedkey.change", "username name", "version", "version")
	})
}

func wantDetails(t *testing.T, w *world, action string, want ...string) {
	t.Helper()
	var got []string
	for _, e := range w.events(action) {
		got = append(got, e.Detail)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("details of %s (-want +got):\n%s", action, diff)
	}
}

func TestManagedKeyNeedsItsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	ctx := t.Context()
	_, err := w.SaveManagedKey(ctx, own, core.ManagedKeyChange{})
	wantError(t, "nothing", err, core.Invalid, "hostname: must be given", "ip: must be given", "public_key: must be given", "private_key: must be given")
	w.save(own, managedKey("web", "web-01"))
	for name, tt := range map[string]struct {
		change func(*core.ManagedKeyChange)
		want   []string
	}{
		"no private key": {func(c *core.ManagedKeyChange) { c.PrivateKey = core.To(vault.Secret{}) }, []string{"private_key: must not be empty"}},
		"NUL in public":  {func(c *core.ManagedKeyChange) { c.PublicKey = core.To("a\x00b") }, []string{"public_key: must be text"}},
		"long secret": {func(c *core.ManagedKeyChange) { c.PrivateKey = core.To(vault.NewSecret(strings.Repeat("x", 65<<10))) },
			[]string{"private_key: must have at most 65536 bytes"}},
		"escape in name": {func(c *core.ManagedKeyChange) { c.Name = core.To("\x1b[2J") }, []string{"name: must not hold control characters"}},
		"tags":           {func(c *core.ManagedKeyChange) { c.Tags = core.To([]string{"ok", "a\nb"}) }, []string{"tags[1]: must not hold control characters"}},
	} {
		in := managedKey("web", "web-01")
		tt.change(&in)
		_, err := w.SaveManagedKey(ctx, own, in)
		wantError(t, name, err, core.Invalid, tt.want...)
	}
	for _, hostname := range []string{"nowhere", "umbrella-01"} {
		if _, err := w.SaveManagedKey(ctx, own, managedKey("new", hostname)); !errors.Is(err, core.ErrNoDevice) {
			t.Errorf("a key on %s: %v, want ErrNoDevice", hostname, err)
		}
	}
}

// The matrix of who may do what with a key: the application that made it, those
// it was assigned to, and others; reading, writing, and without the resource.
func TestReachAndPermission(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, other := vaultWorld(w)
		key := w.save(own, managedKey("web", "web-01"))
		ctx, ids := t.Context(), key.ID
		acts := map[string]func(by core.Actor) error{
			"read":   func(by core.Actor) error { return second(w.ManagedKey(ctx, by, ids)) },
			"reveal": func(by core.Actor) error { return second(w.RevealManagedKey(ctx, by, ids, 0)) },
			"save": func(by core.Actor) error {
				return second(w.SaveManagedKey(ctx, by, core.ManagedKeyChange{Identifier: "web"}))
			},
			"enable":  func(by core.Actor) error { return second(w.SetManagedKeyEnabled(ctx, by, ids, true)) },
			"release": func(by core.Actor) error { return w.ReleaseCustody(ctx, by, ids, "") },
		}
		none := error(nil)
		for name, tt := range map[string]struct {
			by                                  core.Actor
			read, reveal, save, enable, release error
			lists                               int
		}{
			"own":             {own, none, none, none, core.ErrKeyEnabled, none, 1},
			"own, reading":    {w.application("deploy", reading), none, none, core.ErrReadOnly, core.ErrReadOnly, none, 1},
			"other":           {other, core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, 0},
			"key assigned":    {w.granted("cmdb", func(g *core.Grant) { g.Keys = []string{"x", "web"} }), none, none, none, core.ErrKeyEnabled, none, 1},
			"device assigned": {w.granted("cmdb", func(g *core.Grant) { g.Devices = []string{"web-01"} }), none, none, none, core.ErrKeyEnabled, none, 1},
			"another device":  {w.granted("cmdb", func(g *core.Grant) { g.Devices = []string{"web-02"} }), core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, core.ErrNoReach, 0},
			"no resource": {w.granted("deploy", func(g *core.Grant) { g.Resources = []string{"dashboards"} }),
				core.ErrNoResource, core.ErrNoResource, core.ErrNoResource, core.ErrNoResource, core.ErrNoResource, -1},
		} {
			for _, act := range []struct {
				name string
				want error
			}{{"read", tt.read}, {"reveal", tt.reveal}, {"save", tt.save}, {"enable", tt.enable}, {"release", tt.release}} {
				if err := acts[act.name](tt.by); !errors.Is(err, act.want) {
					t.Errorf("%s: %s = %v, want %v", name, act.name, err, act.want)
				}
			}
			list, n, err := w.ManagedKeys(ctx, tt.by, core.ManagedKeyQuery{})
			if tt.lists < 0 {
				if !errors.Is(err, core.ErrNoResource) {
					t.Errorf("%s: ManagedKeys = %v, want ErrNoResource", name, err)
				}
			} else if err != nil || n != tt.lists || len(list) != tt.lists {
				t.Errorf("%s: ManagedKeys = %d of %d, %v; want %d", name, len(list), n, err, tt.lists)
			}
		}
	})
}

func TestDisabledKeysAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	ctx, key := t.Context(), w.save(own, managedKey("web", "web-01"))
	must(w.SetManagedKeyEnabled(ctx, own, key.ID, false))
	for _, by := range []core.Actor{own, operator} {
		if _, err := w.RevealManagedKey(ctx, by, key.ID, 0); !errors.Is(err, core.ErrKeyDisabled) {
			t.Errorf("RevealManagedKey of a disabled key: %v, want ErrKeyDisabled", err)
		}
	}
	if _, err := w.SetManagedKeyEnabled(ctx, own, key.ID, false); !errors.Is(err, core.ErrKeyDisabled) {
		t.Errorf("disabling again: %v, want ErrKeyDisabled", err)
	}
	w.save(own, core.ManagedKeyChange{Identifier: "web", Enabled: core.To(true)})
	w.reveal(own, key.ID)
}

// Items of another kind have ids of the same row.
func TestOtherItemsAreNotKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, _ := vaultWorld(w)
	key := w.save(own, managedKey("web", "web-01"))
	err := w.store.Update(t.Context(), func(tx core.Tx) error {
		k := key.ManagedKey
		k.Kind = "password"
		return tx.UpdateManagedKey(k)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.RevealManagedKey(t.Context(), own, key.ID, 0); !errors.Is(err, core.ErrNotSSHKey) {
		t.Errorf("RevealManagedKey of a password: %v, want ErrNotSSHKey", err)
	}
	if _, err := w.SaveManagedKey(t.Context(), own, managedKey("web", "web-01")); !errors.Is(err, core.ErrNotSSHKey) {
		t.Errorf("SaveManagedKey over a password: %v, want ErrNotSSHKey", err)
	}
}

func TestDevicesTakeTheirKeysAlong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, _ := vaultWorld(w)
		ctx := t.Context()
		in := managedKey("beside", "web-02")
		in.Additional = core.To([]string{"web-01"})
		main, beside := w.save(own, managedKey("web", "web-01")), w.save(own, in)
		must(w.SetDeviceEnabled(ctx, own, "web-01", false))
		if _, err := w.SetDeviceEnabled(ctx, own, "web-01", false); !errors.Is(err, core.ErrDeviceDisabled) {
			t.Errorf("disabling again: %v, want ErrDeviceDisabled", err)
		}
		if _, err := w.RevealManagedKey(ctx, own, main.ID, 0); !errors.Is(err, core.ErrKeyDisabled) {
			t.Errorf("reading a key of a disabled device: %v, want ErrKeyDisabled", err)
		}
		if _, err := w.SaveManagedKey(ctx, own, managedKey("new", "web-01")); !errors.Is(err, core.ErrNoDevice) {
			t.Errorf("a new key on a disabled device: %v, want ErrNoDevice", err)
		}
		w.reveal(own, beside.ID) // it is for the device beside another
		must(w.SetDeviceEnabled(ctx, own, fmt.Sprint(main.Device), true))
		if _, err := w.RevealManagedKey(ctx, own, main.ID, 0); !errors.Is(err, core.ErrKeyDisabled) {
			t.Errorf("reading a key after its device came back: %v, want ErrKeyDisabled", err)
		}
		if err := w.RemoveDevice(ctx, operator, "web-01"); core.KindOf(err) != core.Conflict {
			t.Errorf("RemoveDevice with keys: %v, want Conflict", err)
		}
		if e := w.event("managedkey.disable"); e.Detail != "with its device" {
			t.Errorf("event = %+v", e)
		}
	})
}

func TestDevicesOfOtherOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, other := vaultWorld(w)
	ctx := t.Context()
	if list := must(w.Devices(ctx, own)); len(list) != 2 {
		t.Errorf("Devices = %v, want two", list)
	}
	if _, err := w.Device(ctx, own, "umbrella-01"); !errors.Is(err, core.ErrNoDevice) {
		t.Errorf("Device of another organization: %v, want ErrNoDevice", err)
	}
	foreign := must(w.Device(ctx, other, "umbrella-01"))
	if _, err := w.Device(ctx, own, fmt.Sprint(foreign.ID)); !errors.Is(err, core.ErrNoDevice) {
		t.Errorf("Device of another organization by id: %v, want ErrNoDevice", err)
	}
	if _, _, err := w.SaveDevice(ctx, own, core.DeviceChange{Hostname: "umbrella-01"}); !errors.Is(err, core.ErrForeignHostname) {
		t.Errorf("SaveDevice of another organization's: %v, want ErrForeignHostname", err)
	}
	made, isNew, err := w.SaveDevice(ctx, own, core.DeviceChange{Hostname: "new", Address: core.To("https://bmc.example.org"), Tags: core.To([]string{"a"})})
	if err != nil || !isNew || made.Organization == 0 {
		t.Errorf("SaveDevice = %+v, %v, %v; want a device of the application's organization", made, isNew, err)
	}
	again, isNew, err := w.SaveDevice(ctx, own, core.DeviceChange{Hostname: "new", Site: core.To("AWS")})
	if err != nil || isNew || again.Address != made.Address || again.Site != "AWS" || again.ID != made.ID {
		t.Errorf("SaveDevice again = %+v, %v, %v", again, isNew, err)
	}
	_, _, err = w.SaveDevice(ctx, own, core.DeviceChange{Hostname: "new", Domains: core.To([]string{"corp.example.org"})})
	wantError(t, "an unknown domain", err, core.Invalid, "domains[0]: is not registered; settings.devices.domains lists those that are")
	w.apply(core.Desired{Settings: map[string]string{"devices": `{"domains":["corp.example.org"]}`}})
	if _, _, err := w.SaveDevice(ctx, own, core.DeviceChange{Hostname: "new", Domains: core.To([]string{"corp.example.org"})}); err != nil {
		t.Errorf("a registered domain: %v", err)
	}
}

// Of those who save one key at once, one makes it and the others change it: of
// all that they gave there is a version. Who make other keys meanwhile, make them.
func TestSaveManagedKeyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.apply(core.Desired{Devices: []core.DesiredDevice{{Hostname: "web-01"}}})
		const n = 12
		var made, own atomic.Int64
		for i, err := range atOnce(2*n, func(i int) error {
			change, count := managedKey("shared", "web-01"), &made
			if i%2 == 1 {
				change, count = managedKey(fmt.Sprintf("own-%d", i), "web-01"), &own
			}
			change.PrivateKey = core.To(vault.NewSecret(fmt.Sprintf("private half %d", i)))
			saved, err := w.SaveManagedKey(t.Context(), operator, change)
			if err == nil && saved.Created {
				count.Add(1)
			}
			return err
		}) {
			if err != nil {
				t.Errorf("save %d: %v", i, err)
			}
		}
		if made.Load() != 1 || own.Load() != n {
			t.Errorf("the shared key was made %d times, the others %d times; want 1 and %d", made.Load(), own.Load(), n)
		}
		shared := must(w.ManagedKeyRef(t.Context(), operator, "shared"))
		if versions := must(w.ManagedKeyVersions(t.Context(), operator, shared.ID)); len(versions) != n {
			t.Errorf("the shared key has %d versions, want %d", len(versions), n)
		}
	})
}
