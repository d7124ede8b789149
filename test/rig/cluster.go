package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a PostgreSQL server of its own, on a loopback port.
type Cluster struct {
	Port int
	bin  string // where Debian keeps the server's programs
	dir  string
	as   *syscall.Credential // PostgreSQL refuses to run as root; nil: as we are
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// NewCluster makes a cluster in a directory and starts it. It is durable, as
// a real one is, but synchronous_commit is off: whoever wants to be durable has
// to say so.
func NewCluster(ctx context.Context, dir string, settings ...string) (*Cluster, error) {
	c, err := newCluster(dir)
	if err != nil {
		return nil, err
	}
	if err := c.tool(ctx, "initdb", "--pgdata", c.data(), "--no-sync", "--username", "postgres", "--auth", "trust",
		"--locale", "C.UTF-8", "--encoding", "UTF8"); err != nil {
		return nil, err
	}
	if err := c.Configure(append([]string{
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 200",
		"max_wal_size = 1GB", "timezone = 'Asia/Kathmandu'", "synchronous_commit = off",
	}, settings...)...); err != nil {
		return nil, err
	}
	return c, c.Start(ctx)
}

// OpenCluster starts the cluster that an earlier run left in a directory, or
// makes one there.
func OpenCluster(ctx context.Context, dir string, settings ...string) (*Cluster, error) {
	if _, err := os.Stat(filepath.Join(dir, "data", "PG_VERSION")); err != nil {
		return NewCluster(ctx, dir, settings...)
	}
	c, err := newCluster(dir)
	if err != nil {
		return nil, err
	}
	return c, c.Start(ctx)
}

func newCluster(dir string) (*Cluster, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("PostgreSQL is not installed: make deps (%w)", errors.Join(err, errors.ErrUnsupported))
	}
	slices.Sort(found)
	c := &Cluster{bin: filepath.Dir(found[len(found)-1]), dir: dir}
	if c.Port, err = freePort(); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if c.as, err = credential("postgres"); err != nil {
			return nil, err
		}
	}
	return c, c.Own(dir)
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: false}, err
}

// Own gives a directory, which is made where it is missing, to the server's user.
func (c *Cluster) Own(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if c.as == nil {
		return nil
	}
	return os.Chown(dir, int(c.as.Uid), int(c.as.Gid))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a socket on loopback opens at once
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// tool runs one of PostgreSQL's programs to its end.
func (c *Cluster) tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// Configure adds lines to the configuration, for the next start.
func (c *Cluster) Configure(lines ...string) error {
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, line := range lines {
		_, failed := fmt.Fprintln(f, line)
		err = errors.Join(err, failed)
	}
	return errors.Join(err, f.Close())
}

// Start starts the server and waits until it answers.
func (c *Cluster) Start(ctx context.Context) error {
	c.log, c.done = &tail{}, make(chan struct{})
	c.cmd = exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", strconv.Itoa(c.Port)) //nolint:noctx // Stop ends it
	c.cmd.Dir = c.dir
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Pdeathsig: syscall.SIGQUIT}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	return c.answers(ctx)
}

func (c *Cluster) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := c.Exec(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("PostgreSQL has ended: %s", c.log)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, c.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server: SIGQUIT at once, as `pg_ctl -m immediate`, SIGINT after
// it has written everything, SIGKILL as a power cut.
func (c *Cluster) Stop(how syscall.Signal) {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(how) // it may have ended
	<-c.done
	// A child of a server that was killed may hold its port and files for a moment.
	for how == syscall.SIGKILL && c.answersTCP() {
		<-time.After(10 * time.Millisecond)
	}
}

func (c *Cluster) answersTCP() bool {
	conn, err := net.DialTimeout("tcp", c.address(), time.Second) //nolint:noctx // bounded
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func (c *Cluster) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)) }

// URL names a database of the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", c.address(), database)
}

// Exec runs statements in a database, one after the other, each by itself.
func (c *Cluster) Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, text := range statements {
		if _, err := conn.PgConn().Exec(ctx, text).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// Number asks a database for one.
func (c *Cluster) Number(ctx context.Context, database, query string) (n int64, err error) {
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = conn.QueryRow(ctx, query).Scan(&n)
	return n, err
}

// Standby makes a second server that follows this one, and starts it. The
// first one's commits then wait for it.
func (c *Cluster) Standby(ctx context.Context, dir string) (*Cluster, error) {
	s, err := newCluster(dir)
	if err != nil {
		return nil, err
	}
	if err := s.tool(ctx, "pg_basebackup", "--pgdata", s.data(), "--write-recovery-conf", "--checkpoint", "fast",
		"--no-sync", "--dbname", c.URL("postgres")+"&application_name=standby"); err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, c.Exec(ctx, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (*)'", "SELECT pg_reload_conf()")
}

// Promote makes a standby take writes.
func (c *Cluster) Promote(ctx context.Context) error {
	return c.Exec(ctx, "postgres", "SELECT pg_promote()", "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
}

// SignalAll sends a signal to each process of the server.
func (c *Cluster) SignalAll(sig syscall.Signal) error {
	pids := []int{c.cmd.Process.Pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[0], pids[0]))
	if err != nil {
		return err
	}
	for field := range bytes.FieldsSeq(children) {
		pid, err := strconv.Atoi(string(field))
		if err != nil {
			return err
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		err = errors.Join(err, syscall.Kill(pid, sig))
	}
	return err
}

// Data is the directory with everything in it.
func (c *Cluster) Data() string { return c.data() }
