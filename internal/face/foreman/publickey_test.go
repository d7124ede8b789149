package foreman_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const ed25519Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKXRZ8atBKYpY6zsSJ5mWATox9nmF6duR6jGHQq/O0H"

func keyBody(t testing.TB, name, key any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"ssh_key": map[string]any{"name": name, "key": key}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The problems of a new key as the product tells them, exactly, all at once and
// in its order (observed by running its model).
func TestKeyProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(asBob, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, "first", ed25519Key), http.StatusCreated, "")
	const nothing = `"fingerprint":["could not be generated"],"length":["could not be calculated"]`
	const invalid = `"is not a valid public ssh key"`
	const form = `"must be in OpenSSH public key format"`
	for _, tt := range []struct{ name, body, errors string }{
		{"nothing", `{}`, `{"name":["can't be blank"],"key":["can't be blank",` + form + `],` + nothing + `}`},
		{"null", `{"ssh_key":null,"name":"x"}`, `{"name":["can't be blank"],"key":["can't be blank",` + form + `],` + nothing + `}`},
		{"a list", `{"ssh_key":[1]}`, `{"name":["can't be blank"],"key":["can't be blank",` + form + `],` + nothing + `}`},
		{"empty", keyBody(t, "", ""), `{"name":["can't be blank"],"key":["can't be blank",` + invalid + `,` + form + `],` + nothing + `}`},
		{"no key", keyBody(t, "x", "test"), `{"key":[` + invalid + `,` + form + `],` + nothing + `}`},
		{"no blob", keyBody(t, "x", "ssh-rsa 1234567"), `{"key":[` + invalid + `],"length":["could not be calculated"]}`},
		{"only a type", keyBody(t, "x", "ssh-rsa"), `{"key":[` + invalid + `],"length":["could not be calculated"]}`},
		{"unknown type", keyBody(t, "x", "ssh-foo AAAA"), `{"key":[` + invalid + `],` + nothing + `}`},
		{"hardware key", keyBody(t, "x", "sk-ssh-ed25519@openssh.com AAAA"), `{"key":[` + invalid + `,` + form + `],` + nothing + `}`},
		{"two keys", keyBody(t, "x", ed25519Key+"\n"+ed25519Key), `{"key":[` + invalid + `,` + form + `,"should be a single line"],` + nothing + `}`},
		{"private key", keyBody(t, "x", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA"), `{"key":[` + invalid + `,` + form + `,"should be a single line"],` + nothing + `}`},
		{"private in a comment", keyBody(t, "x", ed25519Key+" PRIVATE"), `{"key":[` + invalid + `],"length":["could not be calculated"]}`},
		{"stray bytes", keyBody(t, "x", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKXRZ8atBKYpY6zsSJ5mWATox9nmF6duR6jGHQq/O0HAA=="), `{"key":[` + invalid + `],"length":["could not be calculated"]}`},
		{"one number", keyBody(t, "x", "ssh-rsa AAAAB3NzaC1yc2EAAAABAw=="), `{"key":[` + invalid + `]}`},
		{"duplicate", keyBody(t, "x", ed25519Key+" other comment"), `{"fingerprint":["has already been taken"]}`},
		{"duplicate without a name", keyBody(t, " \u00a0", ed25519Key), `{"name":["can't be blank"],"fingerprint":["has already been taken"]}`},
		{"options", keyBody(t, "x", "no-pty "+ed25519Key), `{"key":[` + form + `],"fingerprint":["has already been taken"]}`},
		{"CR in the comment", keyBody(t, "x", ed25519Key+" a\rb"), `{"key":["should be a single line"],"fingerprint":["has already been taken"]}`},
		{"long name", keyBody(t, strings.Repeat("ä", 256), ed25519Key), `{"name":["is too long (maximum is 255 characters)"],"fingerprint":["has already been taken"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := w.do(asBob, http.MethodPost, "/api/users/5/ssh_keys", tt.body)
			var reply struct {
				Error struct {
					ID     *int64          `json:"id"`
					Errors json.RawMessage `json:"errors"`
				} `json:"error"`
			}
			if err := json.Unmarshal(got.Body.Bytes(), &reply); err != nil || got.Code != http.StatusUnprocessableEntity {
				t.Fatalf("create = %d %s", got.Code, got.Body)
			}
			if string(reply.Error.Errors) != tt.errors || reply.Error.ID != nil {
				t.Errorf("errors = %s\nwant %s", reply.Error.Errors, tt.errors)
			}
		})
	}
}

// Length and fingerprint of keys, observed by running the product's library.
func TestKeyVectors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		key, fingerprint string
		length           int
	}{
		{ed25519Key, "1LRjRyumcLxhNqyPyvh/a3NWnMMJ+Bli/7BXcNIZCt4=", 256},
		{"ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPigbd6opAMifZ7f6yYJMdOTGxkNNqvgQfrpfgoD/5LtvUdnKezOTc2PbzOLXL6XJbBcljRL0R5oi6f6d1Pay7KUrXnc5aH6YrzHGJnDzT0m5J89MqTWRJ6HgbbJqxI47g==", "8sbsk6c2ynKPZY222nphqMN+7PrDdvkKrYIY1sF/NJw=", 776},
		{"ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFW/lmcie2UVv+vPAB1kG+HMbLq13iIRyt4ufRXexGpNQrKepXPxrQgQcOiI7xfSdoo0rgnZ0CzjNC7CK172ROaWwE7QGykMEK8H4zMYLcSwmIAGKvpEfAUjoWJl/4fldxFwvy+4c9JoLb8Lg5Zwn8R0uDdkSFl912DaF66E2E9+dV4HA==", "7W1uojgtEs1oCN7PWWH+vPPoG7wkfFcfGMY6QqTAc2k=", 1064},
		{"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCjpeSEdlfWxzTXU9mqebGW1BMXohH4Ykyi/ehDv66jkYLbEAUAycCvJTXWwCX42vzPC1xsf0lQ2xiuA7UhoVxvehYH/V+l1oysYMgQUOByKFSNhMW9ZkUmFM5m3Jps+SfoSGOCCrIqFfTQBYHrxjO/PGloDmrSjjLhwjSTkKUyzw==", "sCytPzi1cWnwd9V5qZer6TKwPixbFwQGLrPcSYs3bZ8=", 1024},
		{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", "EQTF9qxnICCBZ2UFhel5lBcR+Z9quzBUD7IL+K+zvfs=", 248},
		{"ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEF", "fk1u4twhysC5rfoJieougkX22syNFUIgB2pmnFc5cws=", 8},
	} {
		got := w.do(asBob, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, "v", tt.key))
		var made struct {
			Length      int    `json:"length"`
			Fingerprint string `json:"fingerprint"`
		}
		if err := json.Unmarshal(got.Body.Bytes(), &made); err != nil || got.Code != http.StatusCreated {
			t.Fatalf("create %s = %d %s", tt.key, got.Code, got.Body)
		}
		if made.Length != tt.length || made.Fingerprint != tt.fingerprint {
			t.Errorf("%s: length %d, fingerprint %s, want %d, %s", tt.key, made.Length, made.Fingerprint, tt.length, tt.fingerprint)
		}
	}
}

// What the id of a path means, within the keys of one user.
func TestKeyLookUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := []string{
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKXRZ8atBKYpY6zsSJ5mWATox9nmF6duR6jGHQq/O0H",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
		"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIhRoL6PfBRs9YwW3r2/pYeLrxRzEZSUO3Go8JivxMsguEKjJ3byHDPvPpMHhKKSZD/HJY/A+2Ndqp0ElB+t2qs=",
	}
	for i, name := range []string{"user4@example.com", "1", "7-foo"} {
		w.want(asBob, http.MethodPost, "/api/users/5/ssh_keys", keyBody(t, name, keys[i]), http.StatusCreated, "")
	}
	w.want(asAdmin, http.MethodPost, "/api/users/4/ssh_keys", keyBody(t, "another's", keys[0]), http.StatusCreated, "")
	for text, want := range map[string]int{
		"1-user4example-com": 1, "1-": 1, "1-anything": 1, "user4@example.com": 1, "user4%40example.com": 1,
		"1": 2, "2": 2, "2.json": 2, "2abc": 2, "7-foo": 3, "3-7-foo": 3, "03": 3,
		"4": 0, "4-another's": 0, "another's": 0, "7": 0, "0": 0, "-1": 0, "foo": 0, "99999999999999999999": 0, "%20": 0,
	} {
		got := w.do(asBob, http.MethodGet, "/api/users/5/ssh_keys/"+text, "")
		var found struct{ ID int }
		_ = json.Unmarshal(got.Body.Bytes(), &found)
		if wantCode := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[want != 0]; got.Code != wantCode || found.ID != want {
			t.Errorf("GET key %s = %d, id %d, want %d, id %d", text, got.Code, found.ID, wantCode, want)
		}
	}
}
