package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keyrack/internal/face"
	"keyrack/internal/face/native"
	"keyrack/internal/face/openapi"
	"keyrack/internal/face/sshverify"
)

// routes mounts everything that is served by HTTP, to be read top to bottom.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.health.live)
	mux.HandleFunc("GET /readyz", s.health.ready)
	if s.Config.MetricsAddr == "" {
		mux.Handle("GET /metrics", s.metricsHandler())
	}
	s.gate.next = s.faces()
	mux.Handle("/", &s.gate)
	return mux
}

func (s *server) faces() http.Handler {
	mux := http.NewServeMux()
	shared := face.Options{
		Log: s.Log, Metrics: face.NewMetrics(s.metrics), TrustedProxies: s.Config.HTTP.TrustedProxies,
	}
	native.New(native.Options{Options: shared, Core: s.local.Core, BaseURL: s.Config.PublicURL}).Mount(mux)
	if c := s.Config.Faces.SSHVerify; c.Enabled {
		mountOn(mux, c.Host, sshverify.New(sshverify.Options{
			Options: shared, Core: s.local.Core, BaseURL: s.Config.PublicURL,
			RatePerMinute: c.RequestsPerMinute, ExpiredAsPending: c.ExpiredAsPending,
		}))
	}
	return mux
}

// mountOn serves an API for one host name alone, or for all where none is named.
func mountOn(mux *http.ServeMux, host string, api *openapi.API) {
	if host == "" {
		api.Mount(mux)
		return
	}
	own := http.NewServeMux()
	api.Mount(own)
	mux.Handle(host+api.Prefix+"/", own)
	mux.Handle(host+api.SchemasPath+"/", own)
}

func (s *server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{Registry: s.metrics})
}
