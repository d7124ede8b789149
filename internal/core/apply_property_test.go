package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// Whatever a store held before, after a file was applied it is what the file
// says of all that the file names, as a dry run has told beforehand; to apply
// the file again changes nothing.
func TestApplyProperty(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // its state goes on from check to check
	w.apply(core.Desired{Organizations: []string{"o0", "o1"}, Locations: []string{"l0", "l1"}})
	keys := make([]string, 6)
	for i := range keys {
		keys[i] = testKey(t, i).String()
	}
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 30 {
			return // rapid's own number of rounds is for functions without a database
		}
		file := files(keys).Draw(rt, "file")
		before := w.dump()
		dry, err := w.Apply(t.Context(), operator, file, true)
		if err != nil {
			rt.Fatalf("dry run: %v", err)
		}
		if diff := cmp.Diff(before, w.dump(), exactly); diff != "" {
			rt.Fatalf("dry run changed the store (-before +after):\n%s", diff)
		}
		w.clock.advance(time.Second)
		done, err := w.Apply(t.Context(), operator, file, false)
		if err != nil {
			rt.Fatalf("Apply: %v", err)
		}
		if diff := cmp.Diff(told(dry), told(done), exactly); diff != "" {
			rt.Fatalf("Apply did other than the dry run told (-told +done):\n%s", diff)
		}
		after := w.dump()
		if changed := len(after.Audit) - len(before.Audit); changed < len(done) {
			rt.Fatalf("%d changes left %d audit events, want one each at least", len(done), changed)
		}
		w.declared(file)
		w.clock.advance(time.Second)
		again, err := w.Apply(t.Context(), operator, file, false)
		if err != nil || len(again) > 0 {
			rt.Fatalf("Apply again: %q, %v; want no change", told(again), err)
		}
		if diff := cmp.Diff(after, w.dump(), exactly); diff != "" {
			rt.Fatalf("Apply again changed the store (-before +after):\n%s", diff)
		}
	})
}

// files are files over few names, so that most of what they say is there
// already in one way or another.
func files(keys []string) *rapid.Generator[core.Desired] {
	return rapid.Custom(func(t *rapid.T) core.Desired {
		var d core.Desired
		for _, login := range some(t, "logins", "a0", "a1") {
			d.Accounts = append(d.Accounts, desiredAccount(t, login, keys))
		}
		for _, name := range some(t, "projects", "p0", "p1") {
			d.Projects = append(d.Projects, desiredProject(t, name))
		}
		for _, name := range some(t, "devices", "d0") {
			d.Devices = append(d.Devices, core.DesiredDevice{
				Hostname: name, Type: word(t), Site: word(t),
				Address: rapid.SampledFrom([]string{"", "10.0.0.5", "::1"}).Draw(t, "ip"),
			})
		}
		for _, name := range some(t, "applications", "x0") {
			d.Applications = append(d.Applications, core.DesiredApplication{
				Name: name, Organization: rapid.SampledFrom([]string{"", "o0", "o1"}).Draw(t, "organization"),
				Authorizations: []core.DesiredAuthorization{desiredAuthorization(t)},
			})
		}
		if rapid.Bool().Draw(t, "settings") {
			d.Settings = map[string]string{"waldur": fmt.Sprintf(`{"x":%d}`, rapid.IntRange(0, 2).Draw(t, "x"))}
		}
		return d
	})
}

// some draws a part of a list, in any order.
func some(t *rapid.T, label string, from ...string) []string {
	return rapid.Permutation(from).Draw(t, label)[:rapid.IntRange(0, len(from)).Draw(t, label+" count")]
}

func word(t *rapid.T) string { return rapid.SampledFrom([]string{"", "x", "Ü y"}).Draw(t, "word") }

func moment(t *rapid.T) time.Time {
	return rapid.SampledFrom([]time.Time{{}, time.Unix(2e9, 123456789), time.Unix(3e9, 0)}).Draw(t, "moment")
}

func desiredAccount(t *rapid.T, login string, keys []string) core.DesiredAccount {
	a := core.DesiredAccount{
		Login: login, Name: word(t), Email: rapid.SampledFrom([]string{"", login + "@example.org", "shared@example.org"}).Draw(t, "email"),
		Roles:    core.Roles{Admin: rapid.Bool().Draw(t, "admin"), Support: rapid.Bool().Draw(t, "support")},
		Disabled: rapid.Bool().Draw(t, "disabled"), ExpiresAt: moment(t),
		Organizations: some(t, "organizations", "o0", "o1"), Locations: some(t, "locations", "l0", "l1", "l0"),
	}
	// All names are named, or a key could be there under one that is not.
	order := rapid.Permutation(keys).Draw(t, "keys")
	for i, name := range rapid.Permutation([]string{"k0", "k1", "k2", "k3"}).Draw(t, "key names") {
		k := core.DesiredKey{Name: name, Absent: rapid.Bool().Draw(t, "absent")}
		if !k.Absent {
			k.PublicKey, k.Shared = order[i], rapid.Bool().Draw(t, "shared")
		}
		a.Keys = append(a.Keys, k)
	}
	for _, name := range some(t, "tokens", "t0", "t1") {
		a.Tokens = append(a.Tokens, core.DesiredToken{
			Name: name, Use: rapid.SampledFrom(core.TokenUses).Draw(t, "use"), Secret: secretFor(t, login+name),
			Lifetime: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "lifetime"), ExpiresAt: moment(t), Absent: rapid.Bool().Draw(t, "absent"),
		})
	}
	return a
}

// secretFor draws no secret, or one that nothing else has.
func secretFor(t *rapid.T, of string) vault.Secret {
	n := rapid.IntRange(0, 2).Draw(t, "secret")
	if n == 0 {
		return vault.Secret{}
	}
	return vault.NewSecret(of + strings.Repeat(fmt.Sprint(n), 32))
}

func desiredProject(t *rapid.T, name string) core.DesiredProject {
	p := core.DesiredProject{
		Name: name, Organization: rapid.SampledFrom([]string{"", "o0", "o1"}).Draw(t, "organization"),
		Adopt:     rapid.SampledFrom([]core.Adopt{"", core.AdoptOff, core.AdoptProven, core.AdoptOffered}).Draw(t, "adopt"),
		ProveKeys: rapid.Bool().Draw(t, "prove"),
	}
	for _, k := range some(t, "api keys", "c0", "c1") {
		p.APIKeys = append(p.APIKeys, core.DesiredAPIKey{
			Name: k, Secret: secretFor(t, name+k), ExpiresAt: rapid.SampledFrom([]time.Time{{}, time.Unix(3e9, 0)}).Draw(t, "expires"),
			Absent: rapid.Bool().Draw(t, "absent"),
		})
	}
	return p
}

func desiredAuthorization(t *rapid.T) core.DesiredAuthorization {
	x := core.DesiredAuthorization{
		Name:   rapid.SampledFrom([]string{"y0", "y1"}).Draw(t, "authorization"),
		System: rapid.SampledFrom([]string{"", "builder"}).Draw(t, "system"), Environment: "test", Description: "for tests",
		Permission: rapid.SampledFrom([]core.Permission{core.ReadOnly, core.ReadWrite}).Draw(t, "permission"),
		Resources:  some(t, "resources", "pam-core", "users"), AllowedIPs: some(t, "addresses", "*", "10.0.0.0/8", "::1"),
		Referers: some(t, "referers", "https://a.example/", "http://b.example/x"), Keys: some(t, "assigned", "k0", "k1"),
		Devices: some(t, "hosts", "d0", "d1"), Disabled: rapid.Bool().Draw(t, "locked out"), ExpiresAt: moment(t),
		Certificate: rapid.SampledFrom([]string{"", strings.Repeat("aB:", 31) + "00"}).Draw(t, "certificate"),
	}
	if rapid.Bool().Draw(t, "oauth1") {
		x.OAuth1 = &core.DesiredOAuth1{
			ConsumerKey: rapid.SampledFrom([]string{"", x.Name}).Draw(t, "consumer key"), ConsumerSecret: secretFor(t, "consumer"),
			Token: word(t), TokenSecret: secretFor(t, "token"),
		}
	}
	if rapid.Bool().Draw(t, "oauth2") {
		x.OAuth2 = &core.DesiredOAuth2{
			ClientID: rapid.SampledFrom([]string{"", x.Name}).Draw(t, "client id"), ClientSecret: secretFor(t, "client"),
		}
	}
	return x
}
