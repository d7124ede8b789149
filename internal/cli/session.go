package cli

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
)

func (a *app) session() *cobra.Command {
	return group("session", "Collect sessions of projects", a.sessionList(), a.sessionShow(), a.sessionComplete(), a.sessionRemove())
}

func (a *app) sessionList() *cobra.Command {
	var page core.Page
	c := a.list("list", "List sessions, newest first", func(ctx context.Context, l *server.Local, by core.Actor, _ []string) ([]record, error) {
		if page.Limit == 0 {
			page.Limit = 100
		}
		sessions, _, err := l.Core.Sessions(ctx, by, core.CollectSession, page)
		list := make([]record, len(sessions))
		for i, s := range sessions {
			list[i] = sessionRecord(s)
		}
		return list, err
	})
	addPageFlags(c, &page)
	return c
}

// sessionRecord leaves out the connection identifier, which grants.
func sessionRecord(s core.Session) record {
	external := ""
	if s.ExternalID != nil {
		external = *s.ExternalID
	}
	return record{
		{"id", s.UUID.String()}, {"status", string(s.Status)}, {"external_id", external},
		{"multi_key", s.MultiKey}, {"multi_connection", s.MultiConnection}, {"must_confirm", s.MustConfirm},
		{"expires_at", s.ExpiresAt}, {"created_at", s.CreatedAt},
	}
}

func (a *app) sessionShow() *cobra.Command {
	return a.show("show ID", "Show a session with its connections and keys",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (record, error) {
			id, err := sessionID(args[0])
			if err != nil {
				return nil, err
			}
			s, err := l.Core.Session(ctx, by, core.CollectSession, id)
			if err != nil {
				return nil, err
			}
			return append(sessionRecord(s), field{"connections", connectionRecords(s)}), nil
		})
}

func sessionID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return id, usageError{fmt.Errorf("%q is not a session's id", text)}
	}
	return id, nil
}

func connectionRecords(s core.Session) []record {
	list := make([]record, len(s.Connections))
	for i, c := range s.Connections {
		keys := make([]record, len(c.Keys))
		for j, k := range c.Keys {
			keys[j] = collectedRecord(k)
		}
		list[i] = record{{"address", address(c.Address)}, {"client_version", c.ClientVersion}, {"created_at", c.CreatedAt}, {"keys", keys}}
	}
	return list
}

func collectedRecord(k core.CollectedKey) record {
	return record{
		{"fingerprint", k.Public.SHA256().String()}, {"algorithm", k.Public.Algorithm()}, {"bits", k.Public.Bits()},
		{"proven", k.Proven}, {"public_key", k.Public.String()},
	}
}

func (a *app) sessionComplete() *cobra.Command {
	return a.do("complete ID", "End a multi-connection session",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			id, err := sessionID(args[0])
			if err != nil {
				return "", err
			}
			_, err = l.Core.CompleteSession(ctx, by, core.CollectSession, id)
			return "completed session " + id.String(), err
		})
}

func (a *app) sessionRemove() *cobra.Command {
	return a.do("remove ID", "Remove a session with all that came in; adopted keys stay",
		func(ctx context.Context, l *server.Local, by core.Actor, args []string) (string, error) {
			id, err := sessionID(args[0])
			if err != nil {
				return "", err
			}
			return "removed session " + id.String(), l.Core.DeleteSession(ctx, by, core.CollectSession, id)
		})
}
