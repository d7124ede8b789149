package waldur

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

var (
	errNoCredentials = detail(http.StatusUnauthorized, "Authentication credentials were not provided.")
	errNoToken       = detail(http.StatusUnauthorized, "Invalid token. No credentials provided.")
	errSpaces        = detail(http.StatusUnauthorized, "Invalid token. Token string should not contain spaces.")
	errCharacters    = detail(http.StatusUnauthorized, "Invalid token header. Token string should not contain invalid characters.")
	errBadToken      = detail(http.StatusUnauthorized, "Invalid token.")
	errInactive      = detail(http.StatusUnauthorized, "User inactive or deleted.")
	errExpired       = detail(http.StatusUnauthorized, "Token has expired.")
)

// Authenticate gives the actor of a token, or of whom its staff acts as. It
// first checks what upstream checks before. A browser that asks on behalf of a
// page is a visitor: what it is told says nothing.
func (a *api) Authenticate(r *http.Request) (core.Actor, error) {
	visitor := core.Visitor(face.RequestOf(r.Context()).Origin())
	if isPreflight(r) {
		return visitor, nil
	}
	if err := acceptable(r, r.URL.Path); err != nil {
		return visitor, err
	}
	token, err := tokenOf(r)
	if err != nil {
		return visitor, err
	}
	by, err := a.Core.AuthenticateToken(r.Context(), core.UseWaldur, token, visitor.Origin())
	if err != nil {
		return visitor, tokenError(err)
	}
	return a.actingAs(r, by)
}

// tokenOf takes the token out of the header.
func tokenOf(r *http.Request) (string, error) {
	header := strings.Join(r.Header.Values("Authorization"), ", ")
	words := strings.Fields(header)
	if len(words) == 0 {
		return "", errNoCredentials
	}
	isToken, isBearer := strings.EqualFold(words[0], "Token"), strings.EqualFold(words[0], "Bearer")
	switch {
	case !isToken && !isBearer:
		return "", errNoCredentials
	case len(words) > 2:
		return "", errSpaces
	case isBearer: // of a personal access token, which there are none of
		return "", errNoCredentials
	case len(words) == 1:
		return "", errNoToken
	case !utf8.ValidString(words[1]):
		return "", errCharacters
	}
	return words[1], nil
}

func tokenError(err error) error {
	switch {
	case errors.Is(err, core.ErrAccountInactive):
		return errInactive
	case errors.Is(err, core.ErrTokenExpired):
		return errExpired
	case core.KindOf(err) == core.Unauthenticated:
		return errBadToken
	}
	return err
}

// actingAs gives the actor of the account that staff wants to be. From others
// the header means nothing.
func (a *api) actingAs(r *http.Request, by core.Actor) (core.Actor, error) {
	id, ok := parseUUID(r.Header.Get("X-Impersonated-User-Uuid"))
	if !ok || !by.Manages() {
		return by, nil
	}
	as, err := a.Core.Impersonate(r.Context(), by, id.String())
	if core.KindOf(err) == core.NotFound || errors.Is(err, core.ErrAccountInactive) {
		return by, errInactive
	}
	return as, err
}

// attempt is what failed log-ins are counted by.
type attempt struct {
	username string
	address  netip.Addr
}

var (
	errBadPassword = detail(http.StatusUnauthorized, "Invalid username/password.")
	errLockedOut   = detail(http.StatusUnauthorized, "Username is locked out. Try in 10 minutes.")
)

// logIn gives a user's token for his password.
func (a *api) logIn(r *http.Request, _ core.Actor) (face.Reply, error) {
	in, err := readBody(r)
	if err != nil {
		return face.Reply{}, err
	}
	var wrong faults
	username := in.text(&wrong, "username", textRule{required: true, most: 128})
	password := in.text(&wrong, "password", textRule{required: true, most: 128, untrimmed: true})
	if err := wrong.err(); err != nil {
		return face.Reply{}, err
	}
	origin := face.RequestOf(r.Context()).Origin()
	who := attempt{strings.ToLower(username), origin.Address}
	if a.failures.Locked(who, a.Now()) > 0 {
		return face.Reply{}, errLockedOut
	}
	by, err := a.Core.AuthenticatePassword(r.Context(), username, password, origin)
	if core.KindOf(err) == core.Unauthenticated && err != nil {
		a.failures.Fail(who, a.Now())
		return face.Reply{}, errBadPassword
	}
	if err != nil {
		return face.Reply{}, err
	}
	a.failures.Clear(who)
	face.RequestOf(r.Context()).Actor = by
	token, err := a.Core.LoginToken(r.Context(), by, core.UseWaldur, tokenLifetime)
	if err != nil {
		return face.Reply{}, err
	}
	return face.Reply{Body: object{{"token", token.Reveal()}}}, nil
}

// logOut ends the token it comes with.
func (a *api) logOut(r *http.Request, by core.Actor) (face.Reply, error) {
	return face.Reply{Status: http.StatusNoContent}, a.Core.EndToken(r.Context(), by)
}
