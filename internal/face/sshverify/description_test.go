package sshverify_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/face/facetest"
)

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := facetest.ReadDescription(t, w.api, "/api/v1/openapi.json")
	d.Describes(t, sibling(w))
	schemas := d.Components.Schemas
	if got := schemas["CollectSession"].Value.Properties["status"].Value.Enum; !slices.Contains(got, any("expired")) {
		t.Errorf("statuses of a session are %v, want expired among them", got)
	}
	// A client made from the document may leave out what the original lets it.
	for _, name := range []string{"CollectSessionCreate", "CollectSessionUpdate"} {
		if got := schemas[name].Value.Required; len(got) > 0 {
			t.Errorf("%s requires %v, want nothing", name, got)
		}
	}
	// Members and types of the summary, from the reference of SSHVerify.
	want := map[string]string{
		"id": "string", "connection_identifier": "string", "external_id": "string or null", "status": "string",
		"multi_key": "boolean", "multi_connection": "boolean", "must_confirm": "boolean",
		"ssh_banner": "string or null", "ssh_message": "string or null",
		"expired_at": "string or null", "created_at": "string", "updated_at": "string",
	}
	got := map[string]string{}
	for name, schema := range schemas["CollectSessionSummary"].Value.Properties {
		got[name] = schema.Value.Type.Slice()[0]
		if schema.Value.Type.Includes("null") {
			got[name] += " or null"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CollectSessionSummary differs (-want +got):\n%s", diff)
	}
	if required := schemas["CollectSessionSummary"].Value.Required; len(required) != len(want) {
		t.Errorf("CollectSessionSummary requires %v, want all of %d", required, len(want))
	}
}
