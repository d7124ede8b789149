package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"keyrack/test/rig"
)

// visitRow is a kind of SSH connection that brings keys to a session of its
// own, which is recorded durably before the client hears of it.
type visitRow struct {
	name    string
	keys    int
	session string // the body that makes one
	bare    string // the user as whom the floor does the same
}

var visitRows = []visitRow{
	{"SSH collect, one key", 1, `{}`, "one"},
	{"SSH collect, five keys", 5, `{"multi_key": true}`, listenFor},
}

// visits runs the SSH rows.
func (o options) visits(ctx context.Context, s *rig.Server, f *floor, r *report) error {
	for _, row := range visitRows {
		if !o.rows.MatchString(row.name) {
			continue
		}
		keys, err := newSigners(row.keys)
		if err != nil {
			return err
		}
		for _, n := range o.connections {
			got, bare := o.inTurn(
				func() result { return o.collect(ctx, s, n, row, keys) },
				func() result {
					return o.busy(ctx, f.cmd.Process.Pid, n, func(context.Context) error { return visit(f.ssh, row.bare, keys) })
				},
			)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.cell(row.name, n, got, bare, target{ratio: 0.6})
		}
	}
	return nil
}

// collect makes sessions, and then keeps n connections busy that each bring
// keys to one of them.
func (o options) collect(ctx context.Context, s *rig.Server, n int, row visitRow, keys []ssh.Signer) result {
	waiting, err := sessions(ctx, s.HTTP, row.session, int(visitsPerSecond*o.span.Seconds())+10*n)
	if err != nil {
		return result{failed: 1, sample: err.Error()}
	}
	return o.busy(ctx, s.PID, n, func(context.Context) error {
		identifier, some := <-waiting
		if !some {
			return errOver
		}
		return visit(s.SSH, identifier, keys)
	})
}

// visitsPerSecond is more than client and server can do together. Where it is
// not, the cell ends early.
const visitsPerSecond = 1500

func newSigners(n int) (all []ssh.Signer, err error) {
	for range n {
		key, err := newSigner()
		if err != nil {
			return nil, err
		}
		all = append(all, key)
	}
	return all, nil
}

// clientConfig is that of a client with these ways to log in. Like OpenSSH's it
// wants an Ed25519 host key first: a signature by RSA costs a hundred times more.
func clientConfig(user string, auth ...ssh.AuthMethod) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User: user, Auth: auth, Timeout: 10 * time.Second,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
}

// visit logs in with keys and waits for the goodbye, as `ssh` does.
func visit(address, user string, keys []ssh.Signer) error {
	nothing := func(string, string, []string, []bool) ([]string, error) { return nil, nil }
	client, err := ssh.Dial("tcp", address, clientConfig(user, ssh.PublicKeys(keys...), ssh.KeyboardInteractive(nothing)))
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return err
	}
	out, err := s.Output("")
	if err == nil && !strings.Contains(string(out), recorded(len(keys))+":") {
		return fmt.Errorf("said %q", out)
	}
	return err
}

// sessions makes n sessions and gives their identifiers.
func sessions(ctx context.Context, address, body string, n int) (<-chan string, error) {
	made := make(chan string, n)
	defer close(made)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for range n {
		group.Go(func() error {
			identifier, err := session(ctx, address, body)
			if err == nil {
				made <- identifier
			}
			return err
		})
	}
	return made, group.Wait()
}

func session(ctx context.Context, address, body string) (string, error) {
	_, text, err := ask(ctx, address, post(sessionsPath, body, asProject), http.StatusCreated)
	if err != nil {
		return "", err
	}
	var made struct {
		Identifier string `json:"connection_identifier"`
	}
	err = json.Unmarshal(text, &made)
	return made.Identifier, err
}
