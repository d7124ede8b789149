package core_test

import (
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
