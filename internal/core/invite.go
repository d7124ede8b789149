package core

import (
	"context"
	"time"
)

// inviteProject owns the sessions that operators open for an account. It is
// made when it is first needed; its keys are proven and adopted. No other
// project can have the name, see [Project.check].
const inviteProject = "keyrack-collect"

// Invite opens a collect session whose proven keys go to the account that ref
// (login, UUID or e-mail) names. For those who manage everything.
func (s *Service) Invite(ctx context.Context, by Actor, ref string, timeout time.Duration) (Session, error) {
	if !by.manages() {
		return Session{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Session, error) {
		account, err := accountNamed(tx, ref)
		if err != nil {
			return Session{}, err
		}
		if !account.ActiveAt(s.clock()) {
			return Session{}, Errorf(Conflict, "the account %s is disabled or expired", account.Login)
		}
		project, err := s.inviteProject(tx, by)
		if err != nil {
			return Session{}, err
		}
		id := account.UUID.String()
		return s.createSession(tx, by, project.ID, NewSession{
			Kind: CollectSession, ExternalID: &id, MultiKey: true, Expiry: Expiry{Timeout: &timeout},
		})
	})
}

func (s *Service) inviteProject(tx Tx, by Actor) (Project, error) {
	project, err := tx.ProjectByName(inviteProject)
	if KindOf(err) != NotFound {
		return project, err
	}
	project = Project{Name: inviteProject, Adopt: AdoptProven, ProveKeys: true}
	return project, s.insertProject(tx, by, &project)
}
