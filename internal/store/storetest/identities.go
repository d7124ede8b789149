package storetest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// testIdentities finds things by names that core takes for the same; of two that
// are there, the one that is written so.
func testIdentities(t *testing.T, s core.Store) {
	plain, loud := map[string]int64{}, map[string]int64{}
	for _, at := range []struct {
		name string
		ids  map[string]int64
	}{{"caf\u00e9 ag", plain}, {"CAF\u00c9 AG", loud}} {
		update(t, s, func(tx core.Tx) error {
			organization, err1 := tx.InsertOrganization(core.Organization{UUID: uuid.New(), Name: at.name})
			location, err2 := tx.InsertLocation(core.Location{UUID: uuid.New(), Name: at.name})
			project, err3 := tx.InsertProject(core.Project{UUID: uuid.New(), Name: "x"})
			application, err4 := tx.InsertApplication(core.Application{UUID: uuid.New(), Name: "x"})
			device, err5 := tx.InsertDevice(core.Device{UUID: uuid.New(), Hostname: "x"})
			at.ids["organization"], at.ids["location"] = int64(organization), int64(location)
			at.ids["project"], at.ids["application"], at.ids["device"] = int64(project), int64(application), int64(device)
			return errors.Join(err1, err2, err3, err4, err5, // a change is a new name too
				tx.UpdateProject(core.Project{ID: project, UUID: uuid.New(), Name: at.name}),
				tx.UpdateApplication(core.Application{ID: application, UUID: uuid.New(), Name: at.name}),
				tx.UpdateDevice(core.Device{ID: device, UUID: uuid.New(), Hostname: at.name}))
		})
		if at.name == "caf\u00e9 ag" {
			for _, name := range []string{at.name, "CAF\u00c9 AG", "cafe\u0301  ag"} {
				wantNamed(t, s, name, plain)
			}
		}
	}
	wantNamed(t, s, "caf\u00e9 ag", plain)
	wantNamed(t, s, "CAF\u00c9 AG", loud)
	wantNamed(t, s, "cafe ag", map[string]int64{})
}

// wantNamed looks a name up as that of each sort of thing; 0: none has it.
func wantNamed(t *testing.T, s core.Store, name string, want map[string]int64) {
	t.Helper()
	for what, find := range map[string]func(core.Tx) (int64, error){
		"organization": func(tx core.Tx) (int64, error) { v, err := tx.OrganizationByName(name); return int64(v.ID), err },
		"location":     func(tx core.Tx) (int64, error) { v, err := tx.LocationByName(name); return int64(v.ID), err },
		"project":      func(tx core.Tx) (int64, error) { v, err := tx.ProjectByName(name); return int64(v.ID), err },
		"application":  func(tx core.Tx) (int64, error) { v, err := tx.ApplicationByName(name); return int64(v.ID), err },
		"device":       func(tx core.Tx) (int64, error) { v, err := tx.DeviceByHostname(name); return int64(v.ID), err },
	} {
		view(t, s, func(tx core.Tx) error {
			got, err := find(tx)
			if want[what] == 0 {
				wantKind(t, what+" "+name, err, core.NotFound)
			} else if err != nil || got != want[what] {
				t.Errorf("%s %q is number %d, %v, want %d", what, name, got, err, want[what])
			}
			return nil
		})
	}
}
