package store

import (
	"strings"
	"testing"

	"keyrack/internal/core"
)

// However hostile a value is, it gets into the arguments of a query and not
// into its text, which is the same for each.
func TestValuesAreBound(t *testing.T) {
	t.Parallel()
	hostile := []string{
		`'; DROP TABLE keys; --`, `' OR '1'='1`, `?`, `$1`, `:a`, `@p1`, `\`, `%`, `"`, `""`, `NULL`, `/*`, `{}`, "\n", `x' UNION SELECT password_hash FROM accounts --`,
	}
	ops := []core.Op{core.Equal, core.NotEqual, core.Less, core.GreaterOrEqual, core.Contains, core.Like, core.NotLike, core.OneOf, core.NotOneOf}
	texts := []core.Attribute{core.AccountLoginAttr, core.AccountFirstNameAttr, core.AccountOrganizationNamed, core.AccountLocationNamed}
	eachStore(t, func(t *testing.T, s *Store) {
		err := s.View(t.Context(), func(in core.Tx) error {
			for _, attribute := range texts {
				for _, op := range ops {
					short, _ := textOf(t, in.(*tx), attribute, op, "na") // no index finds so short a part
					long, _ := textOf(t, in.(*tx), attribute, op, "name")
					for _, value := range hostile {
						text, args := textOf(t, in.(*tx), attribute, op, value)
						if text != short && text != long || args != strings.Count(text, "?") {
							t.Errorf("%s %d %q = %q of %d arguments, want %q or %q", attribute, op, value, text, args, short, long)
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// textOf is the text of a condition that compares with a value twice, and how
// many arguments it has.
func textOf(t *testing.T, in *tx, a core.Attribute, op core.Op, value string) (string, int) {
	t.Helper()
	compare := core.Compare{Attribute: a, Op: op, Value: value}
	if op == core.OneOf || op == core.NotOneOf {
		compare.Value = []any{value, value}
	}
	c := condition{t: in, known: accountFields, table: "accounts"}
	c.where(core.Or{core.Not{Of: compare}, compare})
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c.text.String(), len(c.args)
}
