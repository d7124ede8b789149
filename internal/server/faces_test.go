package server_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// One store, three spellings: a key that one face takes is there in the others
// with its fields as they have them, and gone from all at once.
func TestOneKeyInEveryFace(t *testing.T) {
	t.Parallel()
	_, address := serve(t, "", accessWorld)
	ask := askerOf(t, address)
	foremanHas := basic("ada:patOwner000000000000000000000")
	waldurHas := token(waldurOwner)
	raidboxesHas := bearer(raidboxesToken(ask, raidboxesOwner))
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKXRZ8atBKYpY6zsSJ5mWATox9nmF6duR6jGHQq/O0H me@x"
	holds := func(path string, header http.Header, wants ...string) {
		t.Helper()
		status, reply, _ := ask(http.MethodGet, path, "", header)
		for _, want := range wants {
			if status != http.StatusOK || !bytes.Contains(reply, []byte(want)) {
				t.Errorf("GET %s = %d %s, want %s", path, status, reply, want)
			}
		}
	}
	shown := func(name string) {
		t.Helper()
		holds("/api/users/1/ssh_keys", foremanHas, `"name":"`+name+`"`, `"length":256`, `"fingerprint":"1LRjRyumcLxhNqyPyvh/a3NWnMMJ+Bli/7BXcNIZCt4="`)
		holds("/api/keys/", waldurHas, `"name":"`+name+`"`, `"fingerprint_sha256":"SHA256:1LRjRyumcLxhNqyPyvh/a3NWnMMJ+Bli/7BXcNIZCt4"`, `"fingerprint_md5":"`)
		holds("/v1/ssh-keys", raidboxesHas, name, `"fingerprint":"`)
	}
	for _, tt := range []struct {
		name, path, body string
		header           http.Header
	}{
		{"by-foreman", "/api/users/1/ssh_keys", `{"ssh_key": {"name": "by-foreman", "key": "` + key + `"}}`, foremanHas},
		{"by-waldur", "/api/keys/", `{"name": "by-waldur", "public_key": "` + key + `"}`, waldurHas},
		{"by-raidboxes", "/v1/ssh-keys", `{"title": "by-raidboxes", "key": "` + key + `"}`, raidboxesHas},
	} {
		if status, reply, _ := ask(http.MethodPost, tt.path, tt.body, tt.header); status != http.StatusCreated {
			t.Fatalf("POST %s %s = %d %s", tt.path, tt.body, status, reply)
		}
		shown(tt.name)
		if status, reply, _ := ask(http.MethodDelete, "/api/users/1/ssh_keys/"+tt.name, "", foremanHas); status != http.StatusOK {
			t.Fatalf("DELETE %s = %d %s", tt.name, status, reply)
		}
		for path, header := range map[string]http.Header{"/api/keys/": waldurHas, "/v1/ssh-keys": raidboxesHas, "/api/users/1/ssh_keys": foremanHas} {
			if _, reply, _ := ask(http.MethodGet, path, "", header); bytes.Contains(reply, []byte(tt.name)) {
				t.Errorf("GET %s still shows the removed key: %s", path, reply)
			}
		}
	}
}

// playbook is what an operator of Foreman writes: the modules and apypie in them
// are those of the collection, unmodified.
const playbook = `
- hosts: localhost
  gather_facts: false
  connection: local
  module_defaults:
    group/theforeman.foreman.foreman:
      {server_url: "http://ADDRESS//", username: root, password: patAdmin000000000000000000000, validate_certs: false}
  vars:
    carl: {name: carl, firstname: Carl, mail: carl@example.org, auth_source: Internal,
      organizations: [acme], locations: [berlin], roles: [Viewer], timezone: Berlin, user_password: correct-horse-battery}
  tasks:
    - theforeman.foreman.status_info: {}
      register: it
    - assert: {that: [it.status.version == "3.13.0", it.ping.results.foreman.database.active]}
    - theforeman.foreman.user: "{{ carl }}"
      register: it
    - assert: {that: [it.changed]}
    - theforeman.foreman.user: "{{ carl | dict2items | rejectattr('key', 'equalto', 'user_password') | items2dict }}"
      register: it
    - assert: {that: [not it.changed]}
    - theforeman.foreman.resource_info: {resource: ssh_keys, params: {user_id: 1}}
      register: it
    - assert: {that: ["it.resources[0].name == 'laptop'", "it.resources[0].length == 256"]}
    - theforeman.foreman.resource_info: {resource: users, search: 'login ^ (carl, ada) and not firstname = Ada'}
      register: it
    - assert: {that: ["it.resources | length == 1", "it.resources[0].login == 'carl'"]}
    - theforeman.foreman.user: {name: carl, state: absent}
      register: it
    - assert: {that: [it.changed]}
`

// The Ansible collection of Foreman, with the apypie that it brings, as Debian has it.
func TestAnsibleCollection(t *testing.T) {
	t.Parallel()
	const program = "/usr/bin/ansible-playbook"
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("REQUIRE_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("needs ansible with the collection theforeman.foreman: ", err)
	}
	_, address := serve(t, "", accessWorld)
	ask := askerOf(t, address)
	body := `{"name": "laptop", "key": "` + newKey(t) + `"}`
	foremanID(t, ask, "/api/users/1/ssh_keys", body)
	dir := t.TempDir()
	file := filepath.Join(dir, "play.yml")
	if err := os.WriteFile(file, []byte(strings.Replace(playbook, "ADDRESS", address, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3", file)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C.UTF-8", "NO_PROXY=127.0.0.1"}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("ansible-playbook: %v\n%s", err, said)
	}
}
