package senhasegura_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/core"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/senhasegura"
)

// sign signs a request as the writer, at the world's time.
func (w *world) sign(t testing.TB, method, target, nonce string, at time.Time) string {
	t.Helper()
	base := method + "&" + signer.PercentEncode(target) + "&" + signer.PercentEncode(fmt.Sprintf(
		"oauth_consumer_key=%s&oauth_nonce=%s&oauth_signature_method=HMAC-SHA1&oauth_timestamp=%d&oauth_token=%s&oauth_version=1.0",
		consumerKey, nonce, at.Unix(), oauthToken))
	signature, err := (&signer.HMACSigner{ConsumerSecret: consumerSecret}).Sign(tokenSecret, base)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`OAuth realm="", oauth_consumer_key = "%s", oauth_token= "%s", oauth_signature_method="HMAC-SHA1", oauth_timestamp="%d", oauth_nonce="%s", oauth_version="1.0", oauth_signature="%s"`,
		consumerKey, oauthToken, at.Unix(), nonce, signer.PercentEncode(signature))
}

// A name is what the attacker does with a signature.
func TestSignatureAttacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newKey(t)
	const path = "/api/pam/key/1"
	honest := w.sign(t, "GET", baseURL+path, "honest", start)
	if reply := w.send(t, honest, "GET", path, ""); reply.Code != http.StatusOK {
		t.Fatalf("an honest request = %d %s, want 200", reply.Code, reply.Body)
	}
	forwarded := []string{"RemoteAddr", "192.0.2.200:1", "X-Forwarded-Host", "pam.example.test", "X-Forwarded-Proto", "https"}
	for name, tt := range map[string]struct {
		authorization, method, target, body string
		headers                             []string
		want                                int
	}{
		"replayed nonce":         {honest, "GET", path, "", nil, 401},
		"replayed elsewhere":     {honest, "GET", "/api/pam/credential", "", nil, 401},
		"stale timestamp":        {w.sign(t, "GET", baseURL+path, "a", start.Add(-6*time.Minute)), "GET", path, "", nil, 401},
		"timestamp to come":      {w.sign(t, "GET", baseURL+path, "b", start.Add(6*time.Minute)), "GET", path, "", nil, 401},
		"another method":         {w.sign(t, "GET", baseURL+path, "c", start), "DELETE", path, "", nil, 401},
		"altered query":          {w.sign(t, "GET", baseURL+path, "d", start), "GET", path + "?a=1", "", nil, 401},
		"altered form":           {w.sign(t, "POST", baseURL+"/api/pam/device", "e", start), "POST", "/api/pam/device", "hostname=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 401},
		"wrong host":             {w.sign(t, "GET", "https://other.example.test"+path, "f", start), "GET", path, "", []string{"Host", "other.example.test"}, 401},
		"http for https":         {w.sign(t, "GET", "http://vault.example.test"+path, "g", start), "GET", path, "", nil, 401},
		"host of no proxy":       {w.sign(t, "GET", "https://pam.example.test"+path, "h", start), "GET", path, "", forwarded[2:], 401},
		"host of a proxy":        {w.sign(t, "GET", "https://pam.example.test"+path, "i", start), "GET", path, "", forwarded, 200},
		"dummy signature":        {`OAuth oauth_consumer_key="` + consumerKey + `",oauth_token="` + oauthToken + `",oauth_signature="-"`, "GET", path, "", nil, 401},
		"unknown consumer":       {strings.Replace(w.sign(t, "GET", baseURL+path, "j", start), consumerKey, "nobody", 1), "GET", path, "", nil, 401},
		"another's token":        {strings.Replace(w.sign(t, "GET", baseURL+path, "k", start), oauthToken, "another", 1), "GET", path, "", nil, 401},
		"body that is no form":   {w.sign(t, "PUT", baseURL+path, "l", start), "PUT", path, "anything", []string{"Content-Type", "text/plain"}, 400}, // 1045
		"signed query, twice":    {w.sign(t, "GET", baseURL+path, "m", start), "GET", path + "?oauth_nonce=m", "", nil, 401},
		"client without a token": {strings.Replace(w.sign(t, "GET", baseURL+path, "n", start), `oauth_token= "`+oauthToken+`", `, "", 1), "GET", path, "", nil, 401},
	} {
		reply := w.send(t, tt.authorization, tt.method, tt.target, tt.body, tt.headers...)
		if reply.Code != tt.want || reply.Code == 401 && message(t, reply) != "Invalid signature" {
			t.Errorf("%s = %d %s, want %d", name, reply.Code, reply.Body, tt.want)
		}
	}
	w.disable(t, "writer", true)
	reply := w.send(t, w.sign(t, "GET", baseURL+path, "z", start), "GET", path, "")
	if message(t, reply) != "Inactive authorization" {
		t.Errorf("a signature of a disabled authorization = %s", reply.Body)
	}
}

// Where a request comes from is what the network says, or a trusted proxy.
func TestOriginAttacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const proxy = trustedProxy
	cert := ":" + base64.StdEncoding.EncodeToString([]byte(certificateDER)) + ":"
	for name, tt := range map[string]struct {
		client  string
		headers []string
		in      bool
	}{
		"from the network":                  {"near", []string{"RemoteAddr", "10.1.2.3:1"}, true},
		"from loopback":                     {"near", []string{"RemoteAddr", "[::1]:1"}, true},
		"X-Forwarded-For of a stranger":     {"near", []string{"X-Forwarded-For", "10.1.2.3"}, false},
		"X-Forwarded-For of the proxy":      {"near", []string{"RemoteAddr", proxy, "X-Forwarded-For", "10.1.2.3"}, true},
		"X-Forwarded-For through the proxy": {"near", []string{"RemoteAddr", proxy, "X-Forwarded-For", "10.1.2.3, 203.0.113.9"}, false},
		"other headers of a stranger":       {"near", []string{"X-Real-IP", "10.1.2.3", "Forwarded", "for=10.1.2.3"}, false},
		"page":                              {"page", []string{"Referer", "https://intranet.example.org/tools/x"}, true},
		"no page":                           {"page", nil, false},
		"page of another":                   {"page", []string{"Referer", "https://intranet.example.org.evil.example/tools"}, false},
		"certificate of the proxy":          {"pinned", []string{"RemoteAddr", proxy, "Client-Cert", cert}, true},
		"certificate of a stranger":         {"pinned", []string{"Client-Cert", cert}, false},
		"no certificate":                    {"pinned", []string{"RemoteAddr", proxy}, false},
		"broken certificate":                {"pinned", []string{"RemoteAddr", proxy, "Client-Cert", ":%:"}, false},
	} {
		reply := w.do(t, tt.client, "GET", "/api/pam/credential", "", tt.headers...)
		if in := reply.Code == http.StatusOK; in != tt.in || !in && reply.Code != http.StatusInternalServerError {
			t.Errorf("%s = %d %s, want it let in: %v", name, reply.Code, reply.Body, tt.in)
		}
	}
}

// What every kind of authorization gets at every call for a key or a device:
// the number of the error, or ok. Those right of the bar are let in nowhere.
const matrix = `
                                   writer reader stranger assigned hosted foreign nothing | off      closed   expired  address referer nocert badcert
GET    /pam/key/1                  ok     ok     1009     ok       ok     1009    denied  | inactive inactive inactive denied  denied  denied denied
DELETE /pam/key/1                  ok     1039   1009     ok       1039   1009    denied  | inactive inactive inactive denied  denied  denied denied
PUT    /pam/key/1                  1045   1039   1009     1045     1039   1009    denied  | inactive inactive inactive denied  denied  denied denied
POST   /pam/key                    ok     1039   1009     ok       1039   1009    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/credential             1      1      0        1        1      0       denied  | inactive inactive inactive denied  denied  denied denied
DELETE /pam/credential/custody/1   1018   1018   1009     1018     1018   1009    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/device                 3      3      3        3        3      1       denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/device/1               ok     ok     ok       ok       ok     1011    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/device/web-01          ok     ok     ok       ok       ok     1011    denied  | inactive inactive inactive denied  denied  denied denied
DELETE /pam/device/1               ok     1039   ok       ok       1039   1011    denied  | inactive inactive inactive denied  denied  denied denied
PUT    /pam/device/1               1044   1039   1044     1044     1039   1011    denied  | inactive inactive inactive denied  denied  denied denied
POST   /pam/device                 ok     1039   ok       ok       1039   1011    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/key/999                1015   1015   1015     1015     1015   1015    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/device/999             1011   1011   1011     1011     1011   1011    denied  | inactive inactive inactive denied  denied  denied denied
GET    /pam/key                    500    500    500      500      500    500     denied  | inactive inactive inactive denied  denied  denied denied
`

// kinds are the authorizations of the matrix that are not just named in the
// world: whose token is shown, and with what beside it.
var kinds = map[string]struct {
	client  string
	headers []string
}{
	"expired": {"brief", nil},
	"address": {"near", []string{"RemoteAddr", "203.0.113.9:1"}},
	"referer": {"page", []string{"Referer", "https://elsewhere.example.org/tools"}},
	"nocert":  {"pinned", []string{"RemoteAddr", trustedProxy}},
	"badcert": {"pinned", []string{"RemoteAddr", trustedProxy, "Client-Cert", ":" + base64.StdEncoding.EncodeToString([]byte("another")) + ":"}},
}

const trustedProxy = "192.0.2.200:1"

const deviceBody = `{"hostname":"web-01","ip":"1","model":"m","type":"t","vendor":"v","site":"s"}`

func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newKey(t)
	w.open(t)
	tokens := map[string]string{}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(matrix, "|", "")), "\n")
	clients := strings.Fields(lines[0])
	for _, client := range clients {
		tokens[client] = "Bearer " + w.token(t, cmp.Or(kinds[client].client, client))
	}
	w.shut(t)
	w.over(rehearsal{w.Store})
	bodies := map[string]string{"POST /pam/key": `{"identifier":"deploy-web","key_name":"x"}`, "POST /pam/device": deviceBody}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		for i, client := range clients {
			for _, prefix := range []string{"/api", "/iso"} {
				reply := w.send(t, tokens[client], cells[0], prefix+cells[1], bodies[cells[0]+" "+cells[1]], kinds[client].headers...)
				if got := outcome(t, reply); got != cells[i+2] {
					t.Errorf("%s %s%s by %s = %s, want %s: %s", cells[0], prefix, cells[1], client, got, cells[i+2], reply.Body)
				}
			}
		}
	}
}

// open and shut let those in, and then out, who have a token from a time when
// they were let in.
func (w *world) open(t *testing.T) {
	t.Helper()
	w.apply(t, func(d *core.Desired) {
		d.Applications = []core.DesiredApplication{{Name: "closed", Authorizations: []core.DesiredAuthorization{authorization("closed")}}}
	})
	w.disable(t, "off", false)
}

func (w *world) shut(t *testing.T) {
	t.Helper()
	w.apply(t, func(*core.Desired) {})
	w.disable(t, "off", true)
	w.Pass(31 * time.Minute) // brief is over by then
}

// over puts the face over another store.
func (w *world) over(s core.Store) {
	o := w.options
	o.Core = core.New(core.Options{Store: s, Vault: w.Vault, Now: o.Now})
	w.face = senhasegura.New(o)
}

// rehearsal is a store that answers updates as always but keeps nothing.
type rehearsal struct{ core.Store }

var errRehearsed = errors.New("rehearsed")

func (s rehearsal) Update(ctx context.Context, fn func(core.Tx) error) error {
	return keepNothing(ctx, s.Store.Update, fn)
}

func (s rehearsal) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return keepNothing(ctx, s.Store.UpdateLocked, fn)
}

func keepNothing(ctx context.Context, update func(context.Context, func(core.Tx) error) error, fn func(core.Tx) error) error {
	err := update(ctx, func(tx core.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// outcome is an answer as the matrix has it.
func outcome(t *testing.T, reply *httptest.ResponseRecorder) string {
	text := message(t, reply)
	first, _, _ := strings.Cut(text, ":")
	switch {
	case strings.HasPrefix(text, "You are not authorized"):
		return "denied"
	case reply.Code == http.StatusUnauthorized && text == "Inactive authorization":
		return "inactive"
	case text == "Unexpected error":
		return strconv.Itoa(reply.Code)
	case reply.Code < 300 && strings.HasSuffix(text, " found"):
		return strings.Fields(text)[0]
	case reply.Code < 300:
		return "ok"
	}
	return first
}

// muted is a store whose audit record cannot be written.
type muted struct{ core.Store }

type mutedTx struct{ core.Tx }

func (s muted) Update(ctx context.Context, fn func(core.Tx) error) error {
	return s.Store.Update(ctx, func(tx core.Tx) error { return fn(mutedTx{tx}) })
}

func (s muted) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return s.Store.UpdateLocked(ctx, func(tx core.Tx) error { return fn(mutedTx{tx}) })
}

func (mutedTx) InsertAuditEvents(...core.AuditEvent) error {
	return &core.Error{Kind: core.Unavailable, Msg: "the record cannot be written"}
}

// Where the audit record cannot be written no secret leaves, and no token.
func TestNoSecretWithoutRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newKey(t)
	token := "Bearer " + w.token(t, "writer")
	w.over(muted{w.Store})
	for _, prefix := range []string{"/api", "/iso"} {
		reply := w.send(t, token, "GET", prefix+"/pam/key/1", "")
		if body := reply.Body.String(); reply.Code != http.StatusServiceUnavailable || strings.Contains(body, "PRIVATE KEY") {
			t.Errorf("GET key without a record = %d %s, want 503 and no key", reply.Code, body)
		}
		reply = w.send(t, "", "POST", prefix+"/oauth2/token", "grant_type=client_credentials&client_id=writer&client_secret="+secretOf("writer"),
			"Content-Type", "application/x-www-form-urlencoded")
		if body := reply.Body.String(); reply.Code != http.StatusServiceUnavailable || strings.Contains(body, "access_token") {
			t.Errorf("POST token without a record = %d %s, want 503 and no token", reply.Code, body)
		}
	}
}

// Neither logs nor answers to others show what is secret.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newKey(t)
	w.do(t, "writer", "POST", "/api/pam/key", `{"identifier":"deploy-web","password":"canary-passphrase","private_key":"canary-key","tags":5}`)
	w.do(t, "stranger", "POST", "/api/pam/key", `{"identifier":"deploy-web","password":"canary-passphrase","private_key":"canary-key"}`)
	w.send(t, "Bearer canary-token", "GET", "/api/pam/key/1", "")
	w.send(t, "", "GET", "/api/pam/key/1?oauth_consumer_key=x&oauth_consumer_secret=canary-secret&oauth_signature=canary-signature", "")
	w.send(t, "", "POST", "/api/oauth2/token", "grant_type=client_credentials&client_id=writer&client_secret=canary-secret",
		"Content-Type", "application/x-www-form-urlencoded")
	w.do(t, "writer", "GET", "/api/pam/key/1", "")
	for _, secret := range []string{"canary", "BEGIN OPENSSH", "keyrack_access_", secretOf("writer")} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, w.log)
		}
	}
}

// Failures from one address are bounded; others, and good tokens behind the
// same address, are not held up by them.
func TestFailuresAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := "Bearer " + w.token(t, "writer")
	ask := func(secret string, headers ...string) int {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
		return w.send(t, "", "POST", "/api/oauth2/token", "grant_type=client_credentials&client_id=writer&client_secret="+secret, headers...).Code
	}
	for range 30 {
		ask("wrong")
	}
	if got := ask(secretOf("writer")); got != http.StatusTooManyRequests {
		t.Errorf("after 30 failures = %d, want 429", got)
	}
	if got := ask(secretOf("writer"), "RemoteAddr", "203.0.113.1:1"); got != http.StatusOK {
		t.Errorf("from another address = %d, want 200", got)
	}
	if got := w.send(t, good, "GET", "/api/pam/credential", "").Code; got != http.StatusOK {
		t.Errorf("a good token from the same address = %d, want 200", got)
	}
	for range 300 {
		w.send(t, "Bearer stale", "GET", "/api/pam/credential", "")
	}
	if got := w.send(t, "Bearer stale", "GET", "/api/pam/credential", "").Code; got != http.StatusTooManyRequests {
		t.Errorf("after 300 stale tokens = %d, want 429", got)
	}
	if got := w.send(t, good, "GET", "/api/pam/credential", "").Code; got != http.StatusOK {
		t.Errorf("a good token after that = %d, want 200", got)
	}
	w.Pass(time.Minute)
	if got := ask(secretOf("writer")); got != http.StatusOK {
		t.Errorf("a minute later = %d, want 200", got)
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"} {
		reply := w.do(t, "writer", "POST", "/api/pam/key", strings.Repeat("a", 1<<20+1), "Content-Type", kind)
		if reply.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("a body of %s over 1 MiB = %d %s, want 413", kind, reply.Code, reply.Body)
		}
	}
}

func TestEchoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *senhasegura.Options) { o.RequestsPerMinute = -1 })
	facetest.EchoesNothing(t, facetest.Face{
		Handler: w.face, Routes: w.face.Routes(), Credential: http.Header{"Authorization": {"Bearer " + w.token(t, "writer")}},
	})
}
