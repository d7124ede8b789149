package core

import (
	"context"
	"net/mail"
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
	if _, ok := asUUID(a.Login); ok {
		p.addf("login", "must not look like a UUID")
	}
	checkLabel(p, "name", a.Name, 255)
	checkLabel(p, "description", lineBreaks.Replace(a.Description), 4000)
	checkLabel(p, "locale", a.Locale, 20)
	checkLabel(p, "time_zone", a.TimeZone, 100)
	checkRights(p, "permissions", a.Rights)
	checkLabel(p, "email", a.Email, 254)
	if address, err := mail.ParseAddress(a.Email); a.Email != "" && (err != nil || address.Address != a.Email) {
		p.addf("email", "must be one address, as ada@example.org")
	}
	checkIdentity(p, "email", a.Email)
	if composed(a.Email) != a.Email {
		p.addf("email", "must have its letters in composed form (NFC)")
	}
}

// distinct refuses an account that could be taken for another. Whoever names an
// account (a session's external id, a command's argument) gives its UUID, login
// or e-mail; so no login may be another's e-mail, or the keys meant for one
// would go to the other. Logins that look like UUIDs are refused by check.
func distinct(tx Tx, a Account) error {
	return inOrder(
		func() error { return a.noOther(tx, a.Login, accountByLogin, "login", "is already taken") },
		func() error {
			return a.noOther(tx, a.Login, accountByEmail, "login", "is the e-mail of another account")
		},
		func() error {
			return a.noOther(tx, a.Email, accountByLogin, "email", "is the login of another account")
		},
	)
}

// noOther refuses a text that finds an account other than this one.
func (a Account) noOther(tx Tx, text string, find func(Tx, string) (Account, error), path, msg string) error {
	switch other, err := find(tx, text); {
	case KindOf(err) == NotFound, err == nil && other.UUID == a.UUID:
		return nil
	case err == nil, KindOf(err) == Conflict: // several have the e-mail
		return conflictAt(errTaken, path, msg)
	default:
		return err
	}
}

var errNoAccount = Errorf(NotFound, "no account has this login, UUID or e-mail")

// accountNamed finds the account whose UUID, login or e-mail is ref, in that
// order. Conflict when several have the e-mail.
func accountNamed(tx Tx, ref string) (Account, error) {
	if id, ok := asUUID(ref); ok {
		return accountByUUID(tx, id)
	}
	account, err := accountByLogin(tx, ref)
	if KindOf(err) == NotFound {
		return accountByEmail(tx, ref)
	}
	return account, err
}

func accountByUUID(tx Tx, id uuid.UUID) (Account, error) {
	account, err := tx.AccountByUUID(id)
	return account, as(errNoAccount, err)
}

// asUUID reads a UUID in its usual form of 36 characters.
func asUUID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && len(text) == len(id.String())
}

// accountByLogin spares the databases what cannot be a login: not every text
// can be asked for.
func accountByLogin(tx Tx, login string) (Account, error) {
	if !loginPattern.MatchString(login) {
		return Account{}, errNoAccount
	}
	account, err := tx.AccountByLogin(login)
	return account, as(errNoAccount, err)
}

func accountByEmail(tx Tx, email string) (Account, error) {
	found, err := accountsByEmail(tx, email)
	switch {
	case err != nil:
		return Account{}, err
	case len(found) == 0:
		return Account{}, errNoAccount
	case len(found) > 1:
		return Account{}, Errorf(Conflict, "more than one account has this e-mail")
	}
	return found[0], nil
}

// accountsByEmail spares the databases what cannot be an address.
func accountsByEmail(tx Tx, email string) ([]Account, error) {
	if !strings.Contains(email, "@") || nameError(email) != nil {
		return nil, nil
	}
	return tx.AccountsByEmail(composed(email))
}

// accountFor gives the account that ref names where the actor may see it. To
// others nothing tells whether it is there.
func accountFor(tx Tx, by Actor, ref string) (Account, error) {
	account, err := accountNamed(tx, ref)
	if !by.readsAll() && (KindOf(err) == Conflict || err == nil && !by.owns(account.ID)) {
		return Account{}, errNoAccount
	}
	return account, err
}

// AccountRef gives the account that a UUID, login or e-mail names, to itself
// and to those who read everything.
func (s *Service) AccountRef(ctx context.Context, by Actor, ref string) (Account, error) {
	return glance(ctx, s, func(tx Tx) (Account, error) { return accountFor(tx, by, ref) })
}

// Accounts lists accounts and says how many match in all: to an account itself,
// to those who read everything any.
func (s *Service) Accounts(ctx context.Context, by Actor, q AccountQuery) ([]Account, int, error) {
	visible, err := visibleAccounts(by)
	if err != nil {
		return nil, 0, err
	}
	q.Where, q.Page = both(visible, q.Where), q.Page.clamped()
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Account, err error) {
		list, total, err = tx.Accounts(q)
		return list, err
	})
	return list, total, err
}

// visibleAccounts says which accounts the actor may see; nil: all.
func visibleAccounts(by Actor) (Filter, error) {
	switch {
	case by.readsAll():
		return nil, nil
	case by.kind == ActorAccount:
		return Compare{AccountIDAttr, Equal, by.account}, nil
	}
	return nil, errDenied
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
		return once(s, tx, by, Account.id,
			func(id uuid.UUID) (Account, error) { return accountByUUID(tx, id) },
			func() (Account, error) { return s.addAccount(tx, by, in, hash) })
	})
}

func (a Account) id() uuid.UUID { return a.UUID }

func (s *Service) addAccount(tx Tx, by Actor, in NewAccount, passwordHash string) (Account, error) {
	now := s.clock()
	a := Account{
		UUID: newUUID(), ShortID: NewShortID(), Login: in.Login, Email: in.Email,
		Roles: in.Roles, PasswordHash: passwordHash, CreatedAt: now, UpdatedAt: now,
	}
	a.setName(in.Name)
	var p problems
	a.check(&p)
	if err := p.err(); err != nil {
		return Account{}, err
	}
	return s.insertAccount(tx, by, a)
}

func (s *Service) insertAccount(tx Tx, by Actor, a Account) (Account, error) {
	if err := distinct(tx, a); err != nil {
		return Account{}, err
	}
	var err error
	if a.ID, err = tx.InsertAccount(a); err != nil {
		return Account{}, err
	}
	return a, s.audit(tx, by, "account.add", a.object())
}

// updateAccount changes an account. One that is locked out loses what it has
// logged in with: let in again, it logs in anew.
func updateAccount(tx Tx, a Account) error {
	if err := tx.UpdateAccount(a); err != nil || !a.Disabled {
		return err
	}
	if err := endLogins(tx, a.ID); err != nil {
		return err
	}
	return tx.DeleteTickets(a.ID)
}

// endLogins takes away what an account has logged in with by its password: who
// knew the one there was has nothing left of it. Tickets end by themselves, and
// tokens that were given out stay: they are credentials of their own.
func endLogins(tx Tx, id AccountID) error {
	tokens, err := tx.Tokens(id)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.Name != loginToken || t.Sealed == nil {
			continue
		}
		if err := tx.DeleteToken(t.ID); err != nil {
			return err
		}
	}
	return tx.DeleteSignIns(id, 0)
}

func (a Account) object() string { return "account " + a.UUID.String() }

// SetAccountDisabled locks an account out, or lets it in again: its logins and
// tokens are refused and its keys no longer served from then on. For those who
// manage everything; nobody locks himself out, so that one who can let in stays.
func (s *Service) SetAccountDisabled(ctx context.Context, by Actor, id uuid.UUID, disabled bool) (Account, error) {
	if !by.manages() {
		return Account{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Account, error) {
		a, err := accountByUUID(tx, id)
		if err != nil || a.Disabled == disabled {
			return a, err
		}
		if by.owns(a.ID) {
			return Account{}, Errorf(Conflict, "an account cannot disable or enable itself")
		}
		a.Disabled, a.UpdatedAt = disabled, s.clock()
		if err := updateAccount(tx, a); err != nil {
			return Account{}, err
		}
		action := "account.enable"
		if disabled {
			action = "account.disable"
		}
		return a, s.audit(tx, by, action, a.object())
	})
}

// SetPassword gives an account another password. For those who manage
// everything: of anybody else it would have to ask for the password there is,
// or whoever finds a token of an account could take the account over.
func (s *Service) SetPassword(ctx context.Context, by Actor, id uuid.UUID, password string) error {
	if !by.manages() {
		return errDenied
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, err := accountByUUID(tx, id)
		if err != nil {
			return err
		}
		a.PasswordHash, a.UpdatedAt = hash, s.clock()
		if err := updateAccount(tx, a); err != nil {
			return err
		}
		if err := endLogins(tx, a.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "password.set", a.object())
	})
}

// lineBreaks takes out what a text of several lines may hold beyond a label.
var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ", "\t", " ")

// SetRights replaces the rights that an account was granted directly; its roles
// stay. For those who manage everything.
func (s *Service) SetRights(ctx context.Context, by Actor, id uuid.UUID, rights []Right) (Account, error) {
	if !by.manages() {
		return Account{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Account, error) {
		a, err := accountByUUID(tx, id)
		if err != nil {
			return a, err
		}
		var d diff
		if setList(&d, "permissions", &a.Rights, rights); d.none() {
			return a, nil
		}
		var p problems
		if a.check(&p); len(p) > 0 {
			return Account{}, p.err()
		}
		a.UpdatedAt = s.clock()
		if err := updateAccount(tx, a); err != nil {
			return Account{}, err
		}
		return a, s.audit(tx, by, "account.change", a.object(), withDetail("permissions"))
	})
}
