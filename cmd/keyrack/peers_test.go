package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// agent KEY... runs an ssh-agent that holds the keys, in this order.
func agent(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, true, "agent KEY...")
	socket := filepath.Join(ts.Getenv("WORK"), "agent.sock")
	if old, ok := worldOf(ts).procs["agent"]; ok {
		old.stop()
	}
	p := beside(ts, "agent", "ssh-agent", "-D", "-a", socket)
	_, err := p.await(regexp.MustCompile("SSH_AUTH_SOCK")) // it listens once it has said where
	ts.Check(err)
	ts.Setenv("SSH_AUTH_SOCK", socket)
	for _, key := range args {
		if text, err := command(ts, "ssh-add", "-q", ts.MkAbs(key)).CombinedOutput(); err != nil {
			ts.Fatalf("ssh-add %s: %v: %s", key, err, text)
		}
	}
}

// sshd PROGRAM ARGS... serves logins with Debian's sshd, whose
// AuthorizedKeysCommand is the program. $SSHD_PORT is its port.
//
// It runs as inetd would: the listener is ours, so that its port is known and
// nothing has to be waited for, and each connection has an sshd of its own.
//
// What sshd demands, and what that assumes (OpenSSH 9.2, safe_path in misc.c):
// the command must be root's, and so must be all directories on the way, with
// nobody else allowed to write. A program that was just built never is, so the
// command is /usr/bin/env, which is root's on every Debian. Logins are for the user who
// runs the tests, as an ordinary user's sshd can let in nobody else; for root
// that needs an account that is not locked ("!" in shadow), as is Debian's
// default. The command runs as the same user: he owns the store.
func sshd(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 0, "sshd PROGRAM ARGS...")
	if old, ok := worldOf(ts).procs["sshd"]; ok {
		old.stop()
	}
	dir := ts.MkAbs("sshd")
	ts.Check(os.MkdirAll(dir, 0o700))
	makePrivsepDir(ts)
	key := sshdHostKey(ts, filepath.Join(dir, "host_key"))
	config := filepath.Join(dir, "config")
	ts.Check(os.WriteFile(config, []byte(sshdConfig(ts, dir, args)), 0o600))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	program := command(ts, "sshd", "-i", "-e", "-f", config)
	ctx := worldOf(ts).t.Context()
	worldOf(ts).procs["sshd"] = inetd(ln, func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, program.Path, program.Args[1:]...)
		cmd.Dir, cmd.Env = program.Dir, program.Env
		return cmd
	})
	ts.Setenv("SSHD_PORT", port)
	know(ts, port, key)
}

// makePrivsepDir makes the directory that sshd wants when root runs it. Debian's
// service makes it at its start (RuntimeDirectory=sshd), and there may be none here.
func makePrivsepDir(ts *testscript.TestScript) {
	if os.Getuid() == 0 {
		ts.Check(os.MkdirAll("/run/sshd", 0o755))
	}
}

func sshdHostKey(ts *testscript.TestScript, path string) ssh.PublicKey {
	_ = os.Remove(path) // of an earlier sshd
	if out, err := command(ts, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path).CombinedOutput(); err != nil {
		ts.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	text, err := os.ReadFile(path)
	ts.Check(err)
	key, err := ssh.ParsePrivateKey(text)
	ts.Check(err)
	return key.PublicKey()
}

func sshdConfig(ts *testscript.TestScript, dir string, program []string) string {
	line := append([]string{"/usr/bin/env", "-i"}, environment(ts)...)
	for i, word := range line {
		line[i] = strings.ReplaceAll(word, "%", "%%")
	}
	line = append(append(line, lookUp(ts, program[0])), program[1:]...)
	return fmt.Sprintf(`HostKey %s
AuthorizedKeysFile none
AuthorizedKeysCommand %s
AuthorizedKeysCommandUser %s
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
StrictModes yes
PidFile none
LogLevel VERBOSE
`, filepath.Join(dir, "host_key"), strings.Join(line, " "), currentUser())
}

// inetd serves each connection with a process of its own, as inetd does, until
// it is stopped.
func inetd(ln net.Listener, program func() *exec.Cmd) *process {
	family := newProcess()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // stopped
			}
			serving.Go(func() {
				if err := serveOne(conn, family.err, program()); err != nil {
					_, _ = fmt.Fprintf(family.err, "inetd: %v\n", err) // a transcript takes all
				}
			})
		}
	})
	family.stop = sync.OnceFunc(func() {
		_ = ln.Close()
		serving.Wait()
		close(family.done)
	})
	return family
}

// serveOne hands a connection to a process as its standard input and output.
func serveOne(conn net.Conn, log io.Writer, cmd *exec.Cmd) error {
	defer conn.Close()
	socket, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	defer socket.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = socket, socket, log
	err = cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return nil // sshd's way to say that nobody was let in
	}
	return err
}

// half VARIABLE TEXT serves HTTP: to each request it answers that TEXT is the
// first half of what it has to say, and hangs up. The variable is its address.
func half(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 2, "half VARIABLE TEXT")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], ln.Addr().String())
	text := args[1] + "\n"
	reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", 2*len(text), text)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n') // who asks may hang up at any time
			_, _ = io.WriteString(conn, reply)
			_ = conn.Close()
		}
	})
	ts.Defer(func() {
		_ = ln.Close()
		serving.Wait()
	})
}

// silent COUNT FROM ADDRESS opens connections from a loopback address that say
// nothing, until the script's end.
func silent(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 3, "silent COUNT FROM ADDRESS")
	count, err := strconv.Atoi(args[0])
	ts.Check(err)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(args[1])}}
	for range count {
		conn, err := from.DialContext(worldOf(ts).t.Context(), "tcp", args[2])
		ts.Check(err)
		ts.Defer(func() { _ = conn.Close() })
	}
}
