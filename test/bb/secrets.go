package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyrack/test/rig"
)

// canary is a secret that is looked for everywhere.
func canary(prefix string) string { return prefix + rand.Text() + rand.Text() }

// secretive is a world full of canaries, each where a secret may be given.
func secretive(canaries []string) string {
	var b strings.Builder
	b.WriteString("accounts:\n")
	next := 0
	take := func() string { next++; return canaries[next-1] }
	for i := range len(canaries) / 5 {
		fmt.Fprintf(&b, "  - {login: u%d, password: %s, tokens: [{name: t, use: foreman, secret: %s}]}\n", i, take(), take())
	}
	b.WriteString("projects:\n")
	for i := range len(canaries) / 5 {
		fmt.Fprintf(&b, "  - {name: p%d, api_keys: [{name: k, secret: %s}]}\n", i, take())
	}
	b.WriteString("applications:\n")
	for i := range len(canaries) / 5 {
		fmt.Fprintf(&b, "  - {name: a%d, authorizations: [{name: z, permission: read-write, oauth1: {consumer_key: c%d, consumer_secret: %s, token: t, token_secret: %s}}]}\n",
			i, i, take(), take())
	}
	return b.String()
}

// nothingInClear is C1.
func nothingInClear(b *trial) {
	p := b.program(settings + "\nmetrics_addr: \"\"\n")
	canaries := make([]string, sized(b, 50, 500))
	for i := range canaries {
		canaries[i] = canary("canary")
	}
	_, err := p.Must(b, secretive(canaries), "apply", "-f", "-")
	b.must(err)
	_, err = p.Must(b, people, "apply", "-f", "-")
	b.must(err)
	s := b.serve(p)
	header := canary("header")
	r := ask(b, patient, s.HTTP, newSession("", fmt.Sprintf(`{"webhooks": [{"url": "http://127.0.0.2:59999/", "headers": {"X-Secret": [%q]}}]}`, header)))
	if r.status != http.StatusCreated {
		b.fail("session with a webhook: %v", r)
	}
	canaries = append(canaries, header)
	_, err = p.Must(b, machines, "apply", "-f", "-")
	b.must(err)
	kept, err := newPair()
	b.must(err)
	id, err := b.caller(s.HTTP).save(b, "web", kept)
	b.must(err)
	h, file := b.newHolder(), filepath.Join(p.Dir, "backup.age") // where all files are looked at
	said, err := p.Must(b, "", h.create(file)...)
	b.must(err)
	given := slices.Concat(canaries[:20], kept.secrets()) // of those a server that idles has opened none
	canaries = append(canaries, kept.secrets()...)
	shown := said + s.Log()
	for _, path := range []string{"/metrics", "/livez", "/readyz"} {
		shown += ask(b, patient, s.HTTP, call{method: http.MethodGet, path: path}).body
	}
	// What a failed login is told and logged.
	ask(b, patient, s.HTTP, call{method: http.MethodGet, path: sessionsPath, header: map[string]string{"X-Api-Key": canaries[0]}})
	s.Stop()
	if b.db == "pg" {
		b.must(b.cluster.Exec(b, "keyrack", "CHECKPOINT"))
	}
	texts := map[string][]byte{"log": []byte(shown + s.Log())}
	b.must(b.read(p.Dir, texts))
	if b.db == "pg" {
		b.must(b.read(b.cluster.Data(), texts))
	}
	inside, err := h.open(file)
	b.must(err)
	for name, text := range inside {
		texts["backup: "+name] = text
	}
	least(b, "files", len(texts), 3)
	least(b, "backup_bytes", len(texts[file]), 1)
	least(b, "backup_is_looked_at", inside.standing("ada@example.org"), 1)
	most(b, "master_key_in_backup", inside.standing(b.masterKey(p)), 0)
	most(b, "found", count(texts, canaries), 0)
	b.wantMemoryClear(p, id, kept, given)
}

// masterKey is the text of a program's master key.
func (b *trial) masterKey(p rig.Program) string {
	text, err := os.ReadFile(filepath.Join(p.Data(), "master.key"))
	b.must(err)
	return strings.TrimSpace(string(text))
}

// wantMemoryClear looks through the memory of a server that has opened nothing
// since its start, as a core file would have it. What is there once a key was
// read is told, not judged: memory is overwritten when it is needed.
func (b *trial) wantMemoryClear(p rig.Program, id string, kept pair, given []string) {
	s := b.serve(p)
	core, err := rig.Limit(s.PID, "Max core file size")
	b.must(err)
	most(b, "core_files", strings.Compare(core, "0 0"), 0)
	least(b, "memory_is_looked_at", b.inMemory(s, p.Dir), 1)
	most(b, "in_memory", b.inMemory(s, given...), 0)
	got, err := b.caller(s.HTTP).read(b, id)
	b.must(err)
	most(b, "read_wrong", strings.Compare(got.private, kept.private), 0)
	b.checks = append(b.checks, check{figure: fmt.Sprintf("in_memory_once_read=%d", b.inMemory(s, given...)), limit: "any", ok: true})
}

// read reads all files of a directory.
func (b *trial) read(dir string, into map[string][]byte) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // PostgreSQL removes files as it likes
		}
		into[path] = text
		return err
	})
}

// count tells how many secrets stand in the texts.
func count(texts map[string][]byte, secrets []string) (n int) {
	for name, text := range texts {
		if found := standing(text, secrets); found > 0 {
			n += found
			fmt.Printf("   %d secrets stand in %s\n", found, name)
		}
	}
	return n
}

// standing tells how many secrets stand in a text in one of the forms in which
// they could be written down without care.
func standing(text []byte, secrets []string) (n int) {
	for _, secret := range secrets {
		inBase64 := base64.StdEncoding.EncodeToString([]byte(secret))
		for _, form := range []string{secret, inBase64[:min(40, len(inBase64))], hex.EncodeToString([]byte(secret))} {
			if bytes.Contains(text, []byte(form)) {
				n++
			}
		}
	}
	return n
}

// wrongMasterKey is C2.
func wrongMasterKey(b *trial) {
	p := b.peopled()
	path := filepath.Join(p.Data(), "master.key")
	right, err := os.ReadFile(path)
	b.must(err)
	other := b.peopled()
	others, err := os.ReadFile(filepath.Join(other.Data(), "master.key"))
	b.must(err)
	before := b.checksum(p)
	served, slow, wrongCode, changed := 0, time.Duration(0), 0, 0
	for name, key := range map[string][]byte{
		"another's": others, "random": []byte(rand.Text()), "truncated": right[:len(right)/2], "empty": {}, "absent": nil, "readable by all": right,
	} {
		b.must(os.Remove(path))
		mode := fs.FileMode(0o600)
		if name == "readable by all" {
			mode = 0o644
		}
		if key != nil {
			b.must(os.WriteFile(path, key, mode))
		} else {
			b.must(os.WriteFile(path+".away", right, 0o600))
		}
		begun := time.Now()
		s, err := p.Launch()
		b.must(err)
		select {
		case <-s.Done():
		case <-time.After(10 * time.Second):
			served++
			s.Kill()
		}
		slow = max(slow, time.Since(begun))
		if s.ExitCode() != 4 {
			wrongCode++
			fmt.Printf("   %s key: exit code %d: %s\n", name, s.ExitCode(), s.Log())
		}
		if b.checksum(p) != before {
			changed++
			fmt.Printf("   %s key: the database has changed\n", name)
		}
		if key == nil {
			b.must(os.WriteFile(path, right, 0o600))
		}
	}
	b.must(os.Remove(path))
	b.must(os.WriteFile(path, right, 0o600))
	b.serve(p)
	most(b, "served", served, 0)
	most(b, "not_exit_4", wrongCode, 0)
	most(b, "changed", changed, 0)
	most(b, "slowest", slow, 2*time.Second)
}

// checksum is that of the database's file.
func (b *trial) checksum(p rig.Program) [32]byte {
	text, err := os.ReadFile(filepath.Join(p.Data(), "keyrack.db"))
	b.must(err)
	return sha256.Sum256(text)
}

// tampered is C3: bytes of a sealed value flipped one after the other, and the
// value put in another's place.
func tampered(b *trial) {
	p := b.peopled()
	_, err := p.Must(b, "projects: [{name: other, api_keys: [{name: k, secret: "+canary("k")+"}]}]", "apply", "-f", "-")
	b.must(err)
	secretOf := func(project string) (string, int) {
		out, _, code := p.Run(b, nil, "webhook", "secret", project)
		return out, code
	}
	mine, code := secretOf("onboarding")
	if _, second := secretOf("other"); code != 0 || second != 0 {
		b.fail("no secrets to begin with")
	}
	db := b.database(p)
	read := func(project string) (sealed []byte) {
		b.must(db.QueryRowContext(b, "SELECT webhook_secret FROM projects WHERE name = ?", project).Scan(&sealed))
		return sealed
	}
	write := func(sealed []byte) {
		_, err := db.ExecContext(b, "UPDATE projects SET webhook_secret = ? WHERE name = 'onboarding'", sealed)
		b.must(err)
	}
	right, others := read("onboarding"), read("other")
	opened := 0
	step := max(1, len(right)/sized(b, 12, len(right)))
	for i := 0; i < len(right); i += step {
		bad := bytes.Clone(right)
		bad[i] ^= 1
		write(bad)
		if _, code := secretOf("onboarding"); code == 0 {
			opened++
		}
	}
	write(others)
	if _, code := secretOf("onboarding"); code == 0 {
		opened++
	}
	_, intact := secretOf("other")
	write(right)
	again, _ := secretOf("onboarding")
	most(b, "opened", opened, 0)
	most(b, "others_broken", intact, 0)
	least(b, "as_before", strings.Compare(again, mine), 0)
}

// doctor is F6.
func doctor(b *trial) {
	p := b.peopled()
	b.serve(p)
	out, err := p.Must(b, "", "doctor", "--json")
	b.must(err)
	var facts map[string]any
	b.must(json.Unmarshal([]byte(out), &facts))
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "database_mode": "0600", "data_dir_mode": "0700",
	} {
		if got := fmt.Sprint(facts[name]); b.db == "sqlite" && got != want {
			b.checks = append(b.checks, check{figure: name + "=" + got, limit: name + "=" + want})
		}
	}
	version := strings.Split(fmt.Sprint(facts["version"]), ".")
	for i := range version {
		version[i] = fmt.Sprintf("%05s", version[i])
	}
	least(b, "sqlite_too_old", strings.Compare(strings.Join(version, "."), "00003.00051.00003"), 0)
}
