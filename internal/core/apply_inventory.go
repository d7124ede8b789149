package core

import (
	"strings"
)

func (a *applier) device(_ string, want DesiredDevice) error {
	is, err := named(a.tx.DeviceByHostname, "device", want.Hostname)
	isNew := KindOf(err) == NotFound && err != nil
	if err != nil && !isNew {
		return err
	}
	var d diff
	if isNew { // one that is there keeps its spelling, which grants and policies name
		is.Hostname = want.Hostname
	}
	if err := want.change().applyTo(a.tx, a.by, &is, isNew, &d); err != nil {
		return err
	}
	set(&d, "disabled", &is.Disabled, want.Disabled)
	if err := is.check(a.tx); err != nil || d.none() && !isNew {
		return err
	}
	return a.saveDevice(is, isNew, d)
}

func (a *applier) saveDevice(is Device, isNew bool, d diff) error {
	object := "device " + is.Hostname
	if isNew {
		a.note("create", object)
	} else {
		a.note("update", object, d.fields...)
	}
	stored, err := a.storeDevice(a.tx, a.by, is, isNew, d)
	if err != nil || isNew || !d.has("disabled") {
		return err
	}
	return a.switchDevice(a.tx, a.by, &stored, !stored.Disabled)
}

// change is all that the file says of a device.
func (want DesiredDevice) change() DeviceChange {
	return DeviceChange{
		Hostname: want.Hostname, Address: To(want.Address), Type: To(want.Type), Vendor: To(want.Vendor),
		Model: To(want.Model), Site: To(want.Site), RemoteConfig: To(want.RemoteConfig), Domains: To(want.Domains),
		Connectivities: To(want.Connectivities), Tags: To(want.Tags), Organization: To(want.Organization),
	}
}

func (a *applier) policyWanted(_ string, want Policy) error {
	is, err := named(a.tx.PolicyByName, "policy", want.Name)
	isNew := KindOf(err) == NotFound && err != nil
	if err != nil && !isNew {
		return err
	}
	var d diff
	set(&d, "name", &is.Name, want.Name)
	set(&d, "priority", &is.Priority, want.Priority)
	set(&d, "disabled", &is.Disabled, want.Disabled)
	set(&d, "view_time", &is.ViewTime, want.ViewTime)
	set(&d, "max_age", &is.MaxAge, want.MaxAge)
	set(&d, "exclusive", &is.Exclusive, want.Exclusive)
	setList(&d, "hostnames", &is.Hostnames, want.Hostnames)
	setList(&d, "types", &is.Types, want.Types)
	setList(&d, "models", &is.Models, want.Models)
	setList(&d, "sites", &is.Sites, want.Sites)
	setList(&d, "tags", &is.Tags, want.Tags)
	if err := is.check(); err != nil || d.none() {
		return err
	}
	is.UpdatedAt = a.clock()
	object := "policy " + is.Name
	if !isNew {
		a.note("update", object, d.fields...)
		return a.changed(a.tx.UpdatePolicy(is), "policy.change", is.object(), withDetail(strings.Join(d.fields, " ")))
	}
	is.UUID, is.CreatedAt = newUUID(), is.UpdatedAt
	a.note("create", object)
	_, err = a.tx.InsertPolicy(is)
	return a.changed(err, "policy.add", is.object())
}
