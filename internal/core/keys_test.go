package core_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

func TestAddKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		by := w.actor("ada")
		text := "  " + keyText + "   ada@laptop \n"
		k, err := w.AddKey(t.Context(), by, core.NewKey{Owner: ada.ID, Name: "läptop", Text: text, Shared: true, Comment: "new machine"})
		if err != nil {
			t.Fatal(err)
		}
		now := core.Moment(w.clock.Now())
		want := core.KeyDetail{
			Key: core.Key{
				ID: k.ID, UUID: k.UUID, ShortID: k.ShortID, Owner: ada.ID, Name: "läptop", Text: text,
				Public: mustParse(keyText), Shared: true, CreatedAt: now, UpdatedAt: now,
			},
			OwnerLogin: "ada",
		}
		if diff := cmp.Diff(want.Key, k.Key, exactly); diff != "" || k.UUID.Version() != 7 || len(k.ShortID) != 8 {
			t.Errorf("AddKey = %v, %q (-want +got):\n%s", k.UUID, k.ShortID, diff)
		}
		got := w.detail(k.Key)
		want.Evidence = []core.Evidence{{ID: got.Evidence[0].ID, Key: k.ID, Grade: core.Pasted, At: now}}
		want.Revisions = []core.Revision{{
			ID: got.Revisions[0].ID, Key: want.Key, Number: 1, Action: core.KeyAdded,
			ActorKind: core.ActorAccount, ActorName: "ada", Account: ada.ID, Comment: "new machine", At: now,
		}}
		if diff := cmp.Diff(want, got, exactly); diff != "" {
			t.Errorf("Key after AddKey (-want +got):\n%s", diff)
		}
		e := w.event("key.add")
		if e.Object != "key "+k.UUID.String() || e.Account != ada.ID || e.Face != "native" || e.Detail != k.Public.SHA256().String() || e.Outcome != core.Done {
			t.Errorf("audit event = %+v, want that ada added the key", e)
		}
	})
}

func TestAddKeyRefuses(t *testing.T) {
	t.Parallel()
	corpus := func(file string) string {
		return string(must(os.ReadFile(filepath.Join("..", "sshkey", "testdata", "corpus", file))))
	}
	const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"
	tests := map[string]struct {
		name, text, comment string
		fields              []string // beginnings
		hide                string   // must not be repeated
	}{
		"command for the login": {
			"k", `command="/bin/evil" ` + keyText, "", []string{"public_key: options before the key are not kept; leave them out"}, "evil",
		},
		"another's certificate authority": {
			"k", "cert-authority " + keyText, "", []string{"public_key: options before the key are not kept; leave them out"}, "cert-authority",
		},
		"certificate": {
			"k", corpus("ed25519-cert.pub"), "", []string{"public_key: this is a certificate; give the plain key it certifies"}, "AAAA",
		},
		"private key": {
			"k", "-----BEGIN OPENSSH PRIVATE KEY-----\n" + secret + "\n-----END OPENSSH PRIVATE KEY-----", "",
			[]string{"public_key: this is a private key"}, secret[:16],
		},
		"private key without its armour": {"k", secret, "", []string{"public_key: this is a private key"}, secret[:16]},
		"two keys":                       {"k", keyText + "\n" + keyText2, "", []string{"public_key: there is more than one line"}, "AAAA"},
		"no key":                         {"k", "", "", []string{"public_key: there is no key"}, ""},
		"weak RSA":                       {"k", corpus("rsa1024.pub"), "", []string{"public_key: the RSA key has 1024 bits; at least 2048 are needed"}, "AAAA"},
		"DSA":                            {"k", corpus("dsa.pub"), "", []string{`public_key: keys of type "ssh-dss" are not allowed`}, "AAAA"},
		"unknown type": {
			"k", "ssh-new@example.org AAAAE3NzaC1uZXdAZXhhbXBsZS5vcmcAAAAEcm9vdA==", "", []string{`public_key: keys of type "ssh-new@example.org" are not allowed`}, "AAAA",
		},
		"name with a line of its own": {"k\n" + keyText2, keyText, "", []string{"name: must not hold control characters"}, "AAAA"},
		"name that steers a terminal": {"k\x1b[2J", keyText, "", []string{"name: must not hold control characters"}, "\x1b"},
		"name that turns text around": {"k\u202e", keyText, "", []string{"name: must not hold control characters"}, "\u202e"},
		"name with a zero byte":       {"k\x00", keyText, "", []string{"name: must not hold control characters"}, "\x00"},
		"name that is no text":        {"k\xff", keyText, "", []string{"name: must be valid UTF-8"}, "\xff"},
		"name of 256":                 {strings.Repeat("ä", 256), keyText, "", []string{"name: must have at most 255 characters"}, "ä"},
		"comment with a zero byte":    {"k", keyText, "\x00", []string{"comment: must not hold control characters"}, "\x00"},
		"comment of 1001":             {"k", keyText, strings.Repeat("c", 1001), []string{"comment: must have at most 1000 characters"}, "ccc"},
		"all of it": {
			"\x07", "x", "\x07",
			[]string{"name: must not hold control", "comment: must not hold control", "public_key: there is no public key"}, "",
		},
	}
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		before := w.dump()
		for name, tt := range tests {
			_, err := w.AddKey(t.Context(), operator, core.NewKey{Owner: ada.ID, Name: tt.name, Text: tt.text, Comment: tt.comment})
			if core.KindOf(err) != core.Invalid {
				t.Errorf("%s: %v, want it invalid", name, err)
				continue
			}
			got := fieldsOf(err)
			if !slices.EqualFunc(got, tt.fields, strings.HasPrefix) {
				t.Errorf("%s: fields = %q, want %q", name, got, tt.fields)
			}
			if tt.hide != "" && strings.Contains(err.Error(), tt.hide) {
				t.Errorf("%s: %q repeats %q", name, err, tt.hide)
			}
		}
		_, err := w.AddKey(t.Context(), operator, core.NewKey{Owner: 1 << 40, Name: "k", Text: keyText})
		wantError(t, "key of nobody", err, core.NotFound)
		before.Audit = w.dump().Audit // which tells of private keys, see TestPrivateKeysAreNoted
		w.unchanged("refused keys", before)
	})
}

// A face can ask for its product's own policy instead of the installation's.
func TestAddKeyPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	w.apply(core.Desired{Settings: map[string]string{"keys": `{"allowed_types":["ssh-rsa"],"min_rsa_bits":3072}`}})
	weak, strong := corpusKey(t, "rsa1024.pub"), corpusKey(t, "rsa4096.pub")
	tests := []struct {
		key    sshkey.PublicKey
		policy *sshkey.Policy
		taken  bool
	}{
		{mustParse(keyText), nil, false},
		{strong, nil, true},
		{weak, nil, false},
		{mustParse(keyText), &sshkey.Policy{}, true},
		{weak, &sshkey.Policy{MinRSABits: -1}, true},
		{strong, &sshkey.Policy{MinRSABits: 8192}, false},
	}
	for i, tt := range tests {
		_, err := w.AddKey(t.Context(), operator, core.NewKey{Owner: ada.ID, Name: fmt.Sprint(i), Text: tt.key.String(), Policy: tt.policy})
		if (err == nil) != tt.taken || err != nil && core.KindOf(err) != core.Invalid {
			t.Errorf("AddKey of %s %d under %+v: %v, want taken: %v", tt.key.Algorithm(), tt.key.Bits(), tt.policy, err, tt.taken)
		}
	}
}

// What an owner may not have twice is for the face to say.
func TestAddKeyUniqueness(t *testing.T) {
	t.Parallel()
	const nameTaken = "name: is already the name of another key of this account"
	const keyTaken = "public_key: is already a key of this account"
	tests := map[string]struct {
		name  string
		key   int
		other bool // another account's
		u     core.Uniqueness
		want  string
	}{
		"same, nothing asked":       {name: "laptop", key: 1},
		"same name":                 {name: "laptop", key: 2, u: core.Uniqueness{Name: true}, want: nameTaken},
		"same name, other asked":    {name: "laptop", key: 2, u: core.Uniqueness{Key: true}},
		"name in other case":        {name: "Laptop", key: 2, u: core.Uniqueness{Name: true}},
		"same key":                  {name: "desk", key: 1, u: core.Uniqueness{Key: true}, want: keyTaken},
		"same key, other asked":     {name: "desk", key: 1, u: core.Uniqueness{Name: true}},
		"both":                      {name: "laptop", key: 1, u: core.Uniqueness{Name: true, Key: true}, want: nameTaken},
		"both, of another account":  {name: "laptop", key: 1, other: true, u: core.Uniqueness{Name: true, Key: true}},
		"neither":                   {name: "desk", key: 2, u: core.Uniqueness{Name: true, Key: true}},
		"no name, twice":            {name: "", key: 3, u: core.Uniqueness{Name: true}, want: nameTaken},
		"no name, twice, not asked": {name: "", key: 3, u: core.Uniqueness{Key: true}},
	}
	onEach(t, func(t *testing.T, w *world) {
		ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
		w.addKey(ada.ID, "laptop", testKey(t, 1))
		w.addKey(ada.ID, "", testKey(t, 4))
		s := w.over(rehearsal{w.store})
		for name, tt := range tests {
			owner := ada.ID
			if tt.other {
				owner = bob.ID
			}
			_, err := s.AddKey(t.Context(), operator, core.NewKey{Owner: owner, Name: tt.name, Text: testKey(t, tt.key).String(), Unique: tt.u})
			if tt.want == "" {
				if err != nil {
					t.Errorf("%s: %v, want it added", name, err)
				}
				continue
			}
			wantError(t, name, err, core.Conflict, tt.want)
		}
	})
}

func TestAddKeyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		add := func(name string, key int, u core.Uniqueness) error {
			return second(w.AddKey(t.Context(), operator, core.NewKey{Owner: ada.ID, Name: name, Text: testKey(t, key).String(), Unique: u}))
		}
		oneWins(t, atOnce(50, func(i int) error { return add("laptop", i, core.Uniqueness{Name: true}) }),
			"name: is already the name of another key of this account")
		oneWins(t, atOnce(50, func(i int) error { return add(fmt.Sprint(i), 1000, core.Uniqueness{Key: true}) }),
			"public_key: is already a key of this account")
		if keys := w.keysOf(ada); len(keys) != 2 {
			t.Errorf("%d keys, want two", len(keys))
		}
		if d := w.dump(); len(d.Revisions) != 2 || len(d.Evidence) != 2 {
			t.Errorf("%d revisions and %d pieces of evidence, want two each", len(d.Revisions), len(d.Evidence))
		}
	})
}

func TestRemoveKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		k := w.addKey(ada.ID, "laptop", testKey(t, 1))
		w.clock.advance(time.Minute)
		if err := w.RemoveKey(t.Context(), w.actor("ada"), k.UUID, "lost"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Key(t.Context(), operator, k.UUID)
		wantError(t, "Key after RemoveKey", err, core.NotFound)
		if keys := must(w.AuthorizedKeys(t.Context(), operator, "ada", sshkey.Fingerprint{})); len(keys) != 0 {
			t.Errorf("AuthorizedKeys after RemoveKey = %v, want none", keys)
		}
		if keys := w.keysOf(ada); len(keys) != 0 {
			t.Errorf("Keys after RemoveKey = %v, want none", keys)
		}
		d := w.dump()
		if len(d.Revisions) != 2 {
			t.Fatalf("revisions = %+v, want that of the addition and that of the removal", d.Revisions)
		}
		last, now := d.Revisions[1], core.Moment(w.clock.Now())
		if diff := cmp.Diff(core.Revision{
			ID: last.ID, Key: k, Number: 2, Action: core.KeyRemoved, ActorKind: core.ActorAccount, ActorName: "ada",
			Account: ada.ID, Comment: "lost", At: now,
		}, last, exactly); diff != "" {
			t.Errorf("revision of the removal (-want +got):\n%s", diff)
		}
		if e := w.event("key.remove"); e.Object != "key "+k.UUID.String() || e.Account != ada.ID {
			t.Errorf("audit event = %+v, want that ada removed the key", e)
		}
		err = w.RemoveKey(t.Context(), operator, k.UUID, "")
		wantError(t, "RemoveKey again", err, core.NotFound)
		err = w.RemoveKey(t.Context(), operator, k.UUID, "a\x00b")
		wantError(t, "RemoveKey with an odd comment", err, core.Invalid, "comment: must not hold control characters")
	})
}

func TestRemoveKeyAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		k := w.addKey(w.account(core.NewAccount{Login: "ada"}).ID, "laptop", testKey(t, 1))
		done := 0
		for _, err := range atOnce(10, func(int) error { return w.RemoveKey(t.Context(), operator, k.UUID, "") }) {
			if err == nil {
				done++
			} else {
				wantError(t, "one who came too late", err, core.NotFound)
			}
		}
		if n := len(w.events("key.remove")); done != 1 || n != 1 {
			t.Errorf("%d of 10 removed the key, %d audit events; want one", done, n)
		}
	})
}

func TestKeysList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
		for i, owner := range []core.AccountID{ada.ID, bob.ID, ada.ID, bob.ID} {
			w.addKey(owner, fmt.Sprint(i), testKey(t, i/3)) // keys 0, 0, 0, 1
		}
		sum := testKey(t, 0).MD5()
		byMD5 := sshkey.Fingerprint{Hash: sshkey.HashMD5, Sum: sum[:]}
		tests := map[string]struct {
			q    core.KeyQuery
			want string
			n    int
		}{
			"all":                   {core.KeyQuery{}, "0123", 4},
			"of an owner":           {core.KeyQuery{Where: core.OwnedBy(ada.ID)}, "02", 2},
			"by fingerprint":        {core.KeyQuery{Where: core.HasFingerprint(byMD5)}, "012", 3},
			"by both":               {core.KeyQuery{Where: core.And{core.OwnedBy(bob.ID), core.HasFingerprint(byMD5)}}, "1", 1},
			"page":                  {core.KeyQuery{Page: core.Page{Offset: 1, Limit: 2}}, "12", 4},
			"page before the first": {core.KeyQuery{Page: core.Page{Offset: -1, Limit: -1}}, "0123", 4},
			"of nobody":             {core.KeyQuery{Where: core.OwnedBy(1 << 40)}, "", 0},
		}
		for name, tt := range tests {
			keys, n, err := w.Keys(t.Context(), operator, tt.q)
			var got string
			for _, k := range keys {
				got += k.Name
			}
			if got != tt.want || n != tt.n || err != nil {
				t.Errorf("%s: Keys = %q, %d, %v; want %q, %d", name, got, n, err, tt.want, tt.n)
			}
		}
	})
}

func TestAuthorizedKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.apply(core.Desired{Accounts: []core.DesiredAccount{
			{Login: "Ada", Email: "ada@example.org", Keys: []core.DesiredKey{
				{Name: "a", PublicKey: testKey(t, 1).String()}, {Name: "b", PublicKey: testKey(t, 2).String(), Shared: true},
			}},
			{Login: "bob", Keys: []core.DesiredKey{{Name: "a", PublicKey: testKey(t, 3).String()}}},
			{Login: "locked", Disabled: true, Keys: []core.DesiredKey{{Name: "a", PublicKey: testKey(t, 4).String()}}},
			{Login: "late", ExpiresAt: w.clock.Now(), Keys: []core.DesiredKey{{Name: "a", PublicKey: testKey(t, 5).String()}}},
			{Login: "kate", Keys: []core.DesiredKey{{Name: "a", PublicKey: testKey(t, 6).String()}}},
		}})
		ada := must(w.AccountRef(t.Context(), operator, "Ada"))
		host := w.bearer("bob", core.UseHost)
		tests := map[string]struct {
			login string
			want  int
		}{
			"exactly":                {"Ada", 2},
			"in other case":          {"ada", 0},
			"in capitals":            {"ADA", 0},
			"by e-mail":              {"ada@example.org", 0},
			"by UUID":                {ada.UUID.String(), 0},
			"unknown":                {"root", 0},
			"nobody":                 {"", 0},
			"locked out":             {"locked", 0},
			"expired":                {"late", 0},
			"blank behind":           {"Ada ", 0},
			"zero byte behind":       {"Ada\x00", 0},
			"no text":                {"\xff\xfe", 0},
			"wildcard":               {"%", 0},
			"Kelvin sign for a k":    {"\u212Aate", 0},
			"quote":                  {"Ada' OR '1'='1", 0},
			"another, by a host too": {"bob", 1},
		}
		for name, tt := range tests {
			keys, err := w.AuthorizedKeys(t.Context(), host, tt.login, sshkey.Fingerprint{})
			if err != nil || len(keys) != tt.want {
				t.Errorf("%s: AuthorizedKeys(%q) = %v, %v; want %d keys", name, tt.login, keys, err, tt.want)
			}
			for _, k := range keys {
				if tt.login == "Ada" && !k.Public.Equal(testKey(t, 1)) && !k.Public.Equal(testKey(t, 2)) {
					t.Errorf("%s: AuthorizedKeys(%q) = %v, with another's key", name, tt.login, keys)
				}
			}
		}
	})
}

// sshd passes the fingerprint of the key at hand; products spell it otherwise.
// Some products keep any key, even one whose modulus has small factors. It is
// in every list, and opens nothing.
func TestAuthorizedKeysLeaveOutWhatProtectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	w.addKey(ada.ID, "good", testKey(t, 1))
	anything := &sshkey.Policy{MinRSABits: -1, AnyStrength: true}
	weak, err := w.AddKey(t.Context(), operator, core.NewKey{
		Owner: ada.ID, Name: "weak", Text: "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF", Policy: anything,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := w.Keys(t.Context(), operator, core.KeyQuery{}); n != 2 || err != nil {
		t.Errorf("Keys = %d keys, %v; want both", n, err)
	}
	sum := weak.Public.SHA256()
	if keys, err := w.AuthorizedKeys(t.Context(), operator, "ada", sshkey.Fingerprint{}); len(keys) != 1 || err != nil {
		t.Errorf("AuthorizedKeys = %d keys, %v; want the good one", len(keys), err)
	}
	asked := sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum[:]}
	if keys, err := w.AuthorizedKeys(t.Context(), operator, "ada", asked); len(keys) != 0 || err != nil {
		t.Errorf("AuthorizedKeys of the weak one = %d keys, %v; want none", len(keys), err)
	}
}

func TestAuthorizedKeysByFingerprint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
	w.addKey(ada.ID, "a", testKey(t, 1))
	want := w.addKey(ada.ID, "b", testKey(t, 2))
	w.addKey(bob.ID, "c", testKey(t, 3))
	k := want.Public
	spellings := []string{
		k.SHA256().String(), k.SHA256().Padded(), strings.TrimRight(k.SHA256().Padded(), "="), "SHA256:" + k.SHA256().Padded(),
		k.MD5().String(), k.MD5().Bare(), strings.ToUpper(k.MD5().Bare()), k.SHA512().String(),
	}
	for _, spelling := range spellings {
		f, err := sshkey.ParseFingerprint(spelling)
		if err != nil {
			t.Fatalf("ParseFingerprint(%q): %v", spelling, err)
		}
		keys, err := w.AuthorizedKeys(t.Context(), operator, "ada", f)
		if err != nil || len(keys) != 1 || keys[0].Name != want.Name || !keys[0].Public.Equal(k) {
			t.Errorf("AuthorizedKeys by %s = %v, %v; want the one key", spelling, keys, err)
		}
	}
	bobs := testKey(t, 3).SHA256()
	none := map[string]sshkey.Fingerprint{
		"another account's key": {Hash: sshkey.HashSHA256, Sum: bobs[:]},
		"sum cut off":           {Hash: sshkey.HashSHA256, Sum: bobs[:8]},
		"empty sum":             {Hash: sshkey.HashSHA256, Sum: []byte{}},
		"sum without a hash":    {Sum: must(hex.DecodeString(strings.ReplaceAll(k.MD5().Bare(), ":", "")))},
		"sum of another hash":   {Hash: sshkey.HashMD5, Sum: bobs[:16]},
	}
	for name, f := range none {
		if keys, err := w.AuthorizedKeys(t.Context(), operator, "ada", f); err != nil || len(keys) != 0 {
			t.Errorf("%s: AuthorizedKeys = %v, %v; want none", name, keys, err)
		}
	}
}

func TestKeyOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Key(t.Context(), operator, uuid.New())
	wantError(t, "Key that is not there", err, core.NotFound)
	if err.Error() != "no such key" {
		t.Errorf("Key that is not there: %q, want the words for one that must not be seen", err)
	}
}

// A key that another account has is added, flagged or refused as the caller
// asks; one's own is neither here nor there.
func TestAddKeyThatIsElsewhere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
		w.addKey(ada.ID, "hers", testKey(t, 1))
		add := func(owner core.AccountID, e core.Elsewhere) error {
			in := core.NewKey{Owner: owner, Name: "n", Text: testKey(t, 1).String(), Elsewhere: e}
			check := w.CheckKey(t.Context(), operator, in)
			_, err := w.AddKey(t.Context(), operator, in)
			if (check == nil) != (err == nil) || check != nil && check.Error() != err.Error() {
				t.Errorf("CheckKey = %v, AddKey = %v; want the same", check, err)
			}
			return err
		}
		if err := add(ada.ID, core.ElsewhereRefused); err != nil {
			t.Errorf("AddKey of one's own key again, refused elsewhere: %v", err)
		}
		err := add(bob.ID, core.ElsewhereRefused)
		wantError(t, "AddKey of another's, refused", err, core.Conflict, "public_key: is already a key of another account")
		if err := add(bob.ID, core.ElsewhereTaken); err != nil || len(w.events("key.flag")) != 0 {
			t.Errorf("AddKey of another's = %v, findings %v; want it done without one", err, w.events("key.flag"))
		}
		if err := add(bob.ID, core.ElsewhereFlagged); err != nil {
			t.Error(err)
		}
		if e := w.event("key.flag"); e.Detail != "also a key of account "+ada.UUID.String() || !strings.HasPrefix(e.Object, "key ") {
			t.Errorf("finding = %+v, want that ada has it too", e)
		}
	})
}

// That a private key was sent is written down, without a trace of it.
func TestPrivateKeysAreNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.account(core.NewAccount{Login: "ada"})
	text := "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----"
	in := core.NewKey{Owner: ada.ID, Name: "n", Text: text}
	before := w.dump()
	for what, err := range map[string]error{
		"AddKey":   second(w.AddKey(t.Context(), w.actor("ada"), in)),
		"CheckKey": w.CheckKey(t.Context(), w.actor("ada"), in),
	} {
		if core.KindOf(err) != core.Invalid || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s of a private key: %v, want it refused without a word of it", what, err)
		}
		why, ok := errors.AsType[*core.Error](err)
		if key, isKeys := errors.AsType[*sshkey.Error](why.Fields[0].Err); !ok || !isKeys || key.Code != sshkey.CodePrivateKey {
			t.Errorf("%s says why %#v, want the code of a private key", what, why.Fields[0])
		}
	}
	found := w.events("key.add")
	if len(found) != 2 {
		t.Fatalf("audit events = %+v, want two", found)
	}
	for _, e := range found {
		if e.Outcome != core.Refused || e.Detail != "a private key was sent" || e.Object != "account "+ada.UUID.String() || e.ActorName != "ada" {
			t.Errorf("audit event = %+v, want that ada sent a private key", e)
		}
	}
	if after := w.dump(); len(after.Keys) != len(before.Keys) || len(after.Revisions) != len(before.Revisions) {
		t.Error("a private key was kept")
	}
}
