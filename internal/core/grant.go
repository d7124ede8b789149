package core

import (
	"slices"

	"github.com/google/uuid"
)

// PAMCore is the resource that managed keys and devices belong to.
const PAMCore = "pam-core"

// Resources are all that an authorization may name. The others belong to parts
// of the product that are not served here, and open nothing.
func Resources() []string {
	return []string{
		PAMCore, "certificate-manager", "task-manager", "dashboards", "web-proxy-session", "users", "system", "a2a",
	}
}

// Grant is what an authorization lets its application do. Authenticating as
// one makes it; see [ActorApplication].
type Grant struct {
	Application   ApplicationID
	Organization  OrganizationID // the application's; zero: none
	Tenant        string         // the organization's name
	Authorization uuid.UUID
	Permission    Permission
	Resources     []string
	// What is assigned to it, beside the keys that its application made: keys
	// by their identifiers, and all keys whose main device has one of the
	// hostnames.
	Keys, Devices []string
}

// Why an application is refused. Faces tell them apart, so they are values to
// compare with errors.Is.
var (
	ErrNoResource      = Errorf(Denied, "the authorization has no access to this resource")
	ErrReadOnly        = Errorf(Denied, "the authorization may only read")
	ErrNoReach         = Errorf(Denied, "the key is neither the application's own nor assigned to it")
	ErrNoManagedKey    = Errorf(NotFound, "no such managed key")
	ErrNotSSHKey       = Errorf(Conflict, "the item is not an SSH key")
	ErrKeyDisabled     = Errorf(Conflict, "the key is disabled")
	ErrKeyEnabled      = Errorf(Conflict, "the key is enabled already")
	ErrKeyHeld         = Errorf(Conflict, "the key is in the custody of another")
	ErrNotHeld         = Errorf(Conflict, "the key is not in your custody")
	ErrNoDevice        = Errorf(NotFound, "no such device")
	ErrDeviceDisabled  = Errorf(Conflict, "the device is disabled already")
	ErrDeviceEnabled   = Errorf(Conflict, "the device is enabled already")
	ErrForeignHostname = Errorf(Conflict, "the hostname is taken")
)

// readsVault tells whether the actor may look into the vault at all: those who
// read everything, and applications with the resource. What they find there is
// decided key by key.
func (a Actor) readsVault() error {
	switch {
	case a.grant != nil && !slices.Contains(a.grant.Resources, PAMCore):
		return ErrNoResource
	case a.grant == nil && !a.readsAll():
		return errDenied
	}
	return nil
}

// writesVault tells whether the actor may change what is in the vault.
func (a Actor) writesVault() error {
	if err := a.readsVault(); err != nil {
		return err
	}
	switch {
	case a.grant != nil && a.grant.Permission != ReadWrite:
		return ErrReadOnly
	case a.grant == nil && !a.manages():
		return errDenied
	}
	return nil
}

// reaches tells whether the actor may have to do with a key: an application
// with its own and those assigned to it.
func (a Actor) reaches(k ManagedKey, on Device) bool {
	g := a.grant
	if g == nil {
		return a.readsAll()
	}
	return k.Creator != 0 && k.Creator == g.Application || slices.Contains(g.Keys, k.Identifier) || slices.Contains(g.Devices, on.Hostname)
}

// knows tells whether the actor may see a device: an application those of its
// organization and those of none.
func (a Actor) knows(d Device) bool {
	return a.grant == nil || d.Organization == 0 || d.Organization == a.grant.Organization
}

// holder names the actor in whose custody a key is.
func (a Actor) holder() string {
	if a.grant != nil {
		return "authorization " + a.grant.Authorization.String()
	}
	return a.kind.String() + " " + a.name
}
