package waldur_test

import (
	"net/http"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face/waldur"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(key string) row {
		return row{token: maria, method: http.MethodPost, target: "/api/keys/", body: `{"name":"a","public_key":"` + key + `"}`, status: 400}
	}
	set := func(text string) {
		t.Helper()
		w.Apply(t, core.Desired{Settings: map[string]string{waldur.Section: text}})
	}

	set(`{"allowed_types":["ssh-rsa"],"min_rsa_bits":1024}`)
	typed := post(edKey)
	typed.reply = `{"public_key":["Key type 'ssh-ed25519' is not allowed. Allowed types: ssh-rsa."]}`
	w.hold(t, map[string]row{"type that is not listed": typed})
	if got := w.send(t, maria, http.MethodPost, "/api/keys/", post(rsaKey).body); got.Code != http.StatusCreated {
		t.Errorf("RSA of 1024 bits where that will do = %d %s, want 201", got.Code, got.Body)
	}
	config := w.send(t, "", http.MethodGet, "/api/configuration/", "").Body.String()
	if want := `"SSH_KEY_ALLOWED_TYPES":["ssh-rsa"],"SSH_KEY_MIN_RSA_KEY_SIZE":1024`; !strings.Contains(config, want) {
		t.Errorf("configuration = %s, want it to say %s", config, want)
	}

	set(`{"allowed_types":[],"min_rsa_bits":0}`)
	anything := strings.Replace(post(dsaKey).body, `"a"`, `"b"`, 1)
	if got := w.send(t, maria, http.MethodPost, "/api/keys/", anything); got.Code != http.StatusCreated {
		t.Errorf("DSA where all types are taken = %d %s, want 201", got.Code, got.Body)
	}
	for _, text := range []string{`[]`, `{"allowed_types":"ssh-rsa"}`, `{"allowed_types":["ssh-foo"]}`, `{"min_rsa_bits":-1}`, `{"min_rsa_bits":16385}`, `{"min_bits":1}`} {
		if err := waldur.CheckSettings(text); err == nil {
			t.Errorf("CheckSettings(%s) = nil, want an error", text)
		}
	}
}

// OPTIONS tells what a view takes, to those who are signed in.
func TestOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const media = `"renders":["application/json","text/html"],"parses":["application/json","application/x-www-form-urlencoded","multipart/form-data"]`
	w.hold(t, map[string]row{
		"one key": {
			token: maria, method: http.MethodOptions, target: "/api/keys/x/", status: 200,
			reply: `{"name":"Ssh Key Instance","description":"",` + media + `}`,
		},
		"stranger": {method: http.MethodOptions, target: "/api/keys/", status: 401, reply: said("Authentication credentials were not provided.")},
	})
	list := w.send(t, maria, http.MethodOptions, "/api/keys/", "").Body.String()
	for _, want := range []string{
		`{"name":"Ssh Key List","description":"",` + media + `,"actions":{"POST":{"url":{"type":"field","required":false,"read_only":true,"label":"Url"}`,
		`"name":{"type":"string","required":false,"read_only":false,"label":"Name","max_length":150}`,
		`"public_key":{"type":"string","required":true,"read_only":false,"label":"Public key","max_length":2000}`,
	} {
		if !strings.Contains(list, want) {
			t.Errorf("OPTIONS of the list = %s, want it to have %s", list, want)
		}
	}
}
