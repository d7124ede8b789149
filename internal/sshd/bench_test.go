package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/core"
)

// BenchmarkHandshakes measures connections that offer keys without a
// signature, from the dial to the end of authentication:
//
//   - keyrack: a collect session that listens to all keys, and lets in
//   - keyrack-stored: the same on the real store, each connection durable
//   - bare: golang.org/x/crypto/ssh that refuses everything, the floor
//   - sshd: Debian's, which refuses everything
//
// Client and server share the machine. Compare the rows of one run only.
func BenchmarkHandshakes(b *testing.B) {
	servers := []struct {
		name  string
		start func(*testing.B) benchServer
	}{
		{"keyrack", startMemory}, {"keyrack-stored", startStored}, {"bare", startBare}, {"sshd", startSSHD},
	}
	for _, server := range servers {
		for _, keys := range []int{1, 5} {
			for _, clients := range []int{1, 8, 32} {
				b.Run(fmt.Sprintf("server=%s/keys=%d/clients=%d", server.name, keys, clients), func(b *testing.B) {
					measure(b, server.start(b), freshKeys(keys), clients)
				})
			}
		}
	}
}

// benchServer is a server under measurement.
type benchServer struct {
	addr string
	user string
	in   bool // clients are let in
}

func measure(b *testing.B, s benchServer, keys []ssh.Signer, clients int) {
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, clients)
	for range clients {
		go func() {
			var err error
			for err == nil && left.Add(-1) >= 0 {
				err = s.offer(keys)
			}
			done <- err
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "conn/s")
}

// offer makes one connection as a client does that has only these keys.
func (s benchServer) offer(keys []ssh.Signer) error {
	config := &ssh.ClientConfig{
		User: s.user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		Auth: []ssh.AuthMethod{
			ssh.PublicKeys(keys...),
			ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }),
		},
	}
	conn, err := ssh.Dial("tcp", s.addr, config)
	switch {
	case s.in && err == nil:
		return conn.Close()
	case s.in:
		return err
	case err == nil:
		_ = conn.Close()
		return errors.New("a server that refuses has let in")
	case !strings.Contains(err.Error(), "unable to authenticate"):
		return err
	}
	return nil
}

// serveBench runs a server of ours until the benchmark ends.
func serveBench(b *testing.B, sessions Sessions, identifier string) benchServer {
	b.Helper()
	w := newWorld(b, func(o *Options) {
		o.PerSource, o.MaxConnections, o.PerMinute, o.Log = 10_000, 10_000, 1e9, discard()
		if sessions != nil {
			o.Sessions = sessions
		}
	})
	if identifier == "" {
		identifier = w.add(multi, reusable)
	}
	return benchServer{w.addr, identifier, true}
}

func startStored(b *testing.B) benchServer { return serveBench(b, nil, "") }

func startMemory(b *testing.B) benchServer {
	return serveBench(b, forgetful{}, "abcdefghijkmnpqrstuv")
}

// forgetful is core without a store: it shows what the SSH side costs alone.
type forgetful struct{}

func (forgetful) Connect(context.Context, core.Actor, string, string) (core.Visit, error) {
	return core.Visit{Session: core.Session{Kind: core.CollectSession, MultiKey: true, MultiConnection: true}}, nil
}

func (forgetful) Finish(_ context.Context, _ core.Actor, _ core.Connection, keys []core.CollectedKey) ([]core.CollectedKey, error) {
	return keys, nil
}

func startBare(b *testing.B) benchServer {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	config := &ssh.ServerConfig{
		MaxAuthTries: -1,
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, errors.New("no")
		},
	}
	config.AddHostKey(hostKeys()[0])
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _, _, _ = ssh.NewServerConn(nc, config) }()
		}
	}()
	return benchServer{addr: ln.Addr().String(), user: "root"}
}

func startSSHD(b *testing.B) benchServer {
	b.Helper()
	dir := b.TempDir()
	hostKey := filepath.Join(dir, "host")
	writeFile(b, hostKey, string(pemOf(b, ed25519Key())))
	port := freePort(b)
	writeFile(b, filepath.Join(dir, "config"), fmt.Sprintf(
		"ListenAddress 127.0.0.1:%s\nHostKey %s\nPidFile none\nUsePAM no\nMaxAuthTries 100\nMaxStartups 1000\n"+
			"PasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile none\n", port, hostKey))
	if os.Getuid() == 0 { // where sshd locks up its unprivileged half
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.CommandContext(b.Context(), "/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
	listening := &watcher{until: "Server listening", found: make(chan struct{})}
	cmd.Stderr = listening
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Wait() }) // it is killed with the benchmark's context
	<-listening.found
	user := must(b, "id", "-un")
	return benchServer{addr: net.JoinHostPort("127.0.0.1", port), user: strings.TrimSpace(user)}
}

// freePort finds a port that was free a moment ago; sshd cannot choose itself.
func freePort(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// BenchmarkWaiting measures what a client that says nothing costs the server.
func BenchmarkWaiting(b *testing.B) {
	s := serveBench(b, forgetful{}, "x")
	greeting := make([]byte, len(serverVersion)+2)
	b.ReportAllocs()
	for b.Loop() {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := nc.Read(greeting); err != nil || !bytes.HasPrefix(greeting, []byte(serverVersion)) {
			b.Fatalf("greeted with %q, %v", greeting, err)
		}
		_ = nc.Close()
	}
}
