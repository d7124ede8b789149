package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"keyrack/test/rig"
)

// rotated is C4: new keys for the vault while clients read and write, the
// command killed again and again; then a new master key, killed as well.
func rotated(b *trial) {
	p := b.peopled()
	_, err := p.Must(b, machines, "apply", "-f", "-")
	b.must(err)
	s := b.serve(p)
	c, v := b.caller(s.HTTP), &vaulted{pairs: map[string]pair{}}
	v.fill(b, c, sized(b, 160, 4000))
	begun := time.Now()
	_, err = p.Must(b, "", "vault", "rotate")
	b.must(err)
	whole := time.Since(begun)

	ctx, cancel := context.WithCancel(b)
	clients := v.work(ctx, c)
	killed := 0
	for range sized(b, 5, 60) {
		killed += b.killedCommand(p, between(whole/20, whole), "vault", "rotate")
	}
	_, err = p.Must(b, "", "vault", "rotate")
	b.must(err)
	most(b, "sealed_by_old", b.sealedByOld(p), 0)
	for range sized(b, 2, 20) {
		killed += b.killedCommand(p, between(whole/20, whole/2), "vault", "rewrap")
	}
	b.wantNewMaster(p)
	cancel()
	clients.Wait()

	s.Stop()
	c = b.caller(b.serve(p).HTTP)
	v.all(b, c)
	if b.night {
		b.pause(time.Minute)
		_, err = p.Must(b, "", "vault", "rotate", "--only", "drop")
		b.must(err)
		v.all(b, c)
	}
	least(b, "killed", killed, 1)
	least(b, "keys", len(v.ids), sized(b, 160, 4000))
	most(b, "wrong", v.wrong, 0)
}

// killedCommand runs a command and kills it after a while; it gives 1 where that
// was in time.
func (b *trial) killedCommand(p rig.Program, after time.Duration, args ...string) int {
	ctx, cancel := context.WithTimeout(b, after)
	defer cancel()
	_, problems, code := p.Run(ctx, nil, args...)
	switch {
	case ctx.Err() != nil && code == -1:
		return 1
	case code != 0:
		b.fail("keyrack %v = exit code %d: %s", args, code, problems)
	}
	return 0
}

// sealedByOld counts what is not sealed by the key that seals.
func (b *trial) sealedByOld(p rig.Program) (n int) {
	out, err := p.Must(b, "", "vault", "status", "--json")
	b.must(err)
	var keys []struct {
		State  string
		Sealed int
	}
	b.must(json.Unmarshal([]byte(out), &keys))
	for _, k := range keys {
		if k.State != "seals" {
			n += k.Sealed
		}
	}
	return n
}

// wantNewMaster wraps the vault's keys by a new master key and wants the old one
// to open nothing.
func (b *trial) wantNewMaster(p rig.Program) {
	path := filepath.Join(p.Data(), "master.key")
	_, err := p.Must(b, "", "vault", "rewrap") // ends what a kill has left
	b.must(err)
	old, err := os.ReadFile(path)
	b.must(err)
	_, err = p.Must(b, "", "vault", "rewrap")
	b.must(err)
	anew, err := os.ReadFile(path)
	b.must(err)
	b.must(os.WriteFile(path, old, 0o600))
	_, problems, code := p.Run(b, nil, "vault", "show", "rotated-1", "--reveal")
	if code != 4 {
		b.fail("the old master key: exit code %d: %s", code, problems)
	}
	b.must(os.WriteFile(path, anew, 0o600))
}
