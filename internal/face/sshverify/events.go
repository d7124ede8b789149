package sshverify

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// envelope is the body of a webhook's request (webhook page of the
// documentation).
type envelope struct {
	Entity              string         `json:"entity"`
	ID                  string         `json:"id"`
	Event               core.EventKind `json:"event"`
	WebhookID           string         `json:"webhook_id"`
	WebhookInvocationID string         `json:"webhook_invocation_id"`
	TriggerTime         time.Time      `json:"trigger_time"`
	RequestTime         time.Time      `json:"request_time"`
	Attempt             int            `json:"attempt"`
	Payload             any            `json:"payload"`
}

// EventBody writes the body that tells a receiver of an event. It is the same
// for every try but for request_time and attempt.
func EventBody(p core.Parcel, attempt int, at time.Time) ([]byte, error) {
	e := envelope{
		Entity: "collect_session", ID: p.Event.Session.String(), Event: p.Event.Kind,
		WebhookID: p.Target.UUID.String(), WebhookInvocationID: p.UUID.String(),
		TriggerTime: p.Event.At, RequestTime: core.Moment(at), Attempt: attempt,
		Payload: fromCollectEvent(p.Event),
	}
	if p.Event.SessionKind == core.VerifySession {
		e.Entity, e.Payload = "verify_session", fromVerifyEvent(p.Event)
	}
	return json.Marshal(e)
}

// eventKey is the key that an event is about.
type eventKey struct {
	PublicKeySSH       string `json:"public_key_ssh,omitempty"`
	PublicKeyPEM       string `json:"public_key_pem,omitempty"`
	PublicKeyMD5       string `json:"public_key_md5,omitempty"`
	PublicKeySHA256    string `json:"public_key_sha256,omitempty"`
	PublicKeyAlgorithm string `json:"public_key_algorithm,omitempty"`
}

func fromEventKey(e core.Event) eventKey {
	if e.Public.IsZero() {
		return eventKey{}
	}
	pem, _ := e.Public.PEM() // left out where there is none
	return eventKey{
		PublicKeySSH: e.Public.String(), PublicKeyPEM: pem, PublicKeyMD5: e.Public.MD5().String(),
		PublicKeySHA256: e.Public.SHA256().String(), PublicKeyAlgorithm: e.Public.Algorithm(),
	}
}

// client is who connected.
type client struct {
	IPAddress     string `json:"ip_address,omitempty"`
	ClientVersion string `json:"client_version,omitempty"`
}

func fromClient(e core.Event) client {
	if e.Kind != core.NewConnectionEvent {
		return client{}
	}
	return client{IPAddress: addressText(e.Address), ClientVersion: e.ClientVersion}
}

type collectPayload struct {
	SessionID     string             `json:"collect_session_id"`
	ExternalID    *string            `json:"collect_session_external_id"`
	Identifier    string             `json:"collect_session_connection_identifier"`
	Status        core.SessionStatus `json:"collect_session_status,omitempty"`
	Connection    string             `json:"collect_session_connection_id,omitempty"`
	ConnectionKey string             `json:"collect_session_connection_key_id,omitempty"`
	client
	eventKey
}

func fromCollectEvent(e core.Event) collectPayload {
	return collectPayload{
		SessionID: e.Session.String(), ExternalID: e.ExternalID, Identifier: e.Identifier, Status: e.Status,
		Connection: idOrNone(e.Connection), ConnectionKey: idOrNone(e.ConnectionKey),
		client: fromClient(e), eventKey: fromEventKey(e),
	}
}

type verifyPayload struct {
	SessionID     string             `json:"verify_session_id"`
	ExternalID    *string            `json:"verify_session_external_id"`
	Identifier    string             `json:"verify_session_connection_identifier"`
	Status        core.SessionStatus `json:"verify_session_status,omitempty"`
	Connection    string             `json:"verify_session_connection_id,omitempty"`
	Key           string             `json:"verify_session_key_id,omitempty"`
	ConnectionKey string             `json:"verify_session_connection_key_id,omitempty"`
	client
	eventKey
}

func fromVerifyEvent(e core.Event) verifyPayload {
	return verifyPayload{
		SessionID: e.Session.String(), ExternalID: e.ExternalID, Identifier: e.Identifier, Status: e.Status,
		Connection: idOrNone(e.Connection), Key: idOrNone(e.VerifyKey), ConnectionKey: idOrNone(e.ConnectionKey),
		client: fromClient(e), eventKey: fromEventKey(e),
	}
}

func idOrNone(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}
