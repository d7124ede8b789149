package main

import (
	"fmt"
	"net/http"
	"net/url"
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

// some picks one of many, neighbours apart.
func some(n, of int) int { return (n * 7919) % of }

func pick[T any](all []T, n int) T { return all[some(n, len(all))] }

func hex(id string) string { return strings.ReplaceAll(id, "-", "") }

// Targets of issue 8: of all creates and of all lists.
var (
	create = target{ratio: 0.6, rate: 3500, sqlite: true}
	list   = target{p99: 50 * time.Millisecond, at: 32}
)

const sessionsPath = "/api/v1/ssh/collect/sessions/"

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
		ask:   readKey,
		floor: func(w world, n int) request { return get("/key/"+pick(w.keys, n).ID, nobody) },
	},
	{
		name: "key by fingerprint (Waldur)", status: 200, target: target{ratio: 0.7},
		ask: func(w world, n int) request {
			return listKeys("fingerprint_sha256", pick(w.keys, n).Fingerprint)
		},
		floor: func(w world, n int) request {
			sum := strings.TrimPrefix(pick(w.keys, n).Fingerprint, "SHA256:")
			return get("/fingerprint/"+strings.NewReplacer("/", "_", "+", "-").Replace(sum), nobody)
		},
	},
	{
		name: "key create (Waldur)", status: 201, target: create,
		ask: func(w world, n int) request {
			return post("/api/keys/", newKeyBody("name", "public_key"), pick(w.waldur, n))
		},
		floor: bareCreate("/key", 601),
	},
	{
		name: "key create (Foreman)", status: 201, target: create,
		ask: func(w world, n int) request {
			return post(fmt.Sprintf("/api/users/%d/ssh_keys", 2+some(n, makers)), `{"ssh_key": `+newKeyBody("name", "key")+`}`, w.foreman)
		},
		floor: bareCreate("/key", 295),
	},
	{
		name: "key create (Raidboxes)", status: 201, target: create,
		ask: func(w world, n int) request {
			return post("/v1/ssh-keys", newKeyBody("title", "key"), pick(w.portal, n))
		},
		floor: bareCreate("/key", 123),
	},
	{
		name: "key create (SSHVerify, to be proven)", status: 201, target: create,
		ask: func(world, int) request {
			return post("/api/v1/ssh/verify/sessions/", `{"keys": [`+newKeyBody("name", "public_key")+`]}`, asProject)
		},
		floor: bareCreate("/wanted", 1011),
	},
	{
		name: "key create (senhasegura)", status: 201, target: create,
		ask: vaultWrite,
		floor: func(w world, n int) request {
			return post("/managed?bytes=268", vaultWrite(w, n).body, nobody)
		},
	},
	{
		name: "session create (SSHVerify)", status: 201,
		ask: func(_ world, n int) request {
			return post(sessionsPath, fmt.Sprintf(`{"external_id": "%d"}`, n), asProject)
		},
	},
	{
		name: "vault read (senhasegura)", status: 200, target: target{rate: 3000},
		ask: func(w world, n int) request {
			return get(fmt.Sprintf("/api/pam/key/%d", 1+some(n, w.vaultKeys)), w.pam)
		},
	},
	{
		name: "vault write, a new version (senhasegura)", status: 201, target: target{rate: 2500},
		ask: func(w world, n int) request { return vaultWrite(w, some(n, w.vaultKeys)) },
	},
	{
		name: "OAuth token issue (senhasegura)", status: 200,
		ask: func(_ world, n int) request { return post("/api/oauth2/token", tokenForm, from(asForm(), n)) },
	},
	{
		name: "JWT login (Raidboxes)", status: 200,
		ask: func(_ world, n int) request {
			form := url.Values{"email": {"reader@example.org"}, "password": {secret(raidboxesSecret, 0)}}
			return post("/v1/login", form.Encode(), from(asForm(), n))
		},
	},
	{
		name: "first page (Waldur)", status: 200, target: list,
		ask: func(world, int) request { return listKeys() },
	},
	{
		name: "page 10,000 (Waldur)", status: 200, target: list,
		ask: func(w world, _ int) request { return listKeys("page", fmt.Sprint(min(10_000, w.owners))) },
	},
	{
		name: "list of 300 (Waldur)", status: 200, target: list,
		ask: func(world, int) request { return listKeys("page_size", "300") },
	},
	{
		name: "name contains (Waldur)", status: 200, target: list,
		ask: func(w world, n int) request { return listKeys("name", fmt.Sprintf("u%d@host7", some(n, w.owners))) },
	},
	{
		name: "name contains, in every key (Waldur)", status: 200, target: list,
		ask: func(world, int) request { return listKeys("name", "@host") },
	},
	{
		name: "created, one second (Waldur)", status: 200, target: list,
		ask: func(w world, n int) request {
			at := pick(w.keys, n).Created
			return listKeys("created", at.Format(time.RFC3339Nano), "created_before", at.Add(time.Second).Format(time.RFC3339Nano))
		},
	},
	{
		name: "created, since the middle (Waldur)", status: 200, target: list,
		ask: func(w world, n int) request {
			return listKeys("created", pick(w.keys, n).Created.Format(time.RFC3339Nano))
		},
	},
	{
		name: "search with three terms (Foreman)", status: 200, target: list,
		ask: func(w world, n int) request {
			search := fmt.Sprintf("login ~ u%d and admin = false and id > %d", some(n, w.owners), makers)
			return get("/api/users?search="+url.QueryEscape(search), w.foreman)
		},
	},
	{
		name: "nothing but HTTP", status: 200,
		ask:   func(world, int) request { return get("/livez", nobody) },
		floor: func(world, int) request { return get("/nothing", nobody) },
	},
}

func readKey(w world, n int) request { return get("/api/keys/"+hex(pick(w.keys, n).ID)+"/", asAdmin) }

// listKeys asks for keys, with parameters and their values.
func listKeys(parameters ...string) request {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return get("/api/keys/?"+q.Encode(), asAdmin)
}

// newKeyBody is a new key in JSON.
func newKeyBody(nameMember, textMember string) string {
	text := newEd25519()
	return fmt.Sprintf(`{%q: "bench %s", %q: %q}`, nameMember, text[len(text)-16:], textMember, text+" bench@host")
}

// bareCreate asks the floor to write the same rows, and to answer as much.
func bareCreate(path string, bytes int) func(world, int) request {
	return func(world, int) request {
		return post(fmt.Sprintf("%s?bytes=%d", path, bytes), newKeyBody("name", "public_key"), nobody)
	}
}

// vaultWrite makes the vault's n-th key, or gives it a new version.
func vaultWrite(w world, n int) request {
	private, public := newPair()
	body := fmt.Sprintf(`{"identifier": "bench-%d", "hostname": "web-01", "ip": "10.0.0.5", "username": "deploy", "key_name": "k", "private_key": %q, "public_key": %q}`,
		n, private, public)
	return post("/api/pam/key", body, w.pam)
}

// from lets a request come from one of many clients: how many tokens one may
// fetch is limited.
func from(header http.Header, n int) http.Header {
	header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff))
	return header
}
