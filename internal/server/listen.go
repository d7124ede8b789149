package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/sshd"
)

// listeners are opened before anything is built, so that a taken port shows at
// once and port 0 is known when addresses are printed.
type listeners struct {
	http []net.Listener // the faces; then the metrics, where they have their own
	ssh  net.Listener
}

func (s *server) listen(ctx context.Context) error {
	l, err := s.listenOn(ctx, "http", s.Config.HTTPAddr, "--http-addr")
	if err != nil {
		return err
	}
	s.listeners.http = append(s.listeners.http, l)
	if s.Config.MetricsAddr != "" {
		if l, err = s.listenOn(ctx, "metrics", s.Config.MetricsAddr, "metrics_addr"); err != nil {
			return err
		}
		s.listeners.http = append(s.listeners.http, l)
	}
	l, err = s.listenOn(ctx, "ssh", s.Config.SSHAddr, "--ssh-addr")
	if err != nil {
		return err
	}
	s.listeners.ssh = sshd.Behind(s.Config.SSH.ProxyFrom, l)
	return s.publish(ctx)
}

// listenOn opens a listener; setting is where its address is chosen.
func (s *server) listenOn(ctx context.Context, name, addr, setting string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w (choose another address with %s)", name, err, setting)
	}
	s.closers = append(s.closers, func() error { return ignoreNetClosed(l.Close()) })
	return l, nil
}

func ignoreNetClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// publish settles the addresses people are told, and leaves them in the store
// for `keyrack collect`.
func (s *server) publish(ctx context.Context) error {
	c := &s.Config
	s.givenURL = c.PublicURL
	c.PublicURL = cmp.Or(c.PublicURL, "http://"+reachable(s.listeners.http[0].Addr()))
	c.PublicSSH = cmp.Or(c.PublicSSH, s.publicSSH())
	return s.local.Store.Update(ctx, func(tx core.Tx) error { return tx.PutSetting(sshAddressSetting, c.PublicSSH) })
}

// sshAddressSetting is where the store keeps the address people connect to.
const sshAddressSetting = "server.ssh_address"

// publicSSH is the public URL's host with the SSH listener's port.
func (s *server) publicSSH() string {
	_, port, _ := net.SplitHostPort(reachable(s.listeners.ssh.Addr()))
	u, err := url.Parse(s.Config.PublicURL)
	if err != nil || u.Hostname() == "" {
		return reachable(s.listeners.ssh.Addr())
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// announce tells people, programs and the ready file where the server listens.
// Who waits for a ready file that cannot be written would wait for ever: that
// stops the server.
func (s *server) announce() error {
	running := Running{
		HTTP: reachable(s.listeners.http[0].Addr()), SSH: reachable(s.listeners.ssh.Addr()), PID: os.Getpid(),
	}
	s.say("%s", s.addresses())
	if s.Ready != nil {
		s.Ready(running)
	}
	return errors.Join(s.writeReadyFile(running), s.greet())
}

// addresses is a line for each listener.
func (s *server) addresses() string {
	var b strings.Builder
	for i, name := range []string{"http", "metrics"}[:len(s.listeners.http)] {
		fmt.Fprintf(&b, "%s listening addr=%s\n", name, s.listeners.http[i].Addr())
	}
	fmt.Fprintf(&b, "ssh listening addr=%s\n", s.listeners.ssh.Addr())
	return b.String()
}

// say tells whoever started the server. One who no longer listens is no reason
// to stop.
func (s *server) say(format string, args ...any) { _, _ = fmt.Fprintf(s.Stderr, format, args...) }

func (s *server) writeReadyFile(r Running) error {
	if s.ReadyFile == "" {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := writeFile(s.ReadyFile, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	return nil
}

func (s *server) greet() error {
	switch {
	case s.Welcome:
		text, err := welcome{config: s.Config, program: s.Program, fingerprints: sshd.Fingerprints(s.hostKeys)}.text()
		s.say("%s", text)
		return err
	case s.first != nil:
		s.say("first start: the credentials of the first administrator and project are in %s\n", firstStepsPath(s.Config))
	}
	return nil
}
