package archtest

import (
	"slices"
	"strings"
	"testing"
)

// A face translates between its wire and core; the two that describe
// themselves in OpenAPI share how they do it.
var (
	face        = []string{"core", "face", "sshkey"}
	openAPIFace = append([]string{"face/openapi"}, face...)
)

// mayImport is the import table: what each package may import of ours. The
// arrows point inwards, to core and to what core stands on.
var mayImport = map[string][]string{
	// They stand on nothing of ours, save that secrets have one type: vault.Secret.
	"sshkey":   nil,
	"vault":    nil,
	"jwt":      nil,
	"lru":      nil,
	"safedial": nil,
	"oauth1":   nil,
	"password": nil,
	"transit":  nil,
	"yamlfile": {"vault"},

	"privatekey": {"sshkey"}, // tells the public half

	// What Keyrack is.
	"core":   {"jwt", "lru", "oauth1", "password", "privatekey", "sshkey", "vault"},
	"store":  {"core", "lru", "sshkey"},
	"apply":  {"core", "sshkey", "vault", "yamlfile"}, // the file's format; what it means is core's
	"config": {"transit", "vault", "yamlfile"},

	// Languages that a product's interface brings along.
	"scopedsearch": {"core"},

	// The doors, and what goes out.
	"backup":           {"store"},
	"face":             {"core", "lru", "oauth1"},
	"face/openapi":     {"core", "face"},
	"face/sshverify":   openAPIFace,
	"face/native":      openAPIFace,
	"face/raidboxes":   append([]string{"lru"}, face...),
	"face/foreman":     append([]string{"lru", "oauth1", "scopedsearch", "vault"}, face...),
	"face/waldur":      face,
	"face/senhasegura": append([]string{"oauth1", "vault"}, face...),
	"sshd":             {"core", "lru", "sshkey"},
	"webui":            {"core", "sshkey"},
	"webhook":          {"core", "safedial"},

	// What wires it. The commands that work beside a running server open the
	// store themselves, so cli needs more than the server.
	"server": {
		"apply", "backup", "config", "core", "face", "face/foreman", "face/native", "face/openapi", "face/raidboxes",
		"face/senhasegura", "face/sshverify", "face/waldur", "password", "safedial", "sshd", "sshkey", "store", "transit", "vault",
		"webhook", "webui", "yamlfile",
	},
	"cli":         {"apply", "backup", "config", "core", "privatekey", "server", "sshkey", "store", "transit", "vault", "yamlfile"},
	"cmd/keyrack": {"cli"},

	// For tests alone: no package above may import these.
	"store/storetest": {"core", "pgtest", "sshkey", "store"}, // opens stores for others' tests too
	"face/facetest":   {"core", "face", "password", "store", "vault"},

	"transit/transittest": nil,

	"face/sshverify/client": nil, // made from the face's description
	"pgtest":                nil,
	"archtest":              nil,

	// Programs of their own, which know the built program from outside.
	"test/rig": nil,
	"test/bb":  {"test/rig"},
	"bench":    {"test/rig"},
}

// testsMayImport is what tests may import besides: the store that they run on,
// the vault that it seals with, the cost of passwords, the program that they drive,
// and the packages made for them.
var testsMayImport = []string{"cli", "core", "face/facetest", "face/sshverify/client", "password", "pgtest", "store", "store/storetest", "transit", "transit/transittest", "vault"}

func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		allowed, known := mayImport[p.short()]
		if !known {
			t.Errorf("%s is not in the import table: add it there and to ARCHITECTURE.md", p.short())
			continue
		}
		for _, path := range without(ours(p.Imports), allowed) {
			t.Errorf("%s imports %s; it may import %v", p.short(), path, allowed)
		}
		allowed = slices.Concat(allowed, testsMayImport, []string{p.short()})
		for _, path := range without(ours(p.testImports()), allowed) {
			t.Errorf("the tests of %s import %s; they may import %v", p.short(), path, allowed)
		}
	}
}

// without returns the paths that are not in allowed.
func without(paths, allowed []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool { return slices.Contains(allowed, path) })
}

// confined are the packages of the standard library that some of ours, tests
// included, must do without.
var confined = []struct {
	path string
	to   func(short string) bool
	why  string
}{
	{"database/sql", knowsSQL, "store alone knows SQL"},
	{"net/http", func(short string) bool { return short != "core" && short != "sshkey" }, "rules know no transport"},
}

func knowsSQL(short string) bool {
	return short == "store" || strings.HasPrefix(short, "store/") || short == "pgtest" ||
		short == "test/bb" || short == "bench" // one breaks databases from outside, one measures them bare
}

func TestStandardPackagesStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		for _, rule := range confined {
			if !rule.to(p.short()) && slices.ContainsFunc(p.allImports(), isOrBelow(rule.path)) {
				t.Errorf("%s imports %s: %s", p.short(), rule.path, rule.why)
			}
		}
	}
}

func isOrBelow(path string) func(string) bool {
	return func(other string) bool { return other == path || strings.HasPrefix(other, path+"/") }
}
