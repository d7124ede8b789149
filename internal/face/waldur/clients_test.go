package waldur_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/store"
	"keyrack/internal/store/storetest"
)

// The Python client walks all pages: page_size=100, of rel="next" the page
// alone, UUIDs with dashes; the Ansible module writes token in lower case.
func TestPythonClientReadsAThousandKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := core.AccountID(12)
	for i := range 1000 {
		if _, err := w.Core.AddKey(t.Context(), operator, core.NewKey{Owner: owner, Name: fmt.Sprintf("key %04d", 999-i), Text: edKey}); err != nil {
			t.Fatal(err)
		}
	}
	next := regexp.MustCompile(`<([^>]*)>; rel="next"`)
	query := url.Values{"user_uuid": {mariaUUID}, "page_size": {"100"}, "field": {"uuid", "name"}}
	var got []string
	for page := "1"; page != ""; {
		query.Set("page", page)
		reply := w.send(t, "", http.MethodGet, "/api/keys/?"+query.Encode(), "", "Authorization", "token "+maria)
		var keys []struct{ UUID, Name string }
		if err := json.Unmarshal(reply.Body.Bytes(), &keys); err != nil || reply.Code != http.StatusOK || len(keys) != 100 {
			t.Fatalf("page %s = %d with %d keys, %v", page, reply.Code, len(keys), err)
		}
		for _, k := range keys {
			got = append(got, k.Name)
		}
		if id := uuid.MustParse(keys[0].UUID); page == "3" {
			one := w.send(t, maria, http.MethodGet, "/api/keys/"+id.String()+"/?field=name", "")
			if want := `{"name":"` + keys[0].Name + `"}`; one.Body.String() != want {
				t.Errorf("key by a dashed UUID = %s, want %s", one.Body, want)
			}
		}
		page = ""
		if found := next.FindStringSubmatch(reply.Header().Get("Link")); found != nil {
			at, err := url.Parse(found[1])
			if err != nil {
				t.Fatal(err)
			}
			page = at.Query().Get("page")
		}
	}
	if len(got) != 1000 || !slices.IsSorted(got) || got[0] != "key 0000" || got[999] != "key 0999" {
		t.Errorf("%d keys from %s to %s, want all 1000 in order", len(got), got[0], got[len(got)-1])
	}
}

// Of many who take one name at once, one gets it.
func TestRaceForAName(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		codes := make([]string, 50)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				reply := w.send(t, maria, http.MethodPost, "/api/keys/", `{"name":"laptop","public_key":"`+edKey+`"}`)
				codes[i] = fmt.Sprint(reply.Code)
				if reply.Code != http.StatusCreated {
					codes[i] += " " + reply.Body.String()
				}
			})
		}
		all.Wait()
		slices.Sort(codes)
		if codes[0] != "201" || codes[1] != `400 {"name":["This field must be unique."]}` || codes[49] != codes[1] {
			t.Errorf("50 at once = %q, want one 201 and 49 times 400", codes)
		}
	})
}

// The document has the operations that are served, and says no more.
func TestSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := w.send(t, "", http.MethodGet, "/api/schema/?format=json", "")
	document, err := openapi3.NewLoader().LoadFromData(reply.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if yaml := w.send(t, "", http.MethodGet, "/api/schema/", ""); !strings.HasPrefix(yaml.Body.String(), "openapi: 3.0.3\n") {
		t.Errorf("without format = %.40s, want YAML", yaml.Body)
	}
	served := map[string]bool{"HEAD /api/keys/": true, "GET /api/users/me/": true}
	for _, route := range w.face.Routes() {
		if route.Method != http.MethodOptions {
			served[route.Method+" "+route.Path] = true
		}
	}
	ids := map[string]bool{}
	for path, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			if !served[method+" "+path] {
				t.Errorf("%s %s is described and not served", method, path)
			}
			delete(served, method+" "+path)
			ids[op.OperationID] = true
		}
	}
	for route := range served {
		t.Errorf("%s is served and not described", route)
	}
	for _, id := range []string{"keys_list", "keys_count", "keys_create", "keys_retrieve", "keys_destroy", "keys_history_list", "keys_history_at_retrieve"} {
		if !ids[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	const page = "https://portal.example.org"
	w := newWorld(t, withOrigins(page))
	ask := func(origin string) http.Header {
		reply := w.send(t, "", http.MethodOptions, "/api/keys/x/", "", "Origin", origin, "Access-Control-Request-Method", "DELETE")
		if reply.Code != http.StatusOK || reply.Body.Len() != 0 || reply.Header().Get("Content-Length") != "0" {
			t.Errorf("preflight = %d %q, want an empty 200", reply.Code, reply.Body)
		}
		return reply.Header()
	}
	if h := ask(page); h.Get("Access-Control-Allow-Origin") != page || h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" {
		t.Errorf("headers for a known page = %v", h)
	}
	if h := ask("https://evil.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers for another page = %v, want none", h)
	}
	if h := w.send(t, maria, http.MethodGet, "/api/keys/", "", "Origin", page).Header(); h.Get("Access-Control-Expose-Headers") != "X-Result-Count, Link" {
		t.Errorf("headers of a list = %v, want the counts readable", h)
	}
}

// FuzzRequests sends bodies and queries of strangers: whatever they are, the
// reply is one of those that are documented, and JSON.
func FuzzRequests(f *testing.F) {
	f.Add("application/json", `{"name":"a","public_key":"`+edKey+`"}`, "name=a&created=2026-01-01&o=-name&page=last")
	f.Add("application/x-www-form-urlencoded", "name=%zz&public_key=%00", "uuid=%ff&field=name&page_size=-1")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--x--", "fingerprint_md5=aa:bb")
	f.Add("application/json", `[1e999,"\ud800"]`, "created_after=20260101T101010&timestamp=2026-01-01T00:00:00 02:00")
	w := newWorld(f)
	id := w.key(f, maria, "laptop", edKey)
	documented := []int{200, 201, 400, 404, 413, 415}
	f.Fuzz(func(t *testing.T, media, body, query string) {
		for _, path := range []string{"/api/keys/", "/api/keys/" + id + "/", "/api/keys/" + id + "/history/", "/api/keys/" + id + "/history/at/", "/api/users/"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if method == http.MethodPost && path != "/api/keys/" {
					continue
				}
				r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
				r.URL.RawQuery = query
				r.Header["Authorization"] = []string{"Token " + sam}
				r.Header["Content-Type"] = []string{media}
				reply := httptest.NewRecorder()
				w.face.ServeHTTP(reply, r)
				if !slices.Contains(documented, reply.Code) || !json.Valid(reply.Body.Bytes()) {
					t.Errorf("%s %s?%q with %q %q = %d %s", method, path, query, media, body, reply.Code, reply.Body)
				}
			}
		}
	})
}
