package store

import (
	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type projectRow struct {
	bun.BaseModel  `bun:"table:projects"`
	ID             int64 `bun:",pk"`
	UUID           uid   `bun:"uuid"`
	Name           string
	OrganizationID reference `bun:",nullzero"`
	Adopt          string
	ProveKeys      bool
	CreatedAt      instant
	UpdatedAt      instant
	WebhookSecret  []byte
	Identity       string // the name, as it is compared
}

func projectRowOf(p core.Project) projectRow {
	return projectRow{
		ID: int64(p.ID), UUID: uid(p.UUID), Name: p.Name, OrganizationID: reference(p.Organization),
		Adopt: string(p.Adopt), ProveKeys: p.ProveKeys,
		CreatedAt: instant{p.CreatedAt}, UpdatedAt: instant{p.UpdatedAt},
		WebhookSecret: p.WebhookSecret, Identity: core.Identity(p.Name),
	}
}

func (r projectRow) project() core.Project {
	return core.Project{
		ID: core.ProjectID(r.ID), UUID: uuid.UUID(r.UUID), Name: r.Name, Organization: core.OrganizationID(r.OrganizationID),
		Adopt: core.Adopt(r.Adopt), ProveKeys: r.ProveKeys,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		WebhookSecret: r.WebhookSecret,
	}
}

func (t *tx) Project(id core.ProjectID) (core.Project, error) {
	return one(projectRow.project)(get[projectRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) ProjectByName(name string) (core.Project, error) {
	return one(projectRow.project)(byName[projectRow](t, "name", name))
}

func (t *tx) Projects(p core.Page) ([]core.Project, int, error) {
	n, err := t.count("SELECT count(*) FROM projects")
	if err != nil {
		return nil, 0, err
	}
	size, offset := limit(p)
	projects, err := all(projectRow.project)(list[projectRow](t, "ORDER BY name"+bounds, size, offset))
	return projects, n, err
}

func (t *tx) InsertProject(p core.Project) (core.ProjectID, error) {
	id, err := insert(t, projectRowOf(p))
	return core.ProjectID(id), err
}

func (t *tx) UpdateProject(p core.Project) error { return update(t, projectRowOf(p)) }
