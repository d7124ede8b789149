package foreman

import (
	"crypto/sha1" //nolint:gosec // names a version of a public document, and protects nothing
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// param is a parameter as the description has it. Nothing is refused because
// of it: as in the product, these are for clients.
type param struct {
	name      string
	kind      string // string, numeric, boolean, array, hash
	text      string // what it is for
	validator string
	required  bool
	nullable  bool
	params    []param // of a hash
}

func str(name, text string) param {
	return param{name: name, kind: "string", text: text, validator: "Must be a String"}
}

func number(name, text string) param {
	return param{name: name, kind: "numeric", text: text, validator: "Must be a Integer"}
}

func flag(name, text string) param {
	return param{name: name, kind: "boolean", text: text, validator: "Must be one of: <code>true</code>, <code>false</code>, <code>1</code>, <code>0</code>."}
}

func list(name, text string) param {
	return param{name: name, kind: "array", text: text, validator: "Must be an array of any type", nullable: true}
}

func moment(name, text string) param {
	return param{name: name, kind: "string", text: text, validator: "Must be a DateTime"}
}

func identifier(name string) param {
	return param{name: name, kind: "string", validator: "Must be an identifier, string from 1 to 128 characters containing only " +
		"alphanumeric characters, space, underscore(_), hypen(-) with no leading or trailing space."}
}

func hash(name string, params ...param) param {
	return param{name: name, kind: "hash", validator: "Must be a Hash", params: params}
}

func required(p param) param { p.required = true; return p }
func nullable(p param) param { p.nullable = true; return p }

// bare are resources without a method of ours that hammer must find before it
// builds its commands, and hosts, whose update the Ansible collection looks into.
var bare = []string{
	"architectures", "compute_resources", "domains", "hostgroups", "hosts", "media", "operatingsystems",
	"provisioning_templates", "ptables", "smart_proxies", "subnets", "usergroups",
}

// describe gives the description and its checksum.
func describe(actions []action) (text []byte, checksum string) {
	methods := map[string][]any{"hosts": {describeMethod(action{
		resource: "hosts", name: "update", params: []param{},
	})}}
	names := slices.Clone(bare)
	for _, a := range actions {
		if !slices.Contains(names, a.resource) {
			names = append(names, a.resource)
		}
		methods[a.resource] = append(methods[a.resource], describeMethod(a))
	}
	slices.Sort(names)
	var resources object
	for _, name := range names {
		resources = append(resources, member{name, describeResource(name, methods[name])})
	}
	text, err := face.JSON(object{{"docs", object{
		{"name", "Foreman"}, {"info", "\n<p>The part of Foreman's API that manages SSH keys and their users.</p>\n"}, {"copyright", ""},
		{"doc_url", "/apidoc/v2"}, {"api_url", "/api"}, {"resources", resources},
	}}})
	if err != nil {
		panic(err) // it is made of texts alone
	}
	sum := sha1.Sum(text) //nolint:gosec // see the import
	return text, hex.EncodeToString(sum[:])
}

func describeResource(name string, methods []any) object {
	if methods == nil {
		methods = []any{}
	}
	return object{
		{"doc_url", "/apidoc/v2/" + name}, {"id", name}, {"api_url", "/api"}, {"name", strings.ToUpper(name[:1]) + name[1:]},
		{"short_description", nil}, {"full_description", ""}, {"version", "v2"}, {"formats", nil}, {"metadata", nil},
		{"methods", methods}, {"headers", nil}, {"deprecated", nil},
	}
}

func describeMethod(a action) object {
	none := []any{}
	apis := []any{}
	if a.path != "" {
		apis = append(apis, object{
			{"api_url", a.path}, {"http_method", a.method}, {"short_description", a.short}, {"deprecated", nil},
		})
	}
	params := []any{}
	for _, p := range a.params {
		params = append(params, describeParam(p, ""))
	}
	return object{
		{"doc_url", "/apidoc/v2/" + a.resource + "/" + a.name}, {"name", a.name}, {"apis", apis}, {"formats", nil}, {"full_description", ""},
		{"errors", none}, {"params", params}, {"returns", none}, {"examples", none}, {"metadata", searchMetadata(a.searched)},
		{"see", none}, {"headers", none}, {"show", true},
	}
}

func searchMetadata(fields []searchField) any {
	if fields == nil {
		return nil
	}
	var all []object
	for _, f := range fields {
		o := object{{"name", f.Name}, {"type", f.Type.String()}}
		if f.values != nil {
			o = append(o, member{"values", f.values})
		}
		all = append(all, o)
	}
	return object{{"search", all}}
}

func describeParam(p param, within string) object {
	full := p.name
	if within != "" {
		full = within + "[" + p.name + "]"
	}
	text := "" // never null, which some clients fail on
	if p.text != "" {
		text = "\n<p>" + p.text + "</p>\n"
	}
	o := object{
		{"name", p.name}, {"full_name", full}, {"description", text}, {"required", p.required}, {"allow_nil", p.nullable},
		{"allow_blank", false}, {"validator", p.validator}, {"expected_type", p.kind}, {"metadata", nil}, {"show", true},
		{"validations", []any{}}, {"deprecated", false},
	}
	if p.kind == "hash" {
		params := []any{}
		for _, inner := range p.params {
			params = append(params, describeParam(inner, full))
		}
		o = append(o, member{"params", params})
	}
	return o
}

func (f *foreman) describe(*http.Request, core.Actor) (face.Reply, error) {
	return face.Reply{Header: http.Header{"Content-Type": {contentType}}, Body: f.description}, nil
}

func (f *foreman) tellChecksum(*http.Request, core.Actor) (face.Reply, error) {
	return face.Reply{Body: object{{"checksum", f.checksum}}}, nil
}
