package core_test

import (
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store/storetest"
)

func TestOwnProject(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := core.New(core.Options{Store: storetest.SQLite(t)})
	_, err := s.Apply(ctx, core.Operator("test"), core.Desired{Projects: []core.DesiredProject{
		{Name: "another", Adopt: core.AdoptOff}, {Name: "onboarding", Adopt: core.AdoptOff},
	}}, false)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := s.AddAPIKey(ctx, core.Operator("test"), core.NewAPIKey{Project: "onboarding", Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	by, key, err := s.AuthenticateAPIKey(ctx, secret.Reveal(), core.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.OwnProject(ctx, by)
	if err != nil || got.Name != "onboarding" || got.ID != key.Project {
		t.Errorf("OwnProject = %+v, %v; want onboarding", got, err)
	}
	for _, stranger := range []core.Actor{{}, core.Operator("ada"), core.Visitor(core.Origin{})} {
		if got, err := s.OwnProject(ctx, stranger); core.KindOf(err) != core.Denied {
			t.Errorf("OwnProject by %v = %+v, %v; want denied", stranger.Kind(), got, err)
		}
	}
}
