package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// row is one thing that is asked for again and again, of keyrack and of the floor.
type row struct {
	name   string
	status int
	ask    func(w world, n int) request
	floor  func(w world, n int) request // nil: none
	target target
}

type request struct {
	method, path, body string
	header             http.Header
}

func get(path string, header http.Header) request {
	return request{method: http.MethodGet, path: path, header: header}
}

func post(path, body string, header http.Header) request {
	return request{method: http.MethodPost, path: path, body: body, header: header}
}

var (
	asHost    = http.Header{"Authorization": {"Bearer hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}}
	asProject = http.Header{"X-Api-Key": {"0123456789abcdefghijklmnopqrstuv"}, "Content-Type": {"application/json"}}
	asUser    = http.Header{"Authorization": {"Token 1111111111111111111111111111111111111111"}, "Content-Type": {"application/json"}}
	nobody    = http.Header{}
)

// some picks one of many, neighbours apart.
func some(n, of int) int { return (n * 7919) % of }

func (w world) key(n int) key { return w.keys[some(n, len(w.keys))] }

func hex(id string) string { return strings.ReplaceAll(id, "-", "") }

// newKeyBody is a Waldur request for a new key.
func newKeyBody(n int) string {
	text, err := newKey(2) // Ed25519, which clients make by default
	if err != nil {
		panic(err) // only ECDSA fails
	}
	return fmt.Sprintf(`{"name": "bench %d %s", "public_key": "%s"}`, n, text[len(text)-12:], text)
}

var rows = []row{
	{
		name: "authorized-keys of a login", status: 200, target: target{ratio: 0.8, p99: 5 * time.Millisecond, at: 8},
		ask: func(w world, n int) request {
			return get(fmt.Sprintf("/api/keyrack/v1/authorized-keys/u%d", some(n, w.owners)), asHost)
		},
		floor: func(w world, n int) request { return get(fmt.Sprintf("/login/u%d", some(n, w.owners)), nobody) },
	},
	{
		name: "key by id (Waldur)", status: 200, target: target{ratio: 0.7},
		ask:   func(w world, n int) request { return get("/api/keys/"+hex(w.key(n).ID)+"/", asUser) },
		floor: func(w world, n int) request { return get("/key/"+w.key(n).ID, nobody) },
	},
	{
		name: "key by fingerprint (Waldur)", status: 200, target: target{ratio: 0.7},
		ask: func(w world, n int) request {
			return get("/api/keys/?fingerprint_sha256="+strings.ReplaceAll(w.key(n).Fingerprint, "+", "%2B"), asUser)
		},
		floor: func(w world, n int) request {
			return get("/fingerprint/"+strings.NewReplacer("/", "_", "+", "-").Replace(strings.TrimPrefix(w.key(n).Fingerprint, "SHA256:")), nobody)
		},
	},
	{
		name: "key create (Waldur)", status: 201, target: target{ratio: 0.6, rate: 3500},
		ask:   func(_ world, n int) request { return post("/api/keys/", newKeyBody(n), asUser) },
		floor: func(_ world, n int) request { return post("/key", newKeyBody(n), nobody) },
	},
	{
		name: "session create (SSHVerify)", status: 201,
		ask: func(_ world, n int) request {
			return post("/api/v1/ssh/collect/sessions/", fmt.Sprintf(`{"external_id": "%d"}`, n), asProject)
		},
	},
	{
		name: "API key check (SSHVerify)", status: 200,
		ask: func(world, int) request { return get("/api/v1/auth/info/", asProject) },
	},
	{
		name: "first page of 300 (Waldur)", status: 200,
		ask: func(world, int) request { return get("/api/keys/?page_size=300", asUser) },
	},
	{
		name: "deep page (Waldur)", status: 200,
		ask: func(w world, _ int) request {
			return get(fmt.Sprintf("/api/keys/?page_size=100&page=%d", max(1, w.owners/20)), asUser)
		},
	},
	{
		name: "name contains (Waldur)", status: 200,
		ask: func(w world, n int) request {
			return get(fmt.Sprintf("/api/keys/?name=u%d@host7", some(n, w.owners)), asUser)
		},
	},
	{
		name: "nothing but HTTP", status: 200,
		ask:   func(world, int) request { return get("/livez", nobody) },
		floor: func(world, int) request { return get("/nothing", nobody) },
	},
}
