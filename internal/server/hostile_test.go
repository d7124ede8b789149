package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/server"
)

// canary is a text that a page would run.
const canary = `<script>c4nary</script>`

// hostileValues stand where a path has a parameter.
var hostileValues = []string{
	"%00", "%0d%0aX-C4nary:%201", "%1b%5b31m", "%ff%fe", "%e2%80%ae", "..", "%2e%2e%2f%2e%2e%2flivez", "..%2f..%2flivez", ".", "%2f", "%5c",
	"%3Cscript%3Ec4nary%3C%2Fscript%3E", "'%20OR%20'1'='1", "%27;DROP%20TABLE%20keys;--", "99999999999999999999999", "-1", "0", "%25s%25n",
	strings.Repeat("a", 5000), ";c4nary=1", "%C0%AF", "$1", "%7B%7B7*7%7D%7D",
}

// hostileBodies are sent where a route takes a body.
func hostileBodies() map[string]string {
	return map[string]string{
		"no JSON": "{bad", "half": `{"a":`, "empty": "", "null": "null", "array": "[]", "text": `"` + canary + `"`, "number": "1e400", "NaN": `{"a": NaN}`,
		"deep arrays": strings.Repeat("[", 10_000), "deep objects": strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"twice": `{"name": "a", "name": "b", "title": "a", "title": "b", "id": 1, "id": 2}`, "two values": `{} {}`,
		"broken UTF-8": "{\"name\": \"\xff\xfe\"}", "lone surrogate": `{"name": "\ud800"}`, "NUL": `{"name": "a\u0000b", "key": "\u0000"}`,
		"byte order mark": "\ufeff{}", "canary": `{"name": "` + canary + `", "title": "` + canary + `", "login": "` + canary + `", "search": "` + canary + `"}`,
		"wrong types":  `{"name": [], "key": {}, "title": 1, "public_key": true, "keys": "x", "user": [], "ssh_key": 1, "hostname": {}, "ip": 7}`,
		"many members": "{" + strings.Repeat(`"a":1,`, 50_000) + `"b":1}`, "large": `{"name": "` + strings.Repeat("x", 3<<20) + `"}`,
	}
}

// TestHostileInput sends to each route of each face what nobody sends who means
// well: the answer is the face's, in its words, never a fault, and never a page
// that runs what was sent.
func TestHostileInput(t *testing.T) {
	t.Parallel()
	_, address, routes := serveAll(t)
	ask := askerOf(t, address)
	for _, route := range routes {
		d := doors[route.Face]
		if d.credential == nil {
			continue
		}
		owner := d.headers(ask, route.Face, "owner")[0]
		if parameter.MatchString(route.Path) {
			for _, value := range hostileValues {
				path := parameter.ReplaceAllLiteralString(route.Path, value)
				wantWords(t, address, d, route, path+"?limit="+value+"&search="+value+"&page="+value+"&limit=1", "", owner, "value "+value)
			}
		}
		if slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, route.Method) {
			path := parameter.ReplaceAllLiteralString(route.Path, "1")
			for what, body := range hostileBodies() {
				wantWords(t, address, d, route, path, body, owner, what)
			}
		}
	}
}

func wantWords(t *testing.T, address string, d door, route server.Route, path, body string, header http.Header, what string) {
	t.Helper()
	status, reply, got := send(t, address, route.Method, path, body, header)
	name := fmt.Sprintf("%s %s with %.60s", route.Method, route.Path, what)
	// What is not an id is none, and without one a product may say so by 500.
	withoutID := route.Method + " " + strings.TrimSuffix(route.Path, "/{id}")
	if status >= 500 && !slices.Contains(d.broken, withoutID) {
		t.Errorf("%s = %d %.200s", name, status, reply)
	}
	kind, _, err := mime.ParseMediaType(got.Get("Content-Type"))
	switch {
	case status < 400:
	case len(reply) > 0 && (err != nil || !strings.HasSuffix(kind, "json") || !json.Valid(reply)):
		t.Errorf("%s = %d %s %.200q, want the face's words", name, status, kind, reply)
	}
	if strings.Contains(string(reply), canary) && !strings.HasSuffix(kind, "json") {
		t.Errorf("%s repeats what was sent as %s", name, kind)
	}
	if got.Get("X-C4nary") != "" {
		t.Errorf("%s sets a header of the client's", name)
	}
}

// send is an asker that gives the headers too.
func send(t *testing.T, address, method, path, body string, header http.Header) (int, []byte, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")   // or Foreman answers what has no route with a page
	w, err := http.DefaultTransport.RoundTrip(r) // follows no redirect
	if err != nil {
		t.Errorf("%s %.100s: %v", method, path, err)
		return 0, nil, nil
	}
	defer func() { _ = w.Body.Close() }()
	reply, err := io.ReadAll(w.Body)
	if err != nil {
		t.Error(err)
	}
	return w.StatusCode, reply, w.Header
}
