package raidboxes

import (
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Authenticate gives the actor of a bearer token.
func (p *protocol) Authenticate(r *http.Request) (core.Actor, error) {
	req := face.RequestOf(r.Context())
	return p.Core.AuthenticateTicket(r.Context(), bearerToken(r), req.Origin())
}

// bearerToken is the token of a request, empty where it has none.
func bearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// login answers POST /v1/login.
func (p *protocol) login(r *http.Request, _ core.Actor) (face.Reply, error) {
	in, err := p.readLogin(r)
	if err != nil {
		return face.Reply{}, err
	}
	req := face.RequestOf(r.Context())
	who := guessOf(in.Email, req.Address)
	if wait := p.guesses.wait(who, p.Now()); wait > 0 {
		return face.Reply{}, face.TooMany(wait)
	}
	issued, err := p.Core.LogIn(r.Context(), in, req.Origin())
	switch kind := core.KindOf(err); {
	case err == nil:
		p.guesses.right(who)
	case kind == core.Unauthenticated:
		p.guesses.fail(who, p.Now())
		return face.Reply{}, err
	case kind == core.Invalid: // the password was right, the code is not there or has no form
		return face.Reply{}, codeError(in.Code)
	default:
		return face.Reply{}, err
	}
	body := accountWire{ID: issued.Account.ShortID, Email: issued.Account.Email}
	return face.Reply{Header: tokenHeader(issued), Body: body}, nil
}

// refresh answers POST /v1/refresh-token.
func (p *protocol) refresh(r *http.Request, _ core.Actor) (face.Reply, error) {
	issued, err := p.Core.RefreshTicket(r.Context(), bearerToken(r), face.RequestOf(r.Context()).Origin())
	if err != nil {
		return face.Reply{}, err
	}
	return face.Reply{Header: tokenHeader(issued), Body: tokenWire{issued.Token.Reveal()}}, nil
}

// tokenHeader has the name as the vendor spells it, which Header.Set would
// change.
func tokenHeader(issued core.Issued) http.Header {
	return http.Header{"access_token": {issued.Token.Reveal()}}
}
