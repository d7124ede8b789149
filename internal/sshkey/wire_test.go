package sshkey_test

import (
	"crypto/elliptic"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshkey"
)

// Pieces for blobs made by an attacker, or by a bad connection.
var (
	goodModulus  = "\x00" + strings.Repeat("\xc3", 256)
	rsaOf        = func(e, n string) string { return wire("ssh-rsa", e, n) }
	p256         = elliptic.P256().Params()
	p256Base     = "\x04" + pad(p256.Gx, 32) + pad(p256.Gy, 32)
	dsaPrime     = "\x00" + strings.Repeat("\xc3", 128)
	dsaOrder     = "\x00" + strings.Repeat("\xc3", 20)
	ed25519Key32 = strings.Repeat("\x17", 32)
)

func pad(n *big.Int, size int) string { return string(n.FillBytes(make([]byte, size))) }

var refusedBlobs = map[string]struct {
	blob string
	want sshkey.Code
}{
	"nothing":               {"", sshkey.CodeTruncated},
	"length alone":          {"\x00\x00\x00\x07", sshkey.CodeTruncated},
	"length beyond the end": {"\xff\xff\xff\xffssh-rsa", sshkey.CodeTruncated},
	"name alone":            {wire("ssh-rsa"), sshkey.CodeTruncated},
	"name of unknown type":  {wire("ssh-new"), sshkey.CodeTruncated},
	"too long":              {wire("ssh-new", strings.Repeat("a", sshkey.MaxWire)), sshkey.CodeTooLong},
	"too long and RSA":      {rsaOf("\x03", strings.Repeat("\x01", sshkey.MaxWire)), sshkey.CodeTooLong},

	"name empty":                    {wire("", "x"), sshkey.CodeTypeName},
	"name of 65 characters":         {wire(strings.Repeat("a", 65), "x"), sshkey.CodeTypeName},
	"name with newline":             {wire("a\nssh-rsa", "x"), sshkey.CodeTypeName},
	"name with blank":               {wire("a b", "x"), sshkey.CodeTypeName},
	"name with comma":               {wire("a,b", "x"), sshkey.CodeTypeName},
	"name with two @":               {wire("a@b@c", "x"), sshkey.CodeTypeName},
	"name with @ first":             {wire("@cert-authority", "x"), sshkey.CodeTypeName},
	"name with @ last":              {wire("a@", "x"), sshkey.CodeTypeName},
	"name like a comment":           {wire("#a", "x"), sshkey.CodeTypeName},
	"name like an option":           {wire(`command="id"`, "x"), sshkey.CodeTypeName},
	"name like armour":              {wire("-----BEGIN", "x"), sshkey.CodeTypeName},
	"name not ASCII":                {wire("ssh-r\u0455a", "x"), sshkey.CodeTypeName},
	"name with NUL":                 {wire("ssh-rsa\x00", "x"), sshkey.CodeTypeName},
	"name of a signature":           {wire("rsa-sha2-256", "\x03", goodModulus), sshkey.CodeTypeName},
	"name of a web signature":       {wire("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "x"), sshkey.CodeTypeName},
	"name of certificate signature": {wire("rsa-sha2-512-cert-v01@openssh.com", "x"), sshkey.CodeTypeName},
	"certificate of unknown type":   {wire("ssh-mldsa44-ed25519-cert-v01@openssh.com", "x"), sshkey.CodeCertificate},
	"certificate of nothing":        {wire("ssh-rsa-cert-v01@openssh.com"), sshkey.CodeCertificate},
	"certificate of old version":    {wire("ssh-rsa-cert-v00@openssh.com", "x"), sshkey.CodeCertificate},

	"RSA with one number":       {wire("ssh-rsa", "\x03"), sshkey.CodeTruncated},
	"RSA with three numbers":    {rsaOf("\x03", goodModulus) + wire("\x01"), sshkey.CodeTrailing},
	"RSA with a byte too many":  {rsaOf("\x03", goodModulus) + "\x00", sshkey.CodeTrailing},
	"RSA modulus cut":           {rsaOf("\x03", goodModulus)[:200], sshkey.CodeTruncated},
	"RSA exponent zero":         {rsaOf("", goodModulus), sshkey.CodeNumber},
	"RSA exponent zero byte":    {rsaOf("\x00", goodModulus), sshkey.CodeNumber},
	"RSA exponent negative":     {rsaOf("\x83", goodModulus), sshkey.CodeNumber},
	"RSA exponent 1":            {rsaOf("\x01", goodModulus), sshkey.CodeExponent},
	"RSA exponent even":         {rsaOf("\x01\x00\x00", goodModulus), sshkey.CodeExponent},
	"RSA exponent of 25 bits":   {rsaOf("\x01\x00\x00\x01", goodModulus), sshkey.CodeExponent},
	"RSA exponent long":         {rsaOf("\x7f"+strings.Repeat("\xff", 255), goodModulus), sshkey.CodeExponent},
	"RSA exponent padded":       {rsaOf("\x00\x03", goodModulus), sshkey.CodeNumber},
	"RSA modulus zero":          {rsaOf("\x03", ""), sshkey.CodeNumber},
	"RSA modulus negative":      {rsaOf("\x03", goodModulus[1:]), sshkey.CodeNumber},
	"RSA modulus padded":        {rsaOf("\x03", "\x00"+goodModulus), sshkey.CodeNumber},
	"RSA modulus of 16385 bits": {rsaOf("\x03", "\x01"+strings.Repeat("\x01", 2048)), sshkey.CodeModulus},
	"RSA swapped":               {rsaOf(goodModulus, "\x03"), sshkey.CodeExponent},

	"DSA of 2048 bits":        {wire("ssh-dss", "\x00"+strings.Repeat("\xc3", 256), dsaOrder, "\x02", "\x05"), sshkey.CodeDSA},
	"DSA order of 256 bits":   {wire("ssh-dss", dsaPrime, "\x00"+strings.Repeat("\xc3", 32), "\x02", "\x05"), sshkey.CodeDSA},
	"DSA generator too large": {wire("ssh-dss", dsaPrime, dsaOrder, dsaPrime, "\x05"), sshkey.CodeDSA},
	"DSA value too large":     {wire("ssh-dss", dsaPrime, dsaOrder, "\x02", dsaPrime), sshkey.CodeDSA},
	"DSA value zero":          {wire("ssh-dss", dsaPrime, dsaOrder, "\x02", ""), sshkey.CodeNumber},
	"DSA with three numbers":  {wire("ssh-dss", dsaPrime, dsaOrder, "\x02"), sshkey.CodeTruncated},

	"ECDSA off the curve":           {wire("ecdsa-sha2-nistp256", "nistp256", p256Base[:64]+"\x00"), sshkey.CodePoint},
	"ECDSA at infinity":             {wire("ecdsa-sha2-nistp256", "nistp256", "\x00"), sshkey.CodePoint},
	"ECDSA without point":           {wire("ecdsa-sha2-nistp256", "nistp256", ""), sshkey.CodePoint},
	"ECDSA compressed":              {wire("ecdsa-sha2-nistp256", "nistp256", "\x03"+p256Base[1:33]), sshkey.CodePoint},
	"ECDSA hybrid":                  {wire("ecdsa-sha2-nistp256", "nistp256", "\x07"+p256Base[1:]), sshkey.CodePoint},
	"ECDSA point short":             {wire("ecdsa-sha2-nistp256", "nistp256", p256Base[:64]), sshkey.CodePoint},
	"ECDSA point long":              {wire("ecdsa-sha2-nistp256", "nistp256", p256Base+"\x00"), sshkey.CodePoint},
	"ECDSA coordinate over p":       {wire("ecdsa-sha2-nistp256", "nistp256", "\x04"+strings.Repeat("\xff", 32)+p256Base[33:]), sshkey.CodePoint},
	"ECDSA point of P-256 as P-384": {wire("ecdsa-sha2-nistp384", "nistp384", p256Base), sshkey.CodePoint},
	"ECDSA curve of another type":   {wire("ecdsa-sha2-nistp256", "nistp384", p256Base), sshkey.CodeCurve},
	"ECDSA curve unknown":           {wire("ecdsa-sha2-nistp256", "nistp999", p256Base), sshkey.CodeCurve},
	"ECDSA curve long":              {wire("ecdsa-sha2-nistp256", strings.Repeat("\x1b", 9999), p256Base), sshkey.CodeCurve},
	"ECDSA trailing":                {wire("ecdsa-sha2-nistp256", "nistp256", p256Base, ""), sshkey.CodeTrailing},

	"Ed25519 of 31 bytes":  {wire("ssh-ed25519", ed25519Key32[1:]), sshkey.CodeKeyLength},
	"Ed25519 of 33 bytes":  {wire("ssh-ed25519", ed25519Key32+"\x00"), sshkey.CodeKeyLength},
	"Ed25519 empty":        {wire("ssh-ed25519", ""), sshkey.CodeKeyLength},
	"Ed25519 trailing":     {wire("ssh-ed25519", ed25519Key32, "ssh:"), sshkey.CodeTrailing},
	"Ed25519 length wraps": {wire("ssh-ed25519") + "\xff\xff\xff\xff" + ed25519Key32, sshkey.CodeTruncated},

	"hardware Ed25519 without application": {wire("sk-ssh-ed25519@openssh.com", ed25519Key32), sshkey.CodeTruncated},
	"hardware Ed25519 of 31 bytes":         {wire("sk-ssh-ed25519@openssh.com", ed25519Key32[1:], "ssh:"), sshkey.CodeKeyLength},
	"hardware Ed25519 with NUL":            {wire("sk-ssh-ed25519@openssh.com", ed25519Key32, "ssh:\x00"), sshkey.CodeMalformed},
	"hardware Ed25519 trailing":            {wire("sk-ssh-ed25519@openssh.com", ed25519Key32, "ssh:", ""), sshkey.CodeTrailing},
	"hardware ECDSA on P-384":              {wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp384", p256Base, "ssh:"), sshkey.CodeCurve},
	"hardware ECDSA off the curve":         {wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", p256Base[:64]+"\x00", "ssh:"), sshkey.CodePoint},
	"hardware ECDSA with NUL":              {wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", p256Base, "\x00"), sshkey.CodeMalformed},
}

func TestFromWireRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range refusedBlobs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := sshkey.FromWire([]byte(test.blob))
			wantCode(t, err, test.want)
			checkError(t, test.blob, err)
			if !key.IsZero() {
				t.Errorf("FromWire(%q) = %v beside the error, want no key", test.blob, key)
			}
		})
	}
}

// The nearest good neighbours of refused blobs.
func TestFromWireAccepts(t *testing.T) {
	t.Parallel()
	for name, blob := range map[string]string{
		"RSA":                             rsaOf("\x03", goodModulus),
		"RSA exponent of 24 bits":         rsaOf("\x00\xff\xff\xff", goodModulus),
		"RSA modulus of 16384 bits":       rsaOf("\x03", "\x00"+strings.Repeat("\xff", 2048)),
		"DSA":                             wire("ssh-dss", dsaPrime, dsaOrder, "\x02", "\x05"),
		"ECDSA":                           wire("ecdsa-sha2-nistp256", "nistp256", p256Base),
		"Ed25519":                         wire("ssh-ed25519", ed25519Key32),
		"application empty":               wire("sk-ssh-ed25519@openssh.com", ed25519Key32, ""),
		"application in UTF-8":            wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", p256Base, "ssh:büro"),
		"name of 64 characters":           wire(strings.Repeat("a", 64), "x"),
		"name of all kinds of characters": wire("09azAZ+-._@09azAZ.-", "x"),
		"name of unknown domain":          wire("a-1.b_c+d@example.org", "x"),
		"unknown with any content":        wire("ssh-new") + "\x00",
	} {
		key, err := sshkey.FromWire([]byte(blob))
		if err != nil || string(key.Blob()) != blob {
			t.Errorf("%s: FromWire(%q) = %v, %v, want the same blob", name, blob, key, err)
			continue
		}
		checkKey(t, key)
	}
}

func TestFromSSH(t *testing.T) {
	t.Parallel()
	for _, file := range corpusFiles(t, ".pub") {
		theirs, _, _, _, err := ssh.ParseAuthorizedKey([]byte(readCorpus(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		key, err := sshkey.FromSSH(theirs)
		if want := parseCorpus(t, file).Key; err != nil || !key.Equal(want) {
			t.Errorf("%s: FromSSH = %v, %v, want %v", file, key, err, want)
		}
		unwrapped, err := sshkey.FromWire(theirs.Marshal())
		if err != nil || !unwrapped.Equal(key) {
			t.Errorf("%s: FromWire = %v, %v, want %v", file, unwrapped, err, key)
		}
	}
	for _, none := range []ssh.PublicKey{nil, &ssh.Certificate{}} {
		_, err := sshkey.FromSSH(none)
		wantCode(t, err, sshkey.CodeEmpty)
	}
}

// The names are those of x/crypto/ssh, and so of OpenSSH, in the order promised.
func TestKnownTypesMatchLibrary(t *testing.T) {
	t.Parallel()
	want := []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSA, "ssh-dss",
	}
	if got := sshkey.KnownTypes(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("KnownTypes() = %q, want %q", got, want)
	}
}
