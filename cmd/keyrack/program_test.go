package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const testAPIKey = "0123456789abcdefghijklmnopqrstuv"

// onlyWorld is what most tests run on: ada, and a project whose proven keys
// become hers.
const onlyWorld = `
accounts: [{login: ada}]
projects:
  - {name: onboarding, adopt_keys: proven, prove_keys: true, api_keys: [{name: ci, secret: ` + testAPIKey + `}]}
`

// eachStore runs a test on both databases.
func eachStore(t *testing.T, test func(t *testing.T, p *program)) {
	t.Helper()
	t.Parallel()
	for store, url := range stores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			test(t, newProgram(t, url(t)))
		})
	}
}

// program runs keyrack on one store.
type program struct {
	t    testing.TB
	dir  string
	data string
	url  string // of PostgreSQL, empty for SQLite
	env  []string
}

func newProgram(t testing.TB, url string) *program {
	dir := t.TempDir()
	p := &program{t: t, dir: dir, data: filepath.Join(dir, "data"), url: url}
	p.env = append(os.Environ(), "KEYRACK_DATA_DIR="+p.data, "KEYRACK_DATABASE_URL="+url)
	if os.Getenv("GORACE") == "" {
		p.env = append(p.env, "GORACE=atexit_sleep_ms=0")
	}
	return p
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), "keyrack", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// run runs a command with the given standard input.
func (p *program) run(stdin string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, problems bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problems
	if _, exited := errors.AsType[*exec.ExitError](cmd.Run()); cmd.ProcessState == nil || !exited && !cmd.ProcessState.Success() {
		p.t.Fatalf("keyrack %q did not run: %s", args, problems.String())
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// must runs a command that has to succeed, and gives what it printed.
func (p *program) must(stdin string, args ...string) string {
	p.t.Helper()
	out, problems, code := p.run(stdin, args...)
	if code != 0 {
		p.t.Fatalf("keyrack %q = exit code %d: %s%s", args, code, out, problems)
	}
	return out
}

// list runs a list command and decodes what it prints.
func (p *program) list(into any, args ...string) {
	p.t.Helper()
	decode(p.t, p.must("", append(args, "--json")...), into)
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// server is a running `keyrack serve`.
type server struct {
	*process
	t    testing.TB
	HTTP string
	SSH  string
}

// serve runs the server and waits until it listens.
func (p *program) serve(args ...string) *server {
	p.t.Helper()
	ready := filepath.Join(p.dir, "ready")
	_ = os.Remove(ready) // of an earlier run
	flags := append([]string{"serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0", "--ready-file", ready}, args...)
	proc, err := start(p.command(flags...))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(proc.stop)
	text, err := proc.awaitFile(ready)
	if err != nil {
		p.t.Fatalf("serve: %v", err)
	}
	s := &server{process: proc, t: p.t}
	decode(p.t, string(text), s)
	return s
}

// client talks to servers that come and go.
var client = http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ask sends a request to the SSHVerify interface, below collect/sessions/.
func (s *server) ask(ctx context.Context, method, path, body string) (status int, reply string, err error) {
	address := "http://" + s.HTTP + "/api/v1/ssh/collect/sessions/" + path
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("X-Api-Key", testAPIKey)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// page reads a page that asks for no credential.
func (s *server) page(path string) (status int, text string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.HTTP+"/"+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// session is what the interface tells of one.
type session struct {
	ID          string
	Identifier  string `json:"connection_identifier"`
	ExternalID  string `json:"external_id"`
	Status      string
	Banner      string `json:"ssh_banner"`
	Connections []struct {
		Version string `json:"client_version"`
		Keys    []struct {
			SSH string `json:"public_key_ssh"`
		}
	}
}

// open makes a session.
func (s *server) open(body string) (made session) {
	s.t.Helper()
	status, reply, err := s.ask(s.t.Context(), http.MethodPost, "", body)
	if err != nil || status != http.StatusCreated {
		s.t.Fatalf("POST %s = %d, %s, %v", body, status, reply, err)
	}
	decode(s.t, reply, &made)
	return made
}

// get reads a session.
func (s *server) get(id string) (found session) {
	s.t.Helper()
	status, reply, err := s.ask(s.t.Context(), http.MethodGet, id+"/", "")
	if err != nil || status != http.StatusOK {
		s.t.Fatalf("GET %s = %d, %s, %v", id, status, reply, err)
	}
	decode(s.t, reply, &found)
	return found
}

// sshClient configures an SSH client for a session, with keys; any host key will do.
func sshClient(user string, keys ...ssh.Signer) *ssh.ClientConfig {
	nothing := func(string, string, []string, []bool) ([]string, error) { return nil, nil }
	return &ssh.ClientConfig{
		User: user, Timeout: 30 * time.Second,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(keys...), ssh.KeyboardInteractive(nothing)},
	}
}
