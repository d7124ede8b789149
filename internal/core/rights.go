package core

import "slices"

// Right is what an account may do to accounts it can see, beyond its own
// belongings. The names are those that Foreman's permissions have.
type Right string

// The rights.
const (
	ViewUsers    Right = "view_users"
	CreateUsers  Right = "create_users"
	EditUsers    Right = "edit_users"
	DestroyUsers Right = "destroy_users"

	ViewKeys    Right = "view_ssh_keys"
	CreateKeys  Right = "create_ssh_keys"
	DestroyKeys Right = "destroy_ssh_keys"

	ViewTokens   Right = "view_personal_access_tokens"
	CreateTokens Right = "create_personal_access_tokens"
	RevokeTokens Right = "revoke_personal_access_tokens"
)

// Rights are all rights.
var Rights = []Right{
	ViewUsers, CreateUsers, EditUsers, DestroyUsers,
	ViewKeys, CreateKeys, DestroyKeys,
	ViewTokens, CreateTokens, RevokeTokens,
}

// viewing are the rights that change nothing.
var viewing = []Right{ViewUsers, ViewKeys, ViewTokens}

// atHome are the rights that everybody has over what is his own. Nobody makes
// or removes himself.
var atHome = []Right{ViewUsers, EditUsers, ViewKeys, CreateKeys, DestroyKeys, ViewTokens, CreateTokens, RevokeTokens}

// RoleID is the number of a [GrantRole].
type RoleID int64

// GrantRole is a bundle of rights with a name.
type GrantRole struct {
	ID          RoleID
	Name        string
	Description string
	Rights      []Right
}

// GrantRoles are the bundles there are, by id. Accounts refer to them by id, so
// one that was given out keeps its id and is never removed.
var GrantRoles = []GrantRole{
	{1, "Manager", "Manages the users of the same organizations and locations, their keys and tokens", Rights},
	{2, "Viewer", "Sees the users of the same organizations and locations, their keys and tokens", viewing},
	{3, "SSH key manager", "Manages the SSH keys of the users of the same organizations and locations",
		[]Right{ViewUsers, EditUsers, ViewKeys, CreateKeys, DestroyKeys}},
}

func roleByID(id RoleID) (GrantRole, bool) {
	i := slices.IndexFunc(GrantRoles, func(r GrantRole) bool { return r.ID == id })
	if i < 0 {
		return GrantRole{}, false
	}
	return GrantRoles[i], true
}

// rightSet is a set of rights that can be compared: a bit for each of [Rights].
type rightSet uint16

func setOf(rights ...Right) (set rightSet) {
	for _, r := range rights {
		if i := slices.Index(Rights, r); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

func (s rightSet) has(r Right) bool { return s&setOf(r) != 0 }

// rights are all that the account was granted, directly and by roles.
func (h Holder) rights() rightSet {
	set := setOf(h.Rights...)
	for _, id := range h.RoleIDs {
		role, _ := roleByID(id)
		set |= setOf(role.Rights...)
	}
	if h.Roles.Support {
		set |= setOf(viewing...)
	}
	return set
}

func (a Account) rights() rightSet { return a.Holder().rights() }

// Granted are the rights that the account has, directly, by roles and by
// reading everything; an administrator has all without them.
func (a Account) Granted() []Right {
	set := a.rights()
	return only(Rights, set.has)
}

// MissingRight is the cause of a denial for the want of a right.
type MissingRight struct{ Right Right }

func (m MissingRight) Error() string { return "missing right " + string(m.Right) }

// has tells whether the actor has the right over all it can see.
func (a Actor) has(r Right) bool { return a.manages() || a.rights.has(r) }

// Require is nil where the actor has the right over what belongs to owner, zero
// for no account in particular. Else it is a denial that holds a [MissingRight].
// Use cases ask it themselves; a face may ask before, for the sake of order.
func (a Actor) Require(right Right, owner AccountID) error {
	if a.has(right) || a.owns(owner) && contains(atHome, right) {
		return nil
	}
	return &Error{Kind: Denied, Msg: errDenied.Msg, Err: MissingRight{right}}
}

// checkRights refuses what is no right.
func checkRights(p *problems, path string, rights []Right) {
	for _, r := range rights {
		if !contains(Rights, r) {
			p.addf(path, "must be among %v", Rights)
			return
		}
	}
}
