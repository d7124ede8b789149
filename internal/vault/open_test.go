package vault_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keyrack/internal/vault"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// createIn names the environment variable that makes the test binary a process
// which waits for the end of its input, creates a vault there and ends.
const createIn = "VAULT_TEST_CREATE_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(createIn); dir != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_, _ = os.Stdout.WriteString(createOnce(dir))
		return
	}
	os.Exit(m.Run())
}

// createOnce tells what became of a Create: the new vault's id, "exists" when
// another was there and opens already, or the error.
func createOnce(dir string) string {
	v, err := vault.Create(options(dir))
	if err == nil {
		return v.ID()
	}
	if _, openErr := vault.Open(options(dir)); errors.Is(err, vault.ErrExists) && openErr == nil {
		return "exists"
	}
	return err.Error()
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func write(tb testing.TB, path string, content []byte, mode fs.FileMode) {
	tb.Helper()
	if err := errors.Join(os.WriteFile(path, content, mode), os.Chmod(path, mode)); err != nil {
		tb.Fatal(err)
	}
}

// snapshot gives mode and content of each file below dir.
func snapshot(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			tb.Fatal(err)
		}
		files[e.Name()] = info.Mode().String() + " " + string(read(tb, filepath.Join(dir, e.Name())))
	}
	return files
}

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.AppendEncode(nil, key)
}

func TestCreateMakesTwoPrivateFiles(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	entries, err := os.ReadDir(filepath.Dir(o.KeysetFile))
	if err != nil || len(entries) != 2 {
		t.Errorf("directory holds %v, %v, want master key and key set alone", entries, err)
	}
	for _, path := range []string{o.MasterKeyFile, o.KeysetFile} {
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode of %s is %v, %v, want 0600", path, info.Mode(), err)
		}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(read(t, o.MasterKeyFile))))
	if err != nil || len(key) != 32 {
		t.Errorf("master key file holds %d bytes, %v, want 32 in base64", len(key), err)
	}
	if _, err := uuid.Parse(v.ID()); err != nil {
		t.Errorf("ID() = %q, want a UUID", v.ID())
	}
	if again := mustOpen(t, o); again.ID() != v.ID() {
		t.Errorf("ID() after Open = %q, want %q", again.ID(), v.ID())
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(vault.Options) error{
		"whole vault":       func(vault.Options) error { return nil },
		"master key lost":   func(o vault.Options) error { return os.Remove(o.MasterKeyFile) },
		"key set emptied":   func(o vault.Options) error { return os.Truncate(o.KeysetFile, 0) },
		"master key opened": func(o vault.Options) error { return os.Chmod(o.MasterKeyFile, 0o644) },
		"key set behind a link": func(o vault.Options) error {
			return errors.Join(os.Rename(o.KeysetFile, o.KeysetFile+".real"), os.Symlink(o.KeysetFile+".real", o.KeysetFile))
		},
	} {
		_, o := create(t)
		if err := harm(o); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, filepath.Dir(o.KeysetFile))
		if _, err := vault.Create(o); !errors.Is(err, vault.ErrExists) {
			t.Errorf("%s: second Create = %v, want ErrExists", name, err)
		}
		if diff := cmp.Diff(before, snapshot(t, filepath.Dir(o.KeysetFile))); diff != "" {
			t.Errorf("%s: second Create changed files (-before +after):\n%s", name, diff)
		}
	}
}

// The states that a kill can leave behind, in the order Create passes them.
func TestCreateContinuesAfterInterruption(t *testing.T) {
	t.Parallel()
	key := append(randomKey(), '\n')
	for name, prepare := range map[string]func(o vault.Options){
		"nothing": func(vault.Options) {},
		"half a master key not in place": func(o vault.Options) {
			write(t, filepath.Join(filepath.Dir(o.MasterKeyFile), ".master.key.1"), key[:9], 0o600)
		},
		"master key in place": func(o vault.Options) { write(t, o.MasterKeyFile, key, 0o600) },
		"half a key set not in place": func(o vault.Options) {
			write(t, o.MasterKeyFile, key, 0o600)
			write(t, filepath.Join(filepath.Dir(o.KeysetFile), ".keyset.json.1"), []byte(`{"format"`), 0o600)
		},
	} {
		o := options(t.TempDir())
		prepare(o)
		given, _ := os.ReadFile(o.MasterKeyFile)
		v, err := vault.Create(o)
		if err != nil {
			t.Errorf("%s: Create = %v, want a vault", name, err)
			continue
		}
		if given != nil && !bytes.Equal(read(t, o.MasterKeyFile), given) {
			t.Errorf("%s: Create replaced the master key", name)
		}
		wantUnseal(t, mustOpen(t, o), seal(t, v, []byte("s3cr3t"), record), record, []byte("s3cr3t"))
	}
}

// A key set that is lost is not quietly replaced by one that opens nothing: the
// identity that the database remembers tells them apart.
func TestCreateAfterLostKeysetIsAnotherVault(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	if err := os.Remove(o.KeysetFile); err != nil {
		t.Fatal(err)
	}
	other, err := vault.Create(o)
	if err != nil || other.ID() == v.ID() {
		t.Fatalf("Create = %v, want a vault with another id than %s", err, v.ID())
	}
	wantTampered(t, other, sealed, record, "sealed under the lost key set")
}

func TestCreateReportsWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key  []byte
		mode fs.FileMode
		want error
	}{
		"exposed master key":   {randomKey(), 0o644, vault.ErrMasterKeyExposed},
		"truncated master key": {randomKey()[:20], 0o600, vault.ErrMasterKeyWrong},
		"empty master key":     {nil, 0o600, vault.ErrMasterKeyWrong},
	} {
		o := options(t.TempDir())
		write(t, o.MasterKeyFile, c.key, c.mode)
		if _, err := vault.Create(o); !errors.Is(err, c.want) {
			t.Errorf("%s: Create = %v, want %v", name, err, c.want)
		}
		if _, err := os.Lstat(o.KeysetFile); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Create left a key set behind", name)
		}
	}
	o := options(filepath.Join(t.TempDir(), "absent"))
	if _, err := vault.Create(o); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), o.MasterKeyFile) {
		t.Errorf("Create in an absent directory = %v, want fs.ErrNotExist and the file's name", err)
	}
}

// wantOneVault checks that of many Creates one made the vault that lies there.
func wantOneVault(t *testing.T, dir string, results []string) {
	t.Helper()
	id := mustOpen(t, options(dir)).ID()
	made := 0
	for _, r := range results {
		if r == id {
			made++
		} else if r != "exists" {
			t.Errorf("Create gave %q, want %q or ErrExists", r, id)
		}
	}
	if made != 1 {
		t.Errorf("Create made the vault %d times (%q), want once", made, results)
	}
	if files := snapshot(t, dir); len(files) != 2 {
		t.Errorf("directory holds %q, want two files", files)
	}
}

func TestCreateByManyGoroutines(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		results := make([]string, 8)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				<-start
				results[i] = createOnce(dir)
			})
		}
		close(start)
		wg.Wait()
		wantOneVault(t, dir, results)
	}
}

func TestCreateByManyProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gate, open, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outputs := make([]bytes.Buffer, 4)
	processes := make([]*exec.Cmd, len(outputs))
	for i := range processes {
		p := exec.CommandContext(t.Context(), os.Args[0])
		p.Env = append(os.Environ(), createIn+"="+dir)
		p.Stdin, p.Stdout, p.Stderr = gate, &outputs[i], t.Output()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		processes[i] = p
	}
	if err := errors.Join(gate.Close(), open.Close()); err != nil { // all see the end of input at once
		t.Fatal(err)
	}
	results := make([]string, len(outputs))
	for i, p := range processes {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		results[i] = outputs[i].String()
	}
	wantOneVault(t, dir, results)
}

// masterKeyID is how an error quotes the key it speaks of.
var masterKeyID = regexp.MustCompile(`key "([0-9a-f]{8})"`)

func TestOpenRefusesMasterKey(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	good := read(t, o.MasterKeyFile)
	var header struct {
		MasterKey string `json:"master_key"`
	}
	if err := json.Unmarshal(read(t, o.KeysetFile), &header); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		key  []byte
		mode fs.FileMode
		want error
		ids  int // ids in the message: needed, and given where there is one
	}{
		"random":           {randomKey(), 0o600, vault.ErrMasterKeyWrong, 2},
		"one bit changed":  {flipFirstBit(good), 0o600, vault.ErrMasterKeyWrong, 2},
		"truncated":        {good[:17], 0o600, vault.ErrMasterKeyWrong, 1},
		"truncated by one": {good[:len(good)-3], 0o600, vault.ErrMasterKeyWrong, 1},
		"too long":         {base64.StdEncoding.AppendEncode(nil, make([]byte, 33)), 0o600, vault.ErrMasterKeyWrong, 1},
		"16 bytes":         {base64.StdEncoding.AppendEncode(nil, make([]byte, 16)), 0o600, vault.ErrMasterKeyWrong, 1},
		"empty":            {nil, 0o600, vault.ErrMasterKeyWrong, 1},
		"only white space": {[]byte(" \n"), 0o600, vault.ErrMasterKeyWrong, 1},
		"not base64":       {[]byte("\x1b[2Jcorrect horse battery staple"), 0o600, vault.ErrMasterKeyWrong, 1},
		"endless":          {bytes.Repeat([]byte("A"), 2<<20), 0o600, vault.ErrMasterKeyWrong, 1},
		"two keys":         {append(bytes.Clone(good), randomKey()...), 0o600, vault.ErrMasterKeyWrong, 1},
		"mode 0644":        {good, 0o644, vault.ErrMasterKeyExposed, 1},
		"mode 0640":        {good, 0o640, vault.ErrMasterKeyExposed, 1},
		"mode 0604":        {good, 0o604, vault.ErrMasterKeyExposed, 1},
		"mode 0620":        {good, 0o620, vault.ErrMasterKeyExposed, 1},
	}
	for name, c := range cases {
		write(t, o.MasterKeyFile, c.key, c.mode)
		before := snapshot(t, filepath.Dir(o.KeysetFile))
		_, err := vault.Open(o)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Open = %v, want %v", name, err, c.want)
			continue
		}
		ids := masterKeyID.FindAllStringSubmatch(err.Error(), -1)
		if len(ids) != c.ids || ids[len(ids)-1][1] != header.MasterKey || !strings.Contains(err.Error(), o.MasterKeyFile) {
			t.Errorf("%s: Open = %v, want it to name the file, %d key ids and last %s", name, err, c.ids, header.MasterKey)
		}
		if text := strings.TrimSpace(string(c.key)); text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: Open = %v, which shows the file's content", name, err)
		}
		if diff := cmp.Diff(before, snapshot(t, filepath.Dir(o.KeysetFile))); diff != "" {
			t.Errorf("%s: Open changed files (-before +after):\n%s", name, diff)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		write(t, o.MasterKeyFile, good, mode)
		wantUnseal(t, mustOpen(t, o), sealed, record, []byte("s3cr3t"))
	}
	write(t, o.MasterKeyFile, bytes.TrimSpace(good), 0o600)
	mustOpen(t, o)
}

func flipFirstBit(text []byte) []byte {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	key[0] ^= 1
	return base64.StdEncoding.AppendEncode(nil, key)
}

func TestOpenNamesMissingFile(t *testing.T) {
	t.Parallel()
	for want, remove := range map[error]func(vault.Options) error{
		vault.ErrMasterKeyMissing: func(o vault.Options) error { return os.Remove(o.MasterKeyFile) },
		vault.ErrKeysetMissing:    func(o vault.Options) error { return os.Remove(o.KeysetFile) },
	} {
		_, o := create(t)
		if err := remove(o); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Open(o); !errors.Is(err, want) {
			t.Errorf("Open = %v, want %v", err, want)
		}
		if entries, _ := os.ReadDir(filepath.Dir(o.KeysetFile)); len(entries) != 1 {
			t.Errorf("after Open the directory holds %v, want one file", entries)
		}
	}
	o := options(t.TempDir())
	if _, err := vault.Open(o); !errors.Is(err, vault.ErrKeysetMissing) {
		t.Errorf("Open with neither file = %v, want ErrKeysetMissing, upon which a first start creates", err)
	}
}

func TestOpenDoesNotWaitForPipes(t *testing.T) {
	t.Parallel()
	for _, path := range []func(vault.Options) string{
		func(o vault.Options) string { return o.MasterKeyFile },
		func(o vault.Options) string { return o.KeysetFile },
	} {
		_, o := create(t)
		if err := errors.Join(os.Remove(path(o)), syscall.Mkfifo(path(o), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Open(o); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("Open with pipe %s = %v, want it refused", path(o), err)
		}
	}
}

// editKeyset rewrites one field of the key set file's header.
func editKeyset(t *testing.T, path, field string, value any) {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(read(t, path), &f); err != nil {
		t.Fatal(err)
	}
	if _, ok := f[field]; !ok {
		t.Fatalf("key set file has no field %q", field)
	}
	f[field] = value
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, text, 0o600)
}

func TestOpenRefusesEditedKeyset(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct {
		value any
		want  error
	}{
		"id":         {uuid.NewString(), vault.ErrKeysetDamaged}, // passed off as the vault the database expects
		"master_key": {"00000000", vault.ErrMasterKeyWrong},
		"keyset":     {"", vault.ErrKeysetDamaged},
		"format":     {2, vault.ErrKeysetDamaged},
	} {
		_, o := create(t)
		editKeyset(t, o.KeysetFile, field, c.value)
		if _, err := vault.Open(o); !errors.Is(err, c.want) {
			t.Errorf("Open with %s = %v: %v, want %v", field, c.value, err, c.want)
		}
	}
}

// Whatever happens to the key set file, Open gives a typed error or the very
// vault that was written, which a change in white space leaves whole.
func TestOpenNeverGivesAnotherVault(t *testing.T) {
	t.Parallel()
	v, o := create(t)
	sealed := seal(t, v, []byte("s3cr3t"), record)
	good := read(t, o.KeysetFile)
	for i := range good {
		changed := bytes.Clone(good)
		changed[i] ^= 1
		wantSameOrRefused(t, o, changed, v.ID(), sealed)
		wantSameOrRefused(t, o, good[:i], v.ID(), sealed)
	}
}

func wantSameOrRefused(tb testing.TB, o vault.Options, keyset []byte, id string, sealed []byte) {
	tb.Helper()
	write(tb, o.KeysetFile, keyset, 0o600)
	v, err := vault.Open(o)
	if err != nil {
		if !errors.Is(err, vault.ErrKeysetDamaged) && !errors.Is(err, vault.ErrMasterKeyWrong) {
			tb.Errorf("Open with key set %q = %v, want ErrKeysetDamaged or ErrMasterKeyWrong", keyset, err)
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			tb.Errorf("Open with key set %q = %q, want no control characters", keyset, err)
		}
		return
	}
	if v.ID() != id {
		tb.Errorf("Open with key set %q = vault %s, want %s or an error", keyset, v.ID(), id)
	}
	wantUnseal(tb, v, sealed, record, []byte("s3cr3t"))
}
