package apply

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
	"keyrack/internal/yamlfile"
)

// checkNames notes what is named twice: the file would say two things of one,
// and the later would undo the earlier on every run.
func (d document) checkNames(f *yamlfile.File) {
	unique(f, "organizations", "name", d.Organizations, func(n named) string { return core.Identity(n.Name) })
	unique(f, "locations", "name", d.Locations, func(n named) string { return core.Identity(n.Name) })
	unique(f, "projects", "name", d.Projects, func(p project) string { return core.Identity(p.Name) })
	unique(f, "policies", "name", d.Policies, func(p policy) string { return p.Name })
	unique(f, "devices", "hostname", d.Devices, func(d device) string { return core.Identity(d.Hostname) })
	unique(f, "applications", "name", d.Applications, func(a application) string { return core.Identity(a.Name) })
	d.checkAccounts(f)
	for i, p := range d.Projects {
		unique(f, item("projects", i)+".api_keys", "name", p.APIKeys, func(k apiKey) string { return k.Name })
	}
	for i, a := range d.Applications {
		unique(f, item("applications", i)+".authorizations", "name", a.Authorizations, func(x authorization) string { return x.Name })
	}
	d.Settings.Keys.check(f)
}

func (d document) checkAccounts(f *yamlfile.File) {
	unique(f, "accounts", "login", d.Accounts, func(a account) string { return strings.ToLower(a.Login) })
	unique(f, "accounts", "id", d.Accounts, func(a account) id { return a.ID })
	unique(f, "accounts", "uuid", d.Accounts, func(a account) uuid.UUID { return a.UUID })
	for i, a := range d.Accounts {
		path := item("accounts", i)
		unique(f, path+".keys", "name", a.Keys, func(k key) string { return k.Name })
		unique(f, path+".tokens", "name", a.Tokens, func(t token) [2]string {
			if t.Name == "" {
				return [2]string{}
			}
			return [2]string{t.Use, t.Name}
		})
	}
}

// unique notes items of a list that say the same of a field as an earlier one.
// What does not say anything of it, says the zero value.
func unique[T any, V comparable](f *yamlfile.File, list, field string, items []T, of func(T) V) {
	var nothing V
	seen := make(map[V]int, len(items))
	for i, it := range items {
		v := of(it)
		if v == nothing {
			continue
		}
		if first, again := seen[v]; again {
			other := item(list, first)
			f.Problemf(item(list, i)+"."+field, "is also that of %s on line %d; merge the two", other, f.At(other+"."+field, "").Line)
			continue
		}
		seen[v] = i
	}
}

// check warns of types that no key has today. They may come: a type that is
// not known yet is taken where it is listed.
func (p *keyPolicy) check(f *yamlfile.File) {
	if p == nil {
		return
	}
	for i, name := range p.AllowedTypes {
		if !slices.Contains(sshkey.KnownTypes(), name) {
			f.Warnf(item("settings.keys.allowed_types", i), "%q is not a known type of keys; known are %s", name, strings.Join(sshkey.KnownTypes(), ", "))
		}
	}
}
