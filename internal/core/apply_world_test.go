package core_test

import (
	"time"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

// anotherWorld differs from the matrix's world in every kind of thing and in
// every way: things that are new, changed and taken away.
func anotherWorld() core.Desired {
	return core.Desired{
		Organizations: []string{"acme", "emca"}, Locations: []string{"berlin", "bonn"},
		Accounts: []core.DesiredAccount{
			{
				Login: "owner", Name: "O. Wner", Email: "o@example.org", Password: vault.NewSecret("a long password"),
				Organizations: []string{"acme", "emca"}, Locations: []string{"bonn"},
				Tokens: []core.DesiredToken{
					{Name: "t", Use: core.UseWaldur, Absent: true},
					{Name: "u", Use: core.UseForeman, Lifetime: time.Hour},
				},
				Keys: []core.DesiredKey{
					{Name: "laptop", PublicKey: keyText, Shared: true},
					{Name: "desk", PublicKey: mustParse(keyText2).String()},
				},
			},
			{Login: "new", ID: 4711, Disabled: true, ExpiresAt: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		},
		Projects: []core.DesiredProject{
			{Name: "own", Adopt: core.AdoptProven, ProveKeys: true, APIKeys: []core.DesiredAPIKey{
				{Name: "k", Absent: true}, {Name: "l", Secret: vault.NewSecret("0123456789abcdefghijklmnopqrstuv")},
			}},
			{Name: "new", Organization: "emca"},
		},
		Devices: []core.DesiredDevice{
			{Hostname: "w2016", Address: "10.0.0.5", Type: "Server", Vendor: "Debian", Model: "Debian 12", Site: "AWS"},
			{Hostname: "w2019"},
		},
		Applications: []core.DesiredApplication{{Name: "deploy", Organization: "acme", Authorizations: []core.DesiredAuthorization{{
			Name: "ci", Permission: core.ReadWrite, Resources: []string{"pam-core"}, AllowedIPs: []string{"*"},
			OAuth2: &core.DesiredOAuth2{}, OAuth1: &core.DesiredOAuth1{},
		}}}},
		Settings: map[string]string{"waldur": `{"min_rsa_bits":2048}`},
	}
}

const keyText2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
