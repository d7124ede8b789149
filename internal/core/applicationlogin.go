package core

import (
	"context"
	"crypto/subtle"
	"time"

	"keyrack/internal/oauth1"
	"keyrack/internal/vault"
)

// Caller is what a program shows beside its credential.
type Caller struct {
	Origin      Origin
	Referer     string // empty: none
	Certificate string // SHA-256 of its TLS certificate, lower-case hex; empty: none
}

// Why an application is not let in, beside a credential that does not hold.
var (
	// ErrInactive: the credential holds, but the authorization or its
	// application is disabled or has expired.
	ErrInactive = Errorf(Unauthenticated, "the authorization is not active")
	// ErrCaller: the authorization takes no requests from there.
	ErrCaller = Errorf(Denied, "the authorization does not take requests from there")
)

// NonceWindow is how far a signature's timestamp may be from now, before or
// after.
const NonceWindow = 5 * time.Minute

// IssueAccessToken gives a client of OAuth 2.0 an access token that lasts so
// long. Whether the client is unknown, its secret wrong, or its authorization
// not active shows neither in the answer nor in its time.
func (s *Service) IssueAccessToken(ctx context.Context, clientID string, secret vault.Secret, lifetime time.Duration, o Origin) (vault.Secret, error) {
	// First without a transaction that writes, so that guessing stops nobody.
	if _, err := view(ctx, s, func(tx Tx) (Actor, error) { return s.clientActor(tx, clientID, secret, o) }); err != nil {
		return vault.Secret{}, err
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		by, err := s.clientActor(tx, clientID, secret, o)
		if err != nil {
			return vault.Secret{}, err
		}
		x, err := tx.AuthorizationByClientID(clientID)
		if err != nil {
			return vault.Secret{}, err
		}
		now, token := s.clock(), newSecret("keyrack_access_")
		err = tx.InsertAccessToken(AccessToken{
			Authorization: x.ID, SecretHash: hashSecret(token), ExpiresAt: Moment(now.Add(lifetime)), CreatedAt: now,
		})
		if err != nil {
			return vault.Secret{}, err
		}
		return vault.NewSecret(token), s.audit(tx, by, "accesstoken.add", x.object())
	})
}

// clientActor gives the actor of a client whose secret holds.
func (s *Service) clientActor(tx Tx, clientID string, secret vault.Secret, o Origin) (Actor, error) {
	x, err := tx.AuthorizationByClientID(clientID)
	if err := ignore(NotFound, err); err != nil {
		return Actor{}, err
	}
	var kept SecretHash
	if x.OAuth2 != nil {
		kept = x.OAuth2.SecretHash
	}
	given := hashSecret(secret.Reveal())
	if subtle.ConstantTimeCompare(given[:], kept[:]) != 1 || x.OAuth2 == nil {
		return Actor{}, errBadCredential
	}
	c, err := clientOf(tx, x)
	switch {
	case err != nil:
		return Actor{}, err
	case !c.activeAt(s.clock()):
		return Actor{}, errBadCredential
	}
	return c.actor(o), nil
}

// AuthenticateAccessToken gives the actor of an access token. Beside a token
// that does not hold it refuses with [ErrInactive] and [ErrCaller].
func (s *Service) AuthenticateAccessToken(ctx context.Context, token string, c Caller) (Actor, error) {
	type bearer struct {
		expires time.Time
		client  client
	}
	hash := hashSecret(token)
	b, err := leased(ctx, s, leaseKey{"access token", hash}, s.store.View, func(tx Tx) (b bearer, err error) {
		t, err := tx.AccessTokenByHash(hash)
		if err != nil {
			return b, badCredential(err)
		}
		x, err := tx.Authorization(t.Authorization)
		if err != nil {
			return b, err
		}
		b.expires = t.ExpiresAt
		b.client, err = clientOf(tx, x)
		return b, err
	})
	switch {
	case err != nil:
		return Actor{}, err
	case expired(b.expires, s.clock()):
		return Actor{}, errBadCredential
	}
	return s.letIn(b.client, c)
}

// client is an authorization with what it belongs to.
type client struct {
	Authorization
	of     Application
	tenant string // the name of the application's organization; empty: none
}

func clientOf(tx Tx, x Authorization) (client, error) {
	of, err := tx.Application(x.Application)
	if err != nil || of.Organization == 0 {
		return client{x, of, ""}, err
	}
	tenant, err := tx.Organization(of.Organization)
	return client{x, of, tenant.Name}, err
}

// activeAt tells whether the authorization is taken at a moment.
func (c client) activeAt(now time.Time) bool {
	return !c.of.Disabled && !c.Disabled && !expired(c.ExpiresAt, now)
}

func (c client) actor(o Origin) Actor {
	grant := &Grant{
		Application: c.of.ID, Organization: c.of.Organization, Tenant: c.tenant, Authorization: c.UUID, Permission: c.Permission,
		Resources: c.Resources, Keys: c.Keys, Devices: c.Devices,
	}
	return Actor{kind: ActorApplication, name: c.of.Name + "/" + c.Name, origin: o, grant: grant}
}

// letIn gives the actor of a client whose credential holds.
func (s *Service) letIn(x client, c Caller) (Actor, error) {
	switch {
	case !x.activeAt(s.clock()):
		return Actor{}, ErrInactive
	case !x.takes(c):
		return Actor{}, ErrCaller
	}
	return x.actor(c.Origin), nil
}

// AuthenticateOAuth1 gives the actor of a request signed by OAuth 1.0. It
// refuses as AuthenticateAccessToken does; a stale timestamp and a nonce that
// was used look like a wrong signature.
func (s *Service) AuthenticateOAuth1(ctx context.Context, signed oauth1.Signed, c Caller) (Actor, error) {
	if !signed.Fresh(s.clock(), NonceWindow) {
		return Actor{}, errBadCredential
	}
	x, err := view(ctx, s, func(tx Tx) (Authorization, error) {
		x, err := tx.AuthorizationByConsumerKey(signed.ConsumerKey)
		if err != nil {
			return x, badCredential(err)
		}
		return x, s.checkSignature(x, signed)
	})
	if err != nil {
		return Actor{}, err
	}
	if err := s.UseNonce(ctx, signed); err != nil {
		return Actor{}, err
	}
	of, err := view(ctx, s, func(tx Tx) (client, error) { return clientOf(tx, x) })
	if err != nil {
		return Actor{}, err
	}
	return s.letIn(of, c)
}

// checkSignature holds a signature to the authorization's secrets.
func (s *Service) checkSignature(x Authorization, signed oauth1.Signed) error {
	if x.OAuth1 == nil {
		return errBadCredential
	}
	consumer, err := s.openOAuth1(x, "consumer_secret", x.OAuth1.ConsumerSecret)
	if err != nil {
		return err
	}
	token, err := s.openOAuth1(x, "token_secret", x.OAuth1.TokenSecret)
	if err != nil {
		return err
	}
	sameToken := subtle.ConstantTimeCompare([]byte(signed.Token), []byte(x.OAuth1.Token)) == 1
	if !signed.Verify(consumer.Reveal(), token.Reveal()) || !sameToken {
		return errBadCredential
	}
	return nil
}

func (s *Service) openOAuth1(x Authorization, field string, sealed []byte) (vault.Secret, error) {
	plain, err := s.vault.Unseal(sealed, oauth1Record(x.UUID, field))
	if err != nil {
		return vault.Secret{}, err
	}
	return vault.NewSecret(plain), nil
}

// UseNonce takes note of the nonce of a signature that holds, and refuses one
// whose timestamp is stale or that was used before. Servers on one database
// see each other's.
func (s *Service) UseNonce(ctx context.Context, signed oauth1.Signed) error {
	now, key := s.clock(), signed.NonceKey()
	if !signed.Fresh(now, NonceWindow) {
		return errBadCredential
	}
	return s.store.Update(ctx, func(tx Tx) error {
		used, err := tx.NonceUsed(key)
		if err != nil {
			return err
		}
		if used {
			return errBadCredential
		}
		// From then on the timestamp is stale.
		return tx.InsertNonce(key, signed.Timestamp.Add(NonceWindow+time.Second))
	})
}

// PruneAccess removes access tokens and nonces that are over, at most limit of
// each, and tells how many. For the server alone.
func (s *Service) PruneAccess(ctx context.Context, by Actor, limit int) (int, error) {
	if by.kind != ActorSystem {
		return 0, errDenied
	}
	return update(ctx, s, func(tx Tx) (int, error) { return tx.PruneAccess(s.clock(), limit) })
}

// MayReadVault tells whether the actor may look into the vault at all, for faces
// whose product says so before it looks at what is asked. The use cases decide it
// again.
func (a Actor) MayReadVault() error { return a.readsVault() }

// MayChangeVault tells whether the actor may change anything in the vault, for
// faces whose product says so before it looks at what is asked. The use cases
// decide it again.
func (a Actor) MayChangeVault() error { return a.writesVault() }
