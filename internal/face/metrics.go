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
}

// NewMetrics makes the metrics and registers them. It panics where they are
// registered already.
func NewMetrics(to prometheus.Registerer) *Metrics {
	m := &Metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "keyrack_http_request_duration_seconds",
		Help:    "Time from a request's arrival to the end of its reply.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
	}, []string{"face", "route", "status"})}
	to.MustRegister(m.seconds)
	return m
}

func (m *Metrics) observe(face, route string, status int, took time.Duration) {
	if m != nil {
		m.seconds.WithLabelValues(face, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
}
