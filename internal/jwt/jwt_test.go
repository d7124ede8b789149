package jwt_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"keyrack/internal/jwt"
)

var (
	key   = []byte("0123456789abcdef0123456789ABCDEF")
	other = []byte("another key another key another!")
	now   = time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
)

var claims = jwt.Claims{ID: "0197c3a2", Subject: "Q7M2VX4K", IssuedAt: now, ExpiresAt: now.Add(time.Hour)}

func sign(t testing.TB, c jwt.Claims, key []byte) string {
	t.Helper()
	token, err := jwt.Sign(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// forge makes a token with any header and payload, signed by HMAC with the
// right key: what is refused then is refused for its content.
func forge(t testing.TB, header string, payload map[string]any) string {
	t.Helper()
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return seal(b64([]byte(header))+"."+b64(body), key)
}

func seal(signed string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + b64(mac.Sum(nil))
}

const goodHeader = `{"alg":"HS256","typ":"JWT"}`

// payload is that of a good token, but for the changes; nil takes a claim away.
func payload(change map[string]any) map[string]any {
	p := map[string]any{
		"iss": jwt.Issuer, "sub": "Q7M2VX4K", "jti": "0197c3a2",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(p, change)
	maps.DeleteFunc(p, func(_ string, v any) bool { return v == nil })
	return p
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	token := sign(t, claims, key)
	if token != sign(t, claims, key) {
		t.Error("Sign twice gave two tokens, want one")
	}
	for _, keys := range [][][]byte{{key}, {other, key}, {key, other}} {
		if got, err := jwt.Verify(token, keys, now); err != nil || got.ID != claims.ID || got.Subject != claims.Subject ||
			!got.IssuedAt.Equal(claims.IssuedAt) || !got.ExpiresAt.Equal(claims.ExpiresAt) {
			t.Errorf("Verify = %+v, %v; want %+v", got, err, claims)
		}
	}
	// What forge makes is good as long as nothing is changed.
	if _, err := jwt.Verify(forge(t, goodHeader, payload(nil)), [][]byte{key}, now); err != nil {
		t.Errorf("Verify of the token that the attacks begin with: %v", err)
	}
}

func TestVerifyInTime(t *testing.T) {
	t.Parallel()
	token := sign(t, claims, key)
	for at, want := range map[time.Duration]bool{
		-time.Hour: false, -31 * time.Second: false, -29 * time.Second: true, 0: true,
		time.Hour: true, time.Hour + 29*time.Second: true, time.Hour + 31*time.Second: false,
	} {
		if _, err := jwt.Verify(token, [][]byte{key}, now.Add(at)); (err == nil) != want {
			t.Errorf("Verify %v after the issue: %v, want success %v", at, err, want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	good := sign(t, claims, key)
	parts := strings.Split(good, ".")
	attacks := map[string]string{
		"nothing":                        "",
		"blank":                          " ",
		"dots":                           "..",
		"another key":                    sign(t, claims, other),
		"empty key":                      sign(t, claims, []byte{0}),
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"two parts":                      parts[0] + "." + parts[1],
		"four parts":                     good + ".x",
		"blank behind":                   good + " ",
		"newline inside":                 parts[0] + "." + parts[1] + "\n." + parts[2],
		"newline in the signature":       good[:len(good)-5] + "\n" + good[len(good)-5:],
		"padding":                        good + "=",
		"NUL behind":                     good + "\x00",
		"other spelling of the same":     otherSpelling(good),
		"signature of another":           parts[0] + "." + parts[1] + "." + strings.Split(sign(t, jwt.Claims{ID: "x", Subject: "y", IssuedAt: now, ExpiresAt: now.Add(time.Hour)}, key), ".")[2],
		"JSON serialization":             `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"JSON with an unsigned key":      `{"payload":"` + parts[1] + `","signatures":[{"header":{"alg":"none"},"signature":""}]}`,
		"a JWE":                          b64([]byte(`{"alg":"dir","enc":"A256GCM"}`)) + ".." + b64(make([]byte, 12)) + "." + parts[1] + "." + b64(make([]byte, 16)),
		"none":                           b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
		"None":                           b64([]byte(`{"alg":"None","typ":"JWT"}`)) + "." + parts[1] + ".",
		"none with a signature":          forge(t, `{"alg":"none","typ":"JWT"}`, payload(nil)),
		"none in the payload's place":    parts[0] + "." + b64([]byte(`{"alg":"none"}`)) + "." + parts[2],
		"no algorithm":                   forge(t, `{"typ":"JWT"}`, payload(nil)),
		"algorithm twice":                forge(t, `{"alg":"HS256","alg":"none","typ":"JWT"}`, payload(nil)),
		"HS512 with our key":             signedHS512(t),
		"HS256 in lower case":            forge(t, `{"alg":"hs256","typ":"JWT"}`, payload(nil)),
		"RS256 of a key of their own":    signedRS256(t),
		"RS256 said, HMAC done":          forge(t, `{"alg":"RS256","typ":"JWT"}`, payload(nil)),
		"HMAC with a public key as PEM":  seal(b64([]byte(goodHeader))+"."+parts[1], publicPEM(t)),
		"header in another order":        forge(t, `{"typ":"JWT","alg":"HS256"}`, payload(nil)),
		"no type":                        forge(t, `{"alg":"HS256"}`, payload(nil)),
		"another type":                   forge(t, `{"alg":"HS256","typ":"at+jwt"}`, payload(nil)),
		"kid that is a path":             forge(t, `{"alg":"HS256","kid":"../../dev/null","typ":"JWT"}`, payload(nil)),
		"kid that is SQL":                forge(t, `{"alg":"HS256","kid":"' UNION SELECT 'x","typ":"JWT"}`, payload(nil)),
		"kid of nothing":                 forge(t, `{"alg":"HS256","kid":"","typ":"JWT"}`, payload(nil)),
		"jku":                            forge(t, `{"alg":"HS256","jku":"https://attacker.example/keys","typ":"JWT"}`, payload(nil)),
		"jwk of their own":               forge(t, `{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"typ":"JWT"}`, payload(nil)),
		"x5u":                            forge(t, `{"alg":"HS256","typ":"JWT","x5u":"https://attacker.example/cert"}`, payload(nil)),
		"crit nobody knows":              forge(t, `{"alg":"HS256","crit":["exp"],"typ":"JWT"}`, payload(nil)),
		"payload not encoded":            forge(t, `{"alg":"HS256","b64":false,"crit":["b64"],"typ":"JWT"}`, payload(nil)),
		"expired":                        forge(t, goodHeader, payload(map[string]any{"exp": now.Add(-time.Minute).Unix()})),
		"no end":                         forge(t, goodHeader, payload(map[string]any{"exp": nil})),
		"end that is null":               forge(t, goodHeader, payload(map[string]any{"exp": json.RawMessage("null")})),
		"end that is text":               forge(t, goodHeader, payload(map[string]any{"exp": "never"})),
		"end that is a list":             forge(t, goodHeader, payload(map[string]any{"exp": []int{1}})),
		"end before the epoch":           forge(t, goodHeader, payload(map[string]any{"exp": -1})),
		"future":                         forge(t, goodHeader, payload(map[string]any{"nbf": now.Add(time.Minute).Unix()})),
		"no beginning":                   forge(t, goodHeader, payload(map[string]any{"nbf": nil})),
		"issued in the future":           forge(t, goodHeader, payload(map[string]any{"iat": now.Add(time.Minute).Unix()})),
		"no issue":                       forge(t, goodHeader, payload(map[string]any{"iat": nil})),
		"another issuer":                 forge(t, goodHeader, payload(map[string]any{"iss": "https://attacker.example"})),
		"issuer in another case":         forge(t, goodHeader, payload(map[string]any{"iss": "Keyrack"})),
		"no issuer":                      forge(t, goodHeader, payload(map[string]any{"iss": nil})),
		"list of issuers":                forge(t, goodHeader, payload(map[string]any{"iss": []string{jwt.Issuer}})),
		"no subject":                     forge(t, goodHeader, payload(map[string]any{"sub": nil})),
		"subject that is null":           forge(t, goodHeader, payload(map[string]any{"sub": json.RawMessage("null")})),
		"no id":                          forge(t, goodHeader, payload(map[string]any{"jti": nil})),
		"payload that is a list":         seal(b64([]byte(goodHeader))+"."+b64([]byte(`[]`)), key),
		"payload that is no JSON":        seal(b64([]byte(goodHeader))+"."+b64([]byte(`{`)), key),
		"payload that is a token":        seal(b64([]byte(goodHeader))+"."+b64([]byte(good)), key),
		"giant":                          parts[0] + "." + strings.Repeat("A", 16<<20) + "." + parts[2],
		"giant and well signed":          forge(t, goodHeader, payload(map[string]any{"x": strings.Repeat("A", 1<<20)})),
		"deep":                           seal(b64([]byte(goodHeader))+"."+b64([]byte(strings.Repeat(`[`, 600))), key),
		"Bearer in front":                "Bearer " + good,
		"two tokens":                     good + "," + good,
		"header of ours, cut":            parts[0],
		"our header, nothing but dots":   parts[0] + "..",
		"compressed":                     forge(t, `{"alg":"HS256","typ":"JWT","zip":"DEF"}`, payload(nil)),
		"standard base64":                strings.NewReplacer("-", "+", "_", "/").Replace(forge(t, goodHeader, payload(map[string]any{"sub": "???>>>"}))),
		"claims of a signed other issue": forge(t, `{"alg":"HS256","typ":"JWT","iss":"keyrack"}`, payload(nil)),
	}
	for attack, token := range attacks {
		t.Run(attack, func(t *testing.T) {
			t.Parallel()
			got, err := jwt.Verify(token, [][]byte{key}, now)
			if !errors.Is(err, jwt.ErrInvalid) || got != (jwt.Claims{}) {
				t.Errorf("Verify = %+v, %v; want ErrInvalid and nothing", got, err)
			}
		})
	}
	for _, keys := range [][][]byte{nil, {}, {other}} {
		if _, err := jwt.Verify(good, keys, now); !errors.Is(err, jwt.ErrInvalid) {
			t.Errorf("Verify of a good token with keys %q: %v, want ErrInvalid", keys, err)
		}
	}
}

// Every change of a single character breaks a token.
func TestVerifyRefusesAlteredTokens(t *testing.T) {
	t.Parallel()
	good := sign(t, claims, key)
	for i := range good {
		for _, c := range []byte{'A', 'B', good[i] ^ 1, good[i] ^ 0x20, '.'} {
			altered := good[:i] + string(c) + good[i+1:]
			if altered == good {
				continue
			}
			if _, err := jwt.Verify(altered, [][]byte{key}, now); !errors.Is(err, jwt.ErrInvalid) {
				t.Errorf("Verify with %q for character %d: %v, want ErrInvalid", c, i, err)
			}
		}
	}
}

// otherSpelling changes bits of the last character that stand for nothing.
func otherSpelling(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

func signedHS512(t testing.TB) string {
	t.Helper()
	signed := strings.Join(strings.Split(forge(t, `{"alg":"HS512","typ":"JWT"}`, payload(nil)), ".")[:2], ".")
	mac := hmac.New(sha512.New, key)
	mac.Write([]byte(signed))
	return signed + "." + b64(mac.Sum(nil))
}

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signedRS256(t testing.TB) string {
	t.Helper()
	signed := strings.Join(strings.Split(forge(t, `{"alg":"RS256","typ":"JWT"}`, payload(nil)), ".")[:2], ".")
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, rsaKey(t), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(signature)
}

// publicPEM is what HS/RS confusion takes for the secret.
func publicPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(rsaKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
