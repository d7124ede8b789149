package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store"
)

// TestFiles wants nobody else to read the database, whatever the umask and the
// name.
func TestFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keyrack.db", "a b?mode=memory&x#y%20z.db", "鍵's \"db\""} {
		path := filepath.Join(t.TempDir(), name)
		s := reopen(t, store.Options{Path: path})
		put(t, s, "x")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			if err != nil {
				t.Error(err)
				continue
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("%s has mode %o, want 600", path+suffix, mode)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{
		"nothing":        {},
		"both":           {Path: filepath.Join(t.TempDir(), "x"), URL: "postgres://127.0.0.1/x"},
		"no directory":   {Path: filepath.Join(t.TempDir(), "no", "x")},
		"a directory":    {Path: t.TempDir()},
		"not a database": {Path: fileOf(t, "this is no database, and longer than the header of one; it goes on and on and on and on until it is so")},
	} {
		if s, err := store.Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", name)
			_ = s.Close()
		}
	}
}

func fileOf(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLocked has another process hold the write lock: updates wait for it, and
// give up when it takes too long; reads go on.
func TestLocked(t *testing.T) {
	t.Parallel()
	o := store.Options{Path: filepath.Join(t.TempDir(), "keyrack.db")}
	other, s := reopen(t, o), reopen(t, o)
	put(t, s, "before")
	var group sync.WaitGroup
	errs := make([]error, 5)
	err := other.Update(t.Context(), func(core.Tx) error {
		for i := range errs {
			group.Go(func() {
				errs[i] = s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting(fmt.Sprint("refused ", i), "x") })
			})
		}
		wantSetting(t, s, "before", true)
		group.Wait() // for as long as they are patient
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for i, err := range errs {
		if core.KindOf(err) != core.Unavailable {
			t.Errorf("update %d while another process writes = %v, want %v", i, err, core.Unavailable)
		}
		wantSetting(t, s, fmt.Sprint("refused ", i), false)
	}
	put(t, s, "after")
}

// TestUnlocked has another process hold the write lock and let go: the update
// that waited is made.
func TestUnlocked(t *testing.T) {
	t.Parallel()
	o := store.Options{Path: filepath.Join(t.TempDir(), "keyrack.db")}
	other, s := reopen(t, o), reopen(t, o)
	waited := make(chan error, 1)
	err := other.Update(t.Context(), func(core.Tx) error {
		go func() {
			waited <- s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting("waited", "x") })
		}()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("update that waited for another process = %v", err)
	}
	wantSetting(t, s, "waited", true)
}
