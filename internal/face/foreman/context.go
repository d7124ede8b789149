package foreman

import (
	"fmt"
	"slices"

	"keyrack/internal/core"
)

// enterContext narrows the request to the location and the organization that it
// names, of those the actor has.
func (c *call) enterContext(public bool) error {
	l := labels{c.Version, "; ANY", "; ANY"}
	c.inContext = nil
	if public {
		c.inContext = &l
		return nil
	}
	if text, ok := c.params.text("location_id"); ok && text != "" {
		all, err := c.Core.LocationsOf(c.r.Context(), c.by)
		if err != nil {
			return err
		}
		place, ok := named(all, text, func(v core.Location) (int64, string) { return int64(v.ID), v.Name })
		if !ok {
			return contextError{"Location", text}
		}
		c.scope.Location = place.ID
		l.location = fmt.Sprintf("%d; %s", place.ID, place.Name)
	}
	if text, ok := c.params.text("organization_id"); ok && text != "" {
		all, err := c.Core.OrganizationsOf(c.r.Context(), c.by)
		if err != nil {
			return err
		}
		place, ok := named(all, text, func(v core.Organization) (int64, string) { return int64(v.ID), v.Name })
		if !ok {
			return contextError{"Organization", text}
		}
		c.scope.Organization = place.ID
		l.organization = fmt.Sprintf("%d; %s", place.ID, place.Name)
	}
	c.inContext = &l
	return nil
}

// named finds a thing by "id", "id-title" or its exact title.
func named[T any](all []T, text string, of func(T) (id int64, title string)) (T, bool) {
	wanted, isID := ownID(text)
	i := slices.IndexFunc(all, func(v T) bool {
		id, _ := of(v)
		return isID && id == wanted
	})
	if i < 0 {
		i = slices.IndexFunc(all, func(v T) bool {
			_, title := of(v)
			return title == text
		})
	}
	if i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}
