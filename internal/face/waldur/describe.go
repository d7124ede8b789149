package waldur

import (
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// names are what upstream calls its views.
var names = map[string]string{ //nolint:gosec // names of views
	"/api/keys/": "Ssh Key List", "/api/keys/{uuid}/": "Ssh Key Instance",
	"/api/keys/{uuid}/history/": "History", "/api/keys/{uuid}/history/at/": "History At",
	"/api/users/": "User List", "/api/users/{uuid}/": "User Instance",
	"/api/": "Api Root", "/api/version/": "Version", "/api/configuration/": "Configuration", schemaPath: "Schema",
	"/api-auth/password/": "Obtain Auth Token", "/api-auth/logout/": "Logout",
}

// describe answers OPTIONS: what the view is, and to a browser nothing, since
// the headers say all it asks for.
func describe(path string) face.Handler {
	return func(r *http.Request, _ core.Actor) (face.Reply, error) {
		if isPreflight(r) {
			return face.Reply{}, nil
		}
		o := object{
			{"name", names[path]},
			{"description", ""},
			{"renders", []string{mediaJSON, "text/html"}},
			{"parses", []string{mediaJSON, mediaForm, mediaMultipart}},
		}
		if path == "/api/keys/" {
			o = append(o, face.Member{"actions", object{{"POST", keyActions()}}})
		}
		return face.Reply{Body: o}, nil
	}
}

// keyActions describes the fields of a key.
func keyActions() object {
	types := map[string]string{"url": "field", "is_shared": "boolean"}
	var fields object
	for _, m := range keyMembers {
		name := m.name
		kind := types[name]
		if kind == "" {
			kind = "string"
		}
		writable := name == "name" || name == "public_key"
		o := object{
			{"type", kind}, {"required", name == "public_key"}, {"read_only", !writable}, {"label", label(name)},
		}
		switch name {
		case "name":
			o = append(o, face.Member{"max_length", 150})
		case "public_key":
			o = append(o, face.Member{"max_length", maxPublicKey})
		}
		fields = append(fields, face.Member{name, o})
	}
	return fields
}

// label is a field's name in words.
func label(name string) string {
	text := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}
