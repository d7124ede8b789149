package core

import (
	"context"
	"strings"
)

// audit appends one line to the audit record, in the transaction of the change
// it tells of.
func (s *Service) audit(tx Tx, by Actor, action, object string, with ...func(*AuditEvent)) error {
	return tx.InsertAuditEvents(s.auditEvent(by, action, object, with...))
}

// auditEvent is the line that audit appends.
func (s *Service) auditEvent(by Actor, action, object string, with ...func(*AuditEvent)) AuditEvent {
	e := AuditEvent{
		At: s.clock(), ActorKind: by.kind, ActorName: by.name, Account: by.account, Project: by.project,
		Action: action, Object: object, Face: by.origin.Face, Address: by.origin.Address, Outcome: Done,
	}
	for _, set := range with {
		set(&e)
	}
	if by.behind.login != "" {
		e.Detail = strings.TrimSpace(e.Detail + " (" + by.behind.login + " acts as " + by.name + ")")
	}
	return e
}

func withProject(id ProjectID) func(*AuditEvent) {
	return func(e *AuditEvent) { e.Project = id }
}

func withDetail(text string) func(*AuditEvent) {
	return func(e *AuditEvent) { e.Detail = text }
}

func refused(why string) func(*AuditEvent) {
	return func(e *AuditEvent) { e.Outcome, e.Detail = Refused, why }
}

// AuditEvents reads the audit record, newest first. For those who read
// everything.
func (s *Service) AuditEvents(ctx context.Context, by Actor, q AuditQuery) ([]AuditEvent, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	q.Limit = max(q.Limit, 0) // not every database takes a negative one
	return view(ctx, s, func(tx Tx) ([]AuditEvent, error) { return tx.AuditEvents(q) })
}
