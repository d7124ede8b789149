package core

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

func (a *applier) device(_ string, want Device) error {
	is, err := a.tx.DeviceByHostname(want.Hostname)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	var d diff
	set(&d, "hostname", &is.Hostname, want.Hostname)
	set(&d, "ip", &is.Address, want.Address)
	set(&d, "type", &is.Type, want.Type)
	set(&d, "vendor", &is.Vendor, want.Vendor)
	set(&d, "model", &is.Model, want.Model)
	set(&d, "site", &is.Site, want.Site)
	if err := is.check(); err != nil || d.none() {
		return err
	}
	is.UpdatedAt = a.clock()
	object := "device " + is.Hostname
	if !isNew {
		a.note("update", object, d.fields...)
		return a.changed(a.tx.UpdateDevice(is), "device.change", "device "+is.UUID.String())
	}
	is.UUID, is.CreatedAt = newUUID(), is.UpdatedAt
	a.note("create", object)
	_, err = a.tx.InsertDevice(is)
	return a.changed(err, "device.add", "device "+is.UUID.String())
}

func (d Device) check() error {
	var p problems
	if d.Hostname == "" {
		p.addf("hostname", "must not be empty")
	}
	for path, text := range map[string]string{
		"hostname": d.Hostname, "type": d.Type, "vendor": d.Vendor, "model": d.Model, "site": d.Site,
	} {
		checkLabel(&p, path, text, 255)
	}
	return p.err()
}

func (a *applier) application(path string, want DesiredApplication) error {
	is, err := a.tx.ApplicationByName(want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return err
	}
	var d diff
	var p problems
	p.add("", checkName(want.Name))
	organization, err := optionalOrganization(a.tx, want.Organization)
	if err != nil {
		p.addf("organization", "%v", err)
	}
	set(&d, "name", &is.Name, want.Name)
	set(&d, "organization", &is.Organization, organization)
	if err := p.err(); err != nil {
		return err
	}
	if err := a.saveApplication(&is, isNew, d); err != nil {
		return err
	}
	return each(a, path+".authorizations", want.Authorizations, func(_ string, w DesiredAuthorization) error {
		return a.authorization(is, w)
	})
}

func (a *applier) saveApplication(is *Application, isNew bool, d diff) error {
	if !isNew && d.none() {
		return nil
	}
	is.UpdatedAt = a.clock()
	object := "application " + is.Name
	if !isNew {
		a.note("update", object, d.fields...)
		return a.changed(a.tx.UpdateApplication(*is), "application.change", is.object())
	}
	a.note("create", object)
	is.UUID, is.CreatedAt = newUUID(), is.UpdatedAt
	var err error
	is.ID, err = a.tx.InsertApplication(*is)
	return a.changed(err, "application.add", is.object())
}

func (a Application) object() string { return "application " + a.UUID.String() }

func (a *applier) authorization(of Application, want DesiredAuthorization) error {
	is, err := find(of.Authorizations, func(x Authorization) bool { return x.Name == want.Name }, "authorization")
	isNew := err != nil
	if isNew {
		is = Authorization{UUID: newUUID(), Application: of.ID, CreatedAt: a.clock()}
	}
	line := ChangeLine{Op: "update", Object: fmt.Sprintf("authorization %s/%s", of.Name, want.Name)}
	if isNew {
		line.Op = "create"
	}
	var d diff
	var p problems
	p.add("", checkName(want.Name))
	set(&d, "name", &is.Name, want.Name)
	set(&d, "permission", &is.Permission, want.Permission)
	setList(&d, "resources", &is.Resources, want.Resources)
	setList(&d, "allowed_ips", &is.AllowedIPs, want.AllowedIPs)
	is.check(&p)
	p.add("oauth2", a.oauth2(&d, &line, &is, want.OAuth2))
	p.add("oauth1", a.oauth1(&d, &line, &is, want.OAuth1))
	if err := p.err(); err != nil || d.none() {
		return err
	}
	if !isNew {
		line.Fields = d.fields
	}
	a.lines = append(a.lines, line)
	return a.saveAuthorization(is, isNew)
}

func (a *applier) saveAuthorization(is Authorization, isNew bool) error {
	is.UpdatedAt = a.clock()
	object := "authorization " + is.UUID.String()
	if !isNew {
		return a.changed(a.tx.UpdateAuthorization(is), "authorization.change", object)
	}
	_, err := a.tx.InsertAuthorization(is)
	return a.changed(err, "authorization.add", object)
}

func (x Authorization) check(p *problems) {
	if x.Permission != ReadOnly && x.Permission != ReadWrite {
		p.addf("permission", "must be %s or %s", ReadOnly, ReadWrite)
	}
	for i, r := range x.Resources {
		if r != "pam-core" {
			p.addf(fmt.Sprintf("resources[%d]", i), "must be pam-core")
		}
	}
	for i, address := range x.AllowedIPs {
		if !validAddress(address) {
			p.addf(fmt.Sprintf("allowed_ips[%d]", i), "must be an IP address, a prefix as 10.0.0.0/8, or *")
		}
	}
}

// oauth2 brings the OAuth 2.0 credentials to what is wanted; nil leaves them.
func (a *applier) oauth2(d *diff, line *ChangeLine, x *Authorization, want *DesiredOAuth2) error {
	if want == nil {
		return nil
	}
	is := cmp.Or(x.OAuth2, &OAuth2Client{})
	client := *is // x may be shared with a list
	if id := cmp.Or(want.ClientID, client.ClientID); id != client.ClientID || id == "" {
		client.ClientID = given(line, "oauth2.client_id", vault.NewSecret(id), newUUIDText)
		d.fields = append(d.fields, "oauth2.client_id")
		if err := a.unusedClient(x, func(o Authorization) bool { return o.OAuth2 != nil && o.OAuth2.ClientID == client.ClientID }, "client_id"); err != nil {
			return err
		}
	}
	if !want.ClientSecret.IsZero() || client.SecretHash == (SecretHash{}) {
		secret := given(line, "oauth2.client_secret", want.ClientSecret, func() string { return newSecret("keyrack_oauth2_") })
		set(d, "oauth2.client_secret", &client.SecretHash, hashSecret(secret))
	}
	x.OAuth2 = &client
	return nil
}

// unusedClient refuses a public half of a credential that another
// authorization has.
func (a *applier) unusedClient(x *Authorization, has func(Authorization) bool, path string) error {
	all, err := a.tx.Applications()
	if err != nil {
		return err
	}
	for _, application := range all {
		for _, o := range application.Authorizations {
			if o.UUID != x.UUID && has(o) {
				return conflictAt(errTaken, path, "is another authorization's")
			}
		}
	}
	return nil
}

// oauth1 brings the OAuth 1.0 credentials to what is wanted; nil leaves them.
func (a *applier) oauth1(d *diff, line *ChangeLine, x *Authorization, want *DesiredOAuth1) error {
	if want == nil {
		return nil
	}
	client := *cmp.Or(x.OAuth1, &OAuth1Client{})
	if key := cmp.Or(want.ConsumerKey, client.ConsumerKey); key != client.ConsumerKey || key == "" {
		client.ConsumerKey = given(line, "oauth1.consumer_key", vault.NewSecret(key), newUUIDText)
		d.fields = append(d.fields, "oauth1.consumer_key")
		if err := a.unusedClient(x, func(o Authorization) bool { return o.OAuth1 != nil && o.OAuth1.ConsumerKey == client.ConsumerKey }, "consumer_key"); err != nil {
			return err
		}
	}
	if token := cmp.Or(want.Token, client.Token); token != client.Token || token == "" {
		client.Token = given(line, "oauth1.token", vault.NewSecret(token), newUUIDText)
		d.fields = append(d.fields, "oauth1.token")
	}
	if err := a.sealed(d, line, x.UUID, "consumer_secret", &client.ConsumerSecret, want.ConsumerSecret); err != nil {
		return err
	}
	if err := a.sealed(d, line, x.UUID, "token_secret", &client.TokenSecret, want.TokenSecret); err != nil {
		return err
	}
	x.OAuth1 = &client
	return nil
}

func newUUIDText() string { return newUUID().String() }

// sealed brings a sealed secret of an OAuth 1.0 client to what is wanted.
func (a *applier) sealed(d *diff, line *ChangeLine, of uuid.UUID, field string, is *[]byte, want vault.Secret) error {
	if want.IsZero() && *is != nil {
		return nil
	}
	if a.vault == nil {
		return errNoVault
	}
	record := vault.Record{Kind: "authorization.oauth1", ID: of.String(), Field: field}
	if *is != nil {
		if plain, err := a.vault.Unseal(*is, record); err != nil || string(plain) == want.Reveal() {
			return err
		}
	}
	secret := given(line, "oauth1."+field, want, func() string { return newSecret("keyrack_oauth1_") })
	out, err := a.vault.Seal([]byte(secret), record)
	*is = out
	d.fields = append(d.fields, "oauth1."+field)
	return err
}

func validAddress(text string) bool {
	if text == "*" {
		return true
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}
