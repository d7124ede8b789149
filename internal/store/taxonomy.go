package store

import (
	"errors"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type organizationRow struct {
	bun.BaseModel `bun:"table:organizations"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	Name          string
	Folded        string // the name, for searches
	Identity      string // the name, as it is compared
	CreatedAt     instant
	UpdatedAt     instant
}

func (r organizationRow) organization() core.Organization {
	return core.Organization{
		ID: core.OrganizationID(r.ID), UUID: uuid.UUID(r.UUID), Name: r.Name,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) Organization(id core.OrganizationID) (core.Organization, error) {
	return one(organizationRow.organization)(get[organizationRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) OrganizationByName(name string) (core.Organization, error) {
	return one(organizationRow.organization)(byName[organizationRow](t, "name", name))
}

func (t *tx) Organizations() ([]core.Organization, error) {
	return all(organizationRow.organization)(list[organizationRow](t, "ORDER BY name"))
}

func (t *tx) InsertOrganization(o core.Organization) (core.OrganizationID, error) {
	id, err := insert(t, organizationRow{
		ID: int64(o.ID), UUID: uid(o.UUID), Name: o.Name, Folded: foldCase(o.Name), Identity: core.Identity(o.Name),
		CreatedAt: instant{o.CreatedAt}, UpdatedAt: instant{o.UpdatedAt},
	})
	return core.OrganizationID(id), err
}

type locationRow struct {
	bun.BaseModel `bun:"table:locations"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	Name          string
	Folded        string // the name, for searches
	Identity      string // the name, as it is compared
	CreatedAt     instant
	UpdatedAt     instant
}

func (r locationRow) location() core.Location {
	return core.Location{
		ID: core.LocationID(r.ID), UUID: uuid.UUID(r.UUID), Name: r.Name,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) LocationByName(name string) (core.Location, error) {
	return one(locationRow.location)(byName[locationRow](t, "name", name))
}

func (t *tx) Locations() ([]core.Location, error) {
	return all(locationRow.location)(list[locationRow](t, "ORDER BY name"))
}

func (t *tx) InsertLocation(l core.Location) (core.LocationID, error) {
	id, err := insert(t, locationRow{
		ID: int64(l.ID), UUID: uid(l.UUID), Name: l.Name, Folded: foldCase(l.Name), Identity: core.Identity(l.Name),
		CreatedAt: instant{l.CreatedAt}, UpdatedAt: instant{l.UpdatedAt},
	})
	return core.LocationID(id), err
}

// byName gets the row that has the name, or else one whose name is the same as
// core compares them. To look for the name itself first costs nothing where it is
// there, and has PostgreSQL see that two write the same name at once: it looks at
// what was read of the very index that forbids the second.
func byName[R any](t *tx, column, name string) (R, error) {
	row, err := get[R](t, "WHERE "+column+" = ?", name)
	if errors.Is(err, errNotFound) {
		return get[R](t, "WHERE identity = ?", core.Identity(name))
	}
	return row, err
}
