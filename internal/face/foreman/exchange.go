package foreman

import (
	"context"
	"net/http"
	"time"

	"keyrack/internal/vault"
)

// exchange is what is known of one request and its answer, filled in along the
// way: the parameters, the session that began, the context that holds.
type exchange struct {
	began     time.Time
	params    params
	signIn    vault.Secret // of the session that the request began; zero: none
	secure    bool         // the client came by HTTPS
	askedPath string       // as it was sent, which a signature covers
	inContext *labels      // nil until the request is past authorization and context
}

// labels are what the headers say of the context.
type labels struct{ version, organization, location string }

type exchangeKey struct{}

// begin gives the request a record, and a URL of its own.
func begin(r *http.Request) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, &exchange{began: time.Now(), askedPath: r.URL.EscapedPath()}))
	u := *r.URL
	r.URL = &u
	return r
}

func exchangeOf(r *http.Request) *exchange {
	if x, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{began: time.Now()}
}

const sessionCookie = "_session_id"

// cookieHeader tells a client the session that its login began.
func (x *exchange) cookieHeader() http.Header {
	h := http.Header{}
	if !x.signIn.IsZero() {
		cookie := http.Cookie{ //nolint:gosec // Secure where the client came by HTTPS
			Name: sessionCookie, Value: x.signIn.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: x.secure,
		}
		h.Set("Set-Cookie", cookie.String())
	}
	return h
}
