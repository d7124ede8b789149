package core

import (
	"context"

	"keyrack/internal/vault"
)

// The names of what a first start makes.
const (
	firstAdmin   = "admin"
	firstProject = "first"
	firstAPIKey  = "first"
)

// FirstSteps are the credentials that a first start makes. They are given once.
type FirstSteps struct {
	Login    string
	Password vault.Secret
	Project  string
	APIKey   vault.Secret
}

// Bootstrap gives an empty store an administrator and a project, and tells
// their credentials. A store that has any account or project is left as it is:
// the result is then nil. For the system alone.
func (s *Service) Bootstrap(ctx context.Context, by Actor) (*FirstSteps, error) {
	if by.kind != ActorSystem {
		return nil, errDenied
	}
	if empty, err := view(ctx, s, isEmpty); err != nil || !empty {
		return nil, err
	}
	steps := &FirstSteps{
		Login: firstAdmin, Password: vault.NewSecret(randomText(identifierAlphabet, 24)),
		Project: firstProject, APIKey: vault.NewSecret(newAPISecret()),
	}
	hash, err := s.hashNewPassword(ctx, steps.Password.Reveal())
	if err != nil {
		return nil, err
	}
	made, err := update(ctx, s, func(tx Tx) (bool, error) {
		empty, err := isEmpty(tx) // another server may have been first
		if err != nil || !empty {
			return false, err
		}
		return true, s.firstWorld(tx, by, *steps, hash)
	})
	if err != nil || !made {
		return nil, err
	}
	return steps, nil
}

func isEmpty(tx Tx) (bool, error) {
	accounts, err := tx.CountAccounts()
	if err != nil || accounts > 0 {
		return false, err
	}
	_, projects, err := tx.Projects(Page{Limit: 1})
	return projects == 0, err
}

func (s *Service) firstWorld(tx Tx, by Actor, steps FirstSteps, hash string) error {
	now := s.clock()
	admin := Account{
		UUID: newUUID(), ShortID: NewShortID(), Login: steps.Login,
		Roles: Roles{Admin: true}, PasswordHash: hash, CreatedAt: now, UpdatedAt: now,
	}
	admin.setName("Administrator")
	if _, err := s.insertAccount(tx, by, admin); err != nil {
		return err
	}
	project := Project{Name: steps.Project, Adopt: AdoptProven, ProveKeys: true}
	if err := s.insertProject(tx, by, &project); err != nil {
		return err
	}
	return s.insertAPIKey(tx, by, APIKey{
		Project: project.ID, Name: firstAPIKey, SecretHash: hashSecret(steps.APIKey.Reveal()),
	})
}
