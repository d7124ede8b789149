package core

import (
	"cmp"
	"context"
)

// Projects lists projects by name and says how many there are in all. For
// those who read everything.
func (s *Service) Projects(ctx context.Context, by Actor, p Page) ([]Project, int, error) {
	if !by.readsAll() {
		return nil, 0, errDenied
	}
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Project, err error) {
		list, total, err = tx.Projects(p.clamped())
		return list, err
	})
	return list, total, err
}

// NewProject is what a project is made from.
type NewProject struct {
	Name         string
	Organization string // empty: none
	Adopt        Adopt  // empty: off
	ProveKeys    bool
}

// AddProject makes a project. Conflict when the name is taken. For those who
// manage everything.
func (s *Service) AddProject(ctx context.Context, by Actor, in NewProject) (Project, error) {
	if !by.manages() {
		return Project{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Project, error) {
		p := Project{Name: in.Name, Adopt: cmp.Or(in.Adopt, AdoptOff), ProveKeys: in.ProveKeys}
		var err error
		if p.Organization, err = p.check(tx, in.Organization); err != nil {
			return Project{}, err
		}
		if err := absent(projectNamed(tx, in.Name)); err != nil {
			return Project{}, conflictAt(err, "name", "is already the name of another project")
		}
		return p, s.insertProject(tx, by, &p)
	})
}

func projectNamed(tx Tx, name string) (Project, error) {
	return named(tx.ProjectByName, "project", name)
}

// check says what is wrong with a project, and finds its organization.
func (p Project) check(tx Tx, organization string) (OrganizationID, error) {
	var bad problems
	checkName(&bad, p.Name)
	checkIdentity(&bad, "name", p.Name)
	if Identity(p.Name) == inviteProject {
		bad.addf("name", "is kept for the sessions that operators open")
	}
	if !contains([]Adopt{AdoptOff, AdoptProven, AdoptOffered}, p.Adopt) {
		bad.addf("adopt_keys", "must be off, proven or offered")
	}
	id, err := optionalOrganization(tx, organization)
	if err := bad.take("organization", err); err != nil {
		return 0, err
	}
	return id, bad.err()
}

// insertProject gives the project its ids and stores it.
func (s *Service) insertProject(tx Tx, by Actor, p *Project) error {
	p.UUID, p.CreatedAt, p.UpdatedAt = newUUID(), s.clock(), s.clock()
	var err error
	if p.ID, err = tx.InsertProject(*p); err != nil {
		return err
	}
	return s.audit(tx, by, "project.add", p.object(), withProject(p.ID))
}

func (p Project) object() string { return "project " + p.UUID.String() }
