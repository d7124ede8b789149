package sshverify

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// registerVerify adds the operations on verify sessions.
func (f *sshverify) registerVerify(a *openapi.API) {
	product[VerifySessionCreate, VerifySessionUpdate, VerifySession, VerifySessionPage]{
		sshverify: f, kind: core.VerifySession, session: f.verifySession, page: f.verifyPage,
	}.register(a)
	hooks[VerifyWebhookCreate, VerifyWebhookUpdate, VerifyWebhook, VerifyWebhookPage]{
		sshverify: f, kind: core.VerifySession, webhook: fromVerifyWebhook,
		page: func(list []VerifyWebhook, i PageInfo) VerifyWebhookPage { return VerifyWebhookPage{list, i} },
	}.register(a)
}

// VerifyStatus is where a verify session stands. The original's reference
// leaves expired out, its results pages name it.
type VerifyStatus string

// Schema lists the values.
func (VerifyStatus) Schema(huma.Registry) *huma.Schema {
	return enum(core.SessionPending, core.SessionVerified, core.SessionFailed, core.SessionExpired)
}

// VerifyEvent is what can happen to a verify session.
type VerifyEvent string

// Schema lists the values.
func (VerifyEvent) Schema(huma.Registry) *huma.Schema {
	return enum(core.EventKinds(core.VerifySession)...)
}

// VerifySessionSummary is a session as lists show it.
type VerifySessionSummary struct {
	SessionSummary[VerifyStatus]
	MatchAllKeys bool  `json:"match_all_keys" doc:"Whether one connection has to prove all keys, not just one."`
	MaxAttempts  int32 `json:"max_attempts" minimum:"1" doc:"How many connections may end without success before the session has failed."`
}

func (f *sshverify) verifySummary(s core.Session) VerifySessionSummary {
	return VerifySessionSummary{
		SessionSummary: summaryOf[VerifyStatus](f, s), MatchAllKeys: s.MatchAllKeys, MaxAttempts: int32(s.MaxAttempts), //nolint:gosec // came in as int32
	}
}

// VerifySession is a session with its keys and all that came in.
type VerifySession struct {
	VerifySessionSummary
	Keys        []VerifyKey        `json:"keys" doc:"The keys that are asked for."`
	Connections []VerifyConnection `json:"connections" doc:"The connections made to the session, in order of arrival."`
	Webhooks    []VerifyWebhook    `json:"webhooks" doc:"Where events of the session go."`
}

func (f *sshverify) verifySession(s core.Session) VerifySession {
	wanted := make(map[core.WantedKeyID]core.WantedKey, len(s.Wanted))
	for _, k := range s.Wanted {
		wanted[k.ID] = k
	}
	return VerifySession{
		VerifySessionSummary: f.verifySummary(s),
		Keys:                 convert(s.Wanted, fromWanted),
		Connections: convert(s.Connections, func(c core.Connection) VerifyConnection {
			return fromVerifyConnection(c, wanted)
		}),
		Webhooks: convert(s.Webhooks, fromVerifyWebhook),
	}
}

// VerifyConnection is one SSH connection made to a session.
type VerifyConnection struct {
	ID            string      `json:"id" doc:"The id of the connection."`
	IPAddress     string      `json:"ip_address" doc:"The client's address."`
	ClientVersion string      `json:"client_version" doc:"The client's SSH identification line."`
	CreatedAt     time.Time   `json:"created_at" doc:"When the connection was made."`
	Keys          []VerifyKey `json:"keys" doc:"The keys that were matched, each with an id of its own."`
}

func fromVerifyConnection(c core.Connection, wanted map[core.WantedKeyID]core.WantedKey) VerifyConnection {
	return VerifyConnection{
		ID: c.UUID.String(), IPAddress: addressText(c.Address), ClientVersion: c.ClientVersion, CreatedAt: c.CreatedAt,
		Keys: convert(c.Keys, func(k core.CollectedKey) VerifyKey {
			of := wanted[k.Wanted] // its name is gone when it is no longer asked for
			return VerifyKey{
				ID: k.UUID.String(), ExternalID: of.ExternalID, Name: of.Name,
				PublicKey: fromPublicKey(k.Public), VerifiedAt: timeOrNull(k.CreatedAt),
			}
		}),
	}
}

// VerifyKey is a key that is asked for, or one that was matched.
type VerifyKey struct {
	ID         string  `json:"id" doc:"The id of the key; a matched one has an id of its own."`
	ExternalID *string `json:"external_id" doc:"The caller's own reference."`
	Name       *string `json:"name" doc:"A label."`
	PublicKey
	VerifiedAt *time.Time `json:"verified_at" doc:"When the key was proven; null: not yet."`
}

func fromWanted(k core.WantedKey) VerifyKey {
	return VerifyKey{
		ID: k.UUID.String(), ExternalID: k.ExternalID, Name: k.Name,
		PublicKey: fromPublicKey(k.Public), VerifiedAt: timeOrNull(k.VerifiedAt),
	}
}

// VerifySessionPage is a part of the list of sessions.
type VerifySessionPage struct {
	Items []VerifySessionSummary `json:"items" doc:"The sessions of this page."`
	PageInfo
}

func (f *sshverify) verifyPage(list []core.Session, i PageInfo) VerifySessionPage {
	return VerifySessionPage{Items: convert(list, f.verifySummary), PageInfo: i}
}

// VerifyKeyInput is a key to ask for.
type VerifyKeyInput struct {
	PublicKey  string           `json:"public_key" doc:"The key as a line of authorized_keys, in PEM or in RFC 4716 form."`
	Name       nullable[string] `json:"name,omitzero" doc:"A label."`
	ExternalID nullable[string] `json:"external_id,omitzero" doc:"The caller's own reference."`
}

func (k VerifyKeyInput) toCore() core.NewWantedKey {
	return core.NewWantedKey{PublicKey: k.PublicKey, Name: k.Name.pointer(), ExternalID: k.ExternalID.pointer()}
}

// VerifySessionCreate is what a session is made from.
type VerifySessionCreate struct {
	SessionUpdate
	Keys         []VerifyKeyInput      `json:"keys" minItems:"1" maxItems:"40" doc:"The keys to ask for, 1 to 40."`
	MatchAllKeys *bool                 `json:"match_all_keys,omitempty" doc:"Ask for all keys in one connection, not just one."`
	MaxAttempts  *int32                `json:"max_attempts,omitempty" minimum:"1" default:"1" doc:"How many connections may end without success."`
	Webhooks     []VerifyWebhookCreate `json:"webhooks,omitempty" maxItems:"20" doc:"Where events of the session go, at most 20."`
}

func (c VerifySessionCreate) toCore() (core.NewSession, error) {
	out, err := c.newSession()
	out.Wanted = convert(c.Keys, VerifyKeyInput.toCore)
	out.MatchAllKeys, out.MaxAttempts = isTrue(c.MatchAllKeys), 1
	if c.MaxAttempts != nil {
		out.MaxAttempts = int(*c.MaxAttempts)
	}
	out.Webhooks = convert(c.Webhooks, func(w VerifyWebhookCreate) core.NewWebhook { return w.newWebhook() })
	return out, err
}

// VerifySessionUpdate is what can be changed of a session.
type VerifySessionUpdate struct {
	SessionUpdate
	Keys         []VerifyKeyInput `json:"keys,omitempty" doc:"The keys to ask for in place of those there are. A key that stays keeps its id and proof."`
	MatchAllKeys *bool            `json:"match_all_keys,omitempty" doc:"Ask for all keys in one connection, not just one."`
	MaxAttempts  *int32           `json:"max_attempts,omitempty" minimum:"1" doc:"How many connections may end without success."`
}

func (u VerifySessionUpdate) toCore() (core.SessionChange, error) {
	out, err := u.sessionChange()
	if u.Keys != nil {
		out.Wanted = core.To(convert(u.Keys, VerifyKeyInput.toCore))
	}
	out.MatchAllKeys = changeTo(u.MatchAllKeys)
	if u.MaxAttempts != nil {
		out.MaxAttempts = core.To(int(*u.MaxAttempts))
	}
	return out, err
}

// VerifyWebhook is where events of a session go.
type VerifyWebhook struct{ Webhook[VerifyEvent] }

func fromVerifyWebhook(w core.Webhook) VerifyWebhook {
	return VerifyWebhook{fromWebhook[VerifyEvent](w)}
}

// VerifyWebhookPage is a part of the list of webhooks.
type VerifyWebhookPage struct {
	Items []VerifyWebhook `json:"items" doc:"The webhooks of this page."`
	PageInfo
}

// VerifyWebhookCreate is what a webhook is made from.
type VerifyWebhookCreate struct{ WebhookCreate[VerifyEvent] }

// VerifyWebhookUpdate is what can be changed of a webhook.
type VerifyWebhookUpdate struct{ WebhookUpdate[VerifyEvent] }
