package face

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// Options is what every face is built with. The zero value works: it logs and
// counts nothing and believes no proxy.
type Options struct {
	// Log takes one line for each request.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Metrics counts requests.
	Metrics *Metrics
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Work bounds the requests that are worked on at once, of all faces that have
	// it in common; nil: it is not bounded.
	Work *Work
	// Timeout bounds the work on one request, and how long its client may take to
	// send it; zero means 29 seconds, so that all are answered within half a minute.
	Timeout time.Duration
	// MaxBody bounds the body of a request in bytes; zero means 1 MiB.
	MaxBody int64
}

// WithDefaults gives the options with their zero values filled in.
func (o Options) WithDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Timeout = cmp.Or(o.Timeout, 29*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	return o
}

// Route is one route of a face, as data: tests walk them, and `keyrack routes`
// prints them.
type Route struct {
	Method string
	Path   string // with {name} for its parameters
	Public bool   // no credentials asked; the reason stands where it is made
}

// Guard is a face's handler behind the bounds that all faces have. It is to be
// the outermost handler of the face.
type Guard struct {
	Options
	Name string // of the face, for logs and metrics
	// Next answers the requests.
	Next http.Handler
	// Fail answers in the face's own words where Next does not: with [ErrBusy] where it was not
	// asked, and with another error where it panicked before it wrote anything.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
}

// NewGuard puts the face called name behind its bounds.
func NewGuard(name string, o Options, next http.Handler, fail func(http.ResponseWriter, *http.Request, error)) *Guard {
	return &Guard{Options: o.WithDefaults(), Name: name, Next: next, Fail: fail}
}

// ServeHTTP answers a request within the bounds, and logs and counts it.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := g.Now()
	req := &Request{ID: uuid.NewString(), Theirs: theirID(r), Face: g.Name, Address: ClientAddr(r, g.TrustedProxies)}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
	secure(w.Header())
	w.Header().Set("X-Request-Id", req.ID)
	place, free := g.Work.enter(r)
	if !free {
		g.refuse(w, r, start)
		return
	}
	ctx, cancel := context.WithTimeout(core.WithPass(r.Context()), g.Timeout)
	defer cancel()
	// Not the clock of the options: a deadline is the network's. Without a
	// connection there is nothing to wait for.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.Timeout))
	r = r.WithContext(ctx)
	r.Pattern = "" // that of whoever mounted the face; the route's own is to come
	r.Body = &arriving{http.MaxBytesReader(w, r.Body, g.MaxBody), place}
	reply := &replyWriter{ResponseWriter: w, place: place}
	defer func() { g.finish(r, req, reply.status, g.Now().Sub(start)) }()
	defer place.leave()
	g.serve(reply, r, req)
}

// refuse turns away a request of too many.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, now time.Time) {
	g.Metrics.refuse(g.Name)
	g.Work.refuse(g.Log, now)
	g.Fail(w, r, ErrBusy)
}

// secure sets what is right for an answer that is not a page and may hold
// personal data. Who serves a page, or something public, replaces it.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}
