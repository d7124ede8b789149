package raidboxes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/raidboxes"
	hashing "keyrack/internal/password" // a password is something else here
)

// volatile is what differs from one error to the next.
var volatile = regexp.MustCompile(`"(timestamp|request_id)":"[^"]*"`)

func checked(w *world) facetest.Face {
	return facetest.Face{
		Handler: w.api, Routes: w.api.Routes(), ErrorType: "application/json", TellsPath: true,
		Credential: http.Header{"Authorization": {w.logIn(email, password)}},
		Same:       func(body string) string { return volatile.ReplaceAllString(body, `"$1":""`) },
	}
}

func unlimited(o *raidboxes.Options) {
	o.Limits = raidboxes.Limits{Logins: 1 << 20, Requests: 1 << 20, Creates: 1 << 20}
}

func TestSiblingChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}", unlimited)
	f := checked(w)
	var wrong []http.Header
	good := f.Credential.Get("Authorization")
	for _, value := range []string{
		"Bearer eyJhbGciOiJub25lIn0.e30.", "Basic x", good[:len(good)-1], good + "A", good + "." + good, "Token " + good[7:],
		"Bearer " + strings.Repeat("A", 60<<10), good[:37] + "." + strings.SplitN(good, ".", 3)[1] + ".",
	} {
		wrong = append(wrong, http.Header{"Authorization": {value}})
	}
	facetest.RefusesStrangers(t, f, wrong...)
	facetest.RefusesUnknown(t, f)
	facetest.EchoesNothing(t, f)
	facetest.KnowsKinds(t, raidboxes.Status)
}

// The header is spelt as the vendor does, and the envelope has the form that
// clients parse.
func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	reply := w.do(http.MethodPost, "/v1/login", loginBody(email, password))
	if _, ok := headerOf(reply, "access_token"); !ok || strings.Contains(reply.Body.String(), "ey") {
		t.Errorf("login = %v %s; want the token in the header access_token alone", reply.Header(), reply.Body)
	}
	theirs := uuid.NewString()
	reply = w.do(http.MethodGet, "/v1/ssh-keys?secret=query", "", "X-Request-Id", theirs)
	var e struct {
		Timestamp string
		Path      string
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(reply.Body.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse("2006-01-02T15:04:05-07:00", e.Timestamp)
	if err != nil || !at.Equal(start) || !strings.HasSuffix(e.Timestamp, "+00:00") || strings.Contains(e.Timestamp, ".") {
		t.Errorf("timestamp = %q, want %v with a numeric offset and no fraction", e.Timestamp, start)
	}
	id, err := uuid.Parse(e.RequestID)
	if err != nil || id.Version() != 4 || reply.Header().Get("X-Request-Id") != e.RequestID || e.RequestID == theirs {
		t.Errorf("request_id = %q, X-Request-Id %q; want one UUIDv4 of ours", e.RequestID, reply.Header().Get("X-Request-Id"))
	}
	if e.Path != "/v1/ssh-keys" {
		t.Errorf("path = %q, want it without the query", e.Path)
	}
}

// The 11th login, the 21st create and the 101st list of a minute are refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	token := w.logIn(email, password)
	other := w.logIn("erin@example.org", "erins-long-password")
	w.Pass(10 * time.Second)
	for name, tt := range map[string]struct {
		limit, used int
		send        func(auth string) *httptest.ResponseRecorder
	}{
		"login": {10, 2, func(string) *httptest.ResponseRecorder {
			return w.do("POST", "/v1/login", loginBody("x@example.org", "x"))
		}},
		"create": {20, 0, func(auth string) *httptest.ResponseRecorder {
			return w.do("POST", "/v1/ssh-keys", "", "Authorization", auth)
		}},
		"list": {100, 0, func(auth string) *httptest.ResponseRecorder {
			return w.do("GET", "/v1/ssh-keys", "", "Authorization", auth)
		}},
	} {
		for n := tt.used; n < tt.limit; n++ {
			reply := tt.send(token)
			left, _ := headerOf(reply, "X-RateLimit-Remaining")
			if reply.Code == http.StatusTooManyRequests || left != fmt.Sprint(tt.limit-n-1) {
				t.Errorf("%s number %d = %d with %s left, want it counted", name, n+1, reply.Code, left)
			}
		}
		reply := tt.send(token)
		if reply.Code != http.StatusTooManyRequests || !strings.Contains(reply.Body.String(), `"message":"Too Many Attempts."`) {
			t.Errorf("%s over the limit = %d %s, want 429", name, reply.Code, reply.Body)
		}
		reset := start.Add(time.Minute)
		if tt.used == 0 {
			reset = w.Now().Add(time.Minute)
		}
		for header, want := range map[string]string{
			"X-RateLimit-Limit": fmt.Sprint(tt.limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(reset.Unix()),
			"Retry-After": fmt.Sprint(int(reset.Sub(w.Now()).Seconds())), "Cache-Control": "no-cache, private",
		} {
			if got, there := headerOf(reply, header); !there || got != want {
				t.Errorf("%s over the limit: %s = %q, want %q", name, header, got, want)
			}
		}
		if name != "login" {
			if reply := tt.send(other); reply.Code == http.StatusTooManyRequests {
				t.Errorf("%s of another account is limited too", name)
			}
		}
	}
	w.Pass(time.Minute)
	if reply := w.do("GET", "/v1/ssh-keys", "", "Authorization", token); reply.Code != http.StatusOK {
		t.Errorf("list a minute later = %d, want 200", reply.Code)
	}
}

// headerOf gives a header by its exact spelling.
func headerOf(reply *httptest.ResponseRecorder, name string) (string, bool) {
	values := reply.Header()[name]
	return strings.Join(values, "|"), len(values) > 0
}

// One IPv6 client has a /64 of addresses to itself.
func TestLimitsCountNetworks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	for n := range 10 {
		w.from(fmt.Sprintf("2001:db8::%d", n+1), "POST", "/v1/login", "{}")
	}
	if reply := w.from("2001:db8::ffff:1", "POST", "/v1/login", "{}"); reply.Code != http.StatusTooManyRequests {
		t.Errorf("the 11th login of a /64 = %d, want 429", reply.Code)
	}
	if reply := w.from("2001:db8:0:1::1", "POST", "/v1/login", "{}"); reply.Code != http.StatusBadRequest {
		t.Errorf("a login of another /64 = %d, want 400", reply.Code)
	}
}

// Who guesses at a password from many addresses is slowed down at each; the
// owner, from yet another, gets in at once. Accounts that are not there look
// the same.
func TestGuessing(t *testing.T) {
	t.Parallel()
	for _, target := range []string{email, "nobody@example.org"} {
		w := newWorld(t, "{}")
		guess := func(n int) *httptest.ResponseRecorder {
			return w.from(fmt.Sprintf("198.51.100.%d", n), "POST", "/v1/login", loginBody(target, "guess"))
		}
		for n := range 10 {
			if reply := guess(n); reply.Code != http.StatusUnauthorized {
				t.Fatalf("guess %d at %s = %d, want 401", n, target, reply.Code)
			}
		}
		for n := range 10 {
			reply := guess(n)
			if wait := reply.Header().Get("Retry-After"); reply.Code != http.StatusTooManyRequests || wait != "1" {
				t.Errorf("second guess from an address at %s = %d, Retry-After %s; want 429 and 1", target, reply.Code, wait)
			}
		}
		w.Pass(time.Second)
		if reply := guess(0); reply.Code != http.StatusUnauthorized {
			t.Errorf("guess at %s after the wait = %d, want 401", target, reply.Code)
		}
		w.Pass(time.Second)
		if reply := guess(0); reply.Code != http.StatusTooManyRequests {
			t.Errorf("guess at %s a second after the second one = %d, want that the wait has doubled", target, reply.Code)
		}
		if target == email {
			w.logIn(email, password) // from elsewhere
			if reply := guess(0); reply.Code != http.StatusTooManyRequests {
				t.Errorf("guess after the owner logged in = %d, want that nobody else was forgiven", reply.Code)
			}
		}
	}
}

// A flood of logins is refused where it cannot be worked off, in the face's own
// words; nobody waits for more than the queue is long. Who is let in, is.
func TestLoginFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}", unlimited)
	slow := core.New(core.Options{Store: w.Store, Vault: w.Vault, Now: w.Now, PasswordCost: hashing.Cost{Time: 1, Memory: 8 << 10, Threads: 1}})
	w.api = raidboxes.New(raidboxes.Options{Options: face.Options{Now: w.Now}, Core: slow, Limits: raidboxes.Limits{Logins: 1 << 20}})
	codes := make([]int, 200) // more than the queue is long, fewer than the store turns away
	var all sync.WaitGroup
	for n := range codes {
		all.Go(func() {
			codes[n] = w.from(fmt.Sprintf("198.51.100.%d", n+1), "POST", "/v1/login", loginBody(fmt.Sprintf("u%d@example.org", n), "guess")).Code
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, code := range codes {
		count[code]++
	}
	if count[http.StatusUnauthorized]+count[http.StatusTooManyRequests] != len(codes) || count[http.StatusUnauthorized] == 0 || count[http.StatusTooManyRequests] == 0 {
		t.Errorf("answers to a flood = %v, want 401 for those worked off and 429 for the rest", count)
	}
	w.logIn(email, password)
}

// Answers to logins that fail differ in nothing but what the request itself
// tells.
func TestFailedLoginsLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}", unlimited)
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{
		{Login: "none", Email: "none@example.org"},
		{Login: "locked", Email: "locked@example.org", Disabled: true},
		{Login: "twin1", Email: "twins@example.org"}, {Login: "twin2", Email: "twins@example.org"},
	}})
	w.enrol("dana")
	var first string
	for _, address := range []string{email, "erin@example.org", "nobody@example.org", "none@example.org", "locked@example.org", "twins@example.org"} {
		reply := w.do("POST", "/v1/login", `{"email":"`+address+`","password":"guess","code":"000000"}`)
		h := reply.Header().Clone()
		delete(h, "X-Request-Id")
		delete(h, "X-RateLimit-Remaining")
		got := fmt.Sprint(reply.Code, h, volatile.ReplaceAllString(reply.Body.String(), ""))
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("failed login of %s = %s, want as of the others: %s", address, got, first)
		}
	}
}

func TestSharedKeys(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"flag", "refuse"} {
		w := newWorld(t, `{"shared_keys":"`+setting+`"}`)
		w.add([]string{"erin", "hers", danaKey})
		reply := w.do("POST", "/v1/ssh-keys", `{"title":"t","key":"`+danaKey+`"}`, "Authorization", w.logIn(email, password))
		found, err := w.Core.AuditEvents(t.Context(), operator, core.AuditQuery{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		flagged := false
		for _, e := range found {
			flagged = flagged || e.Action == "key.flag" && e.Face == "raidboxes"
		}
		refused := strings.Contains(reply.Body.String(), "The key has already been taken.")
		if refused != (setting == "refuse") || flagged != (setting == "flag") {
			t.Errorf("a key that is another's, %s: %d %s, flagged %v", setting, reply.Code, reply.Body, flagged)
		}
	}
}

func TestStrictContentType(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `{"strict_content_type":true}`)
	token := w.logIn(email, password)
	for media, want := range map[string]int{
		"": 415, "text/plain": 415, "application/x-json": 415, "application/json": 400, "application/json; charset=utf-8": 400,
		"application/x-www-form-urlencoded": 400,
	} {
		reply := w.do("POST", "/v1/ssh-keys", "{}", "Authorization", token, "Content-Type", media)
		if reply.Code != want || want == 415 && !strings.Contains(reply.Body.String(), `"message":"Unsupported media type."`) {
			t.Errorf("create as %q = %d %s, want %d", media, reply.Code, reply.Body, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	token := w.logIn(email, password)
	body := `{"title":"t","key":"` + strings.Repeat("x", 64<<10) + `"}`
	reply := w.do("POST", "/v1/ssh-keys", body, "Authorization", token)
	if reply.Code != http.StatusRequestEntityTooLarge || !strings.Contains(reply.Body.String(), `"message":"The POST data is too large."`) {
		t.Errorf("a body over 64 KiB = %d %s, want 413", reply.Code, reply.Body)
	}
	if reply := w.do("POST", "/v1/login", body); reply.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a login over 64 KiB = %d, want 413", reply.Code)
	}
}

// An administrator has no more than others here, and another's shared key is
// not listed.
func TestOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	dana := w.account("dana")
	k, err := w.Core.AddKey(t.Context(), operator, core.NewKey{Owner: dana.ID, Name: "deploy", Text: danaKey, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	admin := w.logIn("erin@example.org", "erins-long-password")
	if reply := w.do("GET", "/v1/ssh-keys", "", "Authorization", admin); reply.Body.String() != "[]" {
		t.Errorf("list of an administrator = %s, want none of another's", reply.Body)
	}
	for _, id := range []string{k.ShortID, k.UUID.String()} {
		if reply := w.do("DELETE", "/v1/ssh-keys/"+id, "", "Authorization", admin); reply.Code != http.StatusNotFound {
			t.Errorf("delete of another's key by an administrator = %d, want 404", reply.Code)
		}
	}
}

// A private key that somebody pastes is not kept, not repeated, and noted.
func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	token := w.logIn(email, password)
	for _, body := range []string{`{"title":"t","key":"` + w.vars["private_pem"] + `"}`, `{"key":"` + w.vars["private"] + `"}`} {
		reply := w.do("POST", "/v1/ssh-keys", body, "Authorization", token)
		if reply.Code != http.StatusBadRequest || !strings.Contains(reply.Body.String(), "The key field format is invalid.") || strings.Contains(reply.Body.String(), "b3Bl") {
			t.Errorf("create with a private key = %d %s, want 400 without a word of it", reply.Code, reply.Body)
		}
	}
	noted, err := w.Core.AuditEvents(t.Context(), operator, core.AuditQuery{Object: "account " + w.account("dana").UUID.String()})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, e := range noted {
		if e.Action == "key.add" && e.Outcome == core.Refused {
			count++
		}
	}
	if count != 2 {
		t.Errorf("%d notes of a private key, want 2", count)
	}
}

// A key that is made twice because an answer was lost is made once, where the
// client says that it is a repetition.
func TestRepeatedCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "{}")
	token := w.logIn(email, password)
	send := func(title string) *httptest.ResponseRecorder {
		return w.do("POST", "/v1/ssh-keys", `{"title":"`+title+`","key":"`+danaKey+`"}`, "Authorization", token, "Idempotency-Key", "k1")
	}
	first, again := send("t"), send("t")
	if first.Code != http.StatusCreated || again.Code != http.StatusCreated || first.Body.String() != again.Body.String() {
		t.Errorf("create twice = %d %s, then %d %s; want the same", first.Code, first.Body, again.Code, again.Body)
	}
	if other := send("u"); other.Code != http.StatusBadRequest || !strings.Contains(other.Body.String(), `"message":"Request could not be processed."`) {
		t.Errorf("another request with the same key = %d %s, want a plain 400", other.Code, other.Body)
	}
}

// A store that fails is a 500 or a 503 in the face's words.
func TestBrokenStore(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]string{
		errors.New("disk on fire"): `500 "message":"Request could not be processed."`,
		&core.Error{Kind: core.Unavailable, Msg: "the store cannot answer now"}: `503 "message":"Service Unavailable"`,
		context.DeadlineExceeded: `503 "message":"Service Unavailable"`,
	} {
		w := newWorld(t, "{}")
		broken := core.New(core.Options{Store: failing{cause}, Vault: w.Vault})
		w.api = raidboxes.New(raidboxes.Options{Core: broken})
		for _, send := range []*httptest.ResponseRecorder{
			w.do("POST", "/v1/login", loginBody(email, password)), w.do("GET", "/v1/ssh-keys", "", "Authorization", "Bearer x"),
		} {
			status, text, _ := strings.Cut(want, " ")
			if fmt.Sprint(send.Code) != status || !strings.Contains(send.Body.String(), text) || strings.Contains(send.Body.String(), "fire") {
				t.Errorf("with a store that fails (%v) = %d %s, want %s", cause, send.Code, send.Body, want)
			}
			if send.Code == http.StatusServiceUnavailable && send.Header().Get("Retry-After") != "5" {
				t.Errorf("Retry-After = %q, want 5", send.Header().Get("Retry-After"))
			}
		}
	}
}

type failing struct{ err error }

func (f failing) View(context.Context, func(core.Tx) error) error         { return f.err }
func (f failing) Glance(context.Context, func(core.Tx) error) error       { return f.err }
func (f failing) Update(context.Context, func(core.Tx) error) error       { return f.err }
func (f failing) UpdateLocked(context.Context, func(core.Tx) error) error { return f.err }
func (f failing) Bulk(context.Context, func(core.Tx) error) error         { return f.err }
