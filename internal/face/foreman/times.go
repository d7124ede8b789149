package foreman

import (
	"time"
	_ "time/tzdata" // zones of users, also where the system knows none
)

// zone is the time zone that the caller sees times in: his own, or else the
// one of his cookie, or else UTC.
func (c *call) zone() *time.Location {
	if c.zoneKnown != nil {
		return c.zoneKnown
	}
	c.zoneKnown = time.UTC
	name := c.by.TimeZone()
	if cookie, err := c.r.Cookie("timezone"); name == "" && err == nil {
		name = cookie.Value
	}
	if place, ok := zoneNamed(name); ok {
		c.zoneKnown = place
	}
	return c.zoneKnown
}

// zoneNamed finds a zone by its name in Rails or in the IANA database.
func zoneNamed(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	if iana, ok := railsZones[name]; ok {
		name = iana
	}
	place, err := time.LoadLocation(name)
	return place, err == nil
}

// date is a time as lists and shown things have it; null for none.
func (c *call) date(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	layout := "2006-01-02 15:04:05 -0700"
	if c.zone() == time.UTC {
		layout = "2006-01-02 15:04:05 UTC"
	}
	text := t.In(c.zone()).Format(layout)
	return &text
}

// iso is a time as an answer to DELETE has it; null for none.
func (c *call) iso(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.In(c.zone()).Format("2006-01-02T15:04:05.000Z07:00")
	return &text
}
