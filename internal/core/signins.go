package core

import (
	"context"
	"time"

	"keyrack/internal/vault"
)

const (
	// signInMost is how long a sign-in lasts however much it is used.
	signInMost = 24 * time.Hour
	// signInsKept bounds an account's sign-ins: programs that throw their cookies
	// away begin one with every request.
	signInsKept = 20
	// signInsRemembered is how long one that is over is told from one that never was.
	signInsRemembered = 7 * 24 * time.Hour
	// noted is how exactly times of use are kept. More would be a write for each request.
	noted = time.Minute
)

var (
	// ErrDisabled is the answer to a credential that holds, of an account that
	// is locked out or has expired.
	ErrDisabled = Errorf(Unauthenticated, "the account is disabled")
	// ErrSignInOver is the answer to a sign-in whose time is up.
	ErrSignInOver = Errorf(Unauthenticated, "the sign-in is over")

	errNoSignIn = Errorf(NotFound, "no such sign-in")
)

// AuthenticateBasic gives the actor of an account by its login and either one
// of its personal tokens or its password, and notes that the token was used.
// [ErrDisabled] is for those alone who know the secret.
func (s *Service) AuthenticateBasic(ctx context.Context, login, secret string, o Origin) (Actor, error) {
	var shown SecretHash
	account, err := s.tokenHolder(ctx, login, secret)
	if err == nil {
		shown = hashSecret(secret)
	} else if KindOf(err) == NotFound {
		account, err = s.passwordHolder(ctx, login, secret)
	}
	if err != nil {
		return Actor{}, err
	}
	if !account.ActiveAt(s.clock()) {
		return Actor{}, ErrDisabled
	}
	return accountActor(account, o).showing(shown), nil
}

// showing is the actor with a personal token, by the hash of its secret.
func (a Actor) showing(token SecretHash) Actor {
	a.secret = token
	return a
}

// tokenHolder gives the account of that login where the secret is that of one
// of its personal tokens, active or not.
func (s *Service) tokenHolder(ctx context.Context, login, secret string) (Account, error) {
	now := s.clock()
	var token Token
	account, err := view(ctx, s, func(tx Tx) (account Account, err error) {
		if token, err = tx.TokenByHash(UseForeman, hashSecret(secret)); err != nil {
			return account, err
		}
		if account, err = accountByLogin(tx, login); err != nil {
			return account, err
		}
		if token.Account != account.ID || !token.ActiveAt(now) {
			return Account{}, errNoToken
		}
		return account, nil
	})
	if err != nil || now.Sub(token.UsedAt) < noted {
		return account, err
	}
	err = s.store.Update(ctx, func(tx Tx) error { return ignore(NotFound, tx.SetTokenUsed(token.ID, now)) })
	return account, err
}

// SignIn begins a sign-in of the account that acts, notes when that was, and
// gives the secret, which is not kept. It ends with the personal token that the
// account has shown. Sign-ins that nobody can use any more go.
func (s *Service) SignIn(ctx context.Context, by Actor) (vault.Secret, error) {
	if by.kind != ActorAccount || by.account == 0 {
		return vault.Secret{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		now := s.clock()
		secret := newSecret("")
		_, err := tx.InsertSignIn(SignIn{
			SecretHash: hashSecret(secret), Account: by.account, CreatedAt: now, SeenAt: now, Token: by.secret,
		})
		return vault.NewSecret(secret), inOrder(
			func() error { return err },
			func() error { return tx.DeleteSignIns(by.account, signInsKept) },
			func() error { return tx.DeleteSignInsSeenBefore(now.Add(-signInsRemembered)) },
			func() error { return s.noteLogin(tx, by.account, now) },
		)
	})
}

func (s *Service) noteLogin(tx Tx, id AccountID, now time.Time) error {
	account, err := tx.Account(id)
	if err != nil || now.Sub(account.LastLoginAt) < noted {
		return err
	}
	return tx.SetLastLogin(id, now)
}

// ResumeSignIn gives the actor of a sign-in that was not idle for too long.
// NotFound where the secret is none's, [ErrSignInOver] and [ErrDisabled] where
// it was one's.
func (s *Service) ResumeSignIn(ctx context.Context, secret string, idle time.Duration, o Origin) (Actor, error) {
	now, hash := s.clock(), hashSecret(secret)
	in, err := leased(ctx, s, leaseKey{"sign-in", hash}, s.store.View, func(tx Tx) (resumed, error) { return signInBy(tx, hash) })
	switch {
	case err != nil:
		return Actor{}, err
	case in.over(now, idle):
		return Actor{}, ErrSignInOver
	case !in.of.ActiveAt(now):
		return Actor{}, ErrDisabled
	}
	if now.Sub(in.SeenAt) >= noted {
		err = s.store.Update(ctx, func(tx Tx) error { return in.noteSeen(tx, now) })
	}
	return holderActor(in.of, o).showing(in.Token), err
}

// resumed is a sign-in with what it rests on.
type resumed struct {
	SignIn
	of    Holder
	token Token // that began it; zero: none did, or it is gone
}

func signInBy(tx Tx, secret SecretHash) (in resumed, err error) {
	if in.SignIn, err = tx.SignInByHash(secret); err != nil {
		return in, as(errNoSignIn, err)
	}
	account, err := tx.Account(in.Account)
	if in.of = account.Holder(); err != nil || !in.byToken() {
		return in, err
	}
	in.token, err = tx.TokenByHash(UseForeman, in.Token)
	return in, ignore(NotFound, err)
}

func (s SignIn) byToken() bool { return s.Token != SecretHash{} }

// over tells whether a sign-in's time is up, or the token that began it holds
// no longer: it was removed, revoked, has another secret, or expired.
func (in resumed) over(now time.Time, idle time.Duration) bool {
	if in.byToken() && (in.token.Account != in.Account || !in.token.ActiveAt(now)) {
		return true
	}
	return now.Sub(in.SeenAt) >= idle || now.Sub(in.CreatedAt) >= signInMost
}

// noteSeen writes down that a sign-in is in use, and with it its token, where
// that lasts for a time after its last use.
func (in resumed) noteSeen(tx Tx, now time.Time) error {
	if err := ignore(NotFound, tx.SetSignInSeen(in.ID, now)); err != nil || !in.token.stale(now) {
		return err
	}
	return ignore(NotFound, tx.SetTokenUsed(in.token.ID, now))
}

// AuthenticateMapped gives the actor of an active account for a face that has
// checked a signature made with a secret of the configuration, whose holder may
// act as anybody.
func (s *Service) AuthenticateMapped(ctx context.Context, login string, o Origin) (Actor, error) {
	account, err := view(ctx, s, func(tx Tx) (Account, error) { return accountByLogin(tx, login) })
	switch {
	case err != nil:
		return Actor{}, badCredential(err)
	case !account.ActiveAt(s.clock()):
		return Actor{}, ErrDisabled
	}
	return accountActor(account, o), nil
}

// Consumer is an administrator without an account: who holds a secret of the
// configuration that may do everything.
func Consumer(name string, o Origin) Actor {
	return Actor{kind: ActorAccount, name: name, roles: Roles{Admin: true}, origin: o}
}
