package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// holder is who can open backups: the recipient, and the file with the identity.
func holder(t testing.TB) (recipient, file string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(file, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return identity.Recipient().String(), file
}

// writers open sessions until they are stopped.
type writers struct {
	mu    sync.Mutex // guards acked
	acked []string   // ids
	many  chan struct{}
	all   sync.WaitGroup
	stop  chan struct{}
}

// write runs writers on a server, and returns once they have written something.
func (s *server) write(t *testing.T) *writers {
	const atLeast = 20
	w := &writers{many: make(chan struct{}), stop: make(chan struct{})}
	for range 4 {
		w.all.Go(func() {
			for {
				select {
				case <-w.stop:
					return
				default:
				}
				status, reply, err := s.ask(t.Context(), http.MethodPost, "", `{"external_id": "ada"}`)
				if err != nil || status != http.StatusCreated {
					t.Errorf("open a session = %d, %s, %v", status, reply, err)
					return
				}
				var made session
				decode(t, reply, &made)
				w.mu.Lock()
				if w.acked = append(w.acked, made.ID); len(w.acked) == atLeast {
					close(w.many)
				}
				w.mu.Unlock()
			}
		})
	}
	<-w.many
	return w
}

func (w *writers) soFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.acked...)
}

func (w *writers) end() {
	close(w.stop)
	w.all.Wait()
}

// busy is a configuration for servers that are asked much.
func (p *program) busy() (file string) {
	p.t.Helper()
	file = filepath.Join(p.dir, "config.yaml")
	if err := os.WriteFile(file, []byte("faces: {sshverify: {requests_per_minute: 1000000}}\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// giveKey gives ada a key, with the text as she sent it.
func (p *program) giveKey() {
	p.t.Helper()
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newKey(p.t).PublicKey()))) + " ada@läptop"
	p.must(text, "key", "add", "ada")
}

// TestBackupUnderWrites takes a backup while clients write. Restored on each
// database, it has everything that was acknowledged before, and answers as the
// server does that it was taken of.
func TestBackupUnderWrites(t *testing.T) {
	eachStore(t, func(t *testing.T, p *program) {
		p.must(onlyWorld, "apply", "-f", "-")
		p.giveKey()
		p.must("", "webhook", "secret", "onboarding") // makes it
		s := p.serve("--config", p.busy())
		recipient, identity := holder(t)
		file := filepath.Join(p.dir, "b.age")
		at := s.write(t)
		before := at.soFar()
		p.must("", "backup", "create", file, "--recipient", recipient)
		at.end()
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup is %v, %v, want mode 0600", info, err)
		}
		if out := p.must("", "backup", "verify", file, "--identity", identity); !strings.Contains(out, "vault: opens\nfindings: 0\n") {
			t.Errorf("verify says %s", out)
		}
		for store, url := range stores {
			q := newProgram(t, url(t))
			q.moveMasterKey(p)
			q.must("", "backup", "restore", file, "--identity", identity)
			q.must("", "db", "check")
			restored := q.serve("--config", q.busy())
			for _, id := range before {
				_, want, err1 := s.ask(t.Context(), http.MethodGet, id+"/", "")
				status, got, err2 := restored.ask(t.Context(), http.MethodGet, id+"/", "")
				got = strings.ReplaceAll(got, restored.HTTP, s.HTTP)
				if got != want || status != http.StatusOK || err1 != nil || err2 != nil {
					t.Errorf("session %s on %s = %d, %s, %v; want %s, %v", id, store, status, got, err2, want, err1)
				}
			}
			for _, command := range []string{"authorized-keys ada", "webhook secret onboarding", "key list --json", "vault status"} {
				words := strings.Fields(command)
				if got, want := q.must("", words...), p.must("", words...); got != want {
					t.Errorf("%s on %s = %s, want %s", command, store, got, want)
				}
			}
			for _, name := range []string{"ssh_host_ed25519_key", "ssh_host_rsa_key", "keyset.json"} {
				q.wantSameFile(p, name)
			}
			restored.open(`{"external_id": "ada"}`) // with an id of its own
			restored.stop()
		}
	})
}

func (p *program) moveMasterKey(from *program) {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(from.data, "master.key"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.data, "master.key"), key, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) wantSameFile(as *program, name string) {
	p.t.Helper()
	got, err1 := os.ReadFile(filepath.Join(p.data, name))
	want, err2 := os.ReadFile(filepath.Join(as.data, name))
	if string(got) != string(want) || err1 != nil || err2 != nil {
		p.t.Errorf("%s differs from that of the backup: %v, %v", name, err1, err2)
	}
}

// wants runs a command that must end with a code and say what matches.
func (p *program) wants(code int, says string, args ...string) {
	p.t.Helper()
	out, problems, got := p.run("", args...)
	if got != code || !regexp.MustCompile(says).MatchString(problems) {
		p.t.Errorf("keyrack %q = %d, %s%s; want %d and %q", args, got, out, problems, code, says)
	}
}

// TestRestoreCutOff kills a restore at two moments. What it leaves does not start,
// and a second one makes it whole.
func TestRestoreCutOff(t *testing.T) {
	eachStore(t, func(t *testing.T, p *program) {
		p.must(onlyWorld, "apply", "-f", "-")
		p.giveKey()
		recipient, identity := holder(t)
		file, other := filepath.Join(p.dir, "b.age"), filepath.Join(p.dir, "other.age")
		p.must("", "backup", "create", file, "--recipient", recipient)
		p.must("", "backup", "create", other, "--recipient", recipient)
		want := p.must("", "authorized-keys", "ada")
		for _, at := range []string{"restore.unfinished", "keyset.json"} {
			url := ""
			if p.url != "" {
				url = stores["postgres"](t)
			}
			q := newProgram(t, url)
			q.moveMasterKey(p)
			restore := []string{"backup", "restore", file, "--identity", identity}
			proc, err := start(q.command(restore...))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := proc.awaitFile(filepath.Join(q.data, at)); err != nil {
				t.Fatal(err)
			}
			_ = proc.Process.Kill() // it may have ended
			if how, err := proc.ended(); err != nil || how == "0" {
				t.Logf("the restore was done before the kill at %s: %s, %v", at, how, err)
				continue
			}
			cutOff := "a restore was cut off in .*; run `keyrack backup restore` there again"
			q.wants(3, cutOff, "serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0")
			q.wants(3, cutOff, "account", "list")
			q.wants(3, "the restore of another backup was cut off", "backup", "restore", other, "--identity", identity)
			q.must("", restore...)
			q.must("", "db", "check")
			if got := q.must("", "authorized-keys", "ada"); got != want {
				t.Errorf("authorized keys after a second restore = %q, want %q", got, want)
			}
			q.wants(3, "already", restore...)
			q.wantTakenUp(file, identity, want)
		}
	})
}

// wantTakenUp leaves a restored store as a kill does just before the end.
func (p *program) wantTakenUp(file, identity, keys string) {
	p.t.Helper()
	var of struct{ ID string }
	p.list(&of, "backup", "verify", file, "--identity", identity)
	if err := os.WriteFile(filepath.Join(p.data, "restore.unfinished"), []byte(of.ID), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.wants(3, "a restore was cut off", "authorized-keys", "ada")
	p.must("", "backup", "restore", file, "--identity", identity)
	if got := p.must("", "authorized-keys", "ada"); got != keys {
		p.t.Errorf("authorized keys = %q, want %q", got, keys)
	}
}
