package senhasegura

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/oauth1"
)

// Authenticate gives the actor of an access token or of a signed request.
func (p *protocol) Authenticate(r *http.Request) (core.Actor, error) {
	if !hasCredentials(r) {
		return core.Actor{}, errNoCredentials
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" || strings.EqualFold(scheme, "OAuth") {
		return p.authenticateSigned(r)
	}
	if !strings.EqualFold(scheme, "Bearer") {
		token = "" // of a scheme that none is made for
	}
	// Guessing is no way to an access token, so whoever has one is let in however
	// many others fail behind the same address.
	by, err := p.Core.AuthenticateAccessToken(r.Context(), strings.TrimSpace(token), p.caller(r))
	if err == nil {
		return by, nil
	}
	if wait := p.failed(p.stale, r, err); wait > 0 {
		return by, face.TooMany(wait)
	}
	return by, err
}

// hasCredentials tells whether a request shows any at all: a header, or OAuth
// 1.0 in the query.
func hasCredentials(r *http.Request) bool {
	return strings.TrimSpace(r.Header.Get("Authorization")) != "" || strings.Contains(r.URL.RawQuery, "oauth_consumer_key=")
}

// failed counts a failed authentication and tells how long its address is to
// wait by now. That an authorization is inactive, or not for this address, does
// not count: a published client tries such an answer four times.
func (p *protocol) failed(count *face.Failures[netip.Addr], r *http.Request, err error) time.Duration {
	if core.KindOf(err) != core.Unauthenticated || errors.Is(err, core.ErrInactive) {
		return 0
	}
	wait := count.Locked(sourceOf(r), p.Now())
	count.Fail(sourceOf(r), p.Now())
	return wait
}

// sourceOf is whom failures are counted for: an IPv4 address or IPv6 /64, which
// one customer has as a whole.
func sourceOf(r *http.Request) netip.Addr {
	addr := face.RequestOf(r.Context()).Address
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}

// authenticateSigned gives the actor of a request signed by OAuth 1.0. All that
// can be wrong with a signature has one answer.
func (p *protocol) authenticateSigned(r *http.Request) (core.Actor, error) {
	if wait := p.guesses.Locked(sourceOf(r), p.Now()); wait > 0 {
		return core.Actor{}, face.TooMany(wait)
	}
	form, err := formBody(r)
	if err != nil {
		return core.Actor{}, err
	}
	by, err := p.verify(r, form)
	if core.KindOf(err) == core.Unauthenticated && !errors.Is(err, core.ErrInactive) {
		err = errors.Join(errBadSignature, err)
		p.failed(p.guesses, r, err)
	}
	return by, err
}

// verify tries the addresses that the client may have signed, of which all but
// one give a signature that does not hold.
func (p *protocol) verify(r *http.Request, form string) (by core.Actor, err error) {
	if wait := p.stored.Take(sourceOf(r), p.Now()); wait > 0 {
		return by, face.TooMany(wait)
	}
	for _, base := range p.bases(r) {
		signed, bad := oauth1.Parse(oauth1.Request{
			Method: r.Method, Base: base, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			Authorization: r.Header.Get("Authorization"), Form: form,
		})
		if bad != nil {
			return by, &core.Error{Kind: core.Unauthenticated, Err: bad}
		}
		by, err = p.Core.AuthenticateOAuth1(r.Context(), signed, p.caller(r))
		if err == nil || core.KindOf(err) != core.Unauthenticated || errors.Is(err, core.ErrInactive) {
			return by, err
		}
	}
	return by, err
}

// bases are the addresses of this server that a client may have signed: the
// configured one, and behind a trusted proxy the one that it says it was asked
// by. The Host header of anybody else is not believed: a signature made for
// another server would hold here.
func (p *protocol) bases(r *http.Request) []string {
	bases := []string{p.BaseURL}
	if host := lastOf(r.Header, "X-Forwarded-Host"); host != "" && face.FromProxy(r, p.TrustedProxies) {
		scheme := lastOf(r.Header, "X-Forwarded-Proto")
		if !strings.EqualFold(scheme, "http") {
			scheme = "https"
		}
		if forwarded := strings.ToLower(scheme + "://" + host); forwarded != strings.ToLower(p.BaseURL) {
			bases = append(bases, forwarded)
		}
	}
	return bases
}

// lastOf is the last item of a header that is a list: what the nearest proxy
// has added.
func lastOf(h http.Header, name string) string {
	all := strings.Join(h.Values(name), ",")
	return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
}

// formBody reads the body of a form, which a signature covers, and puts it back
// for the handler. Other bodies are not signed, and not read here.
func formBody(r *http.Request) (string, error) {
	if mediaType(r) != "application/x-www-form-urlencoded" {
		return "", nil
	}
	body, err := face.Body(r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body), err
}

// mediaType is the type of the body, empty where none is given or it cannot be
// read.
func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return kind
}

// caller is what a request shows beside its credential.
func (p *protocol) caller(r *http.Request) core.Caller {
	return core.Caller{
		Origin: face.RequestOf(r.Context()).Origin(), Referer: r.Referer(), Certificate: p.certificate(r),
	}
}

// certificate is the fingerprint of the client's TLS certificate: of the
// connection's, or of that which a trusted proxy has checked and passes on in
// the header Client-Cert (RFC 9440). From anybody else the header is nothing.
func (p *protocol) certificate(r *http.Request) string {
	var der []byte
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		der = r.TLS.PeerCertificates[0].Raw
	} else if face.FromProxy(r, p.TrustedProxies) {
		text := strings.Trim(r.Header.Get("Client-Cert"), ": ")
		der, _ = base64.StdEncoding.DecodeString(text) // what cannot be read is no certificate
	}
	if len(der) == 0 {
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
