package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// Finding is something that must not be in a sound store.
type Finding struct {
	Check  string // the rule that is broken, as "key without revision"
	Object string // where, as "key 17"
	Detail string // may be empty
}

// findingsLimit is how many findings of one sort are given.
const findingsLimit = 100

// Check looks for what must not be: damaged files, references to nothing, keys
// that do not agree with their revisions or with their own bytes, changes
// without audit event. It sees one snapshot, and takes its time.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	var all []Finding
	err := s.engine.inspect(ctx, func(t *tx) error {
		rules, err := t.brokenRules()
		if err != nil {
			return err
		}
		keys, err := t.brokenKeys()
		all = slices.Concat(rules, keys)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check store: %w", err)
	}
	return all, nil
}

// rule is a query for what breaks it: the object and a detail.
type rule struct{ check, text string }

const lastRevision = "r.number = (SELECT max(number) FROM revisions l WHERE l.key_uuid = r.key_uuid)"

// rules are what the data must keep to, beyond what the schema says.
func (db *database) rules() []rule {
	return slices.Concat(db.speaks.rules(), db.keyRules(), db.vaultRules())
}

// vaultRules are about keys of the vault. That what is sealed opens is not
// looked at: the master key is not the store's.
func (db *database) vaultRules() []rule {
	return []rule{
		{"managed key without version",
			"SELECT 'managedkey ' || k.id, '' FROM managed_keys k WHERE NOT EXISTS (SELECT 1 FROM managed_key_versions v WHERE v.key_id = k.id)"},
		{"versions with a gap",
			"SELECT 'managedkey ' || key_id, '' FROM managed_key_versions GROUP BY key_id HAVING min(number) <> 1 OR max(number) <> count(*)"},
		{"managed key unlike its last version",
			"SELECT 'managedkey ' || k.id, '' FROM managed_keys k JOIN managed_key_versions v ON v.key_id = k.id" +
				" WHERE v.number = (SELECT max(number) FROM managed_key_versions l WHERE l.key_id = k.id) AND v.number <> k.version"},
		{"version with nothing sealed",
			"SELECT 'managedkey ' || key_id, 'version ' || number FROM managed_key_versions WHERE length(private_key) = 0 OR length(passphrase) = 0"},
		{"version without audit event",
			"SELECT 'managedkey ' || k.id, '' FROM managed_keys k WHERE (SELECT count(*) FROM managed_key_versions v WHERE v.key_id = k.id) >" +
				" (SELECT count(*) FROM audit_events a WHERE a.object = 'managedkey ' || " + db.speaks.uuidText("k.uuid") +
				" AND a.action IN ('managedkey.add', 'managedkey.change') AND a.outcome = '" + string(core.Done) + "')"},
	}
}

func (db *database) keyRules() []rule {
	return []rule{
		{"key without revision",
			"SELECT 'key ' || k.id, '' FROM keys k WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.key_uuid = k.uuid)"},
		{"revisions with a gap",
			"SELECT 'key ' || max(key_id), '' FROM revisions GROUP BY key_uuid HAVING min(number) <> 1 OR max(number) <> count(*)"},
		{"key unlike its last revision",
			"SELECT 'key ' || k.id, '' FROM keys k JOIN revisions r ON r.key_uuid = k.uuid AND " + lastRevision +
				" WHERE r.action = '" + string(core.KeyRemoved) + "' OR r.key_id <> k.id OR r.short_id <> k.short_id OR r.owner <> k.owner" +
				" OR r.name <> k.name OR r.text <> k.text OR r.blob <> k.blob OR r.shared <> k.shared" +
				" OR r.key_created_at <> k.created_at OR r.key_updated_at <> k.updated_at"},
		{"key gone without a revision",
			"SELECT 'key ' || r.key_id, '' FROM revisions r WHERE r.action <> '" + string(core.KeyRemoved) + "' AND " + lastRevision +
				" AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.uuid = r.key_uuid)"},
		{"change without audit event",
			"SELECT 'key ' || max(key_id), '' FROM revisions GROUP BY key_uuid HAVING count(*) > (SELECT count(*) FROM audit_events a" +
				" WHERE a.object = 'key ' || " + db.speaks.uuidText("key_uuid") + " AND a.outcome = '" + string(core.Done) + "')"},
	}
}

func (t *tx) brokenRules() ([]Finding, error) {
	var all []Finding
	for _, r := range t.db.rules() {
		err := t.query(func(rows answer) error {
			f := Finding{Check: r.check}
			err := rows.Scan(&f.Object, &f.Detail)
			all = append(all, f)
			return err
		}, r.text+" LIMIT ?", findingsLimit)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", r.check, err)
		}
	}
	return all, nil
}

// brokenKeys looks for keys whose columns for searches do not fit their bytes.
func (t *tx) brokenKeys() ([]Finding, error) {
	var all []Finding
	err := t.query(func(rows answer) error {
		var stored keySearchRow
		var blob []byte
		err := rows.Scan(&stored.ID, &blob, &stored.Algorithm, &stored.Bits, &stored.MD5, &stored.SHA256, &stored.SHA512)
		if err != nil {
			return err
		}
		if detail := unlikeBlob(stored, blob); detail != "" && len(all) < findingsLimit {
			all = append(all, Finding{Check: "key unlike its bytes", Object: fmt.Sprintf("key %d", stored.ID), Detail: detail})
		}
		return nil
	}, "SELECT id, blob, algorithm, bits, md5, sha256, sha512 FROM keys ORDER BY id")
	return all, err
}

// unlikeBlob says what does not fit, if anything.
func unlikeBlob(stored keySearchRow, blob []byte) string {
	public, err := sshkey.FromWire(blob)
	if err != nil {
		return err.Error()
	}
	right := keyRowOf(core.Key{Public: public})
	switch {
	case stored.Algorithm != right.Algorithm:
		return "algorithm"
	case stored.Bits != right.Bits:
		return "bits"
	case !bytes.Equal(stored.MD5, right.MD5), !bytes.Equal(stored.SHA256, right.SHA256), !bytes.Equal(stored.SHA512, right.SHA512):
		return "fingerprint"
	}
	return ""
}
