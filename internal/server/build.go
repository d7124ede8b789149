package server

import (
	"net/http"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/sshd"
)

// build makes the servers that the listeners will be given to.
func (s *server) build() (err error) {
	s.https = append(s.https, s.newHTTPServer(s.routes()))
	if s.Config.MetricsAddr != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.metricsHandler())
		s.https = append(s.https, s.newHTTPServer(mux))
	}
	c := s.Config.SSH
	s.sshd, err = sshd.New(sshd.Options{
		Sessions: s.local.Core, HostKeys: s.hostKeys, Log: s.Log, Metrics: s.metrics,
		Notice: c.Notice, LoginGrace: c.LoginGrace, StopGrace: s.Config.ShutdownGrace,
		MaxConnections: c.MaxConnections, PerSource: c.PerSource,
	})
	return err
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
