package sshd

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"keyrack/internal/core"
)

// outcome says in a word how a connection ended, in the log and as a label of
// the metric.
type outcome string

const (
	outcomeRefused     outcome = "refused"     // over a limit of open connections
	outcomeTooOften    outcome = "too_often"   // over the limit of connections a minute
	outcomeNoLogin     outcome = "no_login"    // ended before it named a session: scanners, health checks
	outcomeUnknown     outcome = "unknown"     // no open session of that name
	outcomeCollected   outcome = "collected"   // keys recorded
	outcomeVerified    outcome = "verified"    // wanted keys proven, and the session's rules met
	outcomeNoKeys      outcome = "no_keys"     // no keys, or none that met the session's rules
	outcomeUnconfirmed outcome = "unconfirmed" // the user did not press y
	outcomeTooLate     outcome = "too_late"    // another connection was first
	outcomeUnavailable outcome = "unavailable" // core or its store could not answer
	outcomeStopped     outcome = "stopped"     // cut by the server's stop
	outcomeCrashed     outcome = "crashed"     // a defect of ours
)

var outcomes = []outcome{
	outcomeRefused, outcomeTooOften, outcomeNoLogin, outcomeUnknown, outcomeCollected, outcomeVerified, outcomeNoKeys,
	outcomeUnconfirmed, outcomeTooLate, outcomeUnavailable, outcomeStopped, outcomeCrashed,
}

// level says who should read it: Error means that somebody must act.
func (o outcome) level(err error) slog.Level {
	switch {
	case o == outcomeCrashed, o == outcomeUnavailable && core.KindOf(err) == core.Internal:
		return slog.LevelError
	case o == outcomeUnavailable:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// noise tells whether the log hears of it once a minute and source only.
func (o outcome) noise() bool {
	return o == outcomeRefused || o == outcomeTooOften || o == outcomeNoLogin
}

// metrics counts what happens. Labels name no user, key or address.
type metrics struct {
	open        prometheus.Gauge
	connections *prometheus.CounterVec
	keys        *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "keyrack_ssh_open_connections", Help: "SSH connections that are open now.",
		}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrack_ssh_connections_total", Help: "SSH connections that have ended, by outcome.",
		}, []string{"outcome"}),
		keys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyrack_ssh_keys_total", Help: "Keys that SSH clients showed: offered, proven (signed with), skipped (unreadable).",
		}, []string{"grade"}),
	}
	for _, o := range outcomes {
		m.connections.WithLabelValues(string(o)) // so that a rate can be taken from the first one on
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.open, m.connections, m.keys} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register ssh metrics: %w", err)
		}
	}
	return m, nil
}

// count takes in a connection that has ended.
func (m *metrics) count(o outcome, r *ring) {
	m.connections.WithLabelValues(string(o)).Inc()
	m.keys.WithLabelValues("offered").Add(float64(len(r.shown) - r.proven))
	m.keys.WithLabelValues("proven").Add(float64(r.proven))
	m.keys.WithLabelValues("skipped").Add(float64(r.skipped))
}
