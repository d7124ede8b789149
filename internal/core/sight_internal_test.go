package core

import (
	"testing"

	"pgregory.net/rapid"
)

// An account is seen by itself where, and only where, it is among the accounts
// that are listed.
func TestSeenIsListed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := sight{
			everybody: rapid.IntRange(0, 9).Draw(rt, "everybody") == 0, admins: rapid.Bool().Draw(rt, "admins"), self: drawID[AccountID](rt, "self"),
			organizations: drawIDs[OrganizationID](rt, "organizations"), locations: drawIDs[LocationID](rt, "locations"),
		}
		if rapid.Bool().Draw(rt, "in a scope") {
			v = v.within(Scope{drawID[OrganizationID](rt, "organization"), drawID[LocationID](rt, "location")})
		}
		a := Account{
			ID: drawID[AccountID](rt, "id"), Roles: Roles{Admin: rapid.Bool().Draw(rt, "admin"), Support: rapid.Bool().Draw(rt, "support")},
			Organizations: drawIDs[OrganizationID](rt, "its organizations"), Locations: drawIDs[LocationID](rt, "its locations"),
		}
		listed := Holds(v.filter(), func(name Attribute) any {
			return map[Attribute]any{
				AccountIDAttr: a.ID, AccountAdminAttr: a.Roles.Admin,
				AccountOrganizationAttr: anyOf(a.Organizations), AccountLocationAttr: anyOf(a.Locations),
			}[name]
		})
		if v.sees(a.place()) != listed {
			rt.Errorf("%+v sees %+v: %v, lists it: %v", v, a, v.sees(a.place()), listed)
		}
	})
}

// drawID draws one of few ids, or none.
func drawID[ID ~int64](t *rapid.T, label string) ID { return ID(rapid.Int64Range(0, 3).Draw(t, label)) }

func drawIDs[ID ~int64](t *rapid.T, label string) []ID {
	return rapid.SliceOfNDistinct(rapid.Map(rapid.Int64Range(1, 3), func(n int64) ID { return ID(n) }), 0, 3, rapid.ID[ID]).Draw(t, label)
}
