package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"keyrack/internal/core"
)

// kind is how a type of core is stored and read back.
type kind[T any] struct {
	// prepare makes a value fit to be inserted: references point at something,
	// what must be unique is, and what is stored apart is empty.
	prepare func(tx core.Tx, v *T) error
	insert  func(tx core.Tx, v *T) error // and sets what the store gives
	read    func(tx core.Tx, v T) (T, error)
	update  func(tx core.Tx, v T) error // nil: never changes
}

// diff compares what was stored with what was read. Absent and empty lists are
// the same; times are compared with their zone, which is UTC.
func diff[T any](want, got T) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }))
}

// roundTrip stores a value with all fields set and one with as few as can be,
// changes each into the other, and reads all of them back.
func (k kind[T]) roundTrip(t *testing.T, s core.Store) {
	var full, bare T
	for name, v := range map[string]*T{"full": &full, "bare": &bare} {
		if name == "full" {
			full = sample[T](t)
		}
		update(t, s, func(tx core.Tx) error {
			copied := *v // run again, fn begins anew
			if err := k.prepare(tx, &copied); err != nil {
				return err
			}
			if err := k.insert(tx, &copied); err != nil {
				return fmt.Errorf("insert a %s %T: %w", name, copied, err)
			}
			if got, err := k.read(tx, copied); err != nil || diff(copied, got) != "" {
				return fmt.Errorf("a %s %T in its own transaction: error %w, difference:\n%s", name, copied, err, diff(copied, got))
			}
			*v = copied
			return nil
		})
		k.wantRead(t, s, name, *v)
	}
	if k.update != nil {
		k.exchange(t, s, full, bare)
	}
}

// exchange gives each of two stored values the other's content.
func (k kind[T]) exchange(t *testing.T, s core.Store, full, bare T) {
	emptied, filled := bare, sample[T](t)
	setID(&emptied, full)
	update(t, s, func(tx core.Tx) error {
		copied := filled
		if err := k.prepare(tx, &copied); err != nil {
			return err
		}
		setID(&copied, bare)
		filled = copied
		return k.update(tx, filled)
	})
	k.wantRead(t, s, "filled", filled)
	update(t, s, func(tx core.Tx) error {
		copied := emptied
		clearUnique(&copied)
		if err := k.prepare(tx, &copied); err != nil {
			return err
		}
		setID(&copied, full)
		emptied = copied
		return k.update(tx, emptied)
	})
	k.wantRead(t, s, "emptied", emptied)
}

func (k kind[T]) wantRead(t *testing.T, s core.Store, name string, want T) {
	t.Helper()
	got := found(t, s, func(tx core.Tx) (T, error) { return k.read(tx, want) })
	if d := diff(want, got); d != "" {
		t.Errorf("a %s %T came back changed (-stored +read):\n%s", name, want, d)
	}
}

func field(v any, name string) reflect.Value { return reflect.ValueOf(v).Elem().FieldByName(name) }

func setID[T any](v *T, from T) { field(v, "ID").Set(field(&from, "ID")) }

// clearUnique makes prepare choose new values for what must be unique.
func clearUnique[T any](v *T) {
	for _, name := range []string{"UUID", "ShortID", "Login", "Name", "SecretHash", "Identifier", "Hostname"} {
		if f := field(v, name); f.IsValid() {
			f.SetZero()
		}
	}
}

// setUnique chooses values where there are none yet.
func setUnique[T any](t testing.TB, v *T) {
	field(v, "ID").SetZero()
	other := sample[T](t)
	for _, name := range []string{"UUID", "ShortID", "Login", "Name", "SecretHash", "Identifier", "Hostname"} {
		if f := field(v, name); f.IsValid() && f.IsZero() && f.Kind() != reflect.Pointer {
			f.Set(field(&other, name))
		}
	}
}

func testFields(t *testing.T, s core.Store) {
	t.Run("account", func(t *testing.T) { accounts(t).roundTrip(t, s) })
	t.Run("organization", func(t *testing.T) { organizations(t).roundTrip(t, s) })
	t.Run("location", func(t *testing.T) { locations(t).roundTrip(t, s) })
	t.Run("project", func(t *testing.T) { projects(t).roundTrip(t, s) })
	t.Run("API key", func(t *testing.T) { apiKeys(t).roundTrip(t, s) })
	t.Run("token", func(t *testing.T) { tokens(t).roundTrip(t, s) })
	t.Run("ticket", func(t *testing.T) { tickets(t).roundTrip(t, s) })
	t.Run("signing key", func(t *testing.T) { signingKeys(t).roundTrip(t, s) })
	t.Run("second factor", func(t *testing.T) { secondFactors(t).roundTrip(t, s) })
	t.Run("sign-in", func(t *testing.T) { signIns(t).roundTrip(t, s) })
	t.Run("key", func(t *testing.T) { keys(t).roundTrip(t, s) })
	t.Run("revision", func(t *testing.T) { revisions(t).roundTrip(t, s) })
	t.Run("evidence", func(t *testing.T) { evidence(t).roundTrip(t, s) })
	t.Run("session", func(t *testing.T) { sessions(t).roundTrip(t, s) })
	t.Run("connection", func(t *testing.T) { connections(t).roundTrip(t, s) })
	t.Run("collected key", func(t *testing.T) { collectedKeys(t).roundTrip(t, s) })
	t.Run("wanted key", func(t *testing.T) { wantedKeys(t).roundTrip(t, s) })
	t.Run("webhook", func(t *testing.T) { webhooks(t).roundTrip(t, s) })
	t.Run("delivery", func(t *testing.T) { deliveries(t).roundTrip(t, s) })
	t.Run("audit event", func(t *testing.T) { auditEvents(t).roundTrip(t, s) })
	t.Run("device", func(t *testing.T) { devices(t).roundTrip(t, s) })
	t.Run("managed key", func(t *testing.T) { managedKeys(t).roundTrip(t, s) })
	t.Run("key version", func(t *testing.T) { keyVersions(t).roundTrip(t, s) })
	t.Run("policy", func(t *testing.T) { policies(t).roundTrip(t, s) })
	t.Run("application", func(t *testing.T) { applications(t).roundTrip(t, s) })
	t.Run("authorization", func(t *testing.T) { authorizations(t).roundTrip(t, s) })
}

// only gives the one value of a list for which is holds.
func only[T any](all []T, err error, is func(T) bool) (v T, _ error) {
	if err != nil {
		return v, err
	}
	n := 0
	for _, candidate := range all {
		if is(candidate) {
			v, n = candidate, n+1
		}
	}
	if n != 1 {
		return v, fmt.Errorf("%d of %d are the one looked for", n, len(all))
	}
	return v, nil
}

func accounts(t *testing.T) kind[core.Account] {
	return kind[core.Account]{
		prepare: func(tx core.Tx, v *core.Account) error {
			setUnique(t, v)
			if v.Organizations == nil {
				return nil
			}
			v.Organizations, v.Locations = make([]core.OrganizationID, 2), make([]core.LocationID, 3)
			slices.Sort(v.RoleIDs)
			for i := range v.Organizations {
				var err error
				if v.Organizations[i], err = newOrganization(t, tx); err != nil {
					return err
				}
			}
			for i := range v.Locations {
				var err error
				if v.Locations[i], err = newLocation(t, tx); err != nil {
					return err
				}
			}
			v.DefaultOrganization, v.DefaultLocation = v.Organizations[1], v.Locations[2]
			return nil
		},
		insert: func(tx core.Tx, v *core.Account) (err error) {
			v.ID, err = tx.InsertAccount(*v)
			return err
		},
		read:   sameAccount,
		update: func(tx core.Tx, v core.Account) error { return tx.UpdateAccount(v) },
	}
}

func organizations(t *testing.T) kind[core.Organization] {
	return kind[core.Organization]{
		prepare: func(_ core.Tx, v *core.Organization) error { setUnique(t, v); return nil },
		insert: func(tx core.Tx, v *core.Organization) (err error) {
			v.ID, err = tx.InsertOrganization(*v)
			return err
		},
		read: func(tx core.Tx, v core.Organization) (core.Organization, error) {
			return tx.OrganizationByName(v.Name)
		},
	}
}

func locations(t *testing.T) kind[core.Location] {
	return kind[core.Location]{
		prepare: func(_ core.Tx, v *core.Location) error { setUnique(t, v); return nil },
		insert: func(tx core.Tx, v *core.Location) (err error) {
			v.ID, err = tx.InsertLocation(*v)
			return err
		},
		read: func(tx core.Tx, v core.Location) (core.Location, error) { return tx.LocationByName(v.Name) },
	}
}

func projects(t *testing.T) kind[core.Project] {
	return kind[core.Project]{
		prepare: func(tx core.Tx, v *core.Project) (err error) {
			setUnique(t, v)
			if v.Organization != 0 {
				v.Organization, err = newOrganization(t, tx)
			}
			return err
		},
		insert: func(tx core.Tx, v *core.Project) (err error) {
			v.ID, err = tx.InsertProject(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Project) (core.Project, error) { return tx.Project(v.ID) },
		update: func(tx core.Tx, v core.Project) error { return tx.UpdateProject(v) },
	}
}

func apiKeys(t *testing.T) kind[core.APIKey] {
	return kind[core.APIKey]{
		prepare: func(tx core.Tx, v *core.APIKey) error {
			setUnique(t, v)
			p, err := newProject(t, tx)
			v.Project = p.ID
			return err
		},
		insert: func(tx core.Tx, v *core.APIKey) (err error) {
			v.ID, err = tx.InsertAPIKey(*v)
			return err
		},
		read:   func(tx core.Tx, v core.APIKey) (core.APIKey, error) { return tx.APIKeyByHash(v.SecretHash) },
		update: func(tx core.Tx, v core.APIKey) error { return tx.UpdateAPIKey(v) },
	}
}

// sameAccount reads an account whole and as one whose keys are served.
func sameAccount(tx core.Tx, v core.Account) (core.Account, error) {
	account, err1 := tx.Account(v.ID)
	of, _, err2 := tx.ServedKeys(v.Login)
	return account, errors.Join(err1, err2, same("ServedKeys", of, core.Keyholder{
		Login: account.Login, Disabled: account.Disabled, ExpiresAt: account.ExpiresAt,
	}))
}

// sameToken reads a token alone and with its account.
func sameToken(tx core.Tx, v core.Token) (core.Token, error) {
	token, err1 := tx.TokenByHash(v.Use, v.SecretHash)
	account, err2 := tx.Account(token.Account)
	bearer, holder, err3 := tx.Bearer(v.Use, v.SecretHash)
	return token, errors.Join(err1, err2, err3, same("Bearer's token", bearer, token), same("Bearer's holder", holder, account.Holder()))
}

func tokens(t *testing.T) kind[core.Token] {
	return kind[core.Token]{
		prepare: func(tx core.Tx, v *core.Token) error {
			setUnique(t, v)
			a, err := newAccount(t, tx)
			v.Account = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Token) (err error) {
			v.ID, err = tx.InsertToken(*v)
			return err
		},
		read:   sameToken,
		update: func(tx core.Tx, v core.Token) error { return tx.UpdateToken(v) },
	}
}

func signIns(t *testing.T) kind[core.SignIn] {
	return kind[core.SignIn]{
		prepare: func(tx core.Tx, v *core.SignIn) error {
			setUnique(t, v)
			a, err := newAccount(t, tx)
			v.Account = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.SignIn) (err error) {
			v.ID, err = tx.InsertSignIn(*v)
			return err
		},
		read: func(tx core.Tx, v core.SignIn) (core.SignIn, error) { return tx.SignInByHash(v.SecretHash) },
	}
}

func keys(t *testing.T) kind[core.Key] {
	return kind[core.Key]{
		prepare: func(tx core.Tx, v *core.Key) error {
			setUnique(t, v)
			if v.Public.IsZero() {
				v.Public = NewPublicKey(t)
			}
			a, err := newAccount(t, tx)
			v.Owner = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Key) (err error) {
			v.ID, err = insertKey(tx, *v)
			return err
		},
		read:   func(tx core.Tx, v core.Key) (core.Key, error) { return tx.Key(v.ID) },
		update: func(tx core.Tx, v core.Key) error { return tx.UpdateKey(v) },
	}
}

func revisions(t *testing.T) kind[core.Revision] {
	return kind[core.Revision]{
		prepare: func(_ core.Tx, v *core.Revision) error {
			v.ID, v.Number = 0, 0
			v.Key.UUID = uuid.New()
			if v.Key.Public.IsZero() {
				v.Key.Public = NewPublicKey(t)
			}
			return nil
		},
		insert: func(tx core.Tx, v *core.Revision) error {
			if err := tx.InsertRevisions(*v); err != nil {
				return err
			}
			all, err := tx.Revisions(v.Key.UUID)
			if len(all) == 1 {
				v.ID, v.Number = all[0].ID, 1
			}
			return err
		},
		read: func(tx core.Tx, v core.Revision) (core.Revision, error) {
			all, err := tx.Revisions(v.Key.UUID)
			return only(all, err, func(r core.Revision) bool { return r.ID == v.ID })
		},
	}
}

func evidence(t *testing.T) kind[core.Evidence] {
	return kind[core.Evidence]{
		prepare: func(tx core.Tx, v *core.Evidence) error {
			a, err := newAccount(t, tx)
			if err != nil {
				return err
			}
			k, err := newKey(t, tx, a.ID)
			v.ID, v.Key = 0, k.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Evidence) error {
			if err := tx.InsertEvidence(*v); err != nil {
				return err
			}
			all, err := tx.EvidenceOf(v.Key)
			if len(all) == 1 {
				v.ID = all[0].ID
			}
			return err
		},
		read: func(tx core.Tx, v core.Evidence) (core.Evidence, error) {
			all, err := tx.EvidenceOf(v.Key)
			return only(all, err, func(e core.Evidence) bool { return e.ID == v.ID })
		},
	}
}

func sessions(t *testing.T) kind[core.Session] {
	return kind[core.Session]{
		prepare: func(tx core.Tx, v *core.Session) error {
			setUnique(t, v)
			v.Connections, v.Webhooks, v.Wanted = nil, nil, nil
			p, err := newProject(t, tx)
			v.Project = p.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Session) (err error) {
			v.ID, err = tx.InsertSession(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Session) (core.Session, error) { return tx.Session(v.ID) },
		update: func(tx core.Tx, v core.Session) error { return tx.UpdateSession(v) },
	}
}

func connections(t *testing.T) kind[core.Connection] {
	return kind[core.Connection]{
		prepare: func(tx core.Tx, v *core.Connection) error {
			setUnique(t, v)
			v.Keys = nil
			s, err := sessionOfNewProject(t, tx)
			v.Session = s.ID
			return err
		},
		insert: insertConnection,
		read:   func(tx core.Tx, v core.Connection) (core.Connection, error) { return tx.Connection(v.ID) },
	}
}

func sessionOfNewProject(t testing.TB, tx core.Tx) (core.Session, error) {
	p, err := newProject(t, tx)
	if err != nil {
		return core.Session{}, err
	}
	return newSession(t, tx, p.ID)
}

// placedKey is a collected key with where it is.
type placedKey struct {
	core.CollectedKey
	session    core.SessionID
	connection core.ConnectionID
}

func collectedKeys(t *testing.T) kind[core.CollectedKey] {
	places := map[uuid.UUID]placedKey{} // by the key's own UUID
	return kind[core.CollectedKey]{
		prepare: func(tx core.Tx, v *core.CollectedKey) error {
			setUnique(t, v)
			s, err := sessionOfNewProject(t, tx)
			if err != nil {
				return err
			}
			c, err := newConnection(t, tx, s.ID)
			if err != nil {
				return err
			}
			if v.Public.IsZero() {
				v.Public = NewPublicKey(t)
			}
			if v.Wanted != 0 {
				w := core.WantedKey{UUID: uuid.New(), Session: s.ID, Public: v.Public}
				if v.Wanted, err = tx.InsertWantedKey(w); err != nil {
					return err
				}
			}
			places[v.UUID] = placedKey{*v, s.ID, c.ID}
			return nil
		},
		insert: func(tx core.Tx, v *core.CollectedKey) error {
			place := places[v.UUID]
			if err := tx.InsertCollectedKeys(place.connection, []core.CollectedKey{*v}); err != nil {
				return err
			}
			all, err := tx.Connections(place.session)
			if err == nil && len(all) == 1 && len(all[0].Keys) == 1 {
				v.ID = all[0].Keys[0].ID
			}
			return err
		},
		read: func(tx core.Tx, v core.CollectedKey) (core.CollectedKey, error) {
			all, err := tx.Connections(places[v.UUID].session)
			if err != nil {
				return core.CollectedKey{}, err
			}
			return only(all[0].Keys, nil, func(k core.CollectedKey) bool { return k.ID == v.ID })
		},
	}
}

func wantedKeys(t *testing.T) kind[core.WantedKey] {
	return kind[core.WantedKey]{
		prepare: func(tx core.Tx, v *core.WantedKey) error {
			setUnique(t, v)
			if v.Public.IsZero() {
				v.Public = NewPublicKey(t)
			}
			s, err := sessionOfNewProject(t, tx)
			v.Session = s.ID
			return err
		},
		insert: func(tx core.Tx, v *core.WantedKey) (err error) {
			v.ID, err = tx.InsertWantedKey(*v)
			return err
		},
		read: func(tx core.Tx, v core.WantedKey) (core.WantedKey, error) {
			all, err := tx.WantedKeys(v.Session)
			return only(all, err, func(k core.WantedKey) bool { return k.ID == v.ID })
		},
		update: func(tx core.Tx, v core.WantedKey) error { return tx.UpdateWantedKey(v) },
	}
}

func webhooks(t *testing.T) kind[core.Webhook] {
	return kind[core.Webhook]{
		prepare: func(tx core.Tx, v *core.Webhook) error {
			setUnique(t, v)
			v.Headers = nil // sealed in what is stored
			if v.SealedHeaders == nil {
				v.SealedHeaders = []byte{}
			}
			s, err := sessionOfNewProject(t, tx)
			v.Session = s.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Webhook) (err error) {
			v.ID, err = tx.InsertWebhook(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Webhook) (core.Webhook, error) { return tx.Webhook(v.ID) },
		update: func(tx core.Tx, v core.Webhook) error { return tx.UpdateWebhook(v) },
	}
}

func deliveries(t *testing.T) kind[core.Delivery] {
	return kind[core.Delivery]{
		prepare: func(tx core.Tx, v *core.Delivery) error {
			setUnique(t, v)
			s, err := sessionOfNewProject(t, tx)
			if err != nil {
				return err
			}
			w, err := newWebhook(t, tx, s.ID)
			v.Webhook, v.Project = w.ID, s.Project
			return err
		},
		insert: func(tx core.Tx, v *core.Delivery) (err error) {
			*v, err = insertDelivery(tx, *v)
			return err
		},
		read:   func(tx core.Tx, v core.Delivery) (core.Delivery, error) { return tx.Delivery(v.ID) },
		update: func(tx core.Tx, v core.Delivery) error { return tx.UpdateDelivery(v) },
	}
}

func auditEvents(t *testing.T) kind[core.AuditEvent] {
	return kind[core.AuditEvent]{
		prepare: func(_ core.Tx, v *core.AuditEvent) error { v.ID = 0; return nil },
		insert: func(tx core.Tx, v *core.AuditEvent) error {
			if err := tx.InsertAuditEvents(*v); err != nil {
				return err
			}
			all, err := tx.AuditEvents(core.AuditQuery{Limit: 1})
			if err == nil && len(all) == 1 {
				v.ID = all[0].ID
			}
			return err
		},
		read: func(tx core.Tx, v core.AuditEvent) (core.AuditEvent, error) {
			all, err := tx.AuditEvents(core.AuditQuery{})
			return only(all, err, func(e core.AuditEvent) bool { return e.ID == v.ID })
		},
	}
}

func devices(t *testing.T) kind[core.Device] {
	return kind[core.Device]{
		prepare: func(tx core.Tx, v *core.Device) (err error) {
			setUnique(t, v)
			if v.Organization != 0 {
				v.Organization, err = newOrganization(t, tx)
			}
			return err
		},
		insert: func(tx core.Tx, v *core.Device) (err error) {
			v.ID, err = tx.InsertDevice(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Device) (core.Device, error) { return tx.DeviceByHostname(v.Hostname) },
		update: func(tx core.Tx, v core.Device) error { return tx.UpdateDevice(v) },
	}
}

func applications(t *testing.T) kind[core.Application] {
	return kind[core.Application]{
		prepare: func(tx core.Tx, v *core.Application) (err error) {
			setUnique(t, v)
			v.Authorizations = nil
			if v.Organization != 0 {
				v.Organization, err = newOrganization(t, tx)
			}
			return err
		},
		insert: func(tx core.Tx, v *core.Application) (err error) {
			v.ID, err = tx.InsertApplication(*v)
			return err
		},
		read: func(tx core.Tx, v core.Application) (core.Application, error) {
			return tx.ApplicationByName(v.Name)
		},
		update: func(tx core.Tx, v core.Application) error { return tx.UpdateApplication(v) },
	}
}

func authorizations(t *testing.T) kind[core.Authorization] {
	return kind[core.Authorization]{
		prepare: func(tx core.Tx, v *core.Authorization) error {
			setUnique(t, v)
			a, err := newApplication(t, tx)
			v.Application = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Authorization) (err error) {
			v.ID, err = tx.InsertAuthorization(*v)
			return err
		},
		read: func(tx core.Tx, v core.Authorization) (core.Authorization, error) {
			all, err := tx.Applications()
			if err != nil {
				return core.Authorization{}, err
			}
			a, err := only(all, nil, func(a core.Application) bool { return a.ID == v.Application })
			if err != nil {
				return core.Authorization{}, err
			}
			return only(a.Authorizations, nil, func(z core.Authorization) bool { return z.ID == v.ID })
		},
		update: func(tx core.Tx, v core.Authorization) error { return tx.UpdateAuthorization(v) },
	}
}
