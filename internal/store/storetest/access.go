package storetest

import (
	"errors"
	"testing"
	"time"

	"keyrack/internal/core"
)

// testAccess keeps and prunes what applications are let in by.
func testAccess(t *testing.T, s core.Store) {
	x := newAuthorization(t, s)
	noAccess(t, s)
	first, second := sample[core.AccessToken](t), sample[core.AccessToken](t)
	first.Authorization, second.Authorization = x.ID, x.ID
	first.SecretHash, second.SecretHash = core.SecretHash(randomBytes(32)), core.SecretHash(randomBytes(32))
	second.ExpiresAt = first.ExpiresAt.Add(time.Hour)
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.InsertAccessToken(first), tx.InsertAccessToken(second)) })
	token := func(h core.SecretHash) func(core.Tx) (core.AccessToken, error) {
		return func(tx core.Tx) (core.AccessToken, error) { return tx.AccessTokenByHash(h) }
	}
	for _, want := range []core.AccessToken{first, second} {
		if d := diff(want, found(t, s, token(want.SecretHash))); d != "" {
			t.Errorf("came back changed (-stored +read):\n%s", d)
		}
	}
	err := s.Update(t.Context(), func(tx core.Tx) error { return tx.InsertAccessToken(first) })
	wantKind(t, "taken token", err, core.Conflict)
	testNonces(t, s, first.ExpiresAt)
	update(t, s, func(tx core.Tx) error {
		n, err := tx.PruneAccess(second.ExpiresAt, 10)
		return errors.Join(err, same("PruneAccess", n, 2)) // a token and a nonce
	})
	view(t, s, func(tx core.Tx) error {
		wantKind(t, "pruned token", fails(tx.AccessTokenByHash(first.SecretHash)), core.NotFound)
		return fails(tx.AccessTokenByHash(second.SecretHash))
	})
	update(t, s, func(tx core.Tx) error { return tx.DeleteAccessTokens(x.ID) })
	err = s.View(t.Context(), func(tx core.Tx) error { return fails(tx.AccessTokenByHash(second.SecretHash)) })
	wantKind(t, "deleted token", err, core.NotFound)
	testRemovedAuthorization(t, s, x, first)
}

func testNonces(t *testing.T, s core.Store, until time.Time) {
	used := func(key [32]byte) func(core.Tx) (bool, error) {
		return func(tx core.Tx) (bool, error) { return tx.NonceUsed(key) }
	}
	if found(t, s, used([32]byte{1})) {
		t.Error("a nonce is used that nobody used")
	}
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.InsertNonce([32]byte{1}, until), tx.InsertNonce([32]byte{2}, until.Add(2*time.Hour)))
	})
	if !found(t, s, used([32]byte{1})) || found(t, s, used([32]byte{3})) {
		t.Error("NonceUsed does not tell the nonce that was used from another")
	}
	err := s.Update(t.Context(), func(tx core.Tx) error { return tx.InsertNonce([32]byte{1}, until) })
	wantKind(t, "used nonce", err, core.Conflict)
}

// testRemovedAuthorization looks for what has to go with an authorization and
// with its application.
func testRemovedAuthorization(t *testing.T, s core.Store, x core.Authorization, token core.AccessToken) {
	update(t, s, func(tx core.Tx) error {
		again, err := tx.Authorization(x.ID)
		return errors.Join(err, same("Authorization", again.Name, x.Name), tx.InsertAccessToken(token), tx.DeleteAuthorization(x.ID))
	})
	err := s.View(t.Context(), func(tx core.Tx) error { return fails(tx.AccessTokenByHash(token.SecretHash)) })
	wantKind(t, "token of a removed authorization", err, core.NotFound)
	other := newAuthorization(t, s)
	update(t, s, func(tx core.Tx) error { return tx.DeleteApplication(other.Application) })
	err = s.View(t.Context(), func(tx core.Tx) error { return fails(tx.Authorization(other.ID)) })
	wantKind(t, "authorization of a removed application", err, core.NotFound)
}

// newAuthorization makes one with credentials of both kinds, which find it.
func newAuthorization(t testing.TB, s core.Store) core.Authorization {
	t.Helper()
	x := sample[core.Authorization](t)
	setUnique(t, &x)
	update(t, s, func(tx core.Tx) error {
		a, err := newApplication(t, tx)
		if err != nil {
			return err
		}
		x.ID, x.Application = 0, a.ID
		x.ID, err = tx.InsertAuthorization(x)
		return err
	})
	view(t, s, func(tx core.Tx) error {
		byClient, err1 := tx.AuthorizationByClientID(x.OAuth2.ClientID)
		byConsumer, err2 := tx.AuthorizationByConsumerKey(x.OAuth1.ConsumerKey)
		_, err3 := tx.Application(x.Application)
		return errors.Join(err1, err2, err3, same("AuthorizationByClientID", byClient.ID, x.ID), same("AuthorizationByConsumerKey", byConsumer.ID, x.ID))
	})
	return x
}

// noAccess asks for what is not there.
func noAccess(t testing.TB, s core.Store) {
	t.Helper()
	for name, look := range map[string]func(core.Tx) error{
		"Organization":               func(tx core.Tx) error { return fails(tx.Organization(9999)) },
		"Application":                func(tx core.Tx) error { return fails(tx.Application(9999)) },
		"Authorization":              func(tx core.Tx) error { return fails(tx.Authorization(9999)) },
		"AuthorizationByClientID":    func(tx core.Tx) error { return fails(tx.AuthorizationByClientID("nothing")) },
		"AuthorizationByConsumerKey": func(tx core.Tx) error { return fails(tx.AuthorizationByConsumerKey("nothing")) },
		"AccessTokenByHash":          func(tx core.Tx) error { return fails(tx.AccessTokenByHash(core.SecretHash{1})) },
	} {
		wantKind(t, name, s.View(t.Context(), look), core.NotFound)
	}
}
