package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestTwoAtOnce lets several people confirm one session that is for one of them,
// at the same moment. One wins; the others are told, and leave nothing.
func TestTwoAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, p *program) {
		p.must(onlyWorld, "apply", "-f", "-")
		s := p.serve()
		made := s.open(`{"must_confirm": true, "external_id": "ada"}`)
		const people = 4
		var prompts [people]*prompted
		var keys [people]ssh.Signer
		for i := range people {
			keys[i] = newKey(t)
			prompts[i] = s.prompt(made, keys[i])
		}
		winner := -1
		var mu sync.Mutex // guards winner
		var all sync.WaitGroup
		for i, person := range prompts {
			all.Go(func() {
				said, ok := person.press("y")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case ok && winner >= 0:
					t.Errorf("%d has won as well as %d: %s", i, winner, said)
				case ok:
					winner = i
				case !strings.Contains(said, "another connection was first"):
					t.Errorf("%d lost and was told %q", i, said)
				case person.status != 1:
					t.Errorf("%d lost with exit code %d, want 1", i, person.status)
				}
			})
		}
		all.Wait()
		if winner < 0 {
			t.Fatal("nobody has won")
		}
		want := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(keys[winner].PublicKey())))
		found := s.get(made.ID)
		var collected []string
		for _, c := range found.Connections {
			for _, k := range c.Keys {
				collected = append(collected, k.SSH)
			}
		}
		if found.Status != "completed" || len(found.Connections) != people || fmt.Sprint(collected) != "["+want+"]" {
			t.Errorf("session = %+v, want %s alone", found, want)
		}
		if got := p.must("", "authorized-keys", "ada"); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("authorized keys of ada = %q, want %s alone", got, want)
		}
	})
}
