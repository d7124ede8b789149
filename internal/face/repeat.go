package face

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"keyrack/internal/core"
)

// idempotencyKey is the header of a request that its sender may repeat
// (draft-ietf-httpapi-idempotency-key-header). No product that the faces imitate has it;
// clients that do not know it lose nothing.
const idempotencyKey = "Idempotency-Key"

// Repeats tells whether a request may be a repetition, so that its body is
// worth reading before its handler does.
func Repeats(r *http.Request) bool { return r.Header.Get(idempotencyKey) != "" }

// Repeatable gives the actor of a request as one whose request may be repeated,
// where it says so. The error is core's, of kind Invalid.
func Repeatable(r *http.Request, body []byte, by core.Actor) (core.Actor, error) {
	if !Repeats(r) {
		return by, nil
	}
	return by.Repeatable(r.Header.Get(idempotencyKey), fingerprint(r, body))
}

// fingerprint is a digest of what a request asks for.
func fingerprint(r *http.Request, body []byte) core.Digest {
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, asked(r.URL.Query())} {
		_, _ = fmt.Fprintf(h, "%d %s", len(part), part)
	}
	h.Write(body)
	return core.Digest(h.Sum(nil))
}

// asked is the query without what OAuth 1.0 signs each request anew with
// (RFC 5849, 3.5.3).
func asked(query url.Values) string {
	for name := range query {
		if strings.HasPrefix(name, "oauth_") {
			query.Del(name)
		}
	}
	return query.Encode()
}
