package sshverify

import (
	"context"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

// maxPage is the most sessions that a page has; asking for more gives as many.
const maxPage = 100

type pageQuery struct {
	Offset int64 `query:"offset" minimum:"0" default:"0" doc:"How many sessions to skip."`
	Limit  int64 `query:"limit" minimum:"1" default:"100" doc:"How many sessions to give. More than 100 give 100."`
}

func (f *sshverify) listSessions(ctx context.Context, by core.Actor, in *pageQuery) (*reply[CollectSessionPage], error) {
	limit := min(in.Limit, maxPage)
	list, total, err := f.Core.Sessions(ctx, by, core.CollectSession, core.Page{Offset: int(in.Offset), Limit: int(limit)})
	if err != nil {
		return nil, err
	}
	return &reply[CollectSessionPage]{CollectSessionPage{
		Items: convert(list, f.summary), Total: int64(total), Offset: in.Offset, Limit: limit,
		HasMore: in.Offset < int64(total-len(list)), // a sum could overflow
	}}, nil
}

type newSession struct{ Body CollectSessionCreate }

func (f *sshverify) createSession(ctx context.Context, by core.Actor, in *newSession) (*reply[CollectSession], error) {
	wanted, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	made, err := f.Core.CreateSession(ctx, by, wanted)
	return f.replyWith(made, err)
}

// SessionPath is the id in the path. Whatever is no id of ours names a session
// that is not there: to clients ids are opaque.
type SessionPath struct {
	Session string `path:"session" doc:"The id of the session."`
}

func (p SessionPath) id() uuid.UUID {
	id, err := uuid.Parse(p.Session)
	if err != nil || id.String() != p.Session {
		return uuid.Nil // no session has it
	}
	return id
}

func (f *sshverify) getSession(ctx context.Context, by core.Actor, in *SessionPath) (*reply[CollectSession], error) {
	found, err := f.Core.Session(ctx, by, core.CollectSession, in.id())
	return f.replyWith(found, err)
}

type sessionChange struct {
	SessionPath
	Body CollectSessionUpdate
}

func (f *sshverify) changeSession(ctx context.Context, by core.Actor, in *sessionChange) (*reply[CollectSession], error) {
	change, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	changed, err := f.Core.ChangeSession(ctx, by, core.CollectSession, in.id(), change)
	return f.replyWith(changed, err)
}

func (f *sshverify) deleteSession(ctx context.Context, by core.Actor, in *SessionPath) (*struct{}, error) {
	return nil, f.Core.DeleteSession(ctx, by, core.CollectSession, in.id())
}

func (f *sshverify) completeSession(ctx context.Context, by core.Actor, in *SessionPath) (*reply[CollectSession], error) {
	done, err := f.Core.CompleteSession(ctx, by, core.CollectSession, in.id())
	return f.replyWith(done, err)
}

func (f *sshverify) replyWith(s core.Session, err error) (*reply[CollectSession], error) {
	if err != nil {
		return nil, err
	}
	return &reply[CollectSession]{f.session(s)}, nil
}
