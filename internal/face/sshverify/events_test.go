package sshverify_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face/sshverify"
	"keyrack/internal/sshkey"
)

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// parcels of the examples on the webhook pages of the documentation.
func collectParcel(t *testing.T) core.Parcel {
	t.Helper()
	external := "user_123"
	return core.Parcel{
		Delivery: core.Delivery{
			UUID: uuid.MustParse("0197c3a9-5d20-7b1e-8f44-6c0de1f2a3b4"),
			Event: core.Event{
				Kind: core.StatusChangedEvent, At: moment(t, "2026-05-10T10:00:00Z"), SessionKind: core.CollectSession,
				Session: uuid.MustParse("0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c"), ExternalID: &external,
				Identifier: "q7m4z2k9w3hx8t5vbn6c", Status: core.SessionCompleted,
			},
		},
		Target: core.Webhook{UUID: uuid.MustParse("0197c3a2-6f20-7a10-a1b2-c3d4e5f60718")},
	}
}

func verifyParcel(t *testing.T) core.Parcel {
	t.Helper()
	p := collectParcel(t)
	p.UUID = uuid.MustParse("0197c3b1-1d41-7f02-8a6b-1c2d3e4f5a6b")
	p.Target.UUID = uuid.MustParse("0197c3b0-02c0-7e10-8c44-aabbccddeeff")
	p.Event.SessionKind, p.Event.Status = core.VerifySession, ""
	p.Event.Session = uuid.MustParse("0197c3b0-02aa-7d55-9f21-64b7c8d9e0f1")
	p.Event.Identifier = "n4c8x2v6b9m3k7j5h1g2"
	p.Event.Connection = uuid.MustParse("0197c3b1-1d40-7b6e-9e02-8a7b6c5d4e3f")
	p.Event.At = moment(t, "2026-05-10T10:06:11Z")
	return p
}

const vectorKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk6k7EMuYtAVb7JHtU98Zx8ROZ9D5WipUVvnBDlzsW5"

const vectorFields = `"public_key_ssh":"` + vectorKey + `",` +
	`"public_key_pem":"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGTqTsQy5i0BVvske1T3xnHxE5n0PlaKlRW+cEOXOxbk=\n-----END PUBLIC KEY-----\n",` +
	`"public_key_md5":"MD5:05:62:73:f8:b3:6c:9f:c8:a1:0e:b4:b1:cf:e7:ef:c2",` +
	`"public_key_sha256":"SHA256:Pgn1VBxCBdbd0f5v462Jh7w9LO1Borkc9iVTpZP62pY",` +
	`"public_key_algorithm":"ssh-ed25519"}}`

// The bodies are the documentation's examples to the byte. The first is the
// 513 bytes that the signature vector of Standard Webhooks is made over.
func TestEventBody(t *testing.T) {
	t.Parallel()
	line, err := sshkey.Parse(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	const collectHead = `{"entity":"collect_session","id":"0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c","event":"`
	const collectMiddle = `","webhook_id":"0197c3a2-6f20-7a10-a1b2-c3d4e5f60718","webhook_invocation_id":"0197c3a9-5d20-7b1e-8f44-6c0de1f2a3b4",` +
		`"trigger_time":"2026-05-10T10:00:00Z","request_time":"2026-05-10T10:00:01Z","attempt":1,"payload":{` +
		`"collect_session_id":"0197c3a2-6f1e-7c44-9b0e-3d5a6a1f2b7c","collect_session_external_id":"user_123",` +
		`"collect_session_connection_identifier":"q7m4z2k9w3hx8t5vbn6c"`
	const verifyHead = `{"entity":"verify_session","id":"0197c3b0-02aa-7d55-9f21-64b7c8d9e0f1","event":"`
	const verifyMiddle = `","webhook_id":"0197c3b0-02c0-7e10-8c44-aabbccddeeff","webhook_invocation_id":"0197c3b1-1d41-7f02-8a6b-1c2d3e4f5a6b",` +
		`"trigger_time":"2026-05-10T10:06:11Z","request_time":"2026-05-10T10:06:21Z","attempt":2,"payload":{` +
		`"verify_session_id":"0197c3b0-02aa-7d55-9f21-64b7c8d9e0f1","verify_session_external_id":"user_123",` +
		`"verify_session_connection_identifier":"n4c8x2v6b9m3k7j5h1g2"`
	connection := uuid.MustParse("0197c3a9-5b02-7e3d-8d11-7f0a4c2b9e55")
	for name, c := range map[string]struct {
		parcel  core.Parcel
		change  func(*core.Event)
		attempt int
		at      string
		want    string
	}{
		"collect status_changed": {
			parcel: collectParcel(t), attempt: 1, at: "2026-05-10T10:00:01Z",
			want: collectHead + "status_changed" + collectMiddle + `,"collect_session_status":"completed"}}`,
		},
		"collect new_connection": {
			parcel: collectParcel(t), attempt: 1, at: "2026-05-10T10:00:01Z",
			change: func(e *core.Event) {
				e.Kind, e.Status, e.Connection = core.NewConnectionEvent, "", connection
				e.Address, e.ClientVersion = netip.MustParseAddr("::ffff:203.0.113.10"), "SSH-2.0-OpenSSH_9.6"
			},
			want: collectHead + "new_connection" + collectMiddle + `,"collect_session_connection_id":"0197c3a9-5b02-7e3d-8d11-7f0a4c2b9e55",` +
				`"ip_address":"203.0.113.10","client_version":"SSH-2.0-OpenSSH_9.6"}}`,
		},
		"collect key_collected": {
			parcel: collectParcel(t), attempt: 1, at: "2026-05-10T10:00:01Z",
			change: func(e *core.Event) {
				e.Kind, e.Status, e.Connection, e.Public = core.KeyCollectedEvent, "", connection, line.Key
				e.ConnectionKey = uuid.MustParse("0197c3a9-5b1c-7aa0-9c3e-2b4d6f8a0c11")
			},
			want: collectHead + "key_collected" + collectMiddle + `,"collect_session_connection_id":"0197c3a9-5b02-7e3d-8d11-7f0a4c2b9e55",` +
				`"collect_session_connection_key_id":"0197c3a9-5b1c-7aa0-9c3e-2b4d6f8a0c11",` + vectorFields,
		},
		"verify new_connection, second try": {
			parcel: verifyParcel(t), attempt: 2, at: "2026-05-10T10:06:21Z",
			change: func(e *core.Event) {
				e.Kind = core.NewConnectionEvent
				e.Address, e.ClientVersion = netip.MustParseAddr("2001:db8::17"), "SSH-2.0-OpenSSH_9.6"
			},
			want: verifyHead + "new_connection" + verifyMiddle + `,"verify_session_connection_id":"0197c3b1-1d40-7b6e-9e02-8a7b6c5d4e3f",` +
				`"ip_address":"2001:db8::17","client_version":"SSH-2.0-OpenSSH_9.6"}}`,
		},
		"verify verified": {
			parcel: verifyParcel(t), attempt: 2, at: "2026-05-10T10:06:21Z",
			change: func(e *core.Event) {
				e.Kind, e.Public = core.VerifiedEvent, line.Key
				e.VerifyKey = uuid.MustParse("0197c3b0-02ab-7001-8a00-112233445566")
				e.ConnectionKey = uuid.MustParse("0197c3b1-1d55-7c21-8b10-0f1e2d3c4b5a")
			},
			want: verifyHead + "verified" + verifyMiddle + `,"verify_session_connection_id":"0197c3b1-1d40-7b6e-9e02-8a7b6c5d4e3f",` +
				`"verify_session_key_id":"0197c3b0-02ab-7001-8a00-112233445566",` +
				`"verify_session_connection_key_id":"0197c3b1-1d55-7c21-8b10-0f1e2d3c4b5a",` + vectorFields,
		},
		"verify failed_attempt": {
			parcel: verifyParcel(t), attempt: 2, at: "2026-05-10T10:06:21Z",
			change: func(e *core.Event) { e.Kind = core.FailedAttemptEvent },
			want:   verifyHead + "failed_attempt" + verifyMiddle + `,"verify_session_connection_id":"0197c3b1-1d40-7b6e-9e02-8a7b6c5d4e3f"}}`,
		},
		"verify status_changed": {
			parcel: verifyParcel(t), attempt: 2, at: "2026-05-10T10:06:21Z",
			change: func(e *core.Event) {
				e.Kind, e.Connection, e.Status = core.StatusChangedEvent, uuid.Nil, core.SessionFailed
			},
			want: verifyHead + "status_changed" + verifyMiddle + `,"verify_session_status":"failed"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.parcel.Event)
			}
			got, err := sshverify.EventBody(c.parcel, c.attempt, moment(t, c.at))
			if err != nil || string(got) != c.want {
				t.Errorf("EventBody = %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestEventBodyOfVector(t *testing.T) {
	t.Parallel()
	got, err := sshverify.EventBody(collectParcel(t), 1, moment(t, "2026-05-10T10:00:01Z"))
	if err != nil || len(got) != 513 {
		t.Errorf("EventBody has %d bytes, %v; the signature vector is made over 513", len(got), err)
	}
}
