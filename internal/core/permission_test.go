package core_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// matrix says what each use case answers each actor: a row for each method of
// [core.Service] that takes an actor.
//
//	.  does it
//	D  Denied
//	N  NotFound, in the same words as if nothing were there
//
// The rows are about objects of account "owner" and of project "own", the
// session and its webhook among them. "stale" is an administrator whose account
// was disabled after the actor was made: an actor holds for its one request.
const matrix = `
                   nobody visitor host other owner support admin stale foreign own operator system
AccountRef           N      N      N     N     .      .      .     .      N     N      .       .
Accounts             D      D      D     .     .      .      .     .      D     D      .       .
AddAccount           D      D      D     D     D      D      .     .      D     D      .       .
AddAPIKey            D      D      D     D     D      D      .     .      D     D      .       .
AddApplication       D      D      D     D     D      D      .     .      D     D      .       .
AddAuthorization     D      D      D     D     D      D      .     .      D     D      .       .
AddKey               D      D      D     D     .      D      .     .      D     D      .       .
AddProject           D      D      D     D     D      D      .     .      D     D      .       .
AddToken             D      D      D     D     D      D      .     .      D     D      .       .
AddUser              D      D      D     D     D      D      .     .      D     D      .       .
AddUserKey           D      D      D     D     .      D      .     .      D     D      .       .
AddUserToken         D      D      D     D     .      D      .     .      D     D      .       .
AddWebhook           N      N      N     N     N      D      .     .      N     .      .       .
APIKeys              D      D      D     D     D      .      .     .      D     D      .       .
Application          D      D      D     D     D      .      .     .      D     D      .       .
Applications         D      D      D     D     D      .      .     .      D     D      .       .
Apply                D      D      D     D     D      D      .     .      D     D      .       .
AuditEvents          D      D      D     D     D      .      .     .      D     D      .       .
AuthorizedKeys       D      D      .     D     D      .      .     .      D     D      .       .
Bootstrap            D      D      D     D     D      D      D     D      D     D      D       .
ChangeAuthorization  D      D      D     D     D      D      .     .      D     D      .       .
ChangeSession        N      N      N     N     N      D      .     .      N     .      .       .
ChangeUser           D      D      D     D     .      D      .     .      D     D      .       .
ChangeWebhook        N      N      N     N     N      D      .     .      N     .      .       .
CheckKey             D      D      D     D     .      D      .     .      D     D      .       .
ClaimDeliveries      D      D      D     D     D      D      D     D      D     D      D       .
CompleteSession      N      N      N     N     N      D      .     .      N     .      .       .
ConfirmSecondFactor  D      D      D     D     D      D      .     .      D     D      .       .
Connect              .      .      .     .     .      .      .     .      .     .      .       .
CreateSession        D      D      D     D     D      D      D     D      .     .      D       D
Custodies            D      D      D     D     D      .      .     .      D     D      .       .
DeleteSession        N      N      N     N     N      D      .     .      N     .      .       .
Deliveries           D      D      D     D     D      .      .     .      D     D      .       .
Device               D      D      D     D     D      .      .     .      D     D      .       .
Devices              D      D      D     D     D      .      .     .      D     D      .       .
EndToken             D      D      D     .     .      .      .     .      D     D      D       D
EnrolSecondFactor    D      D      D     D     D      D      .     .      D     D      .       .
EnsureSigningKey     D      D      D     D     D      D      D     D      D     D      D       .
ExpireSessions       D      D      D     D     D      D      D     D      D     D      D       .
Finish               .      .      .     .     .      .      .     .      .     .      .       .
Impersonate          D      D      D     D     D      D      .     .      D     D      D       D
ImportKeys           D      D      D     D     D      D      .     .      D     D      .       .
Invite               D      D      D     D     D      D      .     .      D     D      .       .
Key                  N      N      N     N     .      .      .     .      N     N      .       .
KeyEntries           D      D      D     .     .      .      .     .      D     D      .       .
KeyEntry             N      N      N     N     .      .      .     .      N     N      .       .
KeyHistory           D      D      D     D     D      .      .     .      D     D      .       .
Keys                 D      D      D     .     .      .      .     .      D     D      .       .
KeyVersionAt         D      D      D     D     D      .      .     .      D     D      .       .
Locations            D      D      D     D     D      .      .     .      D     D      .       .
LocationsOf          D      D      D     .     .      .      .     .      D     D      .       .
LoginToken           D      D      D     .     .      .      .     .      D     D      D       D
ManagedKey           D      D      D     D     D      .      .     .      D     D      .       .
ManagedKeyRef        D      D      D     D     D      .      .     .      D     D      .       .
ManagedKeys          D      D      D     D     D      .      .     .      D     D      .       .
ManagedKeyVersions   D      D      D     D     D      .      .     .      D     D      .       .
NextDelivery         D      D      D     D     D      D      D     D      D     D      D       .
Organizations        D      D      D     D     D      .      .     .      D     D      .       .
OrganizationsOf      D      D      D     .     .      .      .     .      D     D      .       .
OwnerHas             D      D      D     D     .      D      .     .      D     D      .       .
OwnProject           D      D      D     D     D      D      D     D      .     .      D       D
OwnToken             .      .      .     .     .      .      .     .      .     .      .       .
Policies             D      D      D     D     D      .      .     .      D     D      .       .
Projects             D      D      D     D     D      .      .     .      D     D      .       .
PruneAccess          D      D      D     D     D      D      D     D      D     D      D       .
PruneDeliveries      D      D      D     D     D      D      D     D      D     D      D       .
PruneMade            D      D      D     D     D      D      D     D      D     D      D       .
PruneTickets         D      D      D     D     D      D      D     D      D     D      D       .
RecordAttempt        D      D      D     D     D      D      D     D      D     D      D       .
RecordVaultChange    D      D      D     D     D      D      .     .      D     D      .       .
ReleaseCustody       D      D      D     D     D      D      .     .      D     D      .       .
Remove               N      N      N     N     .      .      .     .      N     N      .       .
RemoveAPIKey         D      D      D     D     D      D      .     .      D     D      .       .
RemoveApplication    D      D      D     D     D      D      .     .      D     D      .       .
RemoveAuthorization  D      D      D     D     D      D      .     .      D     D      .       .
RemoveDevice         D      D      D     D     D      D      .     .      D     D      .       .
RemoveKey            N      N      N     N     .      D      .     .      N     N      .       .
RemoveSecondFactor   D      D      D     D     D      D      .     .      D     D      .       .
RemoveToken          D      D      D     D     D      D      .     .      D     D      .       .
RemoveUser           D      D      D     D     D      D      .     .      D     D      .       .
RemoveUserKey        D      D      D     D     .      D      .     .      D     D      .       .
RemoveWebhook        N      N      N     N     N      D      .     .      N     .      .       .
ReplayDelivery       D      D      D     D     D      D      .     .      D     D      .       .
Reseal               D      D      D     D     D      D      .     .      D     D      .       .
RevealManagedKey     D      D      D     D     D      D      .     .      D     D      .       .
RevokeUserToken      D      D      D     D     .      D      .     .      D     D      .       .
RotateSigningKey     D      D      D     D     D      D      .     .      D     D      .       .
RotateAuthorization  D      D      D     D     D      D      .     .      D     D      .       .
SaveDevice           D      D      D     D     D      D      .     .      D     D      .       .
SaveManagedKey       D      D      D     D     D      D      .     .      D     D      .       .
SealedCounts         D      D      D     D     D      .      .     .      D     D      .       .
SecondFactor         N      N      N     N     .      .      .     .      N     N      .       .
Session              N      N      N     N     N      .      .     .      N     .      .       .
Sessions             D      D      D     D     D      .      .     .      .     .      .       .
SetAccountDisabled   D      D      D     D     D      D      .     .      D     D      .       .
SetApplicationDisabled D      D      D     D     D      D      .     .      D     D      .       .
SetDeviceEnabled     D      D      D     D     D      D      .     .      D     D      .       .
SetManagedKeyEnabled D      D      D     D     D      D      .     .      D     D      .       .
SetPassword          D      D      D     D     D      D      .     .      D     D      .       .
SetRights            D      D      D     D     D      D      .     .      D     D      .       .
ShareKey             D      D      D     D     D      D      .     .      D     D      .       .
SignIn               D      D      D     .     .      .      .     .      D     D      D       D
SigningKeys          D      D      D     D     D      .      .     .      D     D      .       .
Tokens               N      N      N     N     .      .      .     .      N     N      .       .
UnshareKey           D      D      D     D     D      D      .     .      D     D      .       .
User                 D      D      D     D     .      .      .     .      D     D      .       .
UserID               D      D      D     D     .      .      .     .      D     D      .       .
UserKey              D      D      D     D     .      .      .     .      D     D      .       .
UserKeys             D      D      D     D     .      .      .     .      D     D      .       .
Users                D      D      D     D     D      .      .     .      D     D      .       .
UserToken            D      D      D     D     .      .      .     .      D     D      .       .
UserTokens           D      D      D     D     .      .      .     .      D     D      .       .
Webhook              N      N      N     N     N      .      .     .      N     .      .       .
Webhooks             N      N      N     N     N      .      .     .      N     .      .       .
WebhookSecret        D      D      D     D     D      D      .     .      D     D      .       .
`

// authentication is what makes actors, and so takes none; FaceSettings are for
// the face itself, before it knows who asks.
var authentication = []string{
	"AuthenticateAPIKey", "AuthenticateAccessToken", "AuthenticateBasic", "AuthenticateMapped",
	"AuthenticateOAuth1", "AuthenticatePassword", "AuthenticateTicket", "AuthenticateToken", "IssueAccessToken",
	"FaceSettings", "LogIn", "RefreshTicket", "ResumeSignIn", "UseNonce",
}

// objects are what the use cases of the matrix are about.
type objects struct {
	application       string // with an authorization "job", OAuth 1.0 and 2.0
	login, project    string // with a token "t" for Waldur, an API key "k"
	account           core.AccountID
	accountID         uuid.UUID
	key               uuid.UUID
	personal          core.TokenID // the token "p" of the account
	session           core.Session
	webhook           uuid.UUID
	connection        core.Connection
	delivered         uuid.UUID
	pending           core.DeliveryID
	managed           core.ManagedKeyID
	device, spare     string // with and without a key
	holder            string // who has the key
	newName, newLogin string
	code              string // of the account's second factor, unconfirmed
}

// nowhere has the names of nothing that is there.
func nowhere() objects {
	return objects{
		application: "nowhere", login: "nowhere", project: "nowhere", account: 1 << 40, accountID: uuid.New(), key: uuid.New(),
		session: core.Session{UUID: uuid.New(), Kind: core.CollectSession, Identifier: core.NewIdentifier()},
		webhook: uuid.New(), connection: core.Connection{ID: 1 << 40, Session: 1 << 40}, personal: 1 << 40, delivered: uuid.New(), pending: 1 << 40,
		managed: 1 << 40, device: "nowhere", spare: "nowhere", holder: "nobody",
		newName: "new", newLogin: "new",
	}
}

// calls has one call for each row of the matrix, which succeeds for who may.
var calls = map[string]func(ctx context.Context, s *core.Service, by core.Actor, o objects) error{
	"AccountRef": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AccountRef(ctx, by, o.login))
	},
	"Accounts": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return third(s.Accounts(ctx, by, core.AccountQuery{}))
	},
	"AddAPIKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddAPIKey(ctx, by, core.NewAPIKey{Project: o.project, Name: o.newName}))
	},
	"ImportKeys": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ImportKeys(ctx, by, []core.ImportedKey{{Owner: o.newLogin, Name: "k", Text: keyText}}, true))
	},
	"AddAccount": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddAccount(ctx, by, core.NewAccount{Login: o.newLogin, Email: "new@example.org", Password: "a new password"}))
	},
	"AddKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddKey(ctx, by, core.NewKey{
			Owner: o.account, Name: o.newName, Text: keyText, Unique: core.Uniqueness{Name: true, Key: true},
		}))
	},
	"AddProject": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddProject(ctx, by, core.NewProject{Name: o.newName, Organization: "acme"}))
	},
	"AddToken": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddToken(ctx, by, core.NewToken{Account: o.login, Name: o.newName, Use: core.UseHost}))
	},
	"AddWebhook": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddWebhook(ctx, by, core.CollectSession, o.session.UUID, core.NewWebhook{URL: "https://example.org"}))
	},
	"APIKeys": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.APIKeys(ctx, by, o.project))
	},
	"AddApplication": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddApplication(ctx, by, core.DesiredApplication{Name: o.newName}))
	},
	"AddAuthorization": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddAuthorization(ctx, by, o.application, core.DesiredAuthorization{
			Name: o.newName, Permission: core.ReadOnly, OAuth2: &core.DesiredOAuth2{},
		}))
	},
	"Application": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Application(ctx, by, o.application))
	},
	"ChangeAuthorization": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.ChangeAuthorization(ctx, by, o.application, "job", core.AuthorizationChange{
			Disabled: core.To(true), Assign: []string{"web"},
		})
	},
	"PruneAccess": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.PruneAccess(ctx, by, 10))
	},
	"RemoveApplication": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveApplication(ctx, by, o.application)
	},
	"RemoveAuthorization": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveAuthorization(ctx, by, o.application, "job")
	},
	"RotateAuthorization": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.RotateAuthorization(ctx, by, o.application, "job"))
	},
	"SetApplicationDisabled": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.SetApplicationDisabled(ctx, by, o.application, true)
	},
	"Applications": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Applications(ctx, by))
	},
	"Apply": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Apply(ctx, by, anotherWorld(), false))
	},
	"AuditEvents": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.AuditEvents(ctx, by, core.AuditQuery{}))
	},
	"AuthorizedKeys": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AuthorizedKeys(ctx, by, o.login, sshkey.Fingerprint{}))
	},
	"Bootstrap": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Bootstrap(ctx, by))
	},
	"ChangeSession": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ChangeSession(ctx, by, core.CollectSession, o.session.UUID, core.SessionChange{MultiKey: core.To(false)}))
	},
	"ChangeWebhook": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ChangeWebhook(ctx, by, core.CollectSession, o.session.UUID, o.webhook, core.WebhookChange{Retries: core.To(3)}))
	},
	"CheckKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.CheckKey(ctx, by, core.NewKey{Owner: o.account, Name: o.newName, Text: keyText, Unique: core.Uniqueness{Key: true}})
	},
	"ClaimDeliveries": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.ClaimDeliveries(ctx, by, time.Minute, 10))
	},
	"CompleteSession": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.CompleteSession(ctx, by, core.CollectSession, o.session.UUID))
	},
	"ConfirmSecondFactor": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.ConfirmSecondFactor(ctx, by, o.accountID, o.code)
	},
	"Connect": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Connect(ctx, by, o.session.Identifier, clientVersion))
	},
	"CreateSession": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.CreateSession(ctx, by, core.NewSession{
			Kind: core.VerifySession, Wanted: []core.NewWantedKey{{PublicKey: keyText}}, MaxAttempts: 1,
			Webhooks: []core.NewWebhook{{URL: "https://example.org"}},
		}))
	},
	"DeleteSession": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.DeleteSession(ctx, by, core.CollectSession, o.session.UUID)
	},
	"Deliveries": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Deliveries(ctx, by, core.DeliveryQuery{}))
	},
	"Devices": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Devices(ctx, by))
	},
	"EnrolSecondFactor": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.EnrolSecondFactor(ctx, by, o.accountID))
	},
	"EnsureSigningKey": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return s.EnsureSigningKey(ctx, by)
	},
	"ExpireSessions": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.ExpireSessions(ctx, by, 10))
	},
	"Finish": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		_, err := s.Finish(ctx, by, o.connection, []core.CollectedKey{{Public: mustParse(keyText), Proven: true}})
		return err
	},
	"Invite": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Invite(ctx, by, o.login, time.Hour))
	},
	"Key": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Key(ctx, by, o.key))
	},
	"Keys": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.Keys(ctx, by, core.KeyQuery{Where: core.OwnedBy(o.account)}))
	},
	"Locations": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Locations(ctx, by))
	},
	"NextDelivery": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.NextDelivery(ctx, by))
	},
	"Organizations": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Organizations(ctx, by))
	},
	"OwnProject": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.OwnProject(ctx, by))
	},
	"Projects": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return third(s.Projects(ctx, by, core.Page{}))
	},
	"PruneDeliveries": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.PruneDeliveries(ctx, by))
	},
	"PruneMade": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.PruneMade(ctx, by))
	},
	"PruneTickets": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.PruneTickets(ctx, by))
	},
	"RecordAttempt": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RecordAttempt(ctx, by, o.pending, core.Attempt{Number: 1, Gone: true, Reason: "gone"}, time.Time{})
	},
	"RemoveAPIKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveAPIKey(ctx, by, o.project, "k")
	},
	"RemoveKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveKey(ctx, by, o.key, "lost")
	},
	"RemoveSecondFactor": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveSecondFactor(ctx, by, o.accountID)
	},
	"RemoveToken": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveToken(ctx, by, o.login, core.UseWaldur, "t")
	},
	"RemoveWebhook": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveWebhook(ctx, by, core.CollectSession, o.session.UUID, o.webhook)
	},
	"ReplayDelivery": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.ReplayDelivery(ctx, by, o.delivered)
	},
	"RotateSigningKey": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.RotateSigningKey(ctx, by, true))
	},
	"SecondFactor": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SecondFactor(ctx, by, o.accountID))
	},
	"Session": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Session(ctx, by, core.CollectSession, o.session.UUID))
	},
	"Sessions": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return third(s.Sessions(ctx, by, core.CollectSession, core.Page{Limit: 10}))
	},
	"SetAccountDisabled": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SetAccountDisabled(ctx, by, o.accountID, true))
	},
	"SetPassword": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.SetPassword(ctx, by, o.accountID, "another password")
	},
	"SigningKeys": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.SigningKeys(ctx, by))
	},
	"Tokens": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Tokens(ctx, by, o.login))
	},
	"Custodies": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Custodies(ctx, by, o.managed))
	},
	"Device": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Device(ctx, by, o.device))
	},
	"ManagedKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ManagedKey(ctx, by, o.managed))
	},
	"ManagedKeyRef": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ManagedKeyRef(ctx, by, fmt.Sprint(o.managed)))
	},
	"ManagedKeyVersions": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ManagedKeyVersions(ctx, by, o.managed))
	},
	"ManagedKeys": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return third(s.ManagedKeys(ctx, by, core.ManagedKeyQuery{}))
	},
	"Policies": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Policies(ctx, by))
	},
	"RecordVaultChange": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return s.RecordVaultChange(ctx, by, "rotate", "")
	},
	"ReleaseCustody": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		if by.Kind() == core.ActorApplication {
			return s.ReleaseCustody(ctx, by, o.managed, "")
		}
		return s.ReleaseCustody(ctx, by, o.managed, o.holder)
	},
	"RemoveDevice": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.RemoveDevice(ctx, by, o.spare)
	},
	"Reseal": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.Reseal(ctx, by, core.SealedPrivateKeys, 0, 10))
	},
	"RevealManagedKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.RevealManagedKey(ctx, by, o.managed, 0))
	},
	"SaveDevice": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.SaveDevice(ctx, by, core.DeviceChange{Hostname: o.newName, Address: core.To("10.0.0.9")}))
	},
	"SaveManagedKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SaveManagedKey(ctx, by, managedKey("web", o.device)))
	},
	"SealedCounts": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.SealedCounts(ctx, by))
	},
	"SetDeviceEnabled": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SetDeviceEnabled(ctx, by, o.device, false))
	},
	"SetManagedKeyEnabled": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SetManagedKeyEnabled(ctx, by, o.managed, false))
	},
	"Webhook": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Webhook(ctx, by, core.CollectSession, o.session.UUID, o.webhook))
	},
	"WebhookSecret": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.WebhookSecret(ctx, by, o.project))
	},
	"Webhooks": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Webhooks(ctx, by, core.CollectSession, o.session.UUID))
	},
	"EndToken": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return s.EndToken(ctx, by)
	},
	"Impersonate": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.Impersonate(ctx, by, o.login))
	},
	"KeyEntries": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.KeyEntries(ctx, by, core.KeyQuery{Where: core.OwnedBy(o.account)}))
	},
	"KeyEntry": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.KeyEntry(ctx, by, o.key, nil))
	},
	"KeyHistory": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.KeyHistory(ctx, by, core.RevisionQuery{Key: o.key}))
	},
	"KeyVersionAt": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.KeyVersionAt(ctx, by, o.key, time.Now().AddDate(100, 0, 0)))
	},
	"LoginToken": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.LoginToken(ctx, by, core.UseWaldur, time.Hour))
	},
	"OwnToken": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.OwnToken(ctx, by))
	},
	"Remove": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.Remove(ctx, by, core.Removal{Key: o.key, BySupport: true})
	},
	"ShareKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.ShareKey(ctx, by, o.key)
	},
	"UnshareKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return s.UnshareKey(ctx, by, o.key)
	},
	"AddUser": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddUser(ctx, by, core.UserChange{Login: core.To(o.newLogin)}))
	},
	"AddUserKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.AddUserKey(ctx, by, core.Scope{}, core.NewKey{Owner: o.account, Name: o.newName, Text: keyText}))
	},
	"AddUserToken": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.AddUserToken(ctx, by, core.Scope{}, o.account, o.newName, time.Time{}))
	},
	"ChangeUser": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.ChangeUser(ctx, by, core.Scope{}, o.account, core.UserChange{Description: core.To("new")}))
	},
	"LocationsOf": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.LocationsOf(ctx, by))
	},
	"OrganizationsOf": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.OrganizationsOf(ctx, by))
	},
	"OwnerHas": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.OwnerHas(ctx, by, core.Scope{}, o.account, mustParse(keyText)))
	},
	"RemoveUser": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.RemoveUser(ctx, by, core.Scope{}, o.account))
	},
	"RemoveUserKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.RemoveUserKey(ctx, by, core.Scope{}, o.account, core.KeyRef{Name: "laptop"}))
	},
	"RevokeUserToken": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.RevokeUserToken(ctx, by, core.Scope{}, o.account, o.personal))
	},
	"SetRights": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.SetRights(ctx, by, o.accountID, []core.Right{core.ViewUsers}))
	},
	"SignIn": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return second(s.SignIn(ctx, by))
	},
	"User": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.User(ctx, by, core.Scope{}, o.account))
	},
	"UserID": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.UserID(ctx, by, core.Scope{}, core.ViewUsers, o.login))
	},
	"UserKey": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.UserKey(ctx, by, core.Scope{}, o.account, core.KeyRef{Name: "laptop"}))
	},
	"UserKeys": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return third(s.UserKeys(ctx, by, core.Scope{}, o.account, core.KeyQuery{}))
	},
	"UserToken": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.UserToken(ctx, by, core.Scope{}, o.account, o.personal))
	},
	"UserTokens": func(ctx context.Context, s *core.Service, by core.Actor, o objects) error {
		return second(s.UserTokens(ctx, by, core.Scope{}, o.account))
	},
	"Users": func(ctx context.Context, s *core.Service, by core.Actor, _ objects) error {
		return third(s.Users(ctx, by, core.Scope{}, core.AccountQuery{}))
	},
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func mustParse(text string) sshkey.PublicKey { return must(sshkey.Parse(text)).Key }

// stage is a world with something of each kind, and those who act in it.
type stage struct {
	*world
	actors map[string]core.Actor
	app    core.Actor // an application with a managed key of its own
	o      objects
}

func newStage(w *world) stage {
	w.t.Helper()
	w.apply(oneWorld(w.t))
	st := stage{world: w, actors: map[string]core.Actor{
		"nobody": {}, "visitor": visitor, "operator": operator, "system": core.System("job"),
		"host": w.bearer("owner", core.UseHost), "own": w.apiKey("own"), "foreign": w.apiKey("foreign"),
	}}
	for _, login := range []string{"owner", "other", "support", "admin", "stale"} {
		st.actors[login] = w.actor(login)
	}
	stale := must(w.AccountRef(w.t.Context(), operator, "stale"))
	must(w.SetAccountDisabled(w.t.Context(), operator, stale.UUID, true))
	owner := must(w.AccountRef(w.t.Context(), operator, "owner"))
	st.o = objects{
		application: "deploy", login: "owner", project: "own", account: owner.ID, accountID: owner.UUID,
		key: w.keysOf(owner)[0].UUID, newName: "new", newLogin: "new",
	}
	for _, t := range must(w.Tokens(w.t.Context(), operator, "owner")) {
		if t.Name == "p" {
			st.o.personal = t.ID
		}
	}
	st.meanwhile()
	st.vaulted()
	// Two signing keys, so that rotating and pruning have something to do.
	must(w.RotateSigningKey(w.t.Context(), operator, false))
	must(w.RotateSigningKey(w.t.Context(), operator, false))
	w.clock.advance(time.Hour)
	st.o.code = code(w.t, must(w.EnrolSecondFactor(w.t.Context(), operator, owner.UUID)), w.clock.Now())
	return st
}

// meanwhile makes sessions, one of them overdue, and of deliveries one that ended
// and one that is due.
func (st *stage) meanwhile() {
	ctx, w, by := st.t.Context(), st.world, st.actors["own"]
	w.session(by, core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Second)}})
	w.clock.advance(time.Minute)
	hook := core.NewWebhook{URL: "https://example.org/hook", Headers: map[string][]string{"Authorization": {"hush"}}}
	st.o.session = w.session(by, core.NewSession{MultiKey: true, MultiConnection: true, Webhooks: []core.NewWebhook{hook}, ExternalID: ptr("owner")})
	st.o.webhook = st.o.session.Webhooks[0].UUID
	w.collect(st.o.session, w.offered(testKey(st.t, 2)))
	system := st.actors["system"]
	sent := must(w.ClaimDeliveries(ctx, system, time.Minute, 1))[0]
	if err := w.RecordAttempt(ctx, system, sent.ID, core.Attempt{Number: 1, Lease: sent.Lease, At: w.clock.Now(), Status: 200}, time.Time{}); err != nil {
		st.t.Fatal(err)
	}
	st.o.delivered = sent.UUID
	st.o.connection = w.connect(w.session(by, core.NewSession{ExternalID: ptr("owner")})).Connection
	st.o.pending = must(w.Deliveries(ctx, operator, core.DeliveryQuery{State: core.DeliveryPending}))[0].ID
}

// vaulted makes a managed key of an application, and has that read it.
func (st *stage) vaulted() {
	w := st.world
	app := w.application("deploy", core.Grant{Permission: core.ReadWrite, Resources: []string{core.PAMCore}})
	key := w.save(app, managedKey("web", "w2016"))
	w.reveal(app, key.ID)
	st.app, st.o.managed, st.o.device, st.o.spare = app, key.ID, "w2016", "spare"
	st.o.holder = "authorization " + app.Grant().Authorization.String()
}

// oneWorld is what the use cases of the matrix find.
func oneWorld(t testing.TB) core.Desired {
	t.Helper()
	token := []core.DesiredToken{{Name: "t", Use: core.UseWaldur}, {Name: "p", Use: core.UseForeman}}
	apiKey := []core.DesiredAPIKey{{Name: "k"}}
	return core.Desired{
		Organizations: []string{"acme"}, Locations: []string{"berlin"},
		Accounts: []core.DesiredAccount{
			{Login: "owner", Email: "owner@example.org", Organizations: []string{"acme"}, Tokens: token, Keys: []core.DesiredKey{
				{Name: "laptop", PublicKey: testKey(t, 1).String()},
			}},
			{Login: "other", Organizations: []string{"acme"}},
			{Login: "support", Roles: core.Roles{Support: true}},
			{Login: "admin", Roles: core.Roles{Admin: true}},
			{Login: "stale", Roles: core.Roles{Admin: true}},
		},
		Projects: []core.DesiredProject{
			{Name: "own", Organization: "acme", Adopt: core.AdoptOffered, APIKeys: apiKey},
			{Name: "foreign"},
		},
		Devices: []core.DesiredDevice{{Hostname: "w2016"}, {Hostname: "spare"}},
		Applications: []core.DesiredApplication{{Name: "deploy", Authorizations: []core.DesiredAuthorization{{
			Name: "job", Permission: core.ReadWrite, Resources: []string{core.PAMCore}, AllowedIPs: []string{"*"},
			OAuth2: &core.DesiredOAuth2{}, OAuth1: &core.DesiredOAuth1{},
		}}}},
	}
}

// rehearsal is a store that answers Update as always but keeps nothing, so
// that every cell of the matrix finds the same world.
type rehearsal struct{ core.Store }

var errRehearsed = errors.New("rehearsed")

func (s rehearsal) Update(ctx context.Context, fn func(core.Tx) error) error {
	return keepNothing(ctx, s.Store.Update, fn)
}

func (s rehearsal) UpdateLocked(ctx context.Context, fn func(core.Tx) error) error {
	return keepNothing(ctx, s.Store.UpdateLocked, fn)
}

func (s rehearsal) Bulk(ctx context.Context, fn func(core.Tx) error) error {
	return keepNothing(ctx, s.Store.Bulk, fn)
}

func keepNothing(ctx context.Context, update func(context.Context, func(core.Tx) error) error, fn func(core.Tx) error) error {
	err := update(ctx, func(tx core.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		st := newStage(w)
		s := w.over(rehearsal{w.store})
		actors, rows := readMatrix(t)
		for method, cells := range rows {
			for i, name := range actors {
				by := st.actors[name]
				err := calls[method](t.Context(), s, by, st.o)
				if got := answer(err); got != cells[i] {
					t.Errorf("%s by %s = %v (%s), want %s", method, name, err, got, cells[i])
				}
				if cells[i] == "N" || cells[i] == "D" && name != "support" {
					if blind := calls[method](t.Context(), s, by, nowhere()); blind == nil || blind.Error() != err.Error() {
						t.Errorf("%s by %s = %q, but %q where nothing is there; want the same", method, name, err, blind)
					}
				}
			}
		}
	})
}

// An application may do what senhasegura's clients do, and of all else no more
// than a host, which has no account either.
func TestApplicationsReachTheVaultAlone(t *testing.T) {
	t.Parallel()
	st := newStage(newWorld(t))
	s := st.over(rehearsal{st.store})
	actors, rows := readMatrix(t)
	vault := []string{
		"Device", "Devices", "ManagedKey", "ManagedKeyRef", "ManagedKeys", "ManagedKeyVersions", "ReleaseCustody",
		"RevealManagedKey", "SaveDevice", "SaveManagedKey", "SetDeviceEnabled", "SetManagedKeyEnabled",
	}
	for method, cells := range rows {
		want := cells[slices.Index(actors, "host")]
		switch {
		case slices.Contains(vault, method):
			want = "."
		case method == "AuthorizedKeys":
			want = "D"
		}
		if err := calls[method](t.Context(), s, st.app, st.o); answer(err) != want {
			t.Errorf("%s by an application = %v, want %s", method, err, want)
		}
	}
}

func answer(err error) string {
	switch {
	case err == nil:
		return "."
	case core.KindOf(err) == core.Denied:
		return "D"
	case core.KindOf(err) == core.NotFound:
		return "N"
	}
	return core.KindOf(err).String()
}

func readMatrix(t *testing.T) (actors []string, rows map[string][]string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	actors, rows = strings.Fields(lines[0]), map[string][]string{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		if len(cells) != len(actors)+1 {
			t.Fatalf("row %q of the matrix has %d cells, want %d", cells[0], len(cells)-1, len(actors))
		}
		rows[cells[0]] = cells[1:]
	}
	return actors, rows
}

// A use case that nobody has thought about must not come to be.
func TestPermissionsAreComplete(t *testing.T) {
	t.Parallel()
	_, rows := readMatrix(t)
	service := reflect.TypeFor[*core.Service]()
	for i := range service.NumMethod() {
		m := service.Method(i)
		takesActor := m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[core.Actor]()
		switch {
		case takesActor && rows[m.Name] == nil:
			t.Errorf("%s has no row in the matrix", m.Name)
		case takesActor && calls[m.Name] == nil:
			t.Errorf("%s has no call for the matrix", m.Name)
		case !takesActor && !slices.Contains(authentication, m.Name):
			t.Errorf("%s takes no actor and does not make one", m.Name)
		}
		delete(rows, m.Name)
	}
	for name := range rows {
		t.Errorf("the matrix has a row %s, which is no use case", name)
	}
}

// What an API key of one project lists holds nothing of another's.
func TestProjectsSeeTheirOwnSessions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		own, foreign := w.project(core.NewProject{Name: "own"}), w.project(core.NewProject{Name: "foreign"})
		w.session(own, core.NewSession{ExternalID: ptr("canary")})
		w.session(own, core.NewSession{Kind: core.VerifySession, MaxAttempts: 1, Wanted: []core.NewWantedKey{{PublicKey: keyText}}})
		if list, n, err := w.Sessions(t.Context(), foreign, core.CollectSession, core.Page{Limit: 10}); err != nil || n != 0 || len(list) != 0 {
			t.Errorf("Sessions by another project = %v, %d, %v; want none", list, n, err)
		}
		if list, n, err := w.Sessions(t.Context(), own, core.CollectSession, core.Page{Limit: 10}); err != nil || n != 1 || len(list) != 1 {
			t.Errorf("Sessions by the project = %v, %d, %v; want its collect session", list, n, err)
		}
	})
}

// An account that asks for everybody's keys gets its own and the shared ones.
func TestAccountsListTheirOwnAndSharedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.account(core.NewAccount{Login: "ada"}), w.account(core.NewAccount{Login: "bob"})
	w.addKey(ada.ID, "laptop", testKey(t, 1))
	w.addKey(bob.ID, "canary", testKey(t, 2))
	if _, err := w.AddKey(t.Context(), operator, core.NewKey{Owner: bob.ID, Name: "deploy", Text: testKey(t, 3).String(), Shared: true}); err != nil {
		t.Fatal(err)
	}
	sum := testKey(t, 2).SHA256()
	for name, tt := range map[string]struct {
		where core.Filter
		want  []string
	}{
		"everything":           {nil, []string{"laptop", "deploy"}},
		"its own":              {core.OwnedBy(ada.ID), []string{"laptop"}},
		"another's":            {core.OwnedBy(bob.ID), []string{"deploy"}},
		"another's, by hash":   {core.HasFingerprint(sshkey.Fingerprint{Hash: sshkey.HashSHA256, Sum: sum[:]}), nil},
		"out of the condition": {core.Or{core.And{}, core.OwnedBy(bob.ID)}, []string{"laptop", "deploy"}},
	} {
		keys, n, err := w.Keys(t.Context(), w.actor("ada"), core.KeyQuery{Where: tt.where})
		var got []string
		for _, k := range keys {
			got = append(got, k.Name)
		}
		if !slices.Equal(got, tt.want) || n != len(tt.want) || err != nil {
			t.Errorf("Keys with %s = %v, %d, %v; want %v", name, got, n, err, tt.want)
		}
	}
}

// Who may only read must not find what grants: with a session's identifier he
// could bring in a key of his own, to be adopted by whoever was invited; with a
// webhook's headers, speak to its receiver.
func TestReadersAreNotToldWhatGrants(t *testing.T) {
	t.Parallel()
	st := newStage(newWorld(t))
	id, header := st.o.session.Identifier, "hush"
	reads := map[string]func(by core.Actor) (any, error){
		"Session": func(by core.Actor) (any, error) {
			return st.Session(t.Context(), by, core.CollectSession, st.o.session.UUID)
		},
		"Sessions": func(by core.Actor) (any, error) {
			list, _, err := st.Sessions(t.Context(), by, core.CollectSession, core.Page{Limit: 100})
			return list, err
		},
		"Webhook": func(by core.Actor) (any, error) {
			return st.Webhook(t.Context(), by, core.CollectSession, st.o.session.UUID, st.o.webhook)
		},
		"Webhooks": func(by core.Actor) (any, error) {
			return st.Webhooks(t.Context(), by, core.CollectSession, st.o.session.UUID)
		},
		"Deliveries": func(by core.Actor) (any, error) { return st.Deliveries(t.Context(), by, core.DeliveryQuery{}) },
	}
	for name, read := range reads {
		got, err := read(st.actors["support"])
		if text := fmt.Sprintf("%+v", got); err != nil || strings.Contains(text, id) || strings.Contains(text, header) {
			t.Errorf("%s by support: %v, %s; want neither %s nor %s", name, err, text, id, header)
		}
		got, err = read(st.actors["admin"])
		if text := fmt.Sprintf("%+v", got); err != nil || !strings.Contains(text, id) && !strings.Contains(text, header) {
			t.Errorf("%s by an administrator: %v, %s; want %s or %s", name, err, text, id, header)
		}
	}
}
