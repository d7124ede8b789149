package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

// listenFor is the SSH user whose keys the floor only listens to; of everybody
// else it takes the first key.
const listenFor = "all"

// serveSSH is the floor of the SSH side: the library alone, which takes or hears
// keys and says goodbye. It looks nothing up and records nothing.
func serveSSH() (net.Addr, error) {
	host, err := newSigner()
	if err != nil {
		return nil, err
	}
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
			go greet(conn, host)
		}
	}()
	return l.Addr(), nil
}

// greet lets one client in and ends with it.
func greet(conn net.Conn, host ssh.Signer) {
	defer conn.Close()
	heard := 0
	config := &ssh.ServerConfig{
		MaxAuthTries: -1,
		PublicKeyCallback: func(m ssh.ConnMetadata, _ ssh.PublicKey) (*ssh.Permissions, error) {
			heard++
			if m.User() == listenFor {
				return nil, errors.New("go on with the next key")
			}
			return nil, nil
		},
		KeyboardInteractiveCallback: func(ssh.ConnMetadata, ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return nil, nil
		},
	}
	config.AddHostKey(host)
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		if err := sayGoodbye(channel, heard); err != nil {
			return
		}
	}
}

func sayGoodbye(channel ssh.NewChannel, heard int) error {
	c, requests, err := channel.Accept()
	if err != nil {
		return err
	}
	for r := range requests {
		_ = r.Reply(true, nil) // the client may have gone
		if r.Type == "exec" || r.Type == "shell" {
			_, _ = fmt.Fprintf(c, "%s:\n", recorded(heard))
			_, _ = io.WriteString(c, "  ssh-ed25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
			_, _ = c.SendRequest("exit-status", false, make([]byte, 4))
			_ = c.Close()
		}
	}
	return nil
}

// recorded is what a server says in the end.
func recorded(keys int) string {
	if keys > 1 {
		return fmt.Sprintf("Recorded %d keys", keys)
	}
	return "Recorded 1 key"
}

func newSigner() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}
