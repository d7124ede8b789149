package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) audit() *cobra.Command {
	return group("audit", "The record of what was done", a.auditList())
}

func (a *app) auditList() *cobra.Command {
	var q core.AuditQuery
	var since time.Duration
	c := a.list("list", "List audit events, newest first",
		func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
			if since > 0 {
				q.Since = time.Now().Add(-since)
			}
			events, err := l.Core.AuditEvents(ctx, by, q)
			list := make([]record, len(events))
			for i, e := range events {
				list[i] = eventRecord(e)
			}
			return list, err
		})
	f := c.Flags()
	f.DurationVar(&since, "since", 0, "only events of this last while, as 24h")
	f.StringVar(&q.Object, "object", "", `only events of one object, as "key 0197c3a2-…"`)
	f.Int64Var(&q.Before, "before", 0, "only events with a smaller id, for the next page")
	f.IntVar(&q.Limit, "limit", 100, "at most so many")
	return c
}

func eventRecord(e core.AuditEvent) record {
	return record{
		{"id", e.ID}, {"at", e.At}, {"actor_kind", e.ActorKind.String()}, {"actor", e.ActorName},
		{"action", e.Action}, {"object", e.Object}, {"face", e.Face}, {"address", address(e.Address)},
		{"outcome", string(e.Outcome)}, {"detail", e.Detail},
	}
}
