package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"keyrack/test/rig"
)

// interrupted breaks the database under load, again and again, and holds what
// clients were told to what is there afterwards.
func (b *trial) interrupted(p rig.Program, times int, limit time.Duration, interrupt func()) {
	s := b.serve(p)
	l := b.newLedger()
	ctx, cancel := context.WithCancel(b)
	defer cancel()
	clients := l.work(ctx, 8, func() string { return s.HTTP })
	slowest := time.Duration(0)
	for i := range times {
		b.pause(between(200*time.Millisecond, 700*time.Millisecond))
		// On a machine that is busy with other things that is nothing to lose yet.
		for begun := time.Now(); l.count("ack") < 20*(i+1) && time.Since(begun) < 10*time.Second; {
			b.pause(10 * time.Millisecond)
		}
		interrupt()
		slowest = max(slowest, b.writable(s.HTTP, 4*limit))
	}
	cancel()
	clients.Wait()
	select {
	case <-s.Done():
		b.fail("the server has ended: %s", s.Log())
	default:
	}
	most(b, "back", slowest, limit)
	least(b, "acks", l.count("ack"), 20*times)
	b.audit(l, s.HTTP)
	most(b, "torn", b.unsound(p), 0)
	if len(l.wrong) > 0 {
		b.complaints(s)
	}
}

// complaints shows what the server logged as its own faults.
func (b *trial) complaints(s *rig.Server) {
	shown := 0
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "level=ERROR") && shown < 5 {
			fmt.Print("   ", line)
			shown++
		}
	}
}

// writable tells how long it takes until a write succeeds.
func (b *trial) writable(address string, within time.Duration) time.Duration {
	begun := time.Now()
	for time.Since(begun) < within {
		id := fmt.Sprintf("probe-%d", serial.Add(1))
		if r := ask(b, patient, address, newSession(id, `{}`)); r.status == http.StatusCreated {
			break
		}
		b.pause(20 * time.Millisecond)
	}
	return time.Since(begun)
}

// databaseRestarts is F7: each time without a word to anybody, as a crash.
func databaseRestarts(b *trial) {
	p := b.peopled()
	b.interrupted(p, sized(b, 5, 20), 5*time.Second, func() {
		b.cluster.Stop(syscall.SIGQUIT)
		b.must(b.cluster.Start(b))
	})
}

// failover is F8: the primary is killed, its standby takes over and gets a
// standby of its own.
func failover(b *trial) {
	primary := b.server()
	b.must(primary.Exec(b, "postgres", "CREATE DATABASE keyrack"))
	standby := b.standby(primary, 0)
	dir := b.directory()
	turns := sized(b, 2, 10)
	for i := range turns {
		// The next standby takes the port of the one that has died, so the two ports stay.
		p := b.programAt(dir, fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/keyrack?sslmode=disable&target_session_attrs=read-write",
			primary.Port, standby.Port))
		if i == 0 {
			_, err := p.Must(b, people, "apply", "-f", "-")
			b.must(err)
		}
		b.interrupted(p, 1, 10*time.Second, func() {
			primary.Stop(syscall.SIGQUIT)
			b.must(standby.Promote(b))
		})
		b.cluster, primary = standby, standby
		standby = b.standby(primary, i+1)
	}
}

func (b *trial) standby(of *rig.Cluster, n int) *rig.Cluster {
	s, err := of.Standby(b, filepath.Join(b.directory(), fmt.Sprintf("standby-%d", n)))
	b.must(err)
	b.later(func() { s.Stop(quit) })
	return s
}

// programAt is keyrack on a database that is there.
func (b *trial) programAt(dir, url string) rig.Program {
	db := b.db
	b.db = "sqlite" // make no database
	p := b.programIn(dir, settings)
	b.db = db
	p.URL = url
	return p
}

// databaseSlow is F9.
func databaseSlow(b *trial) {
	p := b.peopled()
	for _, part := range []func(*rig.Server){b.lockedTable, b.endedConnections, b.silentDatabase} {
		s := b.serve(p)
		part(s)
		s.Kill()
	}
}

// lockedTable locks what every request needs: all are answered in time, and a
// visitor is told to come again.
func (b *trial) lockedTable(s *rig.Server) {
	made := b.madeSession(s)
	hold := sized(b, 12*time.Second, time.Minute)
	ctx, cancel := context.WithTimeout(b, hold)
	defer cancel()
	locked := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		defer close(locked)
		// The server ends the session with the time; the lock goes with it.
		_ = b.cluster.Exec(ctx, "keyrack", fmt.Sprintf("BEGIN; LOCK TABLE sessions; SELECT pg_sleep(%d)", int(hold.Seconds())))
	})
	b.pause(200 * time.Millisecond)
	said := make(chan string, 1)
	group.Go(func() { said <- b.refusedVisit(s, made) })
	answers := flood(ctx, 200, http.StatusCreated, s.HTTP, func() call { return newSession("", `{}`) })
	<-locked
	group.Wait()
	most(b, "locked_wrong", answers.wrong, 0)
	most(b, "locked_slowest", answers.slowest, 30*time.Second)
	later := 0
	if text := <-said; !strings.Contains(text, "later") && !strings.Contains(text, "again") {
		later = 1
		fmt.Println("   the visitor was told:", text)
	}
	most(b, "visitors_not_told_later", later, 0)
	most(b, "locked_back", b.writable(s.HTTP, 30*time.Second), 10*time.Second)
	b.show(answers)
}

func (b *trial) madeSession(s *rig.Server) (made session) {
	r := ask(b, patient, s.HTTP, newSession("", `{}`))
	b.must(decode(r.body, &made))
	return made
}

// refusedVisit logs in while the store cannot answer, and gives what was said.
func (b *trial) refusedVisit(s *rig.Server, made session) string {
	key, err := newSigner()
	b.must(err)
	said, err := bring(b, &net.Dialer{}, s.SSH, made.Identifier, key)
	return fmt.Sprint(said, err)
}

// endedConnections ends all connections of the pool under load.
func (b *trial) endedConnections(s *rig.Server) {
	ctx, cancel := context.WithTimeout(b, 2*time.Second)
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		for range 5 {
			b.pause(200 * time.Millisecond)
			b.must(b.cluster.Exec(b, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'keyrack'"))
		}
	})
	answers := flood(ctx, 32, http.StatusCreated, s.HTTP, func() call { return newSession("", `{}`) })
	group.Wait()
	most(b, "ended_wrong", answers.wrong, 0)
	most(b, "ended_back", b.writable(s.HTTP, 30*time.Second), 10*time.Second)
	b.show(answers)
}

// silentDatabase stops every process of the database in its tracks, as a link
// does that has gone silent.
func (b *trial) silentDatabase(s *rig.Server) {
	b.writable(s.HTTP, 10*time.Second)
	stop := func(sig syscall.Signal) { b.must(b.cluster.SignalAll(sig)) }
	stop(syscall.SIGSTOP)
	resume := sync.OnceFunc(func() { stop(syscall.SIGCONT) })
	b.later(resume)
	hold := sized(b, 18*time.Second, time.Minute)
	ctx, cancel := context.WithTimeout(b, hold)
	defer cancel()
	answers := flood(ctx, 32, http.StatusCreated, s.HTTP, func() call { return newSession("", `{}`) })
	ready := ask(b, patient, s.HTTP, call{method: http.MethodGet, path: "/readyz"})
	resume()
	most(b, "silent_wrong", answers.wrong, 0)
	most(b, "silent_slowest", answers.slowest, 30*time.Second)
	least(b, "silent_readyz", ready.status, http.StatusServiceUnavailable)
	most(b, "silent_back", b.writable(s.HTTP, 30*time.Second), 10*time.Second)
	b.show(answers)
}
