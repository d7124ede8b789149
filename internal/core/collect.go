package core

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Bounds of what a session may carry.
const (
	maxExternalID = 255  // characters
	maxShownText  = 4096 // bytes of banner and message
	maxPage       = 100  // sessions a page
	maxTimeout    = 3660 * 24 * time.Hour
)

// NewSession is what a session is made from.
type NewSession struct {
	Kind            SessionKind
	ExternalID      *string
	MultiKey        bool
	MultiConnection bool
	MustConfirm     bool
	Banner, Message *string
	Expiry
}

// Expiry is when a session is to end: at a moment, or some time after the
// write. Both unset means never.
type Expiry struct {
	At      time.Time
	Timeout *time.Duration
}

// resolve gives the moment, zero for never.
func (e Expiry) resolve(now time.Time, p *problems) time.Time {
	if e.Timeout == nil {
		return Moment(e.At)
	}
	if *e.Timeout <= 0 || *e.Timeout > maxTimeout {
		p.addf("timeout", "must be between 1 second and 10 years")
		return time.Time{}
	}
	return Moment(now.Add(*e.Timeout))
}

// CreateSession makes a session in the actor's project. Invalid names the
// fields external_id, ssh_banner, ssh_message, expired_at and timeout.
func (s *Service) CreateSession(ctx context.Context, by Actor, in NewSession) (Session, error) {
	if by.kind != ActorProject {
		return Session{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (Session, error) {
		return s.createSession(tx, by, by.project, in)
	})
}

func (s *Service) createSession(tx Tx, by Actor, project ProjectID, in NewSession) (Session, error) {
	now := s.clock()
	out := Session{
		UUID: newUUID(), Project: project, Kind: in.Kind, Identifier: NewIdentifier(),
		ExternalID: in.ExternalID, Status: SessionPending,
		MultiKey: in.MultiKey, MultiConnection: in.MultiConnection, MustConfirm: in.MustConfirm,
		Banner: cleanText(in.Banner), Message: cleanText(in.Message),
		CreatedAt: now, UpdatedAt: now,
	}
	var p problems
	out.ExpiresAt = in.resolve(now, &p)
	if in.Timeout == nil && !in.At.IsZero() && !now.Before(out.ExpiresAt) {
		p.addf("expired_at", "must be in the future")
	}
	out.check(&p)
	if err := p.err(); err != nil {
		return Session{}, err
	}
	var err error
	if out.ID, err = tx.InsertSession(out); err != nil {
		return Session{}, err
	}
	return out, s.audit(tx, by, "session.create", out.object(), withProject(project))
}

func (s Session) check(p *problems) {
	if s.ExternalID != nil && len([]rune(*s.ExternalID)) > maxExternalID {
		p.addf("external_id", "must have at most %d characters", maxExternalID)
	}
	checkShown(p, "ssh_banner", s.Banner)
	checkShown(p, "ssh_message", s.Message)
}

func checkShown(p *problems, path string, text *string) {
	if text != nil && len(*text) > maxShownText {
		p.addf(path, "must have at most %d bytes", maxShownText)
	}
}

func (s Session) object() string { return "session " + s.UUID.String() }

// cleanText drops what could steer a terminal: control characters except tab
// and newline, and characters that only reorder or hide text.
func cleanText(text *string) *string {
	if text == nil {
		return nil
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.Is(unicode.C, r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, *text)
	return &clean
}

// Session gives one session of the actor's project with its connections.
// Status is as of now. A session of another project is NotFound.
func (s *Service) Session(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	return view(ctx, s, func(tx Tx) (Session, error) {
		found, err := s.sessionFor(tx, by, kind, id)
		if err != nil {
			return Session{}, err
		}
		return s.complete(tx, found)
	})
}

// complete fills in what is read beside the row: connections and clock.
func (s *Service) complete(tx Tx, found Session) (Session, error) {
	var err error
	found.Connections, err = tx.Connections(found.ID)
	found.Status = found.StatusAt(s.clock())
	return found, err
}

// sessionFor gives the stored session where the actor may see it.
func (s *Service) sessionFor(tx Tx, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	found, err := tx.SessionByUUID(id)
	if err != nil {
		return Session{}, err
	}
	if found.Kind != kind || !by.seesProject(found.Project) {
		return Session{}, Errorf(NotFound, "no such session")
	}
	return found, nil
}

func (a Actor) seesProject(id ProjectID) bool {
	return a.readsAll() || a.kind == ActorProject && id != 0 && a.project == id
}

func (a Actor) changesProject(id ProjectID) bool {
	return a.manages() || a.kind == ActorProject && id != 0 && a.project == id
}

// Sessions lists the sessions of the actor's project, newest first, without
// their connections, and says how many there are in all. An actor who reads
// everything sees those of all projects.
func (s *Service) Sessions(ctx context.Context, by Actor, kind SessionKind, p Page) ([]Session, int, error) {
	if by.project == 0 && !by.readsAll() {
		return nil, 0, errDenied
	}
	p.Limit = min(max(p.Limit, 1), maxPage)
	var total int
	list, err := view(ctx, s, func(tx Tx) (list []Session, err error) {
		list, total, err = tx.Sessions(SessionQuery{Project: by.project, Kind: kind, Page: p})
		return list, err
	})
	now := s.clock()
	for i := range list {
		list[i].Status = list[i].StatusAt(now)
	}
	return list, total, err
}

// Change is a new value that may be absent. The zero Change leaves alone.
type Change[T any] struct {
	Set   bool
	Value T
}

// To makes a Change that sets v.
func To[T any](v T) Change[T] { return Change[T]{Set: true, Value: v} }

func (c Change[T]) apply(to *T) {
	if c.Set {
		*to = c.Value
	}
}

// SessionChange says what to change of a session.
type SessionChange struct {
	ExternalID      Change[*string]
	MultiKey        Change[bool]
	MultiConnection Change[bool]
	MustConfirm     Change[bool]
	Banner, Message Change[*string]
	Expiry          Change[Expiry]
}

// onlyExternalID tells whether nothing that a connection acts on is changed.
func (c SessionChange) onlyExternalID() bool {
	c.ExternalID = Change[*string]{}
	return c == SessionChange{}
}

// ChangeSession changes a session of the actor's project. A session that is
// not pending takes a new external id only (else Conflict), but an expired one
// may be given a later end and is pending again.
func (s *Service) ChangeSession(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID, c SessionChange) (Session, error) {
	return update(ctx, s, func(tx Tx) (Session, error) {
		found, err := s.sessionToChange(tx, by, kind, id)
		if err != nil {
			return Session{}, err
		}
		if err := s.changeSession(&found, c); err != nil {
			return Session{}, err
		}
		if err := tx.UpdateSession(found); err != nil {
			return Session{}, err
		}
		if err := s.audit(tx, by, "session.change", found.object(), withProject(found.Project)); err != nil {
			return Session{}, err
		}
		return s.complete(tx, found)
	})
}

func (s *Service) sessionToChange(tx Tx, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	found, err := s.sessionFor(tx, by, kind, id)
	if err == nil && !by.changesProject(found.Project) {
		return Session{}, errDenied
	}
	return found, err
}

func (s *Service) changeSession(to *Session, c SessionChange) error {
	now := s.clock()
	var p problems
	status := to.StatusAt(now)
	if c.Expiry.Set {
		to.ExpiresAt = c.Expiry.Value.resolve(now, &p)
	}
	revived := status == SessionExpired && c.Expiry.Set && to.StatusAt(now) == SessionPending
	if status != SessionPending && !revived && !c.onlyExternalID() {
		return Errorf(Conflict, "the session is %s; only external_id can be changed", status)
	}
	c.ExternalID.apply(&to.ExternalID)
	c.MultiKey.apply(&to.MultiKey)
	c.MultiConnection.apply(&to.MultiConnection)
	c.MustConfirm.apply(&to.MustConfirm)
	c.Banner.apply(&to.Banner)
	c.Message.apply(&to.Message)
	to.Banner, to.Message = cleanText(to.Banner), cleanText(to.Message)
	to.UpdatedAt = now
	to.check(&p)
	return p.err()
}

// CompleteSession ends a multi-connection session by hand. Conflict when the
// session is for one connection only or not pending.
func (s *Service) CompleteSession(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	return update(ctx, s, func(tx Tx) (Session, error) {
		found, err := s.sessionToChange(tx, by, kind, id)
		if err != nil {
			return Session{}, err
		}
		if !found.MultiConnection {
			return Session{}, Errorf(Conflict, "Only multi-connection sessions can be completed by hand")
		}
		if status := found.StatusAt(s.clock()); status != SessionPending {
			return Session{}, Errorf(Conflict, "The session is already %s", status)
		}
		return s.finish(tx, by, found)
	})
}

// finish completes a session and lets its keys be adopted.
func (s *Service) finish(tx Tx, by Actor, open Session) (Session, error) {
	open.Status = SessionCompleted
	open.UpdatedAt = s.clock()
	if err := tx.UpdateSession(open); err != nil {
		return Session{}, err
	}
	if err := s.audit(tx, by, "session.complete", open.object(), withProject(open.Project)); err != nil {
		return Session{}, err
	}
	done, err := s.complete(tx, open)
	if err != nil {
		return Session{}, err
	}
	return done, s.adopt(tx, by, done)
}

// DeleteSession removes a session with its connections and collected keys.
// Keys that were adopted stay.
func (s *Service) DeleteSession(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID) error {
	return s.store.Update(ctx, func(tx Tx) error {
		found, err := s.sessionToChange(tx, by, kind, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteSession(found.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "session.delete", found.object(), withProject(found.Project))
	})
}

var errNoSession = Errorf(NotFound, "no open session with this name")

// Connect opens a connection to the pending session that identifier names and
// records it. Unknown, expired and finished sessions are NotFound alike.
func (s *Service) Connect(ctx context.Context, by Actor, identifier, clientVersion string) (Visit, error) {
	if len(identifier) != identifierLength {
		return Visit{}, errNoSession // spares the store what scanners try
	}
	found, err := view(ctx, s, func(tx Tx) (Session, error) { return tx.SessionByIdentifier(identifier) })
	if KindOf(err) == NotFound || err == nil && found.StatusAt(s.clock()) != SessionPending {
		return Visit{}, errNoSession
	}
	if err != nil {
		return Visit{}, err
	}
	return update(ctx, s, func(tx Tx) (Visit, error) {
		return s.connect(tx, by, found.ID, clientVersion)
	})
}

// connect records a connection, with the session read again: it may have ended
// since it was found.
func (s *Service) connect(tx Tx, by Actor, id SessionID, clientVersion string) (Visit, error) {
	now := s.clock()
	open, err := tx.Session(id)
	if KindOf(err) == NotFound || err == nil && open.StatusAt(now) != SessionPending {
		return Visit{}, errNoSession
	}
	if err != nil {
		return Visit{}, err
	}
	project, err := tx.Project(open.Project)
	if err != nil {
		return Visit{}, err
	}
	c := Connection{UUID: newUUID(), Session: id, Address: by.origin.Address, ClientVersion: clientVersion, CreatedAt: now}
	if c.ID, err = tx.InsertConnection(c); err != nil {
		return Visit{}, err
	}
	return Visit{Connection: c.ID, Session: open, Prove: project.ProveKeys}, nil
}

// Finish records the keys that came in over a connection and completes a
// single-connection session. Conflict when the session is no longer open:
// another connection was first, or its time ran out.
func (s *Service) Finish(ctx context.Context, by Actor, id ConnectionID, keys []CollectedKey) error {
	if len(keys) == 0 {
		return nil // the connection stands already; the session stays pending
	}
	return s.store.Update(ctx, func(tx Tx) error {
		open, err := s.openSession(tx, id)
		if err != nil {
			return err
		}
		if err := tx.InsertCollectedKeys(id, withIDs(keys)); err != nil {
			return err
		}
		if open.MultiConnection {
			return s.audit(tx, by, "session.collect", open.object(), withProject(open.Project))
		}
		_, err = s.finish(tx, by, open)
		return err
	})
}

// openSession gives the session a connection belongs to while it takes keys. A
// session that was deleted meanwhile took the connection with it.
func (s *Service) openSession(tx Tx, id ConnectionID) (Session, error) {
	connection, err := tx.Connection(id)
	if KindOf(err) == NotFound {
		return Session{}, Errorf(Conflict, "the session is no longer there")
	}
	if err != nil {
		return Session{}, err
	}
	open, err := tx.Session(connection.Session)
	if err != nil {
		return Session{}, err
	}
	if status := open.StatusAt(s.clock()); status != SessionPending {
		return Session{}, Errorf(Conflict, "the session is already %s", status)
	}
	return open, nil
}

func withIDs(keys []CollectedKey) []CollectedKey {
	out := make([]CollectedKey, len(keys))
	for i, k := range keys {
		k.UUID, k.CreatedAt = newUUID(), Moment(k.CreatedAt)
		out[i] = k
	}
	return out
}
