package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyrack/internal/pgtest"
)

// programs are what tests run as processes of their own.
var programs = map[string]func(){"keyrack": main}

// TestMain lets scripts and tests run `keyrack` as a process of its own: this
// test binary, which under that name is the program.
func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// scriptTime bounds all scripts together. They come nowhere near it, unless one hangs.
const scriptTime = 20 * time.Minute

// TestScripts runs the scripts in testdata/script on both databases, and those
// in a database's own directory on that one. commands_test.go tells what
// scripts can say beyond testscript's own words.
func TestScripts(t *testing.T) {
	t.Parallel()
	for store, url := range stores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Files:               scripts(t, store),
				Setup:               func(e *testscript.Env) error { return setUp(e, url) },
				Cmds:                commands,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Deadline:            time.Now().Add(scriptTime),
			})
		})
	}
}

// stores are the databases, with what makes an empty one and gives its URL.
// SQLite has none: it is made in the data directory.
var stores = map[string]func(testing.TB) string{
	"sqlite":   func(testing.TB) string { return "" },
	"postgres": pgtest.URL,
}

func scripts(t *testing.T, store string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.txtar", filepath.Join(store, "*.txtar")} {
		found, err := filepath.Glob(filepath.Join("testdata", "script", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("scripts %s: found %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	return files
}

// setUp gives a script its store, an ssh that knows nothing of whoever runs the
// tests, and the names it is to use.
func setUp(e *testscript.Env, url func(testing.TB) string) error {
	t, ok := e.T().(testing.TB)
	if !ok {
		return fmt.Errorf("%T is no testing.TB", e.T())
	}
	w := newWorld(t)
	e.Values[worldKey{}] = w
	e.Defer(w.end)
	bin := filepath.Join(e.WorkDir, "bin")
	config := filepath.Join(e.WorkDir, "ssh_config")
	e.Setenv("PATH", bin+":"+e.Getenv("PATH")+":/usr/sbin:/sbin")
	e.Setenv("KEYRACK_DATA_DIR", filepath.Join(e.WorkDir, "data"))
	e.Setenv("KEYRACK_DATABASE_URL", url(t))
	e.Setenv(pgtest.ServerVariable, os.Getenv(pgtest.ServerVariable))
	e.Setenv("LOGIN", currentUser())
	e.Setenv("NO_PROXY", "*")
	e.Setenv("LC_ALL", "C.UTF-8")
	if e.Getenv("GORACE") == "" {
		e.Setenv("GORACE", "atexit_sleep_ms=0") // else every command takes a second longer
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	wrapper := "#!/bin/sh\nexec /usr/bin/ssh -F " + config + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(wrapper), 0o755); err != nil {
		return err
	}
	return os.WriteFile(config, []byte(sshConfig(e.WorkDir)), 0o600)
}

// sshConfig makes ssh use the script's agent and known hosts and nothing else:
// OpenSSH looks for ~/.ssh in the password file, whatever HOME says.
func sshConfig(dir string) string {
	return fmt.Sprintf(`Host *
UserKnownHostsFile %s
GlobalKnownHostsFile none
StrictHostKeyChecking yes
IdentityFile none
ConnectTimeout 20
`, filepath.Join(dir, "known_hosts"))
}

// TestScriptsAreFree holds scripts to the rule that nothing waits for a time to pass.
func TestScriptsAreFree(t *testing.T) {
	t.Parallel()
	sleeping := regexp.MustCompile(`\bsleep\b`)
	for store := range stores {
		for _, file := range scripts(t, store) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := sleeping.Find(text); found != nil {
				t.Errorf("%s: %q: wait for something that happens", file, found)
			}
		}
	}
}
