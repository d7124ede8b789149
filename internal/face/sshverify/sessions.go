package sshverify

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// product is one of SSHVerify's two, collect and verify. Their operations on
// sessions differ in the types of the bodies alone.
type product[New into[core.NewSession], Update into[core.SessionChange], Session, Page any] struct {
	*sshverify
	kind    core.SessionKind
	session func(core.Session) Session
	page    func([]core.Session, PageInfo) Page
}

// into is a request body that becomes a request to core.
type into[T any] interface{ toCore() (T, error) }

// sessionsPath is where the sessions of a kind are.
func sessionsPath(kind core.SessionKind) string { return "/api/v1/ssh/" + string(kind) + "/sessions/" }

// register adds the operations on sessions.
func (p product[New, Update, Session, Page]) register(a *openapi.API) {
	path, noun := sessionsPath(p.kind), string(p.kind)
	openapi.Handle(a, huma.Operation{
		OperationID: "list-" + noun + "-sessions", Method: http.MethodGet, Path: path,
		Summary: "List the " + noun + " sessions of the project, newest first",
	}, p.list)
	openapi.Handle(a, huma.Operation{
		OperationID: "create-" + noun + "-session", Method: http.MethodPost, Path: path, DefaultStatus: http.StatusCreated,
		Summary: "Open a " + noun + " session",
	}, p.create)
	path += "{session}/"
	openapi.Handle(a, huma.Operation{
		OperationID: "get-" + noun + "-session", Method: http.MethodGet, Path: path,
		Summary: "Show a " + noun + " session with its connections and keys",
	}, p.get)
	change := huma.Operation{
		OperationID: "update-" + noun + "-session", Method: http.MethodPatch, Path: path,
		Summary:     "Change a " + noun + " session",
		Description: "Absent members are left as they are, null clears.",
	}
	openapi.Handle(a, change, p.change)
	change.OperationID, change.Method = "put-"+noun+"-session", http.MethodPut // the original is uneven here
	openapi.Handle(a, change, p.change)
	openapi.Handle(a, huma.Operation{
		OperationID: "delete-" + noun + "-session", Method: http.MethodDelete, Path: path,
		Summary: "Remove a " + noun + " session with its connections, keys and webhooks",
	}, p.delete)
	openapi.Handle(a, huma.Operation{
		OperationID: "complete-" + noun + "-session", Method: http.MethodPost, Path: path + "complete/",
		Summary: "End a multi-connection session",
	}, p.complete)
}

// maxPage is the most items that a page has; asking for more gives as many.
const maxPage = 100

// PageQuery is the page in the query.
type PageQuery struct {
	Offset int64 `query:"offset" minimum:"0" default:"0" doc:"How many items to skip."`
	Limit  int64 `query:"limit" minimum:"1" default:"100" doc:"How many items to give. More than 100 give 100."`
}

// info says where a page of n items stands among total.
func (q PageQuery) info(n, total int) PageInfo {
	return PageInfo{
		Total: int64(total), Offset: q.Offset, Limit: min(q.Limit, maxPage),
		HasMore: q.Offset < int64(total-n), // a sum could overflow
	}
}

func (q PageQuery) toCore() core.Page {
	return core.Page{Offset: int(q.Offset), Limit: int(min(q.Limit, maxPage))}
}

func (p product[New, Update, Session, Page]) list(ctx context.Context, by core.Actor, in *PageQuery) (*reply[Page], error) {
	list, total, err := p.Core.Sessions(ctx, by, p.kind, in.toCore())
	if err != nil {
		return nil, err
	}
	return &reply[Page]{p.page(list, in.info(len(list), total))}, nil
}

type withBody[T any] struct{ Body T }

func (p product[New, Update, Session, Page]) create(ctx context.Context, by core.Actor, in *withBody[New]) (*reply[Session], error) {
	wanted, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	wanted.Kind = p.kind
	return p.reply(p.Core.CreateSession(ctx, by, wanted))
}

// SessionPath is the id in the path.
type SessionPath struct {
	Session string `path:"session" doc:"The id of the session."`
}

func (p SessionPath) session() uuid.UUID { return ownID(p.Session) }

// ownID reads an id. Whatever is no id of ours names what is not there: to
// clients ids are opaque.
func ownID(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil
	}
	return id
}

func (p product[New, Update, Session, Page]) get(ctx context.Context, by core.Actor, in *SessionPath) (*reply[Session], error) {
	return p.reply(p.Core.Session(ctx, by, p.kind, in.session()))
}

type atSession[T any] struct {
	SessionPath
	Body T
}

func (p product[New, Update, Session, Page]) change(ctx context.Context, by core.Actor, in *atSession[Update]) (*reply[Session], error) {
	change, err := in.Body.toCore()
	if err != nil {
		return nil, err
	}
	return p.reply(p.Core.ChangeSession(ctx, by, p.kind, in.session(), change))
}

func (p product[New, Update, Session, Page]) delete(ctx context.Context, by core.Actor, in *SessionPath) (*struct{}, error) {
	return nil, p.Core.DeleteSession(ctx, by, p.kind, in.session())
}

func (p product[New, Update, Session, Page]) complete(ctx context.Context, by core.Actor, in *SessionPath) (*reply[Session], error) {
	return p.reply(p.Core.CompleteSession(ctx, by, p.kind, in.session()))
}

func (p product[New, Update, Session, Page]) reply(s core.Session, err error) (*reply[Session], error) {
	if err != nil {
		return nil, err
	}
	return &reply[Session]{p.session(s)}, nil
}
