package waldur

import (
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const mediaJSON = "application/json"

// acceptable checks what comes before credentials: the host that URLs are made
// from, and that the client takes JSON. Upstream shows pages to those who take
// text/html; here they get JSON as well.
func acceptable(r *http.Request, path string) error {
	if !plainHost.MatchString(r.Host) {
		return errHost
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" || path == schemaPath {
		return nil
	}
	for taken := range strings.SplitSeq(accept, ",") {
		if media, _, _ := mime.ParseMediaType(taken); slices.Contains(served, media) {
			return nil
		}
	}
	return errNotAcceptable
}

var served = []string{"*/*", "application/*", mediaJSON, "text/html", "text/*"}

// plainHost is what a host name, an address or one of them with a port looks
// like. Anything else would change the meaning of the URLs it begins.
var plainHost = regexp.MustCompile(`^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$`)

// base gives what URLs in the reply begin with.
func (a *api) base(r *http.Request) string {
	if a.BaseURL != "" {
		return a.BaseURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// isPreflight tells whether a browser asks if a page may send a request. It has
// no credentials then, and needs none (Fetch standard, CORS-preflight fetch).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowOrigin tells a browser whether the page it asks for may read the reply.
func allowOrigin(h http.Header, origins []string, r *http.Request) {
	h.Set("Vary", "Accept")
	if len(origins) == 0 {
		return
	}
	h.Set("Vary", "Accept, Origin")
	origin := r.Header.Get("Origin")
	switch {
	case slices.Contains(origins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case origin != "" && slices.Contains(origins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return
	}
	h.Set("Access-Control-Expose-Headers", "X-Result-Count, Link")
	if isPreflight(r) {
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "86400")
	}
}
