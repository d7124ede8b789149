package privatekey_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyrack/internal/privatekey"
	"keyrack/internal/sshkey"
)

const passphrase = "correct horse Ünï"

// run runs a program that must succeed.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keyTypes are what ssh-keygen is asked for.
var keyTypes = map[string][]string{
	"ed25519":  {"-t", "ed25519"},
	"ecdsa256": {"-t", "ecdsa", "-b", "256"},
	"ecdsa384": {"-t", "ecdsa", "-b", "384"},
	"ecdsa521": {"-t", "ecdsa", "-b", "521"},
	"rsa":      {"-t", "rsa", "-b", "2048"},
}

// made is a key pair of ssh-keygen's, in a directory of the test's own.
type made struct{ dir, private string }

func make1(t *testing.T, keyType, secret string) made {
	t.Helper()
	dir := t.TempDir()
	m := made{dir, filepath.Join(dir, "key")}
	run(t, "ssh-keygen", append(keyTypes[keyType], "-q", "-a", "16", "-C", "somebody@somewhere", "-N", secret, "-f", m.private)...)
	return m
}

func (m made) public(t *testing.T) sshkey.PublicKey {
	t.Helper()
	line, err := sshkey.Parse(string(read(t, m.private+".pub")))
	if err != nil {
		t.Fatal(err)
	}
	return line.Key
}

// put writes a file beside the key.
func (m made) put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// convert gives the key in another form, by the program that writes it.
type convert func(t *testing.T, m made, secret string) []byte

func keygen(format string) convert {
	return func(t *testing.T, m made, secret string) []byte {
		t.Helper()
		copied := m.put(t, "copy", string(read(t, m.private)))
		run(t, "ssh-keygen", "-q", "-p", "-m", format, "-P", secret, "-N", secret, "-f", copied)
		return read(t, copied)
	}
}

func ppk(version string, more ...string) convert {
	return func(t *testing.T, m made, secret string) []byte {
		t.Helper()
		out, pass := filepath.Join(m.dir, "key.ppk"), m.put(t, "pass", secret)
		args := append([]string{m.private, "-O", "private", "-o", out, "--ppk-param", "version=" + version}, more...)
		run(t, "puttygen", append(args, "--old-passphrase", pass, "--new-passphrase", pass)...)
		return read(t, out)
	}
}

func openssl(args ...string) convert {
	return func(t *testing.T, m made, secret string) []byte {
		t.Helper()
		in, out, pass := m.put(t, "in.pem", string(keygen("PEM")(t, m, secret))), filepath.Join(m.dir, "out.pem"), m.put(t, "pass", secret+"\n"+secret+"\n")
		all := append([]string{"pkcs8", "-topk8", "-in", in, "-passin", "file:" + pass, "-out", out}, args...)
		if secret == "" {
			all = append(all, "-nocrypt")
		} else {
			all = append(all, "-passout", "file:"+pass)
		}
		run(t, "openssl", all...)
		return read(t, out)
	}
}

// forms are what other programs write. OpenSSH's writers of PEM have no Ed25519.
var forms = map[string]struct {
	convert
	noEd25519 bool
}{
	"OpenSSH":            {convert: func(t *testing.T, m made, _ string) []byte { t.Helper(); return read(t, m.private) }},
	"PEM":                {keygen("PEM"), true},
	"PKCS8 of OpenSSH":   {keygen("PKCS8"), true},
	"PKCS8":              {openssl(), true},
	"PKCS8 scrypt":       {openssl("-scrypt"), true},
	"PKCS8 SHA-1":        {openssl("-v2prf", "hmacWithSHA1", "-iter", "10000"), true},
	"PKCS8 AES-128":      {openssl("-v2", "aes-128-cbc"), true},
	"PPK 2":              {convert: ppk("2")},
	"PPK 3":              {convert: ppk("3")},
	"PPK 3, Argon2i":     {convert: ppk("3,kdf=argon2i")},
	"PPK 3, few passes":  {convert: ppk("3,passes=3,memory=1024")},
	"PPK 3, many passes": {convert: ppk("3,passes=60,memory=8192")},
}

// Each key type, in each form, with and without passphrase, as the programs
// write them that people have.
func TestPublicOfRealKeys(t *testing.T) {
	t.Parallel()
	for keyType := range keyTypes {
		for _, secret := range []string{"", passphrase} {
			if secret != "" && (keyType == "ecdsa384" || keyType == "ecdsa521") {
				continue // encrypted as the others are
			}
			t.Run(fmt.Sprintf("%s encrypted=%v", keyType, secret != ""), func(t *testing.T) {
				t.Parallel()
				m := make1(t, keyType, secret)
				for form, f := range forms {
					if !f.noEd25519 || keyType != "ed25519" {
						wantPublic(t, form, f.convert(t, m, secret), secret, m.public(t))
					}
				}
			})
		}
	}
}

func wantPublic(t *testing.T, form string, text []byte, secret string, want sshkey.PublicKey) {
	t.Helper()
	got, err := privatekey.Public(text, []byte(secret))
	if err != nil || got.SHA256() != want.SHA256() {
		t.Errorf("%s: Public = %v, %v, want %v", form, got, err, want)
	}
	for name, altered := range map[string][]byte{
		"CRLF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), "CR": bytes.ReplaceAll(text, []byte("\n"), []byte("\r")),
	} {
		if got, err := privatekey.Public(altered, []byte(secret)); err != nil || got.SHA256() != want.SHA256() {
			t.Errorf("%s with %s: Public = %v, %v, want %v", form, name, got, err, want)
		}
	}
	if secret == "" {
		return
	}
	if _, err := privatekey.Public(text, nil); !errors.Is(err, privatekey.ErrNoPassphrase) {
		t.Errorf("%s without passphrase: %v, want ErrNoPassphrase", form, err)
	}
	if _, err := privatekey.Public(text, []byte("wrong")); !errors.Is(err, privatekey.ErrWrongPassphrase) {
		t.Errorf("%s with the wrong passphrase: %v, want ErrWrongPassphrase", form, err)
	}
}

// OpenSSL writes Ed25519 in PKCS#8, and names the curve before a key on one.
func TestPublicOfOpenSSLKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pass := made{dir: dir}.put(t, "pass", passphrase)
	for name, args := range map[string][]string{
		"ed25519":           {"genpkey", "-algorithm", "ed25519"},
		"ed25519 encrypted": {"genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "file:" + pass},
		"curve named first": {"ecparam", "-name", "prime256v1", "-genkey"},
		"RSA encrypted":     {"genrsa", "-traditional", "-aes256", "-passout", "file:" + pass, "2048"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		run(t, "openssl", append(append(args[:1:1], "-out", path), args[1:]...)...)
		if _, err := privatekey.Public(read(t, path), []byte(passphrase)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file that asks for minutes of work is refused at once.
func TestPublicRefusesCostlyKeys(t *testing.T) {
	t.Parallel()
	m := make1(t, "ecdsa256", passphrase)
	for name, f := range map[string]convert{
		"PKCS8 iterations": openssl("-iter", "2100000"),
		"PKCS8 scrypt":     func(t *testing.T, _ made, _ string) []byte { t.Helper(); return scrypted(t, 1<<20) },
	} {
		if _, err := privatekey.Public(f(t, m, passphrase), []byte(passphrase)); !errors.Is(err, privatekey.ErrCostly) {
			t.Errorf("%s: %v, want ErrCostly", name, err)
		}
	}
	text := string(ppk("3,passes=60,memory=8192")(t, m, passphrase))
	for _, change := range [][2]string{
		{"Argon2-Memory: 8192", "Argon2-Memory: 4194304"}, {"Argon2-Passes: 60", "Argon2-Passes: 4294967295"},
		{"Argon2-Parallelism: 1", "Argon2-Parallelism: 255"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if _, err := privatekey.Public([]byte(changed), []byte(passphrase)); !errors.Is(err, privatekey.ErrCostly) || changed == text {
			t.Errorf("%s: %v, want ErrCostly", change[1], err)
		}
	}
	if _, err := privatekey.Public(manyRounds(t, m), []byte(passphrase)); !errors.Is(err, privatekey.ErrCostly) {
		t.Errorf("100,000 rounds of bcrypt: %v, want ErrCostly", err)
	}
}

// Halves that do not belong together are no key, whatever form says they do.
func TestPublicRefusesTornKeys(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"OpenSSH", "PPK 2"} {
		a, b := make1(t, "ed25519", ""), make1(t, "ed25519", "")
		text := torn(forms[form].convert(t, a, ""), forms[form].convert(t, b, ""))
		if got, err := privatekey.Public(text, nil); err == nil {
			t.Errorf("%s with another's public half: %v, want an error", form, got)
		}
	}
}

func TestPublicSaysWhatItCannotDecrypt(t *testing.T) {
	t.Parallel()
	m := make1(t, "ecdsa256", passphrase)
	for _, args := range [][]string{{"-v2prf", "hmacWithSHA512"}, {"-v2", "camellia256"}} {
		if _, err := privatekey.Public(openssl(args...)(t, m, passphrase), []byte(passphrase)); !errors.Is(err, privatekey.ErrUnsupported) {
			t.Errorf("%q: %v, want ErrUnsupported", args, err)
		}
	}
}

func TestPublicRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	m := make1(t, "rsa", "")
	private := string(keygen("PEM")(t, m, ""))
	for name, text := range map[string]string{
		"nothing":         "",
		"prose":           "private-key",
		"public key":      string(read(t, m.private+".pub")),
		"cut off":         private[:len(private)/2],
		"base64 alone":    strings.Split(private, "\n")[1],
		"certificate":     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"PuTTY version 1": "PuTTY-User-Key-File-1: ssh-rsa\nEncryption: none\n",
		"PuTTY alone":     "PuTTY-User-Key-File-3: ssh-ed25519\n",
		"empty OpenSSH":   "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
	} {
		if _, err := privatekey.Public([]byte(text), nil); !errors.Is(err, privatekey.ErrUnreadable) {
			t.Errorf("%s: %v, want ErrUnreadable", name, err)
		}
	}
}
