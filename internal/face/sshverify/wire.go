package sshverify

import (
	"encoding/json"
	"math"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
)

// reply is a body without headers of its own.
type reply[T any] struct{ Body T }

// AuthInfo is the API key in use.
type AuthInfo struct {
	ID        string     `json:"id" doc:"The id of the API key."`
	Name      string     `json:"name" doc:"The name of the API key."`
	ProjectID string     `json:"project_id" doc:"The project whose sessions the key manages."`
	CreatedAt time.Time  `json:"created_at" doc:"When the key was made."`
	ExpiredAt *time.Time `json:"expired_at" doc:"When the key ends; null: never."`
}

func fromAPIKey(k core.APIKey, p core.Project) AuthInfo {
	return AuthInfo{
		ID: k.UUID.String(), Name: k.Name, ProjectID: p.UUID.String(),
		CreatedAt: k.CreatedAt, ExpiredAt: timeOrNull(k.ExpiresAt),
	}
}

// CollectSessionSummary is a session as lists show it.
type CollectSessionSummary struct {
	ID                   string     `json:"id" doc:"The id of the session."`
	ConnectionIdentifier string     `json:"connection_identifier" doc:"The user name to connect with: ssh IDENTIFIER@HOST."`
	ExternalID           *string    `json:"external_id" doc:"The caller's own reference."`
	Status               string     `json:"status" enum:"pending,completed,expired" doc:"Where the session stands."`
	MultiKey             bool       `json:"multi_key" doc:"Whether all keys of a connection are collected, not just the first."`
	MultiConnection      bool       `json:"multi_connection" doc:"Whether the session stays open after the first connection, until it is completed by hand."`
	MustConfirm          bool       `json:"must_confirm" doc:"Whether the user has to press y in the SSH client before anything is kept."`
	SSHBanner            *string    `json:"ssh_banner" doc:"The text shown before the login."`
	SSHMessage           *string    `json:"ssh_message" doc:"The text shown after the login."`
	ExpiredAt            *time.Time `json:"expired_at" doc:"When the session ends or ended; null: never."`
	CreatedAt            time.Time  `json:"created_at" doc:"When the session was made."`
	UpdatedAt            time.Time  `json:"updated_at" doc:"When the session last changed."`
}

func (f *sshverify) summary(s core.Session) CollectSessionSummary {
	return CollectSessionSummary{
		ID: s.UUID.String(), ConnectionIdentifier: s.Identifier, ExternalID: s.ExternalID, Status: f.status(s.Status),
		MultiKey: s.MultiKey, MultiConnection: s.MultiConnection, MustConfirm: s.MustConfirm,
		SSHBanner: s.Banner, SSHMessage: s.Message,
		ExpiredAt: timeOrNull(s.ExpiresAt), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}

// status keeps expired away from clients that do not know it: SSHVerify's
// results pages name it, the schema of its reference does not.
func (f *sshverify) status(s core.SessionStatus) string {
	if s == core.SessionExpired && f.ExpiredAsPending {
		s = core.SessionPending
	}
	return string(s)
}

// CollectSession is a session with all that came in.
type CollectSession struct {
	CollectSessionSummary
	Connections []CollectConnection `json:"connections" doc:"The connections made to the session, in order of arrival."`
	Webhooks    []Webhook           `json:"webhooks" doc:"Where events of the session go."`
}

func (f *sshverify) session(s core.Session) CollectSession {
	return CollectSession{
		CollectSessionSummary: f.summary(s),
		Connections:           convert(s.Connections, fromConnection),
		Webhooks:              []Webhook{},
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
		ID: c.UUID.String(), IPAddress: c.Address.Unmap().String(), ClientVersion: c.ClientVersion,
		CreatedAt: c.CreatedAt, Keys: convert(c.Keys, fromKey),
	}
}

// CollectKey is a key that came in over a connection.
type CollectKey struct {
	ID                 string    `json:"id" doc:"The id of the record."`
	CreatedAt          time.Time `json:"created_at" doc:"When the key was collected."`
	PublicKeyAlgorithm string    `json:"public_key_algorithm" doc:"The type of the key, as ssh-ed25519."`
	PublicKeySSH       string    `json:"public_key_ssh" doc:"The key as a line of authorized_keys, without comment."`
	PublicKeyPEM       string    `json:"public_key_pem" doc:"The key as PKIX PEM; empty for types that have no such form."`
	PublicKeyMD5       string    `json:"public_key_md5" doc:"The MD5 fingerprint, with its prefix."`
	PublicKeySHA256    string    `json:"public_key_sha256" doc:"The SHA-256 fingerprint, with its prefix."`
}

func fromKey(k core.CollectedKey) CollectKey {
	pem, _ := k.Public.PEM() // empty where there is none
	return CollectKey{
		ID: k.UUID.String(), CreatedAt: k.CreatedAt,
		PublicKeyAlgorithm: k.Public.Algorithm(), PublicKeySSH: k.Public.String(), PublicKeyPEM: pem,
		PublicKeyMD5: k.Public.MD5().String(), PublicKeySHA256: k.Public.SHA256().String(),
	}
}

// Webhook is where events of a session go.
type Webhook struct {
	ID                string              `json:"id" doc:"The id of the webhook."`
	URL               string              `json:"url" doc:"Where events are sent."`
	Method            string              `json:"method" enum:"post,put,patch" doc:"The HTTP method they are sent with."`
	Events            []string            `json:"events" enum:"new_connection,key_collected,status_changed" doc:"Which events are sent; empty: all."`
	Headers           map[string][]string `json:"headers" doc:"Headers to send with them."`
	Retries           int32               `json:"retries" doc:"How many tries follow a first one that failed."`
	InitialBackoff    int64               `json:"initial_backoff" doc:"Seconds to the second try."`
	BackoffMultiplier float64             `json:"backoff_multiplier" doc:"By how much each wait is longer than the one before."`
}

// CollectSessionPage is a part of the list of sessions.
type CollectSessionPage struct {
	Items   []CollectSessionSummary `json:"items" doc:"The sessions of this page."`
	Total   int64                   `json:"total" doc:"How many sessions there are in all."`
	Offset  int64                   `json:"offset" doc:"How many sessions stand before this page."`
	Limit   int64                   `json:"limit" doc:"How many sessions a page has at most: what was asked for, or 100."`
	HasMore bool                    `json:"has_more" doc:"Whether there are sessions after this page."`
}

// CollectSessionUpdate is what can be changed of a session.
type CollectSessionUpdate struct {
	ExternalID      nullable[string]  `json:"external_id,omitzero" doc:"The caller's own reference, at most 255 characters. Need not be unique."`
	MultiKey        *bool             `json:"multi_key,omitempty" doc:"Collect all keys of a connection, not just the first."`
	MultiConnection *bool             `json:"multi_connection,omitempty" doc:"Stay open after the first connection, until completed by hand."`
	MustConfirm     *bool             `json:"must_confirm,omitempty" doc:"Ask the user to press y in the SSH client before anything is kept."`
	SSHBanner       nullable[string]  `json:"ssh_banner,omitzero" doc:"Text to show before the login, at most 4096 bytes. Control characters are dropped."`
	SSHMessage      nullable[string]  `json:"ssh_message,omitzero" doc:"Text to show after the login, at most 4096 bytes. Control characters are dropped."`
	ExpiredAt       nullable[string]  `json:"expired_at,omitzero" format:"date-time" doc:"When the session is to end, 1970 to 9999. Not together with timeout."`
	Timeout         nullable[seconds] `json:"timeout,omitzero" doc:"In how many seconds the session is to end. Not together with expired_at."`
}

// CollectSessionCreate is what a session is made from. Booleans are false and
// everything else is null where it is absent.
type CollectSessionCreate struct {
	CollectSessionUpdate
	Webhooks []any `json:"webhooks,omitempty" doc:"To be left empty: webhooks are not supported yet."`
}

// Resolve checks what the schema cannot say.
func (u *CollectSessionUpdate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if t, ok := u.expiredAt(); ok && (t.Before(time.Unix(0, 0)) || t.Year() > 9999) {
		return []error{&huma.ErrorDetail{Message: "expected a time from 1970 to 9999", Location: at.With("expired_at")}}
	}
	return nil
}

// Resolve checks what the schema cannot say. Webhooks are refused, because who
// asks for events and gets none would wait for ever.
func (c *CollectSessionCreate) Resolve(ctx huma.Context, at *huma.PathBuffer) []error {
	errs := c.CollectSessionUpdate.Resolve(ctx, at)
	if len(c.Webhooks) > 0 {
		errs = append(errs, &huma.ErrorDetail{Message: "webhooks are not supported yet", Location: at.With("webhooks")})
	}
	return errs
}

// expiredAt reads the time as the validator did, which has taken it.
func (u *CollectSessionUpdate) expiredAt() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, u.ExpiredAt.value)
	return t.UTC(), err == nil
}

var errTwoEnds = &core.Error{
	Kind: core.Invalid, Msg: "Cannot use both timeout and expired_at",
	Fields: []core.Field{{Path: "expired_at", Msg: "Cannot be used with timeout"}},
}

// expiry gives the end that is asked for; null means never.
func (u *CollectSessionUpdate) expiry() (core.Change[core.Expiry], error) {
	at, absolute := u.expiredAt()
	switch {
	case absolute && u.Timeout.there:
		return core.Change[core.Expiry]{}, errTwoEnds
	case absolute:
		return core.To(core.Expiry{At: at}), nil
	case u.Timeout.there:
		after := u.Timeout.value.duration()
		return core.To(core.Expiry{Timeout: &after}), nil
	}
	return core.Change[core.Expiry]{Set: u.ExpiredAt.sent || u.Timeout.sent}, nil
}

func (c *CollectSessionCreate) toCore() (core.NewSession, error) {
	end, err := c.expiry()
	return core.NewSession{
		Kind: core.CollectSession, ExternalID: c.ExternalID.pointer(),
		MultiKey: isTrue(c.MultiKey), MultiConnection: isTrue(c.MultiConnection), MustConfirm: isTrue(c.MustConfirm),
		Banner: c.SSHBanner.pointer(), Message: c.SSHMessage.pointer(), Expiry: end.Value,
	}, err
}

func (u *CollectSessionUpdate) toCore() (core.SessionChange, error) {
	end, err := u.expiry()
	return core.SessionChange{
		ExternalID: u.ExternalID.change(),
		MultiKey:   changeTo(u.MultiKey), MultiConnection: changeTo(u.MultiConnection), MustConfirm: changeTo(u.MustConfirm),
		Banner: u.SSHBanner.change(), Message: u.SSHMessage.change(), Expiry: end,
	}, err
}

// nullable is a member that may be absent, null or there: three things, which
// a pointer cannot tell apart.
type nullable[T any] struct {
	sent, there bool
	value       T
}

// UnmarshalJSON reads the member, null included.
func (n *nullable[T]) UnmarshalJSON(data []byte) error {
	n.sent = true
	if string(data) == "null" {
		return nil
	}
	n.there = true
	return json.Unmarshal(data, &n.value)
}

// Schema is that of the value, or null.
func (nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

func (n nullable[T]) pointer() *T {
	if !n.there {
		return nil
	}
	return &n.value
}

func (n nullable[T]) change() core.Change[*T] {
	return core.Change[*T]{Set: n.sent, Value: n.pointer()}
}

// seconds is a whole number as JSON Schema counts them: 60, 60.0 and 6e1 alike.
type seconds float64

// Schema is that of a 64-bit integer.
func (seconds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64"}
}

// duration gives the time, or the longest there is: which is too long is not
// for the wire to say.
func (s seconds) duration() time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	return time.Duration(min(max(s, -seconds(most)), seconds(most))) * time.Second
}

func isTrue(b *bool) bool { return b != nil && *b }

func changeTo(b *bool) core.Change[bool] {
	return core.Change[bool]{Set: b != nil, Value: isTrue(b)}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// convert never gives nil, which would be null on the wire.
func convert[A, B any](list []A, one func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = one(v)
	}
	return out
}
