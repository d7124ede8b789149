package core

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// ErrNoToken says that the token is not there, or not to be seen.
var ErrNoToken = errNoToken

// UserTokens lists the personal tokens of an account that the actor sees in the
// scope by id, revoked and expired ones too. For the account itself and those
// who have [ViewTokens]; to them there are none as long as they lack [ViewUsers].
func (s *Service) UserTokens(ctx context.Context, by Actor, in Scope, owner AccountID) ([]Token, error) {
	if err := by.Require(ViewTokens, owner); err != nil {
		return nil, err
	}
	return view(ctx, s, func(tx Tx) ([]Token, error) {
		if _, err := seen(tx, by, in, owner); err != nil || by.Require(ViewUsers, owner) != nil {
			return nil, err
		}
		return personalTokens(tx, owner)
	})
}

func personalTokens(tx Tx, owner AccountID) ([]Token, error) {
	all, err := tx.Tokens(owner)
	personal := only(all, func(t Token) bool { return t.Use == UseForeman })
	slices.SortFunc(personal, func(a, b Token) int { return cmp.Compare(a.ID, b.ID) })
	return personal, err
}

// UserToken gives one of [Service.UserTokens]. [ErrNoAccount] and [ErrNoToken]
// are told apart.
func (s *Service) UserToken(ctx context.Context, by Actor, in Scope, owner AccountID, id TokenID) (Token, error) {
	if err := by.Require(ViewTokens, owner); err != nil {
		return Token{}, err
	}
	return view(ctx, s, func(tx Tx) (Token, error) { return userToken(tx, by, in, owner, ViewUsers, id) })
}

func userToken(tx Tx, by Actor, in Scope, owner AccountID, needs Right, id TokenID) (Token, error) {
	if _, err := seen(tx, by, in, owner); err != nil {
		return Token{}, err
	}
	if by.Require(needs, owner) != nil {
		return Token{}, ErrNoToken
	}
	tokens, err := personalTokens(tx, owner)
	if err != nil {
		return Token{}, err
	}
	found, err := find(tokens, func(t Token) bool { return t.ID == id }, "token")
	return found, as(ErrNoToken, err)
}

// AddUserToken makes a personal token for an account that the actor sees in
// the scope, and gives its secret, which is not kept: for the account itself
// and those who have [CreateTokens], unless the account may do more than they.
// A request that is repeated gives the token another secret: its sender has not
// seen the first.
func (s *Service) AddUserToken(ctx context.Context, by Actor, in Scope, owner AccountID, name string, expires time.Time) (Token, vault.Secret, error) {
	if err := by.Require(CreateTokens, owner); err != nil {
		return Token{}, vault.Secret{}, err
	}
	secret := base64.RawURLEncoding.EncodeToString(randomBytes(16)) // 128 bits, as its clients know it
	t := Token{Account: owner, Name: name, Use: UseForeman, SecretHash: hashSecret(secret), ExpiresAt: Moment(expires)}
	token, err := update(ctx, s, func(tx Tx) (Token, error) {
		account, err := seen(tx, by, in, owner)
		if err != nil {
			return Token{}, err
		}
		if err := by.maySpeakFor(account); err != nil {
			return Token{}, err
		}
		return once(s, tx, by, Token.id,
			func(id uuid.UUID) (Token, error) { return s.renewToken(tx, by, owner, id, t.SecretHash) },
			func() (Token, error) { return s.addUserToken(tx, by, account, t) })
	})
	return token, vault.NewSecret(secret), err
}

func (t Token) id() uuid.UUID { return t.UUID }

func (s *Service) addUserToken(tx Tx, by Actor, owner Account, t Token) (Token, error) {
	if err := noToken(tx, owner, t.Use, t.Name); err != nil {
		return Token{}, err
	}
	if err := s.insertToken(tx, by, t); err != nil {
		return Token{}, err
	}
	return tx.TokenByHash(t.Use, t.SecretHash)
}

// renewToken gives a token that holds another secret.
func (s *Service) renewToken(tx Tx, by Actor, owner AccountID, id uuid.UUID, secret SecretHash) (Token, error) {
	tokens, err := tx.Tokens(owner)
	if err != nil {
		return Token{}, err
	}
	t, err := find(tokens, func(t Token) bool { return t.UUID == id && t.RevokedAt.IsZero() }, "token")
	if err != nil {
		return Token{}, err
	}
	t.SecretHash, t.UpdatedAt = secret, s.clock()
	if err := tx.UpdateToken(t); err != nil {
		return Token{}, err
	}
	return t, s.audit(tx, by, "token.change", t.object(), withDetail("secret"))
}

// RevokeUserToken ends a personal token: the next request with it is refused.
// It stays in the list. For the account itself and those who have
// [RevokeTokens], and [EditUsers] to find it.
func (s *Service) RevokeUserToken(ctx context.Context, by Actor, in Scope, owner AccountID, id TokenID) (Token, error) {
	if err := by.Require(RevokeTokens, owner); err != nil {
		return Token{}, err
	}
	return update(ctx, s, func(tx Tx) (Token, error) {
		t, err := userToken(tx, by, in, owner, EditUsers, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return t, err
		}
		t.RevokedAt = s.clock()
		t.UpdatedAt = t.RevokedAt
		if err := tx.UpdateToken(t); err != nil {
			return Token{}, err
		}
		return t, s.audit(tx, by, "token.disable", t.object())
	})
}
