package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"keyrack/test/rig"
)

// crowd is how many connections wait at once while memory is measured, and
// waitingLimit what one may cost, in bytes.
const (
	crowd        = 500
	waitingLimit = 60 << 10
)

// memory prints what an SSH connection costs that has exchanged keys, named a
// session, and has not offered a key yet. Servers are started for it anew: in
// one that has worked, connections take what is free already.
func (o options) memory(ctx context.Context, p rig.Program, store string, r *report) error {
	if !o.rows.MatchString("SSH memory") {
		return nil
	}
	ours, err := memoryOfServer(ctx, p)
	if err != nil {
		return err
	}
	bare, err := memoryOfFloor(store)
	if err != nil {
		return err
	}
	r.say("Memory of a waiting SSH connection, of %d after the exchange of keys: %d KiB (limit %d KiB; x/crypto/ssh alone %d KiB)%s.\n",
		crowd, ours>>10, waitingLimit>>10, bare>>10, short(ours > waitingLimit))
	return nil
}

func memoryOfServer(ctx context.Context, p rig.Program) (int64, error) {
	s, err := p.Serve()
	if err != nil {
		return 0, err
	}
	defer s.Stop()
	users, err := sessions(ctx, s.HTTP, `{}`, 2*crowd)
	if err != nil {
		return 0, err
	}
	return growth(s.PID, s.SSH, func() string { return <-users })
}

func memoryOfFloor(store string) (int64, error) {
	f, err := startFloor(store)
	if err != nil {
		return 0, err
	}
	defer f.stop()
	return growth(f.cmd.Process.Pid, f.ssh, func() string { return "one" })
}

// growth is by how much a process grows with each of many connections, after
// a few that warmed it.
func growth(pid int, address string, user func() string) (int64, error) {
	release := make(chan struct{})
	defer close(release)
	more := func(n int) (rss int64, err error) {
		for i := range n {
			if err := hold(address, user(), release); err != nil {
				return 0, fmt.Errorf("connection %d: %w", i+1, err)
			}
		}
		return rig.RSS(pid)
	}
	before, err := more(crowd / 10)
	if err != nil {
		return 0, err
	}
	after, err := more(crowd)
	return (after - before) / crowd, err
}

// hold logs in as far as the first key, and leaves the connection there until
// it is released.
func hold(address, user string, release <-chan struct{}) error {
	arrived, ended := make(chan struct{}), make(chan error, 1)
	wait := ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		close(arrived)
		<-release
		return nil, errors.New("released")
	})
	go func() {
		client, err := ssh.Dial("tcp", address, clientConfig(user, wait))
		if err == nil {
			err = client.Close() // it was let in without a key
		}
		ended <- err
	}()
	select {
	case <-arrived:
		return nil
	case err := <-ended:
		return fmt.Errorf("it does not wait: %w", err)
	}
}
