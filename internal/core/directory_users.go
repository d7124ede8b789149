package core

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// UserChange says what to change of an account.
type UserChange struct {
	Login, FirstName, LastName, Email Change[string]
	Description, Locale, TimeZone     Change[string]
	NoMail, Admin, Disabled           Change[bool]
	Password                          vault.Secret // zero: as it was
	CurrentPassword                   vault.Secret // of who changes his own
	Organizations                     Change[[]OrganizationID]
	Locations                         Change[[]LocationID]
	DefaultOrganization               Change[OrganizationID] // zero: none
	DefaultLocation                   Change[LocationID]     // zero: none
	RoleIDs                           Change[[]RoleID]       // nobody changes his own
}

var (
	// ErrSelf says that nobody takes himself away.
	ErrSelf = Errorf(Denied, "an account cannot remove itself")
	// ErrOutranked says that whoever may do more is not changed by one who may do less.
	ErrOutranked = Errorf(Denied, "the account may do more than you")
	// ErrLastAdmin says that one who manages everything stays.
	ErrLastAdmin = Errorf(Conflict, "it is the last administrator")
)

// maySpeakFor refuses to let an actor act through an account that may do more
// than he: give it a password or a token, and he is it.
func (a Actor) maySpeakFor(account Account) error {
	switch {
	case a.manages(), a.owns(account.ID):
		return nil
	case account.Roles.Admin, account.Roles.Support, account.rights()&^a.rights != 0:
		return ErrOutranked
	}
	return nil
}

// AddUser makes an account. For those who have [CreateUsers]; unless they read
// everything, it gets their own organizations and locations where none are given,
// so that they see it.
func (s *Service) AddUser(ctx context.Context, by Actor, c UserChange) (User, error) {
	if err := by.Require(CreateUsers, 0); err != nil {
		return User{}, err
	}
	hash, err := s.hashNewPassword(ctx, c.Password.Reveal())
	if err != nil {
		return User{}, err
	}
	return update(ctx, s, func(tx Tx) (User, error) {
		is, err := once(s, tx, by, Account.id,
			func(id uuid.UUID) (Account, error) { return accountByUUID(tx, id) },
			func() (Account, error) { return s.addUser(tx, by, c, hash) })
		if err != nil {
			return User{}, err
		}
		return withBelonging(tx, is)
	})
}

func (s *Service) addUser(tx Tx, by Actor, c UserChange, hash string) (Account, error) {
	now := s.clock()
	is := Account{UUID: newUUID(), ShortID: NewShortID(), PasswordHash: hash, CreatedAt: now, UpdatedAt: now}
	if err := inherit(tx, by, &is); err != nil {
		return Account{}, err
	}
	if _, err := c.apply(tx, by, &is); err != nil {
		return Account{}, err
	}
	return s.insertAccount(tx, by, is)
}

func inherit(tx Tx, by Actor, is *Account) error {
	if by.readsAll() {
		return nil
	}
	v, err := sightOf(tx, by, Scope{})
	is.Organizations, is.Locations = v.organizations, v.locations
	return err
}

// ChangeUser changes an account that the actor sees in the scope: itself, and
// for those who have [EditUsers] any that may do no more than they. Whoever
// changes his own password gives the present one too.
func (s *Service) ChangeUser(ctx context.Context, by Actor, in Scope, id AccountID, c UserChange) (User, error) {
	if err := by.Require(EditUsers, id); err != nil {
		return User{}, err
	}
	known, err := s.knowsPassword(ctx, by, id, c)
	if err != nil {
		return User{}, err
	}
	hash, err := s.hashNewPassword(ctx, c.Password.Reveal())
	if err != nil {
		return User{}, err
	}
	return update(ctx, s, func(tx Tx) (User, error) {
		is, err := seen(tx, by, in, id)
		if err != nil {
			return User{}, err
		}
		if err := by.maySpeakFor(is); err != nil {
			return User{}, err
		}
		if hash != "" && by.owns(id) && is.PasswordHash != known {
			return User{}, invalid("current_password", "is not the present password")
		}
		if err := s.changeUser(tx, by, &is, c, hash); err != nil {
			return User{}, err
		}
		return withBelonging(tx, is)
	})
}

// knowsPassword gives the hash of the present password of one who changes his
// own and knows it.
func (s *Service) knowsPassword(ctx context.Context, by Actor, id AccountID, c UserChange) (string, error) {
	if !by.owns(id) || c.Password.IsZero() {
		return "", nil
	}
	account, err := s.passwordHolder(ctx, by.name, c.CurrentPassword.Reveal())
	if KindOf(err) == Unauthenticated {
		return "none", nil
	}
	return account.PasswordHash, err
}

func (s *Service) changeUser(tx Tx, by Actor, is *Account, c UserChange, hash string) error {
	d, err := c.apply(tx, by, is)
	if err != nil {
		return err
	}
	if hash != "" {
		is.PasswordHash = hash
		d.fields = append(d.fields, "password")
	}
	if d.none() {
		return nil
	}
	if d.has("login") || d.has("email") {
		if err := distinct(tx, *is); err != nil {
			return err
		}
	}
	if d.has("password") {
		if err := endLogins(tx, is.ID); err != nil {
			return err
		}
	}
	is.UpdatedAt = s.clock()
	if err := updateAccount(tx, *is); err != nil {
		return err
	}
	return s.audit(tx, by, "account.change", is.object(), withDetail(strings.Join(d.fields, " ")))
}

// apply makes the account what is wanted, as far as the actor may, and tells
// what that changed.
func (c UserChange) apply(tx Tx, by Actor, is *Account) (diff, error) {
	var d diff
	var p problems
	was := *is
	setIf(&d, "login", &is.Login, c.Login)
	setIf(&d, "email", &is.Email, c.Email)
	setIf(&d, "description", &is.Description, c.Description)
	setIf(&d, "locale", &is.Locale, c.Locale)
	setIf(&d, "time_zone", &is.TimeZone, c.TimeZone)
	setIf(&d, "no_mail", &is.NoMail, c.NoMail)
	setIf(&d, "admin", &is.Roles.Admin, c.Admin)
	setIf(&d, "disabled", &is.Disabled, c.Disabled)
	c.applyNames(&d, is)
	if err := c.applyPlaces(tx, &d, &p, is); err != nil {
		return d, err
	}
	if !by.owns(is.ID) {
		setListIf(&d, "roles", &is.RoleIDs, c.RoleIDs)
	}
	is.check(&p)
	err := checkReach(tx, by, &p, d, was, *is)
	if err != nil {
		return d, err
	}
	return d, p.err()
}

func setIf[T comparable](d *diff, field string, is *T, want Change[T]) {
	if want.Set {
		set(d, field, is, want.Value)
	}
}

func (c UserChange) applyNames(d *diff, is *Account) {
	first, last := is.FirstName, is.LastName
	setIf(d, "first_name", &first, c.FirstName)
	setIf(d, "last_name", &last, c.LastName)
	if d.has("first_name") || d.has("last_name") {
		is.setNames(first, last)
	}
}

// applyPlaces sets where the account belongs. What is not there is noted.
func (c UserChange) applyPlaces(tx Tx, d *diff, p *problems, is *Account) error {
	organizations, err := tx.Organizations()
	if err != nil {
		return err
	}
	locations, err := tx.Locations()
	if err != nil {
		return err
	}
	setListIf(d, "organizations", &is.Organizations, c.Organizations)
	setListIf(d, "locations", &is.Locations, c.Locations)
	setIf(d, "default_organization", &is.DefaultOrganization, c.DefaultOrganization)
	setIf(d, "default_location", &is.DefaultLocation, c.DefaultLocation)
	known := func(id OrganizationID) bool {
		return slices.ContainsFunc(organizations, func(o Organization) bool { return o.ID == id })
	}
	knownLocation := func(id LocationID) bool {
		return slices.ContainsFunc(locations, func(l Location) bool { return l.ID == id })
	}
	noteUnknown(p, "organization_ids", is.Organizations, known)
	noteUnknown(p, "location_ids", is.Locations, knownLocation)
	noteDefault(p, "default_organization", is.DefaultOrganization, is.Organizations)
	noteDefault(p, "default_location", is.DefaultLocation, is.Locations)
	return nil
}

func noteUnknown[ID ~int64](p *problems, path string, ids []ID, known func(ID) bool) {
	for _, id := range ids {
		if !known(id) {
			p.add(path, Absent, "there is none with the id %d", id)
			return
		}
	}
}

func noteDefault[ID ~int64](p *problems, path string, id ID, among []ID) {
	if id != 0 && !contains(among, id) {
		p.add(path, NotAmong, "must be one that the account belongs to")
	}
}

func setListIf[T ~int64](d *diff, field string, is *[]T, want Change[[]T]) {
	if want.Set {
		setList(d, field, is, want.Value)
	}
}

// checkReach notes what the actor may not do to the account though he may
// change it.
func checkReach(tx Tx, by Actor, p *problems, d diff, was, is Account) error {
	if by.owns(is.ID) && d.has("disabled") {
		p.add("disabled", OwnAccount, "an account cannot disable itself")
	}
	if by.owns(is.ID) && d.has("login") && !by.has(EditUsers) {
		p.add("login", OutOfReach, "is not yours to change") // hosts serve keys by login
	}
	if is.Roles.Admin != was.Roles.Admin && !by.manages() {
		p.add("admin", OutOfReach, "is not yours to change")
	}
	if !by.manages() && is.rights()&^was.rights()&^by.rights != 0 {
		p.add("roles", OutOfReach, "hold more than you may do")
	}
	noteUnknown(p, "roles", is.RoleIDs, func(id RoleID) bool { _, ok := roleByID(id); return ok })
	if err := checkPlaces(tx, by, p, was, is); err != nil {
		return err
	}
	if was.Roles.Admin && !is.Roles.Admin {
		if n, err := tx.CountAdmins(); err != nil {
			return err
		} else if n <= 1 {
			p.add("admin", LastAdmin, "is what one account at least must be")
		}
	}
	return nil
}

// checkPlaces keeps those who do not read everything to the places where they
// are, so that nobody moves an account, or himself, into sight.
func checkPlaces(tx Tx, by Actor, p *problems, was, is Account) error {
	if by.readsAll() {
		return nil
	}
	v, err := sightOf(tx, by, Scope{})
	noteUnknown(p, "organization_ids", is.Organizations, func(id OrganizationID) bool {
		return contains(v.organizations, id) || contains(was.Organizations, id)
	})
	noteUnknown(p, "location_ids", is.Locations, func(id LocationID) bool {
		return contains(v.locations, id) || contains(was.Locations, id)
	})
	return err
}

// RemoveUser takes an account away that the actor sees in the scope, with its
// keys and tokens: they are gone from every answer at once, the keys' revisions
// stay. For those who have [DestroyUsers]; nobody removes himself, the last
// administrator, or one who may do more.
func (s *Service) RemoveUser(ctx context.Context, by Actor, in Scope, id AccountID) (Account, error) {
	if err := by.Require(DestroyUsers, 0); err != nil {
		return Account{}, err
	}
	return update(ctx, s, func(tx Tx) (Account, error) {
		is, err := seen(tx, by, in, id)
		switch {
		case err != nil:
			return Account{}, err
		case by.owns(id):
			return Account{}, ErrSelf
		}
		if err := by.maySpeakFor(is); err != nil {
			return Account{}, err
		}
		if is.Roles.Admin {
			if n, err := tx.CountAdmins(); err != nil || n <= 1 {
				return Account{}, orLastAdmin(err)
			}
		}
		return is, s.removeAccount(tx, by, is)
	})
}

func orLastAdmin(err error) error {
	if err != nil {
		return err
	}
	return ErrLastAdmin
}

// accountGone is the comment of the revisions that end the keys of an account.
const accountGone = "account removed"

func (s *Service) removeAccount(tx Tx, by Actor, is Account) error {
	keys, err := tx.KeysByOwner(is.ID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := s.removeKey(tx, by, k, accountGone); err != nil {
			return err
		}
	}
	if err := tx.DeleteAccount(is.ID); err != nil {
		return err
	}
	return s.audit(tx, by, "account.remove", is.object(), withDetail(is.Login))
}
