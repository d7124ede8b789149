package sshkey_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/sshkey"
)

// Throw-away keys whose private halves are gone.
const (
	ed25519Key  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"
	ed25519B64  = "AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"
	ed25519PEM  = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGTqTsQy5i0BVvske1T3xnHxE5n0PlaKlRW+cEOXOxbk=\n-----END PUBLIC KEY-----\n"
	ed25519SSH2 = "---- BEGIN SSH2 PUBLIC KEY ----\n" +
		"AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5\n" +
		"---- END SSH2 PUBLIC KEY ----\n"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICv66GT82Ty0kNxCtCEdPWdLpmDlrUe0jqs8ZU8dcdR7"
)

// acceptedTexts all hold the key ed25519Key, or that of opaque.
var acceptedTexts = map[string]struct {
	text string
	want sshkey.Line // but the key
}{
	"plain":               {ed25519Key, sshkey.Line{}},
	"newline":             {ed25519Key + "\n", sshkey.Line{}},
	"CR LF":               {ed25519Key + " ada\r\n", sshkey.Line{Comment: "ada"}},
	"CR at the end":       {ed25519Key + " ada\r", sshkey.Line{Comment: "ada"}},
	"blanks around":       {" \t" + ed25519Key + " \t\n\n", sshkey.Line{}},
	"tabs between":        {strings.ReplaceAll(ed25519Key, " ", "\t \t") + "\tada", sshkey.Line{Comment: "ada"}},
	"comment":             {ed25519Key + "  Ada  L. \U0001f511 ", sshkey.Line{Comment: "Ada  L. \U0001f511"}},
	"comment with tab":    {ed25519Key + " a\tb", sshkey.Line{Comment: "a\tb"}},
	"comment with #":      {ed25519Key + " # 4", sshkey.Line{Comment: "# 4"}},
	"comment is key":      {ed25519Key + " " + otherKey, sshkey.Line{Comment: otherKey}},
	"comment lines":       {"# keys of ada\r\n\r\n  # old\r\n" + ed25519Key + " ada\r\n#end", sshkey.Line{Comment: "ada"}},
	"comment PRIVATE KEY": {ed25519Key + " not a PRIVATE KEY", sshkey.Line{Comment: "not a PRIVATE KEY"}},

	"one option":  {"no-pty " + ed25519Key + " ada", sshkey.Line{Comment: "ada", Options: []string{"no-pty"}}},
	"option case": {"No-X11-Forwarding " + ed25519Key, sshkey.Line{Options: []string{"No-X11-Forwarding"}}},
	"options in quotes": {`restrict,command="echo \"a, b\"; ls \\ ",from="10.0.0.0/8,!10.1.1.1"` + "\t " + ed25519Key,
		sshkey.Line{Options: []string{"restrict", `command="echo \"a, b\"; ls \\ "`, `from="10.0.0.0/8,!10.1.1.1"`}}},
	"option with key data in quotes": {`command="x AAAA y" ` + ed25519Key, sshkey.Line{Options: []string{`command="x AAAA y"`}}},
	"option with a key in quotes":    {`command="` + otherKey + `" ` + ed25519Key, sshkey.Line{Options: []string{`command="` + otherKey + `"`}}},
	"authority":                      {"cert-authority,principals=\"ada\" " + ed25519Key, sshkey.Line{Options: []string{"cert-authority", `principals="ada"`}}},

	"PEM":            {ed25519PEM, sshkey.Line{Form: sshkey.FormPKIX}},
	"PEM with CR LF": {"\r\n" + strings.ReplaceAll(ed25519PEM, "\n", "\r\n") + "\r\n", sshkey.Line{Form: sshkey.FormPKIX}},

	"RFC 4716": {ed25519SSH2, sshkey.Line{Form: sshkey.FormRFC4716}},
	"RFC 4716 with headers": {"---- BEGIN SSH2 PUBLIC KEY ----\r\nSubject: ada\r\ncomment: \"Ada's \\\r\nlap\\\r\ntop\"\r\nx-command: /bin/\\\r\nsh\r\n" +
		ed25519B64[:10] + "\r\n" + ed25519B64[10:] + "\r\n---- END SSH2 PUBLIC KEY ----\r\n",
		sshkey.Line{Comment: "Ada's laptop", Form: sshkey.FormRFC4716}},
	"RFC 4716 comment without quotes": {"---- BEGIN SSH2 PUBLIC KEY ----\nComment: it's \"ada\"\n" + ed25519B64 + "\n---- END SSH2 PUBLIC KEY ----",
		sshkey.Line{Comment: "it's \"ada\"", Form: sshkey.FormRFC4716}},
}

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for name, test := range acceptedTexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := test.want
			want.Key = mustParse(t, ed25519Key).Key
			if want.Form == 0 {
				want.Form = sshkey.FormOpenSSH
			}
			got, err := sshkey.Parse(test.text)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("Parse(%q): %v, difference (-want +got):\n%s", test.text, err, diff)
			}
		})
	}
}

var refusedTexts = map[string]struct {
	text string
	want sshkey.Code
	says string // what the error must tell
}{
	"nothing":            {"", sshkey.CodeEmpty, "no key"},
	"blanks":             {" \t\r\n \n", sshkey.CodeEmpty, ""},
	"comment line":       {"# " + ed25519Key, sshkey.CodeEmpty, ""},
	"two comment lines":  {"#\n  #" + ed25519Key + "\n", sshkey.CodeEmpty, ""},
	"prose":              {"hello", sshkey.CodeNoKey, "ssh-ed25519 AAAA"},
	"more prose":         {"please add my key, thanks", sshkey.CodeNoKey, ""},
	"type missing":       {ed25519B64 + " ada", sshkey.CodeNoKey, "type in front"},
	"type alone":         {"ssh-ed25519", sshkey.CodeTruncated, "missing"},
	"options alone":      {"no-pty,restrict", sshkey.CodeNoKey, ""},
	"SSH 1":              {"1024 65537 1234567890123456789 ada", sshkey.CodeNoKey, ""},
	"known_hosts":        {"[keys.example.org]:22 " + ed25519Key, sshkey.CodeOptions, "keys.example.org"},
	"known_hosts marker": {"@cert-authority *.example.org " + ed25519Key, sshkey.CodeNoKey, ""},

	"two keys":              {ed25519Key + "\n" + otherKey, sshkey.CodeSeveral, "more than one line"},
	"the same key twice":    {ed25519Key + "\n" + ed25519Key, sshkey.CodeSeveral, ""},
	"key broken over lines": {ed25519Key[:40] + "\n" + ed25519Key[40:], sshkey.CodeSeveral, "unbroken"},
	"smuggled line":         {ed25519Key + " ada\ncommand=\"id\" " + otherKey, sshkey.CodeSeveral, ""},
	"two PEM blocks":        {ed25519PEM + ed25519PEM, sshkey.CodeSeveral, ""},
	"two RFC 4716 blocks":   {ed25519SSH2 + ed25519SSH2, sshkey.CodeSeveral, ""},
	"PEM and a line":        {ed25519PEM + ed25519Key, sshkey.CodeTrailing, ""},
	"RFC 4716 and a line":   {ed25519SSH2 + ed25519Key, sshkey.CodeSeveral, ""},
	"line and PEM":          {ed25519Key + "\n" + ed25519PEM, sshkey.CodeSeveral, ""},

	"too long": {ed25519Key + " " + strings.Repeat("a", sshkey.MaxText), sshkey.CodeTooLong, "65536"},

	"NUL in the comment":       {ed25519Key + " a\x00b", sshkey.CodeCharacters, "U+0000 at byte 82"},
	"NUL at the end":           {ed25519Key + "\x00", sshkey.CodeCharacters, ""},
	"CR in the comment":        {ed25519Key + " a\rb", sshkey.CodeCharacters, "carriage return"},
	"CR in front":              {"\r" + ed25519Key, sshkey.CodeCharacters, ""},
	"CR as line end":           {ed25519Key + " a\r" + otherKey, sshkey.CodeCharacters, ""},
	"escape sequence":          {ed25519Key + " \x1b]52;c;ZXZpbA==\a", sshkey.CodeCharacters, "U+001B"},
	"DEL":                      {ed25519Key + " a\x7f", sshkey.CodeCharacters, ""},
	"C1 control":               {ed25519Key + " \u009b31m", sshkey.CodeCharacters, "U+009B"},
	"raw C1 control":           {ed25519Key + " \x9b31m", sshkey.CodeCharacters, "UTF-8"},
	"text direction":           {ed25519Key + " ada\u202enimda", sshkey.CodeCharacters, "U+202E"},
	"isolate":                  {ed25519Key + " \u2066", sshkey.CodeCharacters, ""},
	"line separator":           {ed25519Key + " a\u2028" + otherKey, sshkey.CodeCharacters, ""},
	"next line":                {ed25519Key + " a\u0085" + otherKey, sshkey.CodeCharacters, ""},
	"form feed":                {"\f" + ed25519Key, sshkey.CodeCharacters, ""},
	"Latin-1":                  {ed25519Key + " jos\xe9", sshkey.CodeCharacters, "UTF-8"},
	"overlong UTF-8":           {ed25519Key + " \xc0\x8a", sshkey.CodeCharacters, ""},
	"byte order mark":          {"\ufeff" + ed25519Key, sshkey.CodeCharacters, "byte order mark"},
	"UTF-16":                   {"\xff\xfes\x00s\x00h\x00", sshkey.CodeCharacters, "UTF-8"},
	"control in an option":     {"command=\"\x1b[2J\" " + ed25519Key, sshkey.CodeCharacters, ""},
	"control in RFC 4716":      {strings.Replace(ed25519SSH2, "AAAA", "Comment: \a\nAAAA", 1), sshkey.CodeCharacters, ""},
	"no-break space for blank": {strings.Replace(ed25519Key, " ", "\u00a0", 1), sshkey.CodeNoKey, ""},

	"base64 with a stray character":  {strings.Replace(ed25519Key, "IBk6", "I-k6", 1), sshkey.CodeBase64, "character 26"},
	"base64 bad from the start":      {"ssh-ed25519 *AAA", sshkey.CodeBase64, "character 1;"},
	"base64 of all characters cut":   {"ssh-ed25519 A+/09azAZ", sshkey.CodeBase64, "cut off"},
	"base64 cut by one":              {ed25519Key[:len(ed25519Key)-1], sshkey.CodeBase64, "cut off"},
	"base64 with padding too many":   {ed25519Key + "=", sshkey.CodeBase64, ""},
	"base64 in URL alphabet":         {strings.ReplaceAll(ed25519Key, "/", "_") + "-_", sshkey.CodeBase64, ""},
	"base64 stray bits":              {lineOf("ssh-ed25519", wire("ssh-ed25519", "x")+"y")[:12] + "AAAAC3NzaC1lZDI1NTE5AAAAAXh=", sshkey.CodeBase64, ""},
	"base64 after which text sticks": {ed25519Key + "\"ada\"", sshkey.CodeBase64, ""},

	"type mismatch":             {"ssh-rsa " + ed25519B64, sshkey.CodeTypeMismatch, `says "ssh-rsa" but the key data is of type "ssh-ed25519"`},
	"option taken for type":     {"restrict " + ed25519B64, sshkey.CodeTypeMismatch, ""},
	"upper case type":           {"SSH-ED25519 " + ed25519B64, sshkey.CodeTypeMismatch, ""},
	"type over rubbish":         {lineOf("ssh-ed25519", wire("\x00\xff")), sshkey.CodeTypeMismatch, "no SSH key"},
	"signature algorithm":       {lineOf("rsa-sha2-512", wire("ssh-rsa", "\x03", "\x05")), sshkey.CodeTypeName, `type of such a key is "ssh-rsa"`},
	"webauthn":                  {"webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA", sshkey.CodeTypeName, "sk-ecdsa-sha2-nistp256@openssh.com"},
	"unknown type over rubbish": {"ssh-foo AAAA", sshkey.CodeTruncated, ""},
	"unknown certificate":       {lineOf("ssh-new-cert-v01@openssh.com", wire("ssh-new-cert-v01@openssh.com", "x")), sshkey.CodeCertificate, "plain public key"},

	"quote after backslashes":    {`command="ls \\\\" ` + ed25519Key, sshkey.CodeOptions, "never closed"},
	"quote never closed":         {`command="ls ` + ed25519Key, sshkey.CodeOptions, "never closed"},
	"quote closed too early":     {`command="ls "id" ` + ed25519Key, sshkey.CodeOptions, "never closed"},
	"option unknown":             {"shell " + ed25519Key, sshkey.CodeOptions, `"shell"`},
	"option without value":       {"command " + ed25519Key, sshkey.CodeOptions, ""},
	"option with needless value": {`restrict="yes" ` + ed25519Key, sshkey.CodeOptions, ""},
	"option that has no no-":     {"no-restrict " + ed25519Key, sshkey.CodeOptions, ""},
	"option value not quoted":    {"from=10.0.0.1 " + ed25519Key, sshkey.CodeOptions, "double quotes"},
	"option value begins late":   {`from=x"10.0.0.1" ` + ed25519Key, sshkey.CodeOptions, "double quotes"},
	"option value goes on":       {`from="10.0.0.1"x ` + ed25519Key, sshkey.CodeOptions, "double quotes"},
	"option value twice":         {`from="a""b" ` + ed25519Key, sshkey.CodeOptions, ""},
	"empty option":               {"no-pty,,restrict " + ed25519Key, sshkey.CodeOptions, ""},
	"options end in comma":       {"no-pty, " + ed25519Key, sshkey.CodeOptions, "comma"},
	"options with a blank":       {"no-pty, restrict " + ed25519Key, sshkey.CodeNoKey, ""},

	"PEM certificate":            {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", sshkey.CodePEM, `"CERTIFICATE"`},
	"PEM label of an attack":     {"-----BEGIN \x01" + "-----\nAAAA\n-----END \x01-----\n", sshkey.CodeCharacters, ""},
	"PEM cut":                    {ed25519PEM[:60], sshkey.CodePEM, "damaged"},
	"PEM not DER":                {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", sshkey.CodePEM, "cannot be read"},
	"PEM of X25519":              {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAGTqTsQy5i0BVvske1T3xnHxE5n0PlaKlRW+cEOXOxbk=\n-----END PUBLIC KEY-----", sshkey.CodePEM, "no keys of the kind"},
	"PEM with headers":           {strings.Replace(ed25519PEM, "\nM", "\nProc-Type: 4\n\nM", 1), sshkey.CodePEM, "headers"},
	"PEM type with DER of other": {strings.ReplaceAll(ed25519PEM, "PUBLIC", "RSA PUBLIC"), sshkey.CodePEM, "RSA PUBLIC KEY"},

	"RFC 4716 cut":                 {ed25519SSH2[:100], sshkey.CodeRFC4716, "missing"},
	"RFC 4716 without body":        {"---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\n---- END SSH2 PUBLIC KEY ----", sshkey.CodeTruncated, ""},
	"RFC 4716 first line":          {"---- BEGIN SSH2 PUBLIC KEY ---- x" + ed25519SSH2[31:], sshkey.CodeRFC4716, "first line"},
	"RFC 4716 broken base64":       {strings.Replace(ed25519SSH2, "IBk6", "I*k6", 1), sshkey.CodeBase64, ""},
	"RFC 4716 never ending header": {"---- BEGIN SSH2 PUBLIC KEY ----\nComment: a\\\n---- END SSH2 PUBLIC KEY ----", sshkey.CodeTruncated, ""},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range refusedTexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, err := sshkey.Parse(test.text)
			wantCode(t, err, test.want)
			checkError(t, test.text, err)
			if !strings.Contains(err.Error(), test.says) || !line.Key.IsZero() {
				t.Errorf("Parse(%q) = %v, %v, want no key and an error with %q", test.text, line.Key, err, test.says)
			}
		})
	}
}

// The whole range of sizes passes: a certificate of and by 16384-bit RSA keys is
// the longest line ssh-keygen writes, and MaxWire what SSH carries.
func TestParseTakesLongKeys(t *testing.T) {
	t.Parallel()
	modulus := "\x00" + strings.Repeat("\xff", 2048)
	rsa := lineOf("ssh-rsa", wire("ssh-rsa", "\x01\x00\x01", modulus))
	if got := mustParse(t, rsa).Key.Bits(); got != 16384 {
		t.Errorf("bits of a 16384-bit key = %d", got)
	}
	mustParse(t, ed25519Key+" "+strings.Repeat("a", sshkey.MaxText-len(ed25519Key)-1))
	const name = "future@example.org"
	longest := strings.Repeat("\x07", sshkey.MaxWire-len(wire(name)))
	if got := len(mustParse(t, lineOf(name, wire(name)+longest)).Key.Blob()); got != sshkey.MaxWire {
		t.Errorf("longest blob read = %d bytes, want %d", got, sshkey.MaxWire)
	}
	_, err := sshkey.Parse(lineOf(name, wire(name)+longest+"\x07"))
	wantCode(t, err, sshkey.CodeTooLong)
}

// Every private key ssh-keygen can write, whole and mangled as people mangle
// what they paste.
func TestParseRefusesPrivateKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for kind, bits := range map[string]string{"ed25519": "256", "ecdsa": "384", "rsa": "1024"} {
		for _, format := range []string{"RFC4716", "PEM", "PKCS8"} { // RFC4716 means OpenSSH's own here
			for _, passphrase := range []string{"", "open sesame"} {
				path := filepath.Join(dir, kind+format+passphrase)
				keygen(t, "-q", "-t", kind, "-b", bits, "-m", format, "-N", passphrase, "-C", "ada", "-f", path)
				private, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				refusePrivate(t, string(private))
			}
		}
	}
}

func refusePrivate(t *testing.T, private string) {
	t.Helper()
	first, body, _ := strings.Cut(private, "\n")
	for name, text := range map[string]string{
		"whole":             private,
		"CR LF":             strings.ReplaceAll(private, "\n", "\r\n"),
		"first half":        private[:len(private)/2],
		"second half":       private[len(private)/2:],
		"first line alone":  first,
		"quoted in a mail":  "> " + strings.ReplaceAll(private, "\n", "\n> "),
		"after a key":       ed25519Key + " ada\n" + private,
		"as a comment":      ed25519Key + " " + strings.ReplaceAll(private, "\n", " "),
		"before a key":      private + ed25519Key,
		"one line":          strings.ReplaceAll(private, "\n", ""),
		"escaped":           strings.ReplaceAll(private, "\n", `\n`),
		"long dashes":       strings.ReplaceAll(private, "--", "\u2014"),
		"indented":          "\t" + strings.ReplaceAll(private, "\n", "\n\t"),
		"too long":          private + strings.Repeat(" ", sshkey.MaxText),
		"beside control":    "\x00" + private,
		"in an RFC 4716":    "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \\\n" + strings.ReplaceAll(private, "\n", "\\\n") + ed25519SSH2[32:],
		"after PEM":         ed25519PEM + private,
		"in another's name": strings.ReplaceAll(private, "BEGIN ", "BEGIN ENCRYPTED "),
	} {
		_, err := sshkey.Parse(text)
		wantCode(t, err, sshkey.CodePrivateKey)
		refuseEcho(t, name, body, err)
	}
	// Without its armour only OpenSSH's own form can be told from noise, but none
	// is repeated.
	body, _, _ = strings.Cut(body, "-----")
	for name, text := range map[string]string{"body": body, "body on one line": strings.ReplaceAll(body, "\n", "")} {
		_, err := sshkey.Parse(text)
		if err == nil {
			t.Errorf("Parse of the %s of a private key gave a key", name)
		}
		refuseEcho(t, name, body, err)
	}
}

// refuseEcho fails if an error repeats any part of a private key.
func refuseEcho(t *testing.T, name, body string, err error) {
	t.Helper()
	const window = 6
	for i := 0; i+window <= len(body); i++ {
		if piece := body[i : i+window]; strings.Contains(err.Error(), piece) {
			t.Errorf("%s: the error %q repeats %q of a private key", name, err, piece)
		}
	}
}

// Forms ssh-keygen does not write; their first lines tell them.
func TestParseRefusesOtherPrivateKeys(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"PuTTY 2":            "PuTTY-User-Key-File-2: ssh-rsa\r\nEncryption: none\r\nComment: ada\r\nPublic-Lines: 6\r\n",
		"PuTTY 3":            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\nComment: ada\n",
		"ssh.com":            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"ada\"\nP2/56wAAA",
		"SSH 1":              "SSH PRIVATE KEY FILE FORMAT 1.1\n\x00\x00",
		"DSA":                "-----BEGIN DSA PRIVATE KEY-----\nMIIBug",
		"PGP":                "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY",
		"OpenSSH, naked":     "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU",
		"OpenSSH, quoted":    "key: \"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU",
		"hidden in a header": "---- BEGIN SSH2 PUBLIC KEY ----\nComment: BEGIN \\\nPRIVATE KEY" + ed25519SSH2[31:],
		"OpenSSH, binary":    "openssh-key-v1\x00\x00\x00\x00\x04none",
	} {
		if _, err := sshkey.Parse(text); err == nil {
			t.Errorf("%s: Parse(%q) gave a key", name, text)
		} else {
			wantCode(t, err, sshkey.CodePrivateKey)
		}
	}
}

// The marks of private keys inside of a public one are just bytes: who can
// store a key by FromWire must be able to store it by its text.
func TestParseTakesPublicKeyWithPrivateMark(t *testing.T) {
	t.Parallel()
	for before := range 3 { // one of three alignments shows the mark in base64
		modulus := strings.Repeat("\x55", 200+before) + "openssh-key-v1\x00" + strings.Repeat("\x55", 40)
		key, err := sshkey.FromWire([]byte(wire("ssh-rsa", "\x03", modulus)))
		if err != nil {
			t.Fatal(err)
		}
		if got := mustParse(t, key.String()).Key; !got.Equal(key) {
			t.Errorf("Parse(%q) = %v", key, got)
		}
	}
}
