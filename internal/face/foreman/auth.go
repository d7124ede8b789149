package foreman

import (
	"hash/maphash"
	"net/http"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/vault"
)

// Authenticate gives the actor of a request: that of its session, or else that
// of its credential, with which a session begins. That a body is no JSON is
// told before anything else.
func (f *foreman) Authenticate(r *http.Request) (core.Actor, error) {
	x := exchangeOf(r)
	x.secure = r.TLS != nil || strings.HasPrefix(f.BaseURL, "https:")
	var err error
	if x.params, err = readParams(r); err != nil {
		return core.Actor{}, err
	}
	if by, err := f.resume(r); core.KindOf(err) != core.NotFound {
		return by, err
	}
	by, err := f.logIn(r)
	if err != nil || by.Account() == 0 {
		return by, err
	}
	x.signIn, err = f.session(r, by)
	return by, err
}

// login is a credential that was let in.
type login struct {
	account    core.AccountID
	credential uint64 // a hash of it; zero: a signature, which is another each time
}

// begun is the session that a login began.
type begun struct {
	secret vault.Secret
	at     time.Time
}

// beginAnew is how long a credential is given the session that it has begun,
// and no other. Programs that throw their cookies away would else have the
// store write with every request.
const beginAnew = time.Minute

// session gives the secret of a session of the actor.
func (f *foreman) session(r *http.Request, by core.Actor) (vault.Secret, error) {
	as := login{account: by.Account()}
	if _, _, basic := r.BasicAuth(); basic {
		as.credential = maphash.String(f.seed, r.Header.Get("Authorization"))
	}
	now := f.Now()
	if last, ok := f.begun.Get(as); ok && now.Sub(last.at) < beginAnew {
		_, err := f.Core.ResumeSignIn(r.Context(), last.secret.Reveal(), f.SessionIdle, by.Origin())
		if err == nil {
			return last.secret, nil
		} else if k := core.KindOf(err); k != core.NotFound && k != core.Unauthenticated {
			return vault.Secret{}, err
		}
	}
	secret, err := f.Core.SignIn(r.Context(), by)
	if err == nil {
		f.begun.Add(as, begun{secret, now})
	}
	return secret, err
}

var errNoSession = core.Errorf(core.NotFound, "no session")

// resume gives the actor of the session that the request belongs to.
func (f *foreman) resume(r *http.Request) (core.Actor, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return core.Actor{}, errNoSession
	}
	return f.Core.ResumeSignIn(r.Context(), cookie.Value, f.SessionIdle, face.RequestOf(r.Context()).Origin())
}

// logIn gives the actor of the request's credential. An address from which too
// many failed is not listened to.
func (f *foreman) logIn(r *http.Request) (core.Actor, error) {
	origin := face.RequestOf(r.Context()).Origin()
	if f.failures.Locked(origin.Address, f.Now()) > 0 {
		return core.Actor{}, errTooManyTries
	}
	var by core.Actor
	var err error
	login, password, isBasic := r.BasicAuth()
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case isBasic:
		by, err = f.basic(r, login, password, origin)
	case strings.EqualFold(scheme, "OAuth") && f.OAuth != nil:
		by, login, err = f.signed(r, origin)
	case scheme == "":
		return core.Actor{}, loginError{}
	default:
		err = loginError{}
	}
	if core.KindOf(err) == core.Unauthenticated && err != core.ErrDisabled { //nolint:errorlint // core gives it as it is
		err = loginError{login}
	}
	if _, failed := err.(loginError); failed { //nolint:errorlint // made above
		f.failures.Fail(origin.Address, f.Now())
	}
	return by, err
}

func (f *foreman) basic(r *http.Request, login, password string, o core.Origin) (core.Actor, error) {
	if password == "" {
		return core.Actor{}, loginError{login}
	}
	return f.Core.AuthenticateBasic(r.Context(), login, password, o)
}
