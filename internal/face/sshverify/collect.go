package sshverify

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// registerCollect adds the operations on collect sessions.
func (f *sshverify) registerCollect(a *openapi.API) {
	product[CollectSessionCreate, CollectSessionUpdate, CollectSession, CollectSessionPage]{
		sshverify: f, kind: core.CollectSession, session: f.collectSession, page: f.collectPage,
	}.register(a)
	hooks[CollectWebhookCreate, CollectWebhookUpdate, CollectWebhook, CollectWebhookPage]{
		sshverify: f, kind: core.CollectSession, webhook: fromCollectWebhook,
		page: func(list []CollectWebhook, i PageInfo) CollectWebhookPage { return CollectWebhookPage{list, i} },
	}.register(a)
}

// CollectStatus is where a collect session stands. The original's reference
// leaves expired out, its results pages name it.
type CollectStatus string

// Schema lists the values.
func (CollectStatus) Schema(huma.Registry) *huma.Schema {
	return enum(core.SessionPending, core.SessionCompleted, core.SessionExpired)
}

// CollectEvent is what can happen to a collect session.
type CollectEvent string

// Schema lists the values.
func (CollectEvent) Schema(huma.Registry) *huma.Schema {
	return enum(core.EventKinds(core.CollectSession)...)
}

// CollectSessionSummary is a session as lists show it.
type CollectSessionSummary struct{ SessionSummary[CollectStatus] }

// CollectSession is a session with all that came in.
type CollectSession struct {
	SessionSummary[CollectStatus]
	Connections []CollectConnection `json:"connections" doc:"The connections made to the session, in order of arrival."`
	Webhooks    []CollectWebhook    `json:"webhooks" doc:"Where events of the session go."`
}

func (f *sshverify) collectSession(s core.Session) CollectSession {
	return CollectSession{
		SessionSummary: summaryOf[CollectStatus](f, s),
		Connections:    convert(s.Connections, fromConnection),
		Webhooks:       convert(s.Webhooks, fromCollectWebhook),
	}
}

// CollectConnection is one SSH connection made to a session.
type CollectConnection struct {
	ID            string       `json:"id" doc:"The id of the connection."`
	IPAddress     string       `json:"ip_address" doc:"The client's address."`
	ClientVersion string       `json:"client_version" doc:"The client's SSH identification line."`
	CreatedAt     time.Time    `json:"created_at" doc:"When the connection was made."`
	Keys          []CollectKey `json:"keys" doc:"The keys that came in, in the client's order."`
}

func fromConnection(c core.Connection) CollectConnection {
	return CollectConnection{
		ID: c.UUID.String(), IPAddress: addressText(c.Address), ClientVersion: c.ClientVersion,
		CreatedAt: c.CreatedAt, Keys: convert(c.Keys, fromKey),
	}
}

// CollectKey is a key that came in over a connection.
type CollectKey struct {
	ID        string    `json:"id" doc:"The id of the record."`
	CreatedAt time.Time `json:"created_at" doc:"When the key was collected."`
	PublicKey
}

func fromKey(k core.CollectedKey) CollectKey {
	return CollectKey{ID: k.UUID.String(), CreatedAt: k.CreatedAt, PublicKey: fromPublicKey(k.Public)}
}

// CollectSessionPage is a part of the list of sessions.
type CollectSessionPage struct {
	Items []CollectSessionSummary `json:"items" doc:"The sessions of this page."`
	PageInfo
}

func (f *sshverify) collectPage(list []core.Session, i PageInfo) CollectSessionPage {
	return CollectSessionPage{PageInfo: i, Items: convert(list, func(s core.Session) CollectSessionSummary {
		return CollectSessionSummary{summaryOf[CollectStatus](f, s)}
	})}
}

// CollectSessionCreate is what a session is made from. Booleans are false and
// everything else is null where it is absent.
type CollectSessionCreate struct {
	SessionUpdate
	Webhooks []CollectWebhookCreate `json:"webhooks,omitempty" maxItems:"20" doc:"Where events of the session go, at most 20."`
}

func (c CollectSessionCreate) toCore() (core.NewSession, error) {
	out, err := c.newSession()
	out.Webhooks = convert(c.Webhooks, func(w CollectWebhookCreate) core.NewWebhook { return w.newWebhook() })
	return out, err
}

// CollectSessionUpdate is what can be changed of a session.
type CollectSessionUpdate struct{ SessionUpdate }

func (u CollectSessionUpdate) toCore() (core.SessionChange, error) { return u.sessionChange() }

// CollectWebhook is where events of a session go.
type CollectWebhook struct{ Webhook[CollectEvent] }

func fromCollectWebhook(w core.Webhook) CollectWebhook {
	return CollectWebhook{fromWebhook[CollectEvent](w)}
}

// CollectWebhookPage is a part of the list of webhooks.
type CollectWebhookPage struct {
	Items []CollectWebhook `json:"items" doc:"The webhooks of this page."`
	PageInfo
}

// CollectWebhookCreate is what a webhook is made from.
type CollectWebhookCreate struct{ WebhookCreate[CollectEvent] }

// CollectWebhookUpdate is what can be changed of a webhook.
type CollectWebhookUpdate struct{ WebhookUpdate[CollectEvent] }
