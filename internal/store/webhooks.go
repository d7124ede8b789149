package store

import (
	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type webhookRow struct {
	bun.BaseModel     `bun:"table:webhooks"`
	ID                int64 `bun:",pk"`
	UUID              uid   `bun:"uuid"`
	SessionID         int64
	URL               string `bun:"url"`
	Method            string
	Events            texts
	Headers           []byte
	Retries           int
	InitialBackoff    int64
	BackoffMultiplier float64
	Disabled          bool
	CreatedAt         instant
	UpdatedAt         instant
}

func webhookRowOf(w core.Webhook) webhookRow {
	events := make(texts, len(w.Events))
	for i, e := range w.Events {
		events[i] = string(e)
	}
	return webhookRow{
		ID: int64(w.ID), UUID: uid(w.UUID), SessionID: int64(w.Session), URL: w.URL, Method: w.Method, Events: events,
		Headers: w.SealedHeaders, Retries: w.Retries, InitialBackoff: w.InitialBackoff,
		BackoffMultiplier: w.BackoffMultiplier, Disabled: w.Disabled,
		CreatedAt: instant{w.CreatedAt}, UpdatedAt: instant{w.UpdatedAt},
	}
}

func (r webhookRow) webhook() core.Webhook {
	var events []core.EventKind
	for _, e := range r.Events {
		events = append(events, core.EventKind(e))
	}
	return core.Webhook{
		ID: core.WebhookID(r.ID), UUID: uuid.UUID(r.UUID), Session: core.SessionID(r.SessionID), URL: r.URL, Method: r.Method,
		Events: events, SealedHeaders: r.Headers, Retries: r.Retries, InitialBackoff: r.InitialBackoff,
		BackoffMultiplier: r.BackoffMultiplier, Disabled: r.Disabled,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) Webhook(id core.WebhookID) (core.Webhook, error) {
	return one(webhookRow.webhook)(get[webhookRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) Webhooks(session core.SessionID) ([]core.Webhook, error) {
	return all(webhookRow.webhook)(list[webhookRow](t, "WHERE session_id = ? ORDER BY id", int64(session)))
}

func (t *tx) WebhooksOf(sessions []core.SessionID) (map[core.SessionID][]core.Webhook, error) {
	of := map[core.SessionID][]core.Webhook{}
	err := inSteps(sessions, func(some string, args []any) error {
		found, err := all(webhookRow.webhook)(list[webhookRow](t, "WHERE session_id IN "+some+" ORDER BY id", args...))
		for _, w := range found {
			of[w.Session] = append(of[w.Session], w)
		}
		return err
	})
	return of, err
}

func (t *tx) InsertWebhook(w core.Webhook) (core.WebhookID, error) {
	id, err := insert(t, webhookRowOf(w))
	return core.WebhookID(id), err
}

func (t *tx) UpdateWebhook(w core.Webhook) error { return update(t, webhookRowOf(w)) }

func (t *tx) DeleteWebhook(id core.WebhookID) error {
	return t.change("DELETE FROM webhooks WHERE id = ?", int64(id))
}
