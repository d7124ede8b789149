package senhasegura

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

func (d dialect) listDevices(r *http.Request, by core.Actor) (face.Reply, error) {
	devices, err := d.Core.Devices(r.Context(), by)
	if err != nil {
		return face.Reply{}, err
	}
	slices.SortFunc(devices, func(a, b core.Device) int { return cmp.Compare(a.ID, b.ID) })
	all := make([]listedDevice, len(devices))
	for i, x := range devices {
		all[i] = listedDevice{
			ID: number(x.ID), Hostname: x.Hostname, IP: x.Address, Model: x.Model, Type: x.Type, Vendor: x.Vendor,
			Site: x.Site, Tags: list(x.Tags),
		}
	}
	body := done(http.StatusOK, fmt.Sprintf("%d devices found", len(all)))
	body.Devices = &all
	return face.Reply{Body: body}, nil
}

// readDevice reads the device with an id, or with a hostname, which the
// vendor's automation client sends in its place.
func (d dialect) readDevice(r *http.Request, by core.Actor) (face.Reply, error) {
	s, err := d.settings(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	x, err := d.Core.Device(r.Context(), by, r.PathValue("id"))
	if err != nil {
		return face.Reply{}, deviceFault(err)
	}
	body := done(http.StatusOK, "Device "+number(x.ID))
	body.Tenant = d.tenant(by, s)
	body.Device = deviceOf(x)
	return face.Reply{Body: body}, nil
}

// saveDevice makes a device, or changes the one with the hostname.
func (d dialect) saveDevice(r *http.Request, by core.Actor) (face.Reply, error) {
	if err := by.MayChangeVault(); err != nil {
		return face.Reply{}, err // the product says so before it reads what is asked
	}
	f, err := readFields(r)
	if err != nil {
		return face.Reply{}, err
	}
	in, err := f.device()
	if err != nil {
		return face.Reply{}, err
	}
	x, isNew, err := d.Core.SaveDevice(r.Context(), by, in)
	if err != nil {
		return face.Reply{}, deviceFault(err)
	}
	message := "Device updated successfully!"
	if isNew {
		message = "Device successfully registered!"
	}
	body := done(http.StatusCreated, message)
	body.Device = deviceOf(x)
	return face.Reply{Status: http.StatusCreated, Body: body}, nil
}

// device reads what a device should be. Six fields are wanted with each call,
// and the first that is missing is told.
func (f fields) device() (in core.DeviceChange, err error) {
	var hostname core.Change[string]
	wanted := []struct {
		name    string
		into    *core.Change[string]
		missing numbered
	}{
		{"hostname", &hostname, hostnameMissing},
		{"ip", &in.Address, addressMissing},
		{"site", &in.Site, siteMissing},
		{"model", &in.Model, modelMissing},
		{"vendor", &in.Vendor, vendorMissing},
		{"type", &in.Type, typeMissing},
	}
	for _, w := range wanted {
		if *w.into, err = f.text(w.name); err != nil {
			return in, err
		}
	}
	for _, w := range wanted {
		if w.into.Value == "" {
			return in, w.missing.missing()
		}
	}
	in.Hostname = hostname.Value
	return in, f.optional(&in)
}

func (f fields) optional(in *core.DeviceChange) (err error) {
	for name, into := range map[string]*core.Change[[]string]{
		"device_domain": &in.Domains, "device_tags": &in.Tags, "connectivities": &in.Connectivities,
	} {
		if *into, err = f.list(name); err != nil {
			return err
		}
	}
	in.RemoteConfig, err = f.text("session_remote_config")
	return err
}

// disableDevice switches a device off, and all keys on it. That it is off
// already has no number of its own; the vendor's client takes any 400 for
// nothing to do.
func (d dialect) disableDevice(r *http.Request, by core.Actor) (face.Reply, error) {
	if _, err := d.Core.SetDeviceEnabled(r.Context(), by, r.PathValue("id"), false); err != nil {
		return face.Reply{}, deviceFault(err)
	}
	return face.Reply{Body: done(http.StatusOK, "Device successfully deactivated")}, nil
}

// enableDevice switches a device on. The keys on it stay off.
func (d dialect) enableDevice(r *http.Request, by core.Actor) (face.Reply, error) {
	if _, err := d.Core.SetDeviceEnabled(r.Context(), by, r.PathValue("id"), true); err != nil {
		return face.Reply{}, deviceFault(err)
	}
	return face.Reply{Body: done(http.StatusOK, "Device successfully activated")}, nil
}

// deviceFault gives the errors of a device their numbers. A hostname that is
// another tenant's looks like none.
func deviceFault(err error) error {
	switch {
	case errors.Is(err, core.ErrNoDevice), errors.Is(err, core.ErrForeignHostname), errors.Is(err, core.ErrDeviceDisabled):
		return deviceNotFound.because(err)
	case errors.Is(err, core.ErrDeviceEnabled):
		return deviceActive.because(err)
	}
	if e := face.ErrorOf(err); e.Kind == core.Invalid && len(e.Fields) > 0 && strings.HasPrefix(e.Fields[0].Path, "domains[") {
		return domainUnknown.because(err)
	}
	return err
}
