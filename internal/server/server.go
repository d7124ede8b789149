package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/sshd"
	"keyrack/internal/webhook"
)

// Options is what [Run] is told.
type Options struct {
	Config    config.Config
	Log       *slog.Logger
	Stderr    io.Writer // one line a listener, and the welcome
	ReadyFile string    // written once all listen; empty: none
	Version   string    // of the program, for the descriptions of its interfaces
	Program   string    // how the program was called, for the commands it tells of
	Welcome   bool      // print what to do next, credentials of the first start included
	Ready     func(Running)
}

// Running says where a server listens, once it does.
type Running struct {
	HTTP string `json:"http"` // host:port
	SSH  string `json:"ssh"`  // host:port
	PID  int    `json:"pid"`
}

// Run serves until ctx is done, then stops: it refuses the new, lets what runs
// finish for the configured grace, and cancels the rest.
func Run(ctx context.Context, o Options) (err error) {
	room := headroom()
	defer runtime.KeepAlive(room)
	s := &server{Options: o, metrics: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	return s.serve(ctx)
}

// server is one run. Its fields are set in order by open, listen and build,
// and only read afterwards.
type server struct {
	Options
	metrics *prometheus.Registry
	closers []func() error // in the order of opening

	local    *Local
	first    *core.FirstSteps // credentials this start has made
	health   *health
	hostKeys []ssh.Signer

	listeners listeners
	givenURL  string // public_url as configured; empty: it was not
	gate      gate   // before the faces
	sshd      *sshd.Server
	webhooks  *webhook.Worker
	https     []*http.Server // beside the listener of the same index
}

func (s *server) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// open takes the data directory and opens what lies in it.
func (s *server) open(ctx context.Context) error {
	if err := prepareDataDir(s.Config, Need{Create: true}); err != nil {
		return err
	}
	unlock, err := lockDataDir(s.Config)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, unlock)
	if s.local, err = OpenLocal(ctx, s.Config, s.Log, Need{Create: true, Vault: true, Serves: true, Notify: s.wake}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.local.Close)
	if s.hostKeys, err = s.openHostKeys(); err != nil {
		return err
	}
	s.health = &health{store: s.local.Store, vault: s.local.Vault}
	if err := s.local.Core.EnsureSigningKey(ctx, core.System("first start")); err != nil {
		return err
	}
	return s.bootstrap(ctx)
}

func (s *server) bootstrap(ctx context.Context) (err error) {
	s.first, err = s.local.Core.Bootstrap(ctx, core.System("first start"))
	if err != nil || s.first == nil {
		return err
	}
	return keepFirstSteps(s.Config, *s.first)
}

// serve runs everything until ctx is done or a part fails, and then stops all.
func (s *server) serve(ctx context.Context) error {
	running, stopped := errgroup.WithContext(ctx)
	for i, web := range s.https {
		running.Go(func() error { return ignoreClosed(web.Serve(s.listeners.http[i])) })
	}
	visited := make(chan struct{}) // closed when the SSH server has ended
	running.Go(func() error {
		defer close(visited)
		return s.sshd.Serve(stopped, s.listeners.ssh)
	})
	running.Go(func() error { return s.webhooks.Run(stopped) })
	running.Go(func() error { return s.every(stopped, sweepEvery, "sweep", s.sweep) })
	running.Go(func() error { return s.every(stopped, pruneEvery, "prune", s.prune) })
	running.Go(func() error { return s.every(stopped, pruneAccessEvery, "prune access", s.pruneAccess) })
	running.Go(func() error {
		<-stopped.Done()
		return s.stop(visited)
	})
	running.Go(s.announce)
	return running.Wait()
}

// stop is the second half of a run. The SSH server and the worker stop by their
// own context; HTTP goes on until they have, to say that it is not ready.
func (s *server) stop(visited <-chan struct{}) error {
	s.health.draining.Store(true)
	s.Log.Info("stopping", "grace", s.Config.ShutdownGrace)
	ctx, cancel := context.WithTimeout(context.Background(), s.Config.ShutdownGrace) // the run's own context is done
	defer cancel()
	s.gate.close(ctx)
	select {
	case <-visited:
	case <-ctx.Done():
	}
	var errs []error
	for _, web := range s.https {
		if err := web.Shutdown(ctx); err != nil {
			s.Log.Warn("requests are cut after the grace", "err", err)
			errs = append(errs, web.Close())
		}
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// newHTTPServer bounds what a client can hold: slow headers, slow bodies, slow
// reading, idle connections.
func (s *server) newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      35 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.Background() },
	}
}
