package core

import (
	"context"
	"time"

	"keyrack/internal/vault"
)

// Why a credential that is known does not hold. Both read as any other that
// does not; they are for a product that tells its users.
var (
	ErrAccountInactive = Errorf(Unauthenticated, "%s", errBadCredential.Msg)
	ErrTokenExpired    = Errorf(Unauthenticated, "%s", errBadCredential.Msg)
)

// usable tells whether a token of the account holds.
func (t Token) usable(of Holder, now time.Time) error {
	switch {
	case !of.ActiveAt(now):
		return ErrAccountInactive
	case !t.ActiveAt(now):
		return ErrTokenExpired
	}
	return nil
}

// stale tells whether the use of a token is to be written down: after half of
// the time it lasts, so that reading with it seldom writes.
func (t Token) stale(now time.Time) bool {
	return t.Lifetime > 0 && now.Sub(t.UsedAt) >= t.Lifetime/2
}

// renew writes down that a token is in use.
func (s *Service) renew(ctx context.Context, id TokenID) error {
	return s.store.Update(ctx, func(tx Tx) error {
		t, err := tx.Token(id)
		if err != nil {
			return badCredential(err) // it was revoked meanwhile
		}
		if now := s.clock(); now.After(t.UsedAt) {
			return tx.SetTokenUsed(id, now)
		}
		return nil
	})
}

// loginToken is the name of the token that logging in gives.
const loginToken = "login"

// LoginToken gives the token that an account has from logging in for a use: the
// one there is while it holds, its time begun anew, else another that lasts so
// long after its last use. Its secret is kept sealed.
func (s *Service) LoginToken(ctx context.Context, by Actor, use TokenUse, lifetime time.Duration) (vault.Secret, error) {
	if by.kind != ActorAccount {
		return vault.Secret{}, errDenied
	}
	if err := s.vault.need(); err != nil {
		return vault.Secret{}, err
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		account, err := tx.Account(by.account)
		if err != nil {
			return vault.Secret{}, badCredential(err)
		}
		t, err := tokenNamed(tx, account, use, loginToken)
		switch {
		case KindOf(err) == NotFound:
			return s.newLoginToken(tx, by, use, lifetime)
		case err != nil:
			return vault.Secret{}, err
		case t.Sealed == nil || expired(t.Expiry(), s.clock()):
			if err := s.removeToken(tx, by, t); err != nil {
				return vault.Secret{}, err
			}
			return s.newLoginToken(tx, by, use, lifetime)
		}
		return s.unsealToken(t, tx.SetTokenUsed(t.ID, s.clock()))
	})
}

func (s *Service) newLoginToken(tx Tx, by Actor, use TokenUse, lifetime time.Duration) (vault.Secret, error) {
	secret := newTokenSecret(use)
	t := Token{
		UUID: newUUID(), Account: by.account, Name: loginToken, Use: use, SecretHash: hashSecret(secret), Lifetime: lifetime,
	}
	var err error
	if t.Sealed, err = s.vault.Seal([]byte(secret), t.record()); err != nil {
		return vault.Secret{}, err
	}
	return vault.NewSecret(secret), s.insertToken(tx, by, t)
}

func (s *Service) unsealToken(t Token, err error) (vault.Secret, error) {
	if err != nil {
		return vault.Secret{}, err
	}
	plain, err := s.vault.Unseal(t.Sealed, t.record())
	if err != nil {
		return vault.Secret{}, err
	}
	return vault.NewSecret(plain), nil
}

func (t Token) record() vault.Record {
	return vault.Record{Kind: "token", ID: t.UUID.String(), Field: "secret"}
}

// OwnToken gives the token that the actor came with; none where it came by
// other means.
func (s *Service) OwnToken(ctx context.Context, by Actor) (Token, error) {
	return view(ctx, s, func(tx Tx) (Token, error) {
		t, err := tx.Token(by.token)
		return t, ignore(NotFound, err)
	})
}

// EndToken revokes the token that the actor came with.
func (s *Service) EndToken(ctx context.Context, by Actor) error {
	if by.token == 0 {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		t, err := tx.Token(by.token)
		if err != nil {
			return ignore(NotFound, err) // another request was first
		}
		return s.removeToken(tx, by, t)
	})
}

// Impersonate gives the actor of another active account, for one who manages
// everything. The audit record tells both.
func (s *Service) Impersonate(ctx context.Context, by Actor, account string) (Actor, error) {
	if by.kind != ActorAccount || !by.manages() {
		return Actor{}, errDenied
	}
	return view(ctx, s, func(tx Tx) (Actor, error) {
		a, err := accountNamed(tx, account)
		if err != nil {
			return Actor{}, err
		}
		if !a.ActiveAt(s.clock()) {
			return Actor{}, ErrAccountInactive
		}
		self, err := tx.Account(by.account)
		if err != nil {
			return Actor{}, badCredential(err)
		}
		as := accountActor(a, by.origin)
		as.behind = behind{self.Login, self.UUID}
		return as, nil
	})
}
