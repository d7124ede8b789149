package server

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// gate lets requests through until it is closed. Health is asked beside it: it
// must answer as long as anything runs.
type gate struct {
	next http.Handler
	open sync.RWMutex // held for reading by each request that runs, for writing by whoever closes
}

// ServeHTTP serves a request, or refuses it once the gate is being closed.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.open.TryRLock() {
		refuse(w)
		return
	}
	defer g.open.RUnlock()
	g.next.ServeHTTP(w, r)
}

// close turns away what is new and waits for what runs, as long as ctx allows.
func (g *gate) close(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		g.open.Lock() // for good: from here on nobody gets through
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

// refuse answers in the form that both OpenAPI faces give problems.
func refuse(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "5")
	h.Set("Connection", "close")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"title":"Service Unavailable","status":503,"detail":"the server is stopping"}`+"\n") // a peer that left needs no answer
}
