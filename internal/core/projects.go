package core

import "context"

// Projects lists projects by name and says how many there are in all. For
// those who read everything.
func (s *Service) Projects(ctx context.Context, by Actor, p Page) ([]Project, int, error) {
	if !by.readsAll() {
		return nil, 0, errDenied
	}
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Project, err error) {
		list, total, err = tx.Projects(p)
		return list, err
	})
	return list, total, err
}

// insertProject gives the project its ids and stores it.
func (s *Service) insertProject(tx Tx, by Actor, p *Project) error {
	p.UUID, p.CreatedAt, p.UpdatedAt = newUUID(), s.clock(), s.clock()
	var err error
	if p.ID, err = tx.InsertProject(*p); err != nil {
		return err
	}
	return s.audit(tx, by, "project.add", "project "+p.UUID.String(), withProject(p.ID))
}
