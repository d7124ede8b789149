package core

import (
	"context"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/sshkey"
)

// Store keeps everything. It runs fn in a transaction whose isolation is
// serializable on every database.
type Store interface {
	// View runs fn on one consistent snapshot. fn must not write.
	View(ctx context.Context, fn func(tx Tx) error) error

	// Glance is View for what one statement tells in nearly all cases: a
	// statement is a snapshot by itself and needs no transaction. Where fn comes
	// to a second one it is run once more, as by View, so it derives its results
	// anew.
	Glance(ctx context.Context, fn func(tx Tx) error) error

	// Update runs fn and commits what it wrote when fn returns nil; otherwise
	// nothing is changed and fn's error is returned. When Update returns nil
	// the change is durable. fn may be run again after a conflict, so it
	// changes nothing but through tx and derives its results anew.
	// Updates that wait together may share one commit. Once fn runs, the end
	// of ctx no longer stops it, so that the answer is exact.
	// A store that cannot answer gives an [Error] of kind [Unavailable]; after
	// that of a lost connection the change may still have been made.
	Update(ctx context.Context, fn func(tx Tx) error) error

	// UpdateLocked is Update for changes of which many come at once, and whose
	// rules hang on single rows: fn locks these first, see [LockStore]. Of what
	// else it reads each look-up gives what was committed before that look-up, so
	// fn decides nothing by it that another update could make wrong meanwhile.
	// Such changes of different rows do not stand in each other's way.
	UpdateLocked(ctx context.Context, fn func(tx Tx) error) error

	// Bulk is Update for much work at once, such as a whole file: it shares its
	// commit with nobody and has minutes where Update has seconds. Where the
	// database has one writer, updates wait meanwhile.
	Bulk(ctx context.Context, fn func(tx Tx) error) error
}

// Tx is an open transaction. It is bound to the context its Store method was
// given and must not be used after fn has returned.
//
// Look-ups, changes and removals give an [Error] of kind [NotFound] where there
// is nothing, inserts and updates one of kind [Conflict] where a unique value is
// taken or what they refer to is gone, and of kind [Invalid] where a text is not
// UTF-8 or holds NUL; such a text is found nowhere. After any error but NotFound
// the transaction is lost: it fails with that error whatever fn returns. What
// tells nothing but an error may tell that with a later call, or Update in the
// end. Inserts
// return the new integer id, which is the given one where that is not zero; all
// other fields are stored as given. Lists are never nil-checked: empty is empty.
type Tx interface {
	AccountStore
	TaxonomyStore
	ProjectStore
	CredentialStore
	TicketStore
	SignInStore
	KeyStore
	SessionStore
	WebhookStore
	OutboxStore
	AuditStore
	InventoryStore
	AccessStore
	VaultStore
	SettingStore
	MadeStore
	LockStore
}

// Page is a part of a list: Limit items after the first Offset ones. A zero
// Limit means all.
type Page struct {
	Offset, Limit int
}

// CountAlone is a page behind the end of any list: how many there are is told, and
// none of them read.
var CountAlone = Page{Offset: 1 << 60, Limit: 1}

// clamped is the page with nothing negative, which not every database takes.
func (p Page) clamped() Page { return Page{Offset: max(p.Offset, 0), Limit: max(p.Limit, 0)} }

// AccountStore keeps accounts with their memberships.
type AccountStore interface {
	Account(id AccountID) (Account, error)
	AccountByUUID(id uuid.UUID) (Account, error)
	AccountByLogin(login string) (Account, error)    // without regard to case
	AccountsByEmail(email string) ([]Account, error) // without regard to case, by id
	Accounts(q AccountQuery) ([]Account, int, error) // and how many match in all
	InsertAccount(a Account) (AccountID, error)      // memberships too
	UpdateAccount(a Account) error                   // memberships too
	DeleteAccount(id AccountID) error                // its tokens and sign-ins go with it; it must have no keys
	SetLastLogin(id AccountID, at time.Time) error
	CountAccounts() (int, error)
	CountAdmins() (int, error)
}

// AccountQuery selects accounts. Zero fields select all.
type AccountQuery struct {
	Where Filter  // of the attributes of accounts
	Order []Order // none: by login without regard to case
	Page  Page
}

// TaxonomyStore keeps organizations and locations.
type TaxonomyStore interface {
	Organization(id OrganizationID) (Organization, error)
	OrganizationByName(name string) (Organization, error)
	Organizations() ([]Organization, error) // by name
	InsertOrganization(o Organization) (OrganizationID, error)
	LocationByName(name string) (Location, error)
	Locations() ([]Location, error) // by name
	InsertLocation(l Location) (LocationID, error)
}

// ProjectStore keeps projects.
type ProjectStore interface {
	Project(id ProjectID) (Project, error)
	ProjectByName(name string) (Project, error)
	Projects(p Page) ([]Project, int, error) // by name
	InsertProject(p Project) (ProjectID, error)
	UpdateProject(p Project) error
}

// CredentialStore keeps API keys and tokens. Removed ones are gone.
type CredentialStore interface {
	APIKeyByHash(h SecretHash) (APIKey, error)
	APIKeys(project ProjectID) ([]APIKey, error) // by name
	InsertAPIKey(k APIKey) (APIKeyID, error)     // Conflict when hash or name is taken
	UpdateAPIKey(k APIKey) error
	DeleteAPIKey(id APIKeyID) error
	Token(id TokenID) (Token, error)
	TokenByHash(use TokenUse, h SecretHash) (Token, error)
	Bearer(use TokenUse, h SecretHash) (Token, Holder, error) // the same, with the account it is of
	Tokens(account AccountID) ([]Token, error)                // by use, then name
	InsertToken(t Token) (TokenID, error)
	UpdateToken(t Token) error
	SetTokenUsed(id TokenID, at time.Time) error
	DeleteToken(id TokenID) error
}

// TicketStore keeps tickets, the keys that sign them, and second factors.
type TicketStore interface {
	TicketByUUID(id uuid.UUID) (Ticket, error)
	InsertTicket(t Ticket) (TicketID, error)
	UpdateTicket(t Ticket) error
	// RecredentialTickets moves an account's tickets from one credential to
	// another; nil also when there are none.
	RecredentialTickets(account AccountID, is, was SecretHash) error
	DeleteTickets(account AccountID) error // all of them; nil also when there are none
	// DeleteExpiredTickets removes those that ended before a moment.
	DeleteExpiredTickets(before time.Time) (int, error)
	SigningKeys() ([]SigningKey, error) // newest first
	InsertSigningKey(k SigningKey) (SigningKeyID, error)
	UpdateSigningKey(k SigningKey) error
	DeleteSigningKey(id SigningKeyID) error
	SecondFactor(account AccountID) (SecondFactor, error)
	InsertSecondFactor(f SecondFactor) (SecondFactorID, error) // Conflict when the account has one
	UpdateSecondFactor(f SecondFactor) error
	DeleteSecondFactor(id SecondFactorID) error
}

// SignInStore keeps sign-ins.
type SignInStore interface {
	SignInByHash(h SecretHash) (SignIn, error)
	InsertSignIn(s SignIn) (SignInID, error)
	SetSignInSeen(id SignInID, at time.Time) error
	DeleteSignIns(of AccountID, keep int) error     // all but the newest
	DeleteSignInsSeenBefore(moment time.Time) error // nil also when there are none
}

// KeyStore keeps keys, their revisions and their evidence.
type KeyStore interface {
	Key(id KeyID) (Key, error)
	KeyByUUID(id uuid.UUID) (Key, error)
	KeysByOwner(owner AccountID) ([]Key, error)       // by id
	KeysByFingerprint(f sshkey.SHA256) ([]Key, error) // every owner's, by id
	// ServedKeys gives what [Service.AuthorizedKeys] wants to know of the account
	// of a login, without regard to case: who that is, and its keys by id.
	ServedKeys(login string) (Keyholder, []ServedKey, error)
	OwnerKey(owner AccountID, f sshkey.SHA256) (Key, error)
	OwnerKeyByName(owner AccountID, name string) (Key, error) // the first by id
	// KeyOwner gives the account that is to have a key, with what speaks against
	// it: names and keys of its as far as u asks, other owners unless e takes them.
	KeyOwner(k Key, u Uniqueness, e Elsewhere) (KeyOwner, error)
	Keys(q KeyQuery) ([]Key, int, error)            // and how many match in all
	KeyEntries(q KeyQuery) ([]KeyEntry, int, error) // likewise
	InsertKeys(keys ...Key) ([]KeyID, error)        // which have no ids yet
	UpdateKey(k Key) error
	DeleteKey(id KeyID) error                    // its evidence goes with it, its revisions stay
	InsertRevisions(r ...Revision) error         // each of another key. Number is given by the store: one more than the last
	Revisions(key uuid.UUID) ([]Revision, error) // by number
	// History gives the revisions of a key from the newest on, and how many match in all.
	History(q RevisionQuery) ([]Revision, int, error)
	// RevisionAt gives the last revision of a key that was made up to a moment.
	RevisionAt(key uuid.UUID, at time.Time) (Revision, error)
	// InsertEvidence is for keys that are new or locked: of another it could stay
	// when the key goes, beside this update.
	InsertEvidence(e ...Evidence) error
	EvidenceOf(key KeyID) ([]Evidence, error) // by time
}

// KeyQuery selects keys. Zero fields select all.
type KeyQuery struct {
	Where Filter  // of the attributes of keys
	Order []Order // none: by id
	Page  Page
}

// RevisionQuery selects revisions of one key. Zero times set no bound.
type RevisionQuery struct {
	Key           uuid.UUID
	After, Before time.Time // neither of these moments themselves
	Page          Page
}

// SessionStore keeps sessions with their connections and collected keys.
type SessionStore interface {
	Session(id SessionID) (Session, error)       // without connections
	SessionByUUID(id uuid.UUID) (Session, error) // without connections
	Visited(id SessionID) (Visited, error)
	VisitedByIdentifier(identifier string) (Visited, error)
	Sessions(q SessionQuery) ([]Session, int, error) // newest first, then by id descending
	InsertSession(s Session) (SessionID, error)
	UpdateSession(s Session) error                                 // not its connections
	UpdateSessionState(s Session) error                            // its status, attempts, and when it was verified and updated
	DeleteSession(id SessionID) error                              // connections and keys go with it
	Connections(session SessionID) ([]Connection, error)           // with keys, by arrival
	Connection(id ConnectionID) (Connection, error)                // without keys
	InsertConnection(c *Connection) error                          // without keys; it has its id from the next look-up on, or the end
	InsertCollectedKeys(c ConnectionID, keys []CollectedKey) error // in order
	// OverdueSessions gives pending sessions that have expired, those longest over first.
	OverdueSessions(now time.Time, limit int) ([]Session, error)
	ExpireSessions(ids []SessionID, now time.Time) error // sets their status, and when
	WantedKeys(session SessionID) ([]WantedKey, error)   // by id
	InsertWantedKey(k WantedKey) (WantedKeyID, error)
	UpdateWantedKey(k WantedKey) error
	DeleteWantedKey(id WantedKeyID) error // records of it in connections stay
}

// WebhookStore keeps webhooks, without Headers in the clear.
type WebhookStore interface {
	Webhook(id WebhookID) (Webhook, error)
	Webhooks(session SessionID) ([]Webhook, error) // by id
	WebhooksOf(sessions []SessionID) (map[SessionID][]Webhook, error)
	InsertWebhook(w Webhook) (WebhookID, error)
	UpdateWebhook(w Webhook) error
	DeleteWebhook(id WebhookID) error // its deliveries go with it
}

// OutboxStore keeps deliveries and what became of them.
type OutboxStore interface {
	Delivery(id DeliveryID) (Delivery, error)
	DeliveryByUUID(id uuid.UUID) (Delivery, error)
	Deliveries(q DeliveryQuery) ([]Delivery, error) // newest first
	// DueDeliveries gives of each webhook the oldest delivery that is due, but
	// none of a webhook that has one leased, nor for a receiver that has
	// perReceiver of them leased; those due longest first.
	DueDeliveries(now time.Time, perReceiver, limit int) ([]Delivery, error)
	// LeasedDeliveries counts the leased deliveries by receiver.
	LeasedDeliveries(now time.Time) (map[string]int, error)
	// NextDelivery tells when the next pending delivery is due and its lease
	// over; zero where none is pending.
	NextDelivery() (time.Time, error)
	InsertDeliveries(list []Delivery) error // in order
	UpdateDelivery(d Delivery) error
	FailDeliveries(webhook WebhookID) error // all pending ones; nil also when there are none
	// DeleteDeliveries removes those that ended and were made before a moment.
	DeleteDeliveries(before time.Time) (int, error)
	InsertAttempt(of DeliveryID, a Attempt) error // Lease, RetryAfter and Gone are not kept
	Attempts(of DeliveryID) ([]Attempt, error)    // by number
}

// DeliveryQuery selects deliveries. Zero fields select all.
type DeliveryQuery struct {
	Project ProjectID
	State   DeliveryState
	Before  DeliveryID // only those with a smaller id, for paging
	Limit   int        // zero: 100
}

// SessionQuery selects sessions. Zero fields select all.
type SessionQuery struct {
	Project ProjectID
	Kind    SessionKind
	Page    Page
}

// AuditStore keeps the audit record.
type AuditStore interface {
	InsertAuditEvents(list ...AuditEvent) error     // in order
	AuditEvents(q AuditQuery) ([]AuditEvent, error) // newest first
}

// AuditQuery selects audit events. Zero fields select all.
type AuditQuery struct {
	Before int64     // only events with a smaller id, for paging
	Since  time.Time // only events from then on
	Object string    // exactly this object
	Limit  int       // zero: 100
}

// InventoryStore keeps devices and applications.
type InventoryStore interface {
	Devices() ([]Device, error) // by hostname
	Device(id DeviceID) (Device, error)
	DeviceByHostname(name string) (Device, error)
	InsertDevice(d Device) (DeviceID, error)
	UpdateDevice(d Device) error
	DeleteDevice(id DeviceID) error
	Applications() ([]Application, error) // by name, with authorizations by name
	ApplicationByName(name string) (Application, error)
	InsertApplication(a Application) (ApplicationID, error) // without authorizations
	UpdateApplication(a Application) error                  // without authorizations
	DeleteApplication(id ApplicationID) error               // its authorizations go with it; Conflict when it made managed keys
	Application(id ApplicationID) (Application, error)      // without authorizations
	Authorization(id AuthorizationID) (Authorization, error)
	AuthorizationByClientID(clientID string) (Authorization, error)
	AuthorizationByConsumerKey(consumerKey string) (Authorization, error)
	InsertAuthorization(a Authorization) (AuthorizationID, error)
	UpdateAuthorization(a Authorization) error
	DeleteAuthorization(id AuthorizationID) error // its access tokens go with it
}

// AccessStore keeps what applications are let in by for a while.
type AccessStore interface {
	AccessTokenByHash(h SecretHash) (AccessToken, error)
	InsertAccessToken(t AccessToken) error
	DeleteAccessTokens(of AuthorizationID) error // nil also when there are none
	NonceUsed(key [32]byte) (bool, error)
	InsertNonce(key [32]byte, until time.Time) error
	// PruneAccess removes tokens and nonces that were over before a moment, at
	// most limit of each, and tells how many.
	PruneAccess(before time.Time, limit int) (int, error)
}

// VaultStore keeps managed keys with their versions, who has them, policies, and
// tells of all that is sealed.
type VaultStore interface {
	ManagedKey(id ManagedKeyID) (ManagedKey, error)
	ManagedKeyByUUID(id uuid.UUID) (ManagedKey, error)
	ManagedKeyByIdentifier(identifier string) (ManagedKey, error) // with regard to case
	ManagedKeyAndDevice(id ManagedKeyID) (ManagedKey, Device, error)
	ManagedKeyAndDeviceByIdentifier(identifier string) (ManagedKey, Device, error) // likewise
	ManagedKeys(q ManagedKeyQuery) ([]ManagedKey, int, error)                      // by id; and how many match in all
	InsertManagedKey(k ManagedKey) (ManagedKeyID, error)                           // additional devices too
	UpdateManagedKey(k ManagedKey) error                                           // additional devices too
	MarkManagedKeyViewed(id ManagedKeyID, at, expires time.Time) error
	KeyVersion(key ManagedKeyID, number int) (KeyVersion, error)
	KeyVersions(key ManagedKeyID) ([]KeyVersion, error) // by number
	InsertKeyVersion(v KeyVersion) error                // Conflict when the number is taken
	Custodies(key ManagedKeyID) ([]Custody, error)      // the first taken first
	PutCustody(c Custody) error                         // in place of the holder's last one
	DeleteCustody(id int64) error
	Policies() ([]Policy, error) // by name
	PolicyByName(name string) (Policy, error)
	InsertPolicy(p Policy) (PolicyID, error)
	UpdatePolicy(p Policy) error
	SealedSecrets(place SealedPlace, after int64, limit int) ([]Sealed, error) // by row
	ReplaceSealed(place SealedPlace, row int64, sealed []byte) error
	SealedCounts(place SealedPlace) ([]SealedCount, error) // by key
}

// ManagedKeyQuery selects managed keys. Zero fields select all.
type ManagedKeyQuery struct {
	Device    DeviceID // whose main device it is
	AnyDevice DeviceID // whose main or additional device it is
	Reach     *Grant   // only what an application reaches
	Page      Page
}

// SettingStore keeps small named values: the settings of faces that `apply`
// sets ("face.waldur", JSON) and facts about this installation ("vault.id").
type SettingStore interface {
	Setting(name string) (string, error)
	Settings(prefix string) (map[string]string, error)
	PutSetting(name, value string) error
	DeleteSetting(name string) error // nil also when absent
}

// LockStore keeps rows as they are until the end of the transaction, for
// [Store.UpdateLocked]: the look-ups that follow see them so, and whoever locks,
// changes or removes one waits. That there is no such row is no error, and keeps
// nobody from making it.
type LockStore interface {
	// LockSession and LockKeys also have every update run again that has read one
	// of these before and is to write or remove it.
	LockSession(id SessionID) error
	ShareSessionByIdentifier(identifier string) error // with others who share it
	LockKeys(f sshkey.SHA256) error                   // every owner's of the fingerprint
	LockManagedKey(id ManagedKeyID) error
	LockManagedKeyByIdentifier(identifier string) error // and, for who does the same, an identifier that no key has
	// Serial tells whether all that is read holds until the end, locked or not.
	Serial() bool
}

// MadeStore keeps which requests have made what, for those that are repeated.
type MadeStore interface {
	Made(key Digest) (Made, error)
	// InsertMade gives Conflict when the key is taken. Where another update takes
	// it at the same moment, this one is run again once that has ended.
	InsertMade(m Made) error
	DeleteMade(before time.Time) (int, error) // those made before a moment; how many
}
