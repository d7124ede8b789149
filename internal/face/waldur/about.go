package waldur

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"sync"

	"go.yaml.in/yaml/v4"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Version is the release of Waldur MasterMind that the face speaks like.
const Version = "8.0.9"

// root lists the lists.
func (a *api) root(r *http.Request, _ core.Actor) (face.Reply, error) {
	base := a.base(r)
	return face.Reply{Body: object{{"keys", base + "/api/keys/"}, {"users", base + "/api/users/"}}}, nil
}

func (a *api) version(_ *http.Request, by core.Actor) (face.Reply, error) {
	o := object{{"version", Version}}
	if by.ReadsAll() {
		o = append(o, face.Member{"latest_version", Version})
	}
	return face.Reply{Body: o}, nil
}

func (a *api) configuration(r *http.Request, _ core.Actor) (face.Reply, error) {
	policy, err := a.policy(r.Context())
	if err != nil {
		return face.Reply{}, err
	}
	types := policy.types
	if types == nil {
		types = []string{}
	}
	return face.Reply{Body: object{
		{"FEATURES", object{{"user", object{{"ssh_keys", true}}}}},
		{"WALDUR_CORE", object{
			{"SITE_NAME", "Keyrack"},
			{"AUTHENTICATION_METHODS", []string{"LOCAL_SIGNIN"}},
			{"SSH_KEY_ALLOWED_TYPES", types},
			{"SSH_KEY_MIN_RSA_KEY_SIZE", policy.minBits},
		}},
	}}, nil
}

const schemaPath = "/api/schema/"

//go:embed openapi.yaml
var schemaYAML []byte

// schemaJSON is the same document in JSON.
var schemaJSON = sync.OnceValues(func() ([]byte, error) {
	var document any
	if err := yaml.Unmarshal(schemaYAML, &document); err != nil {
		return nil, err
	}
	return json.Marshal(document)
})

// schema is the OpenAPI document. It says what anybody can read upstream, so no
// credentials are asked.
func (a *api) schema(r *http.Request, _ core.Actor) (face.Reply, error) {
	if queryOf(r).last("format") != "json" {
		return face.Reply{Header: http.Header{"Content-Type": {"application/vnd.oai.openapi; charset=utf-8"}}, Body: schemaYAML}, nil
	}
	data, err := schemaJSON()
	return face.Reply{Header: http.Header{"Content-Type": {mediaJSON}}, Body: data}, err
}
