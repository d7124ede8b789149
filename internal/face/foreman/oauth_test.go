package foreman_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/face/foreman"
	"keyrack/internal/vault"
)

const consumerSecret = "consumer-secret-consumer-secret"

// oauth are the options of a world in which requests may be signed.
func oauth(mapUsers bool) func(*foreman.Options) {
	return func(o *foreman.Options) {
		o.OAuth = &foreman.OAuth{ConsumerKey: "katello", ConsumerSecret: vault.NewSecret(consumerSecret), MapUsers: mapUsers}
	}
}

var nonces atomic.Int64

// signed is the header that signs a request to the world's address, with a hash
// of its body where it has one, as Ruby's client does. What changes, by name, is
// signed too.
func (w *world) signed(secret, method, path, body string, changes ...[2]string) string {
	w.t.Helper()
	params := map[string]string{
		"oauth_consumer_key": "katello", "oauth_signature_method": "HMAC-SHA1", "oauth_version": "1.0",
		"oauth_timestamp": strconv.FormatInt(w.Now().Unix(), 10), "oauth_nonce": fmt.Sprint("nonce", nonces.Add(1)),
	}
	if body != "" {
		sum := sha1.Sum([]byte(body))
		params["oauth_body_hash"] = base64.StdEncoding.EncodeToString(sum[:])
	}
	for _, c := range changes {
		params[c[0]] = c[1]
	}
	var pairs, header []string
	for name, value := range params {
		pairs = append(pairs, name+"="+signer.PercentEncode(value))
		header = append(header, name+`="`+signer.PercentEncode(value)+`"`)
	}
	slices.Sort(pairs)
	base := method + "&" + signer.PercentEncode("http://keys.example.org"+path) + "&" + signer.PercentEncode(strings.Join(pairs, "&"))
	signature, err := (&signer.HMACSigner{ConsumerSecret: secret}).Sign("", base)
	if err != nil {
		w.t.Fatal(err)
	}
	return "OAuth " + strings.Join(append(header, `oauth_signature="`+signer.PercentEncode(signature)+`"`), ", ")
}

// Whom a signed request acts as, where it names one of the accounts.
func TestOAuthMapsUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, oauth(true))
	const path = "/api/current_user"
	for _, tt := range []struct {
		name, authorization, user string
		status                    int
		reply                     string
	}{
		{"a user", w.signed(consumerSecret, "GET", path, ""), "bob", 200, `"login":"bob"`},
		{"a user in another case", w.signed(consumerSecret, "GET", path, ""), "BOB", 200, `"login":"bob"`},
		{"no user", w.signed(consumerSecret, "GET", path, ""), "", 401, `{"error":{"message":"Unable to authenticate user "}}`},
		{"unknown user", w.signed(consumerSecret, "GET", path, ""), "nobody", 401, `{"error":{"message":"Unable to authenticate user nobody"}}`},
		{"hidden user", w.signed(consumerSecret, "GET", path, ""), "foreman_api_admin", 401, `{"error":{"message":"Unable to authenticate user foreman_api_admin"}}`},
		{"disabled user", w.signed(consumerSecret, "GET", path, ""), "off", 401, `{"error":{"message":"User account is disabled, please contact your administrator"}}`},
		{"another secret", w.signed("another", "GET", path, ""), "admin", 401, `{"error":{"message":"Unable to authenticate user admin"}}`},
		{"another consumer", w.signed(consumerSecret, "GET", path, "", [2]string{"oauth_consumer_key", "another"}), "admin", 401, ""},
		{"with a token", w.signed(consumerSecret, "GET", path, "", [2]string{"oauth_token", "token"}), "admin", 401, ""},
		{"another path", w.signed(consumerSecret, "GET", "/api/status", ""), "admin", 401, ""},
		{"another method", w.signed(consumerSecret, "POST", path, ""), "admin", 401, ""},
		{"an hour old", w.signed(consumerSecret, "GET", path, "", [2]string{"oauth_timestamp", strconv.FormatInt(start.Unix()-3600, 10)}), "admin", 401, ""},
		{"no signature", "OAuth", "admin", 401, ""},
	} {
		got := w.do("", http.MethodGet, path, "", "Authorization", tt.authorization, "Foreman-User", tt.user)
		if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.reply) {
			t.Errorf("%s = %d %s, want %d %s", tt.name, got.Code, got.Body, tt.status, tt.reply)
		}
	}
	body := keyBody(t, "laptop", ed25519Key)
	const keys = "/api/users/5/ssh_keys"
	once := w.signed(consumerSecret, "POST", keys, body)
	for _, want := range []int{http.StatusCreated, http.StatusUnauthorized} {
		if got := w.do("", http.MethodPost, keys, body, "Authorization", once, "Foreman_user", "bob"); got.Code != want {
			t.Errorf("a signed body = %d %s, want %d", got.Code, got.Body, want)
		}
	}
	if got := w.do("", http.MethodPost, keys, body, "Authorization", w.signed(consumerSecret, "POST", keys, body), "Foreman_user", "viewer"); got.Code != http.StatusForbidden {
		t.Errorf("signed as one who may not = %d %s, want 403", got.Code, got.Body)
	}
}

// Without mapping a signed request is an administrator's who has no account.
func TestOAuthWithoutMapping(t *testing.T) {
	t.Parallel()
	w := newWorld(t, oauth(false))
	ask := func(method, path, body string, headers ...string) string {
		t.Helper()
		got := w.do("", method, path, body, append(headers, "Authorization", w.signed(consumerSecret, method, path, body))...)
		if got.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s %s begins a session of nobody", method, path)
		}
		return fmt.Sprint(got.Code, " ", got.Body)
	}
	if got := ask("GET", "/api/status", ""); !strings.HasPrefix(got, "200 ") {
		t.Errorf("status = %s", got)
	}
	if got := ask("POST", "/api/users/8/ssh_keys", keyBody(t, "laptop", ed25519Key)); !strings.HasPrefix(got, "201 ") {
		t.Errorf("a key for zoe = %s", got)
	}
	if got := ask("GET", "/api/users/8/ssh_keys", "", "Foreman-User", "bob"); !strings.HasPrefix(got, `200 {"total":1,`) {
		t.Errorf("keys of zoe, as a user that does not count = %s", got)
	}
	if got := ask("GET", "/api/current_user", ""); !strings.HasPrefix(got, "404 ") {
		t.Errorf("current user = %s, want 404", got)
	}
	if got := ask("DELETE", "/api/users/4", ""); !strings.HasPrefix(got, "422 ") || !strings.Contains(got, "Can't delete the last admin account") {
		t.Errorf("to delete the last administrator = %s", got)
	}
}

// Where no consumer is set, no signature counts; and failed ones lock an address out.
func TestOAuthOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 30 {
		got := w.do("", http.MethodGet, "/api/status", "", "Authorization", w.signed("", "GET", "/api/status", ""), "Foreman-User", "admin")
		if want := `{"error":{"message":"Unable to authenticate user "}}`; got.Code != http.StatusUnauthorized || got.Body.String() != want {
			t.Fatalf("signed = %d %s, want 401 %s", got.Code, got.Body, want)
		}
	}
	w.want(asBob, http.MethodGet, "/api/status", "", http.StatusUnauthorized, `{"error":{"message":"Too many tries, please try again in a few minutes."}}`)
	w.Pass(5 * time.Minute)
	w.want(asBob, http.MethodGet, "/api/status", "", http.StatusOK, "")
}
