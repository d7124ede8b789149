package core

import (
	"context"
	"errors"
	"time"

	"keyrack/internal/sshkey"
)

var errNoSession = Errorf(NotFound, "no open session with this name")

// Visit is what an SSH connection is told of the session it reached.
type Visit struct {
	Connection ConnectionID
	Session    Session // with its wanted keys
	Prove      bool    // ask for a signature of every key
}

// Connect opens a connection to the pending session that identifier names and
// records it. Unknown, expired and finished sessions are NotFound alike.
func (s *Service) Connect(ctx context.Context, by Actor, identifier, clientVersion string) (Visit, error) {
	if !isIdentifier(identifier) {
		return Visit{}, errNoSession
	}
	found, err := glance(ctx, s, func(tx Tx) (Session, error) { return tx.SessionByIdentifier(identifier) })
	if err := s.open(found, err); err != nil {
		return Visit{}, err // a stranger's wrong guess costs a read, not a write
	}
	return updateLocked(ctx, s, func(tx Tx) (Visit, error) {
		return s.connect(tx, by, found.ID, clientVersion)
	})
}

// open makes a look-up's answer errNoSession unless it found a pending session.
func (s *Service) open(found Session, err error) error {
	if KindOf(err) == NotFound || err == nil && found.StatusAt(s.clock()) != SessionPending {
		return errNoSession
	}
	return err
}

// connect records a connection, with the session read again: it may have ended
// since it was found. Until this is done it does not end.
func (s *Service) connect(tx Tx, by Actor, id SessionID, clientVersion string) (Visit, error) {
	if err := tx.ShareSession(id); err != nil {
		return Visit{}, err
	}
	found, project, err := tx.SessionAndProject(id)
	if err := s.open(found, err); err != nil {
		return Visit{}, err
	}
	if found.Kind == VerifySession {
		if found.Wanted, err = tx.WantedKeys(id); err != nil {
			return Visit{}, err
		}
	}
	out, err := s.outbox(tx, found)
	if err != nil {
		return Visit{}, err
	}
	c := Connection{UUID: newUUID(), Session: id, Address: by.origin.Address, ClientVersion: clientVersion, CreatedAt: s.clock()}
	if c.ID, err = tx.InsertConnection(c); err != nil {
		return Visit{}, err
	}
	visit := Visit{Connection: c.ID, Session: found, Prove: project.ProveKeys}
	return visit, out.send(Event{
		Kind: NewConnectionEvent, Connection: c.UUID, Address: c.Address, ClientVersion: c.ClientVersion,
	})
}

// Finish ends a connection with the keys that its client showed, and gives
// those it recorded. A collect session records all of them; a verify session
// those that were proven and that it wants by now, if they meet its rules, and
// else none: then a failed attempt was counted. Conflict when the session is no
// longer open: another connection was first, its time ran out, or it was deleted.
//
// A connection's id grants what an identifier grants to Connect. It is easily
// guessed, so it is told to nobody but the SSH server in this process: faces
// show the UUID, and none of them calls Finish.
func (s *Service) Finish(ctx context.Context, by Actor, id ConnectionID, keys []CollectedKey) ([]CollectedKey, error) {
	finish := func(tx Tx) ([]CollectedKey, error) { return s.finish(tx, by, id, keys) }
	recorded, err := updateLocked(ctx, s, finish)
	if errors.Is(err, errAdopts) {
		recorded, err = update(ctx, s, finish)
	}
	return recorded, err
}

// errAdopts says that the keys go to an account, whose other keys decide which.
var errAdopts = errors.New("the keys of the session are to be adopted")

func (s *Service) finish(tx Tx, by Actor, id ConnectionID, keys []CollectedKey) ([]CollectedKey, error) {
	f := finishing{Service: s, tx: tx, by: by}
	if err := f.begin(id); err != nil {
		return nil, err
	}
	if f.session.Kind == VerifySession {
		return f.verify(keys)
	}
	return keys, f.collect(keys)
}

// begin finds a connection and its session, which takes keys and is locked. A
// session that was deleted meanwhile took the connection with it.
func (f *finishing) begin(id ConnectionID) (err error) {
	if f.connection, err = f.tx.Connection(id); err != nil {
		return gone(err)
	}
	if err := f.tx.LockSession(f.connection.Session); err != nil {
		return err
	}
	if f.session, f.project, err = f.tx.SessionAndProject(f.connection.Session); err != nil {
		return gone(err)
	}
	if status := f.session.StatusAt(f.clock()); status != SessionPending {
		return Errorf(Conflict, "the session is already %s", status)
	}
	f.out, err = f.outbox(f.tx, f.session)
	return err
}

// gone makes a look-up's NotFound what Finish says of it.
func gone(err error) error {
	if KindOf(err) == NotFound {
		return Errorf(Conflict, "the session is no longer there")
	}
	return err
}

// staysOpen marks in the audit record what did not end its session.
const staysOpen = "open for more connections"

// finishing is the end of one connection within its transaction.
type finishing struct {
	*Service
	tx         Tx
	by         Actor
	connection Connection
	session    Session
	project    Project
	out        outbox
}

// collect records the keys. A connection without any leaves the session as it is.
func (f *finishing) collect(keys []CollectedKey) error {
	if len(keys) == 0 {
		return nil
	}
	adopts := !f.session.MultiConnection && f.project.adoptsFrom(f.session)
	if adopts && !f.tx.Serial() {
		return errAdopts
	}
	if err := f.record(keys, KeyCollectedEvent); err != nil {
		return err
	}
	if f.session.MultiConnection {
		return f.audit(f.tx, f.by, "session.collect", f.session.object(), withProject(f.session.Project), withDetail(staysOpen))
	}
	if err := f.end(f.tx, f.by, f.out, &f.session, SessionCompleted); err != nil || !adopts {
		return err
	}
	return f.adopt(f.tx, f.by, f.project, f.session)
}

// record stores keys with the connection and tells of each.
func (f *finishing) record(keys []CollectedKey, kind EventKind) error {
	keys = withIDs(keys)
	if err := f.tx.InsertCollectedKeys(f.connection.ID, keys); err != nil {
		return err
	}
	for _, k := range keys {
		e := Event{Kind: kind, Connection: f.connection.UUID, ConnectionKey: k.UUID, Public: k.Public}
		if k.Wanted != 0 {
			e.VerifyKey = f.wanted(k.Wanted).UUID
		}
		if err := f.out.send(e); err != nil {
			return err
		}
	}
	return nil
}

func withIDs(keys []CollectedKey) []CollectedKey {
	out := make([]CollectedKey, len(keys))
	for i, k := range keys {
		k.UUID, k.CreatedAt = newUUID(), Moment(k.CreatedAt)
		out[i] = k
	}
	return out
}

// verify holds the proven keys against the wanted ones, as these are now.
func (f *finishing) verify(keys []CollectedKey) (matched []CollectedKey, err error) {
	if f.session.Wanted, err = f.tx.WantedKeys(f.session.ID); err != nil {
		return nil, err
	}
	matched = match(f.session.Wanted, keys)
	if !f.session.metBy(matched) {
		return nil, f.fail()
	}
	return matched, f.succeed(matched)
}

func (f *finishing) succeed(matched []CollectedKey) error {
	if err := f.credit(matched); err != nil {
		return err
	}
	if err := f.record(matched, VerifiedEvent); err != nil {
		return err
	}
	if f.session.VerifiedAt.IsZero() {
		f.session.VerifiedAt = f.clock()
	}
	if !f.session.MultiConnection {
		return f.end(f.tx, f.by, f.out, &f.session, SessionVerified)
	}
	f.session.UpdatedAt = f.clock()
	if err := f.tx.UpdateSessionState(f.session); err != nil {
		return err
	}
	return f.audit(f.tx, f.by, "session.verify", f.session.object(), withProject(f.session.Project), withDetail(staysOpen))
}

// match gives the proven keys that are wanted, each with the key it matched. A
// key that was proven twice counts once.
func match(wanted []WantedKey, keys []CollectedKey) []CollectedKey {
	ids := make(map[sshkey.SHA256]WantedKeyID, len(wanted))
	for _, w := range wanted {
		ids[w.Public.SHA256()] = w.ID
	}
	var out []CollectedKey
	for _, k := range keys {
		id, ok := ids[k.Public.SHA256()]
		if ok && k.Proven {
			k.Wanted = id
			out = append(out, k)
			delete(ids, k.Public.SHA256())
		}
	}
	return out
}

// metBy tells whether a connection that matched these keys meets the session's
// rules. No wanted keys are never met.
func (s Session) metBy(matched []CollectedKey) bool {
	if s.MatchAllKeys {
		return len(matched) > 0 && len(matched) == len(s.Wanted)
	}
	return len(matched) > 0
}

func (f *finishing) wanted(id WantedKeyID) *WantedKey {
	for i := range f.session.Wanted {
		if f.session.Wanted[i].ID == id {
			return &f.session.Wanted[i]
		}
	}
	return &WantedKey{}
}

// credit notes on the wanted keys that they were proven, and gives the keys of
// accounts the project reaches new evidence.
func (f *finishing) credit(matched []CollectedKey) error {
	for _, k := range matched {
		w := f.wanted(k.Wanted)
		if w.VerifiedAt.IsZero() {
			w.VerifiedAt = f.clock()
			if err := f.tx.UpdateWantedKey(*w); err != nil {
				return err
			}
		}
		if err := f.witness(f.project, k); err != nil {
			return err
		}
	}
	return nil
}

// witness adds evidence to the accounts' keys that are the proven key. Accounts
// the project does not reach are left out: their people must not read where
// another tenant's session was used from.
func (f *finishing) witness(project Project, k CollectedKey) error {
	owned, err := f.tx.KeysByFingerprint(k.Public.SHA256())
	if err != nil {
		return err
	}
	for _, key := range owned {
		owner, err := f.tx.Account(key.Owner)
		if err != nil {
			return err
		}
		if !project.reaches(owner) {
			continue
		}
		if err := f.tx.InsertEvidence(evidenceOf(key.ID, f.connection, k)); err != nil {
			return err
		}
	}
	return nil
}

// fail counts a failed attempt, and ends the session with the last one.
func (f *finishing) fail() error {
	if err := f.out.send(Event{Kind: FailedAttemptEvent, Connection: f.connection.UUID}); err != nil {
		return err
	}
	f.session.Attempts++
	if f.session.Attempts >= f.session.MaxAttempts {
		return f.end(f.tx, f.by, f.out, &f.session, SessionFailed)
	}
	f.session.UpdatedAt = f.clock()
	return f.tx.UpdateSessionState(f.session)
}

// end puts a session into a final state and tells of it.
func (s *Service) end(tx Tx, by Actor, out outbox, open *Session, status SessionStatus) error {
	open.Status, open.UpdatedAt = status, s.clock()
	if err := tx.UpdateSessionState(*open); err != nil {
		return err
	}
	if err := out.send(Event{Kind: StatusChangedEvent, Status: status}); err != nil {
		return err
	}
	return s.audit(tx, by, "session."+status.verb(), open.object(), withProject(open.Project))
}

// ExpireSessions writes down that sessions have expired, at most limit of
// them, and tells of it; it gives how many it found. Their status follows the
// clock without it. For the system alone.
func (s *Service) ExpireSessions(ctx context.Context, by Actor, limit int) (int, error) {
	if by.kind != ActorSystem {
		return 0, errDenied
	}
	now := s.clock()
	one := func(tx Tx) ([]Session, error) { return tx.OverdueSessions(now, 1) }
	if found, err := view(ctx, s, one); err != nil || len(found) == 0 {
		return 0, err // an idle server does not write
	}
	return update(ctx, s, func(tx Tx) (int, error) {
		found, err := tx.OverdueSessions(now, limit)
		if err != nil {
			return 0, err
		}
		return len(found), s.expire(tx, by, found)
	})
}

// expire writes down that overdue sessions have expired. All of them share the
// statements: thousands that end at one moment must not keep those who write
// meanwhile waiting.
func (s *Service) expire(tx Tx, by Actor, overdue []Session) error {
	now, ids := s.clock(), make([]SessionID, len(overdue))
	for i, o := range overdue {
		ids[i] = o.ID
	}
	hooks, err := tx.WebhooksOf(ids)
	if err != nil {
		return err
	}
	var told []Delivery
	var lines []AuditEvent
	for _, o := range overdue {
		out := outbox{session: o, hooks: hooks[o.ID], now: now}
		told = append(told, out.deliveries(Event{Kind: StatusChangedEvent, Status: SessionExpired})...)
		lines = append(lines, s.auditEvent(by, "session."+SessionExpired.verb(), o.object(), withProject(o.Project)))
	}
	return inOrder(
		func() error { return tx.ExpireSessions(ids, now) },
		func() error { return tx.InsertDeliveries(told) },
		func() error { return tx.InsertAuditEvents(lines...) },
	)
}

// retention is how long deliveries that ended are kept.
const retention = 30 * 24 * time.Hour

// PruneDeliveries removes old deliveries that ended. For the system alone.
func (s *Service) PruneDeliveries(ctx context.Context, by Actor) (int, error) {
	if by.kind != ActorSystem {
		return 0, errDenied
	}
	return update(ctx, s, func(tx Tx) (int, error) { return tx.DeleteDeliveries(s.clock().Add(-retention)) })
}
