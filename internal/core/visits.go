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
	Connection Connection
	Session    Session // with its wanted keys
	Prove      bool    // ask for a signature of every key
}

// Connect opens a connection to the pending session that identifier names and
// records it. Unknown, expired and finished sessions are NotFound alike.
func (s *Service) Connect(ctx context.Context, by Actor, identifier, clientVersion string) (Visit, error) {
	if !isIdentifier(identifier) {
		return Visit{}, errNoSession
	}
	visit, err := updateLocked(ctx, s, func(tx Tx) (*Visit, error) {
		return s.connect(tx, by, identifier, clientVersion)
	})
	if err != nil {
		return Visit{}, err
	}
	return *visit, nil
}

// connect records a connection. Until this is done the session does not end. A
// stranger's wrong guess has written nothing, and costs no more than a read.
func (s *Service) connect(tx Tx, by Actor, identifier, clientVersion string) (*Visit, error) {
	if err := tx.ShareSessionByIdentifier(identifier); err != nil {
		return nil, err
	}
	found, err := tx.VisitedByIdentifier(identifier)
	session := found.Session
	if KindOf(err) == NotFound || err == nil && session.StatusAt(s.clock()) != SessionPending {
		return nil, errNoSession
	}
	if err != nil {
		return nil, err
	}
	if session.Kind == VerifySession {
		if session.Wanted, err = tx.WantedKeys(session.ID); err != nil {
			return nil, err
		}
	}
	out, err := s.outboxOf(tx, found)
	if err != nil {
		return nil, err
	}
	c := Connection{UUID: newUUID(), Session: session.ID, Address: by.origin.Address, ClientVersion: clientVersion, CreatedAt: s.clock()}
	visit := &Visit{Connection: c, Session: session, Prove: found.Project.ProveKeys}
	if err := tx.InsertConnection(&visit.Connection); err != nil {
		return nil, err
	}
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
// A connection that Connect gave grants what the identifier granted to it: it is
// taken at its word. Only the SSH server in this process has one; no face calls
// Finish.
func (s *Service) Finish(ctx context.Context, by Actor, c Connection, keys []CollectedKey) ([]CollectedKey, error) {
	finish := func(tx Tx) ([]CollectedKey, error) { return s.finish(tx, by, c, keys) }
	recorded, err := updateLocked(ctx, s, finish)
	if errors.Is(err, errAdopts) {
		recorded, err = update(ctx, s, finish)
	}
	return recorded, err
}

// errAdopts says that the keys go to an account, whose other keys decide which.
var errAdopts = errors.New("the keys of the session are to be adopted")

func (s *Service) finish(tx Tx, by Actor, c Connection, keys []CollectedKey) ([]CollectedKey, error) {
	f := finishing{Service: s, tx: tx, by: by, connection: c}
	if err := f.begin(); err != nil {
		return nil, err
	}
	if f.session.Kind == VerifySession {
		return f.verify(keys)
	}
	return keys, f.collect(keys)
}

// begin finds the connection's session, which takes keys and is locked. One that
// was deleted meanwhile took the connection with it.
func (f *finishing) begin() error {
	if err := f.tx.LockSession(f.connection.Session); err != nil {
		return err
	}
	found, err := f.tx.Visited(f.connection.Session)
	if KindOf(err) == NotFound {
		return Errorf(Conflict, "the session is no longer there")
	}
	if err != nil {
		return err
	}
	if status := found.Session.StatusAt(f.clock()); status != SessionPending {
		return Errorf(Conflict, "the session is already %s", status)
	}
	f.session, f.project = found.Session, found.Project
	f.out, err = f.outboxOf(f.tx, found)
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
	if err := f.tx.LockKeys(k.Public.SHA256()); err != nil {
		return err
	}
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
