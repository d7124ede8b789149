package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keyrack/internal/core"
	"keyrack/internal/safedial"
	"keyrack/internal/vault"
	"keyrack/internal/webhook"
)

// request is one that a receiver got.
type request struct {
	method, path string
	header       http.Header
	body         []byte
}

// capture makes a client that keeps the requests it is given.
func capture(into *[]request) *http.Client {
	return receive(func(r *http.Request) *http.Response {
		body, _ := io.ReadAll(r.Body)
		*into = append(*into, request{r.Method, r.URL.RequestURI(), r.Header, body})
		return answer(200)
	})
}

// The vector is the one in the description of the SSHVerify interface.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	body := `{"entity":"collect_session","id":"0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c","event":"status_changed",` +
		`"webhook_id":"0197c3a2-6f20-7a10-a1b2-c3d4e5f60718","webhook_invocation_id":"0197c3a9-5d20-7b1e-8f44-6c0de1f2a3b4",` +
		`"trigger_time":"2026-05-10T10:00:00Z","request_time":"2026-05-10T10:00:01Z","attempt":1,` +
		`"payload":{"collect_session_id":"0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c","collect_session_external_id":"user_123",` +
		`"collect_session_connection_identifier":"q7m4z2k9w3hx8t5vbn6c","collect_session_status":"completed"}}`
	at := time.Unix(1778407201, 0)
	q := newQueue()
	q.now = func() time.Time { return at }
	q.add(hook(1, home), 1)
	q.all[0].UUID = uuid.MustParse("0197c3a9-5d20-7b1e-8f44-6c0de1f2a3b4")
	var got []request
	_, stop := start(t, webhook.Options{
		Queue: q, Client: capture(&got), Now: q.now,
		Render: func(_ core.Parcel, attempt int, requestTime time.Time) ([]byte, error) {
			if attempt != 1 || !requestTime.Equal(at) {
				t.Errorf("Render was given attempt %d at %v, want 1 at %v", attempt, requestTime, at)
			}
			return []byte(body), nil
		},
	})
	q.wait(1)
	stop()
	want := http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"keyrack-webhook"},
		"Webhook-Id":        {"0197c3a9-5d20-7b1e-8f44-6c0de1f2a3b4"},
		"Webhook-Timestamp": {"1778407201"},
		"Webhook-Signature": {"v1,A0z/wedApWlspAnRtbUkhNntRDXW1bVjJkEztfvFHLU="},
	}
	if diff := cmp.Diff(want, got[0].header); diff != "" {
		t.Errorf("headers (-want, +got):\n%s", diff)
	}
	if string(got[0].body) != body {
		t.Errorf("body = %s, want it as rendered", got[0].body)
	}
}

// A receiver checks with the library that its maker publishes, over the wire.
func TestReceiverVerifiesEachTry(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan request, 2)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r.Method, r.URL.RequestURI(), r.Header, body}
		w.WriteHeader(http.StatusServiceUnavailable)
	}, plain)
	q := newQueue()
	to := hook(1, url+"/hooks/ssh?tenant=7")
	to.Method, to.Retries, to.InitialBackoff = "put", 1, 1
	to.Headers = map[string][]string{"x-hook-token": {"b77a02c41e"}, "X-Many": {"a", "b"}, "user-agent": {"acme"}}
	q.add(to, 1)
	start(t, webhook.Options{Queue: q, Client: safedial.New(dialOptions()).Client()})
	q.wait(2)
	first, second := <-got, <-got
	for _, r := range []request{first, second} {
		if err := verifier.Verify(r.body, r.header); err != nil {
			t.Errorf("Verify = %v, want a good signature", err)
		}
		if err := stranger.Verify(r.body, r.header); err == nil {
			t.Error("Verify with another project's secret = nil, want an error")
		}
		if err := verifier.Verify(append(r.body, ' '), r.header); err == nil {
			t.Error("Verify of a changed body = nil, want an error")
		}
		if r.method != "PUT" || r.path != "/hooks/ssh?tenant=7" {
			t.Errorf("request = %s %s, want PUT /hooks/ssh?tenant=7", r.method, r.path)
		}
		own := http.Header{"X-Hook-Token": {"b77a02c41e"}, "X-Many": {"a", "b"}, "User-Agent": {"acme"}}
		for name, want := range own {
			if diff := cmp.Diff(want, r.header[name]); diff != "" {
				t.Errorf("header %s (-want, +got):\n%s", name, diff)
			}
		}
	}
	if first.header.Get("webhook-id") != second.header.Get("webhook-id") {
		t.Error("webhook-id changed between tries")
	}
	if first.header.Get("webhook-timestamp") == second.header.Get("webhook-timestamp") {
		t.Error("webhook-timestamp is the first try's at the second, want that of each try")
	}
}

// A webhook older than a rule of core's may hold any header.
func TestHeadersOfOursCannotBeGiven(t *testing.T) {
	t.Parallel()
	q := newQueue()
	to := hook(1, home)
	to.Headers = map[string][]string{
		"HOST": {"internal"}, "content-length": {"7"}, "Transfer-Encoding": {"chunked"}, "Connection": {"close"},
		"content-TYPE": {"text/html"}, "webhook-ID": {"forged"}, "webhook-signature": {"v1,forged"},
		"webhook-timestamp": {"0"}, "webhook-anything": {"x"}, "X-Kept": {"yes"},
	}
	q.add(to, 1)
	var got []request
	_, stop := start(t, webhook.Options{Queue: q, Client: capture(&got)})
	q.wait(1)
	stop()
	h := got[0].header
	if len(h) != 6 || h.Get("X-Kept") != "yes" || h.Get("Content-Type") != "application/json" || h.Get("webhook-id") != q.ids()[0] {
		t.Errorf("headers = %v, want ours and X-Kept", h)
	}
}

func TestSecretsThatCannotSign(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]vault.Secret{
		"none": {}, "empty": vault.NewSecret(""), "not base64": vault.NewSecret("whsec_s3cr3t!"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, log := newQueue(), &lines{}
			q.add(hook(1, home), 1)
			q.all[0].Secret = s
			var got []request
			_, stop := start(t, webhook.Options{Queue: q, Log: log.logger(), Client: capture(&got)})
			q.wait(1)
			stop()
			if a := q.only(t, 1); a.Reason != "the request could not be made" || len(got) != 0 {
				t.Errorf("record = %+v and %d requests, want that none could be made", a, len(got))
			}
			if strings.Contains(log.String(), "s3cr3t") {
				t.Errorf("the log holds the secret:\n%s", log)
			}
		})
	}
}

// What a URL, a header or a secret holds must not come out where others read.
func TestNothingSecretIsLoggedOrRecorded(t *testing.T) {
	t.Parallel()
	urls := map[string]string{
		"refused":     "http://10.0.0.1/s3cr3t?token=s3cr3t",
		"cut":         "http://" + speak(t, hear) + "/s3cr3t?token=s3cr3t",
		"not a URL":   "http://s3cr3t:s3cr3t@[::1/",
		"bad escape":  "http://app.example.org/%zz?token=s3cr3t",
		"no protocol": "gopher://app.example.org/s3cr3t",
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, log := newQueue(), &lines{}
			to := hook(1, url)
			to.Headers = map[string][]string{"Authorization": {"Bearer s3cr3t"}}
			q.add(to, 1)
			_, stop := start(t, webhook.Options{Queue: q, Log: log.logger(), Client: safedial.New(dialOptions()).Client()})
			q.wait(1)
			stop()
			a := q.only(t, 1)
			if a.Reason == "" || strings.Contains(a.Reason+a.BodyStart, "s3cr3t") || strings.Contains(a.Reason, "10.0.0.1") {
				t.Errorf("reason = %q, want one without URL and address", a.Reason)
			}
			if text := log.String(); !strings.Contains(text, "webhook") || strings.Contains(text, "s3cr3t") || strings.Contains(text, "whsec_") {
				t.Errorf("the log holds a secret:\n%s", text)
			}
		})
	}
}

func TestRecordKeepsThePrintableStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, want string
	}{
		{"empty", "", ""},
		{"text", `{"error":"no such tenant: Zoë"}`, `{"error":"no such tenant: Zoë"}`},
		{"lines", "a\r\n\tb\u00a0c", "a   b c"},
		{"terminal escape", "\x1b]0;owned\x07\x1b[2J", "\uFFFD]0;owned\uFFFD\uFFFD[2J"},
		{"C1 control", "a\u009b2Jb", "a\uFFFD2Jb"},
		{"NUL", "a\x00b", "a\uFFFDb"},
		{"direction", "a\u202egpj.exe", "a\uFFFDgpj.exe"},
		{"invisible", "a\u200bb\ufeff", "a\uFFFDb\uFFFD"},
		{"broken UTF-8", "a\xff\xc3(", "a\uFFFD\uFFFD("},
		{"long", strings.Repeat("x", 5000), strings.Repeat("x", 4096)},
		{"cut within a character", strings.Repeat("x", 4095) + "ë", strings.Repeat("x", 4095) + "\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue()
			q.add(hook(1, home), 1)
			start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response {
				resp := answer(200)
				resp.Body = io.NopCloser(strings.NewReader(tt.body))
				return resp
			})})
			q.wait(1)
			if a := q.only(t, 1); a.BodyStart != tt.want || a.Reason != "" {
				t.Errorf("record = %q, %q, want %q and no reason", a.BodyStart, a.Reason, tt.want)
			}
		})
	}
}

// meter counts the bytes that are read of a body, and whether it was closed.
type meter struct {
	io.Reader
	read   int
	closed bool
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.read += n
	return n, err
}

func (m *meter) Close() error {
	m.closed = true
	return nil
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestRepliesAreReadSoFarAndClosed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		body     io.Reader
		status   int
		read     int
		delivers bool
	}{
		{"short", strings.NewReader("ok"), 200, 2, true},
		{"a mebibyte", io.LimitReader(endless{}, 1<<20), 200, 1 << 20, true},
		{"more", io.LimitReader(endless{}, 1<<20+1), 200, 1<<20 + 1, false},
		{"endless", endless{}, 200, 1<<20 + 1, false},
		{"endless failure", endless{}, 500, 1<<20 + 1, false},
		{"nothing of a changed protocol", endless{}, 101, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, body := newQueue(), &meter{Reader: tt.body}
			q.add(hook(1, home), 1)
			_, stop := start(t, webhook.Options{Queue: q, Client: receive(func(*http.Request) *http.Response {
				resp := answer(tt.status)
				resp.Body = body
				return resp
			})})
			q.wait(1)
			stop()
			if a := q.only(t, 1); body.read != tt.read || !body.closed || (a.Reason == "") != tt.delivers {
				t.Errorf("read %d bytes, closed %v, reason %q, want %d, closed, success %v", body.read, body.closed, a.Reason, tt.read, tt.delivers)
			}
		})
	}
}

// FuzzHeaders sends a webhook's own header over the wire and reads the request
// as its receiver would: whatever the header, it changes nothing but itself.
func FuzzHeaders(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, name, value string) {
		q, wire := newQueue(), &pipe{}
		to := hook(1, "http://app.example.org/hooks")
		to.Headers = map[string][]string{name: {value}}
		q.add(to, 1)
		_, stop := start(t, webhook.Options{Queue: q, Client: &http.Client{Transport: &http.Transport{DialContext: wire.dial}}})
		q.wait(1)
		stop()
		wire.served.Wait()
		if wire.request == nil && wire.err == nil {
			return // net/http would not send it
		}
		if wire.err != nil {
			t.Fatalf("header %q: %q makes a request that cannot be read: %v", name, value, wire.err)
		}
		wantUnharmed(t, wire, q.ids()[0], name, value)
	})
}

func wantUnharmed(t *testing.T, got *pipe, id, name, value string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r, h := got.request, got.request.Header
	if err := verifier.Verify(got.body, h); err != nil {
		t.Errorf("header %q: %q: Verify = %v, want a good signature", name, value, err)
	}
	if r.Method != "POST" || r.Host != "app.example.org" || r.ContentLength != int64(len(got.body)) || r.TransferEncoding != nil || r.Close {
		t.Errorf("header %q: %q changes the request to %+v", name, value, r)
	}
	if len(h["Webhook-Id"]) != 1 || h.Get("Webhook-Id") != id || !slices.Equal(h["Content-Type"], []string{"application/json"}) {
		t.Errorf("header %q: %q changes headers of ours: %v", name, value, h)
	}
	h.Del(name)
	for _, ours := range []string{
		"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "Content-Type", "Content-Length", "User-Agent", "Accept-Encoding",
	} {
		h.Del(ours)
	}
	if len(h) > 0 {
		t.Errorf("header %q: %q adds others: %v", name, value, h)
	}
}

// pipe is a receiver in memory that takes one connection and one request.
type pipe struct {
	served  sync.WaitGroup
	taken   atomic.Bool
	request *http.Request
	body    []byte
	err     error
}

func (p *pipe) dial(context.Context, string, string) (net.Conn, error) {
	if p.taken.Swap(true) {
		return nil, errors.New("one connection is enough")
	}
	near, far := net.Pipe()
	p.served.Go(func() { p.serve(far) })
	return near, nil
}

func (p *pipe) serve(conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		p.err = err
		return
	}
	p.request = r
	p.body, p.err = io.ReadAll(r.Body)
	_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}
