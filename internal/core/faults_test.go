package core_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// faulty is a store whose calls are counted, over all transactions, and one of
// which fails.
type faulty struct {
	core.Store
	calls  int
	broken int // the call that fails, from 1; 0: none
}

var errFault = &core.Error{Kind: core.Unavailable, Msg: "the store cannot answer now", Err: errors.New("fault")}

func (f *faulty) View(ctx context.Context, fn func(core.Tx) error) error {
	return f.Store.View(ctx, func(tx core.Tx) error { return fn(faultyTx{tx, f}) })
}

func (f *faulty) Glance(ctx context.Context, fn func(core.Tx) error) error {
	return f.Store.Glance(ctx, func(tx core.Tx) error { return fn(faultyTx{tx, f}) })
}

func (f *faulty) Update(ctx context.Context, fn func(core.Tx) error) error {
	return f.Store.Update(ctx, func(tx core.Tx) error { return fn(faultyTx{tx, f}) })
}

func (f *faulty) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return f.Store.UpdateLocked(ctx, func(tx core.Tx) error { return fn(faultyTx{tx, f}) })
}

func (f *faulty) Bulk(ctx context.Context, fn func(core.Tx) error) error {
	return f.Store.Bulk(ctx, func(tx core.Tx) error { return fn(faultyTx{tx, f}) })
}

// faultyTx fails in each method of [core.Tx] that it has.
type faultyTx struct {
	core.Tx
	*faulty
}

func (f *faulty) do(call func() error) error {
	if f.calls++; f.calls == f.broken {
		return errFault
	}
	return call()
}

func get[T any](f *faulty, call func() (T, error)) (v T, err error) {
	err = f.do(func() error { v, err = call(); return err })
	return v, err
}

func list[T any](f *faulty, call func() (T, int, error)) (v T, n int, err error) {
	err = f.do(func() error { v, n, err = call(); return err })
	return v, n, err
}

// Whatever call to the store fails, a use case says so and leaves nothing
// behind. So no failed look-up is taken for an answer, no failed write for done,
// and a change stands or falls with its revision, its evidence, its events and
// its line in the audit record.
func TestEveryFaultIsToldAndUndone(t *testing.T) {
	t.Parallel()
	st := newStage(newWorld(t))
	_, rows := readMatrix(t)
	before := st.dump()
	for method := range rows {
		by := st.mayDo(t, method)
		sound := &faulty{Store: rehearsal{st.store}}
		if err := calls[method](t.Context(), st.over(sound), by, st.o); err != nil || sound.calls == 0 {
			t.Errorf("%s without a fault, in %d calls to the store: %v", method, sound.calls, err)
		}
		for n := range sound.calls {
			f := &faulty{Store: st.store, broken: n + 1}
			if err := calls[method](t.Context(), st.over(f), by, st.o); core.KindOf(err) != core.Unavailable {
				t.Errorf("%s when call %d of %d to the store fails: %v, want that it is unavailable", method, f.broken, sound.calls, err)
			}
		}
	}
	st.unchanged("a failed use case", before)
}

// mayDo gives an actor who may do it.
func (st stage) mayDo(t *testing.T, method string) core.Actor {
	t.Helper()
	actors, rows := readMatrix(t)
	for i, cell := range rows[method] {
		if cell == "." {
			return st.actors[actors[i]]
		}
	}
	t.Fatalf("nobody may do %s", method)
	return core.Actor{}
}

// The same for a first start, which the stage has behind it.
func TestEveryFaultOfAFirstStartIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.dump()
	sound := &faulty{Store: rehearsal{w.store}}
	if first, err := w.over(sound).Bootstrap(t.Context(), firstStart); err != nil || first == nil {
		t.Fatalf("Bootstrap without a fault = %v, %v; want credentials", first, err)
	}
	for n := range sound.calls {
		f := &faulty{Store: w.store, broken: n + 1}
		first, err := w.over(f).Bootstrap(t.Context(), firstStart)
		if first != nil || core.KindOf(err) != core.Unavailable {
			t.Errorf("Bootstrap when call %d of %d to the store fails = %v, %v; want no credentials", f.broken, sound.calls, first, err)
		}
	}
	w.unchanged("Bootstrap", before)
}

func (f faultyTx) Token(id core.TokenID) (core.Token, error) {
	return get(f.faulty, func() (core.Token, error) { return f.Tx.Token(id) })
}

func (f faultyTx) History(q core.RevisionQuery) ([]core.Revision, int, error) {
	return list(f.faulty, func() ([]core.Revision, int, error) { return f.Tx.History(q) })
}

func (f faultyTx) RevisionAt(key uuid.UUID, at time.Time) (core.Revision, error) {
	return get(f.faulty, func() (core.Revision, error) { return f.Tx.RevisionAt(key, at) })
}

func (f faultyTx) Account(id core.AccountID) (core.Account, error) {
	return get(f.faulty, func() (core.Account, error) { return f.Tx.Account(id) })
}

func (f faultyTx) AccountByUUID(id uuid.UUID) (core.Account, error) {
	return get(f.faulty, func() (core.Account, error) { return f.Tx.AccountByUUID(id) })
}

func (f faultyTx) AccountByLogin(login string) (core.Account, error) {
	return get(f.faulty, func() (core.Account, error) { return f.Tx.AccountByLogin(login) })
}

func (f faultyTx) AccountsByEmail(email string) ([]core.Account, error) {
	return get(f.faulty, func() ([]core.Account, error) { return f.Tx.AccountsByEmail(email) })
}

func (f faultyTx) Accounts(q core.AccountQuery) ([]core.Account, int, error) {
	return list(f.faulty, func() ([]core.Account, int, error) { return f.Tx.Accounts(q) })
}

func (f faultyTx) InsertAccount(a core.Account) (core.AccountID, error) {
	return get(f.faulty, func() (core.AccountID, error) { return f.Tx.InsertAccount(a) })
}

func (f faultyTx) UpdateAccount(a core.Account) error {
	return f.do(func() error { return f.Tx.UpdateAccount(a) })
}

func (f faultyTx) CountAccounts() (int, error) { return get(f.faulty, f.Tx.CountAccounts) }

func (f faultyTx) OrganizationByName(name string) (core.Organization, error) {
	return get(f.faulty, func() (core.Organization, error) { return f.Tx.OrganizationByName(name) })
}

func (f faultyTx) Organizations() ([]core.Organization, error) {
	return get(f.faulty, f.Tx.Organizations)
}

func (f faultyTx) InsertOrganization(o core.Organization) (core.OrganizationID, error) {
	return get(f.faulty, func() (core.OrganizationID, error) { return f.Tx.InsertOrganization(o) })
}

func (f faultyTx) LocationByName(name string) (core.Location, error) {
	return get(f.faulty, func() (core.Location, error) { return f.Tx.LocationByName(name) })
}

func (f faultyTx) Locations() ([]core.Location, error) { return get(f.faulty, f.Tx.Locations) }

func (f faultyTx) InsertLocation(l core.Location) (core.LocationID, error) {
	return get(f.faulty, func() (core.LocationID, error) { return f.Tx.InsertLocation(l) })
}

func (f faultyTx) Project(id core.ProjectID) (core.Project, error) {
	return get(f.faulty, func() (core.Project, error) { return f.Tx.Project(id) })
}

func (f faultyTx) ProjectByName(name string) (core.Project, error) {
	return get(f.faulty, func() (core.Project, error) { return f.Tx.ProjectByName(name) })
}

func (f faultyTx) Projects(p core.Page) ([]core.Project, int, error) {
	return list(f.faulty, func() ([]core.Project, int, error) { return f.Tx.Projects(p) })
}

func (f faultyTx) InsertProject(p core.Project) (core.ProjectID, error) {
	return get(f.faulty, func() (core.ProjectID, error) { return f.Tx.InsertProject(p) })
}

func (f faultyTx) UpdateProject(p core.Project) error {
	return f.do(func() error { return f.Tx.UpdateProject(p) })
}

func (f faultyTx) APIKeyByHash(h core.SecretHash) (core.APIKey, error) {
	return get(f.faulty, func() (core.APIKey, error) { return f.Tx.APIKeyByHash(h) })
}

func (f faultyTx) APIKeys(project core.ProjectID) ([]core.APIKey, error) {
	return get(f.faulty, func() ([]core.APIKey, error) { return f.Tx.APIKeys(project) })
}

func (f faultyTx) InsertAPIKey(k core.APIKey) (core.APIKeyID, error) {
	return get(f.faulty, func() (core.APIKeyID, error) { return f.Tx.InsertAPIKey(k) })
}

func (f faultyTx) UpdateAPIKey(k core.APIKey) error {
	return f.do(func() error { return f.Tx.UpdateAPIKey(k) })
}

func (f faultyTx) DeleteAPIKey(id core.APIKeyID) error {
	return f.do(func() error { return f.Tx.DeleteAPIKey(id) })
}

func (f faultyTx) TokenByHash(use core.TokenUse, h core.SecretHash) (core.Token, error) {
	return get(f.faulty, func() (core.Token, error) { return f.Tx.TokenByHash(use, h) })
}

func (f faultyTx) Bearer(use core.TokenUse, h core.SecretHash) (t core.Token, holder core.Holder, err error) {
	err = f.do(func() error { t, holder, err = f.Tx.Bearer(use, h); return err })
	return t, holder, err
}

func (f faultyTx) Tokens(account core.AccountID) ([]core.Token, error) {
	return get(f.faulty, func() ([]core.Token, error) { return f.Tx.Tokens(account) })
}

func (f faultyTx) InsertToken(t core.Token) (core.TokenID, error) {
	return get(f.faulty, func() (core.TokenID, error) { return f.Tx.InsertToken(t) })
}

func (f faultyTx) UpdateToken(t core.Token) error {
	return f.do(func() error { return f.Tx.UpdateToken(t) })
}

func (f faultyTx) DeleteToken(id core.TokenID) error {
	return f.do(func() error { return f.Tx.DeleteToken(id) })
}

func (f faultyTx) KeyByUUID(id uuid.UUID) (core.Key, error) {
	return get(f.faulty, func() (core.Key, error) { return f.Tx.KeyByUUID(id) })
}

func (f faultyTx) KeysByOwner(owner core.AccountID) ([]core.Key, error) {
	return get(f.faulty, func() ([]core.Key, error) { return f.Tx.KeysByOwner(owner) })
}

func (f faultyTx) ServedKeys(login string) (of core.Keyholder, keys []core.ServedKey, err error) {
	err = f.do(func() error {
		of, keys, err = f.Tx.ServedKeys(login)
		return err
	})
	return of, keys, err
}

func (f faultyTx) KeyOwner(k core.Key, u core.Uniqueness, e core.Elsewhere) (core.KeyOwner, error) {
	return get(f.faulty, func() (core.KeyOwner, error) { return f.Tx.KeyOwner(k, u, e) })
}

func (f faultyTx) KeysByFingerprint(sum sshkey.SHA256) ([]core.Key, error) {
	return get(f.faulty, func() ([]core.Key, error) { return f.Tx.KeysByFingerprint(sum) })
}

func (f faultyTx) OwnerKey(owner core.AccountID, sum sshkey.SHA256) (core.Key, error) {
	return get(f.faulty, func() (core.Key, error) { return f.Tx.OwnerKey(owner, sum) })
}

func (f faultyTx) OwnerKeyByName(owner core.AccountID, name string) (core.Key, error) {
	return get(f.faulty, func() (core.Key, error) { return f.Tx.OwnerKeyByName(owner, name) })
}

func (f faultyTx) KeyEntries(q core.KeyQuery) ([]core.KeyEntry, int, error) {
	return list(f.faulty, func() ([]core.KeyEntry, int, error) { return f.Tx.KeyEntries(q) })
}

func (f faultyTx) Keys(q core.KeyQuery) ([]core.Key, int, error) {
	return list(f.faulty, func() ([]core.Key, int, error) { return f.Tx.Keys(q) })
}

func (f faultyTx) UpdateKey(k core.Key) error { return f.do(func() error { return f.Tx.UpdateKey(k) }) }

func (f faultyTx) DeleteKey(id core.KeyID) error {
	return f.do(func() error { return f.Tx.DeleteKey(id) })
}

func (f faultyTx) InsertKeys(keys ...core.Key) ([]core.KeyID, error) {
	return get(f.faulty, func() ([]core.KeyID, error) { return f.Tx.InsertKeys(keys...) })
}

func (f faultyTx) InsertRevisions(r ...core.Revision) error {
	return f.do(func() error { return f.Tx.InsertRevisions(r...) })
}

func (f faultyTx) Revisions(key uuid.UUID) ([]core.Revision, error) {
	return get(f.faulty, func() ([]core.Revision, error) { return f.Tx.Revisions(key) })
}

func (f faultyTx) InsertEvidence(e ...core.Evidence) error {
	return f.do(func() error { return f.Tx.InsertEvidence(e...) })
}

func (f faultyTx) EvidenceOf(key core.KeyID) ([]core.Evidence, error) {
	return get(f.faulty, func() ([]core.Evidence, error) { return f.Tx.EvidenceOf(key) })
}

func (f faultyTx) Visited(id core.SessionID) (core.Visited, error) {
	return get(f.faulty, func() (core.Visited, error) { return f.Tx.Visited(id) })
}

func (f faultyTx) VisitedByIdentifier(identifier string) (core.Visited, error) {
	return get(f.faulty, func() (core.Visited, error) { return f.Tx.VisitedByIdentifier(identifier) })
}

func (f faultyTx) LockSession(id core.SessionID) error {
	return f.do(func() error { return f.Tx.LockSession(id) })
}

func (f faultyTx) ShareSessionByIdentifier(identifier string) error {
	return f.do(func() error { return f.Tx.ShareSessionByIdentifier(identifier) })
}

func (f faultyTx) LockKeys(sum sshkey.SHA256) error {
	return f.do(func() error { return f.Tx.LockKeys(sum) })
}

func (f faultyTx) LockManagedKey(id core.ManagedKeyID) error {
	return f.do(func() error { return f.Tx.LockManagedKey(id) })
}

func (f faultyTx) LockManagedKeyByIdentifier(identifier string) error {
	return f.do(func() error { return f.Tx.LockManagedKeyByIdentifier(identifier) })
}

func (f faultyTx) Session(id core.SessionID) (core.Session, error) {
	return get(f.faulty, func() (core.Session, error) { return f.Tx.Session(id) })
}

func (f faultyTx) SessionByUUID(id uuid.UUID) (core.Session, error) {
	return get(f.faulty, func() (core.Session, error) { return f.Tx.SessionByUUID(id) })
}

func (f faultyTx) Sessions(q core.SessionQuery) ([]core.Session, int, error) {
	return list(f.faulty, func() ([]core.Session, int, error) { return f.Tx.Sessions(q) })
}

func (f faultyTx) InsertSession(s core.Session) (core.SessionID, error) {
	return get(f.faulty, func() (core.SessionID, error) { return f.Tx.InsertSession(s) })
}

func (f faultyTx) UpdateSessionState(s core.Session) error {
	return f.do(func() error { return f.Tx.UpdateSessionState(s) })
}

func (f faultyTx) UpdateSession(s core.Session) error {
	return f.do(func() error { return f.Tx.UpdateSession(s) })
}

func (f faultyTx) DeleteSession(id core.SessionID) error {
	return f.do(func() error { return f.Tx.DeleteSession(id) })
}

func (f faultyTx) Connections(session core.SessionID) ([]core.Connection, error) {
	return get(f.faulty, func() ([]core.Connection, error) { return f.Tx.Connections(session) })
}

func (f faultyTx) Connection(id core.ConnectionID) (core.Connection, error) {
	return get(f.faulty, func() (core.Connection, error) { return f.Tx.Connection(id) })
}

func (f faultyTx) InsertConnection(c *core.Connection) error {
	return f.do(func() error { return f.Tx.InsertConnection(c) })
}

func (f faultyTx) InsertCollectedKeys(c core.ConnectionID, keys []core.CollectedKey) error {
	return f.do(func() error { return f.Tx.InsertCollectedKeys(c, keys) })
}

func (f faultyTx) OverdueSessions(now time.Time, limit int) ([]core.Session, error) {
	return get(f.faulty, func() ([]core.Session, error) { return f.Tx.OverdueSessions(now, limit) })
}

func (f faultyTx) ExpireSessions(ids []core.SessionID, now time.Time) error {
	return f.do(func() error { return f.Tx.ExpireSessions(ids, now) })
}

func (f faultyTx) WantedKeys(session core.SessionID) ([]core.WantedKey, error) {
	return get(f.faulty, func() ([]core.WantedKey, error) { return f.Tx.WantedKeys(session) })
}

func (f faultyTx) InsertWantedKey(k core.WantedKey) (core.WantedKeyID, error) {
	return get(f.faulty, func() (core.WantedKeyID, error) { return f.Tx.InsertWantedKey(k) })
}

func (f faultyTx) UpdateWantedKey(k core.WantedKey) error {
	return f.do(func() error { return f.Tx.UpdateWantedKey(k) })
}

func (f faultyTx) DeleteWantedKey(id core.WantedKeyID) error {
	return f.do(func() error { return f.Tx.DeleteWantedKey(id) })
}

func (f faultyTx) Webhook(id core.WebhookID) (core.Webhook, error) {
	return get(f.faulty, func() (core.Webhook, error) { return f.Tx.Webhook(id) })
}

func (f faultyTx) Webhooks(session core.SessionID) ([]core.Webhook, error) {
	return get(f.faulty, func() ([]core.Webhook, error) { return f.Tx.Webhooks(session) })
}

func (f faultyTx) WebhooksOf(sessions []core.SessionID) (map[core.SessionID][]core.Webhook, error) {
	return get(f.faulty, func() (map[core.SessionID][]core.Webhook, error) { return f.Tx.WebhooksOf(sessions) })
}

func (f faultyTx) InsertWebhook(w core.Webhook) (core.WebhookID, error) {
	return get(f.faulty, func() (core.WebhookID, error) { return f.Tx.InsertWebhook(w) })
}

func (f faultyTx) UpdateWebhook(w core.Webhook) error {
	return f.do(func() error { return f.Tx.UpdateWebhook(w) })
}

func (f faultyTx) DeleteWebhook(id core.WebhookID) error {
	return f.do(func() error { return f.Tx.DeleteWebhook(id) })
}

func (f faultyTx) Delivery(id core.DeliveryID) (core.Delivery, error) {
	return get(f.faulty, func() (core.Delivery, error) { return f.Tx.Delivery(id) })
}

func (f faultyTx) DeliveryByUUID(id uuid.UUID) (core.Delivery, error) {
	return get(f.faulty, func() (core.Delivery, error) { return f.Tx.DeliveryByUUID(id) })
}

func (f faultyTx) Deliveries(q core.DeliveryQuery) ([]core.Delivery, error) {
	return get(f.faulty, func() ([]core.Delivery, error) { return f.Tx.Deliveries(q) })
}

func (f faultyTx) DueDeliveries(now time.Time, perReceiver, limit int) ([]core.Delivery, error) {
	return get(f.faulty, func() ([]core.Delivery, error) { return f.Tx.DueDeliveries(now, perReceiver, limit) })
}

func (f faultyTx) LeasedDeliveries(now time.Time) (map[string]int, error) {
	return get(f.faulty, func() (map[string]int, error) { return f.Tx.LeasedDeliveries(now) })
}

func (f faultyTx) NextDelivery() (time.Time, error) { return get(f.faulty, f.Tx.NextDelivery) }

func (f faultyTx) InsertDeliveries(list []core.Delivery) error {
	return f.do(func() error { return f.Tx.InsertDeliveries(list) })
}

func (f faultyTx) UpdateDelivery(d core.Delivery) error {
	return f.do(func() error { return f.Tx.UpdateDelivery(d) })
}

func (f faultyTx) DeleteDeliveries(before time.Time) (int, error) {
	return get(f.faulty, func() (int, error) { return f.Tx.DeleteDeliveries(before) })
}

func (f faultyTx) InsertAttempt(of core.DeliveryID, a core.Attempt) error {
	return f.do(func() error { return f.Tx.InsertAttempt(of, a) })
}

func (f faultyTx) Attempts(of core.DeliveryID) ([]core.Attempt, error) {
	return get(f.faulty, func() ([]core.Attempt, error) { return f.Tx.Attempts(of) })
}

func (f faultyTx) InsertAuditEvents(list ...core.AuditEvent) error {
	return f.do(func() error { return f.Tx.InsertAuditEvents(list...) })
}

func (f faultyTx) AuditEvents(q core.AuditQuery) ([]core.AuditEvent, error) {
	return get(f.faulty, func() ([]core.AuditEvent, error) { return f.Tx.AuditEvents(q) })
}

func (f faultyTx) Devices() ([]core.Device, error) { return get(f.faulty, f.Tx.Devices) }

func (f faultyTx) DeviceByHostname(name string) (core.Device, error) {
	return get(f.faulty, func() (core.Device, error) { return f.Tx.DeviceByHostname(name) })
}

func (f faultyTx) InsertDevice(d core.Device) (core.DeviceID, error) {
	return get(f.faulty, func() (core.DeviceID, error) { return f.Tx.InsertDevice(d) })
}

func (f faultyTx) UpdateDevice(d core.Device) error {
	return f.do(func() error { return f.Tx.UpdateDevice(d) })
}

func (f faultyTx) Applications() ([]core.Application, error) {
	return get(f.faulty, f.Tx.Applications)
}

func (f faultyTx) ApplicationByName(name string) (core.Application, error) {
	return get(f.faulty, func() (core.Application, error) { return f.Tx.ApplicationByName(name) })
}

func (f faultyTx) InsertApplication(a core.Application) (core.ApplicationID, error) {
	return get(f.faulty, func() (core.ApplicationID, error) { return f.Tx.InsertApplication(a) })
}

func (f faultyTx) UpdateApplication(a core.Application) error {
	return f.do(func() error { return f.Tx.UpdateApplication(a) })
}

func (f faultyTx) InsertAuthorization(a core.Authorization) (core.AuthorizationID, error) {
	return get(f.faulty, func() (core.AuthorizationID, error) { return f.Tx.InsertAuthorization(a) })
}

func (f faultyTx) UpdateAuthorization(a core.Authorization) error {
	return f.do(func() error { return f.Tx.UpdateAuthorization(a) })
}

func (f faultyTx) Setting(name string) (string, error) {
	return get(f.faulty, func() (string, error) { return f.Tx.Setting(name) })
}

func (f faultyTx) Settings(prefix string) (map[string]string, error) {
	return get(f.faulty, func() (map[string]string, error) { return f.Tx.Settings(prefix) })
}

func (f faultyTx) PutSetting(name, value string) error {
	return f.do(func() error { return f.Tx.PutSetting(name, value) })
}

func (f faultyTx) TicketByUUID(id uuid.UUID) (core.Ticket, error) {
	return get(f.faulty, func() (core.Ticket, error) { return f.Tx.TicketByUUID(id) })
}

func (f faultyTx) InsertTicket(t core.Ticket) (core.TicketID, error) {
	return get(f.faulty, func() (core.TicketID, error) { return f.Tx.InsertTicket(t) })
}

func (f faultyTx) UpdateTicket(t core.Ticket) error {
	return f.do(func() error { return f.Tx.UpdateTicket(t) })
}

func (f faultyTx) RecredentialTickets(account core.AccountID, is, was core.SecretHash) error {
	return f.do(func() error { return f.Tx.RecredentialTickets(account, is, was) })
}

func (f faultyTx) DeleteTickets(account core.AccountID) error {
	return f.do(func() error { return f.Tx.DeleteTickets(account) })
}

func (f faultyTx) DeleteExpiredTickets(before time.Time) (int, error) {
	return get(f.faulty, func() (int, error) { return f.Tx.DeleteExpiredTickets(before) })
}

func (f faultyTx) SigningKeys() ([]core.SigningKey, error) { return get(f.faulty, f.Tx.SigningKeys) }

func (f faultyTx) InsertSigningKey(k core.SigningKey) (core.SigningKeyID, error) {
	return get(f.faulty, func() (core.SigningKeyID, error) { return f.Tx.InsertSigningKey(k) })
}

func (f faultyTx) UpdateSigningKey(k core.SigningKey) error {
	return f.do(func() error { return f.Tx.UpdateSigningKey(k) })
}

func (f faultyTx) DeleteSigningKey(id core.SigningKeyID) error {
	return f.do(func() error { return f.Tx.DeleteSigningKey(id) })
}

func (f faultyTx) SecondFactor(account core.AccountID) (core.SecondFactor, error) {
	return get(f.faulty, func() (core.SecondFactor, error) { return f.Tx.SecondFactor(account) })
}

func (f faultyTx) InsertSecondFactor(v core.SecondFactor) (core.SecondFactorID, error) {
	return get(f.faulty, func() (core.SecondFactorID, error) { return f.Tx.InsertSecondFactor(v) })
}

func (f faultyTx) UpdateSecondFactor(v core.SecondFactor) error {
	return f.do(func() error { return f.Tx.UpdateSecondFactor(v) })
}

func (f faultyTx) DeleteSecondFactor(id core.SecondFactorID) error {
	return f.do(func() error { return f.Tx.DeleteSecondFactor(id) })
}

func (f faultyTx) Made(key core.Digest) (core.Made, error) {
	return get(f.faulty, func() (core.Made, error) { return f.Tx.Made(key) })
}

func (f faultyTx) InsertMade(m core.Made) error {
	return f.do(func() error { return f.Tx.InsertMade(m) })
}

func (f faultyTx) DeleteMade(before time.Time) (int, error) {
	return get(f.faulty, func() (int, error) { return f.Tx.DeleteMade(before) })
}

func (f faultyTx) Organization(id core.OrganizationID) (core.Organization, error) {
	return get(f.faulty, func() (core.Organization, error) { return f.Tx.Organization(id) })
}

func (f faultyTx) Application(id core.ApplicationID) (core.Application, error) {
	return get(f.faulty, func() (core.Application, error) { return f.Tx.Application(id) })
}

func (f faultyTx) DeleteApplication(id core.ApplicationID) error {
	return f.do(func() error { return f.Tx.DeleteApplication(id) })
}

func (f faultyTx) Authorization(id core.AuthorizationID) (core.Authorization, error) {
	return get(f.faulty, func() (core.Authorization, error) { return f.Tx.Authorization(id) })
}

func (f faultyTx) AuthorizationByClientID(clientID string) (core.Authorization, error) {
	return get(f.faulty, func() (core.Authorization, error) { return f.Tx.AuthorizationByClientID(clientID) })
}

func (f faultyTx) AuthorizationByConsumerKey(consumerKey string) (core.Authorization, error) {
	return get(f.faulty, func() (core.Authorization, error) { return f.Tx.AuthorizationByConsumerKey(consumerKey) })
}

func (f faultyTx) DeleteAuthorization(id core.AuthorizationID) error {
	return f.do(func() error { return f.Tx.DeleteAuthorization(id) })
}

func (f faultyTx) AccessTokenByHash(h core.SecretHash) (core.AccessToken, error) {
	return get(f.faulty, func() (core.AccessToken, error) { return f.Tx.AccessTokenByHash(h) })
}

func (f faultyTx) InsertAccessToken(t core.AccessToken) error {
	return f.do(func() error { return f.Tx.InsertAccessToken(t) })
}

func (f faultyTx) DeleteAccessTokens(of core.AuthorizationID) error {
	return f.do(func() error { return f.Tx.DeleteAccessTokens(of) })
}

func (f faultyTx) NonceUsed(key [32]byte) (bool, error) {
	return get(f.faulty, func() (bool, error) { return f.Tx.NonceUsed(key) })
}

func (f faultyTx) InsertNonce(key [32]byte, until time.Time) error {
	return f.do(func() error { return f.Tx.InsertNonce(key, until) })
}

func (f faultyTx) PruneAccess(before time.Time, limit int) (int, error) {
	return get(f.faulty, func() (int, error) { return f.Tx.PruneAccess(before, limit) })
}
