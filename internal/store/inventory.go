package store

import (
	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type deviceRow struct {
	bun.BaseModel  `bun:"table:devices"`
	ID             int64 `bun:",pk"`
	UUID           uid   `bun:"uuid"`
	Hostname       string
	Identity       string    // the hostname, as it is compared
	OrganizationID reference `bun:",nullzero"`
	Address        string
	Type           string
	Vendor         string
	Model          string
	Site           string
	Domains        texts
	Connectivities texts
	RemoteConfig   string
	Tags           texts
	Disabled       bool
	CreatedAt      instant
	UpdatedAt      instant
}

func deviceRowOf(d core.Device) deviceRow {
	return deviceRow{
		ID: int64(d.ID), UUID: uid(d.UUID), Hostname: d.Hostname, Identity: core.Identity(d.Hostname), OrganizationID: reference(d.Organization), Address: d.Address,
		Type: d.Type, Vendor: d.Vendor, Model: d.Model, Site: d.Site,
		Domains: d.Domains, Connectivities: d.Connectivities, RemoteConfig: d.RemoteConfig, Tags: d.Tags, Disabled: d.Disabled,
		CreatedAt: instant{d.CreatedAt}, UpdatedAt: instant{d.UpdatedAt},
	}
}

func (r deviceRow) device() core.Device {
	return core.Device{
		ID: core.DeviceID(r.ID), UUID: uuid.UUID(r.UUID), Hostname: r.Hostname, Organization: core.OrganizationID(r.OrganizationID),
		Address: r.Address, Type: r.Type, Vendor: r.Vendor, Model: r.Model, Site: r.Site,
		Domains: r.Domains, Connectivities: r.Connectivities, RemoteConfig: r.RemoteConfig, Tags: r.Tags, Disabled: r.Disabled,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

func (t *tx) Device(id core.DeviceID) (core.Device, error) {
	return one(deviceRow.device)(get[deviceRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) Devices() ([]core.Device, error) {
	return all(deviceRow.device)(list[deviceRow](t, "ORDER BY hostname"))
}

func (t *tx) DeviceByHostname(name string) (core.Device, error) {
	return one(deviceRow.device)(byName[deviceRow](t, "hostname", name))
}

func (t *tx) InsertDevice(d core.Device) (core.DeviceID, error) {
	id, err := insert(t, deviceRowOf(d))
	return core.DeviceID(id), err
}

func (t *tx) UpdateDevice(d core.Device) error { return update(t, deviceRowOf(d)) }

func (t *tx) DeleteDevice(id core.DeviceID) error {
	return t.change("DELETE FROM devices WHERE id = ?", int64(id))
}

type applicationRow struct {
	bun.BaseModel  `bun:"table:applications"`
	ID             int64  `bun:",pk"`
	UUID           uid    `bun:"uuid"`
	Identity       string // the name, as it is compared
	Name           string
	OrganizationID reference `bun:",nullzero"`
	Description    string
	Tags           texts
	Disabled       bool
	CreatedAt      instant
	UpdatedAt      instant
}

func applicationRowOf(a core.Application) applicationRow {
	return applicationRow{
		ID: int64(a.ID), UUID: uid(a.UUID), Name: a.Name, Identity: core.Identity(a.Name), OrganizationID: reference(a.Organization),
		Description: a.Description, Tags: a.Tags, Disabled: a.Disabled,
		CreatedAt: instant{a.CreatedAt}, UpdatedAt: instant{a.UpdatedAt},
	}
}

func (r applicationRow) application() core.Application {
	return core.Application{
		ID: core.ApplicationID(r.ID), UUID: uuid.UUID(r.UUID), Name: r.Name, Organization: core.OrganizationID(r.OrganizationID),
		Description: r.Description, Tags: r.Tags, Disabled: r.Disabled, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

type authorizationRow struct {
	bun.BaseModel        `bun:"table:authorizations"`
	ID                   int64 `bun:",pk"`
	UUID                 uid   `bun:"uuid"`
	ApplicationID        int64
	Name                 string
	Description          string
	System               string
	Environment          string
	Permission           string
	Resources            texts
	AllowedIPs           texts `bun:"allowed_ips"`
	Referers             texts
	Certificate          string
	Keys                 texts
	Devices              texts
	Disabled             bool
	ExpiresAt            instant `bun:",nullzero"`
	OAuth2ClientID       *string `bun:"oauth2_client_id"`
	OAuth2SecretHash     *digest `bun:"oauth2_secret_hash"`
	OAuth1ConsumerKey    *string `bun:"oauth1_consumer_key"`
	OAuth1ConsumerSecret []byte  `bun:"oauth1_consumer_secret"`
	OAuth1Token          *string `bun:"oauth1_token"`
	OAuth1TokenSecret    []byte  `bun:"oauth1_token_secret"`
	CreatedAt            instant
	UpdatedAt            instant
}

func authorizationRowOf(a core.Authorization) authorizationRow {
	r := authorizationRow{
		ID: int64(a.ID), UUID: uid(a.UUID), ApplicationID: int64(a.Application), Name: a.Name,
		Description: a.Description, System: a.System, Environment: a.Environment, Permission: string(a.Permission),
		Resources: a.Resources, AllowedIPs: a.AllowedIPs, Referers: a.Referers, Certificate: a.Certificate,
		Keys: a.Keys, Devices: a.Devices, Disabled: a.Disabled, ExpiresAt: instant{a.ExpiresAt},
		CreatedAt: instant{a.CreatedAt}, UpdatedAt: instant{a.UpdatedAt},
	}
	if c := a.OAuth2; c != nil {
		r.OAuth2ClientID, r.OAuth2SecretHash = &c.ClientID, (*digest)(&c.SecretHash)
	}
	if c := a.OAuth1; c != nil {
		r.OAuth1ConsumerKey, r.OAuth1ConsumerSecret = &c.ConsumerKey, c.ConsumerSecret
		r.OAuth1Token, r.OAuth1TokenSecret = &c.Token, c.TokenSecret
	}
	return r
}

func (r authorizationRow) authorization() core.Authorization {
	a := core.Authorization{
		ID: core.AuthorizationID(r.ID), UUID: uuid.UUID(r.UUID), Application: core.ApplicationID(r.ApplicationID), Name: r.Name,
		Description: r.Description, System: r.System, Environment: r.Environment,
		Permission: core.Permission(r.Permission), Resources: r.Resources, AllowedIPs: r.AllowedIPs,
		Referers: r.Referers, Certificate: r.Certificate, Keys: r.Keys, Devices: r.Devices, Disabled: r.Disabled, ExpiresAt: r.ExpiresAt.Time,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
	if r.OAuth2ClientID != nil && r.OAuth2SecretHash != nil {
		a.OAuth2 = &core.OAuth2Client{ClientID: *r.OAuth2ClientID, SecretHash: core.SecretHash(*r.OAuth2SecretHash)}
	}
	if r.OAuth1ConsumerKey != nil && r.OAuth1Token != nil {
		a.OAuth1 = &core.OAuth1Client{
			ConsumerKey: *r.OAuth1ConsumerKey, ConsumerSecret: r.OAuth1ConsumerSecret,
			Token: *r.OAuth1Token, TokenSecret: r.OAuth1TokenSecret,
		}
	}
	return a
}

func (t *tx) Applications() ([]core.Application, error) {
	applications, err := all(applicationRow.application)(list[applicationRow](t, "ORDER BY name"))
	if err != nil {
		return nil, err
	}
	authorizations, err := list[authorizationRow](t, "ORDER BY application_id, name")
	if err != nil {
		return nil, err
	}
	byApplication := map[core.ApplicationID][]core.Authorization{}
	for _, r := range authorizations {
		a := r.authorization()
		byApplication[a.Application] = append(byApplication[a.Application], a)
	}
	for i := range applications {
		applications[i].Authorizations = byApplication[applications[i].ID]
	}
	return applications, nil
}

func (t *tx) ApplicationByName(name string) (core.Application, error) {
	a, err := one(applicationRow.application)(byName[applicationRow](t, "name", name))
	if err != nil {
		return a, err
	}
	a.Authorizations, err = all(authorizationRow.authorization)(
		list[authorizationRow](t, "WHERE application_id = ? ORDER BY name", int64(a.ID)))
	return a, err
}

func (t *tx) Application(id core.ApplicationID) (core.Application, error) {
	return one(applicationRow.application)(get[applicationRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) DeleteApplication(id core.ApplicationID) error {
	return t.change("DELETE FROM applications WHERE id = ?", int64(id))
}

func (t *tx) Authorization(id core.AuthorizationID) (core.Authorization, error) {
	return one(authorizationRow.authorization)(get[authorizationRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) AuthorizationByClientID(clientID string) (core.Authorization, error) {
	return one(authorizationRow.authorization)(get[authorizationRow](t, "WHERE oauth2_client_id = ?", clientID))
}

func (t *tx) AuthorizationByConsumerKey(consumerKey string) (core.Authorization, error) {
	return one(authorizationRow.authorization)(get[authorizationRow](t, "WHERE oauth1_consumer_key = ?", consumerKey))
}

func (t *tx) DeleteAuthorization(id core.AuthorizationID) error {
	return t.change("DELETE FROM authorizations WHERE id = ?", int64(id))
}

func (t *tx) InsertApplication(a core.Application) (core.ApplicationID, error) {
	id, err := insert(t, applicationRowOf(a))
	return core.ApplicationID(id), err
}

func (t *tx) UpdateApplication(a core.Application) error { return update(t, applicationRowOf(a)) }

func (t *tx) InsertAuthorization(a core.Authorization) (core.AuthorizationID, error) {
	id, err := insert(t, authorizationRowOf(a))
	return core.AuthorizationID(id), err
}

func (t *tx) UpdateAuthorization(a core.Authorization) error {
	return update(t, authorizationRowOf(a))
}
