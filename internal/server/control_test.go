package server_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"keyrack/internal/cli"
	"keyrack/internal/server"
)

// controls are texts that a terminal, a log reader or a person would take for
// something else than text. c4 marks them.
func controls() []string {
	all := []string{
		"c4\x1b[31m", "c4\x1b]0;title\x07", "c4\x1b]52;c;ZXZpbA==\x07", "c4\x1b]8;;https://evil.example.org\x1b\\link", "c4\x1bPdcs\x1b\\",
		"c4\u009b31m", "c4\u009d0;t\u009c", "c4\u0085next", "c4\x7fdel", "c4\x00nul", "c4\nlevel=ERROR msg=forged", "c4\r\nSet-Cookie: c4=1",
		"c4\rover", "c4\x08\x08\x08", "c4\u2028line", "c4\u2029paragraph", "c4\ufeffmark", "c4\u200bzero", "c4\u00adsoft", "c4\U000e0041tag",
		"c4\xff\xfe", "c4\xc2", "c4\xed\xa0\x80", "c4\x9b31m", "c4" + strings.Repeat("\x1b[A", 200),
	}
	for _, r := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c" {
		all = append(all, "c4"+string(r)+"gnp.exe")
	}
	for r := range rune(0x20) {
		all = append(all, "c4"+string(r)+"z")
	}
	for r := rune(0x80); r < 0xa0; r++ {
		all = append(all, "c4"+string(r)+"z")
	}
	return all
}

// raw finds what none of them may leave in a text for people: all controls but
// the ends of lines and tabs, and what turns the direction of writing.
var raw = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f]|[\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

// lists are all commands that print what is stored.
var lists = []string{
	"account list", "application list", "audit list", "device list", "key list", "project list", "session list", "vault list", "vault policies",
	"webhook deliveries", "account show ada", "application show deploy", "token list ada", "apikey list onboarding",
}

// buffer is a log that several write to.
type buffer struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

// Write keeps a part of the log.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestNoControlCharacters puts each of them into each text that each route of
// each face takes, into credentials, headers, paths and SSH's own texts. None
// comes out raw: not in the log of either form, nor on a terminal, nor in what
// hosts and clients are answered.
func TestNoControlCharacters(t *testing.T) {
	t.Parallel()
	c := prepared(t, "", accessWorld+accessApplications)
	texts, objects := &buffer{}, &buffer{}
	as := func(format string, b *buffer) slog.Handler {
		c := c
		c.Log.Format, c.Log.Level = format, slog.LevelDebug
		return cli.ServerLog(b, c).Handler()
	}
	log := slog.New(slog.NewMultiHandler(as("text", texts), as("json", objects)))
	running := logged(t, c, log)
	routes, err := server.Routes(c)
	if err != nil {
		t.Fatal(err)
	}
	f := &fielder{t: t, ask: askerOf(t, running.HTTP)}
	for _, route := range routes {
		f.control(route, running.HTTP)
	}
	controlSSH(t, running.SSH)
	for _, list := range lists {
		for _, form := range []string{"table", "json", "yaml", "csv", "name"} {
			out := command(t, c, "", append(strings.Fields(list), "-o", form)...)
			if at := raw.FindStringIndex(out); at != nil {
				t.Errorf("keyrack %s -o %s prints %q", list, form, out[max(0, at[0]-60):min(len(out), at[1]+20)])
			}
		}
	}
	for name, written := range map[string]*buffer{"text": texts, "JSON": objects} {
		for line := range strings.Lines(written.String()) {
			if raw.MatchString(line) || strings.HasPrefix(line, "level=ERROR msg=forged") {
				t.Errorf("the log has as %s: %q", name, line)
			}
		}
	}
	if !strings.Contains(command(t, c, "", "key", "list", "--json"), "c4") {
		t.Error("none of them was stored, which shows nothing")
	}
}

// control sends them to a route, in every text of its body in turn, and in the
// places that all requests have.
func (f *fielder) control(route server.Route, address string) {
	f.t.Helper()
	d := doors[route.Face]
	if route.Public || d.credential == nil || strings.Contains(route.Path, "logout") {
		return
	}
	owner := d.headers(f.ask, route.Face, "owner")[0]
	writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch}
	for i, text := range controls() {
		body := ""
		if slices.Contains(writes, route.Method) {
			body = f.withControl(route, i, text)
		}
		if body == "" && i > 0 {
			return // once is enough where it is the same
		}
		header := owner.Clone()
		for _, name := range []string{"User-Agent", "X-Request-Id", "Referer", "Accept-Language", "X-Forwarded-For"} {
			header.Set(name, "c4\u009b31m\u202e") // more does not pass as a header
		}
		path := parameter.ReplaceAllLiteralString(route.Path, "1")
		f.wantClean(route, path+"?search=c4%1b%5b31m&name=c4%c2%9b&limit=c4%e2%80%ae", body, header, address)
	}
	for _, wrong := range []http.Header{basic("c4\x1b[31m\u202e:x"), apiKey("c4\u009b31m"), token("c4\u009b"), bearer("c4\u202e")} {
		f.wantClean(route, parameter.ReplaceAllLiteralString(route.Path, "c4%1b%5b31m"), "{}", wrong, address)
	}
}

// withControl is a good body whose i-th text, counted round, is another.
func (f *fielder) withControl(route server.Route, i int, text string) string {
	f.t.Helper()
	d := doors[route.Face]
	f.serial++
	good, given := fieldBodies[route.Face+" "+route.Method+" "+route.Path]
	if !given {
		good = d.bodies[route.Method+" "+route.Path]
	}
	good = strings.NewReplacer("nN", fmt.Sprintf("n%06d", f.serial), "KEY", newKey(f.t)+" comment").Replace(good)
	var body map[string]any
	if json.Unmarshal([]byte(good), &body) != nil {
		return ""
	}
	var set []func()
	texts(body, text, &set)
	if len(set) == 0 {
		return ""
	}
	set[i%len(set)]()
	sent, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(sent)
}

// texts gathers for each text of a value what adds another to it.
func texts(value any, text string, set *[]func()) {
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if was, ok := object[name].(string); ok {
			*set = append(*set, func() { object[name] = was + text })
		}
		texts(object[name], text, set)
	}
}

func (f *fielder) wantClean(route server.Route, path, body string, header http.Header, address string) {
	f.t.Helper()
	status, reply, got := send(f.t, address, route.Method, path, body, header)
	// JSON escapes the first 32; the rest is text to it, and its reader's to show.
	if status >= 500 && !slices.Contains(doors[route.Face].broken, route.Method+" "+route.Path) || strings.ContainsFunc(string(reply), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' && r != '\r'
	}) {
		f.t.Errorf("%s %s %.100q = %d %.200q", route.Method, route.Path, body, status, reply)
	}
	for name, values := range got {
		if name == "Set-Cookie" && strings.Contains(values[0], "c4=1") || raw.MatchString(strings.Join(values, "")) {
			f.t.Errorf("%s %s answers %s: %q", route.Method, route.Path, name, values)
		}
	}
}

// controlSSH sends them as user names and as what a client calls itself.
func controlSSH(t *testing.T, address string) {
	t.Helper()
	for _, text := range controls() {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		config := &ssh.ClientConfig{
			User: text, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
			BannerCallback: func(text string) error { said += text; return nil },
		}
		if printable := regexp.MustCompile(`^[ -~\x80-\xff]*$`); printable.MatchString(text) {
			config.ClientVersion = "SSH-2.0-" + text
		}
		_, _, _, err = ssh.NewClientConn(conn, address, config)
		if err == nil || raw.MatchString(said) {
			t.Errorf("user %q: %v, and is told %q", text, err, said)
		}
		_ = conn.Close()
	}
}
