package senhasegura

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	_ "time/tzdata" // zones by name, on machines too that have none

	"keyrack/internal/core"
)

// settings is section senhasegura of the settings in the apply file: what the
// product's manuals leave open, or an operator wants otherwise.
type settings struct {
	// TokenLifetime is how long an access token lasts, in seconds. Default: 3600.
	TokenLifetime int `json:"token_lifetime"`
	// CapitalMessage sends the message a third time, as "Message", where the
	// manual for /api does. PowerShell's ConvertFrom-Json refuses names that
	// differ in case alone. Default: true.
	CapitalMessage *bool `json:"capital_message"`
	// DeniedStatus is the status for who may not use PAM Core, or not from there:
	// 500 as documented, or 403. Default: 500.
	DeniedStatus int `json:"denied_status"`
	// HideUnreachable answers for a key out of reach as if there were none.
	// Default: false, 1009 as documented.
	HideUnreachable bool `json:"hide_unreachable"`
	// StrictKeys refuses a private key that cannot be read, or is not the other
	// half of the public key. Default: false, kept as given.
	StrictKeys bool `json:"strict_keys"`
	// TimeZone is the zone of times, which are sent without one: a name as
	// Europe/Berlin. Default: the server's own.
	TimeZone string `json:"time_zone"`
	// Tenant is the tenant of applications without an organization. Default:
	// keyrack.
	Tenant string `json:"tenant"`

	zone *time.Location
}

// CheckSettings says what is wrong with the section's JSON.
func CheckSettings(text string) error {
	_, err := parseSettings(text)
	return err
}

func parseSettings(text string) (settings, error) {
	var s settings
	if text != "" {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return s, fmt.Errorf("settings of senhasegura: %w", err)
		}
	}
	s.TokenLifetime = cmp.Or(s.TokenLifetime, 3600)
	s.DeniedStatus = cmp.Or(s.DeniedStatus, http.StatusInternalServerError)
	s.Tenant = cmp.Or(s.Tenant, "keyrack")
	s.zone = time.Local
	if s.TimeZone != "" {
		var err error
		if s.zone, err = time.LoadLocation(s.TimeZone); err != nil {
			return s, fmt.Errorf("time_zone must be a name as Europe/Berlin")
		}
	}
	return s, s.check()
}

func (s settings) check() error {
	const day = 86400
	switch {
	case s.TokenLifetime < 60 || s.TokenLifetime > day:
		return fmt.Errorf("token_lifetime must be from 60 to %d seconds", day)
	case s.DeniedStatus != http.StatusInternalServerError && s.DeniedStatus != http.StatusForbidden:
		return fmt.Errorf("denied_status must be 500 or 403")
	}
	return nil
}

func (s settings) capitalMessage() bool { return s.CapitalMessage == nil || *s.CapitalMessage }

// settings are read anew for each request: apply changes them at once, and for
// every server.
func (p *protocol) settings(ctx context.Context) (settings, error) {
	text, err := p.Core.FaceSettings(ctx, "senhasegura")
	if err != nil {
		return settings{}, err
	}
	s, err := parseSettings(text)
	if err != nil { // written by a program that knew other settings
		return s, &core.Error{Kind: core.Internal, Err: err}
	}
	return s, nil
}
