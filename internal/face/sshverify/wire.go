package sshverify

import (
	"encoding/json"
	"math"
	"net/netip"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
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

// SessionSummary is what sessions of both kinds show in lists. S is the kind's
// status.
type SessionSummary[S ~string] struct {
	ID                   string     `json:"id" doc:"The id of the session."`
	ConnectionIdentifier string     `json:"connection_identifier" doc:"The user name to connect with: ssh IDENTIFIER@HOST."`
	ExternalID           *string    `json:"external_id" doc:"The caller's own reference."`
	Status               S          `json:"status" doc:"Where the session stands."`
	MultiKey             bool       `json:"multi_key" doc:"Whether keys are heard after the first one that would do."`
	MultiConnection      bool       `json:"multi_connection" doc:"Whether the session stays open after a connection that succeeded, until it is completed by hand."`
	MustConfirm          bool       `json:"must_confirm" doc:"Whether the user has to press y in the SSH client before anything is kept."`
	SSHBanner            *string    `json:"ssh_banner" doc:"The text shown before the login."`
	SSHMessage           *string    `json:"ssh_message" doc:"The text shown after the login."`
	ExpiredAt            *time.Time `json:"expired_at" doc:"When the session ends or ended; null: never."`
	CreatedAt            time.Time  `json:"created_at" doc:"When the session was made."`
	UpdatedAt            time.Time  `json:"updated_at" doc:"When the session last changed."`
}

func summaryOf[S ~string](f *sshverify, s core.Session) SessionSummary[S] {
	return SessionSummary[S]{
		ID: s.UUID.String(), ConnectionIdentifier: s.Identifier, ExternalID: s.ExternalID, Status: S(f.status(s.Status)),
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

// addressText gives an address in its plainest form; empty where none is known.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

// PublicKey is a key in all its spellings.
type PublicKey struct {
	PublicKeyAlgorithm string `json:"public_key_algorithm" doc:"The type of the key, as ssh-ed25519."`
	PublicKeySSH       string `json:"public_key_ssh" doc:"The key as a line of authorized_keys, without comment."`
	PublicKeyPEM       string `json:"public_key_pem" doc:"The key as PKIX PEM; empty for types that have no such form."`
	PublicKeyMD5       string `json:"public_key_md5" doc:"The MD5 fingerprint, with its prefix."`
	PublicKeySHA256    string `json:"public_key_sha256" doc:"The SHA-256 fingerprint, with its prefix."`
}

func fromPublicKey(k sshkey.PublicKey) PublicKey {
	pem, _ := k.PEM() // empty where there is none
	return PublicKey{
		PublicKeyAlgorithm: k.Algorithm(), PublicKeySSH: k.String(), PublicKeyPEM: pem,
		PublicKeyMD5: k.MD5().String(), PublicKeySHA256: k.SHA256().String(),
	}
}

// PageInfo says where a page of a list stands.
type PageInfo struct {
	Total   int64 `json:"total" doc:"How many items there are in all."`
	Offset  int64 `json:"offset" doc:"How many items stand before this page."`
	Limit   int64 `json:"limit" doc:"How many items a page has at most: what was asked for, or 100."`
	HasMore bool  `json:"has_more" doc:"Whether there are items after this page."`
}

// SessionUpdate is what can be changed of sessions of both kinds.
type SessionUpdate struct {
	ExternalID      nullable[string]  `json:"external_id,omitzero" doc:"The caller's own reference, at most 255 characters. Need not be unique."`
	MultiKey        *bool             `json:"multi_key,omitempty" doc:"Collect all keys of a connection, not just the first."`
	MultiConnection *bool             `json:"multi_connection,omitempty" doc:"Stay open after the first connection, until completed by hand."`
	MustConfirm     *bool             `json:"must_confirm,omitempty" doc:"Ask the user to press y in the SSH client before anything is kept."`
	SSHBanner       nullable[string]  `json:"ssh_banner,omitzero" doc:"Text to show before the login, at most 4096 bytes. Control characters are dropped."`
	SSHMessage      nullable[string]  `json:"ssh_message,omitzero" doc:"Text to show after the login, at most 4096 bytes. Control characters are dropped."`
	ExpiredAt       nullable[string]  `json:"expired_at,omitzero" format:"date-time" doc:"When the session is to end, 1970 to 9999. Not together with timeout."`
	Timeout         nullable[seconds] `json:"timeout,omitzero" doc:"In how many seconds the session is to end. Not together with expired_at."`
}

// Resolve checks what the schema cannot say.
func (u *SessionUpdate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if t, ok := u.expiredAt(); ok && (t.Before(time.Unix(0, 0)) || t.Year() > 9999) {
		return []error{&huma.ErrorDetail{Message: "expected a time from 1970 to 9999", Location: at.With("expired_at")}}
	}
	return nil
}

// expiredAt reads the time as the validator did, which has taken it.
func (u *SessionUpdate) expiredAt() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, u.ExpiredAt.value)
	return t.UTC(), err == nil
}

var errTwoEnds = &core.Error{
	Kind: core.Invalid, Msg: "Cannot use both timeout and expired_at",
	Fields: []core.Field{{Path: "expired_at", Msg: "Cannot be used with timeout"}},
}

// expiry gives the end that is asked for; null means never.
func (u *SessionUpdate) expiry() (core.Change[core.Expiry], error) {
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

// newSession gives what the members shared by both kinds say of a new session.
func (u *SessionUpdate) newSession() (core.NewSession, error) {
	end, err := u.expiry()
	return core.NewSession{
		ExternalID: u.ExternalID.pointer(),
		MultiKey:   isTrue(u.MultiKey), MultiConnection: isTrue(u.MultiConnection), MustConfirm: isTrue(u.MustConfirm),
		Banner: u.SSHBanner.pointer(), Message: u.SSHMessage.pointer(), Expiry: end.Value,
	}, err
}

// sessionChange gives what the members shared by both kinds change.
func (u *SessionUpdate) sessionChange() (core.SessionChange, error) {
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

// changeTo changes to a member that is there; absent and null leave alone.
func changeTo[T any](v *T) core.Change[T] {
	if v == nil {
		return core.Change[T]{}
	}
	return core.To(*v)
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

// enum is the schema of a text that has only these values.
func enum[T ~string](values ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}
