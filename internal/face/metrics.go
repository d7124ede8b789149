package face

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts the requests of all faces and how long they took. Its labels
// are names from the program alone: no user, key, host or address is one.
type Metrics struct {
	seconds *prometheus.HistogramVec
	refused *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them. It panics where they are
// registered already.
func NewMetrics(to prometheus.Registerer) *Metrics {
	m := &Metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "keyrack_http_request_duration_seconds",
		Help:    "Time from a request's arrival to the end of its reply.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
	}, []string{"face", "route", "status"}), refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keyrack_http_refused_total",
		Help: "Requests that were refused because too many others were worked on.",
	}, []string{"face"})}
	to.MustRegister(m.seconds, m.refused)
	return m
}

func (m *Metrics) observe(face, route string, status int, took time.Duration) {
	if m != nil {
		m.seconds.WithLabelValues(face, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

func (m *Metrics) refuse(face string) {
	if m != nil {
		m.refused.WithLabelValues(face).Inc()
	}
}
