package server

import (
	"cmp"
	"net"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/face/foreman"
	"keyrack/internal/face/native"
	"keyrack/internal/face/raidboxes"
	"keyrack/internal/face/senhasegura"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/face/waldur"
)

// routes mounts everything that is served by HTTP, to be read top to bottom.
// Paths go to the faces as they are: a ServeMux in front would redirect some.
func (s *server) routes() http.Handler {
	own := s.own()
	s.gate.next = s.faces()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := own[r.URL.Path]
		switch {
		case !ok:
			s.gate.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// own are the server's own paths.
func (s *server) own() map[string]http.Handler {
	own := map[string]http.Handler{
		"/livez":  http.HandlerFunc(s.health.live),
		"/readyz": http.HandlerFunc(s.health.ready),
	}
	if s.Config.MetricsAddr == "" {
		own["/metrics"] = s.metricsHandler()
	}
	return own
}

// mostWork is how many requests that read, and how many that change, are worked
// on at once. SQLite commits up to 128 changes together, and as many are to be
// ready by then. On PostgreSQL all wait for the same few connections, so that
// more would wait longer and not be answered sooner.
func (s *server) mostWork() int {
	if s.Config.DatabaseURL.IsZero() {
		return 256
	}
	return 128
}

func (s *server) faces() dispatcher {
	shared := face.Options{
		Log: s.Log, Metrics: face.NewMetrics(s.metrics), TrustedProxies: s.Config.HTTP.TrustedProxies,
		Work: face.NewWork(s.mostWork()),
	}
	d := dispatcher{}
	d["native"] = mounted{Handler: native.New(native.Options{Options: shared, Core: s.local.Core, BaseURL: s.Config.PublicURL, Version: s.Version})}
	if c := s.Config.Faces.SSHVerify; c.Enabled {
		d["sshverify"] = mounted{host: c.Host, Handler: sshverify.New(sshverify.Options{
			Options: shared, Core: s.local.Core, BaseURL: s.Config.PublicURL,
			Version: s.Version, RatePerMinute: c.RequestsPerMinute, ExpiredAsPending: c.ExpiredAsPending,
		})}
	}
	if c := s.Config.Faces.Senhasegura; c.Enabled {
		d["senhasegura"] = mounted{host: c.Host, Handler: senhasegura.New(senhasegura.Options{
			Options: shared, Core: s.local.Core, BaseURL: withHost(s.Config.PublicURL, c.Host),
		})}
	}
	if c := s.Config.Faces.Waldur; c.Enabled {
		d["waldur"] = mounted{host: c.Host, Handler: waldur.New(waldur.Options{
			Options: shared, Core: s.local.Core, BaseURL: withHost(s.givenURL, c.Host), Origins: c.CORSOrigins,
		})}
	}
	if c := s.Config.Faces.Raidboxes; c.Enabled {
		d["raidboxes"] = mounted{host: c.Host, Handler: raidboxes.New(raidboxes.Options{
			Options: shared, Core: s.local.Core,
			Limits: raidboxes.Limits{Logins: c.LoginsPerMinute, Creates: c.CreatesPerMinute, Requests: c.RequestsPerMinute},
		})}
	}
	if c := s.Config.Faces.Foreman; c.Enabled {
		d["foreman"] = mounted{host: c.Host, Handler: foreman.New(foremanOptions(shared, s.local.Core, s.Config))}
	}
	return d
}

// withHost is the public URL of a face that is bound to a host name of its own.
func withHost(public, host string) string {
	u, err := url.Parse(public)
	if err != nil || host == "" || public == "" {
		return public
	}
	port := u.Port()
	if u.Host = host; port != "" {
		u.Host = net.JoinHostPort(host, port)
	}
	return u.String()
}

func foremanOptions(shared face.Options, service *core.Service, all config.Config) foreman.Options {
	c := all.Faces.Foreman
	o := foreman.Options{
		Options: shared, Core: service, BaseURL: withHost(all.PublicURL, c.Host), Version: c.Version,
		SessionIdle: c.SessionIdle, LoginFailures: cmp.Or(c.LoginFailures, -1),
	}
	if c.OAuthConsumerKey != "" && !c.OAuthConsumerSecret.IsZero() {
		o.OAuth = &foreman.OAuth{ConsumerKey: c.OAuthConsumerKey, ConsumerSecret: c.OAuthConsumerSecret, MapUsers: c.OAuthMapUsers}
	}
	return o
}

func (s *server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{Registry: s.metrics})
}
