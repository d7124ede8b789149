package server_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyrack/internal/cli"
	"keyrack/internal/config"
	"keyrack/internal/server"
	"keyrack/internal/store/storetest"
)

var update = flag.Bool("update", false, "write access.csv as the server behaves, to be reviewed")

// actors are the columns of access.csv: who asks.
var actors = []string{
	"stranger", // nobody: no credential
	"wrong",    // who has one that is nobody's
	"foreign",  // who has a good one of each other face
	"owner",    // whom the object belongs to, without any role
	"absent",   // the same, asking for what is not there
	"other",    // somebody of another project, organization or tenant, without any role
	"support",  // who may read everything
	"admin",    // who may do everything
	"disabled", // whose account is disabled
	"expired",  // whose credential is over
}

// refused are those who must get nothing, wherever credentials are asked for.
var refused = []string{"stranger", "wrong", "foreign", "disabled", "expired"}

// A door is how the matrix goes into one face: with what in the hand, and to
// which objects. A new face is a new door, and new rows in access.csv.
type door struct {
	// credential is how the face takes the secret of an actor; secrets are
	// those of its own, missing where the face knows no such actor.
	credential func(secret string) http.Header
	secrets    map[string]string
	// login gets a credential for a secret, where the secret is none itself.
	login func(ask asker, secret string) string
	// make makes objects of the owner's, anew, and gives the parameters of
	// the route that lead to them. absent are parameters that lead nowhere.
	make   func(t *testing.T, ask asker, route server.Route) map[string]string
	absent map[string]string
	// bodies are sent, by "METHOD path"; a route that is not named is sent {}.
	bodies map[string]string
	// broken are routes, by "METHOD path", that the product answers with 500
	// whoever is let in.
	broken []string
	// tells: the product itself tells what is hidden from what is not there.
	tells bool
}

// asker sends a request to the running server and gives its answer.
type asker func(method, path, body string, header http.Header) (status int, reply []byte, got http.Header)

// TestAccess asks the running server for every route as every actor, and holds
// the answers to access.csv, on both databases. A route that is not in the file
// fails, as does a line without a route.
func TestAccess(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		holdAccess(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		holdAccess(t, storetest.PostgresURL(t))
	})
}

func holdAccess(t *testing.T, database string) {
	c, address := serve(t, database, accessWorld+accessApplications)
	routes, err := server.Routes(c)
	if err != nil {
		t.Fatal(err)
	}
	ask := askerOf(t, address)
	got := [][]string{append([]string{"face", "method", "path", "needs"}, actors...)}
	for _, route := range routes {
		row := []string{route.Face, route.Method, route.Path, route.Needs}
		got = append(got, append(row, statuses(t, ask, route)...))
		if route.Needs == "" {
			t.Errorf("%s %s: access.csv must say who may, or why everybody", route.Method, route.Path)
		}
	}
	if *update && database == "" {
		writeAccess(t, got)
		return
	}
	compareAccess(t, readAccess(t), got)
}

// statuses are what one route answers to each actor.
func statuses(t *testing.T, ask asker, route server.Route) []string {
	d, known := doors[route.Face]
	if !known {
		t.Fatalf("there is no door to face %s", route.Face)
	}
	var row []string
	first := map[string]answer{}
	for _, actor := range actors {
		var all []string
		for i, header := range d.headers(ask, route.Face, actor) {
			a := d.visit(t, ask, route, actor, header)
			if a.status < 400 && !route.Public && slices.Contains(refused, actor) ||
				a.status >= 500 && !slices.Contains(d.broken, route.Method+" "+route.Path) {
				t.Errorf("%s %s for %s = %d %s", route.Method, route.Path, actor, a.status, a.reply)
			}
			if i == 0 {
				first[actor] = a
			}
			all = append(all, strconv.Itoa(a.status))
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) == 0 {
			all = []string{"-"}
		}
		row = append(row, strings.Join(all, " "))
	}
	if other, absent := first["other"], first["absent"]; other.status >= 400 && parameter.MatchString(route.Path) && other != absent && !d.tells {
		t.Errorf("%s %s tells what is hidden (%d %s) from what is not there (%d %s)",
			route.Method, route.Path, other.status, other.reply, absent.status, absent.reply)
	}
	return row
}

// answer is what was answered, without the values of parameters.
type answer struct {
	status int
	reply  string
}

// headers are the credentials that an actor comes with; none where the face
// knows no such actor.
func (d door) headers(ask asker, face, actor string) []http.Header {
	switch actor {
	case "stranger":
		return []http.Header{{}}
	case "absent":
		actor = "owner"
	case "foreign":
		var all []http.Header
		for name, other := range doors {
			if name != face && other.credential != nil && !asksAnother(face, name) {
				secret := other.secret(ask, "owner")
				all = append(all, other.credential(secret))
				if d.credential != nil {
					all = append(all, d.credential(secret))
				}
			}
		}
		return all
	}
	if _, ok := d.secrets[actor]; ok {
		return []http.Header{d.credential(d.secret(ask, actor))}
	}
	return nil
}

// secret is an actor's secret, or what it got for it.
func (d door) secret(ask asker, actor string) string {
	if d.login == nil {
		return d.secrets[actor]
	}
	return d.login(ask, d.secrets[actor])
}

// asksAnother tells whether a credential of the other face makes the request
// one to that face: Foreman and Waldur share /api, and the scheme decides. What
// each then answers stands in its own rows.
func asksAnother(face, other string) bool {
	return face == "foreman" && (other == "waldur" || other == "raidboxes" || other == "native" || other == "senhasegura") ||
		face == "waldur" && other == "foreman"
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

func (d door) visit(t *testing.T, ask asker, route server.Route, actor string, header http.Header) answer {
	t.Helper()
	parameters := d.absent
	if actor != "absent" && d.make != nil && (parameter.MatchString(route.Path) || actor == "other" && !route.Public) {
		parameters = d.make(t, ask, route)
	}
	hide := []string{}
	path := parameter.ReplaceAllStringFunc(route.Path, func(name string) string {
		value, ok := parameters[strings.Trim(name, "{}")]
		if !ok {
			t.Errorf("%s %s: the door gives no %s", route.Method, route.Path, name)
		}
		hide = append(hide, value, name)
		return value
	})
	body, given := d.bodies[route.Method+" "+route.Path]
	if writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch}; !given && slices.Contains(writes, route.Method) {
		body = "{}"
	}
	status, reply, _ := ask(route.Method, path, body, header)
	if len(hide) == 0 && actor == "other" {
		for name, value := range parameters {
			if len(value) > 5 && bytes.Contains(reply, []byte(value)) {
				t.Errorf("%s %s shows another's %s %s", route.Method, route.Path, name, value)
			}
		}
	}
	return answer{status, volatile.ReplaceAllString(strings.NewReplacer(hide...).Replace(string(reply)), "")}
}

// volatile is what an error says of its own request.
var volatile = regexp.MustCompile(`"(timestamp|request_id)":"[^"]*"`)

// serve runs a server with the world of an apply file until the test ends.
func serve(t *testing.T, database, world string) (config.Config, string) {
	t.Helper()
	c := prepared(t, database, world)
	return c, run(t, c).HTTP
}

// serveAll serves all there is, to a caller of each kind, and tells by which routes.
func serveAll(t *testing.T) (c config.Config, address string, routes []server.Route) {
	t.Helper()
	c, address = serve(t, "", accessWorld+accessApplications)
	routes, err := server.Routes(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, address, routes
}

// prepared makes the world of an apply file, and gives the configuration of
// servers over it.
func prepared(t *testing.T, database, world string) config.Config {
	t.Helper()
	c, err := config.Load("", func(string) string { return "" }, config.Flags{
		DataDir: t.TempDir(), DatabaseURL: database, HTTPAddr: "127.0.0.1:0", SSHAddr: "127.0.0.1:0",
	})
	if err != nil {
		t.Fatal(err)
	}
	// All actors come from one address.
	c.Faces.Raidboxes.LoginsPerMinute, c.Faces.Raidboxes.RequestsPerMinute, c.Faces.Raidboxes.CreatesPerMinute = 10_000, 10_000, 10_000
	c.Faces.Foreman.LoginFailures, c.Faces.SSHVerify.RequestsPerMinute = 0, 1_000_000
	apply(t, c, world)
	return c
}

// apply makes the store match a file, beside the servers that run on it.
func apply(t *testing.T, c config.Config, world string) {
	t.Helper()
	command(t, c, world, "apply", "-f", "-")
}

// command runs a command that has to succeed, and gives what it printed.
func command(t *testing.T, c config.Config, stdin string, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	env := cli.Env{
		Program: "keyrack", Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" },
		Args: append(args, "--data-dir", c.DataDir, "--database-url", c.DatabaseURL.Reveal()),
	}
	if code := cli.Main(t.Context(), env); code != 0 {
		t.Fatalf("keyrack %s: exit %d: %s", strings.Join(args, " "), code, &said)
	}
	return out.String()
}

// run runs a server until the test ends. On PostgreSQL there may be several.
func run(t *testing.T, c config.Config) server.Running {
	t.Helper()
	return logged(t, c, discard)
}

// logged is run with a log.
func logged(t *testing.T, c config.Config, log *slog.Logger) server.Running {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan server.Running, 1), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, server.Options{
			Config: c, Log: log, Stderr: io.Discard, Ready: func(r server.Running) { ready <- r },
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case r := <-ready:
		return r
	case err := <-done:
		done <- err
		t.Fatalf("serve: %v", err)
	}
	panic("unreachable")
}

func askerOf(t *testing.T, address string) asker {
	client := &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return func(method, path, body string, header http.Header) (int, []byte, http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header.Clone()
		if body != "" && r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Body.Close() }()
		reply, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.StatusCode, reply, w.Header
	}
}

func compareAccess(t *testing.T, want, got [][]string) {
	t.Helper()
	expected := map[string][]string{}
	for _, row := range want {
		expected[strings.Join(row[:3], " ")] = row
	}
	for _, row := range got {
		name := strings.Join(row[:3], " ")
		before, listed := expected[name]
		delete(expected, name)
		if !listed {
			t.Errorf("%s is not in access.csv: %s", name, strings.Join(row[4:], ","))
			continue
		}
		for i := 4; i < len(row); i++ {
			if i >= len(before) || before[i] != row[i] {
				t.Errorf("%s for %s = %s, want %s", name, got[0][i], row[i], strings.Join(before[min(i, len(before)):min(i+1, len(before))], ""))
			}
		}
	}
	for name := range expected {
		t.Errorf("access.csv has %s, which the server has not", name)
	}
}

const accessFile = "access.csv"

func readAccess(t *testing.T) [][]string {
	t.Helper()
	data, err := os.ReadFile(accessFile)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func writeAccess(t *testing.T, rows [][]string) {
	t.Helper()
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(accessFile, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Log(accessFile, "is written")
}
