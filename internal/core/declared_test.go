package core_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
)

// declared checks that the store is what a file says of all that it names.
func (w *world) declared(d core.Desired) {
	w.t.Helper()
	got := w.dump()
	check := checker{world: w, got: got}
	for _, name := range d.Organizations {
		check.that(slices.ContainsFunc(got.Organizations, func(o core.Organization) bool { return o.Name == name }), "organization "+name)
	}
	for _, name := range d.Locations {
		check.that(slices.ContainsFunc(got.Locations, func(l core.Location) bool { return l.Name == name }), "location "+name)
	}
	for _, a := range d.Accounts {
		check.account(a)
	}
	for _, p := range d.Projects {
		check.project(p)
	}
	for _, want := range d.Devices {
		is := one(check, "device "+want.Hostname, got.Devices, func(is core.Device) bool { return is.Hostname == want.Hostname })
		check.equal("device "+want.Hostname, want, core.DesiredDevice{
			Hostname: is.Hostname, Organization: strings.Join(check.organizations(is.Organization), " "), Address: is.Address,
			Type: is.Type, Vendor: is.Vendor, Model: is.Model, Site: is.Site, Domains: is.Domains,
			Connectivities: is.Connectivities, RemoteConfig: is.RemoteConfig, Tags: is.Tags, Disabled: is.Disabled,
		})
	}
	for _, want := range d.Policies {
		is := one(check, "policy "+want.Name, got.Policies, func(is core.Policy) bool { return is.Name == want.Name })
		want.ID, want.UUID, want.CreatedAt, want.UpdatedAt = is.ID, is.UUID, is.CreatedAt, is.UpdatedAt
		check.equal("policy "+want.Name, want, is)
	}
	for _, a := range d.Applications {
		check.application(a)
	}
	for section, value := range d.Settings {
		check.equal("settings "+section, value, got.Settings["face."+section])
	}
}

type checker struct {
	*world
	got everything
}

func (c checker) that(ok bool, what string) {
	c.t.Helper()
	if !ok {
		c.t.Fatalf("there is no %s, or more than one", what)
	}
}

func (c checker) equal(what string, want, got any) {
	c.t.Helper()
	if diff := cmp.Diff(want, got, exactly); diff != "" {
		c.t.Errorf("%s (-declared +stored):\n%s", what, diff)
	}
}

// one gives the one element of a list that is so.
func one[T any](c checker, what string, list []T, is func(T) bool) T {
	c.t.Helper()
	list = slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !is(v) })
	c.that(len(list) == 1, what)
	return list[0]
}

func (c checker) organizations(ids ...core.OrganizationID) []string {
	var out []string
	for _, id := range ids {
		if id != 0 {
			out = append(out, one(c, "organization", c.got.Organizations, func(o core.Organization) bool { return o.ID == id }).Name)
		}
	}
	slices.Sort(out)
	return out
}

// sorted makes lists of names that may say a thing twice comparable.
func sorted(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// outline is what a file can say of an account beside its secrets.
type outline struct {
	Name, Email   string
	Roles         core.Roles
	Disabled      bool
	ExpiresAt     time.Time
	Organizations []string
	Locations     int
}

func (c checker) account(want core.DesiredAccount) {
	c.t.Helper()
	is := one(c, "account "+want.Login, c.got.Accounts, func(a core.Account) bool { return a.Login == want.Login })
	c.equal("account "+want.Login,
		outline{want.Name, want.Email, want.Roles, want.Disabled, core.Moment(want.ExpiresAt), sorted(want.Organizations), len(sorted(want.Locations))},
		outline{is.Name, is.Email, is.Roles, is.Disabled, is.ExpiresAt, c.organizations(is.Organizations...), len(is.Locations)})
	if !want.Password.IsZero() && is.ActiveAt(c.clock.Now()) {
		_, err := c.AuthenticatePassword(c.t.Context(), want.Login, want.Password.Reveal(), core.Origin{})
		c.equal("password of "+want.Login, nil, err)
	}
	for _, k := range want.Keys {
		c.key(is, k)
	}
	for _, t := range want.Tokens {
		c.token(is, t)
	}
}

func (c checker) key(owner core.Account, want core.DesiredKey) {
	c.t.Helper()
	named := func(k core.Key) bool { return k.Owner == owner.ID && k.Name == want.Name }
	if want.Absent {
		c.that(!slices.ContainsFunc(c.got.Keys, named), "removal of key "+want.Name)
		return
	}
	is := one(c, "key "+want.Name, c.got.Keys, named)
	c.equal("key "+want.Name, mustParse(want.PublicKey).String(), is.Public.String())
	c.equal("key "+want.Name+" shared", want.Shared, is.Shared)
}

func (c checker) token(owner core.Account, want core.DesiredToken) {
	c.t.Helper()
	named := func(t core.Token) bool { return t.Account == owner.ID && t.Name == want.Name && t.Use == want.Use }
	if want.Absent {
		c.that(!slices.ContainsFunc(c.got.Tokens, named), "removal of token "+want.Name)
		return
	}
	is := one(c, "token "+want.Name, c.got.Tokens, named)
	c.equal("token "+want.Name, want.Lifetime, is.Lifetime)
	c.equal("token "+want.Name, core.Moment(want.ExpiresAt), is.ExpiresAt)
}

func (c checker) project(want core.DesiredProject) {
	c.t.Helper()
	is := one(c, "project "+want.Name, c.got.Projects, func(p core.Project) bool { return p.Name == want.Name })
	if want.Adopt == "" {
		want.Adopt = core.AdoptOff
	}
	c.equal("adoption of "+want.Name, want.Adopt, is.Adopt)
	c.equal("proofs of "+want.Name, want.ProveKeys, is.ProveKeys)
	c.equal("organization of "+want.Name, want.Organization, strings.Join(c.organizations(is.Organization), " "))
	for _, k := range want.APIKeys {
		c.apiKey(is, k)
	}
}

func (c checker) apiKey(owner core.Project, want core.DesiredAPIKey) {
	c.t.Helper()
	named := func(k core.APIKey) bool { return k.Project == owner.ID && k.Name == want.Name }
	if want.Absent {
		c.that(!slices.ContainsFunc(c.got.APIKeys, named), "removal of API key "+want.Name)
		return
	}
	is := one(c, "API key "+want.Name, c.got.APIKeys, named)
	c.equal("API key "+want.Name, core.Moment(want.ExpiresAt), is.ExpiresAt)
	if !want.Secret.IsZero() {
		_, key, err := c.AuthenticateAPIKey(c.t.Context(), want.Secret.Reveal(), core.Origin{})
		c.equal("API key "+want.Name, nil, err)
		c.equal("API key "+want.Name, is.UUID, key.UUID)
	}
}

func (c checker) application(want core.DesiredApplication) {
	c.t.Helper()
	is := one(c, "application "+want.Name, c.got.Applications, func(a core.Application) bool { return a.Name == want.Name })
	c.equal("state of "+want.Name, want.Disabled, is.Disabled)
	c.equal("words of "+want.Name, want.Description, is.Description)
	c.equal("tags of "+want.Name, sorted(want.Tags), is.Tags)
	for _, x := range want.Authorizations {
		got := one(c, "authorization "+x.Name, is.Authorizations, func(o core.Authorization) bool { return o.Name == x.Name })
		c.equal("words of "+x.Name, []string{x.Description, x.System, x.Environment}, []string{got.Description, got.System, got.Environment})
		c.equal("permission of "+x.Name, x.Permission, got.Permission)
		c.equal("resources of "+x.Name, sorted(x.Resources), got.Resources)
		c.equal("addresses of "+x.Name, sorted(x.AllowedIPs), got.AllowedIPs)
		c.equal("referers of "+x.Name, sorted(x.Referers), got.Referers)
		c.equal("certificate of "+x.Name, strings.ToLower(strings.ReplaceAll(x.Certificate, ":", "")), got.Certificate)
		c.equal("keys of "+x.Name, sorted(x.Keys), got.Keys)
		c.equal("devices of "+x.Name, sorted(x.Devices), got.Devices)
		c.equal("state of "+x.Name, x.Disabled, got.Disabled)
		c.equal("end of "+x.Name, core.Moment(x.ExpiresAt), got.ExpiresAt)
		c.that(x.OAuth1 == nil || got.OAuth1 != nil, "OAuth 1.0 credential of "+x.Name)
		c.that(x.OAuth2 == nil || got.OAuth2 != nil, "OAuth 2.0 credential of "+x.Name)
	}
}
