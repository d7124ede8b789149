package server_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/server"
)

// basic is a credential "login:secret" as RFC 7617 has it.
func basic(secret string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(secret))}}
}

const foremanAdmin = "root:patAdmin000000000000000000000"

var foremanDoor = door{
	credential: basic,
	secrets: map[string]string{
		"wrong": "ada:patWrong00000000000000000000", "owner": "ada:patOwner000000000000000000000",
		"other": "bob:patOther000000000000000000000", "support": "sam:patSupport0000000000000000000",
		"admin": foremanAdmin, "disabled": "dan:patDisabled000000000000000000", "expired": "ada:patExpired0000000000000000000",
	},
	make:   foremanObjects,
	absent: map[string]string{"user_id": "987654", "id": "987654"},
	bodies: map[string]string{
		"POST /api/users/{user_id}/ssh_keys": `{"ssh_key": {"name": "new", "key": "` + accessKey + `"}}`,
		"POST /api/users":                    `{"user": {"login": "new", "mail": "new@example.org", "password": "correct-horse-battery", "auth_source_id": 1}}`,
	},
}

// foremanID makes something by a request of the administrator, and gives its id.
func foremanID(t *testing.T, ask asker, path, body string) string {
	t.Helper()
	status, reply, _ := ask(http.MethodPost, path, body, basic(foremanAdmin))
	var made struct{ ID int }
	if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("POST %s %s = %d %s", path, body, status, reply)
	}
	return fmt.Sprint(made.ID)
}

// foremanObjects makes what the route is about: a key or a token of ada's, or a
// user of her organization and location.
func foremanObjects(t *testing.T, ask asker, route server.Route) map[string]string {
	t.Helper()
	const ada = "/api/users/1"
	parameters := map[string]string{"user_id": "1", "id": "1"}
	switch {
	case route.Method == http.MethodPost && strings.HasSuffix(route.Path, "/ssh_keys"):
		ask(http.MethodDelete, ada+"/ssh_keys/new", "", basic(foremanAdmin))
	case strings.Contains(route.Path, "/ssh_keys/"):
		parameters["id"] = foremanID(t, ask, ada+"/ssh_keys", `{"name": "laptop", "key": "`+newKey(t)+`"}`)
	case strings.Contains(route.Path, "/personal_access_tokens/"):
		parameters["id"] = foremanID(t, ask, ada+"/personal_access_tokens", `{"name": "`+newKey(t)+`"}`)
	case route.Method == http.MethodDelete:
		parameters["id"] = foremanID(t, ask, "/api/users", `{"login": "`+strings.ToLower(base64.RawURLEncoding.EncodeToString([]byte(newKey(t)[40:60])))+
			`", "password": "correct-horse-battery", "auth_source_id": 1, "organization_ids": [1], "location_ids": [1]}`)
	}
	return parameters
}

func newKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
