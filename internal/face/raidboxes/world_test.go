package raidboxes_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/facetest"
	"keyrack/internal/face/raidboxes"
	"keyrack/internal/sshkey"
	"keyrack/internal/store/storetest"
	"keyrack/internal/vault"
)

const (
	email    = "dana@example.org"
	password = "correct-horse-battery"
	danaKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH6nURabSSP+wFG0izqGILWdsb9wt5kiPzzez+/KuhfU"
)

var (
	operator = core.Operator("test")
	start    = time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)
)

// world is two accounts, and a clock that stands still.
type world struct {
	*facetest.Ground
	t    testing.TB
	api  *face.Face
	vars map[string]string
	uri  vault.Secret // of the second factor enrolled last
}

func newWorld(t testing.TB, settings string, change ...func(*raidboxes.Options)) *world {
	t.Helper()
	w := &world{t: t, vars: samples(t)}
	w.Ground = facetest.NewGround(t, storetest.SQLite(t), start, core.Options{
		Settings: map[string]func(string) error{"raidboxes": raidboxes.CheckSettings},
	})
	w.Apply(t, core.Desired{
		Accounts: []core.DesiredAccount{
			{Login: "dana", Email: email, Password: vault.NewSecret(password)},
			{Login: "erin", Email: "erin@example.org", Password: vault.NewSecret("erins-long-password"), Roles: core.Roles{Admin: true}},
		},
		Settings: map[string]string{"raidboxes": settings},
	})
	o := raidboxes.Options{Options: w.Options(), Core: w.Core}
	for _, f := range change {
		f(&o)
	}
	w.api = raidboxes.New(o)
	return w
}

func (w *world) account(login string) core.Account {
	w.t.Helper()
	a, err := w.Core.AccountRef(w.t.Context(), operator, login)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// do sends a request.
func (w *world) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	return w.from("192.0.2.1", method, target, body, headers...)
}

// from sends a request from an address.
func (w *world) from(address, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = address + ":5000"
	if strings.Contains(address, ":") {
		r.RemoteAddr = "[" + address + "]:5000"
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply := httptest.NewRecorder()
	w.api.ServeHTTP(reply, r)
	return reply
}

func loginBody(email, password string) string {
	text, _ := json.Marshal(map[string]string{"email": email, "password": password}) // two texts
	return string(text)
}

// logIn gives the Authorization header of an account.
func (w *world) logIn(email, password string) string {
	w.t.Helper()
	reply := w.do(http.MethodPost, "/v1/login", loginBody(email, password), "Content-Type", "application/json")
	token := reply.Header()["access_token"] //nolint:staticcheck // spelt as the vendor does
	if reply.Code != http.StatusOK || len(token) != 1 {
		w.t.Fatalf("login = %d %s", reply.Code, reply.Body)
	}
	return "Bearer " + token[0]
}

// exchanges gives the world to recordings.
func (w *world) exchanges() facetest.World {
	by := func(do func(login string)) func(*testing.T, string) {
		return func(_ *testing.T, login string) { do(login) }
	}
	return facetest.World{Handler: w.api, Vars: w.vars, Do: map[string]func(*testing.T, string){
		"pass":   w.Passes,
		"add":    func(_ *testing.T, text string) { w.add(strings.Split(text, "\n")) },
		"enrol":  by(w.enrol),
		"upper":  by(func(text string) { w.vars["upper"] = strings.ToUpper(text) }),
		"code":   by(func(string) { w.show() }),
		"app":    by(w.applicationPassword),
		"revoke": by(w.revoke),
		"lock":   by(w.lock),
	}}
}

// add gives an account a key through another door: login, name, text.
func (w *world) add(lines []string) {
	w.t.Helper()
	_, err := w.Core.AddKey(w.t.Context(), operator, core.NewKey{Owner: w.account(lines[0]).ID, Name: lines[1], Text: lines[2]})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) enrol(login string) {
	w.t.Helper()
	id := w.account(login).UUID
	var err error
	if w.uri, err = w.Core.EnrolSecondFactor(w.t.Context(), operator, id); err != nil {
		w.t.Fatal(err)
	}
	w.show()
	w.vars["old_code"] = w.vars["code"]
	if err := w.Core.ConfirmSecondFactor(w.t.Context(), operator, id, w.vars["code"]); err != nil {
		w.t.Fatal(err)
	}
	w.Pass(time.Minute)
	w.show()
}

// show is an app that shows its code.
func (w *world) show() {
	w.t.Helper()
	u, err := url.Parse(w.uri.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	if w.vars["code"], err = totp.GenerateCode(u.Query().Get("secret"), w.Now()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) applicationPassword(login string) {
	w.t.Helper()
	secret, err := w.Core.AddToken(w.t.Context(), operator, core.NewToken{Account: login, Name: "app", Use: core.UseRaidboxes})
	if err != nil {
		w.t.Fatal(err)
	}
	w.vars["app"] = secret.Reveal()
}

func (w *world) revoke(login string) {
	w.t.Helper()
	if err := w.Core.RemoveToken(w.t.Context(), operator, login, core.UseRaidboxes, "app"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) lock(login string) {
	w.t.Helper()
	if _, err := w.Core.SetAccountDisabled(w.t.Context(), operator, w.account(login).UUID, true); err != nil {
		w.t.Fatal(err)
	}
}

// samples are keys by the names that recordings have for them, as they stand
// in JSON.
func samples(t testing.TB) map[string]string {
	t.Helper()
	vars := map[string]string{"long": strings.Repeat("x", 16384), "third_title": "SHA256:" + thirdKey(t).SHA256().String()[7:19]}
	for name, file := range map[string]string{
		"rsa_small": "rsa1024.pub", "rsa": "rsa2048.pub", "ecdsa": "ecdsa256.pub", "ecdsa_larger": "ecdsa384.pub",
		"ecdsa_largest": "ecdsa521.pub", "sk_ed": "sk-ed25519.pub", "sk_ecdsa": "sk-ecdsa.pub", "dsa": "dsa.pub",
		"certificate": "ed25519-cert.pub", "pem": "rsa2048.pkcs8", "rfc": "rsa2048.rfc4716",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "sshkey", "testdata", "corpus", file))
		if err != nil {
			t.Fatal(err)
		}
		vars[name] = inJSON(t, strings.TrimSpace(string(text)))
	}
	vars["ecdsa_form"] = url.QueryEscape(vars["ecdsa"])
	vars["unknown"] = keyLine("ssh-unknown@example.org", make([]byte, 40))
	vars["weak"] = keyLine("ssh-ed25519", make([]byte, 32))
	vars["private"] = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQ"
	vars["private_pem"] = inJSON(t, "-----BEGIN OPENSSH PRIVATE "+"KEY-----\n"+vars["private"]+"\n-----END OPENSSH PRIVATE "+"KEY-----")
	return vars
}

func inJSON(t testing.TB, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(quoted), `"`)
}

// keyLine writes a key in OpenSSH's form.
func keyLine(name string, data []byte) string {
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(name))) // #nosec G115 -- short
	blob = binary.BigEndian.AppendUint32(append(blob, name...), uint32(len(data)))
	return name + " " + base64.StdEncoding.EncodeToString(append(blob, data...))
}

// thirdKey is the one without name and comment in the recording of the list.
func thirdKey(t testing.TB) sshkey.PublicKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "both", "list.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^ssh-ed25519 \S+$`).FindAllString(string(text), -1)
	line, err := sshkey.Parse(lines[1])
	if err != nil {
		t.Fatal(err)
	}
	return line.Key
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	for kind, settings := range map[string]string{"short": `{}`, "uuid": `{"create_id":"uuid"}`} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			play := func(t *testing.T) facetest.World { return newWorld(t, settings).exchanges() }
			facetest.Run(t, "testdata/both/*.txtar", play)
			facetest.Run(t, "testdata/"+kind+"/*.txtar", play)
		})
	}
}
