package senhasegura

import (
	"net/http"
	"net/url"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/vault"
)

// tokenReply is the answer of the token endpoint to who is let in.
type tokenReply struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	AccessToken string `json:"access_token"`
}

// tokenError is its answer to others, as the library league/oauth2-server gives
// it: the product's clients want error to be a text, and print message.
type tokenError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Hint        string `json:"hint,omitempty"`
	Message     string `json:"message"`
}

func refuseToken(status int, code, text, hint string) face.Reply {
	return face.Reply{Status: status, Body: tokenError{code, text, hint, text}}
}

// client is what a client shows to get a token.
type client struct {
	id, secret string
	basic      bool // in the Authorization header
}

// issueToken answers the client credentials grant of OAuth 2.0 (RFC 6749, 4.4).
func (d dialect) issueToken(r *http.Request, _ core.Actor) (face.Reply, error) {
	f, err := readFields(r)
	if err != nil {
		return face.Reply{}, err
	}
	grant, err := f.text("grant_type")
	if err != nil || grant.Value != "client_credentials" {
		return refuseToken(http.StatusBadRequest, "unsupported_grant_type",
			"The authorization grant type is not supported by the authorization server.",
			"Check that all required parameters have been provided"), nil
	}
	c, err := clientOf(r, f)
	if err != nil || c.id == "" {
		return refuseToken(http.StatusBadRequest, "invalid_request",
			"The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.",
			"Check the `client_id` parameter"), nil
	}
	return d.issueTokenTo(r, c)
}

// clientOf finds the client's credentials: in a Basic header, else in the body.
// A header of another scheme is not looked at. It may be the last token's.
func clientOf(r *http.Request, f fields) (client, error) {
	if id, secret, ok := r.BasicAuth(); ok {
		return client{id, secret, true}, nil
	}
	id, err := f.text("client_id")
	if err != nil {
		return client{}, err
	}
	secret, err := f.text("client_secret")
	return client{id.Value, secret.Value, false}, err
}

// decoded is the client with its credentials decoded as RFC 6749, 2.3.1 has
// clients encode them in the header, which not all do.
func (c client) decoded() client {
	id, err := url.QueryUnescape(c.id)
	secret, err2 := url.QueryUnescape(c.secret)
	if !c.basic || err != nil || err2 != nil {
		return c
	}
	return client{id, secret, true}
}

func (d dialect) issueTokenTo(r *http.Request, c client) (face.Reply, error) {
	source := sourceOf(r)
	if wait := d.guesses.Locked(source, d.Now()); wait > 0 {
		return face.Reply{}, face.TooMany(wait)
	}
	if wait := d.stored.Take(source, d.Now()); wait > 0 {
		return face.Reply{}, face.TooMany(wait)
	}
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	token, err := d.tokenFor(r, c, s)
	if core.KindOf(err) == core.Unauthenticated && err != nil {
		face.RequestOf(r.Context()).Err = err
		d.failed(d.guesses, r, err)
		return c.refused(), nil
	}
	if err != nil {
		return face.Reply{}, err
	}
	return face.Reply{
		Header: http.Header{"Pragma": {"no-cache"}}, // RFC 6749, 5.1
		Body:   tokenReply{"Bearer", s.TokenLifetime, token.Reveal()},
	}, nil
}

// tokenFor issues a token to the client as it is written, or as it is decoded.
func (d dialect) tokenFor(r *http.Request, c client, s settings) (vault.Secret, error) {
	origin, lifetime := face.RequestOf(r.Context()).Origin(), time.Duration(s.TokenLifetime)*time.Second
	token, err := d.Core.IssueAccessToken(r.Context(), c.id, vault.NewSecret(c.secret), lifetime, origin)
	if plain := c.decoded(); core.KindOf(err) == core.Unauthenticated && err != nil && plain != c {
		return d.Core.IssueAccessToken(r.Context(), plain.id, vault.NewSecret(plain.secret), lifetime, origin)
	}
	return token, err
}

func (c client) refused() face.Reply {
	const text = "Client authentication failed"
	reply := refuseToken(http.StatusUnauthorized, "invalid_client", text, "")
	if c.basic {
		reply.Header = http.Header{"Www-Authenticate": {`Basic realm="OAuth"`}}
	}
	return reply
}
