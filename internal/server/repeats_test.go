package server_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyrack/internal/server"
)

// unrepeated are the POST routes for which an idempotency key means nothing, and why.
var unrepeated = map[string]string{
	"raidboxes /v1/login":                                        "a login more is none's loss; it ends by itself",
	"raidboxes /v1/refresh-token":                                "gives the same successor again",
	"waldur /api-auth/password/":                                 "gives the same token again",
	"waldur /api-auth/logout/":                                   "makes nothing",
	"senhasegura /api/oauth2/token":                              "access tokens end by themselves; secrets are not kept",
	"senhasegura /iso/oauth2/token":                              "access tokens end by themselves; secrets are not kept",
	"senhasegura /api/pam/key":                                   "an identifier is one key: sent again, it changes nothing",
	"senhasegura /iso/pam/key":                                   "an identifier is one key: sent again, it changes nothing",
	"senhasegura /api/pam/device":                                "a hostname is one device: sent again, it changes nothing",
	"senhasegura /iso/pam/device":                                "a hostname is one device: sent again, it changes nothing",
	"sshverify /api/v1/ssh/collect/sessions/{session}/complete/": "makes nothing",
	"sshverify /api/v1/ssh/verify/sessions/{session}/complete/":  "makes nothing",
}

// TestRepeatedRequests sends each request that makes something three times with
// one idempotency key, the last time for something else: one thing is made. A
// route that makes something and neither knows the header nor is listed fails.
func TestRepeatedRequests(t *testing.T) {
	t.Parallel()
	_, address, routes := serveAll(t)
	ask := askerOf(t, address)
	tried := 0
	for _, route := range routes {
		name := route.Face + " " + route.Path
		if _, listed := unrepeated[name]; route.Method != http.MethodPost || listed {
			continue
		}
		tried++
		d := doors[route.Face]
		actor := "owner"
		if route.Path == "/api/users" {
			actor = "admin"
		}
		header := d.headers(ask, route.Face, actor)[0].Clone()
		header.Set("Idempotency-Key", "repeated "+fmt.Sprint(tried))
		path, body := d.pathOf(t, ask, route), cmp.Or(fieldBodies[route.Face+" POST "+route.Path], d.bodies["POST "+route.Path], "{}")
		body = strings.NewReplacer("nN", fmt.Sprint("repeated", tried), "KEY", newKey(t)).Replace(body)
		ids := []string{}
		for range 2 {
			status, reply, _ := ask(route.Method, path, body, header)
			if status != http.StatusCreated && status != http.StatusOK {
				t.Errorf("%s with an idempotency key = %d %s", name, status, reply)
			}
			ids = append(ids, idOf(string(reply)))
		}
		if ids[0] != ids[1] || ids[0] == "" {
			t.Errorf("%s makes two things of one request: %q and %q", name, ids[0], ids[1])
		}
		other := strings.Replace(body, "{", `{"x": 1, `, 1)
		if body == "{}" {
			other = `{"external_id": "another"}`
		}
		if status, reply, _ := ask(route.Method, path, other, header); status < 400 || status >= 500 {
			t.Errorf("%s with the key of another request = %d %s, want it refused", name, status, reply)
		}
	}
	if tried < 7 {
		t.Errorf("%d routes make something, want 7 at least", tried)
	}
	for name := range unrepeated {
		if !slices.ContainsFunc(routes, func(r server.Route) bool { return r.Method == http.MethodPost && r.Face+" "+r.Path == name }) {
			t.Errorf("%s is listed, and no route", name)
		}
	}
}

// idOf is the first id or UUID in a reply, by the member's name.
func idOf(reply string) string {
	all := leaves(reply)
	for _, name := range []string{".id", ".uuid", ".data.id", ".key.id", ".device.id"} {
		if all[name] != "" {
			return all[name]
		}
	}
	return ""
}
