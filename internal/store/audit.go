package store

import (
	"cmp"

	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit_events"`
	ID            int64 `bun:",pk"`
	At            instant
	ActorKind     int
	ActorName     string
	AccountID     int64
	ProjectID     int64
	Action        string
	Object        string
	Face          string
	Address       ip
	Outcome       string
	Detail        string
}

func (r auditRow) event() core.AuditEvent {
	return core.AuditEvent{
		ID: r.ID, At: r.At.Time,
		ActorKind: core.ActorKind(r.ActorKind), ActorName: r.ActorName, // #nosec G115 -- written from an ActorKind
		Account: core.AccountID(r.AccountID), Project: core.ProjectID(r.ProjectID),
		Action: r.Action, Object: r.Object, Face: r.Face, Address: r.Address.Addr,
		Outcome: core.Outcome(r.Outcome), Detail: r.Detail,
	}
}

func auditRowOf(e core.AuditEvent) auditRow {
	return auditRow{
		ID: e.ID, At: instant{e.At}, ActorKind: int(e.ActorKind), ActorName: e.ActorName,
		AccountID: int64(e.Account), ProjectID: int64(e.Project),
		Action: e.Action, Object: e.Object, Face: e.Face, Address: ip{e.Address},
		Outcome: string(e.Outcome), Detail: e.Detail,
	}
}

func (t *tx) InsertAuditEvents(list ...core.AuditEvent) error {
	rows := make([]auditRow, len(list))
	for i, e := range list {
		rows[i] = auditRowOf(e)
	}
	return insertAll(t, rows)
}

// defaultLimit bounds lists that only grow.
const defaultLimit = 100

func (t *tx) AuditEvents(q core.AuditQuery) ([]core.AuditEvent, error) {
	if !storable([]any{q.Object}) {
		return nil, nil
	}
	return all(auditRow.event)(search[auditRow](t, func(s *bun.SelectQuery) *bun.SelectQuery {
		if q.Before != 0 {
			s = s.Where("id < ?", q.Before)
		}
		if !q.Since.IsZero() {
			// Ids follow time but for steps of the clock. Without the first one
			// SQLite would go through all there is, looking for more.
			since := instant{q.Since}
			s = s.Where("at >= ? AND id >= (SELECT min(id) FROM audit_events WHERE at >= ?)", since, since)
		}
		if q.Object != "" {
			s = s.Where("object = ?", q.Object)
		}
		return s.OrderExpr("id DESC").Limit(int64(cmp.Or(q.Limit, defaultLimit)))
	}))
}
