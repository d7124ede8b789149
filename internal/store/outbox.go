package store

import (
	"cmp"
	"database/sql/driver"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	WebhookID     int64
	ProjectID     int64
	Receiver      string
	Event         event
	State         string
	Attempts      int
	NextAt        instant
	LeasedUntil   instant
	CreatedAt     instant
	Lease         int64
}

func deliveryRowOf(d core.Delivery) deliveryRow {
	return deliveryRow{
		ID: int64(d.ID), UUID: uid(d.UUID), WebhookID: int64(d.Webhook), ProjectID: int64(d.Project), Receiver: d.Receiver, Event: event{d.Event},
		State: string(d.State), Attempts: d.Attempts, NextAt: instant{d.NextAt}, LeasedUntil: instant{d.LeasedUntil},
		CreatedAt: instant{d.CreatedAt}, Lease: d.Lease,
	}
}

func (r deliveryRow) delivery() core.Delivery {
	return core.Delivery{
		ID: core.DeliveryID(r.ID), UUID: uuid.UUID(r.UUID), Webhook: core.WebhookID(r.WebhookID),
		Project: core.ProjectID(r.ProjectID), Receiver: r.Receiver, Event: r.Event.Event, State: core.DeliveryState(r.State),
		Attempts: r.Attempts, NextAt: r.NextAt.Time, LeasedUntil: r.LeasedUntil.Time, CreatedAt: r.CreatedAt.Time,
		Lease: r.Lease,
	}
}

// event is what happened, as JSON: a snapshot that nothing searches in.
type event struct{ core.Event }

// storedEvent is the form in the database. Its names must not change.
type storedEvent struct {
	Kind          core.EventKind     `json:"kind"`
	At            time.Time          `json:"at"`
	SessionKind   core.SessionKind   `json:"session_kind"`
	Session       uuid.UUID          `json:"session"`
	ExternalID    *string            `json:"external_id,omitempty"`
	Identifier    string             `json:"identifier"`
	Status        core.SessionStatus `json:"status,omitempty"`
	Connection    uuid.UUID          `json:"connection,omitzero"`
	Address       netip.Addr         `json:"address,omitzero"`
	ClientVersion string             `json:"client_version,omitempty"`
	ConnectionKey uuid.UUID          `json:"connection_key,omitzero"`
	VerifyKey     uuid.UUID          `json:"verify_key,omitzero"`
	Public        []byte             `json:"public,omitempty"`
}

// Value gives the JSON text.
func (e event) Value() (driver.Value, error) {
	text, err := json.Marshal(storedEvent{
		e.Kind, e.At, e.SessionKind, e.Session, e.ExternalID, e.Identifier, e.Status, e.Connection,
		e.Address, e.ClientVersion, e.ConnectionKey, e.VerifyKey, e.Public.Blob(),
	})
	return string(text), err
}

// Scan reads the JSON text.
func (e *event) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return unreadable("event", src)
	}
	var s storedEvent
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	e.Event = core.Event{
		Kind: s.Kind, At: s.At, SessionKind: s.SessionKind, Session: s.Session, ExternalID: s.ExternalID,
		Identifier: s.Identifier, Status: s.Status, Connection: s.Connection, Address: s.Address,
		ClientVersion: s.ClientVersion, ConnectionKey: s.ConnectionKey, VerifyKey: s.VerifyKey,
	}
	if len(s.Public) == 0 {
		return nil
	}
	var err error
	e.Public, err = sshkey.FromWire(s.Public)
	return err
}

func (t *tx) Delivery(id core.DeliveryID) (core.Delivery, error) {
	return one(deliveryRow.delivery)(get[deliveryRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) DeliveryByUUID(id uuid.UUID) (core.Delivery, error) {
	return one(deliveryRow.delivery)(get[deliveryRow](t, "WHERE uuid = ?", id))
}

func (t *tx) Deliveries(q core.DeliveryQuery) ([]core.Delivery, error) {
	return all(deliveryRow.delivery)(search[deliveryRow](t, func(s *bun.SelectQuery) *bun.SelectQuery {
		if q.Project != 0 {
			s = s.Where("project_id = ?", int64(q.Project))
		}
		if q.State != "" {
			s = s.Where("state = ?", string(q.State))
		}
		if q.Before != 0 {
			s = s.Where("id < ?", int64(q.Before))
		}
		return s.OrderExpr("id DESC").Limit(int64(cmp.Or(q.Limit, defaultLimit)))
	}))
}

func (t *tx) DueDeliveries(now time.Time, perReceiver, limit int) ([]core.Delivery, error) {
	// Of each webhook the first one due, unless one is with a server already.
	// One that waits for its next try does not hold up those behind it.
	at := instant{now}
	return all(deliveryRow.delivery)(list[deliveryRow](t, `AS d
		WHERE state = 'pending' AND next_at <= ? AND leased_until <= ?
			AND NOT EXISTS (
				SELECT 1 FROM deliveries AS e
				WHERE e.webhook_id = d.webhook_id AND e.state = 'pending'
					AND (e.leased_until > ? OR e.next_at <= ? AND e.id < d.id))
			AND receiver NOT IN (
				SELECT receiver FROM deliveries WHERE state = 'pending' AND leased_until > ?
				GROUP BY receiver HAVING count(*) >= ?)
		ORDER BY next_at, id LIMIT ?`, at, at, at, at, at, perReceiver, limit))
}

func (t *tx) LeasedDeliveries(now time.Time) (map[string]int, error) {
	leased := map[string]int{}
	err := t.query(func(r answer) error {
		var receiver string
		var n int
		err := r.Scan(&receiver, &n)
		leased[receiver] = n
		return err
	}, "SELECT receiver, count(*) FROM deliveries WHERE state = 'pending' AND leased_until > ? GROUP BY receiver", instant{now})
	return leased, err
}

func (t *tx) NextDelivery() (time.Time, error) {
	var next instant
	err := t.query(func(r answer) error { return r.Scan(&next) },
		"SELECT min(CASE WHEN leased_until > next_at THEN leased_until ELSE next_at END) FROM deliveries WHERE state = 'pending'")
	return next.Time, err
}

func (t *tx) InsertDeliveries(list []core.Delivery) error {
	rows := make([]deliveryRow, len(list))
	for i, d := range list {
		rows[i] = deliveryRowOf(d)
	}
	return insertAll(t, rows)
}

func (t *tx) UpdateDelivery(d core.Delivery) error { return update(t, deliveryRowOf(d)) }

func (t *tx) FailDeliveries(webhook core.WebhookID) error {
	_, err := t.exec("UPDATE deliveries SET state = 'failed' WHERE webhook_id = ? AND state = 'pending'", int64(webhook))
	return err
}

func (t *tx) DeleteDeliveries(before time.Time) (int, error) {
	n, err := t.exec("DELETE FROM deliveries WHERE created_at < ? AND state <> 'pending'", instant{before})
	return int(n), err
}

type attemptRow struct {
	bun.BaseModel `bun:"table:delivery_attempts"`
	ID            int64 `bun:",pk"`
	DeliveryID    int64
	Number        int
	At            instant
	DurationUS    int64 `bun:"duration_us"`
	Status        int
	BodyStart     string
	Reason        string
}

func (r attemptRow) attempt() core.Attempt {
	return core.Attempt{
		Number: r.Number, At: r.At.Time, Duration: time.Duration(r.DurationUS) * time.Microsecond,
		Status: r.Status, BodyStart: r.BodyStart, Reason: r.Reason,
	}
}

func (t *tx) InsertAttempt(of core.DeliveryID, a core.Attempt) error {
	_, err := insert(t, attemptRow{
		DeliveryID: int64(of), Number: a.Number, At: instant{a.At}, DurationUS: a.Duration.Microseconds(),
		Status: a.Status, BodyStart: a.BodyStart, Reason: a.Reason,
	})
	return err
}

func (t *tx) Attempts(of core.DeliveryID) ([]core.Attempt, error) {
	return all(attemptRow.attempt)(list[attemptRow](t, "WHERE delivery_id = ? ORDER BY number", int64(of)))
}
