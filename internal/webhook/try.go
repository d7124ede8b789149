package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keyrack/internal/core"
)

const (
	keptBody = 4 << 10 // bytes of a reply's body that the record keeps
	maxBody  = 1 << 20 // bytes of a reply's body; whoever sends more acknowledges nothing
)

var (
	errUnsent  = errors.New("the request could not be made")
	errTooLong = errors.New("the reply is longer than 1 MiB")
)

// reply is what came back.
type reply struct {
	status     int // zero: nothing
	retryAfter string
	body       []byte // as much as is kept
	err        error  // what went wrong, maybe after the status had come
}

// try makes one try. The error is for the log; the attempt has its own words.
func (w *Worker) try(ctx context.Context, p core.Parcel) (core.Attempt, error) {
	a := core.Attempt{Number: p.Attempts + 1, Lease: p.Lease, At: w.o.Now().UTC()}
	start := time.Now()
	r := w.exchange(ctx, p, a)
	a.Duration = time.Since(start)
	a.Status, a.BodyStart, a.Reason = r.status, printable(r.body), r.reason()
	if a.Reason != "" {
		a.RetryAfter = RetryAfter(r.retryAfter, w.o.Now())
		a.Gone = r.status == http.StatusGone
	}
	return a, r.err
}

// exchange sends the request and reads the reply. A panic costs this try alone.
func (w *Worker) exchange(ctx context.Context, p core.Parcel, a core.Attempt) (r reply) {
	defer func() {
		if cause := recover(); cause != nil {
			r = reply{err: fmt.Errorf("%w: panic: %v\n%s", errUnsent, cause, debug.Stack())}
		}
	}()
	req, err := w.request(ctx, p, a)
	if err != nil {
		return reply{err: fmt.Errorf("%w: %w", errUnsent, withoutURL(err))}
	}
	resp, err := w.o.Client.Do(req)
	if err != nil {
		return reply{err: withoutURL(err)}
	}
	defer resp.Body.Close()
	r = reply{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After")}
	if r.status != http.StatusSwitchingProtocols { // its body is the bare connection, which no deadline ends
		r.body, r.err = readBody(resp.Body)
	}
	return r
}

// withoutURL takes the URL out of an error: it may hold secrets.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// readBody keeps the start and reads on to the end, so that the connection can
// be used again, but not for ever.
func readBody(body io.Reader) ([]byte, error) {
	start, err := io.ReadAll(io.LimitReader(body, keptBody))
	if err != nil {
		return start, err
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(body, maxBody-keptBody+1))
	if rest > maxBody-keptBody {
		err = errTooLong
	}
	return start, err
}

func (w *Worker) request(ctx context.Context, p core.Parcel, a core.Attempt) (*http.Request, error) {
	body, err := w.o.Render(p, a.Number, a.At)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", p.Event.Kind, err)
	}
	signature, err := sign(p, a.At, body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, strings.ToUpper(p.Target.Method), p.Target.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header(p.Target.Headers)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", w.o.UserAgent)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(standardwebhooks.HeaderWebhookID, p.UUID.String())
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(a.At.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return req, nil
}

// header takes over a webhook's own headers, save those that are ours: core
// refuses them, but a webhook may be older than the rule.
func header(own map[string][]string) http.Header {
	h := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if core.ProtectedHeader(name) {
			continue
		}
		for _, value := range own[name] {
			h.Add(name, value)
		}
	}
	return h
}

// sign makes the Standard Webhooks signature of a try. An empty secret would
// let anybody sign.
func sign(p core.Parcel, at time.Time, body []byte) (string, error) {
	if p.Secret.IsZero() {
		return "", errors.New("the project has no webhook secret")
	}
	hook, err := standardwebhooks.NewWebhook(p.Secret.Reveal())
	if err != nil {
		return "", fmt.Errorf("read the project's webhook secret: %w", err)
	}
	return hook.Sign(p.UUID.String(), at, body)
}

// printable makes a reply's start safe to show and to store, on one line.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, string(text))
}
