package store

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type accountRow struct {
	bun.BaseModel `bun:"table:accounts"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	ShortID       string
	Login         string
	Name          string
	Email         string
	Admin         bool
	Support       bool
	PasswordHash  string
	Disabled      bool
	ExpiresAt     instant `bun:",nullzero"`
	CreatedAt     instant
	UpdatedAt     instant

	FirstName             string
	LastName              string
	Description           string
	Locale                string
	TimeZone              string
	NoMail                bool
	DefaultOrganizationID reference `bun:",nullzero"`
	DefaultLocationID     reference `bun:",nullzero"`
	LastLoginAt           instant   `bun:",nullzero"`
	Rights                texts

	Organizations numbers `bun:",scanonly"`
	Locations     numbers `bun:",scanonly"`
	RoleIDs       numbers `bun:"role_ids,scanonly"`
}

func (accountRow) derived() [][2]string { return [][2]string{organizationIDs, locationIDs, roleIDs} }

var organizationIDs = [2]string{"organizations", "(SELECT string_agg(CAST(organization_id AS text), ',') FROM account_organizations WHERE account_id = accounts.id)"}

var locationIDs = [2]string{"locations", "(SELECT string_agg(CAST(location_id AS text), ',') FROM account_locations WHERE account_id = accounts.id)"}

var roleIDs = [2]string{"role_ids", "(SELECT string_agg(CAST(role_id AS text), ',') FROM account_roles WHERE account_id = accounts.id)"}

// accountSearchRow repeats the texts of an account as [foldCase] makes them, for
// searches. They are written but not read.
type accountSearchRow struct {
	bun.BaseModel `bun:"table:accounts"`
	accountRow
	LoginFolded       string
	NameFolded        string
	EmailFolded       string
	FirstNameFolded   string
	LastNameFolded    string
	DescriptionFolded string
}

func accountSearchRowOf(a core.Account) accountSearchRow {
	return accountSearchRow{
		accountRow:  accountRowOf(a),
		LoginFolded: foldCase(a.Login), NameFolded: foldCase(a.Name), EmailFolded: foldCase(a.Email),
		FirstNameFolded: foldCase(a.FirstName), LastNameFolded: foldCase(a.LastName), DescriptionFolded: foldCase(a.Description),
	}
}

func accountRowOf(a core.Account) accountRow {
	return accountRow{
		ID: int64(a.ID), UUID: uid(a.UUID), ShortID: a.ShortID,
		Login: a.Login, Name: a.Name, Email: a.Email,
		Admin: a.Roles.Admin, Support: a.Roles.Support,
		PasswordHash: a.PasswordHash, Disabled: a.Disabled, ExpiresAt: instant{a.ExpiresAt},
		CreatedAt: instant{a.CreatedAt}, UpdatedAt: instant{a.UpdatedAt},
		FirstName: a.FirstName, LastName: a.LastName, Description: a.Description,
		Locale: a.Locale, TimeZone: a.TimeZone, NoMail: a.NoMail,
		DefaultOrganizationID: reference(a.DefaultOrganization), DefaultLocationID: reference(a.DefaultLocation),
		LastLoginAt: instant{a.LastLoginAt}, Rights: textsOf(a.Rights),
	}
}

func (r accountRow) account() core.Account {
	return core.Account{
		ID: core.AccountID(r.ID), UUID: uuid.UUID(r.UUID), ShortID: r.ShortID,
		Login: r.Login, Name: r.Name, Email: r.Email,
		Roles:        core.Roles{Admin: r.Admin, Support: r.Support},
		PasswordHash: r.PasswordHash, Disabled: r.Disabled, ExpiresAt: r.ExpiresAt.Time,
		Organizations: idsOf[core.OrganizationID](r.Organizations),
		Locations:     idsOf[core.LocationID](r.Locations),
		CreatedAt:     r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		FirstName: r.FirstName, LastName: r.LastName, Description: r.Description,
		Locale: r.Locale, TimeZone: r.TimeZone, NoMail: r.NoMail,
		DefaultOrganization: core.OrganizationID(r.DefaultOrganizationID), DefaultLocation: core.LocationID(r.DefaultLocationID),
		LastLoginAt: r.LastLoginAt.Time, Rights: textsTo[core.Right](r.Rights), RoleIDs: idsOf[core.RoleID](r.RoleIDs),
	}
}

func (t *tx) Account(id core.AccountID) (core.Account, error) {
	return one(accountRow.account)(get[accountRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) AccountByUUID(id uuid.UUID) (core.Account, error) {
	return one(accountRow.account)(get[accountRow](t, "WHERE uuid = ?", id))
}

// holderRow reads no more than is needed to tell who somebody is: that happens
// at every request, and SQLite's driver asks for the name and type of each
// column each time.
type holderRow struct {
	bun.BaseModel `bun:"table:accounts"`
	ID            int64 `bun:",pk"`
	Login         string
	Admin         bool
	Support       bool
	Disabled      bool
	ExpiresAt     instant `bun:",nullzero"`
	Rights        texts
	TimeZone      string

	RoleIDs numbers `bun:"role_ids,scanonly"`
}

func (holderRow) derived() [][2]string { return [][2]string{roleIDs} }

func (r holderRow) holder() core.Holder {
	return core.Holder{
		ID: core.AccountID(r.ID), Login: r.Login, Roles: core.Roles{Admin: r.Admin, Support: r.Support},
		Rights: textsTo[core.Right](r.Rights), RoleIDs: idsOf[core.RoleID](r.RoleIDs), Disabled: r.Disabled, ExpiresAt: r.ExpiresAt.Time,
		TimeZone: r.TimeZone,
	}
}

func (t *tx) AccountByLogin(login string) (core.Account, error) {
	return one(accountRow.account)(get[accountRow](t, "WHERE lower(login) = ?", folded(login)))
}

func (t *tx) AccountsByEmail(email string) ([]core.Account, error) {
	return all(accountRow.account)(list[accountRow](t, "WHERE lower(email) = ? ORDER BY id", folded(email)))
}

// folded gives what lower() makes of text in both schemas: A to Z folded, other
// letters as they are. PostgreSQL would treat an argument by the database's
// locale, other than the column.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// accountFields are what accounts can be filtered and ordered by.
var accountFields = fields{ //nolint:exhaustive // the other attributes are of other lists
	core.AccountIDAttr:       {name: "id", sharp: true},
	core.AccountUUIDAttr:     {name: "uuid", sharp: true},
	core.AccountLoginAttr:    {name: "login", folded: "login_folded", parts: "account_texts"},
	core.AccountNameAttr:     {name: "name", folded: "name_folded", parts: "account_texts"},
	core.AccountEmailAttr:    {name: "email", folded: "email_folded", parts: "account_texts"},
	core.AccountAdminAttr:    {name: "admin"},
	core.AccountSupportAttr:  {name: "support"},
	core.AccountDisabledAttr: {name: "disabled"},
	core.AccountCreatedAttr:  {name: "created_at"},
	core.AccountExpiresAttr:  {name: "expires_at", optional: true},

	core.AccountFirstNameAttr:     {name: "first_name", folded: "first_name_folded", parts: "account_texts"},
	core.AccountLastNameAttr:      {name: "last_name", folded: "last_name_folded", parts: "account_texts"},
	core.AccountDescriptionAttr:   {name: "description", folded: "description_folded", parts: "account_texts"},
	core.AccountLastLoginAttr:     {name: "last_login_at", optional: true, restless: true},
	core.AccountRoleAttr:          {name: "role_id", among: "SELECT 1 FROM account_roles WHERE account_id = accounts.id"},
	core.AccountOrganizationAttr:  {name: "organization_id", among: "SELECT 1 FROM account_organizations WHERE account_id = accounts.id"},
	core.AccountLocationAttr:      {name: "location_id", among: "SELECT 1 FROM account_locations WHERE account_id = accounts.id"},
	core.AccountOrganizationNamed: {name: "o.name", folded: "o.folded", among: "SELECT 1 FROM account_organizations m JOIN organizations o ON o.id = m.organization_id WHERE m.account_id = accounts.id"},
	core.AccountLocationNamed:     {name: "l.name", folded: "l.folded", among: "SELECT 1 FROM account_locations m JOIN locations l ON l.id = m.location_id WHERE m.account_id = accounts.id"},
}

func (t *tx) Accounts(q core.AccountQuery) ([]core.Account, int, error) {
	rows, n, err := filtered[accountRow](t, accountFields, q.Where, q.Order, "lower(login)", q.Page)
	accounts, err := all(accountRow.account)(rows, err)
	return accounts, n, err
}

func (t *tx) CountAccounts() (int, error) { return t.count("SELECT count(*) FROM accounts") }

// indexAccount tells the index of texts of a new account; triggers tell it the rest.
const indexAccount = "INSERT INTO account_texts (rowid, login_folded, name_folded, email_folded, first_name_folded, last_name_folded, " +
	"description_folded) VALUES (?, ?, ?, ?, ?, ?, ?)"

func (t *tx) InsertAccount(a core.Account) (core.AccountID, error) {
	row := accountSearchRowOf(a)
	id, err := insert(t, row)
	if err != nil {
		return 0, err
	}
	if err := t.indexLater(indexAccount, id, row.LoginFolded, row.NameFolded, row.EmailFolded,
		row.FirstNameFolded, row.LastNameFolded, row.DescriptionFolded); err != nil {
		return 0, err
	}
	a.ID = core.AccountID(id)
	return a.ID, t.insertMemberships(a)
}

func (t *tx) UpdateAccount(a core.Account) error {
	if err := t.indexTexts(); err != nil {
		return err
	}
	if err := update(t, accountSearchRowOf(a)); err != nil {
		return err
	}
	for _, table := range []string{"account_organizations", "account_locations", "account_roles"} {
		if _, err := t.exec("DELETE FROM "+table+" WHERE account_id = ?", int64(a.ID)); err != nil {
			return err
		}
	}
	return t.insertMemberships(a)
}

// DeleteAccount relies on the schema to take what hangs on the account along.
func (t *tx) DeleteAccount(id core.AccountID) error {
	if err := t.indexTexts(); err != nil {
		return err
	}
	return t.change("DELETE FROM accounts WHERE id = ?", int64(id))
}

func (t *tx) SetLastLogin(id core.AccountID, at time.Time) error {
	return t.change(setLastLogin, instant{at}, int64(id))
}

func (t *tx) CountAdmins() (int, error) {
	return t.count("SELECT count(*) FROM accounts WHERE admin")
}

func (t *tx) insertMemberships(a core.Account) error {
	for _, o := range a.Organizations {
		_, err := t.exec("INSERT INTO account_organizations (account_id, organization_id) VALUES (?, ?)", int64(a.ID), int64(o))
		if err != nil {
			return err
		}
	}
	for _, l := range a.Locations {
		_, err := t.exec("INSERT INTO account_locations (account_id, location_id) VALUES (?, ?)", int64(a.ID), int64(l))
		if err != nil {
			return err
		}
	}
	for _, r := range a.RoleIDs {
		_, err := t.exec("INSERT INTO account_roles (account_id, role_id) VALUES (?, ?)", int64(a.ID), int64(r))
		if err != nil {
			return err
		}
	}
	return nil
}
