package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"keyrack/internal/core"
	"keyrack/internal/pgtest"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// Some tests need another process: to kill it, or to have two at once. It is
// this program again, told by the environment what to do.
const (
	childJob  = "STORE_TEST_CHILD"
	childPath = "STORE_TEST_PATH"
	childURL  = "STORE_TEST_URL"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func runChild(job string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Path: os.Getenv(childPath), URL: os.Getenv(childURL)})
	if err != nil {
		return err
	}
	switch job {
	case "migrate":
		err = s.Migrate(ctx)
	case "write":
		err = writeForEver(ctx, s)
	case "obey":
		err = obey(ctx, s)
	}
	return errors.Join(err, s.Close())
}

// writeForEver adds keys on several goroutines and prints the UUID of each
// once it was acknowledged.
func writeForEver(ctx context.Context, s *store.Store) error {
	owner, err := newAccount(ctx, s)
	if err != nil {
		return err
	}
	failed := make(chan error)
	var printing sync.Mutex
	for range 4 {
		go func() {
			for {
				k := randomKey(owner)
				if err := s.Update(ctx, func(tx core.Tx) error { return addKey(tx, k) }); err != nil {
					failed <- err
					return
				}
				printing.Lock()
				fmt.Println(k.UUID)
				printing.Unlock()
			}
		}()
	}
	return <-failed
}

// obey writes settings as it is told, line by line, and answers each with "ok"
// or the kind of the error.
func obey(ctx context.Context, s *store.Store) error {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		err := s.Update(ctx, func(tx core.Tx) error { return tx.PutSetting(lines.Text(), "x") })
		if err != nil {
			fmt.Println(core.KindOf(err))
			continue
		}
		fmt.Println("ok")
	}
	return nil
}

// process is a child at work.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner // its standard output
	log   *bytes.Buffer  // its standard error
}

func startChild(t testing.TB, job string, o store.Options) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0]), log: new(bytes.Buffer)}
	p.Env = append(os.Environ(), childJob+"="+job, childPath+"="+o.Path, childURL+"="+o.URL)
	p.Stderr = p.log
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	return p
}

// kill ends the child at once, and gives what it had still said.
func (p *process) kill(t testing.TB) (rest []string) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() {
		rest = append(rest, p.lines.Text())
	}
	_ = p.Wait() // it was killed
	return rest
}

// tell sends a line and gives the answer.
func (p *process) tell(t testing.TB, line string) string {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		t.Fatalf("%v; the child says: %s", err, p.log)
	}
	if !p.lines.Scan() {
		t.Fatalf("no answer to %q; the child says: %s", line, p.log)
	}
	return strings.TrimSpace(p.lines.Text())
}

// eachDatabase runs a test on every database, given the way to open it.
func eachDatabase(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, store.Options{Path: t.TempDir() + "/keyrack.db"})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, store.Options{URL: pgtest.URL(t)})
	})
}

// wantSound runs the store's check of itself.
func wantSound(t testing.TB, s *store.Store) {
	t.Helper()
	findings, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Errorf("Check() found %+v", f)
	}
}

func reopen(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	return storetest.Open(t, o)
}
