package face

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// Request is the record of one request. Those who work on it fill it in, and
// the guard logs it once, at the end.
type Request struct {
	ID      string // UUIDv4, as the products that show one have it
	Theirs  string // the id that the client gave it, where that is a UUID; for the log alone
	Face    string
	Address netip.Addr // the client's; zero: unknown
	Actor   core.Actor // zero until somebody was authenticated
	Err     error      // why it failed; for the log alone
}

type requestKey struct{}

// RequestOf gives the record of the request that ctx belongs to. Outside a
// guard it is an empty one that nobody reads.
func RequestOf(ctx context.Context) *Request {
	if req, ok := ctx.Value(requestKey{}).(*Request); ok {
		return req
	}
	return &Request{}
}

// Origin says through which door the request came.
func (r *Request) Origin() core.Origin {
	return core.Origin{Face: r.Face, Address: r.Address}
}

// theirID gives the id under which a client will ask for its request. It is
// logged and never adopted: two requests may have one. What is no UUID could be
// anything.
func theirID(r *http.Request) string {
	id, err := uuid.Parse(r.Header.Get("X-Request-Id"))
	if err != nil {
		return ""
	}
	return id.String()
}

// replyWriter remembers the status of a reply.
type replyWriter struct {
	http.ResponseWriter
	place  *place
	status int // zero as long as nothing was written
}

// WriteHeader sends the status.
func (w *replyWriter) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *replyWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// begin notes that the reply begins: the work is done.
func (w *replyWriter) begin(status int) {
	if w.status == 0 {
		w.status = status
		w.place.leave()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (w *replyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve runs the handler and turns a panic into the face's 500, or into a cut
// connection where a part of the reply is out already.
func (g *Guard) serve(w *replyWriter, r *http.Request, req *Request) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it this way too
			panic(cause)
		}
		req.Err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		g.Fail(w, r, errBroken)
	}()
	g.Next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK // net/http sends it for a handler that wrote nothing
	}
}

// finish counts the request and writes its line. The line has the route's
// pattern, never the path or the query: these carry names, and in some faces
// secrets.
func (g *Guard) finish(r *http.Request, req *Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "unmatched"
	}
	g.Metrics.observe(g.Name, route, status, took)
	attrs := []slog.Attr{
		slog.String("request_id", req.ID), slog.String("face", g.Name), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took),
		slog.String("actor_kind", req.Actor.Kind().String()), slog.String("actor", req.Actor.Name()),
		slog.String("client", addrText(req.Address)),
	}
	if req.Theirs != "" {
		attrs = append(attrs, slog.String("client_request_id", req.Theirs))
	}
	if req.Err != nil {
		attrs = append(attrs, slog.Any("err", req.Err))
	}
	g.Log.LogAttrs(r.Context(), levelOf(status), "request", attrs...)
}

// levelOf makes Error what somebody must act upon. A client that is refused is
// none of that, and neither is a store that cannot answer for a moment.
func levelOf(status int) slog.Level {
	switch {
	case status == http.StatusServiceUnavailable:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	}
	return slog.LevelInfo
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
