// Package jwt signs short statements about who somebody is, and tells whether
// one that comes back was signed here (RFC 7519).
//
// It takes one form and no other: HS256, in a header that never varies, with
// our issuer. HMAC, because nobody but us reads these tokens: there is no
// public half of a key that somebody could be made to take for a secret. The
// header is compared as a whole, so nothing in it can choose an algorithm, a
// key or a place to fetch one from; the library checks signature and claims.
//
// The package keeps no keys and no list of tokens: whether a token still counts
// is for its caller to know, by [Claims.ID].
package jwt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

const (
	// KeySize is how many random bytes a key has: as many as the hash gives
	// (RFC 7518, 3.2).
	KeySize = 32

	// Issuer is in every token. Who uses the same keys for something else
	// names another.
	Issuer = "keyrack"

	// header is {"alg":"HS256","typ":"JWT"}.
	header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

	// maxToken is far above what a token of ours has.
	maxToken = 1024

	// skew is how far the clocks of two servers may be apart.
	skew = 30 * time.Second
)

// ErrInvalid says that a text is no token of ours, or one out of its time. It
// does not say why: that would help nobody but an attacker.
var ErrInvalid = errors.New("invalid token")

// Claims is what a token states. Times are cut to seconds.
type Claims struct {
	ID        string    // names the token, and no other
	Subject   string    // whom it is about
	IssuedAt  time.Time // it is not valid before, either
	ExpiresAt time.Time
}

// Sign makes the token that states the claims. The same claims and key give
// the same token.
func Sign(c Claims, key []byte) (string, error) {
	token, err := jwt.NewBuilder().Issuer(Issuer).JwtID(c.ID).Subject(c.Subject).
		IssuedAt(c.IssuedAt).NotBefore(c.IssuedAt).Expiration(c.ExpiresAt).Build()
	if err != nil {
		return "", fmt.Errorf("build token: %w", err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.HS256(), key))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return string(signed), nil
}

// Verify gives the claims of a token that one of the keys has signed and whose
// time it is; the end may be past by the half minute that clocks may differ. Its
// one error is [ErrInvalid].
func Verify(text string, keys [][]byte, now time.Time) (Claims, error) {
	if !isOurForm(text) {
		return Claims{}, ErrInvalid
	}
	for _, key := range keys {
		if token, err := jwt.ParseString(text, options(key, now)...); err == nil {
			return claimsOf(token), nil
		}
	}
	return Claims{}, ErrInvalid
}

// options name the algorithm with the key, and every claim that must be there.
func options(key []byte, now time.Time) []jwt.ParseOption {
	o := []jwt.ParseOption{
		jwt.WithKey(jwa.HS256(), key), jwt.WithIssuer(Issuer), jwt.WithStrictStringClaims(true),
		jwt.WithPedantic(true), // else a token inside a token is unpacked and believed
		jwt.WithClock(jwt.ClockFunc(func() time.Time { return now })), jwt.WithAcceptableSkew(skew),
	}
	for _, claim := range []string{jwt.JwtIDKey, jwt.SubjectKey, jwt.IssuedAtKey, jwt.NotBeforeKey, jwt.ExpirationKey} {
		o = append(o, jwt.WithRequiredClaim(claim))
	}
	return o
}

// isOurForm tells whether a text can be a token of ours: not long, our header,
// and two more parts in the one spelling that base64url has for some bytes.
func isOurForm(text string) bool {
	rest, ours := strings.CutPrefix(text, header)
	payload, signature, _ := strings.Cut(rest, ".")
	return ours && len(text) <= maxToken && isBase64(payload) && isBase64(signature)
}

func isBase64(text string) bool {
	_, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && text != "" && !strings.ContainsAny(text, "\r\n") // which the decoder skips
}

func claimsOf(token jwt.Token) (c Claims) {
	c.ID, _ = token.JwtID()
	c.Subject, _ = token.Subject()
	c.IssuedAt, _ = token.IssuedAt()
	c.ExpiresAt, _ = token.Expiration()
	return c
}
