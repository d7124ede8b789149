package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"keyrack/test/rig"
)

// serveSSH is the floor of the SSH side: it takes every key and says goodbye.
func serveSSH() (net.Addr, error) {
	host, err := newSigner()
	if err != nil {
		return nil, err
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a socket on loopback opens at once
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go greet(conn, config)
		}
	}()
	return l.Addr(), nil
}

func greet(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		c, requests, err := channel.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			_ = r.Reply(true, nil)
			if r.Type == "exec" || r.Type == "shell" {
				_, _ = io.WriteString(c, "Recorded 1 key\n")
				_, _ = c.SendRequest("exit-status", false, make([]byte, 4))
				_ = c.Close()
			}
		}
	}
}

func newSigner() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// visit logs in with a key and waits for the goodbye.
func visit(address, user string, key ssh.Signer) error {
	nothing := func(string, string, []string, []bool) ([]string, error) { return nil, nil }
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: user, Timeout: 10 * time.Second, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Auth: []ssh.AuthMethod{ssh.PublicKeys(key), ssh.KeyboardInteractive(nothing)},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return err
	}
	out, err := s.Output("")
	if err == nil && !strings.Contains(string(out), "ecorded 1 key") {
		return fmt.Errorf("said %q", out)
	}
	return err
}

// visits is the SSH row: connections that bring one key, recorded durably, each
// to a session of its own. Sessions and key are made beforehand.
func (o options) visits(ctx context.Context, s *rig.Server, f *floor, report *strings.Builder) error {
	const name = "SSH collect, one key"
	if !strings.Contains(name, o.rows) {
		return nil
	}
	key, err := newSigner()
	if err != nil {
		return err
	}
	for _, n := range []int{1, 8, 32} {
		waiting, err := sessions(ctx, s.HTTP, int(visitsPerSecond*o.span.Seconds()))
		if err != nil {
			return err
		}
		got := o.busy(ctx, s.PID, n, func(context.Context) error {
			select {
			case identifier := <-waiting:
				return visit(s.SSH, identifier, key)
			default:
				return errors.New("no session is left")
			}
		})
		bare := o.busy(ctx, f.cmd.Process.Pid, n, func(context.Context) error { return visit(f.ssh, "u", key) })
		say(report, "| %s | %d | %s |", name, n, got.cells(bare, 0.6))
	}
	return nil
}

// visitsPerSecond is more than client and server can do together.
const visitsPerSecond = 1500

// sessions makes n sessions and gives their identifiers.
func sessions(ctx context.Context, address string, n int) (<-chan string, error) {
	made := make(chan string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for range n {
		group.Go(func() error {
			identifier, err := session(ctx, address)
			made <- identifier
			return err
		})
	}
	return made, group.Wait()
}

func session(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v1/ssh/collect/sessions/", strings.NewReader(`{}`))
	if err != nil {
		return "", err
	}
	r.Header = asProject
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	var made struct {
		Identifier string `json:"connection_identifier"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&made); err != nil {
		return "", err
	}
	if made.Identifier == "" {
		return "", errors.New("no session was made: " + reply.Status)
	}
	return made.Identifier, nil
}
