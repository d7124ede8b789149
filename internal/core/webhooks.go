package core

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

const (
	maxWebhooks   = 20       // of a session
	maxWebhookURL = 2048     // bytes
	maxHeaders    = 16 << 10 // bytes of a webhook's headers, sealed as one
)

// NewWebhook is what a webhook is made from.
type NewWebhook struct {
	URL               string
	Method            string      // empty: post
	Events            []EventKind // empty: all
	Headers           map[string][]string
	Retries           int
	InitialBackoff    int64   // seconds; zero: 10
	BackoffMultiplier float64 // zero: 2
}

// EventKinds are the events that sessions of a kind can have.
func EventKinds(kind SessionKind) []EventKind {
	if kind == VerifySession {
		return []EventKind{NewConnectionEvent, VerifiedEvent, FailedAttemptEvent, StatusChangedEvent}
	}
	return []EventKind{NewConnectionEvent, KeyCollectedEvent, StatusChangedEvent}
}

func (w Webhook) object() string { return "webhook " + w.UUID.String() }

// newWebhooks makes the webhooks that a session is created with.
func (s *Service) newWebhooks(p *problems, kind SessionKind, in []NewWebhook) []Webhook {
	if len(in) > maxWebhooks {
		p.addf("webhooks", "must have at most %d webhooks", maxWebhooks)
		return nil
	}
	out := make([]Webhook, len(in))
	for i, w := range in {
		out[i] = s.newWebhook(w)
		p.within(fmt.Sprintf("webhooks[%d]", i), s.checkWebhook(out[i], kind, true))
	}
	return out
}

func (s *Service) newWebhook(in NewWebhook) Webhook {
	now := s.clock()
	return Webhook{
		UUID: newUUID(), URL: in.URL, Method: cmp.Or(in.Method, "post"), Events: in.Events, Headers: in.Headers,
		Retries: in.Retries, InitialBackoff: cmp.Or(in.InitialBackoff, 10),
		BackoffMultiplier: cmp.Or(in.BackoffMultiplier, 2), CreatedAt: now, UpdatedAt: now,
	}
}

// checkWebhook says all that is wrong with a webhook at once. One that keeps its
// URL is not held to what the configuration allows by now.
func (s *Service) checkWebhook(w Webhook, kind SessionKind, newURL bool) problems {
	var p problems
	if why := badURL(w.URL); why != "" {
		p.addf("url", "%s", why)
	} else if newURL && s.checkURL != nil {
		if err := s.checkURL(w.URL); err != nil {
			p.addf("url", "%v", err)
		}
	}
	w.check(&p, kind)
	return p
}

// check looks at all but the URL.
func (w Webhook) check(p *problems, kind SessionKind) {
	if !contains([]string{"post", "put", "patch"}, w.Method) {
		p.addf("method", "must be post, put or patch")
	}
	for i, e := range w.Events {
		if !contains(EventKinds(kind), e) {
			p.addf(fmt.Sprintf("events[%d]", i), "must be one of %v", EventKinds(kind))
		}
	}
	if w.Retries < 0 || w.Retries > math.MaxInt32 {
		p.addf("retries", "must be between 0 and %d", math.MaxInt32)
	}
	if w.InitialBackoff < 1 {
		p.addf("initial_backoff", "must be at least 1")
	}
	if !(w.BackoffMultiplier >= 1) || math.IsInf(w.BackoffMultiplier, 0) { // NaN too
		p.addf("backoff_multiplier", "must be at least 1")
	}
	checkHeaders(p, w.Headers)
}

// badURL says what is wrong with a webhook's URL, wherever it leads.
func badURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return "must be an http or https URL"
	case u.Hostname() == "":
		return "must name a host"
	case u.User != nil:
		return "must not hold a user name or password; use headers"
	case len(text) > maxWebhookURL:
		return fmt.Sprintf("must have at most %d bytes", maxWebhookURL)
	}
	return ""
}

// checkHeaders refuses header names that are not ours to give away, and values
// that would end a header (RFC 9110, 5.1 and 5.5).
func checkHeaders(p *problems, headers map[string][]string) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		values, path := headers[name], "headers."+name
		switch {
		case name == "" || strings.ContainsFunc(name, notToken):
			p.addf("headers", "must be named by letters, digits and hyphens")
			continue
		case ProtectedHeader(name):
			p.addf(path, "is set by the sender and cannot be given")
		}
		for _, v := range values {
			size += len(name) + len(v)
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				p.addf(path, "must not hold control characters")
			}
		}
	}
	if size > maxHeaders {
		p.addf("headers", "must have at most %d bytes", maxHeaders)
	}
}

// notToken tells whether a character cannot be in a header's name (RFC 9110, 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// ProtectedHeader tells whether a header of a webhook's request is the
// sender's alone to set: what frames the message or says who it is from.
func ProtectedHeader(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "webhook-") || contains([]string{
		"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer",
		"connection", "keep-alive", "proxy-connection", "upgrade", "expect",
	}, name)
}

// insertWebhook stores a webhook of a session, its headers sealed, and gives it
// its id. The project's first webhook makes the secret that signs them all.
func (s *Service) insertWebhook(tx Tx, of Session, w *Webhook) (err error) {
	if err := s.ensureWebhookSecret(tx, of.Project); err != nil {
		return err
	}
	w.Session = of.ID
	if err := s.sealHeaders(w); err != nil {
		return err
	}
	w.ID, err = tx.InsertWebhook(*w)
	return err
}

func (s *Service) sealHeaders(w *Webhook) error {
	plain, err := json.Marshal(w.Headers)
	if err != nil {
		return fmt.Errorf("encode webhook headers: %w", err)
	}
	w.SealedHeaders, err = s.vault.Seal(plain, w.record())
	return err
}

func (s *Service) unsealHeaders(w Webhook) (Webhook, error) {
	if s.vault.need() != nil {
		return w, nil // commands that show no headers work without the master key
	}
	plain, err := s.vault.Unseal(w.SealedHeaders, w.record())
	if err != nil {
		return Webhook{}, err
	}
	return w, json.Unmarshal(plain, &w.Headers)
}

func (w Webhook) record() vault.Record {
	return vault.Record{Kind: "webhook", ID: w.UUID.String(), Field: "headers"}
}

// webhooks gives a session's webhooks with their headers.
func (s *Service) webhooks(tx Tx, of Session) ([]Webhook, error) {
	found, err := tx.Webhooks(of.ID)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i], err = s.unsealHeaders(found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Webhooks lists the webhooks of a session that the actor may see, with their
// headers if he may change it.
func (s *Service) Webhooks(ctx context.Context, by Actor, kind SessionKind, session uuid.UUID) ([]Webhook, error) {
	return view(ctx, s, func(tx Tx) ([]Webhook, error) {
		found, err := s.sessionFor(tx, by, kind, session)
		if err != nil {
			return nil, err
		}
		found.Webhooks, err = s.webhooks(tx, found)
		return found.shownTo(by).Webhooks, err
	})
}

// Webhook gives one webhook of a session that the actor may see, with its
// headers if he may change it.
func (s *Service) Webhook(ctx context.Context, by Actor, kind SessionKind, session, id uuid.UUID) (Webhook, error) {
	return view(ctx, s, func(tx Tx) (Webhook, error) {
		found, err := s.sessionFor(tx, by, kind, session)
		if err != nil {
			return Webhook{}, err
		}
		w, err := s.webhookOf(tx, found, id)
		found.Webhooks = []Webhook{w}
		return found.shownTo(by).Webhooks[0], err
	})
}

func (s *Service) webhookOf(tx Tx, of Session, id uuid.UUID) (Webhook, error) {
	all, err := tx.Webhooks(of.ID)
	if err != nil {
		return Webhook{}, err
	}
	w, err := find(all, func(w Webhook) bool { return w.UUID == id }, "webhook")
	if err != nil {
		return Webhook{}, err
	}
	return s.unsealHeaders(w)
}

// AddWebhook gives a session another webhook. Events that happened before are
// not sent to it.
func (s *Service) AddWebhook(ctx context.Context, by Actor, kind SessionKind, session uuid.UUID, in NewWebhook) (Webhook, error) {
	return update(ctx, s, func(tx Tx) (Webhook, error) {
		found, err := s.sessionToChange(tx, by, kind, session)
		if err != nil {
			return Webhook{}, err
		}
		return once(s, tx, by, Webhook.id,
			func(id uuid.UUID) (Webhook, error) { return s.webhookOf(tx, found, id) },
			func() (Webhook, error) { return s.addWebhook(tx, by, found, in) })
	})
}

func (w Webhook) id() uuid.UUID { return w.UUID }

func (s *Service) addWebhook(tx Tx, by Actor, to Session, in NewWebhook) (Webhook, error) {
	w := s.newWebhook(in)
	if err := s.checkWebhook(w, to.Kind, true).err(); err != nil {
		return Webhook{}, err
	}
	if err := roomForWebhook(tx, to); err != nil {
		return Webhook{}, err
	}
	if err := s.insertWebhook(tx, to, &w); err != nil {
		return Webhook{}, err
	}
	return w, s.audit(tx, by, "webhook.add", w.object(), withProject(to.Project))
}

func roomForWebhook(tx Tx, of Session) error {
	have, err := tx.Webhooks(of.ID)
	if err == nil && len(have) >= maxWebhooks {
		return Errorf(Conflict, "The session has %d webhooks already", maxWebhooks)
	}
	return err
}

// WebhookChange says what to change of a webhook.
type WebhookChange struct {
	URL               Change[string]
	Method            Change[string]
	Events            Change[[]EventKind]
	Headers           Change[map[string][]string]
	Retries           Change[int]
	InitialBackoff    Change[int64]
	BackoffMultiplier Change[float64]
}

// ChangeWebhook changes a webhook, and switches one on again that its receiver
// had given up.
func (s *Service) ChangeWebhook(ctx context.Context, by Actor, kind SessionKind, session, id uuid.UUID, c WebhookChange) (Webhook, error) {
	return update(ctx, s, func(tx Tx) (Webhook, error) {
		found, w, err := s.webhookToChange(tx, by, kind, session, id)
		if err != nil {
			return Webhook{}, err
		}
		c.URL.apply(&w.URL)
		c.Method.apply(&w.Method)
		c.Events.apply(&w.Events)
		c.Headers.apply(&w.Headers)
		c.Retries.apply(&w.Retries)
		c.InitialBackoff.apply(&w.InitialBackoff)
		c.BackoffMultiplier.apply(&w.BackoffMultiplier)
		w.Disabled, w.UpdatedAt = false, s.clock()
		if err := s.checkWebhook(w, kind, c.URL.Set).err(); err != nil {
			return Webhook{}, err
		}
		if err := s.sealHeaders(&w); err != nil {
			return Webhook{}, err
		}
		if err := tx.UpdateWebhook(w); err != nil {
			return Webhook{}, err
		}
		return w, s.audit(tx, by, "webhook.change", w.object(), withProject(found.Project))
	})
}

func (s *Service) webhookToChange(tx Tx, by Actor, kind SessionKind, session, id uuid.UUID) (Session, Webhook, error) {
	found, err := s.sessionToChange(tx, by, kind, session)
	if err != nil {
		return Session{}, Webhook{}, err
	}
	w, err := s.webhookOf(tx, found, id)
	return found, w, err
}

// RemoveWebhook takes a webhook away with its deliveries.
func (s *Service) RemoveWebhook(ctx context.Context, by Actor, kind SessionKind, session, id uuid.UUID) error {
	return s.store.Update(ctx, func(tx Tx) error {
		found, w, err := s.webhookToChange(tx, by, kind, session, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteWebhook(w.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "webhook.remove", w.object(), withProject(found.Project))
	})
}

// WebhookSecret gives the secret that signs a project's webhooks, to be put
// into their receivers; it is made when there is none yet. The reading is
// recorded first. For those who manage everything.
func (s *Service) WebhookSecret(ctx context.Context, by Actor, project string) (vault.Secret, error) {
	if !by.manages() {
		return vault.Secret{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		p, err := projectNamed(tx, project)
		if err != nil {
			return vault.Secret{}, err
		}
		if err := s.ensureWebhookSecret(tx, p.ID); err != nil {
			return vault.Secret{}, err
		}
		if err := s.audit(tx, by, "secret.reveal", p.object(), withProject(p.ID)); err != nil {
			return vault.Secret{}, err
		}
		if p, err = tx.Project(p.ID); err != nil {
			return vault.Secret{}, err
		}
		return s.webhookSecret(p)
	})
}

// ensureWebhookSecret makes a project's webhook secret where there is none, in
// the form of Standard Webhooks: "whsec_" and base64 of 32 bytes.
func (s *Service) ensureWebhookSecret(tx Tx, id ProjectID) error {
	p, err := tx.Project(id)
	if err != nil || p.WebhookSecret != nil {
		return err
	}
	p.WebhookSecret, err = s.vault.Seal([]byte(newSigningSecret()), p.webhookRecord())
	if err != nil {
		return err
	}
	return tx.UpdateProject(p)
}

func (p Project) webhookRecord() vault.Record {
	return vault.Record{Kind: "project", ID: p.UUID.String(), Field: "webhook_secret"}
}

func (s *Service) webhookSecret(p Project) (vault.Secret, error) {
	plain, err := s.vault.Unseal(p.WebhookSecret, p.webhookRecord())
	if err != nil {
		return vault.Secret{}, err
	}
	return vault.NewSecret(plain), nil
}
