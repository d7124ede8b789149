package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/server"
)

// written is a request as it is written on the wire.
type written struct {
	method, target, proto string
	header                []string
	body                  string
}

// verbs are methods beside those of the routes.
var verbs = []string{
	http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	"PROPFIND", "get", "delete",
}

// overrides are ways in which frameworks let a request say that it means
// another method.
func overrides(method string) []string {
	return []string{"X-HTTP-Method-Override: " + method, "X-HTTP-Method: " + method, "X-Method-Override: " + method}
}

// twists are other ways to write a request to a route.
func twists(method, path string) []written {
	var all []written
	for _, verb := range verbs {
		all = append(all, written{method: verb, target: path})
	}
	slashed := path + "/"
	if strings.HasSuffix(path, "/") {
		slashed = strings.TrimSuffix(path, "/")
	}
	last := path[strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/'):]
	for _, target := range []string{
		slashed, strings.ToUpper(path), "/" + path, "/." + path, "/x/.." + path, "/%2e" + path, path + ";a=b", path + "%00", path + "%20", path + "?_method=" + method,
		path + ".json", "http://keys.example.org" + path, "/livez/.." + path, "/livez%2f.." + path, fmt.Sprintf("/%%%02x%s", path[1], path[2:]),
		strings.TrimSuffix(path, last) + strings.ReplaceAll(last[:1], "/", "%2f") + last[1:], strings.Replace(path, "/", `\`, 1),
	} {
		all = append(all, written{method: method, target: target})
	}
	for _, header := range append(overrides(method), "X-Original-URL: "+path, "X-Rewrite-URL: "+path, "X-Forwarded-Prefix: "+path) {
		all = append(all,
			written{method: http.MethodGet, target: path, header: []string{header}}, written{method: http.MethodPost, target: path, header: []string{header}},
			written{method: http.MethodGet, target: "/", header: []string{header}})
	}
	return append(all,
		written{method: method, target: path, proto: "HTTP/1.0"}, written{method: method, target: path, header: []string{"Host: 127.0.0.1"}},
		written{method: method, target: path, header: []string{"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"}},
		written{method: http.MethodPost, target: path, header: []string{"Content-Type: application/x-www-form-urlencoded"}, body: "_method=" + method})
}

// write sends a request as it is and gives the answer. A connection that is cut
// is answered too: by 400.
func write(t *testing.T, address string, w written, credential http.Header) (int, string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var b strings.Builder
	proto := "HTTP/1.1"
	if w.proto != "" {
		proto = w.proto
	}
	fmt.Fprintf(&b, "%s %s %s\r\nConnection: close\r\nContent-Length: %d\r\n", w.method, w.target, proto, len(w.body))
	if proto == "HTTP/1.1" && !slices.ContainsFunc(w.header, func(h string) bool { return strings.HasPrefix(h, "Host:") }) {
		b.WriteString("Host: keys.example.org\r\n")
	}
	for _, line := range w.header {
		b.WriteString(line + "\r\n")
	}
	if err := credential.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, b.String()+"\r\n"+w.body); err != nil {
		t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: w.method})
	if err != nil {
		return http.StatusBadRequest, ""
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Errorf("%s %s: %v", w.method, w.target, err)
	}
	return reply.StatusCode, string(text)
}

// TestVerbs writes the requests to each route in other ways: none of them lets
// one in whom the route itself refuses, or does what the method does not say.
func TestVerbs(t *testing.T) {
	t.Parallel()
	_, address, routes := serveAll(t)
	ask := askerOf(t, address)
	open := openRoutes(routes)
	for _, route := range routes {
		d := doors[route.Face]
		if route.Public || route.Method == http.MethodOptions {
			continue
		}
		path, there := d.pathOf(t, ask, route), d.reads(routes, route)
		for _, w := range twists(route.Method, path) {
			status, reply := write(t, address, w, http.Header{})
			if status < 300 && !open[w.method+" "+w.target] || status >= 500 { // redirected is not let in
				t.Errorf("%s %s: a stranger who sends %+v gets %d %.200s", route.Method, route.Path, w, status, reply)
			}
			if parameter.MatchString(route.Path) {
				d.wantHidden(t, address, route, w)
			}
		}
		if !there {
			continue
		}
		who := "owner"
		if route.Face == "foreman" {
			who = "admin" // who made the user
		}
		owner := d.headers(ask, route.Face, who)[0]
		for _, header := range overrides(http.MethodDelete) {
			write(t, address, written{method: http.MethodGet, target: path, header: []string{header}}, owner)
			write(t, address, written{method: http.MethodGet, target: path + "?_method=delete"}, owner)
		}
		if status, reply := write(t, address, written{method: http.MethodGet, target: path}, owner); status != http.StatusOK {
			t.Errorf("%s is gone: the owner gets %d %.200s", route.Path, status, reply)
		}
	}
}

// openRoutes are requests that anybody may make, whatever else their path may be.
func openRoutes(routes []server.Route) map[string]bool {
	open := map[string]bool{}
	for _, r := range routes {
		if r.Public {
			open[r.Method+" "+r.Path] = true
			if r.Method == http.MethodGet {
				open[http.MethodHead+" "+r.Path] = true
			}
		}
	}
	return open
}

// pathOf leads to an object of the owner's that is made for it.
func (d door) pathOf(t *testing.T, ask asker, route server.Route) string {
	t.Helper()
	if !parameter.MatchString(route.Path) {
		return route.Path
	}
	parameters := d.make(t, ask, route)
	return parameter.ReplaceAllStringFunc(route.Path, func(name string) string { return parameters[strings.Trim(name, "{}")] })
}

// reads tells whether the route's object can be read at its path.
func (d door) reads(routes []server.Route, route server.Route) bool {
	return route.Method == http.MethodDelete && slices.ContainsFunc(routes, func(r server.Route) bool {
		return r.Face == route.Face && r.Path == route.Path && r.Method == http.MethodGet
	})
}

// wantHidden sends a request as somebody to whom the object is hidden.
func (d door) wantHidden(t *testing.T, address string, route server.Route, w written) {
	t.Helper()
	secret, known := d.secrets["other"]
	if !known || d.login != nil || route.Face == "native" || w.target == "/" || w.method == http.MethodOptions {
		return // to whom nothing is hidden, or which only the list would show
	}
	status, reply := write(t, address, w, d.credential(secret))
	if status < 300 || status >= 500 {
		t.Errorf("%s %s: another who sends %+v gets %d %.200s", route.Method, route.Path, w, status, reply)
	}
}

// TestOddFraming sends requests of which two programs in a row may read
// different ends: each is refused, or answered as one and the connection closed.
func TestOddFraming(t *testing.T) {
	t.Parallel()
	_, address := serve(t, "", accessWorld)
	const hidden = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, header := range map[string]string{
		"two lengths":             "Content-Length: 5\r\nContent-Length: 6\r\n",
		"negative length":         "Content-Length: -1\r\n",
		"length with a sign":      "Content-Length: +5\r\n",
		"length of another base":  "Content-Length: 0x5\r\n",
		"lengths in one":          "Content-Length: 5, 6\r\n",
		"both":                    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n",
		"unknown coding":          "Transfer-Encoding: xchunked\r\n",
		"coding twice":            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"coding with a tab":       "Transfer-Encoding:\tchunked, identity\r\n",
		"space before the colon":  "Transfer-Encoding : chunked\r\n",
		"header without a name":   ": 1\r\n",
		"NUL in a header":         "X-A: \x00\r\n",
		"two hosts":               "Host: a\r\n",
		"65 KiB in one header":    "X-A: " + strings.Repeat("a", 70<<10) + "\r\n",
		"ten thousand headers":    strings.Repeat("X-A: 1\r\n", 10_000),
		"bare carriage return":    "X-A: 1\rContent-Length: 5\r\n",
		"expectation of a teapot": "Expect: 418-teapot\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		// The server may close before all is sent.
		_, _ = io.WriteString(conn, "POST /api/keys/ HTTP/1.1\r\nHost: x\r\n"+header+"\r\n0\r\n\r\n"+hidden)
		if half, ok := conn.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		replies, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
		_ = conn.Close()
		first, _, _ := strings.Cut(string(replies), "\r\n")
		if n := strings.Count(string(replies), "HTTP/1.1 "); n > 1 || n == 1 && !strings.HasPrefix(first, "HTTP/1.1 4") && !strings.HasPrefix(first, "HTTP/1.1 501") {
			t.Errorf("%s: %d answers, %s", name, n, first)
		}
	}
}
