package core

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

func contains[T comparable](list []T, v T) bool { return slices.Contains(list, v) }

// loginPattern keeps logins to what every client, shell and list can bear, and
// keeps look-alikes of other scripts out.
var loginPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}$`)

func (a Account) check(p *problems) {
	if !loginPattern.MatchString(a.Login) {
		p.addf("login", "must be 1 to 100 letters, digits or . _ @ + - and begin with a letter, digit or _")
	}
	checkLabel(p, "name", a.Name, 255)
	checkLabel(p, "email", a.Email, 254)
	if a.Email != "" && (strings.Count(a.Email, "@") != 1 || strings.ContainsAny(a.Email, " <>,;")) {
		p.addf("email", "must be one address, as ada@example.org")
	}
}

// AccountRef gives the account that a UUID, login or e-mail names, to itself
// and to those who read everything.
func (s *Service) AccountRef(ctx context.Context, by Actor, ref string) (Account, error) {
	return view(ctx, s, func(tx Tx) (Account, error) {
		account, err := accountNamed(tx, ref)
		if err == nil && !by.readsAll() && !by.owns(account.ID) {
			return Account{}, Errorf(NotFound, "no account has this login, UUID or e-mail")
		}
		return account, err
	})
}

// Accounts lists accounts by login and says how many there are in all. For
// those who read everything.
func (s *Service) Accounts(ctx context.Context, by Actor, p Page) ([]Account, int, error) {
	if !by.readsAll() {
		return nil, 0, errDenied
	}
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Account, err error) {
		list, total, err = tx.Accounts(p)
		return list, err
	})
	return list, total, err
}

// NewAccount is what an account is made from.
type NewAccount struct {
	Login, Name, Email string
	Roles              Roles
	Password           string // empty: none
}

// AddAccount makes an account. For those who manage everything.
func (s *Service) AddAccount(ctx context.Context, by Actor, in NewAccount) (Account, error) {
	if !by.manages() {
		return Account{}, errDenied
	}
	hash, err := s.hashNewPassword(ctx, in.Password)
	if err != nil {
		return Account{}, err
	}
	return update(ctx, s, func(tx Tx) (Account, error) {
		now := s.clock()
		a := Account{
			UUID: newUUID(), ShortID: NewShortID(), Login: in.Login, Name: in.Name, Email: in.Email,
			Roles: in.Roles, PasswordHash: hash, CreatedAt: now, UpdatedAt: now,
		}
		var p problems
		a.check(&p)
		if err := p.err(); err != nil {
			return Account{}, err
		}
		return s.insertAccount(tx, by, a)
	})
}

func (s *Service) insertAccount(tx Tx, by Actor, a Account) (Account, error) {
	if err := absent(tx.AccountByLogin(a.Login)); err != nil {
		return Account{}, conflictAt(err, "login", "is already taken")
	}
	var err error
	if a.ID, err = tx.InsertAccount(a); err != nil {
		return Account{}, err
	}
	return a, s.audit(tx, by, "account.add", a.object())
}

func (a Account) object() string { return "account " + a.UUID.String() }

// SetAccountDisabled locks an account out, or lets it in again: its logins and
// tokens are refused and its keys no longer served from then on. For those who
// manage everything.
func (s *Service) SetAccountDisabled(ctx context.Context, by Actor, id uuid.UUID, disabled bool) (Account, error) {
	if !by.manages() {
		return Account{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Account, error) {
		a, err := tx.AccountByUUID(id)
		if err != nil || a.Disabled == disabled {
			return a, err
		}
		a.Disabled, a.UpdatedAt = disabled, s.clock()
		if err := tx.UpdateAccount(a); err != nil {
			return Account{}, err
		}
		action := "account.enable"
		if disabled {
			action = "account.disable"
		}
		return a, s.audit(tx, by, action, a.object())
	})
}

// SetPassword gives an account another password. The account itself and those
// who manage everything may.
func (s *Service) SetPassword(ctx context.Context, by Actor, id uuid.UUID, password string) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, err := tx.AccountByUUID(id)
		if err == nil && !by.manages() && !by.owns(a.ID) {
			err = errDenied
		}
		if err != nil {
			return err
		}
		a.PasswordHash, a.UpdatedAt = hash, s.clock()
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		return s.audit(tx, by, "account.password", a.object())
	})
}
