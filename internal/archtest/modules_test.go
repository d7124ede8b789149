package archtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// reasons holds every module that we import, and what it saves us. A
// dependency is code we answer for.
var reasons = map[string]string{
	"charm.land/lipgloss/v2":                                   "tables on a terminal, with wide characters measured right",
	"filippo.io/age":                                           "backups encrypted to whom the operator names",
	"github.com/alexedwards/argon2id":                          "password hashes as PHC strings",
	"github.com/danielgtaylor/huma/v2":                         "OpenAPI, validation and problem+json of the sshverify and native faces",
	"code.dny.dev/ssrf":                                        "addresses that are not the public net, made from IANA's registries",
	"github.com/standard-webhooks/standard-webhooks/libraries": "webhooks signed by the code that receivers check them with",
	"github.com/dghubble/oauth1":                               "OAuth 1.0 signed by a stock client, in tests",
	"github.com/getkin/kin-openapi":                            "our OpenAPI held to its standard by others' code, in tests",
	"github.com/go-json-experiment/json":                       "JSON bodies with a member twice, refused",
	"github.com/gofrs/flock":                                   "the lock on the data directory",
	"github.com/google/go-cmp":                                 "differences one can read, in tests",
	"github.com/google/renameio/v2":                            "files replaced whole or not at all",
	"github.com/google/uuid":                                   "UUIDv7, parsed and made",
	"github.com/hashicorp/golang-lru/v2":                       "what is remembered of addresses and credentials, bounded",
	"github.com/jackc/pgx/v5":                                  "PostgreSQL",
	"github.com/lestrrat-go/jwx/v3":                            "JWT of the raidboxes face, parsed and held to one algorithm",
	"github.com/kayrus/putty":                                  "private keys in PuTTY's format, versions 2 and 3",
	"github.com/youmark/pkcs8":                                 "private keys in encrypted PKCS#8, which the standard library does not read",
	"github.com/oapi-codegen/runtime":                          "the client that a generator makes of our OpenAPI, in tests",
	"github.com/pires/go-proxyproto":                           "client addresses behind a TCP proxy",
	"github.com/pquerna/otp":                                   "codes of a second factor (RFC 6238)",
	"github.com/pressly/goose/v3":                              "migrations, each run once, under a lock",
	"github.com/prometheus/client_golang":                      "metrics",
	"github.com/rogpeppe/go-internal":                          "testscript: the whole program in tests",
	"github.com/spf13/cobra":                                   "the command tree, completion and man pages",
	"github.com/tink-crypto/tink-go/v2":                        "sealing with key sets, and their KMS clients",
	"github.com/uptrace/bun":                                   "one way to write queries for both databases",
	"github.com/uptrace/bun/dialect/pgdialect":                 "bun's PostgreSQL",
	"github.com/uptrace/bun/dialect/sqlitedialect":             "bun's SQLite",
	"github.com/vbauerster/mpb/v8":                             "a progress bar on a terminal",
	"go.uber.org/goleak":                                       "goroutines left behind, found by tests",
	"go.yaml.in/yaml/v4":                                       "YAML with the line numbers that our errors name",
	"golang.org/x/crypto":                                      "SSH",
	"golang.org/x/oauth2":                                      "access tokens fetched by a stock client, in tests",
	"golang.org/x/sync":                                        "errgroup and bounded concurrency",
	"golang.org/x/sys":                                         "no core files, by prctl and setrlimit",
	"golang.org/x/term":                                        "passwords asked for without echo; is this a terminal",
	"golang.org/x/text":                                        "letters of all scripts: which are the same, which run from the right",
	"golang.org/x/time":                                        "rate limits",
	"modernc.org/sqlite":                                       "SQLite without C",
	"pgregory.net/rapid":                                       "properties tried on made-up values, in tests",
}

func TestEveryDependencyHasAReason(t *testing.T) {
	t.Parallel()
	required := requiredModules(t)
	for _, mod := range importedModules(t, required) {
		if reasons[mod] == "" {
			t.Errorf("module %s is imported without a reason in archtest", mod)
		}
	}
	for mod := range reasons {
		if !slices.Contains(required, mod) {
			t.Errorf("module %s has a reason in archtest and is not in go.mod", mod)
		}
	}
}

// requiredModules returns what go.mod requires, the longest path first.
func requiredModules(t *testing.T) []string {
	t.Helper()
	out, err := command("go", "mod", "edit", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Require []struct{ Path string } }
	if err := json.Unmarshal([]byte(out), &file); err != nil {
		t.Fatalf("decode go mod edit -json: %v", err)
	}
	var paths []string
	for _, mod := range file.Require {
		paths = append(paths, mod.Path)
	}
	slices.SortFunc(paths, func(a, b string) int { return len(b) - len(a) })
	return paths
}

// importedModules returns the modules whose packages we import. It asks the
// imports rather than go.mod's "// indirect", which only `go mod tidy` keeps true.
func importedModules(t *testing.T, required []string) []string {
	t.Helper()
	imported := map[string]bool{}
	for _, p := range tree(t) {
		for _, path := range p.allImports() {
			if isOurs(path) || isStandard(path) {
				continue
			}
			i := slices.IndexFunc(required, func(mod string) bool { return isOrBelow(mod)(path) })
			if i < 0 {
				t.Errorf("%s imports %s, of no module in go.mod", p.short(), path)
				continue
			}
			imported[required[i]] = true
		}
	}
	return slices.Sorted(maps.Keys(imported))
}

// isStandard: no package of the standard library has a dot in its first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
