package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyrack/internal/sshkey"
	"keyrack/internal/vault"
)

// ChangeLine is one change that [Service.Apply] made, or would make.
type ChangeLine struct {
	Op      string                  // "create", "update", "remove"
	Object  string                  // kind and name, as "account ada"
	Fields  []string                // for an update: what differs
	Secrets map[string]vault.Secret // made for a new credential, by name; to be shown once
}

// Apply makes the store match what is desired, in one transaction, and tells
// what it changed. It says all that is wrong at once, and then changes nothing.
// A dry run changes nothing either. For those who manage everything.
func (s *Service) Apply(ctx context.Context, by Actor, want Desired, dryRun bool) ([]ChangeLine, error) {
	if !by.manages() {
		return nil, errDenied
	}
	hashes, bad, err := s.hashDesired(ctx, want.Accounts)
	if err != nil {
		return nil, err
	}
	var lines []ChangeLine
	err = s.store.Bulk(ctx, func(tx Tx) error {
		a := applier{Service: s, tx: tx, by: by, hashes: hashes, problems: slices.Clone(bad)}
		if err := a.all(want); err != nil {
			return err
		}
		lines = a.lines
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return withoutSecrets(lines), nil
	}
	if err != nil {
		return nil, err
	}
	return lines, nil
}

var errDryRun = errors.New("dry run")

// withoutSecrets keeps the names of secrets that a dry run made, and drops the
// secrets, which open nothing.
func withoutSecrets(lines []ChangeLine) []ChangeLine {
	for _, l := range lines {
		for name := range l.Secrets {
			l.Secrets[name] = vault.Secret{}
		}
	}
	return lines
}

// hashDesired hashes the passwords that are new, by login, and tells what is
// wrong with them. It runs before the transaction, which must not wait a quarter
// of a second for each. A password that is set in between is set again, to what
// the file says, even if that is the same.
func (s *Service) hashDesired(ctx context.Context, accounts []DesiredAccount) (map[string]string, problems, error) {
	hashes := map[string]string{}
	var bad problems
	for i, a := range accounts {
		if a.Password.IsZero() {
			continue
		}
		hash, err := s.hashUnlessSame(ctx, a)
		if err := bad.take(fmt.Sprintf("accounts[%d]", i), err); err != nil {
			return nil, nil, err
		}
		if hash != "" {
			hashes[a.Login] = hash
		}
	}
	return hashes, bad, nil
}

// hashUnlessSame gives the stored hash where the password is as it was.
func (s *Service) hashUnlessSame(ctx context.Context, a DesiredAccount) (string, error) {
	if err := checkPassword(a.Password.Reveal()); err != nil {
		return "", err
	}
	now, err := view(ctx, s, func(tx Tx) (Account, error) { return accountByLogin(tx, a.Login) })
	if err != nil && KindOf(err) != NotFound {
		return "", err
	}
	if now.PasswordHash != "" {
		if same, err := s.passwords.Matches(ctx, a.Password.Reveal(), now.PasswordHash); err != nil || same {
			return now.PasswordHash, err
		}
	}
	return s.passwords.Hash(ctx, a.Password.Reveal())
}

// applier is one run of Apply within its transaction.
type applier struct {
	*Service
	tx       Tx
	by       Actor
	hashes   map[string]string // password hashes by login
	problems problems
	lines    []ChangeLine
	rules    *sshkey.Policy // for new keys, once it was read
	added    *keyBatch
}

// policy is what new keys are held to: what the file says, if it says anything.
func (a *applier) policy() (sshkey.Policy, error) {
	if a.rules == nil {
		rules, err := a.keyPolicy(a.tx)
		if err != nil {
			return rules, err
		}
		a.rules = &rules
	}
	return *a.rules, nil
}

func (a *applier) all(want Desired) error {
	a.added = a.newKeyBatch(a.tx, a.by, applied)
	return inOrder(
		func() error { return a.settings(want.Settings) }, // first: they say which keys are taken
		func() error { return each(a, "organizations", want.Organizations, a.organization) },
		func() error { return each(a, "locations", want.Locations, a.location) },
		func() error { return each(a, "accounts", want.Accounts, a.account) },
		a.added.flush,
		func() error { return each(a, "projects", want.Projects, a.project) },
		func() error { return each(a, "policies", want.Policies, a.policyWanted) },
		func() error { return each(a, "devices", want.Devices, a.device) },
		func() error { return each(a, "applications", want.Applications, a.application) },
		func() error { return a.problems.err() },
	)
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// changed records a change in the audit record once it was written.
func (a *applier) changed(err error, action, object string, with ...func(*AuditEvent)) error {
	if err != nil {
		return err
	}
	return a.audit(a.tx, a.by, action, object, with...)
}

// each runs one over a list of the file. What is wrong with an item is noted
// with its place, so that the others are looked at too; any other failure ends
// the run.
func each[T any](a *applier, path string, list []T, one func(path string, item T) error) error {
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if err := a.problems.take(at, one(at, item)); err != nil {
			return err
		}
	}
	return nil
}

// goneFirst runs one over the items of a list that are to go, and then over the
// others: what goes makes room, as a name or a secret for another.
func goneFirst[T any](a *applier, path string, list []T, gone func(T) bool, one func(T) error) error {
	for _, going := range []bool{true, false} {
		err := each(a, path, list, func(_ string, item T) error {
			if gone(item) != going {
				return nil
			}
			return one(item)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) note(op, object string, fields ...string) *ChangeLine {
	a.lines = append(a.lines, ChangeLine{Op: op, Object: object, Fields: fields})
	return &a.lines[len(a.lines)-1]
}

func (a *applier) organization(_ string, name string) error {
	if err := identityError(name); err != nil {
		return err
	}
	if err := absent(a.tx.OrganizationByName(name)); err != nil {
		return present(err)
	}
	now := a.clock()
	o := Organization{UUID: newUUID(), Name: name, CreatedAt: now, UpdatedAt: now}
	a.note("create", "organization "+name)
	_, err := a.tx.InsertOrganization(o)
	return a.changed(err, "organization.add", "organization "+o.UUID.String())
}

func (a *applier) location(_ string, name string) error {
	if err := identityError(name); err != nil {
		return err
	}
	if err := absent(a.tx.LocationByName(name)); err != nil {
		return present(err)
	}
	now := a.clock()
	l := Location{UUID: newUUID(), Name: name, CreatedAt: now, UpdatedAt: now}
	a.note("create", "location "+name)
	_, err := a.tx.InsertLocation(l)
	return a.changed(err, "location.add", "location "+l.UUID.String())
}

// present turns errTaken into nil: what should be there is there.
func present(err error) error {
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// ignore gives nil for an error of that kind.
func ignore(kind Kind, err error) error {
	if err != nil && KindOf(err) == kind {
		return nil
	}
	return err
}

func nameError(name string) error {
	var p problems
	checkName(&p, name)
	return p.err()
}

func identityError(name string) error {
	var p problems
	checkName(&p, name)
	checkIdentity(&p, "name", name)
	return p.err()
}

// diff gathers the names of fields that differ between what is and what is
// wanted, and sets them.
type diff struct{ fields []string }

func set[T comparable](d *diff, field string, is *T, want T) {
	if *is != want {
		*is = want
		d.fields = append(d.fields, field)
	}
}

func setList[T cmp.Ordered](d *diff, field string, is *[]T, want []T) {
	want = slices.Compact(slices.Sorted(slices.Values(want)))
	if !slices.Equal(slices.Sorted(slices.Values(*is)), want) {
		*is = want
		d.fields = append(d.fields, field)
	}
}

func setTime(d *diff, field string, is *time.Time, want time.Time) {
	if want = Moment(want); !is.Equal(want) {
		*is = want
		d.fields = append(d.fields, field)
	}
}

// setSecret takes a secret from the file; none leaves what there is.
func setSecret(d *diff, p *problems, is *SecretHash, want vault.Secret) {
	if want.IsZero() {
		return
	}
	checkSecret(p, "secret", want.Reveal())
	set(d, "secret", is, hashSecret(want.Reveal()))
}

func (d diff) none() bool { return len(d.fields) == 0 }

func (d diff) has(field string) bool { return slices.Contains(d.fields, field) }
