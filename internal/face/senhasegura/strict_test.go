package senhasegura_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"keyrack/internal/core"
)

const strictPassphrase = "correct horse"

// keyFormats are how programs write a private key: each makes one at a path,
// encrypted if there is a passphrase, with its public half beside it.
var keyFormats = map[string][]string{
	"OpenSSH": {"-t", "ed25519"},
	"PKCS#1":  {"-t", "rsa", "-b", "2048", "-m", "PEM"},
	"SEC 1":   {"-t", "ecdsa", "-m", "PEM"},
	"PKCS#8":  {"-t", "ecdsa", "-m", "PKCS8"},
	"PPK":     {"-t", "ed25519"}, // and converted by puttygen
}

func runProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pair gives both halves of a new key in a format.
func pair(t *testing.T, format, passphrase string) (private, public string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	runProgram(t, "ssh-keygen", append(keyFormats[format], "-q", "-a", "1", "-C", "deploy", "-N", passphrase, "-f", path)...)
	public = strings.TrimSpace(readText(t, path+".pub"))
	if format == "PPK" {
		secret := path + ".pass"
		if err := os.WriteFile(secret, []byte(passphrase), 0o600); err != nil {
			t.Fatal(err)
		}
		runProgram(t, "puttygen", path, "--old-passphrase", secret, "--new-passphrase", secret, "-O", "private", "-o", path+".ppk")
		path += ".ppk"
	}
	return readText(t, path), public
}

// strictKey is a key to be made, or a change to one.
func strictKey(t *testing.T, parts map[string]string) string {
	t.Helper()
	text, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The strict switch of the settings: what is no pair is refused by 1014 or 1013,
// says why, and saves nothing.
func TestStrictKeys(t *testing.T) {
	t.Parallel()
	for format := range keyFormats {
		for name, passphrase := range map[string]string{"plain": "", "encrypted": strictPassphrase} {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				holdStrict(t, format, passphrase)
			})
		}
	}
}

func holdStrict(t *testing.T, format, passphrase string) {
	w := newWorld(t)
	w.apply(t, func(d *core.Desired) { d.Settings = map[string]string{"senhasegura": `{"strict_keys":true}`} })
	private, public := pair(t, format, passphrase)
	_, otherPublic := pair(t, "OpenSSH", "")
	good := map[string]string{
		"identifier": "strict", "hostname": "web-01", "ip": "10.20.0.11", "private_key": private, "public_key": public, "password": passphrase,
	}
	with := func(changes ...string) string {
		parts := map[string]string{}
		for name, value := range good {
			parts[name] = value
		}
		for i := 0; i < len(changes); i += 2 {
			parts[changes[i]] = changes[i+1]
		}
		return strictKey(t, parts)
	}
	refusals := []struct{ what, body, want, detail string }{
		{"another public half", with("public_key", otherPublic), "1013: The public key is not valid", "public_key is not that of the private key"},
		{"a public half that is none", with("public_key", "public-key"), "1013: The public key is not valid", "public_key"},
		{"a cut private half", with("private_key", private[:len(private)/2]), "1014: The private key is not valid", "private_key"},
		{"a private half that is none", with("private_key", "private-key"), "1014: The private key is not valid", "private_key"},
	}
	if passphrase != "" {
		refusals = append(refusals, []struct{ what, body, want, detail string }{
			{"a wrong passphrase", with("password", "incorrect horse"), "1014: The private key is not valid", "passphrase"},
			{"no passphrase", with("password", ""), "1014: The private key is not valid", "passphrase"},
		}...)
	}
	for _, tt := range refusals {
		w.wantFault(t, tt.what, tt.body, tt.want, tt.detail)
	}
	if reply := w.do(t, "writer", "GET", "/api/pam/credential", ""); message(t, reply) != "0 credentials found" {
		t.Errorf("after refusals: %s, want nothing saved", reply.Body)
	}
	if reply := w.do(t, "writer", "POST", "/iso/pam/key", with()); reply.Code != 201 {
		t.Fatalf("a pair that belongs together = %d %s, want 201", reply.Code, reply.Body)
	}
	for _, tt := range refusals { // as changes, they leave the key as it is
		w.wantFault(t, tt.what+", changed", tt.body, tt.want, tt.detail)
	}
	w.wantFault(t, "another public half alone", strictKey(t, map[string]string{"identifier": "strict", "public_key": otherPublic}),
		"1013: The public key is not valid", "public_key is not that of the private key")
	otherPrivate, _ := pair(t, "OpenSSH", passphrase)
	w.wantFault(t, "another private half alone", strictKey(t, map[string]string{"identifier": "strict", "private_key": otherPrivate}),
		"1014: The private key is not valid", "private_key is not that of the public key there is")
	var got struct {
		Key struct {
			Private string `json:"private_key"`
			Public  string `json:"public_key"`
		}
	}
	reply := w.do(t, "writer", "GET", "/api/pam/key/1", "")
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || got.Key.Private != private || got.Key.Public != public {
		t.Errorf("GET key = %d %v, want both halves as they were sent", reply.Code, err)
	}
	w.apply(t, func(*core.Desired) {}) // the switch is off
	if reply := w.do(t, "writer", "POST", "/api/pam/key", with("public_key", otherPublic, "private_key", "private-key")); reply.Code != 201 {
		t.Errorf("what is no pair, with the switch off = %d %s, want 201", reply.Code, reply.Body)
	}
}

// wantFault sends a key that is refused with 400, a number and a detail that
// shows nothing secret.
func (w *world) wantFault(t *testing.T, what, body, want, detail string) {
	t.Helper()
	reply := w.do(t, "writer", "POST", "/api/pam/key", body)
	var got struct {
		Exception struct {
			Code    int
			Message string
			Detail  string
		}
	}
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v in %s", what, err, reply.Body)
	}
	e := got.Exception
	if reply.Code != 400 || message(t, reply) != want || e.Message != want || !strings.HasPrefix(want, strconv.Itoa(e.Code)+":") || !strings.HasPrefix(e.Detail, detail) {
		t.Errorf("%s = %d %s, want 400 %q with detail %q", what, reply.Code, reply.Body, want, detail)
	}
	for _, secret := range []string{strictPassphrase, "PRIVATE KEY", "private-key"} {
		if strings.Contains(reply.Body.String(), secret) {
			t.Errorf("%s: the answer shows %q: %s", what, secret, reply.Body)
		}
	}
}
