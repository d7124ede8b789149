package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// testAbsent asks for what is not there, in a store that holds one of each.
func testAbsent(t *testing.T, s core.Store) {
	testFields(t, s)
	for name, look := range lookUps(t) {
		err := s.View(t.Context(), func(tx core.Tx) error { return look(tx) })
		wantKind(t, name, err, core.NotFound)
		err = s.Update(t.Context(), func(tx core.Tx) error { return look(tx) })
		wantKind(t, name+" in an update", err, core.NotFound)
	}
	for name, change := range changes(t) {
		err := s.Update(t.Context(), func(tx core.Tx) error { return change(tx) })
		wantKind(t, name, err, core.NotFound)
	}
	view(t, s, func(tx core.Tx) error { // lists are empty
		return errors.Join(
			empty(tx.AccountsByEmail("nobody@example.org")),
			empty(tx.KeysByOwner(9999)),
			empty(tx.KeysByFingerprint(sshkey.SHA256{1})),
			empty(tx.Tokens(9999)),
			empty(tx.APIKeys(9999)),
			empty(tx.Revisions(uuid.New())),
			empty(tx.EvidenceOf(9999)),
			empty(tx.Connections(9999)),
			empty(tx.WantedKeys(9999)),
			empty(tx.Webhooks(9999)),
			empty(tx.Attempts(9999)),
			empty(tx.AuditEvents(core.AuditQuery{Object: "key of nobody"})),
		)
	})
}

func empty[T any](all []T, err error) error {
	if err == nil && len(all) > 0 {
		return fmt.Errorf("%d %T where there is none", len(all), all[0])
	}
	return err
}

// fails drops a look-up's value.
func fails[T any](_ T, err error) error { return err }

// fails2 drops both of a look-up's values.
func fails2[T, U any](_ T, _ U, err error) error { return err }

func lookUps(t testing.TB) map[string]func(core.Tx) error {
	return map[string]func(core.Tx) error{
		"Account": func(tx core.Tx) error { return fails(tx.Account(9999)) },
		"KeyOwner": func(tx core.Tx) error {
			return fails(tx.KeyOwner(core.Key{Owner: 9999, Name: "x", Public: NewPublicKey(t)}, core.Uniqueness{Name: true, Key: true}, core.ElsewhereFlagged))
		},
		"AccountByUUID":                   func(tx core.Tx) error { return fails(tx.AccountByUUID(uuid.New())) },
		"AccountByLogin":                  func(tx core.Tx) error { return fails(tx.AccountByLogin("nobody")) },
		"OrganizationByName":              func(tx core.Tx) error { return fails(tx.OrganizationByName("nothing")) },
		"LocationByName":                  func(tx core.Tx) error { return fails(tx.LocationByName("nowhere")) },
		"Project":                         func(tx core.Tx) error { return fails(tx.Project(9999)) },
		"ProjectByName":                   func(tx core.Tx) error { return fails(tx.ProjectByName("nothing")) },
		"APIKeyByHash":                    func(tx core.Tx) error { return fails(tx.APIKeyByHash(core.SecretHash{1})) },
		"TokenByHash":                     func(tx core.Tx) error { return fails(tx.TokenByHash(core.UseWaldur, core.SecretHash{1})) },
		"Bearer":                          func(tx core.Tx) error { return fails2(tx.Bearer(core.UseWaldur, core.SecretHash{1})) },
		"ServedKeys":                      func(tx core.Tx) error { return fails2(tx.ServedKeys("nobody")) },
		"TicketByUUID":                    func(tx core.Tx) error { return fails(tx.TicketByUUID(uuid.New())) },
		"SecondFactor":                    func(tx core.Tx) error { return fails(tx.SecondFactor(9999)) },
		"SignInByHash":                    func(tx core.Tx) error { return fails(tx.SignInByHash(core.SecretHash{1})) },
		"Key":                             func(tx core.Tx) error { return fails(tx.Key(9999)) },
		"KeyByUUID":                       func(tx core.Tx) error { return fails(tx.KeyByUUID(uuid.New())) },
		"OwnerKey":                        func(tx core.Tx) error { return fails(tx.OwnerKey(1, NewPublicKey(t).SHA256())) },
		"OwnerKeyByName":                  func(tx core.Tx) error { return fails(tx.OwnerKeyByName(1, "nothing")) },
		"Session":                         func(tx core.Tx) error { return fails(tx.Session(9999)) },
		"Visited":                         func(tx core.Tx) error { return fails(tx.Visited(9999)) },
		"SessionByUUID":                   func(tx core.Tx) error { return fails(tx.SessionByUUID(uuid.New())) },
		"VisitedByIdentifier":             func(tx core.Tx) error { return fails(tx.VisitedByIdentifier("nothing")) },
		"Connection":                      func(tx core.Tx) error { return fails(tx.Connection(9999)) },
		"Webhook":                         func(tx core.Tx) error { return fails(tx.Webhook(9999)) },
		"Delivery":                        func(tx core.Tx) error { return fails(tx.Delivery(9999)) },
		"DeliveryByUUID":                  func(tx core.Tx) error { return fails(tx.DeliveryByUUID(uuid.New())) },
		"Device":                          func(tx core.Tx) error { return fails(tx.Device(9999)) },
		"ManagedKey":                      func(tx core.Tx) error { return fails(tx.ManagedKey(9999)) },
		"ManagedKeyByUUID":                func(tx core.Tx) error { return fails(tx.ManagedKeyByUUID(uuid.New())) },
		"ManagedKeyAndDevice":             func(tx core.Tx) error { return fails2(tx.ManagedKeyAndDevice(9999)) },
		"ManagedKeyAndDeviceByIdentifier": func(tx core.Tx) error { return fails2(tx.ManagedKeyAndDeviceByIdentifier("nothing")) },
		"ManagedKeyByIdentifier":          func(tx core.Tx) error { return fails(tx.ManagedKeyByIdentifier("nothing")) },
		"KeyVersion":                      func(tx core.Tx) error { return fails(tx.KeyVersion(9999, 1)) },
		"PolicyByName":                    func(tx core.Tx) error { return fails(tx.PolicyByName("nothing")) },
		"DeviceByHostname":                func(tx core.Tx) error { return fails(tx.DeviceByHostname("nothing")) },
		"ApplicationByName":               func(tx core.Tx) error { return fails(tx.ApplicationByName("nothing")) },
		"Setting":                         func(tx core.Tx) error { return fails(tx.Setting("nothing")) },
		"Made":                            func(tx core.Tx) error { return fails(tx.Made(core.Digest{1})) },
	}
}

func changes(t testing.TB) map[string]func(core.Tx) error {
	return map[string]func(core.Tx) error{
		"UpdateAccount":        func(tx core.Tx) error { return tx.UpdateAccount(core.Account{ID: 9999, Login: "x"}) },
		"DeleteAccount":        func(tx core.Tx) error { return tx.DeleteAccount(9999) },
		"SetLastLogin":         func(tx core.Tx) error { return tx.SetLastLogin(9999, now()) },
		"SetTokenUsed":         func(tx core.Tx) error { return tx.SetTokenUsed(9999, now()) },
		"SetSignInSeen":        func(tx core.Tx) error { return tx.SetSignInSeen(9999, now()) },
		"UpdateProject":        func(tx core.Tx) error { return tx.UpdateProject(core.Project{ID: 9999}) },
		"UpdateAPIKey":         func(tx core.Tx) error { return tx.UpdateAPIKey(core.APIKey{ID: 9999}) },
		"DeleteAPIKey":         func(tx core.Tx) error { return tx.DeleteAPIKey(9999) },
		"UpdateToken":          func(tx core.Tx) error { return tx.UpdateToken(core.Token{ID: 9999}) },
		"DeleteToken":          func(tx core.Tx) error { return tx.DeleteToken(9999) },
		"UpdateTicket":         func(tx core.Tx) error { return tx.UpdateTicket(core.Ticket{ID: 9999}) },
		"UpdateSigningKey":     func(tx core.Tx) error { return tx.UpdateSigningKey(core.SigningKey{ID: 9999, Sealed: []byte{}}) },
		"DeleteSigningKey":     func(tx core.Tx) error { return tx.DeleteSigningKey(9999) },
		"UpdateSecondFactor":   func(tx core.Tx) error { return tx.UpdateSecondFactor(core.SecondFactor{ID: 9999, Sealed: []byte{}}) },
		"DeleteSecondFactor":   func(tx core.Tx) error { return tx.DeleteSecondFactor(9999) },
		"UpdateKey":            func(tx core.Tx) error { return tx.UpdateKey(core.Key{ID: 9999, Public: NewPublicKey(t)}) },
		"DeleteKey":            func(tx core.Tx) error { return tx.DeleteKey(9999) },
		"UpdateSessionState":   func(tx core.Tx) error { return tx.UpdateSessionState(core.Session{ID: 9999}) },
		"UpdateSession":        func(tx core.Tx) error { return tx.UpdateSession(core.Session{ID: 9999}) },
		"DeleteSession":        func(tx core.Tx) error { return tx.DeleteSession(9999) },
		"DeleteWantedKey":      func(tx core.Tx) error { return tx.DeleteWantedKey(9999) },
		"UpdateWebhook":        func(tx core.Tx) error { return tx.UpdateWebhook(core.Webhook{ID: 9999, SealedHeaders: []byte{}}) },
		"DeleteWebhook":        func(tx core.Tx) error { return tx.DeleteWebhook(9999) },
		"UpdateDevice":         func(tx core.Tx) error { return tx.UpdateDevice(core.Device{ID: 9999}) },
		"DeleteDevice":         func(tx core.Tx) error { return tx.DeleteDevice(9999) },
		"UpdateManagedKey":     func(tx core.Tx) error { return tx.UpdateManagedKey(core.ManagedKey{ID: 9999, Device: 1}) },
		"MarkManagedKeyViewed": func(tx core.Tx) error { return tx.MarkManagedKeyViewed(9999, now(), time.Time{}) },
		"DeleteCustody":        func(tx core.Tx) error { return tx.DeleteCustody(9999) },
		"UpdatePolicy":         func(tx core.Tx) error { return tx.UpdatePolicy(core.Policy{ID: 9999}) },
		"ReplaceSealed":        func(tx core.Tx) error { return tx.ReplaceSealed(core.SealedPrivateKeys, 9999, []byte{1}) },
		"UpdateApplication":    func(tx core.Tx) error { return tx.UpdateApplication(core.Application{ID: 9999}) },
		"DeleteApplication":    func(tx core.Tx) error { return tx.DeleteApplication(9999) },
		"DeleteAuthorization":  func(tx core.Tx) error { return tx.DeleteAuthorization(9999) },
		"UpdateAuthorization":  func(tx core.Tx) error { return tx.UpdateAuthorization(core.Authorization{ID: 9999}) },
	}
}

// testTaken inserts what must be unique twice.
func testTaken(t *testing.T, s core.Store) {
	twice(t, s, "organization name", organizations(t), func(v *core.Organization, old core.Organization) { v.Name = old.Name })
	twice(t, s, "organization UUID", organizations(t), func(v *core.Organization, old core.Organization) { v.UUID = old.UUID })
	twice(t, s, "location name", locations(t), func(v *core.Location, old core.Location) { v.Name = old.Name })
	twice(t, s, "account UUID", accounts(t), func(v *core.Account, old core.Account) { v.UUID = old.UUID })
	twice(t, s, "account short id", accounts(t), func(v *core.Account, old core.Account) { v.ShortID = old.ShortID })
	twice(t, s, "login", accounts(t), func(v *core.Account, old core.Account) { v.Login = old.Login })
	twice(t, s, "login in another case", accounts(t), func(v *core.Account, old core.Account) {
		v.Login = strings.Replace(old.Login, "DROP", "drop", 1)
	})
	twice(t, s, "project name", projects(t), func(v *core.Project, old core.Project) { v.Name = old.Name })
	twice(t, s, "API key hash", apiKeys(t), func(v *core.APIKey, old core.APIKey) { v.SecretHash = old.SecretHash })
	twice(t, s, "API key name", apiKeys(t), func(v *core.APIKey, old core.APIKey) { v.Project, v.Name = old.Project, old.Name })
	twice(t, s, "token hash", tokens(t), func(v *core.Token, old core.Token) { v.Use, v.SecretHash = old.Use, old.SecretHash })
	twice(t, s, "token name", tokens(t), func(v *core.Token, old core.Token) { v.Account, v.Use, v.Name = old.Account, old.Use, old.Name })
	twice(t, s, "ticket UUID", tickets(t), func(v *core.Ticket, old core.Ticket) { v.UUID = old.UUID })
	twice(t, s, "account's second factor", secondFactors(t), func(v *core.SecondFactor, old core.SecondFactor) { v.Account = old.Account })
	twice(t, s, "sign-in hash", signIns(t), func(v *core.SignIn, old core.SignIn) { v.SecretHash = old.SecretHash })
	twice(t, s, "key UUID", keys(t), func(v *core.Key, old core.Key) { v.UUID = old.UUID })
	twice(t, s, "key short id", keys(t), func(v *core.Key, old core.Key) { v.ShortID = old.ShortID })
	twice(t, s, "session identifier", sessions(t), func(v *core.Session, old core.Session) { v.Identifier = old.Identifier })
	twice(t, s, "device hostname", devices(t), func(v *core.Device, old core.Device) { v.Hostname = old.Hostname })
	twice(t, s, "managed key identifier", managedKeys(t), func(v *core.ManagedKey, old core.ManagedKey) { v.Identifier = old.Identifier })
	twice(t, s, "managed key UUID", managedKeys(t), func(v *core.ManagedKey, old core.ManagedKey) { v.UUID = old.UUID })
	twice(t, s, "policy name", policies(t), func(v *core.Policy, old core.Policy) { v.Name = old.Name })
	twice(t, s, "application name", applications(t), func(v *core.Application, old core.Application) { v.Name = old.Name })
	twice(t, s, "authorization name", authorizations(t), func(v *core.Authorization, old core.Authorization) {
		v.Application, v.Name = old.Application, old.Name
	})
	twice(t, s, "OAuth 2 client", authorizations(t), func(v *core.Authorization, old core.Authorization) {
		v.OAuth2 = &core.OAuth2Client{ClientID: old.OAuth2.ClientID}
	})
	twice(t, s, "OAuth 1 consumer", authorizations(t), func(v *core.Authorization, old core.Authorization) {
		v.OAuth1 = &core.OAuth1Client{ConsumerKey: old.OAuth1.ConsumerKey}
	})

	sameElsewhere(t, s)
}

// twice wants Conflict when a second value is made like the first, both as a
// new one and by a change of another; and that the first is untouched.
func twice[T any](t *testing.T, s core.Store, what string, k kind[T], alike func(v *T, old T)) {
	t.Helper()
	first, second := sample[T](t), sample[T](t)
	update(t, s, func(tx core.Tx) error {
		return errors.Join(k.prepare(tx, &first), k.insert(tx, &first), k.prepare(tx, &second), k.insert(tx, &second))
	})
	err := s.Update(t.Context(), func(tx core.Tx) error {
		third := sample[T](t)
		if err := k.prepare(tx, &third); err != nil {
			return err
		}
		alike(&third, first)
		return k.insert(tx, &third)
	})
	wantKind(t, "second "+what, err, core.Conflict)
	if k.update != nil {
		err = s.Update(t.Context(), func(tx core.Tx) error {
			changed := second
			alike(&changed, first)
			return k.update(tx, changed)
		})
		wantKind(t, "change to a second "+what, err, core.Conflict)
	}
	k.wantRead(t, s, what, first)
	k.wantRead(t, s, what, second)
}

// sameElsewhere makes what is unique only within something, within another.
func sameElsewhere(t *testing.T, s core.Store) {
	update(t, s, func(tx core.Tx) error {
		var errs []error
		account, err := newAccount(t, tx)
		errs = append(errs, err)
		token := core.Token{Account: account.ID, Name: "laptop", SecretHash: core.SecretHash{7}}
		for _, use := range []core.TokenUse{core.UseWaldur, core.UseForeman} {
			token.UUID, token.Use = uuid.New(), use
			errs = append(errs, fails(tx.InsertToken(token)))
		}
		for range 2 {
			p, err := newProject(t, tx)
			key := core.APIKey{UUID: uuid.New(), Project: p.ID, Name: "ci", SecretHash: core.SecretHash(randomBytes(32))}
			errs = append(errs, err, fails(tx.InsertAPIKey(key)))
			z := core.Authorization{UUID: uuid.New(), Name: "ci"}
			a, err := newApplication(t, tx)
			z.Application = a.ID
			errs = append(errs, err, fails(tx.InsertAuthorization(z))) // without OAuth: absent ids do not clash
			k, err := newKey(t, tx, account.ID)
			k.ID, k.UUID, k.ShortID = 0, uuid.New(), string(randomLetters())
			errs = append(errs, err, fails(insertKey(tx, k))) // name and content again: that rule is core's
		}
		return errors.Join(errs...)
	})
}

func randomLetters() []byte {
	letters := randomBytes(8)
	for i := range letters {
		letters[i] = 'a' + letters[i]%26
	}
	return letters
}

// testDangling refers to what is not there.
func testDangling(t *testing.T, s core.Store) {
	for name, insert := range map[string]func(tx core.Tx) error{
		"organization of an account": func(tx core.Tx) error {
			return fails(tx.InsertAccount(core.Account{UUID: uuid.New(), Login: "a", Organizations: []core.OrganizationID{9999}}))
		},
		"location of an account": func(tx core.Tx) error {
			return fails(tx.InsertAccount(core.Account{UUID: uuid.New(), Login: "a", Locations: []core.LocationID{9999}}))
		},
		"organization of a project": func(tx core.Tx) error {
			return fails(tx.InsertProject(core.Project{UUID: uuid.New(), Organization: 9999}))
		},
		"owner of a key": func(tx core.Tx) error {
			return fails(insertKey(tx, core.Key{UUID: uuid.New(), Owner: 9999, Public: NewPublicKey(t)}))
		},
		"account of a token": func(tx core.Tx) error { return fails(tx.InsertToken(core.Token{Account: 9999})) },
		"project of an API key": func(tx core.Tx) error {
			return fails(tx.InsertAPIKey(core.APIKey{Project: 9999}))
		},
		"project of a session": func(tx core.Tx) error {
			return fails(tx.InsertSession(core.Session{UUID: uuid.New(), Project: 9999}))
		},
		"session of a connection": func(tx core.Tx) error {
			return tx.InsertConnection(&core.Connection{UUID: uuid.New(), Session: 9999})
		},
		"connection of a collected key": func(tx core.Tx) error {
			return tx.InsertCollectedKeys(9999, []core.CollectedKey{{UUID: uuid.New(), Public: NewPublicKey(t)}})
		},
		"device of a managed key": func(tx core.Tx) error {
			return fails(tx.InsertManagedKey(core.ManagedKey{UUID: uuid.New(), Device: 9999}))
		},
		"key of a version": func(tx core.Tx) error {
			return tx.InsertKeyVersion(core.KeyVersion{Key: 9999, Number: 1, PrivateKey: []byte{1}})
		},
		"key of a custody": func(tx core.Tx) error { return tx.PutCustody(core.Custody{Key: 9999}) },
		"application of an authorization": func(tx core.Tx) error {
			return fails(tx.InsertAuthorization(core.Authorization{UUID: uuid.New(), Application: 9999}))
		},
	} {
		wantKind(t, name, s.Update(t.Context(), insert), core.Conflict)
	}
}

// testIDs wants ids that grow, are never used again, and are kept when given.
func testIDs(t *testing.T, s core.Store) {
	update(t, s, func(tx core.Tx) error {
		account, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		var last core.KeyID
		for range 3 {
			k, err := newKey(t, tx, account.ID)
			if err != nil {
				return err
			}
			if k.ID <= last {
				return fmt.Errorf("key id %d after %d", k.ID, last)
			}
			last = k.ID
			if err := tx.DeleteKey(k.ID); err != nil {
				return err
			}
		}
		given := sample[core.Account](t)
		given.ID, given.Organizations, given.Locations = 4711, nil, nil
		given.DefaultOrganization, given.DefaultLocation = 0, 0
		if id, err := tx.InsertAccount(given); err != nil || id != given.ID {
			return fmt.Errorf("insert with id %d gave %d, error %w", given.ID, id, err)
		}
		next, err := newAccount(t, tx)
		if err == nil && next.ID <= given.ID {
			return fmt.Errorf("account id %d after %d was given", next.ID, given.ID)
		}
		return err
	})
}

func testAccounts(t *testing.T, s core.Store) {
	var ada, bob, eve, other core.Account
	update(t, s, func(tx core.Tx) (err error) {
		insert := func(login, email string) (a core.Account) {
			a = core.Account{UUID: uuid.New(), ShortID: login, Login: login, Email: email}
			var failed error
			a.ID, failed = tx.InsertAccount(a)
			err = errors.Join(err, failed)
			return a
		}
		bob, ada, eve = insert("bob", "shared@Example.org"), insert("Ada", "shared@example.org"), insert("eve%", "")
		other = insert("ÜNÏ", "ÜNÏ@example.org")
		return err
	})
	view(t, s, func(tx core.Tx) error {
		var errs []error
		for _, login := range []string{"ada", "ADA", "Ada"} {
			a, err := tx.AccountByLogin(login)
			errs = append(errs, err, same("AccountByLogin("+login+")", a.ID, ada.ID))
		}
		for _, login := range []string{"ad", "ada ", "a%", "_da", ""} {
			wantKind(t, fmt.Sprintf("AccountByLogin(%q)", login), fails(tx.AccountByLogin(login)), core.NotFound)
		}
		a, err := tx.AccountByLogin("ÜnÏ") // A to Z fold, in any locale
		errs = append(errs, err, same("AccountByLogin beyond ASCII", a.ID, other.ID))
		wantKind(t, "AccountByLogin beyond ASCII folded", fails(tx.AccountByLogin("ünï")), core.NotFound)
		exotic, err := tx.AccountsByEmail("ÜNÏ@EXAMPLE.org")
		errs = append(errs, err, same("AccountsByEmail beyond ASCII", idsIn(exotic, accountID), []core.AccountID{other.ID}))
		shared, err := tx.AccountsByEmail("SHARED@EXAMPLE.ORG")
		errs = append(errs, err, same("AccountsByEmail", idsIn(shared, accountID), []core.AccountID{bob.ID, ada.ID}))
		byUUID, err := tx.AccountByUUID(eve.UUID)
		errs = append(errs, err, same("AccountByUUID", byUUID.ID, eve.ID))
		n, err := tx.CountAccounts()
		errs = append(errs, err, same("CountAccounts", n, 4))
		all, n, err := tx.Accounts(core.AccountQuery{})
		errs = append(errs, err, same("count of Accounts", n, 4))
		errs = append(errs, same("Accounts", idsIn(all, accountID), []core.AccountID{ada.ID, bob.ID, eve.ID, other.ID}))
		page, n, err := tx.Accounts(core.AccountQuery{Page: core.Page{Offset: 1, Limit: 1}})
		errs = append(errs, err, same("count of a page", n, 4), same("page", idsIn(page, accountID), []core.AccountID{bob.ID}))
		return errors.Join(errs...)
	})
}

func accountID(a core.Account) core.AccountID { return a.ID }

func idsIn[T, ID any](all []T, id func(T) ID) []ID {
	ids := make([]ID, len(all))
	for i, v := range all {
		ids[i] = id(v)
	}
	return ids
}

// same is an error where got is not what was wanted.
func same[T any](what string, got, want T) error {
	if d := diff(want, got); d != "" {
		return fmt.Errorf("%s differs (-want +got):\n%s", what, d)
	}
	return nil
}

// names are in the order of their code points, whatever the locale.
var names = []string{"", "10", "9", "B", "Z", "_", "a", "ab", "b", "z", "é", "ü", "鍵", "🔑"}

// testLists wants lists by name in the order of code points.
func testLists(t *testing.T, s core.Store) {
	shuffled := slices.Clone(names)
	slices.SortFunc(shuffled, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var account core.Account
	var project core.Project
	update(t, s, func(tx core.Tx) error {
		var errs []error
		var err error
		account, err = newAccount(t, tx)
		errs = append(errs, err)
		for _, name := range shuffled {
			p := core.Project{UUID: uuid.New(), Name: name}
			p.ID, err = tx.InsertProject(p)
			project = p
			app := core.Application{UUID: uuid.New(), Name: name}
			var appErr error
			app.ID, appErr = tx.InsertApplication(app)
			errs = append(errs, err, appErr,
				fails(tx.InsertOrganization(core.Organization{UUID: uuid.New(), Name: name})),
				fails(tx.InsertLocation(core.Location{UUID: uuid.New(), Name: name})),
				fails(tx.InsertDevice(core.Device{UUID: uuid.New(), Hostname: name})))
		}
		for _, name := range shuffled {
			hash := core.SecretHash(randomBytes(32))
			errs = append(errs,
				fails(tx.InsertAPIKey(core.APIKey{UUID: uuid.New(), Project: project.ID, Name: name, SecretHash: hash})),
				fails(tx.InsertToken(core.Token{UUID: uuid.New(), Account: account.ID, Use: "b", Name: name, SecretHash: hash})),
				fails(tx.InsertToken(core.Token{UUID: uuid.New(), Account: account.ID, Use: "a", Name: name, SecretHash: hash})))
		}
		return errors.Join(errs...)
	})
	view(t, s, func(tx core.Tx) error {
		organizations, err1 := tx.Organizations()
		locations, err2 := tx.Locations()
		devices, err3 := tx.Devices()
		applications, err4 := tx.Applications()
		projects, n, err5 := tx.Projects(core.Page{})
		page, _, err6 := tx.Projects(core.Page{Offset: 2, Limit: 3})
		apiKeys, err7 := tx.APIKeys(project.ID)
		tokens, err8 := tx.Tokens(account.ID)
		tokenNames := append(slices.Clone(names), names...)
		return errors.Join(err1, err2, err3, err4, err5, err6, err7, err8,
			same("Organizations", idsIn(organizations, func(o core.Organization) string { return o.Name }), names),
			same("Locations", idsIn(locations, func(l core.Location) string { return l.Name }), names),
			same("Devices", idsIn(devices, func(d core.Device) string { return d.Hostname }), names),
			same("Applications", idsIn(applications, func(a core.Application) string { return a.Name }), names),
			same("Projects", idsIn(projects, projectName), names), same("count of Projects", n, len(names)),
			same("page of Projects", idsIn(page, projectName), names[2:5]),
			same("APIKeys", idsIn(apiKeys, func(k core.APIKey) string { return k.Name }), names),
			same("Tokens", idsIn(tokens, func(k core.Token) string { return k.Name }), tokenNames),
			same("first use in Tokens", tokens[0].Use, "a"), same("last use in Tokens", tokens[len(tokens)-1].Use, "b"),
		)
	})
}

func projectName(p core.Project) string { return p.Name }

func keyID(k core.Key) core.KeyID { return k.ID }

// entriesOf gives keys the UUIDs of their owners.
func entriesOf(keys []core.Key, owners ...core.Account) []core.KeyEntry {
	var entries []core.KeyEntry
	for _, k := range keys {
		i := slices.IndexFunc(owners, func(a core.Account) bool { return a.ID == k.Owner })
		entries = append(entries, core.KeyEntry{Key: k, OwnerUUID: owners[i].UUID})
	}
	return entries
}

func testKeys(t *testing.T, s core.Store) {
	var ada, bob core.Account
	var one, two, other core.Key
	update(t, s, func(tx core.Tx) error {
		var errs [5]error
		ada, errs[0] = newAccount(t, tx)
		bob, errs[1] = newAccount(t, tx)
		one, errs[2] = newKey(t, tx, ada.ID)
		two, errs[3] = newKey(t, tx, ada.ID)
		other = sample[core.Key](t)
		other.ID, other.Owner, other.Public, other.Name = 0, bob.ID, one.Public, one.Name
		other.ID, errs[4] = insertKey(tx, other)
		return errors.Join(errs[:]...)
	})
	md5, sha256, sha512 := one.Public.MD5(), one.Public.SHA256(), one.Public.SHA512()
	for name, c := range map[string]struct {
		q    core.KeyQuery
		want []core.KeyID
	}{
		"all":               {core.KeyQuery{}, []core.KeyID{one.ID, two.ID, other.ID}},
		"of an owner":       {core.KeyQuery{Where: core.OwnedBy(ada.ID)}, []core.KeyID{one.ID, two.ID}},
		"of nobody":         {core.KeyQuery{Where: core.OwnedBy(9999)}, nil},
		"by MD5":            {core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashMD5, Sum: md5[:]})}, []core.KeyID{one.ID, other.ID}},
		"by SHA-256":        {core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sha256[:]})}, []core.KeyID{one.ID, other.ID}},
		"by SHA-512":        {core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA512, Sum: sha512[:]})}, []core.KeyID{one.ID, other.ID}},
		"by another's":      {core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sha512[:32]})}, nil},
		"by half":           {core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA512, Sum: sha512[:32]})}, nil},
		"by owner and hash": {core.KeyQuery{Where: core.And{core.OwnedBy(bob.ID), core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashMD5, Sum: md5[:]})}}, []core.KeyID{other.ID}},
	} {
		view(t, s, func(tx core.Tx) error {
			got, n, err := tx.Keys(c.q)
			entries, m, failed := tx.KeyEntries(c.q)
			return errors.Join(err, failed, same("Keys "+name, idsIn(got, keyID), c.want), same("count of keys "+name, n, len(c.want)),
				same("KeyEntries "+name, entries, entriesOf(got, ada, bob)), same("count of entries "+name, m, n))
		})
	}
	for offset, want := range [][]core.KeyID{{one.ID}, {other.ID}, nil} { // of the two that a fingerprint finds
		view(t, s, func(tx core.Tx) error {
			q := core.KeyQuery{Where: core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sha256[:]}), Page: core.Page{Offset: offset, Limit: 1}}
			got, n, err := tx.Keys(q)
			return errors.Join(err, same(fmt.Sprint("page from ", offset), idsIn(got, keyID), want), same("count", n, 2))
		})
	}
	view(t, s, func(tx core.Tx) error {
		byOwner, err1 := tx.KeysByOwner(ada.ID)
		byFingerprint, err2 := tx.KeysByFingerprint(sha256)
		ownerKey, err3 := tx.OwnerKey(bob.ID, sha256)
		byName, err4 := tx.OwnerKeyByName(bob.ID, one.Name)
		byUUID, err5 := tx.KeyByUUID(two.UUID)
		wantKind(t, "OwnerKey of another's", fails(tx.OwnerKey(bob.ID, two.Public.SHA256())), core.NotFound)
		wantKind(t, "OwnerKeyByName in another case", fails(tx.OwnerKeyByName(bob.ID, strings.ToLower(one.Name))), core.NotFound)
		return errors.Join(err1, err2, err3, err4, err5,
			same("KeysByOwner", idsIn(byOwner, keyID), []core.KeyID{one.ID, two.ID}),
			same("KeysByFingerprint", idsIn(byFingerprint, keyID), []core.KeyID{one.ID, other.ID}),
			same("OwnerKey", ownerKey.ID, other.ID), same("OwnerKeyByName", byName.ID, other.ID), same("KeyByUUID", byUUID.ID, two.ID))
	})
}

// testKeyOwner asks whether accounts may have a key that one of them has.
func testKeyOwner(t *testing.T, s core.Store) {
	var ada, bob core.Account
	var k core.Key
	update(t, s, func(tx core.Tx) error {
		var errs [7]error
		org, at := core.Organization{UUID: uuid.New(), Name: "acme"}, core.Location{UUID: uuid.New(), Name: "berlin"}
		org.ID, errs[0] = tx.InsertOrganization(org)
		at.ID, errs[1] = tx.InsertLocation(at)
		ada, errs[2] = newAccount(t, tx)
		bob, errs[3] = newAccount(t, tx)
		ada.Organizations, ada.Locations = []core.OrganizationID{org.ID}, []core.LocationID{at.ID}
		ada.Roles.Admin, bob.Roles.Admin = true, false
		errs[4], errs[5] = tx.UpdateAccount(ada), tx.UpdateAccount(bob)
		k, errs[6] = newKey(t, tx, ada.ID)
		return errors.Join(errs[:]...)
	})
	adas := core.KeyOwner{Place: core.Place{ID: ada.ID, Admin: true, Organizations: ada.Organizations, Locations: ada.Locations}, UUID: ada.UUID}
	bobs := core.KeyOwner{Place: core.Place{ID: bob.ID}, UUID: bob.UUID}
	all := core.Uniqueness{Name: true, Key: true}
	with := func(of core.KeyOwner, named, holds bool, other uuid.UUID) core.KeyOwner {
		of.Named, of.Holds, of.Other = named, holds, other
		return of
	}
	upper, another := k, k
	upper.Name, another.Public = strings.ToUpper(k.Name), NewPublicKey(t)
	for what, c := range map[string]struct {
		of   core.AccountID
		k    core.Key
		u    core.Uniqueness
		e    core.Elsewhere
		want core.KeyOwner
	}{
		"nothing asked":       {ada.ID, k, core.Uniqueness{}, core.ElsewhereTaken, adas},
		"all asked":           {ada.ID, k, all, core.ElsewhereFlagged, with(adas, true, true, uuid.UUID{})},
		"name in upper case":  {ada.ID, upper, all, core.ElsewhereTaken, with(adas, false, true, uuid.UUID{})},
		"another of the name": {ada.ID, another, all, core.ElsewhereRefused, with(adas, true, false, uuid.UUID{})},
		"key of another":      {bob.ID, k, all, core.ElsewhereRefused, with(bobs, false, false, ada.UUID)},
		"not asked for it":    {bob.ID, k, all, core.ElsewhereTaken, bobs},
	} {
		c.k.Owner = c.of
		view(t, s, func(tx core.Tx) error {
			got, err := tx.KeyOwner(c.k, c.u, c.e)
			return errors.Join(err, same("KeyOwner, "+what, got, c.want))
		})
	}
	for range 2 { // who looked before he adds gets ids as who did not
		update(t, s, func(tx core.Tx) error {
			last, next := k, another
			next.Owner, next.Name = bob.ID, ""
			if _, err := tx.KeyOwner(next, all, core.ElsewhereTaken); err != nil {
				return err
			}
			for i := range 2 {
				added, err := newKey(t, tx, bob.ID)
				if err != nil || added.ID <= last.ID {
					return errors.Join(err, fmt.Errorf("key %d got the id %d after %d", i, added.ID, last.ID))
				}
				got, err := tx.Key(added.ID)
				if err != nil {
					return err
				}
				if err := same("a key that was added", got, added); err != nil {
					return err
				}
				last = added
			}
			return nil
		})
	}
}

// testDrawnAgain draws short ids that are in use: once, which nobody is to
// notice, and always, which is a conflict.
func testDrawnAgain(t *testing.T, s core.Store) {
	var ada core.Account
	update(t, s, func(tx core.Tx) (err error) {
		ada, err = newAccount(t, tx)
		return err
	})
	for name, change := range map[string]func(context.Context, func(core.Tx) error) error{"update": s.Update, "bulk": s.Bulk} {
		tries := 0
		add := func(id func() string) error {
			tries = 0
			return change(t.Context(), func(tx core.Tx) error {
				tries++
				return fails(tx.InsertAccount(core.Account{UUID: uuid.New(), ShortID: id(), Login: "bob in a " + name}))
			})
		}
		wantKind(t, name+" with a short id in use", add(func() string { return ada.ShortID }), core.Conflict)
		err := add(func() string {
			if tries == 1 {
				return ada.ShortID
			}
			return core.NewShortID()
		})
		if err != nil || tries != 2 {
			t.Errorf("%s that draws again = %v after %d tries, want none after 2", name, err, tries)
		}
	}
}

// testKeyBatches adds keys in one call, more than a statement takes: each has
// the id that it was given, and what is written of it is its own.
func testKeyBatches(t *testing.T, s core.Store) {
	const many = 64 + 16 + 4 + 3
	var ids []core.KeyID
	batch := make([]core.Key, many)
	update(t, s, func(tx core.Tx) error {
		owner, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		for i := range batch {
			batch[i] = sample[core.Key](t)
			batch[i].ID, batch[i].Owner, batch[i].Public = 0, owner.ID, NewPublicKey(t)
		}
		if ids, err = tx.InsertKeys(batch...); err != nil {
			return err
		}
		revisions, evidence := make([]core.Revision, many), make([]core.Evidence, many)
		for i := range batch {
			batch[i].ID = ids[i]
			revisions[i] = core.Revision{Key: batch[i], Action: core.KeyAdded, At: now()}
			evidence[i] = core.Evidence{Key: ids[i], Grade: core.Pasted, At: now(), ClientVersion: fmt.Sprint(i)}
		}
		return errors.Join(tx.InsertRevisions(revisions...), tx.InsertEvidence(evidence...), fails(tx.InsertKeys()))
	})
	view(t, s, func(tx core.Tx) error {
		var errs []error
		for i, want := range batch {
			got, err1 := tx.Key(ids[i])
			revisions, err2 := tx.Revisions(want.UUID)
			evidence, err3 := tx.EvidenceOf(ids[i])
			errs = append(errs, err1, err2, err3, same("key of a batch", got, want))
			if len(revisions) != 1 || revisions[0].Number != 1 || len(evidence) != 1 || evidence[0].ClientVersion != fmt.Sprint(i) {
				errs = append(errs, fmt.Errorf("key %d has revisions %v, evidence %v", i, revisions, evidence))
			}
		}
		return errors.Join(errs...)
	})
	err := s.Update(t.Context(), func(tx core.Tx) error {
		fresh := batch[0]
		fresh.ID, fresh.UUID, fresh.ShortID = 0, uuid.New(), core.NewShortID()
		return fails(tx.InsertKeys(fresh, batch[1]))
	})
	wantKind(t, "InsertKeys with one that is there", err, core.Conflict)
}

// testPages walks through keys in pages while more are added: each of those
// that were there comes once.
func testPages(t *testing.T, s core.Store) {
	const before, size = 23, 5
	var owner core.AccountID
	var want []core.KeyID
	update(t, s, func(tx core.Tx) error {
		a, err := newAccount(t, tx)
		owner, want = a.ID, nil
		for range before {
			k, keyErr := newKey(t, tx, owner)
			err = errors.Join(err, keyErr)
			want = append(want, k.ID)
		}
		return err
	})
	var got []core.KeyID
	for offset := 0; len(got) < before; offset += size {
		view(t, s, func(tx core.Tx) error {
			page, n, err := tx.Keys(core.KeyQuery{Where: core.OwnedBy(owner), Page: core.Page{Offset: offset, Limit: size}})
			if len(page) != size || n < before {
				return fmt.Errorf("page at %d has %d keys of %d, error %w", offset, len(page), n, err)
			}
			got = append(got, idsIn(page, keyID)...)
			return err
		})
		update(t, s, func(tx core.Tx) error { return fails(newKey(t, tx, owner)) })
	}
	if err := same("keys in pages", got[:before], want); err != nil {
		t.Error(err)
	}
	view(t, s, func(tx core.Tx) error {
		beyond, n, err := tx.Keys(core.KeyQuery{Page: core.Page{Offset: 1000, Limit: size}})
		rest, _, restErr := tx.Keys(core.KeyQuery{Page: core.Page{Offset: before}})
		return errors.Join(err, restErr, same("keys beyond the end", len(beyond), 0), same("keys without limit", len(rest), n-before))
	})
}

func testRevisions(t *testing.T, s core.Store) {
	var k core.Key
	update(t, s, func(tx core.Tx) error {
		a, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		k, err = newKey(t, tx, a.ID)
		return err
	})
	for i, action := range []core.RevisionAction{core.KeyAdded, core.KeyChanged, core.KeyChanged, core.KeyRemoved} {
		update(t, s, func(tx core.Tx) error {
			changed := k
			changed.Name = fmt.Sprint("name ", i)
			err := tx.InsertRevisions(core.Revision{Key: changed, Action: action, Number: 77}) // the number is the store's
			if action == core.KeyRemoved {
				err = errors.Join(err, tx.DeleteKey(k.ID))
			}
			return err
		})
	}
	all := found(t, s, func(tx core.Tx) ([]core.Revision, error) { return tx.Revisions(k.UUID) })
	for i, r := range all {
		if r.Number != i+1 || r.Key.Name != fmt.Sprint("name ", i) || r.Key.ID != k.ID {
			t.Errorf("revision %d is number %d, of key %d named %q", i, r.Number, r.Key.ID, r.Key.Name)
		}
	}
	if len(all) != 4 {
		t.Errorf("%d revisions outlive their key, want 4", len(all))
	}
}

func testSessions(t *testing.T, s core.Store) {
	var mine, others core.Project
	var want []core.SessionID // of mine, newest first
	at := now()
	update(t, s, func(tx core.Tx) error {
		var errs []error
		var err error
		mine, err = newProject(t, tx)
		errs = append(errs, err)
		others, err = newProject(t, tx)
		errs, want = append(errs, err), nil
		add := func(p core.Project, kind core.SessionKind, created time.Time) core.SessionID {
			v := core.Session{UUID: uuid.New(), Project: p.ID, Kind: kind, Identifier: string(randomLetters()), CreatedAt: created}
			id, err := tx.InsertSession(v)
			errs = append(errs, err)
			return id
		}
		old := add(mine, core.CollectSession, at)
		tied := add(mine, core.CollectSession, at)
		newest := add(mine, core.CollectSession, at.Add(time.Microsecond))
		oldest := add(mine, core.VerifySession, at.Add(-time.Hour))
		add(others, core.CollectSession, at.Add(time.Hour))
		want = []core.SessionID{newest, tied, old, oldest}
		return errors.Join(errs...)
	})
	for name, c := range map[string]struct {
		q    core.SessionQuery
		want []core.SessionID
		n    int
	}{
		"of a project":   {core.SessionQuery{Project: mine.ID}, want, 4},
		"of a kind":      {core.SessionQuery{Project: mine.ID, Kind: core.CollectSession}, want[:3], 3},
		"of the other":   {core.SessionQuery{Project: mine.ID, Kind: core.VerifySession}, want[3:], 1},
		"in a page":      {core.SessionQuery{Project: mine.ID, Page: core.Page{Offset: 1, Limit: 2}}, want[1:3], 4},
		"of all of kind": {core.SessionQuery{Kind: core.VerifySession}, want[3:], 1},
		"of all":         {core.SessionQuery{Page: core.Page{Offset: 1}}, want, 5},
	} {
		view(t, s, func(tx core.Tx) error {
			got, n, err := tx.Sessions(c.q)
			ids := idsIn(got, func(s core.Session) core.SessionID { return s.ID })
			return errors.Join(err, same("Sessions "+name, ids, c.want), same("count of sessions "+name, n, c.n))
		})
	}
	testConnections(t, s, mine.ID)
}

func testConnections(t *testing.T, s core.Store, project core.ProjectID) {
	var session, other core.Session
	var keys []core.CollectedKey
	update(t, s, func(tx core.Tx) error {
		var errs [4]error
		session, errs[0] = newSession(t, tx, project)
		other, errs[1] = newSession(t, tx, project)
		keys = nil
		for range 3 {
			keys = append(keys, core.CollectedKey{UUID: uuid.New(), Public: NewPublicKey(t), CreatedAt: now()})
		}
		for i, of := range []core.SessionID{session.ID, other.ID, session.ID, session.ID} {
			c, err := newConnection(t, tx, of)
			errs[2] = errors.Join(errs[2], err)
			if i == 2 {
				errs[3] = tx.InsertCollectedKeys(c.ID, keys)
			}
		}
		return errors.Join(errs[:]...)
	})
	got := found(t, s, func(tx core.Tx) ([]core.Connection, error) { return tx.Connections(session.ID) })
	if len(got) != 3 || len(got[0].Keys) != 0 || len(got[1].Keys) != 3 || len(got[2].Keys) != 0 {
		t.Fatalf("connections %+v, want 3 with the keys at the second", got)
	}
	if !slices.IsSortedFunc(got, func(a, b core.Connection) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Error("connections do not come by arrival")
	}
	for i, k := range got[1].Keys {
		if k.UUID != keys[i].UUID || !k.Public.Equal(keys[i].Public) {
			t.Errorf("key %d is %v, want %v: they come in order", i, k.UUID, keys[i].UUID)
		}
	}
}

// insertDelivery stores a delivery and gives it its id.
func insertDelivery(tx core.Tx, d core.Delivery) (core.Delivery, error) {
	if err := tx.InsertDeliveries([]core.Delivery{d}); err != nil {
		return d, err
	}
	stored, err := tx.DeliveryByUUID(d.UUID)
	d.ID = stored.ID
	return d, err
}

// testDeliveries wants the rules by which deliveries come due.
func testDeliveries(t *testing.T, s core.Store) {
	at := now()
	var first, second, third, leased, later core.Delivery
	update(t, s, func(tx core.Tx) error {
		var errs []error
		session, err := sessionOfNewProject(t, tx)
		errs = append(errs, err)
		hook := func() core.Webhook {
			w, err := newWebhook(t, tx, session.ID)
			errs = append(errs, err)
			return w
		}
		deliver := func(w core.Webhook, next, leased time.Time) core.Delivery {
			d := core.Delivery{
				UUID: uuid.New(), Webhook: w.ID, Project: session.Project, State: core.DeliveryPending, Receiver: "a.example.org:8443",
				NextAt: next, LeasedUntil: leased, CreatedAt: at,
			}
			d, err := insertDelivery(tx, d)
			errs = append(errs, err)
			return d
		}
		one, two, three := hook(), hook(), hook()
		first = deliver(one, at.Add(-time.Second), at)
		second = deliver(one, at.Add(-2*time.Second), at) // due earlier, but behind the first
		third = deliver(two, at.Add(-3*time.Second), at)
		leased = deliver(three, at.Add(-4*time.Second), at.Add(time.Minute))
		later = deliver(two, at.Add(time.Hour), at)
		return errors.Join(errs...)
	})
	underWay := func(now time.Time, want map[string]int) {
		t.Helper()
		got := found(t, s, func(tx core.Tx) (map[string]int, error) { return tx.LeasedDeliveries(now) })
		if err := same("LeasedDeliveries", got, want); err != nil {
			t.Error(err)
		}
	}
	underWay(at, map[string]int{"a.example.org:8443": 1})
	underWay(at.Add(time.Minute), nil)
	due := func(want ...core.DeliveryID) {
		t.Helper()
		got := found(t, s, func(tx core.Tx) ([]core.Delivery, error) { return tx.DueDeliveries(at, 16, 10) })
		ids := idsIn(got, func(d core.Delivery) core.DeliveryID { return d.ID })
		if err := same("DueDeliveries", ids, want); err != nil {
			t.Error(err)
		}
	}
	due(third.ID, first.ID)
	first.State = core.DeliveryDelivered
	leased.LeasedUntil = at
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.UpdateDelivery(first), tx.UpdateDelivery(leased)) })
	due(leased.ID, third.ID, second.ID)
	third.State, second.State, leased.State = core.DeliveryDelivered, core.DeliveryFailed, core.DeliveryDelivered
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.UpdateDelivery(second), tx.UpdateDelivery(third), tx.UpdateDelivery(leased))
	})
	due()
	next := found(t, s, func(tx core.Tx) (time.Time, error) { return tx.NextDelivery() })
	if !next.Equal(later.NextAt) {
		t.Errorf("NextDelivery() = %v, want %v", next, later.NextAt)
	}
}

func testAudit(t *testing.T, s core.Store) {
	at := now()
	const many = 120
	update(t, s, func(tx core.Tx) error {
		var list []core.AuditEvent
		for i := range many {
			list = append(list, core.AuditEvent{At: at.Add(time.Duration(i) * time.Second), Object: fmt.Sprint("key ", i%2), Action: fmt.Sprint(i)})
		}
		return tx.InsertAuditEvents(list...)
	})
	ask := func(q core.AuditQuery) []core.AuditEvent {
		return found(t, s, func(tx core.Tx) ([]core.AuditEvent, error) { return tx.AuditEvents(q) })
	}
	newest := ask(core.AuditQuery{})
	if len(newest) != 100 || newest[0].Action != "119" || newest[99].Action != "20" {
		t.Fatalf("%d events without a limit, want the newest 100", len(newest))
	}
	if rest := ask(core.AuditQuery{Before: newest[99].ID}); len(rest) != 20 || rest[0].Action != "19" {
		t.Errorf("%d events before the first page, want 20", len(rest))
	}
	if since := ask(core.AuditQuery{Since: at.Add(115 * time.Second)}); len(since) != 5 || since[4].Action != "115" {
		t.Errorf("%d events since a moment, want the 5 from then on", len(since))
	}
	odd := ask(core.AuditQuery{Object: "key 1", Limit: 3})
	if actions := idsIn(odd, func(e core.AuditEvent) string { return e.Action }); !slices.Equal(actions, []string{"119", "117", "115"}) {
		t.Errorf("events of an object are %v, want 119 117 115", actions)
	}
}

func testSettings(t *testing.T, s core.Store) {
	want := map[string]string{"face.a": "1", "face.b": `{"x": "Ünï '"}`, "face.": "", "face_c": "no", "facf": "no", "Face.d": "no", "%": "no"}
	update(t, s, func(tx core.Tx) error {
		for name, value := range want {
			if err := errors.Join(tx.PutSetting(name, "old"), tx.PutSetting(name, value)); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutSetting("gone", "x"), tx.DeleteSetting("gone"), tx.DeleteSetting("never there"))
	})
	view(t, s, func(tx core.Tx) error {
		value, err := tx.Setting("face.b")
		all, allErr := tx.Settings("")
		faces, facesErr := tx.Settings("face.")
		percent, percentErr := tx.Settings("%")
		return errors.Join(err, allErr, facesErr, percentErr, same("Setting", value, want["face.b"]), same("Settings", all, want),
			same("Settings with a prefix", faces, map[string]string{"face.a": "1", "face.b": want["face.b"], "face.": ""}),
			same("Settings with %", percent, map[string]string{"%": "no"}))
	})
}

// testRemoval removes things that others hang on.
func testRemoval(t *testing.T, s core.Store) {
	update(t, s, func(tx core.Tx) error {
		account, err := newAccount(t, tx)
		if err != nil {
			return err
		}
		k, err := newKey(t, tx, account.ID)
		return errors.Join(err,
			tx.InsertEvidence(core.Evidence{Key: k.ID, Grade: core.Offered}),
			tx.InsertRevisions(core.Revision{Key: k}),
			tx.DeleteKey(k.ID),
			empty(tx.EvidenceOf(k.ID)), empty(tx.KeysByOwner(account.ID)), empty(tx.KeysByFingerprint(k.Public.SHA256())))
	})
	update(t, s, func(tx core.Tx) error {
		session, err := sessionOfNewProject(t, tx)
		if err != nil {
			return err
		}
		c, err1 := newConnection(t, tx, session.ID)
		w, err2 := newWebhook(t, tx, session.ID)
		wanted := core.WantedKey{UUID: uuid.New(), Session: session.ID, Public: NewPublicKey(t)}
		var err3, err4 error
		wanted.ID, err3 = tx.InsertWantedKey(wanted)
		d := core.Delivery{UUID: uuid.New(), Webhook: w.ID, Project: session.Project}
		d, err4 = insertDelivery(tx, d)
		collected := core.CollectedKey{UUID: uuid.New(), Public: wanted.Public, Wanted: wanted.ID}
		err = errors.Join(err1, err2, err3, err4,
			tx.InsertCollectedKeys(c.ID, []core.CollectedKey{collected}), tx.InsertAttempt(d.ID, core.Attempt{Number: 1}),
			tx.DeleteWantedKey(wanted.ID))
		if err != nil {
			return err
		}
		all, err := tx.Connections(session.ID)
		if err != nil || len(all[0].Keys) != 1 || all[0].Keys[0].Wanted != 0 {
			return fmt.Errorf("the record of a removed wanted key is %+v, error %w", all, err)
		}
		err = errors.Join(tx.DeleteSession(session.ID),
			empty(tx.Connections(session.ID)), empty(tx.Webhooks(session.ID)), empty(tx.WantedKeys(session.ID)), empty(tx.Attempts(d.ID)))
		wantKind(t, "Connection of a removed session", fails(tx.Connection(c.ID)), core.NotFound)
		wantKind(t, "Delivery of a removed session", fails(tx.Delivery(d.ID)), core.NotFound)
		return err
	})
}

// testText sends text that PostgreSQL cannot hold: it is found nowhere and
// refused, by both.
func testText(t *testing.T, s core.Store) {
	for _, text := range []string{"a\x00b", "\xff", "\xed\xa0\x80", "a\xc3"} {
		view(t, s, func(tx core.Tx) error {
			wantKind(t, fmt.Sprintf("AccountByLogin(%q)", text), fails(tx.AccountByLogin(text)), core.NotFound)
			wantKind(t, fmt.Sprintf("VisitedByIdentifier(%q)", text), fails(tx.VisitedByIdentifier(text)), core.NotFound)
			wantKind(t, fmt.Sprintf("Setting(%q)", text), fails(tx.Setting(text)), core.NotFound)
			return errors.Join(empty(tx.AccountsByEmail(text)), empty(tx.AuditEvents(core.AuditQuery{Object: text})))
		})
		err := s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting("name", text) })
		wantKind(t, fmt.Sprintf("PutSetting(%q)", text), err, core.Invalid)
		err = s.Update(t.Context(), func(tx core.Tx) error {
			return fails(tx.InsertAccount(core.Account{UUID: uuid.New(), Login: text}))
		})
		wantKind(t, fmt.Sprintf("InsertAccount(%q)", text), err, core.Invalid)
		optional := text
		err = s.Update(t.Context(), func(tx core.Tx) error {
			p, err := newProject(t, tx)
			if err != nil {
				return err
			}
			return fails(tx.InsertSession(core.Session{UUID: uuid.New(), Project: p.ID, Banner: &optional}))
		})
		wantKind(t, fmt.Sprintf("InsertSession(banner %q)", text), err, core.Invalid)
	}
	long := strings.Repeat("鍵", 1<<20)
	update(t, s, func(tx core.Tx) error { return tx.PutSetting("long", long) })
	if got := found(t, s, func(tx core.Tx) (string, error) { return tx.Setting("long") }); got != long {
		t.Errorf("a text of %d bytes came back with %d", len(long), len(got))
	}
}
