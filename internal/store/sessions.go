package store

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type sessionRow struct {
	bun.BaseModel   `bun:"table:sessions"`
	ID              int64 `bun:",pk"`
	UUID            uid   `bun:"uuid"`
	ProjectID       int64
	Kind            string
	Identifier      string
	ExternalID      *string
	Status          string
	MultiKey        bool
	MultiConnection bool
	MustConfirm     bool
	Banner          *string
	Message         *string
	ExpiresAt       instant `bun:",nullzero"`
	CreatedAt       instant
	UpdatedAt       instant
	MatchAllKeys    bool
	MaxAttempts     int
	Attempts        int
	VerifiedAt      instant `bun:",nullzero"`
}

func sessionRowOf(s core.Session) sessionRow {
	return sessionRow{
		ID: int64(s.ID), UUID: uid(s.UUID), ProjectID: int64(s.Project), Kind: string(s.Kind),
		Identifier: s.Identifier, ExternalID: s.ExternalID, Status: string(s.Status),
		MultiKey: s.MultiKey, MultiConnection: s.MultiConnection, MustConfirm: s.MustConfirm,
		Banner: s.Banner, Message: s.Message,
		ExpiresAt: instant{s.ExpiresAt}, CreatedAt: instant{s.CreatedAt}, UpdatedAt: instant{s.UpdatedAt},
		MatchAllKeys: s.MatchAllKeys, MaxAttempts: s.MaxAttempts, Attempts: s.Attempts, VerifiedAt: instant{s.VerifiedAt},
	}
}

func (r sessionRow) session() core.Session {
	return core.Session{
		ID: core.SessionID(r.ID), UUID: uuid.UUID(r.UUID), Project: core.ProjectID(r.ProjectID), Kind: core.SessionKind(r.Kind),
		Identifier: r.Identifier, ExternalID: r.ExternalID, Status: core.SessionStatus(r.Status),
		MultiKey: r.MultiKey, MultiConnection: r.MultiConnection, MustConfirm: r.MustConfirm,
		Banner: r.Banner, Message: r.Message,
		ExpiresAt: r.ExpiresAt.Time, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		MatchAllKeys: r.MatchAllKeys, MaxAttempts: r.MaxAttempts, Attempts: r.Attempts, VerifiedAt: r.VerifiedAt.Time,
	}
}

func (t *tx) Session(id core.SessionID) (core.Session, error) {
	return one(sessionRow.session)(get[sessionRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) SessionByUUID(id uuid.UUID) (core.Session, error) {
	return one(sessionRow.session)(get[sessionRow](t, "WHERE uuid = ?", id))
}

// visitedRow is a session with what tells whether it has webhooks.
type visitedRow struct {
	bun.BaseModel `bun:"table:sessions"`
	sessionRow
	Hooked bool `bun:"hooked,scanonly"`
}

func (visitedRow) derived() [][2]string {
	return [][2]string{{"hooked", "EXISTS (SELECT 1 FROM webhooks WHERE session_id = sessions.id)"}}
}

func (t *tx) Visited(id core.SessionID) (core.Visited, error) {
	return t.visited("sessions.id = ?", int64(id))
}

func (t *tx) VisitedByIdentifier(identifier string) (core.Visited, error) {
	return t.visited("sessions.identifier = ?", identifier)
}

func (t *tx) visited(where string, arg any) (core.Visited, error) {
	s, p, err := getBoth[visitedRow, projectRow](t, "ON projects.id = project_id WHERE "+where, arg)
	if err != nil {
		return core.Visited{}, err
	}
	return core.Visited{Session: s.session(), Project: p.project(), Hooked: s.Hooked}, nil
}

func (t *tx) Sessions(q core.SessionQuery) ([]core.Session, int, error) {
	where := func(s *bun.SelectQuery) *bun.SelectQuery {
		if q.Project != 0 {
			s = s.Where("project_id = ?", int64(q.Project))
		}
		if q.Kind != "" {
			s = s.Where("kind = ?", string(q.Kind))
		}
		return s
	}
	rows, n, err := paged[sessionRow](t, q.Page, "created_at DESC, id DESC", where)
	sessions, err := all(sessionRow.session)(rows, err)
	return sessions, n, err
}

func (t *tx) OverdueSessions(now time.Time, limit int) ([]core.Session, error) {
	return all(sessionRow.session)(list[sessionRow](t,
		"WHERE status = 'pending' AND expires_at <= ? ORDER BY expires_at, id LIMIT ?", instant{now}, limit))
}

func (t *tx) ExpireSessions(ids []core.SessionID, now time.Time) error {
	return inSteps(ids, func(some string, args []any) error {
		_, err := t.exec("UPDATE sessions SET status = 'expired', updated_at = ? WHERE id IN "+some,
			append([]any{instant{now}}, args...)...)
		return err
	})
}

func (t *tx) InsertSession(s core.Session) (core.SessionID, error) {
	id, err := insert(t, sessionRowOf(s))
	return core.SessionID(id), err
}

// UpdateSessionState names no column more than it takes: SQLite writes again each
// index that has one of them.
func (t *tx) UpdateSessionState(s core.Session) error {
	var verified any
	if !s.VerifiedAt.IsZero() {
		verified = instant{s.VerifiedAt}
	}
	return t.changeLater("UPDATE sessions SET status = ?, attempts = ?, verified_at = ?, updated_at = ? WHERE id = ?",
		string(s.Status), s.Attempts, verified, instant{s.UpdatedAt}, int64(s.ID))
}

func (t *tx) UpdateSession(s core.Session) error { return updateLater(t, sessionRowOf(s)) }

func (t *tx) DeleteSession(id core.SessionID) error {
	return t.change("DELETE FROM sessions WHERE id = ?", int64(id))
}

type connectionRow struct {
	bun.BaseModel `bun:"table:connections"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	SessionID     int64
	Address       ip
	ClientVersion string
	CreatedAt     instant
}

func (r connectionRow) connection() core.Connection {
	return core.Connection{
		ID: core.ConnectionID(r.ID), UUID: uuid.UUID(r.UUID), Session: core.SessionID(r.SessionID),
		Address: r.Address.Addr, ClientVersion: r.ClientVersion, CreatedAt: r.CreatedAt.Time,
	}
}

type collectedKeyRow struct {
	bun.BaseModel `bun:"table:collected_keys"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	ConnectionID  int64
	Blob          wire
	Proven        bool
	CreatedAt     instant
	WantedID      reference `bun:",nullzero"`
}

func (r collectedKeyRow) collectedKey() core.CollectedKey {
	return core.CollectedKey{
		ID: r.ID, UUID: uuid.UUID(r.UUID), Public: r.Blob.PublicKey, Proven: r.Proven, CreatedAt: r.CreatedAt.Time,
		Wanted: core.WantedKeyID(r.WantedID),
	}
}

func (t *tx) Connections(session core.SessionID) ([]core.Connection, error) {
	connections, err := all(connectionRow.connection)(
		list[connectionRow](t, "WHERE session_id = ? ORDER BY id", int64(session)))
	if err != nil {
		return nil, err
	}
	keys, err := list[collectedKeyRow](t,
		"WHERE connection_id IN (SELECT id FROM connections WHERE session_id = ?) ORDER BY connection_id, id", int64(session))
	if err != nil {
		return nil, err
	}
	for i := range connections { // both are in the order of the connections' ids
		c := &connections[i]
		for len(keys) > 0 && keys[0].ConnectionID == int64(c.ID) {
			c.Keys = append(c.Keys, keys[0].collectedKey())
			keys = keys[1:]
		}
	}
	return connections, nil
}

func (t *tx) Connection(id core.ConnectionID) (core.Connection, error) {
	return one(connectionRow.connection)(get[connectionRow](t, "WHERE id = ?", int64(id)))
}

func (t *tx) InsertConnection(c *core.Connection) error {
	row := connectionRow{
		UUID: uid(c.UUID), SessionID: int64(c.Session),
		Address: ip{c.Address}, ClientVersion: c.ClientVersion, CreatedAt: instant{c.CreatedAt},
	}
	return insertLater(t, row, func(id int64) { c.ID = core.ConnectionID(id) })
}

func (t *tx) InsertCollectedKeys(c core.ConnectionID, keys []core.CollectedKey) error {
	rows := make([]collectedKeyRow, len(keys))
	for i, k := range keys {
		rows[i] = collectedKeyRow{
			ID: k.ID, UUID: uid(k.UUID), ConnectionID: int64(c),
			Blob: wire{k.Public}, Proven: k.Proven, CreatedAt: instant{k.CreatedAt},
			WantedID: reference(k.Wanted),
		}
	}
	return insertAll(t, rows)
}

type wantedKeyRow struct {
	bun.BaseModel `bun:"table:wanted_keys"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	SessionID     int64
	Name          *string
	ExternalID    *string
	Blob          wire
	VerifiedAt    instant `bun:",nullzero"`
}

func wantedKeyRowOf(k core.WantedKey) wantedKeyRow {
	return wantedKeyRow{
		ID: int64(k.ID), UUID: uid(k.UUID), SessionID: int64(k.Session), Name: k.Name, ExternalID: k.ExternalID,
		Blob: wire{k.Public}, VerifiedAt: instant{k.VerifiedAt},
	}
}

func (r wantedKeyRow) wantedKey() core.WantedKey {
	return core.WantedKey{
		ID: core.WantedKeyID(r.ID), UUID: uuid.UUID(r.UUID), Session: core.SessionID(r.SessionID), Name: r.Name,
		ExternalID: r.ExternalID, Public: r.Blob.PublicKey, VerifiedAt: r.VerifiedAt.Time,
	}
}

func (t *tx) WantedKeys(session core.SessionID) ([]core.WantedKey, error) {
	return all(wantedKeyRow.wantedKey)(list[wantedKeyRow](t, "WHERE session_id = ? ORDER BY id", int64(session)))
}

func (t *tx) InsertWantedKey(k core.WantedKey) (core.WantedKeyID, error) {
	id, err := insert(t, wantedKeyRowOf(k))
	return core.WantedKeyID(id), err
}

func (t *tx) UpdateWantedKey(k core.WantedKey) error { return updateLater(t, wantedKeyRowOf(k)) }

func (t *tx) DeleteWantedKey(id core.WantedKeyID) error {
	return t.change("DELETE FROM wanted_keys WHERE id = ?", int64(id))
}
