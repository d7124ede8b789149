package server

import (
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
)

// mounted is a face in service.
type mounted struct {
	http.Handler
	host string // the only host name it is served for; empty: all
}

// dispatcher hands each request to the face that its address belongs to: on a
// host name of its own to that face, else by path. All faces share one port,
// and some of their products began their paths alike.
type dispatcher map[string]mounted // by the face's name

// ServeHTTP answers a request.
func (d dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostOf(r)
	names := claims(r)
	for _, m := range d {
		if m.host == host && host != "" && !slices.Contains(names, "native") {
			m.ServeHTTP(w, r)
			return
		}
	}
	for _, name := range names {
		if m, ok := d[name]; ok && m.host == "" {
			m.ServeHTTP(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// hostOf gives the host name that a request is for, without its port.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// prefixes are the paths that belong to one face alone, with all below.
var prefixes = map[string]string{
	"/api/v1": "sshverify", "/schemas": "sshverify",
	"/api/keyrack": "native",
	"/v1":          "raidboxes",
	"/api/pam":     "senhasegura", "/api/oauth2": "senhasegura", "/iso": "senhasegura",
	"/api/keys": "waldur", "/api-auth": "waldur", "/api/version": "waldur", "/api/configuration": "waldur", "/api/schema": "waldur",
	"/apidoc": "foreman", "/api/v2": "foreman", "/api/current_user": "foreman", "/api/status": "foreman",
	"/api/statuses": "foreman", "/api/ping": "foreman", "/api/organizations": "foreman", "/api/locations": "foreman",
	"/api/auth_sources": "foreman", "/api/roles": "foreman",
}

// claims names the faces that a path may belong to, the likeliest first.
func claims(r *http.Request) []string {
	// As it was sent: an escaped slash separates nothing. hammer doubles the
	// slash after the host.
	p := path.Clean("/" + r.URL.EscapedPath())
	for at := p; at != "/"; at = path.Dir(at) {
		if name, ok := prefixes[at]; ok {
			return []string{name}
		}
	}
	if p == "/api" || strings.HasPrefix(p, "/api/") {
		return foremanOrWaldur(r, p)
	}
	return nil
}

// foremanOrWaldur settles what both products have: /api and /api/users with
// all below, and whatever under /api is nobody's. Their credentials differ.
// Without one, a path below a user is Foreman's, and of the others Waldur's
// end in a slash and Foreman's do not.
func foremanOrWaldur(r *http.Request, clean string) []string {
	foreman, waldur := []string{"foreman", "waldur"}, []string{"waldur", "foreman"}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	_, noSession := r.Cookie("_session_id")
	switch {
	case strings.EqualFold(scheme, "Token"), strings.EqualFold(scheme, "Bearer"):
		return waldur
	case strings.EqualFold(scheme, "Basic"), strings.EqualFold(scheme, "OAuth"), noSession == nil:
		return foreman
	case strings.HasPrefix(clean, "/api/users/") && strings.Count(clean, "/") > 3:
		return foreman
	case strings.HasSuffix(r.URL.Path, "/"):
		return waldur
	}
	return foreman
}
