package core

import (
	"context"
	"maps"
	"slices"
)

func (a *applier) settings(want map[string]string) error {
	for _, section := range slices.Sorted(maps.Keys(want)) {
		if err := a.setting(section, want[section]); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) setting(section, value string) error {
	path := "settings." + section
	if section == "keys" {
		if _, err := parseKeyPolicy(value); err != nil {
			a.problems.addf(path, "%v", err)
			return nil
		}
	}
	if section == "devices" {
		if _, err := parseDeviceSettings(value); err != nil {
			a.problems.addf(path, "%v", err)
			return nil
		}
	}
	if check := a.Service.settings[section]; check != nil {
		if err := check(value); err != nil {
			a.problems.addf(path, "%v", err)
			return nil
		}
	}
	name := settingsPrefix + section
	is, err := a.tx.Setting(name)
	if err == nil && is == value {
		return nil
	}
	if err != nil && KindOf(err) != NotFound {
		return err
	}
	op := "update"
	if err != nil {
		op = "create"
	}
	a.note(op, "settings "+section)
	return a.changed(a.tx.PutSetting(name, value), "settings.change", "settings "+section)
}

// settingsPrefix begins the names of the settings that hold sections.
const settingsPrefix = "face."

// FaceSettings gives the section of `apply`'s settings for a face, as JSON;
// empty where there is none. It is for the face itself, whoever is asking it.
func (s *Service) FaceSettings(ctx context.Context, section string) (string, error) {
	return s.settingLeased(ctx, settingsPrefix+section)
}

// settingLeased gives a setting by its lease; empty: there is none.
func (s *Service) settingLeased(ctx context.Context, name string) (string, error) {
	return leased(ctx, s, leaseKey{kind: name}, s.store.Glance, func(tx Tx) (string, error) {
		text, err := tx.Setting(name)
		return text, ignore(NotFound, err)
	})
}
