package core

import (
	"context"
	"fmt"
	"slices"
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
	Webhooks []NewWebhook

	// Of verify sessions alone.
	Wanted       []NewWantedKey
	MatchAllKeys bool
	MaxAttempts  int // at least 1
}

// NewWantedKey is what a wanted key is made from.
type NewWantedKey struct {
	PublicKey        string // in any form sshkey.Parse takes, without options, no certificate
	Name, ExternalID *string
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
	if *e.Timeout < time.Second || *e.Timeout > maxTimeout {
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
	create := func(tx Tx) (Session, error) { return s.createSession(tx, by, by.project, in) }
	if by.repeatable.key == "" && len(in.Webhooks) == 0 {
		return updateLocked(ctx, s, create) // it reads nothing
	}
	if by.repeatable.key == "" {
		return update(ctx, s, create) // a project's first webhook makes its secret
	}
	return update(ctx, s, func(tx Tx) (Session, error) {
		return once(s, tx, by, Session.id,
			func(id uuid.UUID) (Session, error) { return s.wholeSession(tx, by, in.Kind, id) },
			func() (Session, error) { return create(tx) })
	})
}

func (s Session) id() uuid.UUID { return s.UUID }

func (s *Service) createSession(tx Tx, by Actor, project ProjectID, in NewSession) (Session, error) {
	now := s.clock()
	out := Session{
		UUID: newUUID(), Project: project, Kind: in.Kind, Identifier: NewIdentifier(),
		ExternalID: in.ExternalID, Status: SessionPending,
		MultiKey: in.MultiKey, MultiConnection: in.MultiConnection, MustConfirm: in.MustConfirm,
		Banner: cleanText(in.Banner), Message: cleanText(in.Message),
		CreatedAt: now, UpdatedAt: now,
	}
	if in.Kind == VerifySession {
		out.MatchAllKeys, out.MaxAttempts = in.MatchAllKeys, in.MaxAttempts
	}
	var p problems
	out.ExpiresAt = in.resolve(now, &p)
	if in.Timeout == nil && !in.At.IsZero() && !now.Before(out.ExpiresAt) {
		p.addf("expired_at", "must be in the future")
	}
	out.check(&p)
	out.Wanted = wantedKeys(&p, out, in.Wanted)
	out.Webhooks = s.newWebhooks(&p, out.Kind, in.Webhooks)
	if err := p.err(); err != nil {
		return Session{}, err
	}
	return out, s.insertSession(tx, by, &out)
}

// insertSession stores a session with its wanted keys and webhooks, and gives
// all of them their ids.
func (s *Service) insertSession(tx Tx, by Actor, out *Session) (err error) {
	if out.ID, err = tx.InsertSession(*out); err != nil {
		return err
	}
	for i := range out.Wanted {
		w := &out.Wanted[i]
		w.Session = out.ID
		if w.ID, err = tx.InsertWantedKey(*w); err != nil {
			return err
		}
	}
	for i := range out.Webhooks {
		if err := s.insertWebhook(tx, *out, &out.Webhooks[i]); err != nil {
			return err
		}
	}
	return s.audit(tx, by, "session.add", out.object(), withProject(out.Project))
}

// maxWanted keeps to what one connection can prove: x/crypto/ssh ends it after
// 128 authentication requests, and a proof takes up to three.
const maxWanted = 40

// wantedKeys reads the keys of a verify session, with fresh ids.
func wantedKeys(p *problems, of Session, in []NewWantedKey) []WantedKey {
	if of.Kind != VerifySession {
		return nil
	}
	if len(in) == 0 || len(in) > maxWanted {
		p.addf("keys", "must have 1 to %d keys", maxWanted)
		return nil
	}
	out := make([]WantedKey, len(in))
	first := map[string]int{}
	for i, k := range in {
		public, err := plainKey(k.PublicKey)
		at := fmt.Sprintf("keys[%d].public_key", i)
		if err != nil {
			p.addf(at, "%v", err)
			continue
		}
		if j, twice := first[public.String()]; twice {
			p.addf(at, "is the same key as keys[%d]", j)
		}
		first[public.String()] = i
		checkOptional(p, fmt.Sprintf("keys[%d].name", i), k.Name)
		checkOptional(p, fmt.Sprintf("keys[%d].external_id", i), k.ExternalID)
		out[i] = WantedKey{UUID: newUUID(), Session: of.ID, Name: k.Name, ExternalID: k.ExternalID, Public: public}
	}
	return out
}

func checkOptional(p *problems, path string, text *string) {
	if text != nil {
		checkLabel(p, path, *text, maxExternalID)
	}
}

func (s Session) check(p *problems) {
	if s.Kind != CollectSession && s.Kind != VerifySession {
		p.addf("kind", "must be %s or %s", CollectSession, VerifySession)
	}
	checkOptional(p, "external_id", s.ExternalID)
	checkShown(p, "ssh_banner", s.Banner)
	checkShown(p, "ssh_message", s.Message)
	if s.Kind == VerifySession && s.MaxAttempts < 1 {
		p.addf("max_attempts", "must be at least 1")
	}
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
// Status is as of now. A session of another project is NotFound. Those who read
// everything but may not change the session are not told what opens it or its
// webhooks' receivers.
func (s *Service) Session(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	return view(ctx, s, func(tx Tx) (Session, error) { return s.wholeSession(tx, by, kind, id) })
}

// wholeSession gives a session with all that the actor may see of it.
func (s *Service) wholeSession(tx Tx, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	found, err := s.sessionFor(tx, by, kind, id)
	if err != nil {
		return Session{}, err
	}
	found, err = s.complete(tx, found)
	return found.shownTo(by), err
}

// shownTo leaves out what grants, where the actor may only read: who knows the
// identifier can bring in a key of his own.
func (s Session) shownTo(by Actor) Session {
	if by.changesProject(s.Project) {
		return s
	}
	s.Identifier = ""
	s.Webhooks = slices.Clone(s.Webhooks)
	for i := range s.Webhooks {
		s.Webhooks[i].Headers, s.Webhooks[i].SealedHeaders = nil, nil
	}
	return s
}

// complete fills in what is read beside the row, and the clock.
func (s *Service) complete(tx Tx, found Session) (_ Session, err error) {
	if found.Connections, err = tx.Connections(found.ID); err != nil {
		return Session{}, err
	}
	if found.Wanted, err = tx.WantedKeys(found.ID); err != nil {
		return Session{}, err
	}
	if found.Webhooks, err = s.webhooks(tx, found); err != nil {
		return Session{}, err
	}
	found.Status = found.StatusAt(s.clock())
	return found, nil
}

var errUnseen = Errorf(NotFound, "no such session")

// sessionFor gives the stored session where the actor may see it.
func (s *Service) sessionFor(tx Tx, by Actor, kind SessionKind, id uuid.UUID) (Session, error) {
	found, err := tx.SessionByUUID(id)
	if err == nil && (found.Kind != kind || !by.seesProject(found.Project)) {
		return Session{}, errUnseen
	}
	return found, as(errUnseen, err)
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
		list, total, err = tx.Sessions(SessionQuery{Project: by.project, Kind: kind, Page: p.clamped()})
		return list, err
	})
	now := s.clock()
	for i := range list {
		list[i].Status = list[i].StatusAt(now)
		list[i] = list[i].shownTo(by)
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

	// Of verify sessions alone.
	Wanted       Change[[]NewWantedKey] // replaces all; a key that stays keeps its id and proof
	MatchAllKeys Change[bool]
	MaxAttempts  Change[int]
}

// onlyExternalID tells whether nothing that a connection acts on is changed.
func (c SessionChange) onlyExternalID() bool {
	return !c.MultiKey.Set && !c.MultiConnection.Set && !c.MustConfirm.Set && !c.Banner.Set && !c.Message.Set &&
		!c.Expiry.Set && !c.Wanted.Set && !c.MatchAllKeys.Set && !c.MaxAttempts.Set
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
		wanted, err := s.changeSession(&found, c)
		if err != nil {
			return Session{}, err
		}
		if err := tx.UpdateSession(found); err != nil {
			return Session{}, err
		}
		if err := replaceWanted(tx, found.ID, c.Wanted.Set, wanted); err != nil {
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

// changeSession changes the session itself, and gives the wanted keys it is to
// have where these change too.
func (s *Service) changeSession(to *Session, c SessionChange) ([]WantedKey, error) {
	var p problems
	if err := s.changeExpiry(to, c, &p); err != nil {
		return nil, err
	}
	c.ExternalID.apply(&to.ExternalID)
	c.MultiKey.apply(&to.MultiKey)
	c.MultiConnection.apply(&to.MultiConnection)
	c.MustConfirm.apply(&to.MustConfirm)
	c.Banner.apply(&to.Banner)
	c.Message.apply(&to.Message)
	to.Banner, to.Message = cleanText(to.Banner), cleanText(to.Message)
	to.UpdatedAt = s.clock()
	var wanted []WantedKey
	if to.Kind == VerifySession {
		c.MatchAllKeys.apply(&to.MatchAllKeys)
		c.MaxAttempts.apply(&to.MaxAttempts)
		if c.Wanted.Set {
			wanted = wantedKeys(&p, *to, c.Wanted.Value)
		}
	}
	to.check(&p)
	return wanted, p.err()
}

// changeExpiry moves the end of a session, and says whether the session may be
// changed at all. A later end makes an expired session pending again.
func (s *Service) changeExpiry(to *Session, c SessionChange, p *problems) error {
	now := s.clock()
	status := to.StatusAt(now)
	if c.Expiry.Set {
		to.ExpiresAt = c.Expiry.Value.resolve(now, p)
		if status == SessionExpired && !expired(to.ExpiresAt, now) {
			to.Status, status = SessionPending, SessionPending
		}
	}
	if status != SessionPending && !c.onlyExternalID() {
		return Errorf(Conflict, "the session is %s; only external_id can be changed", status)
	}
	return nil
}

// replaceWanted makes the wanted keys of a session those given. A key that
// stays keeps its id and its proof.
func replaceWanted(tx Tx, session SessionID, replace bool, want []WantedKey) error {
	if !replace {
		return nil
	}
	have, err := tx.WantedKeys(session)
	if err != nil {
		return err
	}
	left := make(map[string]WantedKey, len(have))
	for _, k := range have {
		left[k.Public.String()] = k
	}
	for _, k := range want {
		if err := putWanted(tx, k, left[k.Public.String()]); err != nil {
			return err
		}
		delete(left, k.Public.String())
	}
	for _, k := range left {
		if err := tx.DeleteWantedKey(k.ID); err != nil {
			return err
		}
	}
	return nil
}

// putWanted stores a wanted key in the place of the one it was before, if any.
func putWanted(tx Tx, k, before WantedKey) error {
	if before.ID == 0 {
		_, err := tx.InsertWantedKey(k)
		return err
	}
	before.Name, before.ExternalID = k.Name, k.ExternalID
	return tx.UpdateWantedKey(before)
}

// CompleteSession ends a multi-connection session by hand: a collect session is
// completed, a verify session verified if its rules were met once, else
// failed. Conflict when the session is for one connection only or not pending.
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
		out, err := s.outbox(tx, found)
		if err != nil {
			return Session{}, err
		}
		if err := s.end(tx, by, out, &found, found.outcome()); err != nil {
			return Session{}, err
		}
		project, err := tx.Project(found.Project)
		if err != nil {
			return Session{}, err
		}
		if err := s.adopt(tx, by, project, found); err != nil {
			return Session{}, err
		}
		return s.complete(tx, found)
	})
}

// outcome is what completing a session by hand makes of it.
func (s Session) outcome() SessionStatus {
	switch {
	case s.Kind == CollectSession:
		return SessionCompleted
	case s.VerifiedAt.IsZero():
		return SessionFailed
	}
	return SessionVerified
}

// DeleteSession removes a session with its connections, collected keys, webhooks
// and their deliveries. Keys that were adopted stay.
func (s *Service) DeleteSession(ctx context.Context, by Actor, kind SessionKind, id uuid.UUID) error {
	return s.store.Update(ctx, func(tx Tx) error {
		found, err := s.sessionToChange(tx, by, kind, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteSession(found.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "session.remove", found.object(), withProject(found.Project))
	})
}
