package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/core"
)

func TestAddProject(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.apply(core.Desired{Organizations: []string{"acme"}})
		acme := w.dump().Organizations[0].ID
		made, err := w.AddProject(t.Context(), operator, core.NewProject{Name: "on boarding", Organization: "acme", Adopt: core.AdoptProven, ProveKeys: true})
		if err != nil {
			t.Fatal(err)
		}
		now := core.Moment(w.clock.Now())
		want := core.Project{
			ID: made.ID, UUID: made.UUID, Name: "on boarding", Organization: acme, Adopt: core.AdoptProven, ProveKeys: true, CreatedAt: now, UpdatedAt: now,
		}
		if diff := cmp.Diff(want, made, exactly); diff != "" {
			t.Errorf("AddProject (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]core.Project{want}, w.dump().Projects, exactly); diff != "" {
			t.Errorf("Projects after AddProject (-want +got):\n%s", diff)
		}
		if e := w.event("project.add"); e.Object != "project "+made.UUID.String() || e.Project != made.ID {
			t.Errorf("audit event = %+v, want that the project was added", e)
		}
		plain, err := w.AddProject(t.Context(), operator, core.NewProject{Name: "plain"})
		if err != nil || plain.Adopt != core.AdoptOff || plain.Organization != 0 {
			t.Errorf("AddProject of a name alone = %+v, %v; want nothing adopted", plain, err)
		}
	})
}

func TestAddProjectRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project(core.NewProject{Name: "taken"})
	before := w.dump()
	tests := map[string]struct {
		in     core.NewProject
		kind   core.Kind
		fields []string
	}{
		"no name":    {core.NewProject{}, core.Invalid, []string{"name: must not be empty"}},
		"long name":  {core.NewProject{Name: strings.Repeat("n", 256)}, core.Invalid, []string{"name: must have at most 255 characters"}},
		"odd name":   {core.NewProject{Name: "\x00"}, core.Invalid, []string{"name: must not hold control characters"}},
		"name taken": {core.NewProject{Name: "taken"}, core.Conflict, []string{"name: is already the name of another project"}},
		"all of it": {
			core.NewProject{Name: "\xff", Organization: "none\x00", Adopt: "some"}, core.Invalid,
			[]string{"name: must be valid UTF-8", "adopt_keys: must be off, proven or offered", `organization: no organization is named "none\x00"`},
		},
	}
	for name, tt := range tests {
		_, err := w.AddProject(t.Context(), operator, tt.in)
		wantError(t, name, err, tt.kind, tt.fields...)
	}
	w.unchanged("refused projects", before)
}

func TestProjectsList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		w.apply(core.Desired{Projects: []core.DesiredProject{{Name: "c"}, {Name: "a"}, {Name: "b"}}})
		for page, want := range map[core.Page]string{
			{}: "abc", {Limit: 2}: "ab", {Offset: 1, Limit: 1}: "b", {Offset: 9}: "", {Offset: -9, Limit: -9}: "abc",
		} {
			list, n, err := w.Projects(t.Context(), operator, page)
			var got string
			for _, p := range list {
				got += p.Name
			}
			if got != want || n != 3 || err != nil {
				t.Errorf("Projects(%+v) = %q, %d, %v; want %q of 3", page, got, n, err, want)
			}
		}
	})
}

func TestInventoryLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{
		Organizations: []string{"o2", "o1"}, Locations: []string{"l2", "l1"},
		Devices: []core.DesiredDevice{{Hostname: "d2"}, {Hostname: "d1"}}, Applications: []core.DesiredApplication{{Name: "a2"}, {Name: "a1"}},
	})
	var got []string
	for _, o := range must(w.Organizations(t.Context(), operator)) {
		got = append(got, o.Name)
	}
	for _, l := range must(w.Locations(t.Context(), operator)) {
		got = append(got, l.Name)
	}
	for _, d := range must(w.Devices(t.Context(), operator)) {
		got = append(got, d.Hostname)
	}
	for _, a := range must(w.Applications(t.Context(), operator)) {
		got = append(got, a.Name)
	}
	if want := []string{"o1", "o2", "l1", "l2", "d1", "d2", "a1", "a2"}; !cmp.Equal(want, got) {
		t.Errorf("lists = %v, want %v", got, want)
	}
}

func TestAuditEventsList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		for _, login := range []string{"a", "b", "c"} {
			w.account(core.NewAccount{Login: login})
			w.clock.advance(time.Minute)
		}
		all := must(w.AuditEvents(t.Context(), operator, core.AuditQuery{}))
		if len(all) != 3 || !all[0].At.After(all[1].At) || all[0].ID <= all[1].ID {
			t.Fatalf("AuditEvents = %+v, want three, newest first", all)
		}
		tests := map[string]struct {
			q    core.AuditQuery
			want []core.AuditEvent
		}{
			"limit":          {core.AuditQuery{Limit: 2}, all[:2]},
			"negative limit": {core.AuditQuery{Limit: -2}, all},
			"page":           {core.AuditQuery{Before: all[0].ID, Limit: 1}, all[1:2]},
			"since":          {core.AuditQuery{Since: all[1].At}, all[:2]},
			"object":         {core.AuditQuery{Object: all[1].Object}, all[1:2]},
			"no object":      {core.AuditQuery{Object: "account"}, nil},
		}
		for name, tt := range tests {
			got, err := w.AuditEvents(t.Context(), operator, tt.q)
			if diff := cmp.Diff(tt.want, got, exactly); diff != "" || err != nil {
				t.Errorf("%s: AuditEvents: %v (-want +got):\n%s", name, err, diff)
			}
		}
	})
}
