package store

import (
	"database/sql"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

type keyRow struct {
	bun.BaseModel `bun:"table:keys"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	ShortID       string
	Owner         int64
	Name          string
	Text          string
	Blob          wire
	Shared        bool
	CreatedAt     instant
	UpdatedAt     instant
}

// keySearchRow repeats in columns of their own what searches need to know of
// a key. They follow from the blob, so they are written but not read.
type keySearchRow struct {
	bun.BaseModel `bun:"table:keys"`
	keyRow
	Algorithm string
	Bits      int
	Folded    string
	MD5       []byte `bun:"md5"`
	SHA256    []byte `bun:"sha256"`
	SHA512    []byte `bun:"sha512"`
}

func keyRowOf(k core.Key) keySearchRow {
	md5, sha256, sha512 := k.Public.MD5(), k.Public.SHA256(), k.Public.SHA512()
	return keySearchRow{
		keyRow: keyRow{
			ID: int64(k.ID), UUID: uid(k.UUID), ShortID: k.ShortID, Owner: int64(k.Owner), Name: k.Name, Text: k.Text,
			Blob: wire{k.Public}, Shared: k.Shared, CreatedAt: instant{k.CreatedAt}, UpdatedAt: instant{k.UpdatedAt},
		},
		Algorithm: k.Public.Algorithm(), Bits: k.Public.Bits(), Folded: foldCase(k.Name), MD5: md5[:], SHA256: sha256[:], SHA512: sha512[:],
	}
}

func (r keyRow) key() core.Key {
	return core.Key{
		ID: core.KeyID(r.ID), UUID: uuid.UUID(r.UUID), ShortID: r.ShortID, Owner: core.AccountID(r.Owner), Name: r.Name, Text: r.Text,
		Public: r.Blob.PublicKey, Shared: r.Shared, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) Key(id core.KeyID) (core.Key, error) {
	return one(keyRow.key)(get[keyRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) KeyByUUID(id uuid.UUID) (core.Key, error) {
	return one(keyRow.key)(get[keyRow](t, "WHERE uuid = ?", id))
}

func (t *tx) KeysByOwner(owner core.AccountID) ([]core.Key, error) {
	return all(keyRow.key)(list[keyRow](t, "WHERE owner = ? ORDER BY id", int64(owner)))
}

// ServedKeys reads what is asked for most with one statement, and no column more
// than it takes.
func (t *tx) ServedKeys(login string) (of core.Keyholder, keys []core.ServedKey, err error) {
	found := false
	scan := func(r answer) error {
		var expires instant
		var name sql.NullString
		var key sql.Null[wire]
		if err := r.Scan(&of.Login, &of.Disabled, &expires, &name, &key); err != nil {
			return err
		}
		found, of.ExpiresAt = true, expires.Time
		if key.Valid {
			keys = append(keys, core.ServedKey{Name: name.String, Public: key.V.PublicKey})
		}
		return nil
	}
	err = t.query(scan, "SELECT login, disabled, expires_at, keys.name, blob FROM accounts LEFT JOIN keys ON owner = accounts.id"+
		" WHERE lower(login) = ? ORDER BY keys.id", folded(login))
	if err == nil && !found {
		err = errNotFound
	}
	return of, keys, err
}

func (t *tx) KeysByFingerprint(f sshkey.SHA256) ([]core.Key, error) {
	found, args := t.db.speaks.fingerprint("sha256", f[:])
	return all(keyRow.key)(list[keyRow](t, "WHERE "+found+" ORDER BY id", args...))
}

func (t *tx) OwnerKey(owner core.AccountID, f sshkey.SHA256) (core.Key, error) {
	// The plus keeps SQLite from going through all keys of the owner, who may
	// have many; a key has few owners.
	found, args := t.db.speaks.fingerprint("sha256", f[:])
	return one(keyRow.key)(get[keyRow](t, "WHERE "+found+" AND +owner = ? ORDER BY id", append(args, int64(owner))...))
}

func (t *tx) OwnerKeyByName(owner core.AccountID, name string) (core.Key, error) {
	return one(keyRow.key)(get[keyRow](t, "WHERE owner = ? AND name = ? ORDER BY id", int64(owner), name))
}

// KeyOwner asks what is to be known before a key is added with one statement. The
// id that the key will have comes with it, so that nobody waits for the key.
func (t *tx) KeyOwner(k core.Key, u core.Uniqueness, e core.Elsewhere) (of core.KeyOwner, err error) {
	var id, other uid
	var organizations, locations numbers
	q := lookUp{}
	q.ask(&id, "uuid")
	q.ask(&of.Admin, "admin")
	q.ask(&organizations, organizationIDs[1])
	q.ask(&locations, locationIDs[1])
	sum := k.Public.SHA256()
	found, sums := t.db.speaks.fingerprint("sha256", sum[:])
	if u.Name {
		q.ask(&of.Named, "EXISTS (SELECT 1 FROM keys WHERE owner = accounts.id AND name = ?)", k.Name)
	}
	if u.Key { // the plus is as in OwnerKey
		q.ask(&of.Holds, "EXISTS (SELECT 1 FROM keys WHERE "+found+" AND +owner = accounts.id)", sums...)
	}
	if e != core.ElsewhereTaken {
		q.ask(&other, "(SELECT o.uuid FROM keys JOIN accounts o ON o.id = owner WHERE "+found+
			" AND owner <> accounts.id ORDER BY keys.id LIMIT 1)", sums...)
	}
	if next := t.db.speaks.nextID("keys"); next != "" && !t.readOnly {
		q.ask(&t.nextKey, next)
	}
	err = q.one(t, "accounts WHERE id = ?", int64(k.Owner))
	of.ID, of.UUID, of.Other = k.Owner, uuid.UUID(id), uuid.UUID(other)
	of.Organizations, of.Locations = idsOf[core.OrganizationID](organizations), idsOf[core.LocationID](locations)
	return of, err
}

// keyFields are what keys can be filtered and ordered by.
var keyFields = fields{ //nolint:exhaustive // the other attributes are of other lists
	core.KeyIDAttr:        {name: "id", sharp: true},
	core.KeyUUIDAttr:      {name: "uuid", sharp: true},
	core.KeyShortIDAttr:   {name: "short_id", sharp: true},
	core.KeyOwnerAttr:     {name: "owner", aside: "+owner", own: true},
	core.KeyOwnerUUIDAttr: {name: "owner", aside: "+owner", referred: " = (SELECT id FROM accounts WHERE uuid = ?)"},
	core.KeyNameAttr:      {name: "name", aside: "name || ''", folded: "folded", parts: "key_names"},
	core.KeyTypeAttr:      {name: "algorithm"},
	core.KeySharedAttr:    {name: "shared", own: true},
	core.KeyCreatedAttr:   {name: "created_at", ranged: true},
	core.KeyUpdatedAttr:   {name: "updated_at", ranged: true},
	core.KeyMD5Attr:       {name: "md5", sharp: true, hashed: true},
	core.KeySHA256Attr:    {name: "sha256", sharp: true, hashed: true},
	core.KeySHA512Attr:    {name: "sha512", sharp: true, hashed: true},
}

func (t *tx) Keys(q core.KeyQuery) ([]core.Key, int, error) {
	rows, n, err := filtered[keyRow](t, keyFields, q.Where, q.Order, "id", q.Page)
	keys, err := all(keyRow.key)(rows, err)
	return keys, n, err
}

// keyEntryRow is a key with the UUID of its owner.
type keyEntryRow struct {
	bun.BaseModel `bun:"table:keys"`
	keyRow
	OwnerUUID uid `bun:"owner_uuid,scanonly"`
}

func (keyEntryRow) derived() [][2]string {
	return [][2]string{{"owner_uuid", "(SELECT uuid FROM accounts WHERE id = keys.owner)"}}
}

func (r keyEntryRow) entry() core.KeyEntry {
	return core.KeyEntry{Key: r.key(), OwnerUUID: uuid.UUID(r.OwnerUUID)}
}

func (t *tx) KeyEntries(q core.KeyQuery) ([]core.KeyEntry, int, error) {
	rows, n, err := filtered[keyEntryRow](t, keyFields, q.Where, q.Order, "id", q.Page)
	entries, err := all(keyEntryRow.entry)(rows, err)
	return entries, n, err
}

func (t *tx) InsertKeys(keys ...core.Key) ([]core.KeyID, error) {
	rows := make([]keySearchRow, len(keys))
	for i, k := range keys {
		k.ID = 0
		rows[i] = keyRowOf(k)
	}
	ids, err := t.insertKeys(rows)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if err := t.indexLater("INSERT INTO key_names (rowid, folded) VALUES (?, ?)", int64(id), rows[i].Folded); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (t *tx) insertKeys(rows []keySearchRow) ([]core.KeyID, error) {
	if id := t.nextKey; len(rows) == 1 && id != 0 {
		t.nextKey, rows[0].ID = 0, id
		return []core.KeyID{core.KeyID(id)}, insertNext(t, rows[0])
	}
	if len(rows) == 1 { // which does without the journal that SQLite keeps for RETURNING
		id, err := insert(t, rows[0])
		return []core.KeyID{core.KeyID(id)}, err
	}
	made := make(map[uid]core.KeyID, len(rows))
	err := insertTold(t, rows, "uuid", func(r answer) error {
		var id core.KeyID
		var of uid
		err := r.Scan(&id, &of)
		made[of] = id
		return err
	})
	ids := make([]core.KeyID, len(rows))
	for i, row := range rows {
		ids[i] = made[row.UUID]
	}
	return ids, err
}

func (t *tx) UpdateKey(k core.Key) error {
	if err := t.indexTexts(); err != nil {
		return err
	}
	return update(t, keyRowOf(k))
}

func (t *tx) DeleteKey(id core.KeyID) error {
	if err := t.indexTexts(); err != nil {
		return err
	}
	if err := t.later("DELETE FROM evidence WHERE key_id = ?", int64(id)); err != nil {
		return err
	}
	return t.change("DELETE FROM keys WHERE id = ?", int64(id))
}

type revisionRow struct {
	bun.BaseModel `bun:"table:revisions"`
	ID            int64 `bun:",pk"`
	KeyID         int64
	KeyUUID       uid
	Number        int
	Action        string
	ShortID       string
	Owner         int64
	Name          string
	Text          string
	Blob          wire
	Shared        bool
	KeyCreatedAt  instant
	KeyUpdatedAt  instant
	ActorKind     int
	ActorName     string
	AccountID     int64
	Comment       string
	At            instant
}

func revisionRowOf(r core.Revision) revisionRow {
	k := r.Key
	return revisionRow{
		KeyID: int64(k.ID), KeyUUID: uid(k.UUID), ShortID: k.ShortID, Owner: int64(k.Owner), Name: k.Name, Text: k.Text,
		Blob: wire{k.Public}, Shared: k.Shared, KeyCreatedAt: instant{k.CreatedAt}, KeyUpdatedAt: instant{k.UpdatedAt},
		ID: r.ID, Number: r.Number, Action: string(r.Action), ActorKind: int(r.ActorKind), ActorName: r.ActorName,
		AccountID: int64(r.Account), Comment: r.Comment, At: instant{r.At},
	}
}

func (r revisionRow) revision() core.Revision {
	return core.Revision{
		ID: r.ID, Number: r.Number, Action: core.RevisionAction(r.Action),
		Key: core.Key{
			ID: core.KeyID(r.KeyID), UUID: uuid.UUID(r.KeyUUID), ShortID: r.ShortID, Owner: core.AccountID(r.Owner), Name: r.Name, Text: r.Text,
			Public: r.Blob.PublicKey, Shared: r.Shared, CreatedAt: r.KeyCreatedAt.Time, UpdatedAt: r.KeyUpdatedAt.Time,
		},
		ActorKind: core.ActorKind(r.ActorKind), ActorName: r.ActorName, // #nosec G115 -- written from an ActorKind
		Account: core.AccountID(r.AccountID), Comment: r.Comment, At: r.At.Time,
	}
}

func (t *tx) InsertRevisions(revisions ...core.Revision) error {
	rows := make([]revisionRow, len(revisions))
	for i, r := range revisions {
		var err error
		if r.Number, err = t.nextNumber(r); err != nil {
			return err
		}
		rows[i] = revisionRowOf(r)
	}
	return insertAll(t, rows)
}

// nextNumber is the number of a revision. A new key has no other revision, so
// none is looked for: PostgreSQL would take that look, at the page of the index
// where all new UUIDs go, for a conflict with everybody else who adds a key.
func (t *tx) nextNumber(r core.Revision) (int, error) {
	if r.Action == core.KeyAdded {
		return 1, nil
	}
	return t.count("SELECT coalesce(max(number), 0) + 1 FROM revisions WHERE key_uuid = ?", r.Key.UUID)
}

func (t *tx) Revisions(key uuid.UUID) ([]core.Revision, error) {
	return all(revisionRow.revision)(list[revisionRow](t, "WHERE key_uuid = ? ORDER BY number", key))
}

func (t *tx) History(q core.RevisionQuery) ([]core.Revision, int, error) {
	where, args := "WHERE key_uuid = ?", []any{q.Key}
	if !q.After.IsZero() {
		where, args = where+" AND at > ?", append(args, instant{q.After})
	}
	if !q.Before.IsZero() {
		where, args = where+" AND at < ?", append(args, instant{q.Before})
	}
	n, err := t.count("SELECT count(*) FROM revisions "+where, args...)
	if err != nil {
		return nil, 0, err
	}
	size, offset := limit(q.Page)
	revisions, err := all(revisionRow.revision)(list[revisionRow](t,
		where+" ORDER BY at DESC, number DESC"+bounds, append(args, size, offset)...))
	return revisions, n, err
}

func (t *tx) RevisionAt(key uuid.UUID, at time.Time) (core.Revision, error) {
	return one(revisionRow.revision)(get[revisionRow](t, "WHERE key_uuid = ? AND at <= ? ORDER BY at DESC, number DESC", key, instant{at}))
}

type evidenceRow struct {
	bun.BaseModel `bun:"table:evidence"`
	ID            int64 `bun:",pk"`
	KeyID         int64
	Grade         string
	At            instant
	Address       ip
	ClientVersion string
	Connection    uid `bun:",nullzero"`
}

func (r evidenceRow) evidence() core.Evidence {
	return core.Evidence{
		ID: r.ID, Key: core.KeyID(r.KeyID), Grade: core.Grade(r.Grade), At: r.At.Time,
		Address: r.Address.Addr, ClientVersion: r.ClientVersion, Connection: uuid.UUID(r.Connection),
	}
}

func (t *tx) InsertEvidence(evidence ...core.Evidence) error {
	rows := make([]evidenceRow, len(evidence))
	for i, e := range evidence {
		rows[i] = evidenceRow{
			ID: e.ID, KeyID: int64(e.Key), Grade: string(e.Grade), At: instant{e.At},
			Address: ip{e.Address}, ClientVersion: e.ClientVersion, Connection: uid(e.Connection),
		}
	}
	return insertAll(t, rows)
}

func (t *tx) EvidenceOf(key core.KeyID) ([]core.Evidence, error) {
	return all(evidenceRow.evidence)(list[evidenceRow](t, "WHERE key_id = ? ORDER BY at, id", int64(key)))
}
