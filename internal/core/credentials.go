package core

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

var errBadCredential = Errorf(Unauthenticated, "the credential does not hold")

// AuthenticatePassword gives the actor of an active account. Whether the
// login exists, has a password, or is locked shows neither in the answer nor
// in its time.
func (s *Service) AuthenticatePassword(ctx context.Context, login, password string, o Origin) (Actor, error) {
	account, err := s.passwordHolder(ctx, login, password)
	if err != nil {
		return Actor{}, err
	}
	if !account.ActiveAt(s.clock()) {
		return Actor{}, errBadCredential
	}
	return accountActor(account, o), nil
}

// passwordHolder gives the account of that login where the password is its
// own, active or not. Whether there is one does not show in the time it takes.
func (s *Service) passwordHolder(ctx context.Context, login, password string) (Account, error) {
	account, err := view(ctx, s, func(tx Tx) (Account, error) {
		account, err := accountByLogin(tx, login)
		return account, ignore(NotFound, err)
	})
	if err != nil {
		return Account{}, err
	}
	return s.withPassword(ctx, account, password)
}

// checkedPassword gives the account as it is once its password was found right
// and it is active. The zero account has none, and takes as long to be refused
// as any.
func (s *Service) checkedPassword(ctx context.Context, account Account, password string) (Account, error) {
	now, err := s.withPassword(ctx, account, password)
	if err == nil && !now.ActiveAt(s.clock()) {
		return Account{}, errBadCredential
	}
	return now, err
}

// withPassword gives the account as it is once its password was found right,
// active or not.
func (s *Service) withPassword(ctx context.Context, account Account, password string) (Account, error) {
	ok, err := s.passwords.Matches(ctx, password, account.PasswordHash)
	if err != nil {
		return Account{}, err
	}
	// Again: hashing, and waiting for a turn, took their time.
	now, err := view(ctx, s, func(tx Tx) (Account, error) { return tx.Account(account.ID) })
	if err := ignore(NotFound, err); err != nil {
		return Account{}, err
	}
	switch {
	case !ok:
		return Account{}, errBadCredential
	case now.PasswordHash != account.PasswordHash: // another password, or the same with its hash upgraded
		return s.withPassword(ctx, now, password)
	}
	return s.upgradeHash(ctx, now, password)
}

// upgradeHash stores the hash of a password that was found right anew where it
// was made at a lower cost than is set now. What was got with the old hash goes
// on to hold.
func (s *Service) upgradeHash(ctx context.Context, a Account, password string) (Account, error) {
	if !s.passwords.IsCheap(a.PasswordHash) {
		return a, nil
	}
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	now, err := update(ctx, s, func(tx Tx) (Account, error) {
		now, err := tx.Account(a.ID)
		if err != nil || now.PasswordHash != a.PasswordHash {
			return now, badCredential(err)
		}
		was := credentialOf(now)
		now.PasswordHash = hash
		if err := updateAccount(tx, now); err != nil {
			return Account{}, err
		}
		if err := tx.RecredentialTickets(now.ID, credentialOf(now), was); err != nil {
			return Account{}, err
		}
		return now, s.audit(tx, System("upgrade hash"), "account.change", now.object(), withDetail("password hash"))
	})
	if err != nil || now.PasswordHash == hash {
		return now, err
	}
	return s.withPassword(ctx, now, password) // somebody was faster: with an upgrade, or with another password
}

func accountActor(a Account, o Origin) Actor { return holderActor(a.Holder(), o) }

func holderActor(h Holder, o Origin) Actor {
	return Actor{kind: ActorAccount, name: h.Login, account: h.ID, roles: h.Roles, rights: h.rights(), origin: o, zone: h.TimeZone}
}

// AuthenticateToken gives the actor of a token that is accepted for that use:
// its account, or for [UseHost] a host, which may read authorized keys only.
// A token that lasts for a time after its last use has its time begun anew.
func (s *Service) AuthenticateToken(ctx context.Context, use TokenUse, secret string, o Origin) (Actor, error) {
	type bearer struct {
		token Token
		of    Holder
	}
	hash := hashSecret(secret)
	b, err := leased(ctx, s, leaseKey{"token " + string(use), hash}, s.store.Glance, func(tx Tx) (b bearer, err error) {
		b.token, b.of, err = tx.Bearer(use, hash)
		return b, badCredential(err)
	})
	if err != nil {
		return Actor{}, err
	}
	now := s.clock()
	if err := b.token.usable(b.of, now); err != nil {
		return Actor{}, err
	}
	if b.token.stale(now) {
		if err := s.renew(ctx, b.token.ID); err != nil {
			return Actor{}, err
		}
	}
	return tokenActor(b.token, b.of, o), nil
}

func tokenActor(t Token, of Holder, o Origin) Actor {
	if t.Use == UseHost {
		return Actor{kind: ActorHost, name: of.Login + "/" + t.Name, origin: o}
	}
	by := holderActor(of, o)
	by.token = t.ID
	return by
}

// AuthenticateAPIKey gives the actor of a project's API key, and the key.
func (s *Service) AuthenticateAPIKey(ctx context.Context, secret string, o Origin) (Actor, APIKey, error) {
	hash := hashSecret(secret)
	key, err := leased(ctx, s, leaseKey{"api key", hash}, s.store.Glance, func(tx Tx) (APIKey, error) {
		return tx.APIKeyByHash(hash)
	})
	if err != nil {
		return Actor{}, APIKey{}, badCredential(err)
	}
	if expired(key.ExpiresAt, s.clock()) {
		return Actor{}, APIKey{}, errBadCredential
	}
	return Actor{kind: ActorProject, name: key.Name, project: key.Project, origin: o}, key, nil
}

func expired(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// badCredential makes absent look like wrong.
func badCredential(err error) error {
	if KindOf(err) == NotFound {
		return errBadCredential
	}
	return err
}

// NewAPIKey is what an API key is made from.
type NewAPIKey struct {
	Project   string // by name
	Name      string
	ExpiresAt time.Time // zero: never
}

// AddAPIKey makes an API key and gives its secret, which is not kept. For
// those who manage everything.
func (s *Service) AddAPIKey(ctx context.Context, by Actor, in NewAPIKey) (vault.Secret, error) {
	if !by.manages() {
		return vault.Secret{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		project, err := projectNamed(tx, in.Project)
		if err != nil {
			return vault.Secret{}, err
		}
		if err := noAPIKey(tx, project, in.Name); err != nil {
			return vault.Secret{}, err
		}
		secret := newAPISecret()
		return vault.NewSecret(secret), s.insertAPIKey(tx, by, APIKey{
			Project: project.ID, Name: in.Name, SecretHash: hashSecret(secret), ExpiresAt: Moment(in.ExpiresAt),
		})
	})
}

// noAPIKey refuses a name that one of the project's API keys has.
func noAPIKey(tx Tx, of Project, name string) error {
	return conflictAt(absent(apiKeyNamed(tx, of, name)), "name", "is already the name of another API key of this project")
}

func apiKeyNamed(tx Tx, of Project, name string) (APIKey, error) {
	keys, err := tx.APIKeys(of.ID)
	if err != nil {
		return APIKey{}, err
	}
	return find(keys, func(k APIKey) bool { return k.Name == name }, "API key")
}

// newAPISecret makes an API key as SSHVerify writes them: 32 letters and digits.
func newAPISecret() string {
	return randomText("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 32)
}

func (k APIKey) object() string { return "apikey " + k.UUID.String() }

func (s *Service) insertAPIKey(tx Tx, by Actor, k APIKey) error {
	var p problems
	checkName(&p, k.Name)
	if err := p.err(); err != nil {
		return err
	}
	k.UUID, k.CreatedAt = newUUID(), s.clock()
	if _, err := tx.InsertAPIKey(k); err != nil {
		return err
	}
	return s.audit(tx, by, "apikey.add", k.object(), withProject(k.Project))
}

// APIKeys lists a project's API keys by name. For those who read everything.
func (s *Service) APIKeys(ctx context.Context, by Actor, project string) ([]APIKey, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, func(tx Tx) ([]APIKey, error) {
		p, err := projectNamed(tx, project)
		if err != nil {
			return nil, err
		}
		return tx.APIKeys(p.ID)
	})
}

// RemoveAPIKey revokes a project's API key: the next request with it is
// refused. For those who manage everything.
func (s *Service) RemoveAPIKey(ctx context.Context, by Actor, project, name string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		p, err := projectNamed(tx, project)
		if err != nil {
			return err
		}
		k, err := apiKeyNamed(tx, p, name)
		if err != nil {
			return err
		}
		return s.removeAPIKey(tx, by, k)
	})
}

func (s *Service) removeAPIKey(tx Tx, by Actor, k APIKey) error {
	if err := tx.DeleteAPIKey(k.ID); err != nil {
		return err
	}
	return s.audit(tx, by, "apikey.remove", k.object(), withProject(k.Project))
}

func find[T any](list []T, is func(T) bool, what string) (T, error) {
	for _, v := range list {
		if is(v) {
			return v, nil
		}
	}
	var none T
	return none, Errorf(NotFound, "no such %s", what)
}

// NewToken is what a token is made from.
type NewToken struct {
	Account   string // login, UUID or e-mail
	Name      string
	Use       TokenUse
	Lifetime  time.Duration // after its last use; zero: for ever
	ExpiresAt time.Time     // zero: never
}

// AddToken makes a token and gives its secret, which is not kept. For those
// who manage everything.
func (s *Service) AddToken(ctx context.Context, by Actor, in NewToken) (vault.Secret, error) {
	if !by.manages() {
		return vault.Secret{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		account, err := accountNamed(tx, in.Account)
		if err != nil {
			return vault.Secret{}, err
		}
		if err := noToken(tx, account, in.Use, in.Name); err != nil {
			return vault.Secret{}, err
		}
		secret := newTokenSecret(in.Use)
		return vault.NewSecret(secret), s.insertToken(tx, by, Token{
			Account: account.ID, Name: in.Name, Use: in.Use, SecretHash: hashSecret(secret),
			Lifetime: in.Lifetime, ExpiresAt: Moment(in.ExpiresAt),
		})
	})
}

// noToken refuses a name that one of the account's tokens for that use has.
func noToken(tx Tx, of Account, use TokenUse, name string) error {
	return conflictAt(absent(tokenNamed(tx, of, use, name)), "name", "is already the name of another token of this account for that use")
}

var errNoToken = Errorf(NotFound, "no such token")

func tokenNamed(tx Tx, of Account, use TokenUse, name string) (Token, error) {
	tokens, err := tx.Tokens(of.ID)
	if err != nil {
		return Token{}, err
	}
	found, err := find(tokens, func(t Token) bool { return t.Use == use && t.Name == name }, "token")
	return found, as(errNoToken, err)
}

// newTokenSecret makes a secret in the form the use's clients expect: 40 hex
// digits for Waldur, else one with a prefix for secret scanners.
func newTokenSecret(use TokenUse) string {
	if use == UseWaldur {
		return randomText("0123456789abcdef", 40)
	}
	return newSecret("keyrack_" + string(use) + "_")
}

func (s *Service) insertToken(tx Tx, by Actor, t Token) error {
	var p problems
	t.check(&p)
	if err := p.err(); err != nil {
		return err
	}
	if t.UUID == (uuid.UUID{}) { // a sealed secret is bound to it
		t.UUID = newUUID()
	}
	t.CreatedAt = s.clock()
	t.UpdatedAt, t.UsedAt = t.CreatedAt, t.CreatedAt
	if _, err := tx.InsertToken(t); err != nil {
		return err
	}
	return s.audit(tx, by, "token.add", t.object(), withDetail(string(t.Use)))
}

// minSecret makes room for 128 random bits, without which a plain hash does not
// keep a secret: 22 characters of base64.
const minSecret = 22

// checkSecret refuses a given secret that is too short to be random, or would
// not come through a header unchanged.
func checkSecret(p *problems, path, secret string) {
	switch {
	case len(secret) < minSecret:
		p.addf(path, "must have at least %d characters; leave it out and one is made", minSecret)
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		p.addf(path, "must be printable ASCII without blanks")
	}
}

func (t Token) object() string { return "token " + t.UUID.String() }

func (t Token) check(p *problems) {
	checkName(p, t.Name)
	if !contains(TokenUses, t.Use) {
		p.addf("use", "must be one of %v", TokenUses)
	}
	if t.Lifetime < 0 {
		p.addf("lifetime", "must not be negative")
	}
}

// TokenUses are all uses a token may have.
var TokenUses = []TokenUse{UseWaldur, UseForeman, UseRaidboxes, UseHost}

// Tokens lists an account's tokens, to itself and those who read everything.
func (s *Service) Tokens(ctx context.Context, by Actor, account string) ([]Token, error) {
	return view(ctx, s, func(tx Tx) ([]Token, error) {
		a, err := accountFor(tx, by, account)
		if err != nil {
			return nil, err
		}
		return tx.Tokens(a.ID)
	})
}

// RemoveToken revokes an account's token: the next request with it is refused.
// For those who manage everything.
func (s *Service) RemoveToken(ctx context.Context, by Actor, account string, use TokenUse, name string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, err := accountNamed(tx, account)
		if err != nil {
			return err
		}
		t, err := tokenNamed(tx, a, use, name)
		if err != nil {
			return err
		}
		return s.removeToken(tx, by, t)
	})
}

func (s *Service) removeToken(tx Tx, by Actor, t Token) error {
	if err := tx.DeleteToken(t.ID); err != nil {
		return err
	}
	return s.audit(tx, by, "token.remove", t.object())
}
