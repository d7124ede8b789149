package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"
)

const (
	// shortAlphabet has no look-alikes (0 O, 1 I L, U), as Raidboxes ids.
	shortAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	// identifierAlphabet is lower-case base32 without look-alikes, safe as an
	// SSH user name on every client's command line.
	identifierAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"
	identifierLength   = 20 // times 5 bits: 100 random bits
)

// NewShortID makes an 8-character id of upper-case letters and digits.
func NewShortID() string { return randomText(shortAlphabet, 8) }

// NewIdentifier makes a session's connection identifier. It grants: who knows
// it may connect to the session.
func NewIdentifier() string { return randomText(identifierAlphabet, identifierLength) }

// isIdentifier tells whether a text can be a session's identifier. Scanners try
// others, and not every text can be asked for.
func isIdentifier(text string) bool {
	return len(text) == identifierLength && strings.Trim(text, identifierAlphabet) == ""
}

// newUUID makes a UUIDv7 (RFC 9562, 5.7).
func newUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// newSecret makes a credential of 256 random bits with a prefix that secret
// scanners can look for.
func newSecret(prefix string) string {
	return prefix + base64.RawURLEncoding.EncodeToString(randomBytes(32))
}

// newSigningSecret makes a secret in the form of Standard Webhooks 1.0.
func newSigningSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString(randomBytes(32))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return b
}

// hashSecret gives all that is kept of a random secret.
func hashSecret(secret string) SecretHash { return sha256.Sum256([]byte(secret)) }

// randomText draws n characters of alphabet, each with the same chance.
func randomText(alphabet string, n int) string {
	limit := byteLimit(len(alphabet))
	out := make([]byte, 0, n)
	var b [1]byte
	for len(out) < n {
		_, _ = rand.Read(b[:])
		if i := int(b[0]); i < limit {
			out = append(out, alphabet[i%len(alphabet)])
		}
	}
	return string(out)
}

// byteLimit is where the bytes begin that would give some of n characters once
// more than the others: the largest multiple of n up to 256.
func byteLimit(n int) int { return 256 / n * n }
