package foreman

import (
	"errors"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyrack/internal/core"
	"keyrack/internal/vault"
)

func lower(text string) string { return strings.ToLower(text) }

var (
	loginForm = regexp.MustCompile(`\A[\p{L}\p{M}\p{N}_\-@.\\$#+]+\z`)
	nameForm  = regexp.MustCompile(`\A[\p{L}\p{M}\p{N}\s'_\-.()<>;=,]*\z`)
	locales   = []string{
		"ca", "cs_CZ", "de", "en", "en_GB", "es", "fr", "gl", "it", "ja", "ka", "ko", "nl_NL", "pl", "pt_BR", "ru", "sv_SE", "zh_CN", "zh_TW",
	}
)

// userInput reads the attributes of a user, and gathers what is wrong with them.
type userInput struct {
	attributes
	isNew bool
	bad   validationError
}

// userChange is what attributes ask for. Those that are wrong are told all at
// once, in the product's words; what depends on the store is core's to say.
func userChange(given attributes, isNew bool) (core.UserChange, error) {
	in := &userInput{attributes: given, isNew: isNew}
	c := core.UserChange{
		Login: in.login(), FirstName: in.label("firstname", 50, nameForm), LastName: in.label("lastname", 50, nameForm), Email: in.mail(),
		Description: in.label("description", 4000, nil), Locale: in.locale(), TimeZone: in.timeZone(),
		Admin: in.choice("admin"), Disabled: in.choice("disabled"),
		RoleIDs: idList[core.RoleID](in, "role_ids"), Organizations: idList[core.OrganizationID](in, "organization_ids"),
		Locations:           idList[core.LocationID](in, "location_ids"),
		DefaultOrganization: oneID[core.OrganizationID](in, "default_organization_id"),
		DefaultLocation:     oneID[core.LocationID](in, "default_location_id"),
	}
	if enabled, ok := in.flag("mail_enabled"); ok {
		c.NoMail = core.To(!enabled)
	}
	in.source()
	c.Password, c.CurrentPassword = in.password()
	return c, in.bad.err()
}

func (in *userInput) login() core.Change[string] {
	text, there := in.text("login")
	text = strings.TrimSpace(text)
	if !there && !in.isNew && !in.set("login") {
		return core.Change[string]{}
	}
	switch {
	case text == "":
		in.bad.add("login", "can't be blank")
	case lower(text) == "current_user":
		in.bad.add("login", "is reserved")
	case utf8.RuneCountInString(text) > 100:
		in.bad.add("login", "is too long (maximum is 100 characters)")
	case !loginForm.MatchString(text):
		in.bad.add("login", "is invalid")
	}
	return core.To(text)
}

// label reads a text of some length and form; null empties it.
func (in *userInput) label(name string, most int, form *regexp.Regexp) core.Change[string] {
	text, _ := in.text(name)
	if !in.set(name) {
		return core.Change[string]{}
	}
	if utf8.RuneCountInString(text) > most {
		in.bad.add(name, "is too long (maximum is "+strconv.Itoa(most)+" characters)")
	}
	if form != nil && !form.MatchString(text) {
		in.bad.add(name, "is invalid")
	}
	return core.To(text)
}

func (in *userInput) mail() core.Change[string] {
	change := in.label("mail", 254, nil)
	if !change.Set || change.Value == "" {
		enabled, given := in.flag("mail_enabled")
		if change.Set && !in.isNew && (enabled || !given) {
			in.bad.add("mail", "can't be blank")
		}
		return change
	}
	if address, err := mail.ParseAddress(change.Value); err != nil || address.Address != change.Value {
		in.bad.add("mail", "is invalid")
	}
	return change
}

func (in *userInput) locale() core.Change[string] {
	change := in.label("locale", 20, nil)
	if change.Value != "" && !slices.Contains(locales, change.Value) {
		in.bad.add("locale", "is invalid")
	}
	return change
}

func (in *userInput) timeZone() core.Change[string] {
	change := in.label("timezone", 100, nil)
	if _, known := zoneNamed(change.Value); change.Value != "" && !known {
		in.bad.add("timezone", "is not valid")
	}
	return change
}

func (in *userInput) choice(name string) core.Change[bool] {
	value, ok := in.flag(name)
	return core.Change[bool]{Set: ok, Value: value}
}

// source holds users to the one source of authentication there is.
func (in *userInput) source() {
	id, valid := in.id("auth_source_id")
	name, named := in.text("auth_source_name")
	switch {
	case in.set("auth_source_id") && id == sourceID, !in.set("auth_source_id") && named && name == sourceName:
	case in.set("auth_source_id") && (id == 0 && valid), !in.set("auth_source_id") && !named && in.isNew:
		in.bad.add("auth_source_id", "can't be blank")
	case in.set("auth_source_id") || named:
		in.bad.add("auth_source_id", "is not one that is here")
	}
}

func (in *userInput) password() (password, current vault.Secret) {
	text, _ := in.text("password")
	again, confirmed := in.text("password_confirmation")
	if text == "" && in.isNew {
		in.bad.add("password_hash", "can't be blank")
	}
	if text != "" && confirmed && again != text {
		in.bad.add("password_confirmation", "doesn't match Password")
	}
	now, _ := in.text("current_password")
	return vault.NewSecret(text), vault.NewSecret(now)
}

func idList[ID ~int64](in *userInput, name string) core.Change[[]ID] {
	if !in.set(name) {
		return core.Change[[]ID]{}
	}
	out := []ID{}
	for _, id := range in.ids(name) {
		out = append(out, ID(id))
	}
	return core.To(out)
}

func oneID[ID ~int64](in *userInput, name string) core.Change[ID] {
	if !in.set(name) {
		return core.Change[ID]{}
	}
	id, ok := in.id(name)
	if !ok {
		id = -1 // nobody's
	}
	return core.To(ID(id))
}

// userFields are the product's names for core's, where they differ.
var userFields = map[string]string{
	"email": "mail", "first_name": "firstname", "last_name": "lastname", "name": "lastname", "time_zone": "timezone", "roles": "role_ids",
}

// problem is what core finds wrong with a field, by the product's name for it.
type problem struct {
	field string
	why   core.Reason
}

// userTexts are the product's words for core's problems.
var userTexts = map[problem]string{
	{"login", core.Taken}:                   "already exists",
	{"login", 0}:                            "is invalid",
	{"mail", 0}:                             "is invalid",
	{"admin", core.OutOfReach}:              "you can't change administrator flag",
	{"admin", core.LastAdmin}:               "cannot be removed from the last admin account",
	{"disabled", core.OwnAccount}:           "It is not possible to disable yourself",
	{"role_ids", core.OutOfReach}:           "you can't assign some of roles you selected",
	{"default_organization", core.NotAmong}: "default organizations need to be user organizations first",
	{"default_location", core.NotAmong}:     "default locations need to be user locations first",
	{"current_password", 0}:                 "Incorrect password",
}

// lost are the things that ids may name, as the product misses them.
var lost = map[string]string{"role_ids": "Role", "organization_ids": "Organization", "location_ids": "Location"}

// ofUserChange gives core's objections to a user in the product's words.
func ofUserChange(err error, id core.AccountID) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	v := &validationError{id: int64(id)}
	for _, f := range e.Fields {
		field := f.Path
		if name, ok := userFields[field]; ok {
			field = name
		}
		if thing, ok := lost[field]; ok && f.Reason == core.Absent {
			return lostError(thing)
		}
		text, ok := userTexts[problem{field, f.Reason}]
		if !ok {
			text = f.Msg
		}
		v.add(field, text)
	}
	return v
}
