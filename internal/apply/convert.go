package apply

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/yamlfile"
)

// toCore converts the document, reads the files it names and notes in f what
// is wrong with them.
func (d document) toCore(f *yamlfile.File) core.Desired {
	return core.Desired{
		Organizations: each(d.Organizations, func(_ int, n named) string { return n.Name }),
		Locations:     each(d.Locations, func(_ int, n named) string { return n.Name }),
		Accounts:      each(d.Accounts, func(i int, a account) core.DesiredAccount { return a.toCore(f, item("accounts", i)) }),
		Projects:      each(d.Projects, func(i int, p project) core.DesiredProject { return p.toCore(f, item("projects", i)) }),
		Policies:      each(d.Policies, func(_ int, p policy) core.Policy { return p.toCore() }),
		Devices:       each(d.Devices, func(_ int, d device) core.DesiredDevice { return d.toCore() }),
		Applications:  each(d.Applications, func(i int, a application) core.DesiredApplication { return a.toCore(f, item("applications", i)) }),
		Settings:      d.Settings.toCore(),
	}
}

func each[From, To any](list []From, convert func(int, From) To) []To {
	var out []To
	for i, v := range list {
		out = append(out, convert(i, v))
	}
	return out
}

func item(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func (a account) toCore(f *yamlfile.File, path string) core.DesiredAccount {
	return core.DesiredAccount{
		ID: core.AccountID(a.ID), UUID: a.UUID, Login: a.Login, Name: a.Name, Email: a.Email,
		Roles:    core.Roles{Admin: slices.Contains(a.Roles, "admin"), Support: slices.Contains(a.Roles, "support")},
		Password: f.Secret(path+".password", a.Password, a.PasswordFile),
		Disabled: a.Disabled, ExpiresAt: a.ExpiresAt.Time, Organizations: a.Organizations, Locations: a.Locations,
		Rights: each(a.Permissions, func(_ int, name string) core.Right { return core.Right(name) }),
		Tokens: each(a.Tokens, func(i int, t token) core.DesiredToken { return t.toCore(f, item(path+".tokens", i)) }),
		Keys:   each(a.Keys, func(i int, k key) core.DesiredKey { return k.toCore(f, item(path+".keys", i)) }),
	}
}

func (t token) toCore(f *yamlfile.File, path string) core.DesiredToken {
	return core.DesiredToken{
		Name: t.Name, Use: core.TokenUse(t.Use), Secret: f.Secret(path+".secret", t.Secret, t.SecretFile),
		Lifetime: time.Duration(t.Lifetime), ExpiresAt: t.ExpiresAt.Time, Absent: t.Absent,
	}
}

func (k key) toCore(f *yamlfile.File, path string) core.DesiredKey {
	if k.PublicKey == "" && k.PublicKeyFile == "" && !k.Absent {
		f.Problemf(path, "public_key is missing; give it, public_key_file or absent: true")
	}
	return core.DesiredKey{
		Name: k.Name, PublicKey: f.Text(path+".public_key", k.PublicKey, k.PublicKeyFile),
		Shared: k.Shared, Absent: k.Absent,
	}
}

func (p project) toCore(f *yamlfile.File, path string) core.DesiredProject {
	return core.DesiredProject{
		Name: p.Name, Organization: p.Organization, Adopt: core.Adopt(p.AdoptKeys), ProveKeys: p.ProveKeys,
		APIKeys: each(p.APIKeys, func(i int, k apiKey) core.DesiredAPIKey { return k.toCore(f, item(path+".api_keys", i)) }),
	}
}

func (k apiKey) toCore(f *yamlfile.File, path string) core.DesiredAPIKey {
	return core.DesiredAPIKey{
		Name: k.Name, Secret: f.Secret(path+".secret", k.Secret, k.SecretFile),
		ExpiresAt: k.ExpiresAt.Time, Absent: k.Absent,
	}
}

func (p policy) toCore() core.Policy {
	return core.Policy{
		Name: p.Name, Priority: p.Priority, Disabled: p.Disabled,
		ViewTime: time.Duration(p.ViewTime), MaxAge: time.Duration(p.MaxAge), Exclusive: p.Exclusive,
		Hostnames: p.Hostnames, Types: p.Types, Models: p.Models, Sites: p.Sites, Tags: p.Tags,
	}
}

func (d device) toCore() core.DesiredDevice {
	return core.DesiredDevice{
		Hostname: d.Hostname, Organization: d.Organization, Address: d.IP, Type: d.Type, Vendor: d.Vendor, Model: d.Model,
		Site: d.Site, Domains: d.Domains, Connectivities: d.Connectivities, RemoteConfig: d.RemoteConfig, Tags: d.Tags,
		Disabled: d.Disabled,
	}
}

func (a application) toCore(f *yamlfile.File, path string) core.DesiredApplication {
	return core.DesiredApplication{
		Name: a.Name, Organization: a.Organization, Description: a.Description, Tags: a.Tags, Disabled: a.Disabled,
		Authorizations: each(a.Authorizations, func(i int, x authorization) core.DesiredAuthorization {
			return x.toCore(f, item(path+".authorizations", i))
		}),
	}
}

func (x authorization) toCore(f *yamlfile.File, path string) core.DesiredAuthorization {
	return core.DesiredAuthorization{
		Name: x.Name, Description: x.Description, System: x.System, Environment: x.Environment,
		Permission: core.Permission(x.Permission), Resources: x.Resources, AllowedIPs: x.AllowedIPs,
		Referers: x.Referers, Certificate: x.Certificate, Keys: x.Keys, Devices: x.Devices, Disabled: x.Disabled, ExpiresAt: x.ExpiresAt.Time,
		OAuth2: x.OAuth2.toCore(f, path+".oauth2"), OAuth1: x.OAuth1.toCore(f, path+".oauth1"),
	}
}

func (o *oauth2) toCore(f *yamlfile.File, path string) *core.DesiredOAuth2 {
	if o == nil {
		return nil
	}
	return &core.DesiredOAuth2{
		ClientID:     o.ClientID,
		ClientSecret: f.Secret(path+".client_secret", o.ClientSecret, o.ClientSecretFile),
	}
}

func (o *oauth1) toCore(f *yamlfile.File, path string) *core.DesiredOAuth1 {
	if o == nil {
		return nil
	}
	return &core.DesiredOAuth1{
		ConsumerKey:    o.ConsumerKey,
		ConsumerSecret: f.Secret(path+".consumer_secret", o.ConsumerSecret, o.ConsumerSecretFile),
		Token:          o.Token,
		TokenSecret:    f.Secret(path+".token_secret", o.TokenSecret, o.TokenSecretFile),
	}
}

// toCore gives each section that the file has as JSON.
func (s settings) toCore() map[string]string {
	out := map[string]string{}
	for name, section := range map[string]map[string]any{
		"waldur": s.Waldur, "foreman": s.Foreman, "raidboxes": s.Raidboxes, "senhasegura": s.Senhasegura, "sshverify": s.SSHVerify,
	} {
		if section != nil {
			out[name] = canonical(section)
		}
	}
	if s.Keys != nil {
		out["keys"] = canonical(s.Keys)
	}
	if s.Devices != nil {
		out["devices"] = canonical(s.Devices)
	}
	return out
}

// canonical writes a section as JSON with its keys in order, so that the same
// settings are the same text.
func canonical(section any) string {
	text, err := json.Marshal(section)
	if err != nil {
		panic(err) // yamlfile gives nothing that JSON cannot say
	}
	return string(text)
}
