package raidboxes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// settings are the section "raidboxes" of the apply file.
type settings struct {
	// CreateID is the id that create answers: short (as the list) or uuid (as
	// the vendor's page).
	CreateID string `json:"create_id"`
	// StrictContentType refuses bodies that are not said to be JSON or a form.
	StrictContentType bool `json:"strict_content_type"`
	// SharedKeys says what to do with a key that another account has: flag or
	// refuse.
	SharedKeys string `json:"shared_keys"`
}

// CheckSettings says what is wrong with the section of the apply file.
func CheckSettings(text string) error {
	_, err := parseSettings(text)
	return err
}

func parseSettings(text string) (settings, error) {
	s := settings{CreateID: "short", SharedKeys: "flag"}
	if text == "" {
		return s, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("read settings of raidboxes: %w", err)
	}
	if !slices.Contains([]string{"short", "uuid"}, s.CreateID) {
		return s, fmt.Errorf("create_id must be short or uuid")
	}
	if !slices.Contains([]string{"flag", "refuse"}, s.SharedKeys) {
		return s, fmt.Errorf("shared_keys must be flag or refuse")
	}
	return s, nil
}
