package core

import (
	"cmp"
	"fmt"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

func (a *applier) application(path string, want DesiredApplication) error {
	is, err := a.saveApplication(want)
	if err := a.problems.take(path, err); err != nil {
		return err
	}
	return each(a, path+".authorizations", want.Authorizations, func(_ string, w DesiredAuthorization) error {
		return a.authorization(is, w)
	})
}

// saveApplication makes the application itself what is wanted. A new one that
// is wrong is not made and has no id.
func (a *applier) saveApplication(want DesiredApplication) (Application, error) {
	is, err := named(a.tx.ApplicationByName, "application", want.Name)
	isNew := KindOf(err) == NotFound
	if err != nil && !isNew {
		return is, err
	}
	d, err := a.setApplication(&is, want)
	if err != nil || d.none() {
		return is, err
	}
	is.UpdatedAt = a.clock()
	object := "application " + is.Name
	if !isNew {
		a.note("update", object, d.fields...)
		return is, a.changeApplication(a.tx, a.by, is, d)
	}
	a.note("create", object)
	is.UUID, is.CreatedAt = newUUID(), is.UpdatedAt
	is.ID, err = a.tx.InsertApplication(is)
	return is, a.changed(err, "application.add", is.object())
}

func (a *applier) setApplication(is *Application, want DesiredApplication) (diff, error) {
	var d diff
	var p problems
	checkName(&p, want.Name)
	checkIdentity(&p, "name", want.Name)
	organization, err := optionalOrganization(a.tx, want.Organization)
	if err := p.take("organization", err); err != nil {
		return d, err
	}
	set(&d, "name", &is.Name, want.Name)
	set(&d, "organization", &is.Organization, organization)
	set(&d, "description", &is.Description, want.Description)
	setList(&d, "tags", &is.Tags, want.Tags)
	set(&d, "disabled", &is.Disabled, want.Disabled)
	is.check(&p)
	return d, p.err()
}

func (a *applier) authorization(of Application, want DesiredAuthorization) error {
	is, err := find(of.Authorizations, func(x Authorization) bool { return x.Name == want.Name }, "authorization")
	isNew := err != nil
	line := ChangeLine{Op: "update", Object: fmt.Sprintf("authorization %s/%s", of.Name, want.Name)}
	if isNew {
		line.Op = "create"
		is = Authorization{UUID: newUUID(), Application: of.ID, CreatedAt: a.clock()}
	}
	d, err := a.setAuthorization(&is, &line, want)
	if err != nil || d.none() || of.ID == 0 {
		return err
	}
	if !isNew {
		line.Fields = d.fields
	}
	a.lines = append(a.lines, line)
	return a.saveAuthorization(is, isNew, d)
}

// setAuthorization makes the authorization what is wanted and tells what that
// changed, and in line which credentials were made.
func (a *applier) setAuthorization(is *Authorization, line *ChangeLine, want DesiredAuthorization) (diff, error) {
	var d diff
	var p problems
	checkName(&p, want.Name)
	set(&d, "name", &is.Name, want.Name)
	set(&d, "description", &is.Description, want.Description)
	set(&d, "system", &is.System, want.System)
	set(&d, "environment", &is.Environment, want.Environment)
	set(&d, "permission", &is.Permission, want.Permission)
	setList(&d, "resources", &is.Resources, want.Resources)
	setList(&d, "allowed_ips", &is.AllowedIPs, want.AllowedIPs)
	setList(&d, "referers", &is.Referers, want.Referers)
	set(&d, "certificate", &is.Certificate, plainFingerprint(want.Certificate))
	setList(&d, "keys", &is.Keys, want.Keys)
	setList(&d, "devices", &is.Devices, want.Devices)
	set(&d, "disabled", &is.Disabled, want.Disabled)
	setTime(&d, "expires_at", &is.ExpiresAt, want.ExpiresAt)
	is.check(&p)
	if err := p.take("oauth2", a.oauth2(&d, line, is, want.OAuth2)); err != nil {
		return d, err
	}
	if err := p.take("oauth1", a.oauth1(&d, line, is, want.OAuth1)); err != nil {
		return d, err
	}
	return d, p.err()
}

func (a *applier) saveAuthorization(is Authorization, isNew bool, d diff) error {
	if !isNew {
		return a.changeAuthorization(a.tx, a.by, is, d)
	}
	is.UpdatedAt = a.clock()
	_, err := a.tx.InsertAuthorization(is)
	return a.changed(err, "authorization.add", is.object())
}

// oauth2 brings the OAuth 2.0 credentials to what is wanted; nil leaves them.
func (a *applier) oauth2(d *diff, line *ChangeLine, x *Authorization, want *DesiredOAuth2) error {
	if want == nil {
		return nil
	}
	client := *cmp.Or(x.OAuth2, &OAuth2Client{}) // a copy: x may be shared with a list
	var p problems
	if setIdentifier(d, &p, line, "oauth2", "client_id", &client.ClientID, want.ClientID) {
		err := a.unusedClient(x, "client_id", func(o Authorization) bool { return o.OAuth2 != nil && o.OAuth2.ClientID == client.ClientID })
		if err != nil {
			return err
		}
	}
	if !want.ClientSecret.IsZero() || want.Renew || client.SecretHash == (SecretHash{}) {
		secret := given(line, "oauth2.client_secret", want.ClientSecret, func() string { return newSecret("keyrack_oauth2_") })
		checkSecret(&p, "client_secret", secret)
		set(d, "oauth2.client_secret", &client.SecretHash, hashSecret(secret))
	}
	x.OAuth2 = &client
	return p.err()
}

// setIdentifier brings the public half of a credential to what is wanted: one
// that is not given is made once. It tells whether that changed it.
func setIdentifier(d *diff, p *problems, line *ChangeLine, of, field string, is *string, want string) bool {
	if want == *is && want != "" || want == "" && *is != "" {
		return false
	}
	*is = given(line, of+"."+field, vault.NewSecret(want), newUUIDText)
	d.fields = append(d.fields, of+"."+field)
	checkLabel(p, field, *is, 255)
	return true
}

// unusedClient refuses a public half of a credential that another
// authorization has.
func (a *applier) unusedClient(x *Authorization, path string, has func(Authorization) bool) error {
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
	client := *cmp.Or(x.OAuth1, &OAuth1Client{}) // a copy, as above
	var p problems
	if setIdentifier(d, &p, line, "oauth1", "consumer_key", &client.ConsumerKey, want.ConsumerKey) {
		err := a.unusedClient(x, "consumer_key", func(o Authorization) bool { return o.OAuth1 != nil && o.OAuth1.ConsumerKey == client.ConsumerKey })
		if err != nil {
			return err
		}
	}
	setIdentifier(d, &p, line, "oauth1", "token", &client.Token, want.Token)
	x.OAuth1 = &client
	return inOrder(
		func() error {
			return a.sealed(d, line, x.UUID, "consumer_secret", &client.ConsumerSecret, want.ConsumerSecret, want.Renew)
		},
		func() error {
			return a.sealed(d, line, x.UUID, "token_secret", &client.TokenSecret, want.TokenSecret, want.Renew)
		},
		func() error { return p.err() },
	)
}

func newUUIDText() string { return newUUID().String() }

// sealed brings a sealed secret of an OAuth 1.0 client to what is wanted.
func (a *applier) sealed(d *diff, line *ChangeLine, of uuid.UUID, field string, is *[]byte, want vault.Secret, renew bool) error {
	if want.IsZero() && *is != nil && !renew {
		return nil
	}
	record := oauth1Record(of, field)
	if *is != nil && !renew {
		plain, err := a.vault.Unseal(*is, record)
		if err != nil {
			return err
		}
		if string(plain) == want.Reveal() {
			return nil
		}
	}
	secret := given(line, "oauth1."+field, want, func() string { return newSecret("keyrack_oauth1_") })
	out, err := a.vault.Seal([]byte(secret), record)
	*is = out
	d.fields = append(d.fields, "oauth1."+field)
	return err
}

func oauth1Record(of uuid.UUID, field string) vault.Record {
	return vault.Record{Kind: "authorization.oauth1", ID: of.String(), Field: field}
}
