package foreman

import (
	"cmp"
	"crypto/subtle"
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/oauth1"
	"keyrack/internal/vault"
)

// OAuth is the one consumer whose signed requests (OAuth 1.0, HMAC-SHA1, no
// token) are taken. Who holds its secret may act as anybody.
type OAuth struct {
	ConsumerKey    string
	ConsumerSecret vault.Secret
	// MapUsers lets a request name the user it is made as; else it is made as an
	// administrator that has no account.
	MapUsers bool
}

// signed gives the actor of a signed request, and the login it names.
func (f *foreman) signed(r *http.Request, o core.Origin) (core.Actor, string, error) {
	// Both spellings are in use, and one to the product.
	login := cmp.Or(r.Header.Get("Foreman-User"), r.Header.Get("Foreman_user"))
	s, err := oauth1.Parse(oauth1.Request{
		Method: r.Method, Base: f.BaseURL, Path: exchangeOf(r).askedPath, Query: r.URL.RawQuery,
		Authorization: r.Header.Get("Authorization"),
	})
	holds := err == nil && subtle.ConstantTimeCompare([]byte(s.ConsumerKey), []byte(f.OAuth.ConsumerKey)) == 1 &&
		s.Token == "" && s.Verify(f.OAuth.ConsumerSecret.Reveal(), "")
	if !holds {
		return core.Actor{}, login, loginError{login}
	}
	if err := f.Core.UseNonce(r.Context(), s); err != nil {
		return core.Actor{}, login, err
	}
	if !f.OAuth.MapUsers {
		return core.Consumer("foreman_api_admin", o), login, nil
	}
	by, err := f.Core.AuthenticateMapped(r.Context(), login, o)
	return by, login, err
}
