package store

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type managedKeyRow struct {
	bun.BaseModel `bun:"table:managed_keys,alias:managed_keys"` // bun's own alias would hide the name from the derived column
	ID            int64                                         `bun:",pk"`
	UUID          uid                                           `bun:"uuid"`
	Kind          string
	Identifier    string
	Username      string
	Name          string
	DeviceID      int64
	Tags          texts
	Disabled      bool
	Version       int
	ApplicationID reference `bun:",nullzero"`
	ViewedAt      instant   `bun:",nullzero"`
	ExpiresAt     instant   `bun:",nullzero"`
	ChangedAt     instant
	CreatedAt     instant
	UpdatedAt     instant
	Additional    numbers `bun:",scanonly"`
}

func (managedKeyRow) derived() [][2]string {
	return [][2]string{
		{"additional", "(SELECT string_agg(CAST(device_id AS text), ',') FROM managed_key_devices WHERE key_id = managed_keys.id)"},
	}
}

func managedKeyRowOf(k core.ManagedKey) managedKeyRow {
	return managedKeyRow{
		ID: int64(k.ID), UUID: uid(k.UUID), Kind: string(k.Kind), Identifier: k.Identifier, Username: k.Username, Name: k.Name,
		DeviceID: int64(k.Device), Tags: k.Tags, Disabled: k.Disabled, Version: k.Version, ApplicationID: reference(k.Creator),
		ViewedAt: instant{k.ViewedAt}, ExpiresAt: instant{k.ExpiresAt}, ChangedAt: instant{k.ChangedAt},
		CreatedAt: instant{k.CreatedAt}, UpdatedAt: instant{k.UpdatedAt},
	}
}

func (r managedKeyRow) managedKey() core.ManagedKey {
	return core.ManagedKey{
		ID: core.ManagedKeyID(r.ID), UUID: uuid.UUID(r.UUID), Kind: core.ItemKind(r.Kind), Identifier: r.Identifier,
		Username: r.Username, Name: r.Name, Device: core.DeviceID(r.DeviceID), Additional: idsOf[core.DeviceID](r.Additional),
		Tags: r.Tags, Disabled: r.Disabled, Version: r.Version, Creator: core.ApplicationID(r.ApplicationID),
		ViewedAt: r.ViewedAt.Time, ExpiresAt: r.ExpiresAt.Time, ChangedAt: r.ChangedAt.Time,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) ManagedKey(id core.ManagedKeyID) (core.ManagedKey, error) {
	return one(managedKeyRow.managedKey)(get[managedKeyRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) ManagedKeyByUUID(id uuid.UUID) (core.ManagedKey, error) {
	return one(managedKeyRow.managedKey)(get[managedKeyRow](t, "WHERE uuid = ?", id))
}

func (t *tx) ManagedKeyByIdentifier(identifier string) (core.ManagedKey, error) {
	return one(managedKeyRow.managedKey)(get[managedKeyRow](t, "WHERE identifier = ?", identifier))
}

func (t *tx) ManagedKeyAndDevice(id core.ManagedKeyID) (core.ManagedKey, core.Device, error) {
	return t.keyAndDevice("WHERE managed_keys.id = ?", int64(id))
}

func (t *tx) ManagedKeyAndDeviceByIdentifier(identifier string) (core.ManagedKey, core.Device, error) {
	return t.keyAndDevice("WHERE identifier = ?", identifier)
}

func (t *tx) keyAndDevice(where string, arg any) (core.ManagedKey, core.Device, error) {
	key, device, err := getBoth[managedKeyRow, deviceRow](t, "ON devices.id = device_id "+where, arg)
	if err != nil {
		return core.ManagedKey{}, core.Device{}, err
	}
	return key.managedKey(), device.device(), nil
}

func (t *tx) ManagedKeys(q core.ManagedKeyQuery) ([]core.ManagedKey, int, error) {
	where := func(s *bun.SelectQuery) *bun.SelectQuery {
		if q.Device != 0 {
			s = s.Where("device_id = ?", int64(q.Device))
		}
		if q.AnyDevice != 0 {
			s = s.Where("(device_id = ? OR id IN (SELECT key_id FROM managed_key_devices WHERE device_id = ?))", int64(q.AnyDevice), int64(q.AnyDevice))
		}
		if q.Reach != nil {
			s = s.WhereGroup(" AND ", reachedBy(*q.Reach))
		}
		return s
	}
	n, err := searchCount[managedKeyRow](t, where)
	if err != nil {
		return nil, 0, err
	}
	size, offset := limit(q.Page)
	keys, err := all(managedKeyRow.managedKey)(search[managedKeyRow](t, func(s *bun.SelectQuery) *bun.SelectQuery {
		return where(s).ColumnExpr(managedKeyColumns(t)).OrderExpr("id").Limit(int64(size)).Offset(int64(offset))
	}))
	return keys, n, err
}

// managedKeyColumns are what a row is read from; bun by itself would leave out
// the derived one.
func managedKeyColumns(t *tx) string {
	s := shapeOf[managedKeyRow](t.db)
	return strings.TrimSuffix(strings.TrimPrefix(s.selects, "SELECT "), ` FROM "`+s.table+`" `)
}

// reachedBy is the condition for what an application reaches: its own, and
// what is assigned to it.
func reachedBy(g core.Grant) selection {
	return func(s *bun.SelectQuery) *bun.SelectQuery {
		s = s.Where("application_id = ?", int64(g.Application))
		if keys := storableTexts(g.Keys); len(keys) > 0 {
			s = s.WhereOr("identifier IN (?)", bun.List(keys))
		}
		if hosts := storableTexts(g.Devices); len(hosts) > 0 {
			s = s.WhereOr("device_id IN (SELECT id FROM devices WHERE hostname IN (?))", bun.List(hosts))
		}
		return s
	}
}

// storableTexts leaves out what is found nowhere.
func storableTexts(all []string) (out []string) {
	for _, text := range all {
		if storableText(text) {
			out = append(out, text)
		}
	}
	return out
}

func (t *tx) InsertManagedKey(k core.ManagedKey) (core.ManagedKeyID, error) {
	id, err := insert(t, managedKeyRowOf(k))
	if err != nil {
		return 0, err
	}
	return core.ManagedKeyID(id), t.insertAdditional(id, k.Additional)
}

func (t *tx) UpdateManagedKey(k core.ManagedKey) error {
	if err := updateLater(t, managedKeyRowOf(k)); err != nil {
		return err
	}
	if err := t.later("DELETE FROM managed_key_devices WHERE key_id = ?", int64(k.ID)); err != nil {
		return err
	}
	return t.insertAdditional(int64(k.ID), k.Additional)
}

func (t *tx) insertAdditional(key int64, devices []core.DeviceID) error {
	for _, d := range devices {
		if err := t.later("INSERT INTO managed_key_devices (key_id, device_id) VALUES (?, ?)", key, int64(d)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) MarkManagedKeyViewed(id core.ManagedKeyID, at, expires time.Time) error {
	var until any
	if !expires.IsZero() {
		until = instant{expires}
	}
	return t.changeLater("UPDATE managed_keys SET viewed_at = ?, expires_at = ? WHERE id = ?", instant{at}, until, int64(id))
}

type keyVersionRow struct {
	bun.BaseModel `bun:"table:managed_key_versions"`
	ID            int64 `bun:",pk"`
	KeyID         int64
	Number        int
	PublicKey     string
	PrivateKey    []byte
	Passphrase    []byte `bun:",nullzero"`
	ActorKind     int
	ActorName     string
	At            instant
}

func (r keyVersionRow) version() core.KeyVersion {
	return core.KeyVersion{
		ID: r.ID, Key: core.ManagedKeyID(r.KeyID), Number: r.Number, PublicKey: r.PublicKey,
		PrivateKey: r.PrivateKey, Passphrase: r.Passphrase,
		ActorKind: core.ActorKind(r.ActorKind), ActorName: r.ActorName, // #nosec G115 -- written from an ActorKind
		At: r.At.Time,
	}
}

func (t *tx) KeyVersion(key core.ManagedKeyID, number int) (core.KeyVersion, error) {
	return one(keyVersionRow.version)(get[keyVersionRow](t, "WHERE key_id = ? AND number = ?", int64(key), number))
}

func (t *tx) KeyVersions(key core.ManagedKeyID) ([]core.KeyVersion, error) {
	return all(keyVersionRow.version)(list[keyVersionRow](t, "WHERE key_id = ? ORDER BY number", int64(key)))
}

func (t *tx) InsertKeyVersion(v core.KeyVersion) error {
	return insertAll(t, []keyVersionRow{{
		ID: v.ID, KeyID: int64(v.Key), Number: v.Number, PublicKey: v.PublicKey, PrivateKey: v.PrivateKey,
		Passphrase: v.Passphrase, ActorKind: int(v.ActorKind), ActorName: v.ActorName, At: instant{v.At},
	}})
}

type custodyRow struct {
	bun.BaseModel `bun:"table:custodies"`
	ID            int64 `bun:",pk"`
	KeyID         int64
	Holder        string
	Since         instant
	Until         instant `bun:",nullzero"`
}

func (r custodyRow) custody() core.Custody {
	return core.Custody{ID: r.ID, Key: core.ManagedKeyID(r.KeyID), Holder: r.Holder, Since: r.Since.Time, Until: r.Until.Time}
}

func (t *tx) Custodies(key core.ManagedKeyID) ([]core.Custody, error) {
	return all(custodyRow.custody)(list[custodyRow](t, "WHERE key_id = ? ORDER BY since, id", int64(key)))
}

func (t *tx) PutCustody(c core.Custody) error {
	var until any
	if !c.Until.IsZero() {
		until = instant{c.Until}
	}
	return t.later("INSERT INTO custodies (key_id, holder, since, until) VALUES (?, ?, ?, ?)"+
		" ON CONFLICT (key_id, holder) DO UPDATE SET since = excluded.since, until = excluded.until",
		int64(c.Key), c.Holder, instant{c.Since}, until)
}

func (t *tx) DeleteCustody(id int64) error {
	return t.change("DELETE FROM custodies WHERE id = ?", id)
}

type policyRow struct {
	bun.BaseModel `bun:"table:policies"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	Name          string
	Priority      int
	Disabled      bool
	ViewTime      int64 // nanoseconds
	MaxAge        int64 // nanoseconds
	Exclusive     bool
	Hostnames     texts
	Types         texts
	Models        texts
	Sites         texts
	Tags          texts
	CreatedAt     instant
	UpdatedAt     instant
}

func policyRowOf(p core.Policy) policyRow {
	return policyRow{
		ID: int64(p.ID), UUID: uid(p.UUID), Name: p.Name, Priority: p.Priority, Disabled: p.Disabled,
		ViewTime: int64(p.ViewTime), MaxAge: int64(p.MaxAge), Exclusive: p.Exclusive,
		Hostnames: p.Hostnames, Types: p.Types, Models: p.Models, Sites: p.Sites, Tags: p.Tags,
		CreatedAt: instant{p.CreatedAt}, UpdatedAt: instant{p.UpdatedAt},
	}
}

func (r policyRow) policy() core.Policy {
	return core.Policy{
		ID: core.PolicyID(r.ID), UUID: uuid.UUID(r.UUID), Name: r.Name, Priority: r.Priority, Disabled: r.Disabled,
		ViewTime: time.Duration(r.ViewTime), MaxAge: time.Duration(r.MaxAge), Exclusive: r.Exclusive,
		Hostnames: r.Hostnames, Types: r.Types, Models: r.Models, Sites: r.Sites, Tags: r.Tags,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) Policies() ([]core.Policy, error) {
	return all(policyRow.policy)(list[policyRow](t, "ORDER BY name"))
}

func (t *tx) PolicyByName(name string) (core.Policy, error) {
	return one(policyRow.policy)(get[policyRow](t, "WHERE name = ?", name))
}

func (t *tx) InsertPolicy(p core.Policy) (core.PolicyID, error) {
	id, err := insert(t, policyRowOf(p))
	return core.PolicyID(id), err
}

func (t *tx) UpdatePolicy(p core.Policy) error { return update(t, policyRowOf(p)) }

// sealedColumn is where sealed secrets of one sort lie. Table, column and the
// expressions are ours, never a caller's.
type sealedColumn struct {
	table, column  string
	owner, version string // expressions for whose secret it is
}

var sealedColumns = map[core.SealedPlace]sealedColumn{
	core.SealedPrivateKeys:     {"managed_key_versions", "private_key", keyOfVersion, "number"},
	core.SealedPassphrases:     {"managed_key_versions", "passphrase", keyOfVersion, "number"},
	core.SealedWebhookHeaders:  {"webhooks", "headers", "uuid", "0"},
	core.SealedWebhookSecrets:  {"projects", "webhook_secret", "uuid", "0"},
	core.SealedConsumerSecrets: {"authorizations", "oauth1_consumer_secret", "uuid", "0"},
	core.SealedTokenSecrets:    {"authorizations", "oauth1_token_secret", "uuid", "0"},
	core.SealedTokens:          {"tokens", "sealed", "uuid", "0"},
	core.SealedSigningKeys:     {"signing_keys", "sealed", "uuid", "0"},
	core.SealedSecondFactors:   {"second_factors", "sealed", "(SELECT a.uuid FROM accounts a WHERE a.id = account_id)", "0"},
}

const keyOfVersion = "(SELECT k.uuid FROM managed_keys k WHERE k.id = key_id)"

func (t *tx) sealedAt(place core.SealedPlace) (sealedColumn, error) {
	c, known := sealedColumns[place]
	if !known {
		return c, t.fail(fmt.Errorf("no column of sealed secrets %q", place))
	}
	return c, nil
}

func (t *tx) SealedSecrets(place core.SealedPlace, after int64, limit int) (found []core.Sealed, err error) {
	c, err := t.sealedAt(place)
	if err != nil {
		return nil, err
	}
	err = t.query(func(r answer) error {
		var owner uid
		var s core.Sealed
		err := r.Scan(&s.Row, &owner, &s.Version, &s.Bytes)
		s.Owner = uuid.UUID(owner)
		found = append(found, s)
		return err
	}, "SELECT id, "+c.owner+", "+c.version+", "+c.column+" FROM "+c.table+
		" WHERE id > ? AND "+c.column+" IS NOT NULL ORDER BY id LIMIT ?", after, limit)
	return found, err
}

func (t *tx) ReplaceSealed(place core.SealedPlace, row int64, sealed []byte) error {
	c, err := t.sealedAt(place)
	if err != nil {
		return err
	}
	return t.change("UPDATE "+c.table+" SET "+c.column+" = ? WHERE id = ?", sealed, row)
}

// sealedPrefix is how much of a sealed secret names its key: a byte that says
// so, and the key's id.
const sealedPrefix = 5

func (t *tx) SealedCounts(place core.SealedPlace) (counts []core.SealedCount, err error) {
	c, err := t.sealedAt(place)
	if err != nil {
		return nil, err
	}
	err = t.query(func(r answer) error {
		var prefix []byte
		count := core.SealedCount{Place: place}
		err := r.Scan(&prefix, &count.Count)
		if len(prefix) == sealedPrefix {
			count.Key = binary.BigEndian.Uint32(prefix[1:])
		}
		counts = append(counts, count)
		return err
	}, "SELECT substr("+c.column+", 1, ?), count(*) FROM "+c.table+" WHERE "+c.column+" IS NOT NULL GROUP BY 1 ORDER BY 1", sealedPrefix)
	return counts, err
}
