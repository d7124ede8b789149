package core

import (
	"context"
	"slices"
	"strings"

	"keyrack/internal/vault"
)

// Applications lists all applications by name. For those who read everything.
func (s *Service) Applications(ctx context.Context, by Actor) ([]Application, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, Tx.Applications)
}

// Application gives an application with its authorizations. For those who read
// everything.
func (s *Service) Application(ctx context.Context, by Actor, name string) (Application, error) {
	if !by.readsAll() {
		return Application{}, errDenied
	}
	return view(ctx, s, func(tx Tx) (Application, error) { return applicationNamed(tx, name) })
}

func applicationNamed(tx Tx, name string) (Application, error) {
	return named(tx.ApplicationByName, "application", name)
}

func authorizationNamed(tx Tx, application, name string) (Application, Authorization, error) {
	of, err := applicationNamed(tx, application)
	if err != nil {
		return of, Authorization{}, err
	}
	x, err := find(of.Authorizations, func(x Authorization) bool { return x.Name == name }, "authorization")
	return of, x, err
}

// AddApplication makes an application, without authorizations. Conflict when
// the name is taken. For those who manage everything.
func (s *Service) AddApplication(ctx context.Context, by Actor, in DesiredApplication) (Application, error) {
	if !by.manages() {
		return Application{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Application, error) {
		if err := absent(applicationNamed(tx, in.Name)); err != nil {
			return Application{}, conflictAt(err, "name", "is already the name of another application")
		}
		a := applier{Service: s, tx: tx, by: by}
		return a.saveApplication(in)
	})
}

// SetApplicationDisabled locks an application out, or lets it in again. Its
// access tokens do not live through that. For those who manage everything.
func (s *Service) SetApplicationDisabled(ctx context.Context, by Actor, name string, disabled bool) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, err := applicationNamed(tx, name)
		if err != nil {
			return err
		}
		var d diff
		if set(&d, "disabled", &a.Disabled, disabled); d.none() {
			return nil
		}
		return s.changeApplication(tx, by, a, d)
	})
}

// changeApplication writes an application of which d has changed.
func (s *Service) changeApplication(tx Tx, by Actor, a Application, d diff) error {
	a.UpdatedAt = s.clock()
	if err := tx.UpdateApplication(a); err != nil {
		return err
	}
	if d.has("disabled") && !a.Disabled {
		for _, x := range a.Authorizations {
			if err := tx.DeleteAccessTokens(x.ID); err != nil {
				return err
			}
		}
	}
	return s.audit(tx, by, "application.change", a.object(), withDetail(d.text()))
}

func (d diff) text() string { return strings.Join(d.fields, " ") }

// RemoveApplication takes an application away with its authorizations. The
// managed keys it made stay, and are nobody's own. For those who manage
// everything.
func (s *Service) RemoveApplication(ctx context.Context, by Actor, name string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, err := applicationNamed(tx, name)
		if err != nil {
			return err
		}
		keys, _, err := tx.ManagedKeys(ManagedKeyQuery{Reach: &Grant{Application: a.ID}})
		if err != nil {
			return err
		}
		for _, k := range keys {
			k.Creator = 0
			if err := tx.UpdateManagedKey(k); err != nil {
				return err
			}
		}
		if err := tx.DeleteApplication(a.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "application.remove", a.object())
	})
}

// AddAuthorization makes an authorization of an application. It gives its
// credentials, by their names in the apply file; what was made for it is not
// shown again. For those who manage everything.
func (s *Service) AddAuthorization(ctx context.Context, by Actor, application string, in DesiredAuthorization) (map[string]vault.Secret, error) {
	if !by.manages() {
		return nil, errDenied
	}
	return update(ctx, s, func(tx Tx) (map[string]vault.Secret, error) {
		of, _, err := authorizationNamed(tx, application, in.Name)
		if of.ID == 0 {
			return nil, err
		}
		if err := absent(in, err); err != nil {
			return nil, conflictAt(err, "name", "is already the name of another authorization of this application")
		}
		a := applier{Service: s, tx: tx, by: by}
		if err := a.authorization(of, in); err != nil {
			return nil, err
		}
		return a.lines[0].Secrets, nil
	})
}

// AuthorizationChange says what an authorization should be. What is not set
// keeps its value.
type AuthorizationChange struct {
	Disabled Change[bool]
	Assign   []string // identifiers of managed keys
	Unassign []string
}

// ChangeAuthorization changes an authorization. Access tokens do not live
// through its being disabled. NotFound when a key to be assigned is not there.
// For those who manage everything.
func (s *Service) ChangeAuthorization(ctx context.Context, by Actor, application, name string, in AuthorizationChange) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		_, x, err := authorizationNamed(tx, application, name)
		if err != nil {
			return err
		}
		for _, identifier := range in.Assign {
			if _, err := tx.ManagedKeyByIdentifier(identifier); err != nil {
				return as(ErrNoManagedKey, err)
			}
		}
		keys := slices.DeleteFunc(slices.Concat(x.Keys, in.Assign), func(k string) bool { return slices.Contains(in.Unassign, k) })
		var d diff
		setChange(&d, "disabled", &x.Disabled, in.Disabled)
		if setList(&d, "keys", &x.Keys, keys); d.none() {
			return nil
		}
		return s.changeAuthorization(tx, by, x, d)
	})
}

// changeAuthorization writes an authorization of which d has changed. Access
// tokens end with the credentials they were given for, and are not to come back
// to life when the authorization does.
func (s *Service) changeAuthorization(tx Tx, by Actor, x Authorization, d diff) error {
	x.UpdatedAt = s.clock()
	if err := tx.UpdateAuthorization(x); err != nil {
		return err
	}
	if d.has("disabled") && !x.Disabled || d.has("expires_at") || d.has("oauth2.client_id") || d.has("oauth2.client_secret") {
		if err := tx.DeleteAccessTokens(x.ID); err != nil {
			return err
		}
	}
	return s.audit(tx, by, "authorization.change", x.object(), withDetail(d.text()))
}

// RotateAuthorization gives an authorization new secrets for those that it has.
// The old ones, and access tokens, are refused from then on. For those who
// manage everything.
func (s *Service) RotateAuthorization(ctx context.Context, by Actor, application, name string) (map[string]vault.Secret, error) {
	if !by.manages() {
		return nil, errDenied
	}
	return update(ctx, s, func(tx Tx) (map[string]vault.Secret, error) {
		of, x, err := authorizationNamed(tx, application, name)
		if err != nil {
			return nil, err
		}
		a := applier{Service: s, tx: tx, by: by}
		if err := a.authorization(of, x.withNewSecrets()); err != nil {
			return nil, err
		}
		if len(a.lines) == 0 {
			return nil, Errorf(Conflict, "the authorization has no credentials")
		}
		return a.lines[0].Secrets, nil
	})
}

// withNewSecrets asks for the authorization as it is, with other secrets.
func (x Authorization) withNewSecrets() DesiredAuthorization {
	want := DesiredAuthorization{
		Name: x.Name, Description: x.Description, System: x.System, Environment: x.Environment,
		Permission: x.Permission, Resources: x.Resources, AllowedIPs: x.AllowedIPs, Referers: x.Referers,
		Certificate: x.Certificate, Keys: x.Keys, Devices: x.Devices, Disabled: x.Disabled, ExpiresAt: x.ExpiresAt,
	}
	if x.OAuth2 != nil {
		want.OAuth2 = &DesiredOAuth2{Renew: true}
	}
	if x.OAuth1 != nil {
		want.OAuth1 = &DesiredOAuth1{Renew: true}
	}
	return want
}

// RemoveAuthorization takes an authorization away: the next request with its
// credentials or tokens is refused. For those who manage everything.
func (s *Service) RemoveAuthorization(ctx context.Context, by Actor, application, name string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		_, x, err := authorizationNamed(tx, application, name)
		if err != nil {
			return err
		}
		if err := tx.DeleteAuthorization(x.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "authorization.remove", x.object())
	})
}
