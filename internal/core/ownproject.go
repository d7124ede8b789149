package core

import "context"

// OwnProject gives the project whose API key the actor holds.
func (s *Service) OwnProject(ctx context.Context, by Actor) (Project, error) {
	if by.kind != ActorProject {
		return Project{}, errDenied
	}
	return view(ctx, s, func(tx Tx) (Project, error) { return tx.Project(by.project) })
}
