package server

import (
	"net/http"
	"time"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/config"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/safedial"
	"keyrack/internal/sshd"
	"keyrack/internal/webhook"
)

// farewell is what the SSH server may take, after its own grace, to tell those
// whom it cuts.
const farewell = 4 * time.Second

// build makes the servers that the listeners will be given to.
func (s *server) build() (err error) {
	s.https = append(s.https, s.newHTTPServer(s.routes()))
	if s.Config.MetricsAddr != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.metricsHandler())
		s.https = append(s.https, s.newHTTPServer(mux))
	}
	s.webhooks = webhook.New(webhook.Options{
		Queue: s.local.Core, Client: receivers(s.Config).Client(),
		Render: sshverify.EventBody, Log: s.Log, Metrics: webhook.NewMetrics(s.metrics), Grace: s.Config.ShutdownGrace,
	})
	c := s.Config.SSH
	s.sshd, err = sshd.New(sshd.Options{
		Sessions: s.local.Core, HostKeys: s.hostKeys, Log: s.Log, Metrics: s.metrics,
		Notice: c.Notice, LoginGrace: c.LoginGrace, StopGrace: max(s.Config.ShutdownGrace-farewell, 1),
		MaxConnections: c.MaxConnections, PerSource: c.PerSource, PerMinute: c.PerMinute, Exempt: c.Exempt,
	})
	return err
}

// receivers decides where webhooks may lead.
func receivers(c config.Config) *safedial.Guard {
	return safedial.New(safedial.Options{Allow: c.Webhooks.AllowTo})
}

// openHostKeys loads the configured host keys, or those of the data directory,
// which the first start makes.
func (s *server) openHostKeys() ([]ssh.Signer, error) {
	paths := s.Config.SSH.HostKeys
	if len(paths) == 0 {
		var err error
		if paths, err = sshd.MakeHostKeys(s.Config.DataDir); err != nil {
			return nil, err
		}
	}
	return sshd.LoadHostKeys(paths)
}

// wake tells the worker that there may be something to deliver. Before it is
// built nobody can be served, and its start looks by itself.
func (s *server) wake() {
	if s.webhooks != nil {
		s.webhooks.Wake()
	}
}
