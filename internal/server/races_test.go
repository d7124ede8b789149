package server_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// racers is how many ask for the same at once, of all servers in turn.
const racers = 100

// outcomes is what came of many requests at once: how many got which status,
// and the bodies of those that succeeded.
type outcomes struct {
	statuses map[int]int
	good     []string
}

// atOnce makes one request from many clients.
func (p place) atOnce(n int, method, path, body string, header func(address string) http.Header) outcomes {
	p.t.Helper()
	var mu sync.Mutex // guards o
	o := outcomes{statuses: map[int]int{}}
	var all sync.WaitGroup
	asks := make([]asker, len(p.servers))
	for i, address := range p.servers {
		asks[i] = askerOf(p.t, address)
	}
	start := make(chan struct{})
	for i := range n {
		h := header(p.servers[i%len(p.servers)])
		all.Go(func() {
			<-start
			status, reply, _ := asks[i%len(asks)](method, path, body, h)
			mu.Lock()
			defer mu.Unlock()
			o.statuses[status]++
			if status < 300 {
				o.good = append(o.good, string(reply))
			}
		})
	}
	close(start)
	all.Wait()
	return o
}

// TestOneOfManyWins lets many do at once what can be done once. One does it,
// the others are told so in the face's words, and none gets a 5xx.
func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	eachPlace(t, accessWorld+accessApplications, func(t *testing.T, p place) {
		ask := askerOf(t, p.servers[0])
		s := subject{name: "s90"}
		p.apply(s.world())
		portal := bearer(raidboxesToken(ask, raidboxesOwner))
		foremanKey := "/api/users/1/ssh_keys/" + foremanID(t, ask, "/api/users/1/ssh_keys", `{"name": "laptop", "key": "`+newKey(t)+`"}`)
		waldurKey := "/api/keys/" + waldurObjectOf(t, ask) + "/"
		signed := s.signed(t, http.MethodGet, "http://"+p.servers[0]+"/api/pam/device")
		for _, c := range []struct {
			name, method, path, body string
			header                   http.Header
			won, lost                int
		}{
			{"one key, raidboxes", "POST", "/v1/ssh-keys", `{"title": "a", "key": "` + newKey(t) + `"}`, portal, 201, 400},
			{"one key, foreman", "POST", "/api/users/1/ssh_keys", `{"ssh_key": {"name": "a", "key": "` + newKey(t) + `"}}`, basic(foremanAdmin), 201, 422},
			{"one name, waldur", "POST", "/api/keys/", `{"name": "b", "public_key": "` + newKey(t) + `"}`, token(waldurOwner), 201, 400},
			{"one token's name, foreman", "POST", "/api/users/1/personal_access_tokens", `{"name": "b"}`, basic(foremanAdmin), 201, 422},
			{"a key is removed, foreman", "DELETE", foremanKey, "", basic(foremanAdmin), 200, 404},
			{"a key is removed, waldur", "DELETE", waldurKey, "", token(waldurOwner), 204, 404},
			{"a signed request", "GET", "/api/pam/device", "", signed, 200, 401},
		} {
			at, n := p, racers
			if c.name == "a signed request" {
				at.servers, n = p.servers[:1], 20 // whose address is signed; more would lock the address out
			}
			o := at.atOnce(n, c.method, c.path, c.body, fixed(c.header))
			if len(o.statuses) != 2 || o.statuses[c.won] != 1 || o.statuses[c.lost] != n-1 {
				t.Errorf("%s: statuses %v, want %d once and else %d", c.name, o.statuses, c.won, c.lost)
			}
		}
		p.wantOneThing(s)
		p.wantAnAdministrator()
	})
}

// wantOneThing repeats requests that give all who make them the same thing.
func (p place) wantOneThing(s subject) {
	p.t.Helper()
	again := func(h http.Header) http.Header {
		h.Set("Idempotency-Key", "the same")
		return h
	}
	portal := raidboxesToken(askerOf(p.t, p.servers[0]), raidboxesOwner)
	for _, c := range []struct {
		name, method, path, body string
		header                   http.Header
	}{
		{"a repeated session", "POST", "/api/v1/ssh/collect/sessions/", `{}`, again(apiKey(s.secret("api")))},
		{"a refreshed login", "POST", "/v1/refresh-token", "", bearer(portal)},
	} {
		o := p.atOnce(racers, c.method, c.path, c.body, fixed(c.header))
		for i, reply := range o.good { // the address of the server is in it
			for _, address := range p.servers {
				reply = strings.ReplaceAll(reply, address, "")
			}
			o.good[i] = reply
		}
		slices.Sort(o.good)
		if different := slices.Compact(o.good); len(o.statuses) != 1 || len(different) != 1 {
			p.t.Errorf("%s: statuses %v, %d different answers", c.name, o.statuses, len(different))
		}
	}
	list := p.ask(http.MethodGet, "/api/v1/ssh/collect/sessions/", "", apiKey(s.secret("api")))
	if !strings.Contains(string(list), `"total":1,`) {
		p.t.Errorf("sessions = %s, want one", list)
	}
}

// wantAnAdministrator lets two administrators make each other ordinary at once:
// one stays.
func (p place) wantAnAdministrator() {
	p.t.Helper()
	const two = "accounts: [{login: root, name: Root Admin, email: root@example.org, roles: [admin], organizations: [acme]}, " +
		"{login: eve, roles: [admin], tokens: [{name: t, use: foreman, secret: patEve00000000000000000000000}]}]"
	for round := range 5 {
		p.apply(two)
		var all sync.WaitGroup
		var statuses [2]int
		for i, c := range []struct{ who, whom string }{{foremanAdmin, "eve"}, {"eve:patEve00000000000000000000000", "root"}} {
			all.Go(func() {
				ask := askerOf(p.t, p.servers[i%len(p.servers)])
				statuses[i], _, _ = ask(http.MethodPut, "/api/users/"+c.whom, `{"user": {"admin": false}}`, basic(c.who))
			})
		}
		all.Wait()
		admins := strings.Count(command(p.t, p.config, "", "account", "list", "--json"), `"admin"`)
		if admins != 1 || statuses[0] >= 500 || statuses[1] >= 500 {
			p.t.Errorf("round %d: answers %v leave %d administrators", round, statuses, admins)
		}
	}
}
