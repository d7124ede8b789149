package core

import (
	"errors"
	"fmt"
	"slices"
)

// adopt gives the keys of a finished collect session to the account that its
// external id names, as far as the project's setting allows.
//
// It never fails for what a client sent: a key that cannot be adopted is noted
// in the audit record, and the session stands.
func (s *Service) adopt(tx Tx, by Actor, project Project, done Session) error {
	if !project.adoptsFrom(done) {
		return nil
	}
	account, err := s.adopter(tx, project, *done.ExternalID)
	if KindOf(err) == NotFound || KindOf(err) == Conflict {
		return s.audit(tx, by, "key.adopt", done.object(), withProject(project.ID), refused(err.Error()))
	}
	if err != nil {
		return err
	}
	connections, err := tx.Connections(done.ID)
	if err != nil {
		return err
	}
	for _, c := range connections {
		for _, k := range project.adopts(c.Keys) {
			if err := s.adoptKey(tx, by, account, done, c, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// adoptsFrom tells whether the keys of a session go to an account once it is
// completed.
func (p Project) adoptsFrom(s Session) bool {
	return p.Adopt != AdoptOff && s.Kind == CollectSession && s.ExternalID != nil
}

// adopter finds the account whose UUID, login or e-mail is the external id, in
// that order. A project of an organization reaches accounts of that
// organization only: otherwise whoever holds one tenant's API key could put
// keys into the accounts of another.
func (s *Service) adopter(tx Tx, project Project, externalID string) (Account, error) {
	account, err := accountNamed(tx, externalID)
	if err != nil {
		return Account{}, err
	}
	switch {
	case !account.ActiveAt(s.clock()):
		return Account{}, Errorf(NotFound, "the account is not active")
	case !project.reaches(account):
		return Account{}, Errorf(NotFound, "the account is not of the project's organization")
	}
	return account, nil
}

// reaches tells whether an account is within the project's organization.
func (p Project) reaches(a Account) bool {
	return p.Organization == 0 || contains(a.Organizations, p.Organization)
}

// adopts gives those of the keys that the project's setting takes.
func (p Project) adopts(keys []CollectedKey) []CollectedKey {
	return slices.DeleteFunc(slices.Clone(keys), func(k CollectedKey) bool { return !k.Proven && p.Adopt != AdoptOffered })
}

// adoptKey gives one collected key to an account, or new evidence to a key the
// account has already.
func (s *Service) adoptKey(tx Tx, by Actor, to Account, from Session, c Connection, k CollectedKey) error {
	if err := tx.LockKeys(k.Public.SHA256()); err != nil {
		return err
	}
	key, err := tx.OwnerKey(to.ID, k.Public.SHA256())
	if KindOf(err) == NotFound {
		key, err = s.adoptNewKey(tx, by, to, from, k)
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Invalid {
		return s.audit(tx, by, "key.adopt", from.object(), withProject(from.Project), refused(e.Error()))
	}
	if err != nil {
		return err
	}
	return tx.InsertEvidence(evidenceOf(key.ID, c, k))
}

// evidenceOf is what a key that came in over a connection is evidence of.
func evidenceOf(key KeyID, c Connection, k CollectedKey) Evidence {
	return Evidence{
		Key: key, Grade: gradeOf(k), At: k.CreatedAt,
		Address: c.Address, ClientVersion: c.ClientVersion, Connection: c.UUID,
	}
}

func gradeOf(k CollectedKey) Grade {
	if k.Proven {
		return ProvenByLogin
	}
	return Offered
}

func (s *Service) adoptNewKey(tx Tx, by Actor, to Account, from Session, k CollectedKey) (Key, error) {
	policy, err := s.keyPolicy(tx)
	if err != nil {
		return Key{}, err
	}
	if err := policy.Judge(k.Public); err != nil {
		return Key{}, invalid("public_key", "%v", err)
	}
	name, err := freeName(tx, to.ID, fmt.Sprintf("%s %.12s", k.Public.Algorithm(), k.Public.SHA256().String()[len("SHA256:"):]))
	if err != nil {
		return Key{}, err
	}
	now := s.clock()
	added, err := s.insertKeys(tx, by, "adopted from "+from.object(), Key{
		UUID: newUUID(), ShortID: NewShortID(), Owner: to.ID, Name: name,
		Text: k.Public.String(), Public: k.Public, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		return Key{}, err
	}
	return added[0], nil
}

// freeName gives the wanted key name, with a number behind it where the owner
// has a key of that name already.
func freeName(tx Tx, owner AccountID, want string) (string, error) {
	name := want
	for n := 2; ; n++ {
		err := absent(tx.OwnerKeyByName(owner, name))
		if !errors.Is(err, errTaken) {
			return name, err
		}
		name = fmt.Sprintf("%s (%d)", want, n)
	}
}
