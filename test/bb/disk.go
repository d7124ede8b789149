package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// smallDisk mounts a file system of some MiB that lives in memory.
func (b *trial) smallDisk(dir string, mib int) {
	b.must(os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("keyrack-bb", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		b.fail("mount a small disk, which takes root: %v", err)
	}
	b.later(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill takes all that is left on a disk until free is called.
func (b *trial) fill(dir string) (free func()) {
	path := filepath.Join(dir, "filler")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	b.must(err)
	for chunk := 1 << 20; chunk >= 1; {
		if n, err := f.Write(make([]byte, chunk)); n == 0 || err != nil {
			chunk /= 2
		}
	}
	_ = f.Close()
	return func() { b.must(os.Remove(path)) }
}

// cramped is a program whose store lies on a small disk, and that disk's directory.
func (b *trial) cramped() (rig.Program, string) {
	dir := b.directory()
	disk := filepath.Join(dir, "disk")
	b.smallDisk(disk, 64)
	var p rig.Program
	if b.db == "sqlite" {
		p = b.programIn(disk, settings)
	} else {
		// The database alone: PostgreSQL ends when it cannot write its journal.
		b.must(os.Chmod(dir, 0o711))
		b.must(b.server().Own(filepath.Join(disk, "space")))
		b.must(os.Chmod(disk, 0o711))
		b.must(b.cluster.Exec(b, "postgres", "CREATE TABLESPACE small LOCATION '"+filepath.Join(disk, "space")+"'",
			"CREATE DATABASE keyrack TABLESPACE small"))
		p = rig.Program{Bin: b.bin, Dir: dir, URL: b.cluster.URL("keyrack"), Args: []string{"--config", filepath.Join(dir, "keyrack.yaml")}}
		b.must(os.WriteFile(filepath.Join(dir, "keyrack.yaml"), []byte(settings), 0o600))
	}
	_, err := p.Must(b, people, "apply", "-f", "-")
	b.must(err)
	return p, disk
}

// diskFull is F4.
func diskFull(b *trial) {
	p, disk := b.cramped()
	s := b.serve(p)
	l := b.newLedger()
	for range 20 {
		l.write(b, patient, s.HTTP)
	}
	free := b.fill(disk)
	refused, badly := 0, 0
	until := time.Now().Add(sized(b, 5*time.Second, 5*time.Minute))
	// There is room left in pages and segments: writes succeed until it is used up.
	for n := 0; time.Now().Before(until) || n < 100; n++ {
		switch r := l.write(b, patient, s.HTTP); {
		case r.status == http.StatusCreated:
			until = time.Now().Add(sized(b, 5*time.Second, 5*time.Minute))
		case r.refusedWell():
			refused++
			b.pause(5 * time.Millisecond) // each is asked for once more in the end
		default:
			badly++
		}
	}
	reads := ask(b, patient, s.HTTP, call{method: http.MethodGet, path: sessionsPath, header: withKey})
	revealed, refusals := b.revealUntilRefused(p)
	free()
	least(b, "refused", refused, 100)
	most(b, "refused_badly", badly, 0)
	most(b, "read", reads.status, http.StatusOK)
	least(b, "secrets_refused", refusals, 1)
	most(b, "secrets_without_audit", revealed-b.recorded(p, "secret.reveal"), 0)
	begun := time.Now()
	for l.write(b, patient, s.HTTP).status != http.StatusCreated && time.Since(begun) < 30*time.Second {
		b.pause(100 * time.Millisecond)
	}
	most(b, "recovered", time.Since(begun), 10*time.Second)
	b.audit(l, s.HTTP)
	most(b, "torn", b.unsound(p), 0)
}

// revealUntilRefused asks for a secret while the disk is full, until there is no
// room for a record of that, and tells how often it was shown before.
func (b *trial) revealUntilRefused(p rig.Program) (revealed, refused int) {
	for range 300 {
		secret, said, code := p.Run(b, nil, "webhook", "secret", "onboarding")
		if code != 0 && !strings.Contains(secret+said, "whsec_") {
			return revealed, 1
		}
		revealed++
	}
	return revealed, 0
}

// recorded tells how many audit events there are of an action.
func (b *trial) recorded(p rig.Program, action string) int {
	text, err := p.Must(b, "", "audit", "list", "-o", "json", "--limit", "1000")
	b.must(err)
	var events []struct{ Action string }
	b.must(json.Unmarshal([]byte(text), &events))
	n := 0
	for _, e := range events {
		if e.Action == action {
			n++
		}
	}
	return n
}

// auditBroken is F17: the audit record cannot be written, everything else can.
func auditBroken(b *trial) {
	p := b.peopled()
	out, err := p.Must(b, "", "webhook", "secret", "onboarding")
	b.must(err)
	if !strings.Contains(out, "whsec_") {
		b.fail("no secret to be asked for: %s", out)
	}
	s := b.serve(p)
	b.breakAudit(p)
	begun := time.Now()
	secret, said, code := p.Run(b, nil, "webhook", "secret", "onboarding")
	leaked := 0
	if code == 0 || strings.Contains(secret+said, "whsec_") {
		leaked++
	}
	r := ask(b, patient, s.HTTP, newSession("", `{"external_id": "unrecorded"}`))
	took := time.Since(begun)
	made := 0
	for _, found := range b.sessions(s.HTTP) {
		if found.External == "unrecorded" {
			made++
		}
	}
	most(b, "secrets", leaked, 0)
	most(b, "made", made, 0)
	least(b, "status", r.status, http.StatusInternalServerError)
	told := 0
	if tells(r.body) {
		told = 1
	}
	most(b, "database_text", told, 0)
	most(b, "took", took, 2*time.Second)
}

// breakAudit makes the database refuse audit events as a full disk does.
func (b *trial) breakAudit(p rig.Program) {
	if b.db == "pg" {
		b.must(b.cluster.Exec(b, "keyrack",
			"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$",
			"CREATE TRIGGER full_disk BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION full_disk()"))
		return
	}
	b.sqlite(p, "CREATE TRIGGER full_disk BEFORE INSERT ON audit_events BEGIN SELECT RAISE(FAIL, 'full'); END")
}
