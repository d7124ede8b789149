package core

import (
	"context"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/jwt"
	"keyrack/internal/vault"
)

// Credentials is what somebody shows to log in.
type Credentials struct {
	Email    string
	Password string // the account's, or an application password
	Code     string // of the second factor; empty: none
}

// Issued is a ticket just made.
type Issued struct {
	Token   vault.Secret // stands for it
	Account Account      // that it says its bearer is
}

// LogIn gives a ticket to whoever shows the password of the one active account
// that has the e-mail, and a code where the account has a second factor; or an
// application password of an account with that e-mail, and then no code is asked
// for. Which accounts there are shows neither in the answer nor in its time, and
// whether one has a second factor only to those who have its password: the
// answer is then Invalid, at the field code.
func (s *Service) LogIn(ctx context.Context, in Credentials, o Origin) (Issued, error) {
	ticket, err := s.shown(ctx, in)
	if err != nil {
		return Issued{}, err
	}
	return update(ctx, s, func(tx Tx) (Issued, error) {
		account, err := holder(tx, ticket, s.clock())
		if err != nil {
			return Issued{}, err
		}
		how, let := "application password", s.useApplicationPassword
		if !ticket.ByToken {
			how, let = "password", s.takeCode
		}
		if err := let(tx, account, in); err != nil {
			return Issued{}, err
		}
		first := ticket
		first.FirstAt = s.clock()
		if err := s.audit(tx, accountActor(account, o), "ticket.add", account.object(), withDetail(how)); err != nil {
			return Issued{}, err
		}
		_, issued, err := s.issue(tx, account, first)
		return issued, err
	})
}

// useApplicationPassword writes down that an application password was used, for
// those that last for a time after that.
func (s *Service) useApplicationPassword(tx Tx, _ Account, in Credentials) error {
	t, err := tx.TokenByHash(UseRaidboxes, hashSecret(in.Password))
	if err != nil || !t.stale(s.clock()) {
		return badCredential(err)
	}
	return tx.SetTokenUsed(t.ID, s.clock())
}

// shown gives a ticket yet to be made, for the account whose password was shown.
func (s *Service) shown(ctx context.Context, in Credentials) (Ticket, error) {
	var ticket Ticket
	find := func(tx Tx) (account Account, err error) {
		account, ticket, err = candidate(tx, in, s.clock())
		return account, err
	}
	account, err := view(ctx, s, find)
	if err != nil || ticket.ByToken {
		return ticket, err // there is nothing to guess at a random secret
	}
	account, err = s.checkedPassword(ctx, account, in.Password)
	return Ticket{Account: account.ID, Credential: credentialOf(account)}, err
}

// candidate gives the account that may be meant: by an application password the
// one that has it; else the one active account with the e-mail and a password,
// and of several none, since what is asked for would then tell them apart.
func candidate(tx Tx, in Credentials, now time.Time) (Account, Ticket, error) {
	accounts, err := accountsByEmail(tx, in.Email)
	if err != nil {
		return Account{}, Ticket{}, err
	}
	token, err := tx.TokenByHash(UseRaidboxes, hashSecret(in.Password))
	if err := ignore(NotFound, err); err != nil {
		return Account{}, Ticket{}, err
	}
	var able []Account
	for _, a := range accounts {
		if a.ID == token.Account {
			return a, Ticket{Account: a.ID, ByToken: true, Credential: token.SecretHash}, nil
		}
		if a.ActiveAt(now) && a.PasswordHash != "" {
			able = append(able, a)
		}
	}
	if len(able) != 1 {
		return Account{}, Ticket{}, nil
	}
	return able[0], Ticket{}, nil
}

// credentialOf stands for an account's password in tickets: with the password
// it changes.
func credentialOf(a Account) SecretHash { return hashSecret(a.PasswordHash) }

// standing is a ticket with what it rests on.
type standing struct {
	ticket   Ticket
	account  Account
	password Token // the application password that was shown; zero: it was the account's own
}

func standingOf(tx Tx, t Ticket) (st standing, err error) {
	st.ticket = t
	if st.account, err = tx.Account(t.Account); err != nil || !t.ByToken {
		return st, badCredential(err)
	}
	st.password, err = tx.TokenByHash(UseRaidboxes, t.Credential)
	return st, badCredential(err)
}

// holder gives the account of a ticket whose time it is and whose credential
// still holds.
func (st standing) holder(now time.Time) (Account, error) {
	t, account := st.ticket, st.account
	holds := account.PasswordHash != "" && t.Credential == credentialOf(account)
	if t.ByToken {
		holds = st.password.Account == account.ID && st.password.ActiveAt(now)
	}
	if !holds || t.over(now) || !account.ActiveAt(now) {
		return Account{}, errBadCredential
	}
	return account, nil
}

// holder gives the account of a ticket that holds.
func holder(tx Tx, t Ticket, now time.Time) (Account, error) {
	st, err := standingOf(tx, t)
	if err != nil {
		return Account{}, err
	}
	return st.holder(now)
}

// issue makes a ticket whose account, credential and first time are given, and
// the token that stands for it.
func (s *Service) issue(tx Tx, account Account, t Ticket) (Ticket, Issued, error) {
	now := s.clock().Truncate(time.Second) // as the token has it
	t.UUID, t.IssuedAt, t.ExpiresAt = newUUID(), now, now.Add(ticketLifetime)
	if _, err := tx.InsertTicket(t); err != nil {
		return Ticket{}, Issued{}, err
	}
	issued, err := s.issued(tx, account, t)
	return t, issued, err
}

// issued signs the token of a ticket. One ticket has one token, until the
// signing key changes.
func (s *Service) issued(tx Tx, account Account, t Ticket) (Issued, error) {
	key, err := s.newestSigningKey(tx)
	if err != nil {
		return Issued{}, err
	}
	token, err := jwt.Sign(jwt.Claims{
		ID: t.UUID.String(), Subject: account.ShortID, IssuedAt: t.IssuedAt, ExpiresAt: t.ExpiresAt,
	}, key)
	return Issued{Token: vault.NewSecret(token), Account: account}, err
}

// AuthenticateTicket gives the actor of a ticket, by its token. The actor has
// its account's keys and nothing else, whatever roles the account has: the
// token stands for somebody at a portal of theirs, not for an administrator.
func (s *Service) AuthenticateTicket(ctx context.Context, token string, o Origin) (Actor, error) {
	st, err := leased(ctx, s, leaseKey{"ticket", hashSecret(token)}, s.store.View, func(tx Tx) (standing, error) {
		return s.verify(tx, token, s.clock())
	})
	if err != nil {
		return Actor{}, err
	}
	account, err := st.holder(s.clock())
	if err != nil {
		return Actor{}, err
	}
	return bearer(account, o), nil
}

func bearer(a Account, o Origin) Actor {
	by := accountActor(a, o)
	by.roles, by.rights = Roles{}, 0
	return by
}

// verify gives the ticket that a token stands for, where one of the signing keys
// has signed the token. Whether the ticket holds is yet to be seen.
func (s *Service) verify(tx Tx, token string, now time.Time) (standing, error) {
	keys, err := s.signingKeys(tx, now)
	if err != nil {
		return standing{}, err
	}
	claims, err := jwt.Verify(token, keys, now)
	if err != nil {
		return standing{}, errBadCredential
	}
	id, ok := asUUID(claims.ID)
	if !ok {
		return standing{}, errBadCredential
	}
	st, err := ticketBy(tx, id)
	if err == nil && st.account.ShortID != claims.Subject {
		err = errBadCredential
	}
	return st, err
}

func ticketBy(tx Tx, id uuid.UUID) (standing, error) {
	ticket, err := tx.TicketByUUID(id)
	if err != nil {
		return standing{}, badCredential(err)
	}
	return standingOf(tx, ticket)
}

// RefreshTicket gives a ticket a successor, up to two weeks after the login; it
// counts for half a minute more itself. Refreshing it again meanwhile, as clients
// do that lost an answer or asked twice, gives the same successor: two never come
// of one.
func (s *Service) RefreshTicket(ctx context.Context, token string, o Origin) (Issued, error) {
	return update(ctx, s, func(tx Tx) (Issued, error) {
		now := s.clock()
		st, err := s.verify(tx, token, now)
		if err != nil {
			return Issued{}, err
		}
		ticket := st.ticket
		account, err := st.holder(now)
		switch {
		case err != nil:
			return Issued{}, err
		case expired(ticket.FirstAt.Add(ticketRenewable), now):
			return Issued{}, errBadCredential
		case ticket.Successor != (uuid.UUID{}):
			return s.sameSuccessor(tx, ticket, now)
		}
		next, issued, err := s.issue(tx, account, Ticket{
			Account: ticket.Account, ByToken: ticket.ByToken, Credential: ticket.Credential, FirstAt: ticket.FirstAt,
		})
		if err != nil {
			return Issued{}, err
		}
		ticket.ReplacedAt, ticket.Successor = now, next.UUID
		if err := tx.UpdateTicket(ticket); err != nil {
			return Issued{}, err
		}
		return issued, s.audit(tx, bearer(account, o), "ticket.change", account.object(), withDetail("refreshed"))
	})
}

func (s *Service) sameSuccessor(tx Tx, t Ticket, now time.Time) (Issued, error) {
	next, err := ticketBy(tx, t.Successor)
	if err != nil {
		return Issued{}, err
	}
	account, err := next.holder(now)
	if err != nil {
		return Issued{}, err
	}
	return s.issued(tx, account, next.ticket)
}

// PruneTickets removes tickets that are over, and signing keys with which
// nothing was signed that could still count. For the system alone.
func (s *Service) PruneTickets(ctx context.Context, by Actor) (int, error) {
	if by.kind != ActorSystem {
		return 0, errDenied
	}
	return update(ctx, s, func(tx Tx) (int, error) {
		now := s.clock()
		keys, err := tx.SigningKeys()
		if err != nil {
			return 0, err
		}
		for _, k := range keys {
			if k.spent(now) {
				if err := s.removeSigningKey(tx, by, k); err != nil {
					return 0, err
				}
			}
		}
		return tx.DeleteExpiredTickets(now)
	})
}
