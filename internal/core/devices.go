package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// devicesSettingName is where `apply` keeps what it says of all devices.
const devicesSettingName = settingsPrefix + "devices"

// Devices lists devices by hostname. For those who read everything, and
// applications, which see those of their organization and of none.
func (s *Service) Devices(ctx context.Context, by Actor) ([]Device, error) {
	if err := by.readsVault(); err != nil {
		return nil, err
	}
	all, err := view(ctx, s, Tx.Devices)
	return slices.DeleteFunc(all, func(d Device) bool { return !by.knows(d) }), err
}

// Device gives one device by id or by hostname.
func (s *Service) Device(ctx context.Context, by Actor, ref string) (Device, error) {
	return view(ctx, s, func(tx Tx) (Device, error) {
		if err := by.readsVault(); err != nil {
			return Device{}, err
		}
		return deviceNamed(tx, by, ref)
	})
}

// deviceNamed finds a device that the actor may see by its id, else by its
// hostname.
func deviceNamed(tx Tx, by Actor, ref string) (Device, error) {
	if id, bad := strconv.ParseInt(ref, 10, 64); bad == nil {
		d, err := tx.Device(DeviceID(id))
		if err == nil && by.knows(d) {
			return d, nil
		}
		if err := ignore(NotFound, err); err != nil {
			return d, err
		}
	}
	return deviceKnown(tx, by, ref)
}

// deviceKnown finds a device that the actor may see by its hostname.
func deviceKnown(tx Tx, by Actor, hostname string) (Device, error) {
	d, err := tx.DeviceByHostname(hostname)
	if err == nil && !by.knows(d) {
		return Device{}, ErrNoDevice
	}
	return d, as(ErrNoDevice, err)
}

// DeviceChange says what a device should be. What is not set keeps its value.
type DeviceChange struct {
	Hostname       string // finds the device; there is a new one where it finds none
	Address        Change[string]
	Type           Change[string]
	Vendor         Change[string]
	Model          Change[string]
	Site           Change[string]
	RemoteConfig   Change[string]
	Domains        Change[[]string]
	Connectivities Change[[]string]
	Tags           Change[[]string]
	Organization   Change[string] // by name; empty: none. Not for applications, whose own it is
}

// SaveDevice makes or changes a device, and tells whether it is new. For those
// who manage everything and applications that may write. Invalid has the fields
// hostname, ip, type, vendor, model, site, domains, connectivities and tags. A
// hostname of another organization is [ErrForeignHostname].
func (s *Service) SaveDevice(ctx context.Context, by Actor, in DeviceChange) (Device, bool, error) {
	var isNew bool
	d, err := update(ctx, s, func(tx Tx) (Device, error) {
		if err := by.writesVault(); err != nil {
			return Device{}, err
		}
		d, err := tx.DeviceByHostname(in.Hostname)
		if isNew = KindOf(err) == NotFound && err != nil; err != nil && !isNew {
			return d, err
		}
		if !isNew && !by.knows(d) {
			return Device{}, ErrForeignHostname
		}
		if isNew {
			d = Device{Hostname: in.Hostname}
		}
		return s.saveDevice(tx, by, d, isNew, in)
	})
	return d, isNew && err == nil, err
}

func (s *Service) saveDevice(tx Tx, by Actor, d Device, isNew bool, in DeviceChange) (Device, error) {
	var changed diff
	if err := in.applyTo(tx, by, &d, isNew, &changed); err != nil {
		return d, err
	}
	if err := d.check(tx); err != nil {
		return d, err
	}
	if !isNew && changed.none() {
		return d, nil
	}
	return s.storeDevice(tx, by, d, isNew, changed)
}

func (in DeviceChange) applyTo(tx Tx, by Actor, d *Device, isNew bool, changed *diff) error {
	setChange(changed, "ip", &d.Address, in.Address)
	setChange(changed, "type", &d.Type, in.Type)
	setChange(changed, "vendor", &d.Vendor, in.Vendor)
	setChange(changed, "model", &d.Model, in.Model)
	setChange(changed, "site", &d.Site, in.Site)
	setChange(changed, "remote_config", &d.RemoteConfig, in.RemoteConfig)
	setTexts(changed, "domains", &d.Domains, in.Domains)
	setTexts(changed, "connectivities", &d.Connectivities, in.Connectivities)
	setTexts(changed, "tags", &d.Tags, in.Tags)
	if by.grant != nil {
		if isNew {
			d.Organization = by.grant.Organization
		}
		return nil
	}
	if !in.Organization.Set {
		return nil
	}
	id, err := optionalOrganization(tx, in.Organization.Value)
	set(changed, "organization", &d.Organization, id)
	return conflictless(err, "organization")
}

// conflictless puts an error about a look-up to its field.
func conflictless(err error, path string) error {
	var p problems
	if err := p.take(path, err); err != nil {
		return err
	}
	return p.err()
}

// setTexts keeps a list in the order given.
func setTexts(d *diff, field string, is *[]string, want Change[[]string]) {
	if want.Set && !slices.Equal(*is, want.Value) {
		*is = want.Value
		d.fields = append(d.fields, field)
	}
}

func (s *Service) storeDevice(tx Tx, by Actor, d Device, isNew bool, changed diff) (Device, error) {
	d.UpdatedAt = s.clock()
	if !isNew {
		if err := tx.UpdateDevice(d); err != nil {
			return d, err
		}
		return d, s.audit(tx, by, "device.change", d.object(), withDetail(strings.Join(changed.fields, " ")))
	}
	d.UUID, d.CreatedAt = newUUID(), d.UpdatedAt
	var err error
	if d.ID, err = tx.InsertDevice(d); err != nil {
		return d, err
	}
	return d, s.audit(tx, by, "device.add", d.object())
}

func (d Device) object() string { return "device " + d.UUID.String() }

// check says all that is wrong with a device at once.
func (d Device) check(tx Tx) error {
	var p problems
	if d.Hostname == "" {
		p.addf("hostname", "must not be empty")
	}
	for _, text := range []struct{ path, value string }{
		{"hostname", d.Hostname}, {"ip", d.Address}, {"type", d.Type}, {"vendor", d.Vendor}, {"model", d.Model},
		{"site", d.Site}, {"remote_config", d.RemoteConfig},
	} {
		checkLabel(&p, text.path, text.value, 255)
	}
	checkIdentity(&p, "hostname", d.Hostname)
	checkTags(&p, "connectivities", d.Connectivities)
	checkTags(&p, "tags", d.Tags)
	if err := d.checkDomains(tx, &p); err != nil {
		return err
	}
	return p.err()
}

// checkDomains wants domains that are registered.
func (d Device) checkDomains(tx Tx, p *problems) error {
	if len(d.Domains) == 0 {
		return nil
	}
	text, err := tx.Setting(devicesSettingName)
	if err := ignore(NotFound, err); err != nil {
		return err
	}
	known, err := parseDeviceSettings(text)
	if err != nil {
		return err
	}
	for i, domain := range d.Domains {
		if !slices.Contains(known, domain) {
			p.addf(fmt.Sprintf("domains[%d]", i), "is not registered; settings.devices.domains lists those that are")
		}
	}
	return nil
}

// parseDeviceSettings reads section "devices" of the apply file's settings: the
// domains that devices may be in.
func parseDeviceSettings(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var wire struct {
		Domains []string `json:"domains"`
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return nil, fmt.Errorf("read settings of devices: %w", err)
	}
	return wire.Domains, nil
}

// SetDeviceEnabled switches a device, named by id or hostname, off or on.
// Switching it off switches off all keys whose main device it is; switching it
// on leaves them off. [ErrDeviceDisabled] and [ErrDeviceEnabled] say that it is
// so already.
func (s *Service) SetDeviceEnabled(ctx context.Context, by Actor, ref string, enabled bool) (Device, error) {
	return update(ctx, s, func(tx Tx) (Device, error) {
		d, err := deviceToChange(tx, by, ref)
		switch {
		case err != nil:
			return d, err
		case enabled && !d.Disabled:
			return d, ErrDeviceEnabled
		case !enabled && d.Disabled:
			return d, ErrDeviceDisabled
		}
		return d, s.switchDevice(tx, by, &d, enabled)
	})
}

func deviceToChange(tx Tx, by Actor, ref string) (Device, error) {
	if err := by.writesVault(); err != nil {
		return Device{}, err
	}
	return deviceNamed(tx, by, ref)
}

func (s *Service) switchDevice(tx Tx, by Actor, d *Device, enabled bool) error {
	d.Disabled, d.UpdatedAt = !enabled, s.clock()
	if err := tx.UpdateDevice(*d); err != nil {
		return err
	}
	if enabled {
		return s.audit(tx, by, "device.enable", d.object())
	}
	if err := s.audit(tx, by, "device.disable", d.object()); err != nil {
		return err
	}
	keys, _, err := tx.ManagedKeys(ManagedKeyQuery{Device: d.ID})
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Disabled {
			continue
		}
		if err := s.switchManagedKey(tx, by, &k, false, withDetail("with its device")); err != nil {
			return err
		}
	}
	return nil
}

// RemoveDevice takes a device away that no key is for. For those who manage
// everything.
func (s *Service) RemoveDevice(ctx context.Context, by Actor, ref string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		d, err := deviceNamed(tx, by, ref)
		if err != nil {
			return err
		}
		_, n, err := tx.ManagedKeys(ManagedKeyQuery{AnyDevice: d.ID, Page: Page{Limit: 1}})
		if err != nil {
			return err
		}
		if n > 0 {
			return Errorf(Conflict, "the device has %d keys in the vault; move them to another device first", n)
		}
		if err := tx.DeleteDevice(d.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "device.remove", d.object())
	})
}
