package facetest

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// World is what a recording is played in.
type World struct {
	Handler http.Handler
	// Vars are values that the recording names. What Do adds is known from then on.
	Vars map[string]string
	// Exact holds JSON to the order of its members too, where a product's clients
	// may see it. White space in recordings does not count.
	Exact bool
	// Do are things that happen between exchanges, by the name they have in the
	// recording. They are given the text that stands below it.
	Do map[string]func(t *testing.T, text string)
}

// Run plays every recording that the glob pattern matches, each in a world of
// its own.
func Run(t *testing.T, pattern string, world func(t *testing.T) World) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(%q) = %v, %v; want recordings", pattern, files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			recording, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &player{World: world(t), bound: map[string]string{}}
			p.know()
			for _, f := range recording.Files {
				p.play(t, f.Name, string(f.Data))
			}
		})
	}
}

// player plays one recording.
type player struct {
	World
	bound   map[string]string // the values of names
	request string            // the last one, for failure messages
	reply   *httptest.ResponseRecorder
}

// know takes the values that the world has a name for, also those it has given
// one in the meantime.
func (p *player) know() {
	for name, value := range p.Vars {
		p.bound[name] = value
	}
}

func (p *player) play(t *testing.T, name, text string) {
	t.Helper()
	verb, what, _ := strings.Cut(name, " ")
	switch verb {
	case "request":
		p.send(t, text)
	case "reply":
		p.compare(t, text)
	case "do":
		do, ok := p.Do[what]
		if !ok {
			t.Fatalf("this world knows no %q", name)
		}
		do(t, p.fill(t, strings.TrimSuffix(text, "\n")))
		p.know()
	default:
		t.Fatalf("recordings have request, reply and do, no %q", name)
	}
}

// message is a request or a reply taken apart.
type message struct {
	first  string
	header http.Header
	body   string
}

// parse takes a message apart. The last newline belongs to the recording.
func parse(t testing.TB, text string) message {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	first, rest, _ := strings.Cut(head, "\n")
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.TrimSuffix(rest, "\n") + "\n\n"))).ReadMIMEHeader()
	if err != nil && rest != "" {
		t.Fatalf("headers of %q: %v", first, err)
	}
	return message{strings.TrimSpace(first), http.Header(header), strings.TrimSuffix(body, "\n")}
}

func (p *player) send(t testing.TB, text string) {
	t.Helper()
	p.request = p.fill(t, text)
	m := parse(t, p.request)
	method, target, ok := strings.Cut(m.first, " ")
	if !ok {
		t.Fatalf("%q is no request line", m.first)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(m.body))
	for name, values := range m.header {
		r.Header[name] = values
	}
	if host := m.header.Get("Host"); host != "" {
		r.Host = host
	}
	p.reply = httptest.NewRecorder()
	p.Handler.ServeHTTP(p.reply, r)
}
