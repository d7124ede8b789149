package foreman

import (
	"cmp"
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/lru"
)

// Options is what the face is made from.
type Options struct {
	face.Options
	Core *core.Service
	// BaseURL is how clients reach this server, which OAuth signatures cover.
	BaseURL string
	// Version is the version of Foreman that is reported; empty means [Version].
	Version string
	// SessionIdle is how long a session lasts without a request; zero means an hour.
	SessionIdle time.Duration
	// LoginFailures is how many logins may fail from an address within five
	// minutes before it is locked out; zero means 30, a negative number any.
	LoginFailures int
	// OAuth lets clients sign their requests; nil: it does not.
	OAuth *OAuth
}

// Version is the version of Foreman that the face imitates.
const Version = "3.13.0"

const (
	failureWindow = 5 * time.Minute
	keptAddresses = 10_000 // whose failed logins are counted
	keptLogins    = 10_000 // whose sessions are known
)

// Foreman is the face in service.
type Foreman struct {
	*face.Face
	checksum string
}

// foreman is the protocol.
type foreman struct {
	Options
	failures    *face.Failures[netip.Addr]
	begun       *lru.Cache[login, begun] // the latest session of each, of this server alone
	seed        maphash.Seed             // of the logins in it
	actions     []action
	description []byte
	checksum    string
}

// New makes the face. It serves /api and /apidoc.
func New(o Options) *Foreman {
	o.Options = o.WithDefaults()
	o.Version = cmp.Or(o.Version, Version)
	o.SessionIdle = cmp.Or(o.SessionIdle, time.Hour)
	f := &foreman{
		Options: o, begun: lru.New[login, begun](keptLogins), seed: maphash.MakeSeed(),
		failures: face.NewFailures[netip.Addr](cmp.Or(o.LoginFailures, 30), failureWindow, keptAddresses),
	}
	f.actions = f.table()
	f.description, f.checksum = describe(f.actions)
	return &Foreman{Face: face.New("foreman", f, o.Options), checksum: f.checksum}
}

// ServeHTTP answers a request, to whichever of its spellings a path belongs.
func (f *Foreman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = begin(r)
	asked := r.URL.Path
	r.URL.Path, r.URL.RawPath = plain(asked), plain(r.URL.EscapedPath())
	if strings.HasPrefix(r.URL.Path, "/apidoc/") || strings.HasPrefix(asked, "/api/") || strings.HasPrefix(r.URL.Path, "/api/") {
		w.Header().Set("Apipie-Checksum", f.checksum)
	}
	w.Header().Set("X-Frame-Options", "sameorigin")
	f.Face.ServeHTTP(w, r)
}

// plain is the one spelling of a path that has a route: single slashes, none at
// the end, no version. Dots are left to the router, which refuses them.
func plain(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	if p = strings.TrimSuffix(p, "/"); p == "" {
		return "/"
	}
	if rest, ok := strings.CutPrefix(p, "/api/v2"); ok && (rest == "" || rest[0] == '/') {
		return "/api" + rest
	}
	return p
}

// Endpoints is the route table: the actions with what surrounds each of them.
func (f *foreman) Endpoints() []face.Endpoint {
	all := []face.Endpoint{
		// Clients read the description before they have a user to ask as.
		{Method: http.MethodGet, Path: "/apidoc/v2.json", Public: true, Handle: f.describe},
		{Method: http.MethodGet, Path: "/apidoc/v2.en.json", Public: true, Handle: f.describe},
		{Method: http.MethodGet, Path: "/apidoc/apipie_checksum", Public: true, Handle: f.tellChecksum},
	}
	for _, a := range f.actions {
		all = append(all, face.Endpoint{Method: a.method, Path: a.pattern(), Public: a.public, Handle: f.run(a)})
	}
	return all
}
