package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyrack/test/rig"
)

// Limits of what is made in bulk.
const (
	bulkRate   = 6000 // keys a second, on SQLite
	startLimit = 2 * time.Second
)

// fill makes those who ask and loads the keys.
func (o options) fill(ctx context.Context, p rig.Program, r *report) error {
	if _, err := p.Must(ctx, people(), "apply", "-f", "-"); err != nil {
		return err
	}
	path := filepath.Join(p.Dir, "keys")
	if err := writeKeys(path, o.keys); err != nil {
		return err
	}
	spent, err := p.Spend(ctx, "", "key", "import", path, "--make-owners")
	if err != nil {
		return err
	}
	r.bulk(fmt.Sprintf("Import of an authorized_keys file of %d lines", o.keys), o.keys, spent)
	return os.Remove(path)
}

// apply applies a file of accounts with ten keys each, a tenth as many as there
// are in the store.
func (o options) apply(ctx context.Context, p rig.Program, r *report) error {
	if !o.rows.MatchString("apply") {
		return nil
	}
	accounts := max(1, o.keys/100)
	file, err := manyAccounts(accounts)
	if err != nil {
		return err
	}
	spent, err := p.Spend(ctx, file, "apply", "-f", "-")
	if err != nil {
		return err
	}
	r.say("")
	r.bulk(fmt.Sprintf("Apply of %d accounts with %d keys", accounts, 10*accounts), 10*accounts, spent)
	again, err := p.Spend(ctx, file, "apply", "-f", "-")
	if err != nil {
		return err
	}
	r.say("The same again, which changes nothing: %s, %s.", again.Took.Round(time.Millisecond), memoryOf(again))
	return nil
}

// manyAccounts is an apply file.
func manyAccounts(n int) (string, error) {
	var b strings.Builder
	b.WriteString("accounts:\n")
	run := time.Now().Unix() // a store that is kept has those of earlier runs
	for i := range n {
		fmt.Fprintf(&b, "  - login: applied%d.%d\n    keys:\n", run, i)
		for k := range 10 {
			text, err := newKey(10*i + k)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "      - {name: key%d, public_key: %s}\n", k, text)
		}
	}
	return b.String(), nil
}

// bulk prints what was made in bulk.
func (r *report) bulk(what string, keys int, spent rig.Spent) {
	rate := float64(keys) / spent.Took.Seconds()
	target := ""
	if !r.postgres {
		target = fmt.Sprintf(" (target %d)%s", bulkRate, short(rate < bulkRate))
	}
	r.say("%s, with revisions, evidence and audit: %s, %.0f keys/s%s, %s CPU, %s.\n",
		what, spent.Took.Round(time.Millisecond), rate, target, spent.CPU.Round(time.Millisecond), memoryOf(spent))
}

// memoryOf tells a command's peak.
func memoryOf(s rig.Spent) string {
	return fmt.Sprintf("at most %d MiB of memory, %d MiB without mapped files", s.PeakRSS>>20, s.PeakAnon>>20)
}

// starts prints how long the server takes from its start until both ports are
// open: the longest of three times, the first of them after the import.
func (o options) starts(p rig.Program, r *report) error {
	if !o.rows.MatchString("start") {
		return nil
	}
	var took []time.Duration
	for range 3 {
		s, err := p.Serve()
		if err != nil {
			return err
		}
		s.Stop()
		took = append(took, s.Started)
	}
	longest := slices.Max(took)
	r.say("Start to ready with %d keys: %s at most, of %d times (limit %s)%s.\n", o.keys, longest.Round(time.Millisecond), len(took),
		startLimit, short(longest > startLimit))
	return nil
}
