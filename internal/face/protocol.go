package face

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"keyrack/internal/core"
)

// Protocol is what makes one face of the shared parts: its endpoints, its
// credentials and its words.
type Protocol interface {
	// Endpoints is the route table. It is read once.
	Endpoints() []Endpoint
	// Authenticate gives the actor of a request. Its error is told by Error.
	Authenticate(r *http.Request) (core.Actor, error)
	// Encode gives a body in the form it is sent in, with its media type.
	Encode(body any) (data []byte, contentType string, err error)
	// Error is the reply to a request that failed.
	Error(r *http.Request, err error) Reply
	// Missing is the reply to a request that no endpoint takes. allow are the
	// methods of its path, none where nothing is at the path.
	Missing(r *http.Request, allow []string) Reply
}

// Endpoint is a route with what answers it.
type Endpoint struct {
	Method   string
	Path     string // exact, with {name} for its parameters ([http.Request.PathValue])
	AnySlash bool   // the path is the same with a final slash more or less
	Public   bool   // no credentials asked; the reason stands where it is made
	Handle   Handler
}

// Handler answers a request: it decodes, calls core once, and converts. On a
// public endpoint the actor is a visitor.
type Handler func(r *http.Request, by core.Actor) (Reply, error)

// Reply is an answer. The zero Reply is an empty 200.
type Reply struct {
	Status int // zero: 200
	Header http.Header
	Body   any // nil: none; []byte: as it is, with the Content-Type of Header; else encoded by the protocol
}

// Face is a protocol in service.
type Face struct {
	protocol Protocol
	routes   []Route
	guard    *Guard
}

// New puts the protocol called name into service, behind the bounds that all
// faces have.
func New(name string, p Protocol, o Options) *Face {
	f := &Face{protocol: p}
	rt := NewRouter()
	for _, e := range p.Endpoints() {
		f.routes = append(f.routes, Route{Method: e.Method, Path: e.Path, Public: e.Public})
		for _, path := range e.paths() {
			rt.Handle(e.Method, path, f.answer(e))
		}
	}
	rt.Refuse(func(w http.ResponseWriter, r *http.Request) { f.missing(w, r, nil) }, f.missing)
	f.guard = NewGuard(name, o, rt, func(w http.ResponseWriter, r *http.Request, err error) {
		f.write(w, r, p.Error(r, err))
	})
	return f
}

func (e Endpoint) paths() []string {
	if !e.AnySlash {
		return []string{e.Path}
	}
	short := strings.TrimSuffix(e.Path, "/")
	return []string{short, short + "/"}
}

// Routes lists what is served, in the order of the route table.
func (f *Face) Routes() []Route { return f.routes }

// ServeHTTP answers a request.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.guard.ServeHTTP(w, r) }

func (f *Face) answer(e Endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = e.Method + " " + e.Path // one name for both forms of the path
		reply, err := f.handle(e, r)
		if err != nil {
			RequestOf(r.Context()).Err = err
			reply = f.protocol.Error(r, err)
		}
		f.write(w, r, reply)
	}
}

func (f *Face) handle(e Endpoint, r *http.Request) (Reply, error) {
	req := RequestOf(r.Context())
	if e.Public {
		return e.Handle(r, core.Visitor(req.Origin()))
	}
	by, err := f.protocol.Authenticate(r)
	req.Actor = by // also of one who is turned away
	if err != nil {
		return Reply{}, err
	}
	if by, err = repeated(r, by); err != nil {
		return Reply{}, err
	}
	return e.Handle(r, by)
}

// repeated lets the actor know that his request may be a repetition. The body,
// which tells whether it is, can be read again.
func repeated(r *http.Request, by core.Actor) (core.Actor, error) {
	if !Repeats(r) {
		return by, nil
	}
	body, err := Body(r)
	if err != nil {
		return by, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return Repeatable(r, body, by)
}

func (f *Face) missing(w http.ResponseWriter, r *http.Request, allow []string) {
	if len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
	}
	f.write(w, r, f.protocol.Missing(r, allow))
}

// write sends a reply. One that cannot be encoded is a fault of the face, and
// becomes the guard's to answer.
func (f *Face) write(w http.ResponseWriter, r *http.Request, reply Reply) {
	body, raw := reply.Body.([]byte)
	if reply.Body != nil && !raw {
		var contentType string
		var err error
		if body, contentType, err = f.protocol.Encode(reply.Body); err != nil {
			panic(fmt.Errorf("encode a reply: %w", err))
		}
		w.Header().Set("Content-Type", contentType)
	}
	for name, values := range reply.Header {
		w.Header()[name] = values // as it is spelt: some products have names that Set would change
	}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	if reply.Status != http.StatusNoContent && reply.Status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(reply.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a peer that left needs no answer
	}
}

// Body reads the whole body of a request. One that is too large gives
// [ErrTooLarge], one that breaks off an error of kind [core.Invalid].
func Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, ErrTooLarge
	}
	return nil, &core.Error{Kind: core.Invalid, Msg: "the body could not be read", Err: err}
}
