package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// auditVerbs are the verbs of the audit record, all in the imperative. One that
// means the same as another here is not added.
var auditVerbs = []string{
	"add", "change", "remove", "enable", "disable", "set", "reveal", // objects
	"adopt", "release", "flag", // keys
	"collect", "complete", "verify", "fail", "expire", // sessions
	"replay",                                        // deliveries
	"rotate", "promote", "drop", "reseal", "rewrap", // the keys of the vault
}

// auditCall finds the action of a call that records it.
var auditCall = regexp.MustCompile(`(?:audit|changed)\(.*?"([a-z_]+)\.([^"]*)"`)

// What reads the audit record selects by action, so there is one way to name
// one: a noun, and a verb in the imperative.
func TestAuditActionsAreNounAndVerb(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/internal/core/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range auditCall.FindAllStringSubmatch(string(text), -1) {
			found++
			if verb := m[2]; verb != "" && !slices.Contains(auditVerbs, verb) { // empty: made up at run time
				t.Errorf("%s: audit action %s.%s, want one of the verbs %q", filepath.Base(file), m[1], verb, auditVerbs)
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d audit actions in core, there are more", found)
	}
}
