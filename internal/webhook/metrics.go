package webhook

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"keyrack/internal/core"
)

// Metrics counts tries and how long they took. Its labels name no receiver.
type Metrics struct {
	seconds *prometheus.HistogramVec
}

// NewMetrics makes the metrics and registers them. It panics where they are
// registered already.
func NewMetrics(to prometheus.Registerer) *Metrics {
	m := &Metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "keyrack_webhook_attempt_duration_seconds",
		Help:    "Time that a try to deliver an event took, by what came of it and the class of the reply's status.",
		Buckets: []float64{.01, .05, .25, 1, 5, 15, 30},
	}, []string{"outcome", "status"})}
	to.MustRegister(m.seconds)
	return m
}

func (m *Metrics) observe(a core.Attempt) {
	if m == nil {
		return
	}
	outcome, status := "delivered", "none"
	if a.Reason != "" {
		outcome = "failed"
	}
	if a.Status != 0 {
		status = strconv.Itoa(a.Status/100) + "xx"
	}
	m.seconds.WithLabelValues(outcome, status).Observe(a.Duration.Seconds())
}
