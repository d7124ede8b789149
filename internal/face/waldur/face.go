package waldur

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Options is what the face is built with.
type Options struct {
	face.Options
	Core *core.Service
	// BaseURL begins the URLs in replies. Empty: they begin with the scheme and
	// host of the request, as upstream's do.
	BaseURL string
	// Origins are the web origins whose pages may read replies; "*" is any.
	Origins []string
}

const (
	tokenLifetime  = time.Hour // of one that logging in gives, after its last use
	lockAfter      = 5         // failed log-ins of a user name from an address
	lockFor        = 10 * time.Minute
	lockedOutNames = 10_000 // that are remembered
)

// Face is the API in service.
type Face struct {
	*face.Face
	origins []string
}

// New puts the face into service.
func New(o Options) *Face {
	o.Options = o.WithDefaults()
	a := &api{Options: o, failures: face.NewFailures[attempt](lockAfter, lockFor, lockedOutNames)}
	return &Face{Face: face.New("waldur", a, o.Options), origins: o.Origins}
}

// ServeHTTP answers a request, and tells browsers which pages may read it.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w.Header(), f.origins, r)
	f.Face.ServeHTTP(w, r)
}

// api is the protocol.
type api struct {
	Options
	failures *face.Failures[attempt]
}

// Endpoints is the route table. What HEAD is answered with, GET gives.
func (a *api) Endpoints() []face.Endpoint {
	const keys, users = "/api/keys/", "/api/users/"
	routes := []face.Endpoint{
		{Method: http.MethodGet, Path: keys, Handle: a.listKeys},
		{Method: http.MethodPost, Path: keys, Handle: a.createKey},
		{Method: http.MethodGet, Path: keys + "{uuid}/", Handle: a.readKey},
		{Method: http.MethodDelete, Path: keys + "{uuid}/", Handle: a.deleteKey},
		{Method: http.MethodGet, Path: keys + "{uuid}/history/", Handle: a.keyHistory},
		{Method: http.MethodGet, Path: keys + "{uuid}/history/at/", Handle: a.keyAt},
		{Method: http.MethodGet, Path: users, Handle: a.listUsers},
		{Method: http.MethodGet, Path: users + "{uuid}/", Handle: a.readUser}, // and "me"
		{Method: http.MethodGet, Path: "/api/", Handle: a.root},
		{Method: http.MethodGet, Path: "/api/version/", Handle: a.version},
		// What a page needs to know before anybody has logged in.
		{Method: http.MethodGet, Path: "/api/configuration/", Public: true, Handle: a.configuration},
		{Method: http.MethodGet, Path: "/api/schema/", Public: true, Handle: a.schema},
		// It is where credentials come from.
		{Method: http.MethodPost, Path: "/api-auth/password/", Public: true, Handle: a.logIn},
		{Method: http.MethodPost, Path: "/api-auth/logout/", Handle: a.logOut},
	}
	routes = append(describing(routes), routes...)
	for i, e := range routes {
		routes[i].Handle = a.ready(e)
	}
	return routes
}

// ready makes a handler check what concerns every request, where nobody was
// asked for credentials and so it has not been checked.
func (a *api) ready(e face.Endpoint) face.Handler {
	return func(r *http.Request, by core.Actor) (face.Reply, error) {
		if e.Public {
			if err := acceptable(r, e.Path); err != nil {
				return face.Reply{}, err
			}
		}
		reply, err := e.Handle(r, by)
		if _, who := by.Impersonator(); err == nil && by.Kind() == core.ActorAccount && !isZero(who) {
			reply.Header = with(reply.Header, "X-impersonator-uuid", plainUUID(who))
		}
		return reply, err
	}
}

// describing gives each path its OPTIONS.
func describing(routes []face.Endpoint) []face.Endpoint {
	var options []face.Endpoint
	seen := map[string]bool{}
	for _, e := range routes {
		if !seen[e.Path] {
			seen[e.Path] = true
			options = append(options, face.Endpoint{Method: http.MethodOptions, Path: e.Path, Public: e.Public, Handle: describe(e.Path)})
		}
	}
	return options
}

// Missing answers what no endpoint takes: a path without its slash is sent to
// the one with it, and another method is refused to those who may ask at all.
func (a *api) Missing(r *http.Request, allow []string) face.Reply {
	switch {
	case isPreflight(r):
		return face.Reply{}
	case len(allow) > 0:
		return a.otherMethod(r, allow)
	case a.known(r.URL.Path + "/"):
		target := r.URL.EscapedPath() + "/"
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		return face.Reply{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {target}}}
	}
	return a.Error(r, errNoPath)
}

func (a *api) otherMethod(r *http.Request, allow []string) face.Reply {
	if e := a.find(r.URL.Path); e.Public {
		if err := acceptable(r, e.Path); err != nil {
			return a.Error(r, err)
		}
	} else if _, err := a.Authenticate(r); err != nil {
		return a.Error(r, err)
	}
	reply := a.Error(r, errMethod(r.Method))
	reply.Header = with(reply.Header, "Allow", strings.Join(inOrder(allow), ", "))
	return reply
}

// inOrder sorts methods as upstream tells them.
func inOrder(methods []string) []string {
	order := []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions,
	}
	return slices.DeleteFunc(order, func(m string) bool { return !slices.Contains(methods, m) })
}

func (a *api) known(path string) bool { return a.find(path).Path != "" }

// find gives the first endpoint at a path.
func (a *api) find(path string) face.Endpoint {
	for _, e := range a.Endpoints() {
		if matches(e.Path, path) {
			return e
		}
	}
	return face.Endpoint{}
}

func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}

// Encode writes compact JSON.
func (a *api) Encode(body any) ([]byte, string, error) {
	data, err := face.JSON(body)
	return data, mediaJSON, err
}

func with(h http.Header, name, value string) http.Header {
	if h == nil {
		h = http.Header{}
	}
	h[name] = []string{value}
	return h
}
