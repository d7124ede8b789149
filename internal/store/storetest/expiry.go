package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// testOverdue wants sessions to expire by the hundred: those longest over
// first, each with its webhooks, all in the order they were given in.
func testOverdue(t *testing.T, s core.Store) {
	const many = 90 // needs statements of every size
	at := now()
	var overdue []core.SessionID
	hooks := map[core.SessionID][]core.Webhook{}
	update(t, s, func(tx core.Tx) error {
		overdue, hooks = nil, map[core.SessionID][]core.Webhook{} // it may run again
		p, err := newProject(t, tx)
		if err != nil {
			return err
		}
		for i := range many {
			id, hook, err := sessionThatEnds(t, tx, p.ID, at.Add(-time.Duration(many-i/2)*time.Second))
			if err != nil {
				return err
			}
			overdue, hooks[id] = append(overdue, id), []core.Webhook{hook}
		}
		_, _, err = sessionThatEnds(t, tx, p.ID, at.Add(time.Microsecond)) // not yet
		return err
	})
	listed := func(limit int) []core.SessionID {
		list := found(t, s, func(tx core.Tx) ([]core.Session, error) { return tx.OverdueSessions(at, limit) })
		return idsIn(list, func(s core.Session) core.SessionID { return s.ID })
	}
	of := found(t, s, func(tx core.Tx) (map[core.SessionID][]core.Webhook, error) { return tx.WebhooksOf(overdue) })
	none := found(t, s, func(tx core.Tx) (map[core.SessionID][]core.Webhook, error) { return tx.WebhooksOf(nil) })
	if err := errors.Join(
		same("OverdueSessions", listed(2*many), overdue), same("OverdueSessions with a limit", listed(7), overdue[:7]),
		same("WebhooksOf", of, hooks), same("WebhooksOf nothing", none, nil),
	); err != nil {
		t.Error(err)
	}
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.ExpireSessions(overdue[:many-1], at), tx.ExpireSessions(nil, at))
	})
	if err := same("OverdueSessions after ExpireSessions", listed(2*many), overdue[many-1:]); err != nil {
		t.Error(err)
	}
	first := found(t, s, func(tx core.Tx) (core.Session, error) { return tx.Session(overdue[0]) })
	if first.Status != core.SessionExpired || !first.UpdatedAt.Equal(at) {
		t.Errorf("after ExpireSessions: %s at %v, want expired at %v", first.Status, first.UpdatedAt, at)
	}
}

// sessionThatEnds stores a pending session with one webhook.
func sessionThatEnds(t *testing.T, tx core.Tx, p core.ProjectID, at time.Time) (core.SessionID, core.Webhook, error) {
	s := core.Session{
		UUID: uuid.New(), Project: p, Kind: core.CollectSession, Identifier: core.NewIdentifier(), Status: core.SessionPending, ExpiresAt: at,
	}
	id, err := tx.InsertSession(s)
	if err != nil {
		return 0, core.Webhook{}, err
	}
	w, err := newWebhook(t, tx, id)
	return id, w, err
}

// testMany wants rows that are stored together to be in the order they were
// given in, and those with an id to have it.
func testMany(t *testing.T, s core.Store) {
	const many = 90
	var list []core.Delivery
	update(t, s, func(tx core.Tx) error {
		session, err := sessionOfNewProject(t, tx)
		if err != nil {
			return err
		}
		w, err := newWebhook(t, tx, session.ID)
		list = nil
		for range many {
			list = append(list, core.Delivery{UUID: uuid.New(), Webhook: w.ID, Project: session.Project, State: core.DeliveryPending})
		}
		list[many-2].ID = 5000
		return errors.Join(err, tx.InsertDeliveries(list), tx.InsertDeliveries(nil), tx.InsertAuditEvents())
	})
	uuidOf := func(d core.Delivery) uuid.UUID { return d.UUID }
	got := found(t, s, func(tx core.Tx) ([]core.Delivery, error) { return tx.Deliveries(core.DeliveryQuery{Limit: 2 * many}) })
	slices.Reverse(got) // newest first
	if err := same("Deliveries", idsIn(got, uuidOf), idsIn(list, uuidOf)); err != nil {
		t.Error(err)
	}
	if given := got[many-2]; given.ID != 5000 {
		t.Errorf("a delivery that was given id 5000 has %d", given.ID)
	}
}
