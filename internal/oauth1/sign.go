package oauth1

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 5849 has HMAC-SHA1; HMAC does not ask that collisions be hard to find
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Verify tells whether whoever made the request knew both secrets. tokenSecret
// is empty where there is no token.
func (s Signed) Verify(consumerSecret, tokenSecret string) bool {
	got, err := base64.StdEncoding.DecodeString(s.signature)
	return err == nil && hmac.Equal(got, s.sum(consumerSecret, tokenSecret))
}

func (s Signed) sum(consumerSecret, tokenSecret string) []byte {
	mac := hmac.New(sha1.New, []byte(encode(consumerSecret)+"&"+encode(tokenSecret)))
	mac.Write([]byte(s.base))
	return mac.Sum(nil)
}

// Fresh tells whether the timestamp lies within so much of now, on either side.
func (s Signed) Fresh(now time.Time, window time.Duration) bool {
	return s.Timestamp.Sub(now).Abs() <= window
}

// NonceKey is what must not be seen twice while the timestamp is fresh: the
// nonce of that consumer and token, in a form of fixed size.
func (s Signed) NonceKey() [32]byte {
	return sha256.Sum256([]byte(encode(s.ConsumerKey) + "&" + encode(s.Token) + "&" + encode(s.Nonce)))
}

// baseString makes the text that is signed (RFC 5849, 3.4.1.1).
func baseString(r Request, params []param) (string, error) {
	base, err := baseURI(r.Base, r.Path)
	if err != nil {
		return "", err
	}
	return encode(strings.ToUpper(r.Method)) + "&" + encode(base) + "&" + encode(normalize(params)), nil
}

// baseURI makes the URI without query of RFC 5849, 3.4.1.2: the default port
// of the scheme does not show.
func baseURI(base, path string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("the server's own address %q is no URL", base)
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, nil
}

// normalize writes all parameters but the signature in order (RFC 5849,
// 3.4.1.3.2). They are ordered by their encoded form, name before value.
func normalize(params []param) string {
	encoded := make([]param, 0, len(params))
	for _, p := range params {
		if p.name != paramSignature {
			encoded = append(encoded, param{encode(p.name), encode(p.value)})
		}
	}
	slices.SortFunc(encoded, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	pairs := make([]string, len(encoded))
	for i, p := range encoded {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.Join(pairs, "&")
}

// encode percent-encodes as RFC 5849, 3.6 has it: all but RFC 3986's
// unreserved characters, in upper case. Nothing in net/url encodes so.
func encode(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
