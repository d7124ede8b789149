package core

import (
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
	name := "face." + section
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
