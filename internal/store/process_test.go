package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/store"
)

// TestKilled kills a process that writes, at random moments. Whatever it had
// said was done is there afterwards, and whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, o store.Options) {
		reopen(t, o) // migrates
		acknowledged := map[string]bool{}
		for range 10 {
			p := startChild(t, "write", o)
			for range 1 + rand.N(100) {
				if !p.lines.Scan() {
					t.Fatalf("the child ended: %s", p.log)
				}
				acknowledged[p.lines.Text()] = true
			}
			for _, line := range p.kill(t) {
				acknowledged[line] = true
			}
		}
		s := reopen(t, o)
		wantSound(t, s)
		err := s.View(t.Context(), func(tx core.Tx) error {
			for line := range acknowledged {
				id, err := uuid.Parse(line)
				if err != nil {
					continue // cut off by the kill
				}
				if _, err := tx.KeyByUUID(id); err != nil {
					t.Errorf("key %v was acknowledged and is lost: %v", id, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d keys acknowledged", len(acknowledged))
	})
}

// TestMigrateAtOnce starts several processes on a database without schema, and
// kills some of them on the way.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, o store.Options) {
		var killed sync.WaitGroup
		for range 5 {
			p := startChild(t, "migrate", o)
			killed.Go(func() { _ = p.Process.Kill() })
			defer func() { _ = p.Wait() }()
		}
		killed.Wait()
		var all []*process
		for range 3 {
			all = append(all, startChild(t, "migrate", o))
		}
		for _, p := range all {
			if err := p.Wait(); err != nil {
				t.Errorf("migrate beside others: %v: %s", err, p.log)
			}
		}
		s := reopen(t, o)
		if v, err := s.Versions(t.Context()); err != nil || v.Current != v.Newest {
			t.Errorf("Versions() = %+v, %v, want the newest", v, err)
		}
		wantSound(t, s)
	})
}

// TestTwoProcesses reads in one process what another has just written.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, o store.Options) {
		s := reopen(t, o)
		p := startChild(t, "obey", o)
		for i := range 20 {
			name := fmt.Sprint("from the child ", i)
			if answer := p.tell(t, name); answer != "ok" {
				t.Fatalf("the child's update gave %q", answer)
			}
			wantSetting(t, s, name, true)
			put(t, s, fmt.Sprint("from here ", i))
		}
		p.kill(t)
	})
}

func put(t testing.TB, s *store.Store, name string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting(name, "x") }); err != nil {
		t.Fatal(err)
	}
}

func wantSetting(t testing.TB, s *store.Store, name string, want bool) {
	t.Helper()
	err := s.View(t.Context(), func(tx core.Tx) error {
		_, err := tx.Setting(name)
		return err
	})
	if got := core.KindOf(err) != core.NotFound; got != want || err != nil && got {
		t.Errorf("setting %q is there: %t, %v; want %t", name, got, err, want)
	}
}

// TestSyncFails lets the disk fail to sync, as a dying one does. What could not
// be synced is refused and never comes back, even if the process dies before it
// could clean up; and once the disk works again so does the store.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	for name, recovers := range map[string]bool{"dies": false, "recovers": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := store.Options{Path: t.TempDir() + "/keyrack.db"}
			reopen(t, o)
			p := startChild(t, "obey", o)
			if answer := p.tell(t, "before"); answer != "ok" {
				t.Fatalf("update on a sound disk gave %q", answer)
			}
			heal := failSyncs(t, p)
			for _, refused := range []string{"refused 1", "refused 2"} {
				if answer := p.tell(t, refused); answer != core.Unavailable.String() {
					t.Errorf("update on a disk that cannot sync gave %q, want %q", answer, core.Unavailable)
				}
			}
			if recovers {
				heal()
				if answer := p.tell(t, "after"); answer != "ok" {
					t.Errorf("update on a disk that works again gave %q", answer)
				}
			}
			p.kill(t)
			s := reopen(t, o)
			wantSetting(t, s, "before", true)
			wantSetting(t, s, "refused 1", false)
			wantSetting(t, s, "refused 2", false)
			wantSetting(t, s, "after", recovers)
			wantSound(t, s)
		})
	}
}

// failSyncs makes every sync of the process fail until heal is called.
func failSyncs(t *testing.T, p *process) (heal func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-p", fmt.Sprint(p.Process.Pid),
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
	messages, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(messages)
	for lines.Scan() && !strings.Contains(lines.Text(), "attached") {
		t.Log(lines.Text())
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	heal = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt) // detaches
		<-drained
		_ = cmd.Wait()
	})
	t.Cleanup(heal)
	return heal
}
