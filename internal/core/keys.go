package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

const (
	maxKeyName     = 255 // characters
	keysPolicyName = settingsPrefix + "keys"
)

// Uniqueness says which keys an owner must not have already. Each face passes
// its product's own rule.
type Uniqueness struct {
	Name bool // no other key of the owner has the name
	Key  bool // no other entry of the owner is the same key
}

// Elsewhere says what to do with a key that another account has already.
type Elsewhere uint8

// What can be done with it.
const (
	ElsewhereTaken   Elsewhere = iota // it is added as any
	ElsewhereFlagged                  // it is added, and the audit record has a finding
	ElsewhereRefused                  // it is not: Conflict, as of one's own
)

// NewKey is what a key is made from.
type NewKey struct {
	Owner     AccountID
	Name      string
	Text      string // in any form sshkey.Parse takes, without options, no certificate
	Shared    bool
	Comment   string // for the revision: why
	Unique    Uniqueness
	Elsewhere Elsewhere
	Policy    *sshkey.Policy // nil: the installation's
}

// AddKey gives an account a key. Its owner and those who manage everything may.
// Invalid names the fields name and public_key; Conflict says what is taken.
func (s *Service) AddKey(ctx context.Context, by Actor, in NewKey) (KeyEntry, error) {
	d, err := s.draftFor(ctx, by, in)
	if err != nil {
		return KeyEntry{}, err
	}
	k, err := update(ctx, s, func(tx Tx) (KeyEntry, error) {
		owner, err := d.owner(tx)
		if err != nil {
			return KeyEntry{}, err
		}
		k, err := once(s, tx, by, Key.id,
			func(id uuid.UUID) (Key, error) { return keyFor(tx, by, id) },
			func() (Key, error) { return s.addKey(tx, by, d, owner) })
		return KeyEntry{k, owner.UUID}, err
	})
	return k, s.notePrivateKey(ctx, by, in, err)
}

// CheckKey says what [Service.AddKey] would say now, and adds nothing: for
// faces that have to tell it beside what else is wrong with a request. Its
// owner and those who manage everything may.
func (s *Service) CheckKey(ctx context.Context, by Actor, in NewKey) error {
	d, err := s.draftFor(ctx, by, in)
	if err != nil {
		return err
	}
	err = s.store.Glance(ctx, func(tx Tx) error {
		owner, err := d.owner(tx)
		if err != nil {
			return err
		}
		return d.refusal(owner)
	})
	return s.notePrivateKey(ctx, by, in, err)
}

// notePrivateKey writes down that somebody sent the private half of a key: it
// has been where it must not be, and its owner should be told. Of the key
// nothing is kept. The refusal is given back.
func (s *Service) notePrivateKey(ctx context.Context, by Actor, in NewKey, refusal error) error {
	if !isPrivateKey(refusal) {
		return refusal
	}
	err := s.store.Update(ctx, func(tx Tx) error {
		owner, err := tx.Account(in.Owner)
		if err != nil {
			return err
		}
		return s.audit(tx, by, "key.add", owner.object(), refused("a private key was sent"))
	})
	if err != nil {
		return err
	}
	return refusal
}

func isPrivateKey(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.ContainsFunc(e.Fields, func(f Field) bool {
		why, ok := errors.AsType[*sshkey.Error](f.Err)
		return ok && why.Code == sshkey.CodePrivateKey
	})
}

func (k Key) id() uuid.UUID { return k.UUID }

// draftFor reads a new key where the actor may give its owner one.
func (s *Service) draftFor(ctx context.Context, by Actor, in NewKey) (draft, error) {
	if !by.manages() && !by.owns(in.Owner) {
		return draft{}, errDenied
	}
	return s.draft(ctx, in)
}

// addKey adds a key to an account that is there.
func (s *Service) addKey(tx Tx, by Actor, d draft, owner KeyOwner) (Key, error) {
	if err := d.refusal(owner); err != nil {
		return Key{}, err
	}
	added, err := s.pasteKeys(tx, by, d.Comment, s.made(d))
	if err != nil {
		return Key{}, err
	}
	k := added[0]
	if owner.Other != (uuid.UUID{}) {
		other := Account{UUID: owner.Other}
		err = s.audit(tx, by, "key.flag", k.object(), withDetail("also a key of "+other.object()))
	}
	return k, err
}

// pasteKeys stores keys that may be added, which nobody has proven.
func (s *Service) pasteKeys(tx Tx, by Actor, comment string, keys ...Key) ([]Key, error) {
	keys, err := s.insertKeys(tx, by, comment, keys...)
	if err != nil {
		return nil, err
	}
	evidence := make([]Evidence, len(keys))
	for i, k := range keys {
		evidence[i] = Evidence{Key: k.ID, Grade: Pasted, At: k.CreatedAt, Address: by.origin.Address}
	}
	return keys, tx.InsertEvidence(evidence...)
}

// insertKeys stores keys, each with its first revision and its audit event.
func (s *Service) insertKeys(tx Tx, by Actor, comment string, keys ...Key) ([]Key, error) {
	ids, err := tx.InsertKeys(keys...)
	if err != nil {
		return nil, err
	}
	stored := slices.Clone(keys)
	for i, id := range ids {
		stored[i].ID = id
	}
	return stored, s.revise(tx, by, KeyAdded, comment, stored...)
}

// revise appends a revision of each key and says so in the audit record.
func (s *Service) revise(tx Tx, by Actor, did RevisionAction, comment string, keys ...Key) error {
	revisions, lines := make([]Revision, len(keys)), make([]AuditEvent, len(keys))
	for i, k := range keys {
		revisions[i] = Revision{
			Key: k, Action: did, ActorKind: by.kind, ActorName: by.name, Account: by.account,
			Comment: comment, At: s.clock(),
		}
		lines[i] = s.auditEvent(by, "key."+did.verb(), k.object(), withDetail(k.Public.SHA256().String()))
	}
	if err := tx.InsertRevisions(revisions...); err != nil {
		return err
	}
	return tx.InsertAuditEvents(lines...)
}

func (k Key) object() string { return "key " + k.UUID.String() }

func readPublicKey(text string, policy sshkey.Policy) (sshkey.PublicKey, error) {
	k, err := plainKey(text)
	if err != nil {
		return sshkey.PublicKey{}, err
	}
	return k, policy.Judge(k)
}

// plainKey reads a key that stands alone: no options, no certificate.
func plainKey(text string) (sshkey.PublicKey, error) {
	line, err := sshkey.Parse(text)
	switch {
	case err != nil:
		return sshkey.PublicKey{}, err
	case len(line.Options) > 0:
		return sshkey.PublicKey{}, Errorf(Invalid, "options before the key are not kept; leave them out")
	case line.Certificate != nil:
		return sshkey.PublicKey{}, Errorf(Invalid, "this is a certificate; give the plain key it certifies")
	}
	return line.Key, nil
}

// keyPolicy gives what `apply` has set, else the default.
func (s *Service) keyPolicy(tx Tx) (sshkey.Policy, error) {
	text, err := tx.Setting(keysPolicyName)
	if ignore(NotFound, err) != nil {
		return sshkey.Policy{}, err
	}
	return parseKeyPolicy(text)
}

// parseKeyPolicy reads the settings of section "keys" of the apply file, or none.
func parseKeyPolicy(text string) (sshkey.Policy, error) {
	if text == "" {
		return sshkey.Policy{}, nil
	}
	var wire struct {
		AllowedTypes []string `json:"allowed_types"`
		MinRSABits   int      `json:"min_rsa_bits"`
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return sshkey.Policy{}, fmt.Errorf("read settings of keys: %w", err)
	}
	return sshkey.Policy{AllowedTypes: wire.AllowedTypes, MinRSABits: wire.MinRSABits}, nil
}

// checkLabel refuses what would break a list, a log line or an authorized_keys
// file: control and format characters, broken UTF-8, too much of it.
func checkLabel(p *problems, path, text string, most int) {
	switch {
	case !utf8.ValidString(text):
		p.addf(path, "must be valid UTF-8")
	case utf8.RuneCountInString(text) > most:
		p.addf(path, "must have at most %d characters", most)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.C, r) }):
		p.addf(path, "must not hold control characters")
	}
}

// checkName refuses what cannot name a thing.
func checkName(p *problems, name string) {
	checkLabel(p, "name", name, 255)
	if name == "" {
		p.addf("name", "must not be empty")
	}
}

// unused refuses a key whose name or content the owner has already.
func unused(tx Tx, k Key, u Uniqueness) error {
	if u.Name {
		if err := absent(tx.OwnerKeyByName(k.Owner, k.Name)); err != nil {
			return conflictAt(err, "name", namedText)
		}
	}
	if u.Key {
		return conflictAt(absent(tx.OwnerKey(k.Owner, k.Public.SHA256())), "public_key", ownedText)
	}
	return nil
}

var errTaken = Errorf(Conflict, "already taken")

// absent turns a look-up's answer around: NotFound is well, a find is errTaken.
func absent[T any](_ T, err error) error {
	switch {
	case err == nil:
		return errTaken
	case KindOf(err) == NotFound:
		return nil
	}
	return err
}

// Removal says which key is to go, and on what terms.
type Removal struct {
	Key   uuid.UUID
	Where Filter // it is taken for absent unless this selects it; nil: any
	// BySupport lets those who read everything take any key away that is not
	// shared, as Waldur does.
	BySupport bool
	Comment   string // why, for the key's history
}

// RemoveKey takes a key away: it is gone from every answer at once, its
// revisions stay. Its owner and those who manage everything may; a key that is
// shared is everybody's, so that only the latter may take it away.
func (s *Service) RemoveKey(ctx context.Context, by Actor, id uuid.UUID, comment string) error {
	return s.Remove(ctx, by, Removal{Key: id, Comment: comment})
}

// Remove takes a key away as [Service.RemoveKey] does, on the terms of a removal.
func (s *Service) Remove(ctx context.Context, by Actor, r Removal) error {
	var p problems
	if checkComment(&p, r.Comment); len(p) > 0 {
		return p.err()
	}
	return s.store.Update(ctx, func(tx Tx) error {
		k, err := keyEntry(tx, by, r.Key, r.Where)
		if err != nil {
			return err
		}
		if !r.mayBy(by, k.Key) {
			return errDenied
		}
		return s.removeKey(tx, by, k.Key, r.Comment)
	})
}

// mayBy is the one rule of who may take a key away that he can see.
func (r Removal) mayBy(by Actor, k Key) bool {
	switch {
	case by.manages():
		return true
	case k.Shared:
		return false
	}
	return by.owns(k.Owner) || r.BySupport && by.readsAll()
}

// checkComment bounds what a revision says of its reason.
func checkComment(p *problems, comment string) { checkLabel(p, "comment", comment, 1000) }

func (s *Service) removeKey(tx Tx, by Actor, k Key, comment string) error {
	if err := tx.DeleteKey(k.ID); err != nil {
		return err
	}
	return s.revise(tx, by, KeyRemoved, comment, k)
}

// KeyDetail is a key with what is known of it.
type KeyDetail struct {
	Key
	OwnerLogin string
	Evidence   []Evidence
	Revisions  []Revision
}

// Key gives one key with evidence and revisions, to its owner, those who read
// everything, and where it is shared to any account.
func (s *Service) Key(ctx context.Context, by Actor, id uuid.UUID) (KeyDetail, error) {
	return view(ctx, s, func(tx Tx) (KeyDetail, error) {
		k, err := keyFor(tx, by, id)
		if err != nil {
			return KeyDetail{}, err
		}
		return detail(tx, k)
	})
}

var errNoKey = Errorf(NotFound, "no such key")

// keyFor gives a key where the actor may see it.
func keyFor(tx Tx, by Actor, id uuid.UUID) (Key, error) {
	k, err := tx.KeyByUUID(id)
	if err == nil && !by.readsAll() && !by.owns(k.Owner) && !(k.Shared && by.kind == ActorAccount) {
		return Key{}, errNoKey
	}
	return k, as(errNoKey, err)
}

func detail(tx Tx, k Key) (d KeyDetail, err error) {
	owner, err := tx.Account(k.Owner)
	if err != nil {
		return d, err
	}
	d = KeyDetail{Key: k, OwnerLogin: owner.Login}
	if d.Evidence, err = tx.EvidenceOf(k.ID); err != nil {
		return d, err
	}
	d.Revisions, err = tx.Revisions(k.UUID)
	return d, err
}

// Keys lists keys and says how many match in all: to an account its own and
// those that are shared, to those who read everything any.
func (s *Service) Keys(ctx context.Context, by Actor, q KeyQuery) ([]Key, int, error) {
	visible, err := visibleKeys(by)
	if err != nil {
		return nil, 0, err
	}
	q.Where, q.Page = both(visible, q.Where), q.Page.clamped()
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Key, err error) {
		list, total, err = tx.Keys(q)
		return list, err
	})
	return list, total, err
}

// visibleKeys says which keys the actor may see; nil: all.
func visibleKeys(by Actor) (Filter, error) {
	switch {
	case by.readsAll():
		return nil, nil
	case by.kind == ActorAccount:
		return Or{OwnedBy(by.account), Compare{KeySharedAttr, Equal, true}}, nil
	}
	return nil, errDenied
}

func fingerprint(k sshkey.PublicKey, h sshkey.Hash) sshkey.Fingerprint {
	switch h {
	case sshkey.HashMD5:
		sum := k.MD5()
		return sshkey.Fingerprint{Hash: h, Sum: sum[:]}
	case sshkey.HashSHA512:
		sum := k.SHA512()
		return sshkey.Fingerprint{Hash: h, Sum: sum[:]}
	default:
		sum := k.SHA256()
		return sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum[:]}
	}
}
